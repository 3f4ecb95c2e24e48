//! What has been told and what has not, pure: findings and the time come in, tellings go out. Each
//! trouble is told once, when it has lasted long enough, and once more when it has been over long
//! enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What can be in trouble. Two findings of the same trouble are one incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// Texts wait in this queue while nobody is signed in.
    Waiting(String),
    /// This line does not send and receive.
    Line(String),
    /// This line's SIM or memory is filling up.
    Storage(String),
    /// The carrier refuses this line's texts to one recipient after another: it rests, and has sent
    /// none since.
    Rested(String),
    /// A text of this line to itself failed.
    SelfTest(String),
    /// The spool cannot be written.
    Spool,
    /// The disk is nearly full.
    Disk,
}

impl Trouble {
    /// Its name in the spool.
    pub fn key(&self) -> String {
        match self {
            Trouble::Waiting(queue) => format!("waiting:{queue}"),
            Trouble::Line(line) => format!("line:{line}"),
            Trouble::Storage(line) => format!("storage:{line}"),
            Trouble::Rested(line) => format!("rested:{line}"),
            Trouble::SelfTest(line) => format!("self-test:{line}"),
            Trouble::Spool => "spool".into(),
            Trouble::Disk => "disk".into(),
        }
    }

    /// Reads [`key`](Self::key) back.
    pub fn from_key(key: &str) -> Option<Self> {
        match key.split_once(':') {
            Some(("waiting", queue)) => Some(Trouble::Waiting(queue.into())),
            Some(("line", line)) => Some(Trouble::Line(line.into())),
            Some(("storage", line)) => Some(Trouble::Storage(line.into())),
            Some(("rested", line)) => Some(Trouble::Rested(line.into())),
            Some(("self-test", line)) => Some(Trouble::SelfTest(line.into())),
            None if key == "spool" => Some(Trouble::Spool),
            None if key == "disk" => Some(Trouble::Disk),
            Some(_) | None => None,
        }
    }

    /// What it is called in a subject line.
    pub fn named(&self) -> String {
        match self {
            Trouble::Waiting(queue) => format!("texts wait in {queue}, nobody is signed in"),
            Trouble::Line(line) => format!("line {line} needs somebody"),
            Trouble::Storage(line) => format!("the SIM of {line} is filling up"),
            Trouble::Rested(line) => format!("line {line} rests: the carrier refuses its texts"),
            Trouble::SelfTest(line) => format!("the self-test of line {line} failed"),
            Trouble::Spool => "the desk cannot write to its disk".into(),
            Trouble::Disk => "the disk is nearly full".into(),
        }
    }

    /// How it is once it is over.
    pub fn cleared(&self) -> String {
        match self {
            Trouble::Waiting(queue) => format!("the texts in {queue} are attended to"),
            Trouble::Line(line) => format!("line {line} is well again"),
            Trouble::Storage(line) => format!("the SIM of {line} has room again"),
            Trouble::Rested(line) => format!("line {line} sends again"),
            // Also where nobody wants the test any more.
            Trouble::SelfTest(line) => format!("line {line} misses no text to itself any more"),
            Trouble::Spool => "the desk writes to its disk again".into(),
            Trouble::Disk => "the disk has room again".into(),
        }
    }
}

/// A trouble, as it is found now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub trouble: Trouble,
    /// What is wrong and what to do.
    pub words: String,
}

/// All that is found at one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Of these nothing can be said just now: one that was there is taken to be there still.
    pub undecided: BTreeSet<Trouble>,
    /// Nor of anything that is read from the spool, which cannot be read.
    pub unread: bool,
}

impl Found {
    fn leaves_open(&self, trouble: &Trouble) -> bool {
        let unread = match trouble {
            Trouble::Waiting(_) | Trouble::Rested(_) | Trouble::SelfTest(_) => self.unread,
            Trouble::Line(_) | Trouble::Storage(_) | Trouble::Spool | Trouble::Disk => false,
        };
        unread || self.undecided.contains(trouble)
    }
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// About what.
    pub finding: Finding,
    /// What of it.
    pub said: Said,
}

