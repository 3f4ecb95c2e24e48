//! Two boxes, each a component of its own at one server, that help one another out.

use callnumber::desk::What;
use callnumber::routing::{Amendment, ConversationState, DeliveryState, Role, Show};
use callnumber::xmpp::LinkState;
use tokio::time::timeout;

use super::PATIENCE;
use super::client::{Messenger, attribute};
use super::library::Desk;
use super::neighbour::{Neighbour, returned, withdrawn};
use super::server::Server;

const NUMBER: &str = "+15551230100";
const SOUTH: &str = "desk@south.example.org";

/// The north box, whose queue `desk` has the south box's for its fallback.
async fn north(server: &Server) -> Desk {
    let north = Desk::open_at(server, "desk.example.org", &["ana"]).await;
    helped(&north, "south", SOUTH).await;
    north
}

/// A queue of another box is this one's fallback, after a second.
async fn helped(desk: &Desk, name: &str, jid: &str) {
    for amendment in [
        Amendment::AddQueue { name: name.into() },
        Amendment::AddOperator {
            name: name.into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec![name.into()],
        },
        Amendment::SetAddresses {
            operator: name.into(),
            jids: vec![jid.into()],
        },
        Amendment::SetFallback {
            queue: "desk".into(),
            fallback: Some(name.into()),
            after_s: Some(1),
        },
    ] {
        desk.house.desk().amend(amendment).await.unwrap();
    }
}

async fn south_shows(north: &Desk, show: Show) {
    let mut board = north.house.desk().board();
    let there = board.wait_for(|board| {
        let south = board.plan.operator_named("south").unwrap().id;
        board.shows.get(&south).copied().unwrap_or(Show::Offline) == show
    });
    timeout(PATIENCE, there)
        .await
        .expect("the south box shows so")
        .unwrap();
}

async fn on_duty_in_the_south(server: &Server) -> Messenger {
    let mut ben = Messenger::connect(server, "ben", "gajim").await;
    ben.send(&format!("<presence/><presence to='{SOUTH}'/>"))
        .await;
    ben.expect(&["<presence", "from='desk@south.example.org'", "1 librarian"])
        .await;
    ben
}

/// Both boxes, and a librarian on duty in each.
struct Consortium {
    south: Desk,
    north: Desk,
    ana: Messenger,
    ben: Messenger,
}

impl Consortium {
    async fn open(server: &Server) -> Self {
        let south = Desk::open_at(server, "south.example.org", &["ben"]).await;
        let north = north(server).await;
        let mut ana = Messenger::connect(server, "ana", "gajim").await;
        ana.sign_in().await;
        let ben = on_duty_in_the_south(server).await;
        south_shows(&north, Show::Available).await;
        Self {
            south,
            north,
            ana,
            ben,
        }
    }
}

