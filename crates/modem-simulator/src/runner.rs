//! The task behind a simulated modem: its port, its wire's speed, its clock.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, watch};

use super::firmware::Firmware;
use super::port::Port;

/// Octets read from or written to the port at one time.
const CHUNK: usize = 4_096;
/// Octets that cross a port with a bit rate before the clock is looked at again.
const PACED_CHUNK: usize = 32;
/// Bits on the wire for one octet: start, eight, stop.
const BITS_PER_OCTET: u64 = 10;
/// Octets on their way through an in-memory port; a terminal takes about as many.
const PIPE_MAX: usize = 4_096;

/// What the modem is plugged into.
#[derive(Debug)]
pub(super) enum Socket {
    /// A pseudo-terminal, and a link to it.
    Terminal(Option<PathBuf>),
    /// Pipes within this process.
    Memory,
}

pub(super) struct Shared {
    pub(super) firmware: Mutex<Firmware>,
    pub(super) plug: Mutex<Plug>,
    /// Rung when the firmware or the plug was changed from outside.
    pub(super) bell: Notify,
    /// Counts changes that someone may wait for.
    pub(super) changes: watch::Sender<u64>,
    /// How many texts [`super::SimulatedModem::next_sent`] has told.
    pub(super) told: Mutex<usize>,
    pub(super) baud: Option<u32>,
    pub(super) socket: Socket,
}

/// Whether the port is to be there, and whether it is.
#[derive(Debug, Default)]
pub(super) struct Plug {
    pub(super) wanted: bool,
    pub(super) path: Option<PathBuf>,
    /// Why it could not be opened again.
    pub(super) failed: Option<String>,
    /// Our end of a pipe that a program has just opened.
    knock: Option<DuplexStream>,
    /// How often it was plugged in: the kernel gives the next free name.
    plugged_in: u32,
}

impl Shared {
    pub(super) fn new(firmware: Firmware, baud: Option<u32>, socket: Socket) -> Self {
        Self {
            firmware: Mutex::new(firmware),
            plug: Mutex::new(Plug {
                wanted: true,
                ..Plug::default()
            }),
            bell: Notify::new(),
            changes: watch::Sender::new(0),
            told: Mutex::new(0),
            baud,
            socket,
        }
    }

    /// Opens the in-memory port: the program's end, and the port's name. An earlier program's end
    /// reads as closed from then on. `None` while it is unplugged, or is a terminal.
    pub(super) fn open(&self) -> Option<(DuplexStream, PathBuf)> {
        let mut plug = locked(&self.plug);
        let (Some(path), Socket::Memory) = (plug.path.clone(), &self.socket) else {
            return None;
        };
        let (theirs, ours) = tokio::io::duplex(PIPE_MAX);
        plug.knock = Some(ours);
        drop(plug);
        self.bell.notify_one();
        Some((theirs, path))
    }

    /// Puts the port in its place.
    pub(super) fn plug_in(&self) -> io::Result<Plugged> {
        match &self.socket {
            Socket::Terminal(link) => {
                let (port, stream) = Port::open(link.as_deref())?;
                locked(&self.plug).path = Some(port.path().to_owned());
                Ok(Plugged {
                    port: Some(port),
                    wire: Some(tokio::io::split(Box::new(stream))),
                })
            }
            Socket::Memory => {
                let mut plug = locked(&self.plug);
                plug.path = Some(format!("/dev/ttyUSB{}", plug.plugged_in).into());
                plug.plugged_in = plug.plugged_in.wrapping_add(1);
                Ok(Plugged {
                    port: None,
                    wire: None,
                })
            }
        }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked left whole values behind: every change is made in one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn now() -> Instant {
    // Tokio's clock, so that a test may pause it.
    tokio::time::Instant::now().into_std()
}

/// What carries the octets.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

type Wire = (ReadHalf<Box<dyn Carrier>>, WriteHalf<Box<dyn Carrier>>);

/// A port that is there.
pub(super) struct Plugged {
    port: Option<Port>,
    /// `None` while no program has an in-memory port open: what is said then is lost.
    wire: Option<Wire>,
}

/// What woke the runner.
enum Woken {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Rung,
    Time,
}

pub(super) async fn run(shared: std::sync::Arc<Shared>, first: Plugged) {
    let mut plugged = Some(first);
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
        if let (Some(plugged), Some(ours)) = (&mut plugged, locked(&shared.plug).knock.take()) {
            let carrier: Box<dyn Carrier> = Box::new(ours);
            plugged.wire = Some(tokio::io::split(carrier));
        }
        if plugged
            .as_ref()
            .is_none_or(|plugged| plugged.wire.is_none())
        {
            output.clear();
        }
        shared
            .changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));

        let wanted = locked(&shared.plug).wanted;
        if let Some(pause) = drop_for {
            back_at = Some(now() + pause);
        }
        // Even a pause of no length takes the port away once.
        let wanted_now = wanted && drop_for.is_none() && back_at.is_none_or(|at| at <= now());
        if !wanted_now && plugged.is_some() {
            if let Some(Plugged {
                wire: Some((_, to_program)),
                ..
            }) = &mut plugged
                && !output.is_empty()
            {
                // What was said before the port went is still on the wire, if there is room for it.
                let _ = tokio::time::timeout(Duration::ZERO, to_program.write(&output)).await;
            }
            // First the word, then the deed: whoever sees the end finds the port gone.
            let mut plug = locked(&shared.plug);
            plug.path = None;
            plug.knock = None;
            drop(plug);
            plugged = None;
            continue;
        }
        if wanted_now && plugged.is_none() && locked(&shared.plug).failed.is_none() {
            back_at = None;
            match shared.plug_in() {
                Ok(back) => plugged = Some(back),
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
            Some(Plugged {
                wire: Some((from_program, to_program)),
                ..
            }) => {
                let chunk = output.get(..output.len().min(most)).unwrap_or_default();
                let room = input.get_mut(..most).unwrap_or_default();
                tokio::select! {
                    biased;
                    written = to_program.write(chunk), if !chunk.is_empty() && wire_free(wire_out) => {
                        Woken::Written(written)
                    }
                    read = from_program.read(room), if can_receive && wire_free(wire_in) => Woken::Read(read),
                    () = shared.bell.notified() => Woken::Rung,
                    () = sleep => Woken::Time,
                }
            }
            Some(Plugged { wire: None, .. }) | None => tokio::select! {
                () = shared.bell.notified() => Woken::Rung,
                () = sleep => Woken::Time,
            },
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
                if let Some(Plugged {
                    port: Some(port), ..
                }) = &plugged
                {
                    port.share();
                }
            }
            Woken::Read(_) | Woken::Written(Err(_)) => match (&shared.socket, &mut plugged) {
                // The program has closed its end.
                (Socket::Memory, Some(plugged)) => plugged.wire = None,
                // The slave end is held open, so this is the terminal itself failing: open another.
                (Socket::Memory, None) | (Socket::Terminal(_), _) => {
                    locked(&shared.plug).path = None;
                    plugged = None;
                }
            },
        }
    }
}
