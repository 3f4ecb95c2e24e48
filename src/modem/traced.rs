//! A port that its line's [`Tracer`] listens in on, whatever port it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Place;
use super::port::{OpenError, Opened, Opener};
use super::restart::Whereabouts;
use super::tracer::Tracer;
use crate::trace::Direction;

/// Opens what another opener opens.
#[derive(Debug)]
pub(super) struct TracedOpener<O> {
    opener: O,
    tracer: Tracer,
    /// What was last said of a port that does not open: once is enough.
    said: Option<String>,
}

impl<O> TracedOpener<O> {
    /// Wraps an opener; `tracer` hears everything on the ports it opens.
    pub(super) fn new(opener: O, tracer: Tracer) -> Self {
        Self {
            opener,
            tracer,
            said: None,
        }
    }
}

impl<O: Opener> Opener for TracedOpener<O> {
    type Port = TracedPort<O::Port>;

    fn whereabouts(&self) -> Whereabouts {
        self.opener.whereabouts()
    }

    fn unanswered(&mut self) {
        self.opener.unanswered();
    }

    fn identified(&mut self, imei: &str) -> Result<Option<Place>, OpenError> {
        self.opener.identified(imei)
    }

    fn has_other_port(&mut self) -> bool {
        self.opener.has_other_port()
    }

    async fn open(&mut self) -> Result<Opened<Self::Port>, OpenError> {
        match self.opener.open().await {
            Ok(Opened { port, path }) => {
                self.said = None;
                self.tracer.note(|| match &path {
                    Some(path) => format!("opened {}", path.display()),
                    None => "opened".into(),
                });
                let tracer = self.tracer.clone();
                Ok(Opened {
                    port: TracedPort { port, tracer },
                    path,
                })
            }
            Err(error) => {
                let words = error.to_string();
                if self.said.as_ref() != Some(&words) {
                    self.tracer.note(|| format!("not opened: {words}"));
                    self.said = Some(words);
                }
                Err(error)
            }
        }
    }
}

/// A port that is listened in on.
#[derive(Debug)]
pub(super) struct TracedPort<P> {
    port: P,
    tracer: Tracer,
}

impl<P: AsyncRead + Unpin> AsyncRead for TracedPort<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.port).poll_read(cx, buf));
        match &read {
            Ok(()) => match buf.filled().get(before..) {
                Some(octets) if !octets.is_empty() => {
                    self.tracer.octets(Direction::FromModem, octets);
                }
                // A hung-up tty reads as nothing.
                _ if buf.remaining() > 0 => self.tracer.note(|| "the port hung up".into()),
                _ => {}
            },
            Err(error) => self.tracer.note(|| format!("reading failed: {error}")),
        }
        Poll::Ready(read)
    }
}

impl<P: AsyncWrite + Unpin> AsyncWrite for TracedPort<P> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.port).poll_write(cx, buf));
        match &written {
            Ok(count) => {
                if let Some(octets) = buf.get(..*count) {
                    self.tracer.octets(Direction::ToModem, octets);
                }
            }
            Err(error) => self.tracer.note(|| format!("writing failed: {error}")),
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_shutdown(cx)
    }
}

impl<P> Drop for TracedPort<P> {
    fn drop(&mut self) {
        self.tracer.closed();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;
    use crate::clock::Clock;
    use crate::modem::tracer::TracePlan;
    use crate::trace::Trace;

    /// Opens the ends it was given, and then has none.
    struct Ends(Vec<DuplexStream>);

    impl Opener for Ends {
        type Port = DuplexStream;

        async fn open(&mut self) -> Result<Opened<DuplexStream>, OpenError> {
            let port = self.0.pop().ok_or(OpenError::NoneFound)?;
            Ok(Opened {
                port,
                path: Some("/dev/ttyUSB2".into()),
            })
        }
    }

    #[tokio::test]
    async fn every_octet_both_ways_is_heard_and_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("line.trace");
        let tracer = Tracer::new("front-desk", Clock::system());
        tracer.start(&TracePlan::new(&file), None).unwrap();

        let (mut modem, end) = tokio::io::duplex(4);
        let mut opener = TracedOpener::new(Ends(vec![end]), tracer.clone());
        let mut port = opener.open().await.unwrap().port;
        let talk = async {
            port.write_all(b"AT+CSQ\r").await.unwrap();
            let mut said = [0; 16];
            port.read_exact(&mut said).await.unwrap();
            assert_eq!(&said, b"\r\n+CSQ: 20,99\r\n ");
        };
        let answer = async {
            let mut asked = [0; 7];
            modem.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"AT+CSQ\r");
            modem.write_all(b"\r\n+CSQ: 20,99\r\n ").await.unwrap();
            drop(modem);
        };
        tokio::join!(talk, answer);
        assert_eq!(port.read(&mut [0; 4]).await.unwrap(), 0);
        drop(port);
        for _ in 0..3 {
            assert!(opener.open().await.is_err());
        }
        tracer.stop();

        let trace = Trace::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let said: Vec<String> = trace
            .records
            .iter()
            .map(|record| record.to_string().trim_start()[9..].to_owned())
            .collect();
        assert_eq!(
            said,
            [
                "! opened /dev/ttyUSB2",
                "> AT+CSQ\\r",
                "< \\r\\n+CSQ: 20,99\\r\\n",
                "! the port hung up",
                "< \\x20",
                "! closed",
                "! not opened: no modem found on USB: plug one in, or name its `port` in the configuration",
                "! the transcript ends",
            ]
        );
    }
}
