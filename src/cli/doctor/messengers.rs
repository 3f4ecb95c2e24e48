//! The XMPP server as the doctor sees it: the link, and what must be configured over there.

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::Finding;
use super::readable;
use crate::spool::messengers;
use crate::xmpp::{self, Settings};

const CHECK: &str = "XMPP";

/// A feature of hosts that keep what comes for whoever is away (XEP-0160 §5).
const OFFLINE_STORE: &str = "msgoffline";

/// What whoever keeps the server must have set.
fn needs(domain: &str) -> String {
    format!(
        "The server needs a component of this name and secret. Prosody: `Component \"{domain}\"` \
         with `component_secret` and `component_conflict_resolve = \"kick_old\"`, and \
         `component_ports`. ejabberd: a listener `ejabberd_service` with `global_routes: false` \
         and the password under `hosts: {domain}`. Operators' hosts need rosters and presence \
         (Prosody `roster`, ejabberd `mod_roster`); patrons' hosts an offline store (`offline`, \
         `mod_offline`)"
    )
}

/// Of a link that does not stand.
pub(super) fn no_link(domain: &str, why: impl Into<String>) -> Finding {
    Finding::failure(CHECK, why, needs(domain))
}

/// Tries the link, and asks the server what it has.
pub(super) async fn try_out(settings: &Settings, spool: &Path) -> Vec<Finding> {
    let hosts = hosts(spool);
    let mut findings = Vec::new();
    let mut offered = None;
    // Each node of a cluster must let us in: it may be the one that is left.
    for server in &settings.servers {
        match xmpp::probe(settings, server, &hosts).await {
            Ok(seen) => {
                findings.push(of_link(server, &settings.domain, seen.came_back));
                offered.get_or_insert(seen.hosts);
            }
            Err(error) => findings.push(no_link(&settings.domain, error.to_string())),
        }
    }
    let Some(offered) = offered else {
        return findings;
    };
    if hosts.is_empty() {
        findings.push(Finding::warning(
            CHECK,
            "no operator has an address",
            "Give them theirs: `callnumber operator set NAME --xmpp JID`",
        ));
    }
    for (host, offers) in offered {
        findings.push(match offers {
            Ok(offers) if offers.contains(OFFLINE_STORE) => Finding::ok(
                CHECK,
                format!("{host} answers, and keeps messages for whoever is away"),
            ),
            Ok(_) => Finding::warning(
                CHECK,
                format!("{host} answers, but keeps no messages for whoever is away"),
                "Librarians lose nothing by it. If patrons write from there, let it: Prosody \
                 `offline`, ejabberd `mod_offline`; else replies to those who left come back as \
                 failed",
            ),
            Err(why) => Finding::failure(
                CHECK,
                format!("{host}, where operators are, cannot be reached: {why}"),
                "It must be a host of this server, or another server must reach it (s2s): see both \
                 logs. Is the address right? `callnumber operator list`",
            ),
        });
    }
    findings
}

/// Of a link that stands.
fn of_link(server: &str, domain: &str, came_back: bool) -> Finding {
    match came_back {
        true => Finding::ok(
            CHECK,
            format!("{server} lets us in as {domain}, and what is sent there comes here"),
        ),
        false => Finding::failure(
            CHECK,
            format!("{server} lets us in, but what is sent to {domain} does not come here"),
            "Another component or host has that name: see the server's log; ejabberd needs \
             `global_routes: false`",
        ),
    }
}

/// Where operators are.
fn hosts(spool: &Path) -> BTreeSet<String> {
    readable(spool)
        .and_then(|connection| messengers::addresses(&connection).ok())
        .unwrap_or_default()
        .into_keys()
        .filter_map(|jid| jid.split_once('@').map(|(_, host)| host.to_owned()))
        .collect()
}