pub(crate) async fn another_box_helps_out_and_no_number_crosses(mut server: Server) {
    let Consortium {
        south,
        north,
        mut ana,
        mut ben,
    } = Consortium::open(&server).await;

    // Nobody answers in the north.
    north.texts(NUMBER, "Do you have maps?").await;
    ana.expect(&["Do you have maps?"]).await;
    let text = ben.expect(&["Do you have maps?"]).await;
    assert!(!text.contains("5551230100"), "{text}");
    let patron = attribute(&text, "from");
    assert!(patron.ends_with("@south.example.org/desk"), "{patron}");
    ben.says(&patron, "b1", "In the cellar.").await;
    ana.expect(&["answered by south"]).await;
    let sent: Vec<String> = north
        .sent()
        .await
        .into_iter()
        .map(|(body, _)| body)
        .collect();
    assert_eq!(sent, ["In the cellar."]);
    // The receipt comes back over both boxes once the network reports.
    north.line_delivers("In the cellar.").await;
    ben.expect(&["urn:xmpp:receipts", "received", "id='b1'"])
        .await;

    // The patron goes on, and the same desk answers.
    north.texts(NUMBER, "And the key?").await;
    ben.expect(&["And the key?"]).await;

    // The link is down: what comes meanwhile is held, and relayed once it is up again.
    server.kill();
    for desk in [&north, &south] {
        desk.linked(|standing| matches!(standing, LinkState::Down(_)))
            .await;
    }
    north.texts(NUMBER, "Are you there?").await;
    server.run().await;
    for desk in [&north, &south] {
        desk.linked(|standing| *standing == LinkState::Up).await;
    }
    let mut ben = on_duty_in_the_south(&server).await;
    let text = ben.expect(&["Are you there?"]).await;
    ben.says(&attribute(&text, "from"), "b2", "At the desk.")
        .await;
    let mut changes = north.house.desk().changes();
    let answered = async {
        while !north
            .sent()
            .await
            .iter()
            .any(|(body, _)| body == "At the desk.")
        {
            changes.recv().await.unwrap();
        }
    };
    timeout(PATIENCE, answered).await.expect("it is relayed");

    // The north has no text that nobody wrote: notices of the south stay there.
    let sent = north.sent().await;
    let relayed = sent
        .iter()
        .filter(|(_, state)| *state != DeliveryState::Failed);
    assert_eq!(relayed.count(), 2, "{sent:?}");

    // Nobody takes texts in the south any more, and the north sees it.
    ben.send(&format!(
        "<presence to='{SOUTH}'><show>away</show></presence>"
    ))
    .await;
    south_shows(&north, Show::Away).await;
    south.house.close().await;
    north.house.close().await;
}

pub(crate) async fn a_conversation_comes_back_from_another_box(server: Server) {
    let Consortium {
        south,
        north,
        mut ana,
        mut ben,
    } = Consortium::open(&server).await;
    let mut changes = north.house.desk().changes();

    // Ben takes it and has no answer: it is the north's alone again, and Ana sees whose it was.
    north.texts(NUMBER, "Who shot the heron?").await;
    let asked = ana.expect(&["Who shot the heron?"]).await;
    ben.expect(&["Who shot the heron?"]).await;
    for (id, words, said) in [
        ("t1", "!take", "It is yours"),
        ("c1", "!close", "It is closed."),
    ] {
        ben.says(SOUTH, id, words).await;
        ben.expect(&[said]).await;
    }
    ana.expect(&["/me returned by south"]).await;
    ana.says(&attribute(&asked, "from"), "a1", "Nobody did.")
        .await;
    north.line_delivers("Nobody did.").await;
    ana.expect(&["urn:xmpp:receipts", "received", "id='a1'"])
        .await;

    // What he has answered ends over there once he closes it.
    north.texts("+15551230101", "Do you have maps?").await;
    let maps = ben.expect(&["Do you have maps?"]).await;
    ben.says(&attribute(&maps, "from"), "b1", "In the cellar.")
        .await;
    ana.expect(&["/me answered by south"]).await;
    north.line_delivers("In the cellar.").await;
    ben.expect(&["received", "id='b1'"]).await;
    ben.says(SOUTH, "c2", "!close").await;
    ben.expect(&["It is closed."]).await;
    let ended = async {
        loop {
            if let What::Conversation(conversation) = &changes.recv().await.unwrap().what
                && conversation.state == ConversationState::Closed
            {
                return;
            }
        }
    };
    timeout(PATIENCE, ended).await.expect("the north ends it");
    // And what the patron writes then goes to the south again, as a thread does.
    north.texts("+15551230101", "And the key?").await;
    ben.expect(&["And the key?"]).await;
    south.house.close().await;
    north.house.close().await;
}

