//! A folder of this machine: each file is whole or the old one, never half.

use std::path::Path;

use super::{Files, PublishError};

pub(super) async fn put(folder: &Path, files: &Files) -> Result<(), PublishError> {
    for (path, content) in files {
        let file = folder.join(path);
        let failed = |source| PublishError::Directory {
            path: file.clone(),
            source,
        };
        let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
            continue;
        };
        tokio::fs::create_dir_all(parent).await.map_err(failed)?;
        let mut part = name.to_owned();
        part.push(".part");
        let part = parent.join(part);
        tokio::fs::write(&part, content).await.map_err(failed)?;
        tokio::fs::rename(&part, &file).await.map_err(failed)?;
    }
    Ok(())
}
