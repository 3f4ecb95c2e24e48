//! What is wrong now, in words, from how everything stands. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Settings;
use super::incidents::{Finding, Found, Trouble};
use crate::modem::{LineStatus, Phase, Registration};
pub(super) use crate::routing::spoken;
use crate::routing::{Opening, QueueId};
use crate::spool::lines::Standing;

/// How everything stands.
#[derive(Debug, Clone)]
pub struct Now {
    /// When.
    pub at: Timestamp,
    /// By whose clock times are told.
    pub zone: TimeZone,
    /// Every line.
    pub lines: Vec<LineNow>,
    /// Queues in which somebody waits.
    pub queues: Vec<QueueNow>,
    /// The spool cannot be read: who waits and how lines stand is not known.
    pub unread: bool,
    /// Why the spool cannot be written, if it cannot.
    pub spool: Option<String>,
    /// Octets the spool's disk has left.
    pub disk_free: Option<u64>,
}

/// A line.
#[derive(Debug, Clone)]
pub struct LineNow {
    /// Its name.
    pub name: String,
    /// How it is.
    pub status: LineStatus,
    /// How it stands with the carrier.
    pub standing: Standing,
    /// Texts of ours that wait for it.
    pub queued: u64,
}

impl LineNow {
    /// Whether a text would leave by it now.
    pub fn sends(&self) -> bool {
        matches!(self.status.phase, Phase::Ready) && self.standing.paused.is_none()
    }
}

/// A queue in which somebody waits.
#[derive(Debug, Clone)]
pub struct QueueNow {
    /// Which.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Conversations that nobody answers.
    pub waiting: u64,
    /// How long the oldest has waited.
    pub age: Duration,
    /// Somebody assigned is available.
    pub online: bool,
    /// What its calendar says.
    pub opening: Opening,
}

/// What is wrong.
pub fn find(now: &Now, settings: &Settings) -> Found {
    let (mut found, mut undecided) = (Vec::new(), BTreeSet::new());
    for line in &now.lines {
        if let Some(words) = line_trouble(line, now) {
            found.push(Finding {
                trouble: Trouble::Line(line.name.clone()),
                words: format!("line {} needs somebody: {words}", line.name),
            });
        }
        if let Some(words) = rest(&line.standing, now.at) {
            found.push(Finding {
                trouble: Trouble::Rested(line.name.clone()),
                words: format!(
                    "line {} {words}; `Let it send again` on the settings page ends that",
                    line.name
                ),
            });
        }
        match self_test(line) {
            SelfTest::Failed(problem) => found.push(Finding {
                trouble: Trouble::SelfTest(line.name.clone()),
                words: format!("the self-test of line {} failed: {problem}", line.name),
            }),
            SelfTest::Undecided => {
                undecided.insert(Trouble::SelfTest(line.name.clone()));
            }
            SelfTest::Well => {}
        }
        if line.status.storage_is_filling() {
            let (used, total) = (line.status.storage_used, line.status.storage_total);
            found.push(Finding {
                trouble: Trouble::Storage(line.name.clone()),
                words: format!(
                    "the SIM of {} holds {} texts of {} and is not emptied: a full one takes in \
                     no more; look at the line on the settings page",
                    line.name,
                    used.unwrap_or_default(),
                    total.unwrap_or_default()
                ),
            });
        }
    }
    for queue in &now.queues {
        let open = match &queue.opening {
            // A library that tells no hours wants to know at any time.
            Opening::Open | Opening::Unknown => true,
            Opening::Closed(_) => false,
        };
        if open && !queue.online && queue.waiting > 0 {
            found.push(Finding {
                trouble: Trouble::Waiting(queue.name.clone()),
                words: format!(
                    "{} texts waiting in {}, oldest {}, nobody signed in",
                    queue.waiting,
                    queue.name,
                    spoken(queue.age)
                ),
            });
        }
    }
    if let Some(problem) = &now.spool {
        found.push(Finding {
            trouble: Trouble::Spool,
            words: format!("the desk cannot write to its disk: {problem}"),
        });
    }
    if let Some(free) = now.disk_free.filter(|&free| free < settings.disk_free) {
        found.push(Finding {
            trouble: Trouble::Disk,
            words: format!(
                "the disk is nearly full, {} MB are left: free some space before it is",
                free / (1024 * 1024)
            ),
        });
    }
    Found {
        findings: found,
        undecided,
        unread: now.unread,
    }
}

/// How a line stands that the carrier refuses. Its rest may be over: until a text was taken, nobody
/// knows that it is well.
fn rest(standing: &Standing, now: Timestamp) -> Option<String> {
    match &standing.paused {
        Some(pause) => {
            let left = pause.until.duration_since(now);
            let left = Duration::try_from(left).unwrap_or_default();
            Some(format!("rests, {} left: {}", spoken(left), pause.reason))
        }
        None if standing.refused => Some(
            "sent no text since the carrier refused one recipient after another: ask the carrier \
             whether its SIM is blocked or out of credit"
                .into(),
        ),
        None => None,
    }
}

