//! Finding modems on a drawn machine: its `/sys` says what is plugged in where, its `/dev` leads to
//! simulated modems.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callnumber::modem::discovery::list_on;
use callnumber::modem::port::{Opener, SerialOpener};
use callnumber::modem::restart::Whereabouts;
use callnumber::modem::usb::Machine;
use callnumber::modem::{
    Arrivals, Claims, Keepers, Line, LineSettings, LineStatus, Memory, Named, Phase, Place,
    PortChoice, Record, start_at,
};
use callnumber::simulator::{Ailment, Profile, Settings, SimulatedModem};
use tokio::sync::{mpsc, watch};

/// Far longer than anything here takes; only a failure waits it out.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two IMEIs that no other test has, nor another run of this one: pseudo-terminals are numbered for
/// the whole machine, and a line must not settle on a modem that is none of its own.
fn imeis() -> (String, String) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let run = std::process::id() % 10_000_000;
    let imei = || format!("49{run:07}{:06}", NEXT.fetch_add(1, Ordering::Relaxed));
    (imei(), imei())
}

/// Where lines say that their modem is.
struct Places(watch::Receiver<Option<Place>>);

impl Places {
    /// Has the records of a line, which begins with what is `known`.
    fn of(keepers: &mut Keepers, known: Option<Place>) -> Self {
        let (records, mut recorded) = mpsc::channel(4);
        let (heard, places) = watch::channel(known.clone());
        keepers.records = Some(records);
        keepers.memory = Memory {
            place: known,
            ..Memory::default()
        };
        tokio::spawn(async move {
            while let Some(record) = recorded.recv().await {
                if let Record::Place(place) = record {
                    heard.send_replace(Some(place));
                }
            }
        });
        Self(places)
    }

    /// Waits until the modem is known to be there.
    async fn becomes(&mut self, imei: &str, place: &str) {
        let is_so = |known: &Option<Place>| {
            known
                .as_ref()
                .is_some_and(|known| known.imei == imei && known.place == place)
        };
        let met = tokio::time::timeout(PATIENCE, self.0.wait_for(is_so))
            .await
            .is_ok();
        assert!(met, "never: {:?}", self.0.borrow());
    }
}

/// A machine on paper, in a folder of its own.
struct Drawing {
    folder: tempfile::TempDir,
}

