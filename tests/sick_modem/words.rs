//! Words on the air: septets, fill bits, national tables.

use std::time::Duration;

use callnumber::simulator::air::{Language, to_hex};
use callnumber::simulator::{Ailment, Parts};
use callnumber::sms::{self, Pdu, Tpdu};

use crate::bench::{Bench, PATIENCE, PATRON, modem};
use crate::house::{House, Use};
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![
        row_26_septets_begin_after_the_fill_bits,
        row_26_a_name_of_seven_letters_gains_none,
        row_27_national_tables_are_read,
        row_27_national_tables_carry_an_answer_where_the_line_allows_them,
        row_27_an_unknown_escape_is_read_from_the_main_table,
        row_61_a_pdu_without_its_service_centre_is_somebodys_text,
        row_65_of_a_torn_text_the_first_words_stand_in_its_patrons_thread,
        row_66_letters_that_a_word_processor_puts_in_cost_no_more_than_plain_ones,
    ]
}

/// Septets into octets, least significant bit first (TS 23.038 §6.1.2.1.1).
fn packed(septets: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = septets
        .iter()
        .flat_map(|septet| (0..7).map(move |bit| septet >> bit & 1))
        .collect();
    bits.chunks(8)
        .map(|octet| octet.iter().rev().fold(0, |octet, bit| octet << 1 | bit))
        .collect()
}

/// An SMS-DELIVER with its service centre left out; `from` is type and value of the address, its
/// length in front (TS 23.040 §9.2.2.1).
fn deliver(from: &[u8], septets: &[u8]) -> String {
    let mut pdu = vec![0x00, 0x04];
    pdu.extend(from);
    pdu.extend([0x00, 0x00, 0x62, 0x11, 0x52, 0x21, 0x43, 0x65, 0x00]);
    pdu.push(u8::try_from(septets.len()).unwrap());
    pdu.extend(packed(septets));
    to_hex(&pdu)
}

async fn row_26_septets_begin_after_the_fill_bits() {
    let bench = Bench::ready("generic").await;
    // A reference of 0x1B looks like the escape septet to whoever unpacks before skipping the header.
    for (wide, reference) in [(false, 0x1B), (true, 0x1B1B), (true, 0x001B)] {
        let words = format!("{reference} Ångström, {{braces}} and € 20. ").repeat(8);
        let parts = Parts {
            wide_reference: wide,
            reference: Some(reference),
            ..Parts::default()
        };
        bench.modem.deliver_parts(PATRON, &words, &parts).unwrap();
        bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let joined: String = bench.words().concat();
        assert!(joined.ends_with(&words), "{joined:?}");
    }
}

async fn row_26_a_name_of_seven_letters_gains_none() {
    let bench = Bench::ready("generic").await;
    for name in ["LIBRARY", "ELM", "A", "LIBRARIES12"] {
        let letters: Vec<u8> = name.bytes().collect();
        let value = packed(&letters);
        // The length counts useful half octets: seven letters are 49 bits, thirteen of them.
        let halves = u8::try_from((letters.len() * 7).div_ceil(4)).unwrap();
        let mut from = vec![halves, 0xD0];
        from.extend(value);
        bench.modem.deliver_pdu(&deliver(&from, b"due")).unwrap();
        bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
        let kept = bench.kept();
        let Tpdu::Deliver(deliver) = Pdu::decode(&kept.last().unwrap().octets).unwrap().tpdu else {
            panic!("no DELIVER");
        };
        assert_eq!(deliver.originator.to_string(), name);
    }
}

async fn row_27_national_tables_are_read() {
    let bench = Bench::ready("generic").await;
    for (locking, single, words) in [
        (Some(Language::Turkish), None, "Şu kitap içeride mi? Ğ ı"),
        (
            None,
            Some(Language::Turkish),
            "ş ç ğ ı İ with the main table",
        ),
        (None, Some(Language::Spanish), "¿Está aquí el título? ó ú"),
        (
            Some(Language::Portuguese),
            Some(Language::Portuguese),
            "O livro está disponível amanhã? Ç õ",
        ),
    ] {
        let parts = Parts {
            locking,
            single,
            ..Parts::default()
        };
        bench.modem.deliver_parts(PATRON, words, &parts).unwrap();
        bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(bench.words().last().unwrap(), words);
    }
}

