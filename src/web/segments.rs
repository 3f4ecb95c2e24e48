//! How many segments a reply takes. `assets/segments.js` counts the same way while it is typed; a
//! test compares the two.

use crate::sms;

/// Longer answers belong in e-mail.
pub(super) const SEGMENTS_MAX: usize = 10;

/// Segments of a text.
pub(super) fn count(text: &str) -> usize {
    sms::plan(text).segments
}
