//! Who asks: told by a bearer token or a session cookie.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use cookie::{Cookie, SameSite};
use rusqlite::Connection;

use super::body::SignedIn;
use super::listener::Trusted;
use super::premises::Premises;
use super::problem::Problem;
use super::{Settings, sign_in};
use crate::desk::Board;
use crate::routing::{
    Conversation, ConversationId, ConversationState, Operator, OperatorId, Plan, QueueId, Right,
    TransferTarget,
};
use crate::spool::transcript::{self, Listed};
use crate::spool::{self, staff};

/// An operator who proved who they are.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) operator: Operator,
    /// SHA-256 of the session's token; `None` for a bearer token.
    pub(super) session: Option<String>,
    /// SHA-256 of the bearer token; `None` for a session.
    pub(super) token: Option<String>,
    /// The desk as it stood when they asked.
    pub(super) board: Arc<Board>,
}

impl Caller {
    /// A conversation as this caller knows it, if they may see it. No surface reads one for a caller
    /// otherwise: `tests/it/walls.rs` holds it.
    pub(super) fn reads(
        &self,
        connection: &Connection,
        id: ConversationId,
    ) -> spool::Result<Option<Listed>> {
        let listed = self.read_after_change(connection, id)?;
        Ok(listed.filter(|listed| self.sees(&listed.conversation)))
    }

    /// The same whether or not they may still see it: what was theirs to change a moment ago.
    pub(super) fn read_after_change(
        &self,
        connection: &Connection,
        id: ConversationId,
    ) -> spool::Result<Option<Listed>> {
        let mut listed = transcript::listed(connection, id)?;
        if let Some(listed) = &mut listed {
            self.veil(listed);
        }
        Ok(listed)
    }

    /// Names the patron as this caller knows them.
    pub(super) fn veil(&self, listed: &mut Listed) {
        if !listed.conversation.is_at_home(&self.operator.queues) {
            listed.patron = partners_patron(&self.board.plan, &listed.conversation);
        }
    }

    /// Their id.
    pub(super) fn id(&self) -> OperatorId {
        self.operator.id
    }

    /// Whether they may see a conversation.
    pub(super) fn sees(&self, conversation: &Conversation) -> bool {
        sees(&self.operator, &Audience::of(conversation))
    }

    /// Whether they may do this at all.
    pub(super) fn needs(&self, right: Right) -> Result<(), Problem> {
        if self.operator.role.may(right) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            match right {
                Right::Coordinate | Right::Report => {
                    "this takes a coordinator or an admin: ask one of them"
                }
                Right::Arrange | Right::Audit | Right::Export | Right::Rights => {
                    "this takes an admin: ask one of them"
                }
            },
        ))
    }

    /// Who asks, if anyone does.
    pub(super) async fn find(
        premises: &Premises,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Problem> {
        // A token that is sent is meant: a bad one is not made good by a cookie beside it.
        let (proof, by_session) = match headers.get(header::AUTHORIZATION) {
            Some(value) => {
                let token = value.to_str().ok().and_then(bearer);
                (token.map(str::to_owned), false)
            }
            None => (session_token(headers, &premises.settings), true),
        };
        let Some(proof) = proof else { return Ok(None) };
        let hash = staff::secret_hash(&proof);
        let (looked_up, now) = (hash.clone(), premises.spool.now());
        let found = premises
            .spool
            .read(move |connection| {
                if by_session {
                    staff::session(connection, &looked_up, now)
                } else {
                    staff::operator_by_token(connection, &looked_up)
                }
            })
            .await?;
        let board = premises.board();
        let operator = found.and_then(|id| board.plan.operator(id).cloned());
        Ok(operator.map(|operator| Self {
            operator,
            session: by_session.then(|| hash.clone()),
            token: (!by_session).then_some(hash),
            board,
        }))
    }
}

impl FromRequestParts<Arc<Premises>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        premises: &Arc<Premises>,
    ) -> Result<Self, Problem> {
        let caller = Self::find(premises, &parts.headers)
            .await?
            .ok_or_else(Problem::nobody)?;
        premises.seen(caller.id(), !parts.method.is_safe()).await;
        parts.extensions.insert(SignedIn);
        if let Some(connection) = parts.extensions.get::<Arc<Trusted>>() {
            connection.by_staff();
        }
        Ok(caller)
    }
}

/// Whom a change concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Audience {
    queue: QueueId,
    claimed_by: Option<OperatorId>,
    transfer: Option<(OperatorId, TransferTarget)>,
    /// The queue it came to, and who answered it last: they may have seen it before.
    home: QueueId,
    last_answered_by: Option<OperatorId>,
    /// The queue that helps out.
    partner: Option<QueueId>,
    /// Not closed.
    pub(super) open: bool,
}

