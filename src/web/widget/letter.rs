//! A visitor takes their conversation away by mail: once, where a librarian has answered, to an address
//! that is kept nowhere.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::admit;
use super::visit::Guest;
use crate::desk::views::{AuthorKind, Message, Thread};
use crate::mail::{Letter, Mailer, is_address};
use crate::routing::{ConversationId, MessageId};
use crate::spool::{audit, visitors};
use crate::web::api::ApiJson;
use crate::web::network::From;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::throttle::Crowd;

/// Letters on their way at once: a slow mail server must not gather visitors.
const AT_ONCE: usize = 4;
/// How long the mail server may take while the visitor waits.
const WITHIN: Duration = Duration::from_secs(20);
/// Letters of an address (RFC 5321 §4.5.3.1.3, without its brackets).
const ADDRESS_MAX: usize = 254;
/// What the audit trail calls it, by which it is known that a letter went.
const MAILED: &str = "mailed_transcript";

/// Conversations whose letters are on their way.
#[derive(Debug, Default)]
pub(in crate::web) struct OnTheWay(Mutex<BTreeSet<ConversationId>>);

/// A conversation's letter on its way, until dropped.
struct Going<'a>(&'a OnTheWay, ConversationId);

impl OnTheWay {
    fn begin(&self, conversation: ConversationId) -> Option<Going<'_>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = all.len() < AT_ONCE && all.insert(conversation);
        // Not `then_some`: one that is made for nothing would drop at once, under the lock.
        begins.then(|| Going(self, conversation))
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.1);
    }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    email: String,
}

fn conflict(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}

