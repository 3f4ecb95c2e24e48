//! Every page of the console and every part of the settings, on a desk that has been at work for a month:
//! nothing sticks out or is cut off, and with axe-core nothing keeps anybody out. With
//! `CALLNUMBER_SCREENSHOTS` the pictures of docs/screens are made of it.

use std::time::Duration;

use callnumber::web::Settings;
use serde_json::{Value, json};

use super::browser::{Served, morning, picture, shoot};
use super::house::{Client, House};
use crate::support::webdriver::{Browser, Driver};

const ESCAPE: &str = "\u{E00C}";

/// The parts of the settings, by their headings, and what is opened in them first.
const PARTS: [(&str, &[&str]); 12] = [
    ("lines", &["ussd-front-desk", "trace-front-desk"]),
    ("queues", &["hours-desk", "about-maps"]),
    ("gateways", &["wording-front-desk", "keywords-front-desk"]),
    ("staff", &["entry-ana"]),
    ("canned", &[]),
    ("reports", &[]),
    ("transcripts", &[]),
    ("health", &[]),
    ("box", &[]),
    ("backups", &[]),
    ("book", &[]),
    ("trail", &[]),
];

async fn done(client: &Client, path: &str, body: Value) {
    let answer = client.post(path, body).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
}

/// A desk with hours, two queues, a widget, a line that is heard, canned replies and a month's counts.
async fn month() -> House {
    let house = House::open_driving(
        Settings {
            library: "Elm Library".into(),
            public_url: Some("https://desk.elm.example".into()),
            ..Settings::default()
        },
        "4711",
    )
    .await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    done(&root, "/modems/front-desk/pin", json!({"pin": "4711"})).await;
    for change in [
        json!({"change": "add_queue", "name": "maps"}),
        json!({"change": "describe_queue", "name": "maps", "title": "Elm Maps",
               "facts": "Sheets up to A0; no scans of the sea charts."}),
        json!({"change": "set_hours", "queue": "desk",
               "hours": "Mon-Fri 9:00-19:00, Sat 10:00-16:00", "holidays": [["2026-12-25", "closed"]]}),
        json!({"change": "set_fallback", "queue": "maps", "fallback": "desk", "after_s": 90}),
        json!({"change": "add_gateway", "name": "ask", "kind": "widget", "queue": "desk",
               "line": null, "policy": null}),
        json!({"change": "canned", "do": "add", "key": "hours", "queue": "desk",
               "text": "We are open until 7 on weekdays and until 4 on Saturdays."}),
        json!({"change": "canned", "do": "add", "key": "renew", "queue": null,
               "text": "Renewed! It is now due in two weeks."}),
    ] {
        done(&root, "/amendments", change).await;
    }
    let alerts = json!({
        "email": ["desk@elm.example"], "phones": ["+15551230199"], "line_after_s": 600,
        "waiting_after_s": 900, "disk_free_mb": 200,
        "mail": {"server": "mail.elm.example:587", "from": "callnumber@elm.example",
                 "security": "starttls"},
    });
    root.put("/box/alerts", alerts).await.is(200);
    // A month of texts and answers, more of them in the middle of a week.
    house
        .spool
        .write(|connection| {
            connection.execute(
                "WITH RECURSIVE day(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM day WHERE n < 27),
                     hour(h) AS (SELECT 0 UNION ALL SELECT h + 1 FROM hour WHERE h < 8),
                     kind(k) AS (SELECT 'in' UNION ALL SELECT 'out')
                 INSERT INTO statistic (kind, at, home, gateway, operator, answerer_home, wait,
                     first, segments)
                 SELECT k, (CAST(strftime('%s', 'now') AS INTEGER) / 60 - 1440 * n - 60 * h) * 60000,
                     1, 1, CASE k WHEN 'out' THEN 1 + (n + h) % 2 END,
                     CASE k WHEN 'out' THEN 1 END,
                     CASE k WHEN 'out' THEN (40 + (n * 37 + h * 53) % 400) * 1000 END,
                     1, CASE k WHEN 'out' THEN 1 + h % 2 ELSE 0 END
                 FROM day, hour, kind WHERE (n * 7 + h * 5) % 9 > 2 + abs(n % 7 - 3)",
                (),
            )?;
            Ok(())
        })
        .await
        .unwrap();
    house
}

/// What is said on buttons, labels and headings is there to be read to its end.
async fn nothing_is_cut_off(browser: &Browser, name: &str) {
    let cut = browser
        .script(
            "return [...document.querySelectorAll('button, label, h1, h2, h3, h4, th, legend, summary, .hint, .card-problem, .faint')]\
             .filter((n) => n.offsetParent && !n.closest('.row, .unseen') && !n.classList.contains('unseen') && getComputedStyle(n).overflowX !== 'visible' && n.scrollWidth > n.clientWidth + 1)\
             .map((n) => n.outerHTML.slice(0, 120));",
        )
        .await;
    assert_eq!(cut, json!([]), "{name}: something is cut off");
    let out = browser
        .script(
            "return [...document.querySelectorAll('.card *, .finding *')].filter((n) => n.offsetParent && n.getBoundingClientRect().right > n.closest('.card, .finding').getBoundingClientRect().right + 1 && !n.closest('.unseen, .signal'))\
             .map((n) => n.outerHTML.slice(0, 120));",
        )
        .await;
    assert_eq!(out, json!([]), "{name}: something sticks out of its card");
}

