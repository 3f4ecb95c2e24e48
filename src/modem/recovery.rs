//! The recovery ladder, pure: what to do about a modem that does not do what it is told.
//!
//! | rung | act | tried |
//! | --- | --- | --- |
//! | 0 | ESC CR, `AT` three times, then `AT+CPMS?` | after any timeout, twice |
//! | 1 | the whole setup | when rung 0 failed twice |
//! | 2 | close, wait, open by name | when rung 1 failed, after 30 s of silence, at once when the port is gone |
//! | 3 | radio off, 3 s, radio on | the SIM does not answer, or no network for 10 min; at most once an hour |
//! | 4 | a restart by AT, and 90 s to come back | when rung 2 failed, or rung 3 did not bring the SIM back; once an hour while no text can be read |
//! | 5 | the USB device unplugged by the kernel | when rung 4 failed; where there is no port to say rung 4 to |
//! | 6 | power key, reset or supply | when rung 5 failed |
//! | 7 | an alarm; rungs 4 to 6 every 30 min, then every hour, for ever | after three rounds |
//!
//! A rung is passed only when `AT` *and* `AT+CPMS?` are answered. Rungs 5 and 6 are passed over
//! where nothing can do them. A network that does not have the line never takes it past rung 3: a
//! power cycle cures no mast.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Silence after which talking on is pointless.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long the port stays closed, by how often that was tried: the first pause lets the kernel
/// let go of the device, the later ones spare a modem that needs minutes.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// How long a modem may take to answer again after rungs 4 to 6.
pub(super) const RESTART_PATIENCE: Duration = Duration::from_secs(90);

/// How long a port may be gone before that is taken for more than a pulled plug.
const GONE_PATIENCE: Duration = Duration::from_secs(60);

/// How long a line may be without a network before its radio is switched off and on.
pub(super) const NETWORK_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Between two of those.
const RADIO_EVERY: Duration = Duration::from_secs(60 * 60);

/// Rounds of rungs 4 to 6 before a person is called.
const ROUNDS_BEFORE_ALARM: u32 = 3;

/// Between rounds after the alarm; the last one is for ever.
const ALARMED_EVERY: [Duration; 5] = [
    Duration::from_secs(30 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];

/// A trouble that comes back within this time of having been cured goes on where it was: a modem
/// that a restart heals for a minute each time is not healed.
const RELAPSE: Duration = Duration::from_secs(10 * 60);

/// Counts are forgotten when nothing was wrong for so long.
const COUNTS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// So many restarts that nobody asked for within so long tell of a weak supply.
const RESTARTS_MAX: usize = 3;
const RESTARTS_WITHIN: Duration = Duration::from_secs(60 * 60);

/// What to do about a modem that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Rung 0.
    Resync,
    /// Rung 1.
    Setup,
    /// Rung 2; or merely another try, while a restarted modem may still come back.
    Reopen {
        /// How long the port stays closed.
        after: Duration,
    },
    /// Rung 3.
    Radio,
    /// Rung 4.
    SoftReset,
    /// Rung 5.
    Replug,
    /// Rung 6.
    PowerCycle,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Commands are not answered.
    Mute,
    /// There is no port.
    Gone,
    /// The SIM does not answer.
    Sim,
    /// It answers, and texts that arrive cannot be read.
    Deaf,
}

impl Fault {
    /// What a person is told, once three rounds have not helped.
    fn words(self) -> &'static str {
        match self {
            Self::Mute => {
                "the modem does not answer, and restarting it did not help: check its cable and \
                 supply (2 A bursts), and try it in another computer"
            }
            Self::Gone => {
                "the modem is not there any more, and nothing here could bring it back: check its \
                 plug, hub and supply"
            }
            Self::Deaf => {
                "texts that arrive cannot be read, and restarting the modem did not help: update its \
                 firmware, try another SIM, or use another modem"
            }
            Self::Sim => {
                "the SIM does not answer, and restarting the modem did not help: take the card \
                 out, wipe it, put it back, and try it in a phone"
            }
        }
    }
}

