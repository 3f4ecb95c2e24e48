//! A line in a person's hands: its SIM's PIN, a text to itself that proves both directions, an end to
//! its rest, a code its network is asked, and how well it was heard.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::arrangements::modem;
use super::said::{At, Maybe, Said, unprocessable};
use crate::desk::views;
use crate::modem::{Line, Pin, check_ussd};
use crate::routing::{Event, GatewayKind, Right, answerable};
use crate::spool::{audit, lines};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::signals;

#[derive(Deserialize)]
pub(super) struct Unlocking {
    pin: String,
}

/// Unlocks the SIM with the PIN that was typed.
pub(super) async fn unlock(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Path(name): Path<String>,
    Said(Unlocking { pin }): Said<Unlocking>,
) -> Result<StatusCode, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    let pin = Pin::new(pin.trim())
        .ok_or_else(|| unprocessable("a PIN is four to eight digits: see the SIM's letter"))?;
    let by = caller.id();
    premises.note(by, "entered_pin", Some(name), None).await?;
    line.unlock(pin)
        .await
        .map_err(|words| Problem::new(StatusCode::CONFLICT, words))?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize)]
pub(super) struct SelfTest {
    /// The line's own number, where the SIM does not know it.
    number: Option<String>,
}

/// Asks for a text of the line to itself.
pub(super) async fn test(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    Path(name): Path<String>,
    Maybe(SelfTest { number }): Maybe<SelfTest>,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    if let Some(number) = number {
        keep_number(&premises, &name, &number).await?;
    }
    let (by, asked, now) = (caller.id(), name.clone(), premises.spool.now());
    let begun = premises
        .spool
        .write(move |connection| {
            let begun = lines::ask_test(connection, &asked, now)?;
            if begun {
                let (by, line) = (Some(by), Some(asked.as_str()));
                audit::write(connection, by, "asked_self_test", line, None, None, now)?;
            }
            Ok(begun)
        })
        .await?;
    if !begun {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "a text of this line to itself is under way: wait until it is back, ten minutes at most",
        ));
    }
    let shape = modem(&premises, &line).await?;
    line.ask_for_self_test();
    Ok((StatusCode::ACCEPTED, Json(shape)).into_response())
}

/// Lets a line send again that rests because the carrier refused it; nothing happens to one that does
/// not.
pub(super) async fn resume(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<views::Modem>, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    let (by, now) = (caller.id(), premises.spool.now());
    premises
        .spool
        .write(move |connection| {
            if lines::resume(connection, &name)? {
                let (by, line) = (Some(by), Some(name.as_str()));
                audit::write(connection, by, "resumed_line", line, None, None, now)?;
            }
            Ok(())
        })
        .await?;
    modem(&premises, &line).await.map(Json)
}

/// How long a network may take with a code, so that whoever asked is told something.
const USSD_PATIENCE: Duration = Duration::from_secs(25);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    code: String,
}

/// Asks a line's network a code, such as that for what is left on a prepaid SIM. The code is kept
/// nowhere: there may be a voucher in it.
pub(super) async fn ussd(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    At(name): At<String>,
    Said(Code { code }): Said<Code>,
) -> Result<Response, Problem> {
    caller.needs(Right::Arrange)?;
    let line = find(&premises, &name)?;
    let code = code.trim();
    check_ussd(code).map_err(unprocessable)?;
    premises
        .note(caller.id(), "asked_ussd", Some(name), None)
        .await?;
    let said = tokio::time::timeout(USSD_PATIENCE, line.ussd(code)).await;
    let said = said.unwrap_or_else(|_| {
        Err(format!(
            "the network has not answered within {} s: ask again in a minute",
            USSD_PATIENCE.as_secs()
        ))
    });
    let answer = said.map_err(|words| Problem::new(StatusCode::CONFLICT, words))?;
    Ok(Json(json!({ "answer": answer })).into_response())
}

/// How well a line was heard over the last day.
pub(super) async fn signal(
    State(premises): State<Arc<Premises>>,
    _caller: Caller,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let line = find(&premises, &name)?;
    // Just now is part of it, also in the desk's first minute.
    let status = line.status().borrow().clone();
    let signals = &premises.signals;
    signals.look(&name, &status, premises.spool.now());
    let items = signals.of(&name);
    let answer = json!({ "items": items, "next": null, "every_s": signals::SPAN_S });
    Ok(Json(answer).into_response())
}

/// A telephone number, as people write it.
pub(super) fn telephone(written: &str) -> Result<String, Problem> {
    let number: String = written
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/'))
        .collect();
    match answerable(GatewayKind::Sms, &number) {
        true => Ok(number),
        false => Err(unprocessable(
            "this is not a telephone number: write it as +15551230100",
        )),
    }
}

async fn keep_number(premises: &Premises, line: &str, written: &str) -> Result<(), Problem> {
    let number = telephone(written)?;
    let known = Event::LineNumber {
        line: line.to_owned(),
        number: Some(number.clone()),
        imsi: None,
    };
    let (line, kept) = (line.to_owned(), number);
    premises
        .spool
        .write(move |connection| lines::keep_number(connection, &line, &kept))
        .await?;
    // Nothing automatic may ever go to it.
    premises.desk.ask(known).await?;
    Ok(())
}

pub(super) fn find(premises: &Premises, name: &str) -> Result<Line, Problem> {
    premises.lines.named(name).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is no such line; GET /api/v1/modems lists those there are",
        )
    })
}
