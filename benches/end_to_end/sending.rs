//! What sending one segment costs beyond the modem's own time.

use std::time::{Duration, Instant};

use callnumber::daemon::House;
use callnumber::desk::{Arrivals, Wish};
use callnumber::routing::Event;
use callnumber::simulator::Settings;

use crate::bare_port::BarePort;
use crate::figures::{Table, Times, ms, percent};
use crate::library::{Modem, PATIENCE, folder, prepare, runtime, settings, settled};

const TEXTS: usize = 100;

pub(crate) fn measure(table: &mut Table) {
    for (name, latency, rounds) in [
        ("modem takes no time", Duration::ZERO, 7),
        ("modem takes 100 ms", Duration::from_millis(100), 3),
    ] {
        let modem = Settings {
            send_latency: latency,
            ..Settings::default()
        };
        let (mut bare, mut ours, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let sent = sent_by_us(&modem);
            ours.push(sent.segment);
            whole.push(sent.all);
            bare.push(sent_bare(&modem, &sent.tpdus));
        }
        let (bare, ours) = (Times::new(bare), Times::new(ours));
        table.row(&format!("a segment, {name}: bare port"), bare.spread(), "");
        table.row(&format!("a segment, {name}: callnumber"), ours.spread(), "");
        let more = ours.median().saturating_sub(bare.median());
        table.row(
            &format!("a segment, {name}: overhead"),
            if latency.is_zero() {
                ms(more)
            } else {
                format!("{:.1} % ({})", percent(more, bare.median()), ms(more))
            },
            if latency.is_zero() { "" } else { "< 3 %" },
        );
        table.row(
            &format!("{TEXTS} texts, {name}: asked → all sent"),
            Times::new(whole).spread(),
            if latency.is_zero() { "" } else { "≤ 10.2 s" },
        );
    }
}

struct Sent {
    /// From one `+CMGS` to the next, on average.
    segment: Duration,
    /// From the wish until the last was accepted.
    all: Duration,
    tpdus: Vec<Vec<u8>>,
}

/// Between the first and the last `+CMGS`, as the modem heard them.
fn per_segment(modem: &Modem) -> Duration {
    let heard = modem.heard("+CMGS");
    assert_eq!(heard.len(), TEXTS, "each is sent once");
    let whole = heard[TEXTS - 1].duration_since(heard[0]);
    whole / u32::try_from(TEXTS - 1).unwrap()
}

fn sent_by_us(modem_settings: &Settings) -> Sent {
    let folder = folder();
    let spool = prepare(folder.path());
    let modem = Modem::plug_in(modem_settings.clone());
    let runtime = runtime();
    runtime.block_on(async {
        let house = House::open(settings(spool, modem.port())).await.unwrap();
        settled(&house, &modem).await;
        let gateway = house.desk().board().borrow().plan.gateways[0].id;
        let began = Instant::now();
        let mut answers = Vec::new();
        for n in 0..TEXTS {
            let event = Event::Write {
                gateway,
                to: format!("+1555123{n:04}"),
                body: format!("The book you reserved is here, number {n} on the list."),
            };
            let arrivals = Arrivals::None;
            let posted = house.desk().post(Wish::Happened { event, arrivals }).await;
            answers.push(posted.unwrap());
        }
        for answer in answers {
            answer.await.unwrap().unwrap();
        }
        let sent = modem.modem.wait_until_sent(TEXTS, PATIENCE).await.unwrap();
        let all = began.elapsed();
        assert_eq!(sent.len(), TEXTS);
        house.close().await;
        let submissions = modem.modem.submissions();
        Sent {
            segment: per_segment(&modem),
            all,
            tpdus: submissions
                .into_iter()
                .map(|segment| segment.tpdu)
                .collect(),
        }
    })
}

/// The very same segments.
fn sent_bare(settings: &Settings, tpdus: &[Vec<u8>]) -> Duration {
    let modem = Modem::plug_in(settings.clone());
    let mut port = BarePort::open(&modem.port());
    for tpdu in tpdus {
        port.send(tpdu);
    }
    per_segment(&modem)
}