/// What is told of a trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It has begun.
    Alarm,
    /// It is over.
    AllClear {
        /// How long it was there.
        lasted: Duration,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Incident {
    since: Duration,
    told: bool,
    /// Since when it is not found any more.
    well_since: Option<Duration>,
    words: String,
}

/// Troubles that are there, or were a moment ago.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incidents {
    open: BTreeMap<Trouble, Incident>,
}

impl Incidents {
    /// As it was left by the daemon before: these were told, and nobody has said that they are over.
    pub fn restored(told: Vec<Trouble>) -> Self {
        let incident = || Incident {
            since: Duration::ZERO,
            told: true,
            well_since: None,
            words: String::new(),
        };
        Self {
            open: told.into_iter().map(|one| (one, incident())).collect(),
        }
    }

    /// Takes in what is found now. `passed` only ever grows; `patience` says how long a trouble
    /// must last to be told, `calm` how long it must be gone.
    pub fn observe(
        &mut self,
        found: &Found,
        passed: Duration,
        calm: Duration,
        patience: impl Fn(&Trouble) -> Duration,
    ) -> Vec<Telling> {
        let mut tellings = Vec::new();
        for finding in &found.findings {
            let incident = self
                .open
                .entry(finding.trouble.clone())
                .or_insert_with(|| Incident {
                    since: passed,
                    told: false,
                    well_since: None,
                    words: String::new(),
                });
            incident.well_since = None;
            incident.words.clone_from(&finding.words);
            let lasted = passed.saturating_sub(incident.since);
            if !incident.told && lasted >= patience(&finding.trouble) {
                incident.told = true;
                tellings.push(Telling {
                    finding: finding.clone(),
                    said: Said::Alarm,
                });
            }
        }
        let may_be_there = |trouble: &Trouble| {
            let mut findings = found.findings.iter();
            found.leaves_open(trouble) || findings.any(|one| one.trouble == *trouble)
        };
        self.open.retain(|trouble, incident| {
            if may_be_there(trouble) {
                return true;
            }
            // What was never told needs no all-clear.
            if !incident.told {
                return false;
            }
            let well_since = *incident.well_since.get_or_insert(passed);
            if passed.saturating_sub(well_since) < calm {
                return true;
            }
            tellings.push(Telling {
                finding: Finding {
                    trouble: trouble.clone(),
                    words: incident.words.clone(),
                },
                said: Said::AllClear {
                    lasted: well_since.saturating_sub(incident.since),
                },
            });
            false
        });
        tellings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Duration = Duration::from_secs(120);

    fn line(name: &str) -> Finding {
        Finding {
            trouble: Trouble::Line(name.into()),
            words: format!("{name} is down"),
        }
    }

    fn disk() -> Finding {
        Finding {
            trouble: Trouble::Disk,
            words: "the disk is nearly full".into(),
        }
    }

    fn patience(trouble: &Trouble) -> Duration {
        match trouble {
            Trouble::Line(_) => Duration::from_secs(600),
            _ => Duration::ZERO,
        }
    }

    /// What is told, in short: `!line:a` or `ok line:a 30`.
    fn told(incidents: &mut Incidents, at: u64, found: &[Finding]) -> Vec<String> {
        told_of(incidents, at, found, &[])
    }

    fn told_of(
        incidents: &mut Incidents,
        at: u64,
        found: &[Finding],
        undecided: &[Trouble],
    ) -> Vec<String> {
        let found = Found {
            findings: found.to_vec(),
            undecided: undecided.iter().cloned().collect(),
            unread: false,
        };
        incidents
            .observe(&found, Duration::from_secs(at), CALM, patience)
            .into_iter()
            .map(|telling| match telling.said {
                Said::Alarm => format!("!{}", telling.finding.trouble.key()),
                Said::AllClear { lasted } => {
                    format!("ok {} {}", telling.finding.trouble.key(), lasted.as_secs())
                }
            })
            .collect()
    }

    #[test]
    fn each_incident_is_told_once_with_an_all_clear() {
        let mut incidents = Incidents::default();
        for (at, found, said) in [
            (0, vec![line("a")], vec![]),
            (599, vec![line("a")], vec![]),
            (600, vec![line("a")], vec!["!line:a"]),
            (615, vec![line("a")], vec![]),
            (9000, vec![line("a"), disk()], vec!["!disk"]),
            (9015, vec![disk()], vec![]),
            // Back before it was calm: the same incident goes on, untold.
            (9100, vec![line("a"), disk()], vec![]),
            (9200, vec![disk()], vec![]),
            (9319, vec![disk()], vec![]),
            (9320, vec![disk()], vec!["ok line:a 9200"]),
            (9330, vec![], vec![]),
            (9450, vec![], vec!["ok disk 330"]),
            (9999, vec![], vec![]),
            // A new incident waits and is told anew.
            (10_000, vec![line("a")], vec![]),
            (10_600, vec![line("a")], vec!["!line:a"]),
        ] {
            assert_eq!(told(&mut incidents, at, &found), said, "at {at}");
        }
    }

    #[test]
    fn a_blink_is_no_incident() {
        let mut incidents = Incidents::default();
        for at in (0..6000).step_by(300) {
            assert_eq!(told(&mut incidents, at, &[line("a")]), [""; 0]);
            assert_eq!(told(&mut incidents, at + 150, &[]), [""; 0]);
        }
        assert_eq!(incidents, Incidents::default());
    }

    #[test]
    fn what_cannot_be_told_now_stays_as_it_was() {
        let mut incidents = Incidents::default();
        let failed = || Finding {
            trouble: Trouble::SelfTest("a".into()),
            words: "it did not come back".into(),
        };
        let (trouble, none) = (failed().trouble, vec![]);
        let undecided = std::slice::from_ref(&trouble);
        for (at, found, undecided, said) in [
            // A first test under way is no trouble.
            (0, none.clone(), undecided, vec![]),
            (600, vec![failed()], &[], vec!["!self-test:a"]),
            // Tried again an hour later, for ten minutes, and it failed again.
            (4200, none.clone(), undecided, vec![]),
            (4799, none.clone(), undecided, vec![]),
            (4800, vec![failed()], &[], vec![]),
            // And once more: now it came back.
            (8400, none.clone(), undecided, vec![]),
            (8410, none.clone(), &[], vec![]),
            (8530, none.clone(), &[], vec!["ok self-test:a 7810"]),
            (9000, none.clone(), undecided, vec![]),
        ] {
            let told = told_of(&mut incidents, at, &found, undecided);
            assert_eq!(told, said, "at {at}");
        }
        assert_eq!(incidents, Incidents::default());

        // A spool that cannot be read does not say that nobody waits.
        let troubles = [Trouble::Waiting("desk".into()), Trouble::Line("a".into())];
        let mut incidents = Incidents::restored(troubles.to_vec());
        let unread = Found {
            unread: true,
            ..Found::default()
        };
        for (at, said) in [(0, vec![]), (120, vec!["line:a"]), (9000, vec![])] {
            let passed = Duration::from_secs(at);
            let told = incidents.observe(&unread, passed, CALM, patience);
            let keys: Vec<String> = told.iter().map(|one| one.finding.trouble.key()).collect();
            assert_eq!(keys, said, "at {at}");
        }
    }

    #[test]
    fn a_restart_neither_repeats_an_alarm_nor_forgets_its_all_clear() {
        let mut incidents = Incidents::restored(vec![Trouble::Disk, Trouble::Line("a".into())]);
        for (at, found, said) in [
            (0, vec![disk()], vec![]),
            (15, vec![disk()], vec![]),
            (120, vec![disk()], vec!["ok line:a 0"]),
            (200, vec![], vec![]),
            (320, vec![], vec!["ok disk 200"]),
        ] {
            assert_eq!(told(&mut incidents, at, &found), said, "at {at}");
        }
    }

    #[test]
    fn troubles_have_names_that_come_back() {
        for trouble in [
            Trouble::Waiting("desk".into()),
            Trouble::Line("front-desk".into()),
            Trouble::Storage("front-desk".into()),
            Trouble::Rested("front-desk".into()),
            Trouble::SelfTest("front-desk".into()),
            Trouble::Spool,
            Trouble::Disk,
        ] {
            assert_eq!(Trouble::from_key(&trouble.key()), Some(trouble));
        }
        assert_eq!(Trouble::from_key("moon"), None);
        assert_eq!(Trouble::from_key("moon:full"), None);
    }
}
