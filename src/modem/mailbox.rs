//! The modem's storage as a mailbox, pure: what to list, what was found, what may be deleted.
//!
//! A text is deleted only after whoever keeps texts has said that it is kept, by its index, with its
//! memory named on the same line, and only where it surely lies ([`deletions`]). Whatever is doubtful
//! is left where it is: the next sweep finds it again.

mod deletions;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use self::deletions::{Deletions, Found, Lying, body};
use super::{ArrivedPdu, Slot};
use crate::at::{Command, Entry, FinalResult, Memory, Outcome, Reply, hex, response};

/// Texts in one delivery. A commit costs about the same for one as for fifty, and a full store
/// starts flowing while the rest is still being listed.
const BATCH_MAX: usize = 50;

/// Entries taken from one listing; no storage is known to hold half as many. The rest is found by
/// the next one.
const LISTED_MAX: usize = 1000;

/// Deliveries whose verdict is awaited. Beyond it nothing more is taken in: the storage keeps it.
const AWAITED_MAX: usize = 64;

/// How long a verdict may take. After that the texts are left, and offered again by a sweep.
const VERDICT_LIMIT: Duration = Duration::from_secs(60);

/// After a hint that turned out empty: some Huawei sticks announce a text before it can be listed.
const RELIST_AFTER: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How often a text that came damaged is read again. What still differs each time is kept as the
/// fullest of it came: a wire that bad is for a person to see.
const READ_AGAIN_MAX: usize = 16;

/// How often it must come with the same damage to be taken for what is stored: noise on the wire may
/// well do the same twice.
const SAME_DAMAGE: usize = 4;

/// Texts deleted by one command line: with the memory's name well under the 64 octets that the
/// smallest command buffers hold beyond a V.250 line's 40, and seconds even on a slow SIM.
const DELETED_TOGETHER: usize = 4;

/// How often in a row a modem may refuse a selection and what follows it on one line, until it is
/// taken for one that never takes both.
const REFUSED_TOGETHER_MAX: u8 = 3;

/// PDUs without a header that are remembered from one listing for the next.
const ORPHANS_MAX: usize = 64;

/// Every how many sweeps all memories are listed, and not only the one where texts arrive: some
/// sticks store into another than they say.
const WIDE_EVERY: u32 = 10;

/// After a delivery that could not be kept: a commit that failed once may go well the next time, and
/// a full disk must not be asked every second. Then every sweep.
const REFUSED_FOR: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
];

/// PDUs to be kept, and under which number their verdict comes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) batch: u64,
    pub(super) pdus: Vec<ArrivedPdu>,
}

#[derive(Debug)]
struct Listing {
    memory: Memory,
    /// A hint led to it, and none came since: a later one asks for a listing of its own.
    hinted: bool,
    found: usize,
    /// The highest index so far.
    last: Option<u16>,
    orphans: Vec<ArrivedPdu>,
    batch: Vec<Found>,
    /// Entries that came without a PDU.
    bodiless: Vec<u16>,
}

#[derive(Debug)]
struct Awaited {
    lying: Vec<Lying>,
    until: Instant,
}

/// A text that came damaged, or out of its turn: to be read again by its index, until it comes
/// whole, or again and again with the same damage.
#[derive(Debug)]
struct Doubtful {
    memory: Memory,
    index: u16,
    /// How it came so far.
    damaged: Vec<ArrivedPdu>,
    /// It was listed without a PDU.
    bodiless: bool,
    tries: usize,
}

/// What reading it again brought.
#[derive(Debug)]
enum Reading {
    Nothing,
    /// Its header, and no PDU.
    Bodiless,
    Damaged(ArrivedPdu),
    Whole(ArrivedPdu),
}

/// How a command gets at a memory.
#[derive(Debug)]
enum Way {
    /// With this selection first, on a line of its own.
    Select(Command),
    /// By naming these on its own line; empty where the memory is selected.
    Within(Vec<Memory>),
}

