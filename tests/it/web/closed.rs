//! What is over: newest first, page by page, however much there is.

use callnumber::routing::ConversationId;
use serde_json::json;

use super::browser::Served;
use super::house::{Client, House};
use crate::support::webdriver::Driver;

/// Closes one conversation and lays so many copies of it down, last written in at times of all kinds.
async fn bury(house: &House, copies: i64) -> ConversationId {
    let id = house.text("+15551230100", "Is my book in?").await;
    let ana = house.with_token("ana");
    for act in ["claim", "close"] {
        let path = format!("/conversations/{id}/{act}");
        ana.post(&path, json!({})).await.is(200);
    }
    let buried = house.spool.write(move |connection| {
        connection.execute(
            "WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < ?1)
             INSERT INTO conversation (patron, gateway, queue, home, state, opened, active, closed)
             SELECT patron, gateway, queue, home, state, opened, active - 1000 * (7919 * n % ?1 + 1),
                    closed
             FROM conversation, copy WHERE id = ?2",
            [copies, id.0],
        )?;
        Ok(())
    });
    buried.await.unwrap();
    id
}

async fn walked(client: &Client, order: &str) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/conversations?state=closed&limit=500&order={order}{cursor}");
        let page = client.get(&path).await;
        for one in page.is(200).json["items"].as_array().unwrap() {
            let active = one["active_at"].as_str().unwrap().to_owned();
            all.push((active, one["id"].as_i64().unwrap()));
        }
        match page.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn twenty_thousand_closed_conversations_are_listed_newest_first() {
    const COPIES: i64 = 20_500;
    let house = House::open().await;
    let latest = bury(&house, COPIES).await;
    let ana = house.with_token("ana");
    let page = ana
        .get("/conversations?state=closed&order=newest&limit=50")
        .await;
    let items = page.is(200).json["items"].as_array().unwrap();
    assert_eq!(items.len(), 50);
    assert_eq!(items[0]["id"], latest.0);

    let newest = walked(&ana, "newest").await;
    assert_eq!(newest.len() as i64, COPIES + 1);
    let time = |at: &str| at.parse::<jiff::Timestamp>().unwrap();
    let falls = newest
        .windows(2)
        .all(|two| (time(&two[0].0), two[0].1) > (time(&two[1].0), two[1].1));
    assert!(falls, "they are not newest first, each once");
    let oldest = walked(&ana, "oldest").await;
    assert!(oldest.windows(2).all(|two| two[0].1 < two[1].1));
    let mut same = newest.clone();
    same.sort_by_key(|one| one.1);
    assert_eq!(same, oldest);

    // One that is closed comes to those who see its queue, and to nobody else.
    let cara = house.with_token("cara");
    assert_eq!(walked(&cara, "newest").await, []);
    for (query, status) in [
        ("order=sideways", 400),
        ("order=newest&cursor=17.", 400),
        ("order=newest&cursor=17", 422),
        ("cursor=1.17", 422),
    ] {
        let path = format!("/conversations?state=closed&{query}");
        ana.get(&path).await.is_problem(status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_ones_come_when_they_are_asked_for() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    let latest = bury(&served.house, 120).await;
    let browser = driver.browser(1280, 800, false).await;
    served.enter(&browser, "ana").await;
    browser.click("#closed-section summary").await;
    let rows = |count| format!("document.querySelectorAll('#closed .row').length === {count}");
    browser.until(&rows(50)).await;
    let first = format!("document.querySelector('#closed .row').hash === '#c{latest}'");
    browser.until(&first).await;
    browser.click("#closed-more").await;
    browser.until(&rows(100)).await;
    browser
        .until("!document.querySelector('#closed-more').hidden")
        .await;
    browser.click("#closed-more").await;
    browser.until(&rows(121)).await;
    browser
        .until("document.querySelector('#closed-more').hidden")
        .await;
    browser.close().await;
}
