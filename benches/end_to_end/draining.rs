//! A full SIM: how fast it is emptied, beside how fast the port alone lets it be.

use std::time::Duration;

use callnumber::daemon::House;
use callnumber::simulator::Settings;

use crate::bare_port::BarePort;
use crate::figures::{Table, Times, ms, percent};
use crate::library::{Modem, folder, prepare, runtime, settings};

const TEXTS: usize = 200;

pub(crate) fn measure(table: &mut Table) {
    let at_once = Settings::default();
    let slow = Settings {
        command_latency: Duration::from_millis(5),
        ..Settings::default()
    };
    let serial = Settings {
        baud: Some(115_200),
        ..Settings::default()
    };
    for (name, modem, rounds) in [
        ("modem answers at once", at_once, 15),
        ("5 ms a command", slow, 5),
        ("115 200 baud", serial, 5),
    ] {
        let (mut bare, mut ours, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (alone, with_us) = (drained_bare(&modem), drained_by_us(&modem));
            bare.push(alone);
            ours.push(with_us);
            shares.push(percent(alone, with_us));
        }
        shares.sort_by(f64::total_cmp);
        let (bare, ours) = (Times::new(bare), Times::new(ours));
        table.row(
            &format!("{TEXTS} waiting texts, {name}: bare port"),
            bare.spread(),
            "",
        );
        table.row(
            &format!("{TEXTS} waiting texts, {name}: callnumber"),
            ours.spread(),
            if name == "modem answers at once" {
                "≤ 500 ms"
            } else {
                ""
            },
        );
        table.row(
            &format!("{TEXTS} waiting texts, {name}: share of the port's speed"),
            format!(
                "{:.0} % ({:.0} to {:.0} %)",
                shares[rounds / 2],
                shares[0],
                shares[rounds - 1]
            ),
            "≥ 90 %",
        );
    }
}

/// From the listing to the last deletion, as the modem heard them. The bare port deletes one by one;
/// we name the memory on each line, and delete a few on it.
fn span(modem: &Modem) -> Duration {
    let listed = modem.heard("+CMGL")[0];
    let deleted = modem.heard("+CMGD");
    assert_eq!(deleted.len(), TEXTS, "each is deleted once");
    deleted[TEXTS - 1].duration_since(listed)
}

fn drained_bare(settings: &Settings) -> Duration {
    let modem = Modem::plug_in(settings.clone());
    modem.store(TEXTS);
    let mut port = BarePort::open(&modem.port());
    let listing = port.ask("AT+CMGL=4");
    let listing = String::from_utf8(listing).unwrap();
    let indexes: Vec<&str> = listing
        .lines()
        .filter_map(|line| line.strip_prefix("+CMGL: ")?.split(',').next())
        .collect();
    for index in indexes {
        port.ask(&format!("AT+CMGD={index}"));
    }
    assert!(modem.modem.stored().is_empty());
    span(&modem)
}

fn drained_by_us(modem_settings: &Settings) -> Duration {
    let folder = folder();
    let spool = prepare(folder.path());
    let modem = Modem::plug_in(modem_settings.clone());
    modem.store(TEXTS);
    let runtime = runtime();
    let house = runtime.block_on(House::open(settings(spool, modem.port())));
    let house = house.unwrap();
    modem.wait("an empty SIM", |modem| modem.stored().is_empty());
    if std::env::var_os("CALLNUMBER_BENCH_GAPS").is_some() {
        tell_gaps(&modem);
    }
    runtime.block_on(house.close());
    span(&modem)
}

/// Where the time goes: what was asked, and how long before the next command.
fn tell_gaps(modem: &Modem) {
    let heard = modem.modem.heard();
    let from = heard
        .iter()
        .position(|heard| heard.line.starts_with("+CMGL"));
    let mut pairs = heard[from.unwrap_or(0)..].windows(2);
    let mut deletions = Vec::new();
    while let Some([one, next]) = pairs.next() {
        let gap = next.at.duration_since(one.at);
        if one.line.starts_with("+CMGD") && next.line.starts_with("+CMGD") {
            deletions.push(gap);
            if gap < Duration::from_millis(1) {
                continue;
            }
        }
        eprintln!("  {} → {} {}", one.line, next.line, ms(gap));
    }
    eprintln!("  deletions: {}", Times::new(deletions).summary());
}
