//! A cluster of two ejabberd nodes that loses one, and then the other.

use super::client::{Messenger, attribute};
use super::deaths::befriend;
use super::library::Desk;
use super::server::Server;

const NUMBER: &str = "+15551230100";

/// The desk is linked with the first node, the librarian is at the second. Whichever is lost, texts
/// are held and answered by the one that is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_lost_and_the_other_goes_on() {
    let [mut first, mut second] = Server::cluster().await;
    let desk = Desk::open_at_each(&[&first, &second], "desk.example.org", &["ana", "ben"]).await;
    let mut ana = Messenger::connect(&second, "ana", "gajim").await;
    ana.send("<presence/>").await;
    befriend(&mut ana).await;
    desk.texts(NUMBER, "Is the hall free?").await;
    let patron = attribute(&ana.expect(&["Is the hall free?"]).await, "from");
    ana.says(&patron, "a1", "It is.").await;
    desk.line_delivers("It is.").await;
    ana.expect(&["urn:xmpp:receipts", "id='a1'"]).await;

    // The node that the desk is linked with dies, and the next text may go into the dead link.
    first.kill();
    desk.texts(NUMBER, "And on Friday?").await;
    // Her client notices nothing: the desk is in her list, so she is seen again.
    ana.expect(&["And on Friday?"]).await;
    ana.says(&patron, "a2", "On Friday too.").await;
    desk.line_delivers("On Friday too.").await;
    ana.expect(&["urn:xmpp:receipts", "id='a2'"]).await;

    // It comes back; now the other one dies, and her connection with it.
    first.run().await;
    second.kill();
    desk.texts(NUMBER, "And the key?").await;
    let mut ana = Messenger::connect(&first, "ana", "gajim").await;
    ana.send("<presence/>").await;
    ana.expect(&["And the key?"]).await;
    ana.says(&patron, "a3", "At the desk.").await;
    desk.line_delivers("At the desk.").await;
    desk.house.close().await;
}
