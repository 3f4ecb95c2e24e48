//! What a submitted segment came to, from how its command ended; and what a refusal calls for.

use super::{SubmitOutcome, SubmitRefusal};
use crate::at::{FinalResult, Outcome, Reply, response};

/// What a refusal calls for (TS 24.011 §E-2, TS 23.040 §9.2.3.22, TS 27.005 §3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// The network is busy or away: the same again, at growing intervals.
    Later,
    /// The same, but the first time at once: the network says that its trouble is a short one.
    AtOnce,
    /// Nothing was tried: the modem or the line was not there to try it.
    Ready,
    /// The modem is to be set up again before the next try.
    SetUp,
    /// The same, and one more try is enough: what the modem does not do it will not learn.
    SetUpOnce,
    /// The SIM is missing, locked or broken: nothing is sent until it is seen to.
    Sim,
    /// The modem does not know the service centre.
    Centre,
    /// Storage is full: it is emptied first.
    Drain,
    /// The modem lost hold of its storage: it is listed first.
    Relist,
    /// The carrier does not want it: one more try much later, and if it goes on so with others the
    /// line itself is in trouble.
    Carrier,
    /// The service centre does not take a validity period: the same without one.
    WithoutValidity,
    /// This recipient, for good.
    Recipient,
    /// The segment itself is wrong: our mistake.
    Ours,
}

impl Remedy {
    /// The word of the spool.
    pub fn word(self) -> &'static str {
        match self {
            Remedy::Later => "later",
            Remedy::AtOnce => "at_once",
            Remedy::Ready => "ready",
            Remedy::SetUp => "set_up",
            Remedy::SetUpOnce => "set_up_once",
            Remedy::Sim => "sim",
            Remedy::Centre => "centre",
            Remedy::Drain => "drain",
            Remedy::Relist => "relist",
            Remedy::Carrier => "carrier",
            Remedy::WithoutValidity => "without_validity",
            Remedy::Recipient => "recipient",
            Remedy::Ours => "ours",
        }
    }

    /// Whether the same segment may be taken later.
    pub fn is_transient(self) -> bool {
        match self {
            Remedy::Recipient | Remedy::Ours => false,
            Remedy::Later
            | Remedy::AtOnce
            | Remedy::Ready
            | Remedy::SetUp
            | Remedy::SetUpOnce
            | Remedy::Sim
            | Remedy::Centre
            | Remedy::Drain
            | Remedy::Relist
            | Remedy::Carrier
            | Remedy::WithoutValidity => true,
        }
    }

    /// What a `+CMS ERROR` code calls for. A code nobody has listed is taken for a passing one:
    /// trying again is bounded, a lost answer is not.
    fn for_cms(code: u16) -> Self {
        match code {
            41 => Self::AtOnce,
            300 | 301 | 314 | 320 | 500 | 515 => Self::SetUp,
            302 | 303 | 340 => Self::SetUpOnce,
            // 192 and 194 lie between and pass.
            1 | 195 | 196 => Self::Recipient,
            198 | 199 => Self::WithoutValidity,
            // TP-FCS 128 to 176 finds fault with the PDU (TS 23.040 §9.2.3.22).
            81 | 95..=99 | 111 | 304 | 305 | 128..=176 => Self::Ours,
            // 29: the facility is refused, to this line and not to one recipient (TS 24.011 §E-2).
            8 | 10 | 21 | 28 | 29 | 30 | 50 | 69 | 193 => Self::Carrier,

            22 | 208 | 322 => Self::Drain,
            310..=313 | 315..=318 => Self::Sim,
            321 => Self::Relist,
            330 => Self::Centre,
            _ => Self::Later,
        }
    }

    /// What a final result that is not `OK` calls for. Whatever is no number, or no reason at all,
    /// is the modem's own trouble.
    pub(super) fn of(result: &FinalResult) -> Self {
        match result {
            FinalResult::Cms(code) => code.number.map_or(Self::SetUp, Self::for_cms),
            FinalResult::Cme(code) => match code.number {
                Some(10..=18) => Self::Sim,
                Some(20) => Self::Drain,
                // No service, and a network that did not answer in time (TS 27.007 §9.2.1).
                Some(30..=32) => Self::Later,
                Some(_) | None => Self::SetUp,
            },
            FinalResult::Ok
            | FinalResult::Error
            | FinalResult::NoConnection(_)
            | FinalResult::NotSupported
            | FinalResult::TooManyParameters
            | FinalResult::Aborted => Self::SetUp,
        }
    }
}

