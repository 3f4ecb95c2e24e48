//! Tables: what people type, and what it means.
#![allow(clippy::unwrap_used)]

use super::reactions::{Reaction, is_emoji_alone, is_same, is_thanks_alone, quotes, read};
use super::*;

fn english() -> Languages {
    Languages::default()
}

fn every() -> Languages {
    Languages::default().and(Languages::known()).unwrap()
}

fn word(body: &str, languages: &Languages) -> Option<Word> {
    wish(body, languages).map(|wish| wish.word)
}

#[test]
fn whole_messages_are_wishes() {
    use Word::{Forget, Help, Start, Stop};
    for (body, wish) in [
        ("STOP", Some(Stop)),
        ("stop", Some(Stop)),
        (" Stop. ", Some(Stop)),
        ("s t o p!!!", Some(Stop)),
        ("\u{201c}STOP\u{201d}", Some(Stop)),
        ("«stop»", Some(Stop)),
        ("'STOP'", Some(Stop)),
        ("(stop)", Some(Stop)),
        ("STOP STOP STOP", Some(Stop)),
        ("Stop\nstop", Some(Stop)),
        ("ＳＴＯＰ", Some(Stop)),
        ("𝐒𝐓𝐎𝐏", Some(Stop)),
        ("stöp", Some(Stop)),
        ("S\u{200b}T\u{200d}O\u{feff}P", Some(Stop)),
        ("\u{202a}STOP\u{202c}", Some(Stop)),
        ("\u{200f}Stop\u{200e}", Some(Stop)),
        ("STOP 🛑", Some(Stop)),
        ("🛑🛑 STOP 🙏🏽", Some(Stop)),
        ("STOP ✋\u{fe0f}", Some(Stop)),
        ("quit", Some(Stop)),
        ("End", Some(Stop)),
        ("revoke", Some(Stop)),
        ("Opt out", Some(Stop)),
        ("opt-out", Some(Stop)),
        ("OPTOUT", Some(Stop)),
        ("cancel", Some(Stop)),
        ("Unsubscribe\n", Some(Stop)),
        ("unsub", Some(Stop)),
        ("STOPALL", Some(Stop)),
        ("Stop all", Some(Stop)),
        ("Remove me", Some(Stop)),
        ("STOP\n\nSent from my iPhone", Some(Stop)),
        ("Stop\r\n\r\nSent from my Galaxy S24 Ultra", Some(Stop)),
        ("STOP\nSent from my T-Mobile 5G Device", Some(Stop)),
        ("stop\n\nGet Outlook for iOS", Some(Stop)),
        ("stop\nSent from Yahoo Mail on Android", Some(Stop)),
        ("STOP Sent from my iPhone", Some(Stop)),
        ("STOP\n-- \nAna Arbor\nElm Street 5", Some(Stop)),
        (
            "STOP\n\n> Elm Library is closed now.\n> Reply STOP to opt out.",
            Some(Stop),
        ),
        ("STOP\n\nEnvoyé de mon iPhone", Some(Stop)),
        ("STOP\n\nEnviado desde mi iPhone", Some(Stop)),
        ("STOP\n\nVon meinem iPhone gesendet", Some(Stop)),
        ("STOP\n\nInviato da iPhone", Some(Stop)),
        ("STOP\n\nVerzonden vanaf mijn iPhone", Some(Stop)),
        ("STOP\n\nEnviado do meu iPhone", Some(Stop)),
        ("STOP\n\nWysłane z iPhone’a", Some(Stop)),
        ("STOP\n\nОтправлено с iPhone", Some(Stop)),
        ("STOP\n\niPhone'umdan gönderildi", Some(Stop)),
        ("STOP\n\n发自我的 iPhone", Some(Stop)),
        ("STOP\n\niPhoneから送信", Some(Stop)),
        ("STOP\n\n나의 iPhone에서 보냄", Some(Stop)),
        ("start", Some(Start)),
        ("UNSTOP", Some(Start)),
        ("Help?", Some(Help)),
        ("INFO", Some(Help)),
        ("help\n\nSent from my iPad", Some(Help)),
        ("FORGET", Some(Forget)),
        ("forget.", Some(Forget)),
        ("stop please", None),
        ("please stop texting me", None),
        ("the end", None),
        ("start over", None),
        ("help me find a book", None),
        ("forget me", None),
        ("forget it", None),
        ("Sent from my iPhone", None),
        ("ARRET", None),
        ("", None),
        ("...", None),
        ("🛑", None),
        ("STOPSTOPSTOPSTOPSTOPSTOPSTOPSTOPSTOPSTOPSTOPSTOP", None),
    ] {
        assert_eq!(word(body, &english()), wish, "{body:?}");
    }
}

