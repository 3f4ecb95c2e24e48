//! A line in a person's hands: its SIM's PIN, a text to itself that proves both directions, an end to
//! its rest, a code its network is asked, and how well it was heard.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::arrangements::modem;
use super::extract::{
    ApiJson, ApiPath, Arrange, LineName, May, Named, OptionalJson, unprocessable,
};
use super::operation::{Accepted, Api, NoContent};
use crate::desk::views;
use crate::modem::{Line, Pin, check_ussd};
use crate::numbers::PatronNumber;
use crate::routing::Event;
use crate::spool::{audit, lines};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;
use crate::web::signals;

pub(super) fn operations(api: &mut Api) {
    api.under("desk");
    api.post("/modems/{name}/pin", "unlockSim", unlock)
        .says("Unlock the SIM with its PIN")
        .about(
            "The PIN is tried at once, and once; the last try before the SIM locks itself is left to a \
             telephone. One that is right is kept for this SIM. Recorded, without the PIN.",
        )
        .example(json!({"pin": "4711"}))
        .refuses(&[409])
        .answers("It is unlocked; the line is being set up.");
    api.post("/modems/{name}/self-test", "testLine", test)
        .says("Send a text of the line to itself")
        .about(
            "What comes of it stands in `self_test` of the line: `OK in 6 s` once it is back. Costs a text.",
        )
        .example(json!({"number": "+15550100000"}))
        .refuses(&[409])
        .answers("It is asked for.");
    api.post("/modems/{name}/resume", "resumeLine", resume)
        .says("Let a line send again that rests")
        .about(
            "A line rests when the carrier refuses one recipient after another. It sends again within a \
             minute; nothing happens to one that does not rest. Recorded.",
        )
        .answers("The line.");
    api.get("/modems/{name}/signal", "readSignal", signal)
        .says("How well a line was heard over the last day")
        .about(
            "In steps of `every_s` seconds, oldest first; those in which nobody looked are not there. Kept \
             in memory: it begins with the desk.",
        )
        .answers("The day.");
    api.post("/modems/{name}/ussd", "askUssd", ussd)
        .says("Ask a line's network a code")
        .about(
            "A USSD code, such as that for what is left on a prepaid SIM. 409 says what the network said no \
             to, or that it has not answered within 25 s. The code is kept nowhere; that one was asked is in \
             the audit trail.",
        )
        .example(json!({"code": "*100#"}))
        .refuses(&[409])
        .answers("What the network said.");
}

#[derive(Deserialize, ToSchema)]
struct Unlocking {
    /// Four to eight digits.
    #[schema(pattern = "^[0-9]{4,8}$")]
    pin: String,
}

/// Unlocks the SIM with the PIN that was typed.
async fn unlock(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
    ApiJson(Unlocking { pin }): ApiJson<Unlocking>,
) -> Result<NoContent, Problem> {
    let line = find(&premises, &name)?;
    let pin = Pin::new(pin.trim())
        .ok_or_else(|| unprocessable("a PIN is four to eight digits: see the SIM's letter"))?;
    let by = caller.id();
    premises.note(by, "entered_pin", Some(name), None).await?;
    line.unlock(pin)
        .await
        .map_err(|words| Problem::new(StatusCode::CONFLICT, words))?;
    Ok(NoContent)
}

#[derive(Default, Deserialize, ToSchema)]
struct SelfTest {
    /// The line's own number, where the SIM does not know it; kept.
    #[schema(min_length = 1)]
    number: Option<String>,
}

/// Asks for a text of the line to itself.
async fn test(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
    OptionalJson(SelfTest { number }): OptionalJson<SelfTest>,
) -> Result<Accepted<views::Modem>, Problem> {
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
    Ok(Accepted(shape))
}

/// Lets a line send again that rests because the carrier refused it; nothing happens to one that does
/// not.
async fn resume(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
) -> Result<Json<views::Modem>, Problem> {
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Code {
    #[schema(min_length = 1, max_length = 40, pattern = "^[0-9*#]+$")]
    code: String,
}

#[derive(Serialize, ToSchema)]
struct Answered {
    /// What the network said.
    answer: String,
}

/// Asks a line's network a code, such as that for what is left on a prepaid SIM. The code is kept
/// nowhere: there may be a voucher in it.
async fn ussd(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(LineName(name)): ApiPath<LineName>,
    ApiJson(Code { code }): ApiJson<Code>,
) -> Result<Json<Answered>, Problem> {
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
    Ok(Json(Answered { answer }))
}

/// A day of a line.
#[derive(Serialize, ToSchema)]
struct Day {
    items: Vec<signals::Heard>,
    /// Always null: all of it is here.
    next: Option<String>,
    every_s: i64,
}

/// How well a line was heard over the last day.
async fn signal(
    State(premises): State<Arc<Premises>>,
    _caller: Caller,
    ApiPath(LineName(name)): ApiPath<LineName>,
) -> Result<Json<Day>, Problem> {
    let line = find(&premises, &name)?;
    // Just now is part of it, also in the desk's first minute.
    let status = line.status().borrow().clone();
    let signals = &premises.signals;
    signals.look(&name, &status, premises.spool.now());
    Ok(Json(Day {
        items: signals.of(&name),
        next: None,
        every_s: signals::SPAN_S,
    }))
}

/// A telephone number of the library's own, as people write it.
pub(super) fn telephone(premises: &Premises, written: &str) -> Result<PatronNumber, Problem> {
    let meant = PatronNumber::meant(written, &premises.board().countries);
    let mut meant = meant.map_err(|error| unprocessable(error.to_string()))?;
    match meant.pop() {
        Some(number) if meant.is_empty() && number.is_telephone() => Ok(number),
        Some(_) | None => Err(unprocessable(
            "this is not a whole telephone number: write it as +15551230100",
        )),
    }
}

async fn keep_number(premises: &Premises, line: &str, written: &str) -> Result<(), Problem> {
    let number = telephone(premises, written)?.into_string();
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
    premises.lines.named(name).ok_or_else(LineName::missing)
}
