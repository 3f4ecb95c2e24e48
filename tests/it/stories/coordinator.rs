//! Libraries that cover for one another.

use callnumber::routing::{Amendment, Role};
use serde_json::json;

use super::house::{House, wait};
use super::{MONDAY_10_AM, PAT};

#[tokio::test(start_paused = true)]
async fn coordinator_home_desk_is_silent_and_the_partner_is_offered_an_elm_patron() {
    let house = House::open(MONDAY_10_AM).await;
    house
        .amend(Amendment::AddQueue { name: "oak".into() })
        .await;
    house
        .amend(Amendment::DescribeQueue {
            name: "oak".into(),
            title: Some("Oak County".into()),
            facts: None,
        })
        .await;
    house
        .amend(Amendment::DescribeQueue {
            name: "desk".into(),
            title: Some("Elm".into()),
            facts: Some("Fines: none. Maps on the second floor.".into()),
        })
        .await;
    house
        .amend(Amendment::SetFallback {
            queue: "desk".into(),
            fallback: Some("oak".into()),
            after_s: None,
        })
        .await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let olga = house.hire("olga", Role::Operator, &["oak"]).await;
    ana.arrives().await;
    olga.arrives().await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    wait(80).await;
    assert!(olga.list().await.is_empty(), "the local desk first");
    wait(15).await;
    let told = house.until_told(PAT, 1).await;
    assert_eq!(
        told,
        [
            "Elm: partner librarians at Oak County can help now; they may not know our shelves. \
          They won't see your number. Reply NO to wait for us."
        ]
    );
    let seen = olga.sees(1).await[0].clone();
    assert_eq!(seen["patron"], "Elm patron");
    assert_eq!(
        (&seen["queue"], &seen["partner"]),
        (&json!("desk"), &json!("oak"))
    );
    let thread = olga.thread(&id).await.to_string();
    assert!(!thread.contains("5551230100"), "{thread}");
    let shown = ana.list().await[0]["patron"].as_str().unwrap().to_owned();
    assert!(!thread.contains(&shown), "nor the name the home desk knows");
    let reveal = format!("/conversations/{id}/reveal");
    assert_eq!(olga.call("POST", &reveal, None).await.0, 422);
    // The page of facts about the home library.
    let queues = olga.get("/queues").await;
    let desk = queues["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|q| q["name"] == "desk");
    assert_eq!(
        desk.unwrap()["facts"],
        "Fines: none. Maps on the second floor."
    );
    // NO: home again.
    house.modem.patron_texts(PAT, "NO").unwrap();
    olga.sees(0).await;
    assert_eq!(ana.answers(&id, "It is in.").await.0, 201);
    assert_eq!(ana.thread(&id).await["home"], "desk");
}

#[tokio::test(start_paused = true)]
async fn coordinator_reads_the_month_by_home_queue_and_by_who_answered() {
    let house = House::open("2026-11-30T10:00:00-06:00").await;
    for name in ["oak", "fair"] {
        house.amend(Amendment::AddQueue { name: name.into() }).await;
    }
    house
        .amend(Amendment::SetFallback {
            queue: "desk".into(),
            fallback: Some("oak".into()),
            after_s: None,
        })
        .await;
    let carl = house.hire("carl", Role::Coordinator, &[]).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    let olga = house.hire("olga", Role::Operator, &["oak"]).await;
    ana.arrives().await;
    // The last of November, and two of December, of which a partner answers one.
    for (number, day) in [(0, 1), (1, 0), (2, 0)] {
        let patron = format!("+1555123020{number}");
        house.modem.patron_texts(&patron, "Is my book in?").unwrap();
        let id = ana.sees(1).await[0]["id"].clone();
        let librarian = match number {
            2 => {
                olga.arrives().await;
                olga.sees(1).await;
                &olga
            }
            _ => &ana,
        };
        assert_eq!(librarian.answers(&id, "It is.").await.0, 201);
        let close = format!("/conversations/{id}/close");
        assert_eq!(librarian.call("POST", &close, None).await.0, 200);
        house.until_told(&patron, 1).await;
        wait(day * 24 * 3600).await;
        ana.arrives().await;
    }
    let month = "from=2026-12-01&to=2026-12-31";
    let report = async |by: &str| {
        let csv = carl.text(&format!("/reports.csv?by={by}&{month}")).await;
        let rows = csv.lines().map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            fields[..4].join(",")
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        report("queue").await,
        ["queue,conversations,texts_in,texts_out", "desk,2,2,2"],
        "statistics stay with the home queue"
    );
    assert_eq!(
        report("answerer-home").await,
        [
            "answerer-home,conversations,texts_in,texts_out",
            "desk,1,0,1",
            "oak,1,0,1"
        ]
    );
    assert_eq!(
        report("operator").await,
        [
            "operator,conversations,texts_in,texts_out",
            "ana,1,0,1",
            "olga,1,0,1"
        ]
    );
    // By the month so far, when nothing is said; and not for everybody.
    let today = carl.text("/reports.csv").await;
    assert!(today.contains("\r\ndesk,2,"), "{today}");
    assert_eq!(ana.call("GET", "/reports.csv", None).await.0, 403);
}
