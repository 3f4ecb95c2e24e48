//! What the log says of patrons at its usual level: nothing.

use std::process::Stdio;

use callnumber::simulator::Settings;

use crate::support::{Bench, Operator, PATIENCE, binary};

const SECRETS: [&str; 4] = ["overdue", "pregnancy", "shelved", "notwanted"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_numbers_nor_words_of_patrons_reach_the_log() {
    let bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let log = bench.path().join("log");
    let mut daemon = binary()
        .args(["run", "--config"])
        .arg(bench.config())
        .env("CALLNUMBER_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(daemon.stdout.take().unwrap());
    let address = loop {
        let mut line = String::new();
        assert_ne!(
            std::io::BufRead::read_line(&mut lines, &mut line).unwrap(),
            0
        );
        if let Some(url) = line.trim().strip_prefix("The console is at http://") {
            break url.trim_end_matches('/').parse().unwrap();
        }
    };
    let ana = Operator::new(address, &token);
    // Held, long, undecodable, answered, refused by the network and by the desk.
    let modem = &bench.modem;
    modem
        .patron_texts("+15551230100", "my pregnancy book")
        .unwrap();
    let long = "an overdue book and its maps ".repeat(12);
    modem.patron_texts("+15551230101", &long).unwrap();
    modem.deliver_pdu("07915155210399F904").unwrap();
    modem.refuse_number("+15551230102", 1);
    modem.patron_texts("+15551230102", "notwanted").unwrap();
    modem.wait_until_stored(0, PATIENCE).await.unwrap();
    modem.wait_until_sent(2, PATIENCE).await.unwrap();
    let mut events = ana.api.events(None).await;
    ana.arrives().await;
    let mut offers = Vec::new();
    while offers.len() < 3 {
        let offer = events.find(|event| event.name == "offer").await;
        offers.push(offer.data["conversation"].clone());
    }
    for (at, conversation) in offers.iter().enumerate() {
        ana.replies(conversation, "it is shelved", &format!("key {at}"))
            .await;
    }
    modem.wait_until_sent(4, PATIENCE).await.unwrap();
    daemon.kill().unwrap();
    daemon.wait().unwrap();

    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("INFO"), "the log is on: {said}");
    for number in ["5551230100", "5551230101", "5551230102", "5521030010"] {
        assert!(!said.contains(number), "{number} is in: {said}");
    }
    for word in SECRETS {
        assert!(!said.to_lowercase().contains(word), "{word} is in: {said}");
    }
}
