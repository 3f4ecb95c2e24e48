//! Answers to a patron's own words about texting, in the language of the word (clause 9).
//!
//! A language is a row of [`CATALOGUE`], and a row needs nothing else: whoever adds one puts all of its
//! notices in. English is not here: it is what the desk says by itself, and what it says where a row is
//! missing. A test renders every row with and without what a library may not have told, in the
//! characters of one SMS or two.
//!
//! Written by the desk's own hand and to be read by a native speaker of each.

use super::notice::Notice;

/// One language's answers.
struct Catalogue {
    /// ISO 639.
    language: &'static str,
    /// M3.
    stopped: &'static str,
    /// M4 with a page of hours and a telephone, with one of the two, and with none.
    help: Help,
    /// M5.
    forgotten: &'static str,
    /// M10.
    started: &'static str,
    /// M12.
    confirm: &'static str,
}

struct Help {
    both: &'static str,
    link: &'static str,
    call: &'static str,
    bare: &'static str,
}

/// START and FORGET hold in every language, and so are what a patron is told to write.
///
/// The letters are those of the GSM 7 bit alphabet (TS 23.038 §6.2.1), which has é and ñ
/// and no í or ê: one such letter more than doubles the cost of a text.
const CATALOGUE: &[Catalogue] = &[
    Catalogue {
        language: "es",
        stopped: "{library}: su baja queda hecha y no le enviaremos otro mensaje. Responda START \
                  para volver.",
        help: Help {
            both: "{library} por mensaje: pregunte lo que quiera. {hours_link} o llame al {urgent}. \
                   Puede tener costo. STOP para darse de baja, FORGET para borrar sus mensajes.",
            link: "{library} por mensaje: pregunte lo que quiera. Horario: {hours_link}. Puede tener \
                   costo. STOP para darse de baja, FORGET para borrar sus mensajes.",
            call: "{library} por mensaje: pregunte lo que quiera, o llame al {urgent}. Puede tener \
                   costo. STOP para darse de baja, FORGET para borrar sus mensajes.",
            bare: "{library} por mensaje: pregunte lo que quiera. Puede tener costo. STOP para darse \
                   de baja, FORGET para borrar sus mensajes.",
        },
        forgotten: "{library}: se han borrado de nuestro sistema sus mensajes y su teléfono. Quedan \
                    copias en su aparato y en su operador.",
        started: "{library}: gracias, ya puede escribirnos de nuevo. Pregunte cuando quiera.",
        confirm: "{library}: una persona de la biblioteca le atiende ahora. Responda FORGET otra vez \
                  para borrar todo.",
    },
    Catalogue {
        language: "fr",
        stopped: "{library}: votre désinscription est faite, vous ne recevrez plus de textos de \
                  nous. Répondez START pour revenir.",
        help: Help {
            both: "{library} par texto: posez vos questions. {hours_link} ou appelez le {urgent}. \
                   Frais possibles. STOP pour ne plus rien recevoir, FORGET pour effacer vos textos.",
            link: "{library} par texto: posez vos questions. Horaires: {hours_link}. Frais possibles. \
                   STOP pour ne plus rien recevoir, FORGET pour effacer vos textos.",
            call: "{library} par texto: posez vos questions, ou appelez le {urgent}. Frais possibles. \
                   STOP pour ne plus rien recevoir, FORGET pour effacer vos textos.",
            bare: "{library} par texto: posez vos questions. Frais possibles. STOP pour ne plus rien \
                   recevoir, FORGET pour effacer vos textos.",
        },
        forgotten: "{library}: vos textos et votre numéro sont effacés de notre \
                    système. Il en reste des copies sur votre appareil et chez votre \
                    opérateur.",
        started: "{library}: merci, vous pouvez de nouveau nous écrire. Posez vos questions quand \
                  vous voulez.",
        confirm: "{library}: un bibliothécaire est avec vous. Répondez FORGET encore une \
                  fois pour tout effacer.",
    },
];

