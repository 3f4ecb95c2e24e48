//! Clause 9: reactions, keywords, being forgotten in the middle of a conversation, and answers in the
//! language of the word.

use super::*;

const CONFIRM: &str = "Elm: a librarian is in this conversation with you. Reply FORGET again to erase \
                       everything.";

/// What stands beside our messages, in order.
fn marks(desk: &TestDesk) -> Vec<Option<&str>> {
    let out = desk.rows.messages.values();
    let out = out.filter(|message| message.direction == Direction::Out);
    out.map(|message| message.reaction.as_deref()).collect()
}

/// Nothing but a mark follows.
fn is_mark(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::React { .. }])
}

#[test]
fn a_reaction_is_a_mark_beside_the_text_it_quotes() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "When are you open?");
    desk.send(ANA, 1, "Noon to five, \"most\" days.\nCome in!")
        .unwrap();
    desk.send(ANA, 1, "Anything else?").unwrap();
    desk.close(ANA, 1).unwrap();
    desk.goes(ANA);
    desk.wait(3 * 24 * 3600);
    let before = desk.conversation(1).clone();
    for (body, marked) in [
        ("Liked “Noon to five, \"most\" days.\nCome in!”", "👍"),
        ("Loved “Noon to five, “most” days. Come in!”", "❤️"),
        ("Laughed at “Noon to five, \"mo…”", "😂"),
        (
            "\u{200a}\u{200b}🎉\u{200b} to “\u{200a}Noon to five, \"most\" days.\nCome in!\u{200a}”",
            "🎉",
        ),
    ] {
        let effects = desk.text(PAT, body);
        assert!(is_mark(&effects), "{body:?}: {effects:?}");
        assert_eq!(marks(&desk), [Some(marked), None], "{body:?}");
    }
    assert_eq!(desk.conversation(1), &before, "nothing opens or waits");
    // The same again changes nothing at all, and one of another kind is not there to take back.
    assert_eq!(
        desk.text(PAT, "🎉 to “Noon to five, \"most\" days.\nCome in!”"),
        []
    );
    assert_eq!(
        desk.text(PAT, "Removed a heart from “Noon to five, \"mo...”"),
        []
    );
    let taken = desk.text(
        PAT,
        "Removed 🎉 from “Noon to five, \"most\" days. Come in!”",
    );
    assert!(is_mark(&taken), "{taken:?}");
    assert_eq!(marks(&desk), [None, None]);
    desk.restarts();
    assert!(is_mark(&desk.text(PAT, "Le gustó “Anything else?”")));
    assert_eq!(marks(&desk), [None, Some("👍")]);
}

#[test]
fn a_reaction_to_what_nobody_said_is_a_text_that_nothing_automatic_answers() {
    for body in [
        "Liked “See you at the game”",
        "Loved an image",
        "Disliked “Are…”",
        "👍 to “See you at the game”",
    ] {
        // Nobody is there; somebody is; the other library could help.
        let mut plan = elm();
        plan.queues[0].fallback = Some(Fallback {
            queue: KIDS,
            after: Fallback::AFTER,
        });
        for policy in [OfflinePolicy::Hold, OfflinePolicy::Refuse] {
            plan.gateways[0].policy = policy;
            for there in [&[][..], &[ANA][..], &[ANA, CAL][..]] {
                let mut desk = TestDesk::new(plan.clone());
                for operator in there {
                    desk.arrives(*operator);
                }
                assert_eq!(submits(&desk.text(PAT, body)), NOBODY, "{body}");
                assert_eq!(submits(&desk.wait(3600)), NOBODY, "{body}");
                let kept = policy == OfflinePolicy::Hold || !there.is_empty();
                assert_eq!(desk.rows.messages.len(), usize::from(kept));
                desk.restarts();
                assert_eq!(submits(&desk.wait(3600)), NOBODY, "{body}");
            }
        }
    }
    // A question behind it is a question.
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "Loved an image");
    desk.text(PAT, "Is it in?");
    assert_eq!(submits(&desk.wait(180)), to(PAT, WAITING));
}

