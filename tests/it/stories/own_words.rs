//! Their own words are obeyed: consent, reactions, keywords, and one telephone for every spelling.

use callnumber::routing::{Amendment, Role};
use serde_json::{Value, json};

use super::house::{House, Librarian, Opening, until, wait};
use super::{MONDAY_10_AM, PAT, SUE};

const STOPPED: &str = "Elm Library: you are opted out and will get no more texts from us. Text START \
                       to opt back in.";

/// A librarian who cannot text this number any more.
async fn cannot_text(ana: &Librarian, number: &str) {
    let begun = json!({ "to": number, "body": "By the way" });
    let (status, answer) = ana.call("POST", "/conversations", Some(begun)).await;
    assert_eq!(status, 409, "{number}: {answer}");
    assert!(
        answer["detail"].to_string().contains("opted out"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn patron_writes_arret_however_the_accent_is_made() {
    for (arret, telephone) in [("ARR\u{ca}T", PAT), ("arre\u{302}t !", SUE)] {
        let opening = Opening {
            languages: &["fr"],
            ..Opening::default()
        };
        let house = House::open_with(MONDAY_10_AM, opening).await;
        let ana = house.hire("ana", Role::Operator, &["desk"]).await;
        ana.arrives().await;
        house.modem.patron_texts(telephone, arret).unwrap();
        let said = house.until_told(telephone, 1).await;
        assert!(
            said[0].contains("votre désinscription est faite"),
            "{said:?}"
        );
        cannot_text(&ana, telephone).await;
        assert!(ana.list().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn patron_says_stop_with_a_signature_below() {
    for stop in [
        "Stop\n\nSent from my iPhone",
        "STOP\n-- \nPat Doe\nElm Street 1",
        "stop. Sent from my Verizon, Samsung Galaxy smartphone",
        "ALTO\nEnviado desde mi iPhone",
        "\u{201c}Stop\u{201d}\n\n> On Monday you wrote:\n> Reply STOP to opt out.",
    ] {
        let house = House::open(MONDAY_10_AM).await;
        let ana = house.hire("ana", Role::Operator, &["desk"]).await;
        ana.arrives().await;
        house.modem.patron_texts(PAT, stop).unwrap();
        house.until_told(PAT, 1).await;
        for spelling in ["(555) 123-0100", "555 123 0100", "1 555 123 0100", PAT] {
            cannot_text(&ana, spelling).await;
        }
    }
}

async fn reaction_to(ana: &Librarian, id: &Value, words: &str) -> Value {
    let thread = ana.thread(id).await;
    let messages = thread["messages"].as_array().unwrap();
    let ours = messages.iter().find(|one| one["body"] == words).unwrap();
    ours["reaction"].clone()
}

#[tokio::test(start_paused = true)]
async fn patron_taps_a_heart_after_closing() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "When are you open?").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    let answer = "Noon to five, today and tomorrow.";
    assert_eq!(ana.answers(&id, answer).await.0, 201);
    house.until_told(PAT, 1).await;
    let close = format!("/conversations/{id}/close");
    assert_eq!(ana.call("POST", &close, None).await.0, 200);
    wait(3 * 3600).await;
    for (tap, mark) in [
        (
            "Loved \u{201c}Noon to five, today and tomorrow.\u{201d}",
            json!("❤️"),
        ),
        (
            "\u{200a}\u{200b}😂\u{200b} to \u{201c}\u{200a}Noon to five, tod\u{2026}\u{200a}\u{201d}",
            json!("😂"),
        ),
        (
            "Removed a laugh from \u{201c}Noon to five, today and tomorrow.\u{201d}",
            Value::Null,
        ),
    ] {
        house.modem.patron_texts(PAT, tap).unwrap();
        until("the mark", async || {
            (reaction_to(&ana, &id, answer).await == mark).then_some(())
        })
        .await;
    }
    house.modem.patron_texts(PAT, "thanks!!").unwrap();
    until("the thanks", async || {
        ana.words(&id)
            .await
            .contains(&"thanks!!".to_owned())
            .then_some(())
    })
    .await;
    wait(600).await;
    assert_eq!(house.told(PAT), [answer], "nothing answers a heart");
    assert!(ana.list().await.is_empty(), "nothing opens");
    assert_eq!(
        ana.words(&id).await,
        ["When are you open?", answer, "thanks!!"]
    );
}

#[tokio::test(start_paused = true)]
async fn patron_asks_for_help_three_times_and_stops() {
    let house = House::open(MONDAY_10_AM).await;
    for (at, words) in ["q", "HELP", "help?", "Help!", "STOP"]
        .into_iter()
        .enumerate()
    {
        house.modem.patron_texts(PAT, words).unwrap();
        house.until_told(PAT, at + 1).await;
        wait(1800).await;
    }
    assert_eq!(house.told(PAT)[4], STOPPED);
}

#[tokio::test(start_paused = true)]
async fn patron_says_forget_twice_to_a_librarian() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    house.modem.patron_texts(PAT, "My diagnosis").unwrap();
    let id = ana.sees(1).await[0]["id"].clone();
    ana.answers(&id, "On shelf 4.").await;
    house.until_told(PAT, 1).await;
    house.modem.patron_texts(PAT, "FORGET").unwrap();
    let said = house.until_told(PAT, 2).await;
    assert_eq!(
        said[1],
        "Elm Library: a librarian is in this conversation with you. Reply FORGET again to erase \
         everything."
    );
    assert!(
        ana.notes(&id)
            .await
            .concat()
            .contains("asked to be forgotten")
    );
    assert!(ana.words(&id).await.contains(&"My diagnosis".to_owned()));
    house.modem.patron_texts(PAT, "forget").unwrap();
    let said = house.until_told(PAT, 3).await;
    assert!(said[2].contains("are erased from our system"), "{said:?}");
    ana.sees(0).await;
}

#[tokio::test(start_paused = true)]
async fn patron_of_a_fresh_box_reads_that_the_text_is_saved() {
    let opening = Opening {
        bare: true,
        ..Opening::default()
    };
    let house = House::open_with(MONDAY_10_AM, opening).await;
    house.modem.patron_texts(PAT, "Is my book in?").unwrap();
    assert_eq!(
        house.until_told(PAT, 1).await,
        ["Elm Library is closed now. Your text is saved. Reply STOP to opt out."]
    );
}

#[tokio::test(start_paused = true)]
async fn patron_texts_a_keyword_and_nobody_is_asked() {
    let house = House::open(MONDAY_10_AM).await;
    let ana = house.hire("ana", Role::Admin, &["desk"]).await;
    ana.arrives().await;
    for (word, answer) in [
        ("HOURS", "{library}: {hours_link}"),
        ("Horario", "{library}: de lunes a viernes, de 9 a 17."),
    ] {
        let keyword = Amendment::SetKeyword {
            gateway: "front-desk".into(),
            word: word.into(),
            answer: Some(answer.into()),
        };
        house.amend(keyword).await;
    }
    house.modem.patron_texts(PAT, "hours?").unwrap();
    house.until_told(PAT, 1).await;
    house
        .modem
        .patron_texts(PAT, "horario\n\nEnviado desde mi iPhone")
        .unwrap();
    assert_eq!(
        house.until_told(PAT, 2).await,
        [
            "Elm Library: elm.example/hours",
            "Elm Library: de lunes a viernes, de 9 a 17."
        ]
    );
    assert!(ana.list().await.is_empty());
    let path = "/gateways/front-desk/keywords";
    let listed = ana.get(path).await;
    assert_eq!(listed["items"][0]["word"], "Horario", "{listed}");
    for (word, answer, why) in [
        (
            "Stop!",
            "No.",
            "means something about texting itself already",
        ),
        ("info", "No.", "means something"),
        ("?", "No.", "cannot be a keyword"),
        ("WIFI", " ", "needs an answer"),
        ("WIFI", "{wifi}", "knows no {wifi}"),
    ] {
        let trial = json!({ "word": word, "answer": answer });
        let preview = format!("{path}/preview");
        let (status, said) = ana.call("POST", &preview, Some(trial)).await;
        assert_eq!(status, 422, "{word}: {said}");
        assert!(said["detail"].to_string().contains(why), "{word}: {said}");
    }
    let report = ana
        .get("/reports?from=2026-12-07&to=2026-12-07&by=queue")
        .await;
    assert!(report.to_string().contains("\"keywords\":2"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn patrons_of_two_lines_in_two_countries_are_each_one_telephone() {
    let opening = Opening {
        spare_number: Some("+447700900000"),
        ..Opening::default()
    };
    let house = House::open_with(MONDAY_10_AM, opening).await;
    house
        .amend(Amendment::AddGateway {
            name: "london".into(),
            kind: callnumber::routing::GatewayKind::Sms,
            queue: "desk".into(),
            line: Some("spare".into()),
            policy: None,
        })
        .await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    // The same digits are another telephone in each country; each is one, however it is spelled.
    for (modem, gateway, spellings) in [
        (
            &house.modem,
            "front-desk",
            ["2025550123", "+12025550123", "12025550123"],
        ),
        (
            &house.spare,
            "london",
            ["07700900123", "+447700900123", "00447700900123"],
        ),
    ] {
        for spelling in spellings {
            modem.patron_texts(spelling, "Is my book in?").unwrap();
        }
        let words = until("one thread of three texts", async || {
            let list = ana.list().await;
            let thread = list.iter().find(|one| one["gateway"] == gateway)?;
            let words = ana.words(&thread["id"]).await;
            (words.len() == 3).then_some(words)
        })
        .await;
        assert_eq!(words, ["Is my book in?"; 3], "{gateway}");
        modem.patron_texts(spellings[0], "STOP").unwrap();
        for spelling in spellings {
            let begun = json!({ "to": spelling, "body": "By the way", "gateway": gateway });
            until("the opt-out", async || {
                let (status, _) = ana
                    .call("POST", "/conversations", Some(begun.clone()))
                    .await;
                (status == 409).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn operator_begins_with_the_catalogues_spelling_and_the_answer_lands_there() {
    for spelling in [
        "(555) 123-0100",
        "555.123.0100",
        "1-555-123-0100",
        "5551230100 ",
    ] {
        let house = House::open(MONDAY_10_AM).await;
        let ana = house.hire("ana", Role::Operator, &["desk"]).await;
        ana.arrives().await;
        let begun = json!({ "to": spelling, "body": "Your hold is here." });
        let (status, begun) = ana.call("POST", "/conversations", Some(begun)).await;
        assert_eq!(status, 201, "{spelling}: {begun}");
        assert_eq!(house.until_told(PAT, 1).await, ["Your hold is here."]);
        house
            .modem
            .patron_texts(PAT, "Thanks, until when?")
            .unwrap();
        until("the answer", async || {
            (ana.words(&begun["id"]).await.len() == 2).then_some(())
        })
        .await;
        assert_eq!(ana.list().await.len(), 1, "{spelling}");
    }
}
