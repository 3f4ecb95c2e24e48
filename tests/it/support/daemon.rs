//! `callnumber run` as a process, as it is installed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Killed when dropped, by SIGKILL: it has no time for anything.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start(config: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_callnumber"))
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Its folder in proc(5), without the slash at the end.
    pub(crate) fn proc(&self) -> String {
        format!("/proc/{}", self.0.id())
    }

    /// A line of its `status`, in KiB.
    pub(crate) fn kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("{}/status", self.proc())).unwrap();
        let kib = number_in(&status, name);
        assert!(kib > 0, "no {name} in {status}");
        kib
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The number that a line of a `status` of proc(5) has under this name; 0 where there is none.
pub(crate) fn number_in(status: &str, name: &str) -> u64 {
    let mut lines = status.lines();
    lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
