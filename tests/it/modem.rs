//! The line against the simulated modem, over a real pseudo-terminal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use callnumber::modem::{
    Arrivals, Keepers, Line, LineSettings, Phase, PortChoice, SubmitOutcome, start,
};
use callnumber::simulator::{Faults, PROFILES, Profile, Settings, SimulatedModem};
use callnumber::spool::Spool;
use callnumber::texting::LineRecords;
use tokio::sync::mpsc;

/// Far longer than anything here takes; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(30);

/// First octet, MR, DA +15551230100, PID, DCS, UDL, "hello" (TS 23.040 §9.2.2.2).
const HELLO: [u8; 18] = [
    0x01, 0x00, 0x0B, 0x91, 0x51, 0x55, 0x21, 0x03, 0x01, 0xF0, 0x00, 0x00, 0x05, 0xE8, 0x32, 0x9B,
    0xFD, 0x06,
];

/// A line, and someone who keeps every text that it brings.
struct Bench {
    line: Line,
    kept: Arc<Mutex<BTreeMap<Vec<u8>, usize>>>,
    directory: tempfile::TempDir,
}

fn simulated(profile: &'static Profile) -> (Settings, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let link = Some(directory.path().join("modem"));
    (
        Settings {
            profile,
            link,
            ..Settings::default()
        },
        directory,
    )
}

impl Bench {
    fn start(directory: tempfile::TempDir, change: impl FnOnce(&mut LineSettings)) -> Self {
        let path = directory.path().join("modem");
        let mut settings = LineSettings::new("front-desk", PortChoice::Path(path));
        change(&mut settings);
        let (sender, mut arrivals) = mpsc::channel::<Arrivals>(4);
        let (records, recorded) = mpsc::channel(4);
        let spool = Spool::open(&directory.path().join("spool.db")).unwrap();
        tokio::spawn(LineRecords::new(spool, "front-desk").run(recorded));
        let keepers = Keepers {
            records: Some(records),
            ..Keepers::default()
        };
        let line = start(settings, sender, keepers);
        let kept = Arc::new(Mutex::new(BTreeMap::new()));
        let keeping = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Some(batch) = arrivals.recv().await {
                for pdu in batch.pdus {
                    *keeping.lock().unwrap().entry(pdu.octets).or_insert(0) += 1;
                }
                let _ = batch.kept.send(true);
            }
        });
        Self {
            line,
            kept,
            directory,
        }
    }

    async fn is_ready(&self) {
        let mut status = self.line.status();
        let ready = status.wait_for(|status| status.phase == Phase::Ready);
        let met = tokio::time::timeout(PATIENCE, ready).await;
        assert!(met.is_ok(), "not ready: {:?}", self.line.status().borrow());
    }

    fn kept(&self) -> usize {
        self.kept.lock().unwrap().len()
    }
}

async fn drained(modem: &SimulatedModem, bench: &Bench, count: usize) {
    let all = modem.wait_for("an empty store", PATIENCE, |modem| {
        bench.kept() >= count && modem.stored().is_empty() && modem.waiting() == 0
    });
    if all.await.is_err() {
        panic!(
            "{} of {count} kept, {} stored, {} waiting; {:?}",
            bench.kept(),
            modem.stored().len(),
            modem.waiting(),
            bench.line.status().borrow()
        );
    }
}

#[tokio::test]
async fn every_make_of_modem_receives_and_sends() {
    for profile in &PROFILES {
        let (settings, directory) = simulated(profile);
        let modem = SimulatedModem::start(settings).await.unwrap();
        modem
            .patron_texts("+15551230100", "before the start")
            .unwrap();
        let bench = Bench::start(directory, |_| {});
        bench.is_ready().await;
        drained(&modem, &bench, 1).await;
        modem.patron_texts("+15551230101", "after it").unwrap();
        drained(&modem, &bench, 2).await;
        let outcome = bench.line.submit(HELLO.to_vec(), false).await;
        assert!(
            matches!(outcome, SubmitOutcome::Accepted { .. }),
            "{}: {outcome:?}",
            profile.name
        );
        let sent = modem.wait_until_sent(1, PATIENCE).await.unwrap();
        assert_eq!(
            (sent[0].to.as_str(), sent[0].text.as_str()),
            ("+15551230100", "hello")
        );
        let status = bench.line.status().borrow().clone();
        assert_eq!(status.phase, Phase::Ready, "{}", profile.name);
        assert_eq!(status.model.as_deref(), Some(profile.model));
    }
}

#[tokio::test]
async fn who_the_line_is_becomes_known() {
    for profile in &PROFILES {
        let (settings, directory) = simulated(profile);
        let modem = SimulatedModem::start(settings).await.unwrap();
        let bench = Bench::start(directory, |_| {});
        let mut status = bench.line.status();
        let known = status.wait_for(|status| {
            status.imei.is_some() && status.imsi.is_some() && status.iccid.is_some()
        });
        let known = tokio::time::timeout(PATIENCE, known).await;
        let status = known
            .unwrap_or_else(|_| panic!("{}", profile.name))
            .unwrap()
            .clone();
        assert_eq!(
            status.imei.as_deref(),
            Some("490154203237518"),
            "{}",
            profile.name
        );
        assert_eq!(
            status.iccid.as_deref(),
            Some("8900101012345678909"),
            "{}",
            profile.name
        );
        drop(modem);
    }
}