pub(crate) async fn what_is_answered_at_home_is_called_back(mut server: Server) {
    const WHY: &str = "/me answered by ana (desk.example.org)";
    let Consortium {
        south,
        north,
        mut ana,
        mut ben,
    } = Consortium::open(&server).await;

    // Both are asked, and Ana is first: Ben sees so, and it is open in the south no more.
    north.texts(NUMBER, "Who shot the heron?").await;
    let asked = ana.expect(&["Who shot the heron?"]).await;
    let relayed = ben.expect(&["Who shot the heron?"]).await;
    ana.says(&attribute(&asked, "from"), "a1", "Nobody did.")
        .await;
    let told = ben.expect(&["answered by"]).await;
    assert!(told.contains(WHY), "{told}");
    assert_eq!(attribute(&told, "from"), attribute(&relayed, "from"));
    ben.says(SOUTH, "w1", "!waiting").await;
    ben.expect(&["Nothing waits."]).await;
    // An answer all the same comes back, and the patron reads one alone.
    ben.says(&attribute(&relayed, "from"), "b1", "The miller.")
        .await;
    ben.expect(&["type='error'", "id='b1'", "The miller."])
        .await;
    let sent = north.sent().await;
    let bodies: Vec<_> = sent.iter().map(|(body, _)| body.as_str()).collect();
    assert_eq!(bodies, ["Nobody did."]);

    // Ben has it without an answer yet, and the link is down when Ana answers at the console.
    north.texts("+15551230101", "Do you have maps?").await;
    ana.expect(&["Do you have maps?"]).await;
    ben.expect(&["Do you have maps?"]).await;
    ben.says(SOUTH, "t1", "!take").await;
    ben.expect(&["It is yours"]).await;
    server.kill();
    for desk in [&north, &south] {
        desk.linked(|standing| matches!(standing, LinkState::Down(_)))
            .await;
    }
    north.answers("ana", "+15551230101", "In the cellar.").await;
    let mut southern = south.house.desk().changes();
    server.run().await;
    for desk in [&north, &south] {
        desk.linked(|standing| *standing == LinkState::Up).await;
    }
    let _ben = on_duty_in_the_south(&server).await;
    let called_back = async {
        loop {
            if let What::Note { text, .. } = &southern.recv().await.unwrap().what
                && WHY.ends_with(&**text)
            {
                return;
            }
        }
    };
    timeout(PATIENCE, called_back)
        .await
        .expect("it is called back once the link is up");
    south.house.close().await;
    north.house.close().await;
}

