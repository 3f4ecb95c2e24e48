//! The modem's memories: full, misnamed, miscounted, corrupt.

use std::time::Duration;

use callnumber::modem::LineStatus;
use callnumber::simulator::{Ailment, Corruption};

use crate::bench::{Bench, PATIENCE, PATRON, modem};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_62_an_entry_without_a_pdu_stays_in_the_modem_and_calls_somebody,
        row_01_a_full_store_is_drained_and_said_to_be_full,
        row_01_what_cannot_be_read_is_kept_raw_and_then_deleted,
        row_03_a_text_lies_in_another_memory_than_was_named,
        row_03_a_text_that_nobody_announced_lies_in_the_other_memory,
        row_03_a_modem_that_takes_one_command_a_line_is_read_and_emptied,
        row_06_indexes_start_at_zero_and_have_holes,
        row_07_a_text_is_announced_before_it_is_listed,
        row_08_one_corrupt_entry_costs_only_itself,
        row_09_codes_inside_a_reply_are_not_the_reply,
        row_50_a_full_disk_leaves_the_texts_on_the_sim,
    ]
}

async fn row_01_a_full_store_is_drained_and_said_to_be_full() {
    // A Huawei says so; the others say nothing at all.
    for profile in ["huawei-e3372", "generic"] {
        let modem = modem(profile, |settings| settings.capacity = Some(10));
        let all: Vec<String> = (0..40).map(|n| format!("question {n}")).collect();
        for words in &all {
            modem.patron_texts(PATRON, words).unwrap();
        }
        modem.wait_until_stored(10, PATIENCE).await.unwrap();
        assert_eq!(modem.waiting(), 30, "the network holds the rest");
        let bench = Bench::on(modem);
        bench
            .status("filling", LineStatus::storage_is_filling)
            .await;
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        bench.reads(&all).await;
        bench
            .status("drained", |status| !status.storage_is_filling())
            .await;
        // What would have emptied it at one stroke races whatever arrives meanwhile.
        let heard = bench.modem.heard();
        let bulk = heard
            .iter()
            .find(|heard| heard.line.starts_with("+CMGD=") && heard.line.contains(','));
        assert_eq!(bulk, None);
    }
}

async fn row_01_what_cannot_be_read_is_kept_raw_and_then_deleted() {
    let bench = Bench::ready("quectel-ec25").await;
    // Nonsense that is hexadecimal, and an entry that is not even that, however often it is read.
    bench.modem.deliver_pdu("00FFFFFF").unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.modem.suffers(Ailment::Corrupt {
        index: 0,
        how: Corruption::DigitLost,
        when_read: true,
    });
    bench.modem.patron_texts(PATRON, "unreadable").unwrap();
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
    let kept = bench.kept();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(
        (kept[0].readable, &kept[0].octets[..]),
        (true, &[0, 255, 255, 255][..])
    );
    assert!(!kept[1].readable);
    assert!(
        kept[1].raw.contains('\n'),
        "as it was listed, header first: {:?}",
        kept[1]
    );
}

