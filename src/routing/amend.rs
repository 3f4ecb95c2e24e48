//! A change to the plan, and whether it makes sense.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::canned::CannedChange;
use super::consent::is_taken;
use super::hours::{DayHours, HOLIDAYS_MAX, Hours, HoursError};
use super::notice::Notice;
use super::notices::{KEYWORD_NAMES, unknown_among, unknown_name};
use super::plan::{
    Gateway, GatewayKind, Keyword, Name, OfflinePolicy, Operator, Plan, Queue, Role, check_name,
};

/// Letters of a queue's title: it stands in a text of 160.
const TITLE_MAX: usize = 40;
/// Letters of the page of facts about a library.
const FACTS_MAX: usize = 8000;
/// Letters of a notice: ten segments would be no notice any more.
const WORDS_MAX: usize = 459;
/// Letters of a keyword at most: what people text to get something.
const KEYWORD_MAX: usize = 20;
/// Keywords of a gateway at most.
const KEYWORDS_MAX: usize = 50;
/// Letters of a canned reply at most: ten segments of GSM 7-bit text.
const CANNED_TEXT_MAX: usize = 1530;
/// A fallback queue is asked after this many seconds at most: a day.
const AFTER_MAX_S: u32 = 24 * 60 * 60;
/// Letters of a bare JID at most (RFC 7622 §3: twice 1023 octets); nobody types as many.
const JID_MAX: usize = 512;
/// Letters of a token's hash that name it at least: fewer may mean another token.
const TOKEN_MIN: usize = 6;

