//! Who is called when the desk needs help: how that stands, and ways to try it and to change it.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use utoipa::ToSchema;

use crate::mail;
use crate::numbers::PatronNumber;
use crate::spool::settings::Smtp;

/// Who says who is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhoSays {
    /// The configuration file: no page changes it.
    File,
    /// This page.
    Page,
    /// Nobody: nobody is called.
    #[default]
    Nobody,
}

/// Who is called when the desk needs help.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallsForHelp {
    /// Who says so.
    pub said_by: WhoSays,
    /// By mail.
    pub email: Vec<String>,
    /// By text.
    pub phones: Vec<PatronNumber>,
    /// How long a line may be in trouble before it is one.
    pub line_after: Duration,
    /// How long texts may wait while nobody is signed in.
    pub waiting_after: Duration,
    /// Octets the disk must have left.
    pub disk_free: u64,
    /// The mail server, also where nobody is called by it, and who says so.
    pub mail: Option<(mail::Settings, WhoSays)>,
}

/// The mail server as the page was told; whom a letter goes to is said with it.
///
/// # Errors
/// When what the page was told makes none.
pub fn mail_server(told: &Smtp) -> Result<mail::Settings, mail::MailError> {
    let login = told.user.clone().zip(told.password.clone());
    let security = mail::Security::from_word(&told.security).unwrap_or_default();
    mail::Settings::new(&told.server, security, &told.from, login)
}

/// What came of a trial, for one of those who are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Their mail address or telephone.
    pub to: String,
    /// Why they are not reached, and what to do.
    pub problem: Option<String>,
}

/// What is asked of whoever calls.
#[derive(Debug)]
pub enum Ask {
    /// The page was told something else: look again, and say what is in the way.
    LookAgain(oneshot::Sender<Result<(), String>>),
    /// Call everybody once, as a trial.
    Trial(oneshot::Sender<Result<Vec<Tried>, String>>),
}

/// The way to whoever calls.
#[derive(Debug, Clone)]
pub struct Calling {
    /// How it stands.
    pub stands: watch::Receiver<CallsForHelp>,
    /// Where wishes go.
    pub asks: mpsc::Sender<Ask>,
}

impl Default for Calling {
    /// Nobody calls, and nobody can be asked to.
    fn default() -> Self {
        Self {
            stands: watch::channel(CallsForHelp::default()).1,
            asks: mpsc::channel(1).0,
        }
    }
}

impl Calling {
    /// Asks, and waits for the answer.
    pub(super) async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Ask,
    ) -> Result<T, String> {
        let nobody =
            || "this desk calls nobody for help: nothing runs on it beside this page".to_owned();
        let (answer, answered) = oneshot::channel();
        self.asks.send(ask(answer)).await.map_err(|_| nobody())?;
        answered.await.unwrap_or_else(|_| Err(nobody()))
    }
}
