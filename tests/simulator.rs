//! The simulated modem over its pseudo-terminal, as any program meets it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use callnumber::simulator::{Parts, Settings, SimulatedModem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_serial::SerialStream;

/// Far longer than anything here takes; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program at the other end of the port.
struct Terminal {
    port: SerialStream,
    heard: Vec<u8>,
}

impl Terminal {
    fn open(path: &Path) -> Self {
        let builder = tokio_serial::new(path.to_str().unwrap(), 115_200);
        Self {
            port: SerialStream::open(&builder).unwrap(),
            heard: Vec::new(),
        }
    }

    async fn say(&mut self, octets: impl AsRef<[u8]>) {
        self.port.write_all(octets.as_ref()).await.unwrap();
    }

    /// Reads until `end` has come, and returns everything up to it.
    async fn hear(&mut self, end: &str) -> String {
        let heard = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(at) = find(&self.heard, end.as_bytes()) {
                    let rest = self.heard.split_off(at + end.len());
                    return String::from_utf8(std::mem::replace(&mut self.heard, rest)).unwrap();
                }
                let mut chunk = [0; 4096];
                let count = self.port.read(&mut chunk).await.unwrap();
                assert!(count > 0, "the port closed before {end:?}");
                self.heard.extend(&chunk[..count]);
            }
        });
        match heard.await {
            Ok(heard) => heard,
            Err(_) => panic!(
                "{end:?} did not come, only {:?}",
                String::from_utf8_lossy(&self.heard)
            ),
        }
    }

    /// A command and its response up to `OK`.
    async fn ask(&mut self, command: &str) -> String {
        self.say(format!("{command}\r")).await;
        self.hear("\r\nOK\r\n").await
    }

    /// What is left when the port has gone.
    async fn hear_the_end(&mut self) {
        tokio::time::timeout(PATIENCE, async {
            let mut chunk = [0; 4096];
            while self
                .port
                .read(&mut chunk)
                .await
                .is_ok_and(|count| count > 0)
            {}
        })
        .await
        .expect("the port should have gone away");
    }
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

#[tokio::test]
async fn a_text_in_and_a_text_out() {
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let mut terminal = Terminal::open(&modem.port());
    assert_eq!(terminal.ask("ATE0").await, "ATE0\r\r\nOK\r\n");
    assert_eq!(
        terminal.ask("AT+CMGF=0;+CNMI=2,1,0,0,0").await,
        "\r\nOK\r\n"
    );

    modem
        .patron_texts("+15551230100", "Is my book in?")
        .unwrap();
    assert_eq!(
        terminal.hear("+CMTI: \"SM\",1\r\n").await,
        "\r\n+CMTI: \"SM\",1\r\n"
    );
    let listed = terminal.ask("AT+CMGL=4").await;
    assert!(listed.starts_with("\r\n+CMGL: 1,0,,"), "{listed}");
    assert!(
        terminal
            .ask("AT+CMGL=4")
            .await
            .starts_with("\r\n+CMGL: 1,1,,")
    );
    terminal.ask("AT+CMGD=1").await;
    assert!(modem.stored().is_empty());

    // TS 23.040 §9.2.2.2: first octet, MR, DA +15551230100, PID, DCS, UDL, "hello".
    terminal.say("AT+CMGS=18\r").await;
    terminal.hear("> ").await;
    terminal
        .say("0001000B915155210301F0000005E8329BFD06\x1a")
        .await;
    assert_eq!(terminal.hear("OK\r\n").await, "\r\n+CMGS: 0\r\n\r\nOK\r\n");
    let sent = modem.wait_until_sent(1, PATIENCE).await.unwrap();
    assert_eq!(
        (sent[0].to.as_str(), sent[0].text.as_str()),
        ("+15551230100", "hello")
    );
}

#[tokio::test]
async fn unplugging_ends_the_port_and_the_link_and_replugging_brings_both_back() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("modem");
    let modem = SimulatedModem::start(Settings {
        link: Some(link.clone()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let mut terminal = Terminal::open(&link);
    terminal.ask("AT").await;
    modem.unplug().await;
    terminal.hear_the_end().await;
    assert!(std::fs::symlink_metadata(&link).is_err());

    modem
        .deliver_parts("+15551230100", &"book ".repeat(60), &Parts::default())
        .unwrap();
    modem.replug().await.unwrap();
    let mut terminal = Terminal::open(&link);
    terminal.ask("ATE0").await;
    assert!(terminal.ask("AT+CPMS?").await.contains("\"SM\",2,50"));
    drop(modem);
    terminal.hear_the_end().await;
}
