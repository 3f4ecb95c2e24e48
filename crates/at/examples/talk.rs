//! Asks a modem who it is: `cargo run --example talk -- /dev/ttyUSB2`.
//!
//! The port is opened as a file, with the speed and mode it has (`stty -F PORT raw 115200`).

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use at_dialogue::{Command, Engine, Event};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("usage: talk PORT")?;
    let mut writer = OpenOptions::new().read(true).write(true).open(port)?;
    let mut reader = writer.try_clone()?;
    let (heard, hears) = mpsc::sync_channel(16);
    std::thread::spawn(move || {
        let mut octets = [0; 512];
        while let Ok(count) = reader.read(&mut octets) {
            if count == 0 || heard.send(octets[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut engine = Engine::default();
    for command in [Command::EchoOff, Command::Manufacturer, Command::Model] {
        engine.submit(command, Instant::now())?;
        'reply: loop {
            writer.write_all(&engine.take_octets())?;
            match hears.recv_timeout(Duration::from_millis(100)) {
                Ok(octets) => engine.receive(&octets, Instant::now()),
                Err(mpsc::RecvTimeoutError::Timeout) => engine.tick(Instant::now()),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err("the port is gone".into()),
            }
            while let Some(event) = engine.next_event() {
                match event {
                    Event::Reply(reply) => {
                        println!("{:?}: {:?} {:?}", reply.command, reply.outcome, reply.lines);
                        break 'reply;
                    }
                    other => println!("unasked: {other:?}"),
                }
            }
        }
    }
    Ok(())
}
