//! Queues, gateways, operators, and who may come in.

use super::*;

fn add_gateway(name: &str, kind: GatewayKind, line: Option<&str>) -> Amendment {
    Amendment::AddGateway {
        name: name.into(),
        kind,
        queue: "desk".into(),
        line: line.map(str::to_owned),
        policy: None,
    }
}

fn set_gateway(name: &str) -> (String, Amendment) {
    let amendment = Amendment::SetGateway {
        name: name.into(),
        queue: None,
        line: None,
        policy: None,
        closed_notice: None,
    };
    (name.to_owned(), amendment)
}

#[test]
fn queues_are_added_renamed_and_removed() {
    let shelf = staffed();
    let queue = |name: &str| Amendment::AddQueue { name: name.into() };
    let rename = |name: &str, rename: &str| Amendment::SetQueue {
        name: name.into(),
        rename: rename.into(),
    };
    let remove = |name: &str| Amendment::RemoveQueue { name: name.into() };
    shelf.amend(queue("maps")).unwrap();
    assert!(shelf.refusal(queue("maps")).contains("already"));
    for bad in ["", "Maps", "a b", "é", "a/b", &"a".repeat(33)] {
        assert!(
            shelf.refusal(queue(bad)).contains("cannot be a name"),
            "{bad}"
        );
        assert!(
            shelf
                .refusal(rename("maps", bad))
                .contains("cannot be a name")
        );
    }
    shelf.amend(rename("maps", "maps")).unwrap();
    assert!(shelf.refusal(rename("maps", "desk")).contains("already"));
    assert!(shelf.refusal(rename("none", "x")).contains("no queue"));
    shelf.amend(rename("maps", "charts")).unwrap();
    assert_eq!(queues(&shelf.spool), ["desk", "charts"]);
    assert!(shelf.refusal(remove("desk")).contains("gateway m feeds"));
    shelf.amend(add_operator("ben", &["charts"])).unwrap();
    shelf.amend(remove("charts")).unwrap();
    assert!(shelf.refusal(remove("charts")).contains("no queue"));
    assert!(shelf.refusal(remove("desk")).contains("only queue"));
    let plan = shelf.do_(|c| staff::plan(c, &Library::default()));
    assert!(plan.operator_named("ben").unwrap().queues.is_empty());
}

#[test]
fn a_queue_with_records_stays() {
    let shelf = with_threads();
    shelf
        .amend(Amendment::AddQueue { name: "new".into() })
        .unwrap();
    let moved = Amendment::SetGateway {
        name: "m".into(),
        queue: Some("new".into()),
        line: None,
        policy: None,
        closed_notice: None,
    };
    shelf.amend(moved).unwrap();
    let refusal = shelf.refusal(Amendment::RemoveQueue {
        name: "desk".into(),
    });
    assert!(refusal.contains("rename it"), "{refusal}");
}

#[test]
fn operators_are_added_changed_and_removed() {
    let shelf = staffed();
    assert!(shelf.refusal(add_operator("ana", &[])).contains("already"));
    assert!(
        shelf
            .refusal(add_operator("Ben", &[]))
            .contains("cannot be")
    );
    assert!(
        shelf
            .refusal(add_operator("ben", &["desk", "none"]))
            .contains("no queue")
    );
    let plan = || shelf.do_(|c| staff::plan(c, &Library::default()));
    assert!(
        plan().operator_named("ben").is_none(),
        "nothing of it stays"
    );

    let set = |hash: Option<&str>, role, queues: Option<&[&str]>| Amendment::SetOperator {
        name: "ana".into(),
        password_hash: hash.map(str::to_owned),
        role,
        queues: queues.map(|names| names.iter().map(|&n| n.to_owned()).collect()),
    };
    shelf.amend(set(Some("$argon2id$1"), None, None)).unwrap();
    shelf
        .amend(set(None, Some(Role::Admin), Some(&[])))
        .unwrap();
    let ana = plan().operator_named("ana").unwrap().clone();
    assert_eq!((ana.role, ana.queues.len()), (Role::Admin, 0));
    shelf
        .amend(set(None, None, Some(&["desk", "desk"])))
        .unwrap();
    assert_eq!(plan().operator_named("ana").unwrap().queues, [QueueId(1)]);
    assert!(
        shelf
            .refusal(set(None, None, Some(&["none"])))
            .contains("no queue")
    );
    assert_eq!(
        plan().operator_named("ana").unwrap().queues,
        [QueueId(1)],
        "taken back"
    );
    let credentials = shelf.do_(|c| staff::credentials(c, "ana"));
    assert_eq!(credentials, Some((ana.id, Some("$argon2id$1".into()))));

    shelf.do_(move |c| {
        let (operator, show) = (ana.id, Show::Available);
        keep(c, &Effect::KeepShow { operator, show }, at(0)).map(|_| ())
    });
    assert_eq!(shelf.do_(staff::presence).0, [(ana.id, Show::Available)]);
    let remove = || Amendment::RemoveOperator { name: "ana".into() };
    shelf.amend(remove()).unwrap();
    assert!(shelf.refusal(remove()).contains("no operator"));
    assert_eq!(shelf.do_(|c| staff::credentials(c, "ana")), None);
    assert!(shelf.do_(staff::presence).0.is_empty());
    shelf.amend(add_operator("ana", &[])).unwrap();
    let names = shelf.do_(staff::names);
    assert_eq!(names.len(), 2, "transcripts name their authors");
}

