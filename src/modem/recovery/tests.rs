use super::*;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn reopen(seconds: u64) -> Act {
    Act::Reopen { after: s(seconds) }
}

/// A ladder, and the time.
struct Climb {
    ladder: Ladder,
    now: Instant,
    began: Instant,
}

impl Climb {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            ladder: Ladder::default(),
            now,
            began: now,
        }
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    /// What a mute modem gets, and how long after the first timeout: it never answers anything, and
    /// each rung takes as long as it does on the line.
    fn mute(&mut self, until: Duration) -> Vec<(u64, Act)> {
        let mut acts = Vec::new();
        let mut opened = false;
        while self.now < self.began + until {
            let at = (self.now - self.began).as_secs();
            let act = if opened {
                self.ladder.unanswered(self.now)
            } else {
                self.ladder.failed(self.now)
            };
            acts.push((at, act));
            match act {
                Act::Resync => self.now += s(3),
                Act::Setup => self.now += s(10),
                Act::Reopen { after } => {
                    self.now += after + s(10);
                    self.ladder.opened();
                    opened = true;
                }
                // The command's own time, the wait, and ten `AT`.
                Act::SoftReset => self.now += s(10) + RESTART_PATIENCE + s(10),
                Act::Replug => {
                    self.now += s(3);
                    self.ladder.carried_out(self.now);
                }
                Act::PowerCycle => {
                    self.now += s(50);
                    self.ladder.carried_out(self.now);
                }
                Act::Radio => unreachable!("the SIM is not what is wrong"),
            }
        }
        acts
    }
}

#[test]
fn a_mute_modem_is_taken_up_rung_by_rung() {
    let mut climb = Climb::new();
    let acts = climb.mute(s(290));
    let rungs: Vec<Act> = acts.iter().map(|(_, act)| *act).collect();
    assert_eq!(
        rungs,
        [
            Act::Resync,
            Act::Resync,
            Act::Setup,
            reopen(2),
            Act::SoftReset,
            Act::Replug,
            // It may take 90 s to come back.
            reopen(5),
            reopen(5),
            reopen(5),
            reopen(5),
            reopen(5),
            reopen(5),
            Act::PowerCycle,
            reopen(5),
        ],
        "{acts:?}"
    );
    // Each rung begins when the one before it had its time.
    let at = |wanted: Act| {
        acts.iter()
            .find(|(_, act)| *act == wanted)
            .map(|(at, _)| *at)
    };
    assert_eq!(at(Act::Setup), Some(6));
    assert_eq!(at(Act::SoftReset), Some(28));
    assert_eq!(at(Act::Replug), Some(28 + 110));
    assert!(
        at(Act::PowerCycle).is_some_and(|at| (28 + 110 + 93..=28 + 110 + 93 + 40).contains(&at))
    );
}

#[test]
fn after_three_rounds_a_person_is_called_and_the_rungs_come_again_for_ever() {
    let mut climb = Climb::new();
    let acts = climb.mute(s(12 * 3600));
    assert_eq!(climb.ladder.rung(), 7);
    assert!(
        climb
            .ladder
            .alarm()
            .is_some_and(|words| words.contains("does not answer"))
    );
    let cycles: Vec<u64> = acts
        .iter()
        .filter(|(_, act)| *act == Act::PowerCycle)
        .map(|(at, _)| *at)
        .collect();
    // Three rounds at once, four half an hour apart, then one an hour.
    let apart: Vec<u64> = cycles.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(apart[..2].iter().all(|gap| *gap < 600), "{apart:?}");
    let half_hours = &apart[2..6];
    assert!(
        half_hours.iter().all(|gap| (1800..2700).contains(gap)),
        "{apart:?}"
    );
    assert!(apart.len() > 12, "{apart:?}");
    assert!(
        apart[7..].iter().all(|gap| (3600..4500).contains(gap)),
        "{apart:?}"
    );
    // The soft reset comes before each of them, and the port is tried all the while.
    let counts = climb.ladder.counts();
    assert_eq!(counts[4], counts[6]);
    assert_eq!(counts[7], 1, "one call");
    // One answer ends it all.
    climb.ladder.passed(climb.now);
    assert_eq!((climb.ladder.rung(), climb.ladder.alarm()), (0, None));
}

