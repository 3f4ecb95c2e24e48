//! What every request needs at hand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, broadcast, watch};

use super::attachments::Attachments;
use super::body::Budget;
use super::crier::{self, Telling};
use super::metrics::Tally;
use super::passwords::Passwords;
use super::problem::Problem;
use super::seats::Seats;
use super::signals::{self, Signals};
use super::throttle::Throttle;
use super::widget::{self, Hub, Manners, OnTheWay, Sent};
use super::{Calling, FileSays, Rooms, Settings};
use crate::desk::{Arrivals, Board, Desk, Link, Wish};
use crate::errands::Door;
use crate::modem::{LineStatus, Lines, Phase};
use crate::routing::{Event, OperatorId};
use crate::spool::backup::{Copied, Progress};
use crate::spool::{Spool, audit};

/// Locks that operators' sends share: one operator's wait for one another.
const SENDING: usize = 16;
/// A call to the API renews a lease of 90 s; telling the router more often changes nothing.
const SEEN_EVERY: Duration = Duration::from_secs(15);

/// What every request needs at hand.
#[derive(Debug)]
pub(super) struct Premises {
    pub(super) desk: Desk,
    pub(super) spool: Spool,
    pub(super) lines: Lines,
    pub(super) messengers: Option<watch::Receiver<Link>>,
    pub(super) file_says: watch::Receiver<FileSays>,
    /// The way to whoever calls for help.
    pub(super) calling: Calling,
    /// The way to whoever looks after the process.
    pub(super) errands: Door,
    /// How well they were heard today.
    pub(super) signals: Signals,
    pub(super) tally: Tally,
    pub(super) settings: Settings,
    pub(super) passwords: Passwords,
    pub(super) throttle: Throttle,
    /// Slows visitors of web pages.
    pub(super) crowd: Throttle,
    /// Slows those who guess links to files.
    pub(super) links: Throttle,
    /// What bodies may take of the memory.
    pub(super) bodies: Budget,
    pub(super) attachments: Arc<Attachments>,
    pub(super) manners: Arc<Manners>,
    pub(super) sent: Sent,
    pub(super) letters: OnTheWay,
    pub(super) hub: Hub,
    pub(super) seats: Arc<Seats<OperatorId>>,
    /// What the crier tells; streams listen here.
    pub(super) told: broadcast::Sender<Arc<Telling>>,
    copying: Mutex<Copying>,
    examining: Mutex<Examining>,
    sending: [AsyncMutex<()>; SENDING],
    saying: [AsyncMutex<()>; SENDING],
    seen: Mutex<HashMap<(OperatorId, bool), Instant>>,
}

/// The backup that is being made, and what came of the one before.
#[derive(Debug, Clone, Default)]
pub(super) struct Copying {
    /// How far it is.
    pub(super) progress: Option<Progress>,
    /// When the last one was begun, and what came of it.
    pub(super) last: Option<(Timestamp, Result<Copied, String>)>,
}

/// The look over the box that is under way, and what the one before found.
#[derive(Debug, Clone, Default)]
pub(super) struct Examining {
    /// Whether one is.
    pub(super) running: bool,
    /// When the last one ended, and what it found: the doctor's own words.
    pub(super) last: Option<(Timestamp, Result<serde_json::Value, String>)>,
}

impl Premises {
    /// Opens the surface, and starts the crier and a watch on each line.
    pub(super) fn open(rooms: Rooms) -> Arc<Self> {
        let tally = Tally::start(rooms.desk.changes());
        let told = crier::start(&rooms.desk, &rooms.spool);
        tokio::spawn(crier::watch_lines(
            rooms.lines.clone(),
            rooms.spool.clone(),
            told.downgrade(),
        ));
        let attachments = Attachments::open(&rooms.spool);
        let manners = Manners::open(&rooms.spool);
        let premises = Arc::new(Self {
            desk: rooms.desk,
            spool: rooms.spool,
            lines: rooms.lines,
            messengers: rooms.messengers,
            file_says: rooms.file_says,
            calling: rooms.calling,
            errands: rooms.errands,
            signals: Signals::default(),
            tally,
            settings: rooms.settings,
            passwords: Passwords::default(),
            throttle: Throttle::default(),
            crowd: Throttle::default(),
            links: Throttle::default(),
            bodies: Budget::default(),
            attachments,
            manners,
            sent: Sent::default(),
            letters: OnTheWay::default(),
            hub: Hub::default(),
            seats: Arc::default(),
            told,
            copying: Mutex::default(),
            examining: Mutex::default(),
            sending: std::array::from_fn(|_| AsyncMutex::new(())),
            saying: std::array::from_fn(|_| AsyncMutex::new(())),
            seen: Mutex::new(HashMap::new()),
        });
        tokio::spawn(widget::sweep(Arc::downgrade(&premises)));
        tokio::spawn(signals::listen(Arc::downgrade(&premises)));
        premises
    }

