//! A running modem, and everything a test or a bench can do to it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::Settings;
use super::ailment::Ailment;
use super::air::{self, Address, Deliver, Language, Timestamp, UserData};
use super::faults::{Draws, Faults};
use super::firmware::{Firmware, Heard, Mem};
use super::network::{Congested, ReportPolicy, SentText, Submission};
use super::runner::{Shared, Socket, locked, now, run};
use super::storage::Status;

/// What was waited for did not happen in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} did not happen within {within:?}")]
pub struct TimedOut {
    /// What.
    pub what: String,
    /// How long it was waited for.
    pub within: Duration,
}

/// How a text of several parts comes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// A sixteen-bit reference in place of an eight-bit one.
    pub wide_reference: bool,
    /// The reference; `None` for the next unused one.
    pub reference: Option<u16>,
    /// Shuffles the parts by this seed; `None` leaves them in order.
    pub shuffle: Option<u64>,
    /// The time stamp; `None` for now.
    pub stamp: Option<Timestamp>,
    /// The language whose locking shift table it uses.
    pub locking: Option<Language>,
    /// The language whose single shift table it uses.
    pub single: Option<Language>,
    /// Lets surrogate pairs and escapes fall across two parts.
    pub cut_anywhere: bool,
    /// Parts, counted from 1 in the order of the text, that never come.
    pub without: Vec<u8>,
}

/// A message in the modem's memories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// `SM`, `ME` or `SR`.
    pub memory: &'static str,
    /// Its slot.
    pub index: usize,
    /// How it stands.
    pub status: Status,
    /// Service centre address and TPDU.
    pub pdu: Vec<u8>,
}

/// A modem on a pseudo-terminal. Dropping it takes the port and the link away.
pub struct SimulatedModem {
    shared: Arc<Shared>,
    runner: JoinHandle<()>,
}

impl fmt::Debug for SimulatedModem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedModem")
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

impl Drop for SimulatedModem {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

impl SimulatedModem {
    /// Plugs a modem in. It is switched on, registered and ready at once.
    ///
    /// # Errors
    ///
    /// When the system has no pseudo-terminal to give, or the link cannot be made.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let socket = Socket::Terminal(settings.link.clone());
        Self::start_in(socket, settings)
    }