async fn row_27_national_tables_carry_an_answer_where_the_line_allows_them() {
    let words = "¿Dónde está la sección infantil? Está aquí, después del vestíbulo. ".repeat(4);
    for (tables, segments) in [(&[][..], 4), (&["spanish"], 2), (&["turkish"], 4)] {
        let mut how = Use::default();
        for name in tables {
            how.line.national.add(name).unwrap();
        }
        let mut house = House::with(modem("generic", |_| {}), how).await;
        house.is_ready().await;
        house.modem.patron_texts(PATRON, "¿Dónde?").unwrap();
        house.shows(&["¿Dónde?"]).await;
        house.answers(1, &words).await;
        house
            .until("sent whole", async |house: &House| {
                let parts = house.modem.submissions();
                let whole: String = parts
                    .iter()
                    .filter_map(|part| part.submit.user_data.to_text())
                    .collect();
                (whole == words && parts.len() == segments).then_some(())
            })
            .await;
    }
}

/// From the usual patron.
const FROM: [u8; 8] = [0x0B, 0x91, 0x51, 0x55, 0x21, 0x03, 0x01, 0xF0];

async fn row_61_a_pdu_without_its_service_centre_is_somebodys_text() {
    let whole = deliver(&FROM, b"Is my book in?");
    let bare = &whole[2..];
    let mut house = House::on(modem("generic", |_| {})).await;
    house.is_ready().await;
    house.modem.suffers(Ailment::Answers {
        command: "+CMGL".into(),
        line: format!("+CMGL: 0,1,,{}\r\n{bare}", bare.len() / 2),
    });
    house.shows(&["Is my book in?"]).await;
    // Listed again and again, it stays one text.
    tokio::time::sleep(Duration::from_secs(120)).await;
    house.shows(&["Is my book in?"]).await;
}

async fn row_65_of_a_torn_text_the_first_words_stand_in_its_patrons_thread() {
    let mut house = House::on(modem("generic", |_| {})).await;
    house.is_ready().await;
    let mut torn = deliver(&FROM, b"Is my book in? It is due");
    torn.truncate(torn.len() - 16);
    house.modem.deliver_pdu(&torn).unwrap();
    let shown = house
        .until("showing the first words", async |house: &House| {
            house.shown().await.pop()
        })
        .await;
    assert!(shown.starts_with("Is my book in?"), "{shown}");
    assert!(shown.contains("damaged"), "{shown}");
    house.answers(1, "Yes, it is.").await;
    house
        .until("answered", async |house: &House| house.sent().pop())
        .await;
    assert_eq!(house.sent()[0].0, PATRON);
}

async fn row_66_letters_that_a_word_processor_puts_in_cost_no_more_than_plain_ones() {
    let typed = "Mon–Fri 9‑5 … we’re open, and “Dune” is in, naïve Zoë. ".repeat(2);
    let plain = sms::plain(&typed);
    assert_eq!(
        (sms::plan(&typed).segments, sms::plan(&plain).segments),
        (2, 1)
    );
    let mut house = House::on(modem("generic", |_| {})).await;
    house.is_ready().await;
    house.modem.patron_texts(PATRON, "When?").unwrap();
    house.shows(&["When?"]).await;
    house.answers(1, &plain).await;
    house
        .until("sent in one", async |house: &House| {
            (house.modem.submissions().len() == 1).then_some(())
        })
        .await;
    assert_eq!(house.sent()[0].1, plain);
    assert!(plain.starts_with("Mon-Fri 9-5 ... we're open, and \"Dune\" is in, naive Zoe. "));
}

async fn row_27_an_unknown_escape_is_read_from_the_main_table() {
    let bench = Bench::ready("generic").await;
    let from = [0x0B, 0x91, 0x51, 0x55, 0x21, 0x03, 0x01, 0xF0];
    for (septets, words) in [
        (&[0x61, 0x1B, 0x7A, 0x62][..], "azb"), // nothing stands at 0x7A of the extension table
        (&[0x1B, 0x65, 0x31], "€1"),
        (&[0x61, 0x1B], "a"), // an escape at the very end
    ] {
        bench.modem.deliver_pdu(&deliver(&from, septets)).unwrap();
        bench.modem.wait_until_stored(0, PATIENCE).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            bench.words().last().unwrap().trim_end(),
            words,
            "{septets:?}"
        );
    }
}
