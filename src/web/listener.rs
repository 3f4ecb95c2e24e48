//! Connections: a bounded number, so that a flood takes neither the memory nor the file descriptors
//! that the modem and the spool need. With a certificate they speak TLS.
//!
//! Whoever comes new gets in. Where no room is left, a connection of whoever has most of them ends:
//! one that is still shaking hands or sending its first request before one at work, and never one
//! over which somebody of the staff signed in or asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use super::network::who;

/// Connections from one address, or one IPv6 network; a proxy that is not named, and the box itself,
/// speak for everybody.
const FROM_ONE_MAX: usize = 256;
/// A connection on which nothing moved for so long is dropped: streams say something every 15 s.
const STILL_MAX: Duration = Duration::from_secs(90);
/// How long shaking hands may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and how long a connection may wait for its next one.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Octets of a request's head, and of an answer, that a connection may hold.
const BUFFER_MAX: usize = 32 * 1024;

/// Serves connections until `closing`; those at work then end by themselves, and are waited for.
pub(super) async fn serve(
    listener: TcpListener,
    most: usize,
    tls: Option<TlsAcceptor>,
    router: Router,
    closing: CancellationToken,
) {
    let lobby = Arc::new(Lobby::new(most));
    let working = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Borrowed(&listener).accept() => accepted,
            () = closing.cancelled() => break,
        };
        let Some(guest) = lobby.admit(peer.ip()) else {
            tracing::debug!("an address has too many connections open");
            continue;
        };
        // Changes are small and urgent: they must not wait for a fuller segment.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection kept Nagle's delay");
        }
        let serving = converse(stream, peer, guest, tls.clone(), router.clone());
        working.spawn(serving(closing.clone()));
    }
    drop(listener);
    working.close();
    working.wait().await;
}

/// One connection, from its handshake to its end.
fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    guest: Guest,
    tls: Option<TlsAcceptor>,
    router: Router,
) -> impl FnOnce(CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    move |closing| {
        Box::pin(async move {
            let leave = guest.leave.clone();
            let speaking = async {
                let wire = match tls {
                    None => Wire::Plain(stream),
                    Some(tls) => Wire::Secured(Box::new(shake_hands(tls, stream).await?)),
                };
                speak(Connection::new(wire), peer, &guest, router, closing).await;
                Some(())
            };
            tokio::select! {
                _ = speaking => {}
                () = leave.cancelled() => tracing::debug!("a connection made room for another"),
            }
        })
    }
}

async fn shake_hands(tls: TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let shaking = tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream));
    match shaking.await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a visitor does not speak our TLS");
            None
        }
        Err(_) => None,
    }
}

async fn speak(
    connection: Connection,
    peer: SocketAddr,
    guest: &Guest,
    router: Router,
    closing: CancellationToken,
) {
    let trust = Arc::clone(&guest.trust);
    let answering = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut router = router.clone();
        let mut request = request.map(Body::new);
        trust.at_least(Trust::AtWork);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        request.extensions_mut().insert(Arc::clone(&trust));
        async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|e| match e {})) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(BUFFER_MAX);
    let mut served = std::pin::pin!(server.serve_connection(TokioIo::new(connection), answering));
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = closing.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Accepts, and sees through the kernel's errors, as axum does.
struct Borrowed<'a>(&'a TcpListener);

impl Borrowed<'_> {
    async fn accept(self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => match error.kind() {
                    io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset => {}
                    _ => {
                        // Out of file descriptors, most likely: some connections must end first.
                        tracing::error!(%error, "no connection can be taken");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
            }
        }
    }
}

/// How far a connection is trusted; the least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Trust {
    /// Something was asked over it: until then it is 0.
    AtWork = 1,
    /// By somebody who proved who they are.
    Staff,
}

/// How far one connection is trusted.
#[derive(Debug, Default)]
pub(super) struct Trusted(AtomicU8);

impl Trusted {
    fn at_least(&self, trust: Trust) {
        self.0.fetch_max(trust as u8, Ordering::Relaxed);
    }

