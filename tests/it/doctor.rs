//! The doctor, at a desk that runs and at one that does not.

use std::process::Output;

use callnumber::simulator::Settings;
use serde_json::{Value, json};

use crate::support::post_office::PostOffice;
use crate::support::{Bench, Operator};

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The findings of a check, as verdict and words.
fn found(report: &Value, check: &str) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["check"] == check)
        .map(|finding| {
            let words = format!("{} {}", word(&finding["found"]), word(&finding["remedy"]));
            (word(&finding["verdict"]), words)
        })
        .collect()
}

fn expect(report: &Value, check: &str, verdict: &str, words: &str) {
    let findings = found(report, check);
    assert!(
        findings
            .iter()
            .any(|(is, said)| is == verdict && said.contains(words)),
        "{check}: {verdict} {words:?} is not among {findings:?}"
    );
}

/// What the page finds when it has the box looked over.
async fn looked_over(admin: &Operator) -> Value {
    admin
        .api
        .post("/api/v1/box/health", json!({}))
        .await
        .expect(202);
    for _ in 0..600 {
        let health = admin.api.get("/api/v1/box/health").await.expect(200);
        if health["running"] == false {
            return health;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the look over the box does not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_running_desk() {
    let mut bench = Bench::new(Settings::default()).await;
    let token = bench.add_operator("ana");
    let address = bench.start();
    let ana = Operator::new(address, &token);
    // The modem is set up once it has a text to give.
    ana.arrives().await;
    let mut events = ana.api.events(None).await;
    bench.modem.patron_texts("+15551230000", "hello").unwrap();
    events.find(|event| event.name == "offer").await;

    let output = bench.command(&["doctor", "--json"]);
    let report_json = report(&output);
    assert!(output.status.success(), "{report_json:#}");
    assert_eq!(report_json["well"], true);
    for (check, words) in [
        ("desk", "running"),
        ("port", "Simulated modem"),
        ("SIM", "it answers"),
        ("registration", "at home"),
        ("signal", "dBm"),
        ("service centre", "+"),
        ("storage", "places in use"),
        ("spool", "is whole"),
        ("web", "HTTP/1.1 200"),
        ("operators", "1"),
        ("program", env!("CARGO_PKG_VERSION")),
    ] {
        expect(&report_json, check, "ok", words);
    }
    for check in [
        "clock",
        "disk",
        "ModemManager",
        "configuration",
        "permissions",
    ] {
        assert!(!found(&report_json, check).is_empty(), "{check}");
    }
    let words = String::from_utf8(bench.command(&["doctor"]).stdout).unwrap();
    assert!(words.contains("ok    signal (front-desk): "), "{words}");

    // The same from the page, in the desk's own process; and what only that knows, its log.
    let admin = bench.command(&["operator", "set", "ana", "--role", "admin"]);
    assert!(admin.status.success(), "{admin:?}");
    let on_the_page = looked_over(&ana).await;
    assert_eq!(on_the_page["well"], true, "{on_the_page:#}");
    expect(&on_the_page, "log", "ok", "without patrons' numbers");
    let checks = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap();
        let names = findings.iter().map(|found| found["check"].to_string());
        names.filter(|name| name != "\"log\"").collect()
    };
    assert_eq!(checks(&on_the_page), checks(&report_json));
    let loud = json!({ "level": "debug", "for_s": 60 });
    ana.api.put("/api/v1/box/log", loud).await.expect(200);
    expect(
        &looked_over(&ana).await,
        "log",
        "warning",
        "numbers and words are written into it",
    );
    assert!(bench.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_desk_stopped_it_opens_the_port_and_takes_nothing() {
    let bench = Bench::new(Settings {
        pin: Some("1234".into()),
        ..Settings::default()
    })
    .await;
    bench.modem.patron_texts("+15551230000", "hello").unwrap();
    let config = std::fs::read_to_string(bench.config()).unwrap();
    let with_pin = config.replace("pace =", "pin = \"9999\"\npace =");
    std::fs::write(bench.config(), with_pin).unwrap();

    let output = bench.command(&["doctor", "--json"]);
    let report_json = report(&output);
    assert!(!output.status.success(), "{report_json:#}");
    expect(&report_json, "desk", "warning", "not running");
    expect(&report_json, "SIM", "failure", "was not tried");
    expect(&report_json, "configuration", "warning", "credstore");
    expect(&report_json, "spool", "ok", "the first start makes it");
    assert_eq!(bench.modem.pin_tries_left(), 3, "no try was spent");
    assert_eq!(bench.modem.stored().len() + bench.modem.waiting(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_and_what_is_damaged() {
    let bench = Bench::new(Settings::default()).await;
    bench.add_operator("ana");
    let config = std::fs::read_to_string(bench.config()).unwrap();
    let port = format!("port = \"{}\"", bench.path().join("modem").display());
    let elsewhere = config.replace(&port, "port = \"/dev/ttyNONE0\"");
    std::fs::write(
        bench.config(),
        format!(
            "{elsewhere}[xmpp.component]\ndomain = \"desk.example.org\"\nserver = \"127.0.0.1:1\"\n"
        ),
    )
    .unwrap();
    let spool = bench.path().join("spool.db");
    let mut octets = std::fs::read(&spool).unwrap();
    octets[4096..].fill(0xA5);
    std::fs::write(&spool, octets).unwrap();

    let report_json = report(&bench.command(&["doctor", "--json"]));
    expect(
        &report_json,
        "port",
        "failure",
        "/dev/ttyNONE0 is not there",
    );
    expect(&report_json, "spool", "failure", "");
    expect(&report_json, "XMPP", "failure", "has no secret");

    std::fs::write(bench.config(), "[library]\nname = 4\n").unwrap();
    let report_json = report(&bench.command(&["doctor", "--json"]));
    expect(&report_json, "configuration", "failure", "line 2");
    assert_eq!(report_json["findings"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mail_server_is_asked_whether_it_lets_us_in() {
    let mut office = PostOffice::open();
    let bench = Bench::new(Settings::default()).await;
    let config = std::fs::read_to_string(bench.config()).unwrap();
    // The line is not this story's.
    let port = format!("port = \"{}\"", bench.path().join("modem").display());
    let config = config.replace(&port, "port = \"/dev/ttyNONE0\"");
    let password = bench.path().join("password");
    std::fs::write(&password, "a secret\n").unwrap();
    let server = |port: u16, more: &str| {
        format!(
            "{config}[alerts]\nemail = [\"ana@elm.example\"]\n[alerts.smtp]\n\
             server = \"127.0.0.1:{port}\"\nfrom = \"desk@elm.example\"\nsecurity = \"none\"\n{more}"
        )
    };
    let login = format!("user = \"desk\"\npassword_file = {password:?}\n");
    for (text, verdict, words) in [
        (server(office.port, ""), "ok", "lets us in"),
        // It takes no names, which is an error of whoever set one.
        (
            server(office.port, &login),
            "failure",
            "the mail server says",
        ),
        (server(1, ""), "failure", "127.0.0.1:1: "),
    ] {
        std::fs::write(bench.config(), text).unwrap();
        let report_json = report(&bench.command(&["doctor", "--json"]));
        expect(&report_json, "mail", verdict, words);
    }
    std::fs::write(bench.config(), &config).unwrap();
    let report_json = report(&bench.command(&["doctor", "--json"]));
    assert!(found(&report_json, "mail").is_empty(), "none is set");
    assert!(office.is_quiet(), "no letter is sent");
}
