//! `callnumber simulate`: an AT modem on a pseudo-terminal, for any program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

use super::printing;
use crate::simulator::{
    Answer, Console, Faults, PROFILES, Profile, ReportPolicy, Settings, SimulatedModem,
};

mod replay;

/// A console line longer than this ends the conversation; the longest text fits many times.
const LINE_MAX: u64 = 65_536;
/// Programs that may use the control socket at one time.
const CONTROLS_MAX: usize = 32;

/// An AT modem on a pseudo-terminal, for any program.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A link to the terminal, there for as long as the modem is plugged in
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,
    /// Whose modem: generic, huawei-e3372, quectel-ec25, simcom-sim7600, simcom-sim800
    #[arg(long, default_value = "generic", value_parser = profile)]
    profile: &'static Profile,
    /// The line's own number
    #[arg(long, default_value = "+15550100000")]
    number: String,
    /// Where the draws of --fault-rate begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often things go wrong, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    fault_rate: f64,
    /// Slots of each memory, in place of the profile's
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    capacity: Option<u16>,
    /// How long the network takes to answer a send, such as 100ms
    #[arg(long, default_value = "0s", value_parser = duration)]
    send_latency: Duration,
    /// Before each command line is carried out
    #[arg(long, default_value = "0s", value_parser = duration)]
    command_latency: Duration,
    /// How long after a send its status report comes
    #[arg(long, default_value = "0s", value_parser = duration)]
    report_delay: Duration,
    /// How often an unsolicited code of the make's own comes for no reason
    #[arg(long, value_parser = duration)]
    chatter_every: Option<Duration>,
    /// From power-up to the first answer
    #[arg(long, default_value = "0s", value_parser = duration)]
    boot_time: Duration,
    /// Bits per second that the port keeps to; as fast as it goes if not given
    #[arg(long, value_parser = clap::value_parser!(u32).range(300..=4_000_000))]
    baud: Option<u32>,
    /// The SIM asks for this PIN
    #[arg(long)]
    pin: Option<String>,
    /// A Unix socket that takes the same lines as the console, for scripts
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Be the modem of a transcript (`callnumber modem trace`) instead, and report what differs
    #[arg(
        long,
        value_name = "TRACE",
        conflicts_with_all = [
            "profile", "number", "seed", "fault_rate", "capacity", "send_latency",
            "command_latency", "report_delay", "chatter_every", "boot_time", "baud", "pin",
            "control",
        ]
    )]
    replay: Option<PathBuf>,
    /// How many times as fast as it was a transcript is played
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed, requires = "replay")]
    speed: f64,
    /// End once the transcript is played to its end and the program has been quiet for so long
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "replay")]
    until_quiet: Option<Duration>,
}

fn profile(name: &str) -> Result<&'static Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        format!("no such profile; there are {}", known.join(", "))
    })
}

fn rate(written: &str) -> Result<f64, String> {
    written
        .parse()
        .ok()
        .filter(|rate| (0.0..=1.0).contains(rate))
        .ok_or_else(|| "say a number from 0 to 1".to_owned())
}

fn speed(written: &str) -> Result<f64, String> {
    written
        .parse()
        .ok()
        .filter(|speed| (0.01..=1000.0).contains(speed))
        .ok_or_else(|| "say a number from 0.01 to 1000".to_owned())
}

fn duration(written: &str) -> Result<Duration, String> {
    let digits = written.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| "say a time such as 100ms, 2s or 1m".to_owned())?;
    match written.get(digits.len()..) {
        Some("ms") => Ok(Duration::from_millis(number)),
        Some("s" | "") => Ok(Duration::from_secs(number)),
        Some("m") if number < 1_000_000 => Ok(Duration::from_secs(number * 60)),
        _ => Err("say a time such as 100ms, 2s or 1m".to_owned()),
    }
}

/// Runs until SIGINT, SIGTERM or `quit`. The end of standard input ends nothing.
///
/// # Errors
///
/// When the port, the link or the control socket cannot be made, or a transcript cannot be read.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(trace) = &args.replay {
        let replay = replay::open(trace, args.speed, args.link.as_deref()).await?;
        return replay::play(replay, args.link.as_deref(), args.until_quiet).await;
    }
    simulate(args).await?;
    Ok(ExitCode::SUCCESS)
}

