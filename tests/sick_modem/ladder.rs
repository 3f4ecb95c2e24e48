//! The recovery ladder: networks, ports and supplies that go, and how they are fetched back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callnumber::modem::restart::{RestartError, Restarter, Whereabouts};
use callnumber::modem::{LineStatus, Phase, SubmitOutcome};
use callnumber::simulator::{Ailment, SimulatedModem};

use crate::bench::{Bench, PATRON, modem};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_36_without_a_network_the_radio_is_restarted_each_hour_and_nothing_more,
        row_37_lte_that_takes_no_text_gets_ims_and_a_fresh_radio,
        row_39_a_port_that_comes_back_is_used_within_two_seconds,
        row_40_a_modem_that_restarts_is_set_up_anew,
        row_41_restarts_of_its_own_accord_name_the_supply,
        row_41_a_modem_that_hangs_for_good_is_powered_off_and_on,
    ]
}

fn matching(bench: &Bench, from: usize, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let heard = bench.modem.heard();
    let lines = heard.into_iter().skip(from).map(|heard| heard.line);
    lines.filter(|line| wanted(line)).collect()
}

async fn row_36_without_a_network_the_radio_is_restarted_each_hour_and_nothing_more() {
    let bench = Bench::ready("simcom-sim7600").await;
    let from = bench.modem.heard_count();
    bench.modem.set_registration(3);
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    assert!(matches!(
        &bench.line.status().borrow().phase,
        Phase::Stuck(words) if words.contains("refuses")
    ));
    let recovery = bench.line.status().borrow().recovery.clone();
    assert_eq!(recovery.counts[3], 5, "after 10 min, then hourly");
    assert_eq!(recovery.counts[4..], [0; 4]);
    for harder in ["+CFUN=1,1", "+CRESET", "+COPS=?"] {
        assert_eq!(bench.asked(harder, from), 0, "{harder}");
    }
    bench.modem.set_registration(1);
    bench.is_ready().await;
    assert!(matches!(
        bench.sends().await,
        SubmitOutcome::Accepted { .. }
    ));
}

async fn row_37_lte_that_takes_no_text_gets_ims_and_a_fresh_radio() {
    let bench = Bench::on(modem("quectel-ec25", |_| {}));
    // The circuit switched network is gone.
    for domain in ["+CREG?", "+CGREG?"] {
        bench.modem.suffers(Ailment::Refuses {
            command: domain.into(),
            result: "ERROR".into(),
            times: u32::MAX,
        });
    }
    bench.is_ready().await;
    let from = bench.modem.heard_count();
    bench.modem.fail_next_sends(&[331, 331, 331]);
    for _ in 0..3 {
        assert!(matches!(bench.sends().await, SubmitOutcome::Refused(_)));
    }
    bench
        .status("restarting its radio", |status| {
            status.recovery.counts[3] == 1
        })
        .await;
    bench.is_ready().await;
    let lines = matching(&bench, from, |line| {
        line.starts_with("+CFUN=") || line.starts_with("+QCFG=")
    });
    assert_eq!(lines, ["+CFUN=0", "+QCFG=\"ims\",1", "+CFUN=1"]);
    assert!(matches!(
        bench.sends().await,
        SubmitOutcome::Accepted { .. }
    ));
}

async fn row_39_a_port_that_comes_back_is_used_within_two_seconds() {
    let bench = Bench::ready("quectel-ec25").await;
    for pause in [Duration::ZERO, Duration::from_secs(3600)] {
        bench.modem.unplug().await;
        let words = bench
            .status("told", |status| matches!(status.phase, Phase::NoPort(_)))
            .await;
        let before = words.port;
        tokio::time::sleep(pause).await;
        bench
            .modem
            .patron_texts(PATRON, &format!("{pause:?}"))
            .unwrap();
        let path = bench.modem.replug().await.unwrap();
        let back = tokio::time::Instant::now();
        bench
            .status("on its new port", |status| {
                status.port.as_ref() == Some(&path) && status.phase == Phase::Ready
            })
            .await;
        assert_ne!(before.as_ref(), Some(&path));
        assert!(
            back.elapsed() <= Duration::from_secs(2),
            "{:?}",
            back.elapsed()
        );
    }
    bench.reads(&["0ns", "3600s"]).await;
}

