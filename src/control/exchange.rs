//! The desk written out, and made like another one.

use std::sync::Arc;

use super::{Rooms, words};
use crate::desk::Import;
use crate::routing::book::Manuscript;
use crate::spool::book;

impl Rooms {
    /// The desk as it is, as TOML.
    pub(super) async fn export(&self, passwords: bool) -> Result<String, String> {
        let now = self.spool.now();
        let book = match passwords {
            true => {
                self.spool
                    .write(move |c| book::hand_out(c, None, now))
                    .await
            }
            false => self.spool.read(|c| book::read(c, false)).await,
        };
        Ok(book.map_err(words)?.to_toml())
    }

    /// What makes this desk like the book; done, unless it is only to be shown.
    pub(super) async fn import(&self, book: String, dry_run: bool) -> Result<Vec<String>, String> {
        let import = Import {
            by: None,
            manuscript: Arc::new(Manuscript::read(book).map_err(words)?),
            dry_run,
        };
        self.desk.import(import).await.map_err(words)
    }
}
