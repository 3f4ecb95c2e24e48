//! Plays a script to a program: octets and time in, octets out. No port, no clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::script::{CommandLines, Exchange, Script, Step, Typed};

/// Commands that may wait while another is answered; a program that keeps to one has none.
const WAITING_MAX: usize = 64;
/// Divergences that are told one by one.
const TOLD_MAX: usize = 100;
/// How long past its time something unasked may wait for the command it came after.
const GRACE: Duration = Duration::from_secs(30);

/// A script, and how far it has been played.
#[derive(Debug)]
pub(super) struct Player {
    script: Script,
    /// By how much time passes faster than it did; above 0.
    speed: f64,
    played: Vec<bool>,
    /// When the answer of each exchange was given.
    ended: Vec<Option<Instant>>,
    /// Which of the unasked comes next.
    next_unasked: usize,
    lines: CommandLines,
    waiting: VecDeque<String>,
    current: Option<Current>,
    began: Option<Instant>,
    report: Report,
}

/// The answer being given.
#[derive(Debug)]
struct Current {
    /// `None`: to something that is not in the script.
    exchange: Option<usize>,
    steps: VecDeque<Step>,
    since: Instant,
    answered: bool,
}

/// How the program's side of a replay compared with the transcript's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Commands that came in their turn.
    pub answered: usize,
    /// Commands that came more often than in the transcript, and were answered as the last time.
    pub again: usize,
    /// What differed, a sentence each; at most a hundred.
    pub divergences: Vec<String>,
    /// How many there were.
    pub divergent: usize,
    /// Commands of consequence that never came.
    pub never: Vec<String>,
}

impl Report {
    /// Whether the program did what it did before.
    pub fn is_faithful(&self) -> bool {
        self.divergent == 0 && self.never.is_empty()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} commands answered as in the transcript, {} asked again, {} otherwise.",
            self.answered, self.again, self.divergent
        )?;
        for words in &self.divergences {
            writeln!(f, "- {words}")?;
        }
        if self.divergent > self.divergences.len() {
            writeln!(
                f,
                "- … and {} more",
                self.divergent - self.divergences.len()
            )?;
        }
        for command in &self.never {
            writeln!(f, "- {command} is in the transcript, and was not asked")?;
        }
        Ok(())
    }
}

/// Where a command was found.
enum Found {
    /// Its turn.
    Turn(usize),
    /// It has had its turn, or one like it; divergent if that is worth a word.
    Again(usize),
    /// The same command with other values.
    Like(usize),
    Nowhere,
}

impl Player {
    pub(super) fn new(script: Script, speed: f64) -> Self {
        let count = script.exchanges.len();
        Self {
            script,
            speed,
            played: vec![false; count],
            ended: vec![None; count],
            next_unasked: 0,
            lines: CommandLines::default(),
            waiting: VecDeque::new(),
            current: None,
            began: None,
            report: Report::default(),
        }
    }

    /// The program said this.
    pub(super) fn hear(&mut self, octets: &[u8], now: Instant) {
        self.began.get_or_insert(now);
        for octet in octets {
            match self.lines.octet(*octet) {
                Some(Typed::Command(command)) => {
                    if self.waiting.len() < WAITING_MAX {
                        self.waiting.push_back(command);
                    } else {
                        self.diverge(
                            format!("{} came before its turn, unheard", shown(&command)),
                            now,
                        );
                    }
                }
                Some(Typed::Payload) => {
                    if let Some(current) = &mut self.current
                        && current.steps.front() == Some(&Step::Hear)
                    {
                        current.steps.pop_front();
                        current.since = now;
                    }
                }
                None => {}
            }
        }
    }

