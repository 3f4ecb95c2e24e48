//! A trial: the same ways out as an alert's, while somebody looks.

use std::time::Duration;

use super::{Alerts, OpenError, Settings, working_gateway};
use crate::desk::Desk;
use crate::mail::{Letter, Mailer};
use crate::modem::Lines;
use crate::routing::Event;
use crate::spool::Spool;

/// How long the mail server may take while somebody waits.
const WITHIN: Duration = Duration::from_secs(20);

/// What came of a trial, for one of those who are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Their mail address or telephone.
    pub to: String,
    /// Why they are not reached, and what to do. A text is in the outbox when there is nothing: what
    /// becomes of it, its thread tells.
    pub problem: Option<String>,
}

/// Calls everybody once, as an alert would.
///
/// # Errors
/// When the mail settings make no mailer, or the spool cannot be read.
pub async fn trial(
    settings: &Settings,
    desk: Desk,
    spool: Spool,
    lines: Lines,
) -> Result<Vec<Tried>, OpenError> {
    let room = Alerts::open(settings.clone(), desk, spool, lines).await?;
    let plan = std::sync::Arc::clone(&room.desk.board().borrow().plan);
    let library = &plan.library.name;
    let words = format!(
        "Textline: a trial. By this way you are called when the desk of {library} needs somebody."
    );
    let mut tried = Vec::new();
    if let (Some(mail), Some(mailer)) = (&settings.mail, &room.mailer) {
        let letter = Letter {
            subject: format!("[{library}] text line: a trial"),
            body: format!("{words}\n"),
        };
        let problem = send(mailer, &letter).await.err();
        tried.extend(mail.to.iter().map(|to| Tried {
            to: to.clone(),
            problem: problem.clone(),
        }));
    }
    let now = match settings.phones.is_empty() {
        true => None,
        false => room.now().await,
    };
    let gateway = now.and_then(|now| working_gateway(&plan, &now.lines).map(|gateway| gateway.id));
    for phone in &settings.phones {
        let problem = match gateway {
            None => Some("no line works now, so no telephone can be told: see Lines".to_owned()),
            Some(gateway) => {
                let event = Event::Write {
                    gateway,
                    to: phone.to_string(),
                    body: words.clone(),
                };
                room.desk.ask(event).await.err().map(|e| e.to_string())
            }
        };
        tried.push(Tried {
            to: phone.to_string(),
            problem,
        });
    }
    Ok(tried)
}

async fn send(mailer: &Mailer, letter: &Letter) -> Result<(), String> {
    match tokio::time::timeout(WITHIN, mailer.send(letter)).await {
        Ok(sent) => sent.map_err(|error| error.to_string()),
        Err(_) => Err(
            "the mail server does not answer: check its name and port, and whether the box may \
             reach it"
                .into(),
        ),
    }
}
