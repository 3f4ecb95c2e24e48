//! A running modem, and everything a test or a bench can do to it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_serial::SerialStream;

use super::Settings;
use super::air::{self, Address, Deliver, Language, Timestamp, UserData};
use super::faults::{Draws, Faults};
use super::firmware::{Firmware, Heard, Mem};
use super::network::{Congested, ReportPolicy, SentText, Submission};
use super::port::Port;
use super::storage::Status;

/// Octets read from or written to the port at one time.
const CHUNK: usize = 4_096;
/// Octets that cross a port with a bit rate before the clock is looked at again.
const PACED_CHUNK: usize = 32;
/// Bits on the wire for one octet: start, eight, stop.
const BITS_PER_OCTET: u64 = 10;

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

struct Shared {
    firmware: Mutex<Firmware>,
    plug: Mutex<Plug>,
    /// Rung when the firmware or the plug was changed from outside.
    bell: Notify,
    /// Counts changes that someone may wait for.
    changes: watch::Sender<u64>,
    /// How many texts [`SimulatedModem::next_sent`] has told.
    told: Mutex<usize>,
    baud: Option<u32>,
    link: Option<PathBuf>,
}

/// Whether the port is to be there, and whether it is.
#[derive(Debug, Default)]
struct Plug {
    wanted: bool,
    path: Option<PathBuf>,
    /// Why it could not be opened again.
    failed: Option<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked left whole values behind: every change is made in one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Instant {
    // Tokio's clock, so that a test may pause it.
    tokio::time::Instant::now().into_std()
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
        let (port, stream) = Port::open(settings.link.as_deref())?;
        let shared = Arc::new(Shared {
            plug: Mutex::new(Plug {
                wanted: true,
                path: Some(port.path().to_owned()),
                failed: None,
            }),
            bell: Notify::new(),
            changes: watch::Sender::new(0),
            told: Mutex::new(0),
            baud: settings.baud,
            link: settings.link.clone(),
            firmware: Mutex::new(Firmware::new(settings, now())),
        });
        let runner = tokio::spawn(run(Arc::clone(&shared), Some((port, stream))));
        Ok(Self { shared, runner })
    }

    /// The terminal that programs open; an empty path while it is unplugged.
    pub fn port(&self) -> PathBuf {
        locked(&self.shared.plug).path.clone().unwrap_or_default()
    }

    /// The link, if one was asked for.
    pub fn link(&self) -> Option<PathBuf> {
        self.shared.link.clone()
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
            let reference = parts.reference.unwrap_or_else(|| network.next_reference());
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
        locked(&self.shared.firmware).network.waiting.len()
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

    // What it was asked.

    /// Every command line since it was started, oldest first (the last 10 000).
    pub fn heard(&self) -> Vec<Heard> {
        let firmware = locked(&self.shared.firmware);
        firmware.heard.iter().cloned().collect()
    }

    /// How many command lines it was given since it was started.
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
        self.with(|firmware| firmware.call(from));
    }

    /// Says one of the unsolicited codes that modems of this make scatter.
    pub fn chatter(&self, which: usize) {
        self.with(|firmware| firmware.chatter(which));
    }

    /// What goes wrong from now on; the draws begin again at the seed.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|firmware| firmware.set_faults(faults));
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

/// The streams of a port that is there.
struct Plugged {
    port: Port,
    from_terminal: ReadHalf<SerialStream>,
    to_terminal: WriteHalf<SerialStream>,
}

impl Plugged {
    fn new((port, stream): (Port, SerialStream)) -> Self {
        let (from_terminal, to_terminal) = tokio::io::split(stream);
        Self {
            port,
            from_terminal,
            to_terminal,
        }
    }
}

/// What woke the runner.
enum Woken {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Rung,
    Time,
}

async fn run(shared: Arc<Shared>, first: Option<(Port, SerialStream)>) {
    let mut plugged = first.map(Plugged::new);
    let mut back_at: Option<Instant> = None;
    let mut output: Vec<u8> = Vec::new();
    let mut input = vec![0u8; CHUNK];
    // When the simulated wire is free again in each direction.
    let (mut wire_in, mut wire_out) = (now(), now());
    loop {
        // Let time and changes from outside take effect.
        let (deadline, drop_for, can_receive) = {
            let mut firmware = locked(&shared.firmware);
            firmware.wake(now());
            if plugged.is_none() {
                firmware.port_lost();
            }
            firmware.take_output(&mut output, now());
            (
                firmware.next_deadline(),
                firmware.take_drop_port(now()),
                firmware.can_receive(),
            )
        };
        if plugged.is_none() {
            output.clear();
        }
        shared
            .changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));

