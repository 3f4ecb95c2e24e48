//! What the program is made of: licences, sources and crates as deny.toml allows them, and no
//! library of the system but the C library.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The C library, and what comes with it and with its compiler.
const SYSTEM: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libpthread.so.0",
    "libdl.so.2",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lists of deny.toml.
fn list(table: &str, key: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let deny: toml::Table = text.parse().unwrap();
    let items = deny[table][key].as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// Every package of the tree that is built for Linux.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["packages"].as_array().unwrap().clone()
}

/// Whether a licence expression can be met with what is allowed: `OR` of `AND`s, as the crates here
/// write them.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    // `(A OR B) AND C` reads as `A`, or `B AND C`, once its brackets are gone: so each word of an
    // AND must be allowed, in any of the alternatives.
    let one = |licence: &str| {
        let name = licence.split(" WITH ").next().unwrap_or_default().trim();
        allowed.contains(name)
    };
    match expression.contains('(') {
        true => plain.split(" AND ").all(|part| part.split(" OR ").any(one)),
        false => plain.split(" OR ").any(|part| part.split(" AND ").all(one)),
    }
}

#[test]
fn licence_expressions_are_read() {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "Unicode-3.0"]
        .map(str::to_owned)
        .into();
    for (expression, fits) in [
        ("MIT", true),
        ("MIT OR GPL-3.0-only", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND OFL-1.1", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
    ] {
        assert_eq!(is_allowed(expression, &allowed), fits, "{expression}");
    }
}

#[test]
fn licences_sources_and_crates_are_as_deny_toml_has_them() {
    let allowed = list("licenses", "allow");
    let banned = list("bans", "deny");
    let packages = packages();
    assert!(packages.len() > 100);
    let mut wrong = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        // Our own: the desk, and what stands under crates/ beside it.
        if package["source"].is_null() && manifest.starts_with(env!("CARGO_MANIFEST_DIR")) {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_allowed(licence, &allowed) {
            wrong.push(format!("{name}: licence {licence}"));
        }
        let source = package["source"].as_str().unwrap_or("none");
        if !source.starts_with("registry+") || !source.ends_with("/crates.io-index") {
            wrong.push(format!("{name}: source {source}"));
        }
        if banned.contains(name) {
            wrong.push(format!("{name}: banned"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_binary_needs_the_c_library_alone() {
    let output = Command::new("readelf")
        .args(["--dynamic", "--wide", env!("CARGO_BIN_EXE_callnumber")])
        .output()
        .unwrap_or_else(|error| panic!("readelf: {error}: tests/run installs it, in binutils"));
    let told = String::from_utf8_lossy(&output.stdout);
    let needed: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split_once('[')?.1.strip_suffix(']'))
        .collect();
    assert!(needed.contains(&"libc.so.6"), "{told}");
    let others: Vec<_> = needed
        .iter()
        .filter(|name| !SYSTEM.contains(name) && !name.starts_with("ld-linux"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn all_of_a_package_is_optimised_whatever_a_quick_build_leaves_out() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let profile = |name: &str| manifest["profile"][name].clone();
    let (quick, dist) = (profile("release"), profile("dist"));
    for (name, _) in quick["package"].as_table().unwrap() {
        let here = dist["package"].get(name).map(|one| &one["opt-level"]);
        assert_eq!(
            here,
            Some(&dist["opt-level"]),
            "{name} in profile.dist.package"
        );
    }
}