#[test]
fn each_language_has_its_words() {
    use Word::{Help, Start, Stop};
    for (code, body, wish) in [
        ("fr", "ARRÊT", Stop),
        ("fr", "arre\u{302}t", Stop),
        ("fr", "Arret", Stop),
        ("fr", "Désabonner", Stop),
        ("fr", "AIDE", Help),
        ("es", "ALTO", Stop),
        ("es", "Parar", Stop),
        ("es", "baja", Stop),
        ("es", "¡Basta!", Stop),
        ("es", "No más", Stop),
        ("es", "AYUDA", Help),
        ("es", "información", Help),
        ("de", "Stopp!", Stop),
        ("de", "Abmelden", Stop),
        ("de", "aufhören", Stop),
        ("de", "Hilfe", Help),
        ("pt", "Sair", Stop),
        ("pt", "AJUDA", Help),
        ("it", "Basta", Stop),
        ("it", "aiuto", Help),
        ("nl", "Afmelden", Stop),
        ("nl", "hulp", Help),
        ("pl", "Rezygnuję", Stop),
        ("pl", "pomoc", Help),
        ("ru", "СТОП", Stop),
        ("ru", "Отписаться", Stop),
        ("ru", "помощь", Help),
        ("uk", "Відписатися", Stop),
        ("uk", "допомога", Help),
        ("el", "ΣΤΟΠ", Stop),
        ("el", "Διακοπή", Stop),
        ("el", "βοήθεια", Help),
        ("tr", "İPTAL", Stop),
        ("tr", "iptal", Stop),
        ("tr", "DUR", Stop),
        ("tr", "Yardım", Help),
        ("ar", "توقف", Stop),
        ("ar", "إيقاف", Stop),
        ("ar", "تَوَقَّف", Stop),
        ("ar", "إلغاء", Stop),
        ("ar", "مساعدة", Help),
        ("zh", "停止", Stop),
        ("zh", "退订", Stop),
        ("zh", "退訂", Stop),
        ("zh", "ＴＤ", Stop),
        ("zh", "帮助", Help),
        ("ja", "停止", Stop),
        ("ja", "ｽﾄｯﾌﾟ", Stop),
        ("ja", "配信停止", Stop),
        ("ja", "ヘルプ", Help),
        ("ko", "수신거부", Stop),
        ("ko", "중지", Stop),
        ("ko", "도움말", Help),
        ("vi", "DỪNG", Stop),
        ("vi", "Từ chối", Stop),
        ("vi", "HỦY", Stop),
        ("vi", "Trợ giúp", Help),
        ("ht", "Kanpe", Stop),
        ("ht", "sispann", Stop),
        ("es", "empezar", Start),
        ("fr", "reprendre", Start),
        // English holds in every language.
        ("ko", "stop", Stop),
        ("fr", "HELP", Help),
    ] {
        let languages = english().and([code]).unwrap();
        assert_eq!(word(body, &languages), Some(wish), "{body:?} in {code}");
        // Where the language does not hold, a wish to stop is still seen by a person.
        if wish == Stop {
            assert!(sounds_like_stop(body), "{body:?}");
        }
    }
    assert_eq!(english().and(["xx"]), Err("xx"));
    assert_eq!(
        wish("ayuda", &Languages::of_country("US"))
            .unwrap()
            .language,
        "es"
    );
    assert_eq!(
        wish("arrêt", &Languages::of_country("CA"))
            .unwrap()
            .language,
        "fr"
    );
    assert_eq!(wish("stop", &every()).unwrap().language, "en");
}