/// What survives a restart of the daemon; see [`Record::Ladder`](super::Record::Ladder). Times
/// are told as ages, for the box has no clock to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LadderRecord {
    /// The last rung tried, 0 when all is well.
    pub rung: u8,
    /// Rounds of rungs 4 to 6 that did not help.
    pub rounds: u32,
    /// What a person has been called for.
    pub alarm: Option<Fault>,
    /// How often each rung was tried.
    pub counts: [u32; 8],
    /// Restarts that nobody asked for.
    pub restarts: u32,
    /// How long ago the trouble began.
    pub age: Option<Duration>,
    /// How long ago the radio was switched off and on.
    pub radio_age: Option<Duration>,
    /// How long until the next round, after the alarm.
    pub next_round: Option<Duration>,
}

/// Where on the ladder a line stands.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    /// The last rung tried, 0 to 6.
    rung: u8,
    /// Timeouts since the last pass.
    failures: u32,
    reopened: usize,
    rounds: u32,
    counts: [u32; 8],
    since: Option<Instant>,
    silent_since: Option<Instant>,
    gone_since: Option<Instant>,
    /// A restarted modem is given until then.
    grace: Option<Instant>,
    alarm: Option<Fault>,
    round_due: Option<Instant>,
    radio_at: Option<Instant>,
    /// When the modem was last restarted because no text could be read.
    deaf_at: Option<Instant>,
    /// The last cure: when, at which rung, after how many rounds.
    cured: Option<(Instant, u8, u32)>,
    /// Since when nothing was wrong.
    well_since: Option<Instant>,
    restarts: u32,
    restarted_at: VecDeque<Instant>,
}

impl Ladder {
    /// Goes on where another run of the daemon was, `ago` by the wall clock.
    pub(super) fn resume(record: &LadderRecord, ago: Duration, now: Instant) -> Self {
        let before = |age: Option<Duration>| {
            let age = age.map(|age| age.saturating_add(ago));
            // Before the machine started there is no instant: then as long ago as there is one.
            age.map(|age| now.checked_sub(age).unwrap_or(now))
        };
        Self {
            rung: record.rung.min(6),
            rounds: record.rounds,
            counts: record.counts,
            since: before(record.age),
            alarm: record.alarm,
            round_due: record
                .next_round
                .map(|left| now + left.saturating_sub(ago).min(longest_wait())),
            radio_at: before(record.radio_age),
            restarts: record.restarts,
            ..Self::default()
        }
    }

    /// What to keep for another run of the daemon.
    pub(super) fn record(&self, now: Instant) -> LadderRecord {
        let age = |since: Instant| now.saturating_duration_since(since);
        LadderRecord {
            rung: self.rung,
            rounds: self.rounds,
            alarm: self.alarm,
            counts: self.counts,
            restarts: self.restarts,
            age: self.since.map(age),
            radio_age: self.radio_at.map(age),
            next_round: self.round_due.map(|due| due.saturating_duration_since(now)),
        }
    }

    /// The rung the line stands on: the last one tried, or 7 while a person is called for.
    pub(super) fn rung(&self) -> u8 {
        if self.alarm.is_some() { 7 } else { self.rung }
    }

    /// How often each rung was tried, since all was last well for a day.
    pub(super) fn counts(&self) -> [u32; 8] {
        self.counts
    }

    /// Since when something is wrong.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Restarts that nobody asked for.
    pub(super) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// What a person is called for, in words.
    pub(super) fn alarm(&self) -> Option<String> {
        if let Some(fault) = self.alarm {
            return Some(fault.words().to_owned());
        }
        (self.restarted_at.len() >= RESTARTS_MAX).then(|| {
            format!(
                "the modem restarted by itself {} times within an hour: give it a supply of its \
                 own that stands bursts of 2 A, and a short cable",
                self.restarted_at.len()
            )
        })
    }

    /// The modem said something.
    pub(super) fn heard(&mut self) {
        self.silent_since = None;
    }

