//! An operation of the API: its route, who may call it, and its description, said once.
//!
//! [`Api`] alone makes the routes under `/api/v1`, and of each it takes the description from the
//! handler's own types: what the handler [takes](Takes) and [answers](Answer), who it lets in, what the
//! parts it is made of refuse. Words are added beside it. So there is no route without a description,
//! and no description without the code that keeps it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::routing::Role;
use crate::web::premises::Premises;
use crate::web::problem::Problem;

/// What a handler takes from a request.
pub(in crate::web) trait Takes {
    fn describe(draft: &mut Draft);
}

/// What a handler answers.
pub(in crate::web) trait Answer {
    fn describe(draft: &mut Draft);
}

/// A handler that says what it takes and answers. `T` is as [`Handler`] has it.
pub(in crate::web) trait Described<T> {
    fn describe(draft: &mut Draft);
}

macro_rules! described {
    ($($part:ident)*) => {
        impl<F, Answered, A, M, $($part),*> Described<(M, $($part,)*)> for F
        where
            F: FnOnce($($part),*) -> Answered,
            Answered: Future<Output = A>,
            A: Answer,
            $($part: Takes),*
        {
            fn describe(draft: &mut Draft) {
                $($part::describe(draft);)*
                A::describe(draft);
            }
        }
    };
}

described!(T1);
described!(T1 T2);
described!(T1 T2 T3);
described!(T1 T2 T3 T4);
described!(T1 T2 T3 T4 T5);

impl<A: Answer> Answer for Result<A, Problem> {
    fn describe(draft: &mut Draft) {
        A::describe(draft);
    }
}

impl<T: ToSchema> Answer for Json<T> {
    fn describe(draft: &mut Draft) {
        draft.answers_json::<T>(StatusCode::OK);
    }
}

/// A file or a stream: what it is [stands in words](Operation::gives).
impl Answer for Response {
    fn describe(_: &mut Draft) {}
}

macro_rules! json_answers {
    ($($(#[$doc:meta])* $name:ident $status:ident)+) => {$(
        $(#[$doc])*
        pub(in crate::web) struct $name<T>(pub(in crate::web) T);

        impl<T: Serialize> IntoResponse for $name<T> {
            fn into_response(self) -> Response {
                (StatusCode::$status, Json(self.0)).into_response()
            }
        }

        impl<T: ToSchema> Answer for $name<T> {
            fn describe(draft: &mut Draft) {
                draft.answers_json::<T>(StatusCode::$status);
            }
        }
    )+};
}

json_answers! {
    /// 201: made.
    Created CREATED
    /// 202: begun.
    Accepted ACCEPTED
}

/// 204: done, and nothing to say.
pub(in crate::web) struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Answer for NoContent {
    fn describe(draft: &mut Draft) {
        draft.answers(StatusCode::NO_CONTENT);
    }
}

/// 201 the first time, 200 for the same again.
pub(in crate::web) enum Once<T> {
    Made(T),
    Before(T),
}

impl<T: Serialize> IntoResponse for Once<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Made(made) => Created(made).into_response(),
            Self::Before(before) => Json(before).into_response(),
        }
    }
}

impl<T: ToSchema> Answer for Once<T> {
    fn describe(draft: &mut Draft) {
        Created::<T>::describe(draft);
        Json::<T>::describe(draft);
    }
}

/// An answer that sets cookies: the session's, and the device's.
pub(in crate::web) struct WithCookie<A>(pub(in crate::web) Vec<String>, pub(in crate::web) A);

impl<A: IntoResponse> IntoResponse for WithCookie<A> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        for cookie in self.0 {
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

impl<A: Answer> Answer for WithCookie<A> {
    fn describe(draft: &mut Draft) {
        A::describe(draft);
        for answer in draft.answers.values_mut() {
            answer["headers"] = json!({ "Set-Cookie": { "schema": { "type": "string" } } });
        }
    }
}

/// An operation while it is being described.
#[derive(Debug, Default)]
pub(in crate::web) struct Draft {
    /// Names in the path that nothing has described yet.
    unnamed: VecDeque<String>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    refusals: BTreeSet<u16>,
    /// Whoever may at least be; nobody in particular where there is none.
    role: Option<Role>,
    schemas: Vec<(String, Value)>,
}

impl Draft {
    /// Whoever has this role or a higher one.
    pub(super) fn lets_in(&mut self, role: Role) {
        self.role = Some(role);
        self.refuses(StatusCode::UNAUTHORIZED);
    }

