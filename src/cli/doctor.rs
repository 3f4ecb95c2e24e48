//! `callnumber doctor`: port, SIM, signal, spool, clock, mail, XMPP, web: what is wrong, what to do.
//!
//! With the daemon running it asks over the control socket; without it it opens the ports itself,
//! and closes them again. It changes nothing, and never spends a try of the SIM's PIN. The running
//! daemon looks itself over by it too, when the page asks.

mod finding;
mod letters;
mod lines;
mod machine;
mod messengers;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::config::Config;
use super::{BoxArguments, log};
use crate::control::{self, CallError, Request};
use crate::desk::views::{self, Modem, ModemOnTheBox, Queue, StatusOnTheBox};
use crate::modem::{self, Keepers, LineSettings, Phase};
use crate::spool::check;
use crate::spool::lines::Standing;
use finding::{Finding, Verdict};

/// How long a line may take to come up: a module that boots, and a network that is looked for.
const LINE_PATIENCE: Duration = Duration::from_secs(75);
const WEB_PATIENCE: Duration = Duration::from_secs(10);
/// Octets of an answer's first line.
const STATUS_LINE: usize = 64;

/// `callnumber doctor`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    at: BoxArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let findings = match arguments.at.load() {
        Ok(config) => examine(arguments.at.config.as_deref(), &config).await,
        Err(error) => vec![Finding::failure(
            "configuration",
            error.to_string(),
            "Nothing else was looked at: correct it first",
        )],
    };
    let (failures, warnings) = (
        count(&findings, Verdict::Failure),
        count(&findings, Verdict::Warning),
    );
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&report(&findings))?);
    } else {
        for finding in &findings {
            say!("{}", finding.in_words());
        }
        match (failures, warnings) {
            (0, 0) => say!("All is well."),
            _ => say!("{failures} to mend, {warnings} to look at."),
        }
    }
    Ok(match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    let found = findings.iter().filter(|found| found.verdict == verdict);
    found.count()
}

fn report(findings: &[Finding]) -> Value {
    json!({ "well": count(findings, Verdict::Failure) == 0, "findings": findings })
}

/// The same as JSON, for a running desk that is asked to look itself over. What only the process itself
/// knows is looked at too: how much its log tells.
pub(super) async fn looked_over(file: Option<&Path>, config: &Config) -> Value {
    let mut findings = examine(file, config).await;
    findings.push(match log::tells_patrons() {
        Some(filter) => Finding::warning(
            "log",
            format!("it tells by {filter}: patrons' numbers and words are written into it"),
            "Once you have seen what you looked for: `callnumber log usual`, or the page Settings",
        ),
        None => Finding::ok("log", "it tells what is usual, without patrons' numbers"),
    });
    report(&findings)
}

async fn examine(file: Option<&Path>, config: &Config) -> Vec<Finding> {
    let spool = config.spool_path();
    let mut findings = vec![Finding::ok("program", versions())];
    findings.extend(machine::configuration(file, config));
    findings.push(machine::clock());
    findings.push(machine::disk(&spool));
    let place = spool.clone();
    let whole = tokio::task::spawn_blocking(move || spool_is_whole(&place)).await;
    findings.extend(whole.unwrap_or_default());
    findings.extend(letters::try_out(config, &spool).await);
    findings.push(machine::modem_manager());
    findings.extend(machine::helper(Path::new(modem::helper::SOCKET)));
    findings.extend(machine::untried(config).await);
    for modem in config.modems() {
        findings.extend(machine::device(&modem.name, &modem.port));
    }
    match control::call::<StatusOnTheBox>(&spool, &[], &Request::Status).await {
        Ok(status) => findings.extend(running(&status, config).await),
        Err(CallError::NotRunning) => findings.extend(stopped(config).await),
        Err(error) => findings.push(Finding::failure(
            "desk",
            error.to_string(),
            "Nothing was asked of the lines",
        )),
    }
    findings
}

fn versions() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "callnumber {}, SQLite {}, Linux {}",
        env!("CARGO_PKG_VERSION"),
        rusqlite::version(),
        kernel.trim()
    )
}

