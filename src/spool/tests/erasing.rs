//! What is erased is gone, and still counted.

use super::*;

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
