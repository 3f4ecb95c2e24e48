#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;

use tokio::io::DuplexStream;

use super::*;
use crate::modem::{ArrivedPdu, LadderRecord, Memory, Phase, PortChoice, start_on};

const PDU: &str = "00040B915155210013F00000321011419034800568656C6C6F";

/// A modem that answers as an EC25 does, and does what a test tells it beyond that.
struct Peer {
    port: DuplexStream,
    /// Index and PDU.
    store: BTreeMap<u16, String>,
    /// Answers that differ from the usual ones; an empty one is silence.
    answers: HashMap<String, String>,
    /// Everything asked since last looked at.
    asked: Vec<String>,
    /// What is still to be answered of the line.
    line: VecDeque<String>,
    reference: u8,
    /// Refuses every line that is of some vendor's own.
    standard_only: bool,
}

impl Peer {
    fn new(port: DuplexStream) -> Self {
        Self {
            port,
            store: BTreeMap::new(),
            answers: HashMap::new(),
            asked: Vec::new(),
            line: VecDeque::new(),
            reference: 0,
            standard_only: false,
        }
    }

    fn answers(&mut self, command: &str, answer: &str) {
        self.answers.insert(command.into(), answer.into());
    }

    fn forget(&mut self, command: &str) {
        self.answers.remove(command);
    }

    fn fill(&mut self, indexes: impl IntoIterator<Item = u16>) {
        for index in indexes {
            self.store.insert(index, PDU.to_owned());
        }
    }

    async fn say(&mut self, text: &str) {
        self.port.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next command line, or PDU up to its Ctrl-Z; `None` when the line was closed.
    async fn next(&mut self) -> Option<String> {
        if let Some(command) = self.next_on_line() {
            return Some(command);
        }
        let mut line = Vec::new();
        loop {
            match self.port.read_u8().await.ok()? {
                b'\r' if line == b"\x1b" => line.clear(),
                b'\r' => break,
                0x1A => {
                    line.extend(b"<Z>");
                    break;
                }
                octet => line.push(octet),
            }
        }
        let line = String::from_utf8(line).unwrap().replace('\x1b', "<ESC>");
        self.line
            .extend(line.split(';').map(|part| match line.starts_with("AT") {
                true => format!("AT{}", part.trim_start_matches("AT")),
                false => part.to_owned(),
            }));
        self.next_on_line()
    }

    /// The next command of the line that is being answered.
    fn next_on_line(&mut self) -> Option<String> {
        let command = self.line.pop_front()?;
        self.asked.push(command.clone());
        Some(command)
    }

    async fn answer(&mut self, command: &str) {
        let said = match self.answers.get(command) {
            Some(said) => said.clone(),
            None => self.usual(command),
        };
        let said = match said.strip_suffix("\r\nOK\r\n") {
            // More stands on the same line.
            Some(information) if !self.line.is_empty() => information,
            _ => {
                self.line.clear();
                said.as_str()
            }
        };
        // The line may close while it is spoken to.
        let _ = self.port.write_all(said.as_bytes()).await;
    }

    fn usual(&mut self, command: &str) -> String {
        let ok = |lines: &str| format!("\r\n{lines}\r\n\r\nOK\r\n");
        if let Some(index) = command.strip_prefix("AT+CMGD=") {
            let gone = self.store.remove(&index.parse().unwrap());
            return if gone.is_some() {
                "\r\nOK\r\n"
            } else {
                "\r\n+CMS ERROR: 321\r\n"
            }
            .into();
        }
        if let Some(index) = command.strip_prefix("AT+CMGR=") {
            let pdu = self.store.get(&index.parse().unwrap());
            return pdu.map_or("\r\nOK\r\n".into(), |pdu| {
                ok(&format!("+CMGR: 0,,{}\r\n{pdu}", pdu.len() / 2 - 1))
            });
        }
        if command.starts_with("AT+CMGS=") {
            return "\r\n> ".into();
        }
        if command.ends_with("<Z>") {
            self.reference = self.reference.wrapping_add(1);
            return ok(&format!("+CMGS: {}", self.reference));
        }
        let vendor = [
            "AT^",
            "AT#",
            "AT+Q",
            "AT+CATR",
            "AT+CICCID",
            "AT+ICCID",
            "AT+CRE",
        ];
        if self.standard_only
            && (vendor
                .iter()
                .any(|name| command.starts_with(name) && !command.starts_with("AT+CREG"))
                || matches!(
                    command,
                    "AT+CFUN=15" | "AT+CFUN=16" | "AT+CPOF" | "AT+CPOWD=1"
                ))
        {
            return "\r\nERROR\r\n".into();
        }
        let used = self.store.len();
        match command {
            "ATE0" => "ATE0\r\r\nOK\r\n".into(),
            "AT+CGMI" => ok("Quectel"),
            "AT+CGMM" => ok("EC25"),
            "AT+CGMR" => ok("EC25EFAR06A10M4G"),
            "AT+CGSN" => ok("490154203237518"),
            "AT+CIMI" => ok("310150123456789"),
            "AT+QCCID" => ok("+QCCID: 89860025128306012474"),
            "AT+CPIN?" => ok("+CPIN: READY"),
            "AT+CPMS=?" => ok(r#"+CPMS: ("ME","SM"),("ME","SM"),("ME","SM")"#),
            "AT+CPMS?" => ok(&format!(
                r#"+CPMS: "SM",{used},50,"SM",{used},50,"SM",{used},50"#
            )),
            "AT+CREG?" => ok("+CREG: 0,1"),
            "AT+CFUN?" => ok("+CFUN: 1"),
            "AT+CMGF?" => ok("+CMGF: 0"),
            "AT+CNMI?" => ok("+CNMI: 2,1,2,1,0"),
            "AT+CGSMS?" => ok("+CGSMS: 3"),
            "AT+IPR?" => ok("+IPR: 115200"),
            "AT+CSQ" => ok("+CSQ: 20,99"),
            "AT+COPS?" => ok(r#"+COPS: 0,0,"Elm Mobile",7"#),
            "AT+CSCA?" => ok(r#"+CSCA: "+15550000",145"#),
            "AT+CMGL=4" => {
                let mut listed = String::new();
                for (index, pdu) in &self.store {
                    let length = (pdu.len() / 2).saturating_sub(1);
                    listed += &format!("\r\n+CMGL: {index},1,,{length}\r\n{pdu}");
                }
                format!("{listed}\r\n\r\nOK\r\n")
            }
            _ if command.starts_with("AT+CPMS=") => {
                ok(&format!("+CPMS: {used},50,{used},50,{used},50"))
            }
            _ => "\r\nOK\r\n".into(),
        }
    }

    /// Answers whatever is asked, up to and including `last`.
    async fn until(&mut self, last: &str) {
        self.until_asked(last).await;
        self.answer(last).await;
    }

    /// Answers whatever is asked before `last`; that one is left open.
    async fn until_asked(&mut self, last: &str) {
        let waited = async {
            loop {
                let command = self.next().await.expect("the line is open");
                if command == last {
                    return;
                }
                self.answer(&command).await;
            }
        };
        let patience = Duration::from_secs(600);
        let met = tokio::time::timeout(patience, waited).await;
        assert!(met.is_ok(), "never asked {last}, but {:?}", self.asked);
    }

    /// Answers whatever is asked for so long.
    async fn serve(&mut self, duration: Duration) {
        let serving = async {
            while let Some(command) = self.next().await {
                self.answer(&command).await;
            }
        };
        let _ = tokio::time::timeout(duration, serving).await;
    }

    /// What was asked since last looked at, without the polls of what changes.
    fn take_asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }
}

/// Opens pipes, as many as the test lays.
struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

impl Opener for Pipes {
    type Port = DuplexStream;

    async fn open(&mut self) -> Result<Opened<DuplexStream>, OpenError> {
        let path = PathBuf::from("/dev/ttyUSB2");
        match self.0.try_recv() {
            Ok(port) => Ok(Opened {
                port,
                path: Some(path),
            }),
            Err(_) => Err(OpenError::Missing { path }),
        }
    }
}

/// What lines had put on record, in memory.
#[derive(Default)]
struct Ledger {
    tried: Mutex<HashSet<String>>,
    ladder: Mutex<Option<LadderRecord>>,
    full: bool,
}

impl Ledger {
    /// Answers the line that has the sender.
    fn keeps(self: &Arc<Self>) -> mpsc::Sender<Record> {
        let (records, mut recorded) = mpsc::channel(1);
        let ledger = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(record) = recorded.recv().await {
                ledger.keep(record);
            }
        });
        records
    }

    fn keep(&self, record: Record) {
        match record {
            Record::Ladder { record, .. } => *self.ladder.lock().unwrap() = Some(record),
            Record::Place(_) => {}
            Record::PinAttempt { attempt, answer } => {
                let _ = answer.send(match attempt.typed.or(attempt.configured) {
                    None => PinAnswer::NoneKnown,
                    Some(_) if self.full => PinAnswer::NotRecorded("no room".into()),
                    Some(pin) => match self.tried.lock().unwrap().insert(attempt.card) {
                        true => PinAnswer::Permitted(pin),
                        false => PinAnswer::TriedBefore,
                    },
                });
            }
            Record::PinAccepted(accepted) => {
                self.tried.lock().unwrap().remove(&accepted.card);
            }
        }
    }

    fn memory(&self) -> Memory {
        let ladder = self.ladder.lock().unwrap().clone();
        Memory {
            ladder: ladder.map(|record| (record, Duration::ZERO)),
            place: None,
        }
    }
}

struct Bench {
    line: Line,
    arrivals: mpsc::Receiver<Arrivals>,
    pipes: mpsc::UnboundedSender<DuplexStream>,
    ledger: Arc<Ledger>,
}

impl Bench {
    fn new() -> (Self, Peer) {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut LineSettings)) -> (Self, Peer) {
        Self::with_ledger(change, Ledger::default())
    }

