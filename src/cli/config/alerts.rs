//! `[alerts]`: who is called when the desk needs help.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::Deserializer;

use super::{credential, wrong};
use crate::alerts;
use crate::mail::{self, Security};
use crate::numbers::{Country, NumberError, PatronNumber};

/// Recipients of one kind at most: a list for everyone is a mailing list's business.
const RECIPIENTS_MAX: usize = 20;
const MEBIBYTE: u64 = 1024 * 1024;

/// `[alerts]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsTable {
    /// Mail addresses.
    #[serde(deserialize_with = "addresses")]
    pub email: Vec<String>,
    /// Staff telephones, as they are written.
    #[serde(deserialize_with = "phones")]
    pub phones: Vec<String>,
    /// The mail server.
    pub smtp: Option<SmtpTable>,
    /// How long a line may be in trouble before it is one.
    #[serde(with = "crate::duration")]
    pub line_after: Option<Duration>,
    /// How long texts may wait while nobody is signed in.
    #[serde(with = "crate::duration")]
    pub waiting_after: Option<Duration>,
    /// Mebibytes the disk must have left.
    pub disk_free_mb: Option<u32>,
}

/// `[alerts.smtp]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpTable {
    /// Host and port; the port is 587 for `starttls`, 465 for `tls`, 25 for `none` when left out.
    pub server: String,
    /// The sender.
    #[serde(deserialize_with = "address")]
    pub from: String,
    /// How the connection is kept from others' eyes.
    #[serde(default)]
    pub security: SecurityWord,
    /// The name, where the server asks for one.
    pub user: Option<String>,
    /// A file that holds the password; a systemd credential named `smtp-password` comes before it.
    pub password_file: Option<PathBuf>,
}

/// `security`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityWord {
    /// `STARTTLS` before anything else.
    #[default]
    Starttls,
    /// TLS from the first octet.
    Tls,
    /// None at all.
    None,
}

impl AlertsTable {
    /// The room's settings; `None` when nobody is to be told.
    ///
    /// # Errors
    /// What is missing, by its key.
    pub fn settings(
        &self,
        public_url: Option<&str>,
        home: Country,
    ) -> Result<Option<alerts::Settings>, String> {
        if self.email.is_empty() && self.phones.is_empty() {
            return Ok(None);
        }
        let mail = match (&self.smtp, self.email.is_empty()) {
            (_, true) => None,
            (Some(smtp), false) => Some(mail::Settings {
                to: self.email.clone(),
                ..smtp.settings()?
            }),
            (None, false) => {
                return Err(
                    "[alerts] email: add [alerts.smtp] with `server` and `from`, or nobody can be \
                     written to"
                        .into(),
                );
            }
        };
        let phones = self.phones.iter();
        let phones = phones.map(|written| PatronNumber::written(written, home));
        let usual = alerts::Settings::default();
        Ok(Some(alerts::Settings {
            mail,
            phones: phones
                .collect::<Result<_, _>>()
                .map_err(|error| format!("[alerts] phones: {error}"))?,
            line_after: self.line_after.unwrap_or(usual.line_after),
            waiting_after: self.waiting_after.unwrap_or(usual.waiting_after),
            disk_free: self
                .disk_free_mb
                .map_or(usual.disk_free, |mb| u64::from(mb) * MEBIBYTE),
            url: public_url.map(str::to_owned),
            ..usual
        }))
    }
}

impl AlertsTable {
    /// The mail server, also where nobody is told by it.
    ///
    /// # Errors
    /// What is missing, by its key.
    pub fn server(&self) -> Result<Option<mail::Settings>, String> {
        self.smtp.as_ref().map(SmtpTable::settings).transpose()
    }
}

impl SmtpTable {
    fn settings(&self) -> Result<mail::Settings, String> {
        let security = match self.security {
            SecurityWord::Starttls => Security::StartTls,
            SecurityWord::Tls => Security::Tls,
            SecurityWord::None => Security::None,
        };
        let login = match &self.user {
            None => None,
            Some(user) => {
                let path = credential("smtp-password")
                    .or_else(|| self.password_file.clone())
                    .ok_or(
                        "[alerts.smtp] user: add a `password_file`, or give the service a \
                         credential `smtp-password`",
                    )?;
                Some((user.clone(), password(&path)?))
            }
        };
        let server = mail::Settings::new(&self.server, security, &self.from, login);
        server.map_err(|error| match error {
            mail::MailError::Host(_) => format!("[alerts.smtp] server: {error}"),
            mail::MailError::Exposed => format!("[alerts.smtp] security: {error}"),
            mail::MailError::Address(_) => format!("[alerts.smtp] from: {error}"),
            mail::MailError::Letter(_) | mail::MailError::Closed | mail::MailError::Server(_) => {
                format!("[alerts.smtp]: {error}")
            }
        })
    }
}

