//! What operators were told, resumed and bounded.

use super::*;

#[test]
fn the_feed_resumes_and_is_pruned() {
    let shelf = with_threads();
    assert_eq!(shelf.do_(feed::oldest), 1);
    let rows = shelf.do_(|c| since(c, 1, 10));
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(rows[0].kind, FeedKind::Conversation);
    assert_eq!(rows[0].conversation, ConversationId(2));
    assert_eq!(shelf.do_(|c| since(c, 0, 2)).len(), 2);

    shelf.do_(|c| {
        for _ in 0..22_500 {
            feed::tell(
                c,
                FeedKind::Message,
                ConversationId(1),
                Some(MessageId(5)),
                None,
            )?;
        }
        Ok(())
    });
    let latest = shelf.do_(feed::latest);
    assert_eq!(latest, 22_503);
    let oldest = shelf.do_(feed::oldest);
    assert_eq!(oldest, 2_001, "the rows kept are bounded");
    let row = &shelf.do_(move |c| since(c, latest - 1, 10))[0];
    assert_eq!(
        (row.kind, row.message),
        (FeedKind::Message, Some(MessageId(5)))
    );
}