/// The storage of one modem.
#[derive(Debug)]
pub(super) struct Mailbox {
    sweep_every: Duration,
    offered: Vec<Memory>,
    /// Offered, and refused all the same when they were to be read: tried again at the next wide sweep.
    abandoned: Vec<Memory>,
    receiving: Memory,
    /// The memory that was last selected. Each command selects its own again on its own line, for a
    /// modem may forget; only to one that refuses such lines does this matter.
    reading: Option<Memory>,
    /// Refusals in a row of a selection and what follows it on one line.
    refused_together: u8,
    /// The next command gets its selection on a line of its own.
    apart: bool,
    setting: Option<Memory>,
    arity: usize,
    wanted: Vec<Memory>,
    hinted: bool,
    relist: Option<(usize, Instant)>,
    sweep_at: Instant,
    sweeps: u32,
    listing: Option<Listing>,
    doubtful: VecDeque<Doubtful>,
    reread: Option<(Doubtful, Reading)>,
    /// PDUs whose header was unreadable in the listing before.
    orphans: Vec<ArrivedPdu>,
    deletions: Deletions,
    awaited: HashMap<u64, Awaited>,
    next_batch: u64,
    refused_until: Option<Instant>,
    /// Deliveries refused in a row of sweeps.
    refused: usize,
    /// Whether one was since the last sweep.
    refused_lately: bool,
    /// Texts in one delivery now: one, after several together could not be kept. Then what cannot be
    /// kept at all keeps nothing else on the SIM.
    batch_max: usize,
    deliveries: Vec<Delivery>,
    text_mode_seen: bool,
    /// Where a text lies of which the modem gives no PDU: it stays, for a person to see.
    unread: Vec<Slot>,
}

impl Mailbox {
    pub(super) fn new(sweep_every: Duration, now: Instant) -> Self {
        Self {
            sweep_every,
            offered: Vec::new(),
            abandoned: Vec::new(),
            receiving: sim_memory(),
            reading: None,
            refused_together: 0,
            apart: false,
            setting: None,
            arity: 3,
            wanted: Vec::new(),
            hinted: false,
            relist: None,
            sweep_at: now,
            sweeps: 0,
            listing: None,
            doubtful: VecDeque::new(),
            reread: None,
            orphans: Vec::new(),
            deletions: Deletions::default(),
            awaited: HashMap::new(),
            next_batch: 0,
            refused_until: None,
            refused: 0,
            refused_lately: false,
            batch_max: BATCH_MAX,
            deliveries: Vec::new(),
            text_mode_seen: false,
            unread: Vec::new(),
        }
    }

    /// Forgets what was under way: indexes may mean other texts by now. Called at every setup.
    pub(super) fn reset(&mut self) {
        let next_batch = self.next_batch;
        let unread = std::mem::take(&mut self.unread);
        *self = Self {
            next_batch,
            unread,
            ..Self::new(self.sweep_every, self.sweep_at)
        };
    }

    /// The modem shows that it has lost its settings: which memory it reads and deletes from is not
    /// known any more. What was to be deleted is left for a sweep to find again, for the same index
    /// may be another text's there.
    pub(super) fn distrust(&mut self) {
        self.reading = None;
        self.deletions.clear();
        self.doubtful.clear();
    }

    /// The memory that the modem says it reads, from `+CPMS?`.
    pub(super) fn reads(&mut self, memory: &Memory) {
        if self
            .reading
            .as_ref()
            .is_some_and(|reading| reading != memory)
        {
            self.distrust();
        }
    }

    /// The memories that can be read, from `+CPMS=?`; `None` where the modem did not say: then the
    /// two that nearly every modem has are tried.
    pub(super) fn set_offered(&mut self, offered: Option<Vec<Memory>>) {
        let usual = || ["SM", "ME"].into_iter().filter_map(Memory::new).collect();
        self.offered = offered.unwrap_or_else(usual);
    }

    /// Where texts arrive, from `+CPMS?`: kept as the modem has it, when it is a real memory.
    /// `MT` is `SM` and `ME` together and `SR` holds reports; then the first real one that is
    /// offered is chosen.
    pub(super) fn choose_receiving(&mut self, current: Option<&Memory>) {
        let is_real = |memory: &&Memory| matches!(memory.name(), "SM" | "ME");
        let chosen = current
            .filter(is_real)
            .or_else(|| self.offered.iter().find(is_real))
            .or(current)
            .or_else(|| self.offered.first());
        if let Some(chosen) = chosen {
            self.receiving = chosen.clone();
        }
    }

