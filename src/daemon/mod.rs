//! The router's one owner: wishes in, the router's decision, one commit, and only then the bells.
//!
//! Wishes that wait together are decided one after another and share a commit. When the commit
//! fails, nothing is acknowledged and nothing performed: the router, which already believes what
//! was not kept, is thrown away and built again from the spool.

mod amendments;
mod batch;
pub mod calling;
mod house;
mod keeping;
mod lines;
mod news;
mod owner;
mod panel;
mod restored;
mod shift;
mod start_error;
#[cfg(test)]
mod tests;
mod watches;

pub use house::{House, HouseSettings, WebSetup};
pub use owner::Owner;
pub use panel::PanelDuty;
pub use start_error::StartError;
pub use watches::watch_line;
