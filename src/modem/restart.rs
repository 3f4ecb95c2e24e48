//! Restarting a modem from outside its port: rungs 5 and 6 of the ladder.
//!
//! What can do it differs from box to box: the kernel's switches in `/sys`, a power key on a HAT,
//! a helper that may do what the daemon may not. Each is a [`Restarter`]; a line is given those
//! that its box has.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long one way may take. The longest are a power key's: log off, stay dark, boot.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a modem is, as far as its port's opener knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The port it was last on, or is configured for.
    pub port: Option<PathBuf>,
    /// Its USB device's name in `/sys/bus/usb/devices`: `1-1.3`.
    pub usb: Option<String>,
    /// Whether that device is there now; `None` where nobody can tell.
    pub is_there: Option<bool>,
    /// How often it was restarted in this trouble before.
    pub tries: u32,
}

/// Why a way to restart a modem was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestartError {
    /// It does not reach this modem: a UART has no USB device, a hub no switch.
    #[error("it does not reach this modem")]
    OutOfReach,
    /// It was tried, or should have been: what failed, and what to do.
    #[error("{0}")]
    Failed(String),
}

/// A way to restart a modem.
pub trait Restarter: Send + Sync {
    /// As the log calls it: `the power key`.
    fn name(&self) -> String;

    /// Restarts the modem; may block for up to a minute and a half, on a thread of its own.
    ///
    /// # Errors
    /// See [`RestartError`]; then the next way is tried.
    fn restart(&self, modem: &Whereabouts) -> Result<(), RestartError>;
}

/// Tries the ways in turn until one succeeds. The error says why none did, if there is more to say
/// than that none reaches the modem.
pub(super) async fn carry_out(
    ways: Vec<Arc<dyn Restarter>>,
    modem: Whereabouts,
) -> Result<(), Option<String>> {
    let mut trouble = None;
    for way in ways {
        let name = way.name();
        tracing::warn!(
            port = ?modem.port,
            usb = modem.usb.as_deref().unwrap_or("none"),
            "restarting the modem with {name}"
        );
        let place = modem.clone();
        let restarting = tokio::task::spawn_blocking(move || way.restart(&place));
        match tokio::time::timeout(LIMIT, restarting).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(RestartError::OutOfReach))) => {}
            Ok(Ok(Err(RestartError::Failed(words)))) => trouble = Some(format!("{name}: {words}")),
            Ok(Err(_)) => trouble = Some(format!("{name}: the attempt ended badly")),
            Err(_) => trouble = Some(format!("{name}: not done within {} s", LIMIT.as_secs())),
        }
    }
    Err(trouble)
}
