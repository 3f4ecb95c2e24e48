//! What goes wrong around the stream, drawn from a seed: the same seed and the same events give the
//! same faults.

use std::time::Duration;

/// How often each thing goes wrong, as a chance from 0 to 1 at each occasion, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// Where the draws begin.
    pub seed: u64,
    /// An unsolicited code inside a response, before its final result code.
    pub noise: f64,
    /// A few octets of line noise before a line.
    pub garbage: f64,
    /// A response that comes in pieces.
    pub split: f64,
    /// A command carried out without its final result code.
    pub no_final: f64,
    /// A `>` prompt that never comes, although the modem waits for the text.
    pub no_prompt: f64,
    /// A send refused with a `+CMS ERROR` that may pass.
    pub refused_send: f64,
    /// A send that was taken but answered with `+CMS ERROR: 500`.
    pub refused_yet_sent: f64,
    /// A stored PDU that the network delivers again.
    pub redelivered: f64,
    /// A status report that comes later by `pause`.
    pub late_report: f64,
    /// The modem hears and says nothing for `pause`.
    pub silence: f64,
    /// The modem restarts in the middle of a command.
    pub restart: f64,
    /// The port goes away for `pause`, then returns.
    pub hang_up: f64,
    /// A command line that is not heard at all.
    pub deaf: f64,
    /// A command line refused with any result code there is, for no reason.
    pub refused: f64,
    /// A response that comes later by `pause`.
    pub late: f64,
    /// Octets of a response that another reader took.
    pub stolen: f64,
    /// The modem restarts without a word: its settings are gone.
    pub forgets: f64,
    /// The modem falls back into text mode without a word, and keeps all else.
    pub text_mode: f64,
    /// The modem waits for the end of a text that nobody began.
    pub data_mode: f64,
    /// An entry of a listing that comes broken.
    pub corrupt: f64,
    /// `+CPMS?` with a wrong count.
    pub miscounted: f64,
    /// A stored text that is listed only `pause` later.
    pub lists_late: f64,
    /// A stored text that nobody announces.
    pub unannounced: f64,
    /// An indication that names another memory.
    pub misnamed: f64,
    /// An indication without memory and index, of a text that was not stored; the network tries
    /// again.
    pub not_stored: f64,
    /// The network goes away, for ten times `pause`.
    pub unregistered: f64,
    /// The SIM drops off, for five times `pause`.
    pub sim_gone: f64,
    /// The supply sags: a warning, then the modem is off for five times `pause`.
    pub brownout: f64,
    /// Somebody calls.
    pub call: f64,
    /// How long silences, delays and hang-ups last.
    pub pause: Duration,
    /// Between the pieces of a response.
    pub piece_gap: Duration,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self {
            seed: 0,
            noise: 0.0,
            garbage: 0.0,
            split: 0.0,
            no_final: 0.0,
            no_prompt: 0.0,
            refused_send: 0.0,
            refused_yet_sent: 0.0,
            redelivered: 0.0,
            late_report: 0.0,
            silence: 0.0,
            restart: 0.0,
            hang_up: 0.0,
            deaf: 0.0,
            refused: 0.0,
            late: 0.0,
            stolen: 0.0,
            forgets: 0.0,
            text_mode: 0.0,
            data_mode: 0.0,
            corrupt: 0.0,
            miscounted: 0.0,
            lists_late: 0.0,
            unannounced: 0.0,
            misnamed: 0.0,
            not_stored: 0.0,
            unregistered: 0.0,
            sim_gone: 0.0,
            brownout: 0.0,
            call: 0.0,
            pause: Duration::from_secs(2),
            piece_gap: Duration::from_millis(5),
        }
    }

    /// Everything goes wrong now and then: harmless disorder at `rate`, loss at a tenth of it,
    /// restarts and hang-ups at a hundredth.
    pub fn everything(seed: u64, rate: f64) -> Self {
        let rate = if rate.is_finite() {
            rate.clamp(0.0, 1.0)
        } else {
            0.0
        };
        Self {
            seed,
            noise: rate,
            garbage: rate / 10.0,
            split: rate,
            no_final: rate / 10.0,
            no_prompt: rate / 10.0,
            refused_send: rate / 2.0,
            refused_yet_sent: rate / 10.0,
            redelivered: rate,
            late_report: rate,
            silence: rate / 20.0,
            restart: rate / 100.0,
            hang_up: rate / 100.0,
            deaf: rate / 20.0,
            refused: rate / 10.0,
            late: rate / 10.0,
            stolen: rate / 20.0,
            forgets: rate / 100.0,
            text_mode: rate / 100.0,
            data_mode: rate / 100.0,
            corrupt: rate / 10.0,
            miscounted: rate,
            lists_late: rate / 2.0,
            unannounced: rate / 2.0,
            misnamed: rate / 2.0,
            not_stored: rate / 10.0,
            unregistered: rate / 100.0,
            sim_gone: rate / 200.0,
            brownout: rate / 200.0,
            call: rate / 50.0,
            ..Self::none()
        }
    }
}

