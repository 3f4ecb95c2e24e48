#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    at_dialogue::laws::dialogue(octets, std::time::Instant::now());
});
