//! The link by which the first operator signs in: for the box's keeper alone, and only while there is
//! no other way in.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use callnumber::simulator::Settings;
use serde_json::json;

use crate::support::http::Api;
use crate::support::{Bench, PATIENCE};

async fn follow(address: SocketAddr, link: &str) -> u16 {
    let path = link.split_once("/enter/").unwrap().1;
    let stranger = Api::new(address, "");
    let answer = stranger.post(&format!("/enter/{path}"), json!({})).await;
    answer.status
}

fn staff(bench: &Bench) -> String {
    String::from_utf8(bench.command(&["operator", "list"]).stdout).unwrap()
}

/// Waits until the file is gone, and the operator that was made for it with it.
async fn is_closed(bench: &Bench) {
    let began = Instant::now();
    while bench.first_link().exists() || staff(bench).contains("librarian") {
        assert!(began.elapsed() < PATIENCE, "{}", staff(bench));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_link_is_private_and_dies_with_the_first_way_in() {
    let mut bench = Bench::new(Settings::default()).await;
    let (address, link) = bench.start_fresh();
    let mode = std::fs::metadata(bench.first_link()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert!(staff(&bench).contains("librarian"));
    let _token = bench.add_operator("ana");
    assert_eq!(follow(address, &link).await, 410, "there is another way in");
    is_closed(&bench).await;
    assert!(staff(&bench).contains("ana"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_first_link_is_the_only_one_and_using_it_makes_the_librarian_somebody() {
    let mut bench = Bench::new(Settings::default()).await;
    let (_, first) = bench.start_fresh();
    assert!(bench.stop().success());
    let (address, second) = bench.start_fresh();
    assert_ne!(first, second);
    assert_eq!(
        follow(address, &first).await,
        410,
        "a link of an earlier start is dead"
    );
    assert_eq!(follow(address, &second).await, 303);
    let began = Instant::now();
    while bench.first_link().exists() {
        assert!(
            began.elapsed() < PATIENCE,
            "the link lies there though somebody is in"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(staff(&bench).contains("librarian"), "they are signed in");
    // A way in that was made while the desk was off closes it at the next start.
    let mut other = Bench::new(Settings::default()).await;
    let _ = other.start_fresh();
    assert!(other.stop().success());
    let _token = other.add_operator("ana");
    other.start();
    is_closed(&other).await;
}
