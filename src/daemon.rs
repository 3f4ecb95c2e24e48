//! The router's one owner: wishes in, the router's decision, one commit, and only then the bells.
//!
//! Wishes that wait together are decided one after another and share a commit. When the commit
//! fails, nothing is acknowledged and nothing performed: the router, which already believes what
//! was not kept, is thrown away and built again from the spool.

pub mod calling;
mod house;
mod keeping;
mod lines;
mod panel;
#[cfg(test)]
mod radio;
mod shift;
#[cfg(test)]
mod tests;
mod watches;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::desk::{
    Arrivals, Asked, Board, Change, Counter, Import, NotGranted, Receipt, SEGMENTS_MAX, What, Wish,
};
use crate::routing::{
    Act, Amendment, ConversationId, Effect, EndpointId, Event, GatewayKind, Library, Message,
    MessageId, Moment, Need, OperatorId, Plan, QueueId, Recalled, Refusal, Right, Router, Show,
};
use crate::spool::{Spool, SpoolError, audit, book, inbox, staff, transcript};

pub use house::{House, HouseSettings, StartError, WebSetup};
pub use panel::PanelDuty;
pub use watches::watch_line;

/// Wishes decided on before a commit, at most: more would make the first wait for the last.
const BATCH_MAX: usize = 256;
/// Wishes of a failed batch that may fail alone before the rest is not tried: then it is the disk.
const ALONE_MAX: usize = 3;
/// How soon to try again when even reading the spool failed.
const MEND_EVERY: Duration = Duration::from_secs(5);

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
    spool: Spool,
    library: Library,
    router: Router,
    counter: Counter,
    started: Instant,
    /// Endpoints open now: the router learns of them again when it is rebuilt.
    endpoints: BTreeSet<(OperatorId, EndpointId)>,
    /// The lines' own numbers, told once by each line: the router learns of them again as well.
    numbers: BTreeSet<String>,
    /// After a commit that failed, the uptime before which nothing is tried without being asked.
    rest_until: Duration,
    board: Board,
}

/// Something that happened, what it was made of, and who wants to know.
type Happening = (
    Event,
    Arrivals,
    oneshot::Sender<Result<Receipt, NotGranted>>,
);

/// A decided wish whose commit has ended: who wants to know, what they are told, what it was.
type Answered = (
    oneshot::Sender<Result<Receipt, NotGranted>>,
    Receipt,
    Option<(Event, Arrivals)>,
);

/// One wish that was decided and waits for the commit.
struct Decided {
    /// What it was, where it shares its commit: to be tried alone if that fails.
    origin: Option<(Event, Arrivals)>,
    answer: oneshot::Sender<Result<Receipt, NotGranted>>,
    receipt: Receipt,
    effects: Vec<Effect>,
    arrivals: Arrivals,
}

