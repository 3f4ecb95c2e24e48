//! Two tabs of one operator's browser agree.

use serde_json::json;

use super::browser::Served;
use crate::support::webdriver::Driver;

const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_of_one_operator_agree() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    let browser = driver.browser(1280, 800, false).await;
    served.enter(&browser, "ana").await;
    let one = browser.tab().await;
    let two = browser.new_tab().await;
    browser.go(&served.address).await;
    let opened = "!document.querySelector('#tally').innerText.startsWith('Opening')";
    browser.until(opened).await;

    // Here in one is here in both.
    browser.press("a").await;
    let here = "document.querySelector('input[name=show][value=available]').checked";
    browser.until(here).await;
    browser.turn_to(&one).await;
    browser.until(here).await;
    browser
        .until("document.querySelector('#invite').hidden")
        .await;

    // A text is in both, and so is the draft of its answer.
    let id = served.house.text("+15551230100", "Is my book in?").await;
    let rows = |list: &str, count: usize| {
        format!("document.querySelectorAll('#{list} .row').length === {count}")
    };
    for tab in [&one, &two] {
        browser.turn_to(tab).await;
        browser.until(&rows("waiting", 1)).await;
        browser.press("w").await;
        browser.until(&format!("location.hash === '#c{id}'")).await;
        browser
            .until("document.querySelector('#talk').innerText.includes('Is my book in?')")
            .await;
    }
    browser.press("r").await;
    browser
        .until("document.activeElement === document.querySelector('#reply')")
        .await;
    browser.press("It is on the").await;
    let draft = |words: &str| {
        format!(
            "document.querySelector('#reply').value === {}",
            json!(words)
        )
    };
    browser.turn_to(&one).await;
    browser.until(&draft("It is on the")).await;

    // Written to its end and sent in one: answered and empty in both, and sent once.
    browser.press("r").await;
    browser.press("\u{E010}").await; // End
    browser.press(" shelf.").await;
    browser.press(ENTER).await;
    for tab in [&one, &two] {
        browser.turn_to(tab).await;
        browser
            .until("document.querySelector('#talk').innerText.includes('It is on the shelf.')")
            .await;
        browser.press(ESCAPE).await;
        browser.until(&draft("")).await;
        browser.until(&rows("mine", 1)).await;
        browser.until(&rows("waiting", 0)).await;
    }
    let ana = served.house.with_token("ana");
    let thread = ana.get(&format!("/conversations/{id}")).await.json;
    assert_eq!(thread["messages"].as_array().unwrap().len(), 2, "{thread}");

    // The tab that is closed takes nobody off duty, and what is switched in one is switched in both.
    browser.press("s").await;
    browser
        .until("!document.querySelector('#alert-sound').checked")
        .await;
    browser.turn_to(&one).await;
    browser
        .until("!document.querySelector('#alert-sound').checked")
        .await;
    browser.click("#menu summary").await;
    browser.click(".looks label:nth-of-type(3) input").await;
    browser.turn_to(&two).await;
    browser
        .until("document.documentElement.dataset.look === 'dark' && document.querySelector('input[name=look][value=dark]').checked")
        .await;

    // Closed in one is closed in both.
    browser.press("e").await;
    for tab in [&two, &one] {
        browser.turn_to(tab).await;
        browser.until(&rows("mine", 0)).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}
