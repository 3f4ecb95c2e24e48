//! The console by its keys alone, in Chromium.

use callnumber::routing::ConversationId;
use serde_json::json;

use crate::browser::{Served, morning};
use crate::webdriver::Driver;

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