    /// Selects the receiving memory with as many parameters as the modem has not yet refused.
    pub(super) fn select_receiving(&mut self) -> Command {
        let receiving = self.receiving.clone();
        self.select(receiving)
    }

    /// The modem refused that many parameters; `false` when none are left to try.
    pub(super) fn try_fewer_parameters(&mut self) -> bool {
        self.setting = None;
        self.arity = self.arity.saturating_sub(1);
        self.arity > 0
    }

    /// Everything once, the receiving memory first: at the end of setup.
    pub(super) fn sweep_all(&mut self) {
        self.want(self.receiving.clone());
        for name in ["SM", "ME", "SR"] {
            self.want_offered(name);
        }
    }

    /// Lists the receiving memory soon.
    pub(super) fn sweep(&mut self) {
        self.want(self.receiving.clone());
    }

    /// `+CMTI`: lists the memory that it names, where it can be read.
    pub(super) fn stored(&mut self, memory: Option<&Memory>, index: Option<u16>) {
        if let (Some(memory), Some(index)) = (memory, index) {
            self.announced(Slot {
                memory: memory.name().to_owned(),
                index,
            });
        }
        if memory.is_none() {
            // SIM7000 says so (`+CMTI: ,-1`) when it has lost hold of its memories: select anew.
            self.reading = None;
        }
        let memory = memory
            .filter(|memory| self.offered.contains(memory))
            .cloned()
            .unwrap_or_else(|| self.receiving.clone());
        self.want(memory);
        self.hinted = true;
        self.relist = None;
    }

    /// `+CDSI`: the same, and where reports have a memory of their own, that as well.
    pub(super) fn report_stored(
        &mut self,
        memory: Option<&Memory>,
        index: Option<u16>,
        always_in_sr: bool,
    ) {
        if always_in_sr {
            self.want_offered("SR");
        }
        self.stored(memory, index);
    }

    /// A PDU that was delivered directly.
    pub(super) fn direct(&mut self, pdu: &str, now: Instant) {
        let pdu = ArrivedPdu::direct(hex::decode(pdu), pdu);
        self.deliver(vec![Found::surely(pdu)], now);
    }

    /// Whether a text in text mode was met since last asked: the modem has lost `+CMGF=0`.
    pub(super) fn took_text_mode(&mut self) -> bool {
        std::mem::take(&mut self.text_mode_seen)
    }

    /// Where texts lie that cannot be read.
    pub(super) fn unread(&self) -> &[Slot] {
        &self.unread
    }

    /// What was found.
    pub(super) fn take_deliveries(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }

    /// The next command, if there is something to do.
    pub(super) fn next(&mut self, now: Instant) -> Option<Command> {
        self.let_time_pass(now);
        if let Some(doubtful) = self.doubtful.front() {
            let (memory, index) = (doubtful.memory.clone(), doubtful.index);
            let memories = match self.way_to(&memory) {
                Way::Select(select) => return Some(select),
                Way::Within(memories) => memories,
            };
            self.reread = self
                .doubtful
                .pop_front()
                .map(|doubtful| (doubtful, Reading::Nothing));
            return Some(Command::Read(memories, index));
        }
        while let Some(lying) = self.deletions.next() {
            let Some(memory) = Memory::new(&lying.slot.memory) else {
                continue; // none that could be named
            };
            match self.way_to(&memory) {
                Way::Select(select) => {
                    self.deletions.put_back(lying);
                    return Some(select);
                }
                Way::Within(memories) if lying.sure => {
                    let indexes = self.deleted_with(lying.slot, !memories.is_empty());
                    return Some(Command::Delete(memories, indexes));
                }
                Way::Within(memories) => {
                    let index = lying.slot.index;
                    self.deletions.compare(lying);
                    return Some(Command::Read(memories, index));
                }
            }
        }
        let may_list = self.awaited.is_empty() && self.refused_until.is_none();
        if may_list && let Some(memory) = self.wanted.first().cloned() {
            let memories = match self.way_to(&memory) {
                Way::Select(select) => return Some(select),
                Way::Within(memories) => memories,
            };
            self.wanted.remove(0);
            let hinted = std::mem::take(&mut self.hinted);
            self.listing = Some(Listing {
                memory,
                hinted,
                found: 0,
                last: None,
                orphans: Vec::new(),
                batch: Vec::new(),
                bodiless: Vec::new(),
            });
            return Some(Command::List(memories));
        }
        None
    }

