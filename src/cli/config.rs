//! `callnumber.toml`: the box. Queues, gateways and operators live in the spool instead.
//!
//! An unknown key, a wrong type or an impossible value is an error that names file, line and key.

mod alerts;
mod web;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod panel;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::modem::{LineSettings, Named, PortChoice, is_pin};
use crate::numbers::Country;
use crate::routing::{Languages, Library};
use crate::xmpp;

pub use alerts::{AlertsTable, SecurityWord, SmtpTable};
pub use panel::PanelTable;
pub use web::{PublishTable, TlsTable, WebTable};

/// Where the configuration is looked for when no `--config` is given.
pub const USUAL_FILE: &str = "/etc/callnumber/callnumber.toml";

/// What the file says; with no file, the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The library as patrons know it.
    pub library: LibraryTable,
    /// The modems, each a line.
    #[serde(rename = "modem")]
    pub modems: Vec<LineSettings>,
    /// Console, API and presence.
    pub web: WebTable,
    /// The link to an XMPP server.
    pub xmpp: Option<XmppTable>,
    /// Lamps, switch and button.
    pub panel: PanelTable,
    /// Who is called when the desk needs help.
    pub alerts: AlertsTable,
    /// The spool.
    pub spool: SpoolTable,
}

/// `[library]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LibraryTable {
    /// What notices call it.
    pub name: Option<String>,
    /// The IANA name of its time zone.
    #[serde(deserialize_with = "time_zone")]
    pub timezone: Option<String>,
    /// A telephone that a person answers.
    pub urgent_contact: Option<String>,
    /// An address for longer questions.
    pub email: Option<String>,
    /// Where the opening hours can be read.
    pub hours_link: Option<String>,
    /// Where lines are whose number and SIM do not say it; two letters (ISO 3166-1).
    pub country: Option<Country>,
    /// Languages whose STOP, HELP and START hold beside English and the country's (ISO 639).
    pub languages: Languages,
}

/// `[xmpp]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XmppTable {
    /// `[xmpp.component]`
    pub component: ComponentTable,
}

/// `[xmpp.component]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentTable {
    /// The component's domain.
    pub domain: String,
    /// Host and port of the server's component listener; of a cluster a list of them.
    #[serde(deserialize_with = "servers")]
    pub server: Vec<String>,
    /// A file that holds the secret; a systemd credential named `xmpp-secret` comes before it.
    pub secret_file: Option<PathBuf>,
    /// Whether patrons' addresses hold their numbers; names such as `heron-42` otherwise.
    #[serde(default)]
    pub show_numbers: bool,
    /// A file that holds the library's picture: PNG, JPEG or GIF.
    pub picture: Option<PathBuf>,
}

/// `[spool]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolTable {
    /// The spool's file.
    pub path: Option<PathBuf>,
    /// How long transcripts stay after closing.
    #[serde(with = "crate::duration")]
    pub retention: Option<Duration>,
    /// Where backups are put that are asked for on the page; a folder beside the spool when left out.
    pub backups: Option<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {}: {source}; check the path and who may read it", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It says something impossible.
    #[error("{}, {place}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, key and remedy.
        place: String,
    },
}

