//! The counter between the surfaces and the router's one owner: wishes go in, changes come out.
//!
//! A surface holds a [`Desk`], asks with [`Desk::ask`] and listens with [`Desk::changes`]. What it
//! asked is on disk when the answer comes. The channels carry nothing that is not also a row: a
//! listener that falls behind reads the spool again.

pub mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::numbers::Country;
use crate::routing::book::Manuscript;
use crate::routing::{
    AmendError, Amendment, ArrivalId, Conversation, ConversationId, EndpointId, Event, Gateway,
    Library, Message, OperatorId, Plan, QueueId, Refusal, Show,
};
use crate::sms::NationalTables;

/// Segments of one text an operator or a command may send; longer answers belong in e-mail.
pub const SEGMENTS_MAX: usize = 10;

/// Wishes waiting for the router; more than this and the asker waits too.
const WISHES_MAX: usize = 1024;
/// Changes a slow listener may lag behind before it has to read the spool again.
const CHANGES_MAX: usize = 4096;

/// What becomes of the PDUs an event was made of, in the event's own transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// It was made of none.
    #[default]
    None,
    /// They are used up.
    Consumed(Vec<ArrivalId>),
    /// They are shown, but segments are missing: kept, to be shown again when those come.
    ShownInPart(Vec<ArrivalId>),
    /// They cannot be read: kept for good, with the reason.
    Unreadable {
        /// Which.
        ids: Vec<ArrivalId>,
        /// Why.
        problem: String,
    },
}

/// What a surface wants of the desk.
#[derive(Debug)]
pub enum Wish {
    /// Something happened.
    Happened {
        /// What.
        event: Event,
        /// What it was made of.
        arrivals: Arrivals,
    },
    /// The plan is to change: a command on the box wants it.
    Amend(Amendment),
    /// The plan is to change, if this operator may change it.
    AmendBy(OperatorId, Amendment),
    /// The plan is to be made like the one in a book: all of it, or nothing.
    Import(Import),
    /// The library is known to patrons by other words.
    Library(Library),
    /// Lines send in these national tables, and others in none.
    Tables(BTreeMap<String, NationalTables>),
}

/// A book to be brought in.
#[derive(Debug, Clone)]
pub struct Import {
    /// Whose wish it is; `None` for a command on the box.
    pub by: Option<OperatorId>,
    /// The book.
    pub manuscript: Arc<Manuscript>,
    /// It is only tried: nothing changes, and what would, or what is wrong, is answered.
    pub dry_run: bool,
}

/// What came of a granted wish.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// The message it made, if it made one.
    pub message: Option<Message>,
    /// The conversation as it stands now, if it touched one.
    pub conversation: Option<Conversation>,
    /// What a book changed of the plan, or would, a line each.
    pub changes: Vec<String>,
}

/// Why a wish was not granted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotGranted {
    /// The law of the desk says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The change to the plan makes no sense.
    #[error(transparent)]
    BadAmendment(AmendError),
    /// The operator may not do this; says who may.
    #[error("{0}")]
    Forbidden(String),
    /// The spool could not keep it: nothing was done.
    #[error("the desk could not write to its disk, so nothing was done: {0}")]
    NotKept(String),
    /// The daemon is shutting down.
    #[error("the desk is shutting down; try again in a moment")]
    ShuttingDown,
}

impl NotGranted {
    /// Whether the same wish may be granted later.
    pub fn is_transient(&self) -> bool {
        matches!(self, NotGranted::NotKept(_) | NotGranted::ShuttingDown)
    }
}

/// A wish on its way to the router's owner.
#[derive(Debug)]
pub struct Asked {
    /// What is wanted.
    pub wish: Wish,
    /// Where the answer goes; nobody may be waiting.
    pub answer: oneshot::Sender<Result<Receipt, NotGranted>>,
}

/// Something operators should see, already on disk.
#[derive(Debug, Clone)]
pub struct Change {
    /// The row of the feed: grows by commit. A browser resumes after the last one it saw.
    /// Zero for what is not a row (presence).
    pub id: i64,
    /// What.
    pub what: What,
}

