//! What the doctor says of real servers.

use std::process::Command;

use serde_json::Value;

use super::deaths::Installed;
use super::server::Server;

/// What `callnumber doctor` found about XMPP: verdict, finding, remedy.
fn doctor(installed: &Installed) -> Vec<(String, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_callnumber"))
        .args(["doctor", "--json", "--config"])
        .arg(installed.config())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["check"] == "XMPP")
        .map(|f| (word(f, "verdict"), word(f, "found"), word(f, "remedy")))
        .collect()
}

pub(crate) async fn the_doctor_asks_the_server_what_it_has(server: Server) {
    let installed = Installed::with_texts(&server, 0).await;
    let found = doctor(&installed);
    let says = |found: &[(String, String, String)], verdict: &str, words: &str| {
        let there = found
            .iter()
            .any(|(v, f, _)| v == verdict && f.contains(words));
        assert!(there, "no {verdict} {words:?} in {found:#?}");
    };
    says(
        &found,
        "ok",
        "lets us in as desk.example.org, and what is sent there comes here",
    );
    // These servers are set up without an offline store.
    says(
        &found,
        "warning",
        "example.org answers, but keeps no messages",
    );
    assert_eq!(found.len(), 2, "{found:#?}");

    // Another secret than the server's: what must be set over there, in words.
    let config = std::fs::read_to_string(installed.config()).unwrap();
    let secret = installed.spool().with_file_name("other");
    std::fs::write(&secret, "another\n").unwrap();
    let wrong = config.replace(
        &format!("{:?}", installed.spool().with_file_name("secret")),
        &format!("{secret:?}"),
    );
    assert_ne!(config, wrong);
    std::fs::write(installed.config(), wrong).unwrap();
    let found = doctor(&installed);
    says(&found, "failure", "refused the secret");
    for needed in [
        "component_secret",
        "ejabberd_service",
        "global_routes",
        "mod_roster",
    ] {
        assert!(found[0].2.contains(needed), "{needed}: {found:#?}");
    }
    std::fs::write(installed.config(), config).unwrap();

    // An operator at a host that this server does not know.
    let moved = Command::new(env!("CARGO_BIN_EXE_callnumber"))
        .args(["operator", "set", "ana", "--xmpp", "ana@elsewhere.invalid"])
        .arg("--config")
        .arg(installed.config())
        .output()
        .unwrap();
    assert!(moved.status.success(), "{moved:?}");
    says(
        &doctor(&installed),
        "failure",
        "elsewhere.invalid, where operators are, cannot be reached",
    );
}
