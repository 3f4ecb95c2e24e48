//! What a masked transcript holds, and what it does not.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use super::{Direction, Said, Scribe, laws};

use Direction::{FromModem as M, ToModem as P};

/// A dialogue through a masking scribe: what each side said, as one string.
fn masked(said: &[(Direction, String)], cut: usize) -> [String; 2] {
    let mut scribe = Scribe::masking();
    let mut records = Vec::new();
    for (direction, octets) in said {
        for chunk in octets.as_bytes().chunks(cut) {
            records.extend(scribe.hear(*direction, chunk, Duration::ZERO));
        }
    }
    records.extend(scribe.close(Duration::ZERO));
    [P, M].map(|wanted| {
        let octets: Vec<u8> = records
            .iter()
            .filter_map(|record| match &record.said {
                Said::Octets(direction, octets) if *direction == wanted => Some(octets.clone()),
                Said::Octets(..) | Said::Note(_) => None,
            })
            .flatten()
            .collect();
        String::from_utf8(octets).unwrap()
    })
}

/// What the modem says to one command, masked.
fn answer(command: &str, said: &str) -> String {
    let dialogue = [
        (P, format!("{command}\r")),
        (M, format!("\r\n{said}\r\n")),
        (M, "\r\nOK\r\n".to_owned()),
    ];
    let [_, modem] = masked(&dialogue, 1000);
    modem
        .strip_suffix("\r\n\r\nOK\r\n")
        .unwrap()
        .trim_start()
        .to_owned()
}