    /// Plugs a modem into a port that only this process has: see [`Self::open`]. Nothing of it
    /// touches the system, so that it keeps pace with a paused clock.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn start_in_memory(settings: Settings) -> io::Result<Self> {
        Self::start_in(Socket::Memory, settings)
    }

    fn start_in(socket: Socket, settings: Settings) -> io::Result<Self> {
        let baud = settings.baud;
        let firmware = Firmware::new(settings, now());
        let shared = Arc::new(Shared::new(firmware, baud, socket));
        let plugged = shared.plug_in()?;
        let runner = tokio::spawn(run(Arc::clone(&shared), plugged));
        Ok(Self { shared, runner })
    }

    /// Opens a port in memory, as a program opens a terminal: its end, and the port's name, which
    /// is another one each time it was plugged in. Whoever had it open reads its end. `None` while
    /// it is unplugged, and for a modem on a terminal.
    pub fn open(&self) -> Option<(DuplexStream, PathBuf)> {
        self.shared.open()
    }

    /// The terminal that programs open; an empty path while it is unplugged.
    pub fn port(&self) -> PathBuf {
        locked(&self.shared.plug).path.clone().unwrap_or_default()
    }

    /// The link, if one was asked for.
    pub fn link(&self) -> Option<PathBuf> {
        match &self.shared.socket {
            Socket::Terminal(link) => link.clone(),
            Socket::Memory => None,
        }
    }

    /// The line's own number.
    pub fn number(&self) -> String {
        locked(&self.shared.firmware).network.number.clone()
    }

    fn with<T>(&self, change: impl FnOnce(&mut Firmware) -> T) -> T {
        let result = change(&mut locked(&self.shared.firmware));
        self.shared.bell.notify_one();
        result
    }

    // Texts in.

    /// A patron sends a text; a long one comes in parts, in order. Says the number of each PDU.
    ///
    /// # Errors
    ///
    /// [`Congested`] when too many PDUs wait already; parts queued before that stay queued.
    pub fn patron_texts(&self, from: &str, text: &str) -> Result<Vec<u64>, Congested> {
        self.deliver_parts(from, text, &Parts::default())
    }

    /// A patron sends a text whose parts come as `parts` says. Says the number of each PDU in the
    /// order in which they come.
    ///
    /// # Errors
    ///
    /// [`Congested`], as [`Self::patron_texts`].
    pub fn deliver_parts(
        &self,
        from: &str,
        text: &str,
        parts: &Parts,
    ) -> Result<Vec<u64>, Congested> {
        self.with(|firmware| {
            let network = &mut firmware.network;
            let reference = parts
                .reference
                .unwrap_or_else(|| network.next_reference(from));
            let stamp = parts
                .stamp
                .unwrap_or_else(|| Timestamp::now(network.zone_quarters));
            let whole = UserData::text_in(text, parts.locking, parts.single);
            let mut segments: Vec<Vec<u8>> =
                air::split_user_data(whole, reference, parts.wide_reference, parts.cut_anywhere)
                    .into_iter()
                    .zip(1u8..)
                    .filter(|(_, sequence)| !parts.without.contains(sequence))
                    .map(|(user_data, _)| {
                        Deliver {
                            from: Address::new(from),
                            pid: 0,
                            scts: stamp.encode(),
                            user_data,
                        }
                        .encode()
                    })
                    .collect();
            if let Some(seed) = parts.shuffle {
                Draws(seed).shuffle(&mut segments);
            }
            segments
                .iter()
                .map(|tpdu| network.queue_tpdu(tpdu, false))
                .collect()
        })
    }

    /// Something arrives just as it is: service centre address and TPDU in hexadecimal. It need not
    /// be readable. `None` when the text is not hexadecimal at all.
    ///
    /// # Errors
    ///
    /// [`Congested`], as [`Self::patron_texts`].
    pub fn deliver_pdu(&self, hex: &str) -> Result<Option<u64>, Congested> {
        match air::from_hex(hex.trim()) {
            Some(pdu) => self.with(|firmware| firmware.network.queue_pdu(pdu, false).map(Some)),
            None => Ok(None),
        }
    }

    /// PDUs that the network has not been able to hand over.
    pub fn waiting(&self) -> usize {
        locked(&self.shared.firmware).network.backlog()
    }

    /// Everything in the modem's memories.
    pub fn stored(&self) -> Vec<StoredMessage> {
        let firmware = locked(&self.shared.firmware);
        [Mem::Sim, Mem::Modem, Mem::Reports]
            .into_iter()
            .flat_map(|mem| {
                firmware
                    .messages(mem)
                    .into_iter()
                    .map(move |(index, message)| StoredMessage {
                        memory: mem.name(),
                        index,
                        status: message.status,
                        pdu: message.pdu,
                    })
            })
            .collect()
    }

    /// Another program deletes a message from `memory`: `SM`, `ME` or `SR`. `false` when none was
    /// in that slot.
    pub fn forget(&self, memory: &str, index: usize) -> bool {
        self.with(|firmware| firmware.forget(memory, index))
    }

    // What it was asked.

    /// Every command since it was started, oldest first (the last 10 000); those of one line one by
    /// one.
    pub fn heard(&self) -> Vec<Heard> {
        let firmware = locked(&self.shared.firmware);
        firmware.heard.iter().cloned().collect()
    }

    /// How many commands it was given since it was started.
    pub fn heard_count(&self) -> usize {
        locked(&self.shared.firmware).heard_count
    }

    // Texts out.

    /// Every text that left the modem whole, oldest first (the last 100 000).
    pub fn sent(&self) -> Vec<SentText> {
        locked(&self.shared.firmware)
            .network
            .sent
            .iter()
            .cloned()
            .collect()
    }

    /// How many texts left the modem whole since it was started.
    pub fn sent_count(&self) -> usize {
        locked(&self.shared.firmware).network.sent_count
    }

    /// Every segment the network took, oldest first (the last 100 000): one sent twice is here twice.
    pub fn submissions(&self) -> Vec<Submission> {
        locked(&self.shared.firmware)
            .network
            .submissions
            .iter()
            .cloned()
            .collect()
    }

    /// Waits until `count` texts have left, and returns them all.
    ///
    /// # Errors
    ///
    /// [`TimedOut`].
    pub async fn wait_until_sent(
        &self,
        count: usize,
        within: Duration,
    ) -> Result<Vec<SentText>, TimedOut> {
        self.wait_for(&format!("sending {count} texts"), within, |modem| {
            modem.sent_count() >= count
        })
        .await?;
        Ok(self.sent())
    }

    /// The next text that left, or leaves; each call goes on where the last one ended, so that every
    /// text is told once.
    ///
    /// # Errors
    ///
    /// [`TimedOut`]; the same text is waited for again by the next call.
    pub async fn next_sent(&self, within: Duration) -> Result<SentText, TimedOut> {
        let told = *locked(&self.shared.told);
        let what = format!("sending text {}", told + 1);
        self.wait_for(&what, within, |modem| modem.sent_count() > told)
            .await?;
        let text = {
            let firmware = locked(&self.shared.firmware);
            let network = &firmware.network;
            // The history is bounded: texts that it forgot cannot be told any more.
            let forgotten = network.sent_count - network.sent.len();
            network.sent.get(told.saturating_sub(forgotten)).cloned()
        };
        *locked(&self.shared.told) = told + 1;
        text.ok_or(TimedOut { what, within })
    }

    /// Waits until all memories together hold `count` messages or more; with a `count` of 0, until
    /// they are empty and nothing waits at the network.
    ///
    /// # Errors
    ///
    /// [`TimedOut`].
    pub async fn wait_until_stored(&self, count: usize, within: Duration) -> Result<(), TimedOut> {
        self.wait_for(&format!("storing {count} messages"), within, |modem| {
            let stored = modem.stored().len();
            if count == 0 {
                stored == 0 && modem.waiting() == 0
            } else {
                stored >= count
            }
        })
        .await
    }

    /// Waits until something is so, looking again whenever the modem has done anything.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], naming `what`.
    pub async fn wait_for(
        &self,
        what: &str,
        within: Duration,
        is_so: impl Fn(&Self) -> bool,
    ) -> Result<(), TimedOut> {
        let mut changes = self.shared.changes.subscribe();
        let waited = tokio::time::timeout(within, async {
            loop {
                changes.mark_unchanged();
                if is_so(self) {
                    return;
                }
                // The sender lives in `shared`, which `self` holds.
                let _ = changes.changed().await;
            }
        })
        .await;
        waited.map_err(|_| TimedOut {
            what: what.to_owned(),
            within,
        })
    }

    // The network's whims.

    /// Sends a status report for a submission by its number; `false` when there is none such.
    ///
    /// # Errors
    ///
    /// [`Congested`], as [`Self::patron_texts`].
    pub fn report(&self, submission: u64, status: u8) -> Result<bool, Congested> {
        self.with(|firmware| firmware.network.report(submission, status))
    }

    /// Sends the status reports that were asked for while they did not come by themselves, each
    /// once; says how many. A telephone that was off is on again.
    ///
    /// # Errors
    ///
    /// [`Congested`], as [`Self::patron_texts`]; reports queued before that stay queued.
    pub fn report_withheld(&self, status: u8) -> Result<usize, Congested> {
        self.with(|firmware| firmware.network.report_withheld(status))
    }

    /// What status reports say from now on, and when.
    pub fn set_reports(&self, policy: ReportPolicy) {
        self.with(|firmware| firmware.network.reports = policy);
    }

    /// `<stat>` of `+CREG`: 0 not registered, 1 home, 2 searching, 3 denied, 5 roaming.
    pub fn set_registration(&self, registration: u8) {
        self.with(|firmware| firmware.set_registration(registration));
    }

    /// `<rssi>` of `+CSQ`: 0 to 31, or 99 for unknown.
    pub fn set_signal(&self, signal: u8) {
        self.with(|firmware| {
            firmware.radio.signal = if signal <= 31 { signal } else { 99 };
        });
    }

    /// Takes the SIM out of its slot, or puts it back.
    pub fn set_sim_inserted(&self, inserted: bool) {
        self.with(|firmware| firmware.sim.inserted = inserted);
    }

    /// Tries that are left for the PIN.
    pub fn pin_tries_left(&self) -> u8 {
        locked(&self.shared.firmware).sim.pin_tries
    }

    /// Someone calls: `RING`, and `+CLIP` if it was asked for.
    pub fn call(&self, from: &str) {
        self.with(|firmware| firmware.call_at(from, now()));
    }

    /// Says one of the unsolicited codes that modems of this make scatter.
    pub fn chatter(&self, which: usize) {
        self.with(|firmware| firmware.chatter(which));
    }

    /// What goes wrong from now on; the draws begin again at the seed.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|firmware| firmware.set_faults(faults));
    }

    /// Falls ill: see [`Ailment`] for how long.
    pub fn suffers(&self, ailment: Ailment) {
        self.with(|firmware| firmware.suffer(ailment, now()));
    }

    /// Is well again: every lasting ailment ends.
    pub fn recovers(&self) {
        self.with(Firmware::recover);
    }

    /// How long the network takes to answer a send.
    pub fn set_send_latency(&self, latency: Duration) {
        self.with(|firmware| firmware.set_send_latency(latency));
    }

    /// Refuses the next sends with these `+CMS ERROR` codes, one each.
    pub fn fail_next_sends(&self, codes: &[u16]) {
        self.with(|firmware| firmware.fail_next_sends(codes));
    }

    /// Refuses every send to a number, written as it is dialled, with a `+CMS ERROR` code.
    pub fn refuse_number(&self, to: &str, code: u16) {
        self.with(|firmware| firmware.network.refused_numbers.insert(to.to_owned(), code));
    }

    /// Takes the next text and never says so: no `+CMGS`, no final result code.
    pub fn hold_result_of_next_send(&self) {
        self.with(Firmware::hold_result_of_next_send);
    }

    // Plug and power.

    /// Pulls the plug: whoever has the port open sees end of file, and the link is gone. The modem
    /// stays powered and keeps receiving.
    pub async fn unplug(&self) {
        locked(&self.shared.plug).wanted = false;
        self.shared.bell.notify_one();
        // The runner closes the port on the bell; a day stands for "always".
        let _ = self
            .wait_for("unplugging", Duration::from_secs(86_400), |modem| {
                locked(&modem.shared.plug).path.is_none()
            })
            .await;
    }

    /// Plugs it in again: a new terminal, the same link.
    ///
    /// # Errors
    ///
    /// When the system has no pseudo-terminal to give, or the link cannot be made.
    pub async fn replug(&self) -> io::Result<PathBuf> {
        {
            let mut plug = locked(&self.shared.plug);
            plug.wanted = true;
            plug.failed = None;
        }
        self.shared.bell.notify_one();
        let _ = self
            .wait_for("plugging in", Duration::from_secs(86_400), |modem| {
                let plug = locked(&modem.shared.plug);
                plug.path.is_some() || plug.failed.is_some()
            })
            .await;
        let plug = locked(&self.shared.plug);
        match (&plug.path, &plug.failed) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(why)) => Err(io::Error::other(why.clone())),
            (None, None) => Err(io::Error::other("the port did not come back")),
        }
    }

    /// Switches it off and on: settings and half-said things are gone, memories stay. A USB modem's
    /// port goes away and comes back (see [`super::Profile::restart_drops_port`]).
    pub fn power_cycle(&self) {
        self.with(|firmware| firmware.restart(now()));
    }
}
