//! A modem that nobody has to plug in: it answers AT on a pseudo-terminal and talks to a network
//! that lives in this process.
//!
//! Written from V.250, TS 27.005, TS 27.007, TS 23.040 and TS 23.038 alone. It imports none of the
//! rooms that drive real modems, so that a mistake there finds no twin here.
//!
//! ```no_run
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! use modem_simulator::{Settings, SimulatedModem};
//!
//! let modem = SimulatedModem::start(Settings::default()).await?;
//! println!("an AT modem answers on {}", modem.port().display());
//! modem.patron_texts("+15551230100", "Is my book in?")?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod ailment;
pub mod air;
mod alphabet;
mod charset;
mod command_line;
mod console;
mod faults;
mod firmware;
mod network;
mod port;
mod profile;
mod replay;
mod runner;
mod simulated_modem;
mod storage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use ailment::{Ailment, Corruption};
pub use air::Timestamp;

pub use console::{Answer, Console};
pub use faults::Faults;
pub use firmware::Heard;
pub use network::{Congested, ReportPolicy, SentText, Submission};
pub use profile::{PROFILES, Profile};
pub use replay::{Moment, Replay, Report, Script, What};
pub use simulated_modem::{Parts, SimulatedModem, StoredMessage, TimedOut};
pub use storage::Status;

/// What kind of modem to simulate, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose modem.
    pub profile: &'static Profile,
    /// A symbolic link to the terminal, kept for as long as the port is there.
    pub link: Option<PathBuf>,
    /// The line's own number.
    pub number: String,
    /// The service centre's number.
    pub service_centre: String,
    /// `+CGSN`.
    pub imei: String,
    /// `+CIMI`.
    pub imsi: String,
    /// The SIM's serial number.
    pub iccid: String,
    /// The SIM's PIN; `None` when it asks for none.
    pub pin: Option<String>,
    /// What unblocks the SIM once the PIN's three tries are gone.
    pub puk: String,
    /// Slots of each memory, in place of the profile's.
    pub capacity: Option<usize>,
    /// Before a command line is carried out.
    pub command_latency: Duration,
    /// Between the end of a text and the network's answer.
    pub send_latency: Duration,
    /// Bits per second of the port, ten to an octet; `None`: as fast as the terminal goes.
    pub baud: Option<u32>,
    /// From power to the first answer.
    pub boot_time: Duration,
    /// From the first answer until the SIM's messages can be read.
    pub sim_busy: Duration,
    /// Status reports.
    pub reports: ReportPolicy,
    /// How long a directly delivered text waits for `+CNMA` (TS 24.011's TR2M is of this order).
    pub acknowledge_within: Duration,
    /// How often an unsolicited code of the make's own comes for no reason; `None`: never.
    pub chatter_every: Option<Duration>,
    /// What goes wrong.
    pub faults: Faults,
    /// The network's time zone in quarters of an hour from universal time.
    pub zone_quarters: i8,
    /// USSD codes and what the network answers.
    pub ussd: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: &PROFILES[0],
            link: None,
            number: "+15550100000".to_owned(),
            service_centre: "+15550109999".to_owned(),
            imei: "490154203237518".to_owned(),
            imsi: "001010123456789".to_owned(),
            iccid: "8900101012345678909".to_owned(),
            pin: None,
            puk: "12345678".to_owned(),
            capacity: None,
            command_latency: Duration::ZERO,
            send_latency: Duration::ZERO,
            baud: None,
            boot_time: Duration::ZERO,
            sim_busy: Duration::ZERO,
            reports: ReportPolicy::default(),
            acknowledge_within: Duration::from_secs(15),
            chatter_every: None,
            faults: Faults::none(),
            zone_quarters: -24,
            ussd: BTreeMap::from([("*100#".to_owned(), "Balance: $12.34".to_owned())]),
        }
    }
}
