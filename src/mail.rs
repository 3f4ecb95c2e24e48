//! Letters by SMTP (RFC 5321), through the library's own mail server: calls for help, and what a visitor
//! of a web page asked for.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::Serialize;
use utoipa::ToSchema;

/// How long one word of the server may take.
const WITHIN: Duration = Duration::from_secs(20);

/// How the connection is kept from others' eyes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// `STARTTLS` before anything else (RFC 3207), usually port 587.
    #[default]
    StartTls,
    /// TLS from the first octet (RFC 8314), usually port 465.
    Tls,
    /// None: for a server on this machine or a wire of one's own.
    None,
}

impl Security {
    /// From the word of a configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::StartTls, Self::Tls, Self::None]
            .into_iter()
            .find(|one| one.word() == word)
    }

    /// The word of a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }

    /// The port where nobody names one.
    fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// The mail server, and to whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others' eyes.
    pub security: Security,
    /// Name and password, where it asks for them.
    pub login: Option<(String, String)>,
    /// The sender.
    pub from: String,
    /// Who is told.
    pub to: Vec<String>,
}

impl Settings {
    /// A server by its name, with its port or without; to nobody yet.
    ///
    /// # Errors
    /// When the name or the sender is none, or a password would go over the wire for all to read.
    pub fn new(
        server: &str,
        security: Security,
        from: &str,
        login: Option<(String, String)>,
    ) -> Result<Self, MailError> {
        let (host, port) = split_server(server, security.usual_port())
            .ok_or_else(|| MailError::Host(server.to_owned()))?;
        if !is_address(from) {
            return Err(MailError::Address(from.to_owned()));
        }
        let here = host == "127.0.0.1" || host == "localhost" || host == "::1";
        if login.is_some() && security == Security::None && !here {
            return Err(MailError::Exposed);
        }
        Ok(Self {
            host,
            port,
            security,
            login,
            from: from.to_owned(),
            to: Vec::new(),
        })
    }
}

/// `host`, `host:port` or `[::1]:port`.
fn split_server(server: &str, usual_port: u16) -> Option<(String, u16)> {
    let server = server.trim();
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok()?)
        }
        Some(_) | None => (server, usual_port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let fits = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
    fits.then(|| (host.to_owned(), port))
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// Why a letter did not go.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address that is none.
    #[error("{0:?} is not a mail address: write it as desk@example.org")]
    Address(String),
    /// A server that is none.
    #[error("{0:?} is not a host and a port: write it as \"mail.example.org:587\"")]
    Host(String),
    /// A password without a cover.
    #[error("a password does not go over the wire for all to read; set \"starttls\" or \"tls\"")]
    Exposed,
    /// The letter could not be put together.
    #[error("the letter could not be written: {0}")]
    Letter(#[from] lettre::error::Error),
    /// The server hung up.
    #[error("the mail server closed the connection; look into its log")]
    Closed,
    /// The server, or the way to it.
    #[error("the mail server says: {0}; check its settings")]
    Server(#[from] lettre::transport::smtp::Error),
}

impl MailError {
    /// Whether the same letter may go later.
    pub fn is_transient(&self) -> bool {
        match self {
            MailError::Address(_)
            | MailError::Host(_)
            | MailError::Exposed
            | MailError::Letter(_) => false,
            // A refusal for good (RFC 5321 §4.2.1) stays one.
            MailError::Server(error) => !error.is_permanent(),
            MailError::Closed => true,
        }
    }
}

/// A letter to everyone who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// The words.
    pub body: String,
}

/// Whether this is a mail address.
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

/// Sends letters.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mailer {
    /// A mailer; nothing is sent yet.
    ///
    /// # Errors
    /// When an address is none, or TLS cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, MailError> {
        let mailbox = |address: &String| {
            address
                .parse::<Mailbox>()
                .map_err(|_| MailError::Address(address.clone()))
        };
        let builder = match settings.security {
            Security::StartTls => {
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&settings.host)?
            }
            Security::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&settings.host)?,
            Security::None => {
                AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            }
        };
        let mut builder = builder.port(settings.port).timeout(Some(WITHIN));
        if let Some((name, password)) = &settings.login {
            builder = builder.credentials(Credentials::new(name.clone(), password.clone()));
        }
        Ok(Self {
            transport: builder.build(),
            from: mailbox(&settings.from)?,
            to: settings.to.iter().map(mailbox).collect::<Result<_, _>>()?,
        })
    }

    /// Goes up to the server, with TLS and the name and password where they are set, and leaves
    /// again without a letter.
    ///
    /// # Errors
    /// What the server says, or the way to it.
    pub async fn knock(&self) -> Result<(), MailError> {
        match self.transport.test_connection().await? {
            true => Ok(()),
            false => Err(MailError::Closed),
        }
    }

    /// Sends a letter to everyone, and waits for the server's word.
    ///
    /// # Errors
    /// What the server says.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(letter.subject.clone())
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.body(letter.body.clone())?;
        self.transport.send(message).await?;
        Ok(())
    }

    /// Sends a letter to one reader instead, and waits for the server's word.
    ///
    /// # Errors
    /// What the server says, or that the address is none.
    pub async fn send_to(&self, letter: &Letter, to: &str) -> Result<(), MailError> {
        let to = to
            .parse::<Mailbox>()
            .map_err(|_| MailError::Address(to.to_owned()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())?;
        self.transport.send(message).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_hosts_and_ports() {
        for (server, split) in [
            ("mail", Some(("mail", 25))),
            ("mail:587", Some(("mail", 587))),
            ("[::1]:2525", Some(("::1", 2525))),
            ("::1", Some(("::1", 25))),
            ("mail:smtp", None),
            ("", None),
            ("smtp://mail", None),
        ] {
            let expected = split.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(split_server(server, 25), expected, "{server:?}");
        }
    }

    #[test]
    fn a_password_is_not_for_all_to_read() {
        let login = Some(("desk".to_owned(), "maps".to_owned()));
        for (server, security, fits) in [
            ("mail.elm.example", Security::StartTls, true),
            ("mail.elm.example", Security::Tls, true),
            ("localhost:2525", Security::None, true),
            ("mail.elm.example", Security::None, false),
        ] {
            let made = Settings::new(server, security, "desk@elm.example", login.clone());
            assert_eq!(made.is_ok(), fits, "{server} {security:?}");
        }
        assert!(Settings::new("mail", Security::None, "desk", None).is_err());
    }

    #[test]
    fn addresses_are_told_from_other_words() {
        for (text, is) in [
            ("desk@example.org", true),
            ("a.b+c@sub.example.org", true),
            ("desk", false),
            ("desk@", false),
            ("a b@example.org", false),
            ("x@y\r\nBcc: z@y", false),
            ("", false),
        ] {
            assert_eq!(is_address(text), is, "{text:?}");
        }
    }
}
