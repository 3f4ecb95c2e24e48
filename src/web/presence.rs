//! The presence API: a library's web site asks whether a queue is online, in a form such sites
//! have embedded for fifteen years. Answered from memory, byte for byte as its clients expect it.
//!
//! ```text
//! GET /presence/jid/{name}/{server}/{text|xml|js|json|image[/{theme}]}
//! GET /presence/image/{theme}/{show}
//! GET /js/libraryh3lp.js
//! ```
//!
//! A server that starts with `chat.` names a queue, any other an operator, who is shown only when
//! the settings allow it. A name nobody has is *unavailable*, not an error: a page that asks for a
//! queue of last year must go on working.

mod image;
pub(super) mod publishing;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::desk::Board;
use crate::routing::Show;

/// Sites embedded the address with this prefix as well.
const ALIAS: &str = "/2011-12-03";
/// Letters of a callback's name.
const CALLBACK_MAX: usize = 128;

const LOADER: &str = include_str!("assets/libraryh3lp.js");

/// What an answer takes: the board, and whether operators are shown.
#[derive(Debug, Clone)]
struct Window {
    board: watch::Receiver<Arc<Board>>,
    operators: bool,
}

/// The routes. They stand outside the console's layers: any site may read them, and they are asked
/// thousands of times a second.
pub(super) fn routes(board: watch::Receiver<Arc<Board>>, operators: bool) -> Router {
    let routes = Router::new()
        .route("/presence/{*rest}", get(answer).options(preflight))
        .route("/js/libraryh3lp.js", get(loader))
        .with_state(Window { board, operators });
    Router::new().merge(routes.clone()).nest(ALIAS, routes)
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Xml,
    Js,
    Json,
    Image(image::Theme),
}

impl Form {
    fn of(form: &str, theme: Option<&str>) -> Option<Self> {
        match (form, theme) {
            ("text", None) => Some(Form::Text),
            ("xml", None) => Some(Form::Xml),
            ("js", None) => Some(Form::Js),
            ("json", None) => Some(Form::Json),
            ("image", theme) => Some(Form::Image(image::Theme::named(theme.unwrap_or_default()))),
            _ => None,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Form::Text => "text/plain",
            Form::Xml => "text/xml",
            Form::Js => "application/javascript",
            Form::Json => "application/json",
            Form::Image(_) => "image/svg+xml",
        }
    }

    fn write(self, of: &Asked<'_>, available: bool) -> Bytes {
        let show = word(available);
        let (name, server) = (&*of.name, &*of.server);
        match self {
            Form::Text => Bytes::from_static(show.as_bytes()),
            Form::Xml => {
                let (name, server) = (in_xml(name), in_xml(server));
                format!(
                    "<presence user=\"{name}\" server=\"{server}\"><resource show=\"{show}\" \
                     name=\"libraryh3lp\" priority=\"5\"/></presence>"
                )
                .into()
            }
            Form::Js => {
                let (name, server) = (in_js(name), in_js(server));
                let mut text = format!(
                    "var jabber_user='{name}'; var jabber_server='{server}'; \
                     var jabber_resources=[{{name:'libraryh3lp',priority:5,show:'{show}',status:''}}]; \
                     var jabber_client_id='x';"
                );
                if let Some(callback) = of.callback {
                    text.push(' ');
                    text.push_str(callback);
                    text.push_str("();");
                }
                text.into()
            }
            Form::Json => serde_json::json!({ "user": name, "server": server, "show": show })
                .to_string()
                .into(),
            Form::Image(theme) => theme.draw(available),
        }
    }
}

fn word(available: bool) -> &'static str {
    if available {
        "available"
    } else {
        "unavailable"
    }
}

/// Whom a request asks for, and what it wants called with the answer.
struct Asked<'a> {
    name: Cow<'a, str>,
    server: Cow<'a, str>,
    callback: Option<&'a str>,
}

/// `GET /presence/…`
async fn answer(State(window): State<Window>, uri: Uri) -> Response {
    // Read from the path as it came: a name of broken UTF-8 is a name nobody has.
    let path = uri.path().strip_prefix("/presence/").unwrap_or_default();
    let parts: [Option<&str>; 6] = {
        let mut parts = path.split('/');
        std::array::from_fn(|_| parts.next())
    };
    match parts {
        [
            Some("jid"),
            Some(name),
            Some(server),
            Some(form),
            theme,
            None,
        ] => {
            let Some(form) = Form::of(form, theme) else {
                return nothing();
            };
            let asked = Asked {
                name: decoded(name),
                server: decoded(server),
                callback: uri.query().and_then(callback),
            };
            let available = is_available(&window, &asked.name, &asked.server);
            whole(form.kind(), form.write(&asked, available))
        }
        [Some("image"), Some(theme), Some(show), None, None, None] => {
            let show = show.split('.').next().unwrap_or_default();
            let drawn = image::Theme::named(theme).draw(show == word(true));
            whole("image/svg+xml", drawn)
        }
        _ => nothing(),
    }
}