#[test]
fn thirty_seconds_of_silence_skip_to_the_port() {
    let mut climb = Climb::new();
    climb.ladder.asked(climb.now);
    assert_eq!(climb.ladder.failed(climb.now + s(10)), Act::Resync);
    climb.ladder.asked(climb.now + s(10));
    assert_eq!(climb.ladder.failed(climb.now + s(30)), reopen(2));
    // A modem that babbles is not silent.
    let mut climb = Climb::new();
    climb.ladder.asked(climb.now);
    climb.ladder.heard();
    assert_eq!(climb.ladder.failed(climb.now + s(90)), Act::Resync);
}

#[test]
fn a_port_that_is_gone_is_waited_for_and_then_brought_back() {
    let mut climb = Climb::new();
    for _ in 0..60 {
        assert_eq!(climb.ladder.gone(climb.now), None);
        climb.pass(s(1));
    }
    assert_eq!(
        climb.ladder.gone(climb.now),
        Some(Act::Replug),
        "nothing to say rung 4 to"
    );
    climb.pass(s(3));
    climb.ladder.carried_out(climb.now);
    for _ in 0..90 {
        assert_eq!(climb.ladder.gone(climb.now), None);
        climb.pass(s(1));
    }
    assert_eq!(climb.ladder.gone(climb.now), Some(Act::PowerCycle));
    // Back within the time: from the bottom again.
    climb.ladder.opened();
    climb.ladder.passed(climb.now);
    climb.pass(s(3600));
    assert_eq!(climb.ladder.gone(climb.now), None);
    assert_eq!(climb.ladder.gone(climb.now + s(60)), Some(Act::Replug));
}

#[test]
fn rungs_that_nothing_can_do_are_passed_over_and_not_counted() {
    let mut climb = Climb::new();
    climb.ladder.gone(climb.now);
    for round in 1..=3 {
        climb.pass(s(61));
        assert_eq!(climb.ladder.gone(climb.now), Some(Act::Replug), "{round}");
        assert_eq!(
            climb.ladder.cannot(Fault::Gone, climb.now),
            Some(Act::PowerCycle)
        );
        assert_eq!(climb.ladder.rung(), 6);
        assert_eq!(climb.ladder.cannot(Fault::Gone, climb.now), None);
    }
    assert_eq!(climb.ladder.rung(), 7);
    let counts = climb.ladder.counts();
    assert_eq!(counts, [0, 0, 0, 0, 0, 0, 0, 1]);
    // A mute one: the soft reset alone, and the port again.
    let mut climb = Climb::new();
    for act in [
        Act::Resync,
        Act::Resync,
        Act::Setup,
        reopen(2),
        Act::SoftReset,
    ] {
        assert_eq!(climb.ladder.failed(climb.now), act);
    }
    climb.pass(s(100));
    assert_eq!(climb.ladder.unanswered(climb.now), Act::Replug);
    assert_eq!(
        climb.ladder.cannot(Fault::Mute, climb.now),
        Some(Act::PowerCycle)
    );
    assert_eq!(climb.ladder.cannot(Fault::Mute, climb.now), Some(reopen(2)));
    assert_eq!(
        climb.ladder.unanswered(climb.now),
        Act::SoftReset,
        "the next round"
    );
}

#[test]
fn row_35_a_sim_that_drops_off_gets_its_radio_restarted_and_then_the_ladder() {
    let mut climb = Climb::new();
    let mut acts = Vec::new();
    for _ in 0..14 {
        acts.extend(climb.ladder.sim_gone(climb.now));
        if let Some(Act::Replug | Act::PowerCycle) = acts.last() {
            climb.ladder.carried_out(climb.now);
        }
        climb.pass(s(95));
    }
    assert_eq!(
        acts[..7],
        [
            Act::Radio,
            Act::SoftReset,
            Act::Replug,
            Act::PowerCycle,
            // The radio is restarted at most once an hour.
            Act::SoftReset,
            Act::Replug,
            Act::PowerCycle
        ]
    );
    assert!(
        climb
            .ladder
            .alarm()
            .is_some_and(|words| words.contains("SIM"))
    );
}

#[test]
fn row_36_a_network_that_is_away_never_takes_the_line_past_rung_three() {
    let mut climb = Climb::new();
    let mut acts = Vec::new();
    for minute in 0..24 * 60 {
        acts.extend(climb.ladder.no_network(climb.now).map(|act| (minute, act)));
        // Everything else is well: each listing passes.
        climb.ladder.passed(climb.now);
        climb.pass(s(60));
    }
    assert!(acts.iter().all(|(_, act)| *act == Act::Radio));
    assert_eq!(acts.len(), 24, "once an hour");
    assert_eq!((climb.ladder.rung(), climb.ladder.alarm()), (0, None));
    assert_eq!(climb.ladder.counts()[4..], [0; 4]);
}

