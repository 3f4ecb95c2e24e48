//! Ports and settings: what modems forget, refuse and drop, and what else is on the wire.

use std::path::Path;
use std::time::Duration;

use callnumber::modem::port::{self, OpenError};
use callnumber::modem::{Phase, Registration, SubmitOutcome};
use callnumber::simulator::{Ailment, Faults};
use tokio::time::Instant;

use crate::bench::{Bench, PATIENCE, PATRON, modem};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_02_without_indications_a_sweep_finds_the_text,
        row_04_an_indication_of_nothing_selects_the_memories_anew,
        row_05_memories_are_chosen_with_three_two_one_or_no_names,
        row_10_a_second_port_is_kept_from_filling_up,
        row_11_echo_short_results_and_text_mode_are_set_back,
        row_12_the_first_lines_go_unheard,
        row_13_a_busy_sim_is_waited_for,
        row_15_a_modem_stuck_in_data_mode_sends_nothing,
        row_34_a_pin_is_tried_once_and_a_puk_never,
        row_35_a_sim_that_dropped_off_is_started_anew,
        row_35_a_sim_that_is_pulled_out_without_a_word_is_noticed,
        row_36_any_good_registration_will_do_and_texts_wait_for_one,
        row_39_a_port_that_comes_back_under_another_name_is_opened_again,
        row_40_a_modem_that_restarts_is_set_up_again,
        row_41_a_brownout_is_lived_through,
        row_42_another_reader_is_kept_out_and_survived,
        row_43_the_systems_console_on_the_port_is_seen,
        row_44_unwired_handshakes_are_not_waited_for,
        row_48_a_refused_report_routing_falls_back,
    ]
}

async fn row_02_without_indications_a_sweep_finds_the_text() {
    for (profile, fixup) in [
        ("quectel-ec25", "+QURCCFG=\"URCPORT\""),
        ("simcom-sim7600", "+CATR"),
    ] {
        let bench = Bench::ready(profile).await;
        assert!(
            bench.asked_any_case(fixup) > 0,
            "{profile}: codes are sent for"
        );
        bench.modem.suffers(Ailment::Unannounced);
        tokio::time::sleep(Duration::from_secs(100)).await;
        let told = Instant::now();
        bench.modem.patron_texts(PATRON, "in silence").unwrap();
        bench.reads(&["in silence"]).await;
        assert!(
            told.elapsed() <= Duration::from_secs(31),
            "{:?}",
            told.elapsed()
        );
    }
}

async fn row_04_an_indication_of_nothing_selects_the_memories_anew() {
    let bench = Bench::ready("simcom-sim7600").await;
    tokio::time::sleep(Duration::from_secs(45)).await;
    let before = bench.modem.heard_count();
    bench.modem.suffers(Ailment::Drops { texts: 1 });
    bench
        .modem
        .patron_texts(PATRON, "dropped by the modem")
        .unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(bench.asked("+CPMS=", before) > 0, "selected anew");
    assert!(bench.asked("+CMGL", before) > 0, "and swept");
    bench.modem.patron_texts(PATRON, "stored again").unwrap();
    bench.reads(&["stored again"]).await;
}

async fn row_05_memories_are_chosen_with_three_two_one_or_no_names() {
    for count in [3, 2, 1, 0] {
        let modem = modem("generic", |_| {});
        modem.suffers(Ailment::Memories(count));
        modem.patron_texts(PATRON, "waiting").unwrap();
        let bench = Bench::on(modem);
        bench.is_ready().await;
        bench.modem.patron_texts(PATRON, "and another").unwrap();
        bench.reads(&["waiting", "and another"]).await;
    }
}

async fn row_10_a_second_port_is_kept_from_filling_up() {
    // Nobody reads the second port: after so many codes the stick hangs for good.
    let modem = modem("huawei-e3372", |settings| {
        settings.chatter_every = Some(Duration::from_secs(30));
    });
    modem.suffers(Ailment::SecondPortFills { codes: 100 });
    let bench = Bench::on(modem);
    bench.is_ready().await;
    assert!(bench.asked("^CURC=0", 0) > 0);
    tokio::time::sleep(Duration::from_secs(12 * 3600)).await;
    // A restart brings them back, and they are silenced again.
    bench.modem.power_cycle();
    tokio::time::sleep(Duration::from_secs(12 * 3600)).await;
    bench.modem.patron_texts(PATRON, "still there?").unwrap();
    bench.reads(&["still there?"]).await;
}

