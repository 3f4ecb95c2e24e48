//! `docs/api.md`: each operation with a call and its answer, as the desk really gave it.
//! `CALLNUMBER_WRITE_GUIDE=1 cargo test --test it web::guide` writes it anew; without that, the test
//! says where it no longer tells the truth.

use std::fmt::Write;
use std::path::Path;

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::examples::{Example, example, stage};
use super::house::{Answer, House};

const INTRODUCTION: &str = "\
# The JSON API, by example

Each operation, as a desk answered it in a test: times and secrets alone are made up. The description
that programs read, with every field and every refusal, is the desk's own at `/api/v1/openapi.json`.
This page is written by a test (`tests/it/web/guide.rs`) and held against the desk by it.

A script signs in with a bearer token, which an admin makes on the box (or whoever is signed in, with
`POST /tokens`):

```console
$ TOKEN=$(callnumber operator token ana)
$ curl -H \"Authorization: Bearer $TOKEN\" https://desk.elm.example/api/v1/conversations?state=waiting
```

- A list answers `{\"items\": […], \"next\": …}`. Where `next` is not null, ask again with
  `?cursor=` and its value.
- What goes wrong is `application/problem+json` (RFC 9457); its `detail` says what to do. 429 and 503
  have a `Retry-After`.
- An answer is sent once for each `client_id`: after a broken connection send the same again.
- Operators see the conversations of their queues and those they answer; others are 404.
";

/// How a group of operations is headed.
const GROUPS: [(&str, &str); 4] = [
    ("session", "Being there"),
    ("conversations", "Conversations"),
    ("desk", "The desk"),
    ("staff", "Staff, records and the audit trail"),
];

/// Made-up parts instead of those that differ each time, at equal length or shorter.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || "-:.+".contains(letter) {
            word.push(letter);
            continue;
        }
        steady.push_str(&steady_word(&word));
        word.clear();
        steady.push(letter);
    }
    steady.pop();
    steady
}

fn steady_word(word: &str) -> String {
    let digits = |from: usize, to: usize| {
        word.get(from..to)
            .is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()))
    };
    let is_date = |at: usize| {
        digits(at, at + 4)
            && digits(at + 5, at + 7)
            && digits(at + 8, at + 10)
            && word.as_bytes().get(at + 4) == Some(&b'-')
            && word.as_bytes().get(at + 7) == Some(&b'-')
    };
    if is_date(0) && word.as_bytes().get(10) == Some(&b'T') {
        return "2026-11-26T15:04:05Z".into();
    }
    if is_date(0) {
        return format!("2026-11-26{}", &word[10..]);
    }
    if matches!(word.len(), 5 | 8) && digits(0, 2) && digits(3, 5) && word.contains(':') {
        return "15:04".into();
    }
    let hexadecimal = word.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal && matches!(word.len(), 8 | 12 | 16) && word.bytes().any(|b| b.is_ascii_digit())
    {
        return "9f2c41d07be3"[..word.len().min(12)].into();
    }
    if hexadecimal && word.len() == 64 {
        return "9f2c41d07be3…".into();
    }
    word.to_owned()
}

