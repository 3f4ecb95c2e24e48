//! The SIM: PINs, a card that drops off, a card without a service centre.

use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![]
}
