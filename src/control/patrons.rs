//! What commands ask of one patron: what is held of them, and its erasure.

use super::{Rooms, words};
use crate::desk::views::HeldOfPatron;
use crate::routing::{Actor, Event, Whose};
use crate::spool::audit;

impl Rooms {
    async fn held(&self, patron: String) -> Result<(Whose, HeldOfPatron), String> {
        let found = HeldOfPatron::find(&self.spool, self.board(), patron).await;
        found.map_err(words)?.map_err(words)
    }

    /// Everything that is held of a patron. That it was read is written down before it is given.
    pub(super) async fn export_patron(&self, patron: String) -> Result<HeldOfPatron, String> {
        let (_, held) = self.held(patron).await?;
        let (names, now) = (held.names(), self.spool.now());
        let noted = self.spool.write(move |connection| {
            let (action, subject) = ("exported_patron", names.as_deref());
            audit::write(connection, None, action, subject, None, None, now)
        });
        noted.await.map_err(words)?;
        Ok(held)
    }

    /// Erases everything that is held of a patron; answers what that was.
    pub(super) async fn erase_patron(&self, patron: String) -> Result<HeldOfPatron, String> {
        let (whose, held) = self.held(patron).await?;
        let by = Actor::Box;
        self.desk
            .ask(Event::Erase { by, whose })
            .await
            .map_err(words)?;
        Ok(held)
    }
}
