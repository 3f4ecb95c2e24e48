//! One batch: the router's decisions on several wishes, what one commit holds of them, and the
//! answers. When the commit fails, each wish is tried alone.

use std::collections::{BTreeSet, HashMap};

use tokio::sync::oneshot;

use super::news::{Told, is_row};
use super::owner::{Owner, not_granted};
use super::restored::{MEND_EVERY, look_up};
use crate::desk::{Arrivals, NotGranted, Receipt, SEGMENTS_MAX};
use crate::routing::{
    Act, ConversationId, Effect, Event, GatewayKind, MessageId, Need, OperatorId, Refusal,
};
use crate::spool::{SpoolError, inbox, transcript};

/// Wishes of a failed batch that may fail alone before the rest is not tried: then it is the disk.
const ALONE_MAX: usize = 3;

/// Something that happened, what it was made of, and who wants to know.
pub(super) type Happening = (
    Event,
    Arrivals,
    oneshot::Sender<Result<Receipt, NotGranted>>,
);

/// A decided wish whose commit has ended: who wants to know, what they are told, what it was.
pub(super) type Answered = (
    oneshot::Sender<Result<Receipt, NotGranted>>,
    Receipt,
    Option<(Event, Arrivals)>,
);

/// One wish that was decided and waits for the commit.
pub(super) struct Decided {
    /// What it was, where it shares its commit: to be tried alone if that fails.
    origin: Option<(Event, Arrivals)>,
    answer: oneshot::Sender<Result<Receipt, NotGranted>>,
    receipt: Receipt,
    effects: Vec<Effect>,
    arrivals: Arrivals,
}

/// What one commit is to hold.
#[derive(Default)]
pub(super) struct Batch {
    /// Whether it holds several wishes.
    shared: bool,
    decided: Vec<Decided>,
    /// Messages of this batch by their sender's own key, not yet to be found in the spool.
    sent: HashMap<(OperatorId, String), Receipt>,
}

impl Owner {
    /// Decides on events one after another and commits what follows from all of them.
    pub(super) async fn happen(&mut self, events: Vec<Happening>) {
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
            Event::LineNumber {
                ref line,
                ref number,
                ref imsi,
            } => {
                let told = self.numbers.entry(line.clone()).or_default();
                told.0 = number.clone().or_else(|| told.0.take());
                told.1 = imsi.clone().or_else(|| told.1.take());
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
        let segments = crate::sms::plan_in(body, self.board.tables(gateway)).segments;
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
            SpoolError::Broken(_) | SpoolError::Damaged(_) | SpoolError::Refused(_) => true,
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
