//! A desk is set up with the page alone, and answers its first text.

use callnumber::spool::inbox::{self, Raw};
use callnumber::web::Settings;
use serde_json::json;

use super::browser::{Served, shoot};
use super::house::House;
use crate::support::webdriver::{Browser, Driver};

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
            .until("[...document.querySelectorAll('#trail-list tr')].some((n) => n.innerText.includes('set operator'))")
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

        // The desk as a file: taken out, and one brought in once it was shown what that changes.
        let exported = "return document.getElementById('book-export').getAttribute('href')";
        assert_eq!(browser.script(exported).await, "/api/v1/desk");
        browser.click("#book-passwords").await;
        let href = browser.script(exported).await;
        assert_eq!(href, "/api/v1/desk?passwords=true");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("oak.toml");
        let right = "callnumber_desk = 1\n[[queue]]\nname = \"oak\"\ntitle = \"Oak\"\n";
        std::fs::write(&file, right).unwrap();
        browser.write("#book-file", file.to_str().unwrap()).await;
        browser.click("#book-import button").await;
        browser
            .until("document.querySelectorAll('#book-said li').length === 2")
            .await;
        shoot(&browser, &format!("{name}-4-file")).await;
        let queues = async || {
            let queues = root.get("/queues").await.json;
            queues["items"].as_array().unwrap().len()
        };
        assert_eq!(queues().await, 3, "only shown");
        browser.click("#book-said .primary").await;
        browser
            .until("[...document.querySelectorAll('#queues-list h3')].some((n) => n.innerText.trim() === 'oak')")
            .await;
        browser
            .until(
                "document.querySelector('#book-said').innerText.includes('2 changes are in force')",
            )
            .await;
        assert_eq!(queues().await, 4);
        assert_eq!(browser.complaints().await, Vec::<String>::new());

        // What is wrong in one is said with its line.
        std::fs::write(&file, right.replace("name", "nmae")).unwrap();
        browser.write("#book-file", file.to_str().unwrap()).await;
        browser.click("#book-import button").await;
        browser
            .until("document.querySelector('#book-said .card-problem')?.innerText.includes('oak.toml: line 3')")
            .await;
        let complaints = browser.complaints().await;
        assert!(
            complaints.len() == 1 && complaints[0].contains("422"),
            "{complaints:?}"
        );
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

/// Opens a part of the card of this name.
async fn unfold(browser: &Browser, fold: &str) {
    browser.click(&format!("#fold-{fold} > summary")).await;
    browser
        .until(&format!(
            "document.querySelector('#fold-{fold}').dataset.filled"
        ))
        .await;
}

/// Writes into a control by its label, in place of what is there.
async fn fill(browser: &Browser, within: &str, label: &str, value: &str) {
    let filled = browser
        .script(&format!(
            "const label = [...document.querySelectorAll('{within} label')].find((n) => n.innerText.trim() === {label:?}); \
             if (!label) return 'no such label'; \
             const control = document.getElementById(label.htmlFor); control.value = {value:?}; \
             control.dispatchEvent(new InputEvent('input', {{ bubbles: true }})); control.dispatchEvent(new Event('change', {{ bubbles: true }})); \
             return 'filled';"
        ))
        .await;
    assert_eq!(filled, "filled", "{within} {label}");
}

/// Presses the button with these words.
async fn press(browser: &Browser, within: &str, words: &str) {
    browser
        .script(&format!(
            "[...document.querySelectorAll('{within} button')].find((n) => n.innerText.trim() === {words:?}).setAttribute('data-next', '1');"
        ))
        .await;
    browser.click(&format!("{within} [data-next]")).await;
    browser
        .script("document.querySelectorAll('[data-next]').forEach((n) => n.removeAttribute('data-next'));")
        .await;
}