    /// A command went out.
    pub(super) fn asked(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// The port is open.
    pub(super) fn opened(&mut self) {
        self.gone_since = None;
        self.silent_since = None;
    }

    /// A rung was passed: `AT` and `AT+CPMS?` were answered.
    pub(super) fn passed(&mut self, now: Instant) {
        if self.rung >= 4 {
            self.cured = Some((now, self.rung, self.rounds));
        }
        self.rung = 0;
        self.failures = 0;
        self.reopened = 0;
        self.rounds = 0;
        self.since = None;
        self.silent_since = None;
        self.gone_since = None;
        self.grace = None;
        self.alarm = None;
        self.round_due = None;
        self.well_since.get_or_insert(now);
    }

    /// What time alone heals; called now and then while all is well.
    pub(super) fn let_time_pass(&mut self, now: Instant) {
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= RESTARTS_WITHIN;
        while self.restarted_at.front().is_some_and(is_old) {
            self.restarted_at.pop_front();
        }
        let well = self.well_since;
        if well.is_some_and(|at| now.saturating_duration_since(at) >= COUNTS_KEPT) {
            self.counts = [0; 8];
            self.restarts = 0;
            self.cured = None;
            self.well_since = Some(now);
        }
    }

    /// The modem restarted although nobody told it to.
    pub(super) fn restarted_by_itself(&mut self, now: Instant) {
        if self.grace.is_some_and(|until| now < until) {
            return; // we did tell it
        }
        // Its port came back, and now it says so as well.
        let last = self.restarted_at.back();
        if last.is_some_and(|at| now.saturating_duration_since(*at) < SILENCE_MAX) {
            return;
        }
        self.restarts = self.restarts.saturating_add(1);
        self.well_since = Some(now);
        if self.restarted_at.len() >= 16 {
            self.restarted_at.pop_front();
        }
        self.restarted_at.push_back(now);
        self.let_time_pass(now);
    }

    /// Something was not answered in time: what to do now.
    pub(super) fn failed(&mut self, now: Instant) -> Act {
        self.failures = self.failures.saturating_add(1);
        let silent = self
            .silent_since
            .is_some_and(|since| now >= since + SILENCE_MAX);
        match (self.rung, self.failures) {
            (0 | 1, _) if silent => self.reopen(now),
            (0, 1 | 2) => self.act(0, now),
            (0, _) => self.act(1, now),
            (1, _) => self.reopen(now),
            _ => self.unanswered(now),
        }
    }

    /// The modem did not answer at all, on a port that was just opened.
    pub(super) fn unanswered(&mut self, now: Instant) -> Act {
        if self.rung < 2 {
            return self.reopen(now);
        }
        let next = self.higher(Fault::Mute, now);
        match next {
            Some(rung) => self.act(rung, now),
            None => self.try_again(now),
        }
    }

    /// There is no port: what to do about that, if anything yet.
    pub(super) fn gone(&mut self, now: Instant) -> Option<Act> {
        self.silent_since = None;
        let since = *self.gone_since.get_or_insert(now);
        if now < since + GONE_PATIENCE {
            return None;
        }
        let rung = self.higher(Fault::Gone, now)?;
        // Whatever it brings gets the same patience.
        self.gone_since = Some(now);
        Some(self.act(rung, now))
    }

    /// The SIM does not answer, for longer than one takes to start.
    pub(super) fn sim_gone(&mut self, now: Instant) -> Option<Act> {
        let rung = self.higher(Fault::Sim, now)?;
        Some(self.act(rung, now))
    }

    /// Texts that arrive cannot be read: a restart, at most once an hour, as with the radio.
    pub(super) fn deaf(&mut self, now: Instant) -> Option<Act> {
        let is_due = self
            .deaf_at
            .is_none_or(|at| now.saturating_duration_since(at) >= RADIO_EVERY);
        if !is_due || self.grace.is_some_and(|until| now < until) {
            return None;
        }
        self.deaf_at = Some(now);
        Some(self.act(4, now))
    }

    /// No network for [`NETWORK_PATIENCE`], or none that takes texts: rung 3 and never more.
    pub(super) fn no_network(&mut self, now: Instant) -> Option<Act> {
        let may = self.rung == 0 && self.may_use_radio(now);
        may.then(|| {
            self.count(3);
            self.radio_at = Some(now);
            self.well_since = Some(now);
            Act::Radio
        })
    }

    /// Nothing here can do the rung that was asked for: the next one, uncounted.
    pub(super) fn cannot(&mut self, fault: Fault, now: Instant) -> Option<Act> {
        let rung = usize::from(self.rung);
        if let Some(count) = self.counts.get_mut(rung) {
            *count = count.saturating_sub(1);
        }
        self.grace = None;
        match self.higher(fault, now) {
            Some(rung) => Some(self.act(rung, now)),
            None if fault == Fault::Mute => Some(self.try_again(now)),
            None => None,
        }
    }

    /// Rung 5 or 6 was carried out: from now on the modem may come back.
    pub(super) fn carried_out(&mut self, now: Instant) {
        self.grace = Some(now + RESTART_PATIENCE);
        self.gone_since = Some(now);
    }

    fn may_use_radio(&self, now: Instant) -> bool {
        self.radio_at
            .is_none_or(|at| now.saturating_duration_since(at) >= RADIO_EVERY)
    }

    /// The rung after the one that failed; `None` while it has to be waited.
    fn higher(&mut self, fault: Fault, now: Instant) -> Option<u8> {
        if self.grace.is_some_and(|until| now < until) {
            return None;
        }
        if self.alarm.is_some() && self.rung < 4 {
            // Between rounds.
            if self.round_due.is_some_and(|due| now < due) {
                return None;
            }
            self.round_due = None;
            return Some(if fault == Fault::Gone { 5 } else { 4 });
        }
        // A trouble that came back goes on where it was cured for a while.
        if let Some((at, rung, rounds)) = self.cured
            && self.rung < 4
            && (self.rung >= 2 || fault == Fault::Gone)
        {
            self.cured = None;
            if now.saturating_duration_since(at) < RELAPSE {
                self.rung = rung;
                self.rounds = rounds;
            }
        }
        match (fault, self.rung) {
            (Fault::Sim, 0..=2) if self.may_use_radio(now) => Some(3),
            (Fault::Gone, 0..=4) => Some(5),
            (Fault::Mute | Fault::Sim | Fault::Deaf, 0..=3) => Some(4),
            (_, 4) => Some(5),
            (_, 5) => Some(6),
            (_, _) => {
                self.round_failed(fault, now);
                match fault {
                    // Rung 2 is the first of the next round; while alarmed it fills the time.
                    Fault::Mute => Some(2),
                    Fault::Gone | Fault::Sim | Fault::Deaf => None,
                }
            }
        }
    }

    fn round_failed(&mut self, fault: Fault, now: Instant) {
        self.rounds = self.rounds.saturating_add(1);
        self.rung = 2;
        if self.rounds < ROUNDS_BEFORE_ALARM {
            return;
        }
        if self.alarm.is_none() {
            self.count(7);
        }
        self.alarm = Some(fault);
        let waited = usize::try_from(self.rounds - ROUNDS_BEFORE_ALARM).unwrap_or(usize::MAX);
        let wait = ALARMED_EVERY.get(waited).copied();
        self.round_due = Some(now + wait.unwrap_or(longest_wait()));
    }

    fn reopen(&mut self, now: Instant) -> Act {
        self.act(2, now)
    }

    /// Opens the port again without climbing.
    fn try_again(&mut self, now: Instant) -> Act {
        let comes_back = self.grace.is_some_and(|until| now < until);
        let after = if comes_back {
            PAUSES[1]
        } else {
            self.next_pause()
        };
        Act::Reopen { after }
    }

    fn next_pause(&mut self) -> Duration {
        let last = PAUSES.len() - 1;
        let after = PAUSES.get(self.reopened.min(last)).copied();
        self.reopened = self.reopened.saturating_add(1);
        after.unwrap_or(SILENCE_MAX)
    }

    fn count(&mut self, rung: usize) {
        if let Some(count) = self.counts.get_mut(rung) {
            *count = count.saturating_add(1);
        }
    }

    fn act(&mut self, rung: u8, now: Instant) -> Act {
        self.since.get_or_insert(now);
        self.well_since = None;
        self.rung = rung;
        self.count(usize::from(rung));
        match rung {
            0 => Act::Resync,
            1 => Act::Setup,
            2 => {
                self.silent_since = None;
                Act::Reopen {
                    after: self.next_pause(),
                }
            }
            3 => {
                self.radio_at = Some(now);
                Act::Radio
            }
            4 => {
                self.grace = Some(now + RESTART_PATIENCE);
                self.reopened = 0;
                Act::SoftReset
            }
            5 => {
                self.reopened = 0;
                Act::Replug
            }
            _ => {
                self.reopened = 0;
                Act::PowerCycle
            }
        }
    }
}

fn longest_wait() -> Duration {
    ALARMED_EVERY.last().copied().unwrap_or(RADIO_EVERY)
}

#[cfg(test)]
mod tests;
