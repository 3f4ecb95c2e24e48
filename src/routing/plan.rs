//! The plan of the desk: who and what there is. Lives in the spool, handed to the router whole
//! whenever it changes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consent::{self, Languages};
use super::hours::{Calendar, Opening};
use super::ids::{GatewayId, OperatorId, QueueId};
use super::notice::Notice;
use crate::numbers::{Country, PatronNumber};

/// Letters of a name at most: it must fit a list, a link and an instant-message address.
const NAME_MAX: usize = 32;

/// For descriptions: the name of a queue, a gateway, a line or an operator.
#[derive(Debug, ToSchema)]
#[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9._-]+$")]
pub struct Name(pub String);

/// Names of queues, gateways, operators and canned replies stand in links, addresses and lists.
///
/// # Errors
/// What a name looks like.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty()
        && name.len() <= NAME_MAX
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    if fits {
        Ok(())
    } else {
        Err(format!(
            "{name:?} cannot be a name: use 1 to {NAME_MAX} of a-z, 0-9, `-`, `_` and `.`"
        ))
    }
}

/// Everything the router must know of the library's arrangements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What the patron is told the library is called, and where to call.
    pub library: Library,
    /// Queues, by id.
    pub queues: Vec<Queue>,
    /// Gateways, by id; a removed gateway stays listed while its conversations are open.
    pub gateways: Vec<Gateway>,
    /// Operators, by id; removed ones are not listed.
    pub operators: Vec<Operator>,
}

/// The library as patrons know it; fills the templates of the notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// `{library}`
    pub name: String,
    /// `{urgent}`: a telephone number a person answers.
    pub urgent: Option<String>,
    /// `{email}`
    pub email: Option<String>,
    /// `{hours_link}`
    pub hours_link: Option<String>,
    /// Where its clocks are: opening hours are written in it, and times told to patrons.
    pub time_zone: TimeZone,
    /// Where its lines are, as far as they do not say it themselves: how numbers without `+` are
    /// read.
    pub country: Country,
    /// Languages whose words of consent hold beside English and those of the country.
    pub languages: Languages,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            name: String::new(),
            urgent: None,
            email: None,
            hours_link: None,
            time_zone: TimeZone::UTC,
            country: Country::default(),
            languages: Languages::default(),
        }
    }
}

/// A desk patrons write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Lower-case name, unique.
    pub name: String,
    /// What its patrons call it, where that is not the library's own name: a branch, or one
    /// library of a consortium.
    pub title: Option<String>,
    /// What librarians elsewhere should know when they answer its patrons: shelves, rules, hours.
    pub facts: Option<String>,
    /// When it is open: words the notices (clause 8).
    pub calendar: Calendar,
    /// Who helps when nobody here answers (clause 7).
    pub fallback: Option<Fallback>,
}

/// The queue that helps out, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// Which.
    pub queue: QueueId,
    /// Unanswered this long, a conversation is offered there as well.
    pub after: Duration,
}

impl Fallback {
    /// The local desk has this long to itself, unless arranged otherwise (clause 7).
    pub const AFTER: Duration = Duration::from_secs(90);
}

impl Queue {
    /// A queue without arrangements of its own.
    pub fn new(id: QueueId, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            title: None,
            facts: None,
            calendar: Calendar::default(),
            fallback: None,
        }
    }
}

/// What kind of wire a gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    /// A line: modem and SIM.
    Sms,
    /// A queue's XMPP address.
    Im,
    /// A web page.
    Widget,
}

/// What happens to a text while the gateway's queue is offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OfflinePolicy {
    /// Keep it for the next operator who signs in.
    Hold,
    /// Keep nothing, and say so.
    Refuse,
}

impl OfflinePolicy {
    /// The word used in the API and the command line.
    pub fn word(self) -> &'static str {
        match self {
            OfflinePolicy::Hold => "hold",
            OfflinePolicy::Refuse => "refuse",
        }
    }
}

impl GatewayKind {
    /// The policy a new gateway of this kind starts with: texting is asynchronous, a web visitor
    /// is gone before anyone replies.
    pub fn default_policy(self) -> OfflinePolicy {
        match self {
            GatewayKind::Sms | GatewayKind::Im => OfflinePolicy::Hold,
            GatewayKind::Widget => OfflinePolicy::Refuse,
        }
    }

    /// The word used in the configuration, the API and the command line.
    pub fn word(self) -> &'static str {
        match self {
            GatewayKind::Sms => "sms",
            GatewayKind::Im => "im",
            GatewayKind::Widget => "widget",
        }
    }
}

/// Whether a text can be sent to this address at all: names (`LIBRARY`) and numbers of six digits
/// or fewer cannot be answered.
pub fn answerable(kind: GatewayKind, address: &PatronNumber) -> bool {
    match kind {
        GatewayKind::Sms => address.is_telephone(),
        GatewayKind::Im | GatewayKind::Widget => !address.as_str().is_empty(),
    }
}

/// A word of the library's own that is answered without a librarian: `HOURS`, `HORARIO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyword {
    /// As the library wrote it.
    pub word: String,
    /// What a patron is told; names in braces as in notices.
    pub answer: String,
}

