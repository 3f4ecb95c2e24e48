//! The front panel on a box that works: a double of the pin device, the simulated modem, and the
//! whole house between them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callnumber::daemon::{House, HouseSettings, PanelDuty};
use callnumber::hardware::{Bias, Board, HardwareError, Panel, PanelPins};
use callnumber::modem::{LineSettings, PortChoice};
use callnumber::routing::{Act, Amendment, Event, Library, Role};
use callnumber::simulator::{Settings, SimulatedModem};
use callnumber::spool::transcript;
use embedded_hal::digital::{ErrorType, InputPin, OutputPin, PinState};
use tokio::sync::watch;

use crate::support::PATIENCE;

const GREEN: u8 = 5;
const AMBER: u8 = 12;
const DESK: u8 = 16;
const HELP: u8 = 21;

/// The pin device: levels by BCM line, and a bell for whoever waits for one.
#[derive(Debug, Clone)]
struct Double {
    levels: Arc<Mutex<BTreeMap<u8, PinState>>>,
    changes: Arc<watch::Sender<u64>>,
}

#[derive(Debug)]
struct Pin {
    device: Double,
    line: u8,
}

impl Double {
    fn new() -> Self {
        Self {
            levels: Arc::default(),
            changes: Arc::new(watch::channel(0).0),
        }
    }

    fn set(&self, line: u8, level: PinState) {
        self.levels.lock().unwrap().insert(line, level);
        self.changes.send_modify(|count| *count += 1);
    }

    fn level(&self, line: u8) -> PinState {
        let levels = self.levels.lock().unwrap();
        levels.get(&line).copied().unwrap_or(PinState::High)
    }

    /// Waits until a lamp is lit or dark.
    async fn shows(&self, line: u8, level: PinState) {
        let mut changes = self.changes.subscribe();
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.level(line) != level {
                changes.changed().await.unwrap();
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("GPIO {line} never was {level:?}"));
    }
}

impl ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.device.set(self.line, PinState::Low);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.device.set(self.line, PinState::High);
        Ok(())
    }
}

impl InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.device.level(self.line) == PinState::High)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}

impl Board for Double {
    type Output = Pin;
    type Input = Pin;

    fn output(
        &self,
        line: u8,
        _role: &'static str,
        initial: PinState,
    ) -> Result<Pin, HardwareError> {
        self.set(line, initial);
        let device = self.clone();
        Ok(Pin { device, line })
    }

    fn input(&self, line: u8, _role: &'static str, bias: Bias) -> Result<Pin, HardwareError> {
        assert_eq!(bias, Bias::PullUp, "contacts are to ground");
        let device = self.clone();
        Ok(Pin { device, line })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lamps_switch_and_button_are_the_desks() {
    let folder = tempfile::tempdir().unwrap();
    let modem = SimulatedModem::start(Settings::default()).await.unwrap();
    let mut house = House::open(HouseSettings {
        lines: vec![LineSettings {
            pace: Duration::ZERO,
            per_day: 0,
            ..LineSettings::new("front-desk", PortChoice::Path(modem.port()))
        }],
        ..HouseSettings::quiet(folder.path().join("spool.db"), Library::default())
    })
    .await
    .unwrap();
    let pins = Double::new();
    let panel = Panel::open(PanelPins::default(), &pins, std::time::Instant::now()).unwrap();
    house.seat_panel(
        panel,
        PanelDuty {
            operator: Some("ana".into()),
            help_number: Some("+15551239999".into()),
            help_words: "Help is wanted at the desk.".into(),
        },
    );

    // Green once a network has the line.
    pins.shows(GREEN, PinState::High).await;
    let mut board = house.desk().board();
    assert!(board.borrow().online.is_empty());

    // The switch is open before its operator is there: it is told again until it is taken.
    pins.set(DESK, PinState::Low);
    let ana = Amendment::AddOperator {
        name: "ana".into(),
        password_hash: None,
        role: Role::Operator,
        queues: vec!["desk".into()],
    };
    house.desk().amend(ana).await.unwrap();
    tokio::time::timeout(PATIENCE, board.wait_for(|board| !board.online.is_empty()))
        .await
        .expect("the queue is online")
        .unwrap();

    // Amber from a text to its answer.
    assert_eq!(pins.level(AMBER), PinState::Low);
    modem
        .patron_texts("+15551230100", "Is my book in?")
        .unwrap();
    pins.shows(AMBER, PinState::High).await;
    let waiting = house
        .spool()
        .read(|connection| Ok(transcript::remember(connection)?.conversations))
        .await
        .unwrap();
    let operator = board.borrow().plan.operators[0].id;
    house
        .desk()
        .ask(Event::act(operator, waiting[0].id, Act::send("Yes.")))
        .await
        .unwrap();
    pins.shows(AMBER, PinState::Low).await;
    assert_eq!(modem.next_sent(PATIENCE).await.unwrap().text, "Yes.");

    // Help: one text, however long it is pressed.
    pins.set(HELP, PinState::Low);
    let called = modem.next_sent(PATIENCE).await.unwrap();
    assert_eq!(called.text, "Help is wanted at the desk.");
    assert_eq!(called.to, "+15551239999");
    pins.set(HELP, PinState::High);

    // Closed.
    pins.set(DESK, PinState::High);
    tokio::time::timeout(PATIENCE, board.wait_for(|board| board.online.is_empty()))
        .await
        .expect("the queue is offline")
        .unwrap();

    // A modem that is gone.
    modem.unplug().await;
    pins.shows(GREEN, PinState::Low).await;
    pins.shows(GREEN, PinState::High).await; // it blinks

    house.close().await;
    assert_eq!(pins.level(GREEN), PinState::Low, "dark when nobody is in");
    assert_eq!(pins.level(AMBER), PinState::Low);
}
