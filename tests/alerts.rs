//! Calls for help, end to end: a house whose texts wait for nobody, a mail server of somebody
//! else's making, and a staff telephone.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use callnumber::alerts::{self, mail};
use callnumber::daemon::{House, HouseSettings};
use callnumber::routing::{Amendment, Event, GatewayId, Library, OperatorId, Role, Show};

/// Nothing takes longer than this, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// aiosmtpd on a port of its own; every line of every letter it takes comes out here.
struct PostOffice {
    server: Child,
    port: u16,
    lines: Receiver<String>,
}

impl PostOffice {
    fn open() -> Self {
        // The port is free at this moment; the server takes it at once.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut server = Command::new("/usr/bin/python3")
            .args(["-u", "-m", "aiosmtpd", "-n", "-l"])
            .arg(format!("127.0.0.1:{port}"))
            .args(["-c", "aiosmtpd.handlers.Debugging", "stdout"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("python3 is installed: tests/run installs it");
        let out = server.stdout.take().unwrap();
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let Ok(line) = line else { return };
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let gone = server.try_wait().unwrap();
            assert_eq!(
                gone, None,
                "python3-aiosmtpd is installed: tests/run installs it"
            );
            assert!(begun.elapsed() < PATIENCE, "the mail server does not open");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            server,
            port,
            lines,
        }
    }

    /// The next letter, whole.
    fn letter(&self) -> String {
        let mut letter = String::new();
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .expect("a letter arrives in time");
            if line.contains("END MESSAGE") {
                return letter;
            }
            letter += &line;
            letter.push('\n');
        }
    }

    fn is_quiet(&self) -> bool {
        self.lines.try_recv().is_err()
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn open(folder: &std::path::Path, port: u16) -> House {
    House::open(HouseSettings {
        alerts: Some(alerts::Settings {
            mail: Some(mail::Settings {
                host: "127.0.0.1".into(),
                port,
                security: mail::Security::None,
                login: None,
                from: "callnumber@elm.example".into(),
                to: vec!["ana@elm.example".into(), "ben@elm.example".into()],
            }),
            phones: vec!["+15551230199".into()],
            waiting_after: Duration::ZERO,
            calm: Duration::ZERO,
            // The machine's own disk is not this story's.
            disk_free: 0,
            every: Duration::from_millis(200),
            url: Some("https://desk.elm.example".into()),
            ..alerts::Settings::default()
        }),
        ..HouseSettings::quiet(
            folder.join("spool.db"),
            Library {
                name: "Elm Library".into(),
                ..Library::default()
            },
        )
    })
    .await
    .unwrap()
}

/// Texts that wait to go to the staff telephone.
async fn texts_to_staff(house: &House) -> Vec<String> {
    house
        .spool()
        .read(|connection| {
            let bodies = connection
                .prepare(
                    "SELECT m.body FROM outbox o JOIN message m ON m.id = o.message
                     WHERE o.recipient = '+15551230199' ORDER BY o.id",
                )?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(bodies)
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_wait_for_nobody_are_told_once_and_so_is_the_all_clear() {
    let office = PostOffice::open();
    let folder = tempfile::tempdir().unwrap();
    let house = open(folder.path(), office.port).await;
    for amendment in [
        Amendment::AddLine {
            name: "front-desk".into(),
        },
        Amendment::AddOperator {
            name: "ana".into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        },
    ] {
        house.desk().amend(amendment).await.unwrap();
    }
    let text = |from: &str| Event::TextArrived {
        gateway: GatewayId(1),
        from: from.into(),
        body: "Is my book in?".into(),
        stamped_at: None,
    };
    house.desk().ask(text("+15551230100")).await.unwrap();

    let alarm = office.letter();
    assert!(alarm.contains("From: callnumber@elm.example"), "{alarm}");
    assert!(alarm.contains("ana@elm.example") && alarm.contains("ben@elm.example"));
    assert!(
        alarm.contains("Subject: [Elm Library] text line: texts wait in desk"),
        "{alarm}"
    );
    let m11 = "Textline: 1 texts waiting, oldest less than a minute, nobody signed in. \
               Sign in at https://desk.elm.example";
    assert!(alarm.replace("=\n", "").contains(m11), "{alarm}");
    assert!(
        !alarm.contains("5551230100"),
        "a patron's number is in a letter"
    );

    // Another text, and even a restart, are the same incident.
    house.desk().ask(text("+15551230101")).await.unwrap();
    assert_eq!(texts_to_staff(&house).await, [m11]);
    house.close().await;
    let house = open(folder.path(), office.port).await;

    let show = Event::Presence {
        operator: OperatorId(1),
        show: Show::Available,
    };
    house.desk().ask(show).await.unwrap();
    let clear = office.letter();
    assert!(
        clear.contains("text line, all clear: texts wait in desk"),
        "{clear}"
    );
    assert!(
        clear
            .replace("=\n", "")
            .contains("the texts in desk are attended to"),
        "{clear}"
    );
    assert_eq!(texts_to_staff(&house).await.len(), 2);
    assert!(office.is_quiet(), "each is told once");
    house.close().await;
}
