//! Presence as files on the library's own web host: a box behind a router cannot be asked from
//! outside, but it can put down its answers whenever they change.
//!
//! The files lie where the API's answers would: `presence/jid/{queue}/chat.{host}/text`, and beside
//! it `xml`, `js`, `json` and `image`. A `.htaccess` gives them their types on Apache. When the
//! daemon stops it says *unavailable* everywhere: a page must not promise anybody who is not there.

mod directory;
mod sftp;
mod webdav;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Asked, Form, image};
use crate::desk::Board;

pub use webdav::Dav;

/// How soon a target that failed is tried again, and how long that may grow.
const AGAIN_MIN: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_secs(300);
/// How long a target may take to take everything.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(90);
/// How long the last words may take when the daemon stops.
const FAREWELL: Duration = Duration::from_secs(3);

const HTACCESS: &str = "\
<Files text>\nForceType text/plain\n</Files>\n\
<Files xml>\nForceType text/xml\n</Files>\n\
<Files js>\nForceType application/javascript\n</Files>\n\
<Files json>\nForceType application/json\n</Files>\n\
<Files image>\nForceType image/svg+xml\n</Files>\n\
<IfModule mod_headers.c>\nHeader set Access-Control-Allow-Origin \"*\"\n\
Header set Cache-Control \"no-cache\"\n</IfModule>\n";

/// Where presence is put down, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publishing {
    /// The host in the files' paths: `chat.{host}`.
    pub host: String,
    /// Where the files go.
    pub target: Target,
}

/// Where the files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A folder of this machine.
    Directory(PathBuf),
    /// A folder of another machine, through the system's `sftp`.
    Sftp(Sftp),
    /// A WebDAV collection.
    WebDav(Dav),
}

/// A folder of another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sftp {
    /// `user@host`, or a host alone.
    pub destination: String,
    /// The port, when it is not 22.
    pub port: Option<u16>,
    /// The folder there.
    pub folder: String,
    /// The private key, when it is not one `ssh` finds by itself.
    pub identity: Option<PathBuf>,
    /// Keys of hosts that are known, when they are not in the user's own file.
    pub known_hosts: Option<PathBuf>,
}

/// Why files could not be put down. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    /// The folder of this machine.
    #[error("cannot write {}: {source}; check that the folder may be written by this user", .path.display())]
    Directory {
        /// What was written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no `sftp`, or it could not be run.
    #[error("cannot run sftp: {0}; install openssh-client")]
    NoSftp(std::io::Error),
    /// `sftp` failed.
    #[error("sftp says: {0}; try `sftp` to the same place by hand")]
    Sftp(String),
    /// The WebDAV server cannot be reached.
    #[error("cannot reach {host}: {words}; check the address in `publish`")]
    Unreachable {
        /// The server.
        host: String,
        /// What went wrong.
        words: String,
    },
    /// The WebDAV server refused.
    #[error(
        "the WebDAV server answered {status} to {method} {path}; check user, password and folder"
    )]
    Refused {
        /// What was asked.
        method: &'static str,
        /// Of what.
        path: String,
        /// The answer.
        status: u16,
    },
    /// It took too long.
    #[error("the target took longer than {} s", PUBLISHED_WITHIN.as_secs())]
    TooSlow,
}

/// A file and what is in it, by its path below the target.
type Files = BTreeMap<String, Bytes>;

