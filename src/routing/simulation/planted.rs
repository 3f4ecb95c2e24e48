//! Faults planted on purpose: the simulation finds each of them, and tells it in a few steps.

use proptest::test_runner::{TestError, TestRng, TestRunner};

use super::*;

/// Of both tests' lives. Shrinking does not always get to the shortest story; from here it does.
const SEED: [u8; 16] = [1; 16];

/// A desk whose router loses the effects for which `loses` holds.
fn broken(loses: fn(&Effect) -> bool) -> World {
    let mut world = World::new();
    world.desk.loses = loses;
    world
}

/// What is lost, the law that it breaks, and how short its story is, with words that stand in it.
type Fault = (
    &'static str,
    fn(&Effect) -> bool,
    &'static str,
    usize,
    &'static [&'static str],
);

/// What the simulation says of a broken desk: which law it broke, and the shortest story of it.
fn found(loses: fn(&Effect) -> bool) -> (String, Life) {
    let config = ProptestConfig {
        cases: 2000,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &SEED);
    let mut runner = TestRunner::new_with_rng(config, rng);
    match runner.run(&life(), |life| live(broken(loses), life)) {
        Err(TestError::Fail(law, life)) => (law.message().to_owned(), life),
        other => panic!("nobody noticed: {other:?}"),
    }
}

#[test]
fn a_planted_fault_is_found_and_shrinks_to_a_short_story() {
    let faults: [Fault; 5] = [
        (
            "a patron's text is lost",
            |effect| matches!(effect, Effect::Record(m) if m.direction == Direction::In),
            "lost",
            1,
            &["writes"],
        ),
        (
            "an opt-out is not kept",
            |effect| {
                matches!(
                    effect,
                    Effect::KeepConsent {
                        opted_out: true,
                        ..
                    }
                )
            },
            "remembers something else",
            2,
            &["writes", "the power goes, and comes back"],
        ),
        (
            "FORGET erases nothing",
            |effect| matches!(effect, Effect::Forget { .. }),
            "forgotten",
            2,
            &["writes \"FORGET\""],
        ),
        (
            "a claim is not kept",
            |effect| {
                matches!(effect, Effect::KeepConversation(c)
                    if c.state == ConversationState::Claimed)
            },
            "the spool has another conversation",
            3,
            &["writes"],
        ),
        (
            "whoever is told once is told again after a restart",
            |effect| matches!(effect, Effect::KeepClosedPeriod { .. }),
            "remembers something else",
            4,
            &["arrives, available", "the power goes, and comes back"],
        ),
    ];
    for (fault, loses, law, steps_max, told) in faults {
        let (broke, life) = found(loses);
        let story = format!("{life:?}");
        assert!(broke.contains(law), "{fault}: {broke}\n{story}");
        assert!(life.0.len() <= steps_max, "{fault}: {story}");
        assert!(story.starts_with("what happened:\n   1. "), "{story}");
        for words in told {
            assert!(story.contains(words), "{fault}: {story}");
        }
    }
}

#[test]
fn a_router_that_loses_nothing_breaks_no_law_in_the_same_lives() {
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &SEED);
    let config = ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let lived = runner.run(&life(), |life| live(broken(|_| false), life));
    assert!(lived.is_ok(), "{lived:?}");
}
