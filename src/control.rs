//! The back door: how commands reach a running daemon. One JSON line asks, one JSON line answers,
//! over a socket beside the spool that only its owner can open.
//!
//! A command finds either a daemon behind the socket, or no daemon at all, and then answers itself
//! with the same code over the spool.

mod aids;
mod conversations;
mod exchange;
mod patrons;
mod records;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

pub use conversations::{Begun, Sought};
pub use records::{Counting, Wanted};

use crate::desk::views::{self, ModemOnTheBox, Names, Sent, Status, StatusOnTheBox};
use crate::desk::{Board, Desk, Link, NotGranted, SEGMENTS_MAX};
use crate::errands::{Chore, Door};
use crate::modem::{Line, Lines, TracePlan, check_ussd};
use crate::routing::book::Manuscript;
use crate::routing::{
    Act, AmendError, Amendment, Event, Gateway, GatewayKind, Listed, Notice, Plan, unknown_name,
};
use crate::sms;
use crate::spool::{Spool, lines, staff, transcript};

/// A request's octets at most: the largest book, however much of it JSON has to escape.
const REQUEST_MAX: u64 = 3 * Manuscript::SIZE_MAX as u64;
/// How long a running daemon may take to answer; a USSD question takes the network a minute.
const PATIENCE: Duration = Duration::from_secs(75);

/// What a command asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Change the plan.
    Amend(Amendment),
    /// The queues.
    Queues,
    /// The gateways in use.
    Gateways,
    /// The operators.
    Operators,
    /// The canned replies.
    Canned,
    /// A page of conversations.
    Conversations(Sought),
    /// One conversation, with what was said in it.
    Conversation {
        /// Which.
        id: i64,
    },
    /// Do something to a conversation, in nobody's name.
    Act {
        /// To which.
        on: i64,
        /// What.
        act: Act,
    },
    /// Begin a conversation in an operator's name.
    Begin(Begun),
    /// A page of transcripts.
    Transcripts(Wanted),
    /// A report.
    Report(Counting),
    /// Everything that is held of a patron.
    ExportPatron {
        /// A number, a messenger's address or a shown name.
        patron: String,
    },
    /// Erase everything that is held of a patron.
    ErasePatron {
        /// A number, a messenger's address or a shown name.
        patron: String,
    },
    /// The desk, written down.
    Export {
        /// With the hashes of passwords.
        passwords: bool,
    },
    /// Make the desk like this one.
    Import {
        /// The other desk, as TOML.
        book: String,
        /// Only say what would change.
        dry_run: bool,
    },
    /// Bearer tokens.
    Tokens {
        /// Of one operator; of all when left out.
        operator: Option<String>,
    },
    /// Who changed or revealed what, newest first.
    Audit {
        /// Lines older than this one.
        before: Option<i64>,
        /// How many.
        limit: usize,
    },
    /// What came and is part of no conversation, newest first.
    Arrivals {
        /// Those older than this one.
        before: Option<i64>,
        /// How many.
        limit: usize,
    },
    /// One of them, with what is kept of it.
    Arrival {
        /// Which.
        id: i64,
    },
    /// What a gateway's patrons are told, as they would read it.
    Preview {
        /// The gateway.
        gateway: String,
        /// Wordings to try, by notice.
        #[serde(default)]
        wording: BTreeMap<Notice, String>,
    },
    /// The keywords of a gateway, or of all.
    Keywords {
        /// The gateway.
        #[serde(default)]
        gateway: Option<String>,
    },
    /// How the desk and its lines are.
    Status,
    /// Send a text through the outbox, like a reply.
    Send {
        /// To whom.
        number: String,
        /// The words.
        text: String,
        /// By which gateway; the first sms gateway when left out.
        gateway: Option<String>,
    },
    /// Ask a line's network a USSD code.
    Ussd {
        /// The line; the only one when left out.
        line: Option<String>,
        /// The code.
        code: String,
    },
    /// End a line's rest before its time: the carrier takes texts again.
    Resume {
        /// The line; the only one when left out.
        line: Option<String>,
    },
    /// Begin or end the transcript of what is said on a line's port.
    Trace {
        /// The line; the only one when left out.
        line: Option<String>,
        /// Which.
        wish: TraceWish,
    },
    /// Tell more or less in the log.
    Log {
        /// A level, a filter, or `usual`.
        level: String,
        /// Back to usual after so many seconds.
        for_s: Option<u64>,
    },
    /// Read the configuration again.
    Reload,
    /// Close, as for a signal.
    Stop,
}

