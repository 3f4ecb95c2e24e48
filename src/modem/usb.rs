//! USB as the kernel shows it: which terminal belongs to which device, where that is plugged in,
//! and the two switches there are, `authorized` of a device and `disable` of a hub's port.
//!
//! Everything is read below two folders, so that a test brings its own `/sys` and `/dev`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::restart::{RestartError, Restarter, Whereabouts};

/// How long a device stays unauthorised.
const UNAUTHORISED: Duration = Duration::from_secs(3);

/// How soon the kernel takes a device off the bus whose port was switched off.
const GONE_WITHIN: Duration = Duration::from_secs(3);

/// How soon, after as long as its power was off, a device is back on the bus; whether it answers is
/// the ladder's to see.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks at the bus.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a hub's port stays without power, so that the modem's capacitors are empty too.
const UNPOWERED: Duration = Duration::from_secs(10);

/// Terminals looked at in one go; a box with more has other uses.
const TTYS_MAX: usize = 4096;

/// `/sys` and `/dev`, or a test's copies of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    sys: PathBuf,
    dev: PathBuf,
}

/// A USB device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsbDevice {
    /// Its name in `/sys/bus/usb/devices`: bus and ports, `1-1.3`. Buses are numbered anew at every
    /// start.
    pub name: String,
    /// Where it is plugged in, the same at every start: the controller, and the chain of ports.
    pub place: String,
    /// Vendor.
    pub vendor: u16,
    /// Product.
    pub product: u16,
}

impl UsbDevice {
    /// Vendor and product as everybody writes them: `2c7c:0125`.
    pub fn id(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.product)
    }
}

