//! `[panel]`: lamps, switch and button.

use serde::Deserialize;

use crate::daemon::PanelDuty;
use crate::hardware::PanelPins;
use crate::numbers::{Country, PatronNumber};

/// `[panel]`: pins by their BCM numbers; what is left out is not fitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PanelTable {
    /// The green lamp: how the lines are.
    pub green: Option<u8>,
    /// The amber lamp: a text is unanswered.
    pub amber: Option<u8>,
    /// The desk switch.
    pub desk: Option<u8>,
    /// The help button.
    pub help: Option<u8>,
    /// Whom the desk switch signs in and out.
    pub operator: Option<String>,
    /// The queue the desk switch opens and closes, through an operator of its own.
    pub queue: Option<String>,
    /// The telephone that the help button sends a text to.
    pub help_number: Option<String>,
    /// What that text says.
    pub help_text: Option<String>,
}

impl PanelTable {
    /// The pins, if anything is fitted.
    pub fn pins(&self) -> Option<PanelPins> {
        let pins = PanelPins {
            green: self.green,
            amber: self.amber,
            desk: self.desk,
            help: self.help,
        };
        (pins != PanelPins::NONE).then_some(pins)
    }

    pub(super) fn check(&self, home: Country) -> Result<(), String> {
        match (self.desk, &self.operator, &self.queue) {
            (_, Some(_), Some(_)) => Err(
                "[panel]: the desk switch stands for an `operator` or for a `queue`; remove one"
                    .into(),
            ),
            (Some(_), None, None) => Err(
                "[panel] desk: say whom the switch signs in with `operator`, or which `queue` it \
                 opens"
                    .into(),
            ),
            _ => match &self.help_number {
                Some(number) => PatronNumber::written(number, home)
                    .map(drop)
                    .map_err(|words| format!("[panel] help_number: {words}")),
                None => Ok(()),
            },
        }
    }

    /// Whom the panel stands for, in a library of this name.
    pub fn duty(&self, library: &str) -> PanelDuty {
        let words = self.help_text.clone();
        PanelDuty {
            operator: self.operator.clone().or_else(|| self.switch_operator()),
            help_number: self.help_number.clone(),
            help_words: words.unwrap_or_else(|| format!("{library}: help is wanted at the desk.")),
        }
    }

    /// The name of the operator that a queue's switch signs in: nobody else can.
    pub fn switch_operator(&self) -> Option<String> {
        let queue = self.queue.as_ref().filter(|_| self.desk.is_some())?;
        Some(format!("{queue}-switch"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn panel(text: &str) -> Result<PanelTable, String> {
        Config::parse(&format!("[panel]\n{text}")).map(|config| config.panel)
    }

    #[test]
    fn what_a_panel_may_be() {
        for (text, operator) in [
            ("", None),
            ("green = 5\namber = 12", None),
            ("desk = 16\noperator = \"ana\"", Some("ana")),
            ("desk = 16\nqueue = \"maps\"", Some("maps-switch")),
            ("help = 19\nhelp_number = \"+1 555 123 0100\"", None),
        ] {
            let panel = panel(text).expect(text);
            assert_eq!(panel.duty("Elm").operator.as_deref(), operator, "{text}");
            assert_eq!(panel.pins().is_none(), text.is_empty(), "{text}");
        }
        for (text, words) in [
            ("desk = 16", "`operator`"),
            ("desk = 16\noperator = \"a\"\nqueue = \"b\"", "remove one"),
            (
                "help = 19\nhelp_number = \"front desk\"",
                "not a telephone number",
            ),
            ("lamp = 5", "unknown field"),
        ] {
            let said = panel(text).expect_err(text);
            assert!(said.contains(words), "{text}: {said}");
        }
        let words = PanelTable::default().duty("Elm").help_words;
        assert_eq!(words, "Elm: help is wanted at the desk.");
    }
}
