//! Looking after a line while it has nothing to send: the balance, as the carrier words it, and a
//! text to ourselves that proves both directions.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::due::before;
use super::{closing, tail};
use crate::desk::Desk;
use crate::modem::{Line, LineSettings, Phase, SubmitOutcome};
use crate::routing::Event;
use crate::sms::{Address, SmsSubmit, ValidityPeriod};
use crate::spool::lines::{self, Standing};
use crate::spool::{Spool, SpoolError, outbox};

/// How often the balance is asked, and a text sent to ourselves.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon either is tried again when it came to nothing.
const AGAIN: Duration = Duration::from_secs(60 * 60);
/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long a line that became ready may take to say its own number, which is asked later; many SIMs
/// do not know it.
const SETTLES: Duration = Duration::from_secs(30);
/// How long a text to ourselves may be on its way: networks hold texts for a minute or two when
/// they are busy.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10 * 60);

/// Why a text that was asked for is not sent.
const NOT_READY: &str =
    "the line is not ready to send: see what it says of itself, and ask again once it is";

/// What a text to ourselves begins with, so that it is known again whatever became of the rest.
pub(super) const SELF_TEST: &str = "callnumber self-test ";

/// Looks after one line.
#[derive(Debug)]
pub struct Care {
    line: Line,
    desk: Desk,
    spool: Spool,
    settings: LineSettings,
}

impl Care {
    /// Will look after `line` as `settings` say.
    pub fn new(line: Line, desk: Desk, spool: Spool, settings: LineSettings) -> Self {
        Self {
            line,
            desk,
            spool,
            settings,
        }
    }

    /// Looks until the house closes.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let told = self.spool.read({
            let line = self.line.name.clone();
            move |connection| lines::standing(connection, &line)
        });
        let told = told.await.ok().and_then(|standing| standing.number);
        if let Some(number) = self.settings.number.clone().or(told) {
            // Nothing automatic may ever go to it, whether or not the SIM knows it.
            let known = Event::LineNumber {
                line: self.line.name.clone(),
                number: Some(number),
                imsi: None,
            };
            if let Err(error) = self.desk.ask(known).await {
                tracing::debug!(%error, "the desk is closing");
            }
        }
        if !self.settings.self_test {
            // One that failed before would be called a trouble for ever.
            let line = self.line.name.clone();
            self.keep(move |connection| lines::no_test(connection, &line))
                .await;
        }
        let mut asked = false;
        loop {
            tokio::select! {
                () = closing(&mut stop) => return,
                () = self.look(asked) => {}
            }
            tokio::select! {
                () = closing(&mut stop) => return,
                () = sleep(LOOK_EVERY) => asked = false,
                () = self.becomes_ready() => asked = false,
                () = self.line.self_test_asked() => asked = true,
            }
        }
    }

    /// Looks whether anything is due; a text to ourselves is, when somebody `asked` for one.
    async fn look(&self, asked: bool) {
        let line = self.line.name.clone();
        let found = self
            .spool
            .read(move |connection| {
                let idle = outbox::waiting(connection, &line)? == 0;
                Ok((lines::standing(connection, &line)?, idle))
            })
            .await;
        let Ok((standing, idle)) = found else {
            return; // the next look may be luckier
        };
        self.give_up(&standing).await;
        if asked {
            match (self.is_ready(), &standing.paused) {
                (true, None) => self.text_ourselves(&standing).await,
                (true, Some(pause)) => self.fail(&pause.reason).await,
                (false, _) => self.fail(NOT_READY).await,
            }
            return;
        }
        // Patrons' texts go first.
        if !idle || standing.paused.is_some() || !self.is_ready() {
            return;
        }
        let now = self.spool.now();
        if let Some(code) = &self.settings.balance
            && balance_is_due(&standing, now)
        {
            self.ask_balance(code).await;
        }
        if self.settings.self_test && test_is_due(&standing, now) {
            self.text_ourselves(&standing).await;
        }
    }

    /// Until the line has become ready, and settled; for ever while it stays so.
    async fn becomes_ready(&self) {
        let mut status = self.line.status();
        for ready in [false, true] {
            let stands_so = status.wait_for(|status| (status.phase == Phase::Ready) == ready);
            if stands_so.await.is_err() {
                return std::future::pending().await; // the line is let go
            }
        }
        let numbered = status.wait_for(|status| status.own_number.is_some());
        let _ = timeout(SETTLES, numbered).await; // the look copes without
    }

    fn is_ready(&self) -> bool {
        self.line.status().borrow().phase == Phase::Ready
    }

    async fn ask_balance(&self, code: &str) {
        let answer = self.line.ussd(code).await;
        if let Err(problem) = &answer {
            tracing::warn!(line = self.line.name, problem, "the balance is not known");
        }
        let (line, now) = (self.line.name.clone(), self.spool.now());
        self.keep(move |connection| lines::keep_balance(connection, &line, answer, now))
            .await;
    }

    /// The attempt is on record before it is made, as any other: a daemon that is restarted every
    /// minute must not send one every minute.
    async fn text_ourselves(&self, standing: &Standing) {
        let own = self.line.status().borrow().own_number.clone();
        let told = standing.number.clone();
        let Some(number) = self.settings.number.clone().or(told).or(own) else {
            self.fail(
                "the line's own number is not known: tell it on the page Set up, or set `number` \
                 for this modem",
            )
            .await;
            return;
        };
        let now = self.spool.now();
        let token = format!("{SELF_TEST}{:016x}", getrandom::u64().unwrap_or_default());
        let tpdu = match self_test(&number, &token) {
            Ok(tpdu) => tpdu,
            Err(problem) => return self.fail(&problem).await,
        };
        let (line, to) = (self.line.name.clone(), tail(&number));
        self.keep(move |connection| lines::begin_test(connection, &line, &token, &to, now))
            .await;
        match self.line.submit(tpdu, false).await {
            SubmitOutcome::Accepted { .. } | SubmitOutcome::Duplicate => {}
            // It may have left: then it comes back.
            SubmitOutcome::Unknown { why } => tracing::debug!(why, "the text to ourselves"),
            SubmitOutcome::Refused(refusal) => {
                self.fail(&format!(
                    "a text to ourselves was refused: {}",
                    refusal.words
                ))
                .await;
            }
        }
    }

    async fn give_up(&self, standing: &Standing) {
        let Some(test) = &standing.self_test else {
            return;
        };
        let late = test.sent < before(self.spool.now(), ROUND_TRIP_MAX);
        if test.is_under_way() && late {
            self.fail(
                "a text to ourselves did not come back within ten minutes: patrons' texts may not \
                 arrive either. Try the SIM in a phone, and ask the carrier",
            )
            .await;
        }
    }

    async fn fail(&self, problem: &str) {
        let (line, problem) = (self.line.name.clone(), problem.to_owned());
        let (words, now) = (problem.clone(), self.spool.now());
        let new = self
            .keep(move |connection| lines::test_failed(connection, &line, &problem, now))
            .await;
        if new == Some(true) {
            tracing::error!(line = self.line.name, "{words}");
        }
    }

    async fn keep<T, F>(&self, job: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, SpoolError> + Send + 'static,
    {
        self.spool
            .write(job)
            .await
            .inspect_err(|error| tracing::warn!(line = self.line.name, %error, "not kept"))
            .ok()
    }
}

