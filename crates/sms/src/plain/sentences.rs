//! A thousand sentences as library staff write them, with what word processors, catalogues and
//! telephones put in: what they cost as they are and in plain letters, and that nothing is lost.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{is_plain, plain};
use crate::{Encoding, plan};

/// `{h}` hours, `{d}` days, `{t}` titles, `{n}` names, `{p}` places, `{l}` links, `{e}` ends.
const SENTENCES: [&str; 50] = [
    "We’re open {d}, {h}{e}",
    "Hours this week: {d} {h} — closed on the holiday{e}",
    "{n}, your hold on {t} is ready at {p}. We’ll keep it until Friday{e}",
    "The copy of {t} you asked about is checked out; you’re third in line… sorry{e}",
    "“{t}” is on the shelf at {p}, 2nd floor — ask for {n}{e}",
    "Yes! You can renew {t} online: {l}{e}",
    "Here’s the link to the catalogue record for {t} → {l}{e}",
    "Our {p} branch closes early {d} ({h}){e}",
    "You owe $4.50 for {t}; fines over $10 block renewals{e}",
    "• Bring a photo ID\n• Bring proof of address\n• {n} will help you at {p}{e}",
    "Storytime with {n} is {d}, {h} — ages 3–5, no sign‑up needed{e}",
    "I’ve put {t} aside under your name. It’s behind the desk at {p}{e}",
    "The study rooms at {p} can be booked for 2½ hours a day: {l}{e}",
    "Interlibrary loan for {t} takes 7–10 days, ½ of that if it’s in state{e}",
    "{n} says the microfilm is at {p}; it’s cold there, about 60°F{e}",
    "Printing is 10¢ a page (b/w) or 50¢ (colour) at {p}{e}",
    "Sorry, {t} isn’t in our collection. Shall I request it from {p}?{e}",
    "Wi‑Fi name: LibraryGuest™ · no password · stop by {p} if it fails{e}",
    "To get a card, fill in the form at {l}, then come to {p} {d} {h}{e}",
    "“Where is {t}?” — it’s at {p}, call number 813.54 ATW{e}",
    "Citation (APA): {n} (2019). {t}. 2nd ed., pp. 12–34{e}",
    "The e‑book of {t} is on Libby: {l}{e}",
    "Our café is open {d}, {h}; the exhibit “Zoë’s World” is next door{e}",
    "¿Habla español? {n} está aquí {d}, {h}{e}",
    "Su libro {t} está listo en {p}. ¡Gracias!{e}",
    "Les heures : {d}, {h} à {p}. À bientôt{e}",
    "Öffnungszeiten: {d} {h}, „{p}“{e}",
    "Please don’t reply “STOP” unless you want no more texts{e}",
    "The answer to your question: yes — see p. 112 of {t}{e}",
    "① Sign in ② choose {t} ③ tap “Borrow”: {l}{e}",
    "{n} found your umbrella… it’s at {p}{e}",
    "You can return {t} at any branch, 24/7, through the book‑drop{e}",
    "Room {p} seats 20 ± 2; it’s 10 × 12 ft{e}",
    "Résumé help with {n}: {d}, {h}. Bring your own laptop or use ours{e}",
    "The author’s name is spelled “{n}”. Try the search again: {l}{e}",
    "Tax forms are at {p}, while supplies last{e}",
    "That database needs your card number (14 digits, no spaces){e}",
    "Large‑print copies of {t}: {p}, aisle 4{e}",
    "The toy library’s puzzle “{t}” is missing a piece; keep it as long as you like{e}",
    "Museum pass: pick‑up after 10 a.m. at {p}, return by 9 p.m. the next day{e}",
    "We can scan up to 30 pages of {t} for you © permitting{e}",
    "Your request №4711 for {t} went to {p}{e}",
    "Yes, {d}. Doors open ¼ hour before{e}",
    "Book club reads {t} next; {n} has extra copies{e}",
    "Homework help: {d} {h}, {p}, free{e}",
    "The elevator at {p} is out; please call us and we’ll bring {t} down{e}",
    "For {t}, try the subject “Libraries—History—20th century”{e}",
    "No late fees any more! Just bring {t} back{e}",
    "{n} will be at {p} at noon and can show you {l}{e}",
    "I’m not sure; let me ask {n} and text you back by {h}{e}",
];
const HOURS: [&str; 6] = [
    "9–5",
    "9:00 – 17:00",
    "10am‑8pm",
    "noon–6 p.m.",
    "9 to 5",
    "8:30—20:00",
];
const DAYS: [&str; 5] = ["Mon–Fri", "Saturdays", "Tue & Thu", "Mon – Sat", "Sundays"];
const TITLES: [&str; 10] = [
    "Dune",
    "“The Handmaid’s Tale”",
    "Cien años de soledad",
    "Les Misérables",
    "L’Étranger",
    "Where the Crawdads Sing",
    "‘Naïve Set Theory’",
    "Jane Eyre (Brontë)",
    "Harry Potter & the Sorcerer’s Stone",
    "Pippi Långstrump",
];
const NAMES: [&str; 8] = [
    "Ana",
    "Zoë",
    "José",
    "Siân",
    "Mrs. O’Neil",
    "Łukasz",
    "Đặng",
    "Ms Müller",
];
const PLACES: [&str; 6] = [
    "Elm",
    "the Main St. branch",
    "Room 2B",
    "the children’s desk",
    "North—Annex",
    "the 2nd‑floor desk",
];
const LINKS: [&str; 4] = [
    "https://elm.example.org/r/8k2",
    "elm.example.org/rooms",
    "https://catalog.example.org/record=b1234567~S1",
    "https://elm.example.org/card?lang=es",
];
const ENDS: [&str; 8] = [
    ".",
    "!",
    "…",
    " – Elm Library",
    ". Let us know if that doesn’t work.",
    ". Have a great day! 😊",
    " 👍",
    ".\u{a0}Thanks",
];

