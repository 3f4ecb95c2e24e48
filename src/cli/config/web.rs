//! `[web]`: console, API, presence, and who stands between them and the browsers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use serde::Deserialize;
use serde::de::Deserializer;

use super::{credential, url, wrong};
use crate::web::{Certificate, Dav, Network, Publishing, Sftp, Target};

/// `[web]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebTable {
    /// Where the console listens.
    pub listen: SocketAddr,
    /// How browsers reach it, when that is not `listen`.
    #[serde(deserialize_with = "url")]
    pub public_url: Option<String>,
    /// A certificate of its own.
    pub tls: Option<TlsTable>,
    /// Proxies whose word on where a request came from is believed.
    #[serde(deserialize_with = "networks")]
    pub proxies: Vec<Network>,
    /// Whether anybody may ask for an operator's presence.
    pub operators_presence: bool,
    /// Where presence is put down as files.
    pub publish: Option<PublishTable>,
}

impl Default for WebTable {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            tls: None,
            proxies: Vec::new(),
            operators_presence: false,
            publish: None,
        }
    }
}

/// `tls = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    /// The chain, PEM.
    pub cert: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// `publish = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishTable {
    /// A folder, `sftp://user@host/folder` or `https://host/folder`.
    #[serde(deserialize_with = "place")]
    to: Place,
    /// The host in the files' paths; without it the one of `public_url`.
    host: Option<String>,
    /// Who signs in at a WebDAV server.
    user: Option<String>,
    /// A file that holds the password; the systemd credential `publish-password` comes before it.
    password_file: Option<PathBuf>,
    /// A WebDAV server's own certificate authority.
    ca_file: Option<PathBuf>,
    /// The private key for SFTP.
    identity_file: Option<PathBuf>,
    /// Keys of the hosts that are known for SFTP.
    known_hosts: Option<PathBuf>,
}

/// Where `to` points.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Directory(PathBuf),
    Sftp {
        destination: String,
        port: Option<u16>,
        folder: String,
    },
    Dav {
        tls: bool,
        host: String,
        port: u16,
        folder: String,
    },
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Place::Directory(text.into()));
        }
        let (scheme, rest) = text.split_once("://")?;
        let (authority, folder) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
            None => (host, None),
        };
        let plain = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        if !plain(host)
            || user.is_some_and(|user| !plain(user))
            || text.chars().any(char::is_control)
        {
            return None;
        }
        let dav = |tls: bool, usual: u16| {
            user.is_none().then(|| Place::Dav {
                tls,
                host: host.to_owned(),
                port: port.unwrap_or(usual),
                folder: folder.trim_end_matches('/').to_owned(),
            })
        };
        match scheme {
            "sftp" => Some(Place::Sftp {
                destination: match user {
                    Some(user) => format!("{user}@{host}"),
                    None => host.to_owned(),
                },
                port,
                folder: folder.to_owned(),
            }),
            "https" => dav(true, 443),
            "http" => dav(false, 80),
            _ => None,
        }
    }
}

impl WebTable {
    /// The certificate, if TLS is to be spoken here.
    pub fn certificate(&self) -> Option<Certificate> {
        let table = self.tls.as_ref()?;
        Some(Certificate {
            chain: table.cert.clone(),
            key: table.key.clone(),
        })
    }

    /// Whether browsers reach the desk by TLS, here or at a proxy.
    pub fn is_secure(&self) -> bool {
        match &self.public_url {
            Some(url) => url.starts_with("https://"),
            None => self.tls.is_some(),
        }
    }

    /// Where presence is put down.
    ///
    /// # Errors
    /// When its host cannot be told, or the password cannot be read.
    pub fn publishing(&self) -> Result<Option<Publishing>, String> {
        let Some(table) = &self.publish else {
            return Ok(None);
        };
        let host = table
            .host
            .clone()
            .or_else(|| self.public_url.as_deref().and_then(host_of))
            .ok_or(
                "[web] publish: which host do the library's pages ask for? Write `host = \
                 \"www.elm.example\"` into it",
            )?;
        let target = match table.to.clone() {
            Place::Directory(folder) => Target::Directory(folder),
            Place::Sftp {
                destination,
                port,
                folder,
            } => Target::Sftp(Sftp {
                destination,
                port,
                folder,
                identity: table.identity_file.clone(),
                known_hosts: table.known_hosts.clone(),
            }),
            Place::Dav {
                tls,
                host,
                port,
                folder,
            } => Target::WebDav(Dav {
                tls,
                host,
                port,
                folder,
                authorization: table.authorization()?,
                ca: table.ca_file.clone(),
            }),
        };
        Ok(Some(Publishing { host, target }))
    }
}

