//! Everything that is held of one patron, for the library that has to say so.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Arrival, AuditEntry, Thread, VisitedPage};
use crate::desk::Board;
use crate::numbers::{NumberError, PatronNumber};
use crate::records::Form;
use crate::routing::{GatewayKind, Plan, Whose, block_holds};
use crate::spool::{self, Spool, patrons};

/// Why nobody is meant by what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhoError {
    /// No shown name, no address that is known, and no number.
    #[error("{0}; a shown name such as heron-42 does as well")]
    Nobody(#[from] NumberError),
    /// More than one patron.
    #[error("this may be more than one patron: write the number with + and its country")]
    Several,
}

/// Whoever is meant: by the name that operators see, a messenger's address, or a number however it is
/// spelled. A number that nobody texted from is somebody too.
///
/// # Errors
/// What the spool says; inside, why nobody is meant.
fn who(
    connection: &Connection,
    board: &Board,
    written: &str,
) -> spool::Result<Result<Whose, WhoError>> {
    let written = written.trim();
    let mut known = patrons::named(connection, &written.to_lowercase())?;
    if known.is_empty() {
        known = patrons::at(connection, written)?;
    }
    let mut found: Vec<Whose> = known.iter().map(patrons::Known::whose).collect();
    if found.is_empty() {
        let meant = match PatronNumber::meant(written, &board.countries) {
            Ok(meant) => meant,
            Err(error) => return Ok(Err(error.into())),
        };
        for number in &meant {
            let known = patrons::at(connection, number.as_str())?;
            found.extend(known.iter().map(patrons::Known::whose));
        }
        if found.is_empty() {
            found.extend(meant.into_iter().map(Whose::Telephone));
        }
    }
    found.dedup();
    Ok(match found.pop() {
        Some(whose) if found.is_empty() => Ok(whose),
        Some(_) | None => Err(WhoError::Several),
    })
}

/// A patron on one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownPatron {
    /// What operators see: `heron-42`.
    pub patron: String,
    /// The gateway.
    pub gateway: String,
    /// The wire it is.
    pub gateway_kind: GatewayKind,
    /// The number, or a messenger's address.
    pub address: String,
    /// Whether they opted out of texts.
    pub opted_out: bool,
    /// Until when nobody is asked to answer them.
    pub blocked_until: Option<Timestamp>,
    /// When automatic texts went to them, the last ten.
    pub automatic_at: Vec<Timestamp>,
    /// When words of theirs were answered by the desk itself, the last ten of a kind.
    pub answered_at: Vec<Timestamp>,
    /// Where a visitor of a web page wrote from last.
    pub page: Option<VisitedPage>,
}

/// What became of a text to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sending {
    /// The message.
    pub message: i64,
    /// The conversation it is part of.
    pub conversation: i64,
    /// To whom.
    pub to: String,
    /// `due`, `sent`, `delivered`, `unknown`, `failed`.
    #[schema(pattern = "^(due|sent|delivered|unknown|failed)$")]
    pub state: String,
    /// When it was accepted for sending.
    pub at: Timestamp,
    /// How often it was tried again.
    pub tries: u32,
    /// How many SMS were made of it.
    pub segments: u32,
    /// What went wrong.
    pub problem: Option<String>,
}

/// A file that was sent to or by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldFile {
    /// The conversation.
    pub conversation: i64,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// Octets.
    pub size: u64,
    /// The path of its link.
    pub link: String,
}

/// Everything that is held of one patron.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldOfPatron {
    /// By which address: the number, or a messenger's address.
    pub address: String,
    /// When it was read.
    pub at: Timestamp,
    /// As whom the desk knows them, by gateway.
    pub known_as: Vec<KnownPatron>,
    /// Their conversations, with all that was said, and colleagues' notes.
    pub conversations: Vec<Thread>,
    /// What became of texts to them.
    pub sendings: Vec<Sending>,
    /// Files.
    pub files: Vec<HeldFile>,
    /// What came from or about their number and could not be read.
    pub arrivals: Vec<Arrival>,
    /// What operators did about them, such as looking at the number.
    pub audit: Vec<AuditEntry>,
}

