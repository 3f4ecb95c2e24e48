//! PDUs read and written, texts split and joined: what one text costs.
//!
//! `cargo bench --bench codec`

use callnumber::sms::{
    Address, Assembly, DataCoding, Pdu, ProtocolId, SmsDeliver, SmsSubmit, Timestamp, Tpdu,
    UserData, plan, split,
};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// 160 septets.
fn gsm7() -> String {
    let mut text = "Is \"A Field Guide to Eastern Trees\" on the shelf at Elm? ".repeat(3);
    text.truncate(160);
    text
}

/// 70 units.
fn ucs2() -> String {
    "Есть ли у вас книга о деревьях? 📚 Можно продлить до пятницы? Спасибо! 😀😀"
        .chars()
        .take(68)
        .collect()
}

fn long(of: &str) -> String {
    of.repeat(5)
}

fn delivery(user_data: UserData) -> Vec<u8> {
    Pdu {
        smsc: Some(address("+15551230999")),
        tpdu: Tpdu::Deliver(SmsDeliver {
            more_messages: false,
            loop_prevention: false,
            reply_path: false,
            status_report_indication: false,
            originator: address("+15551230100"),
            pid: ProtocolId::PLAIN,
            coding: DataCoding(user_data.coding().0),
            timestamp: Timestamp([0x42, 0x50, 0x71, 0x90, 0x03, 0x00, 0x0A]),
            user_data,
        }),
    }
    .encode()
    .expect("a delivery of one part can be written")
}

fn address(number: &str) -> Address {
    Address::number(number).expect("the numbers here are numbers")
}

fn parts(text: &str) -> Vec<UserData> {
    split(text, 7).expect("the texts here are short")
}

fn first(text: &str) -> UserData {
    parts(text).swap_remove(0)
}

/// From octets to a text a person reads.
#[divan::bench(args = ["gsm7 160", "ucs2 70", "gsm7 part", "ucs2 part"])]
fn decode_deliver(bencher: Bencher<'_, '_>, kind: &str) {
    let pdu = delivery(match kind {
        "gsm7 160" => first(&gsm7()),
        "ucs2 70" => first(&ucs2()),
        "gsm7 part" => first(&long(&gsm7())),
        _ => first(&long(&ucs2())),
    });
    bencher.counter(ItemsCount::new(1u32)).bench(|| {
        let pdu = Pdu::decode(divan::black_box(&pdu)).expect("it was written just now");
        let Tpdu::Deliver(deliver) = &pdu.tpdu else {
            unreachable!("it is a delivery");
        };
        let text = deliver.text();
        (pdu, text)
    });
}

/// `callnumber pdu decode`, per line: digits in, JSON out.
#[divan::bench]
fn decode_lines(bencher: Bencher<'_, '_>) {
    const LINES: usize = 1_000;
    let line = callnumber::sms::hex(&delivery(first(&gsm7()))) + "\n";
    let lines = line.repeat(LINES);
    bencher
        .counter(ItemsCount::new(LINES))
        .bench(|| callnumber::cli::pdu::decode(None, lines.as_bytes(), std::io::sink()));
}

/// From user data to octets.
#[divan::bench(args = ["gsm7 160", "ucs2 70", "gsm7 part"])]
fn encode_submit(bencher: Bencher<'_, '_>, kind: &str) {
    let submit = SmsSubmit::new(
        address("+15551230100"),
        match kind {
            "gsm7 160" => first(&gsm7()),
            "ucs2 70" => first(&ucs2()),
            _ => first(&long(&gsm7())),
        },
    );
    bencher
        .counter(ItemsCount::new(1u32))
        .bench(|| divan::black_box(&submit).encode());
}

/// What a counter asks at every key.
#[divan::bench(args = ["gsm7 160", "gsm7 long", "ucs2 long"])]
fn plan_text(bencher: Bencher<'_, '_>, kind: &str) {
    let text = match kind {
        "gsm7 160" => gsm7(),
        "gsm7 long" => long(&gsm7()),
        _ => long(&ucs2()),
    };
    bencher.bench(|| plan(divan::black_box(&text)));
}

/// Five texts' worth.
#[divan::bench(args = ["gsm7", "ucs2"])]
fn split_long(bencher: Bencher<'_, '_>, kind: &str) {
    let text = long(&if kind == "gsm7" { gsm7() } else { ucs2() });
    bencher.bench(|| split(divan::black_box(&text), 7));
}

/// The same, back.
#[divan::bench(args = ["gsm7", "ucs2"])]
fn join_long(bencher: Bencher<'_, '_>, kind: &str) {
    let text = long(&if kind == "gsm7" { gsm7() } else { ucs2() });
    bencher.with_inputs(|| parts(&text)).bench_values(|parts| {
        let mut parts = parts.into_iter().rev();
        let last = parts.next()?;
        let mut assembly = Assembly::starting_with(last.concat()?, last);
        for part in parts {
            assembly.insert(part.concat()?, part);
        }
        assembly.text()
    });
}