/// A table with a slip of the hand in it would never be matched.
#[test]
fn every_word_is_folded_and_of_one_meaning() {
    let mut seen = std::collections::BTreeMap::new();
    for language in LANGUAGES {
        for (words, meaning) in [
            (language.stop, "stop"),
            (language.help, "help"),
            (language.start, "start"),
            (language.forget, "forget"),
        ] {
            for word in words {
                let again = fold::bare(&fold::letters(word), WORD_MAX);
                assert_eq!(again.as_deref(), Some(*word), "{}", language.code);
                let before = seen.insert(*word, meaning);
                assert!(
                    before.is_none_or(|before| before == meaning),
                    "{word} is {before:?} and {meaning}"
                );
            }
        }
        for word in language.telling {
            assert_eq!(fold::letters(word), *word, "{}", language.code);
        }
    }
}

#[test]
fn near_misses_are_flagged() {
    for (body, near) in [
        ("please stop texting me", true),
        ("Stop please", true),
        ("STOP!!! I said stop. Is anyone there", true),
        ("can you stop sending me these", true),
        ("Don't text me again", true),
        ("don\u{2019}t message us", true),
        ("do not contact me", true),
        ("I do not want to receive these any more", true),
        ("I want to opt out of this", true),
        ("opt me out", true),
        ("unsubscribe me", true),
        ("no more texts!", true),
        ("remove my number", true),
        ("please remove me from your list", true),
        ("take me off your list", true),
        ("quit messaging", true),
        ("stop these messages at once or I'll call the police", true),
        ("forget me please", true),
        ("delete my number", true),
        ("wrong number", true),
        ("Sorry, you have the wrong number", true),
        ("wrong person!", true),
        ("alto", true),
        ("alto por favor", true),
        ("arrêtez svp", true),
        ("bitte stopp", true),
        ("no me escriban más", true),
        ("Keine SMS mehr bitte", true),
        ("n'envoyez plus de messages", true),
        ("STOP\nAna", true),
        ("baja", true),
        ("Is my book in?", false),
        (
            "Which bus stop is closest to the library on Elm street",
            false,
        ),
        ("how does the novel end", false),
        ("Can you send me the reading list", false),
        ("I want to delete my hold", false),
        ("Where do I remove my jacket", false),
        ("wrong number on the spine label", false),
        ("cancel my hold please", false),
        ("Can I cancel my reservation?", false),
        ("When does the exhibition end?", false),
        (
            "Is the book good? Stop me if I ask too much of you today",
            false,
        ),
        ("Thanks. I will stop by tomorrow to pick it up", false),
        ("I want to start over with my application", false),
        ("Para mi hijo, ¿tienen cuentos?", false),
        ("dur", true),
        ("Ne m'écrivez plus SVP", true),
        ("ne m’envoyez jamais de textos", true),
        ("Ne pas m'écrire", true),
        ("Je ne trouve plus le livre", false),
        ("", false),
    ] {
        assert_eq!(sounds_like_stop(body), near, "{body:?}");
    }
}

