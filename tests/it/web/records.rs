//! Search, transcripts and reports over the API.

use callnumber::routing::Role;
use serde_json::{Value, json};

use super::house::{Answer, House};

fn bodies(found: &Answer) -> Vec<String> {
    let items = found.json["items"].as_array().unwrap();
    let body = |item: &Value| item["message"]["body"].as_str().unwrap().to_owned();
    items.iter().map(body).collect()
}

async fn house() -> House {
    let house = House::open().await;
    for (name, role) in [("ada", Role::Admin), ("cleo", Role::Coordinator)] {
        house.hire(name, "reference").await;
        house.promote(name, role).await;
    }
    for name in ["ana", "ben"] {
        let client = house.with_token(name);
        client
            .put("/presence", json!({"show": "available"}))
            .await
            .is(200);
    }
    house
}

#[tokio::test]
async fn an_operator_finds_what_an_operator_may_see() {
    let house = house().await;
    let ana = house.with_token("ana");
    let id = house.text("+15551230100", "Is the Le Guin überdue?").await;
    house.text("+15551230101", "Do you have a Le Carré?").await;
    ana.post(
        &format!("/conversations/{id}/messages"),
        json!({"body": "Yes, until the 14th."}),
    )
    .await
    .is(201);
    ana.put(
        &format!("/conversations/{id}/tags"),
        json!({"tags": ["fines"]}),
    )
    .await
    .is(200);
    for (q, found) in [
        ("guin", vec!["Is the Le Guin überdue?"]),
        ("UBER", vec!["Is the Le Guin überdue?"]),
        (
            "le",
            vec!["Do you have a Le Carré?", "Is the Le Guin überdue?"],
        ),
        ("le%20carre", vec!["Do you have a Le Carré?"]),
        ("14th", vec!["Yes, until the 14th."]),
        ("%23fines", vec!["Yes, until the 14th."]),
        ("%23fines%20guin", vec!["Is the Le Guin überdue?"]),
        ("%23maps%20guin", vec![]),
        ("guin%22%20OR%20%22le", vec![]),
        ("nothing", vec![]),
    ] {
        let answer = ana.get(&format!("/search?q={q}")).await;
        answer.is(200);
        assert_eq!(bodies(&answer), found, "{q}");
        assert!(!answer.text().contains("5551230"), "a number is shown");
    }
    ana.get("/search?q=%20").await.is_problem(422);
    // Page by page, and never what is not one's own.
    let first = ana.get("/search?q=le&limit=1").await;
    let next = first.json["next"].as_str().unwrap();
    let second = ana
        .get(&format!("/search?q=le&limit=1&cursor={next}"))
        .await;
    assert_eq!(bodies(&second), ["Is the Le Guin überdue?"]);
    for other in ["cara", "ada"] {
        let answer = house.with_token(other).get("/search?q=le").await;
        assert_eq!(answer.is(200).json, json!({"items": [], "next": null}));
    }
}

#[tokio::test]
async fn a_shown_name_is_found_and_a_number_by_whoever_may_see_it() {
    let house = house().await;
    let id = house.text("+15551230177", "Is my book in?").await;
    let (ana, cara) = (house.with_token("ana"), house.with_token("cara"));
    let thread = ana.get(&format!("/conversations/{id}")).await;
    let name = thread.json["patron"].as_str().unwrap().to_owned();
    let animal = name.split('-').next().unwrap();
    for q in [name.clone(), name.to_uppercase(), animal.to_owned()] {
        let found = ana.get(&format!("/search?q={q}")).await;
        assert_eq!(bodies(&found), ["Is my book in?"], "{q}");
        let found = cara.get(&format!("/search?q={q}")).await;
        assert_eq!(bodies(&found), [""; 0], "{q}");
    }
    let trail = || async {
        let trail = house.with_token("ada").get("/audit?limit=500").await;
        let items = trail.is(200).json["items"].as_array().unwrap().clone();
        let looked = |entry: &&Value| entry["action"] == "revealed_number";
        items.iter().filter(looked).count()
    };
    for (n, number) in ["+15551230177", "(555) 123-0177", "1.555.123.0177"]
        .iter()
        .enumerate()
    {
        let asked = json!({"number": number});
        let found = ana.post("/search/number", asked.clone()).await;
        assert_eq!(bodies(&found), ["Is my book in?"], "{number}");
        assert!(!found.text().contains("5551230177"), "a number is shown");
        assert_eq!(trail().await, n + 1, "{number}");
        // Who may not see it finds nothing, and nothing is written down.
        let found = cara.post("/search/number", asked).await;
        assert_eq!(bodies(&found), [""; 0], "{number}");
        assert_eq!(trail().await, n + 1, "{number}");
    }
    let thread = ana.get(&format!("/conversations/{id}")).await;
    assert_eq!(thread.json["notes"][0]["text"], "ana looked at the number");
    let nobody = json!({"number": "+15551230199"});
    assert_eq!(bodies(&ana.post("/search/number", nobody).await), [""; 0]);
    ana.post("/search/number", json!({"number": "555 12"}))
        .await
        .is_problem(422);
}

