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

/// Compares by what the tables print as: every key takes part, whatever is added to them.
fn differ<T: std::fmt::Debug>(one: &T, other: &T) -> bool {
    format!("{one:?}") != format!("{other:?}")
}

/// What of `new` is in force after a reload, and what is not.
fn compare(old: &Config, new: &Config) -> Reloaded {
    let mut reloaded = Reloaded::default();
    for (key, live, differs) in [
        ("[library]", true, differ(&old.library, &new.library)),
        ("[[modem]]", false, differ(&old.modems, &new.modems)),
        ("[web]", false, differ(&old.web, &new.web)),
        ("[xmpp]", false, differ(&old.xmpp, &new.xmpp)),
        ("[panel]", false, differ(&old.panel, &new.panel)),
        ("[spool]", false, differ(&old.spool, &new.spool)),
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

/// Puts in force what can be; `current` is then what is in force.
pub(super) async fn apply(
    current: &mut Config,
    new: Config,
    house: &House,
) -> Result<Reloaded, String> {
    let reloaded = compare(current, &new);
    if reloaded.changed.contains(&"[library]") {
        house
            .desk()
            .name_library(new.library())
            .await
            .map_err(|error| error.to_string())?;
        current.library = new.library;
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
    let answer = match control::call(&spool, &Request::Reload).await {
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
        changed if changed.is_empty() => println!("Nothing that can change while the desk runs."),
        changed => println!("In force now: {changed}"),
    }
    let restart = list("needs_restart");
    if !restart.is_empty() {
        println!("After a restart only (`systemctl restart callnumber`): {restart}");
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
                &["[library]"],
                &["[[modem]]", "[spool]"],
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
