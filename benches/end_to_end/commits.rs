//! The inbox's commits beside SQLite's own, in turns, on the same disk.

use std::path::Path;
use std::time::Instant;

use callnumber::spool::Spool;
use callnumber::spool::inbox::{self, Raw};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::figures::{Table, Times, percent};
use crate::library::{LINE, folder, prepare, runtime};

/// Commits of each kind before the other has its turn.
const TURN: usize = 20;
const TURNS: usize = 20;

pub(crate) fn measure(table: &mut Table) {
    let folder = folder();
    let spool = Spool::open(&prepare(folder.path())).unwrap();
    let mut bare = bare_database(&folder.path().join("bare.db"), "");
    let unique = "CREATE UNIQUE INDEX seen ON bare (digest);";
    let mut indexed = bare_database(&folder.path().join("indexed.db"), unique);
    let runtime = runtime();
    let mut next = 0;
    for batch in [1, 50] {
        let (mut ours, mut raw, mut with_index) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            for (database, times) in [(&mut bare, &mut raw), (&mut indexed, &mut with_index)] {
                for _ in 0..TURN {
                    let pdus = pdus(&mut next, batch);
                    let began = Instant::now();
                    insert(database, &pdus);
                    times.push(began.elapsed());
                }
            }
            for _ in 0..TURN {
                let pdus = pdus(&mut next, batch);
                let began = Instant::now();
                let kept = runtime.block_on(spool.write(move |connection| {
                    inbox::keep(connection, LINE, &pdus, Timestamp::now())
                }));
                ours.push(began.elapsed());
                assert_eq!(kept.unwrap().len(), batch);
            }
        }
        let (ours, raw) = (Times::new(ours), Times::new(raw));
        let with_index = Times::new(with_index);
        table.row(
            &format!("commit of {batch}: SQLite alone"),
            raw.summary(),
            "",
        );
        // What it takes to know a PDU that comes a second time.
        table.row(
            &format!("commit of {batch}: SQLite with a unique digest"),
            with_index.summary(),
            "",
        );
        table.row(&format!("commit of {batch}: the inbox"), ours.summary(), "");
        table.row(
            &format!("commit of {batch}: the inbox's speed beside SQLite's"),
            format!(
                "{:.0} % ({:.0} % with the digest)",
                percent(raw.median(), ours.median()),
                percent(with_index.median(), ours.median())
            ),
            "",
        );
    }
}

/// PDUs as they come from a modem, no two alike.
fn pdus(next: &mut u64, count: usize) -> Vec<Raw> {
    std::iter::repeat_with(|| {
        *next += 1;
        let mut pdu = vec![0x04; 110];
        pdu[20..28].copy_from_slice(&next.to_be_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(&pdu)[..16]);
        Raw { digest, pdu }
    })
    .take(count)
    .collect()
}

/// The spool's own settings, and a table with nothing to it.
fn bare_database(path: &Path, index: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             CREATE TABLE bare (id INTEGER PRIMARY KEY, digest BLOB, pdu BLOB) STRICT;",
        )
        .unwrap();
    connection.execute_batch(index).unwrap();
    connection
}

fn insert(connection: &mut Connection, pdus: &[Raw]) {
    let transaction = connection.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare_cached("INSERT INTO bare (digest, pdu) VALUES (?1, ?2)")
            .unwrap();
        for raw in pdus {
            insert.execute(params![raw.digest, raw.pdu]).unwrap();
        }
    }
    transaction.commit().unwrap();
}
