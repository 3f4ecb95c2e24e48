#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| callnumber::modem::laws::line(octets));