async fn row_40_a_modem_that_restarts_is_set_up_anew() {
    for profile in [
        "simcom-sim800",
        "quectel-ec25",
        "huawei-e3372",
        "simcom-sim7600",
    ] {
        let bench = Bench::on(modem(profile, |settings| {
            settings.boot_time = Duration::from_secs(8);
            settings.sim_busy = Duration::from_secs(20);
        }));
        bench.is_ready().await;
        let from = bench.modem.heard_count();
        bench.modem.power_cycle();
        bench
            .status("down", |status| status.phase != Phase::Ready)
            .await;
        bench.is_ready().await;
        assert!(bench.asked("+CNMI=", from) > 0, "{profile}: announcements");
        assert!(bench.asked("+CMGF=0", from) > 0, "{profile}: PDU mode");
        bench.modem.patron_texts(PATRON, "hello").unwrap();
        bench.reads(&["hello"]).await;
    }
}

async fn row_41_restarts_of_its_own_accord_name_the_supply() {
    let bench = Bench::on(modem("quectel-ec25", |settings| {
        settings.boot_time = Duration::from_secs(8);
    }));
    bench.is_ready().await;
    for _ in 0..3 {
        bench.modem.power_cycle();
        bench
            .status("down", |status| status.phase != Phase::Ready)
            .await;
        bench.is_ready().await;
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
    let status = bench.line.status().borrow().clone();
    assert_eq!(status.recovery.restarts, 3);
    assert!(status.alarm.is_some_and(|words| words.contains("2 A")));
    // An hour without another takes the alarm back.
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(bench.line.status().borrow().alarm, None);
}

/// The power of a simulated modem.
struct Supply {
    modem: Arc<SimulatedModem>,
    cut: AtomicUsize,
}

impl Restarter for Supply {
    fn name(&self) -> String {
        "its supply".into()
    }

    fn restart(&self, _: &Whereabouts) -> Result<(), RestartError> {
        self.cut.fetch_add(1, Ordering::SeqCst);
        self.modem.power_cycle();
        Ok(())
    }
}

/// A kernel that cannot reach it.
struct OutOfReach;

impl Restarter for OutOfReach {
    fn name(&self) -> String {
        "nothing".into()
    }

    fn restart(&self, _: &Whereabouts) -> Result<(), RestartError> {
        Err(RestartError::OutOfReach)
    }
}

async fn row_41_a_modem_that_hangs_for_good_is_powered_off_and_on() {
    let modem = modem("simcom-sim800", |settings| {
        settings.boot_time = Duration::from_secs(8);
    });
    let supply = Arc::new(Supply {
        modem: Arc::clone(&modem),
        cut: AtomicUsize::new(0),
    });
    let bench = Bench::equipped(modem, |keepers| {
        keepers.replug = vec![Arc::new(OutOfReach)];
        keepers.power = vec![Arc::clone(&supply) as _];
    });
    bench.is_ready().await;
    bench.modem.patron_texts(PATRON, "before").unwrap();
    bench.reads(&["before"]).await;
    // A week would pass: only the power helps.
    bench
        .modem
        .suffers(Ailment::Silent(Duration::from_secs(7 * 86_400)));
    bench.modem.patron_texts(PATRON, "meanwhile").unwrap();
    let hung = tokio::time::Instant::now();
    bench
        .status("climbing", |status: &LineStatus| status.recovery.rung >= 4)
        .await;
    bench.is_ready().await;
    assert!(
        hung.elapsed() < Duration::from_secs(600),
        "{:?}",
        hung.elapsed()
    );
    assert_eq!(supply.cut.load(Ordering::SeqCst), 1);
    bench.reads(&["before", "meanwhile"]).await;
    let status = bench.line.status().borrow().clone();
    assert_eq!((status.recovery.rung, status.alarm), (0, None));
    assert_eq!(status.recovery.counts[6], 1);
}
