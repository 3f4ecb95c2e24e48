//! The terms a line sets up with its modem: what it must be told each time, and what it refuses.

use std::time::Duration;

use callnumber::modem::port::{OpenError, Opener, SerialOpener, open_tty};
use callnumber::modem::usb::Machine;
use callnumber::modem::{Keepers, LineSettings, Phase, PortChoice};
use callnumber::simulator::{Ailment, Settings, SimulatedModem};

use crate::bench::{Bench, PATRON, modem};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_02_announcements_that_go_elsewhere_cost_half_a_minute,
        row_04_texts_that_are_announced_and_nowhere_are_called_out,
        row_05_memories_are_chosen_with_as_many_words_as_it_takes,
        row_10_reports_for_nobody_are_switched_off,
        row_11_a_modem_that_forgot_its_settings_is_told_them_again,
        row_12_what_a_modem_swallows_at_first_is_said_again,
        row_13_a_sim_that_starts_slowly_is_asked_each_second,
        row_33_a_missing_service_centre_is_called_out_or_set,
        row_42_a_port_in_use_names_who_and_what_to_do,
        row_43_the_console_is_not_talked_to,
        row_44_neither_flow_control_nor_dtr_matters,
        row_48_announcements_are_asked_for_as_the_modem_likes_them,
    ]
}

fn refuses(command: &str, result: &str) -> Ailment {
    Ailment::Refuses {
        command: command.into(),
        result: result.into(),
        times: u32::MAX,
    }
}

async fn row_02_announcements_that_go_elsewhere_cost_half_a_minute() {
    for (profile, route) in [
        ("quectel-ec25", "+QURCCFG=\"urcport\",\"all\""),
        ("simcom-sim7600", "+CATR=0"),
    ] {
        let bench = Bench::ready(profile).await;
        assert_eq!(bench.asked(route, 0), 1, "{profile}");
        bench.modem.suffers(Ailment::Unannounced);
        let sent = tokio::time::Instant::now();
        bench.modem.patron_texts(PATRON, "hello").unwrap();
        bench.reads(&["hello"]).await;
        assert!(
            sent.elapsed() <= Duration::from_secs(31),
            "{:?}",
            sent.elapsed()
        );
    }
}

async fn row_04_texts_that_are_announced_and_nowhere_are_called_out() {
    let bench = Bench::ready("quectel-ec25").await;
    bench.modem.suffers(Ailment::Drops { texts: 3 });
    for n in 1..=3 {
        let from = bench.modem.heard_count();
        bench
            .modem
            .patron_texts(PATRON, &format!("lost {n}"))
            .unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(
            bench.asked("+CPMS=", from) > 0,
            "the memories are chosen anew"
        );
        assert!(bench.asked("+CMGL=4", from) > 0);
    }
    let alarm = bench.line.status().borrow().alarm.clone();
    assert!(alarm.is_some_and(|words| words.contains("without storing")));
    bench.modem.patron_texts(PATRON, "kept").unwrap();
    bench.reads(&["kept"]).await;
}

async fn row_05_memories_are_chosen_with_as_many_words_as_it_takes() {
    for (profile, words) in [
        ("huawei-e3372", 3),
        ("generic", 3),
        ("generic", 2),
        ("generic", 1),
        ("generic", 0),
    ] {
        let modem = modem(profile, |_| {});
        modem.suffers(Ailment::Memories(words));
        let bench = Bench::on(modem);
        bench.is_ready().await;
        bench.modem.patron_texts(PATRON, "hello").unwrap();
        bench.reads(&["hello"]).await;
    }
}

async fn row_10_reports_for_nobody_are_switched_off() {
    let bench = Bench::on(modem("huawei-e3372", |settings| {
        settings.chatter_every = Some(Duration::from_secs(3));
        settings.boot_time = Duration::from_secs(8);
    }));
    bench.is_ready().await;
    assert_eq!(bench.asked("^CURC=0", 0), 1);
    bench.modem.power_cycle();
    bench
        .status("down", |status| status.phase != Phase::Ready)
        .await;
    bench.is_ready().await;
    assert!(bench.asked("^CURC=0", 0) >= 2, "again after each restart");
}

async fn row_11_a_modem_that_forgot_its_settings_is_told_them_again() {
    let bench = Bench::ready("generic").await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let from = bench.modem.heard_count();
    bench.modem.suffers(Ailment::Forgetful);
    bench.modem.patron_texts(PATRON, "hello").unwrap();
    bench.reads(&["hello"]).await;
    for told in ["E0", "V1", "+CMEE=1", "+CMGF=0", "+CNMI="] {
        assert!(bench.asked(told, from) > 0, "{told}");
    }
}

async fn row_12_what_a_modem_swallows_at_first_is_said_again() {
    let modem = modem("simcom-sim800", |_| {});
    modem.suffers(Ailment::Deaf { lines: 9 });
    let bench = Bench::on(modem);
    bench.is_ready().await;
    assert_eq!(
        bench.asked("+IPR?", 0),
        1,
        "asked whether it guesses its speed"
    );
    let status = bench.line.status().borrow().clone();
    assert_eq!(
        status.recovery.counts[2], 0,
        "ten are tried before the port is closed"
    );
}