    fn with_ledger(change: impl FnOnce(&mut LineSettings), ledger: Ledger) -> (Self, Peer) {
        let ledger = Arc::new(ledger);
        let keepers = Keepers {
            records: Some(ledger.keeps()),
            ..Keepers::default()
        };
        Self::kept_by(change, keepers, ledger)
    }

    fn kept_by(
        change: impl FnOnce(&mut LineSettings),
        keepers: Keepers,
        ledger: Arc<Ledger>,
    ) -> (Self, Peer) {
        let mut settings = LineSettings::new("front-desk", PortChoice::Auto);
        change(&mut settings);
        let (pipes, opened) = mpsc::unbounded_channel();
        let (sender, arrivals) = mpsc::channel(16);
        let line = start_on(Pipes(opened), settings, sender, keepers);
        let bench = Self {
            line,
            arrivals,
            pipes,
            ledger,
        };
        let peer = Peer::new(bench.plug());
        (bench, peer)
    }

    /// Lays a new pipe; gives the modem's end.
    fn plug(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.pipes.send(ours).unwrap();
        theirs
    }

    async fn next_arrivals(&mut self) -> Arrivals {
        let next = tokio::time::timeout(Duration::from_secs(60), self.arrivals.recv()).await;
        next.expect("texts arrive in time").expect("the line runs")
    }

    async fn phase(&self, wanted: impl Fn(&Phase) -> bool) -> Phase {
        let mut status = self.line.status();
        let met = tokio::time::timeout(
            Duration::from_secs(300),
            status.wait_for(|status| wanted(&status.phase)),
        );
        met.await
            .expect("the phase comes in time")
            .unwrap()
            .phase
            .clone()
    }
}

fn indexes(pdus: &[ArrivedPdu]) -> Vec<Option<u16>> {
    pdus.iter()
        .map(|pdu| pdu.slot.as_ref().map(|slot| slot.index))
        .collect()
}

fn submit(line: &Line, more_to_come: bool) -> tokio::task::JoinHandle<SubmitOutcome> {
    let line = line.clone();
    tokio::spawn(async move { line.submit(vec![0x11, 0xAB], more_to_come).await })
}

#[tokio::test(start_paused = true)]
async fn a_line_starts_as_the_law_says() {
    let (bench, mut peer) = Bench::new();
    let first = peer.port.read_u8().await.unwrap();
    assert_eq!(first, 0x1B, "ESC, never Ctrl-Z");
    peer.until("AT+CMGL=4").await;
    let asked = peer.take_asked();
    assert_eq!(
        asked,
        [
            "", // the CR behind ESC
            "AT",
            "ATE0",
            "ATV1",
            "AT+CMEE=1",
            "AT+IFC=0,0",
            "AT&D0",
            "AT+CGMI",
            "AT+CGMM",
            "AT+QURCCFG=\"urcport\",\"all\"",
            "AT+QSCLK=0",
            "AT+CFUN?",
            "AT+CPIN?",
            "AT+CSCS=\"IRA\"",
            "AT+CMGF=0",
            "AT+CMGF?",
            "AT+CSMS=0",
            "AT+CGSMS?",
            "AT+CPMS=?",
            "AT+CPMS?",
            "AT+CPMS=\"SM\",\"SM\",\"SM\"",
            "AT+CNMI=2,1,2,1,0",
            "AT+CREG?",
            "AT+CPMS=\"SM\",\"SM\",\"SM\"",
            "AT+CMGL=4",
        ]
    );
    assert_eq!(
        bench.phase(|phase| *phase == Phase::Ready).await,
        Phase::Ready
    );
    // The other memory once, then who the line is.
    peer.serve(Duration::from_secs(5)).await;
    let asked = peer.take_asked();
    assert_eq!(asked[0], "AT+CPMS=\"ME\",\"ME\",\"SM\"");
    assert_eq!(asked[1], "AT+CMGL=4");
    let status = bench.line.status().borrow().clone();
    assert_eq!(status.model.as_deref(), Some("EC25"));
    assert_eq!(status.imei.as_deref(), Some("490154203237518"));
    assert_eq!(status.iccid.as_deref(), Some("89860025128306012474"));
    assert_eq!(status.operator.as_deref(), Some("Elm Mobile"));
    assert_eq!(status.smsc.as_deref(), Some("+15550000"));
    assert_eq!(status.signal_dbm, Some(-73));
    assert_eq!(
        (status.storage_used, status.storage_total),
        (Some(0), Some(50))
    );
    assert_eq!(status.registration, crate::modem::Registration::Home);
    assert_eq!(status.port, Some(PathBuf::from("/dev/ttyUSB2")));
}

#[tokio::test(start_paused = true)]
async fn an_idle_line_is_quiet() {
    let (_bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(20)).await;
    peer.take_asked();
    peer.serve(Duration::from_secs(300)).await;
    let asked = peer.take_asked().len();
    assert!((20..=100).contains(&asked), "{asked} commands in 300 s");
}

