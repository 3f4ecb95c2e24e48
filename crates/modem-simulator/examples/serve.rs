//! Serves an AT modem and shows what is sent through it: `cargo run --example serve`.

use std::time::Duration;

use modem_simulator::{Settings, SimulatedModem};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let modem = SimulatedModem::start(Settings::default()).await?;
    println!("an AT modem answers on {}", modem.port().display());
    modem
        .patron_texts("+15551230100", "Is my book in?")
        .map_err(std::io::Error::other)?;
    println!("one text waits on its SIM; end it with Ctrl-C");
    loop {
        if let Ok(text) = modem.next_sent(Duration::from_secs(60)).await {
            println!("sent: {text:?}");
        }
    }
}
