#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| callnumber_fuzz::sms::laws::pdu(octets));
