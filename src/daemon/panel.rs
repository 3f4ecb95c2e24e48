//! The front panel at work: lamps that show how the desk is, a switch that opens and closes it, a
//! button that calls for help.
//!
//! The switch stands for one operator, who is on duty while it is open, whatever their browser
//! says; turned to closed, they are off duty. The button sends one text to a telephone.

use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::control::{self, Request};
use crate::desk::{Desk, NotGranted, What};
use crate::hardware::{Board, DeskPosition, LineHealth, Panel, PanelEvent, amber, green};
use crate::modem::{Line, LineStatus, Phase};
use crate::routing::{EndpointId, Event, OperatorId, Show};
use crate::spool::transcript;

/// Where nothing else wants it, the panel is looked at again after this long.
const AT_REST: Duration = Duration::from_secs(60);
/// A wish that could not be granted is made again after this long.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two calls for help: a child at the button must not empty the account.
const HELP_EVERY: Duration = Duration::from_secs(60);

/// Whom the panel stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelDuty {
    /// Whose presence the switch is.
    pub operator: Option<String>,
    /// The telephone that a press of the help button sends a text to.
    pub help_number: Option<String>,
    /// What that text says.
    pub help_words: String,
}

/// What the panel works with.
pub(super) struct Attendant<B: Board> {
    panel: Panel<B>,
    duty: PanelDuty,
    rooms: control::Rooms,
    /// What the switch says, until the desk has been told.
    wanted: Option<DeskPosition>,
    again_at: Option<Instant>,
    /// The switch's own sign of presence, while it is open.
    seat: Option<(OperatorId, EndpointId)>,
    helped_at: Option<Instant>,
    /// The last trouble with a pin that was told: the same one is not told each second.
    trouble: Option<String>,
}