/// The wording of a notice in a language, where there is one.
pub(super) fn of(
    notice: Notice,
    language: &str,
    has: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let catalogue = CATALOGUE.iter().find(|one| one.language == language)?;
    let Help {
        both,
        link,
        call,
        bare,
    } = &catalogue.help;
    match notice {
        Notice::Stopped => Some(catalogue.stopped),
        Notice::Help => Some(match (has("hours_link"), has("urgent")) {
            (true, true) => both,
            (true, false) => link,
            (false, true) => call,
            (false, false) => bare,
        }),
        Notice::Forgotten => Some(catalogue.forgotten),
        Notice::Started => Some(catalogue.started),
        Notice::Confirm => Some(catalogue.confirm),
        // Said without a word of the patron's, whose language nobody knows then.
        Notice::Closed
        | Notice::Waiting
        | Notice::Picture
        | Notice::Refused
        | Notice::Outage
        | Notice::Rollover
        | Notice::Staff => None,
    }
}

/// The languages there are answers in beside English.
#[cfg(test)]
pub(super) fn languages() -> impl Iterator<Item = &'static str> {
    CATALOGUE.iter().map(|catalogue| catalogue.language)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::consent::Languages;
    use super::super::ids::{GatewayId, QueueId};
    use super::super::notices::Values;
    use super::super::plan::{Gateway, GatewayKind, Library, Plan, Queue};
    use super::*;
    use jiff::Timestamp;

    const ANSWERS: [Notice; 5] = [
        Notice::Stopped,
        Notice::Help,
        Notice::Forgotten,
        Notice::Started,
        Notice::Confirm,
    ];

    /// Every row with and without what a library may have told: whole sentences, in the alphabet of
    /// SMS, two of them at most, and with the words in them that always work.
    #[test]
    fn every_row_is_whole_and_small() {
        let line = Gateway::new(GatewayId(1), "front-desk", GatewayKind::Sms, QueueId(1));
        for language in languages() {
            assert!(Languages::known().any(|known| known == language));
            for present in 0..4_u8 {
                let has =
                    |bit: u8, value: &str| (present >> bit & 1 == 1).then(|| value.to_owned());
                let plan = Plan {
                    library: Library {
                        name: "Elm Library!".into(),
                        urgent: has(0, "555-0100"),
                        hours_link: has(1, "elm.example/hours"),
                        ..Library::default()
                    },
                    queues: vec![Queue::new(QueueId(1), "desk")],
                    ..Plan::default()
                };
                let values = Values::new(&plan, QueueId(1), Timestamp::UNIX_EPOCH);
                for notice in ANSWERS {
                    let words = notice.words_in(language, &line, &values).unwrap();
                    let english = notice.words(&line, &values).unwrap();
                    assert_ne!(words, english);
                    assert!(
                        !words.contains(['{', '}']) && !words.contains("  "),
                        "{words}"
                    );
                    assert!(words.starts_with("Elm Library!"), "{words}");
                    // Two SMS of the GSM 7 bit alphabet hold 306 of these (TS 23.038 §6.2.1).
                    let gsm =
                        |c: char| c.is_ascii() && !"{}[]~\\^|`".contains(c) || "éèùàòñ".contains(c);
                    assert!(words.chars().all(gsm), "{words}");
                    assert!(words.chars().count() <= 306, "{words}");
                    for word in ["START", "STOP", "FORGET", "555-0100", "elm.example/hours"] {
                        assert_eq!(
                            words.contains(word),
                            english.contains(word),
                            "{word}: {words}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_librarys_own_words_win() {
        let mut line = Gateway::new(GatewayId(1), "front-desk", GatewayKind::Sms, QueueId(1));
        line.wording.insert(Notice::Stopped, "Bye.".into());
        let values = Values::default();
        let said = |notice: Notice, language| notice.words_in(language, &line, &values);
        assert_eq!(said(Notice::Stopped, "es").as_deref(), Some("Bye."));
        // A language without a row is answered in English.
        assert_eq!(said(Notice::Help, "ko"), said(Notice::Help, "en"));
    }
}