/// A serial terminal of a USB device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsbTty {
    /// Its device file.
    pub path: PathBuf,
    /// The device it belongs to.
    pub device: UsbDevice,
    /// The number of its interface.
    pub interface: u8,
    /// `bInterfaceProtocol`: Huawei says by it what a port is for.
    pub protocol: u8,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        Self {
            sys: "/sys".into(),
            dev: "/dev".into(),
        }
    }

    /// The machine drawn in the folders `sys` and `dev` of `root`.
    pub fn drawn_in(root: &Path) -> Self {
        Self {
            sys: root.join("sys"),
            dev: root.join("dev"),
        }
    }

    /// Every serial terminal on USB, by name.
    pub fn usb_ttys(&self) -> Vec<UsbTty> {
        let mut names: Vec<String> = fs::read_dir(self.sys.join("class/tty"))
            .into_iter()
            .flatten()
            .flatten()
            .take(TTYS_MAX)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names.iter().filter_map(|name| self.usb_tty(name)).collect()
    }

    /// The serial ports on the board itself that have a chip behind them, by name, and whether one is
    /// the debug connector of a Raspberry Pi 5 (`ttyAMA10`, which `serial0` means there).
    pub fn uarts(&self) -> Vec<(PathBuf, bool)> {
        let class = self.sys.join("class/tty");
        let mut names: Vec<String> = fs::read_dir(&class)
            .into_iter()
            .flatten()
            .flatten()
            .take(TTYS_MAX)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with("ttyAMA") || name.starts_with("ttyS"))
            // PORT_UNKNOWN of linux/serial_core.h: a place where no chip was found.
            .filter(|name| {
                let kind = fs::read_to_string(class.join(name).join("type"));
                kind.is_ok_and(|kind| kind.trim() != "0")
            })
            .collect();
        names.sort();
        names
            .into_iter()
            .map(|name| (self.dev.join(&name), name == "ttyAMA10"))
            .collect()
    }

    /// What a port is on USB; links are followed. `None` for a UART or a pseudo-terminal.
    pub fn usb_tty_at(&self, port: &Path) -> Option<UsbTty> {
        // By name first: in a drawn machine device files are links to pseudo-terminals.
        let by_name = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            (path.parent()? == self.dev).then(|| self.usb_tty(name))?
        };
        by_name(port).or_else(|| {
            let target = fs::read_link(port).ok()?;
            let target = port.parent()?.join(target);
            by_name(&target).or_else(|| by_name(&target.canonicalize().ok()?))
        })
    }

    fn usb_tty(&self, name: &str) -> Option<UsbTty> {
        let folder = fs::canonicalize(self.sys.join("class/tty").join(name)).ok()?;
        let interface = folder
            .ancestors()
            .find(|folder| folder.join("bInterfaceNumber").is_file())?;
        Some(UsbTty {
            path: self.dev.join(name),
            device: self.read_device(interface.parent()?)?,
            interface: hex8(interface, "bInterfaceNumber")?,
            protocol: hex8(interface, "bInterfaceProtocol").unwrap_or(0),
        })
    }

    /// The kernel's name of a terminal, where that is its console: whatever is said there goes to a
    /// login prompt, and its messages go to the modem.
    pub fn console_at(&self, port: &Path) -> Option<String> {
        let active = fs::read_to_string(self.sys.join("class/tty/console/active")).ok()?;
        let target = fs::canonicalize(port).ok();
        let names = [Some(port), target.as_deref()];
        let is_port = |console: &&str| {
            names
                .iter()
                .flatten()
                .any(|path| path.file_name().is_some_and(|name| name == *console))
        };
        active.split_whitespace().find(is_port).map(str::to_owned)
    }

    /// The device called `name`, if it is there.
    pub fn device(&self, name: &str) -> Option<UsbDevice> {
        is_device_name(name).then(|| self.read_device(&self.device_folder(name)))?
    }

    /// What a device plugged in at `place` is called, or would be.
    pub fn name_at(&self, place: &str) -> Option<String> {
        let (controller, ports) = place.split_once(PLACE_MARK)?;
        let folder = self.sys.join("devices").join(controller);
        let bus = fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_prefix("usb")?.parse::<u16>().ok()
        })?;
        let name = format!("{bus}-{ports}");
        is_device_name(&name).then_some(name)
    }

    fn device_folder(&self, name: &str) -> PathBuf {
        self.sys.join("bus/usb/devices").join(name)
    }

    fn read_device(&self, folder: &Path) -> Option<UsbDevice> {
        let folder = fs::canonicalize(folder).ok()?;
        let hex16 = |attribute: &str| {
            let text = fs::read_to_string(folder.join(attribute)).ok()?;
            u16::from_str_radix(text.trim(), 16).ok()
        };
        let name = folder.file_name()?.to_str()?.to_owned();
        let place = self.place_of(&folder, &name)?;
        Some(UsbDevice {
            place,
            vendor: hex16("idVendor")?,
            product: hex16("idProduct")?,
            name,
        })
    }

    /// The path of the controller, without the bus's number, and the chain of ports.
    fn place_of(&self, folder: &Path, name: &str) -> Option<String> {
        let devices = fs::canonicalize(self.sys.join("devices")).ok()?;
        let within = folder.strip_prefix(devices).ok()?;
        let controller: PathBuf = within
            .iter()
            .take_while(|part| !is_bus(&part.to_string_lossy()))
            .collect();
        let (_, ports) = name.split_once('-')?;
        Some(format!("{}{PLACE_MARK}{ports}", controller.display()))
    }

    /// Unplugs a device as the kernel sees it, and plugs it in again: rung 5.
    ///
    /// # Errors
    /// When there is no such device, or its switch cannot be set.
    pub fn replug(&self, name: &str, pause: Duration) -> Result<(), RestartError> {
        if !is_device_name(name) {
            return Err(RestartError::OutOfReach);
        }
        self.switch(
            &self.device_folder(name).join("authorized"),
            "0",
            "1",
            pause,
        )
    }

    /// Takes the power from the hub's port that a device is on, and gives it back: rung 6. A port of a
    /// USB 3 hub has two halves, and feeds its device until both are off.
    ///
    /// # Errors
    /// As [`Self::replug`]; and when the power was not cut, or nothing came back: hubs that switch
    /// their ports together, or not at all, take the word and go on feeding.
    pub fn power_cycle(&self, name: &str, pause: Duration) -> Result<(), RestartError> {
        let switches = self.port_switches(name);
        if switches.is_empty() {
            return Err(RestartError::OutOfReach);
        }
        let cut = switches.iter().try_for_each(|switch| {
            set(switch, "1")?;
            let read = fs::read_to_string(switch).unwrap_or_default();
            if read.trim_start().starts_with('1') {
                return Ok(());
            }
            Err(RestartError::Failed(format!(
                "{} takes the word and cuts nothing: this hub does not switch its ports",
                switch.display()
            )))
        });
        let gone = cut.is_ok() && wait_until(GONE_WITHIN, || self.is_empty(name));
        if gone {
            rest(pause);
        }
        // Tried twice: a modem that stays switched off is worse than any error.
        let fed = switches
            .iter()
            .map(|switch| set(switch, "0").or_else(|_| set(switch, "0")))
            .fold(Ok(()), Result::and);
        cut?;
        fed?;
        if !gone {
            return Err(RestartError::Failed(format!(
                "{name} stayed where it was while its port was off: this hub does not switch its ports"
            )));
        }
        if wait_until(pause + BACK_WITHIN, || !self.is_empty(name)) {
            return Ok(());
        }
        Err(RestartError::Failed(format!(
            "the port of {name} was off and is on again, and nothing came back on it"
        )))
    }

    /// Whether anything is plugged into the port that a device of this name would be on.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        !self.device_folder(name).exists()
    }

    /// `disable` of the port (kernel 6.0 and newer), and of the port's other half where it has one;
    /// none where the kernel has no such switch.
    fn port_switches(&self, name: &str) -> Vec<PathBuf> {
        let Some((bus, ports)) = name.split_once('-').filter(|_| is_device_name(name)) else {
            return Vec::new();
        };
        // 1-1.3 is port 3 of 1-1, whose interface is 1-1:1.0; 1-1 is port 1 of the root hub usb1.
        let (interface, port) = match name.rsplit_once('.') {
            Some((hub, port)) => (format!("{hub}:1.0"), format!("{hub}-port{port}")),
            None => (format!("{bus}-0:1.0"), format!("usb{bus}-port{ports}")),
        };
        let port = self.device_folder(&interface).join(port);
        [port.join("disable"), port.join("peer/disable")]
            .into_iter()
            .filter(|switch| switch.exists())
            .collect()
    }

    fn switch(
        &self,
        file: &Path,
        off: &str,
        on: &str,
        pause: Duration,
    ) -> Result<(), RestartError> {
        set(file, off)?;
        rest(pause);
        // Tried twice: a modem that stays switched off is worse than any error.
        match set(file, on).or_else(|_| set(file, on)) {
            Ok(()) => Ok(()),
            // The device went away with its switch: it comes back by itself.
            Err(RestartError::OutOfReach) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Writes to one of the kernel's switches. No `create`: what is not there is not a switch.
fn set(file: &Path, value: &str) -> Result<(), RestartError> {
    fs::OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RestartError::OutOfReach,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                RestartError::Failed(format!(
                    "{} may not be written by this service: enable its helper with `systemctl \
                     enable --now callnumber-power.socket`",
                    file.display()
                ))
            }
            _ => RestartError::Failed(format!("{}: {error}", file.display())),
        })
}