#[tokio::test(start_paused = true)]
async fn texts_are_deleted_only_once_they_are_kept() {
    let (mut bench, mut peer) = Bench::new();
    peer.fill([0, 3, 7]);
    peer.until("AT+CMGL=4").await;
    let arrivals = bench.next_arrivals().await;
    assert_eq!(indexes(&arrivals.pdus), [Some(0), Some(3), Some(7)]);
    assert!(
        arrivals
            .pdus
            .iter()
            .all(|pdu| pdu.readable && pdu.octets.len() == PDU.len() / 2)
    );
    peer.take_asked();
    peer.serve(Duration::from_secs(40)).await;
    assert!(
        !peer
            .take_asked()
            .iter()
            .any(|command| command.starts_with("AT+CMGD")),
        "nothing is deleted before it is kept"
    );
    arrivals.kept.send(true).unwrap();
    peer.until("AT+CMGD=7").await;
    let deleted: Vec<String> = peer
        .take_asked()
        .into_iter()
        .filter(|command| command.starts_with("AT+CMGD"))
        .collect();
    assert_eq!(deleted, ["AT+CMGD=0", "AT+CMGD=3", "AT+CMGD=7"]);
    assert!(peer.store.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_kept_stays_and_is_offered_again() {
    let (mut bench, mut peer) = Bench::new();
    peer.fill([1]);
    peer.until("AT+CMGL=4").await;
    bench.next_arrivals().await.kept.send(false).unwrap();
    peer.serve(Duration::from_secs(25)).await;
    assert!(
        !peer
            .take_asked()
            .iter()
            .any(|command| command.starts_with("AT+CMGD"))
    );
    assert_eq!(peer.store.len(), 1);
    peer.until("AT+CMGL=4").await;
    let again = bench.next_arrivals().await;
    assert_eq!(indexes(&again.pdus), [Some(1)]);
    // Silence is no better than false.
    drop(again.kept);
    peer.serve(Duration::from_secs(25)).await;
    assert_eq!(peer.store.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hint_leads_to_a_listing_at_once() {
    let (mut bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.take_asked();
    peer.fill([4]);
    let begun = tokio::time::Instant::now();
    peer.say("\r\n+CMTI: \"SM\",4\r\n").await;
    peer.until("AT+CMGL=4").await;
    let arrivals = bench.next_arrivals().await;
    assert!(begun.elapsed() < Duration::from_millis(5));
    arrivals.kept.send(true).unwrap();
    peer.until("AT+CMGD=4").await;
}

#[tokio::test(start_paused = true)]
async fn hints_coalesce_while_a_listing_runs() {
    let (mut bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.say("\r\n+CMTI: \"SM\",1\r\n").await;
    peer.until_asked("AT+CMGL=4").await;
    peer.take_asked();
    // Three more arrive inside the response.
    let length = PDU.len() / 2 - 1;
    peer.say(&format!(
        "\r\n+CMGL: 1,0,,{length}\r\n+CMTI: \"SM\",2\r\n{PDU}\r\n"
    ))
    .await;
    peer.say("+CMTI: \"SM\",3\r\n+CMTI: \"SM\",4\r\n\r\nOK\r\n")
        .await;
    peer.fill([2, 3, 4]);
    let first = bench.next_arrivals().await;
    assert_eq!(indexes(&first.pdus), [Some(1)]);
    first.kept.send(false).unwrap_or_default();
    peer.serve(Duration::from_millis(500)).await;
    assert!(
        bench.arrivals.try_recv().is_err(),
        "after a refusal it is not listed again at once"
    );
    peer.until("AT+CMGL=4").await;
    let second = bench.next_arrivals().await;
    assert_eq!(indexes(&second.pdus), [Some(2), Some(3), Some(4)]);
    let listings = peer
        .take_asked()
        .iter()
        .filter(|c| *c == "AT+CMGL=4")
        .count();
    assert_eq!(listings, 1, "one listing for three hints");
}

#[tokio::test(start_paused = true)]
async fn an_empty_listing_after_a_hint_is_repeated() {
    let (_bench, mut peer) =
        Bench::with(|settings| settings.sweep_every = Duration::from_secs(600));
    peer.serve(Duration::from_secs(5)).await;
    peer.say("\r\n+CMTI: \"SM\",1\r\n").await;
    peer.take_asked();
    let begun = tokio::time::Instant::now();
    let mut at = Vec::new();
    for _ in 0..7 {
        peer.until("AT+CMGL=4").await;
        at.push(begun.elapsed().as_millis() / 100);
    }
    // The memory that was named, and then both: some announce another than they store into.
    assert_eq!(at, [0, 5, 5, 25, 25, 75, 75]);
    peer.take_asked();
    peer.serve(Duration::from_secs(60)).await;
    assert!(!peer.take_asked().contains(&"AT+CMGL=4".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn one_damaged_entry_costs_nobody_else() {
    let (mut bench, mut peer) = Bench::new();
    let length = PDU.len() / 2 - 1;
    peer.until_asked("AT+CMGL=4").await;
    peer.store.insert(2, PDU.to_owned());
    peer.answers("AT+CMGR=3", "\r\n+CMGR: 1,,24\r\n00@4zz\r\n\r\nOK\r\n");
    peer.say(&format!(
        "\r\n+CMGL: 1,1,,{length}\r\n{PDU}\r\n+CMGL: 2,1,,{length}\r\n{}\r\n\
         +CMGL: 3,1,,{length}\r\n00@4zz\r\n+CMGL: 4,1,,{length}\r\n{PDU}\r\n\r\nOK\r\n",
        PDU.get(..10).unwrap()
    ))
    .await;
    let whole = bench.next_arrivals().await;
    assert_eq!(indexes(&whole.pdus), [Some(1), Some(4)]);
    // The damaged ones are read again: one was noise on the line, one is damaged in the store, and
    // comes so each time.
    peer.until("AT+CMGR=2").await;
    let again = bench.next_arrivals().await;
    assert_eq!(again.pdus[0].octets, hex(PDU));
    for _ in 0..3 {
        peer.until("AT+CMGR=3").await;
    }
    let raw = bench.next_arrivals().await;
    assert_eq!(
        (raw.pdus[0].readable, raw.pdus[0].octets.as_slice()),
        (false, &b"+CMGL: 3,1,,24\n00@4zz"[..])
    );
    raw.kept.send(true).unwrap();
    peer.until("AT+CMGD=3").await;
}

fn hex(digits: &str) -> Vec<u8> {
    crate::at::hex::decode(digits).unwrap()
}

#[tokio::test(start_paused = true)]
async fn direct_reports_are_kept_too() {
    let (mut bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.say("\r\n+CDS: 6\r\n0006010203040506\r\n").await;
    let arrivals = bench.next_arrivals().await;
    assert_eq!(
        arrivals.pdus,
        [ArrivedPdu::direct(
            Some(hex("0006010203040506")),
            "0006010203040506"
        )]
    );
}

#[tokio::test(start_paused = true)]
async fn a_segment_is_accepted_under_its_reference() {
    let (bench, mut peer) = Bench::new();
    let outcome = submit(&bench.line, false);
    peer.serve(Duration::from_secs(1)).await;
    assert_eq!(
        outcome.await.unwrap(),
        SubmitOutcome::Accepted {
            message_reference: 1
        }
    );
    let asked = peer.take_asked();
    let sent = asked
        .iter()
        .position(|command| command == "AT+CMGS=2")
        .unwrap();
    assert_eq!(asked[sent + 1], "0011AB<Z>");
    assert!(!asked.contains(&"AT+CMMS=1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn segments_of_one_text_keep_the_link_open() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.take_asked();
    let line = bench.line.clone();
    let sending = tokio::spawn(async move {
        for more in [true, true, false] {
            line.submit(vec![0x11], more).await;
        }
    });
    peer.serve(Duration::from_secs(1)).await;
    sending.await.unwrap();
    let asked: Vec<String> = peer
        .take_asked()
        .into_iter()
        .filter(|command| command.contains("CM"))
        .collect();
    assert_eq!(
        asked,
        [
            "AT+CMMS=1",
            "AT+CMGF=0",
            "AT+CMGS=1",
            "AT+CMGF=0",
            "AT+CMGS=1",
            "AT+CMGF=0",
            "AT+CMGS=1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_carry_their_code() {
    for (said, code, transient) in [
        ("\r\n+CMS ERROR: 331\r\n", Some(331), true),
        ("\r\n+CMS ERROR: 1\r\n", Some(1), false),
        ("\r\n+CMS ERROR: 304\r\n", Some(304), false),
        ("\r\n+CMS ERROR: Unknown error\r\n", Some(500), true),
        ("\r\nERROR\r\n", None, true),
    ] {
        let (bench, mut peer) = Bench::new();
        peer.answers("0011AB<Z>", said);
        let outcome = submit(&bench.line, false);
        peer.serve(Duration::from_secs(1)).await;
        let SubmitOutcome::Refused(refusal) = outcome.await.unwrap() else {
            panic!("{said} is a refusal");
        };
        assert_eq!(
            (refusal.code, refusal.is_transient()),
            (code, transient),
            "{said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_prompt_nothing_is_sent() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CMGS=2", "");
    let outcome = submit(&bench.line, false);
    let begun = tokio::time::Instant::now();
    peer.serve(Duration::from_secs(15)).await;
    let SubmitOutcome::Refused(refusal) = outcome.await.unwrap() else {
        panic!("refused");
    };
    assert!(refusal.is_transient());
    assert!(begun.elapsed() >= Duration::from_secs(10));
    assert!(!peer.asked.iter().any(|command| command.contains("<Z>")));
    // And the line recovers.
    peer.forget("AT+CMGS=2");
    peer.take_asked();
    let outcome = submit(&bench.line, false);
    peer.serve(Duration::from_secs(5)).await;
    assert!(matches!(
        outcome.await.unwrap(),
        SubmitOutcome::Accepted { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_unknown() {
    let (bench, mut peer) = Bench::new();
    peer.answers("0011AB<Z>", "");
    let outcome = submit(&bench.line, false);
    peer.until("0011AB<Z>").await;
    let sent = tokio::time::Instant::now();
    peer.serve(Duration::from_secs(300)).await;
    assert!(matches!(
        outcome.await.unwrap(),
        SubmitOutcome::Unknown { .. }
    ));
    assert!(sent.elapsed() >= Duration::from_secs(180));
}

#[tokio::test(start_paused = true)]
async fn a_port_that_goes_decides_by_the_ctrl_z() {
    // After it: the network may have the text.
    let (bench, mut peer) = Bench::new();
    let outcome = submit(&bench.line, false);
    peer.until_asked("0011AB<Z>").await;
    drop(peer);
    assert!(matches!(
        outcome.await.unwrap(),
        SubmitOutcome::Unknown { .. }
    ));
    // Before it: it certainly has not.
    let (bench, mut peer) = Bench::new();
    let outcome = submit(&bench.line, false);
    peer.until_asked("AT+CMGS=2").await;
    drop(peer);
    let SubmitOutcome::Refused(refusal) = outcome.await.unwrap() else {
        panic!("refused");
    };
    assert!(refusal.is_transient());
}

#[tokio::test(start_paused = true)]
async fn a_restart_decides_by_the_ctrl_z_and_sets_up_again() {
    let (bench, mut peer) = Bench::new();
    let outcome = submit(&bench.line, false);
    peer.until_asked("0011AB<Z>").await;
    peer.take_asked();
    peer.say("\r\nRDY\r\n").await;
    assert!(matches!(
        outcome.await.unwrap(),
        SubmitOutcome::Unknown { .. }
    ));
    peer.until("AT+CNMI=2,1,2,1,0").await;
    assert_eq!(peer.take_asked()[0], "AT");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_comes_back_is_opened_within_two_seconds() {
    let (mut bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(3)).await;
    drop(peer);
    bench.phase(|phase| matches!(phase, Phase::NoPort(_))).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    let mut peer = Peer::new(bench.plug());
    peer.fill([5]);
    let plugged = tokio::time::Instant::now();
    peer.until("AT+CMGL=4").await;
    assert!(
        plugged.elapsed() <= Duration::from_millis(1500),
        "{:?}",
        plugged.elapsed()
    );
    assert_eq!(indexes(&bench.next_arrivals().await.pdus), [Some(5)]);
    // Gone and back at once: quicker still.
    drop(peer);
    let mut peer = Peer::new(bench.plug());
    let plugged = tokio::time::Instant::now();
    peer.until("AT+CMGL=4").await;
    assert!(
        plugged.elapsed() <= Duration::from_millis(300),
        "{:?}",
        plugged.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_kept_verdict_from_before_a_replug_deletes_nothing() {
    let (mut bench, mut peer) = Bench::new();
    peer.fill([5]);
    peer.until("AT+CMGL=4").await;
    let arrivals = bench.next_arrivals().await;
    drop(peer);
    // Another SIM may be in the new modem, with another text at that index.
    let mut peer = Peer::new(bench.plug());
    peer.until_asked("AT").await;
    arrivals.kept.send(true).unwrap();
    peer.answer("AT").await;
    peer.serve(Duration::from_secs(20)).await;
    assert!(
        !peer
            .take_asked()
            .iter()
            .any(|command| command.starts_with("AT+CMGD"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_starting_sim_is_waited_for() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CPIN?", "\r\n+CME ERROR: 14\r\n");
    peer.serve(Duration::from_secs(40)).await;
    let asked = peer
        .take_asked()
        .iter()
        .filter(|command| *command == "AT+CPIN?")
        .count();
    assert!((38..=42).contains(&asked), "{asked}");
    peer.forget("AT+CPIN?");
    peer.serve(Duration::from_secs(2)).await;
    assert_eq!(
        bench.phase(|phase| *phase == Phase::Ready).await,
        Phase::Ready
    );
}

#[tokio::test(start_paused = true)]
async fn a_sim_that_never_starts_is_said_to_be_missing() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CPIN?", "\r\n+CME ERROR: 10\r\n");
    peer.serve(Duration::from_secs(65)).await;
    let Phase::Stuck(words) = bench.phase(|phase| matches!(phase, Phase::Stuck(_))).await else {
        unreachable!()
    };
    assert!(words.contains("SIM"), "{words}");
    peer.forget("AT+CPIN?");
    peer.serve(Duration::from_secs(35)).await;
    assert_eq!(
        bench.phase(|phase| *phase == Phase::Ready).await,
        Phase::Ready
    );
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_is_not_configured_is_asked_for() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(100)).await;
    let Phase::Stuck(words) = bench.phase(|phase| matches!(phase, Phase::Stuck(_))).await else {
        unreachable!()
    };
    assert!(words.contains("set `pin`"), "{words}");
    assert!(
        !peer
            .take_asked()
            .iter()
            .any(|command| command.starts_with("AT+CPIN="))
    );
}

#[tokio::test(start_paused = true)]
async fn a_right_pin_unlocks() {
    let (bench, mut peer) = Bench::with(|settings| settings.pin = Some("1234".into()));
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.until_asked("AT+CPIN=\"1234\"").await;
    assert!(
        bench
            .ledger
            .tried
            .lock()
            .unwrap()
            .contains("89860025128306012474"),
        "recorded before it is tried"
    );
    peer.forget("AT+CPIN?");
    peer.answer("AT+CPIN=\"1234\"").await;
    peer.serve(Duration::from_secs(5)).await;
    assert_eq!(
        bench.phase(|phase| *phase == Phase::Ready).await,
        Phase::Ready
    );
    assert!(
        bench.ledger.tried.lock().unwrap().is_empty(),
        "it may be used at the next start"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_pin_is_tried_once_and_never_again() {
    let (bench, mut peer) = Bench::with(|settings| settings.pin = Some("1234".into()));
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.answers("AT+CPIN=\"1234\"", "\r\n+CME ERROR: 16\r\n");
    peer.serve(Duration::from_secs(200)).await;
    // A restart of the modem and a new port change nothing.
    peer.say("\r\nRDY\r\n").await;
    peer.serve(Duration::from_secs(100)).await;
    let tries = |asked: Vec<String>| asked.iter().filter(|c| c.starts_with("AT+CPIN=")).count();
    assert_eq!(tries(peer.take_asked()), 1);
    drop(peer);
    let mut peer = Peer::new(bench.plug());
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(100)).await;
    assert_eq!(tries(peer.take_asked()), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_cannot_be_recorded_is_not_made() {
    let ledger = Ledger {
        full: true,
        ..Ledger::default()
    };
    let (bench, mut peer) =
        Bench::with_ledger(|settings| settings.pin = Some("1234".into()), ledger);
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(100)).await;
    assert!(
        !peer
            .take_asked()
            .iter()
            .any(|command| command.starts_with("AT+CPIN="))
    );
    let Phase::Stuck(words) = bench.phase(|phase| matches!(phase, Phase::Stuck(_))).await else {
        unreachable!()
    };
    assert!(words.contains("recorded"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_pin_waits_for_its_record_however_often_the_modem_restarts_meanwhile() {
    let (records, mut recorded) = mpsc::channel(1);
    let keepers = Keepers {
        records: Some(records),
        ..Keepers::default()
    };
    let pin = |settings: &mut LineSettings| settings.pin = Some("1234".into());
    let (bench, mut peer) = Bench::kept_by(pin, keepers, Arc::default());
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(100)).await;
    for _ in 0..3 {
        peer.say("\r\nRDY\r\n").await;
        peer.serve(Duration::from_secs(20)).await;
    }
    let asked = peer.take_asked();
    assert!(asked.iter().filter(|asked| *asked == "AT+CPIN?").count() >= 4);
    assert!(!asked.iter().any(|asked| asked.starts_with("AT+CPIN=")));
    let mut answers = Vec::new();
    while let Ok(record) = recorded.try_recv() {
        match record {
            Record::PinAttempt { attempt, answer } => answers.push((attempt, answer)),
            Record::Ladder { .. } | Record::Place(_) | Record::PinAccepted(_) => {}
        }
        tokio::task::yield_now().await; // the next comes up
    }
    let [(attempt, answer)] = answers.try_into().unwrap();
    answer
        .send(PinAnswer::Permitted(attempt.configured.unwrap()))
        .unwrap();
    peer.until_asked("AT+CPIN=\"1234\"").await;
    peer.forget("AT+CPIN?");
    peer.answer("AT+CPIN=\"1234\"").await;
    peer.serve(Duration::from_secs(5)).await;
    bench.phase(|phase| *phase == Phase::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_recorded_and_not_made_is_made_later() {
    let (records, mut recorded) = mpsc::channel(1);
    let keepers = Keepers {
        records: Some(records),
        ..Keepers::default()
    };
    let pin = |settings: &mut LineSettings| settings.pin = Some("1234".into());
    let (bench, mut peer) = Bench::kept_by(pin, keepers, Arc::default());
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(100)).await;
    // The port goes away before the answer is there, and comes back after it.
    drop(peer);
    bench.phase(|phase| matches!(phase, Phase::NoPort(_))).await;
    let Some(Record::PinAttempt { attempt, answer }) = recorded.recv().await else {
        panic!("no attempt is to be recorded")
    };
    answer
        .send(PinAnswer::Permitted(attempt.configured.unwrap()))
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut peer = Peer::new(bench.plug());
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    peer.until_asked("AT+CPIN=\"1234\"").await;
}

#[tokio::test(start_paused = true)]
async fn a_puk_is_left_to_people() {
    let (bench, mut peer) = Bench::with(|settings| settings.pin = Some("1234".into()));
    peer.answers("AT+CPIN?", "\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(100)).await;
    assert!(
        !peer
            .take_asked()
            .iter()
            .any(|command| command.starts_with("AT+CPIN="))
    );
    bench
        .phase(|phase| matches!(phase, Phase::Stuck(words) if words.contains("PUK")))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_does_not_wait_for_a_full_store_to_drain() {
    let (mut bench, mut peer) = Bench::new();
    peer.fill(0..200);
    peer.until("AT+CMGL=4").await;
    let mut received = 0;
    while received < 200 {
        let arrivals = bench.next_arrivals().await;
        received += arrivals.pdus.len();
        arrivals.kept.send(true).unwrap();
    }
    peer.until("AT+CMGD=9").await;
    peer.take_asked();
    let outcome = submit(&bench.line, false);
    tokio::task::yield_now().await;
    peer.until("0011AB<Z>").await;
    assert!(matches!(
        outcome.await.unwrap(),
        SubmitOutcome::Accepted { .. }
    ));
    let deleted = peer
        .take_asked()
        .iter()
        .filter(|c| c.starts_with("AT+CMGD"))
        .count();
    assert!(deleted <= 3, "{deleted} deletes went before the reply");
    peer.until("AT+CMGD=199").await;
    assert!(peer.store.is_empty());
}

#[tokio::test(start_paused = true)]
async fn memories_and_indications_follow_what_the_modem_takes() {
    // Brovi wants exactly three parameters; an old phone takes one. Qualcomm refuses ds=1.
    let (_bench, mut peer) = Bench::new();
    for three in ["AT+CPMS=\"SM\",\"SM\",\"SM\"", "AT+CPMS=\"SM\",\"SM\""] {
        peer.answers(three, "\r\nERROR\r\n");
    }
    peer.answers("AT+CNMI=2,1,2,1,0", "\r\n+CMS ERROR: 303\r\n");
    peer.answers("AT+CNMI=2,1,2,2,0", "\r\n+CMS ERROR: 303\r\n");
    peer.answers("AT+CNMI=2,1,2,0,0", "\r\n+CMS ERROR: 538\r\n");
    peer.answers(
        "AT+CNMI=?",
        "\r\n+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)\r\n\r\nOK\r\n",
    );
    peer.until("AT+CMGL=4").await;
    let asked = peer.take_asked();
    for command in ["AT+CPMS=\"SM\"", "AT+CNMI=2,1,2,0,0", "AT+CNMI=2,1,2,2,1"] {
        assert!(
            asked.contains(&command.to_owned()),
            "{command} in {asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_without_an_answer_is_closed_and_opened_again() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT", "");
    peer.serve(Duration::from_secs(11)).await;
    let asked = peer
        .take_asked()
        .iter()
        .filter(|command| *command == "AT")
        .count();
    assert_eq!(asked, 10);
    bench.phase(|phase| matches!(phase, Phase::NoPort(_))).await;
    let mut peer = Peer::new(bench.plug());
    peer.serve(Duration::from_secs(5)).await;
    assert_eq!(
        bench.phase(|phase| *phase == Phase::Ready).await,
        Phase::Ready
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_without_an_answer_is_got_over() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.answers("AT+CSQ", "");
    peer.until("AT+CSQ").await;
    peer.take_asked();
    peer.serve(Duration::from_secs(8)).await;
    assert_eq!(peer.take_asked()[..2], ["AT", "AT+CPMS?"]);
    assert_eq!(
        *bench.line.status().borrow(),
        bench.line.status().borrow().clone()
    );
    peer.fill([1]);
    peer.say("\r\n+CMTI: \"SM\",1\r\n").await;
    peer.until("AT+CMGL=4").await;
}

#[tokio::test(start_paused = true)]
async fn a_line_without_a_network_holds_and_then_gives_back() {
    let (bench, mut peer) = Bench::new();
    for command in ["AT+CREG?", "AT+CGREG?", "AT+CEREG?"] {
        let prefix = &command[2..command.len() - 1];
        peer.answers(command, &format!("\r\n{prefix}: 0,2\r\n\r\nOK\r\n"));
    }
    let outcome = submit(&bench.line, false);
    peer.serve(Duration::from_secs(70)).await;
    let SubmitOutcome::Refused(refusal) = outcome.await.unwrap() else {
        panic!("refused");
    };
    assert!(refusal.is_transient());
    bench
        .phase(|phase| matches!(phase, Phase::Stuck(words) if words.contains("antenna")))
        .await;
    // LTE alone is enough.
    peer.answers("AT+CEREG?", "\r\n+CEREG: 0,5\r\n\r\nOK\r\n");
    let outcome = submit(&bench.line, false);
    peer.serve(Duration::from_secs(5)).await;
    assert!(matches!(
        outcome.await.unwrap(),
        SubmitOutcome::Accepted { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_code_is_answered_in_words() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    let line = bench.line.clone();
    let asking = tokio::spawn(async move { line.ussd("*100#").await });
    peer.until("AT+CUSD=1,\"*100#\",15").await;
    peer.say("\r\n+CUSD: 0,\"Balance 5.00\",15\r\n").await;
    assert_eq!(asking.await.unwrap(), Ok("Balance 5.00".into()));
    // No answer: within 60 s somebody is told.
    let line = bench.line.clone();
    let asking = tokio::spawn(async move { line.ussd("*100#").await });
    peer.until("AT+CUSD=1,\"*100#\",15").await;
    peer.until("AT+CUSD=2").await;
    assert!(asking.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_call_is_hung_up() {
    let (_bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.say("\r\nRING\r\n\r\n+CLIP: \"+15550100\",145,\"\",0,\"\",0\r\n")
        .await;
    peer.until("AT+CHUP").await;
}

#[tokio::test(start_paused = true)]
async fn the_line_ends_with_its_last_handle() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    drop(bench);
    let ended = tokio::time::timeout(Duration::from_secs(1), async {
        while peer.next().await.is_some() {}
    });
    ended.await.expect("the port is closed");
}

// The ladder ------------------------------------------------------------------------------------

/// Hands that note when they were used, and say what they are told to.
struct Hands {
    name: &'static str,
    outcome: Result<(), restart::RestartError>,
    used: Mutex<Vec<restart::Whereabouts>>,
}

impl Hands {
    fn new(name: &'static str, outcome: Result<(), restart::RestartError>) -> Arc<Self> {
        let used = Mutex::new(Vec::new());
        Arc::new(Self {
            name,
            outcome,
            used,
        })
    }

    fn uses(&self) -> usize {
        self.used.lock().unwrap().len()
    }
}

impl Restarter for Hands {
    fn name(&self) -> String {
        self.name.into()
    }

    fn restart(&self, modem: &restart::Whereabouts) -> Result<(), restart::RestartError> {
        self.used.lock().unwrap().push(modem.clone());
        self.outcome.clone()
    }
}

impl Bench {
    fn equipped(replug: &Arc<Hands>, power: &Arc<Hands>, ledger: &Arc<Ledger>) -> (Self, Peer) {
        let keepers = Keepers {
            records: Some(ledger.keeps()),
            memory: ledger.memory(),
            replug: vec![Arc::clone(replug) as _],
            power: vec![Arc::clone(power) as _],
            ..Keepers::default()
        };
        Self::kept_by(|_| {}, keepers, Arc::clone(ledger))
    }

    fn status(&self) -> LineStatus {
        self.line.status().borrow().clone()
    }
}

/// Nothing is heard on any port that is laid, for so long.
async fn mute(bench: &Bench, first: Peer, time: Duration) -> Vec<String> {
    let mut asked = Vec::new();
    let mut peer = first;
    let serving = async {
        loop {
            while let Some(command) = peer.next().await {
                asked.push(command);
            }
            peer = Peer::new(bench.plug());
        }
    };
    let _ = tokio::time::timeout(time, serving).await;
    asked
}

#[tokio::test(start_paused = true)]
async fn a_mute_modem_is_reset_replugged_and_powered_off_and_on_before_a_person_is_called() {
    let (replug, power) = (
        Hands::new("the kernel", Ok(())),
        Hands::new("a key", Ok(())),
    );
    let record = Arc::new(Ledger::default());
    let (bench, peer) = Bench::equipped(&replug, &power, &record);
    let asked = mute(&bench, peer, Duration::from_secs(20)).await;
    assert!(asked.contains(&"AT".to_owned()));
    assert_eq!((replug.uses(), power.uses()), (0, 0));
    let peer = Peer::new(bench.plug());
    let asked = mute(&bench, peer, Duration::from_secs(1500)).await;
    assert!(asked.contains(&"AT+CFUN=1,1".to_owned()), "{asked:?}");
    let status = bench.status();
    assert_eq!(status.recovery.rung, 7, "{status:?}");
    assert_eq!((replug.uses(), power.uses()), (3, 3));
    assert!(status.recovery.since.is_some());
    assert!(
        status
            .alarm
            .is_some_and(|words| words.contains("does not answer"))
    );
    assert_eq!(
        record
            .ladder
            .lock()
            .unwrap()
            .as_ref()
            .map(|record| record.rounds),
        Some(3)
    );

    // Another run of the daemon neither begins at the bottom nor hurries.
    drop(bench);
    let (bench, peer) = Bench::equipped(&replug, &power, &record);
    mute(&bench, peer, Duration::from_secs(600)).await;
    assert_eq!((replug.uses(), power.uses()), (3, 3));
    assert_eq!(bench.status().recovery.rung, 7);
    // Half an hour after the third round it is tried again, and this time it answers.
    let peer = Peer::new(bench.plug());
    mute(&bench, peer, Duration::from_secs(1500)).await;
    assert_eq!((replug.uses(), power.uses()), (4, 4));
    let mut peer = Peer::new(bench.plug());
    peer.serve(Duration::from_secs(60)).await;
    let status = bench.status();
    assert_eq!(status.phase, Phase::Ready, "{status:?}");
    assert_eq!((status.recovery.rung, status.alarm), (0, None));
    assert_eq!(status.recovery.since, None);
    assert_eq!(status.recovery.counts[6], 4, "remembered for a day");
    assert_eq!(
        record
            .ladder
            .lock()
            .unwrap()
            .as_ref()
            .map(|record| record.rung),
        Some(0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_soft_reset_that_helps_is_noticed_before_the_ninety_seconds_are_over() {
    let out_of_reach = Err(restart::RestartError::OutOfReach);
    let (replug, power) = (
        Hands::new("no kernel", out_of_reach.clone()),
        Hands::new("no key", out_of_reach),
    );
    let record = Arc::new(Ledger::default());
    let (bench, mut peer) = Bench::equipped(&replug, &power, &record);
    peer.serve(Duration::from_secs(5)).await;
    // It hangs in its storage: `AT` is answered, `AT+CPMS?` is not, and that is no pass.
    peer.answers("AT+CPMS?", "");
    peer.until("AT+CPMS?").await;
    drop_until_reset(&bench, &mut peer).await;
    peer.forget("AT+CPMS?");
    peer.answer("AT+CFUN=1,1").await;
    let reset = tokio::time::Instant::now();
    // On a UART nothing goes away; the modem is simply back after a while.
    let mut silent = Vec::new();
    let booting = async {
        while let Some(command) = peer.next().await {
            silent.push(command);
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(14), booting).await;
    assert!(silent.len() <= 1, "{silent:?}");
    peer.serve(Duration::from_secs(20)).await;
    assert_eq!(
        bench.phase(|phase| *phase == Phase::Ready).await,
        Phase::Ready
    );
    assert!(
        reset.elapsed() < Duration::from_secs(60),
        "{:?}",
        reset.elapsed()
    );
    assert_eq!((replug.uses(), power.uses()), (0, 0));
    assert_eq!(bench.status().recovery.counts[4], 1);
}

/// Answers everything but `AT+CPMS?`, on as many ports as it takes, until the reset is asked for.
async fn drop_until_reset(bench: &Bench, peer: &mut Peer) {
    let waited = async {
        loop {
            match peer.next().await {
                Some(command) if command == "AT+CFUN=1,1" => return,
                Some(command) => peer.answer(&command).await,
                None => {
                    let port = bench.plug();
                    peer.port = port;
                }
            }
        }
    };
    let met = tokio::time::timeout(Duration::from_secs(600), waited).await;
    assert!(met.is_ok(), "never reset: {:?}", peer.asked);
}

#[tokio::test(start_paused = true)]
async fn row_39_a_port_that_never_comes_back_is_brought_back() {
    let (replug, power) = (
        Hands::new("the kernel", Err(restart::RestartError::OutOfReach)),
        Hands::new(
            "a key",
            Err(restart::RestartError::Failed("the key is stuck".into())),
        ),
    );
    let record = Arc::new(Ledger::default());
    let (bench, mut peer) = Bench::equipped(&replug, &power, &record);
    peer.serve(Duration::from_secs(5)).await;
    drop(peer);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(
        (replug.uses(), power.uses()),
        (0, 0),
        "a pulled plug is no illness"
    );
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!((replug.uses(), power.uses()), (3, 3));
    let status = bench.status();
    let alarm = status.alarm.unwrap();
    assert!(
        alarm.contains("not there") && alarm.contains("the key is stuck"),
        "{alarm}"
    );
    assert!(matches!(status.phase, Phase::NoPort(_)));
    // Somebody plugs it in.
    let mut peer = Peer::new(bench.plug());
    peer.serve(Duration::from_secs(10)).await;
    assert_eq!(bench.status().alarm, None);
    assert_eq!(bench.status().phase, Phase::Ready);
}

#[tokio::test(start_paused = true)]
async fn row_35_a_sim_that_drops_off_is_fetched_back_by_the_radio() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.answers("AT+CPIN?", "\r\n+CME ERROR: 10\r\n");
    peer.say("\r\n+CPIN: NOT READY\r\n").await;
    peer.take_asked();
    peer.until("AT+CFUN=0").await;
    let off = tokio::time::Instant::now();
    peer.until_asked("AT+CFUN=1").await;
    assert!(off.elapsed() >= Duration::from_secs(3));
    assert!(matches!(bench.status().phase, Phase::Stuck(words) if words.contains("SIM")));
    assert_eq!(bench.status().recovery.rung, 3);
    peer.forget("AT+CPIN?");
    peer.answer("AT+CFUN=1").await;
    peer.serve(Duration::from_secs(10)).await;
    let status = bench.status();
    assert_eq!((status.phase, status.recovery.rung), (Phase::Ready, 0));
}

#[tokio::test(start_paused = true)]
async fn row_36_without_a_network_the_radio_is_restarted_once_an_hour_and_nothing_more() {
    let (replug, power) = (
        Hands::new("the kernel", Ok(())),
        Hands::new("a key", Ok(())),
    );
    let record = Arc::new(Ledger::default());
    let (bench, mut peer) = Bench::equipped(&replug, &power, &record);
    for command in ["AT+CREG?", "AT+CGREG?", "AT+CEREG?"] {
        let prefix = &command[2..command.len() - 1];
        peer.answers(command, &format!("\r\n{prefix}: 0,3\r\n\r\nOK\r\n"));
    }
    peer.serve(Duration::from_secs(3 * 3600 + 900)).await;
    let asked = peer.take_asked();
    let count = |wanted: &str| asked.iter().filter(|command| *command == wanted).count();
    assert_eq!(count("AT+CFUN=0"), 4, "after 10 min, then once an hour");
    assert_eq!(count("AT+CFUN=1"), 4);
    assert_eq!(count("AT+CFUN=1,1"), 0);
    assert_eq!(count("AT+COPS=?"), 0);
    // Quectel's own word for it, sent while the radio is off.
    assert_eq!(count("AT+QCFG=\"nwscanmode\",0,1"), 4);
    assert_eq!((replug.uses(), power.uses()), (0, 0));
    let status = bench.status();
    assert!(matches!(status.phase, Phase::Stuck(words) if words.contains("refuses")));
    assert_eq!(status.recovery.rung, 0);
}

#[tokio::test(start_paused = true)]
async fn row_37_lte_that_takes_no_text_gets_ims_and_a_fresh_radio() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CREG?", "\r\n+CREG: 0,0\r\n\r\nOK\r\n");
    peer.answers("AT+CGREG?", "\r\n+CGREG: 0,0\r\n\r\nOK\r\n");
    peer.answers("AT+CEREG?", "\r\n+CEREG: 0,1\r\n\r\nOK\r\n");
    peer.answers("AT+CGSMS?", "\r\n+CGSMS: 1\r\n\r\nOK\r\n");
    peer.answers("0011AB<Z>", "\r\n+CMS ERROR: 331\r\n");
    for _ in 0..3 {
        let outcome = submit(&bench.line, false);
        peer.serve(Duration::from_secs(10)).await;
        assert!(matches!(outcome.await.unwrap(), SubmitOutcome::Refused(_)));
    }
    peer.serve(Duration::from_secs(20)).await;
    let asked = peer.take_asked();
    assert!(
        asked.contains(&"AT+CGSMS=3".to_owned()),
        "both ways are let in"
    );
    let place = |wanted: &str| asked.iter().position(|command| command == wanted);
    let (off, ims, on) = (
        place("AT+CFUN=0").unwrap(),
        place("AT+QCFG=\"ims\",1").unwrap(),
        place("AT+CFUN=1").unwrap(),
    );
    assert!(off < ims && ims < on);
    assert_eq!(bench.status().phase, Phase::Ready);
}

#[tokio::test(start_paused = true)]
async fn row_41_restarts_that_nobody_asked_for_name_the_supply() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    for _ in 0..3 {
        peer.say("\r\nRDY\r\n").await;
        peer.serve(Duration::from_secs(60)).await;
    }
    let status = bench.status();
    assert_eq!(
        (status.phase.clone(), status.recovery.restarts),
        (Phase::Ready, 3)
    );
    assert!(status.alarm.unwrap().contains("2 A"));
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(5)).await;
    peer.say("\r\nUNDER-VOLTAGE WARNNING\r\n").await;
    peer.serve(Duration::from_secs(1)).await;
    assert!(bench.status().alarm.unwrap().contains("UNDER-VOLTAGE"));
    peer.serve(Duration::from_secs(3700)).await;
    assert_eq!(bench.status().alarm, None);
}

// Setup ------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_vendor_line_that_is_refused_hides_no_standard_one() {
    for (maker, model) in [
        ("huawei", "E3372"),
        ("Quectel", "EC25"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L"),
        ("SIMCOM INCORPORATED", "SIM7080G"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600G-H"),
        ("INCORPORATED", "A7670E-FASE"),
        ("u-blox", "SARA-R510S"),
        ("Telit", "LE910C1-EU"),
        ("Nobody", "X1"),
    ] {
        let out_of_reach = Err(restart::RestartError::OutOfReach);
        let none = Hands::new("nothing", out_of_reach);
        let (bench, mut peer) = Bench::equipped(&none, &none, &Arc::default());
        peer.answers("AT+CGMI", &format!("\r\n{maker}\r\n\r\nOK\r\n"));
        peer.answers("AT+CGMM", &format!("\r\n{model}\r\n\r\nOK\r\n"));
        peer.answers("AT+CCID", "\r\n+CCID: 89860025128306012474\r\n\r\nOK\r\n");
        peer.standard_only = true;
        peer.serve(Duration::from_secs(20)).await;
        let status = bench.status();
        assert_eq!(status.phase, Phase::Ready, "{maker} {model}");
        assert_eq!(
            status.iccid.as_deref(),
            Some("89860025128306012474"),
            "{model}"
        );
        let asked = peer.take_asked();
        for standard in [
            "AT",
            "ATE0",
            "ATV1",
            "AT+CMEE=1",
            "AT+IFC=0,0",
            "AT&D0",
            "AT+CGMI",
            "AT+CGMM",
            "AT+CFUN?",
            "AT+CPIN?",
            "AT+CSCS=\"IRA\"",
            "AT+CMGF=0",
            "AT+CMGF?",
            "AT+CSMS=0",
            "AT+CGSMS?",
            "AT+CPMS=?",
            "AT+CPMS?",
            "AT+CPMS=\"SM\",\"SM\",\"SM\"",
            "AT+CNMI=2,1,2,1,0",
            "AT+CREG?",
            "AT+CMGL=4",
            "AT+CSCA?",
            "AT+COPS?",
            "AT+CSQ",
            "AT+CGSN",
            "AT+CIMI",
        ] {
            assert!(asked.contains(&standard.to_owned()), "{model}: {standard}");
        }
        // The radio, and the restart: the standard's lines are there behind the refused ones.
        peer.answers("AT+CPIN?", "\r\n+CME ERROR: 13\r\n");
        peer.say("\r\n+CPIN: NOT READY\r\n").await;
        peer.serve(Duration::from_secs(200)).await;
        let asked = peer.take_asked();
        assert!(asked.contains(&"AT+CFUN=1".to_owned()), "{model}");
        assert!(asked.contains(&"AT+CFUN=1,1".to_owned()), "{model}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_12_a_speed_that_is_guessed_is_fixed_and_kept_once() {
    let (_bench, mut peer) = Bench::new();
    peer.answers("AT+CGMI", "\r\nSIMCOM_Ltd\r\n\r\nOK\r\n");
    peer.answers("AT+CGMM", "\r\nSIMCOM_SIM800L\r\n\r\nOK\r\n");
    peer.answers("AT+IPR?", "\r\n+IPR: 0\r\n\r\nOK\r\n");
    // It swallows what it guesses the speed from.
    peer.answers("AT", "");
    for _ in 0..4 {
        peer.until("AT").await;
    }
    peer.forget("AT");
    peer.until("AT&W").await;
    let asked = peer.take_asked();
    let at = asked
        .iter()
        .position(|command| command == "AT+IPR=115200")
        .unwrap();
    assert_eq!(
        asked[at + 1..at + 3],
        ["ATE1", "AT&W"],
        "the echo is kept too"
    );
    peer.answers("AT+IPR?", "\r\n+IPR: 115200\r\n\r\nOK\r\n");
    peer.say("\r\nRDY\r\n").await;
    peer.serve(Duration::from_secs(10)).await;
    assert!(
        !peer.take_asked().contains(&"AT&W".to_owned()),
        "flash wears out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_was_left_off_is_switched_on() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CFUN?", "\r\n+CFUN: 4\r\n\r\nOK\r\n");
    peer.until("AT+CFUN=1").await;
    peer.forget("AT+CFUN?");
    peer.serve(Duration::from_secs(5)).await;
    assert_eq!(bench.status().phase, Phase::Ready);
}

#[tokio::test(start_paused = true)]
async fn row_04_texts_that_are_announced_and_nowhere_are_looked_for_and_then_called_out() {
    let (bench, mut peer) = Bench::new();
    peer.serve(Duration::from_secs(20)).await;
    for _ in 0..3 {
        peer.take_asked();
        peer.say("\r\n+CMTI: ,-1\r\n").await;
        peer.serve(Duration::from_secs(1)).await;
        let asked = peer.take_asked();
        assert_eq!(asked[0], "AT+CPMS=\"SM\",\"SM\",\"SM\"");
        assert_eq!(asked[1], "AT+CMGL=4");
    }
    assert!(bench.status().alarm.unwrap().contains("firmware"));
}

#[tokio::test(start_paused = true)]
async fn row_33_a_sim_without_a_service_centre_is_called_out_unless_one_is_configured() {
    let (bench, mut peer) = Bench::new();
    peer.answers("AT+CSCA?", "\r\n+CSCA: \"\",129\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(20)).await;
    assert!(bench.status().alarm.unwrap().contains("`smsc`"));
    let (bench, mut peer) = Bench::with(|settings| settings.smsc = Some("+15551111".into()));
    peer.answers("AT+CSCA?", "\r\n+CSCA: \"\",129\r\n\r\nOK\r\n");
    peer.serve(Duration::from_secs(20)).await;
    assert_eq!(bench.status().alarm, None);
    assert!(
        peer.take_asked()
            .contains(&"AT+CSCA=\"+15551111\",145".to_owned())
    );
    // Forgotten with every restart, and so set with every setup.
    peer.say("\r\nRDY\r\n").await;
    peer.serve(Duration::from_secs(20)).await;
    assert!(
        peer.take_asked()
            .contains(&"AT+CSCA=\"+15551111\",145".to_owned())
    );
}
