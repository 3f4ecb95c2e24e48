//! A small HTTP/1.1 client, so that the tests see the wire and not a framework's idea of it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Someone with a bearer token.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    token: String,
}

/// What the server said.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    fn read(status: u16, body: &[u8]) -> Self {
        let body = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into())),
        };
        Self { status, body }
    }

    /// The body of an answer that had to have this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub struct ServerEvent {
    pub id: Option<i64>,
    pub name: String,
    pub data: Value,
}

/// A stream of server-sent events.
#[derive(Debug)]
pub struct Events {
    lines: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Api {
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            token: token.to_owned(),
        }
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path, Some(body)).await
    }

    /// Asks once; panics where nothing answers in time.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.try_ask(method, path, body)
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Asks once, of a server that may be gone.
    pub async fn try_ask(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> std::io::Result<Answer> {
        let request = self.request(method, path, body, "close");
        let (status, body) = self.exchange(request).await?;
        Ok(Answer::read(status, &body))
    }

    /// Sends a file as it is.
    pub async fn post_file(&self, path: &str, content: &[u8]) -> Answer {
        let kind = "application/octet-stream";
        let mut request = self.head("POST", path, kind, content.len(), "close");
        request.extend_from_slice(content);
        let (status, body) = self
            .exchange(request)
            .await
            .unwrap_or_else(|error| panic!("POST {path}: {error}"));
        Answer::read(status, &body)
    }

    /// What lies there, octet by octet.
    pub async fn get_file(&self, path: &str) -> (u16, Vec<u8>) {
        self.exchange(self.request("GET", path, None, "close"))
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    async fn exchange(&self, request: Vec<u8>) -> std::io::Result<(u16, Vec<u8>)> {
        let asked = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(&request).await?;
            let mut reader = BufReader::new(stream);
            let (status, chunked) = read_head(&mut reader).await?;
            let mut body = Vec::new();
            if chunked {
                while read_chunk(&mut reader, &mut body).await? {}
            } else {
                reader.read_to_end(&mut body).await?;
            }
            Ok((status, body))
        };
        timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }

    /// Opens the event stream, from after `last` if given.
    pub async fn events(&self, last: Option<i64>) -> Events {
        let path = match last {
            Some(last) => format!("/api/v1/events?last_event_id={last}"),
            None => "/api/v1/events".to_owned(),
        };
        let opened = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream
                .write_all(&self.request("GET", &path, None, "keep-alive"))
                .await?;
            let mut lines = BufReader::new(stream);
            let (status, chunked) = read_head(&mut lines).await?;
            assert_eq!(status, 200, "the event stream");
            assert!(chunked, "an event stream has no length");
            std::io::Result::Ok(Events {
                lines,
                body: Vec::new(),
            })
        };
        timeout(PATIENCE, opened)
            .await
            .expect("the event stream opens in time")
            .expect("the event stream opens")
    }

    fn request(&self, method: &str, path: &str, body: Option<Value>, connection: &str) -> Vec<u8> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut request = self.head(method, path, "application/json", body.len(), connection);
        request.extend_from_slice(body.as_bytes());
        request
    }

    fn head(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        length: usize,
        connection: &str,
    ) -> Vec<u8> {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n",
            self.address, self.token,
        )
        .into_bytes()
    }
}

impl Events {
    /// The next event; `None` once the server has ended the stream.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        timeout(PATIENCE, self.read())
            .await
            .expect("an event arrives in time")
    }

    /// The next event that satisfies `wanted`.
    pub async fn find(&mut self, wanted: impl Fn(&ServerEvent) -> bool) -> ServerEvent {
        loop {
            let event = self.next().await.expect("the stream stays open");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Reads on until the server ends the stream, however long it is silent.
    pub async fn read_on(mut self) {
        while self.read().await.is_some() {}
    }

    async fn read(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(end) = self.body.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.body.drain(..end + 2).collect();
                if let Some(event) = parse_event(&String::from_utf8_lossy(&block)) {
                    return Some(event);
                }
                continue;
            }
            if !read_chunk(&mut self.lines, &mut self.body).await.ok()? {
                return None;
            }
        }
    }
}

fn parse_event(block: &str) -> Option<ServerEvent> {
    let (mut id, mut name, mut data) = (None, "message".to_owned(), String::new());
    for line in block.lines() {
        match line.split_once(':') {
            Some(("id", value)) => id = value.trim().parse().ok(),
            Some(("event", value)) => value.trim().clone_into(&mut name),
            Some(("data", value)) => data += value.strip_prefix(' ').unwrap_or(value),
            _ => {} // a comment, or a field nobody here reads
        }
    }
    if data.is_empty() {
        return None;
    }
    Some(ServerEvent {
        id,
        name,
        data: serde_json::from_str(&data).expect("event data is JSON"),
    })
}

async fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<(u16, bool)> {
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let status = line
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let mut chunked = false;
    loop {
        line.clear();
        reader.read_line(&mut line).await?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            return Ok((status, chunked));
        }
        chunked |= header == "transfer-encoding: chunked";
    }
}

/// Reads one chunk; `false` at the last.
async fn read_chunk(
    reader: &mut BufReader<TcpStream>,
    body: &mut Vec<u8>,
) -> std::io::Result<bool> {
    let mut size = String::new();
    if reader.read_line(&mut size).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
    let start = body.len();
    body.resize(start + size, 0);
    reader.read_exact(&mut body[start..]).await?;
    let mut end = [0; 2];
    reader.read_exact(&mut end).await?;
    Ok(size > 0)
}
