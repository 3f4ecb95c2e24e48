//! What operators and patrons do.

use std::collections::BTreeSet;

use callnumber::routing::{DeliveryState, Event};
use callnumber::xmpp::{self, LinkError};
use tokio::time::timeout;

use super::PATIENCE;
use super::client::{Messenger, attribute, body};
use super::library::Desk;
use super::server::{SECRET, Server, free_port};

pub(crate) async fn a_text_is_answered_from_a_client_and_the_receipt_waits_for_the_network(
    server: Server,
) {
    let desk = Desk::open(&server).await;
    desk.texts("+15551230100", "Is my book in?").await;

    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    let text = ana.expect(&["Is my book in?"]).await;
    let patron = attribute(&text, "from");
    assert!(
        patron.starts_with('~') && patron.ends_with("@desk.example.org/desk"),
        "{text}"
    );
    assert!(
        !text.contains("5551230100"),
        "no number leaves the box: {text}"
    );
    assert!(text.contains("<thread>") && text.contains("nick"), "{text}");

    let mut changes = desk.house.desk().changes();
    ana.says(&patron, "r1", "Yes, at the desk.").await;
    // A client that resumes sends it again: the same message.
    ana.says(&patron, "r1", "Yes, at the desk.").await;
    ana.says(&patron, "r2", "Until six.").await;
    let both = async {
        let mut messages = Vec::new();
        while messages.len() < 2 {
            if let callnumber::desk::What::Message(message, _) = &changes.recv().await.unwrap().what
                && message.client_id.is_some()
            {
                messages.push((message.id, message.conversation));
            }
        }
        messages
    };
    let messages = timeout(PATIENCE, both).await.unwrap();
    let sent = desk.sent().await;
    assert_eq!(
        sent.iter()
            .map(|(body, _)| body.as_str())
            .collect::<Vec<_>>(),
        ["Yes, at the desk.", "Until six."]
    );

    // The network reports the first and refuses the second.
    for ((message, conversation), state, reason) in [
        (messages[0], DeliveryState::Sent, None),
        (messages[0], DeliveryState::Delivered, None),
        (
            messages[1],
            DeliveryState::Failed,
            Some("no credit".to_owned()),
        ),
    ] {
        let event = Event::Delivery {
            message,
            conversation,
            state,
            reason,
        };
        desk.house.desk().ask(event).await.unwrap();
    }
    let receipt = ana.expect(&["urn:xmpp:receipts", "received"]).await;
    assert!(receipt.contains("id='r1'"), "{receipt}");
    let failure = ana.expect(&["type='error'", "id='r2'"]).await;
    assert!(
        failure.contains("Until six.") && failure.contains("no credit"),
        "{failure}"
    );
    desk.house.close().await;
}

pub(crate) async fn the_first_answer_claims_and_the_loser_keeps_the_words(server: Server) {
    let desk = Desk::open(&server).await;
    let mut ana = Messenger::connect(&server, "ana", "one").await;
    ana.sign_in().await;
    let mut ben = Messenger::connect(&server, "ben", "two").await;
    ben.send("<presence/><presence to='desk@desk.example.org'/>")
        .await;
    ben.expect(&["<presence", "librarian"]).await;
    // Until the desk has both on duty.
    let mut board = desk.house.desk().board();
    timeout(PATIENCE, board.wait_for(|board| board.shows.len() == 2))
        .await
        .unwrap()
        .unwrap();

    desk.texts("+15551230100", "Do you lend saws?").await;
    let patron = attribute(&ana.expect(&["Do you lend saws?"]).await, "from");
    assert_eq!(
        attribute(&ben.expect(&["Do you lend saws?"]).await, "from"),
        patron
    );
    ana.says(&patron, "a1", "We do.").await;
    ben.expect(&["/me answered by ana"]).await;
    ben.says(&patron, "b1", "I believe so.").await;
    let lost = ben.expect(&["type='error'", "id='b1'"]).await;
    assert!(
        lost.contains("conflict") && lost.contains("answered by ana"),
        "{lost}"
    );
    assert_eq!(body(&lost), "I believe so.");
    assert_eq!(desk.sent().await.len(), 1);

    // Commands, both dresses.
    ana.says("desk@desk.example.org", "c1", "!who").await;
    let who = ana.expect(&["<body>desk: "]).await;
    assert!(
        body(&who).contains("ana") && body(&who).contains("ben"),
        "{who}"
    );
    ana.send("<iq type='set' id='c2' to='desk@desk.example.org'><command xmlns='http://jabber.org/protocol/commands' node='waiting' action='execute'/></iq>").await;
    let waiting = ana.expect(&["id='c2'"]).await;
    assert!(
        waiting.contains("completed") && waiting.contains("yours"),
        "{waiting}"
    );
    ana.says(&patron, "c3", "!close").await;
    ana.expect(&["type='error'", "id='c3'", "the patron got nothing"])
        .await;
    ana.says("desk@desk.example.org", "c4", "!close").await;
    ana.expect(&["It is closed."]).await;
    desk.house.close().await;
}

