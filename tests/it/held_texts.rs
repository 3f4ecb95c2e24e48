//! Two hundred texts come while nobody is there; the librarian who signs in reads each of them
//! once, with its time, and each answer reaches its patron whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use callnumber::simulator::{Parts, Settings, Timestamp};
use serde_json::Value;

use crate::support::{Bench, Operator, PATIENCE};

const TEXTS: usize = 200;

fn number(at: usize) -> String {
    format!("+1555123{at:04}")
}

/// Every kind of text a patron's phone makes.
fn words(at: usize) -> String {
    match at % 5 {
        0 => format!("Is book {at} in?"),
        1 => format!("Merci {at} fois 😀📚 à bientôt"),
        2 => format!(
            "{at}: {}",
            "I am looking for maps of the old mill. ".repeat(10)
        ),
        3 => format!("{at} {}", "📖 книга ".repeat(30)),
        _ => format!("{at} costs 5€ [or {{less}}] ~ \\o/ ^"),
    }
}

fn answer(at: usize) -> String {
    match at % 3 {
        0 => format!("Yes, number {at} waits for you at the desk."),
        1 => format!("{at} ✔ réservé 😀"),
        _ => format!(
            "{at} {}",
            "We found several maps and photographs for you. ".repeat(6)
        ),
    }
}

/// In the last days, half an hour and a bit apart, as the carrier stamped them: a stamp much
/// further from now would not be believed.
fn stamp(at: usize) -> Timestamp {
    static NOW: OnceLock<i64> = OnceLock::new();
    let now = NOW.get_or_init(|| Timestamp::now(-24).unix);
    let age = i64::try_from(TEXTS - at).unwrap() * 2_000;
    Timestamp {
        unix: now - age,
        zone_quarters: -24,
    }
}

fn received(messages: &[Value]) -> Vec<&Value> {
    messages
        .iter()
        .filter(|message| message["direction"] == "in")
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_held_texts_are_read_once_and_answered() {
    let mut bench = Bench::new(Settings {
        capacity: Some(50),
        ..Settings::default()
    })
    .await;
    let token = bench.add_operator("ana");
    let address = bench.start();
    for at in 0..TEXTS {
        let parts = Parts {
            shuffle: Some(at as u64),
            stamp: Some(stamp(at)),
            cut_anywhere: at % 2 == 0,
            wide_reference: at % 4 == 3,
            ..Parts::default()
        };
        bench
            .modem
            .deliver_parts(&number(at), &words(at), &parts)
            .unwrap();
    }
    // Each patron is told once that the library is closed; then nothing is left to take in.
    bench.modem.wait_until_sent(TEXTS, PATIENCE).await.unwrap();
    bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
    let told: BTreeSet<String> = bench.modem.sent().into_iter().map(|sent| sent.to).collect();
    assert_eq!(told.len(), TEXTS, "one notice for each patron");

    let ana = Operator::new(address, &token);
    let held = ana.list("state=held").await;
    assert_eq!(held.len(), TEXTS);
    let mut events = ana.api.events(None).await;
    ana.arrives().await;

    // The desk offers each of them, oldest first, once.
    let mut offered = Vec::new();
    while offered.len() < TEXTS {
        let event = events.find(|event| event.name == "offer").await;
        offered.push(event.data["conversation"].as_i64().unwrap());
    }
    let mut once = offered.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once, offered, "oldest first, and each once");

    let waiting = ana.list("state=waiting").await;
    assert_eq!(waiting.len(), TEXTS);
    let mut read = BTreeMap::new();
    for conversation in &waiting {
        let messages = ana.messages(&conversation["id"]).await;
        let texts = received(&messages);
        assert_eq!(texts.len(), 1, "{messages:?}");
        let body = texts[0]["body"].as_str().unwrap().to_owned();
        let stamped: jiff::Timestamp = texts[0]["stamped_at"].as_str().unwrap().parse().unwrap();
        let before = read.insert(body, (conversation["id"].clone(), stamped));
        assert!(before.is_none(), "shown twice");
        // Operators see a name, not the number.
        let shown = conversation["patron"].as_str().unwrap();
        assert!(!shown.contains("555"), "{shown}");
    }
    for at in 0..TEXTS {
        let (conversation, stamped) = read
            .get(&words(at))
            .unwrap_or_else(|| panic!("text {at} is missing"));
        assert_eq!(stamped.as_second(), stamp(at).unix, "the carrier's stamp");
        let key = format!("reply-{at}");
        ana.replies(conversation, &answer(at), &key)
            .await
            .expect(201);
        // The same key again is the same message.
        ana.replies(conversation, &answer(at), &key)
            .await
            .expect(200);
    }

    let sent = bench
        .modem
        .wait_until_sent(2 * TEXTS, PATIENCE)
        .await
        .unwrap();
    let replies: BTreeMap<String, String> = sent
        .into_iter()
        .skip(TEXTS)
        .map(|sent| (sent.to, sent.text))
        .collect();
    assert_eq!(replies.len(), TEXTS, "one reply for each patron");
    for at in 0..TEXTS {
        assert_eq!(replies.get(&number(at)), Some(&answer(at)), "reply {at}");
    }
    assert_eq!(bench.modem.sent_count(), 2 * TEXTS, "nothing else was sent");
    assert!(bench.stop().success());
}
