//! Letters by SMTP (RFC 5321), through the library's own mail server.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// How long one word of the server may take.
const WITHIN: Duration = Duration::from_secs(20);

/// How the connection is kept from others' eyes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Security {
    /// `STARTTLS` before anything else (RFC 3207), usually port 587.
    #[default]
    StartTls,
    /// TLS from the first octet (RFC 8314), usually port 465.
    Tls,
    /// None: for a server on this machine or a wire of one's own.
    None,
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
    /// The letter could not be put together.
    #[error("the letter could not be written: {0}")]
    Letter(#[from] lettre::error::Error),
    /// The server, or the way to it.
    #[error("the mail server says: {0}; check [alerts.smtp]")]
    Server(#[from] lettre::transport::smtp::Error),
}

impl MailError {
    /// Whether the same letter may go later.
    pub fn is_transient(&self) -> bool {
        match self {
            MailError::Address(_) | MailError::Letter(_) => false,
            // A refusal for good (RFC 5321 §4.2.1) stays one.
            MailError::Server(error) => !error.is_permanent(),
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