/// What the text of a line to itself says.
enum SelfTest {
    Well,
    /// And why.
    Failed(String),
    /// The next one is under way, or the line is down: that is a trouble of its own.
    Undecided,
}

fn self_test(line: &LineNow) -> SelfTest {
    let Some(test) = &line.standing.self_test else {
        return SelfTest::Well;
    };
    if !matches!(line.status.phase, Phase::Ready) || test.is_under_way() {
        return SelfTest::Undecided;
    }
    match &test.problem {
        Some(problem) => SelfTest::Failed(problem.clone()),
        None => SelfTest::Well,
    }
}

/// What is wrong with a line: how it is since when, what waits for it, why, and what to do.
fn line_trouble(line: &LineNow, now: &Now) -> Option<String> {
    let status = &line.status;
    let why = match &status.phase {
        Phase::NoPort(words) | Phase::Stuck(words) => Some(words.clone()),
        Phase::Starting => Some("its modem does not get ready".into()),
        Phase::Ready => match status.registration {
            Registration::Home | Registration::Roaming => None,
            // Some modems never say; one that is ready and silent about it sends all the same.
            Registration::Unknown => None,
            Registration::Denied => {
                Some("the network refuses its SIM: ask the carrier whether it is active".into())
            }
            Registration::None | Registration::Searching => Some(
                "it finds no network: look at the antenna and at the carrier's coverage".into(),
            ),
        },
    };
    // What the line itself calls a person for comes before what is read from its phase.
    let why = status.alarm.clone().or(why)?;
    let standing = match &status.phase {
        // It calls for somebody although it works.
        _ if status.works() => None,
        Phase::NoPort(_) => Some("no modem"),
        Phase::Starting | Phase::Stuck(_) | Phase::Ready => Some("not registered"),
    };
    let queued = match line.queued {
        0 => None,
        1 => Some("1 reply queued".to_owned()),
        count => Some(format!("{count} replies queued")),
    };
    let standing = standing.map(|what| match status.since {
        Some(since) => format!("{what} since {}", clock(since, now)),
        None => what.to_owned(),
    });
    let facts: Vec<String> = [standing, queued].into_iter().flatten().collect();
    Some(match facts.is_empty() {
        true => why,
        false => format!("{}. {}", facts.join(", "), capital(&why)),
    })
}

/// A time of today as `14:02`; of another day with the day before it.
fn clock(at: Timestamp, now: &Now) -> String {
    let (then, today) = (
        at.to_zoned(now.zone.clone()),
        now.at.to_zoned(now.zone.clone()),
    );
    let form = match then.date() == today.date() {
        true => "%H:%M",
        false => "%b %-d, %H:%M",
    };
    then.strftime(form).to_string()
}