async fn simulate(args: Args) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let mut terminated = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let settings = Settings {
        profile: args.profile,
        link: args.link.clone(),
        number: args.number,
        pin: args.pin,
        capacity: args.capacity.map(usize::from),
        command_latency: args.command_latency,
        send_latency: args.send_latency,
        baud: args.baud,
        boot_time: args.boot_time,
        reports: ReportPolicy {
            delay: args.report_delay,
            ..ReportPolicy::default()
        },
        chatter_every: args.chatter_every,
        faults: Faults::everything(args.seed, args.fault_rate),
        ..Settings::default()
    };
    let modem = SimulatedModem::start(settings)
        .await
        .context("the simulated modem cannot be plugged in")?;
    let control = args.control.as_deref().map(Control::open).transpose()?;

    let port = args.link.unwrap_or_else(|| modem.port());
    say(&format!(
        "A {} modem answers AT on {} (number {}).\n\
         Open it with any program, or type here: `text +15551230100 Is my book in?`, `sent`, `help`.\n",
        args.profile.name,
        port.display(),
        modem.number(),
    ));
    tokio::select! {
        () = typed(&modem) => {}
        () = controlled(&modem, control.as_ref()) => {}
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}

/// Words for whoever started it; a closed standard output is no reason to stop.
fn say(words: &str) {
    let mut output = printing::output();
    let _ = output.write_all(words.as_bytes());
    let _ = output.flush();
}

/// Obeys standard input; returns on `quit`, and waits for ever once the input has ended.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own reads standard input"
)]
async fn typed(modem: &SimulatedModem) {
    // Tokio's own reader of standard input cannot be given up, and would hold the end of the program
    // until a line comes.
    let (lines, mut typed) = tokio::sync::mpsc::channel::<String>(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = typed.recv().await {
        if line.trim().is_empty() {
            continue;
        }
        match Console::new(modem).obey(&line).await {
            Answer::Quit => return,
            answer => say(&answer.as_lines()),
        }
    }
    std::future::pending().await
}

/// The socket by which scripts drive the modem; gone when dropped.
struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!(
                "{} is in use by another simulation: choose another path",
                path.display()
            );
        }
        // Left behind by one that was killed.
        if std::fs::symlink_metadata(path).is_ok_and(|there| {
            use std::os::unix::fs::FileTypeExt;
            there.file_type().is_socket()
        }) {
            let _ = std::fs::remove_file(path);
        }
        let listener = UnixListener::bind(path)
            .with_context(|| format!("the control socket {} cannot be made", path.display()))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Obeys whoever connects; returns when one of them says `quit`.
async fn controlled(modem: &SimulatedModem, control: Option<&Control>) {
    use futures_util::StreamExt;
    use futures_util::stream::FuturesUnordered;

    let Some(control) = control else {
        return std::future::pending().await;
    };
    let mut conversations = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = control.listener.accept(), if conversations.len() < CONTROLS_MAX => {
                match accepted {
                    Ok((stream, _)) => conversations.push(converse(modem, stream)),
                    // Out of descriptors: leave those who hold them time to let go.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
            Some(quit) = conversations.next(), if !conversations.is_empty() => {
                if quit {
                    return;
                }
            }
        }
    }
}

/// One connection: `true` when it asked to end the simulation.
async fn converse(modem: &SimulatedModem, stream: UnixStream) -> bool {
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    while let Some(line) = next_line(&mut from).await {
        let answer = Console::new(modem).obey(&line).await;
        if to.write_all(answer.as_lines().as_bytes()).await.is_err() {
            return false;
        }
        if answer == Answer::Quit {
            return true;
        }
    }
    false
}

/// A line without its end; `None` at the end of the stream or when the line is too long.
async fn next_line(from: &mut BufReader<impl AsyncRead + Unpin>) -> Option<String> {
    let mut line = Vec::new();
    let count = from
        .take(LINE_MAX)
        .read_until(b'\n', &mut line)
        .await
        .ok()?;
    if count == 0 || (!line.ends_with(b"\n") && line.len() >= 65_536) {
        return None;
    }
    String::from_utf8(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (written, time) in [
            ("100ms", Some(Duration::from_millis(100))),
            ("2s", Some(Duration::from_secs(2))),
            ("0s", Some(Duration::ZERO)),
            ("3", Some(Duration::from_secs(3))),
            ("1m", Some(Duration::from_secs(60))),
            ("", None),
            ("ms", None),
            ("1h", None),
            ("-1s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(written).ok(), time, "{written:?}");
        }
    }

    #[test]
    fn rates_lie_between_nothing_and_always() {
        for (written, good) in [
            ("0", true),
            ("0.25", true),
            ("1", true),
            ("1.5", false),
            ("NaN", false),
            ("x", false),
        ] {
            assert_eq!(rate(written).is_ok(), good, "{written:?}");
        }
    }
}
