//! The port alone: a program that does nothing but speak AT, as fast as the modem answers.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use serialport::TTYPort;

/// The port, opened without a runtime: a write, then reads until the answer has ended.
pub(crate) struct BarePort(TTYPort);

impl BarePort {
    /// Opens it and puts the modem where the daemon would have it.
    pub(crate) fn open(path: &Path) -> Self {
        let port = serialport::new(path.to_string_lossy(), 115_200)
            .timeout(Duration::from_secs(10))
            .open_native()
            .unwrap();
        let mut port = Self(port);
        port.ask("ATE0");
        port.ask("AT+CMGF=0");
        port
    }

    /// A command, and its answer up to `OK`.
    pub(crate) fn ask(&mut self, command: &str) -> Vec<u8> {
        self.0.write_all(format!("{command}\r").as_bytes()).unwrap();
        self.until(b"OK\r\n")
    }

    /// Sends one TPDU.
    pub(crate) fn send(&mut self, tpdu: &[u8]) {
        let command = format!("AT+CMGS={}\r", tpdu.len());
        self.0.write_all(command.as_bytes()).unwrap();
        self.until(b"> ");
        let mut octets = b"00".to_vec();
        for octet in tpdu {
            octets.extend(format!("{octet:02X}").bytes());
        }
        octets.push(0x1A);
        self.0.write_all(&octets).unwrap();
        self.until(b"OK\r\n");
    }

    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        let mut chunk = [0; 4096];
        while !answer.ends_with(end) {
            let count = self.0.read(&mut chunk).unwrap();
            answer.extend(&chunk[..count]);
            assert!(!answer.ends_with(b"ERROR\r\n"), "{}", answer.escape_ascii());
        }
        answer
    }
}
