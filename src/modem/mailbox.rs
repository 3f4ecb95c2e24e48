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

/// How often, and over how long, a memory must count texts and list none before it is read by index:
/// some list a text only seconds after they have counted it.
const HOLLOW_TIMES: u32 = 3;
const HOLLOW_FOR: Duration = Duration::from_secs(15);

/// When a memory that counts texts and lists none is listed again, besides the sweeps.
const HOLLOW_AGAIN: Duration = Duration::from_secs(5);

/// Refusals in a row after which a listing is asked for in another way.
const UNLISTED_MAX: u8 = 2;

/// Places that are read one by one in a row, where nothing lists them; the next turn goes on behind.
const READ_IN_A_ROW: u16 = 64;

/// Places of a memory that does not say how many it has.
const PLACES_USUAL: u16 = 50;

/// A line that has not listed its memory for so long is deaf, as far as anybody knows. Four sweeps
/// where those are rare.
const LISTED_LATELY: Duration = Duration::from_secs(2 * 60);

/// Memories that hints name and no list offers, tried once each.
const UNOFFERED_MAX: usize = 4;

/// Directly delivered texts that could not be kept, and are offered again: they lie nowhere else.
const UNKEPT_MAX: usize = 256;

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

/// How the texts of a memory are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ListedBy {
    /// `AT+CMGL=4`
    #[default]
    Number,
    /// `AT+CMGL="ALL"`
    Word,
    /// `AT+CMGR=`, place after place.
    Index,
}

/// A memory that counts texts and lists none.
#[derive(Debug)]
struct Hollow {
    memory: Memory,
    since: Instant,
    times: u32,
}

/// A memory that is read place after place.
#[derive(Debug)]
struct Scan {
    memory: Memory,
    places: VecDeque<u16>,
    found: u16,
    /// How many it counts.
    used: Option<u16>,
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
struct Listing {
    memory: Memory,
    /// A hint led to it, and none came since: a later one asks for a listing of its own.
    hinted: bool,
    found: usize,
    in_text_mode: bool,
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
    /// Those that were delivered directly.
    direct: Vec<ArrivedPdu>,
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
    /// Nothing was listed there: an empty place is what one expects.
    is_scanned: bool,
}

impl Doubtful {
    fn at(memory: &Memory, index: u16, damaged: Vec<ArrivedPdu>) -> Self {
        Self {
            memory: memory.clone(),
            index,
            damaged,
            bodiless: false,
            tries: 0,
            is_scanned: false,
        }
    }
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

    /// The memories that can be read and received into, from `+CPMS=?`; none where the modem did not
    /// say: then the two that nearly every modem has are tried.
    pub(super) fn set_offered(&mut self, read: Vec<Memory>, receive: Vec<Memory>) {
        let usual = || ["SM", "ME"].into_iter().filter_map(Memory::new).collect();
        self.offered = if read.is_empty() { usual() } else { read };
        self.candidates = match receive.is_empty() {
            true => self.offered.iter().cloned().collect(),
            false => receive.into(),
        };
    }

    /// Where texts arrive, from `+CPMS?`: kept as the modem has it, when it is a real memory that can
    /// be read. `MT` is `SM` and `ME` together and `SR` holds reports; then the first real one that is
    /// offered is chosen. The others follow, should it have no places.
    pub(super) fn choose_receiving(&mut self, current: Option<&Memory>) {
        let rank = |memory: &Memory| {
            let is_real = matches!(memory.name(), "SM" | "ME");
            let is_current = Some(memory) == current;
            let is_unreadable = self.unreadable.contains(memory);
            // False goes before true.
            (is_unreadable, !is_real, !is_current)
        };
        let mut candidates: Vec<Memory> = self.candidates.drain(..).collect();
        if let Some(current) = current
            && !candidates.contains(current)
        {
            candidates.push(current.clone());
        }
        candidates.retain(|memory| !matches!(memory.name(), "SR" | "BM"));
        candidates.sort_by_key(rank);
        self.first_choice = candidates.first().cloned();
        self.candidates = candidates.into();
        self.receive_into_next();
    }

    /// Receives into the next memory that is offered; `false` when there is none left.
    fn receive_into_next(&mut self) -> bool {
        match self.candidates.pop_front() {
            Some(memory) => {
                self.receiving = memory;
                self.places = None;
                true
            }
            None => false,
        }
    }

