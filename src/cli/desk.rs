//! Commands that change the desk: they knock at the running daemon, and where none runs they do
//! the same over the spool.

use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{BoxArguments, secret};
use crate::control::{self, CallError, Request};
use crate::daemon::{House, HouseSettings, StartError};
use crate::desk::views::{self, Gateway, OldKeys, Operator, Queue, Sent, Token, WithOldKeys};
use crate::duration;
use crate::routing::{Amendment, GatewayKind, Notice, OfflinePolicy, Role};
use crate::spool::{OpenError, staff};
use crate::web;

/// For how long a sign-in link works.
const LINK_VALID_S: u32 = 60 * 60;
/// How often to knock at a daemon that is just starting.
const KNOCKS: u32 = 50;
const KNOCK_EVERY: Duration = Duration::from_millis(100);

/// `callnumber operator`
#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    /// Add an operator; the password comes from standard input, or is asked for
    Add {
        /// The name they sign in with: a-z, 0-9, - _ .
        name: String,
        /// A queue they answer; may be given several times
        #[arg(long = "queue", value_name = "QUEUE")]
        queues: Vec<String>,
        /// May also arrange the desk
        #[arg(long)]
        admin: bool,
        /// No password: they sign in with links and tokens only
        #[arg(long)]
        no_password: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Change an operator
    Set {
        /// Whom
        name: String,
        /// The queues they answer from now on; may be given several times
        #[arg(long = "queue", value_name = "QUEUE")]
        queues: Vec<String>,
        /// A new password, from standard input or asked for
        #[arg(long)]
        password: bool,
        /// A new role
        #[arg(long)]
        role: Option<RoleWord>,
        /// The XMPP addresses they write from, without a resource; may be given several times
        #[arg(long, value_name = "JID")]
        xmpp: Vec<String>,
        /// Take their XMPP addresses away
        #[arg(long, conflicts_with = "xmpp")]
        no_xmpp: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// List the operators
    List(ListArguments),
    /// Remove an operator; what they answered goes back to its queue
    Remove {
        /// Whom
        name: String,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Print a bearer token for the JSON API, and nothing else
    Token {
        /// Whose
        name: String,
        /// What it is for, as lists show it
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// List bearer tokens
    Tokens {
        /// Whose [default: everybody's]
        name: Option<String>,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Take a bearer token away, or every way in that was handed out
    Revoke {
        /// Whose
        name: String,
        /// Its ID, as `operator tokens` lists it
        #[arg(required_unless_present = "all")]
        token: Option<String>,
        /// All of them, and every session and unused link: they sign in again with their password
        #[arg(long, conflicts_with = "token")]
        all: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Print a sign-in link that works once, within an hour
    Link {
        /// Whose
        name: String,
        #[command(flatten)]
        at: BoxArguments,
    },
}

/// `callnumber queue`
#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// Add a queue
    Add {
        /// Its name: a-z, 0-9, - _ .
        name: String,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Change a queue: its name, hours, holidays, and who helps out
    Set {
        /// Which
        name: String,
        #[command(flatten)]
        set: QueueArguments,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// List the queues
    List(ListArguments),
    /// Remove a queue that was never used
    Remove {
        /// Which
        name: String,
        #[command(flatten)]
        at: BoxArguments,
    },
}

/// What `callnumber queue set` changes.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct QueueArguments {
    /// The new name
    #[arg(long)]
    rename: Option<String>,
    /// What its patrons call it, "" for the library's own name
    #[arg(long, value_name = "WORDS")]
    title: Option<String>,
    /// What librarians elsewhere should know when they help out, "" for nothing
    #[arg(long, value_name = "WORDS")]
    facts: Option<String>,
    /// When it is open: "Mon-Fri 9:00-17:00, Sat 10:00-14:00", "" for not told
    #[arg(long)]
    hours: Option<String>,
    /// A day that is not as the week says: 2026-12-25, or "2026-12-24 9:00-12:00"; may be given several times
    #[arg(long, value_name = "DAY", value_parser = holiday)]
    holiday: Vec<(Date, String)>,
    /// A day that is as the week says again; may be given several times
    #[arg(long, value_name = "DATE")]
    no_holiday: Vec<Date>,
    /// The queue that helps when nobody here answers, "" for none
    #[arg(long, value_name = "QUEUE")]
    fallback: Option<String>,
    /// How long the local desk has a text to itself: 90s
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    fallback_after: Option<u32>,
}

/// `2026-12-25`, or `2026-12-24 9:00-12:00`.
fn holiday(text: &str) -> Result<(Date, String), String> {
    let (date, hours) = text
        .trim()
        .split_once(' ')
        .unwrap_or((text.trim(), "closed"));
    let date = date
        .parse()
        .map_err(|_| format!("{date:?} is no date: write 2026-12-25"))?;
    Ok((date, hours.trim().to_owned()))
}

/// `90s`, `2m`.
fn seconds(text: &str) -> Result<u32, String> {
    duration::parse(text)
        .and_then(|time| u32::try_from(time.as_secs()).ok())
        .ok_or_else(|| format!("{text:?} is no time: write 90s, or 2m"))
}

/// `closed=The library sleeps.`
fn wording(text: &str) -> Result<(Notice, String), String> {
    let (notice, words) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} has no `=`: write closed=\"We are closed.\""))?;
    let notice = Notice::from_word(notice.trim()).ok_or_else(|| {
        format!(
            "there is no notice {notice:?}; there are {}",
            Notice::ALL.map(Notice::word).join(", ")
        )
    })?;
    Ok((notice, words.to_owned()))
}

/// `callnumber gateway`
#[derive(Debug, Subcommand)]
pub(super) enum GatewayCommand {
    /// Add a gateway
    Add {
        /// Its name: a-z, 0-9, - _ .
        name: String,
        /// The wire
        #[arg(long)]
        kind: KindWord,
        /// The queue it feeds
        #[arg(long)]
        queue: String,
        /// For sms: the configured modem [default: the gateway's name]
        #[arg(long, value_name = "MODEM")]
        line: Option<String>,
        /// What happens to texts while the queue is offline [default: hold for sms and im, refuse for widget]
        #[arg(long)]
        offline: Option<PolicyWord>,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Change a gateway
    Set {
        /// Which
        name: String,
        /// The queue it feeds from now on
        #[arg(long)]
        queue: Option<String>,
        /// The configured modem it listens on
        #[arg(long, value_name = "MODEM")]
        line: Option<String>,
        /// What happens to texts while the queue is offline
        #[arg(long)]
        offline: Option<PolicyWord>,
        /// What patrons are told while closed: the words, "" for nothing, default for the default
        #[arg(long, value_name = "WORDS")]
        notice: Option<String>,
        /// Its own words for a notice: closed="…", closed= for none, closed=default for the default; may be given several times
        #[arg(long, value_name = "NOTICE=WORDS", value_parser = wording)]
        wording: Vec<(Notice, String)>,
        /// Take it for offline, whoever is there
        #[arg(long, conflicts_with = "resume")]
        pause: bool,
        /// End a pause
        #[arg(long)]
        resume: bool,
        #[command(flatten)]
        at: BoxArguments,
    },
    /// Show what its patrons are told, as they would read it, and how many SMS that takes
    Preview {
        /// Which
        name: String,
        /// Words to try for a notice, without keeping them; may be given several times
        #[arg(long, value_name = "NOTICE=WORDS", value_parser = wording)]
        wording: Vec<(Notice, String)>,
        #[command(flatten)]
        list: ListArguments,
    },
    /// List the gateways
    List(ListArguments),
    /// Remove a gateway; its open conversations can still be answered
    Remove {
        /// Which
        name: String,
        #[command(flatten)]
        at: BoxArguments,
    },
}

/// `callnumber … list`
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) at: BoxArguments,
}

/// `callnumber send`
#[derive(Debug, Args)]
pub(super) struct SendArguments {
    /// To whom: +15551230100
    number: String,
    /// The words
    text: String,
    /// By which gateway [default: the first sms gateway]
    #[arg(long)]
    gateway: Option<String>,
    /// In plain letters: quotes, dashes and accents that cost more as what costs less
    #[arg(long)]
    plain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: BoxArguments,
}

/// A role, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleWord {
    /// Answers patrons
    Operator,
    /// Also assigns operators to queues, keeps canned replies, reads reports
    Coordinator,
    /// Also arranges the desk
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Operator => Role::Operator,
            RoleWord::Coordinator => Role::Coordinator,
            RoleWord::Admin => Role::Admin,
        }
    }
}

