//! The commands. Each says in one sentence what went wrong and what to do, and then its exit
//! status is not 0.

#[macro_use]
mod printing;

mod arrival;
mod audit;
mod backup;
mod canned;
mod caretaker;
pub mod config;
mod conversation;
mod demo;
mod desk;
mod doctor;
mod exchange;
mod first_entry;
mod keyword;
mod log;
mod manual;
mod meter;
mod modem;
mod panel;
mod patron;
pub mod pdu;
mod records;
mod reload;
mod run;
mod secret;
mod service;
pub mod simulate;
mod spool;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use config::Config;

/// A library's phone number as a staffed desk.
#[derive(Debug, Parser)]
#[command(name = "callnumber", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A whole library on this machine: a simulated modem, a phone to text from, the console
    Demo(demo::Arguments),
    /// Run the desk: modem, spool and console
    Run(BoxArguments),
    /// How the running desk and its lines are
    Status(status::Arguments),
    /// What is wrong with the box, and what to do; works with the desk running or stopped
    Doctor(doctor::Arguments),
    /// Look for modems; ask one
    #[command(subcommand)]
    Modem(modem::Command),
    /// Who answers: add, set, list, remove; tokens and sign-in links
    #[command(subcommand)]
    Operator(desk::OperatorCommand),
    /// The desks patrons write to: add, set, list, remove
    #[command(subcommand)]
    Queue(desk::QueueCommand),
    /// The ways in: add, set, list, remove
    #[command(subcommand)]
    Gateway(desk::GatewayCommand),
    /// Replies that are answered often: add, set, list, remove
    #[command(subcommand)]
    Canned(canned::CannedCommand),
    /// Words that are answered without a librarian: set, list, remove
    #[command(subcommand)]
    Keyword(keyword::KeywordCommand),
    /// What is being said: list, show, reopen, tag, block, opt-out, begin
    #[command(subcommand)]
    Conversation(conversation::ConversationCommand),
    /// The desk as TOML: export, import
    #[command(subcommand)]
    Desk(exchange::DeskCommand),
    /// Conversations, written out
    #[command(subcommand)]
    Transcript(records::TranscriptCommand),
    /// What is held of one patron: export, erase
    #[command(subcommand)]
    Patron(patron::PatronCommand),
    /// Texts, answers and waits, counted
    Report(records::Reporting),
    /// What came and could not be read: list, show
    #[command(subcommand)]
    Arrival(arrival::ArrivalCommand),
    /// Who changed or revealed what
    Audit(audit::Arguments),
    /// Send a text through the outbox, like a reply
    Send(desk::SendArguments),
    /// Copy the spool, beside the running desk, and prove the copy
    Backup(backup::BackupArguments),
    /// Put a backup back; the daemon must be stopped
    Restore(backup::RestoreArguments),
    /// Read all of the spool; mend a damaged one
    #[command(subcommand)]
    Spool(spool::SpoolCommand),
    /// Read the configuration again, and say what is in force now
    Reload(reload::Arguments),
    /// Tell more or less in the running desk's log
    Log(log::Arguments),
    /// At the bench: read and write PDUs
    #[command(subcommand)]
    Pdu(pdu::PduCommand),
    Simulate(simulate::Args),
    /// Restarts modems for the service, which may not: reads one request from standard input
    #[command(hide = true)]
    PowerHelper,
    /// Write the manual pages
    #[command(hide = true)]
    Man(manual::Arguments),
    /// Write completions for bash, zsh and fish
    #[command(hide = true)]
    Completions(manual::Arguments),
}

/// Where the box's configuration is.
#[derive(Debug, Clone, clap::Args)]
struct BoxArguments {
    /// The configuration [default: /etc/callnumber/callnumber.toml if it is there]
    #[arg(long, value_name = "FILE", env = "CALLNUMBER_CONFIG")]
    config: Option<PathBuf>,
}

impl BoxArguments {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain!("callnumber: the system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the street door: the runtime begins here"
    )]
    let outcome = runtime.block_on(perform(cli.command));
    // Tasks let go of what they hold; a modem that does not must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            complain!("callnumber: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(arguments) => demo::run(arguments).await?,
        Command::Run(arguments) => run::run(&arguments).await?,
        Command::Status(arguments) => return status::run(arguments).await,
        Command::Doctor(arguments) => return doctor::run(arguments).await,
        Command::Modem(command) => modem::run(command).await?,
        Command::Operator(command) => desk::operator(command).await?,
        Command::Queue(command) => desk::queue(command).await?,
        Command::Gateway(command) => desk::gateway(command).await?,
        Command::Canned(command) => canned::run(command).await?,
        Command::Keyword(command) => keyword::run(command).await?,
        Command::Conversation(command) => conversation::run(command).await?,
        Command::Desk(command) => exchange::run(command).await?,
        Command::Transcript(command) => records::transcript(command).await?,
        Command::Patron(command) => patron::run(command).await?,
        Command::Report(arguments) => records::report(arguments).await?,
        Command::Arrival(command) => arrival::run(command).await?,
        Command::Audit(arguments) => audit::run(arguments).await?,
        Command::Send(arguments) => desk::send(arguments).await?,
        Command::Backup(arguments) => backup::back_up_to(arguments).await?,
        Command::Restore(arguments) => backup::restore(arguments).await?,
        Command::Spool(command) => return spool::run(command).await,
        Command::Reload(arguments) => reload::run(arguments).await?,
        Command::Log(arguments) => log::run(arguments).await?,
        Command::Pdu(command) => {
            let (input, output) = (std::io::stdin().lock(), printing::output());
            let tally = pdu::run(&command, input, output)?;
            // One PDU given and not readable is a failure; of many, each line has its own error.
            if tally.read == 0 && tally.unreadable == 1 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Simulate(arguments) => return simulate::run(arguments).await,
        Command::PowerHelper => {
            let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
            // A configuration that cannot be read names no port; the list of modems stands anyway.
            let named: Vec<_> = Config::load(None)
                .map(|config| config.named_ports())
                .unwrap_or_default()
                .into_iter()
                .map(|named| named.path)
                .collect();
            let machine = crate::modem::usb::Machine::this();
            crate::modem::helper::serve(input, output, &machine, &named)?;
        }
        Command::Man(arguments) => manual::pages(&arguments)?,
        Command::Completions(arguments) => manual::completions(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Servers tell what happens; commands only what goes wrong. `CALLNUMBER_LOG` says otherwise.
fn start_log(command: &Command) {
    log::start(match command {
        Command::Run(_) | Command::Demo(_) | Command::Simulate(_) => "callnumber=info,warn",
        _ => "error",
    });
}
