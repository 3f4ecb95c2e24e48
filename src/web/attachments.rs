//! Files that go with conversations: taken in by what they are, not by what they are called, kept
//! beside the spool, and handed out by a short link that fits a text.

mod kind;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path as At, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::network::From;
use super::premises::Premises;
use super::problem::Problem;
use super::{Settings, problem};
use crate::spool::files::Attachment;
use crate::spool::{Spool, files};

/// Octets of one file: a photograph of a page, a chapter as PDF.
pub(super) const SIZE_MAX: usize = 10 * 1024 * 1024;
/// Octets of all files together: a box has a small disk.
const ALL_MAX: u64 = 1024 * 1024 * 1024;
/// Letters of a file's name.
const NAME_MAX: usize = 120;
/// Files taken in at once: each is in memory while it is looked at.
const AT_ONCE: usize = 4;
/// Letters of a link's end, and what they are made of: 32 signs that cannot be mistaken for one
/// another on a small screen; 60 bits.
const SECRET_LETTERS: usize = 12;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The files.
#[derive(Debug)]
pub(super) struct Attachments {
    folder: PathBuf,
    turn: Semaphore,
}

/// A file as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attachment)]
pub(super) struct AttachmentShape {
    name: String,
    /// Its media type, told from its first octets.
    kind: String,
    /// Octets.
    size: u64,
    /// Below the desk's address.
    path: String,
    /// What goes into a text.
    link: String,
}

/// `?name=`
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Named {
    /// What the file is called.
    #[serde(default)]
    pub(super) name: String,
}

impl Attachments {
    /// Those beside this spool.
    pub(super) fn open(spool: &Spool) -> Arc<Self> {
        Arc::new(Self {
            folder: files::folder(spool),
            turn: Semaphore::new(AT_ONCE),
        })
    }

    fn place(&self, secret: &str) -> PathBuf {
        self.folder.join(secret)
    }

    /// Keeps a file: its content first, then its row.
    pub(super) async fn keep(
        &self,
        spool: &Spool,
        settings: &Settings,
        name: &str,
        content: Bytes,
    ) -> Result<AttachmentShape, Problem> {
        let _turn = self.turn.acquire().await.map_err(|_| full())?;
        if content.is_empty() {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the file is empty: choose another one",
            ));
        }
        if content.len() > SIZE_MAX {
            return Err(too_large());
        }
        // An archive is read from end to end: not on the runtime's threads.
        let (called, looked_at) = (name.to_owned(), content.clone());
        let looking = tokio::task::spawn_blocking(move || kind::of(&looked_at, &called));
        let kind = looking.await.ok().flatten().ok_or_else(|| {
            Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "this kind of file is not taken: pictures (PNG, JPEG, GIF, WebP), PDF, plain text \
                 and office documents are",
            )
        })?;
        let attached = spool.read(files::attached).await?;
        if attached + content.len() as u64 > ALL_MAX {
            return Err(full());
        }
        let file = Attachment {
            secret: secret()?,
            name: safe_name(name, kind),
            kind: kind.media.to_owned(),
            size: content.len() as u64,
        };
        self.write(&file.secret, content).await.map_err(|error| {
            tracing::warn!(%error, "a file could not be kept");
            full()
        })?;
        let (row, now) = (file.clone(), spool.now());
        spool
            .write(move |connection| files::attach(connection, &row, now))
            .await?;
        Ok(AttachmentShape::new(file, settings))
    }

    async fn write(&self, secret: &str, content: Bytes) -> std::io::Result<()> {
        let (folder, place) = (self.folder.clone(), self.place(secret));
        let written = tokio::task::spawn_blocking(move || {
            use std::io::Write;
            use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
            // What patrons send is nobody else's business.
            match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(error);
                }
                Ok(()) | Err(_) => {}
            }
            let mut file = std::fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(place)?;
            file.write_all(&content)?;
            file.sync_all()
        });
        written.await.map_err(std::io::Error::other)?
    }
}

impl AttachmentShape {
    fn new(file: Attachment, settings: &Settings) -> Self {
        let path = format!("{}{}", files::LINK, file.secret);
        Self {
            link: format!("{}{path}", settings.public_url.as_deref().unwrap_or("")),
            path,
            name: file.name,
            kind: file.kind,
            size: file.size,
        }
    }

    /// What goes into a text: its link.
    pub(super) fn link(&self) -> &str {
        &self.link
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

pub(super) fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "the file is larger than {} MB: send a smaller one, or a part of it",
            SIZE_MAX / 1024 / 1024
        ),
    )
}

