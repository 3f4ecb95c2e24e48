//! One line's search for its modem, again and again: where it was last, then wherever it may be.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::probe::{Identity, ask_imei, greet, identify};
use super::{Candidate, OpenError, TtyPort, candidates_now, open_tty};
use crate::modem::port::Opened;
use crate::modem::restart::Whereabouts;
use crate::modem::usb::{Machine, UsbTty};
use crate::modem::{Place, PortChoice};

/// Which line drives which modem: two that claim one identity cannot both be driven.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<String, (String, PathBuf)>>);

impl Claims {
    /// Enters the claim of `line`; or says where another line drives a modem of that IMEI.
    fn enter(&self, imei: &str, line: &str, port: &Path) -> Result<(), PathBuf> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match claims.get(imei) {
            Some((other, there)) if other != line => Err(there.clone()),
            Some(_) | None => {
                claims.insert(imei.to_owned(), (line.to_owned(), port.to_owned()));
                Ok(())
            }
        }
    }

    fn withdraw(&self, line: &str) {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|_, (claimed_by, _)| claimed_by != line);
    }
}

/// Where one line's modem is sought.
pub(crate) struct Seeker {
    line: String,
    machine: Machine,
    /// The IMEI of the configuration: this modem and no other.
    wanted: Option<String>,
    claims: Arc<Claims>,
    /// Where it was last.
    known: Option<Place>,
    /// What is open, or was last.
    current: Option<(PathBuf, Option<UsbTty>)>,
    /// Ports that turned out to be no use, to be tried last.
    shunned: Vec<PathBuf>,
}

impl std::fmt::Debug for Seeker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seeker")
            .field("line", &self.line)
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

impl Drop for Seeker {
    fn drop(&mut self) {
        self.claims.withdraw(&self.line);
    }
}

impl Seeker {
    pub(crate) fn new(
        line: String,
        machine: Machine,
        wanted: Option<String>,
        known: Option<Place>,
        claims: Arc<Claims>,
    ) -> Self {
        Self {
            line,
            machine,
            wanted,
            claims,
            known,
            current: None,
            shunned: Vec::new(),
        }
    }

    /// Opens what the line is configured for.
    pub(crate) async fn open(
        &mut self,
        choice: &PortChoice,
        baud: u32,
    ) -> Result<Opened<TtyPort>, OpenError> {
        self.claims.withdraw(&self.line);
        let (port, path, tty) = match choice {
            PortChoice::Auto => self.seek(baud).await?,
            PortChoice::Path(path) => self.open_named(path, baud).await?,
        };
        self.current = Some((path.clone(), tty));
        Ok(Opened {
            port,
            path: Some(path),
        })
    }

    /// The modem on the port that is open has said who it is: where that is, when it is news.
    pub(crate) fn identified(&mut self, imei: &str) -> Result<Option<Place>, OpenError> {
        let Some((path, tty)) = &self.current else {
            return Ok(None);
        };
        if let Err(there) = self.claims.enter(imei, &self.line, path) {
            return Err(OpenError::Twins {
                imei: imei.to_owned(),
                here: path.clone(),
                there,
            });
        }
        let Some(tty) = tty else {
            return Ok(None);
        };
        let place = Place {
            imei: imei.to_owned(),
            place: tty.device.place.clone(),
            interface: tty.interface,
        };
        let is_news = self.known.as_ref() != Some(&place);
        self.known = Some(place.clone());
        Ok(is_news.then_some(place))
    }

    /// Nothing answered there: another port first, next time.
    pub(crate) fn unanswered(&mut self) {
        if let Some((path, _)) = &self.current
            && !self.shunned.contains(path)
        {
            self.shunned.push(path.clone());
        }
    }

    /// Texts arrive, and no hint of them on the port that is open: whether another port of the same
    /// modem is worth a try.
    pub(crate) fn has_other_port(&mut self) -> bool {
        let Some((path, Some(tty))) = self.current.clone() else {
            return false;
        };
        if !self.shunned.contains(&path) {
            self.shunned.push(path);
        }
        // A few files of /sys, and this is asked a handful of times in a line's life.
        super::candidates(&self.machine).iter().any(|candidate| {
            candidate.tty.device.place == tty.device.place
                && !self.shunned.contains(&candidate.tty.path)
        })
    }