async fn says(browser: &Browser, place: &str, words: &str) {
    browser
        .until(&format!(
            "document.querySelector('{place}')?.innerText.includes({words:?})"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_keeps_the_desk_from_the_page() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "keeping-light"),
        (390, 844, true, "keeping-phone-dark"),
    ] {
        let house = House::open().await;
        house.hire_admin("root").await;
        house.text("+15551230100", "Are you open?").await;
        let served = Served::of(house).await;
        let root = served.house.with_token("root");
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        browser.until("document.body.dataset.ready").await;

        // Hours and a holiday, as patrons would read of them.
        unfold(&browser, "hours-desk").await;
        let hours = "#fold-hours-desk";
        fill(&browser, hours, "Opening hours", "Mon-Sun 9:00-9:01").await;
        press(&browser, hours, "Save").await;
        says(&browser, hours, "we open").await;
        fill(&browser, hours, "Day", "2026-12-25").await;
        press(&browser, hours, "Add").await;
        says(&browser, hours, "2026-12-25 closed").await;
        fill(&browser, hours, "Opening hours", "some time").await;
        press(&browser, hours, "Save").await;
        browser
            .until("document.querySelector('#toast').innerText.length > 20")
            .await;
        shoot(&browser, &format!("{name}-1-hours")).await;
        let queues = root.get("/queues").await.json;
        assert_eq!(queues["items"][0]["holidays"]["2026-12-25"], "closed");
        assert!(
            queues["items"][0]["hours"]
                .as_str()
                .unwrap()
                .contains("9:00")
        );

        unfold(&browser, "about-desk").await;
        let about = "#fold-about-desk";
        fill(&browser, about, "What its patrons call it", "Elm").await;
        press(&browser, about, "Save").await;
        fill(&browser, about, "Who helps", "reference").await;
        fill(&browser, about, "After how many seconds", "120").await;
        browser
            .script("document.querySelectorAll('#fold-about-desk form')[1].requestSubmit();")
            .await;
        browser
            .until("[...document.querySelectorAll('#trail-list td')].some((n) => n.innerText === 'set fallback')")
            .await;
        let queues = root.get("/queues").await.json;
        assert_eq!(queues["items"][0]["fallback"], "reference");
        assert_eq!(queues["items"][0]["fallback_after_s"], 120);
        assert_eq!(queues["items"][0]["title"], "Elm");

        // A wording, tried as it is written: an emoji costs another text.
        unfold(&browser, "wording-front-desk").await;
        let waiting = "#wording-front-desk-waiting";
        let label = browser.text(&format!("{waiting} label")).await;
        let words = "{library}: a moment, please. ".to_owned()
            + &"We are all at the shelves. ".repeat(3)
            + "📚";
        fill(&browser, waiting, label.trim(), &words).await;
        says(&browser, waiting, "2 texts").await;
        says(
            &browser,
            waiting,
            "this emoji makes it 2 texts instead of 1",
        )
        .await;
        says(&browser, waiting, "Elm: a moment, please").await;
        fill(&browser, waiting, label.trim(), "{shelf} is empty").await;
        says(&browser, waiting, "knows no {shelf}").await;
        fill(
            &browser,
            waiting,
            label.trim(),
            "{library}: a moment, please.",
        )
        .await;
        says(&browser, waiting, "1 text").await;
        shoot(&browser, &format!("{name}-2-wording")).await;
        press(&browser, waiting, "Save").await;
        says(&browser, waiting, "As usual").await;
        press(&browser, "#gateways-list", "Pause").await;
        says(&browser, "#gateways-list h3", "paused").await;
        press(&browser, "#gateways-list", "Resume").await;
        let notices = root.get("/gateways/front-desk/notices").await.json;
        let own: Vec<_> = notices["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|n| n["own"].as_str())
            .collect();
        assert_eq!(own, ["{library}: a moment, please."]);

        // Ways in for ana: a password, a link, an address.
        unfold(&browser, "entry-ana").await;
        let entry = "#fold-entry-ana";
        fill(&browser, entry, "A new password", "tea and maps").await;
        press(&browser, entry, "Set").await;
        // Hashing takes its time.
        browser
            .until("[...document.querySelectorAll('#trail-list td')].some((n) => n.innerText === 'set operator')")
            .await;
        press(&browser, entry, "Make a sign-in link").await;
        browser
            .until("document.querySelector('#fold-entry-ana input[readonly]').value.includes('/enter/')")
            .await;
        fill(
            &browser,
            entry,
            "Their addresses, one a line",
            "ana@example.org",
        )
        .await;
        press(&browser, entry, "Save").await;
        browser
            .until("[...document.querySelectorAll('#trail-list td')].some((n) => n.innerText === 'set addresses')")
            .await;
        shoot(&browser, &format!("{name}-3-entry")).await;
        assert_eq!(
            root.get("/operators/ana/addresses").await.json["jids"],
            json!(["ana@example.org"])
        );
        let credentials = json!({"name": "ana", "password": "tea and maps"});
        served
            .house
            .anonymous()
            .post("/session", credentials)
            .await
            .is(201);
        press(&browser, entry, "Revoke").await;
        browser.click("#ask-yes").await;
        says(&browser, entry, "None.").await;
        served
            .house
            .with_token("ana")
            .get("/queues")
            .await
            .is_problem(401);

        // Canned replies.
        browser.write("#canned-key", "hours").await;
        browser.write("#canned-text", "Until 8.").await;
        browser.click("#canned-add button").await;
        says(&browser, "#canned-list", "/hours").await;
        browser
            .write("#canned-list textarea", " Fridays until 6.")
            .await;
        press(&browser, "#canned-list", "Save").await;
        browser
            .until("[...document.querySelectorAll('#trail-list td')].some((n) => n.innerText.includes('set canned') || n.innerText.includes('canned'))")
            .await;

        // Reports: a picture, a table, a file.
        browser
            .until("document.querySelector('#reports').dataset.ready")
            .await;
        fill(&browser, "#report-form", "by", "gateway").await;
        says(&browser, "#report-rows", "front-desk").await;
        browser
            .until("document.querySelector('#report-picture').naturalWidth > 0")
            .await;
        let csv = browser
            .script("return document.querySelector('#report-csv').getAttribute('href');")
            .await;
        assert!(csv.as_str().unwrap().contains("by=gateway"), "{csv}");

        // The box: retention, and a backup that is made while one looks.
        says(&browser, "#disk-box", "Running since").await;
        says(&browser, "#alerts-box", "Nobody is called").await;
        fill(
            &browser,
            "#retention-box",
            "Days a transcript stays after closing",
            "14",
        )
        .await;
        press(&browser, "#retention-box", "Save").await;
        browser
            .until("[...document.querySelectorAll('#trail-list td')].some((n) => n.innerText === 'set retention')")
            .await;
        assert_eq!(
            root.get("/box").await.json["retention"],
            json!({"seconds": 14 * 86_400, "said_by": "page"})
        );
        browser.click("#backup-now").await;
        says(&browser, "#backup-state", "read back and whole").await;
        browser
            .until("document.querySelectorAll('#backup-rows tr').length === 1")
            .await;
        let copy = browser
            .script("return document.querySelector('#backup-rows a').getAttribute('href');")
            .await;
        let copy = copy
            .as_str()
            .unwrap()
            .strip_prefix("/api/v1")
            .unwrap()
            .to_owned();
        let taken = root.get(&copy).await;
        assert!(taken.is(200).body.starts_with(b"SQLite format 3\0"));
        assert_eq!(
            taken.body.len() as u64,
            root.get("/backups").await.json["items"][0]["octets"]
                .as_u64()
                .unwrap()
        );
        root.get("/backups/spool.db").await.is_problem(404);
        shoot(&browser, &format!("{name}-4-box")).await;
        let trail = root.get("/audit").await.json.to_string();
        for deed in [
            "set_retention",
            "made_backup",
            "took_backup",
            "set_addresses",
            "add_link",
            "pause_gateway",
        ] {
            assert!(trail.contains(deed), "{deed} is not in the trail");
        }
        // What was refused above, and nothing else.
        let complaints = browser.complaints().await;
        let provoked = |complaint: &String| complaint.contains("status of 422");
        assert!(complaints.iter().all(provoked), "{complaints:?}");
        browser.close().await;
    }
}

/// First boot: the page takes the SIM's PIN, shows signal and operator, and a text to itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_unlocks_the_sim_and_a_text_to_itself_says_ok() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "first-boot-light"),
        (390, 844, true, "first-boot-phone-dark"),
    ] {
        let settings = Settings {
            library: "Elm Library".into(),
            ..Settings::default()
        };
        let house = House::open_driving(settings, "4711").await;
        let modem = house.modem.clone().unwrap();
        house.hire_admin("root").await;
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser.go(&format!("{}/settings", served.address)).await;
        let field = "document.querySelector('#pin-front-desk')";
        browser.until(field).await;
        shoot(&browser, &format!("{name}-1-locked")).await;

        // A wrong one says so, and how many tries are left; what is wrong is not tried again.
        browser.write("#pin-front-desk", "1111\u{E007}").await;
        browser
            .until(
                "document.querySelector('#lines-list .card').innerText.includes('did not accept')",
            )
            .await;
        browser
            .until("/Tries the PIN has left\\s+2/.test(document.querySelector('#lines-list .card').innerText)")
            .await;
        assert_eq!(modem.pin_tries_left(), 2);
        browser.write("#pin-front-desk", "4711\u{E007}").await;
        browser
            .until("document.querySelector('#lines-list .card').innerText.includes('dBm')")
            .await;
        let card = browser.text("#lines-list .card").await;
        assert!(
            card.contains("Network") && card.contains("(home)"),
            "{card}"
        );
        browser.until(&format!("!{field}")).await;

        browser.click("#lines-list .self-test button").await;
        browser
            .until("/Text to itself: OK in \\d+ s/.test(document.querySelector('#lines-list .card').innerText)")
            .await;
        shoot(&browser, &format!("{name}-2-tested")).await;
        let list = served.house.with_token("root").get("/conversations").await;
        assert_eq!(list.json["items"], json!([]), "it is nobody's question");
        // Browsers complain of what was refused: the wrong PIN.
        let complaints = browser.complaints().await;
        let odd: Vec<_> = complaints.iter().filter(|c| !c.contains("409")).collect();
        assert!(odd.is_empty(), "{odd:?}");
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_and_unreadable_is_shown_as_it_came() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 900, false, "arrivals-light"),
        (390, 844, true, "arrivals-phone-dark"),
    ] {
        let house = House::open().await;
        house.hire_admin("root").await;
        let served = Served::of(house).await;
        let browser = driver.browser(width, height, dark).await;
        served.enter(&browser, "root").await;
        browser
            .go(&format!("{}/settings#arrivals", served.address))
            .await;
        browser
            .until("!document.querySelector('#arrivals-none').hidden")
            .await;
        let now = served.house.spool.now();
        let kept = served.house.spool.write(move |connection| {
            let pdu = b"+CMGL: 3,1,,24\n00@4zz<b>".to_vec();
            let digest = [7; 16];
            let kept = inbox::keep(connection, "front-desk", &[Raw { digest, pdu }], now)?;
            inbox::set_aside(connection, &[kept[0].id], "it is no PDU")
        });
        kept.await.unwrap();
        browser.go(&format!("{}/settings", served.address)).await;
        browser
            .until("document.querySelector('#arrivals-list')?.innerText.includes('it is no PDU')")
            .await;
        browser.click("#arrivals-list button").await;
        browser
            .until("document.querySelector('#arrivals-list pre')?.innerText === '+CMGL: 3,1,,24\\n00@4zz<b>'")
            .await;
        shoot(&browser, name).await;
        let trail = served.house.with_token("root").get("/audit").await.json;
        assert!(trail.to_string().contains("read_arrival"), "{trail}");
        browser.close().await;
    }
}
