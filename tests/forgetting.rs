//! FORGET, at the byte: after it the patron's number and words are found nowhere in the data
//! directory, in whatever form a daemon writes them: UTF-8, UCS-2, packed septets at any alignment,
//! digits, swapped digits.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use callnumber::simulator::{Parts, Settings};
use serde_json::json;
use support::{Bench, Operator, PATIENCE};

/// Digits that stand nowhere by accident.
const PATRON: &str = "+15557239861";
const OTHER: &str = "+15551230188";
/// What the patron wrote, and what was written to and about them.
const WORDS: [&str; 8] = [
    "Chlorpromazine",
    "Шизофрения",
    "Kierkegaard",
    "Quetiapine",
    "Spinoza-remark",
    "Feuerbach-promise",
    "Heidegger-scan",
    "Wittgenstein-page",
];

/// A word as it may stand in a file.
fn forms_of_word(word: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![word.as_bytes().to_vec()];
    forms.push(word.encode_utf16().flat_map(u16::to_be_bytes).collect());
    forms.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
    if word.is_ascii() {
        // Basic Latin letters and digits are their own septets (TS 23.038 §6.2.1).
        for offset in 0..8 {
            let mut bits = vec![None; offset];
            for septet in word.bytes() {
                bits.extend((0..7).map(|bit| Some(septet >> bit & 1)));
            }
            let octets: Vec<u8> = bits
                .chunks(8)
                .filter_map(|octet| {
                    let whole: Option<Vec<u8>> = octet.iter().copied().collect();
                    let whole = whole.filter(|whole| whole.len() == 8)?;
                    Some(
                        whole
                            .iter()
                            .enumerate()
                            .fold(0, |o, (at, bit)| o | bit << at),
                    )
                })
                .collect();
            forms.push(octets);
        }
        // And as a column of hexadecimal.
        let hex: String = word.bytes().map(|byte| format!("{byte:02X}")).collect();
        forms.push(hex.to_lowercase().into_bytes());
        forms.push(hex.into_bytes());
    }
    forms
}

/// A number as it may stand in a file.
fn forms_of_number(number: &str) -> Vec<Vec<u8>> {
    let digits = number.trim_start_matches('+');
    let mut forms = vec![
        digits.as_bytes().to_vec(),
        // The tail by which reports are matched.
        digits.as_bytes()[digits.len() - 8..].to_vec(),
    ];
    for digits in [digits, &digits[1..]] {
        for swapped in [true, false] {
            let octets = digits.as_bytes().chunks_exact(2).map(|pair| {
                let (first, second) = (pair[0] - b'0', pair[1] - b'0');
                match swapped {
                    true => second << 4 | first,
                    false => first << 4 | second,
                }
            });
            forms.push(octets.collect());
        }
    }
    forms
}

fn holds(file: &[u8], form: &[u8]) -> bool {
    assert!(form.len() >= 4, "too short to mean anything");
    file.windows(form.len()).any(|window| window == form)
}

