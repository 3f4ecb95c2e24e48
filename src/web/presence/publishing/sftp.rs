//! A folder of another machine, through the system's own `sftp`: it knows keys, agents and jump
//! hosts better than we would.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Files, PublishError, Sftp, directory, folders};

/// Letters of what `sftp` complains of that are passed on.
const COMPLAINT_MAX: usize = 300;

pub(super) async fn put(place: &Sftp, files: &Files) -> Result<(), PublishError> {
    let staging = Staging::new()?;
    directory::put(&staging.0, files).await?;
    let batch = batch(place, &staging.0, files);

    let mut command = Command::new("sftp");
    command
        .args(["-q", "-b", "-"])
        .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20"])
        // A host nobody vouched for gets nothing: `known_hosts` names those that are known.
        .args(["-o", "StrictHostKeyChecking=yes"]);
    if let Some(identity) = &place.identity {
        command.arg("-i").arg(identity);
        command.args(["-o", "IdentitiesOnly=yes"]);
    }
    if let Some(known) = &place.known_hosts {
        command
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", known.display()));
    }
    if let Some(port) = place.port {
        command.arg("-P").arg(port.to_string());
    }
    let mut child = command
        .arg("--")
        .arg(&place.destination)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(PublishError::NoSftp)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A server that hangs up first is told by its words, not by the broken pipe.
        let _ = stdin.write_all(batch.as_bytes()).await;
    }
    let output = child
        .wait_with_output()
        .await
        .map_err(PublishError::NoSftp)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("nothing");
    Err(PublishError::Sftp(
        last.trim().chars().take(COMPLAINT_MAX).collect(),
    ))
}

/// What `sftp` is to do. A folder that exists is no error; a file is put beside the old one and
/// then takes its place, which OpenSSH's servers do in one step.
fn batch(place: &Sftp, staging: &Path, files: &Files) -> String {
    let base = place.folder.trim_end_matches('/');
    let mut batch = String::new();
    for folder in folders(files) {
        batch.push_str(&format!("-mkdir {}\n", quoted(&format!("{base}/{folder}"))));
    }
    for path in files.keys() {
        let local = staging.join(path).display().to_string();
        let remote = format!("{base}/{path}");
        let part = format!("{remote}.part");
        batch.push_str(&format!("put {} {}\n", quoted(&local), quoted(&part)));
        batch.push_str(&format!("rename {} {}\n", quoted(&part), quoted(&remote)));
    }
    batch
}

/// Quoted for a batch file: `sftp` reads a backslash and a double quote inside quotes by
/// themselves, and a line's end ends the command, so there is none in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

/// A folder of our own that goes with its owner.
struct Staging(std::path::PathBuf);

impl Staging {
    fn new() -> Result<Self, PublishError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PublishError::Directory { path, source }
        };
        let temporary = std::env::temp_dir();
        let lot = getrandom::u64()
            .map_err(|error| failed(&temporary)(std::io::Error::other(error.to_string())))?;
        let path = temporary.join(format!("callnumber-presence-{lot:016x}"));
        std::fs::create_dir(&path).map_err(failed(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays behind is a few hundred octets of presence in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    #[test]
    fn the_batch_puts_a_file_beside_the_old_one_first() {
        let place = Sftp {
            destination: "web@elm.example".into(),
            port: None,
            folder: "/srv/my \"site\"/".into(),
            identity: None,
            known_hosts: None,
        };
        let files = Files::from([("presence/x".to_owned(), Bytes::new())]);
        assert_eq!(
            batch(&place, Path::new("/tmp/s"), &files),
            "-mkdir \"/srv/my \\\"site\\\"/presence\"\n\
             put \"/tmp/s/presence/x\" \"/srv/my \\\"site\\\"/presence/x.part\"\n\
             rename \"/srv/my \\\"site\\\"/presence/x.part\" \"/srv/my \\\"site\\\"/presence/x\"\n"
        );
    }
}
