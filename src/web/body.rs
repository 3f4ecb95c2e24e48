//! Bodies of requests and answers. None stands in memory beyond what is counted here: what a stranger
//! sends is read through one budget, and files pass through in pieces.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::RequestExt;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures_util::{StreamExt, stream};
use http_body_util::LengthLimitError;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Octets of a body that its connection's own place pays for: a sign-in, an answer to a patron.
const FREE: usize = 4 * 1024;
/// Octets of larger bodies of strangers, all together.
const STRANGERS_MAX: usize = 8 * 1024 * 1024;
/// Octets of larger bodies of those who proved who they are.
const STAFF_MAX: usize = 16 * 1024 * 1024;
/// How long the next piece of a large body may take to come.
const PIECE_WITHIN: Duration = Duration::from_secs(10);
/// How long the rest of a body is passed by that was refused.
const PASS_WITHIN: Duration = Duration::from_secs(3);
/// Octets of a file that are in memory at once on its way out.
const PIECE: usize = 16 * 1024;

/// Marks a request of somebody who proved who they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedIn;

/// What bodies may take of the memory.
#[derive(Debug)]
pub(super) struct Budget {
    strangers: Arc<Semaphore>,
    staff: Arc<Semaphore>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            staff: Arc::new(Semaphore::new(STAFF_MAX)),
        }
    }
}

/// A whole body, and its share of the budget.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) octets: Vec<u8>,
    _share: Vec<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBody {
    /// It is larger than its operation takes.
    TooLarge,
    /// Its sender hung up.
    BrokeOff,
    /// Others' bodies take all the room there is.
    NoRoom,
}

impl NoBody {
    /// What became of a body whose stream says so.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                return NoBody::TooLarge;
            }
            cause = error.source();
        }
        NoBody::BrokeOff
    }

    /// What its sender is told.
    pub(super) fn says(self, too_large: impl Into<String>) -> Problem {
        match self {
            NoBody::TooLarge => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, too_large),
            NoBody::BrokeOff => Problem::new(
                StatusCode::BAD_REQUEST,
                "the request broke off: send it again",
            ),
            NoBody::NoRoom => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "much is sent to the desk at once: send it again in a minute",
            ),
        }
    }
}

impl Budget {
    /// Reads a body that is small by its operation's limit. Only octets that came are counted: who
    /// holds a body back takes nothing of it.
    pub(super) async fn read(&self, request: Request) -> Result<Whole, NoBody> {
        let budget = match request.extensions().get::<SignedIn>() {
            Some(SignedIn) => &self.staff,
            None => &self.strangers,
        };
        let mut pieces = request.with_limited_body().into_body().into_data_stream();
        let mut whole = Whole {
            octets: Vec::new(),
            _share: Vec::new(),
        };
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| NoBody::of(&error))?;
            let before = whole.octets.len().max(FREE);
            let beyond = (whole.octets.len() + piece.len()).saturating_sub(before);
            if beyond > 0 {
                let octets = u32::try_from(beyond).map_err(|_| NoBody::NoRoom)?;
                let share = Arc::clone(budget).try_acquire_many_owned(octets);
                whole._share.push(share.map_err(|_| NoBody::NoRoom)?);
            }
            whole.octets.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

/// A large body, read as it comes.
#[derive(Debug)]
pub(super) struct Pieces {
    stream: BodyDataStream,
    /// Octets there will be, where its sender said so.
    pub(super) declared: Option<u64>,
}

impl Pieces {
    pub(super) fn of(request: Request) -> Self {
        let declared = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            stream: request.with_limited_body().into_body().into_data_stream(),
            declared,
        }
    }

    /// The next octets; `None` at the end. One that takes too long broke off.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, NoBody> {
        match tokio::time::timeout(PIECE_WITHIN, self.stream.next()).await {
            Ok(piece) => piece.transpose().map_err(|error| NoBody::of(&error)),
            Err(_) => Err(NoBody::BrokeOff),
        }
    }

    /// Reads on for a moment and keeps nothing: a browser that is still sending reads no answer, and
    /// a connection that ends before it has read one takes the answer along.
    pub(super) async fn pass_by(mut self) {
        let passing = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = tokio::time::timeout(PASS_WITHIN, passing).await;
    }
}

/// A file as an answer's body, which breaks off where it is not read in time. `with` lives as long.
pub(super) fn of_file<S: Send + 'static>(
    file: tokio::fs::File,
    until: Option<Instant>,
    with: S,
) -> Body {
    let pieces = stream::try_unfold((file, with), move |(mut file, with)| async move {
        if until.is_some_and(|until| Instant::now() > until) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        io::Result::Ok((read > 0).then(|| (Bytes::from(piece), (file, with))))
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(octets: usize, signed_in: bool) -> Request {
        let mut request = Request::new(Body::from(vec![b'x'; octets]));
        if signed_in {
            request.extensions_mut().insert(SignedIn);
        }
        request
    }

    #[tokio::test]
    async fn strangers_have_a_budget_and_what_is_small_needs_none() {
        let budget = Budget::default();
        let mut held = Vec::new();
        let refused = loop {
            match budget.read(request(64 * 1024, false)).await {
                Ok(whole) => held.push(whole),
                Err(error) => break error,
            }
        };
        assert_eq!(refused, NoBody::NoRoom);
        let standing: usize = held.iter().map(|whole| whole.octets.len()).sum();
        assert!(
            standing <= STRANGERS_MAX + held.len() * FREE,
            "{standing} octets stand in memory"
        );
        // A sign-in still goes through, and so does what the staff sends.
        assert!(budget.read(request(FREE, false)).await.is_ok());
        assert!(budget.read(request(64 * 1024, true)).await.is_ok());
        drop(held);
        assert!(budget.read(request(64 * 1024, false)).await.is_ok());
    }
}
