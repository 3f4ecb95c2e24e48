//! Two operators answer at the same instant, a thousand times: one claims, the other's words come
//! back as a draft.

use std::collections::BTreeMap;

use callnumber::simulator::Settings;

use crate::support::{Bench, Operator, PATIENCE};

const TIMES: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_answers_at_the_same_instant_one_claims() {
    let mut bench = Bench::new(Settings {
        capacity: Some(2_000),
        ..Settings::default()
    })
    .await;
    let tokens = [bench.add_operator("ana"), bench.add_operator("ben")];
    let address = bench.start();
    let [ana, ben] = tokens.map(|token| Operator::new(address, &token));
    ana.arrives().await;
    ben.arrives().await;
    // An open stream keeps each of them on duty for as long as this takes.
    let _on_duty = (ana.api.events(None).await, ben.api.events(None).await);
    for at in 0..TIMES {
        let number = format!("+1555{at:07}");
        bench
            .modem
            .patron_texts(&number, &format!("text {at}"))
            .unwrap();
    }
    let waiting = tokio::time::timeout(PATIENCE, async {
        loop {
            let waiting = ana.list("state=waiting&limit=200").await;
            if waiting.len() == TIMES {
                return waiting;
            }
        }
    })
    .await
    .unwrap();

    let mut claims: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, conversation) in waiting.iter().enumerate() {
        let id = &conversation["id"];
        let key = format!("race-{at}");
        let (first, second) = tokio::join!(
            ana.replies(id, "ana knows", &key),
            ben.replies(id, "ben knows", &key),
        );
        let (winner, lost, words) = match (first.status, second.status) {
            (201, 409) => ("ana", second.body, "ben knows"),
            (409, 201) => ("ben", first.body, "ana knows"),
            other => panic!("race {at}: {other:?} {first:?} {second:?}"),
        };
        *claims.entry(winner).or_default() += 1;
        assert_eq!(lost["draft"], words, "{lost}");
        let detail = lost["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("answered by {winner}")), "{lost}");
        let thread = ana.api.get(&format!("/api/v1/conversations/{id}")).await;
        assert_eq!(thread.expect(200)["claimed_by"], winner);
    }
    println!("claims: {claims:?}");

    let sent = bench.modem.wait_until_sent(TIMES, PATIENCE).await.unwrap();
    let mut numbers: Vec<String> = sent.into_iter().map(|sent| sent.to).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), TIMES, "each patron got one answer");
    assert_eq!(bench.modem.sent_count(), TIMES, "and no patron got two");
}
