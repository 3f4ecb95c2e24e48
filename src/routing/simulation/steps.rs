//! What may happen in a simulated desk's life, and how a life is told when the law did not hold.

use std::fmt;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::test_desk::{DESK, KIDS, elm, gateway};
use super::super::*;

/// Telephones, one in another form, a service and a name.
pub(super) const PEERS: [&str; 6] = [
    "+15551230100",
    "+15551230101",
    "+15551230102",
    // The first one's telephone, as another carrier spells it.
    "5551230100",
    "22000",
    "INFO",
];
/// What patrons write.
pub(super) const WORDS: [&str; 24] = [
    "Is my book in?",
    "hello",
    "hello",
    "STOP",
    "start",
    "help",
    "please stop texting me",
    "",
    "thanks",
    "When do you open?",
    "NO",
    "FORGET",
    "forget me",
    "ALTO!",
    "STOP\n\nSent from my iPhone",
    "Liked “Yes.”",
    "Loved “Yes, it is.”",
    "Removed a heart from “Yes, it is.”",
    "😂 to “Your book…”",
    "Loved an image",
    "hours",
    "Wifi",
    "“Stop.”\n-- \nPat",
    "ayuda",
];
/// The library's keywords on its first line, and their answers.
pub(super) const KEYWORDS: [(&str, &str); 2] = [
    ("HOURS", "Open nine to five."),
    ("wifi", "Ask at the desk."),
];
/// Our own number, once a line has told it.
pub(super) const OURS: &str = "+15551230102";

/// One thing that happens. Numbers pick from what there is at the time.
#[derive(Clone)]
pub(super) enum Step {
    Text {
        gateway: i64,
        peer: usize,
        words: usize,
        /// Stamped this many seconds before it comes.
        late_s: Option<i64>,
    },
    Arrive(i64),
    Vanish(i64),
    Seen(i64),
    Show(i64, u8),
    Send {
        operator: i64,
        pick: usize,
        empty: bool,
    },
    Claim(i64, usize),
    Release(i64, usize),
    Return(i64, usize),
    CallBack(usize),
    Close(i64, usize),
    Transfer {
        operator: i64,
        pick: usize,
        queue: bool,
        to: i64,
    },
    Write {
        gateway: i64,
        peer: usize,
    },
    Deliver {
        pick: usize,
        state: u8,
    },
    Retry {
        operator: i64,
        pick: usize,
    },
    Amend {
        pick: usize,
        words: usize,
    },
    Rearrange(u16),
    LineNumber,
    /// A line was down for so many seconds until now.
    Outage {
        gateway: i64,
        lasted_s: i64,
    },
    Wait(u64),
    /// The clock on the wall is set, forwards or back.
    Jump(i64),
    Deadline,
    Restart,
    /// From here on several events share a commit, or each has its own.
    Batch(bool),
    /// What one text needs is looked up ahead of its time.
    Foresee {
        gateway: i64,
        peer: usize,
    },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let operator = 1..5_i64;
    let pick = 0..64_usize;
    let gateway = 1..6_i64;
    let late = prop_oneof![
        3 => Just(None),
        1 => (0..3000_i64).prop_map(Some),
    ];
    prop_oneof![
        13 => (gateway.clone(), 0..PEERS.len(), 0..WORDS.len(), late)
            .prop_map(|(gateway, peer, words, late_s)| Step::Text { gateway, peer, words, late_s }),
        5 => operator.clone().prop_map(Step::Arrive),
        3 => operator.clone().prop_map(Step::Vanish),
        1 => operator.clone().prop_map(Step::Seen),
        5 => (operator.clone(), 0..3_u8).prop_map(|(o, s)| Step::Show(o, s)),
        8 => (operator.clone(), pick.clone(), prop::bool::weighted(0.05))
            .prop_map(|(operator, pick, empty)| Step::Send { operator, pick, empty }),
        4 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Claim(o, p)),
        2 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Release(o, p)),
        2 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Return(o, p)),
        1 => pick.clone().prop_map(Step::CallBack),
        3 => (operator.clone(), pick.clone()).prop_map(|(o, p)| Step::Close(o, p)),
        4 => (operator.clone(), pick.clone(), any::<bool>(), 1..5_i64)
            .prop_map(|(operator, pick, queue, to)| Step::Transfer { operator, pick, queue, to }),
        1 => (gateway.clone(), 0..PEERS.len())
            .prop_map(|(gateway, peer)| Step::Write { gateway, peer }),
        5 => (pick.clone(), 0..7_u8).prop_map(|(pick, state)| Step::Deliver { pick, state }),
        1 => (operator, pick.clone()).prop_map(|(operator, pick)| Step::Retry { operator, pick }),
        1 => (pick, 0..WORDS.len()).prop_map(|(pick, words)| Step::Amend { pick, words }),
        3 => any::<u16>().prop_map(Step::Rearrange),
        1 => Just(Step::LineNumber),
        1 => (gateway.clone(), prop_oneof![0..600_i64, 600..4000_i64])
            .prop_map(|(gateway, lasted_s)| Step::Outage { gateway, lasted_s }),
        7 => prop_oneof![0..10_u64, 20..100_u64, 100..4000_u64, 20_000..200_000_u64]
            .prop_map(Step::Wait),
        1 => prop_oneof![-200_000..200_000_i64, -40_000_000..40_000_000_i64].prop_map(Step::Jump),
        5 => Just(Step::Deadline),
        1 => Just(Step::Restart),
        2 => any::<bool>().prop_map(Step::Batch),
        2 => (gateway, 0..PEERS.len()).prop_map(|(gateway, peer)| Step::Foresee { gateway, peer }),
    ]
}