    /// The receiving memory is selected, and has this many places, if the modem says so. `false` when
    /// it has none and another is to be tried.
    pub(super) fn has_places(&mut self, places: Option<u16>) -> bool {
        self.places = places;
        if places != Some(0) {
            return true;
        }
        if self.receive_into_next() {
            return false;
        }
        if let Some(first) = &self.first_choice {
            self.receiving = first.clone();
        }
        true
    }

    /// Whether texts that arrive are found: the memory that they arrive in has places, and was listed
    /// in PDU mode lately. A line is ready only while that is so.
    pub(super) fn hearing(&self, now: Instant) -> Hearing {
        let name = self.receiving.name();
        if self.places == Some(0) {
            return Hearing::Deaf(format!(
                "no text can arrive: {name} has no places for texts, and the modem offers no other \
                 memory: try another SIM, or another modem"
            ));
        }
        let lately = LISTED_LATELY.max(self.sweep_every * 4);
        if self
            .listed_at
            .is_some_and(|at| now.saturating_duration_since(at) <= lately)
        {
            return Hearing::Well;
        }
        if self.unreadable.contains(&self.receiving) {
            let count = self.counted.get(&self.receiving).copied().unwrap_or(0);
            return Hearing::Deaf(format!(
                "texts cannot be read: the modem counts {count} in {name} and shows none of them: \
                 update its firmware, or use another modem"
            ));
        }
        let unheard = now.saturating_duration_since(self.listed_at.unwrap_or(self.unheard_since));
        let is_new = now.saturating_duration_since(self.set_up_at) <= lately;
        if unheard <= lately || is_new && self.refused_with.is_none() {
            return Hearing::NotYet;
        }
        let said = self.refused_with.as_deref().unwrap_or("nothing");
        Hearing::Deaf(format!(
            "texts cannot be read: the modem says {said} when {name} is to be listed: power it off \
             and on, and update its firmware"
        ))
    }

    /// When [`Self::hearing`] says something else, should nothing be heard.
    pub(super) fn hearing_deadline(&self) -> Instant {
        let lately = LISTED_LATELY.max(self.sweep_every * 4);
        self.listed_at.unwrap_or(self.unheard_since) + lately + Duration::from_millis(1)
    }

