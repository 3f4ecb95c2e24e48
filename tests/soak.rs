//! A seeded soak: a day and more on a line where everything goes wrong at once, with the whole radio
//! side behind it, on a paused clock. Nothing may be lost, shown twice, or sent twice unmarked, and no
//! line may end by saying *ready* while a text waits in its modem. Each seed has an oddity of its own
//! besides, such as people's modems have.
//!
//! `CALLNUMBER_SOAK_SEEDS` says which seeds are run (`7`, or `1..101`), `CALLNUMBER_SOAK_TEXTS` how
//! many texts come in; half as many replies go out. A failure names its seed.

#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

#[path = "sick_modem/bench.rs"]
mod bench;
#[path = "sick_modem/house.rs"]
mod house;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callnumber::modem::{LineStatus, Phase};
use callnumber::routing::{DeliveryState, MessageId};
use callnumber::simulator::{
    Ailment, Faults, PROFILES, ReportPolicy, Settings, SimulatedModem, StoredMessage,
};
use callnumber::spool::transcript;
use house::{House, Use};
use tokio::time::Instant;

/// Texts of one seed, when nobody says.
const TEXTS: usize = 400;
/// Seeds, when nobody says.
const SEEDS: Range<u64> = 1..6;
/// Patrons who write.
const PATRONS: usize = 200;
/// How much goes wrong: see `Faults::everything`.
const RATE: f64 = 0.3;
/// The longest that the line may be out of service while faults still strike. Ten minutes without a
/// network before the radio is switched, and three rounds of the ladder's upper rungs, each with 90 s
/// to come back and a silence of 30 s or a minute before it: after that the ladder calls a person, and
/// nothing here calls for one.
const OUTAGE_MAX: Duration = Duration::from_secs(10 * 60 + 3 * (2 * 90 + 2 * 60));
/// How soon it is back once they have stopped. What is under way first comes to its end: an attempt
/// that is never answered, at most 190 s; then 30 s of silence before the port is opened anew, a SIM that has
/// a minute to start, and a listing every half minute that finds what nobody announced.
const BACK_WITHIN: Duration = Duration::from_secs(190 + 30 + 60 + 30);
/// Between two bursts, in milliseconds: more than an ill line needs for one. Every thirtieth send is
/// waited for three minutes; with less, the network and the outbox fill up and what is measured is
/// the queue.
const LULL_MAX: u64 = 60_000;
/// How long a text may wait in the modem of a line that says *ready*.
const UNREAD_MAX: Duration = Duration::from_secs(2 * 60);
/// How often that is looked at.
const UNREAD_EVERY: Duration = Duration::from_secs(10);
/// How long the outbox may take after that: its last wait is an hour.
const DRAINED_WITHIN: Duration = Duration::from_secs(3 * 24 * 3600);

/// What came of one seed.
#[derive(Debug, Default)]
struct Tally {
    shown: usize,
    sent: usize,
    failed: usize,
    unknown: usize,
    doubled: usize,
    longest_outage: Duration,
    outages: usize,
    back_after: Duration,
    /// Texts that the network still held when the faults stopped.
    backlog: usize,
    /// The longest that a text waited in the modem of a line that said *ready*.
    unread: Duration,
    simulated: Duration,
    commands: usize,
}

/// SplitMix64: the same draws on every machine.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// How the line stood, told by whoever watched it.
#[derive(Default)]
struct Watch {
    down_since: Option<Instant>,
    outages: Vec<(Duration, String)>,
}