impl Drawing {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for below in [
            "sys/class/tty",
            "sys/bus/usb/devices",
            "sys/devices/pci0000:00/0000:00:14.0/usb1",
            "dev",
            "plugs",
        ] {
            fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        Self { folder }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn machine(&self) -> Machine {
        Machine::drawn_in(self.root())
    }

    fn dev(&self, name: &str) -> PathBuf {
        self.root().join("dev").join(name)
    }

    /// A modem that has this IMEI, whose cable ends at a plug called `plug`.
    async fn modem(&self, plug: &str, imei: &str) -> SimulatedModem {
        SimulatedModem::start(Settings {
            profile: Profile::named("quectel-ec25").unwrap(),
            link: Some(self.root().join("plugs").join(plug)),
            imei: imei.into(),
            ..Settings::default()
        })
        .await
        .unwrap()
    }

    /// Plugs a device into port `port` of bus 1: each of its terminals leads to a plug.
    fn plug_in(&self, port: &str, id: (u16, u16), ttys: &[(u8, &str, &str)]) {
        let name = format!("1-{port}");
        let folder = self
            .root()
            .join("sys/devices/pci0000:00/0000:00:14.0/usb1")
            .join(&name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("idVendor"), format!("{:04x}\n", id.0)).unwrap();
        fs::write(folder.join("idProduct"), format!("{:04x}\n", id.1)).unwrap();
        let device = self.root().join("sys/bus/usb/devices").join(&name);
        let _ = fs::remove_file(&device);
        symlink(&folder, device).unwrap();
        for (interface, tty, plug) in ttys {
            let below = folder.join(format!("{name}:1.{interface}"));
            let terminal = below.join(tty).join("tty").join(tty);
            fs::create_dir_all(&terminal).unwrap();
            fs::write(below.join("bInterfaceNumber"), format!("{interface:02x}\n")).unwrap();
            symlink(terminal, self.root().join("sys/class/tty").join(tty)).unwrap();
            symlink(self.root().join("plugs").join(plug), self.dev(tty)).unwrap();
        }
    }

    /// Pulls a device out again.
    fn pull_out(&self, port: &str) {
        let device = self
            .root()
            .join("sys/bus/usb/devices")
            .join(format!("1-{port}"));
        let folder = fs::canonicalize(&device).unwrap();
        fs::remove_file(device).unwrap();
        for entry in fs::read_dir(self.root().join("sys/class/tty")).unwrap() {
            let entry = entry.unwrap();
            if fs::canonicalize(entry.path()).unwrap().starts_with(&folder) {
                fs::remove_file(self.dev(entry.file_name().to_str().unwrap())).unwrap();
                fs::remove_file(entry.path()).unwrap();
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }

    fn line(
        &self,
        choice: PortChoice,
        change: impl FnOnce(&mut LineSettings, &mut Keepers),
    ) -> Line {
        let mut settings = LineSettings::new("front-desk", choice);
        let mut keepers = Keepers::default();
        change(&mut settings, &mut keepers);
        let (arrivals, mut arrived) = mpsc::channel::<Arrivals>(4);
        tokio::spawn(async move {
            while let Some(batch) = arrived.recv().await {
                let _ = batch.kept.send(true);
            }
        });
        start_at(self.machine(), settings, arrivals, keepers)
    }
}

async fn status(line: &Line, what: &str, is_so: impl FnMut(&LineStatus) -> bool) -> LineStatus {
    let mut status = line.status();
    match tokio::time::timeout(PATIENCE, status.wait_for(is_so)).await {
        Ok(status) => status.unwrap().clone(),
        Err(_) => panic!("never {what}: {:?}", line.status().borrow()),
    }
}

/// Ready, and known by its IMEI.
async fn settled(line: &Line, imei: &str) -> LineStatus {
    status(line, "ready as itself", |status| {
        status.phase == Phase::Ready && status.imei.as_deref() == Some(imei)
    })
    .await
}

#[tokio::test]
async fn a_modem_is_found_among_what_else_is_plugged_in_and_strangers_hear_nothing() {
    let (one, other) = imeis();
    let drawing = Drawing::new();
    let stranger = drawing.modem("cable", &other).await;
    let nmea = drawing.modem("nmea", &other).await;
    let modem = drawing.modem("modem", &one).await;
    drawing.plug_in("1", (0x0403, 0x6001), &[(0, "ttyUSB0", "cable")]);
    drawing.plug_in(
        "2",
        (0x2c7c, 0x0125),
        &[(1, "ttyUSB1", "nmea"), (2, "ttyUSB2", "modem")],
    );
    let mut places = None;
    let line = drawing.line(PortChoice::Auto, |_, keepers| {
        places = Some(Places::of(keepers, None));
    });
    let mut places = places.unwrap();
    let found = settled(&line, &one).await;
    assert_eq!(found.port, Some(drawing.dev("ttyUSB2")));
    places.becomes(&one, "pci0000:00/0000:00:14.0:usb:2").await;
    assert_eq!(places.0.borrow().as_ref().unwrap().interface, 2);
    assert!(modem.heard_count() > 0);
    assert_eq!((stranger.heard_count(), nmea.heard_count()), (0, 0));
    drop(line);

    // Named, the stranger may be talked to.
    let named = [Named {
        path: drawing.dev("ttyUSB0"),
        baud: 115_200,
    }];
    let listed = tokio::time::timeout(PATIENCE, async {
        loop {
            // The line's port is closed a moment after its end.
            let listed = list_on(&drawing.machine(), &named).await;
            if listed.iter().all(|found| found.modem.is_some()) {
                return listed;
            }
        }
    });
    let listed = listed.await.unwrap();
    let names: Vec<(&Path, Option<&str>)> = listed
        .iter()
        .map(|found| {
            let imei = found.modem.as_ref().and_then(|modem| modem.imei.as_deref());
            (found.path.as_path(), imei)
        })
        .collect();
    assert_eq!(
        names,
        [
            (drawing.dev("ttyUSB2").as_path(), Some(one.as_str())),
            (drawing.dev("ttyUSB0").as_path(), Some(other.as_str()))
        ]
    );
    assert!(stranger.heard_count() > 0);
    assert_eq!(nmea.heard_count(), 0);
}

#[tokio::test]
async fn row_39_a_modem_is_followed_to_its_new_name_and_to_another_socket() {
    let (one, _) = imeis();
    for choice in ["auto", "named"] {
        let drawing = Drawing::new();
        let modem = drawing.modem("modem", &one).await;
        drawing.plug_in("2", (0x2c7c, 0x0125), &[(2, "ttyUSB2", "modem")]);
        let mut places = None;
        let choice = match choice {
            "auto" => PortChoice::Auto,
            _ => PortChoice::Path(drawing.dev("ttyUSB2")),
        };
        let line = drawing.line(choice, |settings, keepers| {
            settings.imei = Some(one.clone());
            places = Some(Places::of(keepers, None));
        });
        settled(&line, &one).await;
        for (from, to, tty) in [("2", "2", "ttyUSB5"), ("2", "4", "ttyUSB3")] {
            modem.unplug().await;
            drawing.pull_out(from);
            status(&line, "told of it", |status| {
                matches!(status.phase, Phase::NoPort(_))
            })
            .await;
            modem.replug().await.unwrap();
            drawing.plug_in(to, (0x2c7c, 0x0125), &[(2, tty, "modem")]);
            let found = settled(&line, &one).await;
            assert_eq!(found.port, Some(drawing.dev(tty)));
        }
        let mut places = places.unwrap();
        places.becomes(&one, "pci0000:00/0000:00:14.0:usb:4").await;
    }
}

#[tokio::test]
async fn a_name_that_another_stick_took_over_is_not_mistaken_for_the_modem() {
    let (one, other) = imeis();
    let drawing = Drawing::new();
    let _one = drawing.modem("one", &one).await;
    let other = drawing.modem("other", &other).await;
    // The kernel numbered the two sticks the other way round this time.
    drawing.plug_in("1", (0x2c7c, 0x0125), &[(2, "ttyUSB6", "one")]);
    drawing.plug_in("2", (0x2c7c, 0x0125), &[(2, "ttyUSB2", "other")]);
    let place = Place {
        imei: one.clone(),
        place: "pci0000:00/0000:00:14.0:usb:1".into(),
        interface: 2,
    };
    let line = drawing.line(PortChoice::Path(drawing.dev("ttyUSB2")), |_, keepers| {
        keepers.memory.place = Some(place);
    });
    let found = settled(&line, &one).await;
    assert_eq!(found.port, Some(drawing.dev("ttyUSB6")));
    assert_eq!(other.heard_count(), 0, "its texts are another line's");
}

#[tokio::test]
async fn several_modems_are_told_apart_by_their_imei() {
    let (one, other) = imeis();
    let drawing = Drawing::new();
    let _one = drawing.modem("one", &one).await;
    let _other = drawing.modem("other", &other).await;
    drawing.plug_in("1", (0x2c7c, 0x0125), &[(2, "ttyUSB2", "one")]);
    drawing.plug_in("2", (0x2c7c, 0x0125), &[(2, "ttyUSB6", "other")]);
    let claims = Arc::new(Claims::default());
    let line = |name: &str, imei: &str| {
        drawing.line(PortChoice::Auto, |settings, keepers| {
            settings.name = name.into();
            settings.imei = Some(imei.into());
            keepers.claims = Arc::clone(&claims);
        })
    };
    let (side, front) = (line("side", &other), line("front", &one));
    assert_eq!(
        settled(&side, &other).await.port,
        Some(drawing.dev("ttyUSB6"))
    );
    assert_eq!(
        settled(&front, &one).await.port,
        Some(drawing.dev("ttyUSB2"))
    );
}

#[tokio::test]
async fn two_sticks_that_claim_one_identity_are_refused_in_words() {
    let (one, _) = imeis();
    let drawing = Drawing::new();
    let _one = drawing.modem("one", &one).await;
    let _twin = drawing.modem("twin", &one).await;
    drawing.plug_in("1", (0x2c7c, 0x0125), &[(2, "ttyUSB2", "one")]);
    drawing.plug_in("2", (0x2c7c, 0x0125), &[(2, "ttyUSB6", "twin")]);
    let listed = list_on(&drawing.machine(), &[]).await;
    assert_eq!(listed.len(), 2);
    for found in &listed {
        let trouble = found.trouble.as_deref().unwrap();
        assert!(trouble.contains("same IMEI"), "{trouble}");
    }
    let says_so = |status: &LineStatus| {
        matches!(&status.phase, Phase::NoPort(words)
            if words.contains("both claim the IMEI") && words.contains("ttyUSB2") && words.contains("ttyUSB6"))
    };
    let line = drawing.line(PortChoice::Auto, |_, _| {});
    let refused = status(&line, "refused", says_so).await;
    assert_eq!(refused.alarm, None, "no modem is restarted for that");
    drop(line);

    // Named one by one: whoever comes second is refused, and comes in when the first has gone.
    let claims = Arc::new(Claims::default());
    let line = |name: &str, tty: &str| {
        drawing.line(PortChoice::Path(drawing.dev(tty)), |settings, keepers| {
            settings.name = name.into();
            keepers.claims = Arc::clone(&claims);
        })
    };
    let first = line("front", "ttyUSB2");
    settled(&first, &one).await;
    let second = line("side", "ttyUSB6");
    status(&second, "refused", says_so).await;
    drop(first);
    settled(&second, &one).await;
}

#[tokio::test]
async fn another_modem_in_its_place_is_taken_unless_the_configuration_says_which() {
    let (one, other) = imeis();
    let drawing = Drawing::new();
    let _modem = drawing.modem("modem", &other).await;
    drawing.plug_in("1", (0x2c7c, 0x0125), &[(2, "ttyUSB2", "modem")]);
    let place = Place {
        imei: one.clone(),
        place: "pci0000:00/0000:00:14.0:usb:1".into(),
        interface: 2,
    };
    let mut places = None;
    let line = drawing.line(PortChoice::Auto, |_, keepers| {
        places = Some(Places::of(keepers, Some(place)));
    });
    let mut places = places.unwrap();
    settled(&line, &other).await;
    places
        .becomes(&other, "pci0000:00/0000:00:14.0:usb:1")
        .await;
    drop(line);
    let line = drawing.line(PortChoice::Auto, |settings, _| {
        settings.imei = Some(one.clone());
    });
    status(&line, "refused", |status| {
        matches!(&status.phase, Phase::NoPort(words) if words.contains("another modem than `imei` names"))
    })
    .await;
}

#[tokio::test]
async fn texts_that_come_unannounced_lead_to_the_port_where_they_are_announced() {
    let (one, _) = imeis();
    let drawing = Drawing::new();
    // One modem with two AT ports, drawn as two that say the same: the first never announces.
    let deaf = SimulatedModem::start(Settings {
        profile: Profile::named("quectel-ec25").unwrap(),
        link: Some(drawing.root().join("plugs/first")),
        imei: one.clone(),
        ..Settings::default()
    })
    .await
    .unwrap();
    let _second = drawing.modem("second", &one).await;
    drawing.plug_in(
        "1",
        (0x2c7c, 0x0125),
        &[(2, "ttyUSB2", "first"), (3, "ttyUSB3", "second")],
    );
    let line = drawing.line(PortChoice::Auto, |settings, _| {
        settings.sweep_every = Duration::from_millis(200);
    });
    let first = settled(&line, &one).await;
    assert_eq!(first.port, Some(drawing.dev("ttyUSB2")));
    deaf.suffers(Ailment::Unannounced);
    deaf.patron_texts("+15551230100", "one").unwrap();
    deaf.wait_until_stored(0, PATIENCE).await.unwrap();
    // Once may be chance.
    assert_eq!(line.status().borrow().port, first.port);
    deaf.patron_texts("+15551230100", "two").unwrap();
    status(&line, "moved", |status| {
        status.phase == Phase::Ready && status.port == Some(drawing.dev("ttyUSB3"))
    })
    .await;
}

#[tokio::test]
async fn row_39_whoever_restarts_a_modem_is_told_where_it_was() {
    let (one, _) = imeis();
    let drawing = Drawing::new();
    let modem = drawing.modem("modem", &one).await;
    drawing.plug_in("2", (0x2c7c, 0x0125), &[(2, "ttyUSB2", "modem")]);
    let mut keepers = Keepers::default();
    let settings = LineSettings::new("front-desk", PortChoice::Auto);
    let mut opener = SerialOpener::new(drawing.machine(), &settings, &keepers);
    assert_eq!(opener.whereabouts(), Whereabouts::default(), "never met");
    let opened = opener.open().await.unwrap();
    keepers.memory.place = opener.identified(&one).unwrap();
    let here = Whereabouts {
        port: Some(drawing.dev("ttyUSB2")),
        usb: Some("1-2".into()),
        is_there: Some(true),
        tries: 0,
    };
    assert_eq!(opener.whereabouts(), here);
    drop(opened);
    modem.unplug().await;
    drawing.pull_out("2");
    let gone = Whereabouts {
        is_there: Some(false),
        ..here
    };
    assert_eq!(opener.whereabouts(), gone);
    // Another run of the daemon knows it from its records.
    let again = SerialOpener::new(drawing.machine(), &settings, &keepers);
    assert_eq!(again.whereabouts(), Whereabouts { port: None, ..gone });
}

#[tokio::test]
async fn row_43_the_console_is_not_talked_to() {
    let (one, _) = imeis();
    let drawing = Drawing::new();
    let console = drawing.modem("console", &one).await;
    symlink(drawing.root().join("plugs/console"), drawing.dev("ttyAMA0")).unwrap();
    let folder = drawing.root().join("sys/class/tty/console");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("active"), "tty1 ttyAMA0\n").unwrap();
    let line = drawing.line(PortChoice::Path(drawing.dev("ttyAMA0")), |_, _| {});
    status(&line, "refused", |status| {
        matches!(&status.phase, Phase::NoPort(words) if words.contains("serial-getty@ttyAMA0"))
    })
    .await;
    assert_eq!(console.heard_count(), 0);
}