    pub(super) fn refuses(&mut self, status: StatusCode) {
        self.refusals.insert(status.as_u16());
    }

    /// The next name in the path.
    pub(super) fn part(&mut self, what: &str, schema: Value) {
        let name = self.unnamed.pop_front().unwrap_or_default();
        self.parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": what, "schema": schema,
        }));
    }

    /// A parameter: a property of an object that stays out when it is null.
    pub(super) fn parameter(&mut self, place: &str, name: &str, required: bool, schema: Value) {
        let mut schema = bounded(present(schema));
        let what = schema
            .as_object_mut()
            .and_then(|it| it.remove("description"));
        let mut parameter = json!({
            "name": name, "in": place, "required": required, "schema": schema,
        });
        if let Some(what) = what {
            parameter["description"] = what;
        }
        self.parameters.push(parameter);
    }

    /// A JSON body, as a sender may write it.
    pub(super) fn takes_json<T: ToSchema>(&mut self, required: bool) {
        self.takes("application/json", bounded(plain(T::schema())));
        if let Some(body) = &mut self.body {
            body["required"] = required.into();
        }
        self.reads::<T>();
    }

    /// A body.
    pub(super) fn takes(&mut self, kind: &str, schema: Value) {
        self.body = Some(json!({ "required": true, "content": { kind: { "schema": schema } } }));
        for status in [
            StatusCode::BAD_REQUEST,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ] {
            self.refuses(status);
        }
    }

    fn answers(&mut self, status: StatusCode) -> &mut Value {
        self.answers.entry(status.as_u16()).or_insert(json!({}))
    }

    fn answers_json<T: ToSchema>(&mut self, status: StatusCode) {
        let schema = self.written::<T>();
        self.answers(status)["content"]["application/json"]["schema"] = schema;
    }

    /// The schema of what the desk writes: by name, or as it is where it is only written here.
    fn written<T: ToSchema>(&mut self) -> Value {
        self.keep::<T>(always);
        let (name, schema) = (T::name(), always(plain(T::schema())));
        // A page of a list is named by nobody.
        if name == "Page" {
            return schema;
        }
        let by_name = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.schemas.push((name.into_owned(), schema));
        by_name
    }

    /// Keeps the schemas that one of these names, as a sender may write them.
    pub(super) fn reads<T: ToSchema>(&mut self) {
        self.keep::<T>(bounded);
    }

    /// Keeps the schemas that one of these names.
    fn keep<T: ToSchema>(&mut self, dress: impl Fn(Value) -> Value) {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let named = named.into_iter();
        self.schemas
            .extend(named.map(|(name, schema)| (name, dress(plain(schema)))));
    }
}

fn plain(schema: RefOr<Schema>) -> Value {
    // Objects with string keys, and nothing else.
    serde_json::to_value(schema).unwrap_or_default()
}

/// The properties of an object, and the names of those that must be there.
pub(super) fn object<T: ToSchema>() -> (Vec<(String, Value)>, Vec<String>) {
    let mut schema = plain(T::schema());
    let required = names_in(&schema["required"]);
    let properties = match schema["properties"].take() {
        Value::Object(properties) => properties.into_iter().collect(),
        _ => Vec::new(),
    };
    (properties, required)
}

fn names_in(list: &Value) -> Vec<String> {
    let names = list.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn may_be_null(schema: &Value) -> bool {
    let among =
        |list: &Value, wanted: &Value| list.as_array().is_some_and(|list| list.contains(wanted));
    among(&schema["type"], &json!("null")) || among(&schema["oneOf"], &json!({ "type": "null" }))
}

/// The schema of what serde reads: an integer has the bounds of its type. Variants are called by their tag.
fn bounded(mut schema: Value) -> Value {
    let Some(parts) = schema.as_object_mut() else {
        return schema;
    };
    let at_least = parts.get("minimum").cloned();
    let bounds: Option<(Value, Value)> = match parts.get("format").and_then(Value::as_str) {
        Some("int64") if at_least.is_none() => Some((i64::MIN.into(), i64::MAX.into())),
        Some("int32") if at_least == Some(0.into()) => Some((0.into(), u32::MAX.into())),
        _ => None,
    };
    if let Some(length) = parts
        .get("prefixItems")
        .and_then(Value::as_array)
        .map(Vec::len)
    {
        parts.insert("minItems".to_owned(), length.into());
        parts.insert("maxItems".to_owned(), length.into());
    }
    if let Some(items) = parts.get_mut("items") {
        *items = bounded(items.take());
    }
    if let Some((minimum, maximum)) = bounds {
        parts.entry("minimum").or_insert(minimum);
        parts.entry("maximum").or_insert(maximum);
    }
    if let Some(properties) = parts.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            *property = bounded(property.take());
        }
    }
    for part in ["allOf", "oneOf"] {
        if let Some(list) = parts.get_mut(part).and_then(Value::as_array_mut) {
            for one in list {
                *one = bounded(one.take());
                if let Some(tag) = tag(one) {
                    one["title"] = tag.into();
                }
            }
        }
    }
    schema
}

