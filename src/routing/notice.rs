//! What the desk itself says, to patrons and to its own staff: the occasions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A wording of the desk's. Each can be another one for each gateway.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[schema(as = NoticeName)]
#[serde(rename_all = "lowercase")]
pub enum Notice {
    /// M1: the text is held.
    Closed,
    /// M2: nobody has answered for a while.
    Waiting,
    /// M3: opted out.
    Stopped,
    /// M4: what this line is.
    Help,
    /// M5: erased.
    Forgotten,
    /// M6: pictures do not come through.
    Picture,
    /// M7: the text is not kept.
    Refused,
    /// M8: the line was down.
    Outage,
    /// M9: partners are asked as well.
    Rollover,
    /// M10: opted in again.
    Started,
    /// M11: to the staff, when texts wait for nobody.
    Staff,
    /// M12: whether all is to be erased while a librarian is in the conversation.
    Confirm,
}

/// What an automatic text counts against (clause 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// What we say of our own accord.
    OwnAccord,
    /// Answers to the patron's own words about texting itself.
    Wishes,
    /// Answers to the library's keywords.
    Keywords,
}

impl Notice {
    /// All of them, in their order.
    pub const ALL: [Notice; 12] = [
        Notice::Closed,
        Notice::Waiting,
        Notice::Stopped,
        Notice::Help,
        Notice::Forgotten,
        Notice::Picture,
        Notice::Refused,
        Notice::Outage,
        Notice::Rollover,
        Notice::Started,
        Notice::Staff,
        Notice::Confirm,
    ];

    /// The word of the API, the spool and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Notice::Closed => "closed",
            Notice::Waiting => "waiting",
            Notice::Stopped => "stopped",
            Notice::Help => "help",
            Notice::Forgotten => "forgotten",
            Notice::Picture => "picture",
            Notice::Refused => "refused",
            Notice::Outage => "outage",
            Notice::Rollover => "rollover",
            Notice::Started => "started",
            Notice::Staff => "staff",
            Notice::Confirm => "confirm",
        }
    }

    /// By which allowance it goes out (clause 10).
    pub(super) fn allowance(self) -> Allowance {
        match self {
            Notice::Stopped
            | Notice::Help
            | Notice::Forgotten
            | Notice::Started
            | Notice::Confirm => Allowance::Wishes,
            Notice::Closed
            | Notice::Waiting
            | Notice::Picture
            | Notice::Refused
            | Notice::Outage
            | Notice::Rollover
            | Notice::Staff => Allowance::OwnAccord,
        }
    }

    /// The notice of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.word() == word)
    }

    /// When it is said, for whoever words it.
    pub fn when(self) -> &'static str {
        match self {
            Notice::Closed => "a text is held; once for each closed period",
            Notice::Waiting => "three minutes without an answer while someone is there",
            Notice::Stopped => "after STOP",
            Notice::Help => "after HELP, and after a missed call",
            Notice::Forgotten => "after FORGET",
            Notice::Picture => "after a picture, which cannot come through",
            Notice::Refused => "a text is not kept; once for each closed period",
            Notice::Outage => "a text came while the line was down; once for each outage",
            Notice::Rollover => "the partner queue is asked as well",
            Notice::Started => "after START",
            Notice::Staff => "to the staff: texts wait, and nobody is signed in",
            Notice::Confirm => "after the first FORGET while a librarian is in the conversation",
        }
    }

    /// The names in braces that have a value in this notice.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Notice::Closed | Notice::Refused => {
                &["library", "urgent", "email", "hours_link", "opening"]
            }
            Notice::Outage => &["library", "urgent", "email", "hours_link", "from", "to"],
            Notice::Rollover => &["library", "urgent", "email", "hours_link", "partner"],
            Notice::Staff => &["library", "n", "age", "url"],
            Notice::Waiting
            | Notice::Stopped
            | Notice::Help
            | Notice::Forgotten
            | Notice::Picture
            | Notice::Started
            | Notice::Confirm => &["library", "urgent", "email", "hours_link"],
        }
    }
}