    /// What the modem says now.
    pub(super) fn say(&mut self, now: Instant) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            let before = said.len();
            self.answer(now, &mut said);
            self.volunteer(now, &mut said);
            let waits = self.current.is_none() && !self.waiting.is_empty();
            if said.len() == before && !waits {
                return said;
            }
        }
    }

    /// When [`Self::say`] has something to say next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let step = self.current.as_ref().and_then(|current| {
            let Step::Say(wait, _) = current.steps.front()? else {
                return None;
            };
            Some(current.since + self.scaled(*wait))
        });
        let unasked = match &self.current {
            Some(_) => None,
            None => self.unasked_due(),
        };
        [step, unasked].into_iter().flatten().min()
    }

    /// Whether everything was said, and everything of consequence asked.
    pub(super) fn is_over(&self) -> bool {
        self.current.is_none()
            && self.waiting.is_empty()
            && self.next_unasked == self.script.unasked.len()
            && self.left_over().next().is_none()
    }

    pub(super) fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.never = self
            .left_over()
            .take(TOLD_MAX)
            .map(|exchange| shown(&exchange.command))
            .collect();
        report
    }

    fn left_over(&self) -> impl Iterator<Item = &Exchange> {
        self.script
            .exchanges
            .iter()
            .zip(&self.played)
            .filter(|(exchange, played)| !**played && changes_something(&exchange.command))
            .map(|(exchange, _)| exchange)
    }

    fn answer(&mut self, now: Instant, said: &mut Vec<u8>) {
        // Nothing more will come to a command that never was answered: the next one takes over.
        if self.current.as_ref().is_some_and(|current| {
            current.steps.is_empty() || (!current.answered && !self.waiting.is_empty())
        }) {
            self.finish(now);
        }
        if self.current.is_none()
            && let Some(command) = self.waiting.pop_front()
        {
            self.begin(&command, now);
        }
        let speed = self.speed;
        let Some(current) = &mut self.current else {
            return;
        };
        while let Some(Step::Say(wait, octets)) = current.steps.front() {
            let due = current.since + wait.div_f64(speed);
            if now < due {
                return;
            }
            said.extend_from_slice(octets);
            current.since = due;
            current.steps.pop_front();
            self.lines.awaits_payload = current.steps.front() == Some(&Step::Hear);
        }
        if current.steps.is_empty() {
            self.finish(now);
        }
    }

    fn begin(&mut self, command: &str, now: Instant) {
        let found = self.find(command);
        let exchange = match found {
            Found::Turn(exchange) => {
                self.report.answered += 1;
                Some(exchange)
            }
            Found::Again(exchange) => {
                self.report.again += 1;
                if changes_something(command) {
                    self.diverge(format!("{} came once too often", shown(command)), now);
                }
                Some(exchange)
            }
            Found::Like(exchange) => {
                let like = self.script.exchanges.get(exchange);
                let like = like.map_or_else(String::new, |like| shown(&like.command));
                self.diverge(
                    format!("{} came where the transcript has {like}", shown(command)),
                    now,
                );
                Some(exchange)
            }
            Found::Nowhere => {
                let words = format!(
                    "{} is not in the transcript: answered ERROR",
                    shown(command)
                );
                self.diverge(words, now);
                None
            }
        };
        let error = || VecDeque::from([Step::Say(Duration::ZERO, b"\r\nERROR\r\n".to_vec())]);
        let known = exchange.and_then(|at| self.script.exchanges.get(at));
        self.current = Some(Current {
            exchange,
            steps: known.map_or_else(error, |known| known.steps.iter().cloned().collect()),
            since: now,
            answered: known.is_none_or(|known| known.answered),
        });
        if let Some(played) = exchange.and_then(|at| self.played.get_mut(at)) {
            *played = true;
        }
    }

    fn find(&self, command: &str) -> Found {
        let wanted = blind(command);
        let alike = |at: &usize| {
            let exchange = self.script.exchanges.get(*at);
            exchange.is_some_and(|exchange| blind(&exchange.command) == wanted)
        };
        let unplayed = |at: &usize| self.played.get(*at) == Some(&false);
        let all = 0..self.script.exchanges.len();
        if let Some(at) = all.clone().filter(unplayed).find(alike) {
            return Found::Turn(at);
        }
        if let Some(at) = all.clone().rev().find(alike) {
            return Found::Again(at);
        }
        let name = name_of(command);
        let named = |at: &usize| {
            let exchange = self.script.exchanges.get(*at);
            exchange.is_some_and(|exchange| name_of(&exchange.command) == name)
        };
        let like = all.clone().filter(unplayed).find(named);
        like.or_else(|| all.rev().find(named))
            .map_or(Found::Nowhere, Found::Like)
    }

    fn finish(&mut self, now: Instant) {
        self.lines.awaits_payload = false;
        if let Some(at) = self.current.take().and_then(|current| current.exchange)
            && let Some(ended) = self.ended.get_mut(at)
        {
            ended.get_or_insert(now);
        }
    }

    fn volunteer(&mut self, now: Instant, said: &mut Vec<u8>) {
        while self.current.is_none()
            && self.unasked_due().is_some_and(|due| due <= now)
            && let Some(unasked) = self.script.unasked.get(self.next_unasked)
        {
            said.extend_from_slice(&unasked.octets);
            self.next_unasked += 1;
        }
    }

    /// As long after the exchange before it as it was; if that one does not come, a good while after
    /// its time.
    fn unasked_due(&self) -> Option<Instant> {
        let began = self.began?;
        let unasked = self.script.unasked.get(self.next_unasked)?;
        let by_clock = began + self.scaled(unasked.at);
        let Some((exchange, wait)) = unasked.after else {
            return Some(by_clock);
        };
        Some(match self.ended.get(exchange).copied().flatten() {
            Some(ended) => ended + self.scaled(wait),
            None => by_clock + GRACE,
        })
    }

    fn scaled(&self, time: Duration) -> Duration {
        time.div_f64(self.speed)
    }

    fn diverge(&mut self, words: String, now: Instant) {
        self.report.divergent += 1;
        if self.report.divergences.len() < TOLD_MAX {
            let since = self
                .began
                .map_or(Duration::ZERO, |began| now.duration_since(began));
            self.report
                .divergences
                .push(format!("after {:.1} s: {words}", since.as_secs_f64()));
        }
    }
}