    fn is(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// Somebody of the staff speaks over it: it makes room for nobody.
    pub(super) fn by_staff(&self) {
        self.at_least(Trust::Staff);
    }
}

/// The connections there are.
#[derive(Debug)]
struct Lobby {
    most: usize,
    here: Mutex<Here>,
}

#[derive(Debug, Default)]
struct Here {
    next: u64,
    all: usize,
    /// Of everybody who can be told apart, and, under no address, of those who cannot.
    of: HashMap<Option<IpAddr>, Vec<Present>>,
}

#[derive(Debug)]
struct Present {
    id: u64,
    trust: Arc<Trusted>,
    leave: CancellationToken,
}

/// A counted connection.
#[derive(Debug)]
struct Guest {
    lobby: Arc<Lobby>,
    who: Option<IpAddr>,
    id: u64,
    trust: Arc<Trusted>,
    leave: CancellationToken,
}

impl Lobby {
    fn new(most: usize) -> Self {
        Self {
            most,
            here: Mutex::default(),
        }
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(|held| held.into_inner())
    }

    /// Lets a connection in, at the cost of another's where there is no room.
    fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Guest> {
        let who = who(Some(address));
        let mut here = self.here();
        let own = here.of.get(&who).map_or(0, Vec::len);
        if who.is_some() && own >= FROM_ONE_MAX {
            return None;
        }
        if here.all >= self.most && !here.make_room() {
            return None;
        }
        here.next += 1;
        here.all += 1;
        let (id, trust, leave) = (here.next, Arc::default(), CancellationToken::new());
        here.of.entry(who).or_default().push(Present {
            id,
            trust: Arc::clone(&trust),
            leave: leave.clone(),
        });
        Some(Guest {
            lobby: Arc::clone(self),
            who,
            id,
            trust,
            leave,
        })
    }
}

impl Here {
    /// Ends one connection: the least trusted of whoever has most.
    fn make_room(&mut self) -> bool {
        let staff = Trust::Staff as u8;
        let strangers = |guests: &Vec<Present>| {
            let others = guests.iter().filter(|guest| guest.trust.is() < staff);
            others.count()
        };
        let most = self
            .of
            .iter_mut()
            .max_by_key(|(_, guests)| strangers(guests));
        let Some((who, guests)) = most else {
            return false;
        };
        let who = *who;
        // Of those alike the oldest, which comes first.
        let least = guests
            .iter()
            .enumerate()
            .filter(|(_, guest)| guest.trust.is() < staff)
            .min_by_key(|(_, guest)| guest.trust.is())
            .map(|(place, _)| place);
        let Some(place) = least else {
            return false;
        };
        let gone = guests.remove(place);
        if guests.is_empty() {
            self.of.remove(&who);
        }
        self.all -= 1;
        gone.leave.cancel();
        true
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut here = self.lobby.here();
        let Some(guests) = here.of.get_mut(&self.who) else {
            return;
        };
        let before = guests.len();
        guests.retain(|guest| guest.id != self.id);
        let gone = before - guests.len();
        if guests.is_empty() {
            here.of.remove(&self.who);
        }
        here.all -= gone;
    }
}

#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
}

/// A connection that ends when nothing moves on it.
#[derive(Debug)]
struct Connection {
    wire: Wire,
    moved: Instant,
    still: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(wire: Wire) -> Self {
        Self {
            wire,
            moved: Instant::now(),
            still: Box::pin(tokio::time::sleep(STILL_MAX)),
        }
    }

    /// Whether nothing moved for too long; else wakes when that may be so.
    fn stands_still(&mut self, cx: &mut Context<'_>) -> bool {
        while self.still.as_mut().poll(cx).is_ready() {
            let until = self.moved + STILL_MAX;
            if until <= Instant::now() {
                return true;
            }
            self.still.as_mut().reset(until);
        }
        false
    }