/// One change to the plan, from the console or the command line. Names, not ids: whoever asks
/// knows names. [`Plan::check`] says whether it makes sense; the spool writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Amendment {
    /// A new queue.
    AddQueue {
        /// Its name.
        #[schema(value_type = Name)]
        name: String,
    },
    /// A queue's new name.
    SetQueue {
        /// The present name.
        #[schema(value_type = Name)]
        name: String,
        /// The new one.
        #[schema(value_type = Name)]
        rename: String,
    },
    /// What a queue's patrons and its partners are told; what is left out stays.
    DescribeQueue {
        /// Which.
        #[schema(value_type = Name)]
        name: String,
        /// What its patrons call it; empty: as the library.
        title: Option<String>,
        /// What librarians elsewhere should know; empty for nothing.
        facts: Option<String>,
    },
    /// When a queue is open; what is left out stays.
    SetHours {
        /// Which.
        #[schema(value_type = Name)]
        queue: String,
        /// `Mon-Fri 9:00-17:00, Sat 10:00-14:00`; empty: not told.
        hours: Option<String>,
        /// Days with hours of their own: `closed`, or `9:00-12:00`.
        #[serde(default)]
        holidays: Vec<(Date, String)>,
        /// Days that are as the week says again.
        #[serde(default)]
        no_holidays: Vec<Date>,
    },
    /// Who helps when nobody answers (clause 7); what is left out stays.
    SetFallback {
        /// Whose.
        #[schema(value_type = Name)]
        queue: String,
        /// The queue that helps; empty for none.
        fallback: Option<String>,
        /// Unanswered for how many seconds.
        after_s: Option<u32>,
    },
    /// Takes an unused queue away: no gateway feeds it, no conversation is open in it.
    RemoveQueue {
        /// Its name.
        #[schema(value_type = Name)]
        name: String,
    },
    /// A new operator.
    AddOperator {
        /// The name they sign in with.
        #[schema(value_type = Name)]
        name: String,
        /// An argon2id hash in PHC form; `None` when only links and tokens sign them in.
        #[schema(ignore)]
        password_hash: Option<String>,
        /// What they may do.
        role: Role,
        /// Names of the queues they are assigned to.
        #[schema(value_type = Vec<Name>)]
        queues: Vec<String>,
    },
    /// Changes an operator; what is left out stays.
    SetOperator {
        /// Whom.
        #[schema(value_type = Name)]
        name: String,
        /// A new argon2id hash; signs out every session, tokens stay.
        #[schema(ignore)]
        password_hash: Option<String>,
        /// A new role.
        role: Option<Role>,
        /// The queues from now on.
        #[schema(value_type = Option<Vec<Name>>)]
        queues: Option<Vec<String>>,
    },
    /// An operator's XMPP addresses from now on.
    SetAddresses {
        /// Whose.
        #[schema(value_type = Name)]
        operator: String,
        /// Bare JIDs; none takes the present ones away.
        jids: Vec<String>,
    },
    /// Takes an operator away: sessions and tokens end, claimed conversations go back to the queue.
    RemoveOperator {
        /// Whom.
        #[schema(value_type = Name)]
        name: String,
    },
    /// A bearer token for the JSON API.
    AddToken {
        /// Whose.
        #[schema(value_type = Name)]
        operator: String,
        /// SHA-256 of the token, hexadecimal; the token itself is never stored.
        token_hash: String,
        /// What it is for.
        #[serde(default)]
        label: Option<String>,
    },
    /// Takes bearer tokens away.
    RevokeToken {
        /// Whose.
        #[schema(value_type = Name)]
        operator: String,
        /// The beginning of its hash, as lists show it; all of them when left out.
        token: Option<String>,
    },
    /// Takes back every way in that was handed out: sessions, bearer tokens and unused links end. The
    /// password and the XMPP addresses stay.
    ShutOut {
        /// Whom.
        #[schema(value_type = Name)]
        operator: String,
    },
    /// A change to the canned replies.
    Canned(CannedChange),
    /// A one-time sign-in link.
    AddLink {
        /// Whose.
        #[schema(value_type = Name)]
        operator: String,
        /// SHA-256 of the link's secret, hexadecimal.
        link_hash: String,
        /// For how many seconds it works.
        valid_s: u32,
    },
    /// A configured modem seen for the first time: gets an sms gateway of its name, feeding
    /// the first queue. A line seen before is left as the library arranged it.
    AddLine {
        /// The modem's name in the configuration.
        #[schema(value_type = Name)]
        name: String,
    },
    /// A new gateway.
    AddGateway {
        /// Its name.
        #[schema(value_type = Name)]
        name: String,
        /// The wire.
        kind: GatewayKind,
        /// The queue it feeds.
        #[schema(value_type = Name)]
        queue: String,
        /// For sms: the configured modem's name; the gateway's own name when left out.
        #[schema(value_type = Option<Name>)]
        line: Option<String>,
        /// The policy; the kind's default when left out.
        policy: Option<OfflinePolicy>,
    },
    /// Changes a gateway; what is left out stays.
    SetGateway {
        /// Which.
        #[schema(value_type = Name)]
        name: String,
        /// The queue it feeds from now on; open conversations stay where they are.
        #[schema(value_type = Option<Name>)]
        queue: Option<String>,
        /// The line.
        #[schema(value_type = Option<Name>)]
        line: Option<String>,
        /// The policy.
        policy: Option<OfflinePolicy>,
        /// Wording of both notices of a closed desk, M1 and M7: empty for none, `default` for the
        /// default.
        closed_notice: Option<String>,
    },
    /// A gateway's own wording of a notice.
    SetWording {
        /// Which gateway.
        #[schema(value_type = Name)]
        gateway: String,
        /// Which notice.
        notice: Notice,
        /// The words: `null` for the default, empty for no notice at all.
        words: Option<String>,
    },
    /// A word that a gateway's patrons may text and that is answered without a librarian: `HOURS`.
    SetKeyword {
        /// Which gateway.
        #[schema(value_type = Name)]
        gateway: String,
        /// The word, the whole of a message; case, accents and punctuation are all the same.
        word: String,
        /// What the patron is told; `null` takes the word away.
        answer: Option<String>,
    },
    /// Takes a gateway for offline whoever is there, or no longer.
    PauseGateway {
        /// Which.
        #[schema(value_type = Name)]
        name: String,
        /// Whether it is.
        paused: bool,
    },
    /// Takes a gateway away. Its open conversations stay and can be answered.
    RemoveGateway {
        /// Which.
        #[schema(value_type = Name)]
        name: String,
    },
}

/// What there is a list of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Queues.
    Queue,
    /// Gateways.
    Gateway,
    /// Operators.
    Operator,
    /// Canned replies.
    Canned,
    /// Bearer tokens.
    Token,
    /// Keywords.
    Keyword,
}

