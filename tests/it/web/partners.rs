//! What librarians of another library learn of a patron they help out with: `desk patron`, by every
//! way of reading.

use serde_json::json;

use super::house::{Answer, House};

const PATRON: &str = "+15551230100";

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[tokio::test]
async fn a_partner_learns_no_name_by_any_way_of_reading() {
    let house = House::open().await;
    let id = house.text(PATRON, "Is the quagga in?").await;
    // As the desk stands once nobody answered: the queue `reference`, cara's, helps out.
    house
        .spool
        .write(move |connection| {
            Ok(connection.execute(
                "UPDATE conversation SET rollover = json_object('shared',
                     (SELECT id FROM queue WHERE name = 'reference'))",
                [],
            )?)
        })
        .await
        .unwrap();
    let (ana, cara) = (house.with_token("ana"), house.with_token("cara"));
    let path = format!("/conversations/{id}");
    let at_home = ana.get(&path).await;
    let name = at_home.json["patron"].as_str().unwrap().to_owned();
    for path in [
        path.clone(),
        "/conversations".into(),
        "/search?q=quagga".into(),
        format!("{path}/transcript"),
        format!("{path}/transcript?format=json"),
        format!("{path}/transcript?format=mbox"),
    ] {
        let (home, away) = (ana.get(&path).await, cara.get(&path).await);
        assert!(
            text(&home).contains(&name),
            "{path} at home: {}",
            text(&home)
        );
        assert_eq!(away.status, 200, "{path}: {}", text(&away));
        assert!(
            !text(&away).contains(&name),
            "{path} tells a partner: {}",
            text(&away)
        );
        assert!(text(&away).contains("patron"), "{path}: {}", text(&away));
    }
    for act in ["block", "unblock", "reveal"] {
        let refused = cara.post(&format!("{path}/{act}"), json!({})).await;
        assert!(refused.status.is_client_error(), "{act}: {}", refused.json);
    }
}
