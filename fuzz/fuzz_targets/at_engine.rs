//! Whatever a modem says, the dialogue neither panics nor grows without bound.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| callnumber::at::engine::exercise(data, std::time::Instant::now()));
