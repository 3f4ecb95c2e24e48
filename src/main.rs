//! The street door.

use clap::Parser;

/// A library's phone number as a staffed desk.
#[derive(Debug, Parser)]
#[command(name = "callnumber", version)]
enum Door {
    /// An AT modem on a pseudo-terminal, for any program
    Simulate(callnumber::cli::simulate::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Door::parse() {
        Door::Simulate(args) => callnumber::cli::simulate::run(args).await,
    }
}