#[test]
fn what_nothing_automatic_answers_still_waits_for_the_other_library() {
    let mut plan = elm();
    plan.queues[0].fallback = Some(Fallback {
        queue: KIDS,
        after: Fallback::AFTER,
    });
    let mut desk = TestDesk::new(plan);
    desk.arrives(ANA);
    desk.arrives(CAL);
    desk.text(PAT, "Is my book in?");
    desk.send(ANA, 1, "Yes.").unwrap();
    desk.release(ANA, 1).unwrap();
    assert_eq!(desk.conversation(1).waiting_since, None, "it was answered");
    assert_eq!(submits(&desk.text(PAT, "😂 to “Your book…”")), NOBODY);
    assert!(desk.conversation(1).waiting_since.is_some());
    assert_eq!(submits(&desk.wait(91)), NOBODY);
    assert_eq!(desk.conversation(1).rollover, Rollover::Shared(KIDS));
}

#[test]
fn a_mark_does_not_cross_to_another_patrons_text() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "one");
    desk.send(ANA, 1, "Your book is on shelf 4.").unwrap();
    desk.text(SUE, "two");
    let text = desk.text(SUE, "Liked “Your book is on shelf 4.”");
    assert!(!is_mark(&text));
    assert_eq!(marks(&desk), [None]);
}

#[test]
fn thanks_after_closing_stay_in_the_closed_thread() {
    for policy in [OfflinePolicy::Hold, OfflinePolicy::Refuse] {
        for body in ["Thanks!!", "gracias", "❤️", "🙏🏽🙏🏽", "thank you so much"] {
            let mut desk = with_gateway(|line| line.policy = policy);
            desk.arrives(ANA);
            desk.text(PAT, "one");
            desk.send(ANA, 1, "Yes.").unwrap();
            desk.close(ANA, 1).unwrap();
            desk.goes(ANA);
            let effects = desk.text(PAT, body);
            assert_eq!(submits(&effects), NOBODY, "{body}");
            assert_eq!(bells(&effects), [""; 0]);
            assert_eq!(desk.state(1), ConversationState::Closed);
            let shown = policy == OfflinePolicy::Hold;
            assert_eq!(desk.thread(1).contains(&body), shown, "{body}");
        }
    }
}

fn with_keywords() -> TestDesk {
    let mut plan = elm();
    for (word, answer) in [
        ("Hours", "{library}: {hours_link}"),
        ("HORARIO", "{library}: lunes a viernes, 9 a 17."),
        (
            "Wi-Fi",
            "{library} wifi: ask for the word of the day. Call {urgent}.",
        ),
        ("PRINT", "Only by {email}"),
    ] {
        let (word, answer) = (word.to_owned(), answer.to_owned());
        let folded = Keyword::folded(&word).unwrap();
        let keyword = Keyword { word, answer };
        plan.gateways[0].keywords.insert(folded, keyword);
    }
    plan.library.hours_link = Some("elm.example/hours".into());
    TestDesk::new(plan)
}

#[test]
fn a_keyword_is_answered_and_opens_nothing() {
    let mut desk = with_keywords();
    for (words, said) in [
        ("HOURS", "Elm: elm.example/hours"),
        ("“hours?”", "Elm: elm.example/hours"),
        ("Horario", "Elm: lunes a viernes, 9 a 17."),
        (
            "wifi\n\nSent from my iPhone",
            "Elm wifi: ask for the word of the day. Call 555-0100.",
        ),
    ] {
        let effects = desk.text(PAT, words);
        assert_eq!(submits(&effects), to(PAT, said), "{words:?}");
        assert_eq!(bells(&effects), [""; 0]);
        assert!(
            effects
                .iter()
                .any(|e| matches!(e, Effect::CountKeyword { .. }))
        );
    }
    assert_eq!(desk.router.conversations().count(), 0);
    // What has nothing left to say opens nothing either, and neither does a text on another line.
    assert_eq!(submits(&desk.text(PAT, "print")), NOBODY);
    assert_eq!(desk.router.conversations().count(), 0);
    desk.does(text(KIDS_LINE, PAT, "HOURS"));
    assert_eq!(desk.router.conversations().count(), 1);
    // More than the word is a question.
    assert_eq!(bells(&desk.text(PAT, "hours on Monday?")), [""; 0]);
    assert_eq!(desk.router.conversations().count(), 2);
}

