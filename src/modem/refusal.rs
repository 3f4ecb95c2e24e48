//! What a submitted segment came to, from how its command ended.

use super::{SubmitOutcome, SubmitRefusal};
use crate::at::{FinalResult, Outcome, Reply, response};

/// Whether the same segment may be taken later (TS 27.005 §3.2.5, TS 24.011 §E-2, TS 23.040
/// §9.2.3.22). A code nobody has listed is taken for a passing one: trying again is bounded, a
/// lost answer is not.
pub(super) fn is_transient(code: u16) -> bool {
    match code {
        // This recipient, for good: unassigned number, and what its service centre will not have.
        // 192 and 194 lie between and pass.
        1 | 29 | 195 | 196 | 128..=176 => false,
        // The segment itself is wrong.
        81 | 95..=99 | 111 | 198 | 199 | 304 | 305 => false,
        _ => true,
    }
}

/// Whether a refusal says that the modem or its SIM wants to be set up again before the next try.
pub(super) fn wants_setup(result: &FinalResult) -> bool {
    match result {
        FinalResult::Error => true,
        FinalResult::Cms(code) => matches!(
            code.number,
            Some(300 | 301..=303 | 310..=318 | 320 | 330 | 340 | 500 | 515)
        ),
        FinalResult::Cme(code) => matches!(code.number, Some(10..=18)),
        FinalResult::Ok
        | FinalResult::NoConnection(_)
        | FinalResult::NotSupported
        | FinalResult::TooManyParameters
        | FinalResult::Aborted => false,
    }
}

/// Whether a refusal says that storage is full, and so worth sweeping.
pub(super) fn wants_sweep(result: &FinalResult) -> bool {
    matches!(result, FinalResult::Cms(code) if matches!(code.number, Some(22 | 208 | 322)))
}

/// What the network or the modem decided about the segment that `reply` is for.
pub(super) fn outcome_of(reply: &Reply) -> SubmitOutcome {
    let unknown = |why: String| SubmitOutcome::Unknown { why };
    match &reply.outcome {
        Outcome::Final(FinalResult::Ok) => {
            let reference = reply
                .lines
                .iter()
                .find_map(|line| response::message_reference(line));
            reference.map_or_else(
                || unknown("the modem said OK, but not under which reference".into()),
                |message_reference| SubmitOutcome::Accepted { message_reference },
            )
        }
        // The service centre has it already, so an earlier attempt came through; under which
        // reference nobody knows, and only its report can tell.
        Outcome::Final(FinalResult::Cms(code)) if code.number == Some(197) => {
            unknown("the service centre has had this text before (+CMS ERROR: 197)".into())
        }
        // Not the network's word: the dialogue was cut, by a call or by noise on the line.
        Outcome::Final(result @ (FinalResult::NoConnection(_) | FinalResult::Aborted))
            if reply.payload_sent =>
        {
            unknown(format!("the modem said {result} in place of an answer"))
        }
        Outcome::Final(result) => {
            let code = match result {
                FinalResult::Cms(code) => code.number,
                FinalResult::Ok
                | FinalResult::Error
                | FinalResult::Cme(_)
                | FinalResult::NoConnection(_)
                | FinalResult::NotSupported
                | FinalResult::TooManyParameters
                | FinalResult::Aborted => None,
            };
            SubmitOutcome::Refused(SubmitRefusal {
                code,
                words: format!("the modem said {result}"),
                transient: code.is_none_or(is_transient),
            })
        }
        Outcome::NoPrompt => refused("the modem did not ask for the text within 10 s"),
        Outcome::TimedOut if reply.payload_sent => {
            unknown("no answer from the network within 190 s".into())
        }
        Outcome::TimedOut => refused("the modem did not answer"),
        Outcome::Cut(why) if reply.payload_sent => unknown((*why).into()),
        Outcome::Cut(why) => refused(why),
    }
}

/// Not taken, and worth another try.
pub(super) fn refused(words: &str) -> SubmitOutcome {
    SubmitOutcome::Refused(SubmitRefusal {
        code: None,
        words: words.into(),
        transient: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at::Command;

    fn outcome(lines: &[&str], outcome: Outcome, payload_sent: bool) -> SubmitOutcome {
        outcome_of(&Reply {
            command: Command::Send { tpdu: vec![0x11] },
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            outcome,
            echoed: false,
            payload_sent,
        })
    }

    #[test]
    fn codes_say_whether_trying_again_helps() {
        for (codes, transient) in [
            (
                &[17, 27, 38, 41, 42, 47, 127, 192, 194, 331, 332, 512, 514][..],
                true,
            ),
            (&[300, 301, 314, 320, 500, 515, 302, 303, 340], true),
            (&[8, 10, 21, 28, 30, 50, 69, 193, 22, 208, 322, 330], true),
            (&[1, 29, 195, 196, 128, 143, 176], false),
            (&[81, 95, 96, 97, 98, 99, 111, 304, 305], false),
            (&[9999], true),
        ] {
            for code in codes {
                assert_eq!(is_transient(*code), transient, "+CMS ERROR: {code}");
            }
        }
    }

    #[test]
    fn every_end_of_a_send_is_accepted_refused_or_unknown() {
        let parsed = |line| FinalResult::parse(line).map(Outcome::Final);
        for (line, sent, expected) in [
            ("+CMS ERROR: 38", true, Some((Some(38), true))),
            ("+CMS ERROR: 1", true, Some((Some(1), false))),
            ("+CMS ERROR: Unknown error", true, Some((Some(500), true))),
            ("ERROR", true, Some((None, true))),
            ("+CME ERROR: 13", false, Some((None, true))),
            ("COMMAND NOT SUPPORT", false, Some((None, true))),
            ("+CMS ERROR: 197", true, None),
            ("NO CARRIER", true, None),
            ("OK", true, None),
        ] {
            let result = parsed(line).map(|result| outcome(&[], result, sent));
            let refusal = match result {
                Some(SubmitOutcome::Refused(refusal)) => Some((refusal.code, refusal.transient)),
                Some(SubmitOutcome::Unknown { .. }) => None,
                other => panic!("{line}: {other:?}"),
            };
            assert_eq!(refusal, expected, "{line}");
        }
        assert_eq!(
            outcome(&["+CMGS: 42"], Outcome::Final(FinalResult::Ok), true),
            SubmitOutcome::Accepted {
                message_reference: 42
            }
        );
        for (end, sent, unknown) in [
            (Outcome::TimedOut, true, true),
            (Outcome::Cut("the port is gone"), true, true),
            (Outcome::Cut("the port is gone"), false, false),
            (Outcome::NoPrompt, false, false),
        ] {
            let result = outcome(&[], end.clone(), sent);
            let is_unknown = matches!(result, SubmitOutcome::Unknown { .. });
            assert_eq!(is_unknown, unknown, "{end:?} {sent}");
        }
    }
}
