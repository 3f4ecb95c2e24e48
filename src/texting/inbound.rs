//! From raw PDUs to texts in a conversation.
//!
//! A sweep's PDUs are committed to the inbox in one transaction, and only then may the modem
//! forget them (P1). What the inbox has seen before is not read again (P2). Each text then becomes
//! one event, and its PDUs are used up in that event's own transaction; a crash in between finds
//! them in the inbox at the next start.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::care::SELF_TEST;
use super::reading::{self, Found, Reading, believed, for_nobody};
use super::{closing, reports, tail};
use crate::desk::{Arrivals, Desk, NotGranted, Receipt, Wish};
use crate::modem::{self, ArrivedPdu};
use crate::numbers::NumberKeys;
use crate::routing::{ArrivalId, ConversationId, Event, GatewayId, MessageId};
use crate::sms::{self, Assemblies, Concat, ConcatKey, SmsDeliver, SmsStatusReport};
use crate::spool::inbox::{Kept, Raw};
use crate::spool::{Spool, SpoolError, inbox, lines, transcript};

/// Long texts under way at one time; more than a library meets, less than a hostile sender wants.
const UNDER_WAY_MAX: usize = 256;
/// Deliveries that are kept in one transaction; the modem gives them fifty PDUs at most.
const SWEEPS_MAX: usize = 16;
/// PDUs kept before the first of them is read: more than any SIM holds, and no long wait for it.
const UNREAD_MAX: usize = 500;
/// How long a text waits for a missing segment before it is shown with a gap.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a text that was shown with a gap may still be completed.
const GIVE_UP: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon to look again when the spool or the desk did not take something.
const AGAIN: Duration = Duration::from_secs(5);

type Key = ConcatKey<String>;

/// Reads one line's arrivals.
#[derive(Debug)]
pub struct Inbound {
    line: String,
    desk: Desk,
    spool: Spool,
    assemblies: Assemblies<Key>,
    groups: Vec<Group>,
    /// Something in the inbox was not taken by the desk: read it all again then.
    again: Option<Instant>,
}

/// The rows of one long text that is not whole yet.
#[derive(Debug)]
struct Group {
    key: Key,
    rows: Vec<ArrivalId>,
    stamped_at: Option<Timestamp>,
    /// Where it was shown with a gap.
    shown: Option<(MessageId, ConversationId)>,
    /// When to show it with a gap, or to give it up.
    due: Instant,
}

/// A wish on its way, and what its answer means here.
struct Pending {
    answer: oneshot::Receiver<Result<Receipt, NotGranted>>,
    /// The long text that was shown with a gap by it.
    showing: Option<Key>,
}

impl Inbound {
    /// Will read what arrives on `line`.
    pub fn new(line: String, desk: Desk, spool: Spool) -> Self {
        Self {
            line,
            desk,
            spool,
            assemblies: Assemblies::new(UNDER_WAY_MAX),
            groups: Vec::new(),
            again: None,
        }
    }

    /// Reads until the house closes; first what an earlier run left in the inbox.
    pub async fn run(
        mut self,
        mut arrived: mpsc::Receiver<modem::Arrivals>,
        mut stop: watch::Receiver<bool>,
    ) {
        self.read_again().await;
        let mut board = self.desk.board();
        loop {
            let due = self.next_due();
            tokio::select! {
                biased;
                () = closing(&mut stop) => return,
                arrivals = arrived.recv() => match arrivals {
                    Some(arrivals) => self.take_in(arrivals, &mut arrived).await,
                    None => return,
                },
                // A gateway for this line may have been added.
                _ = board.changed(), if self.again.is_some() => self.read_again().await,
                () = sleep_until(due) => self.overdue().await,
            }
        }
    }

    fn next_due(&self) -> Instant {
        let far = Instant::now() + GIVE_UP;
        let groups = self.groups.iter().map(|group| group.due);
        groups.chain(self.again).min().unwrap_or(far)
    }

