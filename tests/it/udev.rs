//! The udev rules, read by udev itself: its own verifier, and its own rule engine run on the
//! properties the kernel shows for each modem, on a stage that shuts the real machine out.
//!
//! The stage is a mount namespace (`unshare`) with its own `/dev`, `/run` and rules folder, and in
//! it `umockdev`, which shows `udevadm test` a made `/sys`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const RULES: &str = "60-callnumber.rules";

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> PathBuf {
    repository().join("udev").join(RULES)
}

/// Runs a program, or says which command installs it.
fn run(command: &mut Command) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    command.output().unwrap_or_else(|error| {
        panic!("{program} cannot be run ({error}): tests/run installs what the tests need")
    })
}

/// One line of `udev/modems.txt`, read here with this test's own eyes.
struct Listed {
    vendor: String,
    product: String,
    make: String,
    at: Vec<String>,
}

fn listed() -> Vec<Listed> {
    let text = fs::read_to_string(repository().join("udev/modems.txt")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (vendor, product) = words[0].split_once(':').unwrap();
            let at = words[2].split(',').filter(|at| *at != "*");
            Listed {
                vendor: vendor.to_owned(),
                product: product.to_owned(),
                make: words[1].to_owned(),
                at: at.map(str::to_owned).collect(),
            }
        })
        // These two say themselves what their ports are, or cannot: their rules are written by hand.
        .filter(|listed| !matches!(listed.make.as_str(), "huawei" | "ch340"))
        .collect()
}