    pub(crate) fn whereabouts(&self, choice: &PortChoice) -> Whereabouts {
        let named = match choice {
            PortChoice::Path(path) => Some(path.clone()),
            PortChoice::Auto => None,
        };
        let port = self
            .current
            .as_ref()
            .map(|(path, _)| path.clone())
            .or(named);
        let last = self.current.as_ref().and_then(|(_, tty)| tty.as_ref());
        let place = last
            .map(|tty| tty.device.place.clone())
            .or_else(|| self.known.as_ref().map(|known| known.place.clone()));
        let usb = place.and_then(|place| self.machine.name_at(&place));
        Whereabouts {
            port,
            is_there: usb.as_ref().map(|name| self.machine.device(name).is_some()),
            usb,
            tries: 0,
        }
    }

    /// Finds the modem among the allow-listed ports.
    async fn seek(&mut self, baud: u32) -> Result<(TtyPort, PathBuf, Option<UsbTty>), OpenError> {
        let mut candidates = candidates_now(&self.machine).await;
        if candidates.is_empty() {
            return Err(OpenError::NoneFound);
        }
        if candidates
            .iter()
            .all(|candidate| self.shunned.contains(&candidate.tty.path))
        {
            self.shunned.clear();
        }
        // Where it was comes first; the sort is stable, so the table's order stays otherwise.
        candidates.sort_by_key(|candidate| {
            let known = self.known.as_ref();
            let is_place = known.is_some_and(|known| known.place == candidate.tty.device.place);
            let is_port =
                is_place && known.is_some_and(|known| known.interface == candidate.tty.interface);
            (
                self.shunned.contains(&candidate.tty.path),
                !is_place,
                !is_port,
            )
        });
        let devices: usize = {
            let mut places: Vec<&str> = candidates
                .iter()
                .map(|candidate| candidate.tty.device.place.as_str())
                .collect();
            places.sort_unstable();
            places.dedup();
            places.len()
        };
        let mut tried = Tried::default();
        let mut met: Vec<Met> = Vec::new();
        for candidate in candidates {
            let place = candidate.tty.device.place.clone();
            // One answering port of a device tells who it is.
            if met.iter().any(|met| met.place() == place && met.is_settled) {
                continue;
            }
            let is_last_known = self.is_last_known(&candidate.tty);
            match self.visit(&candidate, baud, is_last_known).await {
                Ok((port, identity)) => {
                    let imei = identity.imei.clone().unwrap_or_default();
                    if is_last_known && self.is_sought(&imei) {
                        return Ok((port, candidate.tty.path.clone(), Some(candidate.tty)));
                    }
                    if self.wanted.as_ref().is_some_and(|wanted| *wanted != imei) {
                        tried.note(&candidate, "is another modem than `imei` names");
                    }
                    let reads_texts =
                        !identity.memories.is_empty() || identity.sim.as_deref() != Some("READY");
                    met.push(Met {
                        // Without another device nobody else can claim to be this one.
                        port: (devices == 1 && reads_texts).then_some(port),
                        is_settled: reads_texts,
                        candidate,
                        imei,
                    });
                    if devices == 1 && reads_texts {
                        break;
                    }
                }
                Err(trouble) => tried.note(&candidate, &trouble),
            }
        }
        let chosen = self.choose(&mut met)?;
        let Some(chosen) = chosen else {
            return Err(OpenError::NoneAnswers { tried: tried.words });
        };
        let port = match chosen.port {
            Some(port) => port,
            None => open_tty(&chosen.candidate.tty.path, baud).await?,
        };
        let tty = chosen.candidate.tty;
        Ok((port, tty.path.clone(), Some(tty)))
    }

    /// The modem that is meant, among those that answered.
    fn choose(&self, met: &mut Vec<Met>) -> Result<Option<Met>, OpenError> {
        let is_meant = |met: &Met| match (&self.wanted, &self.known) {
            (Some(wanted), _) => met.imei == *wanted,
            (None, Some(known)) => met.imei == known.imei,
            (None, None) => true,
        };
        let place = met
            .iter()
            .position(|met| is_meant(met) && met.is_settled)
            .or_else(|| met.iter().position(is_meant))
            // Another modem in its place is as good, unless the configuration says which.
            .or_else(|| (self.wanted.is_none() && !met.is_empty()).then_some(0));
        let Some(place) = place else {
            return Ok(None);
        };
        let chosen = met.swap_remove(place);
        let twin = met
            .iter()
            .find(|other| other.place() != chosen.place() && other.imei == chosen.imei);
        if let Some(twin) = twin
            && !chosen.imei.is_empty()
        {
            return Err(OpenError::Twins {
                imei: chosen.imei,
                here: chosen.candidate.tty.path,
                there: twin.candidate.tty.path.clone(),
            });
        }
        Ok(Some(chosen))
    }

