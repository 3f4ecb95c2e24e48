//! What people's own modems do, from public reports: memories without places, modes and character sets
//! left behind, results that are missing, ports that sleep.

use std::time::Duration;

use callnumber::modem::{Phase, Registration, SubmitOutcome};
use callnumber::simulator::Ailment;

use crate::bench::{Bench, PATRON, modem};
use crate::house::House;
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_51_a_sim_without_places_is_passed_over_for_a_memory_that_has_some,
        row_51_without_any_places_the_line_says_that_it_is_deaf,
        row_51_a_memory_that_counts_texts_and_shows_none_is_left_and_called_out,
        row_51_a_listing_that_is_refused_is_asked_for_otherwise,
        row_51_text_mode_for_good_is_said_and_not_set_up_for_ever,
        row_51_a_modem_that_carries_out_one_command_a_line_is_heard,
        row_52_a_reply_never_leaves_in_text_mode,
        row_53_words_that_come_in_text_mode_are_shown_and_the_modem_is_set_up_again,
        row_54_an_answer_without_its_ok_is_an_answer,
        row_55_a_sim_that_refuses_in_its_own_words_is_waited_for,
        row_55_a_setup_that_lacked_something_is_done_again,
        row_56_strings_in_ucs2_are_read_and_written,
        row_57_codes_are_known_however_they_are_spelled,
        row_58_a_hint_at_a_memory_that_nobody_offers_leads_to_the_text,
        row_59_registered_by_the_fifth_generation_alone_is_registered,
        row_60_a_port_that_sleeps_is_woken,
        row_63_a_radio_that_stays_off_is_named_and_not_the_antenna,
        row_64_a_result_that_is_lost_holds_reading_for_a_minute_at_most,
    ]
}

fn refuses(command: &str, result: &str, times: u32) -> Ailment {
    Ailment::Refuses {
        command: command.into(),
        result: result.into(),
        times,
    }
}

async fn row_51_a_sim_without_places_is_passed_over_for_a_memory_that_has_some() {
    for profile in ["generic", "huawei-e3372", "simcom-sim800"] {
        let modem = modem(profile, |_| {});
        modem.suffers(Ailment::NoPlaces("SM".into()));
        let bench = Bench::on(modem);
        bench.is_ready().await;
        bench
            .modem
            .patron_texts(PATRON, "held at the network")
            .unwrap();
        bench.reads(&["held at the network"]).await;
        let slot = bench.kept()[0].slot.clone().unwrap();
        assert_eq!(slot.memory, "ME", "{profile}");
    }
}

async fn row_51_without_any_places_the_line_says_that_it_is_deaf() {
    let modem = modem("generic", |_| {});
    for memory in ["SM", "ME", "MT"] {
        modem.suffers(Ailment::NoPlaces(memory.into()));
    }
    let bench = Bench::on(modem);
    let status = bench
        .status("called out", |status| status.alarm.is_some())
        .await;
    assert!(
        matches!(&status.phase, Phase::Stuck(words) if words.contains("no places")),
        "{:?}",
        status.phase
    );
    assert!(!status.works());
    // Never for a moment is it called ready.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_ne!(bench.line.status().borrow().phase, Phase::Ready);
}

async fn row_51_a_memory_that_counts_texts_and_shows_none_is_left_and_called_out() {
    let bench = Bench::ready("quectel-ec25").await;
    bench.modem.suffers(Ailment::ShowsNone("ME".into()));
    bench.modem.patron_texts(PATRON, "lost in ME").unwrap();
    let status = bench
        .status("called out", |status| {
            let alarm = status.alarm.as_deref().unwrap_or_default();
            alarm.contains("ME") && status.phase == Phase::Ready
        })
        .await;
    assert!(status.alarm.unwrap().contains("shows none"));
    // From now on texts arrive where they can be read.
    bench.modem.patron_texts(PATRON, "into SM").unwrap();
    while bench.words().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(bench.words(), ["into SM"]);
    // Once it shows them again nobody is called for any more.
    bench.modem.recovers();
    bench.reads(&["into SM", "lost in ME"]).await;
    bench.status("well", |status| status.alarm.is_none()).await;
}