/// The spool, to be read from; one that cannot be is told by [`spool_is_whole`].
fn readable(spool: &Path) -> Option<Connection> {
    Connection::open_with_flags(spool, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()
}

fn spool_is_whole(path: &Path) -> Vec<Finding> {
    if !path.exists() {
        return vec![Finding::ok(
            "spool",
            format!(
                "{} is not there yet: the first start makes it",
                path.display()
            ),
        )];
    }
    vec![match check::check(path) {
        Ok(report) if report.faults.is_empty() => Finding::ok(
            "spool",
            format!(
                "{} is whole, version {}, {} texts",
                path.display(),
                report.version,
                report.texts
            ),
        ),
        Ok(report) => Finding::failure(
            "spool",
            format!(
                "{} is damaged: {}",
                path.display(),
                report.faults.first().map_or("", String::as_str)
            ),
            "Stop the desk and restore the latest backup, or run `callnumber spool repair`",
        ),
        Err(error) => Finding::failure("spool", error.to_string(), "The desk cannot start so"),
    }]
}

/// What a running daemon says of itself.
async fn running(all: &StatusOnTheBox, config: &Config) -> Vec<Finding> {
    let version = &all.status.version;
    let mut findings = vec![match version == env!("CARGO_PKG_VERSION") {
        true => Finding::ok("desk", "running"),
        false => Finding::warning(
            "desk",
            format!("running, of version {version}"),
            "Restart it, to run what is installed: `systemctl restart callnumber`",
        ),
    }];
    for line in &all.modems {
        findings.extend(lines::judge(line));
    }
    findings.extend(staffing(&all.status.queues));
    findings.push(web(all.web, config).await);
    findings.extend(public(config));
    findings.extend(all.xmpp.as_ref().map(|link| {
        match link.up {
            true => Finding::ok(
                "XMPP",
                "linked; what the server offers is asked while the desk is stopped",
            ),
            false => messengers::no_link(
                config
                    .xmpp
                    .as_ref()
                    .map_or("", |table| table.component.domain.as_str()),
                link.detail.as_deref().unwrap_or("not linked yet"),
            ),
        }
    }));
    findings
}

/// Queues that nobody answers.
fn staffing(queues: &[Queue]) -> Vec<Finding> {
    let empty = queues.iter().filter(|queue| queue.operators.is_empty());
    let mut findings: Vec<Finding> = empty
        .map(|Queue { name, .. }| {
            Finding::warning(
                "operators",
                format!("nobody is assigned to queue {name}"),
                format!("Add one: `callnumber operator add NAME --queue {name}`"),
            )
        })
        .collect();
    if findings.is_empty() {
        let all: BTreeSet<&String> = queues.iter().flat_map(|queue| &queue.operators).collect();
        findings.push(Finding::ok("operators", format!("{}", all.len())));
    }
    findings
}

/// Whether the console answers.
async fn web(told: Option<SocketAddr>, config: &Config) -> Finding {
    // A daemon that was given port 0 says which one it got.
    let listening = told.unwrap_or(config.web.listen);
    match timeout(WEB_PATIENCE, answers(reachable(listening))).await {
        Ok(Ok(said)) => Finding::ok("web", format!("{listening} answers: {said}")),
        Ok(Err(error)) => Finding::failure(
            "web",
            format!("{listening} does not answer ({error})"),
            "See `journalctl -u callnumber`",
        ),
        Err(_) => Finding::failure(
            "web",
            format!(
                "{listening} does not answer within {} s",
                WEB_PATIENCE.as_secs()
            ),
            "See `journalctl -u callnumber`",
        ),
    }
}

/// An address that listens everywhere is reached on this machine.
fn reachable(listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => ([127, 0, 0, 1], listening.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, listening.port()).into()
        }
        _ => listening,
    }
}

/// The first line of what a web server says.
async fn answers(at: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET /sign-in HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; STATUS_LINE];
    let mut filled = 0;
    while let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) {
        match stream.read(room).await? {
            0 => break,
            count => filled += count,
        }
    }
    let head = String::from_utf8_lossy(head.get(..filled).unwrap_or_default()).into_owned();
    match head.lines().next() {
        Some(line) if line.starts_with("HTTP/1.1 200") => Ok(line.to_owned()),
        line => Err(std::io::Error::other(format!(
            "it said {:?}",
            line.unwrap_or_default()
        ))),
    }
}

