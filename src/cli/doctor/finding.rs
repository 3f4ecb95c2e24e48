//! One line of the doctor's: what was looked at, how it is, and what to do.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and may not for long.
    Warning,
    /// The desk does not do its work.
    Failure,
}

/// What was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What: `port`, `clock`.
    pub(super) check: &'static str,
    /// Of which line, where it is about one.
    pub(super) line: Option<String>,
    /// How it is.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) found: String,
    /// What to do about it; none when it is well.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            line: None,
            verdict: Verdict::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    pub(super) fn warning(
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(check, found)
        }
    }

    pub(super) fn failure(
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Failure,
            ..Self::warning(check, found, remedy)
        }
    }

    /// About one line.
    pub(super) fn of(self, line: &str) -> Self {
        Self {
            line: Some(line.to_owned()),
            ..self
        }
    }

    /// As one line of text.
    pub(super) fn in_words(&self) -> String {
        let mark = match self.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warning => "warn",
            Verdict::Failure => "FAIL",
        };
        let check = match &self.line {
            Some(line) => format!("{} ({line})", self.check),
            None => self.check.to_owned(),
        };
        match &self.remedy {
            None => format!("{mark}  {check}: {}", self.found),
            Some(remedy) => format!("{mark}  {check}: {}. {remedy}", self.found),
        }
    }
}