impl Listed {
    /// One of them.
    pub fn as_str(self) -> &'static str {
        match self {
            Listed::Queue => "queue",
            Listed::Gateway => "gateway",
            Listed::Operator => "operator",
            Listed::Canned => "canned reply",
            Listed::Token => "token",
            Listed::Keyword => "keyword",
        }
    }
}

/// Why a change to the plan makes no sense. Each surface adds what its own reader can do where that
/// is not said here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmendError {
    /// It names what is not there.
    #[error("there is no {} {name:?}", .what.as_str())]
    NoSuch {
        /// What.
        what: Listed,
        /// The name.
        name: String,
    },
    /// A canned reply is there for another queue, or for none.
    #[error("there is no canned reply {key:?} for queue {queue}")]
    NoSuchCanned {
        /// Its key.
        key: String,
        /// The queue.
        queue: String,
    },
    /// The name is taken.
    #[error("{name} is the name of another {} already", .what.as_str())]
    Exists {
        /// What.
        what: Listed,
        /// The name.
        name: String,
    },
    /// Not a name.
    #[error("{0}")]
    BadName(String),
    /// A desk has a queue.
    #[error(
        "{0} is the only queue: a new modem needs one to feed; add another first, or rename it"
    )]
    LastQueue(String),
    /// A gateway feeds the queue.
    #[error("gateway {gateway} feeds queue {queue}: let it feed another queue first")]
    Fed {
        /// The queue.
        queue: String,
        /// The gateway.
        gateway: String,
    },
    /// Records name the queue.
    #[error("queue {0} has conversations in its records: rename it instead")]
    HasRecords(String),
    /// Too many letters.
    #[error("{part} has more than {most} letters: shorten it")]
    TooLong {
        /// Of what.
        part: String,
        /// How many there may be.
        most: usize,
    },
    /// Not a title.
    #[error("{0:?} cannot be a title: leave out braces and new lines")]
    BadTitle(String),
    /// Not opening hours.
    #[error(transparent)]
    BadHours(#[from] HoursError),
    /// Not the hours of a day.
    #[error("{date}: {error}")]
    BadHoliday {
        /// Which day.
        date: Date,
        /// Why.
        error: HoursError,
    },
    /// More holidays than are looked through.
    #[error(
        "{queue} would have {days} holidays, and {HOLIDAYS_MAX} are the most: remove past ones"
    )]
    TooManyHolidays {
        /// Whose.
        queue: String,
        /// How many.
        days: usize,
    },
    /// A queue is its own fallback.
    #[error("{0} cannot help itself out: name another queue as its fallback")]
    HelpsItself(String),
    /// Help comes too soon, or never.
    #[error("a fallback queue is asked after 1 to {AFTER_MAX_S} seconds, not after {0}")]
    BadAfter(u32),
    /// A notice has no value for a name in braces.
    #[error("the notice `{}` knows no {{{name}}}; it knows {{{}}}", .notice.word(), .notice.names().join("}, {"))]
    UnknownName {
        /// Which notice.
        notice: Notice,
        /// The name.
        name: String,
    },
    /// Not a keyword.
    #[error("{0:?} cannot be a keyword: write 2 to {KEYWORD_MAX} letters or digits")]
    BadKeyword(String),
    /// The word has a meaning that no library can give it.
    #[error(
        "{0:?} means something about texting itself already, in one language or another: choose \
         another word"
    )]
    TakenKeyword(String),
    /// More keywords than are looked through.
    #[error("{gateway} has {KEYWORDS_MAX} keywords, and more nobody remembers: remove one first")]
    TooManyKeywords {
        /// Whose.
        gateway: String,
    },
    /// The answer has no value for a name in braces.
    #[error("the answer to a keyword knows no {{{0}}}; it knows {{{names}}}", names = KEYWORD_NAMES.join("}, {"))]
    UnknownKeywordName(String),
    /// A keyword without an answer.
    #[error("a keyword needs an answer: write what the patron is told")]
    NoAnswer,
    /// A chat has no modem.
    #[error("only an sms gateway has a line: leave it out for {}", .0.word())]
    NoLine(GatewayKind),
    /// The same, of a gateway that is there.
    #[error("{0} is not an sms gateway: it has no line")]
    NotSms(String),
    /// A line feeds one queue.
    #[error(
        "line {line} is gateway {gateway}'s: a line feeds one queue; remove or change that gateway first"
    )]
    LineTaken {
        /// The line.
        line: String,
        /// Whose it is.
        gateway: String,
    },
    /// Not a JID.
    #[error("{0:?} is not an XMPP address: write it as ana@example.org, without a resource")]
    BadAddress(String),
    /// An address signs one operator in.
    #[error("{jid} is the address of operator {operator} already")]
    AddressTaken {
        /// The address.
        jid: String,
        /// Whose it is.
        operator: String,
    },
    /// A canned reply says nothing.
    #[error("a canned reply needs words")]
    NoWords,
    /// More canned replies than are found by typing.
    #[error("there are {0} canned replies, more are not found by typing: remove some first")]
    TooManyCanned(i64),
    /// Somebody must be able to arrange the desk.
    #[error("nobody would be left who may arrange the desk: let one operator be an admin")]
    NoAdmin,
    /// Something is wrong in a book, said with its line.
    #[error("{0}; nothing was changed")]
    Book(String),
}

