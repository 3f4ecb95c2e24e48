//! What every request needs at hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, broadcast, watch};

use super::attachments::Attachments;
use super::crier::{self, Telling};
use super::metrics::Tally;
use super::passwords::Passwords;
use super::stream::Seats;
use super::throttle::Throttle;
use super::widget::{self, Hub, Manners, Sent};
use super::{Rooms, Settings};
use crate::desk::{Arrivals, Board, Desk, Link, Wish};
use crate::modem::{LineStatus, Lines, Phase};
use crate::routing::{Event, OperatorId};
use crate::spool::Spool;

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
    pub(super) tally: Tally,
    pub(super) settings: Settings,
    pub(super) passwords: Passwords,
    pub(super) throttle: Throttle,
    /// Slows visitors of web pages.
    pub(super) crowd: Throttle,
    /// Slows those who guess links to files.
    pub(super) links: Throttle,
    pub(super) attachments: Arc<Attachments>,
    pub(super) manners: Arc<Manners>,
    pub(super) sent: Sent,
    pub(super) hub: Hub,
    pub(super) seats: Arc<Seats>,
    /// What the crier tells; streams listen here.
    pub(super) told: broadcast::Sender<Arc<Telling>>,
    pub(super) opened_at: Timestamp,
    /// Since when each line is as it is: ready, or not.
    pub(super) line_since: Arc<RwLock<HashMap<String, LineSince>>>,
    sending: [AsyncMutex<()>; SENDING],
    saying: [AsyncMutex<()>; SENDING],
    seen: Mutex<HashMap<OperatorId, Instant>>,
}

/// Since when a line sends and receives, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineSince {
    pub(super) ready: bool,
    pub(super) since: Timestamp,
}

impl Premises {
    /// Opens the surface, and starts the crier and a watch on each line.
    pub(super) fn open(rooms: Rooms) -> Arc<Self> {
        let tally = Tally::start(rooms.desk.changes());
        let told = crier::start(&rooms.desk, &rooms.spool);
        let line_since = Arc::new(RwLock::new(HashMap::new()));
        tokio::spawn(crier::watch_lines(
            rooms.lines.clone(),
            rooms.spool.clone(),
            told.downgrade(),
            Arc::clone(&line_since),
        ));
        let attachments = Attachments::open(&rooms.spool);
        let manners = Manners::open(&rooms.spool);
        let premises = Arc::new(Self {
            desk: rooms.desk,
            spool: rooms.spool,
            lines: rooms.lines,
            messengers: rooms.messengers,
            tally,
            settings: rooms.settings,
            passwords: Passwords::default(),
            throttle: Throttle::default(),
            crowd: Throttle::default(),
            links: Throttle::default(),
            attachments,
            manners,
            sent: Sent::default(),
            hub: Hub::default(),
            seats: Arc::new(Seats::default()),
            told,
            opened_at: Timestamp::now(),
            line_since,
            sending: std::array::from_fn(|_| AsyncMutex::new(())),
            saying: std::array::from_fn(|_| AsyncMutex::new(())),
            seen: Mutex::new(HashMap::new()),
        });
        tokio::spawn(widget::sweep(Arc::downgrade(&premises)));
        premises
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

    /// An API call is a sign of life.
    pub(super) async fn seen(&self, operator: OperatorId) {
        let now = Instant::now();
        {
            let mut seen = self.seen.lock().unwrap_or_else(|held| held.into_inner());
            let lately = seen
                .get(&operator)
                .is_some_and(|at| now.saturating_duration_since(*at) < SEEN_EVERY);
            if lately {
                return;
            }
            // Only operators who proved who they are get here: as many as there are on the plan.
            seen.insert(operator, now);
        }
        let wish = Wish::Happened {
            event: Event::Seen { operator },
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
