//! The crier: words each change once, for every stream.
//!
//! What is a row of the feed is read from the spool, never from the channel: the channel only
//! rings the bell. So a crier that lags has lost nothing, and a stream that resumes reads the very
//! same words.

use std::sync::Arc;

use axum::body::Bytes;
use rusqlite::Connection;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::caller::{Audience, partners_patron};
use super::event::{
    FeedEvent, OneConversation, OperatorShow, PlanChanged, QueueOnline, Withdrawal,
};
use crate::desk::views::{self, Names};
use crate::desk::{Board, Change, Desk, What};
use crate::modem::{LineStatus, Lines};
use crate::routing::{ConversationId, OperatorId, Plan};
use crate::spool::feed::{self, FeedKind, FeedRow};
use crate::spool::transcript::Listed;
use crate::spool::{self, Spool, transcript};

/// Tellings a slow stream may lag behind before it starts afresh.
const TELLINGS_MAX: usize = 1024;
/// Rows read at once; a burst shares one trip to the reader.
const ROWS_AT_ONCE: usize = 256;

/// Something to tell, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    /// The feed's row; 0 for what is not a row.
    pub(super) id: i64,
    /// To whom.
    pub(super) to: To,
    /// The event as it goes over the wire (HTML §9.2.5).
    pub(super) frame: Bytes,
    /// The same for librarians elsewhere who help out, where it names the patron.
    pub(super) partners: Option<Bytes>,
}

/// To whom something is told.
#[derive(Debug, Clone)]
pub(super) enum To {
    /// Every operator.
    Everyone,
    /// One.
    Operator(OperatorId),
    /// Those who may see the conversation.
    Conversation(ConversationId, Audience),
    /// Those who saw this conversation: it is erased.
    Erased(ConversationId),
    /// Every stream: the plan is another one, so it must look again at who it serves.
    Replanned,
    /// Streams of this operator: ways in were taken back, so each looks whether its own was.
    Access(OperatorId),
    /// Streams of this session: it has ended.
    SignedOut(String),
    /// Every stream: something was missed, start afresh.
    Missed,
}

impl Telling {
    /// The session has ended.
    pub(super) fn signed_out(session: String) -> Self {
        Self {
            id: 0,
            to: To::SignedOut(session),
            frame: Bytes::new(),
            partners: None,
        }
    }

    /// The patron is writing.
    pub(super) fn typing(conversation: ConversationId, audience: Audience) -> Self {
        Self {
            id: 0,
            to: To::Conversation(conversation, audience),
            frame: FeedEvent::Typing(&OneConversation { conversation }).frame(0),
            partners: None,
        }
    }

    /// A modem's state changed.
    pub(super) fn modem(modem: &views::Modem) -> Self {
        Self {
            id: 0,
            to: To::Everyone,
            frame: FeedEvent::Modem(modem).frame(0),
            partners: None,
        }
    }
}

/// Starts the crier; it ends with the desk.
pub(super) fn start(desk: &Desk, spool: &Spool) -> broadcast::Sender<Arc<Telling>> {
    let (told, _) = broadcast::channel(TELLINGS_MAX);
    // Listening begins before anyone can subscribe: nothing falls between.
    let crier = Crier {
        changes: desk.changes(),
        board: desk.board(),
        spool: spool.clone(),
        told: told.downgrade(),
        last: None,
    };
    tokio::spawn(crier.run());
    told
}

#[derive(Debug)]
struct Crier {
    changes: broadcast::Receiver<Arc<Change>>,
    board: watch::Receiver<Arc<Board>>,
    spool: Spool,
    /// Weak: the crier must not keep its own streams waiting for it once the surface is gone.
    told: broadcast::WeakSender<Arc<Telling>>,
    /// The last row told; `None` before the first.
    last: Option<i64>,
}

