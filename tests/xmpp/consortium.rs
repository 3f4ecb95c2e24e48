//! Two boxes, each a component of its own at one server, that help one another out.

use callnumber::routing::{Amendment, DeliveryState, Role, Show};
use callnumber::xmpp::Standing;
use tokio::time::timeout;

use crate::PATIENCE;
use crate::client::{Messenger, attribute};
use crate::library::Desk;
use crate::server::Server;

const NUMBER: &str = "+15551230100";
const SOUTH: &str = "desk@south.example.org";

/// The north box, whose queue `desk` has the south box's for its fallback.
async fn north(server: &Server) -> Desk {
    let north = Desk::open_at(server, "desk.example.org", &["ana"]).await;
    for amendment in [
        Amendment::AddQueue {
            name: "south".into(),
        },
        Amendment::AddOperator {
            name: "south".into(),
            password_hash: None,
            role: Role::Operator,
            queues: vec!["south".into()],
        },
        Amendment::SetAddresses {
            operator: "south".into(),
            jids: vec![SOUTH.into()],
        },
        Amendment::SetFallback {
            queue: "desk".into(),
            fallback: Some("south".into()),
            after_s: Some(1),
        },
    ] {
        north.house.desk().amend(amendment).await.unwrap();
    }
    north
}

async fn south_shows(north: &Desk, show: Show) {
    let mut board = north.house.desk().board();
    let there = board.wait_for(|board| {
        let south = board.plan.operator_named("south").unwrap().id;
        board.shows.get(&south).copied().unwrap_or(Show::Offline) == show
    });
    timeout(PATIENCE, there)
        .await
        .expect("the south box shows so")
        .unwrap();
}

async fn on_duty_in_the_south(server: &Server) -> Messenger {
    let mut ben = Messenger::connect(server, "ben", "gajim").await;
    ben.send(&format!("<presence/><presence to='{SOUTH}'/>"))
        .await;
    ben.expect(&["<presence", "from='desk@south.example.org'", "1 librarian"])
        .await;
    ben
}

pub(crate) async fn another_box_helps_out_and_no_number_crosses(mut server: Server) {
    let south = Desk::open_at(&server, "south.example.org", &["ben"]).await;
    let north = north(&server).await;
    let mut ana = Messenger::connect(&server, "ana", "gajim").await;
    ana.sign_in().await;
    let mut ben = on_duty_in_the_south(&server).await;
    south_shows(&north, Show::Available).await;

    // Nobody answers in the north.
    north.texts(NUMBER, "Do you have maps?").await;
    ana.expect(&["Do you have maps?"]).await;
    let text = ben.expect(&["Do you have maps?"]).await;
    assert!(!text.contains("5551230100"), "{text}");
    let patron = attribute(&text, "from");
    assert!(patron.ends_with("@south.example.org/desk"), "{patron}");
    ben.says(&patron, "b1", "In the cellar.").await;
    ana.expect(&["answered by south"]).await;
    let sent: Vec<String> = north
        .sent()
        .await
        .into_iter()
        .map(|(body, _)| body)
        .collect();
    assert_eq!(sent, ["In the cellar."]);
    // The receipt comes back over both boxes once the network reports.
    north.line_delivers("In the cellar.").await;
    ben.expect(&["urn:xmpp:receipts", "received", "id='b1'"])
        .await;

    // The patron goes on, and the same desk answers.
    north.texts(NUMBER, "And the key?").await;
    ben.expect(&["And the key?"]).await;

    // The link is down: what comes meanwhile is held, and relayed once it is up again.
    server.kill();
    for desk in [&north, &south] {
        desk.linked(|standing| matches!(standing, Standing::Down(_)))
            .await;
    }
    north.texts(NUMBER, "Are you there?").await;
    server.run().await;
    for desk in [&north, &south] {
        desk.linked(|standing| *standing == Standing::Up).await;
    }
    let mut ben = on_duty_in_the_south(&server).await;
    let text = ben.expect(&["Are you there?"]).await;
    ben.says(&attribute(&text, "from"), "b2", "At the desk.")
        .await;
    let mut changes = north.house.desk().changes();
    let answered = async {
        while !north
            .sent()
            .await
            .iter()
            .any(|(body, _)| body == "At the desk.")
        {
            changes.recv().await.unwrap();
        }
    };
    timeout(PATIENCE, answered).await.expect("it is relayed");

    // The north has no text that nobody wrote: notices of the south stay there.
    let sent = north.sent().await;
    let relayed = sent
        .iter()
        .filter(|(_, state)| *state != DeliveryState::Failed);
    assert_eq!(relayed.count(), 2, "{sent:?}");

    // Nobody takes texts in the south any more, and the north sees it.
    ben.send(&format!(
        "<presence to='{SOUTH}'><show>away</show></presence>"
    ))
    .await;
    south_shows(&north, Show::Away).await;
    south.house.close().await;
    north.house.close().await;
}