/// A gateway's wire, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KindWord {
    /// A line: modem and SIM
    Sms,
    /// An instant-message address
    Im,
    /// A web page
    Widget,
}

impl From<KindWord> for GatewayKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Sms => GatewayKind::Sms,
            KindWord::Im => GatewayKind::Im,
            KindWord::Widget => GatewayKind::Widget,
        }
    }
}

/// An offline policy, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PolicyWord {
    /// Keep texts for the next operator who signs in
    Hold,
    /// Keep nothing, and say so
    Refuse,
}

impl From<PolicyWord> for OfflinePolicy {
    fn from(word: PolicyWord) -> Self {
        match word {
            PolicyWord::Hold => OfflinePolicy::Hold,
            PolicyWord::Refuse => OfflinePolicy::Refuse,
        }
    }
}

pub(super) async fn operator(command: OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Add {
            name,
            queues,
            admin,
            no_password,
            at,
        } => {
            let password_hash = match no_password {
                true => None,
                false => Some(hashed_password(&name)?),
            };
            let role = if admin { Role::Admin } else { Role::Operator };
            let amendment = Amendment::AddOperator {
                name,
                password_hash,
                role,
                queues,
            };
            amend(&at, amendment).await
        }
        OperatorCommand::Set {
            name,
            queues,
            password,
            role,
            xmpp,
            no_xmpp,
            at,
        } => {
            let addresses = (no_xmpp || !xmpp.is_empty()).then(|| Amendment::SetAddresses {
                operator: name.clone(),
                jids: xmpp,
            });
            let password_hash = match password {
                true => Some(hashed_password(&name)?),
                false => None,
            };
            let amendment = Amendment::SetOperator {
                name,
                password_hash,
                role: role.map(Role::from),
                queues: (!queues.is_empty()).then_some(queues),
            };
            amend(&at, amendment).await?;
            match addresses {
                Some(addresses) => amend(&at, addresses).await,
                None => Ok(()),
            }
        }
        OperatorCommand::List(list) => {
            let operators: Vec<Operator> = ask(&list.at, Request::Operators).await?;
            print(&list, &operators, &["name", "role", "queues"])
        }
        OperatorCommand::Remove { name, at } => {
            amend(&at, Amendment::RemoveOperator { name }).await
        }
        OperatorCommand::Tokens { name, list } => {
            let rows: Vec<Token> = ask(&list.at, Request::Tokens { operator: name }).await?;
            print(&list, &rows, &["id", "operator", "made", "label"])
        }
        OperatorCommand::Revoke {
            name,
            token,
            all: _,
            at,
        } => {
            let operator = name;
            let amendment = match token {
                Some(token) => Amendment::RevokeToken {
                    operator,
                    token: Some(token),
                },
                None => Amendment::ShutOut { operator },
            };
            amend(&at, amendment).await
        }
        OperatorCommand::Token { name, label, at } => {
            let token = secret::make();
            let amendment = Amendment::AddToken {
                operator: name,
                token_hash: staff::secret_hash(&token),
                label,
            };
            amend(&at, amendment).await?;
            say!("{token}");
            Ok(())
        }
        OperatorCommand::Link { name, at } => {
            let config = at.load()?;
            let link = secret::make();
            let amendment = Amendment::AddLink {
                operator: name,
                link_hash: staff::secret_hash(&link),
                valid_s: LINK_VALID_S,
            };
            amend(&at, amendment).await?;
            say!("{}/enter/{link}", config.url(config.web.listen));
            Ok(())
        }
    }
}