#[test]
fn reactions_are_read() {
    let yes = "Yes, noon to five.";
    for (body, mark, removed, quoted) in [
        ("Liked “Yes, noon to five.”", "👍", false, Some(yes)),
        ("Loved “Yes, noon to five.”", "❤️", false, Some(yes)),
        ("Laughed at “Yes, noon to five.”", "😂", false, Some(yes)),
        ("Emphasized “Yes, noon to five.”", "‼️", false, Some(yes)),
        ("Disliked \"Yes, noon to five.\"", "👎", false, Some(yes)),
        ("Questioned “Yes, noon to five.”", "❓", false, Some(yes)),
        ("Reacted 😂 to “Yes, noon to five.”", "😂", false, Some(yes)),
        ("Reacted 👩🏽‍💻 to “Yes, noon to five.”", "👩🏽‍💻", false, Some(yes)),
        (
            "Removed a heart from “Yes, noon to five.”",
            "❤️",
            true,
            Some(yes),
        ),
        (
            "Removed a like from “Yes, noon to five.”",
            "👍",
            true,
            Some(yes),
        ),
        (
            "Removed an exclamation from “Yes, noon to five.”",
            "‼️",
            true,
            Some(yes),
        ),
        (
            "Removed 😂 from “Yes, noon to five.”",
            "😂",
            true,
            Some(yes),
        ),
        ("👍 to “Yes, noon to five.”", "👍", false, Some(yes)),
        (
            "\u{200a}\u{200b}👍\u{200b} to \u{201c}\u{200a}\u{200c}Yes, noon to five.\u{200c}\u{200a}\u{201d}\u{200a}",
            "👍",
            false,
            Some(yes),
        ),
        ("❤️ a “Yes, noon to five.”", "❤️", false, Some(yes)),
        ("Liked “Yes, noon…”", "👍", false, Some("Yes, noon…")),
        (
            "Loved “Yes, noon to fi…",
            "❤️",
            false,
            Some("Yes, noon to fi…"),
        ),
        ("Le gustó “Yes, noon to five.”", "👍", false, Some(yes)),
        ("Le encantó “Yes, noon to five.”", "❤️", false, Some(yes)),
        ("Le dio risa “Yes, noon to five.”", "😂", false, Some(yes)),
        ("Exclamó por “Yes, noon to five.”", "‼️", false, Some(yes)),
        ("Dudó sobre “Yes, noon to five.”", "❓", false, Some(yes)),
        ("No le gustó “Yes, noon to five.”", "👎", false, Some(yes)),
        (
            "Reaccionó con 🔥 a “Yes, noon to five.”",
            "🔥",
            false,
            Some(yes),
        ),
        ("A aimé « Yes, noon to five. »", "👍", false, Some(yes)),
        ("A adoré « Yes, noon to five. »", "❤️", false, Some(yes)),
        (
            "a attribué la mention « J’aime » à « Yes, noon to five. »",
            "👍",
            false,
            Some(yes),
        ),
        (
            "A attribué la mention «\u{a0}Adore\u{a0}» à «\u{a0}Yes, noon to five.\u{a0}»",
            "❤️",
            false,
            Some(yes),
        ),
        (
            "A réagi avec 🔥 à « Yes, noon to five. »",
            "🔥",
            false,
            Some(yes),
        ),
        // As telephones and their imitators say it elsewhere.
        ("Le gusta “Yes, noon to five.”", "👍", false, Some(yes)),
        ("Le Encanta “Yes, noon to five.”", "❤️", false, Some(yes)),
        (
            "N’a pas aimé « Yes, noon to five. »",
            "👎",
            false,
            Some(yes),
        ),
        (
            "A posé une question sur « Yes, noon to five. »",
            "❓",
            false,
            Some(yes),
        ),
        (
            "A retiré un j’adore de « Yes, noon to five. »",
            "❤️",
            true,
            Some(yes),
        ),
        (
            "A retiré 🔥 de « Yes, noon to five. »",
            "🔥",
            true,
            Some(yes),
        ),
        (
            "Removed an emphasis from “Yes, noon to five.”",
            "‼️",
            true,
            Some(yes),
        ),
        ("Reacted 🇨🇦 to “Yes, noon to five.”", "🇨🇦", false, Some(yes)),
        ("Emphasized an attachment", "‼️", false, None),
        ("Loved an image", "❤️", false, None),
        ("Laughed at a movie", "😂", false, None),
        ("Reacted 😂 to an image", "😂", false, None),
        ("Removed a heart from an image", "❤️", true, None),
        ("Le encantó una imagen", "❤️", false, None),
    ] {
        let mark = mark.to_owned();
        let quoted = quoted.map(str::to_owned);
        let reaction = Reaction {
            mark,
            removed,
            quoted,
        };
        assert_eq!(read(body), Some(reaction), "{body:?}");
    }
    for body in [
        "",
        "Liked",
        "I loved the movie",
        "Loved the book, is the next one in?",
        "What do you mean by “noon to five”?",
        "She said “yes, noon to five”",
        "Is “Yes, noon to five.” still right",
        "👍",
        "👍 to you all",
        "liked “”",
        "to “x”",
        "“Yes, noon to five.”",
        "I would like a video",
        "Do you have an image",
    ] {
        assert_eq!(read(body), None, "{body:?}");
    }
}

#[test]
fn emoji_and_thanks_alone_are_told_apart_from_words() {
    for (body, emoji, thanks) in [
        ("👍", true, false),
        ("👍🏽👍🏽", true, false),
        ("❤️", true, false),
        (" 😂 !", true, false),
        ("👨‍👩‍👧‍👦", true, false),
        ("Thanks!", false, true),
        ("Thank you 😊", false, true),
        ("ok thanks", false, true),
        ("¡Gracias!", false, true),
        ("Merci\n\nEnvoyé de mon iPhone", false, true),
        ("谢谢", false, true),
        ("thanks, and is my hold in?", false, false),
        ("?", false, false),
        ("!!!", false, false),
        ("5", false, false),
        ("", false, false),
    ] {
        assert_eq!(
            (is_emoji_alone(body), is_thanks_alone(body)),
            (emoji, thanks),
            "{body:?}"
        );
    }
}