async fn row_11_echo_short_results_and_text_mode_are_set_back() {
    for profile in ["generic", "huawei-e3372", "simcom-sim800"] {
        let bench = Bench::ready(profile).await;
        for (number, pause) in [1, 29, 45, 300].into_iter().enumerate() {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let forgot = Instant::now();
            let before = bench.modem.heard_count();
            bench.modem.suffers(Ailment::Forgetful);
            let words = format!("after {number}");
            bench.modem.patron_texts(PATRON, &words).unwrap();
            bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
            let took = forgot.elapsed();
            assert!(took < Duration::from_secs(120), "{profile}: {took:?}");
            assert_eq!(bench.words().last(), Some(&words), "{profile}");
            for set in ["E0", "V1", "+CMEE=1", "+CMGF=0", "+CNMI="] {
                assert!(bench.asked(set, before) > 0, "{profile}: {set}");
            }
        }
    }
}

async fn row_12_the_first_lines_go_unheard() {
    for lines in [1, 5, 9] {
        let modem = modem("simcom-sim800", |_| {});
        modem.suffers(Ailment::Deaf { lines });
        let begun = Instant::now();
        let bench = Bench::on(modem);
        bench.is_ready().await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(60), "{lines}: {took:?}");
    }
}

async fn row_13_a_busy_sim_is_waited_for() {
    for profile in ["simcom-sim7600", "simcom-sim800", "generic"] {
        let modem = modem(profile, |settings| {
            settings.sim_busy = Duration::from_secs(50)
        });
        modem.power_cycle();
        let begun = Instant::now();
        let bench = Bench::on(modem);
        let settled = bench
            .status("settled", |status| {
                matches!(status.phase, Phase::Ready | Phase::Stuck(_))
            })
            .await;
        assert_eq!(settled.phase, Phase::Ready, "{profile}");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(60), "{profile}: {took:?}");
        bench.modem.patron_texts(PATRON, "awake").unwrap();
        bench.reads(&["awake"]).await;
    }
}

async fn row_15_a_modem_stuck_in_data_mode_sends_nothing() {
    let modem = modem("quectel-ec25", |_| {});
    modem.suffers(Ailment::InDataMode);
    let bench = Bench::on(modem);
    bench.is_ready().await;
    // And again in the middle of everything, as after another program's mistake.
    bench.modem.suffers(Ailment::InDataMode);
    bench.modem.patron_texts(PATRON, "anybody there?").unwrap();
    bench.reads(&["anybody there?"]).await;
    bench.is_ready().await;
    assert_eq!(
        bench.modem.sent_count(),
        0,
        "what stood at the prompt was not sent"
    );
}

async fn row_34_a_pin_is_tried_once_and_a_puk_never() {
    let modem = modem("generic", |settings| settings.pin = Some("4321".into()));
    let bench = Bench::with(modem, |line| line.pin = Some("9999".into()));
    bench
        .status("stuck", |status| matches!(status.phase, Phase::Stuck(_)))
        .await;
    assert_eq!(bench.modem.pin_tries_left(), 2);
    // However often it restarts or is plugged in: the attempt is on record.
    for _ in 0..5 {
        bench.modem.power_cycle();
        tokio::time::sleep(Duration::from_secs(120)).await;
        bench.modem.unplug().await;
        bench.modem.replug().await.unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
    assert_eq!(bench.modem.pin_tries_left(), 2);
    assert_eq!(bench.asked("+CPIN=", 0), 1);

    // The right one unlocks, after every power cut.
    let modem = crate::bench::modem("generic", |settings| settings.pin = Some("4321".into()));
    let bench = Bench::with(modem, |line| line.pin = Some("4321".into()));
    for entered in 1..=3 {
        let enters = |_: &_| bench.asked("+CPIN=", 0) == entered;
        let entered = bench.modem.wait_for("entering the PIN", PATIENCE, enters);
        entered.await.unwrap();
        bench.is_ready().await;
        bench.modem.power_cycle();
    }

    // A SIM that asks for its PUK is left alone.
    let modem = crate::bench::modem("generic", |_| {});
    modem.suffers(Ailment::Answers {
        command: "+CPIN?".into(),
        line: "+CPIN: SIM PUK".into(),
    });
    let bench = Bench::with(modem, |line| line.pin = Some("4321".into()));
    let status = bench
        .status("stuck", |status| matches!(status.phase, Phase::Stuck(_)))
        .await;
    assert!(
        format!("{:?}", status.phase).contains("PUK"),
        "{:?}",
        status.phase
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(bench.asked("+CPIN=", 0), 0);
}

async fn row_35_a_sim_that_dropped_off_is_started_anew() {
    for profile in ["simcom-sim7600", "quectel-ec25"] {
        let bench = Bench::ready(profile).await;
        tokio::time::sleep(Duration::from_secs(100)).await;
        bench.modem.suffers(Ailment::SimAsleep);
        bench.modem.patron_texts(PATRON, "hello?").unwrap();
        let begun = Instant::now();
        bench.reads(&["hello?"]).await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(15 * 60), "{profile}: {took:?}");
        bench.is_ready().await;
        assert!(bench.asked("+CFUN=1", 0) > 0, "{profile}");
    }
}

async fn row_35_a_sim_that_is_pulled_out_without_a_word_is_noticed() {
    for profile in ["simcom-sim7600", "quectel-ec25", "huawei-e3372"] {
        let bench = Bench::ready(profile).await;
        tokio::time::sleep(Duration::from_secs(100)).await;
        bench.modem.set_sim_inserted(false);
        let begun = Instant::now();
        bench
            .status(
                "stuck",
                |status| matches!(&status.phase, Phase::Stuck(words) if words.contains("the SIM")),
            )
            .await;
        // A look every half minute, and a minute in which a SIM may start.
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(120), "{profile}: {took:?}");
        bench.modem.set_sim_inserted(true);
        bench.is_ready().await;
        bench.modem.patron_texts(PATRON, "back again").unwrap();
        bench.reads(&["back again"]).await;
    }
}