async fn row_51_a_listing_that_is_refused_is_asked_for_otherwise() {
    for (refused, asked) in [(&["+CMGL=4"][..], "+CMGL=\"ALL\""), (&["+CMGL"], "+CMGR=")] {
        let modem = modem("quectel-ec25", |settings| settings.capacity = Some(20));
        for command in refused {
            modem.suffers(refuses(command, "+CMS ERROR: 303", u32::MAX));
        }
        // The simulator knows the word only in text mode.
        if asked.starts_with("+CMGL") {
            modem.suffers(Ailment::Answers {
                command: asked.into(),
                line: "+CMGL: 0,0,,24\r\n00040B915155210013F00000321011419034800568656C6C6F".into(),
            });
        }
        let bench = Bench::on(modem);
        bench.modem.patron_texts(PATRON, "hello").unwrap();
        bench.is_ready().await;
        while bench.kept().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(bench.asked(asked, 0) > 0);
    }
}

async fn row_51_text_mode_for_good_is_said_and_not_set_up_for_ever() {
    let modem = modem("quectel-ec25", |_| {});
    modem.suffers(Ailment::TextModeStays);
    let bench = Bench::on(modem);
    let status = bench
        .status("called out", |status| status.alarm.is_some())
        .await;
    assert!(
        matches!(&status.phase, Phase::Stuck(words) if words.contains("text mode")),
        "{status:?}"
    );
    let from = bench.modem.heard_count();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(bench.asked("+CMGF=0", from) < 40);
    assert_ne!(bench.line.status().borrow().phase, Phase::Ready);
    bench.modem.recovers();
    bench.modem.patron_texts(PATRON, "hello").unwrap();
    bench.reads(&["hello"]).await;
    bench.status("well", |status| status.alarm.is_none()).await;
}

async fn row_51_a_modem_that_carries_out_one_command_a_line_is_heard() {
    let modem = modem("generic", |_| {});
    modem.suffers(Ailment::FirstAlone);
    let bench = Bench::on(modem);
    bench.is_ready().await;
    let told = tokio::time::Instant::now();
    bench.modem.patron_texts(PATRON, "hello").unwrap();
    bench.reads(&["hello"]).await;
    assert!(
        told.elapsed() < Duration::from_secs(20),
        "{:?}",
        told.elapsed()
    );
    bench.sends().await;
    assert_eq!(bench.modem.sent_count(), 1);
}

async fn row_52_a_reply_never_leaves_in_text_mode() {
    for one_at_a_time in [false, true] {
        let modem = modem("quectel-ec25", |_| {});
        if one_at_a_time {
            modem.suffers(Ailment::OneAtATime);
        }
        let mut house = House::on(modem).await;
        house.is_ready().await;
        house.modem.patron_texts(PATRON, "Is my book in?").unwrap();
        house.shows(&["Is my book in?"]).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        house.modem.suffers(Ailment::FallsBack);
        house.answers(1, "Yes, it is.").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            house.sent(),
            [(PATRON.to_owned(), "Yes, it is.".to_owned())],
            "{one_at_a_time}"
        );
    }
}

async fn row_53_words_that_come_in_text_mode_are_shown_and_the_modem_is_set_up_again() {
    for (charset, words) in [
        (None, "pushed in text mode"),
        (None, "RING"),
        (Some("UCS2"), "¿dónde está? já"),
    ] {
        let modem = modem("quectel-ec25", |_| {});
        if let Some(charset) = charset {
            modem.suffers(Ailment::Charset(charset));
        }
        let mut house = House::on(modem).await;
        house.is_ready().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let from = house.modem.heard_count();
        house.modem.suffers(Ailment::FallsBack);
        house.modem.patron_texts(PATRON, words).unwrap();
        house.shows(&[words]).await;
        // Marked, and the words are the patron's own.
        let marked = house
            .until("marked", async |house: &House| {
                let notes: Vec<String> = house
                    .read(|connection| {
                        let mut rows = connection.prepare("SELECT text FROM note ORDER BY id")?;
                        let notes = rows.query_map([], |row| row.get(0))?;
                        Ok(notes.collect::<rusqlite::Result<_>>()?)
                    })
                    .await;
                notes.into_iter().find(|note| note.contains("handed"))
            })
            .await;
        assert!(marked.contains("without its time"), "{marked}");
        tokio::time::sleep(Duration::from_secs(10)).await;
        let heard = house.modem.heard();
        let told = heard.iter().skip(from);
        let set = told
            .filter(|heard| heard.line.starts_with("+CNMI=2,1"))
            .count();
        assert!(set > 0, "set up again");
        house.modem.patron_texts(PATRON, "as ever").unwrap();
        house.shows(&[words, "as ever"]).await;
    }
}

