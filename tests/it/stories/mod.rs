//! The desk's stories, each by name: a patron's, an operator's, an admin's, a coordinator's and a
//! web site's, through simulated modems and the API, on a paused clock.
//!
//! What only a browser can show stands in `tests/it/web`: `3 texts instead of 1` in the composer,
//! the page on a telephone, a screen reader's words, keys, alerts by sound, title and badge, the
//! widget that shows itself while its queue is online. Links and files of chat patrons stand in
//! `tests/it/xmpp`.

mod admin;
mod coordinator;
mod house;
mod operator;
mod own_words;
mod patron;
mod web_site;

use callnumber::routing::Amendment;
use house::House;

const PAT: &str = "+15551230100";
const SUE: &str = "+15551230101";
const MONDAY_10_AM: &str = "2026-12-07T10:00:00-06:00";
const SUNDAY_11_PM: &str = "2026-12-06T23:00:00-06:00";

async fn set_hours(house: &House) {
    house
        .amend(Amendment::SetHours {
            queue: "desk".into(),
            hours: Some("Mon-Fri 9:00-17:00, Sat 10:00-14:00".into()),
            holidays: vec![("2026-12-25".parse().unwrap(), "closed".into())],
            no_holidays: Vec::new(),
        })
        .await;
}