/// Publishes until `stop` says so, and then once more that nobody is there.
pub async fn publish(
    publishing: Publishing,
    mut board: watch::Receiver<Arc<Board>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut done = Files::new();
    let mut wait = AGAIN_MIN;
    let mut again_at: Option<Instant> = None;
    let mut warned = false;
    loop {
        let wanted = wanted(&board.borrow_and_update(), &publishing.host, &done);
        if wanted != done {
            match put(&publishing.target, &wanted, &done).await {
                Ok(()) => {
                    tracing::debug!("presence is published");
                    done = wanted;
                    wait = AGAIN_MIN;
                    again_at = None;
                    warned = false;
                }
                Err(error) => {
                    // Once for a row of failures: a host that is away for a night fills no log.
                    if !warned {
                        tracing::warn!(%error, "presence could not be published; trying again");
                    }
                    warned = true;
                    again_at = Some(Instant::now() + wait);
                    wait = (wait * 2).min(AGAIN_MAX);
                }
            }
        }
        tokio::select! {
            changed = board.changed() => if changed.is_err() { break },
            _ = stop.wait_for(|stop| *stop) => break,
            () = sleep_until(again_at) => {}
        }
    }
    let closed: Files = {
        let nobody = Board {
            plan: Arc::clone(&board.borrow().plan),
            ..Board::default()
        };
        wanted(&nobody, &publishing.host, &done)
    };
    let last = put(&publishing.target, &closed, &done);
    match tokio::time::timeout(FAREWELL, last).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the desk closes, and its web pages do not know"),
        Err(_) => tracing::warn!("the desk closes, and its web pages may not know"),
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What should lie at the target. A queue that is no more goes on as *unavailable*: pages still
/// ask for it.
fn wanted(board: &Board, host: &str, done: &Files) -> Files {
    let mut names: BTreeMap<String, bool> = done
        .keys()
        .filter_map(|path| path.strip_prefix("presence/jid/")?.split_once('/'))
        .map(|(name, _)| (name.to_owned(), false))
        .collect();
    for queue in &board.plan.queues {
        names.insert(queue.name.clone(), board.online.contains(&queue.id));
    }
    let server = format!("chat.{host}");
    let mut files = Files::new();
    files.insert(
        "presence/.htaccess".into(),
        Bytes::from_static(HTACCESS.as_bytes()),
    );
    for (name, available) in names {
        let asked = Asked {
            name: Cow::Borrowed(&name),
            server: Cow::Borrowed(&server),
            callback: None,
        };
        for (file, form) in [
            ("text", Form::Text),
            ("xml", Form::Xml),
            ("js", Form::Js),
            ("json", Form::Json),
            ("image", Form::Image(image::Theme::Badge)),
        ] {
            files.insert(
                format!("presence/jid/{name}/{server}/{file}"),
                form.write(&asked, available),
            );
        }
    }
    debug_assert!(files.keys().all(|path| !path.contains("..")));
    files
}

async fn put(target: &Target, wanted: &Files, done: &Files) -> Result<(), PublishError> {
    let changed: Files = wanted
        .iter()
        .filter(|(path, content)| done.get(*path) != Some(*content))
        .map(|(path, content)| (path.clone(), content.clone()))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let putting = async {
        match target {
            Target::Directory(folder) => directory::put(folder, &changed).await,
            Target::Sftp(place) => sftp::put(place, &changed).await,
            Target::WebDav(place) => webdav::put(place, &changed).await,
        }
    };
    tokio::time::timeout(PUBLISHED_WITHIN, putting)
        .await
        .unwrap_or(Err(PublishError::TooSlow))
}

/// The folders files lie in, each before what is in it.
fn folders(files: &Files) -> BTreeSet<&str> {
    files
        .keys()
        .flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::routing::{Plan, Queue, QueueId};

    fn board(queues: &[(&str, bool)]) -> Board {
        let mut board = Board::default();
        let mut plan = Plan::default();
        for (n, (name, online)) in queues.iter().enumerate() {
            let id = QueueId(n as i64 + 1);
            plan.queues.push(Queue::new(id, *name));
            if *online {
                board.online.insert(id);
            }
        }
        board.plan = Arc::new(plan);
        board
    }

    fn text<'a>(files: &'a Files, queue: &str) -> &'a str {
        let path = format!("presence/jid/{queue}/chat.elm.example/text");
        std::str::from_utf8(&files[&path]).unwrap()
    }

    #[test]
    fn a_queue_that_is_gone_is_unavailable_for_those_who_still_ask() {
        let first = wanted(
            &board(&[("ask", true), ("maps", true)]),
            "elm.example",
            &Files::new(),
        );
        assert_eq!(text(&first, "ask"), "available");
        assert_eq!(text(&first, "maps"), "available");
        assert_eq!(first.len(), 11);
        let second = wanted(&board(&[("ask", true)]), "elm.example", &first);
        assert_eq!(text(&second, "ask"), "available");
        assert_eq!(text(&second, "maps"), "unavailable");
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let files = wanted(&board(&[("ask", true)]), "h", &Files::new());
        assert_eq!(
            folders(&files).into_iter().collect::<Vec<_>>(),
            [
                "presence",
                "presence/jid",
                "presence/jid/ask",
                "presence/jid/ask/chat.h"
            ]
        );
    }
}
