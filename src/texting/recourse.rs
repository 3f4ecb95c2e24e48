//! What is done about a refused segment, pure: again when, or given up, and in which words.

use std::time::Duration;

use crate::modem::{Remedy, SubmitRefusal};

/// Waits between the tries of a text that was refused for a passing reason; then hourly.
const LADDER: [Duration; 4] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
];
const THEN_EVERY: Duration = Duration::from_secs(60 * 60);
/// Tries before a text is given up: a day's worth of the ladder, with the modem's own few. Counted
/// as well as dated, because the box's clock may jump.
const TRIES_MAX: u32 = 40;
/// Tries of a text while the modem is set up anew each time; then the ladder.
const SET_UP_TRIES: u32 = 5;
/// After a setup was asked for; it takes a few seconds itself.
const AFTER_SETUP: Duration = Duration::from_secs(10);
/// Before a text is tried a second time that the carrier did not want.
const CARRIER_WAIT: Duration = Duration::from_secs(15 * 60);

/// How a text has fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fared {
    /// Tries that were refused before this one.
    pub(super) tries: u32,
    /// Refusals in a row that called for the same, this one included.
    pub(super) running: u32,
    /// Whether the carrier refuses others as well: then it is the line's trouble, not the text's.
    pub(super) line_in_trouble: bool,
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recourse {
    /// The same again, after this.
    Again(Duration),
    /// Again at once, without a validity period.
    WithoutValidity,
    /// It failed, in these words.
    GiveUp(String),
}

impl Recourse {
    /// Decides (MODEMS: the table of `+CMS ERROR` codes).
    pub(super) fn after(refusal: &SubmitRefusal, fared: Fared) -> Self {
        let words = &refusal.words;
        if fared.tries.saturating_add(1) >= TRIES_MAX {
            return Self::GiveUp(format!("given up after {TRIES_MAX} tries: {words}"));
        }
        let ladder = |rung: u32| {
            let rung = usize::try_from(rung).unwrap_or(usize::MAX);
            Self::Again(LADDER.get(rung).copied().unwrap_or(THEN_EVERY))
        };
        let before = fared.running.saturating_sub(1);
        match refusal.remedy {
            Remedy::AtOnce if before == 0 => Self::Again(Duration::ZERO),
            Remedy::AtOnce => ladder(before - 1),
            Remedy::Later | Remedy::Drain | Remedy::Sim | Remedy::Centre | Remedy::Relist => {
                ladder(before)
            }
            // Nothing was tried, so nothing is held against it: the line says when it is ready, and
            // the text's age ends it.
            Remedy::Ready => Self::Again(AFTER_SETUP.saturating_mul(before.clamp(1, 6))),
            Remedy::SetUp if before < SET_UP_TRIES => Self::Again(AFTER_SETUP),
            Remedy::SetUp => ladder(before - SET_UP_TRIES),
            Remedy::SetUpOnce if before == 0 => Self::Again(AFTER_SETUP),
            Remedy::Carrier if before == 0 || fared.line_in_trouble => Self::Again(CARRIER_WAIT),
            Remedy::WithoutValidity if before == 0 => Self::WithoutValidity,
            Remedy::Recipient => Self::GiveUp(format!(
                "{words}: the network does not take texts for this recipient"
            )),
            Remedy::Ours => Self::GiveUp(format!(
                "{words}: our mistake, not the patron's; it is kept for whoever mends it"
            )),
            Remedy::SetUpOnce | Remedy::Carrier | Remedy::WithoutValidity => {
                Self::GiveUp(format!("{words}, twice"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(remedy: Remedy) -> SubmitRefusal {
        SubmitRefusal {
            code: Some(0),
            words: "no".into(),
            remedy,
            may_have_left: false,
        }
    }

    /// Seconds until the tries of a text that is always refused alike; `None` where it is given up.
    fn tries(remedy: Remedy, count: u32) -> Vec<Option<u64>> {
        (0..count)
            .map(|tries| {
                let fared = Fared {
                    tries,
                    running: tries + 1,
                    line_in_trouble: false,
                };
                match Recourse::after(&refusal(remedy), fared) {
                    Recourse::Again(after) => Some(after.as_secs()),
                    Recourse::WithoutValidity => Some(0),
                    Recourse::GiveUp(_) => None,
                }
            })
            .collect()
    }

    #[test]
    fn every_remedy_has_its_waits() {
        let ladder = [30, 120, 600, 1800, 3600, 3600].map(Some);
        for remedy in [
            Remedy::Later,
            Remedy::Drain,
            Remedy::Sim,
            Remedy::Centre,
            Remedy::Relist,
        ] {
            assert_eq!(tries(remedy, 6), ladder, "{remedy:?}");
        }
        for (remedy, waits) in [
            (
                Remedy::AtOnce,
                &[Some(0), Some(30), Some(120), Some(600)][..],
            ),
            (
                Remedy::SetUp,
                &[
                    Some(10),
                    Some(10),
                    Some(10),
                    Some(10),
                    Some(10),
                    Some(30),
                    Some(120),
                ],
            ),
            (Remedy::SetUpOnce, &[Some(10), None]),
            (Remedy::Carrier, &[Some(900), None]),
            (Remedy::WithoutValidity, &[Some(0), None]),
            (Remedy::Recipient, &[None]),
            (Remedy::Ours, &[None]),
            (Remedy::Ready, &[Some(10), Some(10), Some(20), Some(30)]),
        ] {
            let count = u32::try_from(waits.len()).unwrap_or(0);
            assert_eq!(tries(remedy, count), waits, "{remedy:?}");
        }
    }

    #[test]
    fn nothing_is_tried_for_ever() {
        for remedy in [Remedy::Later, Remedy::SetUp, Remedy::AtOnce] {
            assert_eq!(tries(remedy, 60).iter().position(Option::is_none), Some(39));
        }
        // The ladder alone lasts a day before that.
        let day: u64 = tries(Remedy::Later, 39).into_iter().flatten().sum();
        assert!(day > 24 * 3600, "{day} s");
    }

    #[test]
    fn what_is_the_lines_trouble_is_not_held_against_a_text() {
        let fared = Fared {
            tries: 3,
            running: 3,
            line_in_trouble: true,
        };
        assert_eq!(
            Recourse::after(&refusal(Remedy::Carrier), fared),
            Recourse::Again(CARRIER_WAIT)
        );
    }
}
