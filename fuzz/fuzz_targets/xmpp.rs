#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| callnumber::xmpp::law(octets));