async fn row_36_any_good_registration_will_do_and_texts_wait_for_one() {
    for (stat, good) in [
        (1, true),
        (5, true),
        (6, true),
        (7, true),
        (9, true),
        (10, true),
        (0, false),
        (2, false),
        (3, false),
        (11, false), // emergency calls only
    ] {
        let modem = modem("quectel-ec25", |_| {});
        modem.set_registration(stat);
        let bench = Bench::on(modem);
        tokio::time::sleep(Duration::from_secs(100)).await;
        let phase = bench.line.status().borrow().phase.clone();
        assert_eq!(phase == Phase::Ready, good, "{stat}: {phase:?}");
        if good {
            continue;
        }
        // Said in words, and what is to be sent is given back untried.
        assert!(matches!(phase, Phase::Stuck(_)), "{stat}: {phase:?}");
        let outcome = bench.sends().await;
        assert!(
            matches!(&outcome, SubmitOutcome::Refused(_)),
            "{stat}: {outcome:?}"
        );
        assert_eq!(bench.asked("+CMGS", 0), 0);
        // A scan for networks takes minutes, in which nothing else can be asked.
        assert_eq!(bench.asked("+COPS=?", 0), 0);
        bench.modem.set_registration(5);
        let status = bench
            .status("ready", |status| status.phase == Phase::Ready)
            .await;
        assert_eq!(status.registration, Registration::Roaming);
        assert!(matches!(
            bench.sends().await,
            SubmitOutcome::Accepted { .. }
        ));
    }
}

