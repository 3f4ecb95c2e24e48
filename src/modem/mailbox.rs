//! The modem's storage as a mailbox, pure: what to list, what was found, what may be deleted.
//!
//! A text is deleted only after whoever keeps texts has said that it is kept, by its index, with its
//! memory named on the same line, and only where it surely lies ([`deletions`]). Whatever is doubtful
//! is left where it is: the next sweep finds it again.

mod deletions;
mod listing;
mod receiving;
mod rereading;
mod scan;
mod selection;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use self::deletions::{Deletions, Found, Lying};
use self::listing::{Hollow, ListedBy, Listing};
use self::rereading::{Doubtful, Reading};
use self::scan::Scan;
use self::selection::{REFUSED_TOGETHER_MAX, Way};
use super::{ArrivedPdu, Slot};
use crate::at::{Command, Entry, Memory, Reply, hex, response};

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

/// Memories that hints name and no list offers, tried once each.
const UNOFFERED_MAX: usize = 4;

/// Directly delivered texts that could not be kept, and are offered again: they lie nowhere else.
const UNKEPT_MAX: usize = 256;

/// PDUs without a header that are remembered from one listing for the next.
const ORPHANS_MAX: usize = 64;

/// How often the storage of a modem is listed that announces nothing.
const UNTOLD_EVERY: Duration = Duration::from_secs(5);

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

/// Whether texts that arrive are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hearing {
    /// The memory they arrive in has places, and was listed lately.
    Well,
    /// That is not known yet.
    NotYet,
    /// They are not: why, and what to do.
    Deaf(String),
}

#[derive(Debug)]
struct Awaited {
    lying: Vec<Lying>,
    /// Those that were delivered directly.
    direct: Vec<ArrivedPdu>,
    until: Instant,
}

/// The storage of one modem.
#[derive(Debug)]
pub(super) struct Mailbox {
    sweep_every: Duration,
    /// The modem announces no texts: it is listed more often.
    untold: bool,
    offered: Vec<Memory>,
    /// Those that texts may be received into, the best first, while one is being chosen.
    candidates: VecDeque<Memory>,
    first_choice: Option<Memory>,
    /// Places of the receiving memory, where the modem says so.
    places: Option<u16>,
    /// When the receiving memory was last listed in PDU mode.
    listed_at: Option<Instant>,
    /// Since when it was not, and since when the modem is set up.
    unheard_since: Instant,
    set_up_at: Instant,
    listed_by: ListedBy,
    /// Refusals in a row of listings that were understood as far as their selection.
    unlisted: u8,
    /// With what a listing was last refused.
    refused_with: Option<String>,
    /// Texts that each memory counted when it was last selected.
    counted: HashMap<Memory, u16>,
    hollow: Option<Hollow>,
    scan: Option<Scan>,
    /// The place after the last one that was read in a row.
    scanned_to: u16,
    /// What the places before it brought, since the first.
    found_so_far: u16,
    /// Memories that count texts and show none, whichever way they are read.
    unreadable: Vec<Memory>,
    /// Texts arrive in one of those: another is to be chosen.
    wants_another: bool,
    /// A selection and a listing on one line have shown a text.
    shown_together: bool,
    /// Listings that stood on a line with their selection showed none of the texts that one alone did.
    hides_together: bool,
    /// The listing under way stands alone on its line, to see whether that shows more.
    trying_apart: bool,
    /// Named by hints, offered by no list, and tried.
    unoffered: Vec<Memory>,
    unkept: Vec<ArrivedPdu>,
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
            untold: false,
            offered: Vec::new(),
            candidates: VecDeque::new(),
            first_choice: None,
            places: None,
            listed_at: None,
            unheard_since: now,
            set_up_at: now,
            hides_together: false,
            listed_by: ListedBy::default(),
            unlisted: 0,
            refused_with: None,
            counted: HashMap::new(),
            hollow: None,
            scan: None,
            scanned_to: 0,
            found_so_far: 0,
            unreadable: Vec::new(),
            wants_another: false,
            shown_together: false,
            trying_apart: false,
            unoffered: Vec::new(),
            unkept: Vec::new(),
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

    /// Forgets what was under way: indexes may mean other texts by now. Called at every setup. What
    /// lies in no memory is not forgotten, nor which memory cannot be read.
    pub(super) fn reset(&mut self, now: Instant) {
        let mut awaited = std::mem::take(&mut self.awaited);
        awaited.retain(|_, awaited| !awaited.direct.is_empty());
        *self = Self {
            next_batch: self.next_batch,
            unread: std::mem::take(&mut self.unread),
            unkept: std::mem::take(&mut self.unkept),
            unreadable: std::mem::take(&mut self.unreadable),
            deliveries: std::mem::take(&mut self.deliveries),
            awaited,
            // A setup that did not help is no new beginning.
            unheard_since: self.listed_at.unwrap_or(self.unheard_since),
            set_up_at: now,
            hides_together: self.hides_together,
            apart: self.hides_together,
            refused_together: match self.hides_together {
                true => REFUSED_TOGETHER_MAX,
                false => 0,
            },
            ..Self::new(self.sweep_every, self.sweep_at)
        };
    }

    /// Another modem may be there by now.
    pub(super) fn meet(&mut self, now: Instant) {
        self.unreadable.clear();
        self.hides_together = false;
        self.unheard_since = now;
    }