async fn look(browser: &Browser, name: &str) {
    nothing_is_cut_off(browser, name).await;
    shoot(browser, name).await;
}

async fn until_the_box_is_known(root: &Client) {
    done(root, "/box/health", json!({})).await;
    done(root, "/backups", json!({})).await;
    for path in ["/box/health", "/backups"] {
        while ![json!(false), Value::Null].contains(&root.get(path).await.json["running"]) {
            // What is under way is only told to those who ask.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_every_part_is_whole() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 800, false, "page-desk"),
        (390, 844, true, "page-phone"),
    ] {
        let house = month().await;
        let root = house.with_token("root");
        let now = house.spool.now();
        for (from, words, hours) in [
            ("+15551230120", "Is there a large-print Middlemarch?", 14),
            ("+15551230121", "do you have a scanner", 9),
        ] {
            let stamped = now - jiff::SignedDuration::from_hours(hours);
            house.text_stamped(from, words, Some(stamped)).await;
        }
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;

        // The night before.
        served.enter(&browser, "ana").await;
        browser
            .until("document.querySelectorAll('#waiting .row').length === 2")
            .await;
        // What is asked is in sight, and not what the desk said to it by itself.
        let asked = browser.text("#waiting").await;
        assert!(
            asked.contains("large-print") && !asked.contains("nobody is at"),
            "{asked}"
        );
        look(&browser, &format!("{name}-held")).await;

        // A morning, with a conversation that is over and one that has seen much.
        let ids = morning(&served.house).await;
        let (ana, ben) = (
            served.house.with_token("ana"),
            served.house.with_token("ben"),
        );
        let thread = format!("/conversations/{}", ids[2]);
        let note = json!({"text": "Her card is at the desk, under the tray."});
        done(&ana, &format!("{thread}/notes"), note).await;
        let tags = json!({"tags": ["renewals", "fines"]});
        ana.put(&format!("{thread}/tags"), tags).await.is(200);
        let promise = json!({"text": "a call by four"});
        ana.put(&format!("{thread}/promise"), promise).await.is(200);
        let close = format!("/conversations/{}/close", ids[4]);
        done(&ben, &close, json!({})).await;
        browser
            .until("document.querySelectorAll('#mine .row').length === 2")
            .await;
        look(&browser, &format!("{name}-lists")).await;
        browser.click(&format!("a[href='#c{}']", ids[2])).await;
        browser
            .until("document.querySelector('#thread-marks').innerText.includes('a call by four')")
            .await;
        look(&browser, &format!("{name}-thread")).await;
        browser
            .script(&format!("location.hash = '#c{}';", ids[4]))
            .await;
        browser
            .until("!document.querySelector('#act-reopen').hidden")
            .await;
        look(&browser, &format!("{name}-closed")).await;
        browser
            .script("location.hash = ''; document.activeElement.blur();")
            .await;
        browser.press("/").await;
        browser.until("document.querySelector('#find').open").await;
        browser.write("#find-words", "you").await;
        browser
            .until("document.querySelectorAll('#find-list .row').length > 2")
            .await;
        look(&browser, &format!("{name}-search")).await;
        // Once for the words, once for the dialogue.
        browser.press(&ESCAPE.repeat(2)).await;
        browser.until("!document.querySelector('#find').open").await;
        browser.script("document.activeElement.blur();").await;
        browser.press("?").await;
        browser.until("document.querySelector('#help').open").await;
        look(&browser, &format!("{name}-keys")).await;
        browser.press(ESCAPE).await;

        browser.go(&format!("{}/hand-over", served.address)).await;
        browser
            .until("document.querySelectorAll('#sheet-rows tr').length === 7")
            .await;
        look(&browser, &format!("{name}-sheet")).await;
        if !dark {
            let paper = json!({"media": "print"});
            browser.devtools("Emulation.setEmulatedMedia", paper).await;
            shoot(&browser, &format!("{name}-sheet-printed")).await;
        }
        browser.close().await;

        // The settings, part by part.
        until_the_box_is_known(&root).await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        browser.until("document.body.dataset.ready").await;
        browser
            .until("document.querySelector('#health-list li') && document.querySelector('#backup-rows tr')")
            .await;
        browser
            .until("document.querySelector('#report-picture').naturalWidth > 0")
            .await;
        browser
            .until("document.querySelector('#alerts-fold') && document.querySelector('#lines-list .signal-line')")
            .await;
        for fold in PARTS.iter().flat_map(|(_, folds)| *folds) {
            browser.click(&format!("#fold-{fold} > summary")).await;
            browser
                .until(&format!(
                    "document.querySelector('#fold-{fold}').dataset.filled"
                ))
                .await;
        }
        browser.click("#alerts-fold > summary").await;
        browser.click("#widget-ask > summary").await;
        browser
            .until("document.querySelector('#widget-ask-code')")
            .await;
        browser
            .script("document.activeElement.blur(); scrollTo(0, 0);")
            .await;
        look(&browser, &format!("{name}-settings")).await;
        for (part, _) in PARTS {
            picture(
                &browser,
                &format!("#{part}"),
                &format!("{name}-settings-{part}"),
            )
            .await;
        }
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
    }
}