#[tokio::test]
async fn transcripts_are_taken_by_those_who_may_and_that_is_known() {
    let house = house().await;
    let id = house.text("+15551230100", "Is my book in?").await;
    let ana = house.with_token("ana");
    ana.post(
        &format!("/conversations/{id}/notes"),
        json!({"text": "on the cart"}),
    )
    .await
    .is(201);
    let path = format!("/conversations/{id}/transcript");
    let text = ana.get(&path).await;
    assert!(
        text.is(200).text().contains("    Is my book in?\n"),
        "{}",
        text.text()
    );
    assert!(text.text().contains("note, ana\n    on the cart"));
    let mbox = ana.get(&format!("{path}?format=mbox")).await;
    assert!(mbox.is(200).text().starts_with("From "));
    for form in ["text", "json", "mbox"] {
        let written = ana.get(&format!("{path}?format={form}")).await;
        assert!(!written.is(200).text().contains("5551230100"), "{form}");
    }
    ana.get(&format!("{path}?format=pdf")).await.is_problem(400);
    house.with_token("cara").get(&path).await.is_problem(404);

    ana.get("/transcripts").await.is_problem(403);
    house
        .with_token("cleo")
        .get("/transcripts")
        .await
        .is_problem(403);
    let all = house.with_token("ada").get("/transcripts").await;
    assert_eq!(
        all.is(200).json["items"][0]["lines"][0]["body"],
        "Is my book in?"
    );
    let trail = house.with_token("ada").get("/audit").await;
    assert_eq!(trail.json["items"][0]["action"], "exported_transcripts");
    assert_eq!(trail.json["items"][0]["by"], "ada");
}

#[tokio::test]
async fn reports_count_what_was_said_and_not_who_said_it() {
    let house = house().await;
    let (ana, cleo) = (house.with_token("ana"), house.with_token("cleo"));
    let id = house.text("+15551230100", "Is my book in?").await;
    house.text("+15551230100", "Hello?").await;
    ana.post(
        &format!("/conversations/{id}/messages"),
        json!({"body": "Yes."}),
    )
    .await
    .is(201);
    ana.get("/reports").await.is_problem(403);
    let by_queue = cleo.get("/reports?by=queue").await;
    let row = &by_queue.is(200).json["items"][0];
    assert_eq!(row["key"], "desk");
    assert_eq!(row["conversations"], 1);
    assert_eq!(
        (row["texts_in"].as_u64(), row["texts_out"].as_u64()),
        (Some(2), Some(1))
    );
    assert!(row["wait_median_s"].is_u64(), "{row}");
    let by_operator = cleo.get("/reports?by=operator").await;
    assert_eq!(by_operator.json["items"][0]["key"], "ana");
    let csv = cleo.get("/reports.csv?by=gateway").await;
    let lines: Vec<&str> = csv.is(200).text().lines().collect();
    assert!(lines[1].starts_with("front-desk,1,2,1,0,1,"), "{lines:?}");
    let svg = cleo.get("/reports.svg?by=hour&measure=waits").await;
    assert!(svg.is(200).text().starts_with("<svg "));
    for (bad, status) in [
        ("/reports?by=number", 400),
        ("/reports?from=monday", 400),
        ("/reports.svg?measure=money", 400),
        // Days, and yet no time to count over.
        ("/reports?from=2026-01-01&to=2025-01-01", 422),
        ("/reports?from=2020-01-01&to=2026-01-01", 422),
    ] {
        cleo.get(bad).await.is_problem(status);
    }
    // The counts hold nothing by which a patron could be known.
    let columns = house
        .spool
        .read(|connection| {
            let rows = connection.prepare("SELECT * FROM statistic")?;
            let names: Vec<String> = rows.column_names().map(str::to_owned).collect();
            Ok(names)
        })
        .await
        .unwrap();
    for name in ["patron", "address", "conversation", "message", "body"] {
        assert!(!columns.iter().any(|column| column == name), "{name}");
    }
}