async fn row_54_an_answer_without_its_ok_is_an_answer() {
    for command in [
        "+CPIN?", "+CPMS=", "+CPMS?", "+CPMS=?", "+CREG?", "+CSCA?", "+COPS?",
    ] {
        let modem = modem("generic", |_| {});
        modem.suffers(Ailment::LacksOk {
            command: command.into(),
        });
        let bench = Bench::on(modem);
        let begun = tokio::time::Instant::now();
        bench.is_ready().await;
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{command}: {:?}",
            begun.elapsed()
        );
        bench.modem.patron_texts(PATRON, "hello").unwrap();
        bench.reads(&["hello"]).await;
        bench.sends().await;
        assert_eq!(bench.modem.sent_count(), 1, "{command}");
        let counts = bench.line.status().borrow().recovery.counts;
        assert_eq!(counts, [0; 8], "{command}: nothing was wrong");
    }
}

async fn row_55_a_sim_that_refuses_in_its_own_words_is_waited_for() {
    for result in [
        "+CMS ERROR: 515",
        "+CMS ERROR: 517",
        "+CMS ERROR: 532",
        "+CMS ERROR: 302",
        "+CMS ERROR: Device busy",
        "+CME ERROR: 14",
        "ERROR",
    ] {
        for command in ["+CPMS=", "+CNMI="] {
            let modem = modem("generic", |_| {});
            modem.suffers(refuses(command, result, 18));
            let bench = Bench::on(modem);
            bench.is_ready().await;
            tokio::time::sleep(Duration::from_secs(9)).await;
            let told = tokio::time::Instant::now();
            bench
                .modem
                .patron_texts(PATRON, "announced at once")
                .unwrap();
            bench.reads(&["announced at once"]).await;
            let took = told.elapsed();
            assert!(
                took < Duration::from_secs(5),
                "{command} {result}: {took:?}"
            );
        }
    }
}

async fn row_55_a_setup_that_lacked_something_is_done_again() {
    let modem = modem("generic", |_| {});
    modem.suffers(refuses("+CNMI", "+CMS ERROR: 302", 400));
    let bench = Bench::on(modem);
    bench.is_ready().await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    let told = tokio::time::Instant::now();
    bench.modem.patron_texts(PATRON, "announced").unwrap();
    bench.reads(&["announced"]).await;
    assert!(
        told.elapsed() < Duration::from_secs(5),
        "{:?}",
        told.elapsed()
    );
}

async fn row_56_strings_in_ucs2_are_read_and_written() {
    let modem = modem("simcom-sim800", |settings| {
        settings.service_centre = String::new()
    });
    modem.suffers(Ailment::Charset("UCS2"));
    let bench = Bench::with(modem, |settings| {
        settings.smsc = Some("+15550109998".into());
    });
    let known = bench
        .status("known", |status| {
            status.smsc.is_some() && status.operator.is_some() && status.own_number.is_some()
        })
        .await;
    assert_eq!(known.own_number.as_deref(), Some("+15550100000"));
    assert_eq!(known.operator.as_deref(), Some("Elm Mobile"));
    // The SIM took the number that is configured, in the only writing the modem knows.
    assert!(matches!(
        bench.sends().await,
        SubmitOutcome::Accepted { .. }
    ));
    assert_eq!(
        bench.line.ussd("*100#").await.as_deref(),
        Ok("Balance: $12.34")
    );
    let mut calls = bench.line.calls();
    bench.modem.call("+15550177000");
    let call = calls.recv().await.unwrap();
    assert_eq!(call.from.as_deref(), Some("+15550177000"));
}

async fn row_57_codes_are_known_however_they_are_spelled() {
    let bench = Bench::ready("quectel-ec25").await;
    for (code, listed) in [
        ("+QIND: \"smsfull\",\"ME\"", true),
        ("+SMS FULL", true),
        ("+sms full", true),
        ("+E_UTRAN Service", false),
        ("+CREG: 2,1,\"1A2B\",\"0001\"", false),
        ("+CREG:002,001", false),
    ] {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let from = bench.modem.heard_count();
        bench.modem.suffers(Ailment::Interjects {
            command: "+CSQ".into(),
            code: code.into(),
            times: 1,
        });
        tokio::time::sleep(Duration::from_secs(31)).await;
        let lists = bench.asked("+CMGL=4", from);
        assert_eq!(lists > 2, listed, "{code}: {lists} listings");
        assert_eq!(
            bench.line.status().borrow().registration,
            Registration::Home,
            "{code}"
        );
    }
}