    /// The modem shows that it has lost its settings: which memory it reads and deletes from is not
    /// known any more. What was to be deleted is left for a sweep to find again, for the same index
    /// may be another text's there.
    pub(super) fn distrust(&mut self) {
        self.reading = None;
        self.deletions.clear();
        self.doubtful.clear();
    }

    /// Lines of a listing came unasked: answers run late, and what was listed last may have lain in
    /// another memory. Nothing of it is deleted unseen.
    pub(super) fn answers_run_late(&mut self) {
        self.deletions.doubt();
        let lying = self.awaited.values_mut().flat_map(|one| &mut one.lying);
        lying.for_each(|lying| lying.sure = false);
        if let Some(listing) = &mut self.listing {
            listing
                .batch
                .iter_mut()
                .for_each(|found| found.sure = false);
        }
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

    /// What is odd about how the modem shows its texts, although they are found.
    pub(super) fn oddity(&self) -> Option<&'static str> {
        self.hides_together.then_some(
            "it hides texts from a listing that stands on a line with another command: texts are \
             found all the same; update the modem's firmware",
        )
    }

    /// Whether the modem announces no texts.
    pub(super) fn is_told_nothing(&mut self, nothing: bool, now: Instant) {
        self.untold = nothing;
        self.sweep_at = self.sweep_at.min(now + self.sweeps_every());
    }

    fn sweeps_every(&self) -> Duration {
        match self.untold {
            true => self.sweep_every.min(UNTOLD_EVERY),
            false => self.sweep_every,
        }
    }

    /// Whether another memory is to be received into.
    pub(super) fn took_wish_for_another(&mut self) -> bool {
        std::mem::take(&mut self.wants_another)
    }

    /// Whether there is something to do.
    pub(super) fn has_work(&self, now: Instant) -> bool {
        let may_list = self.awaited.is_empty() && self.refused_until.is_none_or(|at| at <= now);
        let relist = self.relist.is_some_and(|(_, at)| at <= now);
        !self.doubtful.is_empty()
            || !self.deletions.is_empty()
            || may_list
                && (!self.wanted.is_empty()
                    || self.scan.is_some()
                    || self.sweep_at <= now
                    || relist)
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
        let offered = memory.filter(|memory| self.offered.contains(memory));
        match (offered, memory) {
            (Some(offered), _) => self.want(offered.clone()),
            (None, named) => {
                self.want(self.receiving.clone());
                // Offered or not, it may be there: Thuraya and SARA-R4 say `MT`.
                if let Some(named) = named
                    && self.unoffered.len() < UNOFFERED_MAX
                    && !self.unoffered.contains(named)
                {
                    self.unoffered.push(named.clone());
                    self.want(named.clone());
                }
            }
        }
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

    /// The same, of octets that a line stood for.
    pub(super) fn direct_octets(&mut self, octets: Option<Vec<u8>>, line: &str, now: Instant) {
        let pdu = ArrivedPdu::direct(octets, line);
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
        self.scan_ends(now);
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
            let by = match memory == self.receiving {
                true => self.listed_by,
                false => ListedBy::Number,
            };
            if by == ListedBy::Index {
                self.scan(memory);
                return self.next(now);
            }
            self.listing = Some(Listing {
                memory,
                hinted,
                found: 0,
                in_text_mode: false,
                last: None,
                orphans: Vec::new(),
                batch: Vec::new(),
                bodiless: Vec::new(),
            });
            return Some(match by {
                ListedBy::Word => Command::ListByWord(memories),
                ListedBy::Number | ListedBy::Index => Command::List(memories),
            });
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
            if let Some(listing) = &mut self.listing {
                listing.in_text_mode = true;
            }
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
                let doubtful = Doubtful::at(&listing.memory, slot.index, vec![]);
                self.doubtful.push_back(doubtful);
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
            let mut doubtful = Doubtful::at(&listing.memory, index, damaged);
            doubtful.bodiless = entry.pdu.is_empty();
            self.doubtful.push_back(doubtful);
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
        self.count(reply);
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
            Command::List(memories) | Command::ListByWord(memories) => {
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
        } else if direct {
            let room = UNKEPT_MAX.saturating_sub(self.unkept.len());
            self.unkept.extend(awaited.direct.into_iter().take(room));
            self.refused_until = Some(now + REFUSED_FOR[1]);
        } else {
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
            for pdu in std::mem::take(&mut self.unkept) {
                self.deliver(vec![Found::surely(pdu)], now);
            }
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
            self.sweep_at = now + self.sweeps_every();
            self.sweeps = self.sweeps.wrapping_add(1);
            if !std::mem::take(&mut self.refused_lately) {
                self.refused = 0;
                self.batch_max = BATCH_MAX;
            }
            // One that was not kept may lie in any memory.
            if self.refused > 0 || self.sweeps.is_multiple_of(WIDE_EVERY) {
                // A SIM that was busy for a moment refuses as well.
                self.offered.append(&mut self.abandoned);
                self.listed_by = ListedBy::default();
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

    fn deliver(&mut self, found: Vec<Found>, now: Instant) {
        if found.is_empty() {
            return;
        }
        let direct: Vec<ArrivedPdu> = found
            .iter()
            .map(|found| &found.pdu)
            .filter(|pdu| pdu.slot.is_none())
            .cloned()
            .collect();
        if self.awaited.len() >= AWAITED_MAX {
            let room = UNKEPT_MAX.saturating_sub(self.unkept.len());
            self.unkept.extend(direct.into_iter().take(room));
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
                direct,
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
