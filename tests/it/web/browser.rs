//! The console in Chromium: a librarian's story, at a desk and on a phone.

use std::path::PathBuf;
use std::time::Duration;

use callnumber::routing::{Amendment, CannedChange, ConversationId, DeliveryState};
use callnumber::sms;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::house::{House, PASSWORD, sha256};
use crate::support::webdriver::{Browser, Driver};

const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";

/// Serves a house on a port of its own, until dropped.
pub struct Served {
    pub house: House,
    pub address: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    port: u16,
}

impl Served {
    pub async fn open() -> Self {
        Self::of(House::open().await).await
    }

    pub async fn of(house: House) -> Self {
        let mut served = Self {
            house,
            address: String::new(),
            stop: None,
            port: 0,
        };
        served.go_on().await;
        served
    }

    /// Listens, at the same port as before if there was one.
    async fn go_on(&mut self) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", self.port))
            .await
            .unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.address = format!("http://127.0.0.1:{}", self.port);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = self.house.router.clone();
        tokio::spawn(async move {
            callnumber::web::serve(listener, router, async {
                let _ = stopped.await;
            })
            .await
            .unwrap();
        });
        self.stop = Some(stop);
    }

    /// Stops listening, as when the network drops.
    async fn drop_out(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_ok()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn enter(&self, browser: &Browser, name: &str) {
        browser.go(&format!("{}/sign-in", self.address)).await;
        browser.write("#name", name).await;
        browser
            .write("#password", &format!("{PASSWORD}{ENTER}"))
            .await;
        browser.until("document.querySelector('#tally')").await;
        browser
            .until("!document.querySelector('#tally').innerText.startsWith('Opening')")
            .await;
    }
}

/// Where screenshots go, when somebody wants to look.
fn shots() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CALLNUMBER_SCREENSHOTS")?);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

pub async fn shoot(browser: &Browser, name: &str) {
    // Nothing may stick out to the side, whatever the width.
    let wide = browser
        .script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth;",
        )
        .await;
    assert_eq!(wide, 0, "{name} is wider than the window");
    // Nor may what scrolls up and down hide something at its side: a row's age, a reply's end.
    let sideways = browser
        .script(
            "return [...document.querySelectorAll('*')].filter((n) => n.offsetParent && ['auto', 'scroll'].includes(getComputedStyle(n).overflowY) && n.scrollWidth > n.clientWidth && !n.matches('.table-scroll, .picture-scroll, textarea'))\
             .map((n) => n.outerHTML.slice(0, 120));",
        )
        .await;
    assert_eq!(sideways, json!([]), "{name} scrolls sideways");
    if let Some(axe) = std::env::var_os("CALLNUMBER_AXE") {
        let axe = std::fs::read_to_string(axe).unwrap();
        let found = browser
            .script(&format!(
                "{axe}; return axe.run(document, {{ resultTypes: ['violations'] }}).then((r) => r.violations.map((v) => [v.id, v.help, v.nodes.map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary)]));"
            ))
            .await;
        assert_eq!(found, json!([]), "{name} is not for everyone");
    }
    if let Some(folder) = shots() {
        browser
            .screenshot(&folder.join(format!("{name}.png")))
            .await;
    }
}

/// A picture of one part of the page, all of it, when somebody wants to look.
pub async fn picture(browser: &Browser, css: &str, name: &str) {
    if let Some(folder) = shots() {
        browser
            .picture(css, &folder.join(format!("{name}.png")))
            .await;
    }
}