impl PublishTable {
    /// Basic authentication (RFC 7617).
    fn authorization(&self) -> Result<Option<String>, String> {
        let Some(user) = &self.user else {
            return Ok(None);
        };
        let credential = credential("publish-password");
        let path = credential.or_else(|| self.password_file.clone()).ok_or(
            "[web] publish: `user` needs a `password_file`, or a credential `publish-password`",
        )?;
        let password = read_secret(&path)?;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Ok(Some(format!("Basic {pair}")))
    }
}

fn read_secret(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("[web] publish: cannot read {}: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The host of a web address.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = authority.split(':').next()?;
    (!host.is_empty()).then(|| host.to_owned())
}

fn place<'de, D: Deserializer<'de>>(from: D) -> Result<Place, D::Error> {
    let text = String::deserialize(from)?;
    Place::parse(&text).ok_or_else(|| {
        // An address may hold a password where none belongs: it stays out of the message.
        wrong::<D>(
            "`to` is a folder such as \"/srv/www\", \"sftp://user@host/folder\" or \
             \"https://host/folder\"; a user and password for WebDAV have keys of their own",
        )
    })
}

fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Network>, D::Error> {
    Vec::<String>::deserialize(from)?
        .iter()
        .map(|text| {
            text.parse().map_err(|_| {
                wrong::<D>(format!(
                    "{text:?} is not a proxy's address: write \"192.0.2.7\" or \"10.0.0.0/8\""
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Config;
    use super::*;

    #[test]
    fn places_to_publish_to() {
        let dav = |tls, host: &str, port, folder: &str| {
            Some(Place::Dav {
                tls,
                host: host.into(),
                port,
                folder: folder.into(),
            })
        };
        for (text, place) in [
            ("/srv/www", Some(Place::Directory("/srv/www".into()))),
            (
                "sftp://web@elm.example:2222/srv/www",
                Some(Place::Sftp {
                    destination: "web@elm.example".into(),
                    port: Some(2222),
                    folder: "/srv/www".into(),
                }),
            ),
            (
                "https://elm.example/dav/",
                dav(true, "elm.example", 443, "/dav"),
            ),
            ("http://10.0.0.4:8008", dav(false, "10.0.0.4", 8008, "")),
            ("https://ana:secret@elm.example/", None),
            ("sftp://-oProxyCommand=x/", None),
            ("ftp://elm.example/", None),
            ("srv/www", None),
            ("sftp://elm.example:port/x", None),
        ] {
            assert_eq!(Place::parse(text), place, "{text}");
        }
    }

    #[test]
    fn mistakes_name_their_line_and_what_to_write() {
        for (text, parts) in [
            (
                "[web]\nproxies = [\"proxy.elm.example\"]\n",
                &["line 2", "proxies", "10.0.0.0/8"][..],
            ),
            (
                "[web]\npublish = { to = \"ftp://elm.example\" }\n",
                &["line 2", "to", "sftp://user@host/folder"],
            ),
            (
                "[web]\npublish = { host = \"elm.example\" }\n",
                &["line 2", "to", "add it"],
            ),
            (
                "[web]\ntls = { cert = \"a\" }\n",
                &["line 2", "key", "add it"],
            ),
        ] {
            let error = Config::parse(text).expect_err(text);
            for part in parts {
                assert!(error.contains(part), "{text:?}: {error}");
            }
        }
    }

    #[test]
    fn a_password_comes_from_its_file_and_the_host_from_the_address() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "shelf mark\n").unwrap();
        let config = Config::parse(&format!(
            "[web]\npublic_url = \"https://ask.elm.example:8443/\"\n\
             publish = {{ to = \"https://www.elm.example/dav\", user = \"web\", password_file = {password:?} }}\n",
        ))
        .unwrap();
        let publishing = config.web.publishing().unwrap().unwrap();
        assert_eq!(publishing.host, "ask.elm.example");
        let Target::WebDav(dav) = &publishing.target else {
            panic!("{publishing:?}");
        };
        assert_eq!(
            dav.authorization.as_deref(),
            Some("Basic d2ViOnNoZWxmIG1hcms=")
        );
        assert!(!format!("{dav:?}").contains("d2Vi"));
        let without = Config::parse("[web]\npublish = { to = \"/srv/www\" }\n").unwrap();
        assert!(without.web.publishing().unwrap_err().contains("host"));
    }
}