impl Crier {
    async fn run(mut self) {
        loop {
            let mut bells = Vec::new();
            let mut missed = false;
            match self.changes.recv().await {
                Ok(change) => bells.push(change),
                Err(RecvError::Lagged(_)) => missed = true,
                Err(RecvError::Closed) => return,
            }
            while bells.len() < ROWS_AT_ONCE {
                match self.changes.try_recv() {
                    Ok(change) => bells.push(change),
                    Err(TryRecvError::Lagged(_)) => missed = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            let Some(told) = self.told.upgrade() else {
                return;
            };
            let told = |telling: Telling| {
                // Nobody may be listening: the rows stay in the feed.
                let _ = told.send(Arc::new(telling));
            };
            let plan = Arc::clone(&self.board.borrow().plan);
            let rows = bells.iter().filter(|change| change.id > 0);
            if let (Some(first), Some(latest)) =
                (rows.clone().map(|c| c.id).min(), rows.map(|c| c.id).max())
            {
                // After a lag the rows between are still in the feed.
                let last = self.last.unwrap_or(first - 1);
                match self.read(last, latest, &plan).await {
                    Ok(tellings) => tellings.into_iter().for_each(&told),
                    Err(error) => {
                        tracing::warn!(%error, "changes could not be read for the console");
                        missed = true;
                    }
                }
                self.last = Some(latest);
            }
            for change in &bells {
                if let Some(telling) = ring(&change.what, &plan) {
                    told(telling);
                }
            }
            if missed {
                told(Telling {
                    id: 0,
                    to: To::Missed,
                    frame: Bytes::new(),
                    partners: None,
                });
            }
        }
    }

    async fn read(&self, last: i64, latest: i64, plan: &Arc<Plan>) -> spool::Result<Vec<Telling>> {
        let plan = Arc::clone(plan);
        self.spool
            .read(move |connection| {
                let mut tellings = Vec::new();
                let mut after = last;
                while after < latest {
                    let rows = feed::since(connection, after, ROWS_AT_ONCE)?;
                    let Some(newest) = rows.last() else { break };
                    after = newest.id;
                    for row in &rows {
                        if row.id <= latest {
                            tellings.extend(word(connection, &plan, row)?);
                        }
                    }
                }
                Ok(tellings)
            })
            .await
    }
}

/// Words one row of the feed, as things stand now. `None` when what it told of was erased.
pub(super) fn word(
    connection: &Connection,
    plan: &Plan,
    row: &FeedRow,
) -> spool::Result<Option<Telling>> {
    let Some(listed) = transcript::listed(connection, row.conversation)? else {
        return Ok((row.kind == FeedKind::Conversation).then(|| Telling {
            id: row.id,
            to: To::Erased(row.conversation),
            frame: FeedEvent::Withdraw(&Withdrawal {
                conversation: row.conversation,
                reason: "erased at the patron's wish".into(),
            })
            .frame(row.id),
            partners: None,
        }));
    };
    let Some(frame) = word_for(connection, plan, row, &listed)? else {
        return Ok(None);
    };
    let mut partners = None;
    if listed.conversation.partner().is_some() {
        let mut veiled = listed.clone();
        veiled.patron = partners_patron(plan, &listed.conversation);
        partners = word_for(connection, plan, row, &veiled)?;
    }
    let conversation = &listed.conversation;
    Ok(Some(Telling {
        id: row.id,
        to: To::Conversation(conversation.id, Audience::of(conversation)),
        frame,
        partners,
    }))
}

/// Words one row for those who know the patron by this name.
fn word_for(
    connection: &Connection,
    plan: &Plan,
    row: &FeedRow,
    listed: &Listed,
) -> spool::Result<Option<Bytes>> {
    let names = Names::new(connection, plan);
    let frame = match row.kind {
        FeedKind::Conversation => {
            FeedEvent::Conversation(&views::Conversation::new(listed, &names)?).frame(row.id)
        }
        FeedKind::Message => {
            let message = match row.message {
                Some(id) => transcript::message(connection, id)?,
                None => None,
            };
            let Some(message) = message else {
                return Ok(None);
            };
            let message = views::Message::new(&message, &listed.patron, &names)?;
            FeedEvent::Message(&message).frame(row.id)
        }
        FeedKind::Note => {
            let note = match row.note {
                Some(id) => transcript::note(connection, id)?,
                None => None,
            };
            let Some(note) = note else { return Ok(None) };
            match views::Note::new(listed.conversation.id, &note, &names)? {
                Some(note) => FeedEvent::Note(&note).frame(row.id),
                None => return Ok(None),
            }
        }
    };
    Ok(Some(frame))
}

/// Words a change that is not a row; `None` for those that are.
fn ring(what: &What, plan: &Plan) -> Option<Telling> {
    let telling = |to, event: FeedEvent<'_>| {
        Some(Telling {
            id: 0,
            to,
            frame: event.frame(0),
            partners: None,
        })
    };
    match what {
        What::Conversation(_)
        | What::Message(..)
        | What::Note { .. }
        | What::Reaction { .. }
        | What::Erased => None,
        What::Offered { conversation, to } => telling(
            To::Operator(*to),
            FeedEvent::Offer(&OneConversation {
                conversation: *conversation,
            }),
        ),
        What::Withdrawn {
            conversation,
            from,
            reason,
        } => telling(
            To::Operator(*from),
            FeedEvent::Withdraw(&Withdrawal {
                conversation: *conversation,
                reason: reason.to_string(),
            }),
        ),
        What::Operator { operator, show } => {
            let (operator, show) = (plan.operator(*operator)?.name.clone(), *show);
            let told = OperatorShow { operator, show };
            telling(To::Everyone, FeedEvent::Operator(&told))
        }
        What::Queue { queue, online } => {
            let (queue, online) = (plan.queue(*queue)?.name.clone(), *online);
            telling(
                To::Everyone,
                FeedEvent::Queue(&QueueOnline { queue, online }),
            )
        }
        What::Plan { part, .. } => Some(replanned(part.as_str())),
        What::Canned => telling(
            To::Everyone,
            FeedEvent::Plan(&PlanChanged {
                changed: "canned",
                yours: None,
            }),
        ),
        What::Access(operator) => Some(Telling {
            id: 0,
            to: To::Access(*operator),
            frame: Bytes::new(),
            partners: None,
        }),
    }
}

/// Whoever knows this part of the desk looks at it again.
fn replanned(part: &'static str) -> Telling {
    Telling {
        id: 0,
        to: To::Replanned,
        frame: FeedEvent::Plan(&PlanChanged {
            changed: part,
            yours: None,
        })
        .frame(0),
        partners: None,
    }
}

/// Watches each line, also one that comes later; ends with the surface.
pub(super) async fn watch_lines(
    lines: Lines,
    spool: Spool,
    told: broadcast::WeakSender<Arc<Telling>>,
) {
    let mut changes = lines.changes();
    drop(lines);
    let mut watched: Vec<watch::Receiver<LineStatus>> = Vec::new();
    loop {
        let new: Vec<_> = {
            let now = changes.borrow_and_update();
            watched.retain(|status| now.iter().any(|line| line.status.same_channel(status)));
            let new = now.iter().filter(|line| {
                let mut known = watched.iter();
                !known.any(|status| line.status.same_channel(status))
            });
            new.map(|line| (line.name.clone(), line.status())).collect()
        };
        for (name, status) in new {
            watched.push(status.clone());
            let (spool, told) = (spool.clone(), told.clone());
            tokio::spawn(watch_line(name, status, spool, told));
        }
        if changes.changed().await.is_err() {
            return;
        }
        match told.upgrade() {
            // Nobody may be listening.
            Some(told) => {
                let _ = told.send(Arc::new(replanned("modems")));
            }
            None => return,
        }
    }
}

/// Tells how a line is, whenever it changes; ends with the line.
async fn watch_line(
    name: String,
    mut status: watch::Receiver<LineStatus>,
    spool: Spool,
    told: broadcast::WeakSender<Arc<Telling>>,
) {
    loop {
        let now = status.borrow_and_update().clone();
        let shape = views::modem(&spool, &name, now).await;
        // Nobody may be listening.
        let Some(told) = told.upgrade() else { return };
        match shape {
            Ok(shape) => drop(told.send(Arc::new(Telling::modem(&shape)))),
            Err(error) => tracing::warn!(%error, line = name, "a line could not be looked up"),
        }
        drop(told);
        if status.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::modem::{Line, LineStatus, Phase, Registration};
    use crate::web::event::Nothing;

    fn event(telling: &Telling) -> (String, serde_json::Value) {
        let frame = std::str::from_utf8(&telling.frame).unwrap();
        let line = |field: &str| {
            frame
                .lines()
                .find_map(|line| line.strip_prefix(field))
                .unwrap()
                .to_owned()
        };
        assert!(frame.ends_with("\n\n") && frame.lines().count() <= 4);
        (
            line("event: "),
            serde_json::from_str(&line("data: ")).unwrap(),
        )
    }

    #[test]
    fn frames_are_one_event_each() {
        for words in [
            "plain",
            "two\nlines\r\nand \u{2028} more",
            "\"quoted\" \\ id: 7\n\n",
        ] {
            let frame = FeedEvent::Withdraw(&Withdrawal {
                conversation: ConversationId(1),
                reason: words.into(),
            })
            .frame(7);
            let text = std::str::from_utf8(&frame).unwrap();
            assert!(
                text.starts_with("id: 7\nevent: withdraw\ndata: {"),
                "{text}"
            );
            assert_eq!(text.matches('\n').count(), 4, "{text}");
            assert!(!text.contains('\r'), "{text}");
        }
        assert!(!FeedEvent::Reset(&Nothing {}).frame(0).starts_with(b"id:"));
    }

    #[tokio::test]
    async fn a_line_that_goes_quiet_is_told_with_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
        let (submissions, _s) = mpsc::channel(1);
        let (status, watched) = watch::channel(LineStatus {
            name: "front-desk".into(),
            phase: Phase::Ready,
            registration: Registration::Home,
            signal_dbm: Some(-71),
            imsi: Some("001010123456789".into()),
            since: Some("2026-12-07T20:02:00Z".parse().unwrap()),
            ..LineStatus::default()
        });
        let line = Line::scripted("front-desk", submissions, watched);
        let lines = Lines::from(vec![line]);
        let (told, mut hearing) = broadcast::channel(8);
        let watching = tokio::spawn(watch_lines(lines.clone(), spool, told.downgrade()));
        let limit = Duration::from_secs(10);
        let mut hear = async || {
            let telling = tokio::time::timeout(limit, hearing.recv()).await;
            event(&telling.unwrap().unwrap())
        };

        let (name, ready) = hear().await;
        assert_eq!(name, "modem");
        assert_eq!(ready["phase"], "ready");
        assert_eq!(ready["signal_dbm"], -71);
        // What names the SIM stays out of the browser.
        assert!(!ready.to_string().contains("001010123456789"));

        status.send_modify(|status| status.phase = Phase::Stuck("the SIM is gone".into()));
        let (_, stuck) = hear().await;
        assert_eq!(stuck["phase"], "stuck");
        assert_eq!(stuck["detail"], "the SIM is gone");
        assert_eq!(stuck["since"], "2026-12-07T20:02:00Z");

        // Worse in another way: not ready since the same moment.
        status.send_modify(|status| status.phase = Phase::NoPort("no port".into()));
        let (_, gone) = hear().await;
        assert_eq!(gone["phase"], "no_port");
        assert_eq!(gone["since"], stuck["since"]);

        // Taken away: whoever shows it looks again.
        lines.replace(Vec::new());
        let (name, _) = hear().await;
        assert_eq!(name, "plan");

        drop((status, lines));
        tokio::time::timeout(limit, watching)
            .await
            .unwrap()
            .unwrap();
    }
}