#[test]
fn numbers_and_words_are_replaced_and_the_rest_is_left() {
    for (command, said, expected) in [
        // Nobody's.
        (
            "AT+CPMS?",
            r#"+CPMS: "SM",3,50,"ME",0,23"#,
            r#"+CPMS: "SM",3,50,"ME",0,23"#,
        ),
        ("AT+CSQ", "+CSQ: 20,99", "+CSQ: 20,99"),
        (
            "AT+COPS?",
            r#"+COPS: 0,0,"T-Mobile",7"#,
            r#"+COPS: 0,0,"T-Mobile",7"#,
        ),
        ("AT+CPIN?", "+CPIN: SIM PIN", "+CPIN: SIM PIN"),
        ("AT+CGMM", "SIMCOM_SIM7600G-H", "SIMCOM_SIM7600G-H"),
        (
            "ATI",
            "Revision:1418B05SIM868M32_BT",
            "Revision:1418B05SIM868M32_BT",
        ),
        (
            "AT+CGMR",
            "+CGMR: 11.126.10.00.00",
            "+CGMR: 11.126.10.00.00",
        ),
        ("AT", "+CMTI: \"SM\",3", "+CMTI: \"SM\",3"),
        ("AT", "^RSSI:21", "^RSSI:21"),
        ("AT", "RING", "RING"),
        (
            "AT+CCLK?",
            r#"+CCLK: "24/11/25,22:11:00-24""#,
            r#"+CCLK: "24/11/25,22:11:00-24""#,
        ),
        (
            "AT+CRSM=176,28483,0,0,2",
            r#"+CRSM: 144,0,"2AFF""#,
            r#"+CRSM: 144,0,"2AFF""#,
        ),
        // Somebody's.
        (
            "AT+CNUM",
            r#"+CNUM: "Line 1","+15551230100",145"#,
            r#"+CNUM: "xxxxxx","+55500000001",145"#,
        ),
        (
            "AT",
            r#"+CLIP: "+15551230100",145,,,"Ana",0"#,
            r#"+CLIP: "+55500000001",145,,,"xxx",0"#,
        ),
        (
            "AT+CSCA?",
            r#"+CSCA: "+15550109999",145"#,
            r#"+CSCA: "+55500000001",145"#,
        ),
        ("AT+CGSN", "490154203237518", "555555500000001"),
        (
            "AT+CGSN",
            "+CGSN: 490154203237518",
            "+CGSN: 555555500000001",
        ),
        ("AT+CIMI", "310260123456789", "555555500000001"),
        ("AT+CCID", "8944500102198304826f", "5555555555500000001F"),
        (
            "AT+QCCID",
            "+QCCID: 8944500102198304826F",
            "+QCCID: 5555555555500000001F",
        ),
        (
            "AT+CUSD=1,\"*100#\",15",
            r#"+CUSD: 0,"Balance 5.00",15"#,
            r#"+CUSD: 0,"xxxxxxxxxxxx",15"#,
        ),
        (
            "AT+CUSD=1,\"*100#\",15",
            r#"+CUSD: 0,"00480069",72"#,
            r#"+CUSD: 0,"00780078",72"#,
        ),
        (
            "AT+CREG?",
            r#"+CREG: 2,1,"1A2B","0001E240",7"#,
            r#"+CREG: 2,1,"0000","00000000",7"#,
        ),
        ("AT+CREG?", "+CREG: 2,5,1A2B,1E240", "+CREG: 2,5,0000,00000"),
        (
            "AT+CRSM=176,12258,0,0,10",
            r#"+CRSM: 144,0,"98440501""#,
            r#"+CRSM: 144,0,"00000000""#,
        ),
        (
            "AT+CPBR=1",
            r#"+CPBR: 1,"5551230100",129,"Ana""#,
            r#"+CPBR: 1,"5500000001",129,"xxx""#,
        ),
        // Whatever it may be.
        (
            "AT",
            "Dear Ana, your book is in",
            "xxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
        ("AT", "+FOO: Ana,12", "+FOO: xxx,12"),
        (
            "AT+CGMR",
            "Serial 490154203237518",
            "Serial 555555500000001",
        ),
    ] {
        assert_eq!(answer(command, said), expected, "{command}: {said}");
    }
}

#[test]
fn commands_keep_their_shape() {
    for (command, expected) in [
        ("AT+CMGL=4", "AT+CMGL=4"),
        ("AT+CPMS=\"SM\",\"SM\"", "AT+CPMS=\"SM\",\"SM\""),
        (
            "AT+CPMS=\"SM\",\"SM\";+CMGD=3;+CMGD=14",
            "AT+CPMS=\"SM\",\"SM\";+CMGD=3;+CMGD=14",
        ),
        ("AT+CMGS=20", "AT+CMGS=20"),
        ("AT+CPIN=\"1234\"", "AT+CPIN=\"0000\""),
        ("at+cpin=1234", "at+cpin=0000"),
        ("AT+CPIN?", "AT+CPIN?"),
        ("AT+CLCK=\"SC\",1,\"1234\"", "AT+CLCK=\"xx\",0,\"0000\""),
        (
            "AT+CUSD=1,\"*101*1234567#\",15",
            "AT+CUSD=1,\"*000*0000000#\",15",
        ),
        ("AT+CSCA=\"+15550000\",145", "AT+CSCA=\"+00000001\",145"),
        ("ATD+15551230100;", "ATD+55500000001;"),
        ("AT+CMGS=\"+15551230100\"", "AT+CMGS=\"+55500000001\""),
        ("AT+CMGS=72456", "AT+CMGS=00001"),
        ("AT+CRSM=176,28483,0,0,2", "AT+CRSM=176,28483,0,0,2"),
    ] {
        let [program, _] = masked(&[(P, format!("{command}\r"))], 1000);
        assert_eq!(program.trim_end(), expected, "{command}");
    }
}

const TEXT: &str = "00040B915155210013F00000321011419034800568656C6C6F";

#[test]
fn pdus_stay_pdus_wherever_they_stand() {
    let stands_for = "00040B915505000000F100003210114190348005F8FC1E7F03";
    // The length of the text (5 septets) leaves one octet too many: hello packs into five.
    for dialogue in [
        vec![
            (P, "AT+CMGL=4\r".to_owned()),
            (M, format!("\r\n+CMGL: 1,1,,24\r\n{TEXT}\r\n")),
            (M, "+CMTI: \"SM\",2\r\n".to_owned()),
            (M, format!("+CMGL: 2,1,,24\r\n{TEXT}\r\n\r\nOK\r\n")),
        ],
        vec![(M, format!("\r\n+CMT: ,24\r\n{TEXT}\r\n"))],
        vec![
            (P, "AT+CMGS=24\r".to_owned()),
            (M, "\r\n> ".to_owned()),
            (P, format!("{TEXT}\x1a")),
            (M, format!("{TEXT}\x1a\r\n\r\n+CMGS: 5\r\n\r\nOK\r\n")), // echoed
        ],
    ] {
        for cut in [1, 5, 1000] {
            let said = masked(&dialogue, cut).concat();
            assert!(!said.contains("5155210013F0"), "{said}");
            assert!(said.contains("040B915505000000F1"), "{said}");
            assert!(!said.contains("68656C6C6F"), "{said}");
            assert!(said.contains(&stands_for[..40]), "{said}");
        }
    }
}

#[test]
fn texts_in_text_mode_are_words() {
    let dialogue = [
        (P, "AT+CMGL=\"ALL\"\r".to_owned()),
        (
            M,
            "\r\n+CMGL: 1,\"REC READ\",\"+15551230100\",,\"24/11/25,22:11:00-24\"\r\n\
             +CREG: my secret\r\nCall 5551230101\r\nOK?\r\n\r\nOK\r\n"
                .to_owned(),
        ),
        (P, "AT+CMGS=\"+15551230102\"\r".to_owned()),
        (M, "\r\n> ".to_owned()),
        (P, "AT the library\rsee you\x1a".to_owned()),
        (M, "\r\n+CMGS: 7\r\n\r\nOK\r\n".to_owned()),
    ];
    for cut in [1, 3, 1000] {
        let [program, modem] = masked(&dialogue, cut);
        assert_eq!(
            program,
            "AT+CMGL=\"ALL\"\rAT+CMGS=\"+55500000002\"\rxxxxxxxxxxxxxx\rxxxxxxx\x1a"
        );
        assert_eq!(
            modem,
            "\r\n+CMGL: 1,\"REC READ\",\"+55500000001\",,\"24/11/25,22:11:00-24\"\r\n\
             xxxxxxxxxxxxxxxx\r\nxxxxxxxxxxxxxxx\r\nxxx\r\n\r\nOK\r\n\r\n> \r\n+CMGS: 7\r\n\r\nOK\r\n"
        );
    }
}

/// Digits alone are a PDU only where one is due: in text mode they are a card's number.
#[test]
fn numbers_for_a_text_are_words() {
    let dialogue = [
        (P, "AT+CMGS=\"+15551230102\"\r".to_owned()),
        (M, "\r\n> ".to_owned()),
        (P, "01141903480056865606\x1a".to_owned()),
        (M, "\r\n+CMGS: 7\r\n\r\nOK\r\n".to_owned()),
        (P, "AT+CMGS=9\r".to_owned()),
        (M, "\r\n> ".to_owned()),
        (P, "0114190348\x1a".to_owned()),
    ];
    let [program, _] = masked(&dialogue, 4);
    assert_eq!(
        program,
        "AT+CMGS=\"+55500000001\"\rxxxxxxxxxxxxxxxxxxxx\x1aAT+CMGS=9\rxxxxxxxxxx\x1a"
    );
}

#[test]
fn an_answer_of_several_lines_is_words_until_its_quote() {
    let said = "+CUSD: 1,\"Hello Ana\r\n1: pay 12345678\r\n2: \",15\r\nRING\r\n";
    let [_, modem] = masked(&[(M, said.to_owned())], 1000);
    assert_eq!(
        modem,
        "+CUSD: 1,\"xxxxxxxxx\r\nxxxxxxxxxxxxxxx\r\nxxx\",15\r\nRING\r\n"
    );
}

#[test]
fn what_is_cut_off_is_words() {
    let mut scribe = Scribe::masking();
    let heard = scribe.hear(M, b"\r\n+CNUM: ,\"+15551", Duration::ZERO);
    assert!(heard.is_empty(), "half a line is held");
    let rest = scribe.close(Duration::ZERO);
    assert_eq!(rest[0].to_string(), "     0.000000 < \\r\\nxxxxxxxxxxxxxxx");
    // The next port does not go on with it.
    let next = scribe.hear(M, b"OK\r\n", Duration::from_secs(1));
    assert_eq!(next[0].to_string(), "     1.000000 < OK\\r\\n");
}

#[test]
fn an_endless_line_is_words_and_bounded() {
    let mut scribe = Scribe::masking();
    let mut written = 0;
    for _ in 0..1000 {
        for record in scribe.hear(M, &[b'5'; 1000], Duration::ZERO) {
            let Said::Octets(_, octets) = record.said else {
                panic!("no note was made");
            };
            assert!(octets.iter().all(|octet| *octet == b'x'));
            written += octets.len();
        }
    }
    assert!(written > 990_000, "{written}");
}

/// A conversation with numbers and words to be filled in.
fn story(number: &str, other: &str, words: &str, pin: &str) -> Vec<(Direction, String)> {
    let pdu = |digits: &str, words: &str| {
        let semi_octets: String = format!("{digits}F")
            .as_bytes()
            .chunks(2)
            .map(|pair| format!("{}{}", char::from(pair[1]), char::from(pair[0])))
            .collect();
        let ucs2: String = words
            .bytes()
            .map(|octet| format!("00{octet:02X}"))
            .collect();
        format!(
            "00040B91{semi_octets}000832101141903480{:02X}{ucs2}",
            words.len() * 2
        )
    };
    vec![
        (P, format!("AT+CPIN=\"{pin}\"\r")),
        (M, format!("AT+CPIN=\"{pin}\"\r\r\nOK\r\n")),
        (P, "AT+CNUM\r".into()),
        (
            M,
            format!("\r\n+CNUM: \"{words}\",\"+{other}\",145\r\n\r\nOK\r\n"),
        ),
        (M, format!("\r\nRING\r\n\r\n+CLIP: \"+{number}\",145\r\n")),
        (P, "AT+CMGL=4\r".into()),
        (
            M,
            format!(
                "\r\n+CMGL: 1,1,\"{words}\",42\r\n{}\r\n+CMGL: 2,1,,42\r\n{}\r\n\r\nOK\r\n",
                pdu(number, words),
                pdu(other, words)
            ),
        ),
        (P, "AT+CMGS=42\r".into()),
        (M, "\r\n> ".into()),
        (P, format!("{}\x1a", pdu(number, words))),
        (M, "\r\n+CMGS: 1\r\n\r\nOK\r\n".into()),
        (M, format!("\r\n+CUSD: 0,\"{words}\n{number}\",15\r\n")),
        (
            M,
            format!("\r\n+CMT: \"+{number}\",,\"24/11/25,22:11:00-24\"\r\n{words}\r\n"),
        ),
        (M, format!("{words} {number}\r\n")),
        (M, format!("\r\n+CLIP: \"+{other}")),
    ]
}

proptest! {
    /// What is written depends on shapes alone: other numbers and other words of the same lengths
    /// give the same transcript. So nothing of them can be in it.
    #[test]
    fn nothing_of_numbers_and_words_is_in_it(
        numbers in prop::collection::vec("[1-9][0-9]{10}", 4),
        words in prop::collection::vec("[A-Z][a-z]{2}[a-z '.,!?]{6}[a-z]", 2),
        pins in prop::collection::vec("[0-9]{4}", 2),
        cuts in prop::collection::vec(1usize..40, 2),
    ) {
        let tail = |number: &str| number[3..].to_owned();
        prop_assume!(tail(&numbers[0]) != tail(&numbers[1]));
        prop_assume!(tail(&numbers[2]) != tail(&numbers[3]));
        let one = story(&numbers[0], &numbers[1], &words[0], &pins[0]);
        let other = story(&numbers[2], &numbers[3], &words[1], &pins[1]);
        let here = masked(&one, cuts[0]);
        prop_assert_eq!(&here, &masked(&other, cuts[1]));
        for said in &here {
            prop_assert!(!said.contains(words[0].as_str()));
        }
    }

    #[test]
    fn the_laws_hold_for_anything(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        laws::transcript(&octets);
    }

    #[test]
    fn the_laws_hold_for_what_is_almost_true(
        parts in prop::collection::vec(
            (
                any::<u8>(),
                prop::sample::select(vec![
                    "\r\n", "\r", "> ", ">", "OK\r\n", "+CMGL: 1,1,,24\r\n", "AT+CMGS=24\r", "\x1a",
                    "\x1b", "+CMT: ,24\r\n", "00040B915155210013F0000032101141903480", "0568656C",
                    "+CUSD: 0,\"", "\"", "12345678", "+15551230100", "AT+CGMM\r", "AT+CPIN=\"1",
                    "\0", "\u{7f}", "word ", "+CREG: 2,1,", "AT", "+CMGL: 1,\"REC READ\",\"",
                ]),
            ),
            0..40,
        )
    ) {
        let mut octets = Vec::new();
        for (choice, words) in parts {
            octets.push(u8::try_from(words.len()).unwrap() << 1 | choice & 1);
            octets.extend(words.bytes());
        }
        laws::transcript(&octets);
    }
}