async fn watch(mut status: tokio::sync::watch::Receiver<LineStatus>, told: Arc<Mutex<Watch>>) {
    let mut last = String::new();
    loop {
        let phase = status.borrow_and_update().phase.clone();
        {
            let mut told = told.lock().unwrap();
            match (&phase, told.down_since) {
                (Phase::Ready, Some(since)) => {
                    told.outages
                        .push((since.elapsed(), std::mem::take(&mut last)));
                    told.down_since = None;
                }
                (Phase::Ready, None) => {}
                (down, None) => {
                    told.down_since = Some(Instant::now());
                    last = format!("{down:?}");
                }
                (down, Some(_)) => last = format!("{down:?}"),
            }
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// The texts that lie in the modem, each since when while the line says *ready* without a break.
#[derive(Default)]
struct Unread {
    since: HashMap<Vec<u8>, Instant>,
    longest: Duration,
}

async fn watch_unread(
    modem: Arc<SimulatedModem>,
    status: tokio::sync::watch::Receiver<LineStatus>,
    told: Arc<Mutex<Unread>>,
) {
    loop {
        let is_ready = status.borrow().phase == Phase::Ready;
        let stored: Vec<StoredMessage> = modem.stored();
        {
            let mut told = told.lock().unwrap();
            let told = &mut *told;
            let lying: Vec<Vec<u8>> = stored.into_iter().map(|text| text.pdu).collect();
            told.since.retain(|pdu, _| is_ready && lying.contains(pdu));
            for pdu in lying {
                if is_ready {
                    let since = *told.since.entry(pdu).or_insert_with(Instant::now);
                    told.longest = told.longest.max(since.elapsed());
                }
            }
        }
        tokio::time::sleep(UNREAD_EVERY).await;
    }
}

/// What is odd about a seed's modem, besides all that goes wrong.
fn oddity(seed: u64, modem: &SimulatedModem) {
    let lacks_ok = |command: &str| Ailment::LacksOk {
        command: command.into(),
    };
    // Profiles come round every five seeds.
    match seed / 5 % 6 {
        1 => modem.suffers(Ailment::Sleeps(Duration::from_secs(5))),
        2 => {
            modem.suffers(lacks_ok("+CPIN?"));
            modem.suffers(lacks_ok("+CPMS?"));
        }
        3 => modem.suffers(Ailment::Charset("UCS2")),
        4 => modem.suffers(Ailment::NoPlaces("SM".into())),
        5 => modem.suffers(Ailment::FirstAlone),
        _ => {}
    }
}

fn words_of(kind: &str, number: usize, draws: &mut Draws) -> String {
    match draws.below(8) {
        0 => format!(
            "{kind} {number}: {}",
            "The fourth edition has a green cover. ".repeat(6)
        ),
        1 => format!("{kind} {number}: ¿dónde está? 📚 {}", "já lido ".repeat(12)),
        2 => format!("{kind} {number} €{{}}"),
        _ => format!("{kind} {number}, please"),
    }
}

async fn soak(seed: u64, texts: usize) -> Tally {
    let begun = Instant::now();
    let mut draws = Draws(seed);
    let place = usize::try_from(seed).unwrap() % PROFILES.len();
    let settings = Settings {
        profile: &PROFILES[place],
        capacity: Some(20 + usize::try_from(draws.below(40)).unwrap()),
        send_latency: Duration::from_millis(300),
        command_latency: Duration::from_millis(2),
        boot_time: Duration::from_secs(8),
        sim_busy: Duration::from_secs(5),
        reports: ReportPolicy {
            delay: Duration::from_secs(3),
            ..ReportPolicy::default()
        },
        ..Settings::default()
    };
    let modem = Arc::new(SimulatedModem::start_in_memory(settings).unwrap());
    oddity(seed, &modem);
    let mut house = House::with(Arc::clone(&modem), Use::default()).await;
    house.is_ready().await;
    let told: Arc<Mutex<Watch>> = Arc::default();
    let watching = tokio::spawn(watch(house.line.status(), Arc::clone(&told)));
    let unread: Arc<Mutex<Unread>> = Arc::default();
    let watching_unread = tokio::spawn(watch_unread(
        Arc::clone(&modem),
        house.line.status(),
        Arc::clone(&unread),
    ));
    modem.set_faults(Faults {
        pause: Duration::from_secs(4),
        ..Faults::everything(seed, RATE)
    });

    // Texts come and answers go, in bursts.
    let mut asked: Vec<String> = Vec::with_capacity(texts);
    let mut answered: BTreeMap<MessageId, String> = BTreeMap::new();
    let mut replies = 0;
    while asked.len() < texts || replies < texts / 2 {
        for _ in 0..=draws.below(6) {
            if asked.len() < texts {
                let patron = draws.below(PATRONS as u64);
                let words = words_of("question", asked.len(), &mut draws);
                modem
                    .patron_texts(&format!("+1555123{patron:04}"), &words)
                    .unwrap();
                asked.push(words);
            }
        }
        tokio::time::sleep(Duration::from_millis(500 + draws.below(LULL_MAX))).await;
        let open: Vec<i64> = house
            .read(|connection| {
                let mut rows = connection
                    .prepare("SELECT id FROM conversation WHERE state <> 'closed' ORDER BY id")?;
                let ids = rows.query_map([], |row| row.get(0))?;
                Ok(ids.collect::<rusqlite::Result<_>>()?)
            })
            .await;
        for _ in 0..=draws.below(3) {
            if replies < texts / 2 && !open.is_empty() {
                let which = usize::try_from(draws.below(open.len() as u64)).unwrap();
                let words = words_of("answer", replies, &mut draws);
                // What cannot be read has a conversation too, and nobody to answer.
                if let Some(message) = house.tries_to_answer(open[which], &words).await {
                    answered.insert(message, words);
                    replies += 1;
                }
            }
        }
    }

    // Everything stops going wrong: how soon is the line well?
    modem.set_faults(Faults::none());
    tracing::info!("the faults stop");
    let stopped = Instant::now();
    let backlog = modem.waiting();
    let newest: i64 = house
        .read(|connection| {
            let query = "SELECT coalesce(max(id), 0) FROM message";
            Ok(connection.query_row(query, [], |row| row.get(0))?)
        })
        .await;
    modem
        .patron_texts("+15551239999", "the last question")
        .unwrap();
    asked.push("the last question".into());
    house
        .until("showing the last text", async |house: &House| {
            let is_shown: bool = house
                .read(move |connection| {
                    // All of them are many, and this is asked at every change.
                    let query = "SELECT EXISTS (SELECT 1 FROM message
                                                WHERE id > ?1 AND body = 'the last question')";
                    Ok(connection.query_row(query, [newest], |row| row.get(0))?)
                })
                .await;
            is_shown.then_some(())
        })
        .await;
    let back_after = stopped.elapsed();

    // The network hands over what it still holds; the outbox empties.
    modem.wait_until_stored(0, DRAINED_WITHIN).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    let ids: Vec<MessageId> = answered.keys().copied().collect();
    let drained = Instant::now();
    let states = loop {
        let ids = ids.clone();
        let states: Vec<(MessageId, DeliveryState, Option<String>)> = house
            .read(move |connection| {
                ids.into_iter()
                    .map(|id| {
                        let message = transcript::message(connection, id)?.unwrap();
                        Ok((id, message.state, message.reason))
                    })
                    .collect()
            })
            .await;
        let under_way = states
            .iter()
            .filter(|(_, state, _)| matches!(state, DeliveryState::Queued | DeliveryState::Sending))
            .count();
        if under_way == 0 {
            break states;
        }
        assert!(
            drained.elapsed() < DRAINED_WITHIN,
            "{under_way} replies are still under way"
        );
        tokio::time::sleep(Duration::from_secs(600)).await;
    };
    watching.abort();
    watching_unread.abort();
    {
        let unread = unread.lock().unwrap();
        let waits = unread.since.values().map(Instant::elapsed).max();
        assert!(
            waits.is_none_or(|waits| waits < UNREAD_MAX),
            "the line says ready while a text waits in the modem for {waits:?}"
        );
    }
    let longest_unread = unread.lock().unwrap().longest;

    let mut tally = Tally {
        back_after,
        backlog,
        unread: longest_unread,
        simulated: begun.elapsed(),
        commands: modem.heard_count(),
        ..Tally::default()
    };
    let mut shown: HashMap<String, usize> = HashMap::new();
    let mut unread = Vec::new();
    for words in house.shown().await {
        if words.starts_with("A message came that cannot be read") {
            unread.push(words);
        } else {
            *shown.entry(words).or_default() += 1;
        }
    }
    for words in &asked {
        match shown.remove(words) {
            Some(1) => tally.shown += 1,
            Some(times) => panic!("shown {times} times: {words:?}"),
            None => {
                let asked: std::collections::HashSet<&String> = asked.iter().collect();
                let instead: Vec<&String> = shown
                    .keys()
                    .filter(|shown| !asked.contains(shown))
                    .collect();
                panic!("lost: {words:?}; shown instead: {instead:?}; {unread:?} unreadable")
            }
        }
    }
    assert!(shown.is_empty(), "nobody wrote {shown:?}");

    let taken = taken_by_the_network(&modem);
    for (id, state, reason) in states {
        let words = &answered[&id];
        let times = taken.get(words).copied().unwrap_or(0);
        let marked = reason
            .as_deref()
            .is_some_and(|reason| reason.contains("arrive twice") || reason.contains("be doubled"));
        match state {
            DeliveryState::Sent | DeliveryState::Delivered => tally.sent += 1,
            DeliveryState::Failed => tally.failed += 1,
            DeliveryState::Unknown => tally.unknown += 1,
            DeliveryState::Received | DeliveryState::Queued | DeliveryState::Sending => {
                panic!("{words:?} is {state:?}")
            }
        }
        if times > 1 {
            tally.doubled += 1;
            if !marked {
                let story = story_of(&house, &modem, id).await;
                panic!("sent {times} times and {state:?}, {reason:?}: {words:?}\n{story}");
            }
        }
        let arrived = matches!(state, DeliveryState::Sent | DeliveryState::Delivered);
        if arrived && times == 0 {
            let story = story_of(&house, &modem, id).await;
            panic!("{state:?}, but never sent: {words:?}\n{story}");
        }
    }
    let told = told.lock().unwrap();
    tally.outages = told.outages.len();
    if let Some((longest, why)) = told.outages.iter().max_by_key(|(time, _)| *time) {
        tally.longest_outage = *longest;
        assert!(
            *longest < OUTAGE_MAX,
            "out of service for {longest:?}: {why}"
        );
    }
    assert!(
        back_after < BACK_WITHIN,
        "back only {back_after:?} after the last fault"
    );
    tally
}

/// Everything on record about texts to the patron of this one: what the spool holds, and what the
/// network took.
async fn story_of(house: &House, modem: &SimulatedModem, message: MessageId) -> String {
    let (recipient, mut story) = house
        .read(move |connection| {
            let recipient: String = connection.query_row(
                "SELECT recipient FROM outbox WHERE message = ?1",
                [message.0],
                |row| row.get(0),
            )?;
            let mut rows = connection.prepare(
                "SELECT format('%d/%d of message %d: %s, attempted %s, reference %s, hint %s, %s',
                               s.seq, s.total, o.message, s.state, s.attempted, s.reference, s.hint,
                               s.problem)
                 FROM segment s JOIN outbox o ON o.id = s.outbox
                 WHERE o.recipient = ?1 ORDER BY s.id",
            )?;
            let told: Vec<String> = rows
                .query_map([&recipient], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok((recipient, told.join("\n")))
        })
        .await;
    for submission in modem.submissions() {
        if submission.to == recipient {
            let at = submission
                .at
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_millis();
            let words = submission.submit.user_data.to_text().unwrap_or_default();
            story.push_str(&format!(
                "\nthe network took {words:?} at {at} under {}",
                submission.message_reference
            ));
        }
    }
    story
}

/// How often the network took each text whole; one of whose segments it took one again counts twice.
///
/// References come round again: a text begins with a first segment that is not the one before it,
/// for the first leaves first, whatever becomes of the rest.
fn taken_by_the_network(modem: &SimulatedModem) -> HashMap<String, usize> {
    let mut taken: HashMap<String, usize> = HashMap::new();
    let mut under_way: HashMap<(String, u16, u8), BTreeMap<u8, String>> = HashMap::new();
    for submission in modem.submissions() {
        let data = &submission.submit.user_data;
        let words = data.to_text().unwrap_or_default();
        let Some(concat) = data.concatenation() else {
            *taken.entry(words).or_default() += 1;
            continue;
        };
        let key = (submission.to.clone(), concat.reference, concat.total);
        let parts = under_way.entry(key).or_default();
        let whole = |parts: &BTreeMap<u8, String>| {
            let all = parts.len() == usize::from(concat.total);
            all.then(|| parts.values().cloned().collect::<String>())
        };
        match parts.get(&concat.sequence) {
            Some(earlier) if *earlier == words => {
                if let Some(text) = whole(parts) {
                    *taken.entry(text).or_default() += 1;
                }
                continue;
            }
            // Another text's, under the same reference.
            Some(_) => parts.clear(),
            None if concat.sequence == 1 => parts.clear(),
            None => {}
        }
        parts.insert(concat.sequence, words);
        if let Some(text) = whole(parts) {
            *taken.entry(text).or_default() += 1;
        }
    }
    taken
}

fn seeds() -> Range<u64> {
    match std::env::var("CALLNUMBER_SOAK_SEEDS") {
        Err(_) => SEEDS,
        Ok(said) => match said.split_once("..") {
            Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
            None => {
                let seed: u64 = said.parse().unwrap();
                seed..seed + 1
            }
        },
    }
}

/// Dates the log by the paused clock: seconds since the first seed began.
struct Paused(Instant);

impl tracing_subscriber::fmt::time::FormatTime for Paused {
    fn format_time(
        &self,
        log: &mut tracing_subscriber::fmt::format::Writer<'_>,
    ) -> std::fmt::Result {
        write!(log, "{:.3}", self.0.elapsed().as_secs_f64())
    }
}

/// What proc(5) says of this process under this name: `VmRSS` in KiB, `Threads`.
fn of_this_process(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn nothing_is_lost_or_doubled_whatever_goes_wrong() {
    let texts = std::env::var("CALLNUMBER_SOAK_TEXTS").map_or(TEXTS, |said| said.parse().unwrap());
    if std::env::var("CALLNUMBER_LOG").is_ok() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_env("CALLNUMBER_LOG"))
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_timer(Paused(Instant::now()))
            .init();
    }
    let mut failures = Vec::new();
    for seed in seeds() {
        let begun = std::time::Instant::now();
        let told = std::panic::catch_unwind(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(soak(seed, texts))
        });
        let (resident, threads) = (of_this_process("VmRSS"), of_this_process("Threads"));
        let took = begun.elapsed();
        match told {
            Ok(tally) => {
                println!("seed {seed}: {took:.1?}, {resident} KiB, {threads} threads, {tally:?}")
            }
            Err(_) => {
                println!("seed {seed}: FAILED after {took:.1?}");
                failures.push(seed);
            }
        }
    }
    assert!(
        failures.is_empty(),
        "seeds {failures:?}: run one with CALLNUMBER_SOAK_SEEDS=<seed> CALLNUMBER_SOAK_TEXTS={texts}"
    );
}