    /// When [`Self::next`] may have something new to say without anything having happened.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let verdict = self.awaited.values().map(|awaited| awaited.until).min();
        // Once due it is a wish like any other, and waits for its turn.
        let relist = self
            .relist
            .filter(|_| self.wanted.is_empty())
            .map(|(_, at)| at);
        [Some(self.sweep_at), relist, verdict, self.refused_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// An entry of the listing, or of the single reading, in flight.
    pub(super) fn on_entry(&mut self, entry: &Entry, now: Instant) {
        if entry.text_mode {
            self.text_mode_seen = true;
            return;
        }
        if self.deletions.takes(entry) {
            return;
        }
        if let Some((doubtful, reading)) = &mut self.reread {
            let pdu = arrived(&doubtful.memory, entry);
            *reading = match entry.is_whole() {
                true => Reading::Whole(pdu),
                false if entry.pdu.is_empty() => Reading::Bodiless,
                false => Reading::Damaged(pdu),
            };
            return;
        }
        let Some(listing) = &mut self.listing else {
            return;
        };
        if listing.found >= LISTED_MAX {
            return;
        }
        listing.found += 1;
        let pdu = arrived(&listing.memory, entry);
        let Some(index) = entry.index else {
            // What is left of its header may have filled up the entry before it, to the right length.
            let before = listing.batch.pop_if(|before| before.pdu.slot.is_some());
            if let Some(slot) = before.and_then(|before| before.pdu.slot) {
                self.doubtful.push_back(Doubtful {
                    memory: listing.memory.clone(),
                    index: slot.index,
                    damaged: vec![],
                    bodiless: false,
                    tries: 0,
                });
            }
            // Without a header it may be half a text. Met again as it is, it is what there is.
            if self.orphans.contains(&pdu) {
                listing.batch.push(Found::surely(pdu));
            } else if listing.orphans.len() < ORPHANS_MAX {
                listing.orphans.push(pdu);
            }
            return;
        };
        // Listings go upwards: an index out of its turn has lost a digit, and is another text's.
        let in_turn = listing.last.is_none_or(|last| last < index);
        // One that neither follows the one before nor was announced may have lost one as well.
        let follows = listing.last.and_then(|last| last.checked_add(1)) == Some(index);
        let announced = pdu.slot.as_ref();
        let announced = announced.is_some_and(|slot| self.deletions.was_announced(slot));
        listing.last = listing.last.max(Some(index));
        if entry.pdu.is_empty() {
            listing.bodiless.push(index);
            let here = |slot: &Slot| slot.memory == listing.memory.name() && slot.index == index;
            if self.unread.iter().any(here) {
                return; // read again in vain before
            }
        }
        if !entry.is_whole() || !in_turn {
            let damaged = match entry.is_whole() || entry.pdu.is_empty() {
                true => vec![],
                false => vec![pdu],
            };
            self.doubtful.push_back(Doubtful {
                memory: listing.memory.clone(),
                index,
                damaged,
                bodiless: entry.pdu.is_empty(),
                tries: 0,
            });
            return;
        }
        // The last one stays here until it is seen what follows it.
        let full = match listing.batch.len() >= self.batch_max {
            true => std::mem::take(&mut listing.batch),
            false => Vec::new(),
        };
        let sure = follows || announced;
        listing.batch.push(Found { pdu, sure });
        if !full.is_empty() {
            self.deliver(full, now);
        }
    }

    /// The end of a command that [`Self::next`] or [`Self::select_receiving`] gave.
    pub(super) fn on_reply(&mut self, reply: &Reply, now: Instant) {
        match &reply.command {
            Command::StorageSet(_) => {
                let Some(memory) = self.setting.take() else {
                    return;
                };
                if reply.is_ok() {
                    self.reading = Some(memory);
                } else {
                    // Nothing can be read or deleted there; what it holds stays. And it was this
                    // that failed, if it did on one line with more.
                    self.reading = None;
                    self.refused_together = 0;
                    self.apart = false;
                    self.abandon(&memory);
                }
            }
            Command::Delete(memories, _) => self.note_together(memories, reply),
            Command::List(memories) => {
                self.note_together(memories, reply);
                self.listed(reply, now);
            }
            Command::Read(memories, _) => {
                self.note_together(memories, reply);
                if let Some(memory) = self.deletions.compared(&reply.outcome) {
                    self.want(memory);
                } else if let Some((doubtful, reading)) = self.reread.take() {
                    self.read_again(doubtful, reading, &reply.outcome, now);
                }
            }
            _ => {}
        }
    }

    /// Whether a delivery is kept. Only then are its texts deleted. Answers whether it was a direct
    /// one, which lies in no memory.
    pub(super) fn on_verdict(&mut self, batch: u64, kept: bool, now: Instant) -> bool {
        let Some(awaited) = self.awaited.remove(&batch) else {
            return false; // too late: its texts are offered again
        };
        let direct = awaited.lying.is_empty();
        if kept {
            self.deletions.extend(awaited.lying);
        } else if !direct {
            // Whoever keeps texts cannot: a full disk. The storage and the network hold them.
            let rest = REFUSED_FOR.get(self.refused).copied();
            let until = now + rest.unwrap_or(self.sweep_every).min(self.sweep_every);
            self.refused = self.refused.saturating_add(1);
            self.refused_lately = true;
            self.refused_until = Some(until);
            self.sweep_at = until;
            if awaited.lying.len() > 1 {
                self.batch_max = 1;
            }
        }
        direct
    }

    fn let_time_pass(&mut self, now: Instant) {
        if self.refused_until.is_some_and(|until| until <= now) {
            self.refused_until = None;
        }
        let late: Vec<u64> = self
            .awaited
            .iter()
            .filter(|(_, awaited)| awaited.until <= now)
            .map(|(batch, _)| *batch)
            .collect();
        for batch in late {
            self.on_verdict(batch, false, now);
        }
        if self.sweep_at <= now {
            self.sweep_at = now + self.sweep_every;
            self.sweeps = self.sweeps.wrapping_add(1);
            if !std::mem::take(&mut self.refused_lately) {
                self.refused = 0;
                self.batch_max = BATCH_MAX;
            }
            // One that was not kept may lie in any memory.
            if self.refused > 0 || self.sweeps.is_multiple_of(WIDE_EVERY) {
                // A SIM that was busy for a moment refuses as well.
                self.offered.append(&mut self.abandoned);
                self.sweep_all();
            } else {
                self.sweep();
            }
        }
        if self.relist.is_some_and(|(_, at)| at <= now) && self.wanted.is_empty() {
            // What was announced may lie in another memory than was named.
            self.sweep_all();
        }
    }

    fn read_again(
        &mut self,
        mut doubtful: Doubtful,
        reading: Reading,
        outcome: &Outcome,
        now: Instant,
    ) {
        doubtful.tries += 1;
        match (reading, outcome) {
            (Reading::Whole(pdu), Outcome::Final(_)) => self.deliver(vec![Found::surely(pdu)], now),
            // The slot is empty: whatever was listed lies elsewhere, and is found there. Unless it
            // was listed without a PDU: then there is none.
            (Reading::Nothing, Outcome::Final(FinalResult::Ok)) if !doubtful.bodiless => {}
            (Reading::Damaged(pdu), Outcome::Final(_)) => {
                let damaged = doubtful.damaged.iter();
                let alike = damaged.filter(|earlier| body(&earlier.raw) == body(&pdu.raw));
                let same = alike.count() + 1 >= SAME_DAMAGE;
                doubtful.damaged.push(pdu);
                self.give_up_or_retry(doubtful, same, now);
            }
            (Reading::Bodiless, Outcome::Final(_)) => {
                let same = doubtful.tries >= SAME_DAMAGE && doubtful.damaged.is_empty();
                self.give_up_or_retry(doubtful, same, now);
            }
            (Reading::Nothing, Outcome::Final(_)) => {
                let same = doubtful.bodiless && doubtful.tries >= SAME_DAMAGE;
                self.give_up_or_retry(doubtful, same, now);
            }
            // Cut off: the next sweep finds it again.
            (_, Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_)) => {}
        }
    }

