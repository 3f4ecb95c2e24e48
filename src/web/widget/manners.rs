//! How each widget behaves: which sites may frame it, what it says.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::no_widget;
use crate::routing::GatewayId;
use crate::spool::{Spool, visitors};
use crate::web::api::{Api, ApiJson, ApiPath, Arrange, GatewayName, May};
use crate::web::caller::Caller;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// Sites a widget may stand on.
const ORIGINS_MAX: usize = 50;
/// Letters of a title and of a greeting.
const TITLE_MAX: usize = 60;
const GREETING_MAX: usize = 300;

/// How a widget behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Widget, default)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web) struct Manner {
    /// Sites that may frame it, such as `https://www.elm.example`; `*` is any. Without one, only
    /// pages of the desk itself.
    #[schema(max_items = 50)]
    origins: Vec<String>,
    /// Above the chat; empty: the library's name.
    #[schema(max_length = 60)]
    title: String,
    /// The first words in it.
    #[schema(max_length = 300)]
    pub(super) greeting: String,
    /// Whether visitors may send files.
    pub(super) files: bool,
    /// Whether visitors may have their chat sent by mail, where the desk has a mail server.
    pub(super) letters: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            title: String::new(),
            greeting: "Hello! A librarian will answer you here.".into(),
            files: true,
            letters: true,
        }
    }
}

impl Manner {
    /// What stands above the chat.
    pub(super) fn title<'a>(&'a self, library: &'a str) -> &'a str {
        if self.title.is_empty() {
            library
        } else {
            &self.title
        }
    }

    /// Who may frame the page (CSP 3 §6.4.2).
    pub(super) fn ancestors(&self) -> String {
        let mut ancestors = String::from("'self'");
        for origin in &self.origins {
            ancestors.push(' ');
            ancestors.push_str(origin);
        }
        ancestors
    }

    fn check(&self) -> Result<(), Problem> {
        let wrong = |detail: String| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        if self.origins.len() > ORIGINS_MAX {
            return wrong(format!("a widget stands on {ORIGINS_MAX} sites at most"));
        }
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return wrong(format!(
                "{origin:?} is not a site: write it as \"https://www.elm.example\", with nothing \
                 behind the name, or \"*\" for any site"
            ));
        }
        if self.title.chars().count() > TITLE_MAX {
            return wrong(format!("the title has more than {TITLE_MAX} letters"));
        }
        if self.greeting.chars().count() > GREETING_MAX {
            return wrong(format!("the greeting has more than {GREETING_MAX} letters"));
        }
        Ok(())
    }
}

/// `https://name[:port]`, or `*`. Everything else could end the directive it is put into.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let host_fits = !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Every widget's manner, at hand.
#[derive(Debug, Default)]
pub(in crate::web) struct Manners(RwLock<HashMap<GatewayId, Arc<Manner>>>);

impl Manners {
    /// Reads what is kept, soon.
    pub(in crate::web) fn open(spool: &Spool) -> Arc<Self> {
        let manners = Arc::new(Self::default());
        let (spool, filled) = (spool.clone(), Arc::clone(&manners));
        tokio::spawn(async move {
            match spool.read(visitors::widgets).await {
                Ok(rows) => {
                    for (gateway, manner) in rows {
                        filled.read_row(gateway, &manner);
                    }
                }
                Err(error) => tracing::warn!(%error, "how widgets behave could not be read"),
            }
        });
        manners
    }

    fn read_row(&self, gateway: GatewayId, manner: &str) {
        match serde_json::from_str(manner) {
            Ok(manner) => self.put(gateway, manner),
            Err(error) => tracing::warn!(%error, "a widget behaves as a new one"),
        }
    }

    fn put(&self, gateway: GatewayId, manner: Manner) {
        let mut all = self.0.write().unwrap_or_else(|held| held.into_inner());
        all.insert(gateway, Arc::new(manner));
    }

    /// How a widget behaves.
    pub(super) fn of(&self, gateway: GatewayId) -> Manner {
        let all = self.0.read().unwrap_or_else(|held| held.into_inner());
        all.get(&gateway)
            .map_or_else(Manner::default, |manner| Manner::clone(manner))
    }
}

pub(in crate::web) fn operations(api: &mut Api) {
    api.under("desk");
    api.get("/gateways/{gateway}/widget", "getWidget", settings)
        .says("How a widget behaves")
        .answers("Its manner.");
    api.put("/gateways/{gateway}/widget", "setWidget", set)
        .says("Change how a widget behaves")
        .about("What is left out is as usual.")
        .example(json!({"origins": ["https://www.elm.example"]}))
        .answers("Its manner now.");
}

async fn settings(
    State(premises): State<Arc<Premises>>,
    caller: Caller,
    ApiPath(GatewayName(name)): ApiPath<GatewayName>,
) -> Result<Json<Manner>, Problem> {
    let gateway = super::gateway_named(&caller.board, &name).ok_or_else(no_widget)?;
    Ok(Json(premises.manners.of(gateway.id)))
}

async fn set(
    State(premises): State<Arc<Premises>>,
    caller: May<Arrange>,
    ApiPath(GatewayName(name)): ApiPath<GatewayName>,
    ApiJson(manner): ApiJson<Manner>,
) -> Result<Json<Manner>, Problem> {
    let gateway = super::gateway_named(&caller.board, &name).ok_or_else(no_widget)?;
    manner.check()?;
    let kept = serde_json::to_string(&manner).map_err(|error| {
        tracing::error!(%error, "a widget's manner could not be written");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the desk made a mistake: it is in its log; try again",
        )
    })?;
    let id = gateway.id;
    premises
        .spool
        .write(move |connection| visitors::keep_widget(connection, id, &kept))
        .await?;
    premises.manners.put(id, manner.clone());
    Ok(Json(manner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_sites_and_nothing_else() {
        for (text, fits) in [
            ("https://www.elm.example", true),
            ("http://localhost:8000", true),
            ("*", true),
            ("https://", false),
            ("https://elm.example/", false),
            ("https://elm.example:x", false),
            ("https://elm.example; script-src *", false),
            ("https://*.elm.example", false),
            ("elm.example", false),
            ("javascript://x", false),
        ] {
            assert_eq!(is_origin(text), fits, "{text}");
        }
    }

    #[test]
    fn a_new_widget_stands_on_the_desks_own_pages_only() {
        let manner = Manner::default();
        assert_eq!(manner.ancestors(), "'self'");
        assert_eq!(manner.title("Elm Library"), "Elm Library");
    }
}