impl<B: Board> Attendant<B>
where
    Panel<B>: Send,
{
    pub(super) fn new(panel: Panel<B>, duty: PanelDuty, rooms: control::Rooms) -> Self {
        Self {
            panel,
            duty,
            rooms,
            wanted: None,
            again_at: None,
            seat: None,
            helped_at: None,
            trouble: None,
        }
    }

    /// Serves the panel until the house closes; then the lamps are dark.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.rooms.desk.changes();
        let mut lines = self.rooms.lines.changes();
        let mut statuses = statuses_of(&lines.borrow_and_update());
        let mut look_for_texts = true;
        loop {
            if std::mem::take(&mut look_for_texts) {
                self.show_waiting().await;
            }
            self.show_lines(&mut statuses);
            let next = self.tick().await;
            self.tell_switch().await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                changed = changes.recv() => match changed {
                    Ok(change) => look_for_texts = matches!(change.what, What::Conversation(_)),
                    Err(RecvError::Lagged(_)) => look_for_texts = true,
                    Err(RecvError::Closed) => break,
                },
                Ok(()) = lines.changed() => statuses = statuses_of(&lines.borrow_and_update()),
                () = any_changed(&mut statuses) => {}
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        let now = Instant::now();
        self.panel.show_green(Default::default(), now);
        self.panel.show_amber(Default::default(), now);
        let _ = self.panel.tick(now);
    }

    /// Lights the amber lamp while a text waits for its first answer.
    async fn show_waiting(&mut self) {
        let oldest = self.rooms.spool.read(transcript::oldest_waiting).await;
        match oldest {
            Ok(oldest) => self
                .panel
                .show_amber(amber(oldest.is_some()), Instant::now()),
            // A spool that cannot be read is told of elsewhere; the lamp stays as it is.
            Err(error) => tracing::debug!(%error, "the amber lamp was not set"),
        }
    }

    /// The green lamp shows the worst line: a box whose second line is dead wants somebody.
    fn show_lines(&mut self, statuses: &mut [watch::Receiver<LineStatus>]) {
        let worst = statuses
            .iter_mut()
            .map(|status| health(&status.borrow_and_update().phase))
            .max_by_key(|health| match health {
                LineHealth::Registered => 0,
                LineHealth::Searching => 1,
                LineHealth::Dead => 2,
            });
        let worst = worst.unwrap_or(LineHealth::Dead);
        self.panel.show_green(green(worst), Instant::now());
    }

    /// Drives lamps and reads contacts; answers when to look again.
    async fn tick(&mut self) -> Instant {
        let now = Instant::now();
        let tick = self.panel.tick(now);
        match tick.fault {
            Some(fault) => {
                let words = fault.to_string();
                if self.trouble.as_ref() != Some(&words) {
                    tracing::warn!("{words}");
                    self.trouble = Some(words);
                }
            }
            None => self.trouble = None,
        }
        for event in tick.events {
            match event {
                PanelEvent::Desk(position) => {
                    self.wanted = Some(position);
                    self.again_at = None;
                }
                PanelEvent::Help => self.call_for_help(now).await,
            }
        }
        let rest = now + AT_REST;
        [tick.next, self.again_at]
            .into_iter()
            .flatten()
            .fold(rest, Instant::min)
    }

    /// Tells the desk what the switch says, until it has taken it.
    async fn tell_switch(&mut self) {
        let due = self.again_at.is_none_or(|at| Instant::now() >= at);
        let (Some(position), true) = (self.wanted, due) else {
            return;
        };
        let Some(name) = self.duty.operator.clone() else {
            self.wanted = None;
            return;
        };
        match self.turn(&name, position).await {
            Ok(()) => {
                self.wanted = None;
                self.again_at = None;
                tracing::info!(?position, "the desk switch was turned");
            }
            Err(words) => {
                if self.again_at.is_none() {
                    tracing::warn!("the desk switch: {words}");
                }
                self.again_at = Some(Instant::now() + AGAIN);
            }
        }
    }

    async fn turn(&mut self, name: &str, position: DeskPosition) -> Result<(), String> {
        let desk = &self.rooms.desk;
        let words = |error: NotGranted| error.to_string();
        let named = {
            let board = desk.board();
            let board = board.borrow();
            let mut operators = board.plan.operators.iter();
            operators
                .find(|operator| operator.name == name)
                .map(|operator| operator.id)
        };
        let operator = named.ok_or_else(|| {
            format!("there is no operator {name:?}: add one, or correct [panel] operator")
        })?;
        match position {
            DeskPosition::Open => {
                let endpoint = match self.seat {
                    Some((seated, endpoint)) if seated == operator => endpoint,
                    _ => desk.new_endpoint(),
                };
                let opened = Event::EndpointOpened { operator, endpoint };
                desk.ask(opened).await.map_err(words)?;
                self.seat = Some((operator, endpoint));
                show(desk, operator, Show::Available).await.map_err(words)
            }
            DeskPosition::Closed => {
                show(desk, operator, Show::Offline).await.map_err(words)?;
                if let Some((operator, endpoint)) = self.seat.take() {
                    let closed = Event::EndpointClosed { operator, endpoint };
                    desk.ask(closed).await.map_err(words)?;
                }
                Ok(())
            }
        }
    }

    async fn call_for_help(&mut self, now: Instant) {
        let lately = self
            .helped_at
            .is_some_and(|at| now.saturating_duration_since(at) < HELP_EVERY);
        if lately {
            return;
        }
        self.helped_at = Some(now);
        tracing::warn!("the help button was pressed");
        let Some(number) = self.duty.help_number.clone() else {
            return;
        };
        let request = Request::Send {
            number,
            text: self.duty.help_words.clone(),
            gateway: None,
        };
        if let Err(words) = self.rooms.answer(&[], request).await {
            tracing::warn!("the call for help was not sent: {words}");
            // The next press may do.
            self.helped_at = None;
        }
    }
}

async fn show(desk: &Desk, operator: OperatorId, show: Show) -> Result<(), NotGranted> {
    desk.ask(Event::Presence { operator, show }).await.map(drop)
}

fn health(phase: &Phase) -> LineHealth {
    match phase {
        Phase::Ready => LineHealth::Registered,
        Phase::Starting => LineHealth::Searching,
        Phase::NoPort(_) | Phase::Stuck(_) => LineHealth::Dead,
    }
}

/// What is known of each line.
fn statuses_of(lines: &[Line]) -> Vec<watch::Receiver<LineStatus>> {
    lines.iter().map(Line::status).collect()
}

/// Waits until one of them has something new.
async fn any_changed(statuses: &mut [watch::Receiver<LineStatus>]) {
    let waits = statuses.iter_mut().map(|status| {
        Box::pin(async move {
            // A line that is gone says nothing new for ever.
            if status.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    });
    match waits.collect::<Vec<_>>() {
        none if none.is_empty() => std::future::pending().await,
        waits => {
            futures_util::future::select_all(waits).await;
        }
    }
}