/// What the codes mean to whoever reads them at the desk (TS 24.011 §8.2.5.4, TS 27.005 §3.2.5).
fn meaning(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "there is no such number",
        8 => "the carrier bars texts from this SIM",
        10 => "the carrier bars this SIM from calling out",
        17 => "the network failed",
        21 => "the carrier rejected the text",
        22 => "the other side has no room for texts",
        27 => "the telephone cannot be reached",
        28 => "the carrier does not know this SIM",
        29 => "the carrier refuses this line the sending of texts",
        30 => "the carrier does not know the subscriber",
        38 => "the network is out of order",
        41 => "the network had a passing failure",
        42 => "the network is overloaded",
        47 => "the network has nothing free",
        50 => "this SIM's contract does not include texts",
        69 => "the carrier does not offer texts here: is the service centre's number right?",
        128..=176 => "the service centre found fault with the text as we wrote it",
        192 => "the service centre is busy",
        193 => "no subscription of ours at the service centre",
        194 => "the service centre failed",
        195 => "the service centre does not take this recipient's number",
        196 => "the recipient's number is barred",
        208 | 322 => "the SIM's storage is full",
        310 => "no SIM is in the modem",
        311 | 312 | 316..=318 => "the SIM is locked",
        313 | 315 => "the SIM does not work",
        330 => "the service centre's number is not known",
        331 => "no network",
        332 => "the network did not answer in time",
        _ => return None,
    })
}

/// Whether a refusal says that the modem or its SIM wants to be set up again before the next try.
pub(super) fn wants_setup(result: &FinalResult) -> bool {
    match result {
        FinalResult::Error => true,
        FinalResult::Cms(_) => match Remedy::of(result) {
            Remedy::SetUp | Remedy::SetUpOnce | Remedy::Sim | Remedy::Centre => true,
            Remedy::Later
            | Remedy::AtOnce
            | Remedy::Ready
            | Remedy::Drain
            | Remedy::Relist
            | Remedy::Carrier
            | Remedy::WithoutValidity
            | Remedy::Recipient
            | Remedy::Ours => false,
        },
        FinalResult::Cme(code) => matches!(code.number, Some(10..=18)),
        FinalResult::Ok
        | FinalResult::NoConnection(_)
        | FinalResult::NotSupported
        | FinalResult::TooManyParameters
        | FinalResult::Aborted => false,
    }
}

/// Whether a refusal says that storage is full or lost, and so worth sweeping.
pub(super) fn wants_sweep(result: &FinalResult) -> bool {
    match Remedy::of(result) {
        Remedy::Drain | Remedy::Relist => true,
        Remedy::Later
        | Remedy::AtOnce
        | Remedy::Ready
        | Remedy::SetUp
        | Remedy::SetUpOnce
        | Remedy::Sim
        | Remedy::Centre
        | Remedy::Carrier
        | Remedy::WithoutValidity
        | Remedy::Recipient
        | Remedy::Ours => false,
    }
}

/// Whether a refusal may come of a service centre's number that is not right.
pub(super) fn doubts_centre(result: &FinalResult) -> bool {
    cms_number(result) == Some(69)
}

/// Whether a refusal, where nothing else is wrong, is the modem's own trouble: a row of them says
/// that it wants more than a setup.
pub(super) fn blames_modem(result: &FinalResult) -> bool {
    !result.is_ok() && Remedy::of(result) == Remedy::SetUp
}