    fn moved<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.moved = Instant::now();
        }
        polled
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = match &mut self.wire {
            Wire::Plain(wire) => Pin::new(wire).poll_read(cx, buf),
            Wire::Secured(wire) => Pin::new(wire).poll_read(cx, buf),
        };
        if polled.is_pending() && self.stands_still(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.moved(polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.wire {
            Wire::Plain(wire) => Pin::new(wire).poll_write(cx, buf),
            Wire::Secured(wire) => Pin::new(wire).poll_write(cx, buf),
        };
        if polled.is_pending() && self.stands_still(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.moved(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Wire::Secured(wire) => Pin::new(wire).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Wire::Secured(wire) => Pin::new(wire).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.wire {
            Wire::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, bufs),
            Wire::Secured(wire) => Pin::new(wire).poll_write_vectored(cx, bufs),
        };
        if polled.is_pending() && self.stands_still(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.moved(polled)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(wire) => wire.is_write_vectored(),
            Wire::Secured(wire) => wire.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_or_network_does_not_take_every_place() {
        let lobby = Arc::new(Lobby::new(1000));
        for (stranger, another) in [
            ("192.0.2.7", "192.0.2.8"),
            ("2001:db8:0:1::7", "2001:db8:0:2::7"),
        ] {
            let mut admitted: Vec<Guest> =
                std::iter::from_fn(|| lobby.admit(address(stranger))).collect();
            assert_eq!(admitted.len(), FROM_ONE_MAX);
            assert!(lobby.admit(address(another)).is_some());
            admitted.pop();
            assert!(lobby.admit(address(stranger)).is_some());
        }
        let a_network: Vec<Guest> = (0..2 * FROM_ONE_MAX)
            .filter_map(|n| lobby.admit(address(&format!("2001:db8::{n:x}"))))
            .collect();
        assert_eq!(a_network.len(), FROM_ONE_MAX, "an IPv6 /64 is one");
        drop(a_network);
        let here = lobby.here();
        assert!(here.of.is_empty() && here.all == 0);
    }

    #[test]
    fn who_comes_new_gets_in_and_the_staff_is_never_put_out() {
        let lobby = Arc::new(Lobby::new(8));
        let librarian = lobby.admit(address("198.51.100.1")).unwrap();
        librarian.trust.by_staff();
        let flood: Vec<Guest> = (0..7)
            .map(|_| lobby.admit(address("192.0.2.7")).unwrap())
            .collect();
        flood[0].trust.at_least(Trust::AtWork);
        let newcomer = lobby.admit(address("203.0.113.5")).unwrap();
        assert!(!newcomer.leave.is_cancelled() && !librarian.leave.is_cancelled());
        let out: Vec<bool> = flood
            .iter()
            .map(|guest| guest.leave.is_cancelled())
            .collect();
        assert_eq!(out.iter().filter(|out| **out).count(), 1);
        assert!(!out[0], "one that works stays before one that is silent");
        assert_eq!(lobby.here().all, 8);
        // From a great many networks, too.
        let many: Vec<Guest> = (0..100)
            .map(|n| lobby.admit(address(&format!("2001:db8:{n:x}::1"))).unwrap())
            .collect();
        assert!(!librarian.leave.is_cancelled());
        assert_eq!(lobby.here().all, 8);
        drop((flood, newcomer, many));
        assert_eq!(lobby.here().all, 1);
        drop(librarian);
        assert!(lobby.here().of.is_empty());
    }

    /// Time is the test's own: nobody waits.
    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_moves_is_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _visitor = TcpStream::connect(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = Connection::new(Wire::Plain(stream));
        let began = Instant::now();
        let error = connection.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= STILL_MAX);
    }

    /// A head that comes a letter at a time does not hold its place.
    #[tokio::test]
    async fn a_head_has_ten_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let closing = CancellationToken::new();
        let serving = serve(listener, 4, None, Router::new(), closing.clone());
        let serving = tokio::spawn(serving);
        let mut visitor = TcpStream::connect(address).await.unwrap();
        let began = std::time::Instant::now();
        let ended = tokio::time::timeout(Duration::from_secs(30), async {
            for letter in b"GET / HTTP/1.1\r\nX: ".iter().cycle() {
                let waited = tokio::time::timeout(Duration::from_millis(500), visitor.read_u8());
                if waited.await.is_ok() || visitor.write_all(&[*letter]).await.is_err() {
                    return;
                }
            }
        });
        ended.await.unwrap();
        let took = began.elapsed();
        assert!(took < HEAD_WITHIN + Duration::from_secs(10), "{took:?}");
        closing.cancel();
        serving.await.unwrap();
    }
}
