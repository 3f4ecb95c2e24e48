//! FORGET, at the byte: after it the patron's number and words are found nowhere in the data
//! directory, in whatever form a daemon writes them: UTF-8, UCS-2, packed septets at any alignment,
//! digits, swapped digits.

use std::path::Path;
use std::time::{Duration, Instant};

use callnumber::numbers::NumberKey;
use callnumber::routing::{ConversationId, MessageId, OperatorId};
use callnumber::simulator::{Parts, Settings};
use callnumber::spool::Spool;
use callnumber::spool::messengers::{self, Reply};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Bench, Operator, PATIENCE};

/// Digits that stand nowhere by accident.
const PATRON: &str = "+15557239861";
const OTHER: &str = "+15551230188";
/// What the patron wrote, and what was written to and about them.
const WORDS: [&str; 13] = [
    "Chlorpromazine",
    "Шизофрения",
    "Kierkegaard",
    "Quetiapine",
    "Spinoza-remark",
    "Feuerbach-promise",
    "Heidegger-scan",
    "Wittgenstein-page",
    "hegel-tag",
    "Schelling-draft",
    "Schopenhauer-handover",
    "Nietzsche-refused",
    "Fichte-stanza",
];
/// Somebody who wants no more texts, and then to be forgotten.
const STOPPED: &str = "+15554567811";
/// The staff telephone.
const STAFF: &str = "+15551230199";

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

/// Says what the desk should know of itself: its address, which a telephone needs to follow links,
/// and whom to call while texts wait for nobody.
fn configure(bench: &Bench) {
    // A port that is free now; the daemon takes it in a moment, and again after its restart.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = std::fs::read_to_string(bench.config()).unwrap();
    let reachable =
        format!("listen = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n");
    let config = config.replace("listen = \"127.0.0.1:0\"\n", &reachable);
    let alerts = format!("[alerts]\nphones = [\"{STAFF}\"]\nwaiting_after = \"0s\"\n");
    std::fs::write(bench.config(), config + &alerts).unwrap();
}