/// The kinds of fault, each with a sequence of draws of its own: how often one is asked for does
/// not disturb the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Noise,
    Garbage,
    Split,
    NoFinal,
    NoPrompt,
    RefusedSend,
    RefusedYetSent,
    Redelivered,
    LateReport,
    Silence,
    Restart,
    HangUp,
    Deaf,
    Refused,
    Late,
    Stolen,
    Forgets,
    DataMode,
    Corrupt,
    Miscounted,
    ListsLate,
    Unannounced,
    Misnamed,
    NotStored,
    Unregistered,
    SimGone,
    Brownout,
    Call,
    // New kinds stand last: the others keep their draws.
    TextMode,
}

const KINDS: usize = 29;

/// Draws for every kind of fault.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    faults: Faults,
    sequences: [Draws; KINDS],
}

impl Fate {
    pub(crate) fn new(faults: Faults) -> Self {
        let mut sequences = [Draws(0); KINDS];
        let mut seeds = Draws(faults.seed);
        for sequence in &mut sequences {
            *sequence = Draws(seeds.next());
        }
        Self { faults, sequences }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    fn chance(&self, kind: Kind) -> f64 {
        let faults = &self.faults;
        match kind {
            Kind::Noise => faults.noise,
            Kind::Garbage => faults.garbage,
            Kind::Split => faults.split,
            Kind::NoFinal => faults.no_final,
            Kind::NoPrompt => faults.no_prompt,
            Kind::RefusedSend => faults.refused_send,
            Kind::RefusedYetSent => faults.refused_yet_sent,
            Kind::Redelivered => faults.redelivered,
            Kind::LateReport => faults.late_report,
            Kind::Silence => faults.silence,
            Kind::Restart => faults.restart,
            Kind::HangUp => faults.hang_up,
            Kind::Deaf => faults.deaf,
            Kind::Refused => faults.refused,
            Kind::Late => faults.late,
            Kind::Stolen => faults.stolen,
            Kind::Forgets => faults.forgets,
            Kind::DataMode => faults.data_mode,
            Kind::Corrupt => faults.corrupt,
            Kind::Miscounted => faults.miscounted,
            Kind::ListsLate => faults.lists_late,
            Kind::Unannounced => faults.unannounced,
            Kind::Misnamed => faults.misnamed,
            Kind::NotStored => faults.not_stored,
            Kind::Unregistered => faults.unregistered,
            Kind::SimGone => faults.sim_gone,
            Kind::Brownout => faults.brownout,
            Kind::Call => faults.call,
            Kind::TextMode => faults.text_mode,
        }
    }

    /// Whether it goes wrong this time.
    pub(crate) fn strikes(&mut self, kind: Kind) -> bool {
        let chance = self.chance(kind);
        if chance <= 0.0 {
            return false;
        }
        self.sequence(kind).fraction() < chance
    }

    /// A number below `bound`, for the details of a fault.
    pub(crate) fn pick(&mut self, kind: Kind, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.sequence(kind).next() % bound).unwrap_or(0)
    }

    fn sequence(&mut self, kind: Kind) -> &mut Draws {
        // A kind's place is below KINDS, which the array has.
        &mut self.sequences[kind as usize % KINDS]
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, even, and the same on every machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn fraction(&mut self) -> f64 {
        // 53 bits fill a double's mantissa.
        #[allow(clippy::cast_precision_loss)]
        let fraction = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        fraction
    }

    /// Puts things into an order that only the seed decides (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
            let other = usize::try_from(self.next() % bound).unwrap_or(0);
            things.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let mut fate = Fate::new(Faults::everything(seed, 0.5));
            (0..64)
                .map(|_| fate.strikes(Kind::Noise))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn one_kind_does_not_disturb_another() {
        let mut alone = Fate::new(Faults::everything(7, 0.5));
        let mut among = alone.clone();
        for _ in 0..100 {
            let _ = among.strikes(Kind::Noise);
            assert_eq!(alone.strikes(Kind::Split), among.strikes(Kind::Split));
        }
    }

    #[test]
    fn chances_are_kept() {
        let mut fate = Fate::new(Faults::everything(1, 0.2));
        let struck = (0..10_000).filter(|_| fate.strikes(Kind::Noise)).count();
        assert!((1_800..2_200).contains(&struck), "{struck}");
        let mut calm = Fate::new(Faults::none());
        assert!((0..1_000).all(|_| !calm.strikes(Kind::HangUp)));
    }
}