impl QueueArguments {
    /// The changes in an order that works: the new name last.
    fn amendments(self, name: String) -> Vec<Amendment> {
        let mut amendments = Vec::new();
        if self.title.is_some() || self.facts.is_some() {
            amendments.push(Amendment::DescribeQueue {
                name: name.clone(),
                title: self.title,
                facts: self.facts,
            });
        }
        if self.hours.is_some() || !self.holiday.is_empty() || !self.no_holiday.is_empty() {
            amendments.push(Amendment::SetHours {
                queue: name.clone(),
                hours: self.hours,
                holidays: self.holiday,
                no_holidays: self.no_holiday,
            });
        }
        if self.fallback.is_some() || self.fallback_after.is_some() {
            amendments.push(Amendment::SetFallback {
                queue: name.clone(),
                fallback: self.fallback,
                after_s: self.fallback_after,
            });
        }
        amendments.extend(
            self.rename
                .map(|rename| Amendment::SetQueue { name, rename }),
        );
        amendments
    }
}

pub(super) async fn queue(command: QueueCommand) -> anyhow::Result<()> {
    match command {
        QueueCommand::Add { name, at } => amend(&at, Amendment::AddQueue { name }).await,
        QueueCommand::Set { name, set, at } => {
            for amendment in set.amendments(name) {
                amend(&at, amendment).await?;
            }
            Ok(())
        }
        QueueCommand::List(list) => {
            let queues: Vec<Queue> = ask(&list.at, Request::Queues).await?;
            print(&list, &queues, &["name", "title", "hours", "fallback"])
        }
        QueueCommand::Remove { name, at } => amend(&at, Amendment::RemoveQueue { name }).await,
    }
}