/// Waits until the network took so many texts to this telephone.
async fn told(bench: &Bench, to: &str, count: usize) -> Vec<String> {
    let took = async {
        loop {
            let sent = bench.modem.sent().into_iter().filter(|sent| sent.to == to);
            let texts: Vec<String> = sent.map(|sent| sent.text).collect();
            if texts.len() >= count {
                return texts;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, took).await.unwrap()
}

/// Waits until there is a conversation with so many messages of the patron's.
async fn thread_of(ana: &Operator, count: usize) -> Value {
    let waiting = async {
        loop {
            for conversation in ana.list("").await {
                let messages = ana.messages(&conversation["id"]).await;
                if messages.iter().filter(|m| m["direction"] == "in").count() == count {
                    return conversation["id"].clone();
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

/// Waits until the line remembers whom the carrier refused.
async fn carrier_refused_somebody(bench: &Bench) {
    let path = bench.path().join("spool.db");
    let remembered = async {
        loop {
            let read_only = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
            let spool = Connection::open_with_flags(&path, read_only).unwrap();
            let sql = "SELECT count(*) FROM standing WHERE refused <> '[]'";
            if spool
                .query_row(sql, [], |row| row.get::<_, i64>(0))
                .unwrap()
                == 1
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, remembered).await.unwrap();
}

/// What the rooms for XMPP keep of a patron: a reply on its way back to its author's client, and up
/// to where a client has shown a thread. Written as they write it, while no daemon runs.
async fn leave_traces_of_messengers(bench: &Bench, conversation: &Value, message: &Value) {
    let spool = Spool::open(&bench.path().join("spool.db")).unwrap();
    let id = ConversationId(conversation.as_i64().unwrap());
    let message = MessageId(message.as_i64().unwrap());
    spool
        .write(move |connection| {
            for (key, patron) in [("key-1", "~heron-42"), ("never-taken", PATRON)] {
                let reply = Reply {
                    operator: OperatorId(1),
                    client_id: key.into(),
                    jid: "ana@elm.example/desk".into(),
                    patron: format!("{patron}@desk.elm.example"),
                    stanza: format!("Fichte-stanza-{key}"),
                    receipt: true,
                };
                messengers::keep_reply(connection, &reply)?;
            }
            messengers::set_shown(connection, "ana@elm.example", id, message)
        })
        .await
        .unwrap();
}

/// Somebody has the spool, and knows the area code and everything the program does: numbers around
/// the true one are tried as all of an area code's could be, and nothing tells it from the others.
/// With the key it is found, so that the test could fail.
fn an_adversary_tries_every_number(folder: &Path) {
    let spool = Connection::open(folder.join("spool.db")).unwrap();
    let seed: i64 = spool
        .query_row("SELECT value FROM setting WHERE key = 'seed'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let prints: Vec<i64> = spool
        .prepare("SELECT fingerprint FROM opted_out")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(prints.len(), 1, "STOP outlives FORGET");
    let key = std::fs::read_to_string(folder.join("spool.db.key")).unwrap();
    let key = NumberKey::read(key.lines().next().unwrap()).unwrap();
    for file in ["spool.db", "spool.db-wal"] {
        let octets = std::fs::read(folder.join(file)).unwrap_or_default();
        assert!(
            !holds(&octets, key.written().as_bytes()),
            "the key is in {file}"
        );
    }
    let unkeyed = |number: &str| {
        let mut digest = Sha256::new();
        digest.update((seed as u64).to_le_bytes());
        digest.update(number);
        let digest = digest.finalize();
        digest
            .iter()
            .take(8)
            .fold(0_i64, |print, octet| (print << 8) | i64::from(*octet))
    };
    let found = |known: &dyn Fn(&str) -> i64| {
        let tried = (4_560_000..4_570_000).map(|n| format!("+1555{n}"));
        tried
            .filter(|number| prints.contains(&known(number)))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&unkeyed), [""; 0]);
    let guessed = NumberKey::from([0; 32]);
    assert_eq!(
        found(&|number| guessed.telephone(seed as u64, number)),
        [""; 0]
    );
    assert_eq!(
        found(&|number| key.telephone(seed as u64, number)),
        [STOPPED]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forget_leaves_no_trace_in_any_byte() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let bens = bench.add_operator("ben");
    configure(&bench);
    for words in [
        &["canned", "add", "hours", "Until eight."][..],
        &[
            "gateway", "add", "ask", "--kind", "widget", "--queue", "desk",
        ],
    ] {
        let done = bench.command(words);
        assert!(done.status.success(), "{done:?}");
    }
    let address = bench.start();
    let ana = Operator::new(address, &token);

    let text = |words: &str| bench.modem.patron_texts(PATRON, words).unwrap();
    text("Have you anything on Chlorpromazine?");
    text("или Шизофрения 📚");
    bench.modem.patron_texts(OTHER, "Is my book in?").unwrap();
    // Nobody is there: the patron is told that the desk is closed, and the staff that texts wait.
    told(&bench, PATRON, 1).await;
    assert!(told(&bench, STAFF, 1).await[0].contains("texts waiting"));
    ana.arrives().await;
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
    let id = thread_of(&ana, 3).await;
    let answer = format!("Quetiapine is on shelf 4. {}", "Come and see. ".repeat(20));
    let sent = ana.replies(&id, &answer, "key-1").await.expect(201);
    let path = format!("/api/v1/conversations/{id}");
    let thread = ana.api.get(&path).await.expect(200);
    let pseudonym = thread["patron"].as_str().unwrap().to_owned();

    // A colleague who is too late keeps the words as a draft; the desk does not.
    let ben = Operator::new(address, &bens);
    ben.arrives().await;
    let late = ben
        .replies(&id, "Schelling-draft", "late")
        .await
        .expect(409);
    assert_eq!(late["draft"], "Schelling-draft");
    // Handed over, with a note, and taken back.
    let hand_over = json!({ "to": "ben", "note": "Schopenhauer-handover" });
    ana.api
        .post(&format!("{path}/transfer"), hand_over)
        .await
        .expect(200);
    ana.replies(&id, "Until eight.", "key-canned")
        .await
        .expect(201);
    let note = json!({ "text": "Spinoza-remark" });
    ana.api
        .post(&format!("{path}/notes"), note)
        .await
        .expect(201);
    let tags = json!({ "tags": ["hegel-tag"] });
    ana.api.put(&format!("{path}/tags"), tags).await.expect(200);
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
    ana.api
        .post(&format!("{path}/reveal"), json!({}))
        .await
        .expect(200);
    let found = ana
        .api
        .get("/api/v1/search?q=Kierkegaard")
        .await
        .expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    // The closed notice, the answers and the link.
    told(&bench, PATRON, 4).await;
    // One that the carrier refuses: the line remembers to whom.
    bench.modem.fail_next_sends(&[28]);
    ana.replies(&id, "Nietzsche-refused", "key-refused")
        .await
        .expect(201);
    carrier_refused_somebody(&bench).await;
    // An answer keeps a promise: this one comes after the last.
    let promise = json!({ "text": "Feuerbach-promise" });
    ana.api
        .put(&format!("{path}/promise"), promise)
        .await
        .expect(200);
    let exported = bench.command(&["transcript", "export"]);
    assert!(String::from_utf8_lossy(&exported.stdout).contains("Quetiapine"));
    assert!(bench.stop().success());
    leave_traces_of_messengers(&bench, &id, &sent["id"]).await;
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    let there = traces(bench.path());
    for word in WORDS.iter().filter(|word| **word != "Schelling-draft") {
        let mut found = there.iter();
        assert!(
            found.any(|trace| trace.contains(word)),
            "{word} was never there"
        );
    }
    assert!(there.iter().any(|trace| trace.contains(PATRON)));
    assert!(!there.iter().any(|trace| trace.contains("Schelling-draft")));

    // Blocked for a day: what they wish of their own data is granted all the same.
    ana.api
        .post(&format!("{path}/block"), json!({}))
        .await
        .expect(200);
    bench.modem.patron_texts(PATRON, "Forget").unwrap();
    let said = told(&bench, PATRON, 5).await;
    assert!(
        said.iter()
            .any(|said| said.contains("erased from our system")),
        "{said:?}"
    );
    for words in ["STOP", "FORGET"] {
        bench.modem.patron_texts(STOPPED, words).unwrap();
    }
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
    assert_eq!(others.len(), 1, "{others:?}");
    ana.replies(&others[0]["id"], "Yes, it is.", "key-2")
        .await
        .expect(201);
    let said = told(&bench, OTHER, 2).await;
    assert_eq!(said[1], "Yes, it is.");
    ana.api.get(&path).await.expect(404);
    let canned = ana.api.get("/api/v1/canned").await.expect(200);
    assert_eq!(canned["items"][0]["text"], "Until eight.", "the desk's own");
    // A report on what was erased comes late, and leaves nothing either.
    let audit = bench.command(&["audit", "-n", "500"]);
    let audit = String::from_utf8(audit.stdout).unwrap();
    assert!(
        audit.contains("reveal") && !audit.contains(&pseudonym),
        "{audit}"
    );
    assert!(bench.stop().success());
    assert_eq!(traces(bench.path()), [""; 0]);
    let spool = std::fs::read(bench.path().join("spool.db")).unwrap();
    assert!(
        !holds(&spool, pseudonym.as_bytes()),
        "{pseudonym} is still there"
    );
    an_adversary_tries_every_number(bench.path());
}