async fn row_39_a_port_that_comes_back_under_another_name_is_opened_again() {
    let bench = Bench::ready("huawei-e3372").await;
    let mut words = Vec::new();
    for number in 0..5 {
        let before = bench.line.status().borrow().port.clone();
        bench.modem.unplug().await;
        let text = format!("while it was out {number}");
        bench.modem.patron_texts(PATRON, &text).unwrap();
        words.push(text);
        tokio::time::sleep(Duration::from_secs(number * 7)).await;
        bench.modem.replug().await.unwrap();
        let back = Instant::now();
        let status = bench
            .status("back", |status| {
                status.phase == Phase::Ready && status.port != before
            })
            .await;
        assert!(status.port.is_some());
        assert!(
            back.elapsed() < Duration::from_secs(3),
            "{:?}",
            back.elapsed()
        );
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    bench.reads(&words).await;
}

async fn row_40_a_modem_that_restarts_is_set_up_again() {
    for profile in [
        "generic",
        "huawei-e3372",
        "quectel-ec25",
        "simcom-sim7600",
        "simcom-sim800",
    ] {
        let modem = modem(profile, |settings| {
            settings.boot_time = Duration::from_secs(8);
            settings.sim_busy = Duration::from_secs(4);
        });
        let bench = Bench::on(modem);
        bench.is_ready().await;
        for number in 0..3 {
            tokio::time::sleep(Duration::from_secs(70)).await;
            let before = bench.modem.heard_count();
            let words = format!("{profile} {number}");
            bench.modem.power_cycle();
            bench.modem.patron_texts(PATRON, &words).unwrap();
            bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
            assert_eq!(bench.words().last(), Some(&words));
            // A restart forgets where indications go.
            tokio::time::sleep(Duration::from_secs(70)).await;
            assert!(bench.asked("+CNMI=", before) > 0, "{profile}");
            bench.is_ready().await;
        }
    }
}

async fn row_41_a_brownout_is_lived_through() {
    for profile in ["simcom-sim800", "quectel-ec25"] {
        let bench = Bench::ready(profile).await;
        for (number, off) in [1, 20, 100].into_iter().enumerate() {
            bench
                .modem
                .suffers(Ailment::Brownout(Duration::from_secs(off)));
            let words = format!("{profile} {number}");
            bench.modem.patron_texts(PATRON, &words).unwrap();
            bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
            assert_eq!(bench.words().last(), Some(&words));
            bench.is_ready().await;
        }
    }
}

async fn row_42_another_reader_is_kept_out_and_survived() {
    // Who asks for the port while we have it is told who holds it.
    let (_master, slave) = tokio_serial::SerialStream::pair().unwrap();
    let path = Path::new(&serialport::SerialPort::name(&slave).unwrap()).to_owned();
    drop(slave);
    let held = port::open_tty(&path, 115_200).await.unwrap();
    let refused = port::open_tty(&path, 115_200).await.unwrap_err();
    assert!(matches!(refused, OpenError::Busy { .. }), "{refused}");
    assert!(refused.to_string().contains("ModemManager"), "{refused}");
    drop(held);
    // ModemManager is told to keep off.
    let rules = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/udev/60-callnumber.rules"
    ));
    assert!(rules.unwrap().contains("ID_MM_DEVICE_IGNORE"));
    // One that reads all the same takes octets, and no text with them.
    for seed in 1..=5 {
        let bench = Bench::ready("quectel-ec25").await;
        bench.modem.set_faults(Faults {
            seed,
            stolen: 0.2,
            ..Faults::none()
        });
        let all: Vec<String> = (0..60).map(|number| format!("question {number}")).collect();
        for words in &all {
            bench.modem.patron_texts(PATRON, words).unwrap();
            tokio::time::sleep(Duration::from_secs(7)).await;
        }
        bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
        let mut words = bench.words();
        words.sort();
        let mut expected = all.clone();
        expected.sort();
        assert_eq!(words, expected, "seed {seed}");
    }
}

async fn row_43_the_systems_console_on_the_port_is_seen() {
    for (device, kernel, console) in [
        (
            "/dev/ttyAMA0",
            "console=serial0,115200 console=tty1 root=PARTUUID=1",
            true,
        ),
        ("/dev/ttyS0", "console=serial0,115200", true), // the mini-UART
        ("/dev/ttyAMA10", "console=ttyAMA10,115200", true), // Pi 5: the debug connector
        ("/dev/ttyAMA0", "console=tty1", false),
        ("/dev/ttyUSB2", "console=serial0,115200 console=tty1", false),
    ] {
        assert_eq!(
            port::is_console(Path::new(device), kernel),
            console,
            "{device} {kernel}"
        );
    }
}

async fn row_44_unwired_handshakes_are_not_waited_for() {
    for profile in ["simcom-sim800", "generic"] {
        let bench = Bench::ready(profile).await;
        assert!(bench.asked("+IFC=0,0", 0) > 0, "{profile}: RTS and CTS");
        assert!(bench.asked("&D0", 0) > 0, "{profile}: DTR");
        // And at every setup, since a restart forgets it.
        let before = bench.modem.heard_count();
        bench.modem.power_cycle();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(bench.asked("+IFC=0,0", before) > 0, "{profile}");
        assert!(bench.asked("&D0", before) > 0, "{profile}");
    }
}

async fn row_48_a_refused_report_routing_falls_back() {
    for (profile, refused) in [
        ("generic", &[][..]),
        ("quectel-ec25", &[][..]), // refuses ds=1 by itself
        ("generic", &["+CNMI=2,1,2,1,0", "+CNMI=2,1,2,2,0"]),
    ] {
        let modem = modem(profile, |_| {});
        for command in refused {
            modem.suffers(Ailment::Refuses {
                command: (*command).into(),
                result: "+CMS ERROR: 303".into(),
                times: u32::MAX,
            });
        }
        let bench = Bench::on(modem);
        bench.is_ready().await;
        bench.modem.patron_texts(PATRON, "announced").unwrap();
        bench.reads(&["announced"]).await;
        let last = bench
            .modem
            .heard()
            .into_iter()
            .rfind(|heard| heard.line.starts_with("+CNMI="));
        let settings = match (profile, refused.len()) {
            ("generic", 0) => "+CNMI=2,1,2,1,0",
            ("generic", _) => "+CNMI=2,1,2,0,0",
            _ => "+CNMI=2,1,2,2,0",
        };
        assert_eq!(last.unwrap().line, settings, "{profile}");
    }
}
