//! `callnumber demo` as a newcomer meets it: the real program, and a browser.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::binary;
use crate::support::webdriver::{Browser, Driver};

const ENTER: &str = "\u{E007}";
/// For the program to open, or to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Seven segments in UCS-2: letters outside the basic plane, joined ones among them.
const LONG: &str = "We keep the mill\u{2019}s own account books \u{1F4D6}, forty photographs \u{1F4F7} \
     and the town\u{2019}s newspaper from 1871 to 1950 on film. Your daughter is welcome without an \
     appointment \u{1F469}\u{1F3FD}\u{200D}\u{1F680}: ask at the desk on the second floor for the \
     local history room \u{1F1FA}\u{1F1F8}, and bring a pencil, not a pen. \u{20AC}0 to look, and \
     copies are ten cents a page \u{1F60A}. The room closes at five.";

/// The program, running.
struct Demo {
    program: Child,
    address: SocketAddr,
    complaints: Option<std::thread::JoinHandle<String>>,
}

impl Demo {
    fn start(listen: &str, spool: &Path) -> Self {
        let mut program = binary()
            .args(["demo", "--listen", listen, "--spool"])
            .arg(spool)
            .env("CALLNUMBER_LOG", "callnumber=warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = program.stderr.take().unwrap();
        let complaints = std::thread::spawn(move || {
            let mut said = String::new();
            let _ = stderr.read_to_string(&mut said);
            said
        });
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _ = say.send(line);
            }
        });
        let mut demo = Self {
            program,
            address: ([0, 0, 0, 0], 0).into(),
            complaints: Some(complaints),
        };
        let line = said.recv_timeout(PATIENCE).expect("it says where it is");
        demo.address = line
            .strip_prefix("A library is open at http://")
            .and_then(|rest| rest.strip_suffix("/demo"))
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("no address: {line}"));
        assert_ne!(demo.address.port(), 0, "the port that was really taken");
        demo
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks it to end; answers how long that took.
    fn stop(mut self) -> Duration {
        let began = Instant::now();
        let id = self.program.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        let ended = self.program.wait().unwrap();
        let took = began.elapsed();
        assert!(ended.success(), "{ended:?}");
        let complaints = self.complaints.take().unwrap().join().unwrap();
        assert_eq!(complaints, "", "it ended in peace");
        took
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

async fn shoot(browser: &Browser, name: &str) {
    let wide = "return document.documentElement.scrollWidth - innerWidth;";
    assert_eq!(browser.script(wide).await, json!(0), "{name} sticks out");
    if let Some(folder) = std::env::var_os("CALLNUMBER_SCREENSHOTS") {
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        browser.screenshot(&path).await;
    }
}

/// The steps that are ticked, in order.
async fn ticked(browser: &Browser, steps: &[&str]) {
    let done = "[...document.querySelectorAll('#tries .done')].map((step) => step.dataset.try)";
    let expression = format!("{done}.join() === {}", json!(steps.join(",")));
    browser.until(&expression).await;
}

/// Words on the phone that is looked at, once the text is there.
async fn on_the_phone(browser: &Browser, direction: &str, text: &str) {
    let expression = format!(
        "[...document.querySelectorAll('.bubble.{direction} p')].at(-1)?.textContent === {}",
        json!(text)
    );
    browser.until(&expression).await;
}

async fn kept(browser: &Browser) {
    browser
        .until("[...document.querySelectorAll('.bubble.out .tick')].every((t) => t.textContent === '✓✓')")
        .await;
}

async fn desk_is_open(browser: &Browser) {
    browser
        .until("document.querySelector('#desk')?.contentDocument?.querySelector('#tally')?.innerText.match(/wait|on duty|offline|caught/i)")
        .await;
}

/// Inside the desk's frame: what the thread shows, each of a side.
async fn in_the_thread(browser: &Browser, side: &str, texts: &[&str]) {
    let expression = format!(
        "JSON.stringify([...document.querySelectorAll('.said-{side} .said-body')].map((said) => said.textContent)) === {}",
        json!(json!(texts).to_string())
    );
    browser.until(&expression).await;
}

/// Inside the desk's frame: writes an answer and sends it. Keys beyond the basic plane cannot be
/// pressed through WebDriver, so the words are pasted.
async fn answer(browser: &Browser, words: &str) {
    let paste = format!(
        "const box = document.querySelector('#reply'); box.focus(); box.value = {}; box.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));",
        json!(words)
    );
    browser.script(&paste).await;
    browser
        .until("!document.querySelector('#send').disabled")
        .await;
    browser.click("#send").await;
    browser
        .until("document.querySelector('#reply').value === ''")
        .await;
}

async fn last_answer_is(browser: &Browser, state: &str) {
    let expression = format!(
        "[...document.querySelectorAll('.said-out')].at(-1)?.innerText.includes({})",
        json!(state)
    );
    browser.until(&expression).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_tries_everything() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start("127.0.0.1:0", folder.path());
    let driver = Driver::start().await;
    let browser = driver.browser(1280, 800, false).await;

    // The front door alone leads back to the demonstration.
    browser.go(&demo.url("/")).await;
    browser.until("location.pathname === '/sign-in'").await;
    browser.click(".ribbon a").await;
    browser.until("location.pathname === '/demo'").await;
    desk_is_open(&browser).await;
    ticked(&browser, &[]).await;

    // From the phone to the desk.
    browser
        .write("#words", &format!("Is my book in?{ENTER}"))
        .await;
    on_the_phone(&browser, "out", "Is my book in?").await;
    kept(&browser).await;
    ticked(&browser, &["text"]).await;
    browser.enter_frame("#desk").await;
    browser
        .until("document.querySelectorAll('#waiting .row').length === 1")
        .await;
    assert_eq!(
        browser.text(".ribbon").await,
        "",
        "the page around says what it is"
    );
    browser.click("#waiting .row").await;
    in_the_thread(&browser, "in", &["Is my book in?"]).await;

    // And back, with its ticks.
    browser
        .write("#reply", &format!("Yes, on the hold shelf.{ENTER}"))
        .await;
    last_answer_is(&browser, "delivered").await;
    browser.leave_frame().await;
    on_the_phone(&browser, "in", "Yes, on the hold shelf.").await;
    browser
        .until("document.querySelector('.bubble.in small').textContent.startsWith('Librarian')")
        .await;
    ticked(&browser, &["text", "reply"]).await;

    // Nobody there: held, and told once.
    browser.click("#duty").await;
    browser.enter_frame("#desk").await;
    browser
        .until("document.querySelector('input[value=offline]').checked")
        .await;
    browser.leave_frame().await;
    browser.click("#patrons label:nth-of-type(3) input").await;
    browser
        .write("#words", &format!("Is the reading room open?{ENTER}"))
        .await;
    browser
        .until("document.querySelector('.bubble.notice')")
        .await;
    let notice = browser.text(".bubble.notice p").await;
    assert!(notice.starts_with("Elm Library is closed now. Your text is saved"));
    browser
        .write("#words", &format!("I mean on Sunday.{ENTER}"))
        .await;
    on_the_phone(&browser, "out", "I mean on Sunday.").await;
    kept(&browser).await;
    ticked(&browser, &["text", "reply", "away"]).await;

    // Back on duty: both in one thread, with their age.
    browser.click("#duty").await;
    ticked(&browser, &["text", "reply", "away", "back"]).await;
    browser.enter_frame("#desk").await;
    browser
        .until("/^1 waiting, oldest (just now|\\d+ (s|min))/.test(document.querySelector('#tally').innerText)")
        .await;
    browser
        .until("document.querySelector('#waiting .row-waits .row-age')?.textContent !== ''")
        .await;
    browser.click("#waiting .row-waits").await;
    let asked = ["Is the reading room open?", "I mean on Sunday."];
    in_the_thread(&browser, "in", &asked).await;

    // A long answer with emoji, whole on both sides.
    answer(&browser, LONG).await;
    last_answer_is(&browser, "delivered").await;
    in_the_thread(&browser, "out", &[&notice, LONG]).await;
    browser.leave_frame().await;
    on_the_phone(&browser, "in", LONG).await;
    // One line sends in order: a second notice would have come before the answer.
    let notices = "return document.querySelectorAll('.bubble.notice').length;";
    assert_eq!(browser.script(notices).await, json!(1));

    // The ready-made long text, and the same words the other way.
    let paste = format!("document.querySelector('#words').value = {};", json!(LONG));
    browser.script(&paste).await;
    browser.click("#send").await;
    on_the_phone(&browser, "out", LONG).await;
    kept(&browser).await;
    browser.enter_frame("#desk").await;
    in_the_thread(&browser, "in", &[asked[0], asked[1], LONG]).await;
    browser.leave_frame().await;

    // Phones that are off: sent, and delivered once they are on. Another phone is looked at.
    browser.click("#power").await;
    browser
        .until("!document.querySelector('#off').hidden")
        .await;
    browser.enter_frame("#desk").await;
    answer(&browser, "See you there.").await;
    last_answer_is(&browser, "sent").await;
    browser.leave_frame().await;
    browser
        .until("document.querySelector('#off').innerText.includes('1 text waits')")
        .await;
    on_the_phone(&browser, "in", LONG).await;
    browser.click("#power").await;
    on_the_phone(&browser, "in", "See you there.").await;
    ticked(&browser, &["text", "reply", "away", "back", "off"]).await;
    browser.enter_frame("#desk").await;
    last_answer_is(&browser, "delivered").await;
    browser.leave_frame().await;

    // A text for a phone that is not looked at is counted on it.
    browser.click("#patrons label:nth-of-type(1) input").await;
    browser.enter_frame("#desk").await;
    answer(&browser, "Ask for Ben.").await;
    browser.leave_frame().await;
    browser
        .until("document.querySelector('#patrons label:nth-of-type(3) .badge').textContent === '1'")
        .await;
    shoot(&browser, "demo-at-a-desk").await;
    browser.click("#patrons label:nth-of-type(3) input").await;
    on_the_phone(&browser, "in", "Ask for Ben.").await;
    browser
        .until("document.querySelector('#patrons label:nth-of-type(3) .badge').hidden")
        .await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // On a phone, one side at a time.
    let small = driver.browser(390, 844, false).await;
    small.go(&demo.url("/demo")).await;
    desk_is_open(&small).await;
    ticked(&small, &["text", "reply", "away", "back", "off"]).await;
    on_the_phone(&small, "in", "Yes, on the hold shelf.").await;
    shoot(&small, "demo-on-a-phone").await;
    small.click("[data-show=desk]").await;
    small.enter_frame("#desk").await;
    small.click("#mine .row").await;
    in_the_thread(&small, "in", &[asked[0], asked[1], LONG]).await;
    small.leave_frame().await;
    shoot(&small, "demo-desk-on-a-phone").await;

    // It ends at once although both browsers hold their streams, and the page finds the next run:
    // same place, same folder, same threads.
    let listen = demo.address.to_string();
    let took = demo.stop();
    assert!(took < Duration::from_secs(1), "closing took {took:?}");
    browser
        .until("!document.querySelector('#lost').hidden")
        .await;
    let demo = Demo::start(&listen, folder.path());
    browser
        .until("document.querySelector('#lost').hidden && document.querySelector('.bubble')")
        .await;
    desk_is_open(&browser).await;
    on_the_phone(&browser, "out", "Is my book in?").await;
    on_the_phone(&browser, "in", "Yes, on the hold shelf.").await;
    ticked(&browser, &[]).await;
    browser.enter_frame("#desk").await;
    browser
        .until("document.querySelectorAll('#waiting .row, #mine .row').length === 2")
        .await;
    browser.close().await;
    small.close().await;
    drop(demo);
}

#[test]
fn a_port_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = binary()
        .args(["demo", "--listen", &address, "--spool"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(&address), "{said}");
    assert!(
        said.contains("callnumber demo --listen 127.0.0.1:0"),
        "it says what to do: {said}"
    );
    assert!(
        !folder.path().join("spool.db").exists(),
        "nothing was begun"
    );
}