fn password(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("[alerts.smtp]: cannot read {}: {error}", path.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(format!(
            "[alerts.smtp]: {} is empty: write the password into it",
            path.display()
        ));
    }
    Ok(password.to_owned())
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    match mail::is_address(&text) {
        true => Ok(text),
        false => Err(wrong::<D>(format!(
            "{text:?} is not a mail address: write it as \"desk@example.org\""
        ))),
    }
}

fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let all = Vec::<String>::deserialize(from)?;
    bounded::<D>(&all)?;
    match all.iter().find(|text| !mail::is_address(text)) {
        None => Ok(all),
        Some(text) => Err(wrong::<D>(format!(
            "{text:?} is not a mail address: write it as \"desk@example.org\""
        ))),
    }
}

fn phones<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let all = Vec::<String>::deserialize(from)?;
    bounded::<D>(&all)?;
    match all.iter().find(|text| !may_be_a_number(text)) {
        None => Ok(all),
        Some(_) => Err(wrong::<D>(
            "this is not a telephone number: write it as \"+15551230100\"",
        )),
    }
}

/// Whether it is one in some country: which, the rest of the file says.
pub(super) fn may_be_a_number(text: &str) -> bool {
    match PatronNumber::written(text, Country::default()) {
        Ok(_) | Err(NumberError::NotWhole(_)) => true,
        Err(_) => false,
    }
}

fn bounded<'de, D: Deserializer<'de>>(all: &[String]) -> Result<(), D::Error> {
    match all.len() <= RECIPIENTS_MAX {
        true => Ok(()),
        false => Err(wrong::<D>(format!(
            "these are more than {RECIPIENTS_MAX}: write to a list instead"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Config;
    use super::*;

    const WHOLE: &str = r#"
[alerts]
email = ["desk@elm.example"]
phones = ["+1 555 123 0199"]
line_after = "5m"
disk_free_mb = 500

[alerts.smtp]
server = "mail.elm.example"
from = "callnumber@elm.example"
"#;

    #[test]
    fn the_documented_table_is_read() {
        let config = Config::parse(WHOLE).unwrap();
        let settings = config
            .alerts
            .settings(Some("https://desk"), Country::default())
            .unwrap()
            .unwrap();
        assert_eq!(settings.phones, ["+15551230199"]);
        assert_eq!(settings.line_after, Duration::from_secs(300));
        assert_eq!(settings.waiting_after, Duration::from_secs(600));
        assert_eq!(settings.disk_free, 500 * MEBIBYTE);
        let mail = settings.mail.unwrap();
        assert_eq!((mail.host.as_str(), mail.port), ("mail.elm.example", 587));
        assert_eq!(mail.security, Security::StartTls);
        let nobody = Config::parse("[alerts]\nline_after = \"5m\"\n").unwrap();
        assert!(
            nobody
                .alerts
                .settings(None, Country::default())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn each_mistake_names_its_line_key_and_remedy() {
        for (text, parts) in [
            ("[alerts]\nemails = []\n", &["line 2", "emails"][..]),
            (
                "[alerts]\nemail = [\"desk\"]\n",
                &["line 2", "email", "desk@example.org"],
            ),
            (
                "[alerts]\nphones = [\"home\"]\n",
                &["line 2", "phones", "+15551230100"],
            ),
            ("[alerts]\nline_after = 5\n", &["line 2", "line_after"]),
            (
                "[alerts.smtp]\nserver = \"m\"\nfrom = \"me\"\n",
                &["line 3", "from", "desk@example.org"],
            ),
            (
                "[alerts.smtp]\nserver = \"m\"\nfrom = \"a@b.example\"\nsecurity = \"ssl\"\n",
                &["line 4", "security"],
            ),
        ] {
            let error = Config::parse(text).expect_err(text);
            for part in parts {
                assert!(error.contains(part), "{text:?}: {error}");
            }
        }
        let phones: Vec<String> = (0..21).map(|n| format!("\"+155512301{n:02}\"")).collect();
        let many = format!("[alerts]\nphones = [{}]\n", phones.join(", "));
        assert!(Config::parse(&many).unwrap_err().contains("more than 20"));
    }

    #[test]
    fn what_is_missing_is_said() {
        for (text, part) in [
            ("[alerts]\nemail = [\"a@b.example\"]\n", "[alerts.smtp]"),
            (
                "[alerts]\nemail = [\"a@b.example\"]\n[alerts.smtp]\nserver = \"a b\"\nfrom = \"a@b.example\"\n",
                "mail.example.org:587",
            ),
            (
                "[alerts]\nemail = [\"a@b.example\"]\n[alerts.smtp]\nserver = \"m\"\nfrom = \"a@b.example\"\nuser = \"u\"\n",
                "password_file",
            ),
        ] {
            let config = Config::parse(text).unwrap();
            let error = config
                .alerts
                .settings(None, Country::default())
                .expect_err(text);
            assert!(error.contains(part), "{error}");
        }
    }
}
