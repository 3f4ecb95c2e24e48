//! Care of a box that is in use: copies taken while texts come and go, and put back; a log that
//! tells more; a configuration read again; an end in the middle of a text.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::time::{Duration, Instant};

use callnumber::modem::PortChoice;
use callnumber::simulator::{Settings, SimulatedModem};
use serde_json::Value;

use crate::support::{Bench, Dice, Operator, PATIENCE, command};

/// Texts and answers while the copy is made.
const LOAD: usize = 150;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn succeeds(output: &Output) -> String {
    let said = said(output);
    assert!(output.status.success(), "{said}");
    said
}

/// A quick modem with room.
fn roomy() -> Settings {
    Settings {
        capacity: Some(255),
        ..Settings::default()
    }
}

/// Waits until a text is in a conversation; answers the conversation.
async fn arrives(ana: &Operator, body: &str) -> Value {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let mut events = ana.api.events(None).await;
            for conversation in ana.list("limit=200").await {
                let messages = ana.messages(&conversation["id"]).await;
                if messages.iter().any(|message| message["body"] == body) {
                    return conversation["id"].clone();
                }
            }
            let _ = events.find(|event| event.name != "hello").await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("{body:?} never came"))
}

/// A file goes out in an answer; answers its path and what is in it.
async fn attaches(
    ana: &Operator,
    thread: &Value,
    size: usize,
    dice: &mut Dice,
) -> (String, Vec<u8>) {
    let mut content = b"%PDF-1.7\n".to_vec();
    content.resize_with(size, || dice.roll(256) as u8);
    let path = format!("/api/v1/conversations/{thread}/attachments?name=page.pdf");
    let kept = ana.api.post_file(&path, &content).await.expect(201);
    let words = format!("Here: {}", kept["link"].as_str().unwrap());
    ana.replies(thread, &words, &words).await.expect(201);
    (kept["path"].as_str().unwrap().to_owned(), content)
}

