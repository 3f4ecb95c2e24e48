//! The patrons' radio side: PDUs become texts, texts become PDUs.
//!
//! [`Inbound`] keeps what the modem lists, says so, and only then reads it. [`Outbound`] sends what
//! is due, [`Stranded`] tells of what no line will send, [`Care`] looks after the line itself,
//! [`LineRecords`] keeps what the line wants on record. All
//! name their line in everything they write.

use tokio::sync::watch;

mod calls;
mod care;
mod due;
mod inbound;
mod line_records;
mod outbound;
mod reading;
mod recourse;
mod reports;
mod segments;
mod stranded;
mod watch_clock;

pub use calls::Calls;
pub use care::Care;
pub use inbound::Inbound;
pub use line_records::LineRecords;
pub use outbound::Outbound;
pub use stranded::Stranded;

/// Waits until the house closes.
async fn closing(stop: &mut watch::Receiver<bool>) {
    // An error says that the house is gone: the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The last eight digits of a number: networks write the same one in national or international
/// form as they like.
fn tail(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(8);
    digits.into_iter().skip(from).collect()
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn the_tail_of_a_number_is_the_same_however_it_is_written() {
        for (number, expected) in [
            ("+15551230100", "51230100"),
            ("015551230100", "51230100"),
            ("5551230100", "51230100"),
            ("72645", "72645"),
            ("", ""),
        ] {
            assert_eq!(tail(number), expected, "{number:?}");
        }
    }
}