/// Plans a desk may be rearranged to.
pub(super) fn plan(number: u16) -> Plan {
    let mut plan = elm();
    let bit = |n: u16| number & (1 << n) != 0;
    plan.library.time_zone = TimeZone::get("America/Chicago").unwrap_or(TimeZone::UTC);
    plan.gateways
        .push(gateway(GatewayId(5), GatewayKind::Sms, KIDS));
    for gateway in &mut plan.gateways {
        if bit(0) && gateway.id == GatewayId(1) {
            gateway.queue = KIDS;
        }
        if bit(1) && gateway.id == GatewayId(2) {
            gateway.policy = OfflinePolicy::Refuse;
        }
        if bit(2) && gateway.id == GatewayId(3) {
            gateway.policy = OfflinePolicy::Hold;
        }
        if bit(3) && gateway.id == GatewayId(1) {
            gateway.removed = true;
        }
        if bit(4) && gateway.id == GatewayId(4) {
            gateway.wording.insert(Notice::Closed, "Zzz".into());
        }
        if bit(5) && bit(6) && gateway.id == GatewayId(1) {
            gateway.paused = true;
            gateway.pauses = 1 + i64::from(number >> 12);
        }
        if !bit(12) && gateway.id == GatewayId(1) {
            for (word, answer) in KEYWORDS {
                let (word, answer) = (word.to_owned(), answer.to_owned());
                let folded = Keyword::folded(&word).unwrap_or_default();
                let keyword = Keyword { word, answer };
                gateway.keywords.insert(folded, keyword);
            }
        }
        if bit(10) && gateway.id == GatewayId(2) {
            gateway.wording.insert(Notice::Rollover, String::new());
        }
    }
    if bit(5) {
        plan.operators.remove(0);
    }
    if bit(6)
        && let Some(last) = plan.operators.last_mut()
    {
        last.queues = vec![DESK];
    }
    if bit(8)
        && let Some(desk) = plan.queues.first_mut()
    {
        desk.fallback = Some(Fallback {
            queue: KIDS,
            after: Fallback::AFTER,
        });
    }
    if bit(9)
        && let Some(kids) = plan.queues.last_mut()
    {
        kids.fallback = Some(Fallback {
            queue: DESK,
            after: std::time::Duration::from_secs(20),
        });
        kids.title = Some("Kids".into());
    }
    if bit(11) {
        for queue in &mut plan.queues {
            queue.calendar.hours = "Mon-Fri 9:00-17:00, Sat 10:00-14:00".parse().ok();
        }
    }
    if bit(7) {
        plan.queues.pop();
        for queue in &mut plan.queues {
            queue.fallback = None;
        }
        for gateway in &mut plan.gateways {
            gateway.queue = DESK;
        }
    }
    plan
}