    /// Keeps a sweep, then whatever came meanwhile, and only then reads what is new in it all: a
    /// full SIM empties at the disk's speed, not the router's.
    async fn take_in(
        &mut self,
        first: modem::Arrivals,
        arrived: &mut mpsc::Receiver<modem::Arrivals>,
    ) {
        let mut new = Vec::new();
        let mut sweep = vec![first];
        while !sweep.is_empty() {
            let Some(kept) = self.keep(sweep).await else {
                // A commit that failed may be on disk all the same; listed again, its rows are
                // known and nobody would read them. What was kept before it is read with them.
                self.again = Some(Instant::now() + AGAIN);
                return;
            };
            new.extend(kept);
            if new.len() >= UNREAD_MAX {
                break;
            }
            sweep = std::iter::from_fn(|| arrived.try_recv().ok())
                .take(SWEEPS_MAX)
                .collect();
        }
        match self.again {
            // Earlier ones wait: these come after them.
            Some(_) => self.read_again().await,
            None => self.read(new).await,
        }
    }

    /// Keeps PDUs in one transaction and says so. Answers those that are new, `None` when the
    /// spool did not keep them.
    async fn keep(&self, sweep: Vec<modem::Arrivals>) -> Option<Vec<Kept>> {
        if let Some(damage) = self.spool.damage() {
            tracing::error!(line = self.line, damage, "texts stay on the SIM");
            for arrivals in sweep {
                let _ = arrivals.kept.send(false);
            }
            return None;
        }
        let mut verdicts = Vec::with_capacity(sweep.len());
        let mut raws = Vec::new();
        for modem::Arrivals { pdus, kept, .. } in sweep {
            raws.extend(pdus.into_iter().map(|pdu| raw(pdu, self.spool.keys())));
            verdicts.push(kept);
        }
        let line = self.line.clone();
        let now = self.spool.now();
        let outcome = self
            .spool
            .write(move |connection| inbox::keep(connection, &line, &raws, now))
            .await;
        for verdict in verdicts {
            // The driver may be gone; the next one lists them again and finds them known.
            let _ = verdict.send(outcome.is_ok());
        }
        outcome
            .inspect_err(|error| {
                tracing::error!(line = self.line, %error, "texts stay on the SIM");
            })
            .ok()
    }

    /// Reads everything the inbox holds, afresh.
    async fn read_again(&mut self) {
        self.again = None;
        self.assemblies = Assemblies::new(UNDER_WAY_MAX);
        self.groups.clear();
        let line = self.line.clone();
        let found = self
            .spool
            .read(move |connection| inbox::unconsumed(connection, &line))
            .await;
        match found {
            Ok(kept) => self.read(kept).await,
            Err(SpoolError::Closed) => {}
            Err(error) => {
                tracing::error!(line = self.line, %error, "the inbox cannot be read");
                self.again = Some(Instant::now() + AGAIN);
            }
        }
    }

    /// Reads PDUs in order. The wishes they become are made one after another and share commits.
    async fn read(&mut self, kept: Vec<Kept>) {
        let Some(gateway) = self.gateway() else {
            if !kept.is_empty() {
                tracing::warn!(
                    line = self.line,
                    "no gateway listens on this line: texts are kept until one does"
                );
                self.again = Some(Instant::now() + PATIENCE);
            }
            return;
        };
        let mut pending = Vec::new();
        for kept in kept {
            match reading::read(&kept.pdu) {
                Found::Delivery(deliver) => {
                    let is_last = deliver
                        .concat()
                        .is_none_or(|concat| concat.sequence == concat.total);
                    let from = deliver.originator.to_string();
                    self.read_delivery(gateway, &kept, *deliver, &mut pending)
                        .await;
                    if is_last && modem::came_in_words(&kept.pdu) {
                        let event = Event::CameInWords { gateway, from };
                        self.wish(event, Arrivals::None, None, &mut pending).await;
                    }
                }
                Found::Torn(deliver) => {
                    let reading = Reading::of_torn(&deliver, kept.id);
                    let from = deliver.originator.to_string();
                    let stamp = deliver.timestamp.instant();
                    self.take(gateway, &kept, &from, stamp, reading, &mut pending)
                        .await;
                }
                Found::Report(report) => self.read_report(kept, *report).await,
                Found::Stored => {
                    self.set_aside(kept.id, "a text that somebody stored to be sent")
                        .await;
                }
                Found::Unreadable(problem) => {
                    let body = format!(
                        "A message came that cannot be read: {problem}. It is kept as arrival {}.",
                        kept.id
                    );
                    let event = reading::text(gateway, "unreadable", body, None);
                    let ids = vec![kept.id];
                    let arrivals = Arrivals::Unreadable { ids, problem };
                    self.wish(event, arrivals, None, &mut pending).await;
                }
            }
        }
        self.settle(pending).await;
    }

