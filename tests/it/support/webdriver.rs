//! Chromium, driven over WebDriver (W3C), spoken in plain HTTP.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(20);
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The driver; ends with its last browser.
pub struct Driver {
    port: u16,
    _child: Child,
}

/// A tab of a browser.
pub struct Tab(String);

/// One browser with a profile of its own.
pub struct Browser {
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Driver {
    /// Starts `chromedriver`.
    pub async fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts; `apt-get install chromium chromium-driver` brings it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse().unwrap();
                }
            }
            panic!("chromedriver ended before it said its port");
        })
        .await
        .expect("chromedriver says its port");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            port,
            _child: child,
        }
    }

    /// A browser, `dark` or light.
    pub async fn browser(&self, width: u32, height: u32, dark: bool) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--disable-dev-shm-usage".into(),
            "--hide-scrollbars".into(),
            "--lang=en-US".into(),
            format!("--window-size={},{}", width.max(500), height),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        if dark {
            args.push("--force-dark-mode".into());
        }
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": args},
        }}});
        let answer = call(self.port, "POST", "/session", Some(capabilities)).await;
        let session = answer["sessionId"].as_str().unwrap().to_owned();
        let browser = Browser {
            port: self.port,
            session,
            _profile: profile,
        };
        browser
            .devtools(
                "Emulation.setDeviceMetricsOverride",
                json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
            )
            .await;
        browser
            .devtools(
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" }}]}),
            )
            .await;
        browser
    }
}

impl Browser {
    async fn command(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        call(
            self.port,
            method,
            &format!("/session/{}{path}", self.session),
            body,
        )
        .await
    }

    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.command(
            "POST",
            "/goog/cdp/execute",
            Some(json!({"cmd": command, "params": params})),
        )
        .await
    }

    pub async fn go(&self, address: &str) {
        self.command("POST", "/url", Some(json!({"url": address})))
            .await;
    }

    /// Runs a script's body in the page.
    pub async fn script(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/sync",
            Some(json!({"script": script, "args": []})),
        )
        .await
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub fn until<'a>(&'a self, expression: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let began = Instant::now();
            let script = format!("return Boolean({expression});");
            // WebDriver has no way to be called back: the page is asked every 40 ms.
            while self.script(&script).await != json!(true) {
                assert!(
                    began.elapsed() < PATIENCE,
                    "{caller}: `{expression}` did not become true; the page says: {}",
                    self.script("return document.body.innerText;").await
                );
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
    }

    async fn find(&self, css: &str) -> String {
        let found = self
            .command(
                "POST",
                "/element",
                Some(json!({"using": "css selector", "value": css})),
            )
            .await;
        found[ELEMENT]
            .as_str()
            .unwrap_or_else(|| panic!("{css} is not on the page: {found}"))
            .to_owned()
    }

    /// Clicks in the middle of an element, which is brought to where nothing lies over it.
    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.command(
            "POST",
            "/execute/sync",
            Some(json!({
                "script": "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' });",
                "args": [{ELEMENT: element}],
            })),
        )
        .await;
        self.command(
            "POST",
            &format!("/element/{element}/click"),
            Some(json!({})),
        )
        .await;
    }

    /// Types into an element; `\u{E007}` is Enter.
    pub async fn write(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.command(
            "POST",
            &format!("/element/{element}/value"),
            Some(json!({"text": text})),
        )
        .await;
    }

    /// Another tab of the same browser; what follows happens in it.
    pub async fn new_tab(&self) -> Tab {
        let made = self
            .command("POST", "/window/new", Some(json!({"type": "tab"})))
            .await;
        let tab = Tab(made["handle"].as_str().unwrap().to_owned());
        self.turn_to(&tab).await;
        tab
    }

    /// The tab in which everything happens now.
    pub async fn tab(&self) -> Tab {
        let handle = self.command("GET", "/window", None).await;
        Tab(handle.as_str().unwrap().to_owned())
    }

    /// What follows happens in this tab.
    pub async fn turn_to(&self, tab: &Tab) {
        self.command("POST", "/window", Some(json!({"handle": tab.0})))
            .await;
    }

    /// Presses Tab until the focus is where it should be, as people do who have no mouse.
    pub async fn tab_to(&self, css: &str) {
        let there = format!(
            "return document.activeElement?.matches({}) ?? false;",
            json!(css)
        );
        for _ in 0..200 {
            if self.script(&there).await == json!(true) {
                return;
            }
            self.press("\u{E004}").await;
        }
        panic!("Tab does not lead to {css}");
    }

    /// Writes where the focus is what no key of a keyboard writes, as an input method does.
    pub async fn compose(&self, text: &str) {
        self.devtools("Input.insertText", json!({"text": text}))
            .await;
    }

    /// What follows happens inside a frame of the page.
    pub async fn enter_frame(&self, css: &str) {
        let element = self.find(css).await;
        let frame = json!({"id": {ELEMENT: element}});
        self.command("POST", "/frame", Some(frame)).await;
    }

    /// What follows happens inside the frame a script finds.
    pub async fn enter_frame_by(&self, script: &str) {
        let element = self.script(script).await;
        let frame = json!({"id": element});
        self.command("POST", "/frame", Some(frame)).await;
    }

    /// What follows happens in the page itself.
    pub async fn leave_frame(&self) {
        self.command("POST", "/frame", Some(json!({"id": null})))
            .await;
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        self.command(
            "POST",
            "/actions",
            Some(json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})),
        )
        .await;
    }

    /// Presses a key while another is held down, wherever the focus is.
    pub async fn press_with(&self, held: &str, key: &str) {
        let actions = json!([
            {"type": "keyDown", "value": held},
            {"type": "keyDown", "value": key},
            {"type": "keyUp", "value": key},
            {"type": "keyUp", "value": held},
        ]);
        self.command(
            "POST",
            "/actions",
            Some(json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})),
        )
        .await;
    }

    pub async fn text(&self, css: &str) -> String {
        let script = format!(
            "return document.querySelector({})?.innerText ?? '';",
            json!(css)
        );
        self.script(&script).await.as_str().unwrap().to_owned()
    }

    pub async fn screenshot(&self, path: &Path) {
        let shot = self.command("GET", "/screenshot", None).await;
        std::fs::write(path, base64(shot.as_str().unwrap())).unwrap();
    }

    /// A picture of one element, however long, with a margin.
    pub async fn picture(&self, css: &str, path: &Path) {
        const MARGIN: f64 = 12.0;
        let place = self
            .script(&format!(
                "const r = document.querySelector({}).getBoundingClientRect(); \
                 return [0, r.top + scrollY, document.documentElement.clientWidth, r.height];",
                json!(css)
            ))
            .await;
        let at = |n: usize| place[n].as_f64().unwrap();
        let clip = json!({
            "x": at(0), "y": (at(1) - MARGIN).max(0.0), "width": at(2),
            "height": at(3) + 2.0 * MARGIN, "scale": 1,
        });
        let shot = self
            .devtools(
                "Page.captureScreenshot",
                json!({"clip": clip, "captureBeyondViewport": true}),
            )
            .await;
        std::fs::write(path, base64(shot["data"].as_str().unwrap())).unwrap();
    }

    /// What the page complained about.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self
            .command("POST", "/se/log", Some(json!({"type": "browser"})))
            .await;
        log.as_array()
            .into_iter()
            .flatten()
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub async fn close(self) {
        tokio::task::spawn_blocking(move || drop(self))
            .await
            .unwrap();
    }
}

