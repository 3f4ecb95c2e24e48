//! Patrons' own words in the console: a reaction beside our text, keywords in the settings, and a draft
//! that invites a word which would opt the patron out.

use serde_json::json;

use super::browser::{Served, shoot};
use crate::support::webdriver::Driver;

const PAT: &str = "+15551230120";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_is_a_mark_and_a_draft_that_invites_stop_is_told_of() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 800, false, "words-desk"),
        (390, 844, true, "words-phone"),
    ] {
        let served = Served::open().await;
        let ana = served.house.with_token("ana");
        let show = json!({"show": "available"});
        ana.put("/presence", show).await.is(200);
        let id = served.house.text(PAT, "Is my book in?").await;
        let answer = "Yes: it waits at the front desk until Friday.";
        let path = format!("/conversations/{id}/messages");
        ana.post(&path, json!({"body": answer})).await.is(201);

        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "ana").await;
        browser.go(&format!("{}/#c{id}", served.address)).await;
        let says = "document.querySelector('#talk').innerText.includes('until Friday')";
        browser.until(says).await;
        served.house.taps(PAT, &format!("Loved “{answer}”")).await;
        browser
            .until("document.querySelector('.said-out .said-reaction')?.innerText === '❤️'")
            .await;
        browser
            .write("#reply", "It is due on Friday. Shall we renew or cancel?")
            .await;
        browser
            .until(
                "document.querySelector('#composer-warning').innerText.includes('answers CANCEL')",
            )
            .await;
        shoot(&browser, name).await;
        browser
            .script("const b = document.querySelector('#reply'); b.value = 'Shall we renew it?'; b.dispatchEvent(new Event('input'));")
            .await;
        browser
            .until("document.querySelector('#composer-warning').hidden")
            .await;
        // Taken back, it is gone.
        let removed = format!("Removed a heart from “{answer}”");
        served.house.taps(PAT, &removed).await;
        browser
            .until("!document.querySelector('.said-reaction')")
            .await;
        assert_eq!(browser.complaints().await, [""; 0]);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keywords_are_kept_in_the_settings() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 800, false, "keywords-desk"),
        (390, 844, true, "keywords-phone"),
    ] {
        let served = Served::open().await;
        served.house.hire_admin("root").await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        browser.until("document.body.dataset.ready").await;
        let fold = "#fold-keywords-front-desk";
        browser.click(&format!("{fold} > summary")).await;
        let forms =
            |count: usize| format!("document.querySelectorAll('{fold} form').length === {count}");
        browser.until(&forms(1)).await;
        let last = format!("{fold} form:last-of-type");
        browser.write(&format!("{last} input"), "STOP").await;
        browser.write(&format!("{last} textarea"), "No.").await;
        browser
            .until(&format!(
                "document.querySelector('{last} .card-problem').innerText.includes('choose another word')"
            ))
            .await;
        browser
            .script(&format!(
                "document.querySelector('{last} input').value = '';"
            ))
            .await;
        browser.write(&format!("{last} input"), "Hours").await;
        browser
            .script(&format!(
                "document.querySelector('{last} textarea').value = '';"
            ))
            .await;
        browser
            .write(
                &format!("{last} textarea"),
                "{library}: nine to five, every day.",
            )
            .await;
        browser
            .until(&format!(
                "document.querySelector('{last} .reads').innerText.endsWith(': nine to five, every day.') && document.querySelector('{last} .bubble .hint').innerText !== ''"
            ))
            .await;
        browser.click(&format!("{last} button.primary")).await;
        browser.until(&forms(2)).await;
        shoot(&browser, name).await;
        let root = served.house.with_token("root");
        let kept = root.get("/gateways/front-desk/keywords").await.json;
        assert_eq!(kept["items"][0]["word"], "Hours", "{kept}");
        browser.close().await;
    }
}
