//! Final result codes (V.250 §5.7.1, TS 27.005 §3.2.5, TS 27.007 §9.2): the word that ends a command.

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinalResult {
    /// `OK`
    Ok,
    /// `ERROR`, without a reason.
    Error,
    /// `+CME ERROR`: equipment or SIM (TS 27.007 §9.2).
    Cme(ErrorCode),
    /// `+CMS ERROR`: texts (TS 27.005 §3.2.5).
    Cms(ErrorCode),
    /// `NO CARRIER`, `BUSY`, `NO ANSWER`, `NO DIALTONE`: the word itself.
    NoConnection(&'static str),
    /// `COMMAND NOT SUPPORT`: Huawei's spelling of `ERROR`.
    NotSupported,
    /// `TOO MANY PARAMETERS`: Huawei's other spelling.
    TooManyParameters,
    /// `ABORTED`: another character arrived while the command ran (V.250 §5.6.1).
    Aborted,
}

/// What stands behind `+CME ERROR:` or `+CMS ERROR:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode {
    /// The number, also where a known text stood in its place.
    pub number: Option<u16>,
    /// The text, if the modem gave one despite `+CMEE=1`.
    pub text: Option<String>,
}

impl ErrorCode {
    /// A bare number.
    pub fn number(number: u16) -> Self {
        Self {
            number: Some(number),
            text: None,
        }
    }

    fn parse(said: &str, known: &[(&str, u16)]) -> Self {
        let said = said.trim();
        if let Ok(number) = said.parse() {
            return Self::number(number);
        }
        let number = known
            .iter()
            .find(|(text, _)| said.eq_ignore_ascii_case(text))
            .map(|(_, number)| *number);
        Self {
            number,
            text: Some(said.to_owned()),
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.number, &self.text) {
            (Some(number), Some(text)) => write!(f, "{number} ({text})"),
            (Some(number), None) => write!(f, "{number}"),
            (None, Some(text)) => f.write_str(text),
            (None, None) => f.write_str("no reason"),
        }
    }
}

impl FinalResult {
    /// Reads a line as a final result code; `None` for any other line.
    pub fn parse(line: &str) -> Option<Self> {
        // The longest of the words has 21 letters.
        let word = (line.len() <= 24).then(|| line.to_ascii_uppercase());
        Some(match word.as_deref().unwrap_or_default() {
            "OK" => Self::Ok,
            "ERROR" => Self::Error,
            "NO CARRIER" => Self::NoConnection("NO CARRIER"),
            "BUSY" => Self::NoConnection("BUSY"),
            "NO ANSWER" => Self::NoConnection("NO ANSWER"),
            "NO DIALTONE" | "NO DIAL TONE" => Self::NoConnection("NO DIALTONE"),
            "COMMAND NOT SUPPORT" | "COMMAND NOT SUPPORTED" => Self::NotSupported,
            "TOO MANY PARAMETERS" => Self::TooManyParameters,
            "ABORTED" => Self::Aborted,
            _ => {
                if let Some(code) = line.strip_prefix("+CME ERROR:") {
                    Self::Cme(ErrorCode::parse(code, CME_TEXTS))
                } else if let Some(code) = line.strip_prefix("+CMS ERROR:") {
                    Self::Cms(ErrorCode::parse(code, CMS_TEXTS))
                } else {
                    return None;
                }
            }
        })
    }

    /// Reads a numeric result code (`ATV0`, V.250 §6.2.6): only `0` and `4`, the ones that answer
    /// the commands which switch `V0` off.
    pub fn parse_numeric(line: &str) -> Option<Self> {
        match line {
            "0" => Some(Self::Ok),
            "4" => Some(Self::Error),
            _ => None,
        }
    }

    /// Whether the command did what it was asked.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }

    /// Whether the SIM is still starting, so that asking again in a second helps (TS 27.007 §9.2,
    /// TS 27.005 §3.2.5): busy, or not yet seen, or not yet readable. The makers' own codes for it are
    /// as many as the makers: 515 (Wavecom), 517 (SIM300), 532, 538 …
    pub fn is_sim_starting(&self) -> bool {
        match self {
            Self::Cme(code) => matches!(code.number, Some(10 | 13 | 14 | 100) | None),
            Self::Cms(code) => matches!(code.number, Some(310 | 313 | 314 | 500..)),
            Self::Error
            | Self::Ok
            | Self::NoConnection(_)
            | Self::NotSupported
            | Self::TooManyParameters
            | Self::Aborted => false,
        }
    }
}

