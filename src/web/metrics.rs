//! `/metrics`: how the desk is, for Prometheus (OpenMetrics 1.0 text).
//!
//! Whoever scrapes proves who they are with a bearer token, as everyone does; a scrape is no sign
//! of life, or a token on a monitoring machine would keep its operator on duty. Nothing here says
//! who wrote, or what.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::caller::Caller;
use super::premises::{Premises, is_ready};
use super::problem::Problem;
use crate::desk::{Change, Link, What};
use crate::modem::Registration;
use crate::routing::{ConversationState, Direction, MessageId, Show};
use crate::spool::footprint::Footprint;
use crate::spool::{outbox, transcript};

type Number = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLine {
    line: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQueue {
    queue: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    state: String,
}

/// What has happened since the daemon started. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    received: Counter,
    /// Texts out that came to stand so.
    out: Family<ByState, Counter>,
    /// Times the tally could not follow: what happened then is not counted.
    missed: Counter,
}

impl Tally {
    /// Begins to count; ends with the desk.
    pub(super) fn start(changes: broadcast::Receiver<Arc<Change>>) -> Self {
        let tally = Self::default();
        tokio::spawn(tally.clone().follow(changes));
        tally
    }

    async fn follow(self, mut changes: broadcast::Receiver<Arc<Change>>) {
        let mut newest = MessageId(0);
        loop {
            match changes.recv().await {
                Ok(change) => self.count(&change.what, &mut newest),
                Err(RecvError::Lagged(_)) => {
                    self.missed.inc();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn count(&self, what: &What, newest: &mut MessageId) {
        let What::Message(message, _) = what else {
            return;
        };
        match message.direction {
            // A text is told again when more of it comes.
            Direction::In if message.id > *newest => {
                *newest = message.id;
                self.received.inc();
            }
            Direction::In => {}
            Direction::Out => {
                let state = message.state.word().to_owned();
                self.out.get_or_create(&ByState { state }).inc();
            }
        }
    }
}

/// `GET /metrics`
pub(super) async fn metrics(
    State(premises): State<Arc<Premises>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if Caller::find(&premises, &headers).await?.is_none() {
        return Err(Problem::nobody());
    }
    let mut text = String::new();
    let registry = look(&premises).await?;
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// A gauge for each thing of a kind.
fn family<L>(registry: &mut Registry, name: &str, help: &str) -> Family<L, Number>
where
    L: Clone + std::hash::Hash + Eq + EncodeLabelSet + Send + Sync + std::fmt::Debug + 'static,
{
    let family = Family::<L, Number>::default();
    registry.register(name, help, family.clone());
    family
}

fn number(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Number::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

fn octets(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Number::default();
    gauge.set(value as f64);
    registry.register_with_unit(name, help, Unit::Bytes, gauge);
}

/// Everything as it stands now.
async fn look(premises: &Premises) -> Result<Registry, Problem> {
    let names = premises.lines.names();
    let (counts, oldest, waiting) = premises
        .spool
        .read(move |connection| {
            let mut waiting = Vec::with_capacity(names.len());
            for name in names {
                let count = outbox::waiting(connection, &name)?;
                waiting.push((name, count));
            }
            let counts = transcript::counts(connection)?;
            Ok((counts, transcript::oldest_waiting(connection)?, waiting))
        })
        .await?;
    let board = premises.board();
    let path = premises.spool.path().to_owned();
    let space = tokio::task::spawn_blocking(move || Footprint::of(&path)).await;
    let space = space.unwrap_or_default();

    let mut root = Registry::default();
    process(&mut root);
    let registry = root.sub_registry_with_prefix("callnumber");
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The running program", build);

    let tally = &premises.tally;
    let received = tally.received.clone();
    registry.register("texts_received", "Texts in since the start", received);
    let out = tally.out.clone();
    registry.register(
        "texts_out",
        "Texts out since the start, by what became of them",
        out,
    );
    let missed = tally.missed.clone();
    registry.register("tally_gaps", "Times when texts were not counted", missed);

    let conversations: Family<ByState, Number> = family(
        registry,
        "conversations",
        "Conversations that are not closed",
    );
    for state in [
        ConversationState::Held,
        ConversationState::Waiting,
        ConversationState::Claimed,
    ] {
        let found = counts.iter().find(|(counted, _)| *counted == state);
        let state = state.word().to_owned();
        let gauge = conversations.get_or_create(&ByState { state });
        gauge.set(found.map_or(0.0, |(_, count)| *count as f64));
    }
    let age = oldest.map_or(0.0, |since| {
        premises.spool.now().duration_since(since).as_secs_f64()
    });
    number(
        registry,
        "oldest_waiting_seconds",
        "For how long the oldest unanswered conversation has waited",
        age.max(0.0),
    );
    let available = board
        .shows
        .values()
        .filter(|show| **show == Show::Available);
    let available = available.count() as f64;
    number(
        registry,
        "operators_available",
        "Operators on duty",
        available,
    );
    let online: Family<ByQueue, Number> = family(registry, "queue_online", "1 while it is staffed");
    for queue in &board.plan.queues {
        let is_online = board.online.contains(&queue.id);
        let queue = queue.name.clone();
        online
            .get_or_create(&ByQueue { queue })
            .set(f64::from(u8::from(is_online)));
    }

    lines(registry, premises, &waiting);

    if let Some(link) = &premises.messengers {
        let up = *link.borrow() == Link::Up;
        let help = "1 while the link to the XMPP server is up";
        number(registry, "xmpp_up", help, f64::from(u8::from(up)));
    }
    octets(registry, "spool", "The spool's file", space.spool);
    octets(registry, "spool_log", "SQLite's log beside it", space.log);
    if let Some(free) = space.disk_free {
        octets(
            registry,
            "disk_free",
            "What the spool's disk has left",
            free,
        );
    }
    Ok(root)
}

fn lines(registry: &mut Registry, premises: &Premises, waiting: &[(String, u64)]) {
    let ready: Family<ByLine, Number> =
        family(registry, "line_ready", "1 while it sends and receives");
    let registered: Family<ByLine, Number> =
        family(registry, "line_registered", "1 while a network has it");
    let signal: Family<ByLine, Number> = family(
        registry,
        "line_signal_dbm",
        "Signal strength (TS 27.007 +CSQ)",
    );
    let used: Family<ByLine, Number> =
        family(registry, "line_storage_used", "Texts in the SIM or modem");
    let total: Family<ByLine, Number> = family(
        registry,
        "line_storage_total",
        "Texts the SIM or modem holds at most",
    );
    let replies: Family<ByLine, Number> =
        family(registry, "line_replies_waiting", "Texts waiting to be sent");
    for known in premises.lines.now().iter() {
        let status = known.status().borrow().clone();
        let line = ByLine {
            line: known.name.clone(),
        };
        let truth = |is_so: bool| f64::from(u8::from(is_so));
        ready.get_or_create(&line).set(truth(is_ready(&status)));
        let has_network = match status.registration {
            Registration::Home | Registration::Roaming => true,
            Registration::Unknown
            | Registration::None
            | Registration::Searching
            | Registration::Denied => false,
        };
        registered.get_or_create(&line).set(truth(has_network));
        // What the modem does not say has no value, rather than one that is not so.
        if let Some(dbm) = status.signal_dbm {
            signal.get_or_create(&line).set(f64::from(dbm));
        }
        if let (Some(texts), Some(room)) = (status.storage_used, status.storage_total) {
            used.get_or_create(&line).set(f64::from(texts));
            total.get_or_create(&line).set(f64::from(room));
        }
        if let Some((_, count)) = waiting.iter().find(|(name, _)| *name == line.line) {
            replies.get_or_create(&line).set(*count as f64);
        }
    }
}

/// What Prometheus' own clients tell of a process, where the system shows it.
fn process(registry: &mut Registry) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|size| size.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    if let Some(kilobytes) = kilobytes {
        let resident = kilobytes.saturating_mul(1024);
        octets(
            registry,
            "process_resident_memory",
            "Memory in use",
            resident,
        );
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // One of them is the folder being read.
        let count = open.count().saturating_sub(1) as f64;
        number(registry, "process_open_fds", "Open file descriptors", count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{Author, ConversationId, DeliveryState, Message, QueueId};

    fn message(id: i64, direction: Direction, state: DeliveryState) -> What {
        let message = Message {
            id: MessageId(id),
            conversation: ConversationId(1),
            direction,
            body: "words".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            stamped_at: None,
            state,
            reason: None,
            author: Author::Patron,
            client_id: None,
            reaction: None,
        };
        What::Message(Arc::new(message), QueueId(1))
    }

    #[test]
    fn a_text_in_is_counted_once_and_a_text_out_by_its_states() {
        let tally = Tally::default();
        let mut newest = MessageId(0);
        for what in [
            message(1, Direction::In, DeliveryState::Received),
            message(1, Direction::In, DeliveryState::Received),
            message(2, Direction::Out, DeliveryState::Queued),
            message(2, Direction::Out, DeliveryState::Sent),
            message(3, Direction::In, DeliveryState::Received),
        ] {
            tally.count(&what, &mut newest);
        }
        assert_eq!(tally.received.get(), 2);
        for (state, count) in [("queued", 1), ("sent", 1), ("failed", 0)] {
            let state = ByState {
                state: state.into(),
            };
            assert_eq!(tally.out.get_or_create(&state).get(), count, "{state:?}");
        }
    }
}
