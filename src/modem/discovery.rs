//! Which port speaks AT. Only what is named, or on the list below, is ever talked to: an octet too
//! many upsets more than modems.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_serial::{SerialPortInfo, SerialPortType};

use super::port::{OpenError, Opened, TtyPort, open_tty};
use crate::at::{Command, Engine, Event, Reply, response};

/// How long a fresh port is listened to: a GPS port chatters at once.
const DRAIN: Duration = Duration::from_millis(200);

/// How long one `AT` is waited for.
const ATTENTION_LIMIT: Duration = Duration::from_secs(3);

/// How often `AT` is tried.
const ATTENTION_TRIES: usize = 3;

/// A USB modem, or family of them, that is known to speak AT.
struct Known {
    vendor: u16,
    /// Empty: every product of that vendor.
    products: &'static [u16],
    /// The interface that speaks AT; `None`: ascending.
    interface: Option<u8>,
    /// Interfaces never to talk to.
    avoid: &'static [u8],
}

const KNOWN: &[Known] = &[
    // Quectel: 00 diagnostics, 01 NMEA, 03 a second AT port.
    Known {
        vendor: 0x2c7c,
        products: &[],
        interface: Some(2),
        avoid: &[0, 1],
    },
    // SIMCom A76xx: 02 ignored, 05 PPP.
    Known {
        vendor: 0x1e0e,
        products: &[0x9011],
        interface: Some(4),
        avoid: &[2, 5],
    },
    // SIMCom SIM7600, SIM70x0.
    Known {
        vendor: 0x1e0e,
        products: &[0x9001, 0x9205, 0x9206],
        interface: Some(2),
        avoid: &[0, 1],
    },
    // Huawei: lowest first; modes without AT (CD-ROM, HiLink) have no tty and never get here.
    Known {
        vendor: 0x12d1,
        products: &[],
        interface: None,
        avoid: &[],
    },
    // CH340, the usual companion of a SIM800.
    Known {
        vendor: 0x1a86,
        products: &[0x7523],
        interface: None,
        avoid: &[],
    },
];

/// A port worth probing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// Groups the ports of one device: bus and position.
    device: String,
    /// The table's interface first, then ascending.
    rank: (bool, u8),
    path: PathBuf,
    usb_id: String,
}

/// A port and what answered there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The port.
    pub path: PathBuf,
    /// USB vendor and product, `2c7c:0125`.
    pub usb_id: String,
    /// The modem, if it answered.
    pub modem: Option<Identity>,
    /// Why it did not, in words.
    pub trouble: Option<String>,
}

/// What a modem says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// `+CGMM`
    pub model: Option<String>,
    /// `+CGSN`; ports with the same one are the same modem's.
    pub imei: Option<String>,
    /// `+CPIN`: `READY`, `SIM PIN`…; `None` while the SIM does not answer.
    pub sim: Option<String>,
    /// The memories texts can be read from; without any the port is no use for texts.
    pub memories: Vec<String>,
}

/// Probes every allow-listed port, one after the other, and says what is there.
///
/// Ports held by another program, our own daemon among them, are listed with that trouble.
pub async fn list() -> Vec<Found> {
    let mut found = Vec::new();
    for candidate in candidates_now().await {
        let probed = match open_tty(&candidate.path, 115_200).await {
            Ok(mut port) => match greet(&mut port).await {
                Ok(mut engine) => Ok(identify(&mut port, &mut engine).await),
                Err(trouble) => Err(trouble.to_owned()),
            },
            Err(error) => Err(error.to_string()),
        };
        let (modem, trouble) = match probed {
            Ok(identity) => (Some(identity), None),
            Err(trouble) => (None, Some(trouble)),
        };
        found.push(Found {
            path: candidate.path,
            usb_id: candidate.usb_id,
            modem,
            trouble,
        });
    }
    found
}

/// Opens the first allow-listed port that answers AT.
pub(super) async fn open_first(baud: u32) -> Result<Opened<TtyPort>, OpenError> {
    let candidates = candidates_now().await;
    if candidates.is_empty() {
        return Err(OpenError::NoneFound);
    }
    let mut tried = String::new();
    for candidate in candidates {
        let trouble = match open_tty(&candidate.path, baud).await {
            Ok(mut port) => match greet(&mut port).await {
                Ok(_) => {
                    return Ok(Opened {
                        port,
                        path: Some(candidate.path),
                    });
                }
                Err(trouble) => trouble.to_owned(),
            },
            Err(OpenError::Busy { holder, .. }) => format!("held by {holder}"),
            Err(OpenError::Forbidden { .. }) => "may not be opened; group `dialout`?".into(),
            Err(error) => error.to_string(),
        };
        let separator = if tried.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(tried, "{separator}{}: {trouble}", candidate.path.display());
    }
    Err(OpenError::NoneAnswers { tried })
}

