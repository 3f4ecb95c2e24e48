//! Rung 6 through the pins of a HAT: power key, reset or supply, as the profile named in the
//! configuration says.

use std::sync::{Mutex, PoisonError};

use embedded_hal::delay::DelayNs;
use linux_embedded_hal::Delay;

use super::restart::{RestartError, Restarter, Whereabouts};
use crate::hardware::{Board, CdevBoard, HardwareError, Hat, Profile, Settled};

/// Opens the box's header.
type OpenBoard<B> = fn() -> Result<B, HardwareError>;

/// The pins of one modem's HAT, held for the life of the line.
pub struct PowerKey<B: Board, D = Delay> {
    profile: &'static Profile,
    board: OpenBoard<B>,
    held: Mutex<Held<B, D>>,
}

struct Held<B: Board, D> {
    hat: Option<Hat<B>>,
    delay: D,
}

impl<B: Board, D> std::fmt::Debug for PowerKey<B, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PowerKey")
            .field("profile", &self.profile.name)
            .finish_non_exhaustive()
    }
}

impl PowerKey<CdevBoard> {
    /// Takes the pins of the profile on this machine's header. When that fails it is said, and
    /// tried again whenever the key is wanted: a desk without a power key still answers texts.
    pub fn new(profile: &'static Profile) -> Self {
        Self::on(profile, CdevBoard::open, Delay)
    }
}