    /// A folder or file beside the spool.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        let folder = self.spool.path().parent().unwrap_or(Path::new("."));
        folder.join(name)
    }

    /// How the backup stands that is being made.
    pub(super) fn copying(&self) -> Copying {
        self.copy_now(|copying| copying.clone())
    }

    /// Looks at how the backup stands, and changes it.
    pub(super) fn copy_now<T>(&self, change: impl FnOnce(&mut Copying) -> T) -> T {
        change(&mut self.copying.lock().unwrap_or_else(|held| held.into_inner()))
    }

    /// Looks at how the look over the box stands, and changes it.
    pub(super) fn examine_now<T>(&self, change: impl FnOnce(&mut Examining) -> T) -> T {
        change(
            &mut self
                .examining
                .lock()
                .unwrap_or_else(|held| held.into_inner()),
        )
    }

    /// Writes into the audit trail what is no change of the plan.
    pub(super) async fn note(
        &self,
        by: OperatorId,
        action: &'static str,
        subject: Option<String>,
        detail: Option<serde_json::Value>,
    ) -> Result<(), Problem> {
        let now = self.spool.now();
        let detail = detail.map(|detail| detail.to_string());
        self.spool
            .write(move |connection| {
                let (subject, detail) = (subject.as_deref(), detail.as_deref());
                audit::write(connection, Some(by), action, subject, None, detail, now)
            })
            .await?;
        Ok(())
    }

    /// How the desk stands.
    pub(super) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.desk.board().borrow())
    }

    /// One send of an operator at a time: the same key sent twice at once is still one message.
    pub(super) async fn turn_to_send(&self, operator: OperatorId) -> MutexGuard<'_, ()> {
        let place = usize::try_from(operator.0.unsigned_abs()).unwrap_or(0) % SENDING;
        match self.sending.get(place) {
            Some(lock) => lock.lock().await,
            None => unreachable!("a remainder is less than the number of locks"),
        }
    }

    /// One message of a visit at a time.
    pub(super) async fn turn_to_say(&self, visit: &str) -> MutexGuard<'_, ()> {
        let place = visit.bytes().fold(0_usize, |sum, octet| {
            sum.wrapping_mul(31).wrapping_add(usize::from(octet))
        }) % SENDING;
        match self.saying.get(place) {
            Some(lock) => lock.lock().await,
            None => unreachable!("a remainder is less than the number of locks"),
        }
    }

    /// An API call is a sign of life; `by_hand` where it changes something, which no page does by
    /// itself.
    pub(super) async fn seen(&self, operator: OperatorId, by_hand: bool) {
        let now = Instant::now();
        {
            let mut seen = self.seen.lock().unwrap_or_else(|held| held.into_inner());
            let lately = seen
                .get(&(operator, by_hand))
                .is_some_and(|at| now.saturating_duration_since(*at) < SEEN_EVERY);
            if lately {
                return;
            }
            // Only operators who proved who they are get here: as many as there are on the plan.
            seen.insert((operator, by_hand), now);
        }
        let wish = Wish::Happened {
            event: Event::Seen { operator, by_hand },
            arrivals: Arrivals::None,
        };
        // Nobody waits for the answer, and a desk that is shutting down needs no sign of life.
        let _ = self.desk.post(wish).await;
    }
}

/// Whether a line sends and receives.
pub(super) fn is_ready(status: &LineStatus) -> bool {
    matches!(status.phase, Phase::Ready)
}
