//! Manual pages and shell completions, written for the packages out of the commands themselves.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// Where they go.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder; made when it is missing
    folder: PathBuf,
}

/// `callnumber man`: a page for the program and each of its commands.
pub(super) fn pages(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = made(&arguments.folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write manual pages to {}", folder.display()))
}

/// `callnumber completions`: for bash, zsh and fish.
pub(super) fn completions(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = made(&arguments.folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "callnumber", folder)
            .with_context(|| format!("cannot write completions to {}", folder.display()))?;
    }
    Ok(())
}

fn made(folder: &Path) -> anyhow::Result<&Path> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_commands_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_its_page_and_hidden_ones_none() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments {
            folder: folder.path().join("man"),
        };
        pages(&arguments).unwrap();
        completions(&arguments).unwrap();
        let written = |name: &str| {
            let text = std::fs::read_to_string(arguments.folder.join(name));
            text.unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        for (file, words) in [
            ("callnumber.1", "callnumber\\-doctor(1)"),
            ("callnumber-backup.1", "\\-\\-keep"),
            ("callnumber-operator-add.1", "\\-\\-queue"),
            ("callnumber-conversation-begin.1", "\\-\\-operator"),
            ("callnumber.bash", "doctor"),
            ("_callnumber", "doctor"),
            ("callnumber.fish", "doctor"),
        ] {
            assert!(written(file).contains(words), "{file}: {words}");
        }
        assert!(!arguments.folder.join("callnumber-man.1").exists());
        assert!(!written("callnumber.1").contains("completions"));
    }
}
