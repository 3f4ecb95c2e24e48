//! The modem's memories: full, misnamed, miscounted, corrupt.

use std::time::Duration;

use callnumber::simulator::{Ailment, Corruption};

use crate::bench::{Bench, PATRON, modem};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_06_indexes_start_at_zero_and_have_holes,
        row_07_a_text_is_announced_before_it_is_listed,
        row_08_one_corrupt_entry_costs_only_itself,
        row_09_codes_inside_a_reply_are_not_the_reply,
        row_50_a_full_disk_leaves_the_texts_on_the_sim,
    ]
}

async fn row_06_indexes_start_at_zero_and_have_holes() {
    let modem = modem("huawei-e3372", |_| {});
    for words in ["zero", "one", "two", "three"] {
        modem.patron_texts(PATRON, words).unwrap();
    }
    // Another program read two of them meanwhile.
    modem
        .wait_until_stored(4, crate::bench::PATIENCE)
        .await
        .unwrap();
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
        modem
            .wait_until_stored(3, crate::bench::PATIENCE)
            .await
            .unwrap();
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
