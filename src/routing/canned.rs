//! Canned replies: words that are answered often, found by a short key.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::QueueId;
use super::plan::Name;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canned {
    /// Its row.
    pub id: i64,
    /// For this queue alone; `None`: for every queue.
    pub queue: Option<QueueId>,
    /// What it is found by.
    pub key: String,
    /// The words.
    pub text: String,
}

/// A change to them. The same key may stand once for every queue and once for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum CannedChange {
    /// A new one.
    Add {
        /// Its key.
        #[schema(min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
        key: String,
        /// The queue's name; for every queue when left out.
        #[schema(value_type = Option<Name>)]
        queue: Option<String>,
        /// The words.
        #[schema(min_length = 1, max_length = 1530)]
        text: String,
    },
    /// Other words for the same key.
    Set {
        /// Its key.
        #[schema(min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
        key: String,
        /// The queue's name; the desk-wide one when left out.
        #[schema(value_type = Option<Name>)]
        queue: Option<String>,
        /// The words.
        #[schema(min_length = 1, max_length = 1530)]
        text: String,
    },
    /// Takes one away.
    Remove {
        /// Its key.
        #[schema(min_length = 1, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
        key: String,
        /// The queue's name; the desk-wide one when left out.
        #[schema(value_type = Option<Name>)]
        queue: Option<String>,
    },
}

impl CannedChange {
    /// The key of the one that changes.
    pub fn key(&self) -> &str {
        let (CannedChange::Add { key, .. }
        | CannedChange::Set { key, .. }
        | CannedChange::Remove { key, .. }) = self;
        key
    }

    /// The queue's name, where it is for one alone.
    pub fn queue(&self) -> Option<&str> {
        let (CannedChange::Add { queue, .. }
        | CannedChange::Set { queue, .. }
        | CannedChange::Remove { queue, .. }) = self;
        queue.as_deref()
    }
}