        let wanted = locked(&shared.plug).wanted;
        if let Some(pause) = drop_for {
            back_at = Some(now() + pause);
        }
        let wanted_now = wanted && back_at.is_none_or(|at| at <= now());
        if !wanted_now && plugged.is_some() {
            if let (Some(plug), false) = (&mut plugged, output.is_empty()) {
                // What was said before the port went is still on the wire, if there is room for it.
                let _ = tokio::time::timeout(Duration::ZERO, plug.to_terminal.write(&output)).await;
            }
            // First the word, then the deed: whoever sees the end finds the port gone.
            locked(&shared.plug).path = None;
            plugged = None;
            continue;
        }
        if wanted_now && plugged.is_none() && locked(&shared.plug).failed.is_none() {
            back_at = None;
            match Port::open(shared.link.as_deref()) {
                Ok(pair) => {
                    locked(&shared.plug).path = Some(pair.0.path().to_owned());
                    plugged = Some(Plugged::new(pair));
                }
                Err(error) => locked(&shared.plug).failed = Some(error.to_string()),
            }
            continue;
        }

        let paced = shared.baud.is_some();
        let wire_free = |at: Instant| !paced || at <= now();
        let until = [
            deadline,
            back_at.filter(|_| wanted),
            (paced && !output.is_empty() && wire_out > now()).then_some(wire_out),
            (paced && wire_in > now()).then_some(wire_in),
        ]
        .into_iter()
        .flatten()
        .min();
        let sleep = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        let most = if paced { PACED_CHUNK } else { CHUNK };
        let woken = match &mut plugged {
            None => tokio::select! {
                () = shared.bell.notified() => Woken::Rung,
                () = sleep => Woken::Time,
            },
            Some(Plugged {
                from_terminal,
                to_terminal,
                ..
            }) => {
                let chunk = output.get(..output.len().min(most)).unwrap_or_default();
                let room = input.get_mut(..most).unwrap_or_default();
                tokio::select! {
                    biased;
                    written = to_terminal.write(chunk), if !chunk.is_empty() && wire_free(wire_out) => {
                        Woken::Written(written)
                    }
                    read = from_terminal.read(room), if can_receive && wire_free(wire_in) => Woken::Read(read),
                    () = shared.bell.notified() => Woken::Rung,
                    () = sleep => Woken::Time,
                }
            }
        };
        let crossing = |count: usize| {
            let bits = u64::try_from(count)
                .unwrap_or(u64::MAX)
                .saturating_mul(BITS_PER_OCTET);
            shared.baud.map_or(Duration::ZERO, |baud| {
                Duration::from_nanos(bits.saturating_mul(1_000_000_000) / u64::from(baud.max(1)))
            })
        };
        match woken {
            Woken::Rung | Woken::Time => {}
            Woken::Written(Ok(count)) => {
                output.drain(..count.min(output.len()));
                wire_out = wire_out.max(now()) + crossing(count);
            }
            Woken::Read(Ok(count)) if count > 0 => {
                wire_in = wire_in.max(now()) + crossing(count);
                let octets = input.get(..count).unwrap_or_default();
                locked(&shared.firmware).receive(octets, now());
                if let Some(plug) = &plugged {
                    plug.port.share();
                }
            }
            // The slave end is held open, so this is the terminal itself failing: open another.
            Woken::Read(_) | Woken::Written(Err(_)) => {
                locked(&shared.plug).path = None;
                plugged = None;
            }
        }
    }
}