/// What one commit is to hold.
#[derive(Default)]
struct Batch {
    /// Whether it holds several wishes.
    shared: bool,
    decided: Vec<Decided>,
    /// Messages of this batch by their sender's own key, not yet to be found in the spool.
    sent: HashMap<(OperatorId, String), Receipt>,
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
        let (plan, router) = restore(&spool, &library, moment(&spool, started)).await?;
        let mut owner = Self {
            spool,
            library,
            router,
            counter,
            started,
            endpoints: BTreeSet::new(),
            numbers: BTreeSet::new(),
            rest_until: Duration::ZERO,
            board: Board {
                plan: Arc::new(plan),
                ..Board::default()
            },
        };
        owner.hang_board(true);
        Ok(owner)
    }

    fn now(&self) -> Moment {
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
    fn wait(&self) -> Option<Duration> {
        let at = self.router.next_deadline()?.max(self.rest_until);
        Some(at.saturating_sub(self.started.elapsed()))
    }

    async fn tick(&mut self) {
        let (answer, _) = oneshot::channel();
        let wish = Wish::Happened {
            event: Event::Tick,
            arrivals: Arrivals::None,
        };
        self.serve([Asked { wish, answer }].into_iter()).await;
    }

    async fn serve(&mut self, asked: impl Iterator<Item = Asked>) {
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
            }
        }
        self.happen(events).await;
    }

    /// Decides on events one after another and commits what follows from all of them.
    async fn happen(&mut self, events: Vec<Happening>) {
        if events.is_empty() {
            return;
        }
        let needs = events
            .iter()
            .flat_map(|(event, ..)| self.router.needs(event));
        if let Err(error) = self.recall(needs.collect()).await {
            for (_, _, answer) in events {
                let _ = answer.send(Err(not_granted(error.clone())));
            }
            return;
        }
        let mut batch = Batch {
            shared: events.len() > 1,
            ..Batch::default()
        };
        for (event, arrivals, answer) in events {
            self.decide(event, arrivals, answer, &mut batch).await;
        }
        self.commit(batch).await;
    }

    async fn decide(
        &mut self,
        event: Event,
        arrivals: Arrivals,
        answer: oneshot::Sender<Result<Receipt, NotGranted>>,
        batch: &mut Batch,
    ) {
        if let Some(refusal) = self.too_long(&event) {
            let _ = answer.send(Err(refusal.into()));
            return;
        }
        let key = event.key();
        let key = key.map(|(operator, client_id)| (operator, client_id.to_owned()));
        if let Some(key) = &key {
            match self.sent_before(key, batch).await {
                // Answered with the batch: its first sender's commit may still fail.
                Ok(Some(receipt)) => {
                    let origin = batch.shared.then(|| (event.clone(), arrivals));
                    batch.decided.push(Decided {
                        origin,
                        answer,
                        receipt,
                        effects: Vec::new(),
                        arrivals: Arrivals::None,
                    });
                    return;
                }
                Ok(None) => {}
                Err(error) => {
                    let _ = answer.send(Err(not_granted(error)));
                    return;
                }
            }
        }

        match event {
            Event::EndpointOpened { operator, endpoint } => {
                self.endpoints.insert((operator, endpoint));
            }
            Event::EndpointClosed { operator, endpoint } => {
                self.endpoints.remove(&(operator, endpoint));
            }
            Event::LineNumber { ref number } => {
                self.numbers.insert(number.clone());
            }
            _ => {}
        }
        let touched = event.conversation();
        let origin = batch.shared.then(|| (event.clone(), arrivals.clone()));
        match self.router.handle(event, self.now()) {
            Ok(effects) => {
                let receipt = self.receipt(&effects, touched);
                if let Some(key) = key {
                    batch.sent.insert(key, receipt.clone());
                }
                batch.decided.push(Decided {
                    origin,
                    answer,
                    receipt,
                    effects,
                    arrivals,
                });
            }
            Err(refusal) => {
                // A text refused by its gateway's policy is not kept, nor are its PDUs. Anything
                // else that stands in the way leaves them in the inbox.
                if refusal != Refusal::Offline || arrivals == Arrivals::None {
                    let _ = answer.send(Err(refusal.into()));
                } else {
                    batch.decided.push(Decided {
                        origin,
                        answer,
                        receipt: Receipt::default(),
                        effects: Vec::new(),
                        arrivals,
                    });
                }
            }
        }
    }

    /// Whether words would be more texts than one answer may be, whichever surface they come by.
    fn too_long(&self, event: &Event) -> Option<Refusal> {
        let (gateway, body) = match event {
            Event::Act {
                on,
                act: Act::Send { body, .. },
                ..
            } => (self.router.conversation(*on)?.gateway, body),
            Event::Write { gateway, body, .. } | Event::Begin { gateway, body, .. } => {
                (*gateway, body)
            }
            _ => return None,
        };
        let gateway = self.router.plan().gateway(gateway)?;
        if gateway.kind != GatewayKind::Sms {
            return None;
        }
        let segments = crate::sms::plan(body).segments;
        (segments > SEGMENTS_MAX).then_some(Refusal::TooLong {
            segments,
            most: SEGMENTS_MAX,
        })
    }

    /// The same key from the same operator is the same message: a retry never doubles.
    async fn sent_before(
        &self,
        key: &(OperatorId, String),
        batch: &Batch,
    ) -> Result<Option<Receipt>, SpoolError> {
        if let Some(receipt) = batch.sent.get(key) {
            return Ok(Some(receipt.clone()));
        }
        let (operator, client_id) = key.clone();
        self.spool
            .read(move |connection| {
                let Some(message) =
                    transcript::message_by_client_id(connection, operator, &client_id)?
                else {
                    return Ok(None);
                };
                let conversation = transcript::conversation(connection, message.conversation)?;
                Ok(Some(Receipt {
                    message: Some(message),
                    conversation,
                    ..Receipt::default()
                }))
            })
            .await
    }

    fn receipt(&self, effects: &[Effect], touched: Option<ConversationId>) -> Receipt {
        let message = effects.iter().find_map(|effect| match effect {
            Effect::Record(message) => Some(message.clone()),
            _ => None,
        });
        let conversation = effects
            .iter()
            .rev()
            .find_map(|effect| match effect {
                Effect::KeepConversation(conversation) => Some(conversation.clone()),
                _ => None,
            })
            .or_else(|| self.router.conversation(touched?).cloned());
        Receipt {
            message,
            conversation,
            ..Receipt::default()
        }
    }

    /// Looks up what the router has to be told.
    async fn recall(&mut self, needs: BTreeSet<Need>) -> Result<(), SpoolError> {
        if needs.is_empty() {
            return Ok(());
        }
        let recalled = self
            .spool
            .read(move |connection| {
                let mut found = Vec::with_capacity(needs.len());
                for need in needs {
                    found.push(look_up(connection, need)?);
                }
                Ok(found)
            })
            .await?;
        for recalled in recalled {
            self.router.recall(recalled);
        }
        Ok(())
    }

    /// Commits a batch, answers it and rings its bells.
    async fn commit(&mut self, batch: Batch) {
        let Batch { decided, .. } = batch;
        if decided.is_empty() {
            return;
        }
        let now = self.now().wall;
        let (rows, answers): (Vec<_>, Vec<_>) = decided
            .into_iter()
            .map(|decided| {
                let message = decided.receipt.message.as_ref().map(|message| message.id);
                (
                    (decided.effects, decided.arrivals, message),
                    (decided.answer, decided.receipt, decided.origin),
                )
            })
            .unzip();

        let bells_only = rows.iter().all(|(effects, arrivals, _)| {
            *arrivals == Arrivals::None && !effects.iter().any(is_row)
        });
        let kept = if bells_only {
            let effects = rows.into_iter().flat_map(|(effects, ..)| effects);
            Ok(effects.map(Told::bell).collect())
        } else {
            self.spool
                .write(move |connection| {
                    let mut told = Vec::new();
                    for (effects, arrivals, message) in rows {
                        consume(connection, &arrivals, message)?;
                        for effect in effects {
                            told.push(Told::kept(connection, effect, now)?);
                        }
                    }
                    Ok(told)
                })
                .await
        };

        match kept {
            Ok(told) => {
                self.router.committed();
                self.perform(told);
                for (answer, receipt, _) in answers {
                    let _ = answer.send(Ok(receipt));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a commit failed: nothing was acknowledged");
                self.rest_until = self.started.elapsed() + MEND_EVERY;
                self.rebuild().await;
                self.one_by_one(answers, &error).await;
            }
        }
    }

    /// What a batch was made of, each wish in a commit of its own: one that can never be kept must
    /// not keep the others from it. A disk that takes nothing is not asked again and again.
    async fn one_by_one(&mut self, batch: Vec<Answered>, error: &SpoolError) {
        let worth_it = match error {
            SpoolError::Broken(_) | SpoolError::Refused(_) => true,
            SpoolError::Full | SpoolError::Closed => false,
        };
        let mut failed = 0;
        for (answer, _, origin) in batch {
            match origin {
                Some((event, arrivals)) if worth_it && failed < ALONE_MAX => {
                    let (alone, answered) = oneshot::channel();
                    // Alone, a batch has nothing to fall back on: it goes no deeper than this.
                    Box::pin(self.happen(vec![(event, arrivals, alone)])).await;
                    let outcome = answered.await.unwrap_or(Err(NotGranted::ShuttingDown));
                    if matches!(outcome, Err(NotGranted::NotKept(_))) {
                        failed += 1;
                    }
                    let _ = answer.send(outcome);
                }
                Some(_) | None => {
                    let _ = answer.send(Err(not_granted(error.clone())));
                }
            }
        }
    }

    /// Tells operators what is on disk now.
    fn perform(&mut self, told: Vec<Told>) {
        let (mut presence, mut due, mut erased) = (false, false, false);
        for Told { effect, row, about } in told {
            let what = match (effect, about) {
                (Effect::KeepConversation(conversation), _) => {
                    What::Conversation(Arc::new(conversation))
                }
                (_, Some(About::Message(message, queue))) => {
                    What::Message(Arc::new(message), queue)
                }
                (Effect::Note { conversation, text }, Some(About::Note(queue))) => What::Note {
                    conversation,
                    queue,
                    text: text.into(),
                },
                (
                    Effect::Remark {
                        conversation,
                        by,
                        text,
                    },
                    Some(About::Note(queue)),
                ) => What::Note {
                    conversation,
                    queue,
                    text: match self.board.plan.operator(by) {
                        Some(operator) => format!("{}: {text}", operator.name).into(),
                        None => text.into(),
                    },
                },
                (Effect::Offer { conversation, to }, _) => What::Offered { conversation, to },
                (
                    Effect::Withdraw {
                        conversation,
                        from,
                        reason,
                    },
                    _,
                ) => What::Withdrawn {
                    conversation,
                    from,
                    reason: reason.into(),
                },
                (Effect::OperatorShows { operator, show }, _) => {
                    presence = true;
                    What::Operator { operator, show }
                }
                (Effect::QueueShows { queue, online }, _) => {
                    presence = true;
                    What::Queue { queue, online }
                }
                (Effect::Submit { .. }, _) => {
                    due = true;
                    continue;
                }
                (Effect::Forget { .. } | Effect::Erase { .. }, _) => {
                    erased = true;
                    // The feed's rows say which; when none was there, nobody saw any.
                    if row.is_none() {
                        continue;
                    }
                    What::Erased
                }
                // Nobody is told of these; or the row they speak of is gone since.
                (
                    Effect::KeepPatron(_)
                    | Effect::KeepShow { .. }
                    | Effect::KeepClosedPeriod { .. }
                    | Effect::KeepConsent { .. }
                    | Effect::KeepOutage { .. }
                    | Effect::Record(_)
                    | Effect::Reword { .. }
                    | Effect::SetDelivery { .. }
                    | Effect::Note { .. }
                    | Effect::Remark { .. }
                    | Effect::Audit { .. },
                    _,
                ) => continue,
            };
            self.tell(row.unwrap_or(0), what);
        }
        if presence {
            self.hang_board(false);
        }
        if due {
            self.counter
                .due
                .send_modify(|rung| *rung = rung.wrapping_add(1));
        }
        if erased {
            self.counter
                .erased
                .send_modify(|rung| *rung = rung.wrapping_add(1));
        }
    }

    fn tell(&self, id: i64, what: What) {
        // No listener is not an error: the row is there for whoever comes.
        let _ = self.counter.changes.send(Arc::new(Change { id, what }));
    }

    fn hang_board(&mut self, always: bool) {
        let shows: BTreeMap<OperatorId, Show> = self.router.shows().collect();
        let online: BTreeSet<QueueId> = self.router.online().collect();
        if always || shows != self.board.shows || online != self.board.online {
            self.board.shows = shows;
            self.board.online = online;
            self.counter
                .board
                .send_replace(Arc::new(self.board.clone()));
        }
    }

    /// Changes the plan, and writes down who changed it: an operator, if they may, or a command on
    /// the box.
    async fn amend(
        &mut self,
        by: Option<OperatorId>,
        amendment: Amendment,
    ) -> Result<Receipt, NotGranted> {
        if let Some(operator) = by {
            let permitted = self.board.plan.permits(operator, &amendment);
            permitted.map_err(NotGranted::Forbidden)?;
        }
        let now = self.now().wall;
        let library = self.library.clone();
        let plan = self
            .spool
            .write(move |connection| {
                staff::amend(connection, &amendment, now)?;
                audit::amended(connection, by, &amendment, now)?;
                staff::plan(connection, &library)
            })
            .await;
        let plan = self.amended(plan).await?;
        self.rearrange(plan).await;
        Ok(Receipt::default())
    }

    /// Makes the plan like the one in a book, in one commit, and puts it in force once.
    async fn import(&mut self, import: Import) -> Result<Receipt, NotGranted> {
        let Import {
            by,
            manuscript,
            dry_run,
        } = import;
        if let Some(operator) = by {
            let permitted = self.board.plan.allows(operator, Right::Arrange);
            permitted.map_err(NotGranted::Forbidden)?;
        }
        let now = self.now().wall;
        let library = self.library.clone();
        let brought = self
            .spool
            .write(move |connection| {
                if dry_run {
                    let changes = book::try_out(connection, &manuscript, by, now)?;
                    return Ok((changes, None));
                }
                let changes = book::bring_in(connection, &manuscript, by, now)?;
                let plan = match changes.is_empty() {
                    true => None,
                    false => Some(staff::plan(connection, &library)?),
                };
                Ok((changes, plan))
            })
            .await;
        let (changes, plan) = self.amended(brought).await?;
        if let Some(plan) = plan {
            self.rearrange(plan).await;
        }
        Ok(Receipt {
            changes,
            ..Receipt::default()
        })
    }

    /// What came of a change to the plan. Where nobody knows, the spool does.
    async fn amended<T>(&mut self, outcome: Result<T, SpoolError>) -> Result<T, NotGranted> {
        match outcome {
            Ok(kept) => Ok(kept),
            Err(SpoolError::Refused(error)) => Err(NotGranted::BadAmendment(error)),
            Err(error) => {
                // The commit may be on disk all the same.
                self.rebuild().await;
                Err(not_granted(error))
            }
        }
    }

    /// Words the plan anew for a library that is called otherwise.
    async fn name_library(&mut self, library: Library) -> Result<Receipt, NotGranted> {
        let named = library.clone();
        let plan = self
            .spool
            .read(move |connection| staff::plan(connection, &named))
            .await
            .map_err(not_granted)?;
        self.library = library;
        self.rearrange(plan).await;
        Ok(Receipt::default())
    }

    /// Puts a plan in force. The plan is on disk already; what follows from it for conversations is
    /// the next commit, and if that one fails the router is rebuilt with the new plan.
    async fn rearrange(&mut self, plan: Plan) {
        self.board.plan = Arc::new(plan.clone());
        let (answer, _) = oneshot::channel();
        self.happen(vec![(Event::Rearranged(plan), Arrivals::None, answer)])
            .await;
        self.hang_board(true);
        self.tell(0, What::Plan(Arc::clone(&self.board.plan)));
    }

    /// Throws the router away and builds it again from what is on disk. A disk that cannot even be
    /// read is tried again for as long as it takes: there is no desk without it.
    async fn rebuild(&mut self) {
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
        for number in self.numbers.clone() {
            let _ = self.router.handle(Event::LineNumber { number }, now);
        }
        self.hang_board(true);
    }
}

