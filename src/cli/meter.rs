//! How far a long copy has come: a bar on a terminal, a line for each step elsewhere.

use std::io::{IsTerminal, Write};

use crate::spool::backup::{Progress, Step};

/// Characters of the bar.
const WIDTH: u64 = 30;

/// Shows progress on standard error, so that standard output holds the outcome alone.
#[derive(Debug)]
pub(super) struct Meter {
    terminal: bool,
    step: Option<Step>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            step: None,
        }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        // Nobody may be looking; that is no reason to stop.
        let mut out = std::io::stderr();
        if self.terminal {
            let _ = write!(out, "\r{}\x1b[K", bar(progress));
            let _ = out.flush();
        } else if self.step != Some(progress.step) {
            let _ = writeln!(
                out,
                "{}, {}",
                words(progress.step),
                megabytes(progress.total)
            );
        }
        self.step = Some(progress.step);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.terminal && self.step.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn words(step: Step) -> &'static str {
    match step {
        Step::Copying => "copying",
        Step::Verifying => "reading it back",
    }
}

fn bar(progress: Progress) -> String {
    match progress.step {
        Step::Copying => {
            let full = progress.done.min(progress.total);
            let part = |of: u64| full.saturating_mul(of) / progress.total.max(1);
            let (filled, percent) = (part(WIDTH), part(100));
            format!(
                "copying [{}{}] {percent} % of {}",
                "#".repeat(filled as usize),
                " ".repeat((WIDTH - filled) as usize),
                megabytes(progress.total)
            )
        }
        Step::Verifying => format!("reading it back, {}", megabytes(progress.total)),
    }
}

/// Octets as people read them.
pub(super) fn megabytes(octets: u64) -> String {
    match octets {
        0..100_000 => format!("{:.1} kB", octets as f64 / 1e3),
        100_000..1_000_000_000 => format!("{:.1} MB", octets as f64 / 1e6),
        _ => format!("{:.1} GB", octets as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        let bar_at = |done, total| {
            bar(Progress {
                step: Step::Copying,
                done,
                total,
            })
        };
        assert!(bar_at(0, 2_000_000).contains("] 0 % of 2.0 MB"));
        assert!(bar_at(1_000_000, 2_000_000).contains("###############               ] 50 %"));
        assert!(bar_at(3, 2).contains("] 100 %"), "never over");
        assert!(bar_at(0, 0).contains("] 0 %"), "nothing to copy");
    }
}