/// A command line as two are compared: a masked transcript has other digits in quotes, and in a PIN.
fn blind(command: &str) -> String {
    let command = command.to_ascii_uppercase();
    let secret = command.starts_with("AT+CPIN=");
    let mut quoted = false;
    command
        .chars()
        .map(|c| {
            quoted ^= c == '"';
            if c.is_ascii_digit() && (quoted || secret) {
                '0'
            } else {
                c
            }
        })
        .collect()
}

/// `AT+CMGS=` of `AT+CMGS=20`.
fn name_of(command: &str) -> String {
    let end = command.find('=').map_or(command.len(), |at| at + 1);
    command.get(..end).unwrap_or(command).to_ascii_uppercase()
}

/// Whether a command does something that cannot be left out or done twice: sends, deletes, unlocks,
/// asks the network.
fn changes_something(command: &str) -> bool {
    let mut parts = command.split(';').map(name_of);
    parts.any(|name| {
        let name = name.trim_start_matches("AT");
        ["+CMGS=", "+CMGW=", "+CMGD=", "+CPIN=", "+CUSD="].contains(&name)
    })
}

/// A command as it may be shown: a PIN may not.
fn shown(command: &str) -> String {
    if name_of(command) == "AT+CPIN=" {
        return "AT+CPIN=…".into();
    }
    command
        .chars()
        .filter(|c| !c.is_control())
        .take(80)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::script::{Moment, What};
    use super::*;

    const LISTING: &str = "\r\n+CMGL: 1,1,,3\r\n00040506\r\n\r\nOK\r\n";

    fn script() -> Script {
        let moments: Vec<Moment> = [
            (0, '>', "AT\r"),
            (10, '<', "\r\nOK\r\n"),
            (20, '>', "AT+CPIN=\"0000\"\r"),
            (30, '<', "\r\nOK\r\n"),
            (40, '>', "AT+CMGL=4\r"),
            (50, '<', "\r\nOK\r\n"),
            (1050, '<', "\r\n+CMTI: \"SM\",1\r\n"),
            (1060, '>', "AT+CMGL=4\r"),
            (1070, '<', LISTING),
            (1080, '>', "AT+CMGD=1\r"),
            (1090, '<', "\r\nOK\r\n"),
            (1100, '>', "AT+CMGS=20\r"),
            (1110, '<', "\r\n> "),
            (1120, '>', "00AA\x1a"),
            (4120, '<', "\r\n+CMGS: 7\r\n\r\nOK\r\n"),
        ]
        .map(|(ms, way, octets)| Moment {
            at: Duration::from_millis(ms),
            what: if way == '>' {
                What::Asked(octets.into())
            } else {
                What::Said(octets.into())
            },
        })
        .into();
        Script::new(&moments)
    }

    struct Desk {
        player: Player,
        now: Instant,
    }

    impl Desk {
        fn new(speed: f64) -> Self {
            Self {
                player: Player::new(script(), speed),
                now: Instant::now(),
            }
        }

        /// Says something, and hears what comes within a time.
        fn says(&mut self, octets: &str, within_ms: u64) -> String {
            self.player.hear(octets.as_bytes(), self.now);
            let end = self.now + Duration::from_millis(within_ms);
            let mut said = self.player.say(self.now);
            while let Some(due) = self.player.next_deadline().filter(|due| *due <= end) {
                self.now = self.now.max(due);
                said.extend(self.player.say(self.now));
            }
            self.now = end;
            said.extend(self.player.say(self.now));
            String::from_utf8_lossy(&said).into_owned()
        }
    }

    #[test]
    fn the_same_program_hears_the_same_and_nothing_differs() {
        let mut desk = Desk::new(1.0);
        assert_eq!(desk.says("", 5_000), "", "it waits for the program");
        assert_eq!(desk.says("AT\r", 9), "");
        assert_eq!(desk.says("", 1), "\r\nOK\r\n");
        assert_eq!(desk.says("AT+CPIN=\"4711\"\r", 10), "\r\nOK\r\n");
        assert_eq!(desk.says("AT+CMGL=4\r", 10), "\r\nOK\r\n");
        assert_eq!(desk.says("", 999), "");
        assert_eq!(desk.says("", 1), "\r\n+CMTI: \"SM\",1\r\n");
        assert_eq!(desk.says("AT+CMGL=4\r", 10), LISTING);
        assert_eq!(desk.says("AT+CMGD=1\r", 10), "\r\nOK\r\n");
        assert!(!desk.player.is_over());
        assert_eq!(desk.says("AT+CMGS=20\r", 10), "\r\n> ");
        assert_eq!(desk.says("00AB\r\x1a", 2_999), "");
        assert_eq!(desk.says("", 1), "\r\n+CMGS: 7\r\n\r\nOK\r\n");
        assert!(desk.player.is_over());
        let report = desk.player.report();
        assert!(report.is_faithful(), "{report}");
        assert_eq!((report.answered, report.again), (6, 0));
    }

    #[test]
    fn another_order_is_followed_and_polls_may_repeat() {
        let mut desk = Desk::new(10.0);
        desk.says("AT+CMGL=4\r", 1);
        assert_eq!(
            desk.says("AT+CMGL=4\r", 5_000),
            format!("{LISTING}\r\n+CMTI: \"SM\",1\r\n")
        );
        for _ in 0..3 {
            assert_eq!(desk.says("AT+CMGL=4\r", 10), LISTING, "as the last time");
        }
        assert_eq!(desk.says("AT\rAT\r", 100), "\r\nOK\r\n\r\nOK\r\n");
        let report = desk.player.report();
        assert_eq!((report.answered, report.again, report.divergent), (3, 4, 0));
        assert_eq!(report.never, ["AT+CPIN=…", "AT+CMGD=1", "AT+CMGS=20"]);
        assert!(!report.is_faithful());
    }

    #[test]
    fn what_differs_is_told() {
        let mut desk = Desk::new(1.0);
        assert_eq!(desk.says("AT+FOO?\r", 10), "\r\nERROR\r\n");
        assert_eq!(desk.says("AT+CMGS=23\r", 10), "\r\n> ");
        assert_eq!(desk.says("00AB\x1b", 3_000), "\r\n+CMGS: 7\r\n\r\nOK\r\n");
        for _ in 0..2 {
            assert_eq!(desk.says("AT+CMGD=1\r", 10), "\r\nOK\r\n");
        }
        let report = desk.player.report().to_string();
        for words in [
            "AT+FOO? is not in the transcript: answered ERROR",
            "AT+CMGS=23 came where the transcript has AT+CMGS=20",
            "AT+CMGD=1 came once too often",
            "AT+CPIN=… is in the transcript, and was not asked",
        ] {
            assert!(report.contains(words), "{words}\n{report}");
        }
    }

    #[test]
    fn an_endless_program_is_bounded() {
        let mut desk = Desk::new(1.0);
        for _ in 0..10_000 {
            desk.player.hear(b"AT+FOO\r", desk.now);
        }
        assert!(desk.player.waiting.len() <= WAITING_MAX);
        assert!(desk.player.report().divergences.len() <= TOLD_MAX);
    }
}
