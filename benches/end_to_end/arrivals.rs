//! From the network to the operator: one text at a time, each once the last has left the SIM.

use std::time::{Duration, Instant};

use callnumber::daemon::House;
use callnumber::simulator::Settings;
use serde_json::json;

use crate::figures::{Table, Times, ms};
use crate::library::{Modem, folder, operator, prepare, runtime, settings, settled, within};

const TEXTS: usize = 1_000;
const REPLIES: usize = 200;
/// Between two texts: long enough for every thread to have gone to sleep.
const QUIET: Duration = Duration::from_millis(3);
/// How often starting is measured.
const STARTS: usize = 7;

pub(crate) fn measure(table: &mut Table) {
    texts(table);
    starts(table);
}

/// Texts in, and answers out, through the API and the event stream.
fn texts(table: &mut Table) {
    let folder = folder();
    let modem = Modem::plug_in(Settings::default());
    let spool = prepare(folder.path());
    runtime().block_on(async {
        let house = House::open(settings(spool, modem.port())).await.unwrap();
        let ana = operator(&house);
        let mut events = ana.events(None).await;
        events.find(|event| event.name == "hello").await;
        let available = json!({"show": "available"});
        ana.put("/api/v1/presence", available).await.expect(200);
        settled(&house, &modem).await;

        let (mut shown, mut stored) = (Vec::new(), Vec::new());
        let mut conversations = Vec::new();
        for n in 0..TEXTS {
            let words = format!("Is volume {n} of the county history on the shelf at Elm?");
            let from = format!("+1555123{:04}", n % 50);
            let began = Instant::now();
            modem.modem.patron_texts(&from, &words).unwrap();
            let told = events
                .find(|event| event.name == "message" && event.data["body"] == *words)
                .await;
            shown.push(began.elapsed());
            let gone = modem.modem.wait_until_stored(0, Duration::from_secs(10));
            gone.await.unwrap();
            // It is deleted only once it is on disk, so this is a little later than that.
            let deleted = *modem.heard("+CMGD").last().unwrap();
            stored.push(deleted.duration_since(began));
            if n < 50 {
                conversations.push(told.data["conversation"].as_i64().unwrap());
            }
            tokio::time::sleep(QUIET).await;
        }
        let (shown, stored) = (Times::new(shown), Times::new(stored));
        table.row(
            "text arrives → on disk, its deletion asked for",
            stored.summary(),
            "p50 ≤ 3 ms",
        );
        table.row(
            "text arrives → operator's event stream",
            shown.summary(),
            "p50 < 10 ms",
        );

        let (mut accepted, mut given) = (Vec::new(), Vec::new());
        for n in 0..REPLIES {
            let conversation = conversations[n % conversations.len()];
            let path = format!("/api/v1/conversations/{conversation}/messages");
            let reply = json!({"body": format!("Volume {n} is on the shelf."), "client_id": format!("reply-{n}")});
            let began = Instant::now();
            ana.post(&path, reply).await.expect(201);
            accepted.push(began.elapsed());
            within(modem.modem.wait_until_sent(n + 1, Duration::from_secs(10)))
                .await
                .unwrap();
            let asked = *modem.heard("+CMGS").last().unwrap();
            given.push(asked.duration_since(began));
            tokio::time::sleep(QUIET).await;
        }
        table.row("reply → on disk, accepted (201)", Times::new(accepted).summary(), "");
        table.row("reply → the modem is given it", Times::new(given).summary(), "p50 ≤ 5 ms");
        house.close().await;
    });
}

/// A text waits on the SIM while the house is closed.
fn starts(table: &mut Table) {
    let mut stored = Vec::new();
    for _ in 0..STARTS {
        let folder = folder();
        let modem = Modem::plug_in(Settings::default());
        let spool = prepare(folder.path());
        modem.store(1);
        let runtime = runtime();
        let began = Instant::now();
        let house = runtime.block_on(House::open(settings(spool, modem.port())));
        let house = house.unwrap();
        modem.wait("an empty SIM", |modem| modem.stored().is_empty());
        stored.push(modem.heard("+CMGD")[0].duration_since(began));
        runtime.block_on(house.close());
    }
    let stored = Times::new(stored);
    table.row(
        "house opens → a waiting text on disk, its deletion asked for",
        stored.spread(),
        &format!("≤ {}", ms(Duration::from_millis(300))),
    );
}
