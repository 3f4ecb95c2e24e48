//! What arrives: parts, reports, pictures, calls, names and nonsense.

use std::time::Duration;

use callnumber::simulator::{Parts, Timestamp};

use crate::bench::{PATRON, modem};
use crate::house::House;
use crate::registry::Row;
use crate::rows;

pub fn rows() -> Vec<Row> {
    rows![row_20_parts_come_shuffled_and_doubled]
}

async fn row_20_parts_come_shuffled_and_doubled() {
    let mut house = House::on(modem("quectel-ec25", |_| {})).await;
    house.is_ready().await;
    let long = "The fourth edition has a green cover and a torn corner. ".repeat(8);
    for seed in 0..4 {
        let parts = Parts {
            shuffle: Some(seed),
            reference: Some(7 + u16::try_from(seed).unwrap()),
            stamp: Some(Timestamp::now(-24)),
            ..Parts::default()
        };
        let words = format!("{seed} {long}");
        house.modem.deliver_parts(PATRON, &words, &parts).unwrap();
        house.modem.deliver_parts(PATRON, &words, &parts).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    let all: Vec<String> = (0..4).map(|seed| format!("{seed} {long}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    house.shows(&all).await;
}