/// Whether a refusal says that somebody looked at the segment and turned it down: the network by a
/// cause of its own (below 256), or the modem before it tried. What else ends a send, *unknown error*
/// and *network timeout* above all, came after texts that had left. A number that nobody has defined
/// is one of those with a digit lost on the line, and so may 50 be.
fn is_the_networks_word(result: &FinalResult) -> bool {
    cms_number(result).is_some_and(|number| match number {
        50 | 332 | 500 => false,
        // Vendors' own: 350 came after 135 s of silence on a Quectel.
        341..=499 => false,
        // TS 24.011 §E-2, TS 23.040 §9.2.3.22, TS 27.005 §3.2.5.
        1
        | 8
        | 10
        | 17
        | 21
        | 22
        | 27..=30
        | 38
        | 41
        | 42
        | 47
        | 69
        | 81
        | 95..=99
        | 111
        | 127
        | 128..=255
        | 300..=511 => true,
        _ => false,
    })
}

/// The number of a `+CMS ERROR`, where it is one and has one.
fn cms_number(result: &FinalResult) -> Option<u16> {
    match result {
        FinalResult::Cms(code) => code.number,
        FinalResult::Ok
        | FinalResult::Error
        | FinalResult::Cme(_)
        | FinalResult::NoConnection(_)
        | FinalResult::NotSupported
        | FinalResult::TooManyParameters
        | FinalResult::Aborted => None,
    }
}

/// What the network or the modem decided about the segment that `reply` is for.
pub(super) fn outcome_of(reply: &Reply) -> SubmitOutcome {
    let unknown = |why: String| SubmitOutcome::Unknown { why };
    match &reply.outcome {
        Outcome::Final(FinalResult::Ok) if !reply.payload_sent => {
            refused("the modem did not ask for the text")
        }
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
        // The service centre has it already, so an earlier attempt came through.
        Outcome::Final(result) if cms_number(result) == Some(197) => SubmitOutcome::Duplicate,
        // Not the network's word: the dialogue was cut, by a call or by noise on the line.
        Outcome::Final(result @ (FinalResult::NoConnection(_) | FinalResult::Aborted))
            if reply.payload_sent =>
        {
            unknown(format!("the modem said {result} in place of an answer"))
        }
        Outcome::Final(result) => {
            let code = cms_number(result);
            let words = match code.and_then(meaning) {
                Some(meaning) => format!("{meaning} (the modem said {result})"),
                None => format!("the modem said {result}"),
            };
            SubmitOutcome::Refused(SubmitRefusal {
                code,
                words,
                remedy: Remedy::of(result),
                may_have_left: reply.payload_sent && !is_the_networks_word(result),
            })
        }
        Outcome::NoPrompt => refused("the modem did not ask for the text within 10 s"),
        Outcome::TimedOut if reply.payload_sent => {
            unknown("no answer from the network in its time".into())
        }
        Outcome::TimedOut => refused("the modem did not answer"),
        Outcome::Cut(why) if reply.payload_sent => unknown((*why).into()),
        Outcome::Cut(why) => refused(why),
    }
}