impl std::fmt::Display for FinalResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Error => f.write_str("ERROR"),
            Self::Cme(code) => write!(f, "+CME ERROR: {code}"),
            Self::Cms(code) => write!(f, "+CMS ERROR: {code}"),
            Self::NoConnection(word) => f.write_str(word),
            Self::NotSupported => f.write_str("COMMAND NOT SUPPORT"),
            Self::TooManyParameters => f.write_str("TOO MANY PARAMETERS"),
            Self::Aborted => f.write_str("ABORTED"),
        }
    }
}

// Verbose forms (`+CMEE=2`) of the codes somebody acts on.
const CME_TEXTS: &[(&str, u16)] = &[
    ("operation not allowed", 3),
    ("operation not supported", 4),
    ("SIM not inserted", 10),
    ("SIM PIN required", 11),
    ("SIM PUK required", 12),
    ("SIM failure", 13),
    ("SIM busy", 14),
    ("SIM wrong", 15),
    ("incorrect password", 16),
    ("SIM PIN2 required", 17),
    ("SIM PUK2 required", 18),
    ("memory full", 20),
    ("invalid index", 21),
    ("no network service", 30),
    ("network timeout", 31),
    ("unknown", 100),
];

const CMS_TEXTS: &[(&str, u16)] = &[
    ("ME failure", 300),
    ("SMS service of ME reserved", 301),
    ("operation not allowed", 302),
    ("operation not supported", 303),
    ("invalid PDU mode parameter", 304),
    ("invalid text mode parameter", 305),
    ("SIM not inserted", 310),
    ("SIM PIN required", 311),
    ("PH-SIM PIN required", 312),
    ("SIM failure", 313),
    ("SIM busy", 314),
    ("SIM wrong", 315),
    ("SIM PUK required", 316),
    ("memory failure", 320),
    ("invalid memory index", 321),
    ("memory full", 322),
    ("SMSC address unknown", 330),
    ("no network service", 331),
    ("network timeout", 332),
    ("no +CNMA acknowledgement expected", 340),
    ("unknown error", 500),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_ends_a_command() {
        let coded = |number, text: Option<&str>| ErrorCode {
            number,
            text: text.map(Into::into),
        };
        for (line, result) in [
            ("OK", FinalResult::Ok),
            ("ERROR", FinalResult::Error),
            ("+CMS ERROR: 304", FinalResult::Cms(coded(Some(304), None))),
            ("+CMS ERROR:538", FinalResult::Cms(coded(Some(538), None))), // Cinterion MC75i
            ("+CME ERROR: 14", FinalResult::Cme(coded(Some(14), None))),
            (
                "+CME ERROR: SIM busy",
                FinalResult::Cme(coded(Some(14), Some("SIM busy"))),
            ),
            // SIM7600
            (
                "+CMS ERROR: Unknown error",
                FinalResult::Cms(coded(Some(500), Some("Unknown error"))),
            ),
            (
                "+CME ERROR: SIM asleep",
                FinalResult::Cme(coded(None, Some("SIM asleep"))),
            ),
            ("COMMAND NOT SUPPORT", FinalResult::NotSupported), // Huawei
            ("TOO MANY PARAMETERS", FinalResult::TooManyParameters),
            ("NO CARRIER", FinalResult::NoConnection("NO CARRIER")),
            ("ABORTED", FinalResult::Aborted),
        ] {
            assert_eq!(FinalResult::parse(line), Some(result), "{line:?}");
        }
        assert_eq!(FinalResult::parse("ok"), Some(FinalResult::Ok));
        assert_eq!(FinalResult::parse("Error"), Some(FinalResult::Error));
        for line in ["OKAY", "+CMS: 1", "ok then", "+CREG: 1", "0", ""] {
            assert_eq!(FinalResult::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_starting_sim_is_worth_asking_again() {
        for (line, starting) in [
            ("+CME ERROR: 14", true),
            ("+CME ERROR: SIM busy", true),
            ("+CMS ERROR: 314", true),
            ("+CMS ERROR: 515", true),
            ("+CMS ERROR: 517", true),
            ("+CMS ERROR: 532", true),
            ("+CMS ERROR: 302", false),
            ("+CMS ERROR: Device busy", false),
            ("+CME ERROR: 16", false),
            ("+CMS ERROR: 321", false),
            ("OK", false),
        ] {
            let result = FinalResult::parse(line);
            assert_eq!(
                result.map(|r| r.is_sim_starting()),
                Some(starting),
                "{line:?}"
            );
        }
    }
}