impl Plan {
    /// Whether a change makes sense, by what the plan holds; answers it in the form in which it is
    /// kept. What only rows know (whether an address, a token or a canned reply is there already) is
    /// answered by whoever writes it.
    ///
    /// # Errors
    /// Why it makes none.
    pub fn check(&self, amendment: &Amendment) -> Result<Amendment, AmendError> {
        let mut kept = amendment.clone();
        match &mut kept {
            Amendment::AddQueue { name } => self.is_new(Listed::Queue, name)?,
            Amendment::SetQueue { name, rename } => {
                self.has_queue(name)?;
                if name != rename {
                    self.is_new(Listed::Queue, rename)?;
                }
                check_name(rename).map_err(AmendError::BadName)?;
            }
            Amendment::DescribeQueue { name, title, facts } => {
                self.has_queue(name)?;
                if let Some(title) = title {
                    fit(title, "the title", TITLE_MAX)?;
                    if title.contains(['{', '}', '\n']) {
                        return Err(AmendError::BadTitle(title.clone()));
                    }
                }
                if let Some(facts) = facts {
                    fit(facts, "the facts", FACTS_MAX)?;
                }
            }
            Amendment::SetHours {
                queue,
                hours,
                holidays,
                no_holidays,
            } => {
                let present = &self.has_queue(queue)?.calendar.holidays;
                if let Some(hours) = hours
                    && !hours.trim().is_empty()
                {
                    *hours = hours.trim().parse::<Hours>()?.to_string();
                }
                for (date, hours) in &mut *holidays {
                    let day: DayHours = hours
                        .parse()
                        .map_err(|error| AmendError::BadHoliday { date: *date, error })?;
                    *hours = day.to_string();
                }
                let stays = present.keys().filter(|date| !no_holidays.contains(date));
                let days: BTreeSet<&Date> = stays.chain(holidays.iter().map(|(d, _)| d)).collect();
                let days = days.len();
                if i64::try_from(days).is_ok_and(|days| days > HOLIDAYS_MAX) {
                    let queue = queue.clone();
                    return Err(AmendError::TooManyHolidays { queue, days });
                }
            }
            Amendment::SetFallback {
                queue,
                fallback,
                after_s,
            } => {
                self.has_queue(queue)?;
                if fallback.as_ref() == Some(queue) {
                    return Err(AmendError::HelpsItself(queue.clone()));
                }
                if let Some(helper) = fallback.as_ref().filter(|name| !name.is_empty()) {
                    self.has_queue(helper)?;
                }
                if let Some(after_s) = after_s.filter(|s| !(1..=AFTER_MAX_S).contains(s)) {
                    return Err(AmendError::BadAfter(after_s));
                }
            }
            Amendment::RemoveQueue { name } => self.is_idle(name)?,
            Amendment::AddOperator { name, queues, .. } => {
                self.is_new(Listed::Operator, name)?;
                self.have_queues(queues)?;
            }
            Amendment::SetOperator { name, queues, .. } => {
                self.has_operator(name)?;
                self.have_queues(queues.as_deref().unwrap_or_default())?;
            }
            Amendment::SetAddresses { operator, jids } => {
                self.has_operator(operator)?;
                for jid in jids {
                    // JIDs fold case (RFC 7622 §3.3.1).
                    *jid = jid.trim().to_lowercase();
                    if !is_bare_jid(jid) {
                        return Err(AmendError::BadAddress(jid.clone()));
                    }
                }
            }
            Amendment::RevokeToken { operator, token } => {
                self.has_operator(operator)?;
                if let Some(token) = token {
                    *token = token.to_lowercase();
                    let hex = token.bytes().all(|b| b.is_ascii_hexdigit());
                    if token.len() < TOKEN_MIN || !hex {
                        return Err(no_such(Listed::Token, token));
                    }
                }
            }
            Amendment::RemoveOperator { name: operator }
            | Amendment::AddToken { operator, .. }
            | Amendment::ShutOut { operator }
            | Amendment::AddLink { operator, .. } => {
                self.has_operator(operator)?;
            }
            Amendment::Canned(change) => {
                if let CannedChange::Add { key, .. } = change {
                    check_name(key).map_err(AmendError::BadName)?;
                }
                if let Some(queue) = change.queue() {
                    self.has_queue(queue)?;
                }
                if let CannedChange::Add { text, .. } | CannedChange::Set { text, .. } = change {
                    fit(text, "a canned reply", CANNED_TEXT_MAX)?;
                    if text.is_empty() {
                        return Err(AmendError::NoWords);
                    }
                }
            }
            Amendment::AddLine { name } => check_name(name).map_err(AmendError::BadName)?,
            Amendment::AddGateway {
                name,
                kind,
                queue,
                line,
                policy,
            } => {
                self.is_new(Listed::Gateway, name)?;
                self.has_queue(queue)?;
                policy.get_or_insert(kind.default_policy());
                match kind {
                    GatewayKind::Sms => {
                        self.is_free(line.get_or_insert_with(|| name.clone()), None)?;
                    }
                    GatewayKind::Im | GatewayKind::Widget if line.is_none() => {}
                    GatewayKind::Im | GatewayKind::Widget => {
                        return Err(AmendError::NoLine(*kind));
                    }
                }
            }
            Amendment::SetGateway {
                name,
                queue,
                line,
                closed_notice,
                ..
            } => {
                let gateway = self.has_gateway(name)?;
                self.have_queues(queue.as_slice())?;
                if let Some(line) = line {
                    self.is_free(line, Some(gateway))?;
                    if gateway.kind != GatewayKind::Sms {
                        return Err(AmendError::NotSms(name.clone()));
                    }
                }
                if let Some(words) = closed_notice {
                    check_wording(Notice::Closed, words)?;
                    check_wording(Notice::Refused, words)?;
                }
            }
            Amendment::SetWording {
                gateway,
                notice,
                words,
            } => {
                self.has_gateway(gateway)?;
                if let Some(words) = words {
                    check_wording(*notice, words)?;
                }
            }
            Amendment::SetKeyword {
                gateway,
                word,
                answer,
            } => {
                let gateway = self.has_gateway(gateway)?;
                *word = word.trim().to_owned();
                let folded = Keyword::folded(word);
                let present = folded.as_ref().and_then(|f| gateway.keywords.get(f));
                match answer {
                    None if present.is_none() => return Err(no_such(Listed::Keyword, word)),
                    None => {}
                    Some(answer) => {
                        check_keyword(word, answer)?;
                        if present.is_none() && gateway.keywords.len() >= KEYWORDS_MAX {
                            let gateway = gateway.name.clone();
                            return Err(AmendError::TooManyKeywords { gateway });
                        }
                    }
                }
            }
            Amendment::PauseGateway { name, .. } | Amendment::RemoveGateway { name } => {
                self.has_gateway(name)?;
            }
        }
        Ok(kept)
    }