    async fn read_delivery(
        &mut self,
        gateway: GatewayId,
        kept: &Kept,
        deliver: SmsDeliver,
        pending: &mut Vec<Pending>,
    ) {
        // TS 23.040 §9.2.3.9: acknowledged, and neither shown nor kept.
        if deliver.pid.is_type_zero() {
            self.consume(vec![kept.id]).await;
            return;
        }
        if let Some(problem) = for_nobody(&deliver) {
            self.set_aside(kept.id, problem).await;
            return;
        }
        let from = deliver.originator.to_string();
        let stamped_at = believed(deliver.timestamp.instant(), kept.received);
        if let Some(concat) = deliver.concat() {
            let group = Group {
                key: ConcatKey::new(from, concat),
                rows: vec![kept.id],
                stamped_at,
                shown: None,
                due: Instant::now() + PATIENCE,
            };
            self.read_segment(gateway, kept, group, concat, deliver, pending)
                .await;
            return;
        }
        let words = deliver.text();
        if let Some(words) = &words
            && words.starts_with(SELF_TEST)
            && self.came_back(kept, &from, words).await
        {
            return;
        }
        let reading = Reading::of_one(&deliver, kept.id);
        let stamp = deliver.timestamp.instant();
        self.take(gateway, kept, &from, stamp, reading, pending)
            .await;
    }

    /// A text that is whole, or as whole as it will ever be.
    async fn take(
        &mut self,
        gateway: GatewayId,
        kept: &Kept,
        from: &str,
        stamp: Option<Timestamp>,
        reading: Reading,
        pending: &mut Vec<Pending>,
    ) {
        let arrivals = reading.arrivals(vec![kept.id]);
        let event = reading.event(gateway, from, believed(stamp, kept.received));
        self.wish(event, arrivals, None, pending).await;
    }

    /// Whether a text is one of ours to ourselves: then it is not for the desk.
    async fn came_back(&mut self, kept: &Kept, from: &str, words: &str) -> bool {
        let (line, token, tail) = (self.line.clone(), words.to_owned(), tail(from));
        let (id, now) = (kept.id, kept.received);
        let done = self
            .spool
            .write(move |connection| {
                let ours = lines::test_back(connection, &line, &token, &tail, now)?;
                if ours {
                    inbox::consume(connection, &[id])?;
                }
                Ok(ours)
            })
            .await;
        match done {
            Ok(ours) => ours,
            Err(error) => {
                self.not_kept(&error);
                true
            }
        }
    }

    async fn read_segment(
        &mut self,
        gateway: GatewayId,
        kept: &Kept,
        mut group: Group,
        concat: Concat,
        deliver: SmsDeliver,
        pending: &mut Vec<Pending>,
    ) {
        if let Some(message) = kept.shown_in {
            group.shown = self.conversation_of(message).await;
        }
        let joined = self
            .assemblies
            .insert(group.key.clone(), concat, deliver.user_data);
        if let Some((key, assembly)) = joined.displaced
            && let Some(displaced) = self.take_group(&key)
        {
            // Its reference began another text, or it had to make room: nothing more will come.
            let ids = displaced.rows.clone();
            let reading = Reading::Words(assembly.text_so_far());
            self.show(
                gateway,
                displaced,
                reading,
                Arrivals::Consumed(ids),
                pending,
            )
            .await;
        }
        if let Some(earlier) = self.take_group(&group.key) {
            group.rows.splice(0..0, earlier.rows);
            group.stamped_at = earlier.stamped_at.or(group.stamped_at);
            group.shown = earlier.shown.or(group.shown);
        }
        match joined.complete {
            Some(assembly) => {
                let reading = Reading::of_whole(&assembly, kept.id);
                let arrivals = reading.arrivals(group.rows.clone());
                self.show(gateway, group, reading, arrivals, pending).await;
            }
            None => {
                if group.shown.is_some() {
                    group.due = Instant::now() + GIVE_UP;
                }
                self.groups.push(group);
            }
        }
    }