/// `POST /widget/{gateway}/letter`
pub(super) async fn send(
    State(premises): State<Arc<Premises>>,
    guest: Guest,
    From(address): From,
    ApiJson(Wanted { email }): ApiJson<Wanted>,
) -> Result<StatusCode, Problem> {
    let visit = Some(guest.hash.as_str());
    admit(&premises, Crowd::Letter, &guest.gateway, address, visit)?;
    let email = email.trim();
    if email.len() > ADDRESS_MAX || !is_address(email) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "this is not an e-mail address: write it as name@example.org",
        ));
    }
    let mail = premises.calling.stands.borrow().mail.clone();
    let (mail, _) = mail
        .filter(|_| premises.manners.of(guest.gateway.id).letters)
        .ok_or_else(|| conflict("this library sends no chats by e-mail: copy what you need"))?;
    let visitor = guest.visitor.clone();
    let talk = premises
        .spool
        .read(move |connection| visitors::talk(connection, &visitor, MessageId(i64::MAX), 1))
        .await?;
    let conversation = talk.conversation.map(|conversation| conversation.id);
    let unanswered = || conflict("nobody has answered yet: there is nothing to send");
    let conversation = conversation.ok_or_else(unanswered)?;
    let _going = premises.letters.begin(conversation).ok_or_else(|| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "other letters are on their way: try again in a minute",
        )
    })?;
    let plan = Arc::clone(&premises.board().plan);
    let (went, thread) = premises
        .spool
        .read(move |connection| {
            Ok((
                audit::has(connection, MAILED, conversation)?,
                Thread::whole(connection, &plan, conversation, false)?,
            ))
        })
        .await?;
    if went {
        return Err(conflict(
            "this chat was sent by e-mail already, and is sent once",
        ));
    }
    let thread = thread.ok_or_else(unanswered)?;
    let by_a_librarian = |message: &Message| message.author_kind == AuthorKind::Operator;
    if !thread.messages.iter().any(by_a_librarian) {
        return Err(unanswered());
    }
    let zone = premises.board().plan.library.time_zone.clone();
    let letter = written(&premises.settings.library, &thread, &zone);
    let mailer = Mailer::new(&mail).map_err(|_| not_sent())?;
    match tokio::time::timeout(WITHIN, mailer.send_to(&letter, email)).await {
        Ok(Ok(())) => {}
        // What the server says may hold the address.
        Ok(Err(error)) => {
            let again = error.is_transient();
            tracing::warn!(%conversation, again, "a visitor's letter did not go");
            return Err(not_sent());
        }
        Err(_) => {
            tracing::warn!(%conversation, "a visitor's letter did not go: the mail server is silent");
            return Err(not_sent());
        }
    }
    let now = premises.spool.now();
    premises
        .spool
        .write(move |connection| {
            let subject = Some("the visitor");
            let conversation = Some(conversation);
            audit::write(connection, None, MAILED, subject, conversation, None, now)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_sent() -> Problem {
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "the mail server did not take it: check the address, or try again in a minute",
    )
}

/// The conversation as its visitor knows it: without notes, and they themselves are *You*.
fn written(library: &str, thread: &Thread, zone: &TimeZone) -> Letter {
    let day = zone.to_datetime(thread.conversation.opened_at);
    let mut body = format!("{library}: your chat of {}\n", day.strftime("%e %B %Y"));
    for message in &thread.messages {
        let author = match message.author_kind {
            AuthorKind::Patron => "You",
            AuthorKind::Operator => &message.author,
            AuthorKind::Desk => library,
        };
        let time = zone.to_datetime(message.at).strftime("%H:%M");
        // Writing to a String cannot fail.
        let _ = write!(body, "\n{time}  {author}\n");
        for words in message.body.lines() {
            let _ = writeln!(body, "    {words}");
        }
    }
    body.push_str(
        "\nSomebody in this chat asked for this letter. It is sent once, and this address is not kept: \
         if it was not you, nothing more will come.\n",
    );
    Letter {
        subject: format!("[{library}] your chat"),
        body,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_letter_tells_what_the_visitor_saw() {
        let at = "2026-11-26T15:04:05Z";
        let message = |kind: &str, author: &str, body: &str| {
            json!({
                "id": 1, "conversation": 7, "direction": "out", "body": body, "at": at,
                "state": "sent", "author": author, "author_kind": kind,
            })
        };
        let note = json!({ "id": 1, "conversation": 7, "after": 1, "at": at, "author": "ben",
                           "text": "she owes us two" });
        let thread = json!({
            "id": 7, "patron": "heron-42", "gateway": "ask", "gateway_kind": "widget",
            "queue": "desk", "home": "desk", "state": "closed", "opened_at": at, "active_at": at,
            "answerable": true, "flagged": false, "tags": ["fines"], "notes": [note],
            "messages": [
                message("patron", "heron-42", "Is my book in?\nThe blue one."),
                message("operator", "ana", "It is."),
                message("desk", "desk", "We close at eight."),
            ],
            "truncated": false,
        });
        let thread: Thread = serde_json::from_value(thread).unwrap();
        let letter = written("Elm Library", &thread, &TimeZone::UTC);
        assert_eq!(letter.subject, "[Elm Library] your chat");
        for part in [
            "your chat of 26 November 2026",
            "15:04  You\n    Is my book in?\n    The blue one.\n",
            "15:04  ana\n    It is.\n",
            "15:04  Elm Library\n    We close at eight.\n",
            "this address is not kept",
        ] {
            assert!(letter.body.contains(part), "{part:?}: {}", letter.body);
        }
        for secret in ["owes", "heron", "fines"] {
            assert!(!letter.body.contains(secret), "{secret}");
        }
    }

    #[test]
    fn few_letters_go_at_once_and_one_of_each_conversation() {
        let way = OnTheWay::default();
        let first = way.begin(ConversationId(1)).unwrap();
        assert!(way.begin(ConversationId(1)).is_none());
        let others: Vec<_> = (2..5)
            .map(|n| way.begin(ConversationId(n)).unwrap())
            .collect();
        assert!(way.begin(ConversationId(9)).is_none());
        drop(first);
        assert!(way.begin(ConversationId(9)).is_some());
        drop(others);
    }
}
