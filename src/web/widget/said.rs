//! What a visitor says, and what they have read.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::stream::words_of;
use super::visit::Guest;
use super::{Standing, admit, stands, tell};
use crate::desk::NotGranted;
use crate::routing::{Event, Message, MessageId, Refusal};
use crate::spool::visitors::{self, VisitedPage};
use crate::web::api::ApiJson;
use crate::web::attachments::{self, Named, Sender};
use crate::web::body::Pieces;
use crate::web::network::From;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::throttle::Crowd;

/// What a visitor reads under *refuse*, word for word.
const OFFLINE: &str = "Chat is offline";
/// Letters of one message.
const BODY_MAX: usize = 4000;
/// Letters of a page's address and title.
const URL_MAX: usize = 1000;
const TITLE_MAX: usize = 200;
/// Letters of a page's own key for a message.
const KEY_MAX: usize = 100;
/// Messages whose keys are remembered: a page that lost the answer asks again within seconds.
const SENT_MAX: usize = 4096;
/// Messages a page may have read at once.
const READ_MAX: usize = 300;

/// What was sent under which key, lately.
#[derive(Debug, Default)]
pub(in crate::web) struct Sent(Mutex<VecDeque<(String, Message)>>);

impl Sent {
    fn before(&self, key: &str) -> Option<Message> {
        let sent = self.0.lock().unwrap_or_else(|held| held.into_inner());
        sent.iter()
            .rev()
            .find(|(known, _)| known == key)
            .map(|(_, message)| message.clone())
    }