impl Drop for Browser {
    /// Closes the browser also when a test fails: a driver that is killed leaves its own behind.
    fn drop(&mut self) {
        use std::io::{Read, Write};
        let Ok(mut connection) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else {
            return;
        };
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
            self.session, self.port
        );
        let _ = connection.set_read_timeout(Some(PATIENCE));
        let _ = connection.write_all(request.as_bytes());
        // The answer comes once the browser is gone.
        let _ = connection.read(&mut [0; 64]);
    }
}

/// The octets that Base64 stands for (RFC 4648 §4).
pub fn base64(text: &str) -> Vec<u8> {
    let digit = |octet: u8| match octet {
        b'A'..=b'Z' => Some(octet - b'A'),
        b'a'..=b'z' => Some(octet - b'a' + 26),
        b'0'..=b'9' => Some(octet - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    digits
        .chunks(4)
        .flat_map(|chunk| {
            let all = chunk
                .iter()
                .fold(0_u32, |all, digit| all << 6 | u32::from(*digit))
                << (6 * (4 - chunk.len()));
            let octets = all.to_be_bytes();
            octets[1..chunk.len()].to_vec()
        })
        .collect()
}

async fn call(port: u16, method: &str, path: &str, body: Option<Value>) -> Value {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = tokio::time::timeout(PATIENCE * 2, async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        // The driver keeps the connection open whatever it is told: its length is what counts.
        let mut reader = BufReader::new(connection);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).await.unwrap();
        answer
    })
    .await
    .expect("the driver answers");
    let json: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    let value = json["value"].clone();
    assert!(
        value["error"].is_null(),
        "{method} {path}: {} {}",
        value["error"],
        value["message"]
    );
    value
}