impl Config {
    /// Reads the file given, else the usual one if it exists, else the defaults.
    ///
    /// # Errors
    /// One sentence that names the file, the line, the key and what to write instead.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match file {
            Some(path) => path,
            None if Path::new(USUAL_FILE).exists() => Path::new(USUAL_FILE),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.into(),
            source,
        })?;
        Self::parse(&text).map_err(|place| ConfigError::Wrong {
            path: path.into(),
            place,
        })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Line or table, key and remedy, in one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let key = text
                .lines()
                .nth(line - 1)
                .map(str::trim)
                .unwrap_or_default();
            format!(
                "line {line}: {} (at `{}`)",
                remedy(error.message()),
                without_secret(key)
            )
        })?;
        if let Some(nth) = config.modems.iter().position(|line| line.name.is_empty()) {
            let line = line_of(text, modem_at(text, nth));
            return Err(format!(
                "line {line}: missing field `name`: add it (at `[[modem]]`)"
            ));
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        let mut ports = BTreeSet::new();
        for modem in &self.modems {
            if !names.insert(&modem.name) {
                return Err(format!(
                    "[[modem]]: two modems are named {:?}; give each its own `name`",
                    modem.name
                ));
            }
            if let PortChoice::Path(path) = &modem.port
                && !ports.insert(path)
            {
                return Err(format!(
                    "[[modem]]: two modems have the port {}; each needs its own `port`",
                    path.display()
                ));
            }
        }
        let mut traces = BTreeSet::new();
        for modem in &self.modems {
            if let Some(file) = &modem.trace {
                if !file.is_absolute() {
                    return Err(format!(
                        "[[modem]] {}: `trace` needs a path that begins with /, not {}",
                        modem.name,
                        file.display()
                    ));
                }
                if !traces.insert(file) {
                    return Err(format!(
                        "[[modem]]: two modems have the `trace` {}; each needs its own file",
                        file.display()
                    ));
                }
            } else if modem.trace_unmasked {
                return Err(format!(
                    "[[modem]] {}: `trace_unmasked` without `trace` does nothing: name the file, \
                     or remove it",
                    modem.name
                ));
            }
        }
        let mut imeis = BTreeSet::new();
        let mut pins = BTreeSet::new();
        for modem in &self.modems {
            if let Some(imei) = &modem.imei
                && !imeis.insert(imei)
            {
                return Err(format!(
                    "[[modem]]: two modems have the imei {imei}; each needs its own `imei`"
                ));
            }
            if let Some(power) = &modem.power
                && !pins.insert(power.name)
            {
                return Err(format!(
                    "[[modem]]: two modems have the power profile {:?}; a box has one HAT of a \
                     kind: leave `power` out of the other",
                    power.name
                ));
            }
        }
        let unnamed = |m: &&LineSettings| m.port == PortChoice::Auto && m.imei.is_none();
        if self.modems.len() > 1 && self.modems.iter().any(|modem| unnamed(&modem)) {
            return Err(
                "[[modem]]: with several modems `port = \"auto\"` cannot tell them apart; give \
                 each its `imei` (`callnumber modem list` shows them), or name its port (a \
                 /dev/callnumber/… link)"
                    .into(),
            );
        }
        self.panel.check(self.country())
    }

    /// The link to the XMPP server, with its secret.
    ///
    /// # Errors
    /// Where the secret was looked for, when there is none.
    pub fn messengers(&self) -> Result<Option<xmpp::Settings>, String> {
        let Some(table) = &self.xmpp else {
            return Ok(None);
        };
        let component = &table.component;
        let credential = credential("xmpp-secret");
        let Some(path) = credential.or_else(|| component.secret_file.clone()) else {
            return Err(
                "[xmpp.component] has no secret: name a `secret_file`, or give the service a \
                 credential `xmpp-secret`"
                    .into(),
            );
        };
        let secret = std::fs::read_to_string(&path).map_err(|error| {
            format!("[xmpp.component]: cannot read {}: {error}", path.display())
        })?;
        let secret = secret.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(format!(
                "[xmpp.component]: {} is empty: write the secret into it",
                path.display()
            ));
        }
        let picture = component.picture.as_deref().map(picture).transpose()?;
        Ok(Some(xmpp::Settings {
            picture,
            domain: component.domain.clone(),
            servers: component.server.clone(),
            secret: secret.to_owned(),
            patrons: if component.show_numbers {
                xmpp::PatronStyle::Number
            } else {
                xmpp::PatronStyle::Token
            },
        }))
    }

    /// The library as notices name it.
    pub fn library(&self) -> Library {
        let table = &self.library;
        Library {
            name: table.name.clone().unwrap_or_else(|| "The library".into()),
            urgent: table.urgent_contact.clone(),
            email: table.email.clone(),
            hours_link: table.hours_link.clone(),
            time_zone: self.time_zone(),
            country: self.country(),
            languages: table.languages.clone(),
        }
    }

    /// Where numbers without `+` are, unless a line knows better.
    fn country(&self) -> Country {
        self.library.country.unwrap_or_default()
    }

    /// Where the library's clocks are: as the file says, or else as the box itself is set.
    fn time_zone(&self) -> TimeZone {
        let named = self.library.timezone.as_deref().map(TimeZone::get);
        match named {
            Some(Ok(zone)) => zone,
            Some(Err(_)) | None => TimeZone::system(),
        }
    }

    /// The lines to drive; without any in the file, one on whatever modem is found.
    pub fn modems(&self) -> Vec<LineSettings> {
        if self.modems.is_empty() {
            return vec![LineSettings::new("modem", PortChoice::Auto)];
        }
        self.modems.clone()
    }

    /// The lines for the house.
    ///
    /// # Errors
    /// When the credential of a modem cannot be read or is no PIN.
    pub fn lines(&self) -> Result<Vec<LineSettings>, String> {
        self.modems().iter().map(|line| self.line(line)).collect()
    }

    /// A line with its PIN: the file's, or else the systemd credential's of this modem,
    /// `modem-pin-NAME`, or `modem-pin` for all of them.
    ///
    /// # Errors
    /// When the credential cannot be read or is no PIN.
    pub fn line(&self, line: &LineSettings) -> Result<LineSettings, String> {
        let mut line = line.clone();
        let of_all = || credential("modem-pin");
        if line.pin.is_none()
            && let Some(path) = credential(&format!("modem-pin-{}", line.name)).or_else(of_all)
        {
            line.pin = Some(pin_from(&path)?);
        }
        Ok(line)
    }

    /// Who is called when the desk needs help; `None`: nobody.
    ///
    /// # Errors
    /// What is missing, by its key.
    pub fn alerts(&self) -> Result<Option<crate::alerts::Settings>, String> {
        self.alerts
            .settings(self.web.public_url.as_deref(), self.country())
    }

    /// Where the spool is: as the file says; where systemd keeps a service's state; or where the
    /// user's programs keep theirs.
    pub fn spool_path(&self) -> PathBuf {
        if let Some(path) = &self.spool.path {
            return path.clone();
        }
        let from = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty());
        let folder = if let Some(state) = from("STATE_DIRECTORY") {
            PathBuf::from(state)
        } else if Path::new("/var/lib/callnumber").is_dir() {
            PathBuf::from("/var/lib/callnumber")
        } else if let Some(state) = from("XDG_STATE_HOME") {
            PathBuf::from(state).join("callnumber")
        } else if let Some(home) = from("HOME") {
            PathBuf::from(home).join(".local/state/callnumber")
        } else {
            PathBuf::from("/var/lib/callnumber")
        };
        folder.join("spool.db")
    }

    /// How browsers reach the console at `listening`.
    pub fn url(&self, listening: SocketAddr) -> String {
        self.web
            .public_url
            .clone()
            .unwrap_or_else(|| match self.web.tls {
                Some(_) => format!("https://{listening}"),
                None => format!("http://{listening}"),
            })
    }
}

