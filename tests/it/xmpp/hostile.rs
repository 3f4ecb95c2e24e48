//! What a stranger may send: nothing leaks, nothing reaches anybody, the stream goes on.

use callnumber::xmpp::LinkState;
use tokio::time::timeout;

use super::PATIENCE;
use super::client::{Messenger, attribute, body};
use super::library::Desk;
use super::server::Server;

pub(crate) async fn hostile_stanzas_reach_nobody_and_end_nothing(server: Server) {
    let desk = Desk::open(&server).await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    desk.texts("+15551230100", "First.").await;
    let patron = attribute(&ana.expect(&["First."]).await, "from");
    let mut eve = Messenger::connect(&server, "eve", "x").await;
    eve.send("<presence/>").await;

    let deep = format!("{}{}", "<x>".repeat(120), "</x>".repeat(120));
    let long = "a".repeat(60_000);
    let queue = "desk@desk.example.org";
    let q = queue;
    let p = patron.as_str();
    let table: Vec<String> = vec![
        format!("<presence to='{q}'><show>online</show></presence>"),
        format!("<presence to='{q}'><show>away</show><show>dnd</show></presence>"),
        format!("<presence to='{q}'><priority>300</priority></presence>"),
        format!("<presence to='{q}'><priority>high</priority></presence>"),
        format!("<presence to='{q}' type='bogus'/>"),
        format!("<presence to='{p}' type='subscribe'/>"),
        "<presence to='nobody@desk.example.org' type='subscribe'/>".into(),
        format!("<presence to='{q}' type='unsubscribed'/>"),
        format!("<presence to='{p}' type='probe'/>"),
        format!("<message to='{p}' id='1' type='chat'><body>stranger</body></message>"),
        format!("<message to='{p}' id='2'><body>stranger</body></message>"),
        format!("<message to='{p}' id='3' type='nonsense'><body>stranger</body></message>"),
        format!("<message to='{p}' id='4' type='groupchat'><body>stranger</body></message>"),
        format!("<message to='{p}' id='5' type='headline'><body>stranger</body></message>"),
        format!("<message to='{p}' id='6' type='error'><body>stranger</body></message>"),
        format!("<message to='{q}' id='7'><thread>a</thread><thread>b</thread></message>"),
        format!("<message to='{q}' id='8' type='groupchat'><body>stranger</body></message>"),
        format!("<message to='{q}' id='9'>{deep}</message>"),
        format!("<message to='{q}' id='{long}'><body>stranger</body></message>"),
        format!("<message to='{q}' id='11'><body>{long}</body></message>"),
        format!("<message to='{q}' id='12'><body>   </body></message>"),
        format!("<message to='{q}' id='13'><body>x</body><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>"),
        format!("<message to='{q}' id='14'><body>x</body><encryption xmlns='urn:xmpp:eme:0' namespace='z'/></message>"),
        format!("<message to='{q}' id='15'><body>x</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/></message>"),
        format!("<message to='{q}' id='16'><received xmlns='urn:xmpp:receipts' id='text-1'/></message>"),
        format!("<message to='{q}' id='17'><received xmlns='urn:xmpp:receipts' id='chat-99999999999999999999'/></message>"),
        format!("<message to='{q}' id='18'><received xmlns='urn:xmpp:receipts' id='chat-1'/></message>"),
        format!("<message to='{p}' id='text-1' type='error'><error type='cancel'/></message>"),
        format!("<message to='{q}' id='chat-1' type='error'/>"),
        format!("<message to='{q}' id='19'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='ana@example.org/gajim' to='{p}'><body>forged</body></message></forwarded></sent><body>forged</body></message>"),
        "<message to='desk.example.org' id='20'><body>stranger</body></message>".into(),
        "<message to='nobody@desk.example.org' id='21'><body>stranger</body></message>".into(),
        "<message to='~nobody-1@desk.example.org/desk' id='22'><body>stranger</body></message>".into(),
        "<message to='+15551230100@desk.example.org/desk' id='23'><body>stranger</body></message>".into(),
        format!("<message to='{p}' id='24'><x xmlns='jabber:x:oob'><url>https://example.org/</url></x></message>"),
        format!("<iq to='{q}' id='25' type='get'/>"),
        format!("<iq to='{q}' id='26' type='get'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"),
        format!("<iq to='{q}' id='27' type='set'><query xmlns='jabber:iq:roster'/></iq>"),
        format!("<iq to='{q}' id='28' type='set'><command xmlns='http://jabber.org/protocol/commands' node='waiting'/></iq>"),
        format!("<iq to='{q}' id='29' type='set'><command xmlns='http://jabber.org/protocol/commands' node='close'/></iq>"),
        format!("<iq to='{q}' id='30' type='get'><query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/></iq>"),
        format!("<iq to='{q}' id='31' type='get'><query xmlns='http://jabber.org/protocol/disco#info' node='{long}'/></iq>"),
        format!("<iq to='{q}' id='32' type='set'><query xmlns='jabber:iq:register'><remove/></query></iq>"),
        format!("<iq to='{q}' id='33' type='get'>{deep}</iq>"),
        format!("<iq to='{p}' id='34' type='get'><vCard xmlns='vcard-temp'/></iq>"),
        format!("<iq to='{p}' id='35' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"),
        format!("<iq to='{p}' id='ping-1-1' type='result'/>"),
        "<iq to='desk.example.org' id='self-1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>".into(),
        "<iq to='desk.example.org' id='barrier-1' type='result'/>".into(),
        "<iq to='desk.example.org' id='36' type='get'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>".into(),
        // Known payloads that are not as their specifications have them.
        format!("<iq to='{q}' id='37' type='set'><command xmlns='http://jabber.org/protocol/commands'/></iq>"),
        format!("<iq to='{q}' id='38' type='set'><command xmlns='http://jabber.org/protocol/commands' node='note'><x xmlns='jabber:x:data' type='submit'><field><value>a</value></field></x></command></iq>"),
        format!("<iq to='{q}' id='39' type='set'><command xmlns='http://jabber.org/protocol/commands' node='note'><x xmlns='jabber:x:data'/><x xmlns='jabber:x:data'/></command></iq>"),
        format!("<iq to='{q}' id='40' type='get'><query xmlns='http://jabber.org/protocol/disco#items'><set xmlns='http://jabber.org/protocol/rsm'><max>many</max></set></query></iq>"),
        format!("<iq to='{q}' id='41' type='get'><ping xmlns='urn:xmpp:ping'>loud<x xmlns='y'/></ping></iq>"),
        format!("<iq to='{q}' id='42' type='set'><withdrawn xmlns='urn:callnumber:desk:0'><x xmlns='y'/></withdrawn></iq>"),
        format!("<iq to='{q}' id='desk-1' type='result'><query xmlns='http://jabber.org/protocol/disco#info'><feature/><feature var='urn:callnumber:desk:0'/></query></iq>"),
        format!("<message to='{q}' id='43'><received xmlns='urn:xmpp:receipts'/></message>"),
        format!("<message to='{q}' id='44'><x xmlns='jabber:x:oob'/></message>"),
        format!("<message to='{p}' id='text-1' type='error'><error><no-such-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"),
    ];
    assert!(table.len() >= 40, "{}", table.len());
    for (row, stanza) in table.iter().enumerate() {
        eve.send(stanza).await;
        // Whatever it did, the desk still answers on the same stream, after it.
        let id = format!("after-{row}");
        eve.send(&format!(
            "<iq to='{queue}' id='{id}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
        ))
        .await;
        let mark = format!("id='{id}'");
        let mut said = Vec::new();
        let answered = async {
            loop {
                let stanza = eve.next().await;
                if stanza.contains(&mark) {
                    break;
                }
                said.push(stanza);
            }
        };
        timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| panic!("row {row}: {said:?}"));
        let asks = ["type='get'", "type='set'"];
        if stanza.starts_with("<iq") && asks.iter().any(|kind| stanza.contains(kind)) {
            let id = format!("id='{}'", attribute(stanza, "id"));
            let answered = said.iter().any(|answer| answer.contains(&id));
            assert!(answered, "row {row} has no answer: {said:?}");
        }
        for words in &said {
            for secret in [
                "5551230100",
                "ana@",
                "ben@",
                "First.",
                "waiting</status>",
                "yours",
            ] {
                let echoed = stanza.contains(secret);
                assert!(
                    echoed || !words.contains(secret),
                    "row {row} leaks {secret}: {words}"
                );
            }
        }
    }
    let standing = desk.house.messengers().unwrap().borrow().clone();
    assert_eq!(standing, LinkState::Up);
    assert_eq!(desk.sent().await, [], "nothing reached a patron");
    // And the librarian was not disturbed: the next thing they see is the next text.
    desk.texts("+15551230100", "Second.").await;
    let next = ana.expect(&["<body>"]).await;
    assert_eq!(body(&next), "Second.");
    desk.house.close().await;
}