fn look_up(connection: &rusqlite::Connection, need: Need) -> Result<Recalled, SpoolError> {
    let mut recalled = Recalled {
        need,
        patron: None,
        conversation: None,
        message: None,
    };
    match &recalled.need {
        Need::Patron(gateway, address) => {
            recalled.patron = transcript::patron_at(connection, *gateway, address)?;
            if let Some(patron) = &recalled.patron {
                recalled.conversation = transcript::latest_conversation(connection, patron.id)?;
            }
        }
        Need::Conversation(id) => {
            recalled.conversation = transcript::conversation(connection, *id)?;
            if let Some(conversation) = &recalled.conversation {
                recalled.patron = transcript::patron(connection, conversation.patron)?;
            }
        }
        Need::Message(id) => recalled.message = transcript::message(connection, *id)?,
    }
    Ok(recalled)
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn restore(
    spool: &Spool,
    library: &Library,
    now: Moment,
) -> Result<(Plan, Router), SpoolError> {
    let library = library.clone();
    let restored = spool
        .read(move |connection| transcript::restored(connection, &library))
        .await?;
    Ok((restored.plan.clone(), Router::restore(restored, now)))
}

fn consume(
    connection: &rusqlite::Connection,
    arrivals: &Arrivals,
    message: Option<MessageId>,
) -> Result<(), SpoolError> {
    match (arrivals, message) {
        (Arrivals::None, _) => Ok(()),
        (Arrivals::Consumed(ids), _) | (Arrivals::ShownInPart(ids), None) => {
            inbox::consume(connection, ids)
        }
        (Arrivals::ShownInPart(ids), Some(message)) => {
            inbox::show_in_part(connection, ids, message)
        }
        (Arrivals::Unreadable { ids, problem }, _) => inbox::set_aside(connection, ids, problem),
    }
}

/// An effect that is on disk, with what operators have to be shown of it.
struct Told {
    effect: Effect,
    row: Option<i64>,
    about: Option<About>,
}

/// What a row of the feed is about, read in the transaction that wrote it.
enum About {
    Message(Message, QueueId),
    Note(QueueId),
}

impl Told {
    fn bell(effect: Effect) -> Self {
        Self {
            effect,
            row: None,
            about: None,
        }
    }

    fn kept(
        connection: &rusqlite::Connection,
        effect: Effect,
        now: Timestamp,
    ) -> Result<Self, SpoolError> {
        let row = transcript::keep(connection, &effect, now)?;
        let about = match &effect {
            Effect::Record(message) => transcript::queue_of(connection, message.conversation)?
                .map(|queue| About::Message(message.clone(), queue)),
            Effect::Reword { message, .. } | Effect::SetDelivery { message, .. } => {
                match transcript::message(connection, *message)? {
                    Some(message) => transcript::queue_of(connection, message.conversation)?
                        .map(|queue| About::Message(message, queue)),
                    None => None,
                }
            }
            Effect::Note { conversation, .. } | Effect::Remark { conversation, .. } => {
                transcript::queue_of(connection, *conversation)?.map(About::Note)
            }
            _ => None,
        };
        Ok(Self { effect, row, about })
    }
}

fn is_row(effect: &Effect) -> bool {
    match effect {
        Effect::KeepPatron(_)
        | Effect::KeepConversation(_)
        | Effect::Record(_)
        | Effect::Reword { .. }
        | Effect::SetDelivery { .. }
        | Effect::Submit { .. }
        | Effect::KeepShow { .. }
        | Effect::KeepClosedPeriod { .. }
        | Effect::KeepConsent { .. }
        | Effect::KeepOutage { .. }
        | Effect::Forget { .. }
        | Effect::Erase { .. }
        | Effect::Note { .. }
        | Effect::Remark { .. }
        | Effect::Audit { .. } => true,
        Effect::Offer { .. }
        | Effect::Withdraw { .. }
        | Effect::OperatorShows { .. }
        | Effect::QueueShows { .. } => false,
    }
}

fn not_granted(error: SpoolError) -> NotGranted {
    match error {
        SpoolError::Refused(error) => NotGranted::BadAmendment(error),
        SpoolError::Closed => NotGranted::ShuttingDown,
        SpoolError::Full | SpoolError::Broken(_) => NotGranted::NotKept(error.to_string()),
    }
}
