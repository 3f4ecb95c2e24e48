//! After the link or the daemon was gone: what operators wrote meanwhile.
//!
//! XEP-0114 acknowledges nothing. A server sends back what it could not hand over, but what it had
//! handed to a daemon that died is known to neither side. Stanzas between two addresses keep their
//! order (RFC 6120 §10.1), so what the desk has of an operator's texts to one patron ends somewhere,
//! and what their server sent back begins somewhere after it. The desk says where it ends: whatever
//! lies between the two did not arrive, and its author knows. A text sent again under the same id
//! is the same text, so nothing becomes two by it.

use super::replier::CLIENT_ID;
use super::stanzas::{self, Fault, With};
use super::state::Surface;
use crate::routing::{OperatorId, Show};
use crate::spool::messengers;

/// Threads that are named.
const THREADS_MAX: usize = 20;
/// Letters of a text that are quoted.
const QUOTED_MAX: usize = 80;
/// Replies told as not taken at a time.
const UNTAKEN_MAX: usize = 1_000;

impl Surface {
    /// Whoever was on duty when the daemon ended may have written since.
    pub(super) fn was_interrupted(&mut self) {
        let board = self.board.borrow();
        let on_duty = board
            .shows
            .iter()
            .filter(|(_, show)| **show != Show::Offline);
        self.cut_off.extend(on_duty.map(|(operator, _)| *operator));
    }

    /// An operator is back for the first time since an interruption: tells how far the desk has
    /// their texts.
    pub(super) async fn account(&mut self, bare: &str, operator: OperatorId) {
        // A desk has no eyes; it sends again by itself what was not receipted.
        if self.is_desk(bare) || !self.cut_off.remove(&operator) {
            return;
        }
        let Some(last) = self
            .read(move |c| messengers::last_replies(c, operator, CLIENT_ID, THREADS_MAX))
            .await
        else {
            self.cut_off.insert(operator);
            return;
        };
        let Some(from) = self.face(operator) else {
            return;
        };
        self.arrivals += 1;
        let id = format!("account-{}", self.arrivals);
        let line = stanzas::chat(&from, bare, &id).with(stanzas::text("body", &account_of(&last)));
        self.say(line);
    }

    /// Replies that an earlier daemon read and did not take: back to their authors, all of them, as
    /// fast as the wire takes them. Nothing is listened to meanwhile: a reply on its way to the desk
    /// would look like one of them. What the link does not last for waits for the next one.
    pub(super) async fn return_untaken(&mut self) {
        while !self.returned && self.wire_has(UNTAKEN_MAX).await {
            let Some(untaken) = self
                .read(|c| messengers::untaken_replies(c, UNTAKEN_MAX))
                .await
            else {
                return;
            };
            let last = untaken.len() < UNTAKEN_MAX;
            for reply in untaken.iter().filter(|reply| !reply.stanza.is_empty()) {
                let original = stanzas::chat(&reply.jid, &reply.patron, &reply.stanza);
                self.say(stanzas::error(
                    &original,
                    Fault::TRY_AGAIN,
                    "the desk was cut off before it took this: send it again",
                ));
            }
            if !self.drop_told(untaken).await {
                return;
            }
            self.returned = last;
        }
    }
}

fn account_of(last: &[(String, String)]) -> String {
    let mut words = String::from("The desk was cut off for a moment.");
    if last.is_empty() {
        words.push_str(" It has no text from you yet.");
    } else {
        words.push_str(" The last it has from you:");
        for (name, body) in last {
            words.push_str(&format!("\n{name}: {}", quoted(body)));
        }
        words.push_str("\nIn other conversations it has nothing new from you.");
    }
    words.push_str(
        " What you wrote after that and what did not come back as an error did not arrive: \
         send it again.",
    );
    words
}

/// The beginning of a text, on one line.
fn quoted(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTED_MAX {
        return format!("\u{201c}{line}\u{201d}");
    }
    let head: String = line.chars().take(QUOTED_MAX).collect();
    format!("\u{201c}{head}\u{2026}\u{201d}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_names_the_last_text_of_each_thread() {
        let said = account_of(&[("heron-42".into(), "Yes,\nat the desk.".into())]);
        assert!(
            said.contains("heron-42: \u{201c}Yes, at the desk.\u{201d}\n"),
            "{said}"
        );
        assert!(account_of(&[]).contains("no text from you yet"));
        let long = quoted(&"a".repeat(81));
        assert_eq!(long.chars().count(), QUOTED_MAX + 3, "{long}");
    }
}