    fn has_queue(&self, name: &str) -> Result<&Queue, AmendError> {
        let queue = self.queue_named(name);
        queue.ok_or_else(|| no_such(Listed::Queue, name))
    }

    fn have_queues(&self, names: &[String]) -> Result<(), AmendError> {
        names
            .iter()
            .try_for_each(|name| self.has_queue(name).map(drop))
    }

    fn has_gateway(&self, name: &str) -> Result<&Gateway, AmendError> {
        let gateway = self.gateway_named(name);
        gateway.ok_or_else(|| no_such(Listed::Gateway, name))
    }

    fn has_operator(&self, name: &str) -> Result<&Operator, AmendError> {
        let operator = self.operator_named(name);
        operator.ok_or_else(|| no_such(Listed::Operator, name))
    }

    fn is_new(&self, what: Listed, name: &str) -> Result<(), AmendError> {
        check_name(name).map_err(AmendError::BadName)?;
        let taken = match what {
            Listed::Queue => self.queue_named(name).is_some(),
            Listed::Gateway => self.gateway_named(name).is_some(),
            Listed::Operator => self.operator_named(name).is_some(),
            // Only rows know.
            Listed::Canned | Listed::Token | Listed::Keyword => false,
        };
        let name = name.to_owned();
        match taken {
            true => Err(AmendError::Exists { what, name }),
            false => Ok(()),
        }
    }