fn is_available(window: &Window, name: &str, server: &str) -> bool {
    let board = window.board.borrow();
    let folded = name.to_ascii_lowercase();
    let is_queue = server
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("chat."));
    if is_queue {
        let queue = board.plan.queue_named(&folded);
        return queue.is_some_and(|queue| board.online.contains(&queue.id));
    }
    let operator = board
        .plan
        .operator_named(&folded)
        .filter(|_| window.operators);
    operator.is_some_and(|operator| board.shows.get(&operator.id) == Some(&Show::Available))
}

fn whole(kind: &'static str, body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    (headers, Body::from(body)).into_response()
}

fn nothing() -> Response {
    let words = "nothing here: ask /presence/jid/QUEUE/chat.HOST/text, xml, js, json or image\n";
    let mut response = whole("text/plain", Bytes::from_static(words.as_bytes()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// A script that adds headers of its own is asked for first (Fetch §3.2.2).
async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// `GET /js/libraryh3lp.js`
async fn loader() -> Response {
    whole(
        "application/javascript",
        Bytes::from_static(LOADER.as_bytes()),
    )
}

/// `cb` of the query, if it is a name and nothing else.
fn callback(query: &str) -> Option<&str> {
    let value = query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("cb="))?;
    let mut letters = value.bytes();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || b"_$".contains(&letter));
    let fits = value.len() <= CALLBACK_MAX
        && letters.all(|letter| letter.is_ascii_alphanumeric() || b"_$.".contains(&letter));
    (begins && fits).then_some(value)
}

/// Percent-decoded (RFC 3986 §2.1); what is no UTF-8 becomes a replacement character.
fn decoded(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    let octets = part.as_bytes();
    let mut plain = Vec::with_capacity(octets.len());
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        let hex = octets
            .get(at + 1..at + 3)
            .filter(|pair| octet == b'%' && pair.iter().all(u8::is_ascii_hexdigit))
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match hex {
            Some(value) => {
                plain.push(value);
                at += 3;
            }
            None => {
                plain.push(octet);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

/// Inside a double-quoted attribute.
fn in_xml(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| match letter {
        '&' => Some("&amp;".into()),
        '<' => Some("&lt;".into()),
        '>' => Some("&gt;".into()),
        '"' => Some("&quot;".into()),
        // What XML 1.0 §2.2 has no way to write.
        c if c.is_control() => Some("\u{fffd}".into()),
        '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}".into()),
        _ => None,
    })
}

/// Inside a single-quoted string of a script, which may itself stand inside HTML.
fn in_js(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| match letter {
        '\'' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
            Some(format!("\\u{:04x}", u32::from(letter)).into())
        }
        c if c.is_control() => Some(format!("\\u{:04x}", u32::from(c)).into()),
        _ => None,
    })
}

fn escaped(text: &str, escape: impl Fn(char) -> Option<Cow<'static, str>>) -> Cow<'_, str> {
    if text.chars().all(|letter| escape(letter).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match escape(letter) {
            Some(instead) => safe.push_str(&instead),
            None => safe.push(letter),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_is_called_back() {
        let longest = format!("cb={}", "a".repeat(CALLBACK_MAX));
        let too_long = format!("cb={}", "a".repeat(CALLBACK_MAX + 1));
        for (query, name) in [
            ("cb=go", Some("go")),
            ("x=1&cb=jQuery.go_1$&_=99", Some("jQuery.go_1$")),
            ("cb=$", Some("$")),
            ("cb=", None),
            ("cb=1a", None),
            ("cb=.a", None),
            ("cb=alert(1)", None),
            ("cb=a%28", None),
            ("cb=a;b", None),
            ("cb=ünder", None),
            ("xcb=go", None),
            ("", None),
            (&longest, longest.get(3..)),
            (&too_long, None),
        ] {
            assert_eq!(callback(query), name, "{query}");
        }
    }

    #[test]
    fn names_are_decoded_and_stay_inside_their_quotes() {
        for (part, plain, js, xml) in [
            ("ask", "ask", "ask", "ask"),
            ("a%20b", "a b", "a b", "a b"),
            ("%zz%4", "%zz%4", "%zz%4", "%zz%4"),
            ("o'neil", "o'neil", "o\\u0027neil", "o'neil"),
            (
                "%3C/script%3E",
                "</script>",
                "\\u003c/script\\u003e",
                "&lt;/script&gt;",
            ),
            ("%22%26", "\"&", "\\u0022\\u0026", "&quot;&amp;"),
            ("%ff", "\u{fffd}", "\u{fffd}", "\u{fffd}"),
            ("%0a", "\n", "\\u000a", "\u{fffd}"),
        ] {
            assert_eq!(decoded(part), plain, "{part}");
            assert_eq!(in_js(plain), js, "{part}");
            assert_eq!(in_xml(plain), xml, "{part}");
        }
    }
}
