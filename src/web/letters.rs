//! The letters that the counter in the page counts by (`assets/segments.js`), made of the tables in
//! the SMS room: a test compares the two counters.

use std::collections::BTreeMap;

use serde_json::json;

use crate::sms::{self, Alphabet, NationalLanguage, NationalTables};

/// A module of the letters that a text may have and stay cheap, and of what stands for others.
pub(super) fn module() -> String {
    let mut forms: BTreeMap<&str, String> = BTreeMap::new();
    for (character, form) in sms::plain_forms() {
        forms.entry(form).or_default().push(character);
    }
    let (basic, extension) = Alphabet::DEFAULT.letters();
    let mut single = BTreeMap::new();
    let mut locking = BTreeMap::new();
    for language in NationalLanguage::ALL {
        let alphabet = Alphabet {
            locking: Some(language),
            single: Some(language),
        };
        let (main, shifted) = alphabet.letters();
        let mut its_own = NationalTables::NONE;
        if its_own.add(&format!("{language}-locking")).is_ok() {
            locking.insert(language.to_string(), main);
        }
        single.insert(language.to_string(), shifted);
    }
    format!(
        "// Made of the tables in crates/sms.\n\
         export const BASIC = {};\n\
         export const EXTENSION = {};\n\
         export const SINGLE = {};\n\
         export const LOCKING = {};\n\
         export const FORMS = {};\n",
        json!(basic),
        json!(extension),
        json!(single),
        json!(locking),
        json!(forms)
    )
}