impl Config {
    /// The ports that are named, to be looked at where modems are listed.
    pub fn named_ports(&self) -> Vec<Named> {
        self.modems
            .iter()
            .filter_map(|modem| match &modem.port {
                PortChoice::Path(path) => Some(Named {
                    path: path.clone(),
                    baud: modem.baud,
                }),
                PortChoice::Auto => None,
            })
            .collect()
    }
}

/// The file of a systemd credential, if the service was given one.
fn credential(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(folder).join(name)).filter(|path| path.exists())
}

fn pin_from(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the PIN in {} cannot be read: {error}", path.display()))?;
    let pin = text.trim_end_matches(['\r', '\n']);
    if is_pin(pin) {
        Ok(pin.to_owned())
    } else {
        Err(format!(
            "{} holds no PIN: write its four to eight digits, and nothing else, into it",
            path.display()
        ))
    }
}

/// Where the file says the first, the second … of its modems.
fn modem_at(text: &str, nth: usize) -> usize {
    #[derive(Deserialize)]
    struct Tables {
        modem: Vec<toml::Spanned<de::IgnoredAny>>,
    }
    let tables = toml::from_str::<Tables>(text).ok();
    let table = tables.as_ref().and_then(|tables| tables.modem.get(nth));
    table.map_or(0, |table| table.span().start)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The parser names what is wrong; the remedy is ours to add.
fn remedy(message: &str) -> String {
    let message = message.trim_end_matches(['.', '\n']);
    if message.starts_with("unknown field") {
        format!("{message}: correct the key or remove it")
    } else if message.starts_with("missing field") {
        format!("{message}: add it")
    } else {
        message.to_owned()
    }
}

/// A PIN must not end up in a log because the line beside it was wrong.
fn without_secret(line: &str) -> String {
    match line.split_once('=') {
        Some((key, _)) if key.trim() == "pin" => "pin = …".into(),
        _ => line.chars().take(80).collect(),
    }
}

fn wrong<'de, D: Deserializer<'de>>(words: impl std::fmt::Display) -> D::Error {
    de::Error::custom(words)
}

fn time_zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(from)?;
    match TimeZone::get(&name) {
        Ok(_) => Ok(Some(name)),
        Err(_) => Err(wrong::<D>(format!(
            "{name:?} is not a known time zone: write one such as \"America/Chicago\""
        ))),
    }
}

