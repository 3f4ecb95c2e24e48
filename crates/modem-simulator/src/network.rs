//! The network's side: texts waiting for the modem, what it submitted, and the reports that follow.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use super::air::{self, Address, Coding, Concatenation, Deliver, StatusReport, Submit, Timestamp};

/// PDUs that may wait at the service centre; further ones are refused.
const WAITING_MAX: usize = 100_000;
/// Submissions and texts remembered; the oldest go first.
const HISTORY_MAX: usize = 100_000;
/// Texts of which parts are still missing; more, and the oldest is given up.
const UNFINISHED_MAX: usize = 1_000;
/// Reports that may be due at one time.
const REPORTS_MAX: usize = 100_000;

/// The service centre keeps so many PDUs already that it takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("100000 PDUs wait for the modem already: let it read some first")]
pub struct Congested;

/// What a status report will say, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPolicy {
    /// Whether reports that were asked for come by themselves.
    pub automatic: bool,
    /// How long after the text was taken.
    pub delay: Duration,
    /// TP-ST (TS 23.040 §9.2.3.15): 0x00 delivered.
    pub status: u8,
}

impl Default for ReportPolicy {
    fn default() -> Self {
        Self {
            automatic: true,
            delay: Duration::ZERO,
            status: 0,
        }
    }
}

/// One segment the network took from the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Counts from 1.
    pub number: u64,
    /// When it was taken.
    pub at: SystemTime,
    /// The message reference that the modem answered with.
    pub message_reference: u8,
    /// The recipient as dialled, `+` included.
    pub to: String,
    /// The TPDU as the modem was given it.
    pub tpdu: Vec<u8>,
    /// The TPDU read.
    pub submit: Submit,
}

/// A text that left the modem whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentText {
    /// The recipient as dialled, `+` included.
    pub to: String,
    /// The words; for eight-bit data its octets in hexadecimal.
    pub text: String,
    /// How many segments.
    pub parts: usize,
    /// When the last of them was taken.
    pub at: SystemTime,
    /// The segments' message references, in the order of the text.
    pub message_references: Vec<u8>,
}

/// A PDU for the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: u64,
    /// Service centre address and TPDU.
    pub(crate) pdu: Vec<u8>,
    pub(crate) is_report: bool,
}

type GroupKey = (String, u16, bool, u8);

#[derive(Debug, Clone, Default)]
struct Unfinished {
    born: u64,
    parts: BTreeMap<u8, (Coding, u8, Vec<u8>)>,
}

/// The network as the modem meets it.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) number: String,
    service_centre: Address,
    pub(crate) zone_quarters: i8,
    pub(crate) waiting: VecDeque<Waiting>,
    /// Texts that could not be handed over, and when that is tried again.
    retries: VecDeque<(Instant, Waiting)>,
    pub(crate) reports: ReportPolicy,
    pub(crate) refused_numbers: HashMap<String, u16>,
    pub(crate) submissions: VecDeque<Submission>,
    pub(crate) sent: VecDeque<SentText>,
    /// How many texts were ever sent; `sent` may have forgotten the first of them.
    pub(crate) sent_count: usize,
    unfinished: HashMap<GroupKey, Unfinished>,
    due: BTreeMap<(Instant, u64), StatusReport>,
    /// Submissions that asked for a report and have none yet, nor one due.
    unreported: BTreeSet<u64>,
    last_id: u64,
    /// By who wrote: each telephone counts its own long texts.
    references: HashMap<String, u16>,
    submitted: u64,
}

impl Network {
    pub(crate) fn new(
        number: &str,
        service_centre: &str,
        zone_quarters: i8,
        reports: ReportPolicy,
    ) -> Self {
        Self {
            number: number.to_owned(),
            service_centre: Address::new(service_centre),
            zone_quarters,
            waiting: VecDeque::new(),
            retries: VecDeque::new(),
            reports,
            refused_numbers: HashMap::new(),
            submissions: VecDeque::new(),
            sent: VecDeque::new(),
            sent_count: 0,
            unfinished: HashMap::new(),
            due: BTreeMap::new(),
            unreported: BTreeSet::new(),
            last_id: 0,
            references: HashMap::new(),
            submitted: 0,
        }
    }

    /// A reference for the next text of several parts from this telephone.
    pub(crate) fn next_reference(&mut self, from: &str) -> u16 {
        let last = self.references.entry(from.to_owned()).or_default();
        *last = last.wrapping_add(1);
        *last
    }

