//! Which port speaks AT, and whose it is. Only what is named, or on the list below, is ever talked
//! to: an octet too many upsets more than modems.

use std::path::PathBuf;

use serde::Serialize;

use super::port::{OpenError, TtyPort, open_tty};
use super::usb::{Machine, UsbTty};

mod known;
mod probe;
mod seeker;

pub use probe::Identity;
pub use seeker::Claims;
pub(super) use seeker::Seeker;

use known::known;
use probe::{greet, identify};

/// Speeds of a UART, the likeliest first.
pub(super) const RATES: [u32; 5] = [115_200, 9_600, 57_600, 38_400, 460_800];

const HUAWEI: u16 = 0x12d1;

/// Whether a USB device is on the list of modems that may be talked to.
pub(super) fn is_known(vendor: u16, product: u16) -> bool {
    known(vendor, product).is_some()
}

/// A port worth probing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    tty: UsbTty,
    /// What carries calls or diagnostics last; else as the list has it, then ascending.
    rank: (bool, usize, u8),
}

impl Candidate {
    fn of(tty: UsbTty) -> Option<Self> {
        let rank = known(tty.device.vendor, tty.device.product)?.rank(tty.interface)?;
        // Huawei says what a port is for: 01 and 10 carry calls, 03 and 13 diagnostics.
        let is_aside =
            tty.device.vendor == HUAWEI && matches!(tty.protocol, 0x01 | 0x10 | 0x03 | 0x13);
        Some(Self {
            rank: (is_aside, rank, tty.interface),
            tty,
        })
    }

    fn usb_id(&self) -> String {
        self.tty.device.id()
    }
}

/// Every port that may be talked to, device by device, the best of each first.
fn candidates(machine: &Machine) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = machine
        .usb_ttys()
        .into_iter()
        .filter_map(Candidate::of)
        .collect();
    candidates.sort_by(|one, other| {
        let key = |candidate: &Candidate| (candidate.tty.device.place.clone(), candidate.rank);
        key(one).cmp(&key(other))
    });
    candidates
}

/// [`candidates`], read off the runtime's threads.
async fn candidates_now(machine: &Machine) -> Vec<Candidate> {
    let machine = machine.clone();
    let looked = tokio::task::spawn_blocking(move || candidates(&machine));
    looked.await.unwrap_or_default()
}

/// A port and what answered there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The port.
    pub path: PathBuf,
    /// USB vendor and product, `2c7c:0125`; empty for a port that is none of USB.
    pub usb_id: String,
    /// Where it is plugged in; ports with the same place are the same device's.
    pub place: Option<String>,
    /// The number of its interface.
    pub interface: Option<u8>,
    /// The modem, if it answered.
    pub modem: Option<Identity>,
    /// Why it did not, or why it is not used, in words.
    pub trouble: Option<String>,
}

/// A port of the configuration, to be listed as well: whoever named it wants it talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its path.
    pub path: PathBuf,
    /// Its speed.
    pub baud: u32,
}

/// Probes every allow-listed port of this machine, one after the other, and those that are named;
/// says what is there.
///
/// Ports held by another program, our own daemon among them, are listed with that trouble.
pub async fn list(named: &[Named]) -> Vec<Found> {
    list_on(&Machine::this(), named).await
}

/// [`list`], on any machine.
pub async fn list_on(machine: &Machine, named: &[Named]) -> Vec<Found> {
    let mut found = Vec::new();
    for candidate in candidates_now(machine).await {
        let (modem, trouble) = told(probe(&candidate.tty.path, 115_200).await);
        found.push(Found {
            usb_id: candidate.usb_id(),
            place: Some(candidate.tty.device.place),
            interface: Some(candidate.tty.interface),
            path: candidate.tty.path,
            modem,
            trouble,
        });
    }
    for Named { path, baud } in named {
        let tty = machine.usb_tty_at(path);
        let is_listed = |found: &Found| {
            found.path == *path || tty.as_ref().is_some_and(|tty| tty.path == found.path)
        };
        if found.iter().any(is_listed) {
            continue;
        }
        let (modem, trouble) = told(probe_at_any_rate(path, *baud, tty.is_some()).await);
        let device = tty.map(|tty| (tty.device, tty.interface));
        found.push(Found {
            path: path.clone(),
            usb_id: device
                .as_ref()
                .map_or_else(String::new, |(device, _)| device.id()),
            interface: device.as_ref().map(|(_, interface)| *interface),
            place: device.map(|(device, _)| device.place),
            modem,
            trouble,
        });
    }
    mark_twins(&mut found);
    found
}

