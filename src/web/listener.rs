//! A listener that takes a bounded number of connections, all together and from one address, and
//! drops those that stand still: a flood must not take the file descriptors the modem and the
//! spool need. With a certificate it speaks TLS.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections from one address; a proxy, and the box itself, speak for everybody.
const FROM_ONE_MAX: usize = 256;
/// A connection on which nothing moved for so long is dropped: streams say something every 15 s.
const STILL_MAX: Duration = Duration::from_secs(90);
/// How long shaking hands may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Hands being shaken at once.
const HANDSHAKES_MAX: usize = 128;

/// Accepts while fewer than a bound of connections are open; others wait in the kernel's queue.
pub(super) struct Door {
    inner: TcpListener,
    room: Arc<Semaphore>,
    guests: Arc<Mutex<HashMap<IpAddr, usize>>>,
    tls: Option<TlsAcceptor>,
    handshakes: JoinSet<Option<(Connection, SocketAddr)>>,
}

impl Door {
    /// At most `most` connections at once.
    pub(super) fn new(inner: TcpListener, most: usize, tls: Option<TlsAcceptor>) -> Self {
        Self {
            inner,
            room: Arc::new(Semaphore::new(most)),
            guests: Arc::default(),
            tls,
            handshakes: JoinSet::new(),
        }
    }

    async fn next(&self) -> (TcpStream, SocketAddr, Place) {
        loop {
            // The semaphore is never closed; without a place a connection would only be uncounted.
            let room = Arc::clone(&self.room).acquire_owned().await.ok();
            let (stream, peer) = Borrowed(&self.inner).accept().await;
            let Some(guest) = Guest::admit(&self.guests, peer.ip().to_canonical()) else {
                tracing::debug!("an address has too many connections open");
                continue;
            };
            // Changes are small and urgent: they must not wait for a fuller segment.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection kept Nagle's delay");
            }
            let place = Place {
                _room: room,
                _guest: guest,
            };
            return (stream, peer, place);
        }
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

/// A counted connection of one address.
#[derive(Debug)]
struct Guest {
    guests: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Guest {
    fn admit(guests: &Arc<Mutex<HashMap<IpAddr, usize>>>, address: IpAddr) -> Option<Self> {
        let mut counted = guests.lock().unwrap_or_else(|held| held.into_inner());
        let own = counted.entry(address).or_insert(0);
        if *own >= FROM_ONE_MAX && !address.is_loopback() {
            return None;
        }
        *own += 1;
        Some(Self {
            guests: Arc::clone(guests),
            address,
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counted = self.guests.lock().unwrap_or_else(|held| held.into_inner());
        if let Some(own) = counted.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                counted.remove(&self.address);
            }
        }
    }
}

/// What a connection takes up, given back when it ends.
#[derive(Debug)]
struct Place {
    _room: Option<OwnedSemaphorePermit>,
    _guest: Guest,
}

#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
}

/// A connection that gives its place back when it ends.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    moved: Instant,
    still: Pin<Box<Sleep>>,
    _place: Place,
}

impl Connection {
    fn new(wire: Wire, place: Place) -> Self {
        Self {
            wire,
            moved: Instant::now(),
            still: Box::pin(tokio::time::sleep(STILL_MAX)),
            _place: place,
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

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Some(tls) = self.tls.clone() else {
                let (stream, peer, place) = self.next().await;
                return (Connection::new(Wire::Plain(stream), place), peer);
            };
            // Taken out for the time of the choice: both arms borrow the door.
            let mut handshakes = std::mem::take(&mut self.handshakes);
            let room = handshakes.len() < HANDSHAKES_MAX;
            let chosen = tokio::select! {
                Some(shaken) = handshakes.join_next() => Err(shaken),
                accepted = self.next(), if room => Ok(accepted),
            };
            self.handshakes = handshakes;
            match chosen {
                Ok((stream, peer, place)) => {
                    self.handshakes.spawn(async move {
                        let shaking = tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream));
                        match shaking.await {
                            Ok(Ok(stream)) => {
                                let wire = Wire::Secured(Box::new(stream));
                                Some((Connection::new(wire, place), peer))
                            }
                            Ok(Err(error)) => {
                                tracing::debug!(%error, "a visitor does not speak our TLS");
                                None
                            }
                            Err(_) => None,
                        }
                    });
                }
                Err(Ok(Some(connected))) => return connected,
                // Too slow, or of another tongue.
                Err(Ok(None) | Err(_)) => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Peer(*stream.remote_addr())
    }
}

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
    use tokio::io::AsyncReadExt;

    #[test]
    fn one_address_does_not_take_every_place() {
        let guests = Arc::default();
        let stranger: IpAddr = "192.0.2.7".parse().unwrap();
        let mut admitted: Vec<Guest> =
            std::iter::from_fn(|| Guest::admit(&guests, stranger)).collect();
        assert_eq!(admitted.len(), FROM_ONE_MAX);
        assert!(Guest::admit(&guests, "192.0.2.8".parse().unwrap()).is_some());
        admitted.pop();
        assert!(Guest::admit(&guests, stranger).is_some());
        drop(admitted);
        assert!(guests.lock().unwrap().is_empty());
    }

    /// Time is the test's own: nobody waits.
    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_moves_is_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(listener, 4, None);
        let _visitor = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = Listener::accept(&mut door).await;
        let began = Instant::now();
        let error = connection.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= STILL_MAX);
    }
}