#[test]
fn gateways_are_added_changed_and_removed() {
    let shelf = staffed();
    let plan = || shelf.do_(|c| staff::plan(c, &Library::default()));
    // A line seen again is left as it was arranged.
    shelf
        .amend(Amendment::AddLine { name: "m".into() })
        .unwrap();
    assert_eq!(plan().gateways.len(), 1);
    assert!(
        shelf
            .refusal(add_gateway("m", GatewayKind::Sms, None))
            .contains("already")
    );
    assert!(
        shelf
            .refusal(add_gateway("n", GatewayKind::Sms, Some("m")))
            .contains("gateway m's")
    );
    assert!(
        shelf
            .refusal(add_gateway("w", GatewayKind::Widget, Some("x")))
            .contains("only an sms")
    );
    assert!(
        shelf
            .refusal(add_gateway("W", GatewayKind::Widget, None))
            .contains("cannot be")
    );
    shelf
        .amend(add_gateway("w", GatewayKind::Widget, None))
        .unwrap();
    shelf
        .amend(add_gateway("n", GatewayKind::Sms, None))
        .unwrap();
    let found = plan();
    let (m, w, n) = (
        found.gateway_named("m").unwrap(),
        found.gateway_named("w").unwrap(),
        found.gateway_named("n").unwrap(),
    );
    assert_eq!(
        (m.policy, m.line.as_deref()),
        (OfflinePolicy::Hold, Some("m"))
    );
    assert_eq!((w.policy, w.line.as_deref()), (OfflinePolicy::Refuse, None));
    assert_eq!(n.line.as_deref(), Some("n"), "its own name's line");

    let (name, _) = set_gateway("w");
    let set = |line: Option<&str>, notice: Option<&str>| Amendment::SetGateway {
        name: name.clone(),
        queue: None,
        line: line.map(str::to_owned),
        policy: Some(OfflinePolicy::Hold),
        closed_notice: notice.map(str::to_owned),
    };
    assert!(
        shelf
            .refusal(set(Some("x"), None))
            .contains("not an sms gateway")
    );
    assert_eq!(
        plan().gateway_named("w").unwrap().policy,
        OfflinePolicy::Refuse,
        "taken back"
    );
    for (notice, kept) in [("", Some("")), ("Zzz", Some("Zzz")), ("default", None)] {
        shelf.amend(set(None, Some(notice))).unwrap();
        let found = plan().gateway_named("w").unwrap().clone();
        for both in [Notice::Closed, Notice::Refused] {
            assert_eq!(found.wording.get(&both).map(String::as_str), kept);
        }
        assert_eq!(found.policy, OfflinePolicy::Hold);
    }
    let (_, unchanged) = set_gateway("w");
    shelf.amend(unchanged).unwrap();
    assert!(shelf.refusal(set_gateway("none").1).contains("no gateway"));

    shelf
        .amend(Amendment::RemoveGateway { name: "m".into() })
        .unwrap();
    assert!(plan().gateway_named("m").is_none());
    assert!(
        plan().gateway(GatewayId(1)).unwrap().removed,
        "still answered through"
    );
    shelf
        .amend(add_gateway("m", GatewayKind::Sms, None))
        .unwrap();
    assert_ne!(plan().gateway_on_line("m").unwrap().id, GatewayId(1));
}

#[test]
fn sessions_tokens_and_links_let_in_whom_they_should() {
    let shelf = staffed();
    let ana = OperatorId(1);
    let hour = SignedDuration::from_hours(1);
    assert!(!shelf.do_(staff::anyone_can_enter));
    shelf.do_(move |c| {
        staff::open_session(c, ana, "s1", at(0), hour)?;
        staff::open_session(c, ana, "s2", at(10), hour)
    });
    assert!(shelf.do_(staff::anyone_can_enter));
    let session =
        |hash: &'static str, second| shelf.do_(move |c| staff::session(c, hash, at(second)));
    assert_eq!(session("s1", 3600), Some(ana));
    assert_eq!(session("s1", 3601), None, "it ran out");
    assert_eq!(session("s2", 3601), Some(ana));
    assert_eq!(session("s3", 0), None);
    shelf.do_(|c| staff::close_session(c, "s2"));
    assert_eq!(session("s2", 0), None);
    shelf.do_(move |c| staff::open_session(c, ana, "s4", at(4000), hour));
    let left: i64 =
        shelf.do_(|c| Ok(c.query_row("SELECT count(*) FROM session", [], |r| r.get(0))?));
    assert_eq!(left, 1, "those that ran out are forgotten");

    let link = |hash: &str| Amendment::AddLink {
        operator: "ana".into(),
        link_hash: hash.into(),
        valid_s: 60,
    };
    shelf.amend(link("l1")).unwrap();
    shelf.amend(link("l2")).unwrap();
    let take =
        |hash: &'static str, second| shelf.do_(move |c| staff::take_link(c, hash, at(second)));
    assert_eq!(take("l1", 60), Some(ana));
    assert_eq!(take("l1", 0), None, "it works once");
    assert_eq!(take("l2", 61), None, "it ran out");

    let token = |operator: &str| Amendment::AddToken {
        operator: operator.into(),
        token_hash: "t".into(),
        label: None,
    };
    assert!(shelf.refusal(token("none")).contains("no operator"));
    shelf.amend(token("ana")).unwrap();
    let by_token = || shelf.do_(|c| staff::operator_by_token(c, "t"));
    assert_eq!(by_token(), Some(ana));
    let password = Amendment::SetOperator {
        name: "ana".into(),
        password_hash: Some("$argon2id$2".into()),
        role: None,
        queues: None,
    };
    shelf.amend(password).unwrap();
    assert_eq!(session("s4", 4000), None, "a new password signs out");
    assert_eq!(by_token(), Some(ana), "tokens stay");
    shelf
        .amend(Amendment::RemoveOperator { name: "ana".into() })
        .unwrap();
    assert_eq!(by_token(), None);
    assert!(!shelf.do_(staff::anyone_can_enter));
}
