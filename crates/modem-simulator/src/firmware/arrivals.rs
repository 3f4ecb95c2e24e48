//! From the network to the terminal: storing, `+CMTI`, `+CMT`, `+CDS` and their acknowledgement
//! (TS 27.005 §3.4.1, §3.4.4; TS 23.038 §4 for classes).

use std::time::Instant;

use super::super::air::{self, message_class};
use super::super::faults::Kind;
use super::super::network::Waiting;
use super::super::storage::{Status, Stored};
use super::messages::Mem;
use super::text_mode::Shown;
use super::{Firmware, Unacknowledged};

/// What is done with an arriving PDU.
enum Route {
    /// Into this memory, with this code before its number.
    Store(Mem, Option<&'static str>),
    /// To the terminal, as `+CMT` or `+CDS`.
    HandOn,
    /// Nowhere: the terminal asked for no reports.
    Drop,
}

impl Firmware {
    /// Takes from the network what it can.
    pub(super) fn deliver_waiting(&mut self) {
        while self.reachable() {
            let Some(waiting) = self.network.waiting.pop_front() else {
                return;
            };
            if let Err(waiting) = self.deliver(waiting) {
                self.network.waiting.push_front(waiting);
                return;
            }
        }
    }

    fn reachable(&self) -> bool {
        // A text handed on must be acknowledged before the next (TS 27.005 §3.4.1).
        self.boots_at.is_none()
            && self.sim_ready_at.is_none()
            && self.silent_until.is_none()
            && self.unacknowledged.is_none()
            && self.sim.is_open()
            && self.radio.has_service()
    }

    fn deliver(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        let tpdu = air::take_service_centre(&waiting.pdu).map_or(&[][..], |(_, tpdu)| tpdu);
        let shown = Shown::of(tpdu, false);
        match self.route(&shown, waiting.is_report) {
            Route::Drop => Ok(()),
            Route::HandOn => {
                self.hand_on(waiting, &shown);
                Ok(())
            }
            Route::Store(..) if self.ailing.drops_text() => {
                self.indication(b"+CMTI: ,-1");
                Ok(())
            }
            Route::Store(..) if self.fate.strikes(Kind::NotStored) => {
                self.indication(b"+CMTI: ,-1");
                // Nothing was acknowledged: the network tries again.
                let at = self.now + self.fate.faults().pause;
                self.network.retry(waiting, at);
                Ok(())
            }
            Route::Store(mem, code) => {
                let copy = waiting.pdu.clone();
                let stored = Stored {
                    pdu: waiting.pdu,
                    status: Status::ReceivedUnread,
                };
                match self.store(mem, stored) {
                    Ok(index) => {
                        let pdu = air::to_hex(&copy);
                        tracing::trace!(memory = mem.name(), index, pdu, "stored");
                        self.memory_full = false;
                        let now = self.now;
                        if let Some((real, slot)) = self.locate(mem, index) {
                            let late = self.fate.strikes(Kind::ListsLate);
                            let by = late.then(|| self.fate.faults().pause);
                            self.ailing.stored(real, slot, by, now);
                        }
                        if let Some(code) = code
                            && !self.fate.strikes(Kind::Unannounced)
                        {
                            let lie = self.fate.strikes(Kind::Misnamed).then(|| match mem {
                                Mem::Sim => Mem::Modem.name().to_owned(),
                                Mem::Modem | Mem::Both | Mem::Reports => Mem::Sim.name().to_owned(),
                            });
                            let name = self.ailing.misname().or(lie);
                            let name = name.as_deref().unwrap_or(mem.name());
                            self.indication(format!("{code}: \"{name}\",{index}").as_bytes());
                        }
                        if !waiting.is_report && self.fate.strikes(Kind::Redelivered) {
                            // The acknowledgement was lost: the network tries again.
                            let _ = self.network.queue_pdu(copy, false);
                        }
                        Ok(())
                    }
                    Err(stored) => {
                        if !self.memory_full {
                            self.memory_full = true;
                            if !self.profile.full.is_empty() {
                                self.code(self.profile.full.as_bytes());
                            }
                        }
                        Err(Waiting {
                            pdu: stored.pdu,
                            ..waiting
                        })
                    }
                }
            }
        }
    }

    fn route(&self, shown: &Shown, is_report: bool) -> Route {
        let [_, deliver, _, report, _] = self.terms.indications;
        let [_, _, chosen] = self.terms.memories;
        let into = self.ailing.detour().unwrap_or(chosen);
        if is_report || matches!(shown, Shown::Report(..)) {
            let into = if self.profile.separate_reports {
                Mem::Reports
            } else {
                into
            };
            return match report {
                1 => Route::HandOn,
                2 => Route::Store(into, Some("+CDSI")),
                _ => Route::Drop,
            };
        }
        let class = match shown {
            Shown::Deliver(_, text) => message_class(text.user_data.dcs),
            Shown::Submit(..) | Shown::Report(..) | Shown::Unreadable => None,
        };
        match (deliver, class) {
            // Class 2 belongs to the SIM whatever the terminal asked for.
            (0, Some(2)) => Route::Store(Mem::Sim, None),
            (_, Some(2)) => Route::Store(Mem::Sim, Some("+CMTI")),
            (0, _) => Route::Store(into, None),
            (1, _) | (3, None | Some(0 | 1)) => Route::Store(into, Some("+CMTI")),
            _ => Route::HandOn,
        }
    }

    fn hand_on(&mut self, waiting: Waiting, shown: &Shown) {
        let (_, tpdu) = air::take_service_centre(&waiting.pdu).unwrap_or((None, &[]));
        let length = tpdu.len();
        let hex = air::to_hex(&waiting.pdu);
        let line = match shown {
            Shown::Deliver(first, deliver) if self.terms.text_mode => {
                self.handed_on(*first, deliver)
            }
            Shown::Report(first, report) if self.terms.text_mode => {
                let mut line = b"+CDS: ".to_vec();
                line.extend(self.report_fields(*first, report));
                line
            }
            Shown::Report(..) => format!("+CDS: {length}\r\n{hex}").into_bytes(),
            _ => format!("+CMT: ,{length}\r\n{hex}").into_bytes(),
        };
        self.indication(&line);
        if self.terms.service == 1 {
            self.unacknowledged = Some(Unacknowledged {
                waiting,
                until: self.now + self.settings.acknowledge_within,
            });
        }
    }

    /// Too late: the network hears an error and keeps the text, and routing to the terminal ends
    /// (TS 27.005 §3.4.4).
    pub(super) fn expire_unacknowledged(&mut self) {
        let now: Instant = self.now;
        if self
            .unacknowledged
            .as_ref()
            .is_none_or(|text| text.until > now)
        {
            return;
        }
        if let Some(text) = self.unacknowledged.take() {
            self.network.waiting.push_front(text.waiting);
        }
        let [_, deliver, _, report, _] = &mut self.terms.indications;
        (*deliver, *report) = (0, 0);
    }
}
