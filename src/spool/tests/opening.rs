//! The file: made, opened, brought up to date, refused.

use super::*;

#[test]
fn a_fresh_spool_has_one_queue_and_a_secret_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let shelf = shelf();
    let plan = shelf.do_(|c| staff::plan(c, &Library::default()));
    assert_eq!(plan.queues.len(), 1);
    assert_eq!(plan.queues[0].name, "desk");
    assert!(plan.gateways.is_empty() && plan.operators.is_empty());
    let seed = shelf.do_(transcript::seed);
    assert_ne!(seed, self::shelf().do_(transcript::seed));
    for file in ["spool.db", "spool.db-wal", "spool.db.lock"] {
        let mode = std::fs::metadata(shelf.folder.path().join(file)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{file}");
    }
    let (mode, synchronous, keys): (String, i64, i64) = shelf.do_(|c| {
        let pragma = |name: &str| c.pragma_query_value(None, name, |row| row.get(0));
        Ok((
            c.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
            pragma("synchronous")?,
            pragma("foreign_keys")?,
        ))
    });
    assert_eq!((mode.as_str(), synchronous, keys), ("wal", 2, 1));
}

#[test]
fn what_was_written_is_there_at_the_next_opening_and_migrations_run_once() {
    let Shelf { folder, spool } = shelf();
    let seed = spool.write_blocking(transcript::seed).unwrap();
    spool
        .write_blocking(|c| {
            let name = "maps".to_owned();
            staff::amend(c, &Amendment::AddQueue { name }, at(0))
        })
        .unwrap();
    drop(spool);
    let spool = Spool::open(&folder.path().join("spool.db")).unwrap();
    assert_eq!(spool.write_blocking(transcript::seed).unwrap(), seed);
    let plan = spool.write_blocking(|c| staff::plan(c, &Library::default()));
    assert_eq!(plan.unwrap().queues.len(), 2);
}

#[test]
fn a_spool_of_the_first_version_is_brought_up_to_date_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../schema.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO queue (name) VALUES ('desk'), ('maps');
         INSERT INTO setting (key, value) VALUES ('seed', 42);
         PRAGMA user_version = 1;
         PRAGMA application_id = 0x636c6e6d;",
    )
    .unwrap();
    drop(old);
    for _ in 0..2 {
        let spool = Spool::open(&path).unwrap();
        assert_eq!(spool.write_blocking(transcript::seed).unwrap(), 42);
        assert_eq!(
            queues(&spool),
            ["desk", "maps"],
            "first rows are not made twice"
        );
    }
    let now = Connection::open(&path).unwrap();
    let version: i64 = now
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let fresh = shelf();
    let latest: i64 =
        fresh.do_(|c| Ok(c.pragma_query_value(None, "user_version", |row| row.get(0))?));
    assert_eq!(version, latest);
}

#[test]
fn a_spool_has_one_holder() {
    let shelf = shelf();
    assert!(matches!(
        Spool::open(&shelf.path()),
        Err(OpenError::InUse { .. })
    ));
}

#[test]
fn files_that_are_no_spool_of_ours_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool.db");
    std::fs::write(&path, "Dear diary, ".repeat(400)).unwrap();
    assert!(matches!(
        Spool::open(&path),
        Err(OpenError::NotASpool { .. })
    ));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("Dear"));

    std::fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE diary (day TEXT)")
        .unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        Spool::open(&path),
        Err(OpenError::NotASpool { .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    // An empty file is what a full disk leaves of a first start.
    std::fs::write(&path, "").unwrap();
    drop(Spool::open(&path).unwrap());

    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 77).unwrap();
    drop(newer);
    match Spool::open(&path) {
        Err(OpenError::Newer { found: 77, .. }) => {}
        other => panic!("{other:?}"),
    }
    let missing = folder.path().join("no/such/folder/spool.db");
    assert!(matches!(
        Spool::open(&missing),
        Err(OpenError::Unusable { .. })
    ));
}

#[test]
fn what_an_earlier_release_kept_without_a_key_is_keyed_once_and_goes_on_working() {
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().join("spool.db");
    let open = || Spool::open(&path).unwrap();
    let print = |keys: &NumberKeys| keys.current().wrap_telephone(42);
    {
        let spool = open();
        spool
            .write_blocking(|c| {
                Ok(c.execute_batch(
                    "INSERT INTO opted_out (fingerprint) VALUES (42);
                     INSERT INTO inbox (line, digest, received, state)
                         VALUES ('m', x'000102030405060708090a0b0c0d0e0f', 0, 'used');
                     DELETE FROM setting WHERE key IN ('number_keys', 'unscrubbed');",
                )?)
            })
            .unwrap();
    }
    for again in 0..2 {
        let spool = open();
        let wanted = (
            print(spool.keys()),
            spool.keys().pdu(std::array::from_fn(|n| n as u8)),
        );
        let (telephone, pdu): (i64, Vec<u8>) = spool
            .write_blocking(|c| {
                let sql = "SELECT (SELECT fingerprint FROM opted_out), (SELECT digest FROM inbox)";
                Ok(c.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
            })
            .unwrap();
        assert_eq!(
            (telephone, pdu.as_slice()),
            (wanted.0, wanted.1.as_slice()),
            "{again}"
        );
        assert!(
            spool.write_blocking(erasure::is_unscrubbed).unwrap(),
            "pages hold it still"
        );
        assert!(!spool.keys_missing());
    }
    let mode = std::fs::metadata(number_keys::file(&path))
        .unwrap()
        .permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
    // The key is lost: the desk works, and says so.
    std::fs::remove_file(number_keys::file(&path)).unwrap();
    assert!(open().keys_missing());
    assert!(open().keys_missing(), "and says so until it is found");
}

/// A page that is damaged is not forgotten with the next commit that goes well.
#[test]
fn damage_that_was_found_stays_found() {
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().join("spool.db");
    let root: i64 = {
        let spool = Spool::open(&path).unwrap();
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'note'";
        let root = spool.write_blocking(move |c| Ok(c.query_row(sql, [], |row| row.get(0))?));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(spool.fold()).unwrap();
        root.unwrap()
    };
    let mut octets = std::fs::read(&path).unwrap();
    let page = (usize::try_from(root).unwrap() - 1) * 4096;
    octets[page..page + 4096].fill(0);
    std::fs::write(&path, octets).unwrap();
    let spool = Spool::open(&path).unwrap();
    assert_eq!(spool.trouble(), None, "nobody has looked there");
    let look = |c: &Connection| {
        Ok(
            c.query_row("SELECT count(*) FROM note NOT INDEXED", [], |row| {
                row.get::<_, i64>(0)
            })?,
        )
    };
    let found = spool.write_blocking(look);
    assert!(matches!(found, Err(SpoolError::Damaged(_))), "{found:?}");
    spool.write_blocking(alarms::touch).unwrap();
    let trouble = spool.trouble().unwrap();
    assert!(trouble.contains("texts stay on the SIM"), "{trouble}");
}

#[test]
fn a_spool_that_lost_all_its_octets_is_no_new_one() {
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().join("spool.db");
    drop(Spool::open(&path).unwrap());
    for file in ["spool.db", "spool.db-wal"] {
        let file = kept.path().join(file);
        if file.exists() {
            std::fs::write(file, "").unwrap();
        }
    }
    let opened = Spool::open(&path);
    assert!(
        matches!(opened, Err(OpenError::Emptied { .. })),
        "{opened:?}"
    );
    std::fs::remove_file(&path).unwrap();
    assert!(
        Spool::open(&path).is_ok(),
        "where it is removed another is begun"
    );
}
