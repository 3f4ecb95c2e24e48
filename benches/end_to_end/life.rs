//! `callnumber run` as a process through weeks of desk life on a line that is a little ill all the
//! time: whether its memory stays where it is, and what a text costs the card it writes to.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callnumber::simulator::{Faults, Settings};
use serde_json::json;

use crate::daemon::{Daemon, number_in};
use crate::figures::Table;
use crate::http::Api;
use crate::library::{LINE, Modem, PATIENCE, TOKEN, folder, prepare, runtime};

/// A day at a busy desk: so many texts come, and half of them are answered.
const A_DAY: usize = 400;
const DAYS: usize = 35;
/// Everybody writes as often as this, a day apart.
const WRITES: usize = 5;
/// Texts of one burst; the SIM holds 255.
const A_BURST: usize = 40;

pub(crate) fn measure(table: &mut Table) {
    let folder = folder();
    let spool = prepare(folder.path());
    let modem = Modem::plug_in(Settings::default());
    let listen = free_address();
    let config = configure(folder.path(), &spool, &modem.port(), listen);
    let daemon = Daemon::start(&config);
    modem.wait("its first sweep", |_| !modem.heard("+CMGL").is_empty());
    modem.modem.set_faults(Faults {
        noise: 0.2,
        garbage: 0.02,
        split: 0.2,
        refused_send: 0.05,
        redelivered: 0.2,
        late_report: 0.2,
        refused: 0.005,
        corrupt: 0.02,
        miscounted: 0.2,
        unannounced: 0.01,
        misnamed: 0.2,
        hang_up: 0.0005,
        forgets: 0.0005,
        pause: Duration::from_millis(200),
        ..Faults::none()
    });

    let api = Api::new(listen, TOKEN);
    let runtime = runtime();
    let mut days = Vec::with_capacity(DAYS);
    let mut written = 0;
    runtime.block_on(async {
        let reading = tokio::spawn(api.events(None).await.read_on());
        let there = json!({ "show": "available" });
        api.put("/api/v1/presence", there).await.expect(200);
        for day in 0..DAYS {
            if day == 1 {
                written = daemon.written();
            }
            a_day(&modem, &api, day).await;
            days.push(daemon.kib("VmRSS"));
        }
        reading.abort();
    });

    let mb = |kib: u64| format!("{:.1} MB", kib as f64 / 1024.0);
    let (first, last) = (days[DAYS / 7], days[DAYS - 1]);
    table.row(
        &format!("resident after {} texts, 1 in 2 answered", A_DAY),
        mb(days[0]),
        "< 20 MB",
    );
    table.row(
        &format!("… after {}", A_DAY * (DAYS / 7 + 1)),
        mb(first),
        "< 20 MB",
    );
    table.row(
        &format!("… after {}", A_DAY * DAYS),
        mb(last),
        "< 20 MB, and no more than before",
    );
    let most = days.iter().copied().max().unwrap_or_default();
    table.row("… the most at the end of a day", mb(most), "");
    let texts = (A_DAY * (DAYS - 1)) as u64;
    let each = (daemon.written() - written) / texts;
    table.row(
        "written to disk for a text and half an answer",
        format!("{:.1} KiB", each as f64 / 1024.0),
        "",
    );
}

/// Texts come in bursts, are answered or not, and are closed.
async fn a_day(modem: &Modem, api: &Api, day: usize) {
    for burst in 0..A_DAY / A_BURST {
        for n in 0..A_BURST {
            let place = burst * A_BURST + n;
            // A new patron each time, who comes back the next few days.
            let patron = (day / WRITES) * A_DAY + place;
            let words = format!("May I renew number {day}-{place}? It is due on Friday.");
            let from = format!("+1555{patron:07}");
            modem.modem.patron_texts(&from, &words).unwrap();
        }
        let open = open_conversations(api, A_BURST).await;
        for (n, id) in open.into_iter().enumerate() {
            if n % 2 == 0 {
                let said = json!({ "body": "It is renewed until the 14th.", "client_id": format!("{day}-{burst}-{n}") });
                let path = format!("/api/v1/conversations/{id}/messages");
                api.post(&path, said).await.expect(201);
            } else {
                let path = format!("/api/v1/conversations/{id}/claim");
                api.post(&path, json!({})).await.expect(200);
            }
            let path = format!("/api/v1/conversations/{id}/close");
            api.post(&path, json!({})).await.expect(200);
        }
    }
}

/// The open conversations, once there are as many.
async fn open_conversations(api: &Api, wanted: usize) -> BTreeSet<i64> {
    let began = Instant::now();
    loop {
        let page = api.get("/api/v1/conversations?limit=200").await.expect(200);
        let items = page["items"].as_array().unwrap();
        let open: BTreeSet<i64> = items
            .iter()
            .map(|item| item["id"].as_i64().unwrap())
            .collect();
        if open.len() >= wanted {
            return open;
        }
        assert!(began.elapsed() < PATIENCE, "{} of {wanted}", open.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An address where nobody listens.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn configure(folder: &Path, spool: &Path, port: &Path, listen: SocketAddr) -> PathBuf {
    let configuration = format!(
        "[[modem]]\nname = {LINE:?}\nport = {port:?}\npace = \"0s\"\nper_day = 0\n\
         [web]\nlisten = \"{listen}\"\n\
         [spool]\npath = {spool:?}\n"
    );
    let path = folder.join("callnumber.toml");
    std::fs::write(&path, configuration).unwrap();
    path
}

impl Daemon {
    /// Octets that it made the disk write so far: `write_bytes` of proc(5).
    fn written(&self) -> u64 {
        let io = std::fs::read_to_string(format!("{}/io", self.proc())).unwrap();
        number_in(&io, "write_bytes")
    }
}