/// A life, told step by step: what a failing seed shrinks to.
#[derive(Clone)]
pub(super) struct Life(pub(super) Vec<Step>);

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what happened:")?;
        for (at, step) in self.0.iter().enumerate() {
            writeln!(f, "  {:>2}. {step:?}", at + 1)?;
        }
        Ok(())
    }
}

fn who(operator: i64) -> &'static str {
    match operator {
        1 => "ana",
        2 => "ben",
        3 => "cal",
        _ => "somebody who does not work here",
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Step::Text {
                gateway,
                peer,
                words,
                late_s,
            } => {
                let (from, words) = (PEERS[peer], WORDS[words]);
                write!(f, "{from} writes {words:?} by gateway {gateway}")?;
                match late_s {
                    Some(late) => write!(f, ", stamped {late} s ago"),
                    None => Ok(()),
                }
            }
            Step::Arrive(o) => write!(f, "{} arrives, available", who(o)),
            Step::Vanish(o) => write!(f, "{}'s browser dies", who(o)),
            Step::Seen(o) => write!(f, "{} calls the API", who(o)),
            Step::Show(o, show) => {
                let show = ["available", "away", "offline"][usize::from(show)];
                write!(f, "{} says: {show}", who(o))
            }
            Step::Send {
                operator,
                pick,
                empty,
            } => {
                let what = if empty { "nothing" } else { "an answer" };
                write!(f, "{} sends {what} to the {pick}th latest", who(operator))
            }
            Step::Claim(o, pick) => write!(f, "{} claims the {pick}th latest", who(o)),
            Step::Release(o, pick) => write!(f, "{} releases the {pick}th latest", who(o)),
            Step::Return(o, pick) => write!(f, "{} gives the {pick}th latest back", who(o)),
            Step::CallBack(pick) => write!(f, "another box calls the {pick}th latest back"),
            Step::Close(o, pick) => write!(f, "{} closes the {pick}th latest", who(o)),
            Step::Transfer {
                operator,
                pick,
                queue,
                to,
            } => {
                let by = who(operator);
                match queue {
                    true => write!(f, "{by} hands the {pick}th latest to queue {to}"),
                    false => write!(f, "{by} hands the {pick}th latest to {}", who(to)),
                }
            }
            Step::Write { gateway, peer } => {
                write!(f, "the desk writes to {} by gateway {gateway}", PEERS[peer])
            }
            Step::Deliver { pick, state } => {
                write!(f, "the {pick}th latest text of ours comes to state {state}")
            }
            Step::Retry { operator, pick } => {
                write!(f, "{} retries the {pick}th latest text", who(operator))
            }
            Step::Amend { pick, words } => {
                write!(f, "the {pick}th latest text becomes {:?}", WORDS[words])
            }
            Step::Rearrange(number) => write!(f, "the desk is rearranged to plan {number:#018b}"),
            Step::LineNumber => write!(f, "a line tells its number, {OURS}"),
            Step::Outage { gateway, lasted_s } => {
                write!(f, "gateway {gateway}'s line is back after {lasted_s} s")
            }
            Step::Wait(seconds) => write!(f, "{seconds} s go by"),
            Step::Jump(seconds) => write!(f, "the clock on the wall is set by {seconds} s"),
            Step::Deadline => write!(f, "it is the router's next deadline"),
            Step::Restart => write!(f, "the power goes, and comes back"),
            Step::Batch(true) => write!(f, "from here on events share a commit"),
            Step::Batch(false) => write!(f, "from here on each event has its commit"),
            Step::Foresee { gateway, peer } => {
                write!(f, "{} of gateway {gateway} is looked up", PEERS[peer])
            }
        }
    }
}
