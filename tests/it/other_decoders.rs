//! Ten thousand PDUs from a seed, read by this program, by Wireshark's dissector and by a decoder
//! from PyPI: `tests/other_decoders/compare.py` makes them, and explains each kind of difference by
//! the clause that decides. It is no Rust, so that nothing of this program's reading is in it.
//!
//! `CALLNUMBER_SEED` takes another seed, `CALLNUMBER_PDUS` another number.

use std::path::Path;
use std::process::Command;

fn compare(with: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other_decoders/compare.py");
    let output = Command::new("python3")
        .arg(script)
        .args([with, env!("CARGO_BIN_EXE_callnumber")])
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("python3 runs: install it, or let tests/run do so");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{trouble}");
}

#[test]
fn wireshark_reads_what_we_read() {
    compare("tshark");
}

#[test]
fn smspdudecoder_reads_what_we_read() {
    compare("smspdudecoder");
}
