//! A box made by hand: a bare component (XEP-0114) that sends what no box of ours would.

use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;
use super::client::{attribute, stanza_end};
use super::server::{SECRET, Server};

pub(crate) struct Neighbour {
    socket: TcpStream,
    buffer: String,
}

impl Neighbour {
    pub(crate) async fn link(server: &Server, domain: &str) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", server.components))
            .await
            .unwrap();
        let mut neighbour = Self {
            socket,
            buffer: String::new(),
        };
        neighbour
            .send(&format!(
                "<stream:stream xmlns='jabber:component:accept' \
                 xmlns:stream='http://etherx.jabber.org/streams' to='{domain}'>"
            ))
            .await;
        neighbour
            .until(|read| read.contains(" id=") && read.ends_with('>'))
            .await;
        let id = attribute(&neighbour.buffer.replace('"', "'"), "id");
        let hash: String = Sha1::digest(format!("{id}{SECRET}"))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        neighbour.buffer.clear();
        neighbour
            .send(&format!("<handshake>{hash}</handshake>"))
            .await;
        neighbour.until(|read| stanza_end(read).is_some()).await;
        assert!(
            neighbour.buffer.contains("<handshake"),
            "{}",
            neighbour.buffer
        );
        neighbour.buffer.clear();
        neighbour
    }

    pub(crate) async fn send(&mut self, text: &str) {
        timeout(PATIENCE, self.socket.write_all(text.as_bytes()))
            .await
            .expect("the server takes it")
            .unwrap();
    }

    async fn until(&mut self, there: impl Fn(&str) -> bool) {
        let reading = async {
            while !there(&self.buffer) {
                let mut chunk = [0; 16 * 1024];
                let count = self.socket.read(&mut chunk).await.unwrap();
                assert!(count > 0, "hung up: {}", self.buffer);
                self.buffer
                    .push_str(&String::from_utf8_lossy(&chunk[..count]));
            }
        };
        let there = timeout(PATIENCE, reading).await;
        assert!(there.is_ok(), "only {} came", self.buffer);
    }

    /// The next stanza.
    pub(crate) async fn next(&mut self) -> String {
        self.until(|read| stanza_end(read).is_some()).await;
        let end = stanza_end(&self.buffer).unwrap();
        let stanza: String = self.buffer.drain(..end).collect();
        stanza.replace('"', "'")
    }

    /// The next stanza with this id; others are passed over.
    pub(crate) async fn answer(&mut self, id: &str) -> String {
        loop {
            let stanza = self.next().await;
            if stanza.contains(&format!("id='{id}'")) {
                return stanza;
            }
        }
    }

    /// Gives a patron's conversation back, as if it had one.
    pub(crate) async fn gives_back(&mut self, from: &str, patron: &str, id: &str) -> String {
        self.send(&returned(from, patron, id)).await;
        self.answer(id).await
    }
}

/// A conversation that is called back.
pub(crate) fn withdrawn(from: &str, queue: &str, id: &str) -> String {
    format!(
        "<iq type='set' id='{id}' from='{from}' to='{queue}'>\
         <withdrawn xmlns='urn:callnumber:desk:0'>answered by ana</withdrawn></iq>"
    )
}

/// A conversation that is given back.
pub(crate) fn returned(from: &str, patron: &str, id: &str) -> String {
    let from = match from {
        "" => String::new(),
        from => format!("from='{from}'"),
    };
    format!(
        "<iq type='set' id='{id}' {from} to='{patron}'><returned xmlns='urn:callnumber:desk:0'/></iq>"
    )
}