    fn remember(&self, key: String, message: Message) {
        let mut sent = self.0.lock().unwrap_or_else(|held| held.into_inner());
        if sent.len() >= SENT_MAX {
            sent.pop_front();
        }
        sent.push_back((key, message));
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Words {
    body: String,
    client_id: String,
    #[serde(default)]
    page: Option<PageShape>,
}

#[derive(Debug, Deserialize)]
struct PageShape {
    #[serde(default)]
    url: String,
    #[serde(default)]
    title: String,
}

impl PageShape {
    /// The page, if it is one of the web. Its fragment is the reader's own.
    fn kept(self) -> Option<VisitedPage> {
        let url = self.url.split('#').next().unwrap_or_default();
        let fits = (url.starts_with("https://") || url.starts_with("http://"))
            && url.len() <= URL_MAX
            && !url.chars().any(|c| c.is_control() || c.is_whitespace());
        fits.then(|| VisitedPage {
            url: url.to_owned(),
            title: self
                .title
                .chars()
                .filter(|c| !c.is_control())
                .take(TITLE_MAX)
                .collect(),
        })
    }
}

fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// `POST /widget/{gateway}/messages`
pub(super) async fn message(
    State(premises): State<Arc<Premises>>,
    guest: Guest,
    From(address): From,
    ApiJson(words): ApiJson<Words>,
) -> Result<Response, Problem> {
    if words.body.trim().is_empty() {
        return Err(unprocessable(
            "there is nothing to send: write something first",
        ));
    }
    if words.body.chars().count() > BODY_MAX {
        return Err(unprocessable(format!(
            "this is longer than {BODY_MAX} letters: send it in parts, or by e-mail"
        )));
    }
    if words.client_id.is_empty() || words.client_id.len() > KEY_MAX {
        return Err(unprocessable(format!(
            "`client_id` has 1 to {KEY_MAX} letters: make one up for each message"
        )));
    }
    let visit = Some(guest.hash.as_str());
    admit(&premises, Crowd::Message, &guest.gateway, address, visit)?;
    let page = words.page.and_then(PageShape::kept);
    let sent = say(&premises, &guest, words.body, page, &words.client_id).await?;
    Ok((
        StatusCode::CREATED,
        Json(words_of(&premises.board(), &sent)),
    )
        .into_response())
}

/// Takes a visitor's words to the desk. The page goes first: whoever sees the words sees it too.
async fn say(
    premises: &Premises,
    guest: &Guest,
    body: String,
    page: Option<VisitedPage>,
    client_id: &str,
) -> Result<Message, Problem> {
    let key = format!("{}:{client_id}", guest.hash);
    // One at a time: the same words sent twice at once are still said once.
    let _turn = premises.turn_to_say(&guest.hash).await;
    if let Some(message) = premises.sent.before(&key) {
        return Ok(message);
    }
    let (hash, now) = (guest.hash.clone(), premises.spool.now());
    premises
        .spool
        .write(move |connection| visitors::seen(connection, &hash, page.as_ref(), now))
        .await?;
    let receipt = premises
        .desk
        .ask(Event::TextArrived {
            gateway: guest.gateway.id,
            from: guest.visitor.address.to_string(),
            body,
            stamped_at: None,
        })
        .await
        .map_err(|error| match error {
            NotGranted::Refused(Refusal::Offline) => Problem::new(StatusCode::CONFLICT, OFFLINE),
            error @ (NotGranted::Refused(_)
            | NotGranted::BadAmendment(_)
            | NotGranted::Forbidden(_)
            | NotGranted::NotKept(_)
            | NotGranted::ShuttingDown) => error.into(),
        })?;
    let message = receipt.message.ok_or_else(|| {
        tracing::error!("a visitor's words made no message");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the desk made a mistake: it is in its log; reload the page to see whether your words \
             came through",
        )
    })?;
    premises.sent.remember(key, message.clone());
    Ok(message)
}

/// `POST /widget/{gateway}/files?name=…`
pub(super) async fn file(
    State(premises): State<Arc<Premises>>,
    guest: Guest,
    From(address): From,
    query: Result<Query<Named>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let content = Pieces::of(request);
    if let Err(problem) = may_send_a_file(&premises, &guest, address).await {
        content.pass_by().await;
        return Err(problem);
    }
    let sender = Sender::Visitor {
        visit: &guest.hash,
        address,
    };
    let (name, premises) = (attachments::named(query), &premises);
    let kept = premises
        .attachments
        .keep(&premises.spool, &premises.settings, &name, sender, content)
        .await?;
    let body = format!("{} {}", kept.name(), kept.link());
    let sent = say(premises, &guest, body, None, kept.link()).await?;
    Ok((
        StatusCode::CREATED,
        Json(words_of(&premises.board(), &sent)),
    )
        .into_response())
}

/// Asked before an octet of the file is read.
async fn may_send_a_file(
    premises: &Premises,
    guest: &Guest,
    address: Option<IpAddr>,
) -> Result<(), Problem> {
    if !premises.manners.of(guest.gateway.id).files {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this library takes no files here: send it by e-mail",
        ));
    }
    let visit = Some(guest.hash.as_str());
    admit(premises, Crowd::File, &guest.gateway, address, visit)?;
    // Before anything is kept: an offline desk takes no files either.
    let offline = stands(&premises.board(), &guest.gateway) == Standing::Offline;
    if offline && !is_claimed(premises, guest).await? {
        return Err(Problem::new(StatusCode::CONFLICT, OFFLINE));
    }
    Ok(())
}

async fn is_claimed(premises: &Premises, guest: &Guest) -> Result<bool, Problem> {
    let visitor = guest.visitor.clone();
    let talk = premises
        .spool
        .read(move |connection| visitors::talk(connection, &visitor, MessageId(i64::MAX), 1))
        .await?;
    Ok(talk.is_claimed())
}

#[derive(Debug, Deserialize)]
pub(super) struct HasRead {
    messages: Vec<i64>,
}

/// `POST /widget/{gateway}/read`
pub(super) async fn read(
    State(premises): State<Arc<Premises>>,
    guest: Guest,
    ApiJson(HasRead { messages }): ApiJson<HasRead>,
) -> Result<StatusCode, Problem> {
    let messages: Vec<MessageId> = messages.into_iter().take(READ_MAX).map(MessageId).collect();
    let (visitor, hash, now) = (guest.visitor, guest.hash, premises.spool.now());
    let settled = premises
        .spool
        .write(move |connection| {
            visitors::seen(connection, &hash, None, now)?;
            visitors::read(connection, &visitor, &messages)
        })
        .await?;
    tell(&premises, settled).await;
    Ok(StatusCode::NO_CONTENT)
}