/// The kinds of change.
#[derive(Debug, Clone)]
pub enum What {
    /// A conversation, as it stands now.
    Conversation(Arc<Conversation>),
    /// A message, new or with a new state or new words, in a conversation of this queue.
    Message(Arc<Message>, QueueId),
    /// A line from the desk or a colleague to the operators, inside a thread of this queue.
    Note {
        /// Which thread.
        conversation: ConversationId,
        /// Its queue.
        queue: QueueId,
        /// The words.
        text: Arc<str>,
    },
    /// The patron set a mark beside one of our messages, or took it back.
    Reaction {
        /// In which thread.
        conversation: ConversationId,
        /// Its queue.
        queue: QueueId,
        /// In words, for where messages cannot be marked.
        text: Arc<str>,
    },
    /// A conversation is offered to this operator.
    Offered {
        /// Which.
        conversation: ConversationId,
        /// To whom.
        to: OperatorId,
    },
    /// It is no longer.
    Withdrawn {
        /// Which.
        conversation: ConversationId,
        /// From whom.
        from: OperatorId,
        /// Why: `answered by ana`.
        reason: Arc<str>,
    },
    /// An operator's presence.
    Operator {
        /// Who.
        operator: OperatorId,
        /// How.
        show: Show,
    },
    /// A queue went online or offline.
    Queue {
        /// Which.
        queue: QueueId,
        /// Online.
        online: bool,
    },
    /// Conversations were erased: the rows of the feed up to this one say which.
    Erased,
    /// The plan changed.
    Plan {
        /// As it is now.
        plan: Arc<Plan>,
        /// Which part of it.
        part: PlanPart,
    },
    /// The canned replies changed.
    Canned,
    /// Ways in were taken back from this operator: sessions, tokens or links.
    Access(OperatorId),
}

/// A part of the plan, for those who keep another in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlanPart {
    /// Queues, and when they are open.
    Queues,
    /// Gateways, their lines and their notices.
    Gateways,
    /// Operators, their queues and their addresses.
    Operators,
    /// Any of it.
    All,
}

impl PlanPart {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            PlanPart::Queues => "queues",
            PlanPart::Gateways => "gateways",
            PlanPart::Operators => "operators",
            PlanPart::All => "all",
        }
    }
}

/// How the desk stands now, for those who answer from memory: presence pages, lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    /// The plan in force.
    pub plan: Arc<Plan>,
    /// Operators who are not offline, and how they are.
    pub shows: BTreeMap<OperatorId, Show>,
    /// Queues with an assigned operator available.
    pub online: BTreeSet<QueueId>,
    /// The national tables that lines send in, by the line's name.
    pub tables: Arc<BTreeMap<String, NationalTables>>,
    /// Where the lines are: the countries in which a number without `+` may be read.
    pub countries: Vec<Country>,
}

impl Board {
    /// The national tables that a gateway's texts may go out in.
    pub fn tables(&self, gateway: &Gateway) -> NationalTables {
        let of_line = |line: &String| self.tables.get(line).copied();
        gateway.line.as_ref().and_then(of_line).unwrap_or_default()
    }
}

/// How the link of a surface to a server elsewhere stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Link {
    /// Not up yet, and no try failed yet.
    #[default]
    Connecting,
    /// Up.
    Up,
    /// Down, and why and what to do, in words; tried again by itself.
    Down(String),
}

/// A surface's way to the router. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    wishes: mpsc::Sender<Asked>,
    changes: broadcast::Sender<Arc<Change>>,
    board: watch::Receiver<Arc<Board>>,
    due: watch::Receiver<u64>,
    erased: watch::Receiver<u64>,
    endpoints: Arc<AtomicI64>,
}

/// The owner's side of the counter.
#[derive(Debug)]
pub struct Counter {
    /// Wishes, in the order they were made.
    pub wishes: mpsc::Receiver<Asked>,
    /// Where changes are told once they are on disk.
    pub changes: broadcast::Sender<Arc<Change>>,
    /// Where the board is hung once it changed.
    pub board: watch::Sender<Arc<Board>>,
    /// Counted up when texts are due on some line.
    pub due: watch::Sender<u64>,
    /// Counted up when something was erased that must leave no trace.
    pub erased: watch::Sender<u64>,
}

