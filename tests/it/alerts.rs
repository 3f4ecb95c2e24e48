//! Calls for help, end to end: a house in each of its troubles, a mail server of somebody else's
//! making, and a staff telephone.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use callnumber::alerts::{self, mail};
use callnumber::daemon::{House, HouseSettings};
use callnumber::modem::{LineSettings, Phase, PortChoice};
use callnumber::numbers::PatronNumber;
use callnumber::routing::{Amendment, Event, GatewayId, Library, OperatorId, Role, Show};
use callnumber::simulator::{Settings, SimulatedModem};
use callnumber::spool::lines;

use crate::support::post_office::PostOffice;

/// Nothing takes longer than this, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// The staff telephone.
const STAFF: &str = "+15551230199";

/// How alerts are given in these stories: at once, and the all-clear too.
fn prompt(office: &PostOffice) -> alerts::Settings {
    alerts::Settings {
        mail: Some(mail::Settings {
            host: "127.0.0.1".into(),
            port: office.port,
            security: mail::Security::None,
            login: None,
            from: "callnumber@elm.example".into(),
            to: vec!["ana@elm.example".into(), "ben@elm.example".into()],
        }),
        phones: vec![PatronNumber::kept(STAFF.into())],
        line_after: Duration::ZERO,
        waiting_after: Duration::ZERO,
        calm: Duration::ZERO,
        // The machine's own disk is not these stories'.
        disk_free: 0,
        every: Duration::from_millis(200),
        url: Some("https://desk.elm.example".into()),
    }
}

async fn open(folder: &Path, lines: Vec<LineSettings>, alerts: alerts::Settings) -> House {
    House::open(HouseSettings {
        lines,
        alerts: Some(alerts),
        ..HouseSettings::quiet(
            folder.join("spool.db"),
            Library {
                name: "Elm Library".into(),
                ..Library::default()
            },
        )
    })
    .await
    .unwrap()
}

/// A line on this modem.
fn line_on(modem: &SimulatedModem, name: &str) -> LineSettings {
    let port = PortChoice::Path(modem.link().unwrap_or_else(|| modem.port()));
    LineSettings {
        pace: Duration::ZERO,
        per_day: 0,
        ..LineSettings::new(name, port)
    }
}

/// A modem whose port keeps its name when it is unplugged and plugged in again.
async fn modem(folder: &Path, name: &str, settings: Settings) -> SimulatedModem {
    let link = Some(folder.join(name));
    let settings = Settings { link, ..settings };
    SimulatedModem::start(settings).await.unwrap()
}

/// Two modems, of two lines.
async fn modems(folder: &Path) -> (SimulatedModem, SimulatedModem) {
    let front = modem(folder, "front", Settings::default()).await;
    let other = Settings {
        number: "+15550100002".into(),
        imei: "356938035643809".into(),
        iccid: "8901260123456789015".into(),
        ..Settings::default()
    };
    (front, modem(folder, "annex", other).await)
}