    /// Queues octets as they are: service centre address and TPDU.
    pub(crate) fn queue_pdu(&mut self, pdu: Vec<u8>, is_report: bool) -> Result<u64, Congested> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(Congested);
        }
        self.last_id += 1;
        self.waiting.push_back(Waiting {
            id: self.last_id,
            pdu,
            is_report,
        });
        Ok(self.last_id)
    }

    /// Queues a TPDU, the service centre's address before it.
    pub(crate) fn queue_tpdu(&mut self, tpdu: &[u8], is_report: bool) -> Result<u64, Congested> {
        let mut pdu = self.service_centre.service_centre_field();
        pdu.extend(tpdu);
        self.queue_pdu(pdu, is_report)
    }

    /// Whether a number is this line's own, however it was dialled.
    fn is_own(&self, to: &Address) -> bool {
        let own = self.number.trim_start_matches('+');
        let dialled = to.value.trim_start_matches('0');
        !to.is_name() && dialled.len() >= 7 && (own.ends_with(dialled) || dialled.ends_with(own))
    }

    /// Takes a segment: remembers it, joins it, loops it back when it is for ourselves, and
    /// schedules its report after `extra_delay` more than the policy says.
    pub(crate) fn accept(
        &mut self,
        submit: Submit,
        tpdu: Vec<u8>,
        message_reference: u8,
        now: Instant,
        extra_delay: Duration,
    ) {
        let at = air::wall_clock();
        let to = submit.to.to_string();
        self.submitted += 1;
        self.join(&to, &submit, message_reference, at);
        if self.is_own(&submit.to) {
            let back = Deliver {
                from: Address::new(&self.number),
                pid: submit.pid,
                scts: Timestamp::now(self.zone_quarters).encode(),
                user_data: submit.user_data.clone(),
            };
            // Congestion at our own service centre loses a text to ourselves, as it would on the air.
            let _ = self.queue_tpdu(&back.encode(), false);
        }
        let by_itself = self.reports.automatic && self.due.len() < REPORTS_MAX;
        if submit.status_report && !by_itself {
            self.unreported.insert(self.submitted);
        } else if submit.status_report {
            let scts = Timestamp::now(self.zone_quarters).encode();
            let report = StatusReport {
                message_reference,
                recipient: submit.to.clone(),
                scts,
                discharge: scts,
                status: self.reports.status,
            };
            let due = now + self.reports.delay + extra_delay;
            self.due.insert((due, self.submitted), report);
        }
        if self.submissions.len() >= HISTORY_MAX
            && let Some(forgotten) = self.submissions.pop_front()
        {
            self.unreported.remove(&forgotten.number);
        }
        self.submissions.push_back(Submission {
            number: self.submitted,
            at,
            message_reference,
            to,
            tpdu,
            submit,
        });
    }

    fn join(&mut self, to: &str, submit: &Submit, message_reference: u8, at: SystemTime) {
        let data = &submit.user_data;
        let Some(Concatenation {
            reference,
            wide,
            total,
            sequence,
        }) = data.concatenation()
        else {
            self.remember(SentText {
                to: to.to_owned(),
                text: read(data.coding(), &data.body),
                parts: 1,
                at,
                message_references: vec![message_reference],
            });
            return;
        };
        let key = (to.to_owned(), reference, wide, total);
        if !self.unfinished.contains_key(&key) && self.unfinished.len() >= UNFINISHED_MAX {
            let oldest = self
                .unfinished
                .iter()
                .min_by_key(|(_, group)| group.born)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.unfinished.remove(&oldest);
            }
        }
        let group = self.unfinished.entry(key.clone()).or_default();
        if group.parts.is_empty() {
            group.born = self.submitted;
        }
        group.parts.insert(
            sequence,
            (data.coding(), message_reference, data.body.clone()),
        );
        if group.parts.len() < usize::from(total) {
            return;
        }
        let Some(group) = self.unfinished.remove(&key) else {
            return;
        };
        // Runs of one coding are joined before they are read: a surrogate pair may be cut.
        let mut text = String::new();
        let mut run: Vec<u8> = Vec::new();
        let mut run_coding = data.coding();
        for (coding, _, body) in group.parts.values() {
            if *coding != run_coding {
                text.push_str(&read(run_coding, &run));
                run.clear();
                run_coding = *coding;
            }
            run.extend(body);
        }
        text.push_str(&read(run_coding, &run));
        self.remember(SentText {
            to: to.to_owned(),
            text,
            parts: group.parts.len(),
            at,
            message_references: group.parts.values().map(|(_, mr, _)| *mr).collect(),
        });
    }

    fn remember(&mut self, text: SentText) {
        if self.sent.len() >= HISTORY_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(text);
        self.sent_count += 1;
    }

    /// Queues a report for an earlier submission; `false` when there is no such number.
    pub(crate) fn report(&mut self, submission: u64, status: u8) -> Result<bool, Congested> {
        let Some(taken) = self
            .submissions
            .iter()
            .find(|taken| taken.number == submission)
        else {
            return Ok(false);
        };
        let scts = Timestamp::now(self.zone_quarters).encode();
        let report = StatusReport {
            message_reference: taken.message_reference,
            recipient: taken.submit.to.clone(),
            scts,
            discharge: scts,
            status,
        };
        self.queue_tpdu(&report.encode(), true)?;
        self.unreported.remove(&submission);
        Ok(true)
    }

    /// Queues the reports that were asked for and did not come by themselves; says how many.
    pub(crate) fn report_withheld(&mut self, status: u8) -> Result<usize, Congested> {
        let withheld: Vec<u64> = self.unreported.iter().copied().collect();
        let mut reported = 0;
        for submission in withheld {
            reported += usize::from(self.report(submission, status)?);
        }
        Ok(reported)
    }

    /// Tries a text again then, behind whatever else waits.
    pub(crate) fn retry(&mut self, waiting: Waiting, at: Instant) {
        self.retries.push_back((at, waiting));
    }

    /// How many PDUs have not been handed over.
    pub(crate) fn backlog(&self) -> usize {
        self.waiting.len() + self.retries.len()
    }

    /// Moves reports and second tries whose time has come to the queue.
    pub(crate) fn release_due(&mut self, now: Instant) {
        while self.retries.front().is_some_and(|(at, _)| *at <= now) {
            self.waiting
                .extend(self.retries.pop_front().map(|(_, waiting)| waiting));
        }
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let report = entry.remove();
            // A congested service centre drops reports first.
            let _ = self.queue_tpdu(&report.encode(), true);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        let report = self.due.keys().next().map(|(due, _)| *due);
        let retry = self.retries.front().map(|(at, _)| *at);
        [report, retry].into_iter().flatten().min()
    }
}

fn read(coding: Coding, body: &[u8]) -> String {
    coding.to_text(body).unwrap_or_else(|| air::to_hex(body))
}