    /// Opens the port that is named; or, when the modem that was there is elsewhere by now, that.
    async fn open_named(
        &mut self,
        path: &Path,
        baud: u32,
    ) -> Result<(TtyPort, PathBuf, Option<UsbTty>), OpenError> {
        let here = self.machine.usb_tty_at(path);
        if let Some(known) = self.known.clone() {
            let is_here = here
                .as_ref()
                .is_some_and(|tty| tty.device.place == known.place);
            if !is_here && let Some(found) = self.follow(&known, baud).await {
                return Ok(found);
            }
        }
        if let Some(console) = self.machine.console_at(path) {
            return Err(OpenError::Console {
                path: path.to_owned(),
                console,
            });
        }
        let port = open_tty(path, baud).await?;
        Ok((port, path.to_owned(), here))
    }

    /// Looks for a modem whose port has another name by now. Only devices on the list are talked
    /// to: this one was named, its neighbours were not.
    async fn follow(
        &mut self,
        known: &Place,
        baud: u32,
    ) -> Option<(TtyPort, PathBuf, Option<UsbTty>)> {
        let mut candidates = candidates_now(&self.machine).await;
        candidates.sort_by_key(|candidate| {
            let is_place = candidate.tty.device.place == known.place;
            (
                !is_place,
                !(is_place && candidate.tty.interface == known.interface),
            )
        });
        let mut strangers: Vec<String> = Vec::new();
        for candidate in candidates {
            if strangers.contains(&candidate.tty.device.place) {
                continue;
            }
            let Ok((port, identity)) = self.visit(&candidate, baud, true).await else {
                continue;
            };
            if identity.imei.as_deref() == Some(&known.imei) {
                tracing::info!(
                    path = %candidate.tty.path.display(),
                    "the modem is on another port by now; following it"
                );
                return Some((port, candidate.tty.path.clone(), Some(candidate.tty)));
            }
            strangers.push(candidate.tty.device.place);
        }
        None
    }

    /// Opens a port, greets whoever is there, and asks who it is.
    async fn visit(
        &self,
        candidate: &Candidate,
        baud: u32,
        briefly: bool,
    ) -> Result<(TtyPort, Identity), String> {
        let mut port = match open_tty(&candidate.tty.path, baud).await {
            Ok(port) => port,
            Err(OpenError::Busy { holder, .. }) => return Err(format!("held by {holder}")),
            Err(OpenError::Forbidden { .. }) => {
                return Err("may not be opened: add this user to the group `dialout`".into());
            }
            Err(error) => return Err(error.to_string()),
        };
        let mut engine = greet(&mut port).await.map_err(str::to_owned)?;
        let identity = if briefly {
            Identity {
                imei: ask_imei(&mut port, &mut engine).await,
                ..Identity::default()
            }
        } else {
            identify(&mut port, &mut engine).await
        };
        Ok((port, identity))
    }

    fn is_last_known(&self, tty: &UsbTty) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| {
            known.place == tty.device.place && known.interface == tty.interface
        })
    }

    fn is_sought(&self, imei: &str) -> bool {
        match (&self.wanted, &self.known) {
            (Some(wanted), _) => imei == wanted,
            (None, Some(known)) => imei == known.imei,
            (None, None) => true,
        }
    }
}

/// A modem that answered.
struct Met {
    candidate: Candidate,
    imei: String,
    /// Kept open, where it is surely the one.
    port: Option<TtyPort>,
    /// Texts can be read there, as far as can be told yet.
    is_settled: bool,
}

impl Met {
    fn place(&self) -> &str {
        &self.candidate.tty.device.place
    }
}

/// What was tried in vain, in words.
#[derive(Default)]
struct Tried {
    words: String,
}

impl Tried {
    fn note(&mut self, candidate: &Candidate, trouble: &str) {
        let separator = if self.words.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(
            self.words,
            "{separator}{}: {trouble}",
            candidate.tty.path.display()
        );
    }
}