#[test]
fn a_trouble_that_comes_right_back_goes_on_where_it_was() {
    let mut climb = Climb::new();
    climb.mute(s(100)); // ends within the soft reset
    climb.ladder.passed(climb.now);
    climb.pass(s(120));
    climb.began = climb.now;
    let acts: Vec<Act> = climb.mute(s(60)).into_iter().map(|(_, act)| act).collect();
    assert_eq!(
        acts[..5],
        [Act::Resync, Act::Resync, Act::Setup, reopen(2), Act::Replug]
    );
    // After a longer time of health it begins at the bottom.
    let mut climb = Climb::new();
    climb.mute(s(100));
    climb.ladder.passed(climb.now);
    climb.pass(s(700));
    climb.began = climb.now;
    let acts: Vec<Act> = climb.mute(s(60)).into_iter().map(|(_, act)| act).collect();
    assert_eq!(acts[4], Act::SoftReset);
}

#[test]
fn rung_and_counts_survive_the_daemon() {
    let mut climb = Climb::new();
    climb.mute(s(200));
    let record = climb.ladder.record(climb.now);
    assert_eq!(record.rung, 5);
    assert_eq!(record.counts[..6], [2, 1, 1, 0, 1, 1]);
    // Another run of the daemon, a minute later: no rung is tried twice.
    let now = climb.now + s(1000);
    let mut resumed = Ladder::resume(&record, s(60), now);
    assert_eq!(
        resumed.since(),
        Some(now - record.age.unwrap_or_default() - s(60))
    );
    assert_eq!(resumed.counts(), record.counts);
    assert_eq!(resumed.unanswered(now), Act::PowerCycle);

    // While alarmed, the next round stays where it was.
    let mut climb = Climb::new();
    climb.mute(s(3 * 3600));
    assert_eq!(climb.ladder.rung(), 7);
    while climb
        .ladder
        .record(climb.now)
        .next_round
        .is_none_or(|left| left < s(900))
    {
        climb.mute(climb.now - climb.began + s(60));
    }
    let record = climb.ladder.record(climb.now);
    let now = climb.now + s(1_000_000);
    let mut resumed = Ladder::resume(&record, s(300), now);
    assert_eq!(resumed.rung(), 7);
    assert!(matches!(resumed.unanswered(now), Act::Reopen { .. }));
    let due = now + record.next_round.unwrap_or_default() - s(300);
    assert!(matches!(resumed.unanswered(due - s(1)), Act::Reopen { .. }));
    assert_eq!(resumed.unanswered(due), Act::SoftReset);
    // A clock that ran backwards, or a record of nonsense, waits an hour and no longer.
    let absurd = LadderRecord {
        next_round: Some(s(u64::MAX / 4)),
        age: Some(Duration::MAX),
        rung: 200,
        ..record
    };
    let resumed = Ladder::resume(&absurd, Duration::MAX, now);
    assert!(resumed.rung() <= 7);
    let left = resumed.record(now).next_round.unwrap_or_default();
    assert!(left <= s(3600), "{left:?}");
}

#[test]
fn row_41_restarts_are_counted_and_several_name_the_supply() {
    let mut climb = Climb::new();
    for minute in 1..=2 {
        climb.pass(s(60 * minute));
        climb.ladder.restarted_by_itself(climb.now);
        assert_eq!(climb.ladder.alarm(), None);
    }
    climb.pass(s(60));
    climb.ladder.restarted_by_itself(climb.now);
    assert!(
        climb
            .ladder
            .alarm()
            .is_some_and(|words| words.contains("2 A"))
    );
    assert_eq!(climb.ladder.restarts(), 3);
    // An hour of quiet takes the alarm back; the count stays for a day.
    climb.ladder.passed(climb.now);
    climb.pass(s(3700));
    climb.ladder.let_time_pass(climb.now);
    assert_eq!(climb.ladder.alarm(), None);
    assert_eq!(climb.ladder.restarts(), 3);
    climb.pass(s(24 * 3600));
    climb.ladder.let_time_pass(climb.now);
    assert_eq!(climb.ladder.restarts(), 0);
    // One that we asked for is none.
    let mut climb = Climb::new();
    climb.mute(s(60)); // within the soft reset
    climb.ladder.restarted_by_itself(climb.began + s(40));
    assert_eq!(climb.ladder.restarts(), 0);
}
