//! The owner's turn: wishes in, one after another, and what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::restored::{MEND_EVERY, restore};
use crate::desk::{Arrivals, Asked, Board, Counter, NotGranted, Receipt, Wish};
use crate::routing::{EndpointId, Event, Library, Moment, OperatorId, Router};
use crate::spool::{Spool, SpoolError, telephones};

/// Wishes decided on before a commit, at most: more would make the first wait for the last.
const BATCH_MAX: usize = 256;

/// Wall time and uptime, read together.
fn moment(spool: &Spool, started: Instant) -> Moment {
    let wall = spool.now();
    Moment {
        // Rows keep milliseconds; the router must not know more than they do.
        wall: Timestamp::from_millisecond(wall.as_millisecond()).unwrap_or(wall),
        uptime: started.elapsed(),
    }
}

/// Owns the router.
pub struct Owner {
    pub(super) spool: Spool,
    pub(super) library: Library,
    pub(super) router: Router,
    pub(super) counter: Counter,
    pub(super) started: Instant,
    /// Endpoints open now: the router learns of them again when it is rebuilt.
    pub(super) endpoints: BTreeSet<(OperatorId, EndpointId)>,
    /// The lines' own numbers and SIMs, told once by each line: the router learns of them again as
    /// well.
    pub(super) numbers: BTreeMap<String, (Option<String>, Option<String>)>,
    /// After a commit that failed, the uptime before which nothing is tried without being asked.
    pub(super) rest_until: Duration,
    pub(super) board: Board,
}

impl Owner {
    /// Builds the router from the spool.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn open(
        spool: Spool,
        library: Library,
        counter: Counter,
    ) -> Result<Self, SpoolError> {
        let started = Instant::now();
        let home = library.country;
        let unified = spool
            .write(move |connection| telephones::unify(connection, home))
            .await?;
        if unified != telephones::Unified::default() {
            let telephones::Unified { renamed, merged } = unified;
            tracing::info!(
                renamed,
                merged,
                "patrons known by other spellings of their number have one form now"
            );
        }
        let (plan, router) = restore(&spool, &library, moment(&spool, started)).await?;
        let mut owner = Self {
            spool,
            library,
            router,
            counter,
            started,
            endpoints: BTreeSet::new(),
            numbers: BTreeMap::new(),
            rest_until: Duration::ZERO,
            board: Board {
                plan: Arc::new(plan),
                ..Board::default()
            },
        };
        owner.hang_board(true);
        Ok(owner)
    }

    pub(super) fn now(&self) -> Moment {
        moment(&self.spool, self.started)
    }

    /// Serves until every [`Desk`](crate::desk::Desk) is gone or `stop` completes; what was asked
    /// before is still answered.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut stopping = false;
        let mut asked = Vec::with_capacity(BATCH_MAX);
        loop {
            // A steady stream of wishes must not keep what is due waiting.
            if self.wait() == Some(Duration::ZERO) {
                self.tick().await;
            }
            let wait = self.wait();
            tokio::select! {
                biased;
                () = &mut stop, if !stopping => {
                    stopping = true;
                    self.counter.wishes.close();
                }
                count = self.counter.wishes.recv_many(&mut asked, BATCH_MAX) => {
                    if count == 0 {
                        return;
                    }
                    self.serve(asked.drain(..)).await;
                }
                () = sleep(wait) => {}
            }
        }
    }

    /// How long until something is due. A router that was just rebuilt wants to mend at once; on a
    /// disk that takes nothing, that would be for ever.
    pub(super) fn wait(&self) -> Option<Duration> {
        let at = self.router.next_deadline()?.max(self.rest_until);
        Some(at.saturating_sub(self.started.elapsed()))
    }

    pub(super) async fn tick(&mut self) {
        let (answer, _) = oneshot::channel();
        let wish = Wish::Happened {
            event: Event::Tick,
            arrivals: Arrivals::None,
        };
        self.serve([Asked { wish, answer }].into_iter()).await;
    }

    pub(super) async fn serve(&mut self, asked: impl Iterator<Item = Asked>) {
        let mut events = Vec::new();
        for Asked { wish, answer } in asked {
            match wish {
                Wish::Happened { event, arrivals } => events.push((event, arrivals, answer)),
                Wish::Amend(amendment) => {
                    self.happen(std::mem::take(&mut events)).await;
                    let _ = answer.send(self.amend(None, amendment).await);
                }
                Wish::AmendBy(operator, amendment) => {
                    self.happen(std::mem::take(&mut events)).await;
                    let _ = answer.send(self.amend(Some(operator), amendment).await);
                }
                Wish::Import(import) => {
                    self.happen(std::mem::take(&mut events)).await;
                    let _ = answer.send(self.import(import).await);
                }
                Wish::Library(library) => {
                    self.happen(std::mem::take(&mut events)).await;
                    let _ = answer.send(self.name_library(library).await);
                }
                Wish::Tables(tables) => {
                    self.board.tables = Arc::new(tables);
                    self.hang_board(true);
                    let _ = answer.send(Ok(Receipt::default()));
                }
            }
        }
        self.happen(events).await;
    }

    /// Throws the router away and builds it again from what is on disk. A disk that cannot even be
    /// read is tried again for as long as it takes: there is no desk without it.
    pub(super) async fn rebuild(&mut self) {
        loop {
            match restore(&self.spool, &self.library, self.now()).await {
                Ok((plan, router)) => {
                    self.router = router;
                    self.board.plan = Arc::new(plan);
                    break;
                }
                Err(SpoolError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the spool cannot be read; trying again");
                    tokio::time::sleep(MEND_EVERY).await;
                }
            }
        }
        let now = self.now();
        for (operator, endpoint) in self.endpoints.clone() {
            // Presence rows are as they were; the bells have rung before.
            let _ = self
                .router
                .handle(Event::EndpointOpened { operator, endpoint }, now);
        }
        for (line, (number, imsi)) in self.numbers.clone() {
            let known = Event::LineNumber { line, number, imsi };
            let _ = self.router.handle(known, now);
        }
        self.hang_board(true);
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

pub(super) fn not_granted(error: SpoolError) -> NotGranted {
    match error {
        SpoolError::Refused(error) => NotGranted::BadAmendment(error),
        SpoolError::Closed => NotGranted::ShuttingDown,
        SpoolError::Full | SpoolError::Damaged(_) | SpoolError::Broken(_) => {
            NotGranted::NotKept(error.to_string())
        }
    }
}
