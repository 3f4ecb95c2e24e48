//! The letters that the counter in the page counts by (`assets/segments.js`), made of the tables in
//! the SMS room: a test compares the two counters.

use std::collections::BTreeMap;

use serde_json::json;

use crate::sms;

/// A module of the letters that a text may have and stay cheap, and of what stands for others.
pub(super) fn module() -> String {
    let mut forms: BTreeMap<&str, String> = BTreeMap::new();
    for (character, form) in sms::plain_forms() {
        forms.entry(form).or_default().push(character);
    }
    let (basic, extension) = sms::gsm7_letters();
    format!(
        "// Made of the tables in crates/sms.\n\
         export const BASIC = {};\n\
         export const EXTENSION = {};\n\
         export const FORMS = {};\n",
        json!(basic),
        json!(extension),
        json!(forms)
    )
}
