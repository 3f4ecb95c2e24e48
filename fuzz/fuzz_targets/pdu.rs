#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sms_codec::laws::pdu(octets));