pub(crate) async fn a_chat_patron_is_answered_from_the_desk_and_sees_no_librarian(server: Server) {
    let desk = Desk::open(&server).await;
    let mut pat = Messenger::connect(&server, "pat", "phone").await;
    pat.send("<presence/>").await;
    pat.says("desk@desk.example.org", "p1", "Hello?").await;
    pat.expect(&["urn:xmpp:receipts", "id='p1'"]).await;

    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    let text = ana.expect(&["Hello?"]).await;
    assert!(
        !text.contains("pat@"),
        "the patron's address stays with the desk: {text}"
    );
    ana.says(&attribute(&text, "from"), "r1", "Good morning.")
        .await;
    let reply = pat.expect(&["Good morning."]).await;
    assert_eq!(attribute(&reply, "from"), "desk@desk.example.org");
    assert!(!reply.contains("ana"), "{reply}");
    pat.send(&format!(
        "<message to='desk@desk.example.org'><received xmlns='urn:xmpp:receipts' id='{}'/></message>",
        attribute(&reply, "id")
    ))
    .await;
    ana.expect(&["urn:xmpp:receipts", "id='r1'"]).await;
    desk.house.close().await;
}

pub(crate) async fn a_refused_link_says_why(server: Server) {
    let refused = async |settings: xmpp::Settings| {
        let server = settings.servers[0].clone();
        let hosts = BTreeSet::new();
        let probed = xmpp::probe(&settings, &server, &hosts).await;
        probed.unwrap_err()
    };
    for (secret, domain, wanted) in [
        ("wrong", "desk.example.org", "secret"),
        (SECRET, "other.example.org", "serve"),
    ] {
        let error = refused(server.settings(secret, domain)).await;
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let nobody = xmpp::Settings {
        servers: vec![format!("127.0.0.1:{}", free_port())],
        ..server.settings(SECRET, "desk.example.org")
    };
    let error = refused(nobody).await;
    assert!(matches!(error, LinkError::Unreachable { .. }), "{error}");
}

/// Two sessions of one name: the old one is replaced, and ejabberd reports it gone only after the new
/// one has come.
pub(crate) async fn a_client_that_comes_back_under_its_resource_is_served(server: Server) {
    let desk = Desk::open(&server).await;
    let mut sessions = Vec::new();
    for n in 0..4 {
        let mut ana = Messenger::connect(&server, "ana", "phone").await;
        ana.send("<presence/><presence to='desk@desk.example.org'/>")
            .await;
        desk.texts(&format!("+1555123010{n}"), &format!("Question {n}."))
            .await;
        ana.expect(&[&format!("Question {n}.")]).await;
        // Half of them die, the others are connected yet when their successor comes.
        if n % 2 == 0 {
            sessions.push(ana);
        }
    }
    // Who signs out stays out, although their client is there and answers.
    let mut ben = Messenger::connect(&server, "ben", "phone").await;
    for show in ["", "<show>away</show>"] {
        ben.send(&format!(
            "<presence to='desk@desk.example.org'>{show}</presence>"
        ))
        .await;
    }
    ben.expect(&["<presence", "librarian"]).await;
    ben.send("<presence to='desk@desk.example.org' type='unavailable'/>")
        .await;
    ben.send("<iq type='get' id='out' to='desk.example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    ben.all_until(&["id='out'"]).await;
    desk.texts("+15551230199", "And I?").await;
    ben.send("<iq type='get' id='still' to='desk.example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    let seen = ben.all_until(&["id='still'"]).await;
    assert!(!seen.iter().any(|s| s.contains("And I?")), "{seen:#?}");
    desk.house.close().await;
}

pub(crate) async fn a_client_that_gives_receipts_is_not_pinged_as_well(server: Server) {
    let desk = Desk::open(&server).await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    ana.gives_receipts(true);
    for n in 10..30 {
        let words = format!("text {n}.");
        desk.texts(&format!("+155512301{n}"), &words).await;
        ana.expect(&[&words]).await;
        // The receipt is there, and so is what followed the text.
        ana.waits_for("desk@desk.example.org").await;
    }
    assert_eq!(ana.pings, 8, "until it was known");
    // It gives none any more: the ping is late, but it comes, and from the next text on at once.
    ana.gives_receipts(false);
    desk.texts("+15551230130", "text 30.").await;
    ana.expect(&["text 30."]).await;
    ana.waits_for("desk@desk.example.org").await;
    assert_eq!(ana.pings, 8);
    ana.until_pinged(9).await;
    desk.texts("+15551230131", "text 31.").await;
    ana.expect(&["text 31."]).await;
    ana.waits_for("desk@desk.example.org").await;
    assert_eq!(ana.pings, 10);
    desk.house.close().await;
}
