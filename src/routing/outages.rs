//! A line was down (M8): whoever texted meanwhile is told that the words came late.

use jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::hours::{clock_words, time_words};
use super::ids::{ConversationId, GatewayId, PatronId};
use super::notice::Notice;
use super::refusal::Refusal;
use super::state::{Outage, State};
use super::turn::Turn;

/// What lasts less nobody notices: the network tries again within minutes.
const NOTICED: SignedDuration = SignedDuration::from_mins(10);
/// What lasted longer is no outage but a clock that was wrong: networks keep a text for a few days.
const LONGEST: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Turn<'_> {
    pub(super) fn restore_line(
        &mut self,
        gateway: GatewayId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(), Refusal> {
        let gateway = self.state.gateway_in_use(gateway)?.id;
        let lasted = to.duration_since(from);
        if lasted < NOTICED || lasted > LONGEST {
            return Ok(());
        }
        self.state.outages.insert(gateway, Outage { from, to });
        self.effects.row(Effect::KeepOutage { gateway, from, to });
        Ok(())
    }

    /// Tells the patron. Whether it went out.
    pub(super) fn excuse(&mut self, outage: Outage, patron: PatronId, id: ConversationId) -> bool {
        let now = self.now;
        let zone = self.state.plan.library.time_zone.clone();
        let (from, to) = (outage.from.to_zoned(zone.clone()), outage.to.to_zoned(zone));
        let today = now.wall.to_zoned(from.time_zone().clone()).date();
        // A time of today needs no day; what began on another names both.
        let words = if from.date() == today && to.date() == today {
            (clock_words(&from), clock_words(&to))
        } else {
            (time_words(&from, now.wall), time_words(&to, now.wall))
        };
        let told = [("from", words.0), ("to", words.1)];
        let said = self.notify_of(Notice::Outage, told, patron, id);
        if said {
            self.change(id, |c| c.outage_notice = Some(outage.from));
        }
        said
    }
}

impl State {
    /// The outage in which a text was stamped, if its sender was not told of it yet.
    pub(super) fn missed_in(
        &self,
        gateway: GatewayId,
        stamped_at: Option<Timestamp>,
        id: ConversationId,
    ) -> Option<Outage> {
        let outage = *self.outages.get(&gateway)?;
        let stamped_at = stamped_at?;
        let told = self.conversation(id)?.outage_notice == Some(outage.from);
        let within = outage.from <= stamped_at && stamped_at <= outage.to;
        (within && !told).then_some(outage)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::test_desk::*;
    use super::super::*;
    use jiff::SignedDuration;

    const PAT: &str = "+15551230100";

    fn late(desk: &TestDesk, minutes: i64, body: &str) -> Event {
        Event::TextArrived {
            gateway: LINE,
            from: PAT.into(),
            body: body.into(),
            stamped_at: Some(desk.now.wall - SignedDuration::from_mins(minutes)),
        }
    }

    fn down(desk: &TestDesk, minutes: i64) -> Event {
        Event::LineRestored {
            gateway: LINE,
            from: desk.now.wall - SignedDuration::from_mins(minutes),
            to: desk.now.wall,
        }
    }

    #[test]
    fn whoever_texted_while_the_line_was_down_is_told_once() {
        let mut desk = TestDesk::new(elm()); // Monday, 9 o'clock
        desk.arrives(ANA);
        desk.does(down(&desk, 90));
        let words = "Elm: sorry, our text line was down 7:30am-9am. We have your message and will \
                     reply today.";
        let told = desk.does(late(&desk, 60, "Is my book in?"));
        assert_eq!(submits(&told), [(PAT.to_owned(), words.to_owned())]);
        desk.restarts();
        assert_eq!(submits(&desk.does(late(&desk, 30, "Hello?"))), []);
        // What came through in time is no excuse.
        let other = Event::TextArrived {
            gateway: LINE,
            from: "+15551230101".into(),
            body: "hello".into(),
            stamped_at: Some(desk.now.wall + SignedDuration::from_secs(30)),
        };
        desk.wait(60);
        assert_eq!(submits(&desk.does(other)).len(), 0);
    }

    #[test]
    fn nobody_is_told_of_a_short_one_or_of_a_clock_that_was_wrong() {
        for minutes in [0, 9, -60, 60 * 24 * 365] {
            let mut desk = TestDesk::new(elm());
            desk.arrives(ANA);
            desk.does(down(&desk, minutes));
            assert_eq!(
                submits(&desk.does(late(&desk, 5, "hello"))),
                [],
                "{minutes}"
            );
        }
    }

    #[test]
    fn today_is_not_promised_when_the_library_opens_tomorrow() {
        let mut plan = elm();
        plan.queues[0].calendar.hours = "Tue 9:00-17:00".parse().ok();
        let mut desk = TestDesk::new(plan);
        desk.does(down(&desk, 90));
        let told = submits(&desk.does(late(&desk, 60, "hello")));
        assert!(told[0].1.contains("after we open Tue 9am"), "{told:?}");
        // And one that began the day before names its day.
        desk.arrives(ANA);
        desk.does(down(&desk, 60 * 24));
        let told = submits(&desk.does(late(&desk, 60 * 10, "hello?")));
        assert!(told[0].1.contains("down Sun 9am-Mon 9am"), "{told:?}");
    }

    #[test]
    fn under_hold_the_excuse_stands_for_the_closed_notice() {
        let mut desk = TestDesk::new(elm());
        desk.does(down(&desk, 90));
        assert_eq!(submits(&desk.does(late(&desk, 60, "hello"))).len(), 1);
        assert_eq!(submits(&desk.text(PAT, "hello?")), []);
    }
}
