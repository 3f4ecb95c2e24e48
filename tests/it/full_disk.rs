//! The disk fills up while the desk is open. What came stays on the SIM, nothing is acknowledged
//! that is not kept, and once there is room nothing is missing and nothing there twice.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use callnumber::simulator::{Settings, SimulatedModem};
use serde_json::json;

use crate::support::{Operator, PATIENCE, binary};

/// A disk of four megabytes in a mount namespace of its own, a desk on it, and words on standard
/// input that fill and free it.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=4m tmpfs "$1" || exit 9
"$2" operator add ana --queue desk --no-password --config "$3" >/dev/null || exit 8
echo "token $("$2" operator token ana --config "$3")"
"$2" run --config "$3" </dev/null &
desk=$!
while read -r word; do
    case $word in
        fill) cat /dev/zero >"$1/ballast" 2>/dev/null; echo filled ;;
        free) rm "$1/ballast"; echo freed ;;
        stop) break ;;
    esac
done
kill -TERM $desk
wait $desk
"#;

struct Box {
    shell: Child,
    words: Option<ChildStdin>,
    said: Receiver<String>,
    logged: Receiver<String>,
}

impl Box {
    /// Says a word, and waits for the line that answers it.
    fn tell(&mut self, word: &str, answer: &str) {
        writeln!(self.words.as_mut().unwrap(), "{word}").unwrap();
        wait_for(&self.said, answer);
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        // The end of its input is the end of the desk.
        drop(self.words.take());
        let _ = self.shell.wait();
    }
}

/// The rest of the first line that begins with, or else contains, this.
fn wait_for(lines: &Receiver<String>, part: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let line = lines
            .recv_timeout(left)
            .unwrap_or_else(|_| panic!("{part:?} was not said"));
        if let Some((_, rest)) = line.split_once(part) {
            return rest.trim().to_owned();
        }
    }
}

fn lines_of(from: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Whatever nobody waits for any more is read all the same.
            let _ = tell.send(line);
        }
    });
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_for_a_while_costs_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let config = folder.path().join("callnumber.toml");
    let written = format!(
        "[[modem]]\nname = \"m\"\nport = \"{}\"\npace = \"0s\"\nper_day = 0\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[spool]\npath = \"{}/spool.db\"\n",
        modem.port().display(),
        disk.display()
    );
    std::fs::write(&config, written).unwrap();
    let mut shell = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            SCRIPT,
            "sh",
        ])
        .arg(&disk)
        .arg(binary().get_program())
        .arg(&config)
        .env("CALLNUMBER_LOG", "callnumber=warn")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bench = Box {
        words: shell.stdin.take(),
        said: lines_of(shell.stdout.take().unwrap()),
        logged: lines_of(shell.stderr.take().unwrap()),
        shell,
    };
    let token = wait_for(&bench.said, "token ");
    let address = wait_for(&bench.said, "The console is at http://");
    let ana = Operator::new(address.trim_end_matches('/').parse().unwrap(), &token);
    ana.arrives().await;
    let mut events = ana.api.events(None).await;
    modem.patron_texts("+15551230000", "before").unwrap();
    let first = events.find(|event| event.name == "offer").await.data["conversation"].clone();
    modem.wait_until_stored(0, PATIENCE).await.unwrap();

    bench.tell("fill", "filled");
    for at in 1..=8 {
        let number = format!("+1555123{at:04}");
        modem.patron_texts(&number, &format!("text {at}")).unwrap();
    }
    wait_for(&bench.logged, "texts stay on the SIM");
    let refused = ana.replies(&first, "Yes, it is in.", "the key").await;
    assert!((500..600).contains(&refused.status), "{refused:?}");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("disk is full"), "{detail}");
    assert!(detail.contains("free some space"), "{detail}");
    // It can still be looked at.
    assert_eq!(ana.list("state=waiting").await.len(), 1);
    assert_eq!(modem.stored().len(), 8, "nothing was deleted");
    assert_eq!(modem.sent_count(), 0);

    bench.tell("free", "freed");
    modem.wait_until_stored(0, PATIENCE).await.unwrap();
    let answer = ana.replies(&first, "Yes, it is in.", "the key").await;
    answer.expect(201);
    let again = ana.replies(&first, "Yes, it is in.", "the key").await;
    again.expect(200);
    let sent = modem.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(sent[0].text, "Yes, it is in.");

    // The SIM is empty once they are kept; they are shown a moment later.
    let waiting = tokio::time::timeout(PATIENCE, async {
        loop {
            let waiting = ana.list("state=waiting&limit=200").await;
            if waiting.len() >= 8 {
                return waiting;
            }
            let _ = events.find(|event| event.name == "offer").await;
        }
    });
    let waiting = waiting.await.unwrap();
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    for conversation in &waiting {
        for message in ana.messages(&conversation["id"]).await {
            if message["direction"] == json!("in") {
                let body = message["body"].as_str().unwrap().to_owned();
                *texts.entry(body).or_default() += 1;
            }
        }
    }
    let expected: BTreeMap<String, usize> = (1..=8).map(|at| (format!("text {at}"), 1)).collect();
    assert_eq!(texts, expected, "all of them, each once");
    assert_eq!(modem.sent_count(), 1);
}