/// Whether patrons' words cross a network in the open.
fn public(config: &Config) -> Option<Finding> {
    let open = !config.web.listen.ip().is_loopback() && config.web.tls.is_none();
    let secure = config.web.public_url.as_deref();
    let secure = secure.is_some_and(|url| url.starts_with("https://"));
    (open && !secure).then(|| {
        Finding::warning(
            "web",
            format!("{} takes plain HTTP from other machines", config.web.listen),
            "Listen on 127.0.0.1 and put a proxy with a certificate in front: see docs/admin.md",
        )
    })
}

/// Without a daemon the ports are opened here, all at once.
async fn stopped(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::warning(
        "desk",
        "not running; the ports were opened for this look alone",
        "Start it: `systemctl start callnumber`",
    )];
    let looks = config.modems().into_iter().map(|modem| async move {
        match look_at(config, &modem).await {
            Ok(status) => lines::judge(&status),
            Err(words) => {
                let finding = Finding::failure("port", words, "Correct it in the configuration");
                vec![finding.of(&modem.name)]
            }
        }
    });
    for found in futures_util::future::join_all(looks).await {
        findings.extend(found);
    }
    findings.extend(public(config));
    match config.messengers() {
        Ok(None) => {}
        Ok(Some(settings)) => {
            findings.extend(messengers::try_out(&settings, &config.spool_path()).await);
        }
        Err(words) => findings.push(Finding::failure("XMPP", words, "The desk cannot start so")),
    }
    findings
}

/// Brings a line up, takes in nothing, and answers how it stands once that is clear.
async fn look_at(config: &Config, modem: &LineSettings) -> Result<ModemOnTheBox, String> {
    let mut settings = config.line(modem)?;
    let has_pin = settings.pin.take().is_some();
    // Nobody listens: whatever is listed stays where it is. Nobody keeps records: no PIN is tried, for
    // a doctor must not bring a SIM nearer to its PUK.
    let (arrivals, _) = mpsc::channel(1);
    let line = modem::start(settings, arrivals, Keepers::default());
    let mut status = line.status();
    let settled = status.wait_for(|status| match status.phase {
        Phase::Starting => false,
        Phase::NoPort(_) | Phase::Stuck(_) => true,
        // The network's name and the signal come a moment after.
        Phase::Ready => status.signal_dbm.is_some() && status.storage_total.is_some(),
    });
    // What it is after that long is what it is.
    let _ = timeout(LINE_PATIENCE, settled).await.map(drop);
    let status = line.status().borrow().clone();
    let mut told = Modem::new(&modem.name, &status, 0, &Standing::default());
    let asks = told
        .detail
        .as_ref()
        .is_some_and(|words| words.contains("asks for a PIN"));
    if has_pin && asks {
        told.phase = views::Phase::Stuck;
        told.detail = Some(
            "the SIM asks for a PIN, which was not tried: the desk tries the configured one once \
             when it starts"
                .into(),
        );
    }
    Ok(ModemOnTheBox::new(told, status, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_nobody_answers_is_named() {
        let queues = json!([
            { "id": 1, "name": "desk", "online": false, "assigned": false, "operators": ["ana"],
              "holidays": {} },
            { "id": 2, "name": "maps", "online": false, "assigned": false, "operators": [],
              "holidays": {} },
        ]);
        let queues: Vec<Queue> = serde_json::from_value(queues).expect("queues");
        let findings = staffing(&queues);
        assert_eq!(findings.len(), 1);
        let words = findings[0].in_words();
        assert!(
            words.contains("queue maps") && words.contains("--queue maps"),
            "{words}"
        );
    }

    #[test]
    fn an_address_that_listens_everywhere_is_reached_here() {
        for (listening, at) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let parse = |text: &str| text.parse::<SocketAddr>().expect("an address");
            assert_eq!(reachable(parse(listening)), parse(at));
        }
    }
}
