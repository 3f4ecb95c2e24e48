//! `/metrics`, as Prometheus reads it.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::house::{Answer, Client, House};

async fn scrape(client: &Client) -> Answer {
    let request = client.request(Method::GET, "/metrics");
    client.send(request.body(Body::empty()).unwrap()).await
}

/// The value of a sample, by its name and labels.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
    line.split(' ').next()?.parse().ok()
}

#[tokio::test]
async fn numbers_for_those_with_a_token_and_no_words() {
    let house = House::open().await;
    scrape(&house.anonymous()).await.is(401);
    let ana = house.with_token("ana");
    let quiet = scrape(&ana).await;
    quiet.is(200);
    let kind = quiet.headers[header::CONTENT_TYPE].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert_eq!(
        value(quiet.text(), "callnumber_texts_received_total"),
        Some(0.0)
    );
    let online = "callnumber_queue_online{queue=\"desk\"}";
    assert_eq!(value(quiet.text(), online), Some(0.0));

    ana.put("/presence", json!({ "show": "available" }))
        .await
        .is(200);
    let id = house.text("+15551230100", "Is my book in?").await;
    house.text("+15551230101", "And mine?").await;
    let path = format!("/conversations/{id}/messages");
    ana.post(&path, json!({ "body": "Yes." })).await.is(201);

    // The tally follows the changes in a task of its own.
    let seen = async {
        loop {
            let now = scrape(&ana).await;
            let received = value(now.text(), "callnumber_texts_received_total");
            let queued = value(now.text(), "callnumber_texts_out_total{state=\"queued\"}");
            if (received, queued) == (Some(2.0), Some(1.0)) {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    let now = tokio::time::timeout(super::house::PATIENCE, seen)
        .await
        .unwrap();
    let text = now.text();
    for (sample, wanted) in [
        ("callnumber_conversations{state=\"waiting\"}", 1.0),
        ("callnumber_conversations{state=\"claimed\"}", 1.0),
        ("callnumber_conversations{state=\"held\"}", 0.0),
        ("callnumber_operators_available", 1.0),
        (online, 1.0),
        ("callnumber_queue_online{queue=\"reference\"}", 0.0),
    ] {
        assert_eq!(value(text, sample), Some(wanted), "{sample} in {text}");
    }
    for sample in [
        "callnumber_oldest_waiting_seconds",
        "callnumber_spool_bytes",
        "callnumber_disk_free_bytes",
        "process_resident_memory_bytes",
    ] {
        assert!(value(text, sample).is_some(), "{sample} in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    for private in ["5551230100", "book", "Yes."] {
        assert!(!text.contains(private), "{private} in {text}");
    }
}

/// The dashboard and the alerts ask for nothing that is not there.
#[test]
fn dashboard_and_alerts_name_what_is_told() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus");
    let told = include_str!("../../../src/web/metrics.rs");
    let mut names = 0;
    for file in ["dashboard.json", "alerts.yml"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        if file.ends_with("json") {
            let board: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(board["panels"].as_array().unwrap().len() >= 8);
        }
        for (at, _) in text.match_indices("callnumber_") {
            let name: String = text[at + "callnumber_".len()..]
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            let stem = ["_total", "_bytes"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let is_told = |name: &str| told.contains(&format!("\"{name}\""));
            assert!(
                is_told(&name) || stem.is_some_and(is_told),
                "{file}: {name}"
            );
            names += 1;
        }
    }
    assert!(names > 12);
}
