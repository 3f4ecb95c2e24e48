//! A transcript as a file: a header, an empty line, records.

use std::fmt;

use super::record::{Record, RecordError};

/// The first line of every transcript: what it is, and the version of its format.
pub const MAGIC: &str = "callnumber trace 1";

/// What stands at the head of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The modem's name in the configuration.
    pub line: String,
    /// Maker, model and firmware, as far as they are known when it begins.
    pub modem: Option<String>,
    /// Whether numbers and words are replaced.
    pub masked: bool,
    /// When it began, RFC 3339.
    pub started: String,
    /// What wrote it.
    pub version: String,
}

/// A transcript that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its head.
    pub header: Header,
    /// What happened, in order.
    pub records: Vec<Record>,
}

/// Why a file is no transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// It begins otherwise.
    #[error("this is no transcript: its first line is not `{MAGIC}`")]
    Magic,
    /// It is of a later version.
    #[error("this transcript is of a format that this version does not read: {found:?}")]
    Version {
        /// Its first line.
        found: String,
    },
    /// A line of it.
    #[error("line {line}: {error}")]
    Record {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        error: RecordError,
    },
    /// Nothing was said.
    #[error("nothing was said in this transcript")]
    Empty,
}

const MASKED: &str = "masked";
const AS_THEY_ARE: &str = "as they are";

impl fmt::Display for Header {
    /// The head, the empty line included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        writeln!(f, "line: {}", one_line(&self.line))?;
        let modem = self.modem.as_deref().unwrap_or_default();
        writeln!(f, "modem: {}", one_line(modem))?;
        let numbers = if self.masked { MASKED } else { AS_THEY_ARE };
        writeln!(f, "numbers and words: {numbers}")?;
        writeln!(f, "started: {}", one_line(&self.started))?;
        writeln!(f, "written by: {}", one_line(&self.version))?;
        writeln!(f)
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

impl Trace {
    /// Reads a file's text. Lines that begin with `#`, and empty ones, are whoever's who sent it;
    /// line ends may have become CR LF on the way.
    ///
    /// # Errors
    /// Which line, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut lines = text.lines().enumerate();
        let magic = lines.next().map_or("", |(_, line)| line.trim_end());
        if magic != MAGIC {
            let begins = magic.starts_with("callnumber trace ");
            return Err(if begins {
                TraceError::Version {
                    found: magic.chars().take(40).collect(),
                }
            } else {
                TraceError::Magic
            });
        }
        let mut header = Header {
            line: String::new(),
            modem: None,
            masked: false,
            started: String::new(),
            version: String::new(),
        };
        let mut records = Vec::new();
        let mut in_header = true;
        for (at, line) in lines {
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() {
                in_header = false;
            } else if line.starts_with('#') {
            } else if in_header && let Some((key, value)) = line.split_once(": ") {
                header.set(key, value.trim());
            } else if in_header && line.ends_with(':') {
                // A key without a value.
            } else {
                let record = line.parse().map_err(|error| TraceError::Record {
                    line: at + 1,
                    error,
                })?;
                records.push(record);
            }
        }
        if records.is_empty() {
            return Err(TraceError::Empty);
        }
        Ok(Self { header, records })
    }
}

impl Header {
    /// Unknown keys are a later version's, and are passed over.
    fn set(&mut self, key: &str, value: &str) {
        match key {
            "line" => value.clone_into(&mut self.line),
            "modem" => self.modem = (!value.is_empty()).then(|| value.to_owned()),
            "numbers and words" => self.masked = value == MASKED,
            "started" => value.clone_into(&mut self.started),
            "written by" => value.clone_into(&mut self.version),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::trace::record::Said;

    fn header() -> Header {
        Header {
            line: "front-desk".into(),
            modem: Some("SIMCOM SIM7600G-H LE20B04".into()),
            masked: true,
            started: "2026-11-25T22:10:00Z".into(),
            version: "callnumber 0.1.0".into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let records = ["     0.000000 ! opened", "     0.001000 > AT\\r"];
        let text = format!("{}{}\n", header(), records.join("\n"));
        let trace = Trace::parse(&text).unwrap();
        assert_eq!(trace.header, header());
        let again: Vec<String> = trace.records.iter().map(ToString::to_string).collect();
        assert_eq!(again, records);

        // As a mail program or a person may hand it on.
        let handled = text.replace('\n', "\r\n").replace(
            "\r\n\r\n",
            "\r\nseen by: somebody\r\n\r\n# it hangs here:\r\n\r\n",
        );
        assert_eq!(Trace::parse(&handled).unwrap(), trace);
    }

    #[test]
    fn a_header_cannot_be_broken_by_what_it_holds() {
        let odd = Header {
            line: "a\n    1.0 < OK".into(),
            modem: None,
            ..header()
        };
        let trace = Trace::parse(&format!("{odd}0.0 ! x\n")).unwrap();
        assert_eq!(trace.records.len(), 1);
        assert_eq!(trace.records[0].said, Said::Note("x".into()));
        assert_eq!(trace.header.modem, None);
    }

    #[test]
    fn what_is_no_transcript_says_why() {
        for (text, words) in [
            ("", "first line"),
            ("hello", "first line"),
            ("callnumber trace 2\n", "does not read"),
            ("callnumber trace 1\nline: a\n\n", "nothing was said"),
            ("callnumber trace 1\n\n0.0 < OK\nnonsense\n", "line 4"),
        ] {
            let error = Trace::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }
}