fn sentences() -> Vec<String> {
    (0..1000)
        .map(|number: usize| {
            let round = number / SENTENCES.len();
            let pick = |from: &[&'static str], step: usize| {
                from.get((number * step + round) % from.len())
                    .copied()
                    .unwrap_or_default()
            };
            SENTENCES
                .get(number % SENTENCES.len())
                .copied()
                .unwrap_or_default()
                .replace("{h}", pick(&HOURS, 5))
                .replace("{d}", pick(&DAYS, 3))
                .replace("{t}", pick(&TITLES, 7))
                .replace("{n}", pick(&NAMES, 3))
                .replace("{p}", pick(&PLACES, 5))
                .replace("{l}", pick(&LINKS, 1))
                .replace("{e}", pick(&ENDS, 5))
        })
        .collect()
}

/// Letters and digits alone, without accents: what a reader goes by.
fn read(text: &str) -> String {
    text.nfkd()
        .filter(|one| one.is_alphanumeric() && !is_combining_mark(*one))
        .map(|one| match one {
            'Ł' => 'L',
            'Đ' => 'D',
            one => one,
        })
        .collect()
}

#[test]
fn a_thousand_sentences_keep_their_meaning_and_cost_less() {
    let sentences = sentences();
    let mut different = sentences.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > 950, "{}", different.len());
    let (mut before, mut lettered, mut after, mut wide) = (0, 0, 0, 0);
    for text in &sentences {
        let made = plain(text);
        // Signs become words beside what was there: (TM), (c), No., deg.
        let spelled = text
            .replace('™', "TM")
            .replace('©', "c")
            .replace('°', " deg ");
        let spelled = spelled
            .replace('№', "No")
            .replace('¢', "c")
            .replace('×', "x");
        assert_eq!(read(&made), read(&spelled), "{text:?} became {made:?}");
        let left = made.chars().filter(|one| !is_plain(*one));
        assert!(left.clone().all(|one| "😊👍".contains(one)), "{made:?}");
        // What the counter's button offers: emoji go where it says so.
        let bare: String = made.chars().filter(|one| is_plain(*one)).collect();
        let [dear, spelled, cheap] = [text, &made, &bare].map(|text| plan(text));
        assert!(cheap.segments <= dear.segments, "{text:?} became {bare:?}");
        assert_ne!(cheap.encoding, Encoding::Ucs2);
        before += dear.segments;
        lettered += dear.segments.min(spelled.segments);
        after += cheap.segments;
        wide += usize::from(dear.encoding == Encoding::Ucs2);
    }
    println!(
        "{wide} of 1000 wide; segments: {before}, in plain letters {lettered}, without emoji {after}"
    );
    assert!(wide > 800, "{wide}");
    assert!(after * 10 <= before * 8, "{before} {after}");
}