    /// Keeps a damaged text as it is once it is certain that it will come no better.
    fn give_up_or_retry(&mut self, doubtful: Doubtful, certain: bool, now: Instant) {
        if !certain && doubtful.tries < READ_AGAIN_MAX {
            self.doubtful.push_back(doubtful);
        } else {
            let fullest = doubtful.damaged.into_iter();
            match fullest.max_by_key(|pdu| pdu.octets.len()) {
                Some(fullest) => self.deliver(vec![Found::surely(fullest)], now),
                // Nothing was read, so nothing can be kept: it stays where it is.
                None if doubtful.bodiless => self.leave_unread(doubtful.memory, doubtful.index),
                None => {}
            }
        }
    }

    fn leave_unread(&mut self, memory: Memory, index: u16) {
        let slot = Slot {
            memory: memory.name().to_owned(),
            index,
        };
        tracing::warn!(%slot, "a text stays in the modem, which gives no PDU of it");
        if !self.unread.contains(&slot) && self.unread.len() < LISTED_MAX {
            self.unread.push(slot);
        }
    }

    fn listed(&mut self, reply: &Reply, now: Instant) {
        let Some(listing) = self.listing.take() else {
            return;
        };
        let (found, hinted) = (listing.found, listing.hinted);
        self.orphans = listing.orphans;
        self.deliver(listing.batch, now);
        match &reply.outcome {
            Outcome::Final(FinalResult::Ok) => self.unread.retain(|slot| {
                slot.memory != listing.memory.name() || listing.bodiless.contains(&slot.index)
            }),
            // The list changed under the modem's hands.
            Outcome::Final(FinalResult::Cms(code)) if code.number == Some(321) => {
                self.relist = Some((0, now + self.sweep_every.min(RELIST_AFTER[1])));
                return;
            }
            Outcome::Final(_) | Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => return,
        }
        if found > 0 {
            let look_again = !self.orphans.is_empty();
            self.relist = look_again.then_some((0, now + RELIST_AFTER[1]));
            if found >= LISTED_MAX {
                self.want(listing.memory);
            }
            return;
        }
        // Nothing found: after a hint, look again a little later, thrice.
        let tried = match self.relist {
            Some((tried, at)) if at <= now => Some(tried.saturating_add(1)),
            Some(_) => None,
            None if hinted => Some(0),
            None => None,
        };
        if let Some(tried) = tried {
            self.relist = RELIST_AFTER.get(tried).map(|after| (tried, now + *after));
        }
    }

