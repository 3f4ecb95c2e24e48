//! Visitors of the library's pages.

use callnumber::routing::{Amendment, GatewayKind, Role};
use serde_json::json;

use super::MONDAY_10_AM;
use super::house::{House, Opening, Sent};

#[tokio::test(start_paused = true)]
async fn web_site_a_visitor_who_writes_into_an_offline_queue_is_told_at_once() {
    use callnumber::desk::NotGranted;
    use callnumber::routing::{Event, Refusal};
    let house = House::open(MONDAY_10_AM).await;
    house
        .amend(Amendment::AddGateway {
            name: "page".into(),
            kind: GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    let gateway = {
        let board = house.desk.board();
        let board = board.borrow();
        board.plan.gateway_named("page").unwrap().id
    };
    let text = || Event::TextArrived {
        gateway,
        from: "visitor-1".into(),
        body: "hello".into(),
        stamped_at: None,
    };
    let refused = house.desk.ask(text()).await;
    assert!(matches!(
        refused,
        Err(NotGranted::Refused(Refusal::Offline))
    ));
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    assert!(ana.list().await.is_empty(), "nothing is kept");
    ana.arrives().await;
    house.desk.ask(text()).await.unwrap();
    ana.sees(1).await;
}

async fn with_a_widget() -> House {
    let house = House::open_with(
        MONDAY_10_AM,
        Opening {
            public_url: Some("https://desk.elm.example"),
            ..Opening::default()
        },
    )
    .await;
    house
        .amend(Amendment::AddGateway {
            name: "ask".into(),
            kind: GatewayKind::Widget,
            queue: "desk".into(),
            line: None,
            policy: None,
        })
        .await;
    house
}

#[tokio::test(start_paused = true)]
async fn web_site_the_widget_stands_while_the_queue_is_online() {
    let house = with_a_widget().await;
    let standing = async || {
        let asked = house.request("GET", "/widget/ask/standing", "", Sent::Nothing);
        asked.await.is(200)["standing"].clone()
    };
    let presence = async || {
        let path = "/presence/jid/desk/chat.elm.example/text";
        let told = house.request("GET", path, "", Sent::Nothing).await;
        String::from_utf8(told.body).unwrap()
    };
    assert_eq!(
        (standing().await, presence().await),
        (json!("offline"), "unavailable".into())
    );
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    assert_eq!(
        (standing().await, presence().await),
        (json!("online"), "available".into())
    );
    let visitor = house.visitor().await;
    ana.says("offline").await;
    let page = "https://www.elm.example/";
    let refused = visitor.says("Hello?", page, "Home").await.is(409);
    assert_eq!(refused["detail"], "Chat is offline");
    assert!(ana.list().await.is_empty(), "nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn web_site_the_operator_sees_the_page_and_links_and_files_go_both_ways() {
    let house = with_a_widget().await;
    let ana = house.hire("ana", Role::Operator, &["desk"]).await;
    ana.arrives().await;
    let visitor = house.visitor().await;
    let page = "https://www.elm.example/catalog?q=le+guin";
    let words = "Is this one in? https://www.elm.example/leguin";
    visitor.says(words, page, "Catalog").await.is(201);
    let shown = ana.sees(1).await[0].clone();
    assert_eq!(shown["page"], json!({ "url": page, "title": "Catalog" }));
    let id = &shown["id"];
    assert_eq!(ana.words(id).await, [words]);
    let link = ana.attaches(id, "shelves.pdf", b"%PDF-1.4 shelves").await;
    assert_eq!(ana.answers(id, &link).await.0, 201);
    let answer = "https://www.elm.example/814";
    assert_eq!(ana.answers(id, answer).await.0, 201);
    assert_eq!(visitor.hears(3).await, [words, link.as_str(), answer]);
    // The page shows a file where the link is: by its name, of its kind.
    let path = link.strip_prefix("https://desk.elm.example").unwrap();
    let about = format!("{path}/about");
    let about = house
        .request("GET", &about, "", Sent::Nothing)
        .await
        .is(200);
    assert_eq!(
        (&about["name"], &about["kind"]),
        (&json!("shelves.pdf"), &json!("application/pdf"))
    );
    let file = house.request("GET", path, "", Sent::Nothing).await;
    assert_eq!(file.body, b"%PDF-1.4 shelves");
}