    /// What a person is to know of memories that cannot be read, although texts arrive in another.
    pub(super) fn hollow_words(&self) -> Option<String> {
        let memory = self
            .unreadable
            .iter()
            .find(|memory| self.counted.get(memory).is_some_and(|count| *count > 0))?;
        let (name, count) = (memory.name(), self.counted.get(memory)?);
        Some(format!(
            "the modem counts {count} texts in {name} and shows none of them; new ones arrive in {}: \
             update its firmware, or read the old ones with another program",
            self.receiving.name()
        ))
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

    /// The modem may merely not be ready: with all of them again.
    pub(super) fn try_all_parameters(&mut self) {
        self.arity = 3;
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

    fn read_again(
        &mut self,
        mut doubtful: Doubtful,
        reading: Reading,
        outcome: &Outcome,
        now: Instant,
    ) {
        doubtful.tries += 1;
        if doubtful.is_scanned
            && let Some(scan) = &mut self.scan
        {
            match reading {
                Reading::Nothing => return,
                Reading::Damaged(_) | Reading::Whole(_) | Reading::Bodiless => {
                    scan.found = scan.found.saturating_add(1);
                }
            }
        }
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
        let used = self.counted.get(&listing.memory).copied();
        let together = matches!(
            &reply.command,
            Command::List(memories) | Command::ListByWord(memories) if !memories.is_empty()
        );
        match &reply.outcome {
            Outcome::Final(FinalResult::Ok) if listing.in_text_mode => {
                self.refused_with = Some("them in text mode".into());
                return;
            }
            Outcome::Final(FinalResult::Ok) if found == 0 && used.is_some_and(|used| used > 0) => {
                self.shows_none(&listing.memory, together, now);
            }
            // Not even the count came: perhaps only the selection was carried out.
            Outcome::Final(FinalResult::Ok)
                if found == 0
                    && used.is_none()
                    && hinted
                    && together
                    && !(self.shown_together || self.trying_apart) =>
            {
                self.try_apart(&listing.memory);
            }
            Outcome::Final(FinalResult::Ok) => {
                self.shown_together |= together && found > 0;
                if std::mem::take(&mut self.trying_apart) {
                    // On one line it showed none.
                    self.refused_together = REFUSED_TOGETHER_MAX;
                    self.hides_together = true;
                    self.apart = true;
                }
                self.was_listed(&listing.memory, now);
                self.unread.retain(|slot| {
                    slot.memory != listing.memory.name() || listing.bodiless.contains(&slot.index)
                });
            }
            // The list changed under the modem's hands.
            Outcome::Final(FinalResult::Cms(code))
                if code.number == Some(321) && used != Some(0) =>
            {
                self.relist = Some((0, now + self.sweep_every.min(RELIST_AFTER[1])));
                return;
            }
            // Some list an empty memory with an error.
            Outcome::Final(_) if found == 0 && used == Some(0) => {
                self.was_listed(&listing.memory, now);
            }
            Outcome::Final(result) => {
                self.refuses_listing(&listing.memory, result);
                return;
            }
            Outcome::TimedOut | Outcome::NoPrompt | Outcome::Cut(_) => return,
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
        if tried.is_some_and(|tried| tried > 0) {
            self.scan_announced(&listing.memory);
        }
        if let Some(tried) = tried {
            self.relist = RELIST_AFTER.get(tried).map(|after| (tried, now + *after));
        }
        if self.relist.is_none() && self.hollow.is_some() {
            self.relist = Some((RELIST_AFTER.len(), now + HOLLOW_AGAIN));
        }
    }

    /// The memory's texts are before us.
    fn was_listed(&mut self, memory: &Memory, now: Instant) {
        self.hollow.take_if(|hollow| hollow.memory == *memory);
        self.unreadable.retain(|unreadable| unreadable != memory);
        if *memory == self.receiving {
            self.listed_at = Some(now);
            self.unlisted = 0;
            self.refused_with = None;
        }
    }

    /// A listing that was understood as far as its selection is refused: it is asked for by word, and
    /// where that is refused too the memory is read place after place.
    fn refuses_listing(&mut self, memory: &Memory, result: &FinalResult) {
        if *memory != self.receiving {
            return;
        }
        self.refused_with = Some(result.to_string());
        if self.apart_next() || result.is_sim_starting() {
            return;
        }
        self.unlisted += 1;
        if self.unlisted >= UNLISTED_MAX {
            self.unlisted = 0;
            self.listed_by = match self.listed_by {
                ListedBy::Number => ListedBy::Word,
                ListedBy::Word | ListedBy::Index => ListedBy::Index,
            };
            tracing::debug!(by = ?self.listed_by, "the modem refuses to list");
        }
        self.want(memory.clone());
    }

    /// Whether the refusal may have been of the selection beside the listing.
    fn apart_next(&self) -> bool {
        self.apart && self.reading.is_none()
    }

    /// The memory counts texts and lists none. Where both stood on one line, perhaps only the first
    /// was carried out; or the text is not there yet; or it is never listed.
    fn shows_none(&mut self, memory: &Memory, together: bool, now: Instant) {
        if self.unreadable.contains(memory) {
            return;
        }
        if together && !self.shown_together && !self.trying_apart {
            self.try_apart(memory);
            return;
        }
        if std::mem::take(&mut self.trying_apart) {
            self.apart = self.refused_together >= REFUSED_TOGETHER_MAX;
        }
        let hollow = match self.hollow.take() {
            Some(hollow) if hollow.memory == *memory => Hollow {
                times: hollow.times.saturating_add(1),
                ..hollow
            },
            Some(_) | None => Hollow {
                memory: memory.clone(),
                since: now,
                times: 1,
            },
        };
        let is_certain = hollow.times >= HOLLOW_TIMES && now >= hollow.since + HOLLOW_FOR;
        self.hollow = Some(hollow);
        if is_certain {
            self.scan(memory.clone());
        }
    }

    /// Lists a memory again, selected on a line of its own.
    fn try_apart(&mut self, memory: &Memory) {
        self.trying_apart = true;
        self.apart = true;
        self.reading = None;
        self.want(memory.clone());
    }

    /// Reads the places of a memory that were announced, and that no listing shows: some sticks count
    /// and list nothing of what they hand out by its index (Huawei E303).
    fn scan_announced(&mut self, memory: &Memory) {
        let places: VecDeque<u16> = self.deletions.announced_in(memory.name()).collect();
        if self.scan.is_none() && !places.is_empty() {
            self.scan_places(memory.clone(), places);
        }
    }

    /// Reads a memory place after place: those that were announced, and a row of the others.
    fn scan(&mut self, memory: Memory) {
        if self.scan.is_some() {
            return;
        }
        let total = match memory == self.receiving {
            true => self.places.unwrap_or(PLACES_USUAL),
            false => PLACES_USUAL,
        };
        let from = if self.scanned_to > total {
            0
        } else {
            self.scanned_to
        };
        if from == 0 {
            self.found_so_far = 0;
        }
        let to = from.saturating_add(READ_IN_A_ROW).min(total);
        self.scanned_to = if to >= total { 0 } else { to + 1 };
        let mut places: VecDeque<u16> = self.deletions.announced_in(memory.name()).collect();
        for index in from..=to {
            if !places.contains(&index) {
                places.push_back(index);
            }
        }
        self.scan_places(memory, places);
    }

    fn scan_places(&mut self, memory: Memory, places: VecDeque<u16>) {
        let used = self.counted.get(&memory).copied();
        for index in &places {
            let mut doubtful = Doubtful::at(&memory, *index, vec![]);
            doubtful.is_scanned = true;
            self.doubtful.push_back(doubtful);
        }
        self.scan = Some(Scan {
            memory,
            places,
            found: 0,
            used,
        });
    }

    /// What reading place after place has come to, once it has ended.
    fn scan_ends(&mut self, now: Instant) {
        let is_over =
            self.scan.is_some() && !self.doubtful.iter().any(|doubtful| doubtful.is_scanned);
        let Some(scan) = self.scan.take_if(|_| is_over) else {
            return;
        };
        tracing::debug!(
            memory = scan.memory.name(),
            found = scan.found,
            read = scan.places.len(),
            "read place after place"
        );
        self.found_so_far = self.found_so_far.saturating_add(scan.found);
        let is_whole = scan.used.is_none_or(|used| scan.found >= used);
        if self.found_so_far > 0 || is_whole {
            if self
                .hollow
                .as_ref()
                .is_some_and(|hollow| hollow.memory == scan.memory)
            {
                self.listed_by = ListedBy::Index;
            }
            self.was_listed(&scan.memory, now);
        } else if self.scanned_to == 0 && !self.unreadable.contains(&scan.memory) {
            tracing::warn!(
                memory = scan.memory.name(),
                "the modem counts texts there and shows none"
            );
            self.wants_another |= scan.memory == self.receiving;
            self.hollow = None;
            self.unreadable.push(scan.memory);
        }
    }

    /// Keeps what a selection says of how many texts there are.
    fn count(&mut self, reply: &Reply) {
        let Some(memory) = &self.setting else {
            return;
        };
        let selects = match &reply.command {
            Command::StorageSet(_) => true,
            Command::List(memories)
            | Command::ListByWord(memories)
            | Command::Read(memories, _)
            | Command::Delete(memories, _) => !memories.is_empty(),
            _ => false,
        };
        if !selects {
            return;
        }
        let mut fills = reply.lines.iter().flat_map(|line| response::storage(line));
        match fills.next() {
            Some(fill) => {
                // What a line deletes it counted before.
                let deleted = match &reply.command {
                    Command::Delete(_, indexes) if reply.is_ok() => indexes.len(),
                    _ => 0,
                };
                let deleted = u16::try_from(deleted).unwrap_or(u16::MAX);
                self.counted
                    .insert(memory.clone(), fill.used.saturating_sub(deleted));
            }
            None => {
                self.counted.remove(memory);
            }
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
            Outcome::Final(FinalResult::Ok) if self.hides_together => {}
            Outcome::Final(FinalResult::Ok) => self.refused_together = 0,
            // An index that is empty by now: the selection before it went well.
            Outcome::Final(FinalResult::Cms(code)) if code.number == Some(321) => {}
            // The selection was answered: what follows it is refused for itself.
            Outcome::Final(_)
                if reply
                    .lines
                    .iter()
                    .any(|line| !response::storage(line).is_empty()) =>
            {
                self.reading = None;
            }
            Outcome::Final(_) => {
                self.refused_together = self.refused_together.saturating_add(1);
                self.apart = true;
                if let Some(listing) = &self.listing {
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