/// A morning at the desk.
pub async fn morning(house: &House) -> Vec<ConversationId> {
    let now = Timestamp::now();
    let ago = |minutes| Some(now - SignedDuration::from_mins(minutes));
    for name in ["ana", "ben"] {
        house
            .with_token(name)
            .put("/presence", json!({"show": "available"}))
            .await
            .is(200);
    }
    let ana = house.with_token("ana");
    let ben = house.with_token("ben");
    let mut ids = Vec::new();
    for (from, body, minutes) in [
        (
            "+15551230101",
            "Hi! Do you have the new Le Guin essays? My daughter needs them for class on Monday and I could pick them up today.",
            42,
        ),
        ("+15551230102", "is the reading room open on Saturday", 13),
        (
            "+15551230103",
            "Can I renew without my card number? I left it at home.",
            1,
        ),
        ("+15551230104", "Do you take donations of old maps?", 2),
        ("+15551230105", "thank you so much 😀", 0),
        ("+15551230106", "Printer on 2nd floor is out of paper", 0),
    ] {
        ids.push(house.text_stamped(from, body, ago(minutes)).await);
    }
    let say = |client: super::house::Client, id: ConversationId, body: &'static str| async move {
        let sent = client
            .post(
                &format!("/conversations/{id}/messages"),
                json!({"body": body}),
            )
            .await;
        sent.is(201);
        sent.json["id"].as_i64().unwrap()
    };
    let first = say(
        ana.clone(),
        ids[2],
        "Yes, we can look you up by name and birthday at the desk. What is your last name?",
    )
    .await;
    house
        .delivery(ids[2], first, DeliveryState::Sent, None)
        .await;
    house
        .delivery(ids[2], first, DeliveryState::Delivered, None)
        .await;
    house
        .text("+15551230103", "Oakes. Two of them are overdue I think…")
        .await;
    let second = say(
        ana.clone(),
        ids[2],
        "Found you! Both are renewed until the 14th, no fees.",
    )
    .await;
    house
        .delivery(ids[2], second, DeliveryState::Sent, None)
        .await;
    let third = say(
        ana.clone(),
        ids[3],
        "We do. Could you send us a list by e-mail first?",
    )
    .await;
    house
        .delivery(
            ids[3],
            third,
            DeliveryState::Failed,
            Some("The SIM has no credit left: top it up, then send again."),
        )
        .await;
    say(ben.clone(), ids[4], "You are welcome!").await;
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_librarians_morning() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 800, false, "desk-light"),
        (1280, 800, true, "desk-dark"),
        (390, 844, false, "phone-light"),
        (390, 844, true, "phone-dark"),
    ] {
        let served = Served::open().await;
        let ids = morning(&served.house).await;
        let browser = driver.browser(width, height, dark).await;

        browser.go(&format!("{}/sign-in", served.address)).await;
        shoot(&browser, &format!("{name}-1-sign-in")).await;
        served.enter(&browser, "ana").await;
        browser
            .until("document.querySelectorAll('#waiting .row').length === 3")
            .await;
        browser
            .until("document.querySelectorAll('#mine .row').length === 2")
            .await;
        browser
            .until("document.querySelectorAll('#others .row').length === 1")
            .await;
        // Oldest first, each with its age, and with a label a thumb cannot miss.
        assert!(
            browser
                .text("#tally")
                .await
                .starts_with("3 waiting, oldest ")
        );
        let rows = browser
            .script("return [...document.querySelectorAll('#waiting .row')].map((n) => n.hash);")
            .await;
        let oldest_first = [ids[0], ids[1], ids[5]].map(|id| format!("#c{id}"));
        assert_eq!(rows, json!(oldest_first));
        let untold = browser
            .script("return [...document.querySelectorAll('#waiting .row-age')].filter((n) => !n.innerText || !n.title).length;")
            .await;
        assert_eq!(untold, 0, "each with its age");
        let low = browser
            .script("return [...document.querySelectorAll('.row')].filter((n) => n.getBoundingClientRect().height < 44).length;")
            .await;
        assert_eq!(low, 0, "a thumb finds every row");
        shoot(&browser, &format!("{name}-2-lists")).await;

        // A thread with delivery states, and one whose answer failed.
        browser.click(&format!("a[href='#c{}']", ids[2])).await;
        browser
            .until("document.querySelectorAll('#talk .said').length === 4")
            .await;
        browser
            .until("document.querySelector('#talk').innerText.includes('✓✓ delivered')")
            .await;
        browser
            .write("#reply", "See you then! We are open until 8")
            .await;
        browser
            .until("document.querySelector('#meter').innerText.includes('1 text · 127 left')")
            .await;
        shoot(&browser, &format!("{name}-3-thread")).await;
        if width < 600 {
            browser.click("#thread-back").await;
        }
        browser.click(&format!("a[href='#c{}']", ids[3])).await;
        browser
            .until("document.querySelector('#talk').innerText.includes('no credit')")
            .await;
        shoot(&browser, &format!("{name}-4-failed")).await;
        browser.click(".said-trouble button").await;
        browser.until("document.querySelector('#ask').open").await;
        shoot(&browser, &format!("{name}-5-send-again")).await;
        browser.click("#ask-yes").await;
        browser
            .until("document.querySelector('#talk').innerText.includes('waiting for the line')")
            .await;

        // Somebody else's conversation: words stay a draft.
        if width < 600 {
            browser.click("#thread-back").await;
        }
        browser.click(&format!("a[href='#c{}']", ids[4])).await;
        browser
            .until("document.querySelector('#composer-problem').innerText.startsWith('Answered by ben')")
            .await;

        // The oldest of those who wait, with an emoji too many.
        if width < 600 {
            browser.click("#thread-back").await;
        }
        browser.click(&format!("a[href='#c{}']", ids[0])).await;
        browser.until("document.querySelector('.said-stamp')").await;
        let words = "We have it on the shelf, second floor, under 814 LEG, and we put it aside for you at the front desk until we close at eight tonight.";
        browser.write("#reply", words).await;
        browser
            .script("const b = document.querySelector('#reply'); b.value += ' 📚'; b.dispatchEvent(new InputEvent('input'));")
            .await;
        browser
            .until("document.querySelector('#meter').innerText.includes('📚 this emoji makes it 3 texts instead of 1')")
            .await;
        shoot(&browser, &format!("{name}-6-emoji")).await;
        if width > 600 {
            browser.click("#menu summary").await;
            shoot(&browser, &format!("{name}-7-menu")).await;
            browser.click("#menu summary").await;
            browser.script("document.activeElement.blur();").await;
            browser.press("?").await;
            browser.until("document.querySelector('#help').open").await;
            shoot(&browser, &format!("{name}-8-keys")).await;
            browser.press(ESCAPE).await;
            browser.until("!document.querySelector('#help').open").await;
        }
        browser.click("#send").await;
        browser
            .until("document.querySelector('#reply').value === ''")
            .await;
        browser
            .until("document.querySelectorAll('#mine .row').length === 3")
            .await;
        let thread = served
            .house
            .with_token("ben")
            .get(&format!("/conversations/{}", ids[0]))
            .await;
        assert_eq!(thread.json["claimed_by"], "ana");
        assert_eq!(
            thread.json["messages"].as_array().unwrap().last().unwrap()["body"],
            format!("{words} 📚")
        );
        browser.click("#act-transfer").await;
        browser
            .until("document.querySelector('#transfer').open")
            .await;
        shoot(&browser, &format!("{name}-9-hand-over")).await;
        browser.click("#transfer-cancel").await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_desk_teaches() {
    let driver = Driver::start().await;
    for (width, height, name) in [(1280, 800, "desk"), (390, 844, "phone")] {
        let served = Served::open().await;
        let browser = driver.browser(width, height, false).await;
        served.enter(&browser, "ana").await;
        browser
            .until("document.querySelector('#waiting-empty').innerText.startsWith('All caught up')")
            .await;
        assert_eq!(browser.text("#tally").await, "Nobody is waiting");
        browser
            .until("document.querySelector('#invite').innerText.startsWith('You are offline')")
            .await;
        shoot(&browser, &format!("{name}-light-0-offline")).await;
        browser.click("#invite-go").await;
        browser
            .until("document.querySelector('#invite').hidden")
            .await;
        browser
            .until("document.querySelector('#people').innerText.includes('ana (you)')")
            .await;
        // The lines, as the feed would tell of them.
        browser
            .script(
                "return import('/assets/store.js').then(({ apply }) => {
                    const line = { manufacturer: null, model: null, storage_used: 1, storage_total: 40, since: new Date().toISOString(), detail: null };
                    apply('modem', { ...line, name: 'front-desk', phase: 'ready', registration: 'home', network: 'Example Mobile', signal_dbm: -77, queued: 0 });
                    apply('modem', { ...line, name: 'annex', phase: 'ready', registration: 'searching', network: null, signal_dbm: null, queued: 2 });
                    apply('modem', { ...line, name: 'bookmobile', phase: 'stuck', detail: 'The SIM asks for a PIN: set it in the configuration.', registration: 'unknown', network: null, signal_dbm: null, queued: 0 });
                });",
            )
            .await;
        let lines = browser.text("#modems").await;
        assert!(lines.contains("Example Mobile"), "{lines}");
        assert!(lines.contains("searching for a network since"), "{lines}");
        assert!(lines.contains("2 replies queued"), "{lines}");
        assert!(lines.contains("asks for a PIN"), "{lines}");
        shoot(&browser, &format!("{name}-light-0-empty")).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_come_in_live_and_a_lost_line_heals() {
    let driver = Driver::start().await;
    let mut served = Served::open().await;
    let browser = driver.browser(1280, 800, false).await;
    served.enter(&browser, "ana").await;
    browser
        .click("#availability label:nth-of-type(1) input")
        .await;
    browser
        .until("document.querySelector('#people').innerText.includes('ana (you)')")
        .await;
    browser
        .script(
            "const start = OscillatorNode.prototype.start; window.tones = 0; \
             OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };",
        )
        .await;
    let id = served
        .house
        .text("+15551230100", "Is my <b>book</b> in?")
        .await;
    browser
        .until("document.querySelectorAll('#waiting .row').length === 1")
        .await;
    browser.until("document.title.startsWith('(1) ')").await;
    browser
        .until("document.querySelector('link[rel=icon]').href.startsWith('data:')")
        .await;
    browser
        .until("document.querySelector('#announce').innerText.startsWith('New text from')")
        .await;
    // Heard as well: two notes, as of a bell.
    browser.until("window.tones >= 2").await;
    // A patron's words are only ever words.
    assert!(
        browser
            .text("#waiting")
            .await
            .contains("Is my <b>book</b> in?")
    );
    browser.press("jr").await;
    browser.press(ENTER).await;
    browser.until(&format!("location.hash === '#c{id}'")).await;

    // The network drops; texts come; it returns.
    served.drop_out().await;
    browser
        .until("!document.querySelector('#lost').hidden")
        .await;
    shoot(&browser, "desk-light-lost").await;
    browser
        .until("document.querySelectorAll('#talk .said-in').length === 1")
        .await;
    // An answer that cannot be sent stays in the box, and goes out once when sent again.
    browser.write("#reply", "One moment").await;
    browser.write("#reply", ENTER).await;
    browser
        .until("document.querySelector('#composer-problem').innerText.startsWith('Not known to be sent')")
        .await;
    served.house.text("+15551230100", "hello?").await;
    served.house.text("+15551230107", "and me?").await;
    served.go_on().await;
    browser
        .until("document.querySelector('#lost').hidden")
        .await;
    browser
        .until("document.querySelectorAll('#talk .said-in').length === 2")
        .await;
    browser
        .until("document.querySelectorAll('#waiting .row').length === 2")
        .await;
    browser.write("#reply", ENTER).await;
    browser
        .until("document.querySelector('#reply').value === ''")
        .await;
    let thread = served
        .house
        .with_token("ana")
        .get(&format!("/conversations/{id}"))
        .await;
    let out = thread.json["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["author_kind"] == "operator")
        .count();
    assert_eq!(out, 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_librarians_race_and_the_loser_keeps_the_words() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    for name in ["ana", "ben"] {
        served
            .house
            .with_token(name)
            .put("/presence", json!({"show": "available"}))
            .await;
    }
    let (ana, ben) = (
        driver.browser(1280, 800, false).await,
        driver.browser(1280, 800, false).await,
    );
    served.enter(&ana, "ana").await;
    served.enter(&ben, "ben").await;
    for round in 0..3 {
        let id = served
            .house
            .text(&format!("+1555129000{round}"), "who is first?")
            .await;
        for (browser, words) in [(&ana, "from ana"), (&ben, "from ben")] {
            let row = format!("a[href='#c{id}']");
            browser
                .until(&format!("document.querySelector(\"{row}\")"))
                .await;
            browser.click(&row).await;
            browser
                .until("document.querySelectorAll('#talk .said').length === 1")
                .await;
            browser.write("#reply", words).await;
        }
        tokio::join!(ana.click("#send"), ben.click("#send"));
        for browser in [&ana, &ben] {
            browser
                .until("document.querySelectorAll('#talk .said').length === 2")
                .await;
        }
        let thread = served
            .house
            .with_token("ana")
            .get(&format!("/conversations/{id}"))
            .await;
        let (winner, loser, words) = if thread.json["claimed_by"] == "ana" {
            ("ana", &ben, "from ben")
        } else {
            ("ben", &ana, "from ana")
        };
        loser
            .until(&format!(
                "document.querySelector('#composer-problem').innerText.startsWith('Answered by {winner}')"
            ))
            .await;
        assert_eq!(
            loser
                .script("return document.querySelector('#reply').value;")
                .await,
            words
        );
        // And a reload does not lose them.
        loser.script("location.reload();").await;
        loser
            .until(&format!(
                "document.querySelector('#reply')?.value === '{words}'"
            ))
            .await;
        shoot(loser, "desk-light-draft").await;
    }
    ana.close().await;
    ben.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_the_desk() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    served
        .house
        .amend(Amendment::AddLink {
            operator: "ana".into(),
            link_hash: sha256("first-of-all"),
            valid_s: 60,
        })
        .await;
    let browser = driver.browser(390, 844, false).await;
    browser
        .go(&format!("{}/enter/first-of-all", served.address))
        .await;
    shoot(&browser, "phone-light-enter").await;
    browser.click("button").await;
    browser
        .until("document.querySelector('#tally')?.innerText === 'Nobody is waiting'")
        .await;
    browser.click("#menu summary").await;
    shoot(&browser, "phone-light-menu").await;
    browser.click(".menu-sheet form button").await;
    browser.until("location.pathname === '/sign-in'").await;
    browser
        .go(&format!("{}/enter/first-of-all", served.address))
        .await;
    browser.click("button").await;
    browser
        .until("document.body.innerText.includes('used already')")
        .await;
    shoot(&browser, "phone-light-used-link").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counter_counts_as_the_desk_does() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    let browser = driver.browser(1280, 800, false).await;
    served.enter(&browser, "ana").await;
    let family = "👨\u{200D}👩\u{200D}👧\u{200D}👦";
    let mut texts: Vec<String> = vec![
        String::new(),
        "hello".into(),
        "`".into(),
        "ç".into(),
        "Ç€^{}\\[~]|\u{c}".into(),
        "line\r\nline".into(),
        "e\u{301}\u{323}".repeat(40),
        family.repeat(30),
        "🇺🇸".repeat(80),
        "👍🏽".repeat(50),
        "\u{301}".repeat(200),
        "\u{1b}".into(),
    ];
    for letter in ["a", "€", "ж", "😀", "ü"] {
        for count in [
            34, 35, 36, 66, 67, 68, 69, 70, 71, 76, 77, 80, 81, 133, 134, 135, 152, 153, 154, 159,
            160, 161, 306, 307, 459, 460, 670, 671, 1530, 1531,
        ] {
            texts.push(letter.repeat(count));
        }
    }
    for before in 58..72 {
        texts.push("ж".repeat(before) + family + &"ж".repeat(30));
        texts.push("a".repeat(before * 2) + "€" + &"b".repeat(40) + "[x]");
        texts.push("я".repeat(before) + "🇺🇸🇫🇷" + &"я".repeat(20));
    }
    // Every letter the alphabet has or nearly has.
    texts.extend((0..0x2100_u32).filter_map(char::from_u32).map(String::from));
    let script = format!(
        "return import('/assets/segments.js').then(({{ measure }}) => {}.map((text) => {{ const m = measure(text); return [m.segments, m.left, m.wide]; }}));",
        json!(texts)
    );
    let counted = browser.script(&script).await;
    let counted = counted.as_array().unwrap();
    assert_eq!(counted.len(), texts.len());
    for (text, counted) in texts.iter().zip(counted) {
        let plan = sms::plan(text);
        let expected: Value = json!([
            plan.segments,
            plan.units_left,
            plan.encoding == sms::Encoding::Ucs2
        ]);
        assert_eq!(*counted, expected, "{text:?}");
    }
    // The same where the line sends in national tables.
    for names in [
        &["spanish"][..],
        &["portuguese", "portuguese-locking"],
        &["turkish", "spanish", "turkish-locking"],
        &["hindi", "hindi-locking"],
    ] {
        let mut tables = sms::NationalTables::NONE;
        for name in names {
            tables.add(name).unwrap();
        }
        let mut texts = texts.clone();
        for letter in ["á", "aá", "ş", "aş€", "ã", "abcdeç", "क", "á😀", "áж"] {
            for count in [
                35, 36, 50, 70, 71, 74, 75, 77, 78, 140, 149, 150, 152, 153, 155, 156, 300,
            ] {
                texts.push(letter.repeat(count));
            }
        }
        let script = format!(
            "return import('/assets/segments.js').then(({{ measure }}) => {}.map((text) => {{ const m = measure(text, {}); return [m.segments, m.left, m.wide]; }}));",
            json!(texts),
            json!(names)
        );
        let counted = browser.script(&script).await;
        for (text, counted) in texts.iter().zip(counted.as_array().unwrap()) {
            let plan = sms::plan_in(text, tables);
            let expected: Value = json!([
                plan.segments,
                plan.units_left,
                plan.encoding == sms::Encoding::Ucs2
            ]);
            assert_eq!(*counted, expected, "{names:?} {text:?}");
        }
    }
    // And it writes in plain letters as the desk does.
    for text in [
        "“Mon–Fri 9‑5” … we’re",
        "naïve Zoë, cafe\u{301}, Łódź",
        "2½ m² 70°F ½½ 70° in",
        "• one\ttwo → three\u{a0}四",
        "👩\u{200D}🚀 ❤\u{FE0F} x\u{304} 1\u{FE0F}\u{20E3}",
        "का समय Привет й",
    ] {
        texts.push(text.into());
    }
    texts.extend(sms::plain_forms().map(|(character, _)| format!("a{character}b 1{character}2")));
    let script = format!(
        "return import('/assets/segments.js').then(({{ plain }}) => {}.map(plain));",
        json!(texts)
    );
    let made = browser.script(&script).await;
    for (text, made) in texts.iter().zip(made.as_array().unwrap()) {
        assert_eq!(*made, json!(sms::plain(text)), "{text:?}");
    }
    // What the button says it does, and does.
    for (text, offer) in [
        (
            "Mon–Fri 9‑5 … we’re".repeat(5),
            json!(["Use plain letters", "Mon-Fri 9-5 ... we're".repeat(5)]),
        ),
        (
            "a".repeat(80) + " 😀",
            json!(["Remove emoji", "a".repeat(80)]),
        ),
        (
            "a".repeat(80) + " naïve 😀",
            json!(["Use plain letters, remove emoji", "a".repeat(80) + " naive"]),
        ),
        ("Привет – ".repeat(20), Value::Null),
        ("naïve".to_owned(), Value::Null), // one text either way
    ] {
        let script = format!(
            "return import('/assets/segments.js').then(({{ inWords }}) => {{ const o = inWords({}).offer; return o && [o.act, o.text]; }});",
            json!(text)
        );
        assert_eq!(browser.script(&script).await, offer, "{text:?}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_aids_are_at_hand() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    for (queue, text) in [
        (None, "We are open until 8."),
        (Some("desk"), "The desk closes at 7."),
    ] {
        served
            .house
            .amend(Amendment::Canned(CannedChange::Add {
                key: "hours".into(),
                queue: queue.map(str::to_owned),
                text: text.into(),
            }))
            .await;
    }
    let ids = morning(&served.house).await;
    let browser = driver.browser(1280, 800, false).await;
    served.enter(&browser, "ana").await;
    browser.click(&format!("a[href='#c{}']", ids[2])).await;
    browser
        .until("document.querySelectorAll('#talk .said').length === 4")
        .await;

    // A slash and a key: the queue's own wording, taken with Enter, not sent by it.
    browser.write("#reply", "Hello! /ho").await;
    browser
        .until("!document.querySelector('#canned').hidden")
        .await;
    browser
        .until("document.querySelectorAll('#canned [role=option]').length === 1")
        .await;
    shoot(&browser, "desk-light-canned").await;
    browser.write("#reply", ENTER).await;
    browser
        .until("document.querySelector('#reply').value === 'Hello! The desk closes at 7.'")
        .await;
    browser
        .until("document.querySelector('#canned').hidden")
        .await;

    // A note, tags and a promise, from the menu and by key.
    browser.click("#more summary").await;
    shoot(&browser, "desk-light-more").await;
    browser.click("#aid-note").await;
    browser.until("document.querySelector('#aid').open").await;
    browser.write("#aid-text", "She will come at noon").await;
    browser.click("#aid-form .primary").await;
    browser
        .until("document.querySelector('.note-colleague')?.innerText.includes('She will come at noon')")
        .await;
    for (key, words, shown) in [
        ("g", "Holds, map", "#holds"),
        ("p", "a call by four", "promised by ana: a call by four"),
    ] {
        browser.script("document.activeElement.blur();").await;
        browser.press(key).await;
        browser.until("document.querySelector('#aid').open").await;
        browser.write("#aid-text", &format!("{words}{ENTER}")).await;
        browser
            .until(&format!(
                "document.querySelector('#thread-marks').innerText.includes('{shown}')"
            ))
            .await;
    }
    shoot(&browser, "desk-light-marks").await;

    // The number, asked for twice, and written down.
    browser.click("#more summary").await;
    browser.click("#aid-reveal").await;
    browser.until("document.querySelector('#ask').open").await;
    browser.click("#ask-yes").await;
    browser
        .until("document.querySelector('#ask-words').innerText === '+15551230103'")
        .await;
    browser.click("#ask-yes").await;
    browser
        .until("document.querySelector('#talk').innerText.includes('ana looked at the number')")
        .await;

    // Closing sends what was written, if that is wanted; and opens again without a word.
    browser.click("#act-close").await;
    browser
        .until("document.querySelector('#closing').open")
        .await;
    shoot(&browser, "desk-light-closing").await;
    browser.click("#closing button[value=send]").await;
    browser.until("location.hash === ''").await;
    let thread = served
        .house
        .with_token("ben")
        .get(&format!("/conversations/{}", ids[2]))
        .await;
    assert_eq!(thread.json["state"], "closed");
    let last = thread.json["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["body"], "Hello! The desk closes at 7.");
    browser
        .script(&format!("location.hash = '#c{}';", ids[2]))
        .await;
    browser
        .until("!document.querySelector('#act-reopen').hidden")
        .await;
    browser.click("#act-reopen").await;
    browser
        .until("document.querySelector('#act-reopen').hidden")
        .await;

    // Search, and a conversation begun.
    browser.script("document.activeElement.blur();").await;
    browser.press("/").await;
    browser.until("document.querySelector('#find').open").await;
    browser.write("#find-words", "donations").await;
    browser
        .until("document.querySelectorAll('#find-list .row').length === 1")
        .await;
    shoot(&browser, "desk-light-find").await;
    browser.click("#find-list .row").await;
    browser
        .until(&format!("location.hash === '#c{}'", ids[3]))
        .await;
    browser.click("#begin-open").await;
    browser.until("document.querySelector('#begin').open").await;
    browser.write("#begin-to", "+15551230188").await;
    browser.write("#begin-text", "Your book is in.").await;
    shoot(&browser, "desk-light-begin").await;
    browser.click("#begin-form .primary").await;
    browser
        .until("document.querySelector('#talk').innerText.includes('Your book is in.')")
        .await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // The sheet for the next shift.
    browser.go(&format!("{}/hand-over", served.address)).await;
    browser
        .until("document.querySelectorAll('#sheet-rows tr').length === 7")
        .await;
    let sheet = browser.text("#sheet-rows").await;
    assert!(sheet.contains("ana") && sheet.contains("nobody"), "{sheet}");
    assert!(
        browser
            .text("#sheet-tally")
            .await
            .starts_with("7 open, 3 waiting")
    );
    shoot(&browser, "desk-light-sheet").await;
    browser.close().await;
}