impl HeldOfPatron {
    /// Whoever is meant by what was written, and all that is held of them.
    ///
    /// # Errors
    /// What the spool says; inside, why nobody is meant.
    pub async fn find(
        spool: &Spool,
        board: Arc<Board>,
        written: String,
    ) -> spool::Result<Result<(Whose, Self), WhoError>> {
        let now = spool.now();
        let read = spool.read(move |connection| {
            let whose = match who(connection, &board, &written)? {
                Ok(whose) => whose,
                Err(error) => return Ok(Err(error)),
            };
            let held = Self::read(connection, &board.plan, &whose, now)?;
            Ok(Ok((whose, held)))
        });
        read.await
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// What the spool says.
    fn read(
        connection: &Connection,
        plan: &Plan,
        whose: &Whose,
        now: Timestamp,
    ) -> spool::Result<Self> {
        let known = patrons::all(connection, whose)?;
        let mut held = Self {
            address: whose.address().to_string(),
            at: now,
            known_as: Vec::new(),
            conversations: Vec::new(),
            sendings: Vec::new(),
            files: Vec::new(),
            arrivals: Vec::new(),
            audit: Vec::new(),
        };
        let names: Vec<&str> = known.iter().map(|one| one.patron.name.as_str()).collect();
        let trail = patrons::trail(connection, &names)?;
        held.audit = trail.into_iter().map(AuditEntry::from).collect();
        if let Whose::Telephone(number) = whose {
            let arrivals = patrons::arrivals(connection, number)?;
            held.arrivals = arrivals.iter().map(Arrival::whole).collect();
        }
        for one in known {
            for id in patrons::conversations(connection, one.patron.id)? {
                held.conversations
                    .extend(Thread::whole(connection, plan, id, false)?);
                let sendings = patrons::sendings(connection, id)?;
                held.sendings
                    .extend(sendings.into_iter().map(|sent| Sending {
                        message: sent.message,
                        conversation: id.0,
                        to: sent.recipient.into_string(),
                        state: sent.state,
                        at: sent.made,
                        tries: sent.tries,
                        segments: sent.segments,
                        problem: sent.problem,
                    }));
                let files = patrons::attachments(connection, id)?;
                held.files.extend(files.into_iter().map(|file| HeldFile {
                    conversation: id.0,
                    name: file.name,
                    kind: file.kind,
                    size: file.size,
                    link: format!("{}{}", spool::files::LINK, file.secret),
                }));
            }
            let patron = one.patron;
            held.known_as.push(KnownPatron {
                patron: patron.name,
                gateway: one.gateway,
                gateway_kind: one.kind,
                address: patron.address.into_string(),
                opted_out: patron.opted_out,
                blocked_until: patron
                    .blocked_until
                    .filter(|until| block_holds(*until, now)),
                automatic_at: patron.automatic_at,
                answered_at: [patron.answered.wishes, patron.answered.keywords].concat(),
                page: one.page.map(|page| VisitedPage {
                    url: page.url,
                    title: page.title,
                }),
            });
        }
        Ok(held)
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.known_as.is_empty() && self.arrivals.is_empty()
    }

    /// The names that operators see, for the audit trail.
    pub fn names(&self) -> Option<String> {
        let names: Vec<&str> = self
            .known_as
            .iter()
            .map(|one| one.patron.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// To be read by the person it is about, in the library's own time.
    pub fn text(&self, zone: &TimeZone) -> String {
        let local = |at: Timestamp| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string();
        let mut text = format!("What is held of {}, on {}\n", self.address, local(self.at));
        if self.is_empty() {
            return text + "\nNothing.\n";
        }
        for one in &self.known_as {
            text += &format!(
                "\nKnown as {} at {} ({})\n    address: {}\n    opted out of texts: {}\n",
                one.patron,
                one.gateway,
                one.gateway_kind.word(),
                one.address,
                if one.opted_out { "yes" } else { "no" },
            );
            if let Some(until) = one.blocked_until {
                text += &format!("    blocked until {}\n", local(until));
            }
            if !one.automatic_at.is_empty() {
                let times: Vec<String> = one.automatic_at.iter().map(|at| local(*at)).collect();
                text += &format!("    automatic texts: {}\n", times.join(", "));
            }
            if !one.answered_at.is_empty() {
                let times: Vec<String> = one.answered_at.iter().map(|at| local(*at)).collect();
                text += &format!("    answered by the desk itself: {}\n", times.join(", "));
            }
            if let Some(page) = &one.page {
                text += &format!("    wrote from: {}\n", page.url);
            }
        }
        text.push('\n');
        for thread in &self.conversations {
            text += &thread.write(Form::Text, zone);
        }
        let mut list = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                text += &format!("{title}\n    {}\n\n", lines.join("\n    "));
            }
        };
        let sending = |one: &Sending| {
            let again = match one.tries {
                0 => String::new(),
                tries => format!(", tried again {tries} times"),
            };
            let problem = one
                .problem
                .as_deref()
                .map_or_else(String::new, |why| format!(": {why}"));
            format!(
                "{}  message {} to {}: {}, {} SMS{again}{problem}",
                local(one.at),
                one.message,
                one.to,
                one.state,
                one.segments,
            )
        };
        list("Texts to them", self.sendings.iter().map(sending).collect());
        let file = |one: &HeldFile| {
            let HeldFile {
                name,
                kind,
                size,
                conversation,
                ..
            } = one;
            format!("{name} ({kind}, {size} octets), in conversation {conversation}")
        };
        list("Files", self.files.iter().map(file).collect());
        let arrival = |one: &Arrival| {
            let raw = one.raw.as_deref().unwrap_or_default().replace('\n', " ");
            format!("{}  by {}: {raw}", local(one.at), one.line)
        };
        list(
            "What could not be read",
            self.arrivals.iter().map(arrival).collect(),
        );
        let deed = |one: &AuditEntry| {
            let by = one.by.as_deref().unwrap_or("a command on the box");
            format!("{}  {by}: {}", local(one.at), one.action.replace('_', " "))
        };
        list("What operators did", self.audit.iter().map(deed).collect());
        text
    }
}