fn full() -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "the desk has no room for files just now: send it by e-mail, or try again tomorrow",
    )
}

fn secret() -> Result<String, Problem> {
    let mut octets = [0_u8; SECRET_LETTERS];
    getrandom::fill(&mut octets).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the system gives no randomness just now; try again in a moment",
        )
    })?;
    let letter = |octet: &u8| {
        let place = usize::from(octet & 31);
        char::from(ALPHABET.get(place).copied().unwrap_or(b'a'))
    };
    Ok(octets.iter().map(letter).collect())
}

/// The name without folders and control characters, and with the ending of what it is.
fn safe_name(name: &str, kind: kind::Kind) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(|letter| !letter.is_control() && !"\"<>|:*?\u{202e}\u{202d}".contains(*letter))
        .take(NAME_MAX)
        .collect();
    let plain = plain.trim().trim_matches('.');
    let ends = kind
        .endings
        .iter()
        .any(|ending| plain.to_ascii_lowercase().ends_with(&format!(".{ending}")));
    match (plain.is_empty(), ends) {
        (false, true) => plain.to_owned(),
        (true, _) => format!("file.{}", kind.endings.first().unwrap_or(&"bin")),
        (false, false) => format!("{plain}.{}", kind.endings.first().unwrap_or(&"bin")),
    }
}

/// The file of a link; an address whose links lead nowhere again and again waits.
async fn found(
    premises: &Premises,
    address: Option<IpAddr>,
    secret: String,
) -> Result<Attachment, Problem> {
    if !premises.links.follow(address, Instant::now()) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many links that lead nowhere were tried from here: wait a minute, then follow the \
             link as the library sent it",
        ));
    }
    let known = secret.len() == SECRET_LETTERS && secret.bytes().all(|b| ALPHABET.contains(&b));
    let found = match known {
        true => {
            premises
                .spool
                .read(move |connection| files::attachment(connection, &secret))
                .await?
        }
        false => None,
    };
    if found.is_some() {
        premises.links.was_there(address);
    }
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "this file is not here any more: ask the library for it again",
        )
    })
}

/// `GET /f/{secret}/about`
pub(super) async fn about(
    State(premises): State<Arc<Premises>>,
    From(address): From,
    At(secret): At<String>,
) -> Result<Response, Problem> {
    let file = found(&premises, address, secret).await?;
    Ok(Json(AttachmentShape::new(file, &premises.settings)).into_response())
}

/// `GET /f/{secret}`
pub(super) async fn fetch(
    State(premises): State<Arc<Premises>>,
    From(address): From,
    At(secret): At<String>,
) -> Result<Response, Problem> {
    let file = found(&premises, address, secret).await?;
    let content = tokio::fs::read(premises.attachments.place(&file.secret))
        .await
        .map_err(|error| {
            tracing::warn!(%error, "a file is not where it was put");
            Problem::new(StatusCode::NOT_FOUND, problem::NOTHING_HERE)
        })?;
    let mut headers = HeaderMap::new();
    // Pictures are shown; everything else is only ever saved, so that nothing runs under our name.
    let how = if file.kind.starts_with("image/") {
        "inline"
    } else {
        "attachment"
    };
    let disposition = format!("{how}; filename*=UTF-8''{}", percent_encoded(&file.name));
    for (name, value) in [
        (header::CONTENT_TYPE, file.kind.as_str()),
        (header::CONTENT_DISPOSITION, &disposition),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ),
        (header::CACHE_CONTROL, "private, max-age=3600"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    Ok((headers, Body::from(content)).into_response())
}

/// For `filename*` (RFC 8187 §3.2.1).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

/// A file's name of a query.
pub(super) fn named(
    query: Result<Query<Named>, axum::extract::rejection::QueryRejection>,
) -> String {
    query.map(|Query(named)| named.name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_lose_what_could_mislead() {
        let pdf = kind::of(b"%PDF-1.7\n", "x").unwrap();
        for (name, safe) in [
            ("chapter 3.pdf", "chapter 3.pdf"),
            ("chapter 3.PDF", "chapter 3.PDF"),
            ("../../etc/passwd", "passwd.pdf"),
            ("C:\\Users\\ana\\scan.pdf", "scan.pdf"),
            ("invoice.exe", "invoice.exe.pdf"),
            ("a\u{202e}fdp.exe", "afdp.exe.pdf"),
            ("", "file.pdf"),
            ("..", "file.pdf"),
            ("Karte für Ünal.pdf", "Karte für Ünal.pdf"),
        ] {
            assert_eq!(safe_name(name, pdf), safe, "{name:?}");
        }
    }
}
