//! The pins of the box end to end: a HAT and a panel against a double of the pin device, which
//! keeps time, counts presses by their length as the module's manual does, and boots like a modem.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use callnumber::hardware::profile::{PROFILES, Pin, Profile};
use callnumber::hardware::{
    Bias, Board, DeskPosition, HardwareError, Hat, LineHealth, Panel, PanelEvent, PanelPins,
    Polarity, PowerState, Settled, amber, green,
};
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{ErrorType, InputPin, OutputPin, PinState};

/// The modem on the double's HAT, as its own manual describes it.
struct Modem {
    profile: &'static Profile,
    /// What the key does at its shortest, of this file's own reading of the manuals.
    on_at_least: Duration,
    off_at_least: Duration,
    boots_in: Duration,
    logs_off_in: Duration,
    running: bool,
    /// Until when it boots or logs off, and what it is then.
    changing: Option<(Duration, bool)>,
    pressed_since: Option<Duration>,
    presses: usize,
    cuts: usize,
}

/// The pins, the clock and the modem.
struct Device {
    now: Duration,
    levels: BTreeMap<u8, PinState>,
    taken: BTreeMap<u8, (&'static str, Option<Bias>)>,
    refuse: Option<u8>,
    modem: Option<Modem>,
}

fn is(pin: Option<Pin>, levels: &BTreeMap<u8, PinState>) -> Option<bool> {
    let pin = pin?;
    let high = *levels.get(&pin.line)? == PinState::High;
    Some(high == (pin.polarity == Polarity::ActiveHigh))
}

impl Device {
    /// Lets the modem's own time pass.
    fn settle(&mut self) {
        let now = self.now;
        let Some(modem) = &mut self.modem else { return };
        if let Some((_, running)) = modem.changing.filter(|(at, _)| *at <= now) {
            modem.running = running;
            modem.changing = None;
        }
        if let Some(status) = modem.profile.status {
            let high = modem.running == (status.polarity == Polarity::ActiveHigh);
            self.levels.insert(status.line, high.into());
        }
    }

    /// A pin moved: what the modem makes of it.
    fn set(&mut self, line: u8, level: PinState) {
        self.settle();
        self.levels.insert(line, level);
        let now = self.now;
        let Some(modem) = &mut self.modem else { return };
        let fed = is(modem.profile.enable, &self.levels).unwrap_or(true);
        if !fed {
            modem.cuts += usize::from(modem.running);
            modem.running = false;
            modem.changing = None;
            modem.pressed_since = None;
        } else if modem.profile.enable.is_some_and(|pin| pin.line == line)
            && modem.profile.power_key.is_none()
            && !modem.running
        {
            modem.changing = Some((now + modem.boots_in, true)); // the carrier starts it
        }
        if modem.profile.power_key.is_some_and(|pin| pin.line == line) {
            let pressed = is(modem.profile.power_key, &self.levels).unwrap();
            match (pressed, modem.pressed_since) {
                (true, None) => modem.pressed_since = Some(now),
                (false, Some(since)) => {
                    modem.pressed_since = None;
                    modem.presses += 1;
                    let held = now - since;
                    if modem.running && held >= modem.off_at_least {
                        modem.changing = Some((now + modem.logs_off_in, false));
                    } else if !modem.running && held >= modem.on_at_least && fed {
                        modem.changing = Some((now + modem.boots_in, true));
                    }
                }
                _ => {}
            }
        }
        self.settle();
    }
}

#[derive(Clone)]
struct Double(Rc<RefCell<Device>>);

struct Line {
    device: Rc<RefCell<Device>>,
    number: u8,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.device.borrow_mut().taken.remove(&self.number);
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl OutputPin for Line {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.device.borrow_mut().set(self.number, PinState::Low);
        Ok(())
    }
    fn set_high(&mut self) -> Result<(), Infallible> {
        self.device.borrow_mut().set(self.number, PinState::High);
        Ok(())
    }
}

impl InputPin for Line {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        let mut device = self.device.borrow_mut();
        device.settle();
        Ok(device.levels.get(&self.number) == Some(&PinState::High))
    }
    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}

/// The delay of the same clock.
impl DelayNs for Double {
    fn delay_ns(&mut self, ns: u32) {
        self.0.borrow_mut().now += Duration::from_nanos(ns.into());
    }
    fn delay_ms(&mut self, ms: u32) {
        self.0.borrow_mut().now += Duration::from_millis(ms.into());
    }
}

