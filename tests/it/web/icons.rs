//! The icons of the installed console: each is the mark, drawn at its size by a browser.
//! `CALLNUMBER_WRITE_ICONS=1 cargo test --test it web::icons` draws them anew; without that, the
//! test says which no longer shows the mark.

use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use super::browser::Served;
use crate::support::webdriver::{Browser, Driver};

/// Draws the mark on a square canvas: whole, or small on its own green, so that any mask leaves it
/// (W3C Manifest, safe zone).
fn draw(size: u64, maskable: bool) -> String {
    format!(
        "const mark = new Image(); mark.src = '/assets/mark.svg'; await mark.decode(); \
         const drawn = document.createElement('canvas'); drawn.width = drawn.height = {size}; \
         const pen = drawn.getContext('2d'); const whole = {size}, part = {maskable} ? 0.62 : 1; \
         if (part < 1) {{ pen.fillStyle = '#1c6650'; pen.fillRect(0, 0, whole, whole); }} \
         const side = whole * part; \
         pen.drawImage(mark, (whole - side) / 2, (whole - side) / 2, side, side);"
    )
}

async fn run(browser: &Browser, script: &str) -> Value {
    browser
        .script(&format!("return (async () => {{ {script} }})();"))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_icon_shows_the_mark() {
    let driver = Driver::start().await;
    let served = Served::open().await;
    let browser = driver.browser(800, 600, false).await;
    browser.go(&format!("{}/sign-in", served.address)).await;
    let stranger = served.house.anonymous();
    let manifest = stranger
        .send(
            stranger
                .request(Method::GET, "/assets/manifest.webmanifest")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    let icons = manifest.json["icons"].as_array().unwrap();
    let pngs: Vec<&Value> = icons
        .iter()
        .filter(|icon| icon["type"] == "image/png")
        .collect();
    let sizes: Vec<&Value> = pngs.iter().map(|icon| &icon["sizes"]).collect();
    assert_eq!(sizes, ["192x192", "512x512", "512x512"]);
    for icon in pngs {
        let src = icon["src"].as_str().unwrap();
        let size: u64 = icon["sizes"]
            .as_str()
            .unwrap()
            .split('x')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let drawing = draw(size, icon["purpose"] == "maskable");
        if std::env::var_os("CALLNUMBER_WRITE_ICONS").is_some() {
            let script = format!("{drawing} return drawn.toDataURL('image/png').split(',')[1];");
            let png = run(&browser, &script).await;
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
            let file = folder.join(src.trim_start_matches('/'));
            std::fs::write(
                file,
                crate::support::webdriver::base64(png.as_str().unwrap()),
            )
            .unwrap();
            continue;
        }
        // Square, as large as it says, and nowhere far from the mark.
        let script = format!(
            "{drawing} const kept = new Image(); kept.src = {}; await kept.decode(); \
             const other = document.createElement('canvas'); other.width = other.height = {size}; \
             const second = other.getContext('2d'); second.drawImage(kept, 0, 0); \
             const [a, b] = [pen, second].map((p) => p.getImageData(0, 0, {size}, {size}).data); \
             let apart = 0; for (let n = 0; n < a.length; n += 1) apart += Math.abs(a[n] - b[n]); \
             return [kept.naturalWidth, kept.naturalHeight, apart / a.length < 2];",
            json!(src)
        );
        let found = run(&browser, &script).await;
        assert_eq!(
            found,
            json!([size, size, true]),
            "{src} is not the mark: draw it anew"
        );
    }
    browser.close().await;
}
