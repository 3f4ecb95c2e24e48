#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| callnumber::trace::laws::transcript(octets));
