//! One writer, many jobs: what is kept and what is taken back.

use super::*;

type Job = Box<dyn FnOnce(&Connection) -> Result<()> + Send>;

/// Posts jobs while the writer is held up, so that they share one transaction.
fn together(spool: &Spool, jobs: Vec<Job>) -> Vec<Result<()>> {
    let (held, holding) = mpsc::channel::<()>();
    let (let_go, wait) = mpsc::channel::<()>();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let blocker = spool.write(move |_| {
            held.send(()).unwrap();
            wait.recv_timeout(Duration::from_secs(30)).unwrap();
            Ok(())
        });
        let mut blocker = Box::pin(blocker);
        let mut posted: Vec<_> = jobs
            .into_iter()
            .map(|job| Box::pin(spool.write(job)))
            .collect();
        // The first poll of each posts it, in order.
        assert!(futures_util::poll!(&mut blocker).is_pending());
        holding.recv_timeout(Duration::from_secs(30)).unwrap();
        for job in &mut posted {
            assert!(futures_util::poll!(job).is_pending());
        }
        let_go.send(()).unwrap();
        let mut outcomes = Vec::new();
        for job in posted {
            outcomes.push(job.await);
        }
        outcomes
    })
}

fn add_queue(name: &'static str) -> Job {
    Box::new(move |c| {
        c.execute("INSERT INTO queue (name) VALUES (?1)", [name])?;
        Ok(())
    })
}

#[test]
fn a_job_that_fails_takes_back_itself_alone() {
    let shelf = shelf();
    let outcomes = together(
        &shelf.spool,
        vec![
            add_queue("a"),
            Box::new(|c| {
                c.execute("INSERT INTO queue (name) VALUES ('lost')", [])?;
                c.execute("INSERT INTO queue (name) VALUES ('desk')", [])?;
                Ok(())
            }),
            Box::new(|c| {
                c.execute("INSERT INTO queue (name) VALUES ('gone')", [])?;
                Err(AmendError::HasRecords("no".into()).into())
            }),
            add_queue("b"),
        ],
    );
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok());
    assert!(matches!(outcomes[1], Err(SpoolError::Broken(_))));
    assert!(matches!(
        &outcomes[2],
        Err(SpoolError::Refused(AmendError::HasRecords(_)))
    ));
    assert_eq!(queues(&shelf.spool), ["desk", "a", "b"], "in commit order");
}

#[test]
fn a_disk_that_fills_up_inside_a_job_keeps_nothing_that_was_not_acknowledged() {
    let shelf = shelf();
    let fill = |c: &Connection| -> Result<()> {
        let pages: i64 = c.pragma_query_value(None, "page_count", |row| row.get(0))?;
        c.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        Ok(())
    };
    shelf.do_(fill);
    let outcomes = together(
        &shelf.spool,
        vec![
            add_queue("before"),
            Box::new(|c| {
                c.execute(
                    "INSERT INTO setting (key, value) VALUES ('big', zeroblob(1000000))",
                    [],
                )?;
                Ok(())
            }),
            add_queue("after"),
        ],
    );
    for (outcome, name) in outcomes.iter().zip(["before", "", "after"]) {
        let kept = queues(&shelf.spool).contains(&name.to_owned());
        assert_eq!(outcome.is_ok(), kept, "{name}: {outcome:?}");
    }
    assert!(matches!(outcomes[1], Err(SpoolError::Full)));
    assert!(matches!(outcomes[0], Err(SpoolError::Full)), "{outcomes:?}");
    // Once there is room, it goes on.
    shelf.do_(|c| {
        c.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))?;
        Ok(())
    });
    shelf.do_(add_queue("later"));
    assert!(queues(&shelf.spool).contains(&"later".to_owned()));
}

#[tokio::test]
async fn readers_see_what_is_committed_and_cannot_write() {
    let shelf = shelf();
    shelf.spool.write(add_queue("maps")).await.unwrap();
    let plan = shelf.spool.read(|c| staff::plan(c, &Library::default()));
    assert_eq!(plan.await.unwrap().queues.len(), 2);
    let written = shelf.spool.read(add_queue("no")).await;
    assert!(matches!(written, Err(SpoolError::Broken(_))));
}

#[tokio::test]
async fn more_jobs_than_places_all_get_their_turn() {
    let shelf = shelf();
    let mut asked = Vec::new();
    for _ in 0..JOBS_MAX + 500 {
        let spool = shelf.spool.clone();
        asked.push(tokio::spawn(
            async move { spool.read(transcript::seed).await },
        ));
    }
    for answer in asked {
        tokio::time::timeout(Duration::from_secs(60), answer)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

#[test]
fn a_job_that_panics_takes_back_what_it_wrote_and_nobody_with_it() {
    let shelf = shelf();
    let failed: Result<()> = shelf.write(|c| {
        c.execute("INSERT INTO setting (key, value) VALUES ('half', 1)", [])?;
        panic!("a mistake");
    });
    assert!(matches!(failed, Err(SpoolError::Broken(_))), "{failed:?}");
    let half: i64 = shelf.do_(|c| {
        Ok(c.query_row(
            "SELECT count(*) FROM setting WHERE key = 'half'",
            [],
            |row| row.get(0),
        )?)
    });
    assert_eq!(half, 0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..5 {
            let failed: Result<()> = shelf.spool.read(|_| panic!("a mistake")).await;
            assert!(failed.is_err());
        }
        // Every reader is still there.
        assert!(shelf.spool.read(|c| Ok(c.is_autocommit())).await.is_ok());
    });
}
