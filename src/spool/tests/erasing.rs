//! What is erased is gone, and still counted.

use super::*;
use crate::numbers::PatronNumber;
use crate::routing::Whose;
use crate::spool::patrons;

#[test]
fn what_is_erased_is_not_found_and_not_on_disk_and_still_counted() {
    let shelf = with_threads();
    shelf.do_(|c| {
        for n in 1..=200 {
            let mut message = a_message(n, 1);
            message.body = format!("the zyzzogeton number {n} flew away");
            keep(c, &Effect::Record(message), at(n))?;
        }
        Ok(())
    });
    let find = |words: &str| {
        let question = search::Question::read(words).unwrap();
        shelf
            .do_(move |c| search::search(c, &question, None, 1000))
            .len()
    };
    assert_eq!(find("zyzzogeton"), 200);
    assert_eq!(find("zyzzo 17"), 11);
    shelf.do_(|c| {
        let reworded = Effect::Reword {
            message: MessageId(17),
            conversation: ConversationId(1),
            body: "quokkas".into(),
        };
        keep(c, &reworded, at(300))
    });
    assert_eq!((find("zyzzo 17"), find("quokkas")), (10, 1));
    shelf.do_(|c| Ok(c.execute("DELETE FROM message", [])?));
    assert_eq!((find("zyzzogeton"), find("quokkas")), (0, 0));
    let counted: i64 =
        shelf.do_(|c| Ok(c.query_row("SELECT count(*) FROM statistic", [], |row| row.get(0))?));
    assert_eq!(counted, 200);
    // Down to the bytes, once the log is folded.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(shelf.spool.fold()).unwrap();
    let path = shelf.path();
    let bytes = std::fs::read(&path).unwrap();
    for word in ["zyzzogeton", "zyzzo", "quokka"] {
        let there = bytes.windows(word.len()).any(|w| w == word.as_bytes());
        assert!(!there, "{word} is still in {}", path.display());
    }
}

/// What cannot be read is whose number stands in it, in whatever writing.
#[test]
fn a_number_is_found_in_what_is_kept_raw_however_it_is_written() {
    let shelf = shelf();
    let forms: [(&[u8], bool); 9] = [
        (b"\x00\x04\x0B\x91\x51\x55\x21\x03\x01\xF0\x00", true), // international
        (b"\x00\x04\x0A\xA1\x55\x15\x32\x10\x00\x00", true),     // national
        (b"\x00\x04\x0B\xA1\x50\x55\x21\x03\x01\xF0\x00", true), // with a trunk prefix
        (b"+CMGL: 1,1,,24\n\"00040b915155210301f00000", true),
        (b"+CMGL: 1,1,,24\n00040AA15515321000zz", true),
        (b"+CMT: \"+15551230100\",,\"\"\nwords", true),
        (b"+CMT: \"5551230100\",,\"\"\nwords", true),
        (
            b"+CMT: \"0035003500350031003200330030003100300030\",,\"\"\nwords",
            true,
        ),
        (b"+CMGL: 1,1,,24\n00040B915155210302F00000", false), // somebody else's
    ];
    let raws: Vec<Raw> = forms
        .iter()
        .zip(0..)
        .map(|((pdu, _), byte)| Raw {
            digest: [byte; 16],
            pdu: pdu.to_vec(),
        })
        .collect();
    let gone = forms.iter().filter(|(_, gone)| *gone).count();
    let left: Vec<Vec<u8>> = shelf.do_(move |c| {
        let kept = inbox::keep(c, "m", &raws, at(0))?;
        let ids: Vec<ArrivalId> = kept.iter().map(|kept| kept.id).collect();
        inbox::set_aside(c, &ids, "it is no PDU")?;
        assert_eq!(inbox::shelved(c, None, 100)?.len(), raws.len());
        let whose = Whose::Telephone(PatronNumber::kept("+15551230100".into()));
        assert_eq!(patrons::arrivals(c, whose.address())?.len(), gone);
        erasure::forget(c, &whose, None, None, at(0))?;
        let left = inbox::shelved(c, None, 100)?;
        Ok(left.into_iter().map(|shelved| shelved.pdu).collect())
    });
    let expected: Vec<&[u8]> = forms
        .iter()
        .filter(|(_, gone)| !gone)
        .map(|(pdu, _)| *pdu)
        .collect();
    assert_eq!(left, expected);
}