/// The serial ports of this machine that [`list`] does not talk to, each with the reason.
pub async fn untried(named: &[Named]) -> Vec<Found> {
    let (machine, named) = (Machine::this(), named.to_vec());
    let looked = tokio::task::spawn_blocking(move || untried_on(&machine, &named));
    looked.await.unwrap_or_default()
}

fn untried_on(machine: &Machine, named: &[Named]) -> Vec<Found> {
    let on_usb = machine.usb_ttys().into_iter().filter_map(|tty| {
        let known = known(tty.device.vendor, tty.device.product);
        let trouble = match known.map(|known| known.rank(tty.interface)) {
            Some(Some(_)) => return None,
            Some(None) => "not tried: this interface of the modem speaks no AT".to_owned(),
            None => format!(
                "not tried: {} is no modem that is known; if it is one, name this port as `port` in \
                 the configuration",
                tty.device.id()
            ),
        };
        Some(Found {
            usb_id: tty.device.id(),
            place: Some(tty.device.place),
            interface: Some(tty.interface),
            path: tty.path,
            modem: None,
            trouble: Some(trouble),
        })
    });
    let on_board = machine.uarts().into_iter().map(|(path, is_debug)| Found {
        usb_id: String::new(),
        place: None,
        interface: None,
        path,
        modem: None,
        trouble: Some(
            if is_debug {
                "not tried: this is the debug connector of a Raspberry Pi 5; the pins of the header \
                 are /dev/ttyAMA0"
            } else {
                "not tried: anything may hang on a built-in port; if a modem does, name this port as \
                 `port` in the configuration"
            }
            .to_owned(),
        ),
    });
    let is_named = |found: &Found| {
        named.iter().any(|Named { path, .. }| {
            let real = path.canonicalize();
            *path == found.path || real.is_ok_and(|real| real == found.path)
        })
    };
    on_usb
        .chain(on_board)
        .filter(|found| !is_named(found))
        .collect()
}

fn told(probed: Result<Identity, String>) -> (Option<Identity>, Option<String>) {
    match probed {
        Ok(identity) => (Some(identity), None),
        Err(trouble) => (None, Some(trouble)),
    }
}

async fn probe(path: &std::path::Path, baud: u32) -> Result<Identity, String> {
    let mut port = open_tty(path, baud)
        .await
        .map_err(|error| error.to_string())?;
    let mut engine = greet(&mut port).await.map_err(str::to_owned)?;
    Ok(identify(&mut port, &mut engine).await)
}

/// A UART's speed is whatever somebody left it at; a USB port has none.
async fn probe_at_any_rate(
    path: &std::path::Path,
    baud: u32,
    is_usb: bool,
) -> Result<Identity, String> {
    let first = probe(path, baud).await;
    if is_usb
        || first
            .as_ref()
            .err()
            .is_none_or(|words| words != probe::MUTE)
    {
        return first;
    }
    for rate in RATES.into_iter().filter(|rate| *rate != baud) {
        if let Ok(identity) = probe(path, rate).await {
            return Ok(identity);
        }
    }
    Err(format!("{} at any speed", probe::MUTE))
}

/// Two devices with one IMEI: whichever is used, the other one's texts would be taken for its own.
fn mark_twins(found: &mut [Found]) {
    let claims: Vec<(String, Option<String>)> = found
        .iter()
        .filter_map(|found| {
            let imei = found.modem.as_ref()?.imei.clone()?;
            // Ports without a place are told apart by their path.
            let place = found.place.clone();
            Some((
                imei,
                place.or_else(|| Some(found.path.display().to_string())),
            ))
        })
        .collect();
    for found in found {
        let Some(imei) = found.modem.as_ref().and_then(|modem| modem.imei.as_ref()) else {
            continue;
        };
        let here = found
            .place
            .clone()
            .or_else(|| Some(found.path.display().to_string()));
        let other = claims
            .iter()
            .find(|(claimed, place)| claimed == imei && *place != here);
        if let Some((_, Some(place))) = other {
            found.trouble = Some(format!(
                "the modem at {place} claims the same IMEI: only one of them can be used; give one \
                 its own back, or take it away"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