async fn row_03_a_text_lies_in_another_memory_than_was_named() {
    let bench = Bench::ready("huawei-e3372").await;
    tokio::time::sleep(Duration::from_secs(45)).await;
    bench.modem.suffers(Ailment::Misnames("ME".into()));
    let told = tokio::time::Instant::now();
    bench.modem.patron_texts(PATRON, "where am I?").unwrap();
    bench.reads(&["where am I?"]).await;
    let waited = told.elapsed();
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

async fn row_03_a_text_that_nobody_announced_lies_in_the_other_memory() {
    let bench = Bench::ready("huawei-e3372").await;
    bench.modem.suffers(Ailment::Unannounced);
    bench.modem.suffers(Ailment::StoresInto("ME".into()));
    let told = tokio::time::Instant::now();
    bench
        .modem
        .patron_texts(PATRON, "found all the same")
        .unwrap();
    bench.reads(&["found all the same"]).await;
    let waited = told.elapsed();
    assert!(waited < Duration::from_secs(6 * 60), "{waited:?}");
}

async fn row_03_a_modem_that_takes_one_command_a_line_is_read_and_emptied() {
    let modem = modem("huawei-e3372", |_| {});
    modem.suffers(Ailment::OneAtATime);
    let bench = Bench::on(modem);
    bench.is_ready().await;
    bench.modem.patron_texts(PATRON, "in one").unwrap();
    bench.reads(&["in one"]).await;
    bench.modem.suffers(Ailment::StoresInto("ME".into()));
    bench.modem.patron_texts(PATRON, "in the other").unwrap();
    bench.reads(&["in one", "in the other"]).await;
}

async fn row_06_indexes_start_at_zero_and_have_holes() {
    let modem = modem("huawei-e3372", |_| {});
    for words in ["zero", "one", "two", "three"] {
        modem.patron_texts(PATRON, words).unwrap();
    }
    // Another program read two of them meanwhile.
    modem.wait_until_stored(4, PATIENCE).await.unwrap();
    assert!(modem.forget("SM", 0) && modem.forget("SM", 2));
    let bench = Bench::on(modem);
    bench.reads(&["one", "three"]).await;
    let listed: Vec<u16> = bench
        .kept()
        .iter()
        .filter_map(|pdu| pdu.slot.as_ref().map(|slot| slot.index))
        .collect();
    assert_eq!(listed, [1, 3]);
}

async fn row_07_a_text_is_announced_before_it_is_listed() {
    let bench = Bench::ready("huawei-e3372").await;
    // Past the first sweeps: only the hint leads to it in time.
    tokio::time::sleep(Duration::from_secs(45)).await;
    bench
        .modem
        .suffers(Ailment::ListsLate(Duration::from_millis(1_500)));
    let told = tokio::time::Instant::now();
    bench.modem.patron_texts(PATRON, "too early").unwrap();
    bench.reads(&["too early"]).await;
    let waited = told.elapsed();
    assert!(
        waited < Duration::from_secs(4),
        "{waited:?}: a sweep found it, not the hint"
    );
}

async fn row_08_one_corrupt_entry_costs_only_itself() {
    for how in [
        Corruption::Cut,
        Corruption::DigitLost,
        Corruption::Noise,
        Corruption::Header,
        Corruption::Bodiless,
        Corruption::RunsOn,
    ] {
        let modem = modem("huawei-e3372", |_| {});
        for words in ["first", "second", "third"] {
            modem.patron_texts(PATRON, words).unwrap();
        }
        modem.wait_until_stored(3, PATIENCE).await.unwrap();
        modem.suffers(Ailment::Corrupt {
            index: 1,
            how,
            when_read: false,
        });
        let bench = Bench::on(modem);
        bench
            .status("ready", |status| {
                status.phase == callnumber::modem::Phase::Ready
            })
            .await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        let words = bench.words();
        for kept in ["first", "second", "third"] {
            assert!(words.iter().any(|word| word == kept), "{how:?}: {words:?}");
        }
    }
}

async fn row_09_codes_inside_a_reply_are_not_the_reply() {
    let bench = Bench::ready("quectel-ec25").await;
    for (command, code) in [
        ("+CMGL", "^RSSI:14"),
        ("+CMGL", "^BOOT:20952548,0,0,0,75"),
        ("+CMGL", "+MSTK: 11, D0308103012100"),
        ("+CMGL", "RING"),
        ("+CMGL", "+CMTI: \"ME\",7"),
        ("+CREG?", "+CREG: 1,\"1A2B\",\"0012C3D4\",7"),
        ("+CPMS?", "+CREG: 5"),
        ("+CSQ", "+CSQ: 18,99"),
        ("+CMGS", "^RSSI:3"),
    ] {
        bench.modem.suffers(Ailment::Interjects {
            command: command.into(),
            code: code.into(),
            times: 1,
        });
    }
    let all: Vec<String> = (0..9).map(|n| format!("question {n}")).collect();
    for words in &all {
        bench.modem.patron_texts(PATRON, words).unwrap();
        tokio::time::sleep(Duration::from_secs(31)).await;
        bench.sends().await;
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    bench.reads(&all).await;
    assert_eq!(bench.modem.sent_count(), 9);
    bench.is_ready().await;
}

async fn row_50_a_full_disk_leaves_the_texts_on_the_sim() {
    let bench = Bench::ready("quectel-ec25").await;
    bench.keeps(false);
    bench.modem.patron_texts(PATRON, "keep me").unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(bench.asked("+CMGD", 0), 0, "it was not kept");
    assert_eq!(bench.modem.stored().len(), 1);
    bench.keeps(true);
    bench.reads(&["keep me"]).await;
}

async fn row_62_an_entry_without_a_pdu_stays_in_the_modem_and_calls_somebody() {
    let bench = Bench::ready("quectel-ec25").await;
    bench.modem.suffers(Ailment::Corrupt {
        index: 0,
        how: Corruption::Bodiless,
        when_read: true,
    });
    bench.modem.patron_texts(PATRON, "Is my book in?").unwrap();
    bench
        .status("calling somebody", |status| status.alarm.is_some())
        .await;
    assert_eq!(bench.modem.stored().len(), 1, "nothing is deleted unkept");
    assert!(bench.kept().is_empty());
    bench.modem.recovers();
    bench.reads(&["Is my book in?"]).await;
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
    bench
        .status("well again", |status| status.alarm.is_none())
        .await;
}