async fn row_13_a_sim_that_starts_slowly_is_asked_each_second() {
    let bench = Bench::on(modem("simcom-sim7600", |settings| {
        settings.sim_busy = Duration::from_secs(50);
        settings.boot_time = Duration::from_secs(8);
    }));
    bench.is_ready().await;
    let from = bench.modem.heard_count();
    bench.modem.power_cycle();
    bench
        .status("down", |status| status.phase != Phase::Ready)
        .await;
    let down = tokio::time::Instant::now();
    bench.is_ready().await;
    assert!(
        down.elapsed() <= Duration::from_secs(70),
        "{:?}",
        down.elapsed()
    );
    assert_eq!(bench.asked("+CFUN=0", from), 0, "it is starting, not ill");
    bench.modem.patron_texts(PATRON, "hello").unwrap();
    bench.reads(&["hello"]).await;
}

async fn row_33_a_missing_service_centre_is_called_out_or_set() {
    let bare = |settings: &mut Settings| settings.service_centre = String::new();
    let bench = Bench::on(modem("generic", bare));
    bench
        .status("called out", |status| {
            status
                .alarm
                .as_ref()
                .is_some_and(|words| words.contains("`smsc`"))
        })
        .await;
    let bench = Bench::with(modem("generic", bare), |settings| {
        settings.smsc = Some("+15550109998".into());
    });
    let known = bench
        .status("set", |status| {
            status.smsc.is_some() && status.phase == Phase::Ready
        })
        .await;
    assert_eq!(known.smsc.as_deref(), Some("+15550109998"));
    assert_eq!(known.alarm, None);
    assert_eq!(bench.asked("+CSCA=\"+15550109998\"", 0), 1);
}

async fn row_42_a_port_in_use_names_who_and_what_to_do() {
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let first = open_tty(&modem.port(), 115_200).await.unwrap();
    let error = open_tty(&modem.port(), 115_200).await.unwrap_err();
    assert!(matches!(error, OpenError::Busy { .. }), "{error}");
    assert!(!error.is_sick(), "no modem is restarted for that");
    assert!(error.to_string().contains("ModemManager"), "{error}");
    drop(first);
}

async fn row_43_the_console_is_not_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    let console = folder.path().join("sys/class/tty/console");
    std::fs::create_dir_all(&console).unwrap();
    std::fs::create_dir_all(folder.path().join("dev")).unwrap();
    std::fs::write(console.join("active"), "tty1 ttyAMA0\n").unwrap();
    let port = folder.path().join("dev/ttyAMA0");
    std::fs::write(&port, "").unwrap();
    let settings = LineSettings::new("front-desk", PortChoice::Path(port));
    let keepers = Keepers::default();
    let machine = Machine::drawn_in(folder.path());
    let mut opener = SerialOpener::new(machine, &settings, &keepers);
    let error = opener.open().await.map(|opened| opened.path).unwrap_err();
    assert!(matches!(error, OpenError::Console { .. }), "{error}");
    for words in ["cmdline.txt", "serial-getty@ttyAMA0"] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

async fn row_44_neither_flow_control_nor_dtr_matters() {
    let bench = Bench::ready("simcom-sim800").await;
    for told in ["+IFC=0,0", "&D0"] {
        assert_eq!(bench.asked(told, 0), 1, "{told}");
    }
    // One that knows neither is driven all the same.
    let modem = modem("generic", |_| {});
    modem.suffers(refuses("+IFC", "ERROR"));
    modem.suffers(refuses("&D", "ERROR"));
    let bench = Bench::on(modem);
    bench.is_ready().await;
    bench.modem.patron_texts(PATRON, "hello").unwrap();
    bench.reads(&["hello"]).await;
}

async fn row_48_announcements_are_asked_for_as_the_modem_likes_them() {
    let asked = |bench: &Bench| -> Vec<String> {
        let heard = bench.modem.heard().into_iter().map(|heard| heard.line);
        heard.filter(|line| line.starts_with("+CNMI=")).collect()
    };
    // Qualcomm refuses to deliver reports directly.
    let bench = Bench::ready("quectel-ec25").await;
    assert_eq!(asked(&bench), ["+CNMI=2,1,2,1,0", "+CNMI=2,1,2,2,0"]);
    let modem = modem("generic", |_| {});
    for refused in ["+CNMI=2,1,2,1,0", "+CNMI=2,1,2,2,0"] {
        modem.suffers(refuses(refused, "+CMS ERROR: 303"));
    }
    let bench = Bench::on(modem);
    bench.is_ready().await;
    assert_eq!(
        asked(&bench).last().map(String::as_str),
        Some("+CNMI=2,1,2,0,0")
    );
    let sent = tokio::time::Instant::now();
    bench.modem.patron_texts(PATRON, "hello").unwrap();
    bench.reads(&["hello"]).await;
    assert!(sent.elapsed() < Duration::from_secs(5), "announced");
}
