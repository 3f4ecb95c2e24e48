//! A mail server of somebody else's making.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Nothing takes longer than this, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// aiosmtpd on a port of its own; every line of every letter it takes comes out here.
pub struct PostOffice {
    server: Child,
    pub port: u16,
    lines: UnboundedReceiver<String>,
}

impl PostOffice {
    pub fn open() -> Self {
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
        let (tell, lines) = unbounded_channel();
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
    pub async fn letter(&mut self) -> String {
        let mut letter = String::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv())
                .await
                .expect("a letter arrives in time")
                .expect("the mail server goes on");
            if line.contains("END MESSAGE") {
                // Long lines of the body go on in the next (RFC 2045 §6.7), and so does a long subject
                // (RFC 5322 §2.2.3).
                return letter.replace("=\n", "").replace("\n ", " ");
            }
            letter += &line;
            letter.push('\n');
        }
    }

    /// The next letter, which is about this, with its words on one line.
    pub async fn letter_about(&mut self, subject: &str) -> String {
        let letter = self.letter().await;
        let wanted = format!("Subject: [Elm Library] text line{subject}\n");
        assert!(letter.contains(&wanted), "not about {subject:?}: {letter}");
        letter
    }

    pub fn is_quiet(&mut self) -> bool {
        self.lines.try_recv().is_err()
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