/// What a variant is called.
fn tag(variant: &Value) -> Option<String> {
    let properties = variant["properties"].as_object().into_iter().flatten();
    let parts = variant["allOf"].as_array().into_iter().flatten();
    let mut tags =
        properties.filter_map(
            |(_, property)| match property["enum"].as_array()?.as_slice() {
                [one] => one.as_str().map(str::to_owned),
                _ => None,
            },
        );
    tags.next().or_else(|| parts.filter_map(tag).next())
}

/// The schema of a thing that is there.
fn present(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array() {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        schema["type"] = kind.unwrap_or_default();
    }
    if let Some(all) = schema["oneOf"].as_array().filter(|all| all.len() == 2) {
        let is_null = json!({ "type": "null" });
        if let Some(one) = all.iter().find(|one| **one != is_null).cloned() {
            let what = schema["description"].take();
            schema = one;
            if !what.is_null() {
                schema["description"] = what;
            }
        }
    }
    schema
}

/// The schema of what the desk writes: what may be null, or has a default, is there all the same.
fn always(mut schema: Value) -> Value {
    let Some(parts) = schema.as_object_mut() else {
        return schema;
    };
    for part in ["allOf", "oneOf", "prefixItems"] {
        if let Some(list) = parts.get_mut(part).and_then(Value::as_array_mut) {
            list.iter_mut().for_each(|one| *one = always(one.take()));
        }
    }
    if let Some(items) = parts.get_mut("items") {
        *items = always(items.take());
    }
    let Some(Value::Object(properties)) = parts.get_mut("properties") else {
        return schema;
    };
    let mut required = Vec::new();
    for (name, property) in properties {
        *property = always(property.take());
        if may_be_null(property) || property.get("default").is_some() {
            required.push(name.clone());
        }
    }
    required.extend(names_in(&schema["required"]));
    required.sort();
    required.dedup();
    schema["required"] = json!(required);
    schema
}

/// One operation.
#[derive(Debug)]
pub(in crate::web) struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    about: &'static str,
    handler: Option<MethodRouter<Arc<Premises>>>,
    draft: Draft,
}

impl Operation {
    /// What it does, in a line.
    pub(in crate::web) fn says(&mut self, summary: &'static str) -> &mut Self {
        self.summary = summary;
        self
    }

    /// What surprises.
    pub(in crate::web) fn about(&mut self, about: &'static str) -> &mut Self {
        self.about = about;
        self
    }

    /// What the answer is: that which is not named yet.
    pub(in crate::web) fn answers(&mut self, what: &'static str) -> &mut Self {
        if self.draft.answers.is_empty() {
            self.draft.answers(StatusCode::OK);
        }
        // 201 before 200: what is usual comes first.
        let mut answers = self.draft.answers.values_mut().rev();
        if let Some(unsaid) = answers.find(|answer| answer["description"].is_null()) {
            unsaid["description"] = what.into();
        }
        self
    }

    /// What it refuses beside what its parts refuse.
    pub(in crate::web) fn refuses(&mut self, statuses: &[u16]) -> &mut Self {
        self.draft.refusals.extend(statuses);
        self
    }

    /// A body it would take.
    pub(in crate::web) fn example(&mut self, example: Value) -> &mut Self {
        let content = self.draft.body.as_mut().map(|body| &mut body["content"]);
        if let Some(Value::Object(kinds)) = content {
            kinds
                .values_mut()
                .for_each(|kind| kind["example"] = example.clone());
        }
        self
    }

    /// Variants that it never takes.
    pub(in crate::web) fn except(&mut self, tags: &[&str]) -> &mut Self {
        let body = self.draft.body.as_mut();
        let content = body.map(|body| &mut body["content"]["application/json"]["schema"]["oneOf"]);
        if let Some(Value::Array(variants)) = content {
            variants.retain(|one| !tag(one).is_some_and(|tag| tags.contains(&tag.as_str())));
        }
        self
    }