impl Double {
    fn new(modem: Option<Modem>) -> Self {
        Self(Rc::new(RefCell::new(Device {
            now: Duration::ZERO,
            levels: BTreeMap::new(),
            taken: BTreeMap::new(),
            refuse: None,
            modem,
        })))
    }

    fn take(
        &self,
        line: u8,
        role: &'static str,
        bias: Option<Bias>,
    ) -> Result<Line, HardwareError> {
        let mut device = self.0.borrow_mut();
        if device.refuse == Some(line) || device.taken.contains_key(&line) {
            return Err(HardwareError::Busy {
                line,
                role,
                holder: "\"another\"".to_owned(),
            });
        }
        device.taken.insert(line, (role, bias));
        Ok(Line {
            device: Rc::clone(&self.0),
            number: line,
        })
    }

    fn running(&self) -> bool {
        let mut device = self.0.borrow_mut();
        device.settle();
        device.modem.as_ref().unwrap().running
    }

    fn counts(&self) -> (usize, usize) {
        let device = self.0.borrow();
        let modem = device.modem.as_ref().unwrap();
        (modem.presses, modem.cuts)
    }
}

impl Board for Double {
    type Output = Line;
    type Input = Line;

    fn output(
        &self,
        line: u8,
        role: &'static str,
        initial: PinState,
    ) -> Result<Line, HardwareError> {
        let taken = self.take(line, role, None)?;
        self.0.borrow_mut().set(line, initial);
        Ok(taken)
    }

    fn input(&self, line: u8, role: &'static str, bias: Bias) -> Result<Line, HardwareError> {
        let taken = self.take(line, role, Some(bias))?;
        if bias == Bias::PullUp {
            self.0
                .borrow_mut()
                .levels
                .entry(line)
                .or_insert(PinState::High);
        }
        Ok(taken)
    }
}

/// A modem for each profile: shortest on press, shortest off press, boot, log-off; milliseconds.
fn modem(profile: &'static Profile, running: bool) -> Modem {
    let (on, off, boot, gone) = match profile.name {
        "waveshare-sim7600" => (500, 2_500, 18_000, 25_000),
        "waveshare-sim7070g" | "waveshare-sim7080g" => (1_000, 1_200, 9_000, 6_500),
        "sixfab-base" => (500, 650, 14_000, 29_000),
        "sixfab-cellular-iot-app" | "sixfab-cellular-iot" => (500, 650, 4_800, 2_000),
        other => panic!("{other} has no modem here: add its manual's figures"),
    };
    let ms = Duration::from_millis;
    Modem {
        profile,
        on_at_least: ms(on),
        off_at_least: ms(off),
        boots_in: ms(boot),
        logs_off_in: ms(gone),
        running,
        changing: None,
        pressed_since: None,
        presses: 0,
        cuts: 0,
    }
}

#[test]
fn opening_a_hat_disturbs_no_running_modem() {
    for profile in PROFILES {
        let board = Double::new(Some(modem(profile, true)));
        let hat = Hat::open(profile, &board).unwrap();
        assert_eq!(board.counts(), (0, 0), "{}", profile.name);
        assert!(board.running(), "{}", profile.name);
        assert_eq!(
            board.0.borrow().taken.len(),
            profile.pins().count(),
            "{}",
            profile.name
        );
        drop(hat);
        assert!(board.0.borrow().taken.is_empty(), "{}", profile.name);
    }
}

#[test]
fn every_hat_with_a_key_wakes_and_sleeps_its_modem() {
    for profile in PROFILES
        .iter()
        .filter(|profile| profile.power_key.is_some())
    {
        let name = profile.name;
        let board = Double::new(Some(modem(profile, false)));
        let mut delay = board.clone();
        let mut hat = Hat::open(profile, &board).unwrap();

        let woken = hat.power().turn_on(Some(false), &mut delay).unwrap();
        assert!(board.running(), "{name}");
        assert_eq!(
            matches!(woken, Settled::Confirmed(_)),
            profile.status.is_some(),
            "{name}"
        );
        // Again: already on, not pressed, or it would go off.
        assert_eq!(
            hat.power().turn_on(Some(true), &mut delay).unwrap(),
            Settled::Already
        );
        assert_eq!(board.counts().0, 1, "{name}");
        assert!(board.running(), "{name}");

        hat.power().turn_off(Some(true), &mut delay).unwrap();
        assert!(!board.running(), "{name}");
        assert_eq!(
            hat.state().unwrap(),
            profile.status.map(|_| PowerState::Off),
            "{name}"
        );
        assert_eq!(board.counts().0, 2, "{name}");
    }
}