#[expect(clippy::disallowed_methods, reason = "for a thread that may wait")]
fn rest(pause: Duration) {
    sleep(pause);
}

/// Looks until it is so; answers whether it became so in time.
fn wait_until(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if began.elapsed() >= limit {
            return false;
        }
        rest(LOOK_EVERY);
    }
}

/// Between a place's controller and its chain of ports.
const PLACE_MARK: &str = ":usb:";

/// `usb1`, the folder of a bus's root hub.
fn is_bus(part: &str) -> bool {
    let number = part.strip_prefix("usb");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a name is one of a USB device and nothing that leads elsewhere: a bus, and at most
/// seven ports in a chain (USB 2.0 §4.1.1).
pub fn is_device_name(name: &str) -> bool {
    let is_number = |text: &str| {
        (1..=3).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit())
    };
    let Some((bus, ports)) = name.split_once('-') else {
        return false;
    };
    is_number(bus) && ports.split('.').count() <= 7 && ports.split('.').all(is_number)
}

fn hex8(folder: &Path, attribute: &str) -> Option<u8> {
    let text = fs::read_to_string(folder.join(attribute)).ok()?;
    u8::from_str_radix(text.trim(), 16).ok()
}

/// Rung 5 through `/sys`, for a daemon that may write there.
#[derive(Debug)]
pub struct Authorisation(pub Machine);