    /// A header it reads.
    pub(in crate::web) fn header(&mut self, name: &str, what: &str) -> &mut Self {
        let schema = json!({ "type": "string", "description": what });
        self.draft.parameter("header", name, false, schema);
        self
    }

    /// An answer that is no JSON.
    pub(in crate::web) fn gives(&mut self, kind: &str) -> &mut Self {
        self.gives_as(kind, json!({ "type": "string" }))
    }

    /// An answer that is JSON in one of its forms.
    pub(in crate::web) fn gives_json<T: ToSchema>(&mut self) -> &mut Self {
        self.draft.answers_json::<T>(StatusCode::OK);
        self
    }

    /// An answer of this schema.
    pub(in crate::web) fn gives_as(&mut self, kind: &str, schema: Value) -> &mut Self {
        self.draft.answers(StatusCode::OK)["content"][kind]["schema"] = schema;
        self
    }

    /// The schema of what the desk writes in a place of its own.
    pub(in crate::web) fn written<T: ToSchema>(&mut self) -> Value {
        self.draft.written::<T>()
    }

    /// Octets of the body, where they are more than usual.
    pub(in crate::web) fn limit(&mut self, octets: usize) -> &mut Self {
        let handler = self.handler.take();
        self.handler = handler.map(|handler| handler.layer(DefaultBodyLimit::max(octets)));
        self
    }

    /// As OpenAPI has it.
    fn described(&self) -> Value {
        let draft = &self.draft;
        let who = match draft.role {
            None => "For anybody.",
            Some(Role::Operator) => "For operators.",
            Some(Role::Coordinator) => "For coordinators and admins.",
            Some(Role::Admin) => "For admins.",
        };
        let mut responses: Map<String, Value> = draft
            .answers
            .iter()
            .map(|(status, answer)| (status.to_string(), answer.clone()))
            .collect();
        for (status, name, _) in REFUSALS {
            let always = status.is_none() || status == Some(503) && draft.role.is_some();
            if always || status.is_some_and(|status| draft.refusals.contains(&status)) {
                let key = status.map_or("default".to_owned(), |status| status.to_string());
                let refusal = json!({ "$ref": format!("#/components/responses/{name}") });
                responses.insert(key, refusal);
            }
        }
        // Names of roles in a security requirement: OpenAPI 3.1.0 §4.8.30.
        let security = draft.role.map_or(json!([]), |role| {
            SCHEMES.map(|(scheme, _)| json!({ scheme: [role] })).into()
        });
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": format!("{who} {}", self.about).trim(),
            "security": security,
            "responses": responses,
        });
        if !draft.parameters.is_empty() {
            operation["parameters"] = json!(draft.parameters);
        }
        if let Some(body) = &draft.body {
            operation["requestBody"] = body.clone();
        }
        operation
    }
}

/// What an operation says no with: status, name, and when.
const REFUSALS: [(Option<u16>, &str, &str); 11] = [
    (
        Some(400),
        "BadRequest",
        "The JSON or the query cannot be read.",
    ),
    (
        Some(401),
        "Unauthorized",
        "Nobody is signed in, or name and password do not belong together.",
    ),
    (
        Some(403),
        "Forbidden",
        "Not yours, or the request came from another site.",
    ),
    (Some(404), "NotFound", "Not there, or not for you."),
    (
        Some(409),
        "Conflict",
        "It stands otherwise now: another claimed first, it is closed, the patron opted out.",
    ),
    (
        Some(413),
        "TooLarge",
        "More than 64 KiB, or more than the operation takes.",
    ),
    (
        Some(415),
        "NotJson",
        "The body is not declared as what the operation takes: JSON, where nothing else is said.",
    ),
    (
        Some(422),
        "Unprocessable",
        "Understood, but it makes no sense.",
    ),
    (
        Some(429),
        "TooMany",
        "Too many attempts or streams; `Retry-After` says when.",
    ),
    (
        Some(503),
        "Unavailable",
        "The desk cannot read or write just now, or is shutting down.",
    ),
    (None, "Problem", "What went wrong, and what to do."),
];