impl<B: Board, D: DelayNs> PowerKey<B, D> {
    /// The same on any board.
    pub fn on(profile: &'static Profile, board: OpenBoard<B>, delay: D) -> Self {
        let key = Self {
            profile,
            board,
            held: Mutex::new(Held { hat: None, delay }),
        };
        match board().and_then(|board| Hat::open(profile, &board)) {
            Ok(hat) => key.held().hat = Some(hat),
            Err(error) => tracing::warn!("the power key of {}: {error}", profile.sold_as),
        }
        key
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held<B, D>> {
        // Whoever panicked left the pins as they were; the next press sets them anew.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn press(&self, modem: &Whereabouts) -> Result<Settled, HardwareError> {
        let mut held = self.held();
        let Held { hat, delay } = &mut *held;
        let hat = match hat {
            Some(hat) => hat,
            empty => empty.insert(Hat::open(self.profile, &(self.board)()?)?),
        };
        // The key toggles. A modem that is off the bus is most likely off: a press that turns on,
        // and is too short to turn a running one off, comes before anything harder.
        let may_be_off = modem.is_there == Some(false) && modem.tries == 0;
        if may_be_off && self.profile.power_key.is_some() {
            match hat.power().turn_on(Some(false), delay)? {
                // STATUS says that it runs: then it hangs.
                Settled::Already => {}
                settled @ (Settled::Confirmed(_) | Settled::Unconfirmed) => return Ok(settled),
            }
        }
        hat.restart(delay)
    }
}

impl<B, D> Restarter for PowerKey<B, D>
where
    B: Board,
    B::Output: Send,
    B::Input: Send,
    D: DelayNs + Send,
{
    fn name(&self) -> String {
        format!("the pins of {}", self.profile.sold_as)
    }

    fn restart(&self, modem: &Whereabouts) -> Result<(), RestartError> {
        match self.press(modem) {
            Ok(settled) => {
                tracing::info!(?settled, "the modem's pins were worked");
                Ok(())
            }
            Err(error) => Err(RestartError::Failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use embedded_hal::digital::{ErrorType, InputPin, OutputPin, PinState};

    use super::*;
    use crate::hardware::Bias;

    /// What was done to the pins, in order, and how long was waited between.
    static DONE: Mutex<Vec<String>> = Mutex::new(Vec::new());
    /// Whether the board can be opened.
    static SEATED: AtomicBool = AtomicBool::new(true);
    /// One test at a time: the board is a function, and has no other memory.
    static TURN: Mutex<()> = Mutex::new(());

    fn note(words: String) {
        DONE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(words);
    }

    fn take_done() -> Vec<String> {
        std::mem::take(&mut DONE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    struct Paper;
    struct PaperPin(u8);
    struct PaperDelay;

    impl ErrorType for PaperPin {
        type Error = std::convert::Infallible;
    }

    impl OutputPin for PaperPin {
        fn set_low(&mut self) -> Result<(), Self::Error> {
            note(format!("{} low", self.0));
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Self::Error> {
            note(format!("{} high", self.0));
            Ok(())
        }
    }

    impl InputPin for PaperPin {
        fn is_high(&mut self) -> Result<bool, Self::Error> {
            Ok(true)
        }

        fn is_low(&mut self) -> Result<bool, Self::Error> {
            Ok(false)
        }
    }

    impl Board for Paper {
        type Output = PaperPin;
        type Input = PaperPin;

        fn output(
            &self,
            line: u8,
            _: &'static str,
            _: PinState,
        ) -> Result<PaperPin, HardwareError> {
            note(format!("take {line}"));
            Ok(PaperPin(line))
        }

        fn input(&self, line: u8, _: &'static str, _: Bias) -> Result<PaperPin, HardwareError> {
            Ok(PaperPin(line))
        }
    }

    impl DelayNs for PaperDelay {
        fn delay_ns(&mut self, ns: u32) {
            note(format!("wait {} ms", ns / 1_000_000));
        }

        fn delay_ms(&mut self, ms: u32) {
            note(format!("wait {ms} ms"));
        }
    }

    fn board() -> Result<Paper, HardwareError> {
        if SEATED.load(Ordering::SeqCst) {
            Ok(Paper)
        } else {
            Err(HardwareError::NoHeader {
                found: "nothing".into(),
            })
        }
    }

    fn key(name: &str) -> PowerKey<Paper, PaperDelay> {
        PowerKey::on(Profile::named(name).unwrap(), board, PaperDelay)
    }

    #[test]
    fn a_dark_modem_is_pressed_on_and_a_mute_one_off_and_on() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        take_done();
        let key = key("waveshare-sim7600");
        assert_eq!(
            take_done(),
            ["take 4", "take 6"],
            "flight mode is held released"
        );
        let dark = Whereabouts {
            is_there: Some(false),
            ..Whereabouts::default()
        };
        key.restart(&dark).unwrap();
        assert_eq!(
            take_done(),
            ["6 high", "wait 500 ms", "6 low", "wait 20000 ms"]
        );
        // It did not help, or the modem is on its bus and says nothing: then all the way.
        let still_dark = Whereabouts { tries: 1, ..dark };
        let mute = Whereabouts {
            is_there: Some(true),
            ..Whereabouts::default()
        };
        for modem in [still_dark, mute, Whereabouts::default()] {
            key.restart(&modem).unwrap();
            assert_eq!(
                take_done(),
                [
                    "6 high",
                    "wait 3000 ms",
                    "6 low",
                    "wait 32000 ms",
                    "6 high",
                    "wait 500 ms",
                    "6 low",
                    "wait 20000 ms"
                ],
                "{modem:?}"
            );
        }
    }

    #[test]
    fn a_header_that_is_not_there_is_said_and_tried_again() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        SEATED.store(false, Ordering::SeqCst);
        let key = key("waveshare-sim7600");
        let said = key
            .restart(&Whereabouts::default())
            .unwrap_err()
            .to_string();
        assert!(said.contains("no GPIO chip"), "{said}");
        SEATED.store(true, Ordering::SeqCst);
        take_done();
        key.restart(&Whereabouts::default()).unwrap();
        assert!(take_done().contains(&"6 high".to_owned()));
    }

    #[test]
    fn the_key_may_be_shared_with_the_thread_that_presses_it() {
        fn is_a_way<T: Restarter + 'static>() {}
        is_a_way::<PowerKey<CdevBoard>>();
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let way: Arc<dyn Restarter> = Arc::new(key("waveshare-sim7070g"));
        assert!(way.name().contains("SIM7070G"));
    }
}
