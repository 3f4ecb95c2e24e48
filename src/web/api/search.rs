//! Search of transcripts: the caller finds what the caller may see. A number is found by whoever may see
//! it, and to find it is to see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::extract::{ApiJson, ApiQuery, unprocessable};
use super::operation::Api;
use crate::desk::NotGranted;
use crate::desk::views::{self, Find, Names, Page};
use crate::numbers::PatronNumber;
use crate::routing::{Act, Event, MessageId, Whose};
use crate::spool::search::{self, Question, search};
use crate::spool::transcript::Listed;
use crate::spool::{self, patrons};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Finds of one page.
const PAGE: usize = 50;
/// Finds of one page at most.
const PAGE_MAX: usize = 200;
/// Messages looked at for one page: what others alone may see is passed over.
const LOOKED_AT_MAX: usize = 5000;
/// Letters of a shown name that find it at least.
const NAME_MIN: usize = 3;
/// Conversations found by a shown name, or a number.
const NAMED_MAX: usize = 50;
/// Letters of a question.
const QUESTION_MAX: usize = 200;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.get("/search", "search", find)
        .says("Messages that hold these words, newest first")
        .about(
            "Before them, on the first page, the latest message of each conversation with a patron whose shown \
             name begins like this.",
        )
        .refuses(&[422])
        .answers("Messages that hold these words, newest first.");
    api.post("/search/number", "searchNumber", find_number)
        .says("Conversations with a telephone number, newest first")
        .about(
            "For whoever may see the number: finding it is seeing it, so it is recorded, and noted in the \
             patron's thread.",
        )
        .example(json!({"number": "(555) 123-0100"}))
        .refuses(&[422])
        .answers("The latest message of each; empty where there is none that the caller may see.");
}

#[derive(Deserialize, ToSchema)]
struct Asked {
    /// Words that all occur, as beginnings of words; `#tag` for a tag of the conversation.
    #[schema(min_length = 1)]
    q: String,
    /// What `next` of the page before said.
    cursor: Option<i64>,
    /// At most 200.
    limit: Option<u32>,
}

async fn find(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Json<Page<Find>>, Problem> {
    let typed: String = asked.q.chars().take(QUESTION_MAX).collect();
    let name = typed.trim().to_lowercase();
    let name = (name.chars().count() >= NAME_MIN && asked.cursor.is_none()).then_some(name);
    let question = Question::read(&typed).ok_or_else(|| {
        unprocessable("there is nothing to look for: `q` has words, or tags such as #fines")
    })?;
    let limit = asked.limit.map_or(PAGE, |limit| limit as usize);
    let limit = limit.clamp(1, PAGE_MAX);
    let plan = Arc::clone(&caller.board.plan);
    let page = premises
        .spool
        .read(move |connection| {
            let names = Names::new(connection, &plan);
            let mut before = asked.cursor.map(MessageId);
            let mut items = match name {
                Some(name) => named(connection, &caller, &names, &name)?,
                None => Vec::new(),
            };
            let named: BTreeSet<i64> = items.iter().map(|find| find.message.id).collect();
            let limit = limit + items.len();
            let mut looked_at = 0;
            let mut next = None;
            'pages: while looked_at < LOOKED_AT_MAX {
                let found = search(connection, &question, before, PAGE_MAX)?;
                let full = found.len() == PAGE_MAX;
                for message in found {
                    looked_at += 1;
                    before = Some(message.id);
                    let listed = caller.reads(connection, message.conversation)?;
                    let Some(listed) = listed.filter(|_| !named.contains(&message.id.0)) else {
                        continue;
                    };
                    items.push(Find {
                        message: views::Message::new(&message, &listed.patron, &names)?,
                        conversation: views::Conversation::new(&listed, &names)?,
                    });
                    if items.len() == limit {
                        next = before;
                        break 'pages;
                    }
                }
                if !full {
                    before = None;
                    break;
                }
                next = before;
            }
            let next = next.filter(|_| before.is_some()).map(|id| id.to_string());
            Ok(Page { items, next })
        })
        .await?;
    Ok(Json(page))
}

/// The latest message of a conversation that the caller sees.
fn latest(listed: &Listed, names: &Names<'_>) -> spool::Result<Option<Find>> {
    let Some(message) = &listed.latest else {
        return Ok(None);
    };
    Ok(Some(Find {
        message: views::Message::new(message, &listed.patron, names)?,
        conversation: views::Conversation::new(listed, names)?,
    }))
}

/// Conversations with patrons of this name. Who helps out knows none.
fn named(
    connection: &Connection,
    caller: &Caller,
    names: &Names<'_>,
    name: &str,
) -> spool::Result<Vec<Find>> {
    let mut found = Vec::new();
    for id in search::named(connection, name, NAMED_MAX)? {
        let listed = caller.reads(connection, id)?;
        let listed = listed.filter(|one| {
            one.conversation.is_at_home(&caller.operator.queues) && !one.conversation.farewell
        });
        if let Some(listed) = listed {
            found.extend(latest(&listed, names)?);
        }
    }
    Ok(found)
}

#[derive(Deserialize, ToSchema)]
struct Number {
    /// A whole number, however it is spelled.
    number: String,
}

/// The reveal of each patron's latest conversation is on disk before anything is answered.
async fn find_number(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiJson(asked): ApiJson<Number>,
) -> Result<Json<Page<Find>>, Problem> {
    let meant = PatronNumber::meant(&asked.number, &caller.board.countries);
    let meant = meant.map_err(|error| unprocessable(error.to_string()))?;
    let known = premises.spool.read(move |connection| {
        let mut threads = Vec::new();
        for number in meant {
            for known in patrons::all(connection, &Whose::Telephone(number))? {
                let mut ids = patrons::conversations(connection, known.patron.id)?;
                ids.reverse();
                ids.truncate(NAMED_MAX);
                threads.push(ids);
            }
        }
        Ok(threads)
    });
    let mut found = Vec::new();
    for thread in known.await? {
        for (at, id) in thread.iter().enumerate() {
            let reveal = Event::act(caller.id(), *id, Act::Reveal);
            // The newest that they may see; the router knows which.
            match premises.desk.ask(reveal).await {
                Ok(_) => {
                    found.extend(thread.iter().skip(at).copied());
                    break;
                }
                Err(NotGranted::Refused(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
    let plan = Arc::clone(&caller.board.plan);
    let items = premises.spool.read(move |connection| {
        let names = Names::new(connection, &plan);
        let mut items = Vec::new();
        for id in found {
            let listed = caller.reads(connection, id)?;
            let listed = listed.filter(|one| one.conversation.is_at_home(&caller.operator.queues));
            if let Some(listed) = listed {
                items.extend(latest(&listed, &names)?);
            }
        }
        Ok(items)
    });
    Ok(Json(Page::whole(items.await?)))
}
