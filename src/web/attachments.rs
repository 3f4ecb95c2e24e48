//! Files that go with conversations: taken in by what they are, not by what they are called, kept
//! beside the spool, and handed out by a short link that fits a text.

mod kind;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path as At, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use utoipa::ToSchema;

use super::body::{self, NoBody, Pieces};
use super::network::{From, who};
use super::premises::Premises;
use super::problem::Problem;
use super::seats::{Seat, Seats};
use super::{Settings, problem};
use crate::routing::OperatorId;
use crate::spool::files::Attachment;
use crate::spool::{Spool, files};

/// Octets of one file: a photograph of a page, a chapter as PDF.
pub(super) const SIZE_MAX: usize = 10 * 1024 * 1024;
/// Octets of all files together: a box has a small disk.
const ALL_MAX: u64 = 1024 * 1024 * 1024;
/// Letters of a file's name.
const NAME_MAX: usize = 120;
/// Files of visitors that come in at once: all together, of one visit, and from one address.
const FROM_VISITORS_MAX: usize = 24;
const FROM_VISIT_MAX: usize = 2;
const FROM_ADDRESS_MAX: usize = 8;
/// Files of staff that come in at once, beside those: all together, and of one operator.
const FROM_STAFF_MAX: usize = 8;
const FROM_OPERATOR_MAX: usize = 3;
/// Files that are read at once: all together, and from one address.
const READERS_MAX: usize = 200;
const READERS_FROM_ADDRESS_MAX: usize = 50;
/// How long reading one may take: 10 MB over a bad line.
const READ_WITHIN: Duration = Duration::from_secs(600);
/// Letters of a link's end, and what they are made of: 32 signs that cannot be mistaken for one
/// another on a small screen; 60 bits.
const SECRET_LETTERS: usize = 12;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The files.
#[derive(Debug)]
pub(super) struct Attachments {
    folder: PathBuf,
    visitors: Arc<Seats<Holder>>,
    staff: Arc<Seats<Holder>>,
    readers: Arc<Seats<IpAddr>>,
}

/// By whom files that come in are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    Operator(OperatorId),
    Visit(String),
    Address(IpAddr),
}

/// Who sends a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sender<'a> {
    Staff(OperatorId),
    Visitor {
        visit: &'a str,
        address: Option<IpAddr>,
    },
}

