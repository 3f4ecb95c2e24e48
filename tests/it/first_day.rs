//! A fresh installation is set up with its page alone, and answers its first text: the real program, a
//! browser, and a telephone.

use callnumber::simulator::Settings;
use serde_json::json;

use crate::support::webdriver::{Browser, Driver};
use crate::support::{Bench, PATIENCE};

const ENTER: &str = "\u{E007}";
const PATRON: &str = "+15551230100";

/// Presses the button with these words inside a part of the page.
async fn press(browser: &Browser, part: &str, words: &str) {
    let found = format!(
        "[...document.querySelectorAll({})].find((n) => n.innerText.trim() === {})",
        json!(format!("{part} button")),
        json!(words)
    );
    browser.until(&format!("{found}?.offsetParent")).await;
    browser.script(&format!("{found}.click();")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_desk_is_set_up_by_its_page_and_answers_its_first_text() {
    let driver = Driver::start().await;
    for (width, height) in [(1280, 900), (390, 844)] {
        let mut bench = Bench::new(Settings {
            pin: Some("4711".into()),
            ..Settings::default()
        })
        .await;
        let (address, link) = bench.start_fresh();
        let browser = driver.browser(width, height, false).await;

        // The link that the box printed lets its keeper in, by a button.
        browser.go(&link).await;
        browser.click("form button").await;
        browser.until("document.querySelector('#tally')").await;
        browser.go(&format!("http://{address}/settings")).await;
        browser.until("document.body.dataset.ready").await;
        browser
            .until(
                "document.querySelector('#steps').innerText.includes('No line is registered yet')",
            )
            .await;

        // The line: its PIN, its signal, a text to itself.
        let lines = |words: &str| {
            format!(
                "document.querySelector('#lines-list').innerText.includes({})",
                json!(words)
            )
        };
        browser
            .until("document.querySelector('#pin-front-desk')")
            .await;
        browser
            .write("#pin-front-desk", &format!("4711{ENTER}"))
            .await;
        browser.until(&lines("(home)")).await;
        browser.until(&lines("dBm")).await;
        browser
            .until("document.querySelector('#lines-list .self-test')")
            .await;
        press(&browser, "#lines-list .self-test", "Send a text to itself").await;
        browser.until(&lines("Text to itself: OK in ")).await;
        let to_itself = bench.modem.wait_until_sent(1, PATIENCE).await.unwrap();
        assert_eq!(to_itself.len(), 1);

        // Somebody to answer.
        browser.write("#operator-name", "ana").await;
        browser.write("#operator-password", "maps and tea").await;
        browser.click("#operator-add button").await;
        browser
            .until("document.querySelector('#staff-list').innerText.includes('ana')")
            .await;
        browser
            .until("document.querySelectorAll('#steps .done').length === 2")
            .await;
        browser.go(&format!("http://{address}/")).await;
        browser
            .until("document.querySelector('#menu summary')")
            .await;
        browser.click("#menu summary").await;
        browser.click("form[action='/sign-out'] button").await;

        // She signs in, goes on duty, and the first text comes.
        browser.until("document.querySelector('#password')").await;
        browser.write("#name", "ana").await;
        browser
            .write("#password", &format!("maps and tea{ENTER}"))
            .await;
        browser
            .until("document.querySelector('#invite') && !document.querySelector('#invite').hidden")
            .await;
        browser.click("#invite-go").await;
        browser
            .until("document.querySelector('#invite').hidden")
            .await;
        bench.modem.patron_texts(PATRON, "Is my book in?").unwrap();
        browser
            .until("document.querySelectorAll('#waiting .row').length === 1")
            .await;
        browser.click("#waiting .row").await;
        browser
            .until("document.querySelector('#talk').innerText.includes('Is my book in?')")
            .await;
        browser.write("#reply", "It is, until Friday.").await;
        browser.click("#send").await;
        let sent = bench.modem.wait_until_sent(2, PATIENCE).await.unwrap();
        assert_eq!(
            (sent[1].to.as_str(), sent[1].text.as_str()),
            (PATRON, "It is, until Friday.")
        );
        browser
            .until("/✓+ (sent|delivered)/.test(document.querySelector('#talk').innerText)")
            .await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
        assert!(bench.stop().success());
    }
}