#[test]
fn every_hat_restarts_a_modem_that_runs_and_one_that_does_not() {
    for profile in PROFILES {
        for running in [true, false] {
            let board = Double::new(Some(modem(profile, running)));
            let mut delay = board.clone();
            let mut hat = Hat::open(profile, &board).unwrap();
            hat.restart(&mut delay).unwrap();
            assert!(board.running(), "{} running={running}", profile.name);
            let (presses, cuts) = board.counts();
            if profile.enable.is_some() {
                assert_eq!(cuts, usize::from(running), "{}", profile.name);
            } else {
                assert_eq!(presses, 2, "{}", profile.name);
            }
            let held = board.0.borrow().now;
            assert!(
                held <= Duration::from_secs(60),
                "{} took {held:?}",
                profile.name
            );
        }
    }
}

#[test]
fn a_modem_that_does_not_come_is_reported_and_its_supply_left_on() {
    let profile = Profile::named("sixfab-cellular-iot-app").unwrap();
    let mut sick = modem(profile, false);
    sick.boots_in = Duration::from_secs(3_600);
    let board = Double::new(Some(sick));
    let mut delay = board.clone();
    let mut hat = Hat::open(profile, &board).unwrap();
    let error = hat.restart(&mut delay).unwrap_err();
    assert!(
        matches!(error, HardwareError::Unmoved { wanted: "on", .. }),
        "{error}"
    );
    let device = board.0.borrow();
    assert_eq!(is(profile.enable, &device.levels), Some(true));
    assert_eq!(is(profile.power_key, &device.levels), Some(false));
}

#[test]
fn a_line_somebody_holds_is_named_and_the_others_let_go() {
    let profile = Profile::named("waveshare-sim7600").unwrap();
    let board = Double::new(None);
    board.0.borrow_mut().refuse = Some(6);
    let error = Hat::open(profile, &board).err().unwrap();
    assert!(error.is_transient());
    assert!(
        error
            .to_string()
            .contains("GPIO 6 (power key) is held by \"another\""),
        "{error}"
    );
    assert!(board.0.borrow().taken.is_empty());
}

#[test]
fn a_day_at_the_panel() {
    let board = Double::new(None);
    let start = Instant::now();
    let mut panel = Panel::open(PanelPins::default(), &board, start).unwrap();
    for (line, taken) in [
        (16, ("desk switch", Some(Bias::PullUp))),
        (5, ("green lamp", None)),
    ] {
        assert_eq!(board.0.borrow().taken.get(&line), Some(&taken));
    }
    // What somebody does, and when, in milliseconds: a line and its level, pull-ups high.
    let hands = [
        (400, 16, PinState::Low), // the switch is turned, and bounces
        (404, 16, PinState::High),
        (409, 16, PinState::Low),
        (2_000, 21, PinState::Low), // help is pressed
        (2_200, 21, PinState::High),
        (3_000, 16, PinState::High), // and the desk closed
    ];
    let mut hands = hands.iter().peekable();
    let (mut seen, mut green_turns, mut last) = (Vec::new(), Vec::new(), PinState::Low);
    let mut now = start;
    let mut looks = 0;
    panel.show_green(green(LineHealth::Searching), now);
    panel.show_amber(amber(true), now);
    while now < start + Duration::from_secs(4) {
        let ms = u64::try_from((now - start).as_millis()).unwrap();
        while let Some((_, line, level)) = hands.next_if(|(at, ..)| *at <= ms) {
            board.0.borrow_mut().levels.insert(*line, *level);
        }
        let tick = panel.tick(now);
        looks += 1;
        assert!(tick.fault.is_none());
        seen.extend(tick.events.into_iter().map(|event| (ms / 100, event)));
        let level = *board.0.borrow().levels.get(&5).unwrap();
        if level != last {
            green_turns.push(ms);
            last = level;
        }
        assert!(tick.next.unwrap() > now);
        now = tick.next.unwrap();
    }
    assert_eq!(
        seen,
        [
            (0, PanelEvent::Desk(DeskPosition::Closed)),
            (4, PanelEvent::Desk(DeskPosition::Open)),
            (20, PanelEvent::Help),
            (30, PanelEvent::Desk(DeskPosition::Closed)),
        ]
    );
    assert_eq!(green_turns, [0, 1_000, 2_000, 3_000]);
    assert_eq!(board.0.borrow().levels.get(&12), Some(&PinState::High));
    assert!(looks < 250, "{looks} looks in 4 s");
}