/// Where traces are left: file, and of what.
fn traces(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut files = 0;
    let sent = std::fs::read_dir(folder.join("attachments"));
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .chain(sent.into_iter().flatten());
    for entry in entries {
        let path = entry.unwrap().path();
        // The modem's link and the control socket are no files.
        if !std::fs::symlink_metadata(&path).unwrap().is_file() {
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else {
            continue; // the log went as we looked
        };
        files += 1;
        for (what, forms) in WORDS
            .iter()
            .map(|word| (*word, forms_of_word(word)))
            .chain([(PATRON, forms_of_number(PATRON))])
        {
            for (at, form) in forms.iter().enumerate() {
                if holds(&bytes, form) {
                    found.push(format!("{}: {what}, form {at}", path.display()));
                }
            }
        }
    }
    assert!(files >= 2, "the folder holds a configuration and a spool");
    found
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let packed = |text: &str, at: usize| {
        let mut octets = vec![0_u8; text.len() + at + 2];
        for (n, septet) in text.bytes().enumerate() {
            for bit in 0..7 {
                let place = at + n * 7 + bit;
                octets[place / 8] |= (septet >> bit & 1) << (place % 8);
            }
        }
        octets
    };
    for at in 0..20 {
        let file = packed("so Kierkegaard it is", at);
        assert!(
            forms_of_word("Kierkegaard")
                .iter()
                .any(|form| holds(&file, form)),
            "{at}"
        );
        assert!(
            !forms_of_word("Chlorpromazine")
                .iter()
                .any(|form| holds(&file, form))
        );
    }
    let pdu = [0x0b, 0x91, 0x51, 0x55, 0x27, 0x93, 0x68, 0xf1];
    assert!(forms_of_number(PATRON).iter().any(|form| holds(&pdu, form)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forget_leaves_no_trace_in_any_byte() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    // A telephone can follow links only where the desk knows its own address.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = std::fs::read_to_string(bench.config()).unwrap();
    let reachable =
        format!("listen = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n");
    let config = config.replace("listen = \"127.0.0.1:0\"\n", &reachable);
    std::fs::write(bench.config(), config).unwrap();
    let address = bench.start();
    let ana = Operator::new(address, &token);
    ana.arrives().await;

    let text = |words: &str| bench.modem.patron_texts(PATRON, words).unwrap();
    text("Have you anything on Chlorpromazine?");
    text("или Шизофрения 📚");
    bench.modem.patron_texts(OTHER, "Is my book in?").unwrap();
    let long = format!(
        "{}and Kierkegaard{}",
        "filler ".repeat(30),
        " please".repeat(20)
    );
    let parts = Parts {
        shuffle: Some(7),
        ..Parts::default()
    };
    bench.modem.deliver_parts(PATRON, &long, &parts).unwrap();
    let waiting = async {
        loop {
            for conversation in ana.list("").await {
                let messages = ana.messages(&conversation["id"]).await;
                if messages.len() == 3 {
                    return conversation["id"].clone();
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let id = tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    let answer = format!("Quetiapine is on shelf 4. {}", "Come and see. ".repeat(20));
    ana.replies(&id, &answer, "key-1").await.expect(201);
    let path = format!("/api/v1/conversations/{id}");
    let note = json!({ "text": "Spinoza-remark" });
    ana.api.post(&format!("{path}/notes"), note).await;
    // A file whose link is said to them.
    let file = ana
        .api
        .post(
            &format!("{path}/attachments?name=Heidegger-scan.txt"),
            json!("Wittgenstein-page, for you alone"),
        )
        .await
        .expect(201);
    let link = file["link"].as_str().unwrap();
    ana.replies(&id, link, "key-file").await.expect(201);
    let promise = json!({ "text": "Feuerbach-promise" });
    ana.api.put(&format!("{path}/promise"), promise).await;
    ana.api.post(&format!("{path}/reveal"), json!({})).await;
    bench.modem.wait_until_sent(2, PATIENCE).await.unwrap();
    assert!(
        !traces(bench.path()).is_empty(),
        "there was nothing to forget"
    );

    text("Forget");
    let said = bench.modem.wait_until_sent(3, PATIENCE).await.unwrap();
    assert!(said[2].text.contains("erased from our system"), "{said:?}");
    // The last words were sent, erased, and the file written anew; looked for until it is so.
    let until = Instant::now() + PATIENCE;
    let mut left = traces(bench.path());
    while !left.is_empty() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
        left = traces(bench.path());
    }
    assert_eq!(left, [""; 0]);

    // The others are still there, and the desk works.
    let others = ana.list("").await;
    assert_eq!(others.len(), 1);
    ana.replies(&others[0]["id"], "Yes, it is.", "key-2")
        .await
        .expect(201);
    bench.modem.wait_until_sent(4, PATIENCE).await.unwrap();
    ana.api.get(&path).await.expect(404);
    // A report on what was erased comes late, and leaves nothing either.
    assert!(bench.stop().success());
    assert_eq!(traces(bench.path()), [""; 0]);
}
