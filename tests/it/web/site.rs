//! The library's own web site in Chromium: the widget on its pages, at a desk, on a phone and on
//! the narrowest of phones; and the presence loader.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;

use super::browser::{Served, shoot};
use super::house::House;
use super::widget;
use crate::support::webdriver::{Browser, Driver};

/// A library's web site, on an origin of its own.
async fn site(desk: &str) -> String {
    let page = |title: &str, attributes: &str| {
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\
             <body style=\"font-family: Georgia, serif; margin: 0; padding: 2rem; background: #fbfaf6\">\
             <main><h1>Elm Library: {title}</h1><p>Books, maps and a quiet room above the mill.</p>\
             <p><a href=\"/hours\" id=\"hours\">Opening hours</a></p></main>\
             <script src=\"{desk}/widget/ask.js\" {attributes} async></script></body></html>"
        )
    };
    let loader = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Old page</title></head>\
         <body><main><h1>Ask us</h1><div class=\"needs-js\">chat loading...\
         <div class=\"libraryh3lp\" jid=\"nobody@chat.elm.example\" style=\"display:none\">first</div>\
         <div class=\"libraryh3lp\" data-lh3-jid=\"desk@chat.elm.example\" style=\"display:none\">second</div>\
         <div class=\"libraryh3lp\" style=\"display:none\">write an e-mail</div></div></main>\
         <script src=\"{desk}/js/libraryh3lp.js?multi,poll\"></script></body></html>"
    );
    // The same page where half a minute of the loader's is a tenth of a second.
    let polling = loader.replace(
        "</title>",
        "</title><script>const wait = window.setInterval; window.waits = []; \
         window.setInterval = (f, ms) => { waits.push(ms); return wait(f, ms / 300); };</script>",
    );
    let once = polling.replace("?multi,poll", "?multi");
    let pages = [
        ("/polling", polling),
        ("/once", once),
        ("/", page("Catalog", "")),
        ("/hours", page("Hours", "")),
        (
            "/say",
            page(
                "Welcome",
                "data-offline=\"say\" data-label=\"Chat with us\"",
            ),
        ),
        ("/old", loader),
    ];
    let mut router = Router::new();
    for (path, html) in pages {
        router = router.route(path, get(async move || Html(html.clone())));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// A desk with a widget, and a site that may frame it.
async fn open() -> (Served, String) {
    let served = Served::of(widget::open().await).await;
    let site = site(&served.address).await;
    served
        .house
        .with_token("root")
        .put(
            "/gateways/ask/widget",
            json!({"origins": [site], "title": "Ask Elm Library"}),
        )
        .await
        .is(200);
    (served, site)
}

async fn shows(house: &House, name: &str, show: &str) {
    house
        .with_token(name)
        .put("/presence", json!({"show": show}))
        .await
        .is(200);
}

/// The widget's shadow, as the page's script sees it.
const SHADOW: &str = "[...document.body.children].find((n) => n.shadowRoot)?.shadowRoot";

async fn open_chat(browser: &Browser) {
    let shown = format!("{SHADOW}?.querySelector('.b')?.hidden === false");
    browser.until(&shown).await;
    browser
        .script(&format!("{SHADOW}.querySelector('.b').click();"))
        .await;
    enter_chat(browser).await;
}

async fn enter_chat(browser: &Browser) {
    browser
        .until(&format!("{SHADOW}?.querySelector('iframe')"))
        .await;
    browser
        .enter_frame_by(&format!("return {SHADOW}.querySelector('iframe');"))
        .await;
    browser.until("document.querySelector('#words')").await;
}

async fn say(browser: &Browser, words: &str) {
    browser.write("#words", words).await;
    browser.click("#send").await;
    let said = json!(words);
    browser
        .until(&format!(
            "[...document.querySelectorAll('.said-you:not(.said-unsent):not(.said-sending)')].some((n) => n.innerText.includes({said}))"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_asks_from_the_librarys_own_page() {
    let driver = Driver::start().await;
    for (width, height, dark, name) in [
        (1280, 800, false, "site-light"),
        (390, 844, true, "site-phone-dark"),
        (320, 568, false, "site-narrow"),
    ] {
        let (served, site) = open().await;
        let house = &served.house;
        let browser = driver.browser(width, height, dark).await;

        // Nobody is there: the page shows nothing of it.
        browser.go(&format!("{site}/")).await;
        browser
            .until(&format!("{SHADOW}?.querySelector('.b')?.hidden"))
            .await;
        shows(house, "ana", "available").await;
        browser.go(&format!("{site}/")).await;
        open_chat(&browser).await;
        browser
            .until("document.querySelector('#who').innerText === 'A librarian is here'")
            .await;
        shoot(&browser, &format!("{name}-1-open")).await;
        say(&browser, "Do you have maps of the mill?").await;

        // The desk sees the words and the page.
        let ana = house.with_token("ana");
        let list = ana.get("/conversations").await.json;
        let id = list["items"][0]["id"].as_i64().unwrap();
        assert_eq!(list["items"][0]["page"]["title"], "Catalog");
        assert_eq!(list["items"][0]["page"]["url"], format!("{site}/"));
        ana.post(&format!("/conversations/{id}/typing"), json!({}))
            .await
            .is(204);
        browser
            .until("document.querySelector('#typing').innerText === 'ana is writing…'")
            .await;
        let send = async |body: &str| {
            ana.post(
                &format!("/conversations/{id}/messages"),
                json!({"body": body}),
            )
            .await
            .is(201);
        };
        send("Yes, from 1850 on. See https://www.elm.example/maps.").await;
        browser
            .until("document.querySelector('#who').innerText === 'ana answers you'")
            .await;
        browser
            .until("document.querySelector('.said-librarian a')?.href === 'https://www.elm.example/maps'")
            .await;
        let read = async || {
            let thread = ana.get(&format!("/conversations/{id}")).await.json;
            let messages = thread["messages"].as_array().unwrap();
            messages.last().unwrap()["state"] == "delivered"
        };
        until(read).await;
        shoot(&browser, &format!("{name}-2-answered")).await;

        // On to another page: the chat is still there, with everything said.
        browser.leave_frame().await;
        browser
            .script("document.querySelector('#hours').click();")
            .await;
        browser.until("document.title === 'Hours'").await;
        enter_chat(&browser).await;
        browser
            .until("document.querySelectorAll('.said').length === 2")
            .await;
        browser
            .until("document.querySelector('#who').innerText === 'ana answers you'")
            .await;
        say(&browser, "And of the river?").await;
        let list = ana.get("/conversations").await.json;
        assert_eq!(list["items"][0]["id"], id, "it is the same conversation");
        assert_eq!(list["items"][0]["page"]["title"], "Hours");

        // Shut, it counts what was said; open again, it has been read.
        browser
            .script("document.querySelector('#close').click();")
            .await;
        browser.leave_frame().await;
        browser
            .until(&format!("{SHADOW}.querySelector('.p').hidden"))
            .await;
        send("Those too.").await;
        browser
            .until(&format!("{SHADOW}.querySelector('.b i').innerText === '1'"))
            .await;
        assert!(!read().await, "what nobody sees is not delivered");
        open_chat(&browser).await;
        until(read).await;
        // The desk closes for the day; who answers may end the talk first.
        ana.post(&format!("/conversations/{id}/close"), json!({}))
            .await
            .is(200);
        shows(house, "ana", "offline").await;
        browser
            .until("!document.querySelector('#offline').hidden && document.querySelector('#form').hidden")
            .await;
        browser.leave_frame().await;
        assert_eq!(
            browser.script("return document.cookie;").await,
            json!(""),
            "no cookies"
        );
        let quiet: Vec<String> = browser
            .complaints()
            .await
            .into_iter()
            .filter(|complaint| !complaint.contains("favicon"))
            .collect();
        assert_eq!(quiet, Vec::<String>::new());
        browser.close().await;
    }
}

async fn until(holds: impl AsyncFn() -> bool) {
    let began = std::time::Instant::now();
    while !holds().await {
        assert!(
            began.elapsed() < super::house::PATIENCE,
            "it did not come to be"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_may_say_that_chat_is_offline() {
    let driver = Driver::start().await;
    let (_served, site) = open().await;
    for (width, height, dark, name) in [
        (1280, 800, true, "site-say"),
        (320, 568, false, "site-say-narrow"),
    ] {
        let browser = driver.browser(width, height, dark).await;
        browser.go(&format!("{site}/say")).await;
        open_chat(&browser).await;
        assert_eq!(browser.text("#offline").await, "Chat is offline");
        assert_eq!(
            browser
                .script("return document.querySelector('#form').hidden;")
                .await,
            json!(true)
        );
        shoot(&browser, &format!("{name}-offline")).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_long_ago_changes_one_host_name() {
    let driver = Driver::start().await;
    let (served, site) = open().await;
    let browser = driver.browser(800, 600, false).await;
    let shown = "[...document.querySelectorAll('.libraryh3lp')].filter((n) => n.style.display === 'block').map((n) => n.innerText).join()";
    browser.go(&format!("{site}/old")).await;
    browser
        .until(&format!("{shown} === 'write an e-mail'"))
        .await;
    shows(&served.house, "ana", "available").await;
    browser.go(&format!("{site}/old")).await;
    browser.until(&format!("{shown} === 'second'")).await;

    // `?multi,poll` follows the desk while the page is open, `?multi` looks once.
    browser.go(&format!("{site}/polling")).await;
    browser.until(&format!("{shown} === 'second'")).await;
    for (show, place) in [("offline", "write an e-mail"), ("available", "second")] {
        shows(&served.house, "ana", show).await;
        browser.until(&format!("{shown} === '{place}'")).await;
    }
    let waits = browser.script("return window.waits;").await;
    assert_eq!(waits, json!([30_000]));
    browser.go(&format!("{site}/once")).await;
    browser.until(&format!("{shown} === 'second'")).await;
    let waits = browser.script("return window.waits;").await;
    assert_eq!(waits, json!([]));
    let words = browser.text("main").await;
    assert!(!words.contains("loading"), "{words}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_does_not_frame_it() {
    let driver = Driver::start().await;
    let served = Served::of(widget::open().await).await;
    let stranger = site(&served.address).await;
    shows(&served.house, "ana", "available").await;
    let browser = driver.browser(800, 600, false).await;
    browser.go(&format!("{stranger}/")).await;
    browser
        .until(&format!("{SHADOW}?.querySelector('.b')?.hidden === false"))
        .await;
    browser
        .script(&format!("{SHADOW}.querySelector('.b').click();"))
        .await;
    let complaint = async || {
        let complaints = browser.complaints().await;
        complaints.iter().any(|one| one.contains("frame-ancestors"))
    };
    until(complaint).await;
    browser.close().await;
}
