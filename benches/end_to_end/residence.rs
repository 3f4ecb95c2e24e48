//! `callnumber run` itself, as a process: how soon it stores, how much memory it lives in, and how
//! quietly it waits.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callnumber::simulator::Settings;

use crate::daemon::{Daemon, number_in};
use crate::figures::{Table, Times};
use crate::library::{LINE, Modem, PATIENCE, folder};

const STARTS: usize = 5;
const TEXTS: usize = 200;
/// Two sweeps of the storage fall into it.
const IDLE: Duration = Duration::from_secs(60);

pub(crate) fn measure(table: &mut Table) {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let folder = folder();
        let modem = Modem::plug_in(Settings::default());
        let config = configure(folder.path(), &modem.port());
        for times in [&mut first, &mut again] {
            modem.store(1);
            let began = Instant::now();
            let daemon = Daemon::start(&config);
            modem.wait("an empty SIM", |modem| modem.stored().is_empty());
            let deleted = *modem.heard("+CMGD").last().unwrap();
            times.push(deleted.duration_since(began));
            drop(daemon);
        }
    }
    table.row(
        "process starts, new spool → a waiting text on disk",
        Times::new(first).spread(),
        "≤ 0.3 s",
    );
    table.row(
        "process starts, its spool → a waiting text on disk",
        Times::new(again).spread(),
        "≤ 0.3 s",
    );

    let folder = folder();
    let modem = Modem::plug_in(Settings::default());
    let config = configure(folder.path(), &modem.port());
    let daemon = Daemon::start(&config);
    modem.wait("its first sweep", |_| !modem.heard("+CMGL").is_empty());
    table.row(
        "resident memory, idle after the start",
        mb(daemon.settled_kb("VmRSS")),
        "≤ 15 MB (< 20 MB)",
    );
    modem.store_as_they_come(TEXTS);
    table.row(
        "resident memory, idle after 200 texts",
        mb(daemon.settled_kb("VmRSS")),
        "≤ 15 MB (< 20 MB)",
    );
    table.row(
        "resident memory, the most so far",
        mb(daemon.kib("VmHWM")),
        "",
    );

    let before = (daemon.switches(), daemon.processor_ticks());
    let heard = modem.modem.heard_count();
    std::thread::sleep(IDLE);
    let after = (daemon.switches(), daemon.processor_ticks());
    let commands = modem.modem.heard_count() - heard;
    // A thread that ended meanwhile is left out.
    let woken = after.0.iter().map(|(thread, switches)| {
        let earlier = before.0.get(thread).copied().unwrap_or(0);
        switches.saturating_sub(earlier)
    });
    let woken = woken.sum();
    let per_second = |count: u64| count as f64 / IDLE.as_secs_f64();
    table.row(
        "wake-ups a second when idle, all threads",
        format!("{:.2}", per_second(woken)),
        "",
    );
    table.row(
        "commands to the modem a second when idle",
        format!("{:.2}", per_second(commands as u64)),
        "≤ 1",
    );
    // Linux counts processor time in hundredths of a second, whatever its own clock's rate.
    table.row(
        "processor time when idle",
        format!("{:.2} %", per_second(after.1 - before.1)),
        "",
    );
}

impl Modem {
    /// Lets texts come in and waits until all are taken.
    fn store_as_they_come(&self, texts: usize) {
        for n in 0..texts {
            let from = format!("+1555123{:04}", n % 40);
            let words = format!("May I renew number {n}? It is due on Friday.");
            self.modem.patron_texts(&from, &words).unwrap();
        }
        self.wait("an empty SIM", |modem| {
            modem.stored().is_empty() && modem.waiting() == 0
        });
    }
}

fn configure(folder: &Path, port: &Path) -> PathBuf {
    let configuration = format!(
        "[[modem]]\nname = {LINE:?}\nport = {port:?}\npace = \"0s\"\n\
         [web]\nlisten = \"127.0.0.1:0\"\n\
         [spool]\npath = {:?}\n",
        folder.join("spool.db")
    );
    let path = folder.join("callnumber.toml");
    fs::write(&path, configuration).unwrap();
    path
}

impl Daemon {
    /// A line of its `status`, in KiB, once it has stood still for three seconds.
    fn settled_kb(&self, name: &str) -> u64 {
        let began = Instant::now();
        let mut last = (self.kib(name), Instant::now());
        while last.1.elapsed() < Duration::from_secs(3) {
            assert!(began.elapsed() < PATIENCE, "{name} does not settle");
            std::thread::sleep(Duration::from_millis(200));
            let kb = self.kib(name);
            if kb != last.0 {
                last = (kb, Instant::now());
            }
        }
        last.0
    }

    /// How often each of its threads has gone to sleep, which is how often it was woken.
    fn switches(&self) -> HashMap<OsString, u64> {
        let threads = fs::read_dir(format!("{}/task", self.proc())).unwrap();
        threads
            .map(|thread| {
                let thread = thread.unwrap();
                // A thread may end between being listed and being read.
                let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                let switches = number_in(&status, "voluntary_ctxt_switches");
                (thread.file_name(), switches)
            })
            .collect()
    }

    /// Hundredths of a second that it has run: fields 14 and 15 of its `stat`.
    fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("{}/stat", self.proc())).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let fields = after_name.split_whitespace().skip(11).take(2);
        fields.map(|field| field.parse::<u64>().unwrap()).sum()
    }
}

fn mb(kb: u64) -> String {
    format!("{:.1} MB", kb as f64 / 1024.0)
}