async fn until_ready(house: &House) {
    for line in house.lines().now().iter() {
        let mut status = line.status();
        let ready = status.wait_for(|status| status.phase == Phase::Ready);
        tokio::time::timeout(PATIENCE, ready)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Texts that wait to go to the staff telephone.
async fn texts_to_staff(house: &House) -> Vec<String> {
    house
        .spool()
        .read(|connection| {
            let bodies = connection
                .prepare(
                    "SELECT m.body FROM outbox o JOIN message m ON m.id = o.message
                     WHERE o.recipient = ?1 ORDER BY o.id",
                )?
                .query_map([STAFF], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(bodies)
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_wait_for_nobody_are_told_once_and_so_is_the_all_clear() {
    let mut office = PostOffice::open();
    let folder = tempfile::tempdir().unwrap();
    let house = open(folder.path(), Vec::new(), prompt(&office)).await;
    for amendment in [
        Amendment::AddLine {
            name: "front-desk".into(),
        },
        Amendment::AddOperator {
            name: "ana".into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["desk".into()],
        },
    ] {
        house.desk().amend(amendment).await.unwrap();
    }
    let text = |from: &str| Event::TextArrived {
        gateway: GatewayId(1),
        from: from.into(),
        body: "Is my book in?".into(),
        stamped_at: None,
    };
    house.desk().ask(text("+15551230100")).await.unwrap();

    let alarm = office.letter().await;
    assert!(alarm.contains("From: callnumber@elm.example"), "{alarm}");
    assert!(alarm.contains("ana@elm.example") && alarm.contains("ben@elm.example"));
    assert!(
        alarm.contains("Subject: [Elm Library] text line: texts wait in desk"),
        "{alarm}"
    );
    let m11 = "Textline: 1 texts waiting, oldest less than a minute, nobody signed in. \
               Sign in at https://desk.elm.example";
    assert!(alarm.contains(m11), "{alarm}");
    assert!(
        !alarm.contains("5551230100"),
        "a patron's number is in a letter"
    );

    // Another text, and even a restart, are the same incident.
    house.desk().ask(text("+15551230101")).await.unwrap();
    assert_eq!(texts_to_staff(&house).await, [m11]);
    house.close().await;
    let house = open(folder.path(), Vec::new(), prompt(&office)).await;

    let show = Event::Presence {
        operator: OperatorId(1),
        show: Show::Available,
    };
    house.desk().ask(show).await.unwrap();
    let clear = office.letter().await;
    assert!(
        clear.contains("text line, all clear: texts wait in desk"),
        "{clear}"
    );
    assert!(
        clear.contains("the texts in desk are attended to"),
        "{clear}"
    );
    assert_eq!(texts_to_staff(&house).await.len(), 2);
    assert!(office.is_quiet(), "each is told once");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_line_is_told_once_by_the_one_that_works_and_so_is_its_return() {
    let mut office = PostOffice::open();
    let folder = tempfile::tempdir().unwrap();
    let (front, annex) = modems(folder.path()).await;
    let lines = vec![line_on(&front, "front-desk"), line_on(&annex, "annex")];
    // A line that is just opening is not lost.
    let alerts = alerts::Settings {
        line_after: Duration::from_secs(20),
        ..prompt(&office)
    };
    let house = open(folder.path(), lines, alerts).await;
    until_ready(&house).await;

    front.unplug().await;
    let alarm = office
        .letter_about(": line front-desk needs somebody")
        .await;
    assert!(
        alarm.contains("Textline: line front-desk needs somebody"),
        "{alarm}"
    );
    // The telephone hears it over the other line.
    let told = annex.next_sent(PATIENCE).await.unwrap();
    assert_eq!(told.to, STAFF);
    assert!(
        told.text.contains("line front-desk needs somebody"),
        "{}",
        told.text
    );
    // Since when, by mail as by text.
    for words in [&alarm, &told.text] {
        assert!(words.contains("needs somebody: no modem since "), "{words}");
    }

    front.replug().await.unwrap();
    let clear = office
        .letter_about(", all clear: line front-desk needs somebody")
        .await;
    assert!(
        clear.contains("all clear, line front-desk is well again. It lasted"),
        "{clear}"
    );
    assert_eq!(texts_to_staff(&house).await.len(), 2);
    assert!(office.is_quiet(), "each is told once");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_rests_is_told_once_until_it_sends_again() {
    let mut office = PostOffice::open();
    let folder = tempfile::tempdir().unwrap();
    let (front, annex) = modems(folder.path()).await;
    let lines = || vec![line_on(&front, "front-desk"), line_on(&annex, "annex")];
    let patient = alerts::Settings {
        line_after: PATIENCE,
        ..prompt(&office)
    };
    let house = open(folder.path(), lines(), patient.clone()).await;
    until_ready(&house).await;
    // TP-FCS 21: the carrier rejects it (TS 23.040 §9.2.3.22).
    front.fail_next_sends(&[21, 21, 21]);
    let write = |to: &str| Event::Write {
        gateway: GatewayId(1),
        to: to.into(),
        body: "Your book is in.".into(),
    };
    for to in ["+15551230100", "+15551230101", "+15551230102"] {
        house.desk().ask(write(to)).await.unwrap();
    }
    let rests = "line front-desk rests: the carrier refuses its texts";
    let alarm = office.letter_about(&format!(": {rests}")).await;
    for part in [
        "line front-desk rests, 59 min left",
        "one recipient after another",
        "blocked or out of credit",
        "`Let it send again`",
    ] {
        assert!(alarm.contains(part), "{part:?} is not in {alarm}");
    }
    for number in ["5551230100", "5551230101", "5551230102"] {
        assert!(!alarm.contains(number), "a patron's number is in a letter");
    }
    // Over the line that does not rest.
    let told = annex.next_sent(PATIENCE).await.unwrap();
    assert!(told.to == STAFF && told.text.contains("rests"), "{told:?}");

    // The hour is over, and nothing was taken yet: the same incident, over a restart as well.
    let hour_is_over = "UPDATE standing SET paused_at = NULL, paused_until = NULL,
                        pause_reason = NULL WHERE line = 'front-desk'";
    house.close().await;
    front.refuse_number("+15551230100", 21);
    front.refuse_number("+15551230101", 21);
    front.refuse_number("+15551230102", 21);
    let spool = callnumber::spool::Spool::open(&folder.path().join("spool.db")).unwrap();
    let job = move |connection: &rusqlite::Connection| Ok(connection.execute_batch(hour_is_over)?);
    spool.write(job).await.unwrap();
    drop(spool);
    let house = open(folder.path(), lines(), patient.clone()).await;
    until_ready(&house).await;
    let still = house.spool().read(|c| lines::standing(c, "front-desk"));
    assert!(still.await.unwrap().refused);

    // A text is taken: that is the end of it.
    house.desk().ask(write("+15551230103")).await.unwrap();
    let taken = front.next_sent(PATIENCE).await.unwrap();
    assert_eq!(taken.to, "+15551230103");
    let clear = office.letter_about(&format!(", all clear: {rests}")).await;
    assert!(
        clear.contains("all clear, line front-desk sends again"),
        "{clear}"
    );
    assert_eq!(texts_to_staff(&house).await.len(), 2);
    assert!(office.is_quiet(), "each is told once");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_self_test_is_told_once_until_one_comes_back() {
    let mut office = PostOffice::open();
    let folder = tempfile::tempdir().unwrap();
    let (front, annex) = modems(folder.path()).await;
    let tested = LineSettings {
        self_test: true,
        number: Some(front.number()),
        ..line_on(&front, "front-desk")
    };
    let lines = vec![tested, line_on(&annex, "annex")];
    let alerts = alerts::Settings {
        line_after: PATIENCE,
        ..prompt(&office)
    };
    front.fail_next_sends(&[21]);
    let house = open(folder.path(), lines, alerts).await;
    let failed = "the self-test of line front-desk failed";
    let alarm = office.letter_about(&format!(": {failed}")).await;
    assert!(
        alarm.contains(&format!(
            "Textline: {failed}: a text to ourselves was refused"
        )),
        "{alarm}"
    );
    // Over the line that nothing is known against.
    let told = annex.next_sent(PATIENCE).await.unwrap();
    assert!(told.to == STAFF && told.text.contains(failed), "{told:?}");

    // An hour later it is tried again, and comes back.
    let hour = "UPDATE standing SET test_sent = test_sent - 3700000 WHERE line = 'front-desk'";
    let job = move |connection: &rusqlite::Connection| Ok(connection.execute_batch(hour)?);
    house.spool().write(job).await.unwrap();
    let clear = office.letter_about(&format!(", all clear: {failed}")).await;
    assert!(
        clear.contains("all clear, line front-desk misses no text to itself any more"),
        "{clear}"
    );
    let standing = house.spool().read(|c| lines::standing(c, "front-desk"));
    let test = standing.await.unwrap().self_test.unwrap();
    assert!(test.took_ms.is_some() && test.problem.is_none(), "{test:?}");
    assert_eq!(texts_to_staff(&house).await.len(), 2);
    assert!(office.is_quiet(), "each is told once");
    house.close().await;
}

/// Where a test finds itself on a small disk of its own.
const SMALL_DISK: &str = "CALLNUMBER_TEST_SMALL_DISK";

/// Runs this very test again in a mount namespace, on a disk of four megabytes.
fn on_a_small_disk(test: &str) {
    let disk = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" --exact "$3" --nocapture"#;
    let run = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(SMALL_DISK, disk.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn a_disk_that_fills_up_is_told_and_so_is_a_spool_that_cannot_write() {
    let Ok(disk) = std::env::var(SMALL_DISK) else {
        on_a_small_disk("alerts::a_disk_that_fills_up_is_told_and_so_is_a_spool_that_cannot_write");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fills_up(Path::new(&disk)));
}

async fn fills_up(disk: &Path) {
    const MIB: usize = 1024 * 1024;
    let mut office = PostOffice::open();
    let alerts = alerts::Settings {
        disk_free: 2 * MIB as u64,
        ..prompt(&office)
    };
    let house = open(disk, Vec::new(), alerts).await;
    house
        .desk()
        .amend(Amendment::AddLine {
            name: "front-desk".into(),
        })
        .await
        .unwrap();

    // Nearly full: said before it is.
    let ballast = disk.join("ballast");
    let free = callnumber::spool::footprint::Footprint::of(house.spool().path()).disk_free;
    let free = usize::try_from(free.unwrap()).unwrap();
    assert!(free > 2 * MIB, "{free} octets are free at first");
    std::fs::write(&ballast, vec![0; free - MIB]).unwrap();
    let low = "the disk is nearly full";
    let alarm = office.letter_about(&format!(": {low}")).await;
    assert!(
        alarm.contains("1 MB are left: free some space before it is")
            || alarm.contains("0 MB are left: free some space before it is"),
        "{alarm}"
    );
    assert_eq!(texts_to_staff(&house).await.len(), 1);

    // Full: nothing can be written, and that is told by mail all the same.
    let mut rest = std::fs::OpenOptions::new()
        .append(true)
        .open(&ballast)
        .unwrap();
    while rest.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(rest);
    let refused = house.desk().ask(Event::Write {
        gateway: GatewayId(1),
        to: "+15551230100".into(),
        body: "Your book is in.".repeat(20),
    });
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("the disk is full"), "{refused}");
    let stuck = "the desk cannot write to its disk";
    let alarm = office.letter_about(&format!(": {stuck}")).await;
    assert!(
        alarm.contains("the disk is full: free some space"),
        "{alarm}"
    );

    // Room again: both are over, in whatever order they are looked at.
    std::fs::remove_file(&ballast).unwrap();
    let letters = [office.letter().await, office.letter().await].concat();
    for over in [low, stuck] {
        let subject = format!("text line, all clear: {over}");
        assert_eq!(
            letters.matches(&subject).count(),
            1,
            "{subject:?}: {letters}"
        );
    }
    assert!(office.is_quiet(), "each is told once");
    house.close().await;
}