    fn deliver(&mut self, found: Vec<Found>, now: Instant) {
        if found.is_empty() || self.awaited.len() >= AWAITED_MAX {
            return;
        }
        let batch = self.next_batch;
        self.next_batch = self.next_batch.wrapping_add(1);
        let lying = found.iter().filter_map(Lying::of).collect();
        let pdus = found.into_iter().map(|found| found.pdu).collect();
        self.awaited.insert(
            batch,
            Awaited {
                lying,
                until: now + VERDICT_LIMIT,
            },
        );
        self.deliveries.push(Delivery { batch, pdus });
    }

    /// A text was just stored in `slot`. What was listed there before is not taken for it.
    fn announced(&mut self, slot: Slot) {
        let awaited = self.awaited.values_mut();
        for lying in awaited.flat_map(|awaited| &mut awaited.lying) {
            lying.sure &= lying.slot != slot;
        }
        self.deletions.announce(slot);
    }

    fn want(&mut self, memory: Memory) {
        if !self.wanted.contains(&memory) {
            self.wanted.push(memory);
        }
    }

    fn want_offered(&mut self, name: &str) {
        let offered = self.offered.iter().find(|memory| memory.name() == name);
        if let Some(memory) = offered.cloned() {
            self.want(memory);
        }
    }

    /// How the next command gets at what lies in `memory`.
    fn way_to(&mut self, memory: &Memory) -> Way {
        // A modem that takes no `+CPMS=` at all is read where it is.
        if self.arity == 0 {
            return Way::Within(Vec::new());
        }
        if !self.apart {
            self.setting = Some(memory.clone());
            return Way::Within(self.memories(memory));
        }
        if self.reading.as_ref() == Some(memory) {
            return Way::Within(Vec::new());
        }
        Way::Select(self.select(memory.clone()))
    }