/// What is to become of a line's transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceWish {
    /// Begin one.
    Start {
        /// Its file, by an absolute path: the daemon has a folder of its own.
        file: PathBuf,
        /// Whether numbers and words are written as they are.
        unmasked: bool,
        /// Octets a file may hold.
        limit: u64,
    },
    /// End it.
    Stop,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Response<T> {
    Ok(T),
    Error(String),
}

/// What a network said to a USSD code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its words.
    pub answer: String,
}

/// A line whose rest was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Which.
    pub line: String,
    /// Whether it rested.
    pub rested: bool,
}

/// A line whose transcript begins or ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// Which.
    pub line: String,
    /// Its file.
    pub file: PathBuf,
}

/// What answering takes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// The counter.
    pub desk: Desk,
    /// The spool.
    pub spool: Spool,
    /// The lines; none while no daemon runs.
    pub lines: Lines,
    /// Whether a daemon runs.
    pub running: bool,
    /// Where the console listens.
    pub web: Option<SocketAddr>,
    /// How the link to the XMPP server stands, where one is configured.
    pub messengers: Option<watch::Receiver<Link>>,
    /// The way to whoever looks after the daemon's process.
    pub errands: Door,
}

/// Where the socket of a spool is.
pub fn socket_path(spool: &Path) -> PathBuf {
    let mut path = spool.as_os_str().to_owned();
    path.push(".sock");
    path.into()
}

/// Opens the socket. A socket left by a daemon that was killed is replaced: the spool's lock says
/// that no other daemon runs.
///
/// # Errors
/// What the system says.
pub fn listen(spool: &Path) -> io::Result<UnixListener> {
    let path = socket_path(spool);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers whoever knocks, until the future is dropped.
pub async fn serve(listener: UnixListener, rooms: Rooms) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let rooms = rooms.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &rooms).await {
                        tracing::debug!(%error, "a command went away");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, rooms: &Rooms) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(REQUEST_MAX))
        .read_line(&mut line)
        .await?;
    let response = match serde_json::from_str(&line) {
        Ok((modems, request)) => match rooms.answer(&modems as &Vec<String>, request).await {
            Ok(value) => Response::Ok(value),
            Err(words) => Response::Error(words),
        },
        Err(error) => Response::Error(format!(
            "the daemon does not understand this command ({error}); is it of the same version?"
        )),
    };
    let mut answer = serde_json::to_vec(&response)?;
    answer.push(b'\n');
    write.write_all(&answer).await
}

/// Why a running daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody is behind the socket.
    #[error("no daemon runs on this spool")]
    NotRunning,
    /// The socket is there but not for this user, or broke.
    #[error("cannot talk to the running daemon: {0}; run this as the daemon's user, or as root")]
    Io(io::Error),
    /// The daemon answered, and not as this program does.
    #[error("the daemon answers in another form ({0}); is it of the same version?")]
    OtherForm(serde_json::Error),
    /// The daemon said no, in words.
    #[error("{0}")]
    Refused(String),
}