#[test]
fn a_panel_with_nothing_fitted_wants_nothing() {
    let board = Double::new(None);
    let now = Instant::now();
    let mut panel = Panel::open(PanelPins::NONE, &board, now).unwrap();
    panel.show_green(green(LineHealth::Dead), now);
    let tick = panel.tick(now);
    assert!(tick.next.is_none() && tick.events.is_empty() && tick.fault.is_none());
    assert!(board.0.borrow().taken.is_empty());
}

/// What a drawing says is where: the attributes of its groups.
fn drawn(name: &str) -> Vec<(u8, String)> {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("hardware/{name}.svg"));
    let drawing = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} is missing: {error}", path.display()));
    let mut found = Vec::new();
    for group in drawing.split("data-line=\"").skip(1) {
        let (line, rest) = group.split_once('"').unwrap();
        let role = rest
            .split_once("data-role=\"")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap();
        // The label under the same group names the same line.
        let label = format!("GPIO {line}");
        assert!(
            rest.split("</g>").next().unwrap().contains(&label),
            "{name}: {label}"
        );
        found.push((line.parse().unwrap(), role.to_owned()));
    }
    found.sort();
    found
}

#[test]
fn each_drawing_shows_the_pins_that_are_driven() {
    for profile in PROFILES {
        let mut pins: Vec<_> = profile
            .pins()
            .map(|(role, pin)| (pin.line, role.to_owned()))
            .collect();
        pins.sort();
        assert_eq!(drawn(profile.name), pins, "{}", profile.name);
    }
    let panel = PanelPins::default();
    let fitted = [
        (panel.green, "green lamp"),
        (panel.amber, "amber lamp"),
        (panel.desk, "desk switch"),
        (panel.help, "help button"),
    ];
    let fitted: Vec<_> = fitted
        .map(|(line, role)| (line.unwrap(), role.to_owned()))
        .to_vec();
    assert_eq!(drawn("panel"), fitted);
}

/// Whether a pin of the HAT is among those that are pulled up at reset.
fn outputs_pulled_up(profile: &Profile) -> bool {
    profile
        .pins()
        .any(|(role, pin)| role != "status" && pin.line <= 8)
}

#[test]
fn the_guide_lists_every_profile_with_its_pins() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware/README.md");
    let guide = std::fs::read_to_string(path).unwrap();
    for profile in PROFILES {
        let rows: Vec<&str> = guide
            .lines()
            .filter(|line| line.starts_with(&format!("| `{}` |", profile.name)))
            .collect();
        let [pins, boot] = rows[..] else {
            panic!("{} has {} rows", profile.name, rows.len())
        };
        let mut outputs: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for (role, pin) in profile.pins().filter(|(role, _)| *role != "status") {
            let is_high = (role == "power enable") == (pin.polarity == Polarity::ActiveHigh);
            let level = if is_high { "dh" } else { "dl" };
            // GPIO 0 to 8 are pulled up at reset: a key there would be pressed until this line.
            let level = match level {
                "dl" if outputs_pulled_up(profile) => "dl,pd",
                level => level,
            };
            outputs.entry(level).or_default().push(pin.line);
        }
        outputs.values_mut().for_each(|lines| lines.sort_unstable());
        // What keeps the modem running while the Pi starts: keys released, the supply on.
        for (level, lines) in &outputs {
            let lines: Vec<String> = lines.iter().map(u8::to_string).collect();
            let line = format!("`gpio={}=op,{level}`", lines.join(","));
            assert!(boot.contains(&line), "{line}: {boot}");
        }
        for (role, pin) in profile.pins().filter(|(role, _)| *role != "flight mode") {
            assert!(pins.contains(&format!("| {}", pin.line)), "{role}: {pins}");
        }
    }
}