/// As a sentence of its own.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spool::lines::{self, Pause};
    use jiff::Zoned;

    fn line(phase: Phase, registration: Registration) -> LineNow {
        LineNow {
            name: "front-desk".into(),
            status: LineStatus {
                phase,
                registration,
                ..LineStatus::default()
            },
            standing: Standing::default(),
            queued: 0,
        }
    }

    fn queue(waiting: u64, online: bool, opening: Opening) -> QueueNow {
        QueueNow {
            id: QueueId(1),
            name: "desk".into(),
            waiting,
            age: Duration::from_secs(14 * 3600),
            online,
            opening,
        }
    }

    fn closed() -> Opening {
        let at: Zoned = "2026-03-02T09:00:00[UTC]".parse().unwrap();
        Opening::Closed(at)
    }

    fn keys(now: &Now) -> Vec<String> {
        let settings = Settings::default();
        let found = find(now, &settings).findings;
        found.iter().map(|one| one.trouble.key()).collect()
    }

    fn nothing() -> Now {
        Now {
            at: Timestamp::UNIX_EPOCH,
            zone: TimeZone::UTC,
            lines: Vec::new(),
            queues: Vec::new(),
            unread: false,
            spool: None,
            disk_free: None,
        }
    }

    #[test]
    fn lines_are_found_by_what_they_say() {
        use Registration::*;
        for (phase, registration, trouble) in [
            (Phase::Ready, Home, false),
            (Phase::Ready, Roaming, false),
            (Phase::Ready, Unknown, false),
            (Phase::Ready, Searching, true),
            (Phase::Ready, Denied, true),
            (Phase::Ready, None, true),
            (Phase::Starting, Unknown, true),
            (Phase::NoPort("no port".into()), Unknown, true),
            (Phase::Stuck("the SIM asks for a PIN".into()), Home, true),
        ] {
            let now = Now {
                lines: vec![line(phase.clone(), registration)],
                ..nothing()
            };
            let expected = if trouble {
                vec!["line:front-desk"]
            } else {
                vec![]
            };
            assert_eq!(keys(&now), expected, "{phase:?} {registration:?}");
        }
        let mut called = line(Phase::Ready, Home);
        called.status.alarm = Some("the SIM has no credit".into());
        let now = Now {
            lines: vec![called],
            ..nothing()
        };
        assert_eq!(keys(&now), ["line:front-desk"]);
        let mut full = line(Phase::Ready, Home);
        full.status.storage_used = Some(38);
        full.status.storage_total = Some(40);
        let now = Now {
            lines: vec![full],
            ..nothing()
        };
        assert_eq!(keys(&now), ["storage:front-desk"]);
    }

    #[test]
    fn a_line_that_rests_does_until_a_text_is_taken() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let minutes = jiff::SignedDuration::from_mins;
        for (paused, refused, part) in [
            (false, false, None),
            (
                true,
                true,
                Some("rests, 45 min left: no credit; `Let it send again`"),
            ),
            (false, true, Some("sent no text since")),
        ] {
            let mut resting = line(Phase::Ready, Registration::Home);
            resting.standing.refused = refused;
            resting.standing.paused = paused.then(|| Pause {
                since: now - minutes(15),
                until: now + minutes(45),
                reason: "no credit".into(),
            });
            assert_eq!(resting.sends(), !paused);
            let now = Now {
                at: now,
                lines: vec![resting],
                ..nothing()
            };
            let found = find(&now, &Settings::default()).findings;
            assert_eq!(found.len(), usize::from(part.is_some()));
            if let (Some(one), Some(part)) = (found.first(), part) {
                assert_eq!(one.trouble.key(), "rested:front-desk");
                assert!(one.words.contains(part), "{}", one.words);
            }
        }
    }

    #[test]
    fn a_text_to_ourselves_is_judged_when_it_can_be() {
        let ready = Phase::Ready;
        for (phase, took_ms, problem, failed, undecided) in [
            (ready.clone(), Some(6000), None, false, false),
            (ready.clone(), None, None, false, true),
            (ready, None, Some("it did not come back"), true, false),
            (
                Phase::Starting,
                None,
                Some("it did not come back"),
                false,
                true,
            ),
        ] {
            let mut tested = line(phase.clone(), Registration::Home);
            tested.standing.self_test = Some(lines::SelfTest {
                sent: Timestamp::UNIX_EPOCH,
                took_ms,
                problem: problem.map(str::to_owned),
            });
            let now = Now {
                lines: vec![tested],
                ..nothing()
            };
            let found = find(&now, &Settings::default());
            let test = Trouble::SelfTest("front-desk".into());
            let told = found.findings.iter().any(|one| one.trouble == test);
            assert_eq!(told, failed, "{phase:?} {took_ms:?} {problem:?}");
            assert_eq!(
                found.undecided.contains(&test),
                undecided,
                "{phase:?} {took_ms:?}"
            );
        }
    }

    #[test]
    fn a_line_is_told_with_its_time_and_what_waits_for_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (phase, alarm, since, queued, words) in [
            (
                Phase::Stuck("the SIM does not answer".into()),
                None,
                Some(at("2026-12-07T20:02:40Z")),
                2,
                "line front-desk needs somebody: not registered since 14:02, 2 replies queued. \
                 The SIM does not answer",
            ),
            (
                Phase::NoPort("plug it in".into()),
                Some("the modem is gone"),
                Some(at("2026-12-07T04:30:00Z")),
                1,
                "line front-desk needs somebody: no modem since Dec 6, 22:30, 1 reply queued. \
                 The modem is gone",
            ),
            (
                Phase::Ready,
                Some("the SIM has no credit"),
                Some(at("2026-12-07T20:02:40Z")),
                0,
                "line front-desk needs somebody: the SIM has no credit",
            ),
        ] {
            let mut one = line(phase, Registration::Home);
            one.status.since = since;
            one.status.alarm = alarm.map(str::to_owned);
            one.queued = queued;
            let now = Now {
                at: at("2026-12-07T21:00:00Z"),
                zone: TimeZone::get("America/Chicago").unwrap(),
                lines: vec![one],
                ..nothing()
            };
            let found = find(&now, &Settings::default()).findings;
            assert_eq!(found[0].words, words);
        }
    }

    #[test]
    fn texts_that_wait_for_nobody_in_opening_hours_are_found() {
        for (waiting, online, opening, trouble) in [
            (4, false, Opening::Open, true),
            (4, false, Opening::Unknown, true),
            (4, false, closed(), false),
            (4, true, Opening::Open, false),
            (0, false, Opening::Open, false),
        ] {
            let now = Now {
                queues: vec![queue(waiting, online, opening.clone())],
                ..nothing()
            };
            assert_eq!(
                !keys(&now).is_empty(),
                trouble,
                "{waiting} {online} {opening:?}"
            );
        }
    }

    #[test]
    fn spool_and_disk_are_found() {
        const MB: u64 = 1024 * 1024;
        for (spool, free, found) in [
            (None, Some(500 * MB), vec![]),
            (None, Some(199 * MB), vec!["disk"]),
            (None, None, vec![]),
            (Some("full"), Some(MB), vec!["spool", "disk"]),
        ] {
            let now = Now {
                spool: spool.map(str::to_owned),
                disk_free: free,
                ..nothing()
            };
            assert_eq!(keys(&now), found);
        }
    }
}
