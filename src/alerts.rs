//! Calls for help: texts that wait while nobody is signed in (M11), lines that are lost, rest or do
//! not hear themselves, spool and disk in trouble; by e-mail and by text to staff telephones. Each
//! once an incident, with an all-clear.
//!
//! [`incidents`] decides, purely, from what is found now and what was found before; [`findings`]
//! words what is found; [`mail`] is the way out by SMTP, and [`trial`] tries it. A text goes through
//! the desk's own outbox, by a line that works.

pub mod findings;
pub mod incidents;
pub mod trial;

pub use crate::mail;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::desk::Desk;
use crate::modem::{LineStatus, Lines};
use crate::numbers::PatronNumber;
use crate::routing::{Event, Gateway, GatewayKind, Notice, Plan, QueueId, Values};
use crate::spool::footprint::Footprint;
use crate::spool::lines::{Standing, standing};
use crate::spool::{Spool, alarms, outbox};

use findings::{LineNow, Now, QueueNow};
use incidents::{Incidents, Said, Telling, Trouble};
use mail::{Letter, Mailer};

/// Letters that may wait for a mail server; the oldest goes when one more comes.
const LETTERS_MAX: usize = 32;
/// How long a letter is tried: after that the trouble has spoken for itself.
const LETTER_LIVES: Duration = Duration::from_secs(6 * 3600);
/// Between two tries of a letter.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// How long one look may take the mail server.
const MAIL_WITHIN: Duration = Duration::from_secs(45);

/// How alerts are given.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The mail server, and to whom.
    pub mail: Option<mail::Settings>,
    /// Staff telephones.
    pub phones: Vec<PatronNumber>,
    /// How long a line may be in trouble before it is one.
    pub line_after: Duration,
    /// How long texts may wait while nobody is signed in.
    pub waiting_after: Duration,
    /// How long something must be well before the all-clear.
    pub calm: Duration,
    /// Octets the disk must have left.
    pub disk_free: u64,
    /// Between two looks.
    pub every: Duration,
    /// Where the console is, for M11.
    pub url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mail: None,
            phones: Vec::new(),
            line_after: Duration::from_secs(10 * 60),
            waiting_after: Duration::from_secs(10 * 60),
            calm: Duration::from_secs(2 * 60),
            disk_free: 200 * 1024 * 1024,
            every: Duration::from_secs(15),
            url: None,
        }
    }
}

impl Settings {
    fn patience(&self, trouble: &Trouble) -> Duration {
        match trouble {
            Trouble::Line(_) => self.line_after,
            Trouble::Waiting(_) => self.waiting_after,
            // A storage drains within a sweep or two; a disk and a spool say what they are.
            Trouble::Storage(_) => self.line_after.min(Duration::from_secs(120)),
            // A line that rests was refused often enough, a failed self-test was waited for.
            Trouble::Rested(_) | Trouble::SelfTest(_) => Duration::ZERO,
            Trouble::Spool | Trouble::Disk => Duration::ZERO,
        }
    }
}

/// The room at work.
pub struct Alerts {
    settings: Settings,
    desk: Desk,
    spool: Spool,
    lines: Lines,
    incidents: Incidents,
    mailer: Option<Mailer>,
    letters: VecDeque<(Letter, Instant)>,
    try_again: Option<Instant>,
    opened: Instant,
}

impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerts")
            .field("settings", &self.settings)
            .finish()
    }
}

impl Alerts {
    /// The room, with what was told before the last restart.
    ///
    /// # Errors
    /// When the mail settings make no mailer, or the spool cannot be read.
    pub async fn open(
        settings: Settings,
        desk: Desk,
        spool: Spool,
        lines: Lines,
    ) -> Result<Self, OpenError> {
        let mailer = match &settings.mail {
            Some(mail) => Some(Mailer::new(mail)?),
            None => None,
        };
        let told = spool.read(alarms::told).await?;
        let incidents = Incidents::restored(
            told.iter()
                .filter_map(|key| Trouble::from_key(key))
                .collect(),
        );
        Ok(Self {
            settings,
            desk,
            spool,
            lines,
            incidents,
            mailer,
            letters: VecDeque::new(),
            try_again: None,
            opened: Instant::now(),
        })
    }