/// How a caller says who they are.
const SCHEMES: [(&str, &str); 3] = [
    (
        "session",
        r#"{"type": "apiKey", "in": "cookie", "name": "callnumber"}"#,
    ),
    (
        "secureSession",
        r#"{"type": "apiKey", "in": "cookie", "name": "__Host-callnumber",
            "description": "The cookie's name where the desk is behind TLS."}"#,
    ),
    ("token", r#"{"type": "http", "scheme": "bearer"}"#),
];

const ABOUT: &str = "A library's phone number as a staffed desk. Operators read patrons' texts and answer \
    them. Sign in for a session cookie, or send `Authorization: Bearer …` with a token, which `POST /tokens` \
    makes. An operator sees the conversations of the queues assigned to them, and those they answer or that \
    are handed to them; others do not exist for them. The security of each operation names the least role \
    that may call it. Errors are problem details (RFC 9457) whose `detail` says what to do.";

/// The operations, and so the routes, of `/api/v1`.
#[derive(Debug, Default)]
pub(in crate::web) struct Api {
    tag: &'static str,
    operations: Vec<Operation>,
}

macro_rules! methods {
    ($($method:ident $filter:ident)+) => {$(
        #[doc = concat!("Adds a ", stringify!($filter), ": its path, its name and who answers.")]
        pub(in crate::web) fn $method<H, T: 'static>(
            &mut self,
            path: &'static str,
            id: &'static str,
            handler: H,
        ) -> &mut Operation
        where
            H: Handler<T, Arc<Premises>> + Described<T>,
        {
            let handler = on(MethodFilter::$filter, handler);
            self.add::<H, T>(stringify!($method), path, id, handler)
        }
    )+};
}

impl Api {
    methods! { get GET post POST put PUT patch PATCH delete DELETE }

    /// What follows belongs together.
    pub(in crate::web) fn under(&mut self, tag: &'static str) -> &mut Self {
        self.tag = tag;
        self
    }

    fn add<H: Described<T>, T>(
        &mut self,
        method: &'static str,
        path: &'static str,
        id: &'static str,
        handler: MethodRouter<Arc<Premises>>,
    ) -> &mut Operation {
        let unnamed = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(str::to_owned);
        let mut draft = Draft {
            unnamed: unnamed.collect(),
            ..Draft::default()
        };
        H::describe(&mut draft);
        // Writes that come from another site are refused before anybody looks at them.
        if method != "get" {
            draft.refuses(StatusCode::FORBIDDEN);
        }
        self.operations.push(Operation {
            method,
            path,
            id,
            tag: self.tag,
            summary: "",
            about: "",
            handler: Some(handler),
            draft,
        });
        let last = self.operations.len() - 1;
        &mut self.operations[last]
    }

    /// The routes.
    pub(super) fn router(self) -> Router<Arc<Premises>> {
        let operations = self.operations.into_iter();
        let routes = operations.filter_map(|one| Some((one.path, one.handler?)));
        routes.fold(Router::new(), |router, (path, handler)| {
            router.route(path, handler)
        })
    }

    /// The description, OpenAPI 3.1.
    pub(super) fn description(self) -> Value {
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for one in &self.operations {
            let path = paths.entry(one.path).or_default();
            path.insert(one.method.to_owned(), one.described());
        }
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let refusals = REFUSALS.iter().map(|(_, name, what)| {
            let content = json!({ "application/problem+json": { "schema": &schema } });
            let refusal = json!({ "description": what, "content": content });
            ((*name).to_owned(), refusal)
        });
        let drafts = self.operations.into_iter().map(|one| one.draft);
        let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
        let problem = ("Problem".to_owned(), plain(Problem::schema()));
        for (name, schema) in drafts.flat_map(|draft| draft.schemas).chain([problem]) {
            let kept = schemas
                .entry(name.clone())
                .or_insert_with(|| schema.clone());
            debug_assert_eq!(*kept, schema, "two things are called {name}");
        }
        let tags = ["session", "conversations", "desk", "staff"];
        let schemes = SCHEMES.iter().map(|(name, scheme)| {
            let scheme = serde_json::from_str(scheme).unwrap_or_default();
            ((*name).to_owned(), scheme)
        });
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "callnumber",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
            },
            "servers": [{ "url": "/api/v1" }],
            "tags": tags.map(|name| json!({ "name": name })),
            "paths": paths,
            "components": {
                "securitySchemes": schemes.collect::<Map<String, Value>>(),
                "responses": refusals.collect::<Map<String, Value>>(),
                "schemas": schemas,
            },
        })
    }
}