/// Every text and answer there is, by direction and words.
async fn everything(ana: &Operator) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for conversation in ana.list("limit=200").await {
        for message in ana.messages(&conversation["id"]).await {
            let word = |key: &str| message[key].as_str().unwrap().to_owned();
            all.insert((word("direction"), word("body")));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_under_load_holds_all_that_was_acknowledged_before() {
    let mut bench = Bench::new(roomy()).await;
    // Links to files want an address that is known before the start.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let config = std::fs::read_to_string(bench.config()).unwrap();
    let config = config.replace("127.0.0.1:0", &at.to_string());
    let reachable = format!("[web]\npublic_url = \"http://{at}\"");
    std::fs::write(bench.config(), config.replace("[web]", &reachable)).unwrap();
    let token = bench.add_operator("ana");
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    bench.modem.patron_texts("+15551230000", "first").unwrap();
    let thread = arrives(&ana, "first").await;
    for at in 0..20 {
        let key = format!("before {at}");
        ana.replies(&thread, &key, &key).await.expect(201);
    }
    // Files too: small ones and one as large as they may be, of octets that look random.
    let mut dice = Dice(20_261_126);
    let mut files = BTreeMap::new();
    for size in [9, 4_000, 70_000, 10 * 1024 * 1024] {
        files.extend([attaches(&ana, &thread, size, &mut dice).await]);
    }
    let acknowledged = everything(&ana).await;
    assert_eq!(acknowledged.len(), 25);

    // Texts and answers go on while the copy is made.
    let backup = bench.path().join("backup.db");
    let copying = {
        let (config, backup) = (bench.config(), backup.clone());
        tokio::task::spawn_blocking(move || {
            command(&["backup", backup.to_str().unwrap()], &config, "")
        })
    };
    for at in 0..LOAD {
        let key = format!("during {at}");
        if at % 3 == 0 {
            bench.modem.patron_texts("+15551230000", &key).unwrap();
        } else if at % 10 == 1 {
            let _ = attaches(&ana, &thread, 30_000, &mut dice).await;
        } else {
            ana.replies(&thread, &key, &key).await.expect(201);
        }
    }
    let words = succeeds(&copying.await.unwrap());
    assert!(words.contains("read back and whole"), "{words}");
    assert!(words.contains("on the same disk"), "{words}");
    assert!(words.contains(" files, "), "{words}");
    assert!(!words.contains("not in the folder"), "{words}");
    let whole = bench.command(&["spool", "check"]);
    assert!(succeeds(&whole).contains("is whole"));

    // While the desk runs nothing is put back, unless it is told to close.
    let refused = bench.command(&["restore", backup.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("stop the desk first"),
        "{refused:?}"
    );
    // A disk that lost its files altogether: they come back with the copy.
    let folder = bench.path().join("attachments");
    std::fs::rename(&folder, bench.path().join("lost")).unwrap();
    let restored = bench.command(&["restore", backup.to_str().unwrap(), "--stop-daemon"]);
    let words = succeeds(&restored);
    assert!(words.contains("is in place"), "{words}");
    assert!(words.contains("spool.db.before-"), "{words}");
    assert!(bench.ended().success(), "it closed as for a signal");

    let sent_before = bench.modem.sent_count();
    // A restore ends tokens: what was taken back since the copy must not work again.
    let token = bench.token("ana");
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    let restored = everything(&ana).await;
    let missing: Vec<_> = acknowledged.difference(&restored).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (path, content) in &files {
        let (status, found) = ana.api.get_file(path).await;
        assert_eq!(status, 200, "{path}");
        assert!(found == *content, "{path}: {} octets", found.len());
    }
    // What waited in the copy may have been sent since: a person decides.
    bench.modem.patron_texts("+15551230000", "after").unwrap();
    let thread = arrives(&ana, "after").await;
    ana.replies(&thread, "the last", "last").await.expect(201);
    let sent = bench.modem.wait_until_sent(sent_before + 1, PATIENCE).await;
    assert_eq!(sent.unwrap().last().unwrap().text, "the last");
    assert!(bench.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dated_copies_in_a_folder_are_kept_to_a_number() {
    let bench = Bench::new(Settings::default()).await;
    bench.add_operator("ana");
    let folder = bench.path().join("copies");
    std::fs::create_dir(&folder).unwrap();
    for old in ["20200101", "20210101", "20220101"] {
        std::fs::write(folder.join(format!("callnumber-{old}T000000Z.db")), "").unwrap();
    }
    let place = folder.to_str().unwrap();
    succeeds(&bench.command(&["backup", place, "--keep", "2"]));
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], "callnumber-20220101T000000Z.db");
    let newest = folder.join(&names[1]);
    succeeds(&bench.command(&["restore", newest.to_str().unwrap()]));
    let operators = succeeds(&bench.command(&["operator", "list"]));
    assert!(operators.contains("ana"), "{operators}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_and_the_library_change_while_the_desk_runs() {
    let mut bench = Bench::new(roomy()).await;
    let token = bench.add_operator("ana");
    let not_running = bench.command(&["reload"]);
    assert!(said(&not_running).contains("no desk runs"));
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;

    let more = succeeds(&bench.command(&["log", "debug", "--for", "1h"]));
    assert!(more.contains("callnumber=debug,warn"), "{more}");
    assert!(more.contains("numbers and words"), "{more}");
    let usual = succeeds(&bench.command(&["log", "usual"]));
    assert!(usual.contains("callnumber=warn"), "{usual}");
    let wrong = bench.command(&["log", "loud"]);
    assert!(!wrong.status.success());
    assert!(
        said(&wrong).contains("write error, warn, info"),
        "{wrong:?}"
    );

    bench.modem.patron_texts("+15551230001", "HELP").unwrap();
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert!(sent.text.starts_with("Elm Library"), "{}", sent.text);

    let written = std::fs::read_to_string(bench.config()).unwrap();
    let changed = written
        .replace("Elm Library", "Oak Library")
        .replace("127.0.0.1:0", "127.0.0.1:1");
    std::fs::write(bench.config(), changed.replace("[library]", "[libary]")).unwrap();
    let wrong = bench.command(&["reload"]);
    assert!(said(&wrong).contains("line 1"), "{wrong:?}");
    std::fs::write(bench.config(), changed).unwrap();
    let words = succeeds(&bench.command(&["reload"]));
    assert!(words.contains("In force now: [library]"), "{words}");
    assert!(words.contains("restart callnumber`): [web]"), "{words}");

    // Same house, same presence, other words.
    bench.modem.patron_texts("+15551230002", "HELP").unwrap();
    let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
    assert!(sent.text.starts_with("Oak Library"), "{}", sent.text);
    let queues = ana.api.get("/api/v1/queues").await.expect(200);
    assert_eq!(queues["items"][0]["online"], true, "{queues}");
    assert!(bench.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_in_the_middle_of_a_text_is_quick_and_loses_nothing() {
    let mut bench = Bench::new(Settings {
        send_latency: PATIENCE * 2,
        ..roomy()
    })
    .await;
    let token = bench.add_operator("ana");
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    bench.modem.patron_texts("+15551230000", "first").unwrap();
    let thread = arrives(&ana, "first").await;
    ana.replies(&thread, "one", "one").await.expect(201);
    ana.replies(&thread, "two", "two").await.expect(201);
    let begun = |modem: &SimulatedModem| {
        let heard = modem.heard();
        heard.iter().any(|heard| heard.line.starts_with("+CMGS"))
    };
    bench
        .modem
        .wait_for("the first attempt", PATIENCE, begun)
        .await
        .unwrap();

    let asked = Instant::now();
    assert!(bench.stop().success());
    let took = asked.elapsed();
    println!("closed in {took:?} while the modem was sending");
    // Promised are 5 s; the machine that runs this may be busy. systemd waits for 20.
    assert!(took < Duration::from_secs(20), "{took:?}");

    bench.modem.set_send_latency(Duration::ZERO);
    bench.modem.power_cycle();
    let ana = Operator::new(bench.start(), &token);
    let gone = |modem: &SimulatedModem| modem.sent().iter().any(|sent| sent.text == "two");
    bench
        .modem
        .wait_for("sending the second", PATIENCE, gone)
        .await
        .unwrap();
    let messages = ana.messages(&thread).await;
    let one = messages.iter().find(|message| message["body"] == "one");
    let sent = bench.modem.sent();
    let times = sent.iter().filter(|sent| sent.text == "one").count();
    match one.unwrap()["state"].as_str().unwrap() {
        "unknown" => assert_eq!(times, 0, "its outcome was not heard"),
        state => assert_eq!(times, 1, "{state}"),
    }
    assert!(bench.stop().success());
}

/// Texts in the spool of a desk that has been there for years.
const YEARS: i64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_of_many_years_opens_at_once() {
    let mut bench = Bench::new(roomy()).await;
    let token = bench.add_operator("ana");
    succeeds(&bench.command(&["gateway", "add", "phone", "--kind", "im", "--queue", "desk"]));
    let spool = rusqlite::Connection::open(bench.path().join("spool.db")).unwrap();
    spool
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {YEARS} / 20)
             INSERT INTO patron (id, gateway, address, name, repeats)
                 SELECT i, 1, 'patron' || i, 'heron-' || i,
                        '{{\"fingerprint\":0,\"count\":0,\"since\":null}}'
                 FROM n;
             INSERT INTO conversation (id, patron, gateway, queue, home, state, opened, active)
                 SELECT id, id, 1, 1, 1, CASE WHEN id % 50 THEN 'closed' ELSE 'waiting' END, 0, 0
                 FROM patron;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
             INSERT INTO message (conversation, direction, body, at, state, author)
                 SELECT id, 'in', 'Is my book number ' || i || ' in, and until when may I keep it?',
                        i, 'received', 'patron'
                 FROM conversation, n;
             COMMIT;"
        ))
        .unwrap();
    drop(spool);
    let began = Instant::now();
    let address = bench.start();
    let took = began.elapsed();
    println!("ready in {took:?} with {YEARS} texts");
    // Promised is a second, of a release build on a quiet machine.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let ana = Operator::new(address, &token);
    let waiting = ana.list("limit=200").await;
    assert_eq!(waiting.len() as i64, YEARS / 20 / 50);
    assert!(bench.stop().success());
}

/// What makes a program believe another time (package faketime), where this machine has it.
fn other_time() -> std::path::PathBuf {
    let found = [
        "x86_64-linux-gnu",
        "aarch64-linux-gnu",
        "arm-linux-gnueabihf",
    ]
    .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketime.so.1"))
    .into_iter()
    .find(|path| std::path::Path::new(path).exists());
    found.expect("tests/run installs faketime").into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_costs_no_text() {
    let mut bench = Bench::new(roomy()).await;
    let token = bench.add_operator("ana");
    let clock = bench.path().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let address = bench.start_with(&[
        ("LD_PRELOAD", other_time().to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]);
    let ana = Operator::new(address, &token);
    ana.arrives().await;
    // Forward ten years, back to the start of the epoch's last third, and to now.
    for (at, jump) in ["+0", "+3650d", "-9000d", "+0"].into_iter().enumerate() {
        std::fs::write(&clock, jump).unwrap();
        let body = format!("text {at}");
        bench.modem.patron_texts("+15551230000", &body).unwrap();
        let thread = arrives(&ana, &body).await;
        let reply = format!("reply {at}");
        ana.replies(&thread, &reply, &reply).await.expect(201);
        let sent = bench.modem.next_sent(PATIENCE).await.unwrap();
        assert_eq!(sent.text, reply);
    }
    let everything: Vec<String> = everything(&ana)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    let count = |word: &str| {
        everything
            .iter()
            .filter(|body| body.starts_with(word))
            .count()
    };
    assert_eq!((count("text"), count("reply")), (4, 4), "{everything:?}");
    assert!(bench.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_for_a_week_comes_and_goes_while_the_desk_runs() {
    let mut bench = Bench::new(roomy()).await;
    let token = bench.add_operator("ana");
    let ana = Operator::new(bench.start(), &token);
    ana.arrives().await;
    bench.modem.patron_texts("+15551230000", "first").unwrap();
    let thread = arrives(&ana, "first").await;
    let set_up = |modem: &SimulatedModem| {
        let heard = modem.heard();
        heard.iter().filter(|heard| heard.line == "+CGMI").count()
    };
    let before = set_up(&bench.modem);

    // The fair begins: a second stick, four lines in the file.
    let fair = SimulatedModem::start(Settings {
        imei: "356938035643809".into(),
        ..roomy()
    });
    let fair = fair.await.unwrap();
    let usual = std::fs::read_to_string(bench.config()).unwrap();
    let with_fair = |pace: &str| {
        format!(
            "{usual}[[modem]]\nname = \"fair\"\nport = {:?}\npace = {pace:?}\nper_day = 0\n",
            fair.port()
        )
    };
    std::fs::write(bench.config(), with_fair("0s")).unwrap();
    let words = succeeds(&bench.command(&["reload"]));
    assert!(words.contains("In force now: [[modem]]"), "{words}");
    fair.patron_texts("+15559870000", "where is the fair?")
        .unwrap();
    let at_the_fair = arrives(&ana, "where is the fair?").await;
    let answered = ana.replies(&at_the_fair, "hall 3", "hall 3").await;
    answered.expect(201);
    let sent = fair.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(sent[0].text, "hall 3");
    // The desk's own line noticed nothing, and is where it was.
    assert_eq!(set_up(&bench.modem), before);
    ana.replies(&thread, "second", "second").await.expect(201);
    let sent = bench.modem.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(sent[0].text, "second");

    // Changed while texts come: none is dropped.
    for at in 0..20 {
        fair.patron_texts("+15559870000", &format!("and {at}?"))
            .unwrap();
        if at == 10 {
            std::fs::write(bench.config(), with_fair("1ms")).unwrap();
            succeeds(&bench.command(&["reload"]));
        }
    }
    for at in 0..20 {
        assert_eq!(arrives(&ana, &format!("and {at}?")).await, at_the_fair);
    }

    // It ends: its port is free for anybody, its gateway stays until somebody removes it.
    std::fs::write(bench.config(), &usual).unwrap();
    succeeds(&bench.command(&["reload"]));
    let status: Value =
        serde_json::from_str(&succeeds(&bench.command(&["status", "--json"]))).unwrap();
    let lines = status["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{status}");
    assert_eq!(lines[0]["name"], "front-desk");
    callnumber::modem::port::check_free(&PortChoice::Path(fair.port()), 115_200)
        .await
        .unwrap();
    let modems = ana.api.get("/api/v1/modems").await.expect(200);
    assert_eq!(modems["items"].as_array().unwrap().len(), 1, "{modems}");

    // A port that somebody else has is no line: the desk goes on as it was.
    let other = SimulatedModem::start(roomy()).await.unwrap();
    let held = callnumber::modem::port::open_tty(&other.port(), 115_200).await;
    let wrong = format!(
        "{usual}[[modem]]\nname = \"fair\"\nport = {:?}\n",
        other.port()
    );
    std::fs::write(bench.config(), wrong).unwrap();
    let refused = bench.command(&["reload"]);
    assert!(!refused.status.success());
    assert!(said(&refused).contains("is held by"), "{refused:?}");
    drop(held);
    bench
        .modem
        .patron_texts("+15551230000", "still here")
        .unwrap();
    arrives(&ana, "still here").await;
    assert!(bench.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_called_for_help_changes_while_the_desk_runs() {
    let mut bench = Bench::new(roomy()).await;
    let token = bench.add_operator("ana");
    let ana = Operator::new(bench.start(), &token);
    // Nobody is there, and nobody is told.
    bench.modem.patron_texts("+15551230000", "first").unwrap();
    arrives(&ana, "first").await;
    let usual = std::fs::read_to_string(bench.config()).unwrap();
    let with = |alerts: &str| {
        std::fs::write(bench.config(), format!("{usual}[alerts]\n{alerts}\n")).unwrap();
        bench.command(&["reload"])
    };
    let without_server = with("email = [\"ana@example.org\"]");
    assert!(
        said(&without_server).contains("[alerts.smtp]"),
        "{without_server:?}"
    );
    let words = succeeds(&with("phones = [\"+15557770000\"]\nwaiting_after = \"0s\""));
    assert!(words.contains("In force now: [alerts]"), "{words}");
    let called = |modem: &SimulatedModem| {
        let sent = modem.sent();
        sent.iter()
            .any(|sent| sent.to == "+15557770000" && sent.text.contains("1 texts waiting"))
    };
    bench
        .modem
        .wait_for("a call for help", PATIENCE, called)
        .await
        .unwrap();
    assert!(bench.stop().success());
}