    /// The indexes for one line: this one's and, where the selection stands before them, those that
    /// follow it from the same memory.
    fn deleted_with(&mut self, first: Slot, together: bool) -> Vec<u16> {
        let mut indexes = vec![first.index];
        while together
            && indexes.len() < DELETED_TOGETHER
            && let Some(next) = self.deletions.next_beside(&first.memory)
        {
            indexes.push(next.index);
        }
        indexes
    }

    /// Whether the modem takes a selection and what follows it on one line. What was refused is not
    /// said again: how far it came is not known, and the next sweep finds what is left.
    fn note_together(&mut self, memories: &[Memory], reply: &Reply) {
        if memories.is_empty() {
            let alone = matches!(reply.command, Command::Delete(..));
            if alone {
                // Selected anew before the next, so that as little as may be comes between.
                self.reading = None;
            }
            if reply.is_ok() && self.refused_together < REFUSED_TOGETHER_MAX {
                self.apart = false;
            }
            return;
        }
        self.reading = self.setting.take().filter(|_| reply.is_ok());
        match &reply.outcome {
            Outcome::Final(FinalResult::Ok) => self.refused_together = 0,
            // An index that is empty by now: the selection before it went well.
            Outcome::Final(FinalResult::Cms(code)) if code.number == Some(321) => {}
            Outcome::Final(_) => {
                self.refused_together = self.refused_together.saturating_add(1);
                self.apart = true;
                if let (Command::List(_), Some(listing)) = (&reply.command, &self.listing) {
                    self.want(listing.memory.clone());
                }
            }
            Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => {}
        }
    }

    /// Reads from `memory`, still receives where it did.
    fn select(&mut self, memory: Memory) -> Command {
        let memories = self.memories(&memory);
        self.setting = Some(memory);
        Command::StorageSet(memories)
    }

    /// The parameters of `+CPMS=` that read from `memory`. Texts are never written, but some modems
    /// want the first two alike; reports cannot be written to their own memory.
    fn memories(&self, memory: &Memory) -> Vec<Memory> {
        let written = if memory.name() == "SR" {
            &self.receiving
        } else {
            memory
        };
        let mut memories = vec![memory.clone(), written.clone(), self.receiving.clone()];
        memories.truncate(self.arity.max(1));
        memories
    }

    fn abandon(&mut self, memory: &Memory) {
        self.wanted.retain(|wanted| wanted != memory);
        self.deletions.abandon(memory);
        self.doubtful.retain(|doubtful| doubtful.memory != *memory);
        if *memory != self.receiving {
            let refused = self.offered.extract_if(.., |offered| offered == memory);
            self.abandoned.extend(refused);
        }
    }
}

fn arrived(memory: &Memory, entry: &Entry) -> ArrivedPdu {
    let slot = entry.index.map(|index| Slot {
        memory: memory.name().to_owned(),
        index,
    });
    ArrivedPdu {
        slot,
        length: entry.length,
        ..ArrivedPdu::direct(entry.octets(), &entry.raw)
    }
}

/// The memory every modem has.
fn sim_memory() -> Memory {
    Memory::new("SM").expect("two letters make a memory's name")
}

/// How full the memory that is read is, from `+CPMS?`.
pub(super) fn fill_of(lines: &[String]) -> Option<(u16, u16)> {
    let fills = lines.iter().flat_map(|line| response::storage(line));
    // The third is where texts arrive; some modems give only two.
    fills.last().map(|fill| (fill.used, fill.total))
}
