//! A change to the plan.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::canned::CannedChange;
use super::notice::Notice;
use super::plan::{GatewayKind, OfflinePolicy, Role};

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