#[tokio::test]
async fn two_hundred_waiting_texts_are_drained_quickly() {
    let (settings, directory) = simulated(&PROFILES[0]);
    let modem = SimulatedModem::start(Settings {
        capacity: Some(250),
        ..settings
    })
    .await
    .unwrap();
    for n in 0..200 {
        modem
            .patron_texts("+15551230100", &format!("question {n}"))
            .unwrap();
    }
    modem.wait_until_stored(200, PATIENCE).await.unwrap();
    let begun = Instant::now();
    let bench = Bench::start(directory, |_| {});
    drained(&modem, &bench, 200).await;
    println!(
        "200 waiting texts drained in {:?}, start included",
        begun.elapsed()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_replugged_modem_is_found_within_two_seconds() {
    let (settings, directory) = simulated(&PROFILES[0]);
    let modem = SimulatedModem::start(settings).await.unwrap();
    let bench = Bench::start(directory, |_| {});
    bench.is_ready().await;
    for pause in [Duration::ZERO, Duration::from_secs(3)] {
        let before = bench.kept();
        modem.unplug().await;
        modem
            .patron_texts("+15551230100", &format!("while it was out {pause:?}"))
            .unwrap();
        tokio::time::sleep(pause).await; // the case itself: how long it is out
        modem.replug().await.unwrap();
        let back = Instant::now();
        drained(&modem, &bench, before + 1).await;
        println!(
            "out for {pause:?}: back in service after {:?}",
            back.elapsed()
        );
        assert!(
            back.elapsed() < Duration::from_secs(2),
            "{:?}",
            back.elapsed()
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_when_the_port_goes() {
    let (settings, directory) = simulated(&PROFILES[0]);
    let modem = SimulatedModem::start(settings).await.unwrap();
    let bench = Bench::start(directory, |_| {});
    bench.is_ready().await;
    modem.hold_result_of_next_send();
    let line = bench.line.clone();
    let sending = tokio::spawn(async move { line.submit(HELLO.to_vec(), false).await });
    modem.wait_until_sent(1, PATIENCE).await.unwrap();
    modem.unplug().await;
    let outcome = tokio::time::timeout(PATIENCE, sending)
        .await
        .unwrap()
        .unwrap();
    assert!(
        matches!(outcome, SubmitOutcome::Unknown { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_wrong_pin_costs_one_try_and_a_right_one_unlocks() {
    for (configured, tries_left, ready) in [("9999", 2, false), ("4321", 3, true)] {
        let (settings, directory) = simulated(&PROFILES[0]);
        let pin = Some("4321".to_owned());
        let modem = SimulatedModem::start(Settings { pin, ..settings })
            .await
            .unwrap();
        let bench = Bench::start(directory, |line| line.pin = Some(configured.to_owned()));
        let mut status = bench.line.status();
        let settled =
            status.wait_for(|status| matches!(status.phase, Phase::Ready | Phase::Stuck(_)));
        tokio::time::timeout(PATIENCE, settled)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(bench.line.status().borrow().phase == Phase::Ready, ready);
        assert_eq!(modem.pin_tries_left(), tries_left);
    }
}

#[tokio::test]
async fn a_code_is_asked_of_the_network() {
    let (settings, directory) = simulated(&PROFILES[0]);
    let _modem = SimulatedModem::start(settings).await.unwrap();
    let bench = Bench::start(directory, |_| {});
    bench.is_ready().await;
    assert_eq!(
        bench.line.ussd("*100#").await,
        Ok("Balance: $12.34".to_owned())
    );
    assert!(bench.directory.path().exists());
}

#[tokio::test]
async fn disorder_on_the_stream_loses_nothing() {
    for seed in [1, 2, 3] {
        let (settings, directory) =
            simulated(&PROFILES[usize::try_from(seed).unwrap() % PROFILES.len()]);
        let modem = SimulatedModem::start(settings).await.unwrap();
        // Noise between lines, codes inside responses, pieces, redelivery: nothing that costs time.
        modem.set_faults(Faults {
            seed,
            noise: 0.3,
            split: 0.3,
            redelivered: 0.2,
            piece_gap: Duration::from_millis(1),
            ..Faults::none()
        });
        let bench = Bench::start(directory, |line| line.sweep_every = Duration::from_secs(1));
        for n in 0..60 {
            modem
                .patron_texts("+15551230100", &format!("question {n}"))
                .unwrap();
        }
        drained(&modem, &bench, 60).await;
        for _ in 0..10 {
            let outcome = bench.line.submit(HELLO.to_vec(), false).await;
            assert!(
                matches!(outcome, SubmitOutcome::Accepted { .. }),
                "seed {seed}: {outcome:?}"
            );
        }
        assert_eq!(modem.sent_count(), 10, "seed {seed}");
    }
}

#[tokio::test]
async fn restarts_and_hang_ups_lose_no_text() {
    // Its restarts take the port away, so that nothing has to wait for an answer that never comes.
    let (settings, directory) = simulated(&PROFILES[2]);
    let modem = SimulatedModem::start(settings).await.unwrap();
    modem.set_faults(Faults {
        seed: 11,
        noise: 0.1,
        garbage: 0.02,
        restart: 0.01,
        hang_up: 0.01,
        pause: Duration::from_millis(100),
        ..Faults::none()
    });
    let bench = Bench::start(directory, |line| line.sweep_every = Duration::from_secs(1));
    for n in 0..40 {
        modem
            .patron_texts("+15551230100", &format!("question {n}"))
            .unwrap();
        if n % 10 == 9 {
            drained(&modem, &bench, n + 1).await;
        }
    }
}