pub(super) async fn gateway(command: GatewayCommand) -> anyhow::Result<()> {
    match command {
        GatewayCommand::Add {
            name,
            kind,
            queue,
            line,
            offline,
            at,
        } => {
            let amendment = Amendment::AddGateway {
                name,
                kind: kind.into(),
                queue,
                line,
                policy: offline.map(OfflinePolicy::from),
            };
            amend(&at, amendment).await
        }
        GatewayCommand::Set {
            name,
            queue,
            line,
            offline,
            notice,
            wording,
            pause,
            resume,
            at,
        } => {
            let amendment = Amendment::SetGateway {
                name: name.clone(),
                queue,
                line,
                policy: offline.map(OfflinePolicy::from),
                closed_notice: notice,
            };
            amend(&at, amendment).await?;
            for (notice, words) in wording {
                let amendment = Amendment::SetWording {
                    gateway: name.clone(),
                    notice,
                    words: (words != "default").then_some(words),
                };
                amend(&at, amendment).await?;
            }
            if pause || resume {
                let paused = pause;
                amend(&at, Amendment::PauseGateway { name, paused }).await?;
            }
            Ok(())
        }
        GatewayCommand::Preview {
            name,
            wording,
            list,
        } => {
            let request = Request::Preview {
                gateway: name,
                wording: wording.into_iter().collect(),
            };
            let notices: Vec<views::Notice> = ask(&list.at, request).await?;
            print(&list, &notices, &["number", "notice", "segments", "text"])
        }
        GatewayCommand::List(list) => {
            let gateways: Vec<Gateway> = ask(&list.at, Request::Gateways).await?;
            let columns = ["name", "kind", "queue", "line", "offline", "paused"];
            print(&list, &gateways, &columns)
        }
        GatewayCommand::Remove { name, at } => amend(&at, Amendment::RemoveGateway { name }).await,
    }
}

