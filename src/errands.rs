//! What the process itself is asked for, and not the desk: tell more in the log, read the configuration
//! again, look the box over. Commands and the page ask by the same [`Door`]; whoever looks after the
//! process answers.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// What the process itself is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// Tell more or less in the log.
    Log {
        /// A level, a filter, or `usual`.
        level: String,
        /// Back to usual after so many seconds.
        for_s: Option<u64>,
    },
    /// Read the configuration again.
    Reload,
    /// Look at everything the doctor looks at; nothing is changed.
    Examine,
    /// Close.
    Stop,
}

/// A chore on its way to whoever looks after the process.
#[derive(Debug)]
pub struct Errand {
    /// What is wanted.
    pub chore: Chore,
    /// Where the answer goes; nobody may be waiting.
    pub answer: oneshot::Sender<Result<Value, String>>,
}

/// The way to whoever looks after the process, where somebody does. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Door(Option<mpsc::Sender<Errand>>);

impl Door {
    /// A door that somebody stands behind, or nobody.
    pub fn new(errands: Option<mpsc::Sender<Errand>>) -> Self {
        Self(errands)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// Why it was not done, in a sentence.
    pub async fn ask(&self, chore: Chore) -> Result<Value, String> {
        let Some(errands) = &self.0 else {
            return Err("this desk has nobody to do that: start its service first".into());
        };
        let closing = || "the desk is closing".to_owned();
        let (answer, answered) = oneshot::channel();
        let errand = Errand { chore, answer };
        errands.send(errand).await.map_err(|_| closing())?;
        answered.await.unwrap_or_else(|_| Err(closing()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn somebody_answers_or_it_is_said_that_nobody_does() {
        let nobody = Door::default().ask(Chore::Reload).await.unwrap_err();
        assert!(nobody.contains("start its service"), "{nobody}");

        let (errands, mut errand) = mpsc::channel(1);
        let door = Door::new(Some(errands));
        let asked = tokio::spawn({
            let door = door.clone();
            async move { door.ask(Chore::Reload).await }
        });
        let Errand { chore, answer } = errand.recv().await.unwrap();
        assert_eq!(chore, Chore::Reload);
        answer.send(Ok(Value::Null)).unwrap();
        assert_eq!(asked.await.unwrap(), Ok(Value::Null));

        drop(errand);
        let closing = door.ask(Chore::Reload).await.unwrap_err();
        assert!(closing.contains("closing"), "{closing}");
    }
}