/// A file that comes in: gone again unless it is kept.
#[derive(Debug)]
struct Incoming {
    place: PathBuf,
    kept: bool,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // What stays is swept away as an orphan.
            let _ = std::fs::remove_file(&self.place);
        }
    }
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
            visitors: Arc::default(),
            staff: Arc::default(),
            readers: Arc::default(),
        })
    }

    fn place(&self, secret: &str) -> PathBuf {
        self.folder.join(secret)
    }

    /// A seat for a file that comes in: asked for before its first octet is read.
    fn seat(&self, from: Sender<'_>) -> Option<Seat<Holder>> {
        match from {
            Sender::Staff(id) => {
                let own = (Holder::Operator(id), FROM_OPERATOR_MAX);
                self.staff.take(FROM_STAFF_MAX, [own])
            }
            Sender::Visitor { visit, address } => {
                let visit = (Holder::Visit(visit.to_owned()), FROM_VISIT_MAX);
                let address = who(address).map(|who| (Holder::Address(who), FROM_ADDRESS_MAX));
                let holders = [Some(visit), address].into_iter().flatten();
                self.visitors.take(FROM_VISITORS_MAX, holders)
            }
        }
    }

    /// Keeps a file: its content first, as it comes, then its row.
    pub(super) async fn keep(
        &self,
        spool: &Spool,
        settings: &Settings,
        name: &str,
        from: Sender<'_>,
        mut content: Pieces,
    ) -> Result<AttachmentShape, Problem> {
        let kept = self.take_in(spool, settings, name, from, &mut content);
        let kept = kept.await;
        if kept.is_err() {
            content.pass_by().await;
        }
        kept
    }

    async fn take_in(
        &self,
        spool: &Spool,
        settings: &Settings,
        name: &str,
        from: Sender<'_>,
        content: &mut Pieces,
    ) -> Result<AttachmentShape, Problem> {
        let _seat = self.seat(from).ok_or_else(|| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "other files are still on their way: wait a few seconds and send this one again",
            )
        })?;
        if content
            .declared
            .is_some_and(|octets| octets > SIZE_MAX as u64)
        {
            return Err(too_large());
        }
        let coming = self.visitors.taken() + self.staff.taken();
        let attached = spool.read(files::attached).await?;
        if attached + (coming * SIZE_MAX) as u64 > ALL_MAX {
            return Err(full());
        }
        let secret = secret()?;
        let mut incoming = Incoming {
            place: self.place(&secret),
            kept: false,
        };
        let (size, kind) = self.receive(&incoming.place, name, content).await?;
        let file = Attachment {
            secret,
            name: safe_name(name, kind),
            kind: kind.media.to_owned(),
            size,
        };
        let (row, now) = (file.clone(), spool.now());
        spool
            .write(move |connection| files::attach(connection, &row, now))
            .await?;
        incoming.kept = true;
        Ok(AttachmentShape::new(file, settings))
    }

    /// Writes a file as it comes; answers its octets, and what it is.
    async fn receive(
        &self,
        place: &Path,
        name: &str,
        content: &mut Pieces,
    ) -> Result<(u64, kind::Kind), Problem> {
        let not_kept = |error: std::io::Error| {
            tracing::warn!(%error, "a file could not be kept");
            full()
        };
        let mut sniffer = kind::Sniffer::new(name);
        let mut file = create(self.folder.clone(), place.to_owned())
            .await
            .map_err(not_kept)?;
        let broken = |error| match error {
            NoBody::TooLarge => too_large(),
            NoBody::BrokeOff | NoBody::NoRoom => broke_off(),
        };
        let mut size = 0;
        while let Some(piece) = content.next().await.map_err(broken)? {
            size += piece.len();
            if size > SIZE_MAX {
                return Err(too_large());
            }
            if !sniffer.push(&piece) {
                return Err(not_taken());
            }
            file.write_all(&piece).await.map_err(not_kept)?;
        }
        if size == 0 {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the file is empty: choose another one",
            ));
        }
        let kind = sniffer.finish().ok_or_else(not_taken)?;
        file.flush().await.map_err(not_kept)?;
        file.sync_all().await.map_err(not_kept)?;
        // The name as well: a row whose file a power cut took would be a dead link.
        let folder = tokio::fs::File::open(&self.folder).await;
        let folder = folder.map_err(not_kept)?;
        folder.sync_all().await.map_err(not_kept)?;
        Ok((size as u64, kind))
    }
}

/// A new file, and the folder where it is missing.
async fn create(folder: PathBuf, place: PathBuf) -> std::io::Result<tokio::fs::File> {
    let created = tokio::task::spawn_blocking(move || {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        // What patrons send is nobody else's business.
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error);
            }
            Ok(()) | Err(_) => {}
        }
        std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(place)
    });
    let file = created.await.map_err(std::io::Error::other)??;
    Ok(tokio::fs::File::from_std(file))
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

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "the file is larger than {} MB: send a smaller one, or a part of it",
            SIZE_MAX / 1024 / 1024
        ),
    )
}

fn broke_off() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "the file did not come whole: send it again, or a smaller one",
    )
}

fn not_taken() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "this kind of file is not taken: pictures (PNG, JPEG, GIF, WebP), PDF, plain text \
         and office documents are",
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
    let holder = who(address).map(|who| (who, READERS_FROM_ADDRESS_MAX));
    let readers = &premises.attachments.readers;
    let seat = readers.take(READERS_MAX, holder).ok_or_else(|| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "many files are being read just now: follow the link again in a minute",
        )
    })?;
    let gone = |error: std::io::Error| {
        tracing::warn!(%error, "a file is not where it was put");
        Problem::new(StatusCode::NOT_FOUND, problem::NOTHING_HERE)
    };
    let content = tokio::fs::File::open(premises.attachments.place(&file.secret))
        .await
        .map_err(gone)?;
    let octets = content.metadata().await.map_err(gone)?.len();
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
        (header::CONTENT_LENGTH, &octets.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    let until = Instant::now() + READ_WITHIN;
    let content: Body = body::of_file(content, Some(until), seat);
    Ok((headers, content).into_response())
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
        let pdf = {
            let mut sniffer = kind::Sniffer::new("x");
            assert!(sniffer.push(b"%PDF-1.7\n"));
            sniffer.finish().unwrap()
        };
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
