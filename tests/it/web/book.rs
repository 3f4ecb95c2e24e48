//! The desk as a file, taken out and brought in through the API.

use axum::body::Body;
use axum::http::{Method, header};
use callnumber::routing::Role;
use serde_json::{Value, json};

use super::house::{Answer, Client, House};

async fn export(client: &Client, query: &str) -> String {
    let answer = client.get(&format!("/desk{query}")).await;
    answer.is(200);
    answer.text().to_owned()
}

async fn import(client: &Client, query: &str, book: impl Into<Body>) -> Answer {
    client
        .call_toml(Method::PUT, &format!("/desk{query}"), book)
        .await
}

/// The audit trail from the oldest line on: who did what to whom.
async fn trail(client: &Client) -> Vec<String> {
    let page = client.get("/audit?limit=500").await.json;
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |row: &Value| {
        format!(
            "{} {} {}",
            word(&row["by"]),
            word(&row["action"]),
            word(&row["subject"])
        )
    };
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(line)
        .collect()
}

#[tokio::test]
async fn a_desk_is_carried_to_another_through_the_api() {
    let elm = House::open().await;
    elm.hire_admin("root").await;
    let root = elm.with_token("root");
    let canned =
        json!({"key": "hours", "queue": "reference", "text": "Until 8,\nbut \"stories\" until 6."});
    root.post("/canned", canned).await.is(201);

    let answer = root.get("/desk").await;
    answer.is(200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/toml");
    let kept_as = answer.headers[header::CONTENT_DISPOSITION]
        .to_str()
        .unwrap();
    assert!(
        kept_as.starts_with("attachment; filename=\"callnumber-desk-20")
            && kept_as.ends_with(".toml\""),
        "{kept_as}"
    );
    assert!(!answer.text().contains("argon2"), "{}", answer.text());
    let whole = export(&root, "?passwords=true").await;
    assert!(whole.contains("password_hash = \"$argon2id$"), "{whole}");
    let said = trail(&root).await;
    let taken = said
        .iter()
        .filter(|line| **line == "root exported_passwords -");
    assert_eq!(taken.count(), 1, "the hashes were taken out once: {said:?}");

    // Another house, which has an admin of another name and nothing else of it.
    let oak = House::open().await;
    oak.hire_admin("chief").await;
    let chief = oak.with_token("chief");
    for name in ["ana", "ben", "cara"] {
        chief
            .call(Method::DELETE, &format!("/operators/{name}"), None)
            .await
            .is(204);
    }
    let before = export(&chief, "?passwords=true").await;
    let lines_before = trail(&chief).await.len();

    let shown = import(&chief, "?dry_run=true", whole.clone()).await;
    shown.is(200);
    assert_eq!(shown.json["dry_run"], true);
    let changes = shown.json["changes"].as_array().unwrap().clone();
    let lines: Vec<&str> = changes.iter().filter_map(Value::as_str).collect();
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("add operator: name=\"ana\"")),
        "{lines:?}"
    );
    assert!(!shown.text().contains("argon2"), "{}", shown.text());
    assert_eq!(
        export(&chief, "?passwords=true").await,
        before,
        "only shown"
    );
    assert_eq!(
        trail(&chief).await.len(),
        lines_before + 1,
        "the export alone"
    );

    let made = import(&chief, "", whole.clone()).await;
    made.is(200);
    assert_eq!(made.json, json!({"changes": lines, "dry_run": false}));
    // Each change is somebody's.
    let said = trail(&chief).await;
    for line in [
        "chief imported_desk -",
        "chief add_operator ana",
        "chief add_operator root",
        "chief add_canned hours",
    ] {
        assert!(said.iter().any(|one| one == line), "no {line} in {said:?}");
    }
    // What was brought is in force: those who came sign in with the passwords they had.
    oak.with_session("ana")
        .await
        .get("/conversations")
        .await
        .is(200);
    let again = import(&chief, "", whole).await;
    assert_eq!(again.is(200).json["changes"], json!([]));
}

#[tokio::test]
async fn a_book_with_a_mistake_changes_nothing_and_is_told_its_line() {
    let house = House::open().await;
    house.hire_admin("root").await;
    let root = house.with_token("root");
    let before = export(&root, "?passwords=true").await;
    let good = "callnumber_desk = 1\n[[queue]]\nname = \"maps\"\n";
    for (rest, parts) in [
        (
            "[[queue]]\nnmae = \"x\"\n",
            &["line 5", "nmae", "correct the key"][..],
        ),
        (
            "[[operator]]\nname = \"dora\"\nqueues = [\"atlases\"]\n",
            &["line 6", "atlases", "queues = ", "add it as a [[queue]]"],
        ),
        (
            "[[gateway]]\nname = \"two\"\nkind = \"sms\"\nqueue = \"maps\"\nline = \"front-desk\"\n",
            &[
                "line 8",
                "line = ",
                "is gateway front-desk's",
                "remove or change",
            ],
        ),
        (
            "[[operator]]\nname = \"dora\"\nxmpp = [\"dora\"]\n",
            &["line 6", "xmpp = ", "write it as"],
        ),
        (
            "[[canned]]\nkey = \"x\"\ntext = \"  \"\n",
            &["line 6", "text = ", "needs words"],
        ),
        (
            "[[operator]]\nname = \"root\"\nrole = \"operator\"\nqueues = [\"desk\"]\n",
            &["line 6", "role = ", "let one operator be an admin"],
        ),
        (
            "[[operator]]\nname = \"root\"\nrole = \"admin\"\npassword_hash = \"$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g\"\n",
            &["line 7", "password_hash = …", "set a password afterwards"],
        ),
    ] {
        let book = format!("{good}{rest}");
        for query in ["?dry_run=true", ""] {
            let refused = import(&root, query, book.clone()).await;
            refused.is_problem(422);
            let detail = refused.json["detail"].as_str().unwrap();
            for part in parts {
                assert!(detail.contains(part), "{part:?} is not in {detail}");
            }
            assert!(!detail.contains("argon2"), "{detail}");
        }
        assert_eq!(export(&root, "?passwords=true").await, before, "{rest}");
    }
    let lines = trail(&root).await;
    let brought = lines
        .iter()
        .filter(|line| line.contains("imported_desk") || line.contains("maps"));
    assert_eq!(brought.count(), 0, "{lines:?}");

    // In a form that is none, or too much of it.
    let json = root.call(Method::PUT, "/desk", Some(json!({}))).await;
    json.is_problem(415);
    let torn = import(&root, "", &b"callnumber_desk = 1\n# \xff\n"[..]).await;
    torn.is_problem(400);
    assert!(torn.json["detail"].as_str().unwrap().starts_with("line 2"));
    let large = import(&root, "", "#".repeat(2 * 1024 * 1024 + 1)).await;
    large.is_problem(413);
    assert!(large.json["detail"].as_str().unwrap().contains("in parts"));
}

#[tokio::test]
async fn an_admin_may_hand_the_desk_over_to_another() {
    let house = House::open().await;
    house.hire_admin("root").await;
    house.hire("coco", "desk").await;
    house.promote("coco", Role::Coordinator).await;
    let root = house.with_token("root");
    let book = "callnumber_desk = 1\n\
                [[operator]]\nname = \"root\"\nrole = \"operator\"\nqueues = [\"desk\"]\n\
                [[operator]]\nname = \"coco\"\nrole = \"admin\"\nqueues = [\"desk\"]\n";
    let coco = house.with_token("coco");
    import(&coco, "", book).await.is_problem(403);
    import(&root, "", book).await.is(200);
    root.get("/desk").await.is_problem(403);
    coco.get("/desk").await.is(200);
}
