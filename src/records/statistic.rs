//! What is counted: no numbers, no names of patrons, no words. It outlives the transcripts.

use std::time::Duration;

use jiff::Timestamp;

/// One text, as statistics know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistic {
    /// Which way, and whose.
    pub kind: Kind,
    /// When, to the minute.
    pub at: Timestamp,
    /// The queue it came to: statistics stay with it.
    pub home: String,
    /// By which gateway.
    pub gateway: String,
    /// Who answered.
    pub operator: Option<String>,
    /// The queue whoever answered belongs to: another than `home`, where a partner helped out.
    pub answerer_home: Option<String>,
    /// How long the patron had waited for it.
    pub wait: Option<Duration>,
    /// The first of its conversation, of its kind.
    pub first: bool,
    /// SMS it took.
    pub segments: u32,
}

/// Which way a text went, and whose it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A patron's.
    In,
    /// A librarian's.
    Out,
    /// The desk's own.
    Notice,
    /// A patron's mark beside a text of ours.
    Reaction,
    /// A keyword of the library's that was answered without a librarian.
    Keyword,
}

impl Kind {
    /// The word of the spool.
    pub fn word(self) -> &'static str {
        match self {
            Kind::In => "in",
            Kind::Out => "out",
            Kind::Notice => "notice",
            Kind::Reaction => "reaction",
            Kind::Keyword => "keyword",
        }
    }
}