fn balance_is_due(standing: &Standing, now: Timestamp) -> bool {
    standing.balance.as_ref().is_none_or(|balance| {
        let every = match balance.problem {
            Some(_) => AGAIN,
            None => DAY,
        };
        is_past(balance.at, every, now)
    })
}

fn test_is_due(standing: &Standing, now: Timestamp) -> bool {
    standing.self_test.as_ref().is_none_or(|test| {
        let every = match test.problem {
            Some(_) => AGAIN,
            None => DAY,
        };
        !test.is_under_way() && is_past(test.sent, every, now)
    })
}

/// A clock that was set back must not put it off for years.
fn is_past(at: Timestamp, span: Duration, now: Timestamp) -> bool {
    at <= before(now, span) || at > now
}

/// No report is asked for: what proves it is that it comes.
fn self_test(number: &str, words: &str) -> Result<Vec<u8>, String> {
    let to = Address::number(number).map_err(|error| error.to_string())?;
    let user_data = crate::sms::split(words, 0)
        .map_err(|error| error.to_string())?
        .into_iter()
        .next()
        .ok_or("there is nothing to send")?;
    let submit = SmsSubmit {
        // A text that comes tomorrow proves nothing about today.
        validity: Some(ValidityPeriod::at_least(AGAIN)),
        ..SmsSubmit::new(to, user_data)
    };
    submit.encode().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::spool::lines::{Balance, SelfTest};

    #[test]
    fn each_is_due_once_a_day_and_sooner_after_a_failure() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let ago = |minutes: u64| before(now, Duration::from_secs(minutes * 60));
        for (sent, took_ms, problem, due) in [
            (ago(5), None, None, false), // under way
            (ago(23 * 60), Some(6000), None, false),
            (ago(24 * 60), Some(6000), None, true),
            (ago(30), None, Some("no"), false),
            (ago(60), None, Some("no"), true),
            (
                now + jiff::SignedDuration::from_hours(9),
                Some(1),
                None,
                true,
            ), // the clock was set
        ] {
            let standing = Standing {
                self_test: Some(SelfTest {
                    sent,
                    took_ms,
                    problem: problem.map(str::to_owned),
                }),
                balance: problem.map(|problem: &str| Balance {
                    words: None,
                    at: sent,
                    problem: Some(problem.into()),
                }),
                ..Standing::default()
            };
            assert_eq!(test_is_due(&standing, now), due, "{sent} {took_ms:?}");
            if problem.is_some() {
                assert_eq!(balance_is_due(&standing, now), due);
            }
        }
        assert!(test_is_due(&Standing::default(), now));
        assert!(balance_is_due(&Standing::default(), now));
    }

    #[test]
    fn a_text_to_ourselves_is_one_segment_without_a_report() {
        let words = format!("{SELF_TEST}{:016x}", u64::MAX);
        let tpdu = self_test("+15550100000", &words).unwrap();
        assert_eq!(tpdu[0] & 0x20, 0, "TP-SRR");
        assert_eq!(crate::sms::plan(&words).segments, 1);
        assert!(self_test("nobody", &words).is_err());
    }
}
