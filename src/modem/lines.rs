//! The lines of a house as they are at the moment: one may come for a week's event and go again
//! while the house is open.

use std::sync::Arc;

use tokio::sync::watch;

use super::Line;

/// The lines there are now, shared by whoever looks at them. Cheap to clone.
///
/// A line runs until the last clone of its [`Line`] is gone, so a list taken from here is for using
/// now, not for keeping.
#[derive(Debug, Clone)]
pub struct Lines(watch::Sender<Arc<[Line]>>);

impl Lines {
    /// Them all, in the order of the configuration.
    pub fn now(&self) -> Arc<[Line]> {
        Arc::clone(&self.0.borrow())
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<Line> {
        self.0
            .borrow()
            .iter()
            .find(|line| line.name == name)
            .cloned()
    }

    /// The first of the configuration.
    pub fn first(&self) -> Option<Line> {
        self.0.borrow().first().cloned()
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0
            .borrow()
            .iter()
            .map(|line| line.name.clone())
            .collect()
    }

    /// Wakes whoever watches when a line comes or goes.
    pub fn changes(&self) -> watch::Receiver<Arc<[Line]>> {
        self.0.subscribe()
    }

    /// These are the lines from now on.
    pub fn replace(&self, lines: Vec<Line>) {
        self.0.send_replace(lines.into());
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<Line>> for Lines {
    fn from(lines: Vec<Line>) -> Self {
        Self(watch::Sender::new(lines.into()))
    }
}
