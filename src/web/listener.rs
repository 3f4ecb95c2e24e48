//! A listener that takes a bounded number of connections: a flood must not take the file
//! descriptors the modem and the spool need.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Accepts while fewer than a bound of connections are open; others wait in the kernel's queue.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: TcpListener,
    room: Arc<Semaphore>,
}

impl Bounded {
    /// At most `most` connections at once.
    pub(super) fn new(inner: TcpListener, most: usize) -> Self {
        Self {
            inner,
            room: Arc::new(Semaphore::new(most)),
        }
    }
}

/// A connection that gives its place back when it ends.
#[derive(Debug)]
pub(super) struct Connection {
    inner: TcpStream,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Sends small writes at once.
    pub(super) fn set_nodelay(&self) -> io::Result<()> {
        self.inner.set_nodelay(true)
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed; without a place a connection would only be uncounted.
        let place = Arc::clone(&self.room).acquire_owned().await.ok();
        let (inner, peer) = Listener::accept(&mut self.inner).await;
        (
            Connection {
                inner,
                _place: place,
            },
            peer,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl<F> Connected<IncomingStream<'_, axum::serve::TapIo<Bounded, F>>> for Peer
where
    F: FnMut(&mut Connection) + Send + 'static,
{
    fn connect_info(stream: IncomingStream<'_, axum::serve::TapIo<Bounded, F>>) -> Self {
        Peer(*stream.remote_addr())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