pub(crate) async fn boxes_that_help_one_another_pass_nothing_round(server: Server) {
    let Consortium {
        south,
        north,
        mut ana,
        mut ben,
    } = Consortium::open(&server).await;
    helped(&south, "north", "desk@desk.example.org").await;
    let mut southern = south.house.desk().changes();

    // Nobody answers in either place, and both ask the other for help.
    north.texts(NUMBER, "Do you have maps?").await;
    ana.expect(&["Do you have maps?"]).await;
    ben.expect(&["Do you have maps?"]).await;
    let asks = async {
        loop {
            if let What::Note { text, .. } = &southern.recv().await.unwrap().what
                && text.starts_with("offered to north as well")
            {
                return;
            }
        }
    };
    timeout(PATIENCE, asks)
        .await
        .expect("the south asks for help");
    // A text of the south's own goes north, so the way is open; the relayed one did not take it.
    south.texts("+15551230177", "Is the mill open?").await;
    let seen = ana.all_until(&["Is the mill open?"]).await;
    let round = seen.iter().filter(|s| s.contains("Do you have maps?"));
    assert_eq!(round.count(), 0, "{seen:#?}");
    let patrons = north.house.spool().read(|c| {
        let count = "SELECT count(*) FROM patron";
        Ok(c.query_row(count, [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(patrons.await.unwrap(), 2, "one of each box, and no third");
    south.house.close().await;
    north.house.close().await;
}

pub(crate) async fn only_the_box_that_helps_gives_back_and_only_what_it_has(server: Server) {
    let north = north(&server).await;
    let mut box_by_hand = Neighbour::link(&server, "south.example.org").await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    north.texts(NUMBER, "Who shot the heron?").await;
    let patron = attribute(&ana.expect(&["Who shot the heron?"]).await, "from");
    ana.says(&patron, "a1", "Let me see.").await;
    north.line_delivers("Let me see.").await;
    ana.expect(&["received", "id='a1'"]).await;

    let nobody = "~nobody-1@desk.example.org/desk";
    for (id, from, to, condition) in [
        // A queue of that box that this one does not know, and a patron of its own.
        (
            "f1",
            "other@south.example.org",
            patron.as_str(),
            "forbidden",
        ),
        (
            "f2",
            "~heron-1@south.example.org/desk",
            &patron,
            "forbidden",
        ),
        // The one it knows: what Ana answers is not its to give back, nor a client of its own.
        ("f3", SOUTH, &patron, "not-acceptable"),
        ("f4", "desk@south.example.org/phone", &patron, "not-allowed"),
        ("f5", SOUTH, nobody, "item-not-found"),
        // Nor is a queue a conversation.
        ("f6", SOUTH, "desk@desk.example.org", "forbidden"),
    ] {
        let answer = box_by_hand.gives_back(from, to, id).await;
        assert!(answer.contains("type='error'"), "{id}: {answer}");
        assert!(answer.contains(condition), "{id}: {answer}");
    }
    // Nor does anybody call back but the address a conversation came from.
    for (id, from, condition) in [
        ("w1", SOUTH, "forbidden"),
        ("w2", "~nobody-1@south.example.org/desk", "item-not-found"),
    ] {
        box_by_hand
            .send(&withdrawn(from, "desk@desk.example.org", id))
            .await;
        let answer = box_by_hand.answer(id).await;
        assert!(answer.contains("type='error'"), "{id}: {answer}");
        assert!(answer.contains(condition), "{id}: {answer}");
    }
    // Whoever answers for a person has a client, and releases.
    ana.send(&returned("", &patron, "f7")).await;
    ana.expect(&[
        "id='f7'",
        "type='error'",
        "release the conversation instead",
    ])
    .await;
    // Words from a box that is unknown reach no patron.
    box_by_hand
        .send(&format!(
            "<message type='chat' id='w1' from='other@south.example.org' to='{patron}'>\
             <body>Send me money.</body></message>"
        ))
        .await;
    let refused = box_by_hand.answer("w1").await;
    assert!(refused.contains("forbidden"), "{refused}");

    // It is Ana's yet.
    ana.says(&patron, "a2", "Nobody did.").await;
    north.line_delivers("Nobody did.").await;
    ana.expect(&["received", "id='a2'"]).await;
    let sent = north.sent().await;
    let bodies: Vec<_> = sent.iter().map(|(body, _)| body.as_str()).collect();
    assert_eq!(bodies, ["Let me see.", "Nobody did."]);
    north.house.close().await;
}

pub(crate) async fn a_box_that_floods_is_slowed_and_nobody_else(server: Server) {
    const FLOOD: usize = 400;
    let north = north(&server).await;
    let mut box_by_hand = Neighbour::link(&server, "south.example.org").await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    let mut flood = String::new();
    for n in 0..FLOOD {
        flood.push_str(&format!(
            "<message type='chat' id='n{n}' from='~n{n}@south.example.org/desk' \
             to='desk@desk.example.org'><body>flood {n}</body>\
             <request xmlns='urn:xmpp:receipts'/></message>"
        ));
    }
    box_by_hand.send(&flood).await;
    let (mut taken, mut refused) = (0, 0);
    while taken + refused < FLOOD {
        let stanza = box_by_hand.next().await;
        if stanza.contains("type='error'") {
            assert!(stanza.contains("policy-violation"), "{stanza}");
            refused += 1;
        } else if stanza.contains("urn:xmpp:receipts") && stanza.contains("<received") {
            taken += 1;
        } else {
            // The desk's notices go to no other box's patron.
            assert!(!stanza.contains("<body>"), "{stanza}");
        }
    }
    assert!(
        (200..FLOOD / 2 + 100).contains(&taken),
        "{taken} of {FLOOD}"
    );
    // Patrons of its own are heard meanwhile.
    north.texts(NUMBER, "Is my book in?").await;
    ana.expect(&["Is my book in?"]).await;
    north.house.close().await;
}