async fn candidates_now() -> Vec<Candidate> {
    // It reads /sys, and panics where there is none: then nothing is found.
    let ports = tokio::task::spawn_blocking(tokio_serial::available_ports).await;
    match ports {
        Ok(Ok(ports)) => candidates(&ports),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

fn candidates(ports: &[SerialPortInfo]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = ports.iter().filter_map(candidate).collect();
    candidates.sort();
    candidates
}

fn candidate(port: &SerialPortInfo) -> Option<Candidate> {
    let SerialPortType::UsbPort(usb) = &port.port_type else {
        return None; // a UART may have anything behind it: only by name
    };
    let known = KNOWN.iter().find(|known| {
        known.vendor == usb.vid && (known.products.is_empty() || known.products.contains(&usb.pid))
    })?;
    let interface = usb.interface.unwrap_or(0);
    if usb.interface.is_some() && known.avoid.contains(&interface) {
        return None;
    }
    Some(Candidate {
        device: usb
            .location
            .as_ref()
            .map_or_else(String::new, |place| format!("{place:?}")),
        rank: (
            known.interface.is_some_and(|wanted| wanted != interface),
            interface,
        ),
        path: PathBuf::from(&port.port_name),
        usb_id: format!("{:04x}:{:04x}", usb.vid, usb.pid),
    })
}

/// Finds out whether AT is spoken here. Gives the engine back that listened.
async fn greet<P: AsyncRead + AsyncWrite + Unpin>(port: &mut P) -> Result<Engine, &'static str> {
    let mut heard: Vec<u8> = Vec::new();
    let mut buffer = [0; 512];
    let drained = tokio::time::Instant::now() + DRAIN;
    while let Ok(read) = tokio::time::timeout_at(drained, port.read(&mut buffer)).await {
        match read {
            Ok(0) | Err(_) => return Err("the port closed"),
            Ok(count) => heard.extend(buffer.iter().take(count).take(4096)),
        }
        if heard.windows(2).any(|pair| pair == b"$G") {
            return Err("a GPS port");
        }
        if heard.len() > 4096 {
            return Err("something chatters there that is no modem");
        }
    }
    let mut engine = Engine::default();
    engine.escape();
    for _ in 0..ATTENTION_TRIES {
        let reply = ask(port, &mut engine, Command::Attention, ATTENTION_LIMIT).await;
        match reply {
            Some(reply) if reply.is_ok() => return Ok(engine),
            Some(_) => {}
            None => return Err("the port closed"),
        }
    }
    Err("does not answer AT")
}

async fn identify<P: AsyncRead + AsyncWrite + Unpin>(
    port: &mut P,
    engine: &mut Engine,
) -> Identity {
    let mut identity = Identity::default();
    for command in [
        Command::EchoOff,
        Command::Model,
        Command::SerialNumber,
        Command::PinState,
        Command::StorageTest,
    ] {
        let limit = command.time_limit();
        let Some(reply) = ask(port, engine, command, limit).await else {
            break;
        };
        let Some(line) = reply.lines.first() else {
            continue;
        };
        match reply.command {
            Command::Model => identity.model = Some(response::bare(line).to_owned()),
            Command::SerialNumber => identity.imei = Some(response::digits(line)),
            Command::PinState => identity.sim = response::pin_state(line).map(str::to_owned),
            Command::StorageTest => {
                let [read, ..] = response::storage_offered(line).unwrap_or_default();
                identity.memories = read.iter().map(|memory| memory.name().to_owned()).collect();
            }
            _ => {}
        }
    }
    identity
}

/// One command and its reply; `None` when the port closed. What the modem says unasked is dropped.
async fn ask<P: AsyncRead + AsyncWrite + Unpin>(
    port: &mut P,
    engine: &mut Engine,
    command: Command,
    limit: Duration,
) -> Option<Reply> {
    let begun = now();
    engine.submit(command, begun).ok()?;
    port.write_all(&engine.take_octets()).await.ok()?;
    let mut buffer = [0; 512];
    loop {
        while let Some(event) = engine.next_event() {
            if let Event::Reply(reply) = event {
                return Some(reply);
            }
        }
        let deadline = engine.next_deadline()?.max(begun + limit);
        match tokio::time::timeout_at(deadline.into(), port.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return None,
            Ok(Ok(count)) => engine.receive(buffer.get(..count)?, now()),
            Err(_) => engine.tick(now()),
        }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use tokio_serial::UsbPortInfo;

    fn usb(name: &str, vid: u16, pid: u16, interface: u8) -> SerialPortInfo {
        SerialPortInfo {
            port_name: format!("/dev/{name}"),
            port_type: SerialPortType::UsbPort(UsbPortInfo {
                vid,
                pid,
                serial_number: None,
                manufacturer: None,
                product: None,
                location: None,
                interface: Some(interface),
            }),
        }
    }

    fn paths(ports: &[SerialPortInfo]) -> Vec<String> {
        candidates(ports)
            .into_iter()
            .map(|c| c.path.display().to_string())
            .collect()
    }

    #[test]
    fn the_right_interface_comes_first_and_strangers_never() {
        for (ports, expected) in [
            (
                vec![
                    usb("ttyUSB0", 0x2c7c, 0x0125, 0), // diagnostics
                    usb("ttyUSB1", 0x2c7c, 0x0125, 1), // NMEA
                    usb("ttyUSB3", 0x2c7c, 0x0125, 3),
                    usb("ttyUSB2", 0x2c7c, 0x0125, 2),
                ],
                vec!["/dev/ttyUSB2", "/dev/ttyUSB3"],
            ),
            (
                vec![
                    usb("ttyUSB2", 0x1e0e, 0x9011, 2),
                    usb("ttyUSB4", 0x1e0e, 0x9011, 4),
                    usb("ttyUSB3", 0x1e0e, 0x9011, 3),
                ],
                vec!["/dev/ttyUSB4", "/dev/ttyUSB3"],
            ),
            (
                vec![
                    usb("ttyUSB2", 0x12d1, 0x1506, 2),
                    usb("ttyUSB0", 0x12d1, 0x1506, 0),
                ],
                vec!["/dev/ttyUSB0", "/dev/ttyUSB2"],
            ),
            // An Arduino, and an FTDI cable to who knows what
            (
                vec![
                    usb("ttyACM0", 0x2341, 0x0043, 0),
                    usb("ttyUSB0", 0x0403, 0x6001, 0),
                ],
                vec![],
            ),
            (
                vec![SerialPortInfo {
                    port_name: "/dev/ttyAMA0".into(),
                    port_type: SerialPortType::Unknown,
                }],
                vec![],
            ),
        ] {
            assert_eq!(paths(&ports), expected);
        }
    }

    async fn modem(mut peer: tokio::io::DuplexStream, answers: &[(&str, &str)]) -> Vec<u8> {
        let (mut heard, mut line) = (Vec::new(), Vec::new());
        while let Ok(octet) = peer.read_u8().await {
            heard.push(octet);
            if octet != b'\r' {
                line.push(octet);
                continue;
            }
            let command = String::from_utf8(std::mem::take(&mut line)).unwrap();
            if let Some((_, said)) = answers.iter().find(|(asked, _)| *asked == command) {
                peer.write_all(said.as_bytes()).await.unwrap();
            }
        }
        heard
    }

    #[tokio::test(start_paused = true)]
    async fn a_modem_is_greeted_and_identified() {
        let (mut port, peer) = tokio::io::duplex(4096);
        let answers = [
            ("AT", "AT\r\r\nOK\r\n"),
            ("ATE0", "ATE0\r\r\nOK\r\n"),
            ("AT+CGMM", "\r\nEC25\r\n\r\nOK\r\n"),
            ("AT+CGSN", "\r\n490154203237518\r\n\r\nOK\r\n"),
            ("AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"),
            (
                "AT+CPMS=?",
                "\r\n+CPMS: (\"ME\",\"SM\"),(\"ME\",\"SM\"),(\"ME\",\"SM\")\r\n\r\nOK\r\n",
            ),
        ];
        let modem = tokio::spawn(async move { modem(peer, &answers).await });
        let mut engine = greet(&mut port).await.unwrap();
        let identity = identify(&mut port, &mut engine).await;
        assert_eq!(identity.model.as_deref(), Some("EC25"));
        assert_eq!(identity.imei.as_deref(), Some("490154203237518"));
        assert_eq!(identity.sim.as_deref(), Some("READY"));
        assert_eq!(identity.memories, ["ME", "SM"]);
        drop(port);
        let heard = modem.await.unwrap();
        assert!(heard.starts_with(b"\x1b\rAT\r"));
        assert!(
            !heard.contains(&0x1A),
            "Ctrl-Z would send what somebody typed"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_modem_is_left_alone() {
        let (mut port, mut peer) = tokio::io::duplex(4096);
        peer.write_all(b"$GPGGA,,,,,,0,,,,,,,,*66\r\n")
            .await
            .unwrap();
        assert_eq!(greet(&mut port).await.unwrap_err(), "a GPS port");
        drop(port);
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"", "nothing was said to it");

        let (mut port, _peer) = tokio::io::duplex(4096);
        assert_eq!(greet(&mut port).await.unwrap_err(), "does not answer AT");
    }
}
