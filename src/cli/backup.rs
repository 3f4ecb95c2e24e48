//! `callnumber backup` and `callnumber restore`: copies of the spool, and putting one back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::BoxArguments;
use super::meter::{Meter, megabytes};
use crate::clock::Clock;
use crate::control::{self, CallError, Request};
use crate::spool::backup::{Copied, back_up};
use crate::spool::copies::{dated_name, surplus};
use crate::spool::forgotten_copies::scrub;
use crate::spool::restore::{NumberKeyFrom, RestoreError, Restored, Waiting, put_back};

/// How long a daemon that was told to stop may take to let go of the spool.
const LET_GO: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// `callnumber backup`
#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// Where to: a file, or a folder for a copy named after the time
    #[arg(value_name = "FILE")]
    target: PathBuf,
    /// In a folder: how many copies stay, the newest
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    #[command(flatten)]
    at: BoxArguments,
}

/// `callnumber restore`
#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// Stop the running daemon first; systemd starts it again on the restored spool
    #[arg(long)]
    stop_daemon: bool,
    /// Send what waited in the backup: only when nothing was sent after it was made
    #[arg(long)]
    send_waiting: bool,
    /// The file spool.db.key of the box that made the backup, where that was another one
    #[arg(long, value_name = "FILE")]
    number_key: Option<PathBuf>,
    /// That file is lost: let go of the opt-outs of those who were forgotten
    #[arg(long, conflicts_with = "number_key")]
    without_number_key: bool,
    #[command(flatten)]
    at: BoxArguments,
}

pub(super) async fn back_up_to(arguments: BackupArguments) -> anyhow::Result<()> {
    let spool = arguments.at.load()?.spool_path();
    let folder = arguments.target.is_dir();
    anyhow::ensure!(
        folder || arguments.keep.is_none(),
        "--keep goes with a folder: {} is none",
        arguments.target.display()
    );
    let target = match folder {
        true => arguments.target.join(dated_name(Clock::system().now())),
        false => arguments.target.clone(),
    };
    let from = spool.clone();
    let Copied {
        path,
        octets,
        texts,
        files,
        missing,
        same_disk,
    } = tokio::task::spawn_blocking(move || {
        let mut meter = Meter::new();
        back_up(&from, &target, &mut |progress| meter.show(progress))
    })
    .await??;
    say!(
        "{}: {texts} texts{}, {}, read back and whole",
        path.display(),
        and_files(files),
        megabytes(octets)
    );
    if missing > 0 {
        complain!(
            "callnumber: {missing} files that conversations name are not in the folder attachments \
             beside the spool, or not as they were sent: an earlier backup may hold them"
        );
    }
    if same_disk {
        complain!(
            "callnumber: this copy is on the same disk as the spool and is lost with it: keep one \
             on another"
        );
    }
    if let Some(keep) = arguments.keep {
        let old = surplus(&arguments.target, keep)
            .with_context(|| format!("cannot read {}", arguments.target.display()))?;
        for old in old {
            std::fs::remove_file(&old)
                .with_context(|| format!("cannot remove the old backup {}", old.display()))?;
            say!("{}: removed, {keep} newer ones are kept", old.display());
        }
    }
    if folder {
        let target = arguments.target;
        let scrubbed = tokio::task::spawn_blocking(move || scrub(&spool, &target)).await?;
        match scrubbed {
            Ok(0) => {}
            Ok(count) => say!("{count} older copies forgot what was erased since they were made"),
            Err(error) => complain!(
                "callnumber: older copies still hold what was erased since: {error}; make another copy \
                 to try again"
            ),
        }
    }
    Ok(())
}

/// `, 3 files`, if there are some.
fn and_files(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => ", 1 file".to_owned(),
        count => format!(", {count} files"),
    }
}

pub(super) async fn restore(arguments: RestoreArguments) -> anyhow::Result<()> {
    let spool = arguments.at.load()?.spool_path();
    let waiting = match arguments.send_waiting {
        true => Waiting::Send,
        false => Waiting::Doubt,
    };
    let key = match (arguments.number_key, arguments.without_number_key) {
        (Some(file), _) => NumberKeyFrom::File(file),
        (None, true) => NumberKeyFrom::Nowhere,
        (None, false) => NumberKeyFrom::Here,
    };
    if arguments.stop_daemon {
        match control::call::<()>(&spool, &[], &Request::Stop).await {
            Ok(()) => say!("The desk is closing."),
            Err(CallError::NotRunning) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let until = Instant::now() + LET_GO;
    let restored = loop {
        let (backup, place, key) = (arguments.backup.clone(), spool.clone(), key.clone());
        let tried = tokio::task::spawn_blocking(move || {
            let mut meter = Meter::new();
            put_back(&backup, &place, waiting, &key, &mut |progress| {
                meter.show(progress);
            })
        })
        .await?;
        match tried {
            Err(RestoreError::InUse { .. }) if arguments.stop_daemon && Instant::now() < until => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            tried => break tried?,
        }
    };
    let Restored {
        texts,
        files,
        missing,
        doubted,
        opted_out,
        previous,
    } = restored;
    say!(
        "{} is in place: {texts} texts{}",
        spool.display(),
        and_files(files)
    );
    say!(
        "Sessions, tokens and sign-in links ended: sign in by password, and make new tokens for programs"
    );
    if missing > 0 {
        say!(
            "{missing} files that it names did not come with the backup and are not here: their \
             links say so"
        );
    }
    if doubted > 0 {
        say!(
            "{doubted} of them waited to be sent and may have been since: they are marked unknown, \
             for an operator to send again or not"
        );
    }
    if opted_out > 0 {
        say!("{opted_out} patrons opted out after the backup was made, and stay so");
    }
    if let Some(previous) = previous {
        say!(
            "What was there before is kept as {}, with its files beside it: remove both once all is \
             well",
            previous.display()
        );
    }
    Ok(())
}
