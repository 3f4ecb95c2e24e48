//! The console by its keys alone, in Chromium.

use callnumber::routing::ConversationId;
use serde_json::json;

use super::browser::{Served, morning};
use super::house::PASSWORD;
use crate::support::webdriver::Driver;

const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";
const CONTROL: &str = "\u{E009}";

/// Everything has a key: each key of the sheet does what the sheet says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_the_sheet_does_what_it_says() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    let ids = morning(&served.house).await;
    let browser = driver.browser(1280, 800, false).await;
    served.enter(&browser, "ana").await;
    browser
        .until("document.querySelectorAll('#waiting .row').length === 3")
        .await;
    let at = async |id: ConversationId| {
        browser.until(&format!("location.hash === '#c{id}'")).await;
        browser
            .until("document.querySelector('#thread').offsetParent !== null")
            .await;
    };
    let state = async |id: ConversationId| {
        let ana = served.house.with_token("ana");
        let thread = ana.get(&format!("/conversations/{id}")).await.json;
        (thread["state"].clone(), thread["claimed_by"].clone())
    };
    let dialog = async |key: &str, id: &str| {
        browser.press(key).await;
        let open = format!("document.querySelector('#{id}').open");
        browser.until(&open).await;
        browser.press(ESCAPE).await;
        browser.until(&format!("!{open}")).await;
        browser.script("document.activeElement.blur();").await;
    };

    // The sheet itself; what it lists is what is pressed below, and no more.
    dialog("?", "help").await;
    let listed = browser
        .script("return [...document.querySelectorAll('#help-keys dt')].map((n) => n.innerText).join(',');")
        .await;
    assert_eq!(
        listed,
        "j ↓,k ↑,Enter,w,r,Ctrl Enter,c,t,u,e,o,n,g,p,/,b,a,s,Esc,?"
    );

    // Down the list and up again; Enter opens.
    browser.press("jjk").await;
    browser.press(ENTER).await;
    at(ids[0]).await;
    browser.press(ESCAPE).await;
    browser.until("location.hash === ''").await;
    browser.press("w").await;
    at(ids[0]).await;

    browser.press("c").await;
    browser
        .until("document.querySelector('#act-claim').offsetParent === null")
        .await;
    assert_eq!(state(ids[0]).await, (json!("claimed"), json!("ana")));
    // Whoever claims wants to answer: the box has the focus, and Escape leaves it.
    browser
        .until("document.activeElement === document.querySelector('#reply')")
        .await;
    browser.press(ESCAPE).await;
    dialog("t", "transfer").await;
    for key in ["n", "g", "p"] {
        dialog(key, "aid").await;
    }
    dialog("/", "find").await;
    dialog("b", "begin").await;
    browser.press("u").await;
    browser
        .until("document.querySelector('#act-claim').offsetParent !== null")
        .await;
    assert_eq!(state(ids[0]).await, (json!("waiting"), json!(null)));

    // To the answer, out of it again, and to it once more to send.
    browser.press("r").await;
    browser
        .until("document.activeElement === document.querySelector('#reply')")
        .await;
    browser.press(ESCAPE).await;
    browser
        .until("document.activeElement !== document.querySelector('#reply')")
        .await;
    browser.press("r").await;
    browser.write("#reply", "It is in.").await;
    browser.press_with(CONTROL, ENTER).await;
    browser
        .until("document.querySelector('#talk').innerText.includes('It is in.')")
        .await;
    browser.script("document.activeElement.blur();").await;
    browser.press("e").await;
    browser
        .until(
            "document.querySelector('#act-reopen').offsetParent !== null || location.hash === ''",
        )
        .await;
    assert_eq!(state(ids[0]).await.0, json!("closed"));
    browser
        .script(&format!("location.hash = '#c{}';", ids[0]))
        .await;
    browser
        .until("document.querySelector('#act-reopen').offsetParent !== null")
        .await;
    browser.press("o").await;
    browser
        .until("document.querySelector('#act-reopen').offsetParent === null")
        .await;
    assert_ne!(state(ids[0]).await.0, json!("closed"));
    browser
        .until("document.activeElement === document.querySelector('#reply')")
        .await;
    browser.press(ESCAPE).await;

    // Away and back; sound off and on.
    for show in ["away", "available"] {
        browser.press("a").await;
        let chosen = format!("document.querySelector('input[name=show][value={show}]').checked");
        browser.until(&chosen).await;
        browser.script("document.activeElement.blur();").await;
    }
    for checked in ["false", "true"] {
        browser.press("s").await;
        let sound = format!("document.querySelector('#alert-sound').checked === {checked}");
        browser.until(&sound).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

/// The operator's story without a mouse: keys go where the focus is, and nothing is clicked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_day_goes_by_keys_alone() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    let house = &served.house;
    let now = jiff::Timestamp::now();
    let mut ids = Vec::new();
    for (from, body, minutes) in [
        ("+15551230101", "Is the Le Guin in?", 42),
        ("+15551230102", "Is the reading room open on Saturday?", 13),
        ("+15551230103", "Could you hold a book for me?", 5),
        ("+15551230104", "Who runs the chess club?", 1),
    ] {
        let stamped_at = now - jiff::SignedDuration::from_mins(minutes);
        ids.push(house.text_stamped(from, body, Some(stamped_at)).await);
    }
    let ben = house.with_token("ben");
    let browser = driver.browser(1280, 800, false).await;
    browser.go(&format!("{}/sign-in", served.address)).await;
    browser.tab_to("#name").await;
    browser.press("ana").await;
    browser.tab_to("#password").await;
    browser.press(PASSWORD).await;
    browser.press(ENTER).await;
    browser
        .until("document.querySelector('#tally')?.innerText.startsWith('4 waiting')")
        .await;
    let talk = |words: &str| {
        format!(
            "document.querySelector('#talk').innerText.includes({})",
            json!(words)
        )
    };
    let on = |css: &str| format!("document.activeElement === document.querySelector('{css}')");

    // On duty, and the oldest first: claims by answering.
    browser.press("a").await;
    browser
        .until("document.querySelector('input[name=show][value=available]').checked")
        .await;
    browser.press("w").await;
    browser
        .until(&format!("location.hash === '#c{}'", ids[0]))
        .await;
    browser.until(&talk("Is the Le Guin in?")).await;
    browser.press("r").await;
    browser.until(&on("#reply")).await;
    browser.press("Yes, under 814 LEG.").await;
    browser.press(ENTER).await;
    browser.until(&talk("Yes, under 814 LEG.")).await;
    let first = house
        .with_token("ana")
        .get(&format!("/conversations/{}", ids[0]))
        .await;
    assert_eq!(first.json["claimed_by"], "ana");

    // Somebody else is quicker: who it was is said, and the words stay as a draft.
    browser.press(ESCAPE).await;
    browser.press(ESCAPE).await;
    browser.until("location.hash === ''").await;
    browser.press("w").await;
    browser
        .until(&format!("location.hash === '#c{}'", ids[1]))
        .await;
    browser.press("r").await;
    browser.until(&on("#reply")).await;
    browser.press("From ten to four").await;
    ben.put("/presence", json!({"show": "available"}))
        .await
        .is(200);
    ben.post(
        &format!("/conversations/{}/messages", ids[1]),
        json!({"body": "Until four."}),
    )
    .await
    .is(201);
    browser
        .until(
            "document.querySelector('#composer-problem').innerText.startsWith('Answered by ben')",
        )
        .await;
    let draft = browser
        .script("return document.querySelector('#reply').value;")
        .await;
    assert_eq!(draft, "From ten to four");

    // An emoji that costs two texts, seen and taken out again.
    browser.press(ESCAPE).await;
    browser.press(ESCAPE).await;
    browser.until("location.hash === ''").await;
    browser.press("w").await;
    browser
        .until(&format!("location.hash === '#c{}'", ids[2]))
        .await;
    browser.press("r").await;
    browser.until(&on("#reply")).await;
    let words = "We have it on the shelf, second floor, under 814 LEG, and we put it aside for you at the front desk until we close at eight tonight.";
    browser.press(words).await;
    browser.compose(" \u{1F4DA}").await;
    browser
        .until("document.querySelector('#meter').innerText.includes('this emoji makes it 3 texts instead of 1')")
        .await;
    browser.tab_to("#meter-narrow").await;
    browser.press(ENTER).await;
    browser
        .until("!document.querySelector('#reply').value.includes('\u{1F4DA}')")
        .await;
    browser.press(ESCAPE).await;
    browser.press("r").await;
    browser.until(&on("#reply")).await;
    browser.press(ENTER).await;
    browser.until(&talk("second floor")).await;

    // The answer fails: why, in words, and a retry.
    let thread = house
        .with_token("ana")
        .get(&format!("/conversations/{}", ids[2]))
        .await
        .json;
    let message = thread["messages"].as_array().unwrap().last().unwrap()["id"]
        .as_i64()
        .unwrap();
    house
        .delivery(
            ids[2],
            message,
            callnumber::routing::DeliveryState::Failed,
            Some("The SIM has no credit left: top it up, then send again."),
        )
        .await;
    browser.until(&talk("no credit left")).await;
    browser.press(ESCAPE).await;
    browser.tab_to(".said-trouble button").await;
    browser.press(ENTER).await;
    browser.until("document.querySelector('#ask').open").await;
    browser.tab_to("#ask-yes").await;
    browser.press(ENTER).await;
    browser.until(&talk("waiting for the line")).await;

    // Handed over to ben, who accepts.
    browser.press("t").await;
    browser
        .until("document.querySelector('#transfer').open")
        .await;
    browser.tab_to("#transfer-to").await;
    browser.press("ben").await;
    browser
        .until("document.querySelector('#transfer-to').value === 'operator:ben'")
        .await;
    browser.tab_to("#transfer-note").await;
    browser.press("Yours, I think").await;
    browser.tab_to("#transfer button.primary").await;
    browser.press(ENTER).await;
    browser
        .until("!document.querySelector('#transfer').open")
        .await;
    ben.post(&format!("/conversations/{}/claim", ids[2]), json!({}))
        .await
        .is(200);
    browser.until(&talk("accepted by ben")).await;

    // A note, and the last one is claimed and closed without a word.
    browser.press(ESCAPE).await;
    browser.until("location.hash === ''").await;
    browser.press("w").await;
    browser
        .until(&format!("location.hash === '#c{}'", ids[3]))
        .await;
    browser.press("n").await;
    browser.until("document.querySelector('#aid').open").await;
    browser.press("Ask Cara").await;
    browser.tab_to("#aid button.primary").await;
    browser.press(ENTER).await;
    browser.until("!document.querySelector('#aid').open").await;
    browser.until(&talk("Ask Cara")).await;
    browser.press("c").await;
    browser.until(&on("#reply")).await;
    browser.press(ESCAPE).await;
    browser.press("e").await;
    browser.until("location.hash === ''").await;
    let last = house
        .with_token("ana")
        .get(&format!("/conversations/{}", ids[3]))
        .await;
    assert_eq!(last.json["state"], "closed");

    // Home.
    browser.tab_to("#menu summary").await;
    browser.press(ENTER).await;
    browser.tab_to("form[action='/sign-out'] button").await;
    browser.press(ENTER).await;
    browser.until("location.pathname === '/sign-in'").await;
    browser.close().await;
}