#[test]
fn in_an_open_conversation_a_keyword_is_answered_and_shown() {
    let mut desk = with_keywords();
    desk.arrives(ANA);
    desk.text(PAT, "Is my book in?");
    desk.send(ANA, 1, "Yes.").unwrap();
    let before = desk.conversation(1).clone();
    let effects = desk.text(PAT, "hours");
    assert_eq!(submits(&effects), to(PAT, "Elm: elm.example/hours"));
    assert_eq!(bells(&effects), [""; 0]);
    assert_eq!(
        desk.thread(1),
        ["Is my book in?", "Yes.", "hours", "Elm: elm.example/hours"]
    );
    let after = desk.conversation(1);
    assert_eq!((after.state, after.waiting_since), (before.state, None));
}

#[test]
fn keywords_have_an_allowance_that_leaves_stop_its_own() {
    let mut desk = with_keywords();
    let mut said = 0;
    for n in 0..12 {
        desk.wait(3601);
        said += submits(&desk.text(PAT, ["hours", "wifi"][n % 2])).len();
        // The allowance outlives the power.
        desk.restarts();
    }
    assert_eq!(said, 6);
    assert_eq!(desk.router.conversations().count(), 0);
    assert_eq!(submits(&desk.text(PAT, "stop")), to(PAT, STOPPED));
    // Whoever opted out is not told the hours either.
    desk.wait(25 * 3600);
    assert_eq!(submits(&desk.text(PAT, "hours")), NOBODY);
}

#[test]
fn answers_outlive_a_restart() {
    let mut desk = desk();
    let mut said = 0;
    for _ in 0..9 {
        desk.wait(3601);
        said += submits(&desk.text(PAT, "HELP")).len();
        desk.restarts();
    }
    assert_eq!(said, 6);
}

#[test]
fn forget_in_an_attended_conversation_asks_once() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "My diagnosis");
    desk.send(ANA, 1, "On shelf 4.").unwrap();
    let asked = desk.text(PAT, "FORGET");
    assert_eq!(submits(&asked), to(PAT, CONFIRM));
    assert_eq!(notes(&asked).len(), 1, "the librarian sees it");
    // Somebody else's FORGET, and the patron goes on: nothing is lost.
    desk.text(PAT, "What? No!");
    assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
    assert_eq!(desk.thread(1).len(), 5);
    // Too late for the first: asked again, over a restart.
    desk.wait(24 * 3600 + 1);
    desk.arrives(ANA);
    desk.claim(ANA, 1).unwrap();
    assert_eq!(submits(&desk.text(PAT, "forget")), to(PAT, CONFIRM));
    desk.restarts();
    desk.wait(3600);
    let forgotten = desk.text(PAT, "Forget!");
    assert_eq!(submits(&forgotten).len(), 1);
    assert!(
        submits(&forgotten)[0]
            .1
            .contains("are erased from our system")
    );
    assert_eq!(desk.router.conversations().count(), 0);
    assert!(
        desk.rows
            .messages
            .values()
            .all(|m| m.author == Author::Desk)
    );
}

#[test]
fn forget_by_another_line_asks_too_where_a_librarian_is_in_a_conversation() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "My diagnosis");
    desk.claim(ANA, 1).unwrap();
    let asked = desk.does(text(KIDS_LINE, PAT, "FORGET"));
    assert_eq!(submits(&asked).len(), 1);
    assert_eq!(desk.conversation(1).claimed_by, Some(ANA));
    desk.does(text(KIDS_LINE, PAT, "FORGET"));
    assert!(!desk.thread(1).contains(&"My diagnosis"));
}

#[test]
fn forget_erases_at_once_where_nobody_is_in() {
    for released in [false, true] {
        let mut desk = desk();
        desk.arrives(ANA);
        desk.text(PAT, "one");
        if released {
            desk.claim(ANA, 1).unwrap();
            desk.text(PAT, "FORGET");
            desk.release(ANA, 1).unwrap();
        }
        desk.text(PAT, "FORGET");
        assert!(!desk.thread(1).contains(&"one"), "{released}");
    }
}