    /// Looks, and tells, until the house closes.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut interval = tokio::time::interval(self.settings.every);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                // An error says that the house is gone: the same.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            tokio::select! {
                () = self.look() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn look(&mut self) {
        if let Some(now) = self.now().await {
            let found = findings::find(&now, &self.settings);
            let passed = self.opened.elapsed();
            let settings = &self.settings;
            let tellings = self
                .incidents
                .observe(&found, passed, settings.calm, |trouble| {
                    settings.patience(trouble)
                });
            for telling in tellings {
                self.tell(telling, &now).await;
            }
        }
        self.post().await;
    }

    /// How everything is.
    async fn now(&self) -> Option<Now> {
        let board = self.desk.board().borrow().clone();
        let at = self.spool.now();
        let mut spool_trouble = self.spool.trouble();
        if spool_trouble.is_some() && self.spool.damage().is_none() {
            // Nothing may have been written since: an attempt tells whether it is over.
            let attempt = self.spool.write(alarms::touch).await;
            spool_trouble = attempt.err().map(|error| error.to_string());
        }
        // Lines come and go: these are those of this look.
        let lines: Vec<(String, LineStatus)> = self
            .lines
            .now()
            .iter()
            .map(|line| (line.name.clone(), line.status().borrow().clone()))
            .collect();
        let names: Vec<String> = lines.iter().map(|(name, _)| name.clone()).collect();
        let found = self.spool.read(move |connection| {
            let mut standings = Vec::with_capacity(names.len());
            for name in &names {
                standings.push((
                    standing(connection, name)?,
                    outbox::waiting(connection, name)?,
                ));
            }
            Ok((alarms::waiting(connection)?, standings))
        });
        let (waiting, standings, unread) = match found.await {
            Ok((waiting, standings)) => (waiting, standings, false),
            Err(error) => {
                tracing::warn!(%error, "the spool cannot be read for alerts");
                spool_trouble.get_or_insert(error.to_string());
                (
                    Vec::new(),
                    vec![(Standing::default(), 0); lines.len()],
                    true,
                )
            }
        };
        let queues = waiting
            .into_iter()
            .filter_map(|(queue, count, oldest)| {
                Some(QueueNow {
                    id: queue,
                    name: board.plan.queue(queue)?.name.clone(),
                    waiting: count,
                    age: at.duration_since(oldest).unsigned_abs(),
                    online: board.online.contains(&queue),
                    opening: board.plan.opening(queue, at),
                })
            })
            .collect();
        let lines = lines
            .into_iter()
            .zip(standings)
            .map(|((name, status), (standing, queued))| LineNow {
                name,
                status,
                standing,
                queued,
            });
        Some(Now {
            at,
            zone: board.plan.library.time_zone.clone(),
            lines: lines.collect(),
            queues,
            unread,
            spool: spool_trouble,
            disk_free: Footprint::of(self.spool.path()).disk_free,
        })
    }