/// Opens a counter.
pub fn open() -> (Desk, Counter) {
    let (wishes, asked) = mpsc::channel(WISHES_MAX);
    let (changes, _) = broadcast::channel(CHANGES_MAX);
    let (board, hung) = watch::channel(Arc::default());
    let (due, rung) = watch::channel(0);
    let (erased, scrubbing) = watch::channel(0);
    let desk = Desk {
        wishes,
        changes: changes.clone(),
        board: hung,
        due: rung,
        erased: scrubbing,
        endpoints: Arc::new(AtomicI64::new(1)),
    };
    (
        desk,
        Counter {
            wishes: asked,
            changes,
            board,
            due,
            erased,
        },
    )
}

impl Desk {
    /// Asks, and waits until it is on disk or refused.
    pub async fn ask(&self, event: Event) -> Result<Receipt, NotGranted> {
        self.wish(Wish::Happened {
            event,
            arrivals: Arrivals::None,
        })
        .await
    }

    /// Changes the plan, and waits until the change is on disk and in force.
    pub async fn amend(&self, amendment: Amendment) -> Result<Receipt, NotGranted> {
        self.wish(Wish::Amend(amendment)).await
    }

    /// Changes the plan for an operator, if they may.
    pub async fn amend_by(
        &self,
        operator: OperatorId,
        amendment: Amendment,
    ) -> Result<Receipt, NotGranted> {
        self.wish(Wish::AmendBy(operator, amendment)).await
    }

    /// Makes the plan like the one in a book, and waits until all of it is on disk and in force;
    /// answers what changed, a line each.
    ///
    /// # Errors
    /// What stands in the way: then nothing changed.
    pub async fn import(&self, import: Import) -> Result<Vec<String>, NotGranted> {
        let receipt = self.wish(Wish::Import(import)).await?;
        Ok(receipt.changes)
    }

    /// Changes what notices call the library, and waits until that is in force.
    pub async fn name_library(&self, library: Library) -> Result<Receipt, NotGranted> {
        self.wish(Wish::Library(library)).await
    }

    /// Says in which national tables lines send, and waits until that counts.
    pub async fn set_tables(
        &self,
        tables: BTreeMap<String, NationalTables>,
    ) -> Result<Receipt, NotGranted> {
        self.wish(Wish::Tables(tables)).await
    }

    /// Makes a wish and waits for the answer.
    pub async fn wish(&self, wish: Wish) -> Result<Receipt, NotGranted> {
        let answer = self.post(wish).await?;
        answer.await.unwrap_or(Err(NotGranted::ShuttingDown))
    }

    /// Makes a wish, and leaves the answer for later: wishes posted one after another are taken in
    /// that order and share commits.
    pub async fn post(
        &self,
        wish: Wish,
    ) -> Result<oneshot::Receiver<Result<Receipt, NotGranted>>, NotGranted> {
        let (answer, waiting) = oneshot::channel();
        self.wishes
            .send(Asked { wish, answer })
            .await
            .map_err(|_| NotGranted::ShuttingDown)?;
        Ok(waiting)
    }

    /// Listens to changes from now on. A listener that lags is told so and reads the spool again.
    pub fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.changes.subscribe()
    }

    /// How the desk stands now; changes wake whoever watches.
    pub fn board(&self) -> watch::Receiver<Arc<Board>> {
        self.board.clone()
    }

    /// Wakes when texts are due on some line: look into the outbox.
    pub fn due(&self) -> watch::Receiver<u64> {
        self.due.clone()
    }

    /// Wakes when something was erased: what is left of it between rows is to be scrubbed off.
    pub fn erased(&self) -> watch::Receiver<u64> {
        self.erased.clone()
    }

    /// A number for a new endpoint.
    pub fn new_endpoint(&self) -> EndpointId {
        EndpointId(self.endpoints.fetch_add(1, Ordering::Relaxed))
    }
}
