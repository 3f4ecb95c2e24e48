//! Search of transcripts: the caller finds what the caller may see.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::{ApiQuery, unprocessable};
use super::operation::Api;
use crate::desk::views::{self, Find, Names, Page};
use crate::routing::MessageId;
use crate::spool::search::{Question, search};
use crate::spool::transcript;
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Finds of one page.
const PAGE: usize = 50;
/// Finds of one page at most.
const PAGE_MAX: usize = 200;
/// Messages looked at for one page: what others alone may see is passed over.
const LOOKED_AT_MAX: usize = 5000;
/// Letters of a question.
const QUESTION_MAX: usize = 200;

pub(super) fn operations(api: &mut Api) {
    api.under("conversations");
    api.get("/search", "search", find)
        .says("Messages that hold these words, newest first")
        .refuses(&[422])
        .answers("Messages that hold these words, newest first.");
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
            let mut items = Vec::new();
            let mut looked_at = 0;
            let mut next = None;
            'pages: while looked_at < LOOKED_AT_MAX {
                let found = search(connection, &question, before, PAGE_MAX)?;
                let full = found.len() == PAGE_MAX;
                for message in found {
                    looked_at += 1;
                    before = Some(message.id);
                    let listed = transcript::listed(connection, message.conversation)?;
                    let Some(listed) = listed.filter(|one| caller.sees(&one.conversation)) else {
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