/// One `host:port`, or a list of them.
fn servers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Servers {
        One(String),
        Several(Vec<String>),
    }
    const WANTED: &str = "write host and port, such as \"127.0.0.1:5347\"; of a cluster a list of \
                          them, the nearest node first";
    let servers = match Servers::deserialize(from) {
        Ok(Servers::One(server)) => vec![server],
        Ok(Servers::Several(servers)) if !servers.is_empty() => servers,
        Ok(Servers::Several(_)) | Err(_) => return Err(wrong::<D>(WANTED)),
    };
    let is_place = |server: &String| {
        let split = server.rsplit_once(':');
        split.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    match servers.iter().find(|server| !is_place(server)) {
        Some(server) => Err(wrong::<D>(format!("{server:?} is no server: {WANTED}"))),
        None => Ok(servers),
    }
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(Some(text.trim_end_matches('/').to_owned()))
    } else {
        Err(wrong::<D>(format!(
            "{text:?} is not a web address: start it with https://"
        )))
    }
}

/// The library's picture, as clients show it.
fn picture(path: &Path) -> Result<xmpp::Picture, String> {
    let bad = |why: String| format!("[xmpp.component] picture = {}: {why}", path.display());
    let mut bytes = Vec::new();
    // One byte more than there may be tells a file that is too large, however large.
    let most = u64::try_from(xmpp::PICTURE_MAX).unwrap_or(u64::MAX) + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| bad(format!("it cannot be read: {error}")))?;
    xmpp::Picture::new(&bytes).map_err(bad)
}