/// Asks the daemon that runs on this spool, for a command that knows of these modems.
///
/// # Errors
/// [`CallError::NotRunning`] when none does.
pub async fn call<T: DeserializeOwned>(
    spool: &Path,
    modems: &[String],
    request: &Request,
) -> Result<T, CallError> {
    let stream = match UnixStream::connect(socket_path(spool)).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(CallError::NotRunning);
        }
        Err(error) => return Err(CallError::Io(error)),
    };
    let asked = async {
        let (read, mut write) = stream.into_split();
        let mut line = serde_json::to_vec(&(modems, request))?;
        line.push(b'\n');
        write.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(read).read_line(&mut answer).await?;
        Ok(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
        .map_err(CallError::Io)?;
    match serde_json::from_str(&answer) {
        Ok(Response::Ok(value)) => Ok(value),
        Ok(Response::Error(words)) => Err(CallError::Refused(words)),
        Err(error) if error.is_data() => Err(CallError::OtherForm(error)),
        Err(error) => Err(CallError::Io(error.into())),
    }
}

impl Rooms {
    /// Answers one request of a command that knows of these modems; the error is a sentence for
    /// whoever typed the command.
    ///
    /// # Errors
    /// Why not.
    pub async fn answer(&self, modems: &[String], request: Request) -> Result<Value, String> {
        self.meet(modems).await?;
        match request {
            Request::Amend(amendment) => {
                self.desk.amend(amendment).await.map_err(|e| remedied(&e))?;
                Ok(Value::Null)
            }
            Request::Queues => json(views::queues(&self.board(), None)),
            Request::Gateways => json(views::gateways(&self.board())),
            Request::Operators => json(views::operators(&self.board())),
            Request::Canned => json(self.canned().await?),
            Request::Export { passwords } => json(self.export(passwords).await?),
            Request::Import { book, dry_run } => json(self.import(book, dry_run).await?),
            Request::Conversations(sought) => json(self.conversations(sought).await?),
            Request::Conversation { id } => json(self.conversation(id).await?),
            Request::Act { on, act } => json(self.act(on, act).await?),
            Request::Begin(begun) => json(self.begin(begun).await?),
            Request::Transcripts(wanted) => json(self.transcripts(wanted).await?),
            Request::Report(counting) => json(self.report(counting).await?),
            Request::ExportPatron { patron } => json(self.export_patron(patron).await?),
            Request::ErasePatron { patron } => json(self.erase_patron(patron).await?),
            Request::Tokens { operator } => json(self.tokens(operator.as_deref()).await?),
            Request::Audit { before, limit } => json(self.audit(before, limit).await?),
            Request::Arrivals { before, limit } => json(self.arrivals(before, limit).await?),
            Request::Arrival { id } => json(self.arrival(id).await?),
            Request::Preview { gateway, wording } => {
                let (board, now) = (self.board(), self.spool.now());
                json(preview(&board, &gateway, &wording, now)?)
            }
            Request::Keywords { gateway } => {
                let (board, now) = (self.board(), self.spool.now());
                json(keywords(&board.plan, gateway.as_deref(), now)?)
            }
            Request::Status => json(self.status().await?),
            Request::Send {
                number,
                text,
                gateway,
            } => json(self.send(number, text, gateway.as_deref()).await?),
            Request::Ussd { line, code } => json(self.ussd(line.as_deref(), &code).await?),
            Request::Log { level, for_s } => self.errands.ask(Chore::Log { level, for_s }).await,
            Request::Reload => self.errands.ask(Chore::Reload).await,
            Request::Stop => self.errands.ask(Chore::Stop).await,
            Request::Resume { line } => json(self.resume(line.as_deref()).await?),
            Request::Trace { line, wish } => json(self.trace(line.as_deref(), wish).await?),
        }
    }

    async fn send(&self, to: String, text: String, gateway: Option<&str>) -> Result<Sent, String> {
        let board = self.board();
        let gateway = pick_gateway(&board.plan, gateway)?;
        let segments = sms::plan_in(&text, board.tables(gateway)).segments;
        if segments > SEGMENTS_MAX {
            return Err(format!(
                "this would be {segments} texts, more than {SEGMENTS_MAX}: longer answers belong in e-mail"
            ));
        }
        let event = Event::Write {
            gateway: gateway.id,
            to,
            body: text,
        };
        self.sent(event, Some(segments)).await
    }

    /// Has a message made, and answers it.
    async fn sent(&self, event: Event, segments: Option<usize>) -> Result<Sent, String> {
        let receipt = self.desk.ask(event).await.map_err(words)?;
        let message = receipt
            .message
            .ok_or("the desk made no message of it: see `callnumber conversation list`")?;
        let plan = Arc::clone(&self.board().plan);
        let message = self.spool.read(move |connection| {
            let listed = transcript::listed(connection, message.conversation)?;
            let patron = listed.map_or_else(String::new, |listed| listed.patron);
            views::Message::new(&message, &patron, &Names::new(connection, &plan))
        });
        Ok(Sent {
            message: message.await.map_err(words)?,
            segments,
        })
    }

    async fn ussd(&self, line: Option<&str>, code: &str) -> Result<Said, String> {
        check_ussd(code)?;
        let answer = self.line(line)?.ussd(code).await?;
        Ok(Said { answer })
    }

    async fn trace(&self, line: Option<&str>, wish: TraceWish) -> Result<Traced, String> {
        let line = self.line(line)?;
        match wish {
            TraceWish::Start {
                file,
                unmasked,
                limit,
            } => {
                if !file.is_absolute() {
                    return Err(format!("{} is not an absolute path", file.display()));
                }
                let plan = TracePlan {
                    file,
                    unmasked,
                    limit,
                };
                line.trace(plan.clone()).await.map_err(words)?;
                tracing::info!(line = line.name, unmasked, "a transcript begins");
                Ok(Traced {
                    line: line.name,
                    file: plan.file,
                })
            }
            TraceWish::Stop => match line.end_trace().await {
                Some(file) => Ok(Traced {
                    line: line.name,
                    file,
                }),
                None => Err(format!("{} is not being traced", line.name)),
            },
        }
    }

    /// Gives each configured modem that was never seen before its gateway.
    async fn meet(&self, modems: &[String]) -> Result<(), String> {
        let known = self.spool.read(staff::lines).await.map_err(words)?;
        for name in modems.iter().filter(|name| !known.contains(name)) {
            let name = name.clone();
            let met = self.desk.amend(Amendment::AddLine { name }).await;
            met.map_err(words)?;
        }
        Ok(())
    }

    /// A line that is driven now; the first where none is named.
    fn line(&self, name: Option<&str>) -> Result<Line, String> {
        if !self.running {
            return Err(
                "no daemon runs, so no modem is driven: start `callnumber run` first".into(),
            );
        }
        let line = match name {
            Some(name) => self.lines.named(name),
            None => self.lines.first(),
        };
        line.ok_or_else(|| "there is no such line: see `callnumber status`".into())
    }

    async fn resume(&self, line: Option<&str>) -> Result<Resumed, String> {
        let line = match line {
            Some(name) => self.lines.named(name),
            None => self.lines.first(),
        };
        let name = line
            .ok_or("there is no such line: see `callnumber status`")?
            .name
            .clone();
        let asked = name.clone();
        let rested = self
            .spool
            .write(move |connection| lines::resume(connection, &asked))
            .await
            .map_err(words)?;
        Ok(Resumed { line: name, rested })
    }

    /// How the desk and its lines are.
    ///
    /// # Errors
    /// What the spool says, in words.
    pub async fn status(&self) -> Result<StatusOnTheBox, String> {
        let lines = self.lines.now();
        let known = lines
            .iter()
            .map(|line| (line.name.clone(), line.status().borrow().clone()))
            .collect::<Vec<_>>();
        let counts = self.spool.read(transcript::counts).await.map_err(words)?;
        let modems = views::modems(&self.spool, known.clone())
            .await
            .map_err(words)?;
        let modems = modems.into_iter().zip(known).zip(lines.iter());
        let board = self.desk.board().borrow().clone();
        let counts = counts.into_iter().collect();
        Ok(StatusOnTheBox {
            status: Status::new(
                &board,
                counts,
                self.spool.opened_at(),
                None,
                self.spool.trouble(),
            ),
            running: self.running,
            spool: self.spool.path().to_owned(),
            modems: modems
                .map(|((modem, (_, status)), line)| {
                    ModemOnTheBox::new(modem, status, line.traced_to())
                })
                .collect(),
            web: self.web,
            xmpp: self
                .messengers
                .as_ref()
                .map(|link| (&*link.borrow()).into()),
        })
    }

    fn board(&self) -> Arc<Board> {
        self.desk.board().borrow().clone()
    }
}

/// What a gateway's patrons are told, as they would read it.
fn preview(
    board: &Board,
    gateway: &str,
    wording: &BTreeMap<Notice, String>,
    now: Timestamp,
) -> Result<Vec<views::Notice>, String> {
    let gateway = board
        .plan
        .gateway_named(gateway)
        .ok_or_else(|| no_gateway(gateway))?;
    Notice::ALL
        .into_iter()
        .map(|notice| {
            let tried = wording.get(&notice).map(String::as_str);
            if let Some(name) = tried.and_then(|words| unknown_name(notice, words)) {
                return Err(format!(
                    "the notice `{}` knows no {{{name}}}; it knows {{{}}}",
                    notice.word(),
                    notice.names().join("}, {")
                ));
            }
            Ok(views::Notice::new(board, gateway, notice, tried, now))
        })
        .collect()
}

/// What patrons may text and have answered without a librarian.
fn keywords(
    plan: &Plan,
    gateway: Option<&str>,
    now: Timestamp,
) -> Result<Vec<views::Keyword>, String> {
    let wanted = match gateway {
        Some(name) => Some(plan.gateway_named(name).ok_or_else(|| no_gateway(name))?.id),
        None => None,
    };
    let gateways = plan.gateways.iter().filter(|gateway| !gateway.removed);
    let gateways = gateways.filter(|gateway| wanted.is_none_or(|wanted| wanted == gateway.id));
    Ok(gateways
        .flat_map(|gateway| views::Keyword::all(plan, gateway, now))
        .collect())
}

fn no_gateway(name: &str) -> String {
    format!("there is no gateway {name:?}: `callnumber gateway list` shows those there are")
}

fn no_queue(name: &str) -> String {
    format!("there is no queue {name:?}; `callnumber queue list` shows those there are")
}

fn no_operator(name: &str) -> String {
    format!("there is no operator {name:?}; `callnumber operator list` shows those there are")
}

fn json(view: impl Serialize) -> Result<Value, String> {
    serde_json::to_value(view).map_err(words)
}

/// Why a change to the plan was not made, with the command that helps.
fn remedied(error: &NotGranted) -> String {
    let NotGranted::BadAmendment(why) = error else {
        return error.to_string();
    };
    match why {
        AmendError::NoSuch { what, .. } => {
            let list = match what {
                Listed::Queue => "queue list",
                Listed::Gateway => "gateway list",
                Listed::Operator => "operator list",
                Listed::Canned => "canned list",
                Listed::Token => "operator tokens NAME",
                Listed::Keyword => "keyword list",
            };
            format!("{why}; `callnumber {list}` shows those there are")
        }
        AmendError::NoSuchCanned { .. } => {
            format!("{why}; `callnumber canned list` shows those there are")
        }
        AmendError::Exists { what, .. } => {
            let set = match what {
                Listed::Queue | Listed::Token | Listed::Keyword => return why.to_string(),
                Listed::Gateway => "gateway set",
                Listed::Operator => "operator set",
                Listed::Canned => "canned set",
            };
            format!("{why}; `callnumber {set}` changes one")
        }
        AmendError::Fed { gateway, .. } => {
            format!("{why}, with `callnumber gateway set {gateway} --queue …`")
        }
        AmendError::HasRecords(queue) => {
            format!("{why}, with `callnumber queue set {queue} --rename …`")
        }
        _ => why.to_string(),
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn pick_gateway<'a>(plan: &'a Plan, name: Option<&str>) -> Result<&'a Gateway, String> {
    match name {
        Some(name) => match plan.gateway_named(name) {
            Some(gateway) if gateway.kind == GatewayKind::Sms => Ok(gateway),
            Some(_) => Err(format!(
                "{name} is not an sms gateway: it cannot send texts"
            )),
            None => Err(no_gateway(name)),
        },
        None => plan
            .gateways
            .iter()
            .find(|gateway| !gateway.removed && gateway.kind == GatewayKind::Sms)
            .ok_or_else(|| {
                "there is no sms gateway: add one with `callnumber gateway add`".to_owned()
            }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn requests_travel_as_one_line() {
        for request in [
            Request::Status,
            Request::Queues,
            Request::Amend(Amendment::AddQueue {
                name: "kids".into(),
            }),
            Request::Act {
                on: 7,
                act: Act::Tag(vec!["fines".into()]),
            },
            Request::Act {
                on: 7,
                act: Act::Reopen,
            },
            Request::Send {
                number: "+15551230100".into(),
                text: "two\nlines".into(),
                gateway: None,
            },
        ] {
            let line = serde_json::to_string(&request).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        }
    }
}