    /// A line feeds one queue.
    fn is_free(&self, line: &str, own: Option<&Gateway>) -> Result<(), AmendError> {
        match self.gateway_on_line(line) {
            Some(taken) if own.is_none_or(|own| own.id != taken.id) => Err(AmendError::LineTaken {
                line: line.to_owned(),
                gateway: taken.name.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Nothing feeds the queue, and nothing ever did.
    fn is_idle(&self, name: &str) -> Result<(), AmendError> {
        let queue = self.has_queue(name)?.id;
        if self.queues.len() == 1 {
            return Err(AmendError::LastQueue(name.to_owned()));
        }
        let mut feeding = self
            .gateways
            .iter()
            .filter(|gateway| gateway.queue == queue);
        match feeding.clone().find(|gateway| !gateway.removed) {
            Some(gateway) => Err(AmendError::Fed {
                queue: name.to_owned(),
                gateway: gateway.name.clone(),
            }),
            None if feeding.next().is_some() => Err(AmendError::HasRecords(name.to_owned())),
            None => Ok(()),
        }
    }
}

fn no_such(what: Listed, name: &str) -> AmendError {
    let name = name.to_owned();
    AmendError::NoSuch { what, name }
}

/// Words without white space around them, and not too many.
fn fit(words: &mut String, part: &str, most: usize) -> Result<(), AmendError> {
    *words = words.trim().to_owned();
    match words.chars().count() > most {
        true => Err(AmendError::TooLong {
            part: part.to_owned(),
            most,
        }),
        false => Ok(()),
    }
}

fn check_wording(notice: Notice, words: &mut String) -> Result<(), AmendError> {
    fit(words, &format!("the notice `{}`", notice.word()), WORDS_MAX)?;
    match unknown_name(notice, words) {
        Some(name) => Err(AmendError::UnknownName {
            notice,
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

/// A keyword and its answer, in the form in which they are kept.
pub(super) fn check_keyword(word: &str, answer: &mut String) -> Result<(), AmendError> {
    let letters = Keyword::folded(word).map_or(0, |folded| folded.chars().count());
    if !(2..=KEYWORD_MAX).contains(&letters) || word.contains('\n') {
        return Err(AmendError::BadKeyword(word.to_owned()));
    }
    if is_taken(word) {
        return Err(AmendError::TakenKeyword(word.to_owned()));
    }
    fit(answer, "the answer to a keyword", WORDS_MAX)?;
    if answer.is_empty() {
        return Err(AmendError::NoAnswer);
    }
    match unknown_among(KEYWORD_NAMES, answer) {
        Some(name) => Err(AmendError::UnknownKeywordName(name.to_owned())),
        None => Ok(()),
    }
}

fn is_bare_jid(jid: &str) -> bool {
    jid.len() <= JID_MAX
        && jid
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
        && jid.matches('@').count() == 1
        && !jid.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control())
}
