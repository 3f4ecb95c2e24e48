//! What the spool takes of its disk, and what that has left.

use std::path::Path;

/// Sizes in octets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The spool's file.
    pub spool: u64,
    /// SQLite's log beside it.
    pub log: u64,
    /// What the disk has left for this user; `None` where the system does not say.
    pub disk_free: Option<u64>,
    /// How much the disk holds.
    pub disk_size: Option<u64>,
}

impl Footprint {
    /// Looks at the spool at `path`. Quick: nothing is read but the file system's own account.
    pub fn of(path: &Path) -> Self {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let folder = path.parent().unwrap_or(Path::new("."));
        let disk = rustix::fs::statvfs(folder).ok();
        let octets = |blocks: u64, of: u64| blocks.saturating_mul(of);
        Self {
            spool: size(path),
            log: size(log.as_ref()),
            disk_free: disk
                .as_ref()
                .map(|disk| octets(disk.f_bavail, disk.f_frsize)),
            disk_size: disk.map(|disk| octets(disk.f_blocks, disk.f_frsize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_takes_nothing() {
        assert_eq!(
            Footprint::of(Path::new("/no/such/place")),
            Footprint::default()
        );
    }

    #[test]
    fn files_and_disk_are_measured() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spool.db");
        std::fs::write(&path, [0; 100]).expect("room");
        let found = Footprint::of(&path);
        assert_eq!((found.spool, found.log), (100, 0));
        assert!(
            found
                .disk_free
                .is_some_and(|free| Some(free) <= found.disk_size)
        );
    }
}
