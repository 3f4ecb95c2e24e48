#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::modem::usb::drawn;

fn paths(machine: &Machine) -> Vec<String> {
    candidates(machine)
        .into_iter()
        .map(|candidate| {
            let name = candidate.tty.path.file_name().unwrap().to_owned();
            name.into_string().unwrap()
        })
        .collect()
}

#[test]
fn the_right_interface_comes_first_and_strangers_never() {
    for (id, ttys, expected) in [
        (
            (0x2c7c, 0x0125),
            &[
                (0, "ttyUSB0"),
                (1, "ttyUSB1"),
                (3, "ttyUSB3"),
                (2, "ttyUSB2"),
            ][..],
            &["ttyUSB2", "ttyUSB3"][..], // 00 diagnostics, 01 NMEA
        ),
        (
            (0x1e0e, 0x9011),
            &[
                (2, "ttyUSB2"),
                (4, "ttyUSB4"),
                (3, "ttyUSB3"),
                (5, "ttyUSB5"),
            ],
            &["ttyUSB4", "ttyUSB3"],
        ),
        (
            (0x1e0e, 0x9001),
            &[(2, "ttyUSB2"), (3, "ttyUSB3"), (0, "ttyUSB0")],
            &["ttyUSB2", "ttyUSB3"],
        ),
        (
            (0x12d1, 0x1506),
            &[(2, "ttyUSB2"), (0, "ttyUSB0")],
            &["ttyUSB0", "ttyUSB2"],
        ),
        ((0x1a86, 0x7523), &[(0, "ttyUSB0")], &["ttyUSB0"]),
        // An Arduino, and an FTDI cable to who knows what
        ((0x2341, 0x0043), &[(0, "ttyACM0")], &[]),
        ((0x0403, 0x6001), &[(0, "ttyUSB0")], &[]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let machine = drawn::machine(folder.path());
        drawn::plug(folder.path(), "1-1.3", id, ttys);
        // A UART may have anything behind it.
        std::fs::create_dir_all(folder.path().join("sys/class/tty/ttyAMA0")).unwrap();
        assert_eq!(paths(&machine), expected, "{id:x?}");
    }
}

#[test]
fn huawei_says_which_port_carries_calls() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let machine = drawn::machine(root);
    drawn::plug(
        root,
        "1-1",
        (0x12d1, 0x1506),
        &[(0, "ttyUSB0"), (2, "ttyUSB2")],
    );
    let interface = root.join("sys/bus/usb/devices/1-1/1-1:1.0/bInterfaceProtocol");
    std::fs::write(interface, "01\n").unwrap();
    assert_eq!(paths(&machine), ["ttyUSB2", "ttyUSB0"]);
}

#[test]
fn ports_are_grouped_by_their_device() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let machine = drawn::machine(root);
    // Numbered by who was quicker at the start.
    drawn::plug(
        root,
        "1-1.4",
        (0x2c7c, 0x0125),
        &[(2, "ttyUSB1"), (3, "ttyUSB3")],
    );
    drawn::plug(
        root,
        "1-1.2",
        (0x2c7c, 0x0125),
        &[(2, "ttyUSB2"), (3, "ttyUSB0")],
    );
    assert_eq!(
        paths(&machine),
        ["ttyUSB2", "ttyUSB0", "ttyUSB1", "ttyUSB3"]
    );
}

#[test]
fn two_devices_with_one_imei_are_told_and_two_ports_of_one_are_not() {
    let found = |path: &str, place: &str, imei: &str| Found {
        path: path.into(),
        usb_id: "2c7c:0125".into(),
        place: Some(place.into()),
        interface: Some(2),
        modem: Some(Identity {
            imei: Some(imei.into()),
            ..Identity::default()
        }),
        trouble: None,
    };
    let mut all = [
        found("/dev/ttyUSB2", "pci:usb:1", "490154203237518"),
        found("/dev/ttyUSB3", "pci:usb:1", "490154203237518"),
        found("/dev/ttyUSB6", "pci:usb:2", "490154203237526"),
    ];
    mark_twins(&mut all);
    assert!(all.iter().all(|found| found.trouble.is_none()));
    all[2].modem.as_mut().unwrap().imei = Some("490154203237518".into());
    mark_twins(&mut all);
    for found in &all {
        let trouble = found.trouble.as_deref().unwrap();
        assert!(trouble.contains("same IMEI"), "{trouble}");
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
