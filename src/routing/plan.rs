//! The plan of the desk: who and what there is. Lives in the spool, handed to the router whole
//! whenever it changes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::canned::CannedChange;
use super::hours::{Calendar, Opening};
use super::ids::{GatewayId, OperatorId, QueueId};
use super::notices::Notice;

/// Letters of a name at most: it must fit a list, a link and an instant-message address.
const NAME_MAX: usize = 32;

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
}

impl Default for Library {
    fn default() -> Self {
        Self {
            name: String::new(),
            urgent: None,
            email: None,
            hours_link: None,
            time_zone: TimeZone::UTC,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// One change to the plan, from the console or the command line. Names, not ids: whoever asks
/// knows names. Applied by the spool in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Amendment {
    /// A new queue.
    AddQueue {
        /// Its name.
        name: String,
    },
    /// A queue's new name.
    SetQueue {
        /// The present name.
        name: String,
        /// The new one.
        rename: String,
    },
    /// What a queue's patrons and its partners are told; `None` leaves a part as it is.
    DescribeQueue {
        /// Which.
        name: String,
        /// What its patrons call it; empty: as the library.
        title: Option<String>,
        /// What librarians elsewhere should know; empty for nothing.
        facts: Option<String>,
    },
    /// When a queue is open; `None` leaves a part as it is.
    SetHours {
        /// Which.
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
    /// Who helps when nobody answers (clause 7); `None` leaves a part as it is.
    SetFallback {
        /// Whose.
        queue: String,
        /// The queue that helps; empty for none.
        fallback: Option<String>,
        /// Unanswered for how many seconds.
        after_s: Option<u32>,
    },
    /// Takes an unused queue away: no gateway feeds it, no conversation is open in it.
    RemoveQueue {
        /// Its name.
        name: String,
    },
    /// A new operator.
    AddOperator {
        /// The name they sign in with.
        name: String,
        /// An argon2id hash in PHC form; `None` when only links and tokens sign them in.
        password_hash: Option<String>,
        /// What they may do.
        role: Role,
        /// Names of the queues they are assigned to.
        queues: Vec<String>,
    },
    /// Changes an operator; `None` leaves a part as it is.
    SetOperator {
        /// Whom.
        name: String,
        /// A new argon2id hash; signs out every session, tokens stay.
        password_hash: Option<String>,
        /// A new role.
        role: Option<Role>,
        /// The queues from now on.
        queues: Option<Vec<String>>,
    },
    /// An operator's XMPP addresses from now on.
    SetAddresses {
        /// Whose.
        operator: String,
        /// Bare JIDs; none takes the present ones away.
        jids: Vec<String>,
    },
    /// Takes an operator away: sessions and tokens end, claimed conversations go back to the queue.
    RemoveOperator {
        /// Whom.
        name: String,
    },
    /// A bearer token for the JSON API.
    AddToken {
        /// Whose.
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
        operator: String,
        /// The beginning of its hash, as lists show it; all of them when left out.
        token: Option<String>,
    },
    /// Takes back every way in that was handed out: sessions, bearer tokens and unused links end. The
    /// password and the XMPP addresses stay.
    ShutOut {
        /// Whom.
        operator: String,
    },
    /// A change to the canned replies.
    Canned(CannedChange),
    /// A one-time sign-in link.
    AddLink {
        /// Whose.
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
        name: String,
    },
    /// A new gateway.
    AddGateway {
        /// Its name.
        name: String,
        /// The wire.
        kind: GatewayKind,
        /// The queue it feeds.
        queue: String,
        /// For sms: the configured modem's name; the gateway's own name when left out.
        line: Option<String>,
        /// The policy; the kind's default when left out.
        policy: Option<OfflinePolicy>,
    },
    /// Changes a gateway; `None` leaves a part as it is.
    SetGateway {
        /// Which.
        name: String,
        /// The queue it feeds from now on; open conversations stay where they are.
        queue: Option<String>,
        /// The line.
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
        gateway: String,
        /// Which notice.
        notice: Notice,
        /// The words: `None` for the default, empty for no notice at all.
        words: Option<String>,
    },
    /// Takes a gateway for offline whoever is there, or no longer.
    PauseGateway {
        /// Which.
        name: String,
        /// Whether it is.
        paused: bool,
    },
    /// Takes a gateway away. Its open conversations stay and can be answered.
    RemoveGateway {
        /// Which.
        name: String,
    },
}