async fn row_58_a_hint_at_a_memory_that_nobody_offers_leads_to_the_text() {
    for named in ["SM_P", "MT", "XX"] {
        let bench = Bench::ready("huawei-e3372").await;
        tokio::time::sleep(Duration::from_secs(45)).await;
        bench.modem.suffers(Ailment::Misnames(named.into()));
        let told = tokio::time::Instant::now();
        bench.modem.patron_texts(PATRON, "here I am").unwrap();
        bench.reads(&["here I am"]).await;
        assert!(
            told.elapsed() < Duration::from_secs(3),
            "{named}: {:?}",
            told.elapsed()
        );
    }
}

async fn row_59_registered_by_the_fifth_generation_alone_is_registered() {
    let modem = modem("quectel-ec25", |_| {});
    for (command, line) in [
        ("+CREG?", "+CREG: 0,4"),
        ("+CGREG?", "+CGREG: 0,0"),
        ("+CEREG?", "+CEREG: 0,0"),
        ("+C5GREG?", "+C5GREG: 0,1"),
    ] {
        modem.suffers(Ailment::Answers {
            command: command.into(),
            line: line.into(),
        });
    }
    let bench = Bench::on(modem);
    bench.is_ready().await;
    assert_eq!(
        bench.line.status().borrow().registration,
        Registration::Home
    );
}

async fn row_60_a_port_that_sleeps_is_woken() {
    for profile in ["simcom-sim800", "generic"] {
        let modem = modem(profile, |_| {});
        modem.suffers(Ailment::Sleeps(Duration::from_secs(5)));
        let bench = Bench::on(modem);
        bench.is_ready().await;
        // One that is not known to sleep shows it once.
        tokio::time::sleep(Duration::from_secs(180)).await;
        let told = tokio::time::Instant::now();
        bench.sends().await;
        assert_eq!(bench.modem.sent_count(), 1);
        assert!(
            told.elapsed() < Duration::from_secs(3),
            "{profile}: {:?}",
            told.elapsed()
        );
        tokio::time::sleep(Duration::from_secs(7)).await;
        let told = tokio::time::Instant::now();
        bench.modem.patron_texts(PATRON, "after a pause").unwrap();
        bench.reads(&["after a pause"]).await;
        assert!(
            told.elapsed() < Duration::from_secs(5),
            "{profile}: {:?}",
            told.elapsed()
        );
        let before = bench.line.status().borrow().recovery.counts;
        tokio::time::sleep(Duration::from_secs(600)).await;
        let status = bench.line.status().borrow().clone();
        assert_eq!(status.recovery.counts, before, "{profile}");
        assert_eq!(status.phase, Phase::Ready, "{profile}");
    }
}

async fn row_63_a_radio_that_stays_off_is_named_and_not_the_antenna() {
    let modem = modem("quectel-ec25", |_| {});
    modem.suffers(Ailment::Answers {
        command: "+CFUN".into(),
        line: "+CFUN: 4".into(),
    });
    modem.set_registration(0);
    let bench = Bench::on(modem);
    let begun = tokio::time::Instant::now();
    let status = bench
        .status("stuck", |status| matches!(status.phase, Phase::Stuck(_)))
        .await;
    assert!(
        matches!(&status.phase, Phase::Stuck(words) if words.contains("radio is off")),
        "{:?}",
        status.phase
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

async fn row_64_a_result_that_is_lost_holds_reading_for_a_minute_at_most() {
    let bench = Bench::ready("quectel-ec25").await;
    bench.modem.hold_result_of_next_send();
    let sending = bench.sends();
    let texting = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.modem.patron_texts(PATRON, "meanwhile").unwrap();
        let told = tokio::time::Instant::now();
        while bench.words().is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        told.elapsed()
    };
    let (outcome, waited) = tokio::join!(sending, texting);
    assert!(waited < Duration::from_secs(55), "{waited:?}");
    assert!(
        matches!(outcome, SubmitOutcome::Unknown { .. }),
        "{outcome:?}: neither taken for sent nor for refused"
    );
}
