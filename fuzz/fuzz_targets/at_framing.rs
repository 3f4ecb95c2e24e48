//! Any octets become lines that are bounded, trimmed and not empty.
#![no_main]

use callnumber::at::framing::{Frame, Framer, LINE_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((prompt_expected, data)) = data.split_first() else {
        return;
    };
    let mut framer = Framer::default();
    for octet in data {
        match framer.octet(*octet, prompt_expected & 1 == 1) {
            Some(Frame::Line(line)) => {
                assert!(!line.is_empty() && line.trim() == line);
                assert!(line.chars().count() <= LINE_MAX);
                assert!(!line.contains(['\r', '\n']));
            }
            Some(Frame::Prompt) => assert_eq!(prompt_expected & 1, 1),
            None => {}
        }
    }
});