impl Restarter for Authorisation {
    fn name(&self) -> String {
        "the kernel's authorisation of its USB device".into()
    }

    fn restart(&self, modem: &Whereabouts) -> Result<(), RestartError> {
        let name = modem.usb.as_deref().ok_or(RestartError::OutOfReach)?;
        self.0.replug(name, UNAUTHORISED)
    }
}

/// Rung 6 through `/sys`: the power of the hub's port.
#[derive(Debug)]
pub struct HubPort(pub Machine);

impl Restarter for HubPort {
    fn name(&self) -> String {
        "the power of its USB port".into()
    }

    fn restart(&self, modem: &Whereabouts) -> Result<(), RestartError> {
        let name = modem.usb.as_deref().ok_or(RestartError::OutOfReach)?;
        self.0.power_cycle(name, UNPOWERED)
    }
}

/// The pauses of rungs 5 and 6.
pub(super) const PAUSES: [Duration; 2] = [UNAUTHORISED, UNPOWERED];

#[cfg(test)]
pub(crate) mod drawn {
    //! A machine on paper.
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine without anything on USB but a controller and its root hub.
    pub(crate) fn machine(root: &Path) -> Machine {
        for folder in [
            "sys/class/tty",
            "sys/bus/usb/devices",
            "sys/devices/platform/soc/fe980000.usb/usb1/1-0:1.0",
            "dev",
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        Machine::drawn_in(root)
    }

    /// Plugs a device in: its name, what it is, and its terminals, each with interface and name.
    pub(crate) fn plug(root: &Path, name: &str, id: (u16, u16), ttys: &[(u8, &str)]) {
        let (_, ports) = name.split_once('-').unwrap();
        let mut folder = root.join("sys/devices/platform/soc/fe980000.usb/usb1");
        let mut chain = String::new();
        for port in ports.split('.') {
            chain = if chain.is_empty() {
                format!("1-{port}")
            } else {
                format!("{chain}.{port}")
            };
            folder.push(&chain);
        }
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("idVendor"), format!("{:04x}\n", id.0)).unwrap();
        fs::write(folder.join("idProduct"), format!("{:04x}\n", id.1)).unwrap();
        fs::write(folder.join("authorized"), "1\n").unwrap();
        let device = root.join("sys/bus/usb/devices").join(name);
        let _ = fs::remove_file(&device);
        symlink(&folder, device).unwrap();
        for (interface, tty) in ttys {
            let interface_folder = folder.join(format!("{name}:1.{interface}"));
            let tty_folder = interface_folder.join(tty).join("tty").join(tty);
            fs::create_dir_all(&tty_folder).unwrap();
            fs::write(
                interface_folder.join("bInterfaceNumber"),
                format!("{interface:02x}\n"),
            )
            .unwrap();
            fs::write(interface_folder.join("bInterfaceProtocol"), "ff\n").unwrap();
            let link = root.join("sys/class/tty").join(tty);
            let _ = fs::remove_file(&link);
            symlink(tty_folder, link).unwrap();
        }
    }

    /// The other half of a port on a USB 3 hub, with a switch of its own.
    pub(crate) fn other_half(root: &Path, hub: &str, port: &str) -> PathBuf {
        let folder = root.join("peers").join(port);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("disable");
        fs::write(&file, "0\n").unwrap();
        let port = root.join("sys/bus/usb/devices").join(hub).join(port);
        symlink(folder, port.join("peer")).unwrap();
        file
    }

    /// The kernel's part of a port's switches: takes a device off the bus once all of them are off,
    /// and puts it back once all are on again.
    pub(crate) struct Kernel {
        end: std::sync::mpsc::Sender<()>,
        at_work: std::thread::JoinHandle<usize>,
    }