#[test]
fn a_quote_is_ours_whole_or_cut_short_and_however_the_telephone_dresses_it() {
    let ours = "Yes: \u{201c}Dune\u{201d} is in,\nshelf 4. It's due the 3rd \u{2013} or later.";
    for (quoted, is_ours) in [
        (ours, true),
        (
            "Yes: \"Dune\" is in, shelf 4. It\u{2019}s due the 3rd - or later.",
            true,
        ),
        ("Yes: \u{201c}Dune\u{201d} is in,\nshelf 4\u{2026}", true),
        ("Yes: \"Dune\" is in, shelf 4. It's du...", true),
        ("Yes: \u{201c}Du\u{2026}", true),
        // Too little to know it by, another text, the middle of ours, and less than all without a sign.
        ("Yes\u{2026}", false),
        ("Yes: \u{201c}Emma\u{201d} is in\u{2026}", false),
        ("Dune\u{201d} is in,\nshelf 4\u{2026}", false),
        ("Yes: \u{201c}Dune\u{201d} is in", false),
        ("", false),
        ("\u{2026}", false),
    ] {
        assert_eq!(quotes(quoted, ours), is_ours, "{quoted:?}");
    }
    assert!(quotes("👍", "👍") && quotes("?!", "?!"));
    assert!(!quotes("👎", "👍") && !quotes("", ""));
    assert!(is_same("❤️", "❤") && !is_same("❤️", "👍"));
}

#[test]
fn a_draft_that_invites_a_word_of_consent_is_told_of() {
    let both = Languages::default().and(["es", "fr"]).unwrap();
    for (draft, invited) in [
        ("It is due Friday. Renew or cancel?", Some("CANCEL")),
        ("Shall we cancel or keep the hold?", Some("CANCEL")),
        ("Do you want to renew it, or cancel it?", Some("CANCEL")),
        ("Would you like us to stop it or go on?", Some("STOP")),
        ("Reply STOP to opt out.", Some("STOP")),
        ("Just text back END when you are done", Some("END")),
        (
            "Send us the word \u{201c}quit\u{201d} when you are done.",
            Some("QUIT"),
        ),
        (
            "Please reply with FORGET to erase your texts",
            Some("FORGET"),
        ),
        ("¿Renovar o cancelar?", Some("CANCELAR")),
        ("Responda BAJA si ya no lo quiere", Some("BAJA")),
        ("Prolonger ou annuler ?", Some("ANNULER")),
        // Nobody is asked for the word.
        ("Your hold was cancelled.", None),
        ("We stop at six, or at eight on Fridays.", None),
        ("The bus stop is on Main or Oak?", None),
        ("Text us when you get to the end.", None),
        ("Shall we renew it or let it go?", None),
        ("Reply YES to keep it.", None),
        ("You can quit or go on.", None),
        ("", None),
    ] {
        assert_eq!(invitation(draft, &both).as_deref(), invited, "{draft:?}");
    }
    // A word of a language that does not hold here opts nobody out.
    let english = Languages::default();
    assert_eq!(invitation("¿Renovar o cancelar?", &english), None);
}

#[test]
fn a_librarys_keyword_is_no_word_of_consent() {
    for word in [
        "STOP",
        "Stop!",
        "ayuda",
        "arrêt",
        "FORGET",
        "start",
        "unsubscribe",
        "no",
        "退订",
    ] {
        assert!(is_taken(word), "{word}");
    }
    for word in [
        "HOURS", "horario", "Wi-Fi", "PRINT", "renew", "fines", "时间",
    ] {
        assert!(!is_taken(word), "{word}");
        let folded = keyword(word).unwrap();
        for dressed in [
            word.to_uppercase(),
            format!(" \u{201c}{word}\u{201d}!"),
            format!("{word}\n\nSent from my Galaxy"),
        ] {
            assert_eq!(keyword(&dressed).as_ref(), Some(&folded), "{dressed:?}");
        }
    }
}