pub(super) async fn send(arguments: SendArguments) -> anyhow::Result<()> {
    let plain = crate::sms::plain(&arguments.text);
    let text = match arguments.plain {
        true => plain.clone(),
        false => arguments.text,
    };
    let request = Request::Send {
        number: arguments.number,
        text,
        gateway: arguments.gateway,
    };
    let sent: Sent = ask(&arguments.at, request).await?;
    if arguments.json {
        say!("{}", serde_json::to_string(&WithOldKeys(&sent))?);
    } else {
        let size = sms(sent.segments.unwrap_or_default());
        say!(
            "Queued as message {}, {size}; `callnumber status` shows what waits.",
            sent.message.id
        );
        let cheaper = crate::sms::plan(&plain).segments;
        if sent.segments.is_some_and(|segments| cheaper < segments) {
            say!(
                "In plain letters it would have been {}: `--plain` writes so.",
                sms(cheaper)
            );
        }
    }
    Ok(())
}

/// How many texts that is.
pub(super) fn sms(segments: usize) -> String {
    match segments {
        1 => "one SMS".to_owned(),
        segments => format!("{segments} SMS"),
    }
}

fn hashed_password(name: &str) -> anyhow::Result<String> {
    let password = secret::new_password(name)?;
    Ok(web::hash_password(&password)?)
}

async fn amend(at: &BoxArguments, amendment: Amendment) -> anyhow::Result<()> {
    ask(at, Request::Amend(amendment)).await
}

/// Rows as JSON or as a table.
pub(super) fn print<T: Serialize + OldKeys>(
    arguments: &ListArguments,
    rows: &[T],
    columns: &[&str],
) -> anyhow::Result<()> {
    if arguments.json {
        print_json(&rows.iter().map(WithOldKeys).collect::<Vec<_>>())?;
    } else {
        put!("{}", table(&serde_json::to_value(rows)?, columns));
    }
    Ok(())
}

/// A thing as JSON, to be read by people too.
pub(super) fn print_json(thing: &impl Serialize) -> anyhow::Result<()> {
    say!("{}", serde_json::to_string_pretty(thing)?);
    Ok(())
}

/// Asks the running daemon, or answers over the spool while none runs. Either has a gateway for each
/// configured modem then.
pub(super) async fn ask<T: DeserializeOwned>(
    at: &BoxArguments,
    request: Request,
) -> anyhow::Result<T> {
    let config = at.load()?;
    let spool = config.spool_path();
    let modems: Vec<String> = config
        .modems()
        .into_iter()
        .map(|modem| modem.name)
        .collect();
    for _ in 0..KNOCKS {
        match control::call(&spool, &modems, &request).await {
            Err(CallError::NotRunning) => {}
            answered => return Ok(answered?),
        }
        let settings = HouseSettings::quiet(spool.clone(), config.library());
        match House::open(settings).await {
            Ok(house) => {
                let answered = house.control(false).answer(&modems, request).await;
                house.close().await;
                return Ok(serde_json::from_value(
                    answered.map_err(anyhow::Error::msg)?,
                )?);
            }
            // A daemon is just opening, or another command has it for a moment.
            Err(StartError::Spool(OpenError::InUse { .. })) => {
                tokio::time::sleep(KNOCK_EVERY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(OpenError::InUse { path: spool }).context("the daemon does not answer")
}

/// Rows as columns that line up.
pub(super) fn table(rows: &Value, columns: &[&str]) -> String {
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            words.join(",")
        }
        Value::Null => "-".into(),
        other => other.to_string(),
    };
    let mut lines = vec![columns.iter().map(|c| c.to_uppercase()).collect::<Vec<_>>()];
    for row in rows.as_array().into_iter().flatten() {
        lines.push(columns.iter().map(|column| cell(row, column)).collect());
    }
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            lines
                .iter()
                .filter_map(|line| line.get(at))
                .map(String::len)
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let mut text = String::new();
    for line in lines {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text += padded.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_line_up() {
        let rows = json!([
            { "name": "ana", "queues": ["desk", "kids"] },
            { "name": "benedict", "queues": [] },
            { "name": "c", "queues": null },
        ]);
        assert_eq!(
            table(&rows, &["name", "queues"]),
            "NAME      QUEUES\nana       desk,kids\nbenedict\nc         -\n"
        );
    }
}