impl Keyword {
    /// The form in which a word is looked up: case, accents, width, quotes and signs are off.
    pub fn folded(word: &str) -> Option<String> {
        consent::keyword(word)
    }
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its id.
    pub id: GatewayId,
    /// Lower-case name, unique among gateways that are not removed.
    pub name: String,
    /// The wire.
    pub kind: GatewayKind,
    /// The queue it feeds.
    pub queue: QueueId,
    /// For sms: the configured modem's name.
    pub line: Option<String>,
    /// What happens while the queue is offline.
    pub policy: OfflinePolicy,
    /// Its own wording of notices: one that is not here has the default wording, an empty one is
    /// not sent at all.
    pub wording: BTreeMap<Notice, String>,
    /// The library's own keywords, by their folded form.
    pub keywords: BTreeMap<String, Keyword>,
    /// Taken for offline, whoever is there: patrons are told that the desk is closed.
    pub paused: bool,
    /// How often it was paused: each pause is a closed period of its own.
    pub pauses: i64,
    /// Removed gateways take no new texts; their open conversations can still be answered.
    pub removed: bool,
}

impl Gateway {
    /// A gateway in use with its kind's policy and the default wording.
    pub fn new(id: GatewayId, name: impl Into<String>, kind: GatewayKind, queue: QueueId) -> Self {
        Self {
            id,
            name: name.into(),
            kind,
            queue,
            line: None,
            policy: kind.default_policy(),
            wording: BTreeMap::new(),
            keywords: BTreeMap::new(),
            paused: false,
            pauses: 0,
            removed: false,
        }
    }

    /// The number of its present pause, as a closed period; below every queue's.
    pub(super) fn pause(&self) -> Option<i64> {
        self.paused.then(|| self.pauses.saturating_neg() - 1)
    }
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers patrons in the queues assigned.
    Operator,
    /// Also assigns operators, keeps canned replies and reads reports.
    Coordinator,
    /// Also arranges the desk.
    Admin,
}

impl Role {
    /// The word used in the API and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Coordinator => "coordinator",
            Role::Admin => "admin",
        }
    }
}

/// A librarian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its id.
    pub id: OperatorId,
    /// Lower-case name, unique; signs in with it.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The queues they are assigned to.
    pub queues: Vec<QueueId>,
}

impl Plan {
    /// The queue with this id.
    pub fn queue(&self, id: QueueId) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.id == id)
    }

    /// The queue with this name.
    pub fn queue_named(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// Languages whose words of consent hold where nothing more is known of a line: English, those of
    /// the library's country, and those it chose.
    pub fn languages(&self) -> Languages {
        Languages::of_country(self.library.country.as_str()).with(&self.library.languages)
    }

    /// What patrons of this queue call the library.
    pub fn title(&self, queue: QueueId) -> &str {
        let title = self.queue(queue).and_then(|queue| queue.title.as_deref());
        match title.unwrap_or(&self.library.name).trim() {
            // Without a name, half the notices would have no subject.
            "" => "The library",
            title => title,
        }
    }

    /// What a queue is called where it helps another one's patrons out.
    pub fn partner(&self, queue: QueueId) -> String {
        match self.queue(queue) {
            Some(queue) => queue.title.as_ref().unwrap_or(&queue.name).clone(),
            None => "another library".to_owned(),
        }
    }

    /// What the queue's calendar says of a moment (clause 8).
    pub fn opening(&self, queue: QueueId, now: Timestamp) -> Opening {
        match self.queue(queue) {
            Some(queue) => queue.calendar.at(now, &self.library.time_zone),
            None => Opening::Unknown,
        }
    }

    /// Queues that a queue helps out.
    pub(super) fn helped_by(&self, fallback: QueueId) -> impl Iterator<Item = QueueId> {
        let helped = move |queue: &&Queue| queue.fallback.is_some_and(|f| f.queue == fallback);
        self.queues.iter().filter(helped).map(|queue| queue.id)
    }

    /// The gateway with this id, removed or not.
    pub fn gateway(&self, id: GatewayId) -> Option<&Gateway> {
        self.gateways.iter().find(|gateway| gateway.id == id)
    }

    /// The gateway in use with this name.
    pub fn gateway_named(&self, name: &str) -> Option<&Gateway> {
        self.gateways
            .iter()
            .find(|gateway| !gateway.removed && gateway.name == name)
    }

    /// The sms gateway that listens on a line.
    pub fn gateway_on_line(&self, line: &str) -> Option<&Gateway> {
        self.gateways
            .iter()
            .find(|gateway| !gateway.removed && gateway.line.as_deref() == Some(line))
    }

    /// The operator with this id.
    pub fn operator(&self, id: OperatorId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == id)
    }

    /// The operator with this name.
    pub fn operator_named(&self, name: &str) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_short_numbers_cannot_be_answered() {
        for (kind, address, can) in [
            (GatewayKind::Sms, "+15551230100", true),
            (GatewayKind::Sms, "5551230100", true),
            (GatewayKind::Sms, "1234567", true),
            (GatewayKind::Sms, "123456", false),
            (GatewayKind::Sms, "+123456", false),
            (GatewayKind::Sms, "22000", false),
            (GatewayKind::Sms, "INFO", false),
            (GatewayKind::Sms, "Library7654321", false),
            (GatewayKind::Sms, "+", false),
            (GatewayKind::Sms, "", false),
            (GatewayKind::Sms, "++15551230100", false),
            (
                GatewayKind::Sms,
                "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\u{667}",
                false,
            ),
            (GatewayKind::Sms, "123456789012345678901", false),
            (GatewayKind::Im, "pat@example.org", true),
            (GatewayKind::Widget, "v-8f", true),
            (GatewayKind::Im, "", false),
        ] {
            let number = PatronNumber::kept(address.to_owned());
            assert_eq!(answerable(kind, &number), can, "{kind:?} {address:?}");
        }
    }
}