/// What must hold of any file: it is read, or refused in words that say where. For the fuzz target
/// and the test that replays its corpus.
#[doc(hidden)]
pub fn law(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    match Config::parse(text) {
        Ok(config) => {
            assert!(!config.modems().is_empty());
            let _ = (config.library(), config.spool_path());
        }
        Err(words) => assert!(
            words.starts_with("line ") || words.starts_with('['),
            "nobody can find that: {words}"
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const DOCUMENTED: &str = r#"
[library]
name = "Elm Library"
timezone = "America/Chicago"
urgent_contact = "555-0100"

[[modem]]
name = "front-desk"
port = "auto"
pace = "4s"
per_day = 1000

[web]
listen = "127.0.0.1:8080"

[xmpp.component]
domain = "desk.example.org"
server = "127.0.0.1:5347"
picture = "/etc/callnumber/picture.png"

[spool]
path = "/var/lib/callnumber/spool.db"
retention = "30d"
"#;

    #[test]
    fn a_picture_that_clients_do_not_show_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo.svg");
        let gone = picture(&path).unwrap_err();
        std::fs::write(&path, "<svg/>").unwrap();
        let other = picture(&path).unwrap_err();
        for (words, why) in [(gone, "cannot be read"), (other, "neither PNG")] {
            assert!(words.contains("logo.svg") && words.contains(why), "{words}");
        }
        std::fs::write(&path, b"GIF89a").unwrap();
        picture(&path).unwrap();
    }

    #[test]
    fn a_server_is_one_place_or_the_nodes_of_a_cluster() {
        let parse = |server: &str| {
            Config::parse(&format!(
                "[xmpp.component]\ndomain = \"d\"\nserver = {server}\n"
            ))
        };
        for (server, places) in [
            ("\"a:5347\"", &["a:5347"][..]),
            ("[\"a:5347\", \"[::1]:5348\"]", &["a:5347", "[::1]:5348"]),
        ] {
            let config = parse(server).unwrap();
            assert_eq!(config.xmpp.unwrap().component.server, places);
        }
        for wrong in ["\"a\"", "[]", "5347", "\"a:http\"", "[\"a:5347\", \":1\"]"] {
            let words = parse(wrong).unwrap_err();
            assert!(
                words.contains("line 3") && words.contains("host and port"),
                "{words}"
            );
        }
    }

    #[test]
    fn the_documented_file_is_read() {
        let config = Config::parse(DOCUMENTED).unwrap();
        assert_eq!(config.library().name, "Elm Library");
        assert_eq!(config.modems().len(), 1);
        assert_eq!(config.modems[0].pace, Duration::from_secs(4));
        assert_eq!(
            config.spool.retention,
            Some(Duration::from_secs(30 * 86_400))
        );
        assert!(config.xmpp.is_some());
    }

    #[test]
    fn several_modems_are_told_apart_by_their_imei_and_a_hat_by_its_name() {
        let config = Config::parse(
            "[[modem]]\nname = \"a\"\nimei = \"490154203237518\"\n\
             power = { profile = \"waveshare-sim7600\" }\n\
             [[modem]]\nname = \"b\"\nimei = \"490154203237526\"\n\
             [[modem]]\nname = \"c\"\nport = \"/dev/ttyAMA0\"\nbaud = 9600\n",
        )
        .unwrap();
        let line = config.line(&config.modems[0]).unwrap();
        assert_eq!(line.imei.as_deref(), Some("490154203237518"));
        assert_eq!(line.power.unwrap().name, "waveshare-sim7600");
        assert!(config.line(&config.modems[1]).unwrap().power.is_none());
        let named = config.named_ports();
        assert_eq!(named.len(), 1);
        assert_eq!(
            (named[0].path.to_str(), named[0].baud),
            (Some("/dev/ttyAMA0"), 9600)
        );
    }

    #[test]
    fn an_empty_file_is_a_desk_with_one_found_modem() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.modems()[0].port, PortChoice::Auto);
        assert_eq!(config.web.listen.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn each_mistake_names_its_line_key_and_remedy() {
        for (text, parts) in [
            (
                "[library]\nname = \"Elm\"\nnmae = 1\n",
                &["line 3", "nmae", "correct the key or remove it"][..],
            ),
            ("[web]\nlisten = 8080\n", &["line 2", "listen"]),
            ("[web]\nlisten = \"here\"\n", &["line 2", "listen"]),
            (
                "[[modem]]\nport = \"auto\"\n",
                &["line 1", "name", "add it"],
            ),
            (
                "[[modem]]\nname = \"a\"\nport = \"COM3\"\n",
                &["line 3", "port", "/dev/ttyUSB2"],
            ),
            (
                "[[modem]]\nname = \"Front Desk\"\n",
                &["line 2", "name", "a-z"],
            ),
            (
                "[[modem]]\nname = \"a\"\nbaud = 12\n",
                &["line 3", "baud", "115200"],
            ),
            (
                "[[modem]]\nname = \"a\"\npace = \"fast\"\n",
                &["line 3", "pace", "4s"],
            ),
            (
                "[[modem]]\nname = \"a\"\nnational = [\"spanish-locking\"]\n",
                &["line 3", "national", "\"turkish-locking\""],
            ),
            (
                "[library]\ntimezone = \"Elm/Street\"\n",
                &["line 2", "timezone", "America/Chicago"],
            ),
            ("[spool]\nretention = 30\n", &["line 2", "retention"]),
            (
                "[[modem]]\nname = \"a\"\n[[modem]]\nname = \"a\"\n",
                &["two modems", "name"],
            ),
            (
                "[[modem]]\nname = \"a\"\n[[modem]]\nname = \"b\"\n",
                &["auto", "port", "imei"],
            ),
            (
                "[[modem]]\nname = \"a\"\nimei = \"12\"\n",
                &["line 3", "imei", "modem list"],
            ),
            (
                "[[modem]]\nname = \"a\"\npower = { profile = \"waveshare\" }\n",
                &["line 3", "waveshare-sim7600", "sixfab-base"],
            ),
            (
                "[[modem]]\nname = \"a\"\nimei = \"490154203237518\"\n[[modem]]\nname = \"b\"\nimei = \"490154203237518\"\n",
                &["two modems", "imei"],
            ),
            (
                "[[modem]]\nname = \"a\"\ntrace = \"here\"\n",
                &["trace", "begins with /"],
            ),
            (
                "[[modem]]\nname = \"a\"\ntrace_unmasked = true\n",
                &["trace_unmasked", "name the file"],
            ),
            ("[web\n", &["line 1"]),
        ] {
            let error = Config::parse(text).expect_err(text);
            for part in parts {
                assert!(error.contains(part), "{text:?}: {error}");
            }
        }
    }

    #[test]
    fn a_wrong_pin_stays_out_of_the_message() {
        let error = Config::parse("[[modem]]\nname = \"a\"\npin = \"12x45\"\n").unwrap_err();
        assert!(error.contains("line 3"), "{error}");
        assert!(!error.contains("12x45"), "{error}");
    }

    #[test]
    fn a_pin_may_come_from_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("modem-pin");
        std::fs::write(&path, "1234\n").unwrap();
        assert_eq!(pin_from(&path).unwrap(), "1234");
        for wrong in ["", "123", "12345678x", "1234\n5678"] {
            std::fs::write(&path, wrong).unwrap();
            let error = pin_from(&path).unwrap_err();
            assert!(error.contains("four to eight digits"), "{error}");
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(pin_from(&path).unwrap_err().contains("cannot be read"));
    }
}
