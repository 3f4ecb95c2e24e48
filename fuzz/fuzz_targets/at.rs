#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    callnumber_fuzz::at::laws::dialogue(octets, std::time::Instant::now());
});