impl Audience {
    /// Those who may see this conversation.
    pub(super) fn of(conversation: &Conversation) -> Self {
        Self {
            queue: conversation.queue,
            claimed_by: conversation.claimed_by,
            transfer: conversation
                .transfer
                .as_ref()
                .map(|transfer| (transfer.from, transfer.to)),
            home: conversation.home,
            last_answered_by: conversation.last_answered_by,
            partner: conversation.partner(),
            open: conversation.state != ConversationState::Closed,
        }
    }

    /// Whether an operator knows the patron by name, or only whose patron it is.
    pub(super) fn is_at_home(&self, operator: &Operator) -> bool {
        self.partner.is_none()
            || operator.queues.contains(&self.queue)
            || operator.queues.contains(&self.home)
    }

    /// Whether an operator who does not see it now probably did.
    pub(super) fn saw(&self, operator: &Operator) -> bool {
        operator.queues.contains(&self.home) || self.last_answered_by == Some(operator.id)
    }
}

/// Whether an operator may see a conversation: it is in a queue of theirs, or they answer it, or
/// it is being handed to or by them.
pub(super) fn sees(operator: &Operator, audience: &Audience) -> bool {
    let handed = audience.transfer.is_some_and(|(from, to)| {
        from == operator.id
            || match to {
                TransferTarget::Queue(queue) => operator.queues.contains(&queue),
                TransferTarget::Operator(to) => to == operator.id,
            }
    });
    let helps = |queue| operator.queues.contains(&queue);
    handed
        || helps(audience.queue)
        || audience.partner.is_some_and(helps)
        || audience.claimed_by == Some(operator.id)
}

/// What librarians elsewhere call the patron of a conversation they help out with: `Elm patron`.
pub(super) fn partners_patron(plan: &Plan, conversation: &Conversation) -> String {
    format!("{} patron", plan.title(conversation.home))
}

/// The token of an `Authorization` header (RFC 6750 §2.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The cookie's name. The prefix makes a browser insist on `Secure`, our host and every path
/// (RFC 6265bis §4.1.3.2).
fn cookie_name(settings: &Settings) -> &'static str {
    if settings.secure_cookies {
        "__Host-callnumber"
    } else {
        "callnumber"
    }
}

fn session_token(headers: &HeaderMap, settings: &Settings) -> Option<String> {
    cookie_named(headers, cookie_name(settings))
}

fn device_name(settings: &Settings) -> &'static str {
    if settings.secure_cookies {
        "__Host-callnumber-device"
    } else {
        "callnumber-device"
    }
}

/// What this browser was given when somebody signed in at it.
pub(super) fn device(headers: &HeaderMap, settings: &Settings) -> Option<String> {
    cookie_named(headers, device_name(settings))
}

/// The cookie by which a device is known: it lets nobody in, and slows nobody down for others' guesses.
fn device_cookie(settings: &Settings, device: &str) -> String {
    Cookie::build((device_name(settings), device))
        .path("/")
        .http_only(true)
        .secure(settings.secure_cookies)
        .same_site(SameSite::Strict)
        .max_age(cookie::time::Duration::days(400))
        .build()
        .to_string()
}

/// The cookies of whoever has just signed in.
pub(super) fn cookies(
    settings: &Settings,
    opened: &sign_in::Opened,
    same_site: SameSite,
) -> Vec<String> {
    let session = cookie(settings, &opened.token, same_site);
    let device = opened.device.as_deref();
    let device = device.map(|device| device_cookie(settings, device));
    std::iter::once(session).chain(device).collect()
}

fn cookie_named(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

/// The cookie of a new session. `Lax` for a link followed from elsewhere: a browser would keep a
/// `Strict` one back from the very page the link leads to.
fn cookie(settings: &Settings, token: &str, same_site: SameSite) -> String {
    Cookie::build((cookie_name(settings), token))
        .path("/")
        .http_only(true)
        .secure(settings.secure_cookies)
        .same_site(same_site)
        .max_age(cookie::time::Duration::seconds(
            sign_in::SESSION_VALID.as_secs(),
        ))
        .build()
        .to_string()
}

/// A cookie that takes the session's away.
pub(super) fn no_cookie(settings: &Settings) -> String {
    Cookie::build((cookie_name(settings), ""))
        .path("/")
        .http_only(true)
        .secure(settings.secure_cookies)
        .same_site(SameSite::Strict)
        .max_age(cookie::time::Duration::ZERO)
        .build()
        .to_string()
}