/// The three parts of the rules that are made of the list, by their marks.
fn made() -> [(&'static str, String); 3] {
    let listed = listed();
    // Products of a vendor under one heading; `*` is all but those that have a line of their own.
    let group = |key: &dyn Fn(&Listed) -> Option<String>| {
        let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for one in &listed {
            let Some(key) = key(one) else { continue };
            let products = groups.entry((one.vendor.clone(), key)).or_default();
            products.push(one.product.clone());
        }
        groups
    };
    let matched = |name: &str, vendor: &str, products: &[String]| {
        if products.iter().all(|product| product != "*") {
            return format!(", {name}==\"{}\"", products.join("|"));
        }
        let own: Vec<&str> = listed
            .iter()
            .filter(|one| one.vendor == vendor && !products.contains(&one.product))
            .map(|one| one.product.as_str())
            .collect();
        match own.as_slice() {
            [] => String::new(),
            own => format!(", {name}!=\"{}\"", own.join("|")),
        }
    };
    let mut devices = String::new();
    for ((vendor, make), products) in group(&|one| Some(one.make.clone())) {
        let products = matched("ATTR{idProduct}", &vendor, &products);
        writeln!(
            devices,
            "ATTR{{idVendor}}==\"{vendor}\"{products}, ENV{{CALLNUMBER_MODEM}}=\"{make}\""
        )
        .unwrap();
    }
    let mut ports = String::new();
    for (rank, role) in ["at", "at2"].into_iter().enumerate() {
        for ((vendor, interface), products) in group(&|one| one.at.get(rank).cloned()) {
            let products = matched("ENV{ID_MODEL_ID}", &vendor, &products);
            writeln!(
                ports,
                "ENV{{ID_VENDOR_ID}}==\"{vendor}\"{products}, \
                 ENV{{ID_USB_INTERFACE_NUM}}==\"{interface}\", ENV{{CALLNUMBER_ROLE}}=\"{role}\""
            )
            .unwrap();
        }
    }
    let mut ignored = String::new();
    for ((vendor, _), products) in group(&|_| Some(String::new())) {
        let products = matched("ENV{ID_MODEL_ID}", &vendor, &products);
        writeln!(
            ignored,
            "ENV{{ID_VENDOR_ID}}==\"{vendor}\"{products}, ENV{{ID_MM_PORT_IGNORE}}=\"1\", \
             GROUP=\"dialout\", MODE=\"0660\""
        )
        .unwrap();
    }
    [
        ("devices", devices),
        ("ports", ports),
        ("ignored ports", ignored),
    ]
}

/// With `CALLNUMBER_WRITE_RULES` set it writes them instead.
#[test]
fn udev_rules_are_made_of_the_list() {
    let mut text = fs::read_to_string(rules()).unwrap();
    for (part, lines) in made() {
        let begin = format!("# <{part} of udev/modems.txt>\n");
        let end = format!("# </{part}>\n");
        let from = text.find(&begin).unwrap() + begin.len();
        let to = text.find(&end).unwrap();
        text.replace_range(from..to, &lines);
    }
    if std::env::var_os("CALLNUMBER_WRITE_RULES").is_some() {
        fs::write(rules(), text).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(rules()).unwrap() == text,
        "udev/60-callnumber.rules is not what udev/modems.txt makes of it: set \
         CALLNUMBER_WRITE_RULES=1 and run this test again"
    );
}

#[test]
fn udevadm_verify_has_nothing_to_say() {
    let search = run(&mut Command::new(
        repository().join("tests/it/support/udevadm-verify"),
    ));
    assert!(
        search.status.success(),
        "no udevadm that knows `verify` is here, nor could be fetched\n{}",
        String::from_utf8_lossy(&search.stderr)
    );
    let udevadm = String::from_utf8(search.stdout).unwrap();
    let verdict = run(Command::new(udevadm.trim()).arg("verify").arg(rules()));
    let said = String::from_utf8_lossy(&verdict.stdout).into_owned()
        + &String::from_utf8_lossy(&verdict.stderr);
    assert!(verdict.status.success(), "{said}");
    for line in said.lines() {
        assert!(!line.contains(&format!("{RULES}:")), "{line}");
    }
    assert!(said.contains("Success: 1"), "{said}");
}

/// One interface of a device: number, class, subclass, protocol, and its tty if it has one.
type Interface = (u8, u8, u8, u8, Option<&'static str>);

/// A device on the bus.
struct Stick {
    /// Where it is plugged in: `1-1`, or `1-1.2` behind a hub.
    socket: &'static str,
    vendor: u16,
    product: u16,
    serial: Option<&'static str>,
    interfaces: &'static [Interface],
}

const QUECTEL: &[Interface] = &[
    (0, 0xff, 0xff, 0xff, Some("ttyUSB0")),
    (1, 0xff, 0, 0, Some("ttyUSB1")),
    (2, 0xff, 0, 0, Some("ttyUSB2")),
    (3, 0xff, 0, 0, Some("ttyUSB3")),
    (4, 0xff, 0xff, 0xff, None),
];
const SECOND_QUECTEL: &[Interface] = &[
    (0, 0xff, 0xff, 0xff, Some("ttyUSB4")),
    (1, 0xff, 0, 0, Some("ttyUSB5")),
    (2, 0xff, 0, 0, Some("ttyUSB6")),
    (3, 0xff, 0, 0, Some("ttyUSB7")),
];
const SIM7600: &[Interface] = &[
    (0, 0xff, 0xff, 0xff, Some("ttyUSB0")),
    (1, 0xff, 0, 0, Some("ttyUSB1")),
    (2, 0xff, 0, 0, Some("ttyUSB2")),
    (3, 0xff, 0, 0, Some("ttyUSB3")),
    (4, 0xff, 0, 0, Some("ttyUSB4")),
];
const A7670: &[Interface] = &[
    (0, 0xe0, 1, 3, None),
    (1, 0x0a, 0, 0, None),
    (2, 0xff, 0, 0, Some("ttyUSB0")),
    (3, 0xff, 0, 0, Some("ttyUSB1")),
    (4, 0xff, 0, 0, Some("ttyUSB2")),
    (5, 0xff, 0, 0, Some("ttyUSB3")),
];
const HUAWEI: &[Interface] = &[
    (0, 0xff, 2, 1, Some("ttyUSB0")),
    (1, 0xff, 2, 0x16, None),
    (2, 0xff, 2, 2, Some("ttyUSB1")),
    (3, 8, 6, 0x50, None),
];
const OLD_HUAWEI: &[Interface] = &[
    (0, 0xff, 1, 1, Some("ttyUSB0")),
    (1, 0xff, 1, 2, Some("ttyUSB1")),
];
const HILINK: &[Interface] = &[(0, 2, 0x0e, 0, None), (1, 0x0a, 0, 2, None)];
const STORAGE: &[Interface] = &[(0, 8, 6, 0x50, None)];
const ONE_PORT: &[Interface] = &[(0, 0xff, 1, 2, Some("ttyUSB0"))];
const LE910: &[Interface] = &[
    (0, 0xff, 0xff, 0x30, Some("ttyUSB0")),
    (2, 0xff, 0, 0, Some("ttyUSB1")),
    (4, 0xff, 0, 0, Some("ttyUSB2")),
    (5, 0xff, 0, 0, Some("ttyUSB3")),
];
const EC200T: &[Interface] = &[
    (0, 0xe0, 1, 3, None),
    (1, 0x0a, 0, 0, None),
    (2, 0xff, 0, 0, Some("ttyUSB0")),
    (3, 0xff, 0, 0, Some("ttyUSB1")),
    (4, 0xff, 0, 0, Some("ttyUSB2")),
];
const SIERRA: &[Interface] = &[
    (0, 0xff, 0xff, 0xff, Some("ttyUSB0")),
    (2, 0xff, 0, 0, Some("ttyUSB1")),
    (3, 0xff, 0, 0, Some("ttyUSB2")),
];
const CINTERION: &[Interface] = &[
    (0, 2, 2, 1, Some("ttyACM0")),
    (1, 0x0a, 0, 0, None),
    (2, 2, 2, 1, Some("ttyACM1")),
];
const ARDUINO: &[Interface] = &[(0, 2, 2, 1, Some("ttyACM0")), (1, 0x0a, 0, 0, None)];

/// What one plugged-in thing has to become.
struct Row {
    vendor: u16,
    product: u16,
    interfaces: &'static [Interface],
    /// The interface that answers AT, and the one that does too.
    at: Option<u8>,
    at2: Option<u8>,
    /// Whether it is ours to keep awake, and ModemManager keeps off.
    ours: bool,
    /// Whether it may be called the modem.
    named: bool,
}

const fn row(
    vendor: u16,
    product: u16,
    interfaces: &'static [Interface],
    at: Option<u8>,
    at2: Option<u8>,
) -> Row {
    let ours = at.is_some();
    Row {
        vendor,
        product,
        interfaces,
        at,
        at2,
        ours,
        named: ours && vendor != 0x1a86,
    }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row(0x2c7c, 0x0125, QUECTEL,    Some(2), Some(3)), // EC25, EG25-G
    row(0x2c7c, 0x0121, QUECTEL,    Some(2), Some(3)), // EC21
    row(0x2c7c, 0x0191, QUECTEL,    Some(2), Some(3)), // EG91
    row(0x2c7c, 0x0195, QUECTEL,    Some(2), Some(3)), // EG95
    row(0x1e0e, 0x9001, SIM7600,    Some(2), None),
    row(0x1e0e, 0x9205, SIM7600,    Some(2), None),    // SIM70x0
    row(0x1e0e, 0x9206, SIM7600,    Some(2), None),    // SIM70x0
    row(0x1e0e, 0x9011, A7670,      Some(4), None),
    row(0x12d1, 0x1506, HUAWEI,     Some(2), None),    // E3372 as a stick
    row(0x12d1, 0x1001, OLD_HUAWEI, Some(1), None),    // E1550, E173
    row(0x2c7c, 0x6026, EC200T,     Some(3), None),    // EC200T: 02 is diagnostics
    row(0x1bc7, 0x1201, LE910,      Some(4), Some(5)), // Telit LE910
    row(0x1199, 0x9071, SIERRA,     Some(3), None),    // Sierra MC7455
    row(0x1e2d, 0x0069, CINTERION,  Some(0), Some(2)), // Cinterion, by cdc_acm
    row(0x19d2, 0x0031, SIM7600,    Some(3), Some(1)), // ZTE MF627 and its like
    row(0x1a86, 0x7523, ONE_PORT,   Some(0), None),    // CH340: a SIM800, perhaps
    row(0x12d1, 0x14dc, HILINK,     None,    None),    // HiLink: no AT
    row(0x3566, 0x2001, HILINK,     None,    None),    // HiLink again
    row(0x12d1, 0x1f01, STORAGE,    None,    None),    // still a CD-ROM
    row(0x12d1, 0x1446, STORAGE,    None,    None),
    row(0x12d1, 0x14fe, STORAGE,    None,    None),
    row(0x1e0e, 0x0001, ONE_PORT,   None,    None),    // not in our list
    row(0x2341, 0x0043, ARDUINO,    None,    None),    // somebody else's board
];

const BUS: &str = "/devices/pci0000:00/0000:00:14.0";

impl Stick {
    fn device(&self) -> String {
        match self.socket.split_once('.') {
            Some((hub, _)) => format!("{BUS}/usb1/{hub}/{}", self.socket),
            None => format!("{BUS}/usb1/{}", self.socket),
        }
    }

    fn port(&self, interface: u8, tty: &str) -> String {
        let interface = format!("{}/{}:1.{interface}", self.device(), self.socket);
        if tty.starts_with("ttyACM") {
            format!("{interface}/tty/{tty}")
        } else {
            format!("{interface}/{tty}/tty/{tty}")
        }
    }

    /// USB 2.0 §9.6: the device, its configuration, and each interface with one endpoint.
    fn descriptors(&self) -> String {
        let [vendor_low, vendor_high] = self.vendor.to_le_bytes();
        let [product_low, product_high] = self.product.to_le_bytes();
        let count = u8::try_from(self.interfaces.len()).unwrap();
        let total = 9 + 16 * count;
        let mut octets = vec![
            18,
            1,
            0,
            2,
            0,
            0,
            0,
            64,
            vendor_low,
            vendor_high,
            product_low,
            product_high,
            0,
            1,
            1,
            2,
            3,
            1,
        ];
        octets.extend([9, 2, total, 0, count, 1, 0, 0xa0, 250]);
        for (number, class, subclass, protocol, _) in self.interfaces {
            octets.extend([9, 4, *number, 0, 1, *class, *subclass, *protocol, 0]);
            octets.extend([7, 5, 0x81 + number, 2, 0, 2, 0]);
        }
        octets.iter().fold(String::new(), |mut hex, octet| {
            write!(hex, "{octet:02X}").unwrap();
            hex
        })
    }

    /// The device as `umockdev-record` would write it down.
    fn record(&self, number: u8, into: &mut String) {
        let device = self.device();
        let Self {
            vendor, product, ..
        } = self;
        write!(
            into,
            "P: {device}\nN: bus/usb/001/{number:03}\nE: DEVTYPE=usb_device\n\
             E: DEVNAME=/dev/bus/usb/001/{number:03}\nE: SUBSYSTEM=usb\n\
             E: PRODUCT={vendor:x}/{product:x}/318\nE: MAJOR=189\nE: MINOR={number}\n\
             A: idVendor={vendor:04x}\nA: idProduct={product:04x}\nA: power/control=auto\n\
             A: busnum=1\nA: devnum={number}\nA: manufacturer=Maker\nA: product=Modem\n\
             A: bcdDevice=0318\n{}H: descriptors={}\n\n",
            self.serial
                .map(|serial| format!("A: serial={serial}\n"))
                .unwrap_or_default(),
            self.descriptors(),
        )
        .unwrap();
        for (interface, class, subclass, protocol, tty) in self.interfaces {
            write!(
                into,
                "P: {device}/{}:1.{interface}\nE: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb\n\
                 E: DRIVER=option\nA: bInterfaceNumber={interface:02x}\n\
                 A: bInterfaceClass={class:02x}\nA: bInterfaceSubClass={subclass:02x}\n\
                 A: bInterfaceProtocol={protocol:02x}\n\n",
                self.socket
            )
            .unwrap();
            let Some(tty) = tty else { continue };
            let port = self.port(*interface, tty);
            if let Some(serial) = port.strip_suffix(&format!("/tty/{tty}"))
                && serial.ends_with(tty)
            {
                write!(
                    into,
                    "P: {serial}\nE: SUBSYSTEM=usb-serial\nA: port_number=0\n\n"
                )
                .unwrap();
            }
            let minor = &tty[6..];
            write!(
                into,
                "P: {port}\nN: {tty}\nE: DEVNAME=/dev/{tty}\nE: SUBSYSTEM=tty\nE: MAJOR=188\n\
                 E: MINOR={minor}\nA: dev=188:{minor}\n\n"
            )
            .unwrap();
        }
    }
}

/// What udev made of one device.
#[derive(Debug, Default)]
struct Verdict {
    properties: BTreeMap<String, String>,
    log: String,
}

impl Verdict {
    fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// Our links among the device's, in order.
    fn links(&self) -> Vec<&str> {
        let links = self.property("DEVLINKS").unwrap_or_default();
        let mut ours: Vec<&str> = links
            .split(' ')
            .filter_map(|link| link.strip_prefix("/dev/callnumber/"))
            .collect();
        ours.sort_unstable();
        ours
    }

    /// Whether one of our rules did this, in udev's own account.
    fn did(&self, what: &str) -> bool {
        self.log
            .lines()
            .any(|line| line.contains(&format!("{RULES}:")) && line.ends_with(what))
    }
}

const STAGE: &str = r#"
set -eu
stage=$1
mount -t tmpfs none /run
mount --bind "$stage/rules" /etc/udev/rules.d
for node in null zero full random urandom tty; do
    : > "$stage/dev/$node"
    mount --bind "/dev/$node" "$stage/dev/$node"
done
mkdir "$stage/dev/shm" "$stage/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 none "$stage/dev/pts" # umockdev plays ports there
ln -s pts/ptmx "$stage/dev/ptmx"
mount --rbind "$stage/dev" /dev
exec umockdev-run -d "$stage/devices.umockdev" -- sh "$stage/acts"
"#;

/// Plugs the sticks in on a stage of their own; what udev makes of each, by its path in `/sys`.
fn plug_in(sticks: &[Stick], more_rules: &[(&str, &str)]) -> BTreeMap<String, Verdict> {
    let stage = tempfile::tempdir().unwrap();
    let within = |name: &str| stage.path().join(name);
    fs::create_dir(within("rules")).unwrap();
    fs::create_dir(within("dev")).unwrap();
    fs::copy(rules(), within("rules").join(RULES)).unwrap();
    for (name, text) in more_rules {
        fs::write(within("rules").join(name), text).unwrap();
    }
    let mut devices = format!(
        "P: {BUS}\nE: SUBSYSTEM=pci\nE: DRIVER=xhci_hcd\nA: vendor=0x8086\n\n\
         P: {BUS}/usb1\nN: bus/usb/001/001\nE: DEVTYPE=usb_device\n\
         E: DEVNAME=/dev/bus/usb/001/001\nE: SUBSYSTEM=usb\nE: MAJOR=189\nE: MINOR=0\n\
         A: idVendor=1d6b\nA: idProduct=0002\n\n"
    );
    if sticks.iter().any(|stick| stick.socket.contains('.')) {
        write!(
            devices,
            "P: {BUS}/usb1/1-1\nN: bus/usb/001/099\nE: DEVTYPE=usb_device\n\
             E: DEVNAME=/dev/bus/usb/001/099\nE: SUBSYSTEM=usb\nE: MAJOR=189\nE: MINOR=98\n\
             A: idVendor=0424\nA: idProduct=9514\n\n"
        )
        .unwrap();
    }
    let mut acts = String::new();
    let mut paths = Vec::new();
    for (number, stick) in (2..).zip(sticks) {
        stick.record(number, &mut devices);
        paths.push(stick.device());
        for (interface, .., tty) in stick.interfaces {
            paths.extend(tty.map(|tty| stick.port(*interface, tty)));
        }
    }
    for path in &paths {
        writeln!(
            acts,
            "udevadm test --action=add '/sys{path}' 2>&1\necho '@played {path}'"
        )
        .unwrap();
    }
    fs::write(within("devices.umockdev"), devices).unwrap();
    fs::write(within("acts"), acts).unwrap();

    let played = run(Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", STAGE, "sh"])
        .arg(stage.path()));
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(
        played.status.success(),
        "the stage needs unshare (util-linux, with user namespaces or root), umockdev-run \
         (umockdev) and udevadm (udev): tests/run installs them\n{said}\n{}",
        String::from_utf8_lossy(&played.stderr)
    );
    let mut verdicts = BTreeMap::new();
    let mut verdict = Verdict::default();
    for line in said.lines() {
        if let Some(path) = line.strip_prefix("@played ") {
            verdicts.insert(path.to_owned(), std::mem::take(&mut verdict));
            continue;
        }
        if let Some((name, value)) = line.trim().split_once('=')
            && name
                .bytes()
                .all(|octet| octet.is_ascii_uppercase() || b"_.".contains(&octet))
        {
            verdict.properties.insert(name.to_owned(), value.to_owned());
        }
        verdict.log.push_str(line);
        verdict.log.push('\n');
    }
    assert_eq!(verdicts.len(), paths.len());
    for (path, verdict) in &verdicts {
        assert_eq!(
            verdict.property("DEVPATH"),
            Some(&**path),
            "{}",
            verdict.log
        );
        for line in verdict
            .log
            .lines()
            .filter(|line| line.contains(&format!("{RULES}:")))
        {
            for complaint in ["Invalid", "Unknown", "Failed", "ignoring"] {
                assert!(!line.contains(complaint), "{line}");
            }
        }
    }
    verdicts
}

/// The number of the group that serial ports have on this machine.
fn dialout() -> String {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let line = groups
        .lines()
        .find(|line| line.starts_with("dialout:"))
        .expect("dialout exists");
    line.split(':').nth(2).unwrap().to_owned()
}

#[test]
fn each_modem_gets_its_links_and_rights() {
    let dialout = dialout();
    for Row {
        vendor,
        product,
        interfaces,
        at,
        at2,
        ours,
        named,
    } in TABLE
    {
        let (vendor, product) = (*vendor, *product);
        let stick = Stick {
            socket: "1-1",
            vendor,
            product,
            serial: None,
            interfaces,
        };
        let verdicts = plug_in(std::slice::from_ref(&stick), &[]);
        let what = format!("{vendor:04x}:{product:04x}");

        let device = &verdicts[&stick.device()];
        assert_eq!(
            device.property("ID_MM_DEVICE_IGNORE"),
            ours.then_some("1"),
            "{what}: {}",
            device.log
        );
        assert_eq!(
            device.did(&format!("GROUP {dialout}")),
            *ours,
            "{what}: {}",
            device.log
        );
        assert_eq!(device.did("MODE 0660"), *ours, "{what}");
        let awake = format!("ATTR '/sys{}/power/control' writing 'on'", stick.device());
        assert_eq!(device.did(&awake), *ours, "{what}: {}", device.log);
        assert_eq!(device.links(), Vec::<&str>::new(), "{what}");

        for (interface, .., tty) in *interfaces {
            let Some(tty) = tty else { continue };
            let port = &verdicts[&stick.port(*interface, tty)];
            let path = format!("pci-0000:00:14.0-usb-0:1:1.{interface}");
            assert_eq!(port.property("ID_PATH"), Some(&*path), "{what} {tty}");
            let mut links = Vec::new();
            if *at == Some(*interface) {
                links.push(format!("at/{path}"));
                links.extend(named.then(|| "modem".to_owned()));
            } else if *at2 == Some(*interface) {
                links.push(format!("at2/{path}"));
            }
            assert_eq!(port.links(), links, "{what} {tty}");
            assert_eq!(
                port.property("ID_MM_PORT_IGNORE"),
                ours.then_some("1"),
                "{what} {tty}"
            );
            assert_eq!(port.did(&format!("GROUP {dialout}")), *ours, "{what} {tty}");
            let waited_for = port
                .property("TAGS")
                .is_some_and(|tags| tags.contains(":systemd:"));
            assert!(waited_for || links.is_empty(), "{what} {tty}");
        }
    }
}

#[test]
fn twin_sticks_are_told_apart_by_their_sockets() {
    let twin = |socket, interfaces| Stick {
        socket,
        vendor: 0x2c7c,
        product: 0x0125,
        serial: Some("0123456789ABCDEF"), // one serial number for a whole batch
        interfaces,
    };
    let sticks = [twin("1-1.2", QUECTEL), twin("1-1.4", SECOND_QUECTEL)];
    let verdicts = plug_in(&sticks, &[]);
    let first = &verdicts[&sticks[0].port(2, "ttyUSB2")];
    let second = &verdicts[&sticks[1].port(2, "ttyUSB6")];
    assert_eq!(
        first.links(),
        ["at/pci-0000:00:14.0-usb-0:1.2:1.2", "modem"]
    );
    assert_eq!(
        second.links(),
        ["at/pci-0000:00:14.0-usb-0:1.4:1.2", "modem"]
    );
    // What they would have had without us is the same for both.
    assert_eq!(first.property("ID_SERIAL"), second.property("ID_SERIAL"));
}

#[test]
fn an_admin_names_a_socket_in_a_file_of_their_own() {
    let readme = fs::read_to_string(repository().join("udev/README.md")).unwrap();
    let example: String = readme
        .lines()
        .filter(|line| line.contains("ENV{CALLNUMBER_ROLE}==\"at\""))
        .map(|line| format!("{}\n", line.trim()))
        .collect();
    assert_eq!(
        example.lines().count(),
        2,
        "the example of two named modems is in udev/README.md"
    );
    let stick = |socket, interfaces| Stick {
        socket,
        vendor: 0x2c7c,
        product: 0x0125,
        serial: None,
        interfaces,
    };
    let sticks = [stick("1-1.2", QUECTEL), stick("1-1.4", SECOND_QUECTEL)];
    let verdicts = plug_in(&sticks, &[("61-callnumber-names.rules", &example)]);
    for (stick, tty, name) in [
        (&sticks[0], "ttyUSB2", "front-desk"),
        (&sticks[1], "ttyUSB6", "branch"),
    ] {
        let links = verdicts[&stick.port(2, tty)].links();
        assert!(links.contains(&name), "{links:?}");
    }
    assert_eq!(verdicts[&sticks[0].port(3, "ttyUSB3")].links().len(), 1);
}

#[test]
fn the_stage_leaves_the_machine_alone() {
    let stick = Stick {
        socket: "1-1",
        vendor: 0x2c7c,
        product: 0x0125,
        serial: None,
        interfaces: QUECTEL,
    };
    let traces = || {
        [
            "/dev/callnumber",
            "/dev/serial",
            "/run/udev/data",
            "/run/udev/links",
        ]
        .map(|path| fs::read_dir(path).map(Iterator::count).ok())
    };
    let before = traces();
    plug_in(&[stick], &[]);
    assert_eq!(traces(), before);
}