    /// Shows a long text: the first time as a new message, later by changing that one's words.
    async fn show(
        &mut self,
        gateway: GatewayId,
        group: Group,
        reading: Reading,
        arrivals: Arrivals,
        pending: &mut Vec<Pending>,
    ) {
        let showing = match arrivals {
            Arrivals::ShownInPart(_) => Some(group.key.clone()),
            _ => None,
        };
        let event = match group.shown {
            Some((message, conversation)) => Event::TextAmended {
                message,
                conversation,
                body: reading.words(),
            },
            None => reading.event(gateway, &group.key.peer, group.stamped_at),
        };
        self.wish(event, arrivals, showing, pending).await;
    }

    /// What has waited long enough: shown with a gap, given up, or read again.
    async fn overdue(&mut self) {
        let now = Instant::now();
        if self.again.is_some_and(|again| again <= now) {
            self.read_again().await;
            return;
        }
        let Some(gateway) = self.gateway() else {
            self.read_again().await;
            return;
        };
        let mut pending = Vec::new();
        let (due, waiting) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition(|group| group.due <= now);
        self.groups = waiting;
        for mut group in due {
            if group.shown.is_some() {
                self.assemblies.remove(&group.key);
                self.consume(group.rows).await;
                continue;
            }
            let Some(reading) = self.read_so_far(&group.key) else {
                // Every group has its assembly; the inbox knows better than to lose it.
                self.again = Some(now);
                continue;
            };
            let ids = group.rows.clone();
            let event = reading.event(gateway, &group.key.peer, group.stamped_at);
            let key = group.key.clone();
            group.due = now + GIVE_UP;
            self.groups.push(group);
            self.wish(event, Arrivals::ShownInPart(ids), Some(key), &mut pending)
                .await;
        }
        self.settle(pending).await;
    }

    fn read_so_far(&self, key: &Key) -> Option<Reading> {
        self.assemblies.get(key).map(Reading::of_some)
    }

    fn take_group(&mut self, key: &Key) -> Option<Group> {
        let at = self.groups.iter().position(|group| group.key == *key)?;
        Some(self.groups.swap_remove(at))
    }

    async fn read_report(&mut self, kept: Kept, report: SmsStatusReport) {
        let line = self.line.clone();
        let taken = self
            .spool
            .write(move |connection| reports::take(connection, &line, &kept, &report))
            .await;
        match taken {
            Ok(Some(settled)) => reports::tell(&self.desk, settled).await,
            Ok(None) => {}
            Err(error) => self.not_kept(&error),
        }
    }

    async fn wish(
        &mut self,
        event: Event,
        arrivals: Arrivals,
        showing: Option<Key>,
        pending: &mut Vec<Pending>,
    ) {
        match self.desk.post(Wish::Happened { event, arrivals }).await {
            Ok(answer) => pending.push(Pending { answer, showing }),
            Err(error) => tracing::debug!(%error, "texts wait in the inbox"),
        }
    }