    impl Kernel {
        /// How often the device went off the bus.
        pub(crate) fn ended(self) -> usize {
            drop(self.end);
            self.at_work.join().unwrap()
        }
    }

    pub(crate) fn kernel(root: &Path, name: &str, switches: Vec<PathBuf>) -> Kernel {
        let device = root.join("sys/bus/usb/devices").join(name);
        let folder = fs::canonicalize(&device).ok();
        let (end, ends) = std::sync::mpsc::channel();
        let at_work = std::thread::spawn(move || {
            let (mut is_there, mut cuts) = (folder.is_some(), 0);
            let folder = folder.unwrap_or_else(|| device.with_extension("folder"));
            let tick = Duration::from_millis(1);
            while ends.recv_timeout(tick) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let off = |switch: &PathBuf| {
                    fs::read_to_string(switch).is_ok_and(|text| text.starts_with('1'))
                };
                if is_there && switches.iter().all(off) {
                    fs::remove_file(&device).unwrap();
                    (is_there, cuts) = (false, cuts + 1);
                } else if !is_there && cuts > 0 && !switches.iter().any(off) {
                    symlink(&folder, &device).unwrap();
                    is_there = true;
                }
            }
            cuts
        });
        Kernel { end, at_work }
    }

    /// Gives the port of a device a power switch.
    pub(crate) fn port_switch(root: &Path, hub: &str, port: &str) -> PathBuf {
        let folder = root.join("sys/bus/usb/devices").join(hub).join(port);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("disable");
        fs::write(&file, "0\n").unwrap();
        file
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn terminals_are_told_with_their_device_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        drawn::plug(
            root,
            "1-1.3",
            (0x2c7c, 0x0125),
            &[(2, "ttyUSB2"), (0, "ttyUSB0")],
        );
        drawn::plug(root, "1-2", (0x2341, 0x0043), &[(0, "ttyACM0")]);
        // A UART, which hangs on no USB device
        fs::create_dir_all(root.join("sys/class/tty/ttyAMA0")).unwrap();
        let found: Vec<_> = machine
            .usb_ttys()
            .into_iter()
            .map(|tty| {
                let name = tty.path.file_name().unwrap().to_string_lossy().into_owned();
                (name, tty.device.name, tty.device.vendor, tty.interface)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("ttyACM0".into(), "1-2".into(), 0x2341, 0),
                ("ttyUSB0".into(), "1-1.3".into(), 0x2c7c, 0),
                ("ttyUSB2".into(), "1-1.3".into(), 0x2c7c, 2),
            ]
        );
        let tty = machine.usb_tty_at(&root.join("dev/ttyUSB2")).unwrap();
        assert_eq!(tty.device.place, "platform/soc/fe980000.usb:usb:1.3");
        assert_eq!(machine.name_at(&tty.device.place).as_deref(), Some("1-1.3"));
        assert_eq!(machine.name_at("platform/soc/elsewhere:usb:1.3"), None);
        assert_eq!(machine.usb_tty_at(&root.join("dev/ttyAMA0")), None);
        // A udev link leads to the same.
        std::os::unix::fs::symlink("ttyUSB2", root.join("dev/modem")).unwrap();
        assert_eq!(machine.usb_tty_at(&root.join("dev/modem")), Some(tty));
    }

    #[test]
    fn row_39_a_device_is_unplugged_and_plugged_in_by_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let machine = drawn::machine(folder.path());
        drawn::plug(folder.path(), "1-1.3", (0x2c7c, 0x0125), &[]);
        let file = folder.path().join("sys/bus/usb/devices/1-1.3/authorized");
        fs::write(&file, "1").unwrap();
        machine.replug("1-1.3", Duration::ZERO).unwrap();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "1",
            "it ends plugged in"
        );
        // A pipe in its place tells both words, in order.
        fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        let reading = std::thread::spawn(move || {
            let mut heard = String::new();
            while heard.len() < 2 {
                heard += &fs::read_to_string(&file).unwrap();
            }
            heard
        });
        machine.replug("1-1.3", Duration::ZERO).unwrap();
        assert_eq!(reading.join().unwrap(), "01");
    }

    #[test]
    fn a_hubs_port_is_found_by_the_devices_name_and_both_its_halves_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        for (name, hub, port) in [
            ("1-1.3", "1-1:1.0", "1-1-port3"),
            ("1-1.4.2", "1-1.4:1.0", "1-1.4-port2"),
            ("1-2", "1-0:1.0", "usb1-port2"),
        ] {
            drawn::plug(root, name, (0x2c7c, 0x0125), &[]);
            let file = drawn::port_switch(root, hub, port);
            let other = drawn::other_half(root, hub, port);
            let kernel = drawn::kernel(root, name, vec![file.clone(), other.clone()]);
            machine.power_cycle(name, Duration::ZERO).unwrap();
            for file in [file, other] {
                assert_eq!(
                    fs::read_to_string(&file).unwrap().trim(),
                    "0",
                    "{name}: back on"
                );
            }
            assert_eq!(kernel.ended(), 1, "{name} went off the bus once");
        }
        assert_eq!(
            machine.power_cycle("1-7", Duration::ZERO),
            Err(RestartError::OutOfReach),
            "a hub without switches"
        );
    }

    #[test]
    fn a_hub_that_cuts_nothing_has_not_restarted_anything() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        drawn::plug(root, "1-1.3", (0x2c7c, 0x0125), &[]);
        let file = drawn::port_switch(root, "1-1:1.0", "1-1-port3");
        // Nobody takes the device away: the hub feeds it all the time.
        let Err(RestartError::Failed(words)) = machine.power_cycle("1-1.3", Duration::ZERO) else {
            panic!("nothing was cut");
        };
        assert!(words.contains("does not switch its ports"), "{words}");
        assert_eq!(fs::read_to_string(&file).unwrap().trim(), "0", "back on");
    }

    #[test]
    fn row_43_a_port_that_is_the_console_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let machine = drawn::machine(root);
        let console = root.join("sys/class/tty/console");
        fs::create_dir_all(&console).unwrap();
        fs::write(console.join("active"), "tty1 ttyAMA0\n").unwrap();
        fs::write(root.join("dev/ttyAMA0"), "").unwrap();
        fs::write(root.join("dev/ttyAMA10"), "").unwrap();
        std::os::unix::fs::symlink("ttyAMA0", root.join("dev/serial0")).unwrap();
        for (port, name) in [
            ("dev/ttyAMA0", Some("ttyAMA0")),
            ("dev/serial0", Some("ttyAMA0")),
            ("dev/ttyAMA10", None),
            ("dev/ttyUSB0", None),
        ] {
            let found = machine.console_at(&root.join(port));
            assert_eq!(found.as_deref(), name, "{port}");
        }
    }

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["1-1", "1-1.3", "12-1.4.2.1", "1-1.2.3.4.5.6.7"] {
            assert!(is_device_name(name), "{name}");
        }
        for name in [
            "",
            "1",
            "1-",
            "-1",
            "usb1",
            "1-1/..",
            "../1-1",
            "1-1.",
            "1-1:1.0",
            "1-1.2.3.4.5.6.7.8",
            "1-1\n",
            "1-0001",
        ] {
            assert!(!is_device_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_switch_that_may_not_be_set_names_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let machine = drawn::machine(folder.path());
        drawn::plug(folder.path(), "1-1", (0x2c7c, 0x0125), &[]);
        let file = folder.path().join("sys/bus/usb/devices/1-1/authorized");
        fs::remove_file(&file).unwrap();
        assert_eq!(
            machine.replug("1-1", Duration::ZERO),
            Err(RestartError::OutOfReach)
        );
        // A folder in its place refuses every user, root too.
        fs::create_dir(&file).unwrap();
        let Err(RestartError::Failed(words)) = machine.replug("1-1", Duration::ZERO) else {
            panic!("refused");
        };
        assert!(words.contains("authorized"), "{words}");
    }
}