    /// Tells one thing every way there is. That it was told is kept first, where the disk takes it.
    async fn tell(&mut self, telling: Telling, now: &Now) {
        let key = telling.finding.trouble.key();
        let begun = match telling.said {
            Said::Alarm => true,
            Said::AllClear { .. } => false,
        };
        tracing::warn!(trouble = %key, begun, "an alert is given");
        let kept = self
            .spool
            .write(move |connection| alarms::keep(connection, &key, begun))
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "that an alert was given could not be kept");
        }
        let plan = std::sync::Arc::clone(&self.desk.board().borrow().plan);
        let text = self.words(&telling, &plan, now);
        if self.mailer.is_some() {
            if self.letters.len() == LETTERS_MAX {
                self.letters.pop_front();
            }
            let letter = Letter {
                subject: subject(&telling, &plan.library.name),
                body: format!("{text}\n"),
            };
            self.letters.push_back((letter, Instant::now()));
            self.try_again = None;
        }
        if self.settings.phones.is_empty() {
            return;
        }
        let Some(gateway) = working_gateway(&plan, &now.lines) else {
            tracing::warn!("no line works, so no staff telephone can be told");
            return;
        };
        let gateway = gateway.id;
        for phone in &self.settings.phones {
            let event = Event::Write {
                gateway,
                to: phone.to_string(),
                body: text.clone(),
            };
            if let Err(error) = self.desk.ask(event).await {
                tracing::warn!(%error, "a staff telephone could not be told");
            }
        }
    }

    /// M11 for texts that wait; plain sentences for the rest.
    fn words(&self, telling: &Telling, plan: &Plan, now: &Now) -> String {
        let finding = &telling.finding;
        if let (Trouble::Waiting(name), Said::Alarm) = (&finding.trouble, &telling.said)
            && let Some(words) = self.staff_notice(name, plan, now)
        {
            return words;
        }
        match telling.said {
            Said::Alarm => format!("Textline: {}", finding.words),
            Said::AllClear { lasted } => format!(
                "Textline: all clear, {}. It lasted {}.",
                finding.trouble.cleared(),
                findings::spoken(lasted)
            ),
        }
    }

    fn staff_notice(&self, queue: &str, plan: &Plan, now: &Now) -> Option<String> {
        let queue = now.queues.iter().find(|one| one.name == queue)?;
        let gateway = gateway_of(plan, queue.id)?;
        let mut values = Values::new(plan, queue.id, now.at);
        values.set("n", Some(queue.waiting.to_string()));
        values.set("age", Some(findings::spoken(queue.age)));
        values.set("url", self.settings.url.clone());
        Notice::Staff.words(gateway, &values)
    }

    /// Posts what waits for the mail server. One that does not answer is asked again in a minute.
    async fn post(&mut self) {
        let Some(mailer) = &self.mailer else { return };
        if self.try_again.is_some_and(|at| at > Instant::now()) {
            return;
        }
        self.letters
            .retain(|(_, since)| since.elapsed() < LETTER_LIVES);
        while let Some((letter, _)) = self.letters.front() {
            let sent = tokio::time::timeout(MAIL_WITHIN, mailer.send(letter)).await;
            let problem = match sent {
                Ok(Ok(())) => None,
                Ok(Err(error)) if !error.is_transient() => {
                    // It will never take this one.
                    tracing::error!(%error, "an alert could not be mailed, and will not be");
                    None
                }
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the mail server does not answer".to_owned()),
            };
            if let Some(problem) = problem {
                tracing::warn!(
                    problem,
                    "an alert could not be mailed; trying again in a minute"
                );
                self.try_again = Some(Instant::now() + TRY_AGAIN);
                return;
            }
            self.letters.pop_front();
        }
    }
}

/// A gateway whose line sends, if possible one whose texts to itself come back; without lines of our
/// own, any sms gateway.
fn working_gateway<'a>(plan: &'a Plan, lines: &[LineNow]) -> Option<&'a Gateway> {
    let doubtful = |line: &LineNow| {
        let test = line.standing.self_test.as_ref();
        line.standing.refused || test.is_some_and(|test| test.problem.is_some())
    };
    let line_of = |gateway: &Gateway| {
        let name = gateway.line.as_ref()?;
        lines.iter().find(|line| line.name == *name)
    };
    let mut sending: Vec<&Gateway> = plan
        .gateways
        .iter()
        .filter(|gateway| {
            let sends = match &gateway.line {
                Some(_) => lines.is_empty() || line_of(gateway).is_some_and(LineNow::sends),
                None => false,
            };
            !gateway.removed && gateway.kind == GatewayKind::Sms && sends
        })
        .collect();
    sending.sort_by_key(|gateway| line_of(gateway).is_some_and(doubtful));
    sending.first().copied()
}

fn gateway_of(plan: &Plan, queue: QueueId) -> Option<&Gateway> {
    let mut in_use = plan.gateways.iter().filter(|gateway| !gateway.removed);
    let own = in_use.clone().find(|gateway| gateway.queue == queue);
    own.or_else(|| in_use.next())
}

fn subject(telling: &Telling, library: &str) -> String {
    let trouble = telling.finding.trouble.named();
    match telling.said {
        Said::Alarm => format!("[{library}] text line: {trouble}"),
        Said::AllClear { .. } => format!("[{library}] text line, all clear: {trouble}"),
    }
}

/// Why alerts cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The mail settings.
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] crate::spool::SpoolError),
}
