//! `kill -9` at any moment, under a stream of texts and answers: nothing lost, nothing shown twice,
//! nothing sent twice; an answer whose attempt was cut off is *unknown*, and not sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use callnumber::simulator::{Parts, Settings};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use crate::support::http::Answer;
use crate::support::{Bench, Dice, Operator, PATIENCE};

const CUTS: usize = 50;
/// Texts that come between two cuts.
const TEXTS_EACH: usize = 6;
const PATRONS: u64 = 12;

fn seed() -> u64 {
    std::env::var("CALLNUMBER_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_260_214)
}

fn words(at: usize) -> String {
    match at % 4 {
        3 => format!(
            "text {at}: {}",
            "a long question about an old map. ".repeat(8)
        ),
        2 => format!("text {at} 😀"),
        _ => format!("text {at}"),
    }
}

fn reply(text: &str) -> String {
    let about = text.split([':', ' ']).nth(1).unwrap();
    match about.parse::<usize>().unwrap() % 5 {
        0 => format!(
            "reply {about}. {}",
            "We keep several of those upstairs. ".repeat(6)
        ),
        _ => format!("reply {about}."),
    }
}

/// What the librarian knows: which texts were answered, and which answers were accepted.
#[derive(Default)]
struct Librarian {
    accepted: BTreeMap<String, Value>,
    refused: Vec<Answer>,
}

impl Librarian {
    /// Answers whatever is there, until the line goes dead.
    async fn works(&mut self, address: SocketAddr, token: &str) {
        let ana = Operator::new(address, token);
        let _ = self.try_to_work(&ana).await;
    }

    async fn try_to_work(&mut self, ana: &Operator) -> std::io::Result<()> {
        let available = serde_json::json!({ "show": "available" });
        ana.api
            .try_ask("PUT", "/api/v1/presence", Some(available))
            .await?;
        loop {
            let page = ana
                .api
                .try_ask("GET", "/api/v1/conversations?limit=200", None)
                .await?;
            for conversation in page.body["items"].as_array().into_iter().flatten() {
                let path = format!("/api/v1/conversations/{}", conversation["id"]);
                let thread = ana.api.try_ask("GET", &path, None).await?;
                for message in thread.body["messages"].as_array().into_iter().flatten() {
                    if message["direction"] == "in" {
                        self.answer(ana, &path, message).await?;
                    }
                }
            }
        }
    }

    async fn answer(&mut self, ana: &Operator, path: &str, message: &Value) -> std::io::Result<()> {
        let text = message["body"].as_str().unwrap();
        if !text.starts_with("text ") || self.accepted.contains_key(text) {
            return Ok(());
        }
        // The same key each time: what was accepted without our hearing of it is not doubled.
        let key = format!("{} {}", message["conversation"], message["id"]);
        let body = serde_json::json!({ "body": reply(text), "client_id": key });
        let answer = ana
            .api
            .try_ask("POST", &format!("{path}/messages"), Some(body))
            .await?;
        match answer.status {
            200 | 201 => {
                self.accepted.insert(text.to_owned(), answer.body);
            }
            _ => self.refused.push(answer),
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_by_fifty_power_cuts() {
    let seed = seed();
    println!("CALLNUMBER_SEED={seed}");
    let mut dice = Dice(seed);
    let mut bench = Bench::new(Settings {
        capacity: Some(60),
        send_latency: Duration::from_millis(3),
        ..Settings::default()
    })
    .await;
    let token = bench.add_operator("ana");
    let mut ana = Librarian::default();
    let mut texts = 0;

    for _ in 0..CUTS {
        let address = bench.start();
        for _ in 0..TEXTS_EACH {
            let parts = Parts {
                shuffle: Some(dice.roll(1000)),
                ..Parts::default()
            };
            let number = format!("+1555123{:04}", dice.roll(PATRONS));
            bench
                .modem
                .deliver_parts(&number, &words(texts), &parts)
                .unwrap();
            texts += 1;
        }
        // Not a wait for something to be ready: the moment of the fault.
        let cut = Instant::now() + Duration::from_millis(dice.roll(400));
        tokio::select! {
            () = ana.works(address, &token) => {}
            () = sleep_until(cut) => {}
        }
        bench.cut_power();
    }

    // The power is back for good: everything comes to rest.
    let address = bench.start();
    let operator = Operator::new(address, &token);
    let rest = async {
        loop {
            tokio::select! {
                () = ana.works(address, &token) => panic!("the box went away"),
                () = sleep_until(Instant::now() + Duration::from_millis(500)) => {}
            }
            if ana.accepted.len() == texts && settled(&operator).await {
                return;
            }
        }
    };
    let rested = timeout(PATIENCE, rest).await;
    assert!(
        rested.is_ok(),
        "{} of {texts} answered; refused: {:?}",
        ana.accepted.len(),
        ana.refused
    );

    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    let mut states: BTreeMap<String, String> = BTreeMap::new();
    for conversation in everything(&operator).await {
        for message in operator.messages(&conversation["id"]).await {
            let body = message["body"].as_str().unwrap().to_owned();
            if message["direction"] == "in" {
                *shown.entry(body).or_default() += 1;
            } else if body.starts_with("reply ") {
                let state = message["state"].as_str().unwrap().to_owned();
                assert_eq!(states.insert(body, state), None, "a reply doubled");
            }
        }
    }
    let expected: BTreeMap<String, usize> = (0..texts).map(|at| (words(at), 1)).collect();
    assert_eq!(shown, expected, "each text once, whole");

    let mut on_air: BTreeMap<String, usize> = BTreeMap::new();
    for sent in bench.modem.sent() {
        *on_air.entry(sent.text).or_default() += 1;
    }
    let mut unknown = BTreeSet::new();
    for at in 0..texts {
        let reply = reply(&words(at));
        let times = on_air.get(&reply).copied().unwrap_or(0);
        match states.get(&reply).map(String::as_str) {
            Some("sent" | "delivered") => assert_eq!(times, 1, "{reply}"),
            Some("unknown") => {
                assert!(times <= 1, "{reply}: sent {times} times");
                unknown.insert(reply);
            }
            other => panic!("{reply}: {other:?}"),
        }
    }
    println!(
        "{CUTS} power cuts, {texts} texts in, {} replies out: 0 lost, 0 doubled, {} unknown",
        states.len(),
        unknown.len()
    );
}

/// Whether no answer is on its way any more.
async fn settled(operator: &Operator) -> bool {
    for conversation in everything(operator).await {
        let messages = operator.messages(&conversation["id"]).await;
        let moving =
            |message: &Value| matches!(message["state"].as_str(), Some("queued" | "sending"));
        if messages.iter().any(moving) {
            return false;
        }
    }
    true
}

async fn everything(operator: &Operator) -> Vec<Value> {
    let mut all = operator.list("limit=200").await;
    all.extend(operator.list("state=closed&limit=200").await);
    all
}
