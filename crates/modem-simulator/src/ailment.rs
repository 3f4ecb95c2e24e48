//! What can be wrong with a modem, at will: the scripted sister of [`super::Faults`].

use std::time::Duration;

/// One thing that is wrong. Those that count say how often they strike (`u32::MAX`: always); the
/// others last until [`super::SimulatedModem::recovers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ailment {
    /// Command lines with a command that begins with `command` (without `AT`) are not carried out
    /// but end with `result`, as it stands: `+CMS ERROR: 500`, `COMMAND NOT SUPPORT`.
    Refuses {
        /// How the command begins, in capitals.
        command: String,
        /// The final result code.
        result: String,
        /// How often.
        times: u32,
    },
    /// Command lines with such a command are carried out, and end without a final result.
    Mute {
        /// How the command begins, in capitals.
        command: String,
        /// How often.
        times: u32,
    },
    /// Their responses come later.
    Late {
        /// How the command begins, in capitals.
        command: String,
        /// By how much.
        by: Duration,
        /// How often.
        times: u32,
    },
    /// An unsolicited code stands in the middle of their responses.
    Interjects {
        /// How the command begins, in capitals.
        command: String,
        /// The code.
        code: String,
        /// How often.
        times: u32,
    },
    /// The next lines are not heard at all: SIM800 while it guesses the speed.
    Deaf {
        /// How many.
        lines: u32,
    },
    /// Neither hears nor speaks for so long.
    Silent(Duration),
    /// Waits for a text that nobody will end, as after a program that died at the prompt.
    InDataMode,
    /// `+CMGS` waits for the text without a `>`.
    Promptless {
        /// How often.
        times: u32,
    },
    /// The next texts are taken from the terminal and go nowhere, without a word.
    Swallows {
        /// How many.
        texts: u32,
    },
    /// The next texts are sent, and answered with a `+CMS ERROR` all the same.
    Lies {
        /// Its code.
        code: u16,
        /// How many.
        texts: u32,
    },
    /// Any USSD code is answered with this line or lines.
    UssdSays(String),
    /// Command lines with such a command are not carried out but answered with `line` and
    /// `OK`.
    Answers {
        /// How the command begins, in capitals.
        command: String,
        /// The information text.
        line: String,
    },
    /// Codes of the make's own go to a second port that nobody reads: after so many it hangs until
    /// its power is switched off and on.
    SecondPortFills {
        /// How many it takes.
        codes: u32,
    },
    /// Has restarted without a word: echo, short result codes, text mode, no indications.
    Forgetful,
    /// The SIM has dropped off, and comes back with `+CFUN=1` after `+CFUN=0` or 4, or a restart.
    SimAsleep,
    /// The supply sags: a warning, then no supply for so long.
    Brownout(Duration),
    /// One entry of every listing comes broken.
    Corrupt {
        /// Its index.
        index: usize,
        /// How.
        how: Corruption,
        /// Whether `+CMGR` gives it broken as well.
        when_read: bool,
    },
    /// What is stored is announced at once and listed only so much later.
    ListsLate(Duration),
    /// No indication leaves by this port.
    Unannounced,
    /// Indications name this memory, whatever was used.
    Misnames(String),
    /// Texts are stored into this memory, whatever was chosen.
    StoresInto(String),
    /// The next texts are dropped, and announced as `+CMTI: ,-1`.
    Drops {
        /// How many.
        texts: u32,
    },
    /// A line with more than one command is refused.
    OneAtATime,
    /// `+CPMS?` says this many are used.
    Miscounts(usize),
    /// `+CPMS=` takes exactly so many memories; with 0 it takes none at all.
    Memories(usize),
    /// A memory has no places, and takes in nothing: an eSIM without room for texts.
    NoPlaces(String),
    /// A memory counts its texts, and neither lists nor reads any.
    ShowsNone(String),
    /// `+CMGF=` is taken, and text mode stays.
    TextModeStays,
    /// Falls back into text mode with direct delivery, without a word and without an echo.
    FallsBack,
    /// Answers to commands that begin so end without `OK`, for as long as it lasts.
    LacksOk {
        /// How the command begins, in capitals.
        command: String,
    },
    /// The character set of strings is this one, and no other is taken.
    Charset(&'static str),
    /// After so much silence the port sleeps, and swallows the line that wakes it.
    Sleeps(Duration),
    /// Of a line only the first command is carried out.
    FirstAlone,
}

/// How an entry of a listing is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corruption {
    /// The PDU ends half way.
    Cut,
    /// One hexadecimal digit is missing.
    DigitLost,
    /// Octets that are no hexadecimal digits.
    Noise,
    /// The header is unreadable.
    Header,
    /// There is a header, and no PDU.
    Bodiless,
    /// The line's end is missing: the next entry follows on the same line.
    RunsOn,
}
