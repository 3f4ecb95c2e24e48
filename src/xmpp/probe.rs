//! What the doctor asks of a server: whether stanzas to our own domain come back, and what the
//! hosts of operators offer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::disco::DiscoInfoQuery;

use super::link::{Dial, LinkError, next, open};
use super::settings::Settings;
use super::stanzas;
use super::stream::{self, Read};

/// For all answers together.
const PATIENCE: Duration = Duration::from_secs(10);
/// Hosts that are asked.
const HOSTS_MAX: usize = 8;
/// The id of the ping to ourselves; hosts are asked under their number.
const SELF: &str = "survey";

/// What a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// A ping to our own domain came back: the server routes the domain here.
    pub came_back: bool,
    /// Each host asked, with what it offers (XEP-0030), or why it said nothing of it.
    pub hosts: BTreeMap<String, Result<BTreeSet<String>, String>>,
}

/// Links with one node of the server, asks, and hangs up. Not while the desk runs: its link would be
/// taken from it.
///
/// # Errors
/// Why there is no link, in words.
pub async fn probe(
    settings: &Settings,
    server: &str,
    hosts: &BTreeSet<String>,
) -> Result<Probe, LinkError> {
    let domain = settings.domain.to_lowercase();
    let dial = Dial {
        domain: domain.clone(),
        servers: vec![server.to_owned()],
        secret: settings.secret.clone(),
    };
    let (mut reader, mut writer, mut reading) = open(&dial, server).await?;
    let hosts: Vec<&String> = hosts.iter().take(HOSTS_MAX).collect();
    let mut asked = vec![stanzas::ping(&domain, &domain, SELF)];
    for (number, host) in hosts.iter().enumerate() {
        let query = DiscoInfoQuery { node: None };
        asked.push(stanzas::get(
            &domain,
            host,
            &format!("{SELF}-{number}"),
            query,
        ));
    }
    let bytes: Vec<u8> = asked.iter().filter_map(stream::wire).flatten().collect();
    let broken = |reason: String| LinkError::Ended { reason };
    writer
        .write_all(&bytes)
        .await
        .map_err(|error| broken(error.to_string()))?;
    let mut probe = Probe {
        came_back: false,
        hosts: hosts
            .iter()
            .map(|host| ((*host).clone(), Err("it did not answer".to_owned())))
            .collect(),
    };
    let answers = async {
        let mut missing = asked.len();
        while missing > 0 {
            let stanza = match next(&mut reader, &mut reading).await {
                Ok(Read::Stanza(stanza)) => stanza,
                Ok(Read::Header(_) | Read::TooMuch(_)) => continue,
                Ok(Read::Footer) => return Err(broken("it is shutting down".into())),
                Err(reason) => return Err(broken(reason)),
            };
            let Some(id) = stanza.attr("id").and_then(|id| id.strip_prefix(SELF)) else {
                continue;
            };
            match id
                .strip_prefix('-')
                .and_then(|number| number.parse::<usize>().ok())
            {
                None => probe.came_back = true,
                Some(number) => {
                    if let Some(host) = hosts.get(number) {
                        probe.hosts.insert((*host).clone(), offers(&stanza));
                    }
                }
            }
            missing -= 1;
        }
        Ok(())
    };
    // What has not come by then does not come.
    timeout(PATIENCE, answers).await.unwrap_or(Ok(()))?;
    Ok(probe)
}

/// What a host says it offers (XEP-0030 §3.1).
fn offers(answer: &Element) -> Result<BTreeSet<String>, String> {
    match (answer.attr("type"), stanzas::features(answer)) {
        (Some("result"), Some(features)) => Ok(features),
        _ => Err(stanzas::fault_words(answer)),
    }
}
