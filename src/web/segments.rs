//! How many segments a reply takes. `assets/segments.js` counts the same way while it is typed; a
//! test compares the two.

use crate::sms;

/// Segments of a text.
pub(super) fn count(text: &str) -> usize {
    sms::plan(text).segments
}
