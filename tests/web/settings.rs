//! A desk is set up with the page alone, and answers its first text.

use serde_json::json;

use crate::browser::{Served, shoot};
use crate::house::House;
use crate::webdriver::Driver;

/// Chooses in a select by its label, inside the card of this name.
fn choose(list: &str, card: &str, label: &str, value: &str) -> String {
    format!(
        "const card = [...document.querySelectorAll('#{list} .card')].find((n) => n.querySelector('h3').innerText.trim().startsWith('{card}')); \
         const select = [...card.querySelectorAll('.field')].find((n) => n.querySelector('label')?.innerText === '{label}').querySelector('select'); \
         select.value = '{value}'; select.dispatchEvent(new Event('change'));"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_sets_the_desk_up_and_it_answers_its_first_text() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "settings-light"),
        (390, 844, true, "settings-phone-dark"),
    ] {
        let house = House::open().await;
        house.hire_admin("root").await;
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        browser.until("document.body.dataset.ready").await;
        browser
            .until("document.querySelectorAll('#staff-list .card').length === 4")
            .await;
        shoot(&browser, &format!("{name}-1-first")).await;

        browser.write("#queue-name", "maps").await;
        browser.click("#queue-add button").await;
        browser
            .until("[...document.querySelectorAll('#queues-list h3')].some((n) => n.innerText.trim() === 'maps')")
            .await;
        browser.write("#gateway-name", "ask").await;
        browser.click("#gateway-add button").await;
        browser
            .until("[...document.querySelectorAll('#gateways-list h3')].some((n) => n.innerText.trim().startsWith('ask'))")
            .await;
        browser
            .script(&choose("gateways-list", "ask", "Queue", "maps"))
            .await;
        browser.click("#widget-ask summary").await;
        browser
            .until("document.querySelector('#widget-ask-code')?.value.includes('/widget/ask.js')")
            .await;
        browser
            .write("#widget-ask-origins", "https://www.elm.example")
            .await;
        shoot(&browser, &format!("{name}-2-widget")).await;
        browser.click("#widget-ask .primary").await;
        browser.write("#operator-name", "dora").await;
        browser.write("#operator-password", "maps and tea").await;
        browser.click("#operator-add button").await;
        browser
            .until("[...document.querySelectorAll('#staff-list h3')].some((n) => n.innerText.trim() === 'dora')")
            .await;
        browser
            .script(&choose("staff-list", "dora", "Role", "coordinator"))
            .await;
        browser
            .until("document.querySelectorAll('#trail-list tr').length > 3")
            .await;
        shoot(&browser, &format!("{name}-3-whole")).await;

        // What the page did is what the desk has.
        let root = served.house.with_token("root");
        let gateways = root.get("/gateways").await.json;
        let ask = gateways["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "ask")
            .unwrap()
            .clone();
        assert_eq!(ask["queue"], "maps");
        assert_eq!(
            root.get("/gateways/ask/widget").await.json["origins"],
            json!(["https://www.elm.example"])
        );
        let operators = root.get("/operators").await.json;
        let dora = operators["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "dora")
            .unwrap()
            .clone();
        assert_eq!(dora["role"], "coordinator");
        assert_eq!(dora["queues"], json!(["desk"]));
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;

        // And the one who was added answers the first text.
        let browser = driver.browser(width, height, dark).await;
        browser.go(&format!("{}/sign-in", served.address)).await;
        browser.write("#name", "dora").await;
        browser.write("#password", "maps and tea\u{E007}").await;
        browser
            .until("document.querySelector('#invite')?.hidden === false")
            .await;
        browser.click("#invite-go").await;
        // The text comes once she is on duty: an earlier one would be told that the desk is closed.
        browser
            .until("document.querySelector('#invite').hidden")
            .await;
        let id = served.house.text("+15551230100", "Are you there?").await;
        browser
            .until("document.querySelectorAll('#waiting .row').length === 1")
            .await;
        browser.click("#waiting .row").await;
        browser.until("document.querySelector('#talk .said')").await;
        browser.write("#reply", "Yes!").await;
        browser.click("#send").await;
        browser
            .until("document.querySelectorAll('#talk .said-out').length === 1")
            .await;
        let thread = served
            .house
            .with_token("ana")
            .get(&format!("/conversations/{id}"))
            .await;
        assert_eq!(thread.json["claimed_by"], "dora");
        browser.close().await;
    }
}
