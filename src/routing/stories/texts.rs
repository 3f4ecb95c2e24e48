//! Texts that grow, say nothing, go nowhere, or are the desk's own.

use crate::numbers::NumberError;

use super::*;

#[test]
fn texts_shown_in_part_grow() {
    let mut desk = desk();
    desk.arrives(ANA);
    desk.text(PAT, "Is my");
    let amend = |message, body: &str| Event::TextAmended {
        message: MessageId(message),
        conversation: ConversationId(1),
        body: body.into(),
    };
    let effects = desk.does(amend(1, "Is my book in?"));
    assert_eq!(desk.thread(1), ["Is my book in?"]);
    assert!(bells(&effects).is_empty());
    assert_eq!(desk.try_do(amend(9, "?")), Err(Refusal::NoSuchMessage));
    desk.send(ANA, 1, "Yes.").unwrap();
    assert_eq!(desk.try_do(amend(2, "No.")), Err(Refusal::NoSuchMessage));
}

#[test]
fn a_text_without_words_is_shown_as_empty() {
    let mut desk = desk();
    for body in ["", "  \n"] {
        desk.text(PAT, body);
    }
    assert_eq!(desk.thread(1), ["(empty)", CLOSED, "(empty)"]);
}

#[test]
fn a_gateway_that_is_not_there_takes_nothing() {
    let mut plan = elm();
    plan.gateways[0].removed = true;
    let mut desk = TestDesk::new(plan);
    for gateway in [LINE, GatewayId(99)] {
        assert_eq!(
            desk.try_do(text(gateway, PAT, "Hi")),
            Err(Refusal::NoSuchGateway)
        );
    }
}

#[test]
fn the_desk_writes_and_the_answer_comes_to_the_same_thread() {
    let mut desk = desk();
    desk.arrives(ANA);
    let write = |to: &str, body: &str| Event::Write {
        gateway: LINE,
        to: to.into(),
        body: body.into(),
    };
    let effects = desk.does(write("+1 555 123-0100", "Your book is in."));
    assert_eq!(submits(&effects), to(PAT, "Your book is in."));
    assert!(bells(&effects).is_empty());
    let message = &desk.rows.messages[&MessageId(1)];
    assert_eq!(
        (message.author, message.state),
        (Author::Desk, DeliveryState::Queued)
    );
    assert_eq!(desk.state(1), ConversationState::Closed);
    assert_eq!(
        bells(&desk.text(PAT, "Thanks, until when?")),
        ["offer 1 to 1"]
    );
    desk.does(write(PAT, "Until six."));
    assert_eq!(
        desk.thread(1),
        ["Your book is in.", "Thanks, until when?", "Until six."]
    );
    for (number, body, refusal) in [
        ("INFO", "Hi", NumberError::NotANumber("INFO".into()).into()),
        (
            "555 123",
            "Hi",
            NumberError::NotWhole("555 123".into()).into(),
        ),
        ("22000", "Hi", Refusal::NotAnswerable),
        (PAT, " ", Refusal::Empty),
    ] {
        assert_eq!(desk.try_do(write(number, body)), Err(refusal));
    }
}