#[test]
fn answers_are_in_the_language_of_the_word() {
    let mut desk = desk();
    desk.arrives(ANA);
    for (words, part) in [
        ("ayuda", "pregunte lo que quiera"),
        ("ALTO", "su baja queda hecha"),
        ("alta", "ya puede escribirnos"),
        ("help", "ask us anything"),
        ("olvidar", "se han borrado"),
    ] {
        let said = submits(&desk.text(PAT, words));
        assert!(
            said.len() == 1 && said[0].1.contains(part),
            "{words}: {said:?}"
        );
    }
    // French is no language of this line: a word of it is a near-miss, which nothing answers.
    assert_eq!(submits(&desk.text(PAT, "arret")), NOBODY);
    let mut plan = elm();
    plan.library.languages = Languages::default().and(["fr"]).unwrap();
    let mut desk = TestDesk::new(plan);
    for (words, part) in [
        ("aide", "posez vos questions"),
        ("ARRÊT", "votre désinscription est faite"),
        ("reprendre", "vous pouvez de nouveau"),
        ("OUBLIER", "sont effacés"),
    ] {
        let said = submits(&desk.text(PAT, words));
        assert!(
            said.len() == 1 && said[0].1.contains(part),
            "{words}: {said:?}"
        );
    }
}

/// What a phrase that means, or seems to mean, STOP is made of.
mod meaning_stop {
    use proptest::prelude::*;

    use super::*;

    const BEFORE: &[&str] = &["", " ", "“", "> ", "\u{200e}", "** ", "\n", "…"];
    const CORE: &[&str] = &[
        "stop",
        "S T O P",
        "ＳＴＯＰ",
        "Stop all",
        "unsubscribe",
        "please stop texting me",
        "Stop sending these messages",
        "don't text me",
        "DO NOT contact this number",
        "do not text me again",
        "no more texts",
        "take me off your list",
        "remove me",
        "opt me out",
        "I want to opt out",
        "wrong number",
        "leave me alone",
        "forget me",
        "delete my number",
        "alto",
        "no me escriban más",
        "basta",
        "ARRÊT",
        "ne m'écrivez plus",
        "arrêtez",
        "abmelden",
        "keine SMS mehr",
        "parar",
        "стоп",
        "στοπ",
        "توقف",
        "退订",
        "停止",
        "수신거부",
    ];
    const AFTER: &[&str] = &[
        "",
        ".",
        "!!!",
        " 😡",
        "”",
        "\n\nSent from my iPhone",
        "\n-- \nPat",
        "\nEnviado desde mi iPhone",
        " \u{200f}",
        "\n\n> On Monday you wrote:\n> We are closed.",
    ];

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 400,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn nothing_automatic_answers_what_seems_to_mean_stop(
            before in prop::sample::select(BEFORE),
            core in prop::sample::select(CORE),
            after in prop::sample::select(AFTER),
            shouts in any::<bool>(),
            there in 0..3_usize,
            refuses in any::<bool>(),
        ) {
            let core = if shouts { core.to_uppercase() } else { core.to_owned() };
            let body = format!("{before}{core}{after}");
            let mut plan = elm();
            if refuses {
                plan.gateways[0].policy = OfflinePolicy::Refuse;
            }
            plan.queues[0].fallback = Some(Fallback { queue: KIDS, after: Fallback::AFTER });
            let mut desk = TestDesk::new(plan);
            for operator in [ANA, CAL].into_iter().take(there) {
                desk.arrives(operator);
            }
            let mut said = submits(&desk.text(PAT, &body));
            said.extend(submits(&desk.wait(600)));
            let obeyed = desk.rows.patrons.values().any(|patron| patron.opted_out);
            let most = usize::from(obeyed);
            prop_assert!(said.len() <= most, "{body:?} drew {said:?}");
            if obeyed {
                prop_assert!(
                    said.iter().all(|(_, words)| words.contains("START")),
                    "{body:?} drew {said:?}"
                );
            }
        }
    }
}
