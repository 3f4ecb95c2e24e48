//! Setting up: what modems refuse, forget or want otherwise.

use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![]
}
