//! `callnumber reload`: what of a changed configuration is put in force without a restart, and what
//! is not, said key by key.

use clap::Args;
use serde_json::Value;

use super::BoxArguments;
use super::config::Config;
use crate::control::{self, CallError, Request};
use crate::daemon::House;

/// What came of a reload: keys by their names in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reloaded {
    /// In force now.
    pub(super) changed: Vec<&'static str>,
    /// Changed in the file, and in force after a restart only.
    pub(super) restart: Vec<&'static str>,
}

/// What of `new` is in force after a reload, and what is not.
fn compare(old: &Config, new: &Config) -> Reloaded {
    let mut reloaded = Reloaded::default();
    for (key, live, differs) in [
        ("[library]", true, old.library != new.library),
        ("[[modem]]", true, old.modems != new.modems),
        ("[web]", false, old.web != new.web),
        ("[xmpp]", false, old.xmpp != new.xmpp),
        ("[panel]", false, old.panel != new.panel),
        ("[alerts]", true, old.alerts != new.alerts),
        (
            "[spool] retention",
            true,
            old.spool.retention != new.spool.retention,
        ),
        ("[spool] path", false, old.spool.path != new.spool.path),
        (
            "[spool] backups",
            false,
            old.spool.backups != new.spool.backups,
        ),
    ] {
        if differs {
            match live {
                true => reloaded.changed.push(key),
                false => reloaded.restart.push(key),
            }
        }
    }
    reloaded
}

/// Puts in force what can be; `current` is then what is in force. What cannot be read any further, a
/// credential or a port, is found before anything is changed.
///
/// # Errors
/// What is in the way, in a sentence.
pub(super) async fn apply(
    current: &mut Config,
    new: Config,
    house: &mut House,
) -> Result<Reloaded, String> {
    let reloaded = compare(current, &new);
    let changed = |key: &str| reloaded.changed.contains(&key);
    let (lines, alerts) = (new.lines()?, new.alerts()?);
    let mail = new.alerts.server()?;
    let (library, retention) = (new.library(), new.spool.retention);
    if changed("[[modem]]") {
        let set = house.set_lines(lines).await;
        set.map_err(|error| error.to_string())?;
        current.modems = new.modems;
    }
    if changed("[alerts]") {
        let set = house.set_alerts(alerts, mail).await;
        set.map_err(|error| error.to_string())?;
        current.alerts = new.alerts;
    }
    if changed("[library]") {
        let named = house.desk().name_library(library).await;
        named.map_err(|error| error.to_string())?;
        current.library = new.library;
    }
    if changed("[spool] retention") {
        house.set_retention(retention);
        current.spool.retention = new.spool.retention;
    }
    Ok(reloaded)
}

/// `callnumber reload`
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Found here the fault names the file as it was typed, and the daemon is not troubled.
    let spool = arguments.at.load()?.spool_path();
    let answer = match control::call::<Value>(&spool, &[], &Request::Reload).await {
        Err(CallError::NotRunning) => anyhow::bail!(
            "no desk runs on {}: it reads its configuration when it starts",
            spool.display()
        ),
        answer => answer?,
    };
    let list = |key: &str| {
        let words: Vec<&str> = answer[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        words.join(", ")
    };
    match list("changed") {
        changed if changed.is_empty() => say!("Nothing that can change while the desk runs."),
        changed => say!("In force now: {changed}"),
    }
    let restart = list("needs_restart");
    if !restart.is_empty() {
        say!("After a restart only (`systemctl restart callnumber`): {restart}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keys_that_can_change_and_keys_that_cannot() {
        let parse = |text: &str| Config::parse(text).unwrap();
        let old = parse("[library]\nname = \"Elm\"\n[web]\nlisten = \"127.0.0.1:8080\"\n");
        for (text, changed, restart) in [
            (
                "[library]\nname = \"Elm\"\n[web]\nlisten = \"127.0.0.1:8080\"\n",
                &[][..],
                &[][..],
            ),
            ("[library]\nname = \"Oak\"\n", &["[library]"], &[]),
            (
                "[library]\nname = \"Oak\"\n[[modem]]\nname = \"m\"\n[spool]\npath = \"/x\"\n",
                &["[library]", "[[modem]]"],
                &["[spool] path"],
            ),
            (
                "[library]\nname = \"Elm\"\n[alerts]\ndisk_free_mb = 5\n[spool]\nretention = \"9d\"\n",
                &["[alerts]", "[spool] retention"],
                &[],
            ),
            (
                "[library]\nname = \"Elm\"\n[web]\nlisten = \"127.0.0.1:9090\"\n",
                &[],
                &["[web]"],
            ),
        ] {
            let reloaded = compare(&old, &parse(text));
            assert_eq!(reloaded.changed, changed, "{text}");
            assert_eq!(reloaded.restart, restart, "{text}");
        }
    }
}