/// Patrons' shown names in an answer.
fn patrons(answer: &Value, found: &mut Vec<String>) {
    match answer {
        Value::Object(object) => {
            found.extend(
                object
                    .get("patron")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            object.values().for_each(|value| patrons(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| patrons(value, found)),
        _ => {}
    }
}

/// Patrons' shown names are made from a seed of the spool's own, and links from nothing.
fn without_names(text: &str, patrons: &[String]) -> String {
    let mut text = text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"0.1.0\"");
    for patron in patrons {
        text = text.replace(patron, "heron-42");
    }
    let mut steady = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("/f/") {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric());
        steady.push_str(before);
        steady.push_str("/f/k3m9x2q7w5ab");
        rest = &after[end.unwrap_or(after.len())..];
    }
    steady.push_str(rest);
    steady
}

/// Disks differ, and so does what a modem has said by a given moment.
fn without_sizes(value: &mut Value) {
    if let Some(kept) = value.get_mut("kept").filter(|kept| kept.is_object()) {
        kept["octets"] = json!(48_213);
    }
    if let Some(disk) = value.get_mut("disk") {
        *disk = json!({"spool": 9_300_000, "files": 48_000_000, "free": 21_000_000_000_u64,
                       "size": 31_000_000_000_u64});
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// The answer's kind and body, as the page shows them.
fn answered(answer: &Answer, name: &str) -> Option<(&'static str, String)> {
    if answer.body.is_empty() {
        return None;
    }
    let kind = answer.headers[header::CONTENT_TYPE].to_str().unwrap();
    Some(match kind.split(';').next().unwrap() {
        _ if name == "describe" => ("json", "{\"openapi\": \"3.1.0\", …}".into()),
        "text/html" => ("html", "<!doctype html>\n…".into()),
        "image/svg+xml" => ("xml", "<svg xmlns=\"http://www.w3.org/2000/svg\" …>".into()),
        "application/vnd.sqlite3" => ("text", "SQLite format 3…".into()),
        _ if name == "takeTrace" => {
            let head = answer.text().split("\n\n").next().unwrap_or_default();
            ("text", format!("{head}\n\n…"))
        }
        "application/json" => {
            let mut body = answer.json.clone();
            without_sizes(&mut body);
            ("json", pretty(&body))
        }
        "application/toml" => ("toml", answer.text().trim_end().to_owned()),
        _ => ("text", answer.text().trim_end().to_owned()),
    })
}

async fn section(page: &mut String, house: &House, path: &str, method: &str, operation: &Value) {
    let name = operation["operationId"].as_str().unwrap();
    let Example {
        conversation,
        address,
        body,
        by,
    } = example(house, path, operation, "+15551230100").await;
    let thread = house.with_token("ana");
    let thread = thread.get(&format!("/conversations/{conversation}")).await;
    let mut named = Vec::new();
    patrons(&thread.json, &mut named);

    let summary = operation["summary"].as_str().unwrap();
    writeln!(page, "\n### {summary}\n").unwrap();
    writeln!(page, "{}\n", operation["description"].as_str().unwrap()).unwrap();

    let mut shown = String::new();
    writeln!(shown, "```http\n{} /api/v1{address}", method.to_uppercase()).unwrap();
    match &body {
        Some(Value::String(content)) if name == "attachFile" => {
            writeln!(shown, "Content-Type: application/octet-stream\n\n{content}").unwrap();
        }
        Some(Value::String(content)) if name == "importDesk" => {
            let content = content.trim_end();
            writeln!(shown, "Content-Type: application/toml\n\n{content}").unwrap();
        }
        Some(body) => {
            let body = pretty(body);
            writeln!(shown, "Content-Type: application/json\n\n{body}").unwrap();
        }
        None => {}
    }
    writeln!(shown, "```\n").unwrap();

    if name == "followEvents" {
        let mut feed = house.with_token(by).follow(None).await;
        writeln!(shown, "200, and then for as long as both like:\n\n```text").unwrap();
        let hello = feed.next().await.unwrap();
        writeln!(shown, "event: {}\ndata: {}\n", hello.event, hello.data).unwrap();
        house.text("+15551230100", "Thank you!").await;
        let told = feed.until(|told| told.event == "message").await;
        let id = told.id.unwrap();
        writeln!(
            shown,
            "event: message\nid: {id}\ndata: {}\n```\n",
            told.data
        )
        .unwrap();
        writeln!(shown, "| event | when | data |\n|---|---|---|").unwrap();
        let stream = "/responses/200/content/text~1event-stream/schema/oneOf";
        for event in operation.pointer(stream).unwrap().as_array().unwrap() {
            let data = &event["properties"]["data"]["contentSchema"];
            let data = match data["$ref"].as_str() {
                Some(name) => name.rsplit('/').next().unwrap().to_owned(),
                None => {
                    let fields = data["properties"].as_object();
                    let fields = fields.map(|fields| fields.keys().map(String::as_str).collect());
                    let fields: Vec<&str> = fields.unwrap_or_default();
                    format!("`{{{}}}`", fields.join(", "))
                }
            };
            let (name, when) = (event["title"].as_str(), event["description"].as_str());
            writeln!(
                shown,
                "| `{}` | {} | {data} |",
                name.unwrap(),
                when.unwrap()
            )
            .unwrap();
        }
    } else {
        let client = match name {
            "signOut" => house.with_session("ana").await,
            _ => house.with_token(by),
        };
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let answer = client
            .call_described(operation, method, &address, body)
            .await;
        assert!(answer.status.is_success(), "{name}: {}", answer.text());
        patrons(&answer.json, &mut named);
        match answered(&answer, name) {
            Some((kind, body)) => {
                let status = answer.status.as_u16();
                writeln!(shown, "{status}:\n\n```{kind}\n{body}\n```").unwrap();
            }
            None => writeln!(shown, "{}, and no body.", answer.status.as_u16()).unwrap(),
        }
    }
    let folder = house.spool.path().parent().unwrap();
    let shown = shown.replace(folder.to_str().unwrap(), "/var/lib/callnumber");
    let shown = without_names(&shown, &named);
    page.push_str(&steady(&shown));
}

#[tokio::test]
async fn the_guide_shows_what_the_desk_answers() {
    let description = stage().await.anonymous().get("/openapi.json").await.json;
    let mut page = INTRODUCTION.to_owned();
    for (tag, heading) in GROUPS {
        write!(page, "\n## {heading}\n").unwrap();
        for (path, operations) in description["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                if operation["tags"][0] == tag {
                    // A desk of its own for each: what it shows depends on nothing else.
                    let house = stage().await;
                    section(&mut page, &house, path, method, operation).await;
                }
            }
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    if std::env::var_os("CALLNUMBER_WRITE_GUIDE").is_some() {
        std::fs::write(&file, &page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let differ = page
        .lines()
        .zip(written.lines())
        .enumerate()
        .find(|(_, (now, then))| now != then);
    assert!(
        page == written,
        "docs/api.md no longer says what the desk answers, first at {differ:?}: write it anew with \
         `CALLNUMBER_WRITE_GUIDE=1 cargo test --test it web::guide`"
    );
}