/// Nothing was tried: worth another try once the line is there.
pub(super) fn refused(words: &str) -> SubmitOutcome {
    SubmitOutcome::Refused(SubmitRefusal {
        code: None,
        words: words.into(),
        remedy: Remedy::Ready,
        may_have_left: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at::Command;

    fn outcome(lines: &[&str], outcome: Outcome, payload_sent: bool) -> SubmitOutcome {
        outcome_of(&Reply {
            command: Command::Send {
                tpdu: vec![0x11],
                alone: false,
            },
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            outcome,
            echoed: false,
            payload_sent,
        })
    }

    /// The table of MODEMS.md, row by row.
    #[test]
    fn every_code_has_its_remedy() {
        for (codes, remedy) in [
            (
                &[17, 27, 38, 42, 47, 127, 192, 194, 331, 332, 512, 513, 514][..],
                Remedy::Later,
            ),
            (&[41], Remedy::AtOnce),
            (&[300, 301, 314, 320, 500, 515], Remedy::SetUp),
            (&[302, 303, 340], Remedy::SetUpOnce),
            (&[1, 195, 196], Remedy::Recipient),
            (
                &[81, 95, 96, 97, 98, 99, 111, 128, 143, 176, 304, 305],
                Remedy::Ours,
            ),
            (&[198, 199], Remedy::WithoutValidity),
            (&[8, 10, 21, 28, 29, 30, 50, 69, 193], Remedy::Carrier),
            (&[22, 208, 322], Remedy::Drain),
            (&[310, 311, 312, 313, 315, 316, 317, 318], Remedy::Sim),
            (&[321], Remedy::Relist),
            (&[330], Remedy::Centre),
            (&[341, 350, 499, 9999], Remedy::Later),
        ] {
            for code in codes {
                assert_eq!(Remedy::for_cms(*code), remedy, "+CMS ERROR: {code}");
            }
        }
    }

    /// MODEMS.md row 49: results beyond OK and ERROR, and reasons in words.
    #[test]
    fn row_49_every_spelling_of_a_refusal_is_understood() {
        for (line, remedy) in [
            ("ERROR", Remedy::SetUp),
            ("COMMAND NOT SUPPORT", Remedy::SetUp),
            ("TOO MANY PARAMETERS", Remedy::SetUp),
            ("+CMS ERROR: Unknown error", Remedy::SetUp),
            ("+CMS ERROR: network timeout", Remedy::Later),
            ("+CMS ERROR: Some words nobody knows", Remedy::SetUp),
            ("+CMS ERROR: SIM PIN required", Remedy::Sim),
            ("+CME ERROR: 30", Remedy::Later),
            ("+CME ERROR: SIM failure", Remedy::Sim),
            ("+CME ERROR: 100", Remedy::SetUp),
            ("NO CARRIER", Remedy::SetUp),
        ] {
            let result = FinalResult::parse(line);
            assert_eq!(result.as_ref().map(Remedy::of), Some(remedy), "{line}");
        }
    }

    #[test]
    fn every_end_of_a_send_is_accepted_refused_or_unknown() {
        let parsed = |line| FinalResult::parse(line).map(Outcome::Final);
        for (line, sent, expected) in [
            ("+CMS ERROR: 38", true, Some((Some(38), true, false))),
            ("+CMS ERROR: 1", true, Some((Some(1), false, false))),
            ("+CMS ERROR: 304", true, Some((Some(304), false, false))),
            ("+CMS ERROR: 332", true, Some((Some(332), true, true))),
            (
                "+CMS ERROR: Unknown error",
                true,
                Some((Some(500), true, true)),
            ),
            ("+CMS ERROR: 500", false, Some((Some(500), true, false))),
            // A vendor's own, after minutes of silence: the text may have left.
            ("+CMS ERROR: 350", true, Some((Some(350), true, true))),
            ("+CMS ERROR: 340", true, Some((Some(340), true, false))),
            ("+CMS ERROR: 513", true, Some((Some(513), true, true))),
            // 500, 332 and 512 with a digit lost.
            ("+CMS ERROR: 5", true, Some((Some(5), true, true))),
            ("+CMS ERROR: 50", true, Some((Some(50), true, true))),
            ("+CMS ERROR: 33", true, Some((Some(33), true, true))),
            ("+CMS ERROR: 51", true, Some((Some(51), true, true))),
            ("+CMS ERROR: 5", false, Some((Some(5), true, false))),
            ("ERROR", true, Some((None, true, true))),
            ("ERROR", false, Some((None, true, false))),
            ("+CME ERROR: 13", false, Some((None, true, false))),
            ("COMMAND NOT SUPPORT", false, Some((None, true, false))),
            ("NO CARRIER", true, None),
            ("OK", true, None),
        ] {
            let result = parsed(line).map(|result| outcome(&[], result, sent));
            let refusal = match result {
                Some(SubmitOutcome::Refused(refusal)) => {
                    let transient = refusal.remedy.is_transient();
                    Some((refusal.code, transient, refusal.may_have_left))
                }
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
        assert_eq!(
            parsed("+CMS ERROR: 197").map(|result| outcome(&[], result, true)),
            Some(SubmitOutcome::Duplicate)
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