    /// Waits for the answers; whatever was not taken is still in the inbox and read again.
    async fn settle(&mut self, pending: Vec<Pending>) {
        for Pending { answer, showing } in pending {
            match answer.await.unwrap_or(Err(NotGranted::ShuttingDown)) {
                Ok(receipt) => {
                    if let (Some(key), Some(message)) = (showing, receipt.message)
                        && let Some(group) = self.groups.iter_mut().find(|group| group.key == key)
                    {
                        group.shown = Some((message.id, message.conversation));
                    }
                }
                Err(NotGranted::ShuttingDown) => return,
                Err(error) => {
                    tracing::error!(line = self.line, %error, "a text waits in the inbox");
                    self.again = Some(Instant::now() + AGAIN);
                }
            }
        }
    }

    async fn conversation_of(&self, message: MessageId) -> Option<(MessageId, ConversationId)> {
        let found = self
            .spool
            .read(move |connection| transcript::message(connection, message))
            .await;
        found.ok()?.map(|found| (message, found.conversation))
    }

    async fn consume(&mut self, ids: Vec<ArrivalId>) {
        let done = self
            .spool
            .write(move |connection| inbox::consume(connection, &ids))
            .await;
        if let Err(error) = done {
            self.not_kept(&error);
        }
    }

    async fn set_aside(&mut self, id: ArrivalId, problem: &'static str) {
        let done = self
            .spool
            .write(move |connection| inbox::set_aside(connection, &[id], problem))
            .await;
        if let Err(error) = done {
            self.not_kept(&error);
        }
    }

    fn not_kept(&mut self, error: &SpoolError) {
        if !matches!(error, SpoolError::Closed) {
            tracing::error!(line = self.line, %error, "an arrival waits in the inbox");
            self.again = Some(Instant::now() + AGAIN);
        }
    }

    fn gateway(&self) -> Option<GatewayId> {
        let board = self.desk.board();
        let board = board.borrow();
        Some(board.plan.gateway_on_line(&self.line)?.id)
    }
}

/// An arrival as the inbox keeps it. Its digest is that of the TPDU, which carries the carrier's own
/// stamp: the network's second delivery of a text is the same TPDU, perhaps through another
/// service centre. Where there is no stamp to tell two alike texts apart, the slot it lay in is
/// part of it. Keyed: of somebody forgotten nothing stays that could be tried.
fn raw(arrived: ArrivedPdu, keys: &NumberKeys) -> Raw {
    let slot = arrived.slot.clone();
    let pdu = reading::kept(arrived);
    let stamped = match reading::read(&pdu) {
        Found::Delivery(deliver) | Found::Torn(deliver) => deliver.timestamp.instant().is_some(),
        Found::Report(_) => true,
        Found::Stored | Found::Unreadable(_) => false,
    };
    let mut hasher = Sha256::new();
    match sms::tpdu_octets(&pdu) {
        Ok(tpdu) if inbox::printed(&pdu).is_none() => hasher.update(tpdu),
        _ => hasher.update(&pdu),
    }
    if !stamped && let Some(slot) = &slot {
        hasher.update(slot.memory.as_bytes());
        hasher.update(slot.index.to_be_bytes());
    }
    let mut digest = [0; 16];
    digest
        .iter_mut()
        .zip(hasher.finalize())
        .for_each(|(to, from)| *to = from);
    Raw {
        digest: keys.pdu(digest),
        pdu,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::NumberKey;

    /// Whoever knows the words, the hour and the area code could try every number.
    #[test]
    fn what_stays_of_a_text_tells_nothing_without_the_key() {
        let tpdu =
            b"\x04\x0b\x91\x51\x55\x21\x03\x01\xf0\x00\x00\x62\x11\x52\x01\x00\x00\x00\x02\xc8\x34";
        let pdu = [b"\x00".as_slice(), tpdu].concat();
        let kept = |key: [u8; 32]| {
            let arrived = ArrivedPdu::direct(Some(pdu.clone()), "");
            raw(arrived, &NumberKey::from(key).into()).digest
        };
        let unkeyed = Sha256::digest(tpdu);
        assert_ne!(Some(kept([1; 32]).as_slice()), unkeyed.get(..16));
        assert_ne!(kept([1; 32]), kept([2; 32]));
        assert_eq!(
            kept([1; 32]),
            kept([1; 32]),
            "the same text again is the same"
        );
    }
}
