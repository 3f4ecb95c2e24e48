//! Putting the parts of a text together, in whatever order and as often as they come.

#![deny(clippy::indexing_slicing)]

use super::alphabet::Alphabet;
use super::header::{Concat, Ports, UserDataHeader};
use super::ucs2::decode_ucs2;
use super::user_data::{Body, UserData};

/// What a missing part reads as; parts missing in a row read as one.
pub const GAP: &str = "[…]";

/// Whose text a part belongs to. Phones count references from anywhere and use them again, and
/// eight bits and sixteen apart: only all of this together tells texts apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConcatKey<P> {
    /// Who wrote, and to which line, as the caller tells them apart.
    pub peer: P,
    /// Whether the reference has sixteen bits.
    pub wide: bool,
    /// The reference.
    pub reference: u16,
    /// How many parts there are.
    pub total: u8,
}

impl<P> ConcatKey<P> {
    /// The text of this part.
    pub fn new(peer: P, concat: Concat) -> Self {
        Self {
            peer,
            wide: concat.wide,
            reference: concat.reference,
            total: concat.total,
        }
    }
}

/// The parts of one text that have come. Holds at most 255, and so 40 kB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembly {
    parts: Vec<Option<UserData>>,
    here: usize,
}

/// What a part changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It was missing, and others still are.
    Added,
    /// It was the last one missing.
    Completed,
    /// It had come before, the same.
    Duplicate,
    /// Another text: the same part has come with other content, or the totals differ. Nothing was
    /// changed; the part begins an assembly of its own.
    Conflict,
}

impl Assembly {
    /// No parts yet, of this many. Of no parts at all, one is still missing.
    pub fn new(total: u8) -> Self {
        Self {
            parts: vec![None; usize::from(total.max(1))],
            here: 0,
        }
    }

    /// An assembly with a first part.
    pub fn starting_with(concat: Concat, part: UserData) -> Self {
        let mut assembly = Self::new(concat.total);
        assembly.insert(concat, part);
        assembly
    }

    /// Adds a part. Parts that differ in their headers alone are the same: some networks mark a
    /// redelivery there.
    pub fn insert(&mut self, concat: Concat, part: UserData) -> Insertion {
        let total = self.parts.len();
        let place = usize::from(concat.sequence)
            .checked_sub(1)
            .filter(|_| usize::from(concat.total) == total)
            .and_then(|at| self.parts.get_mut(at));
        match place {
            None => Insertion::Conflict,
            Some(Some(there)) if there.body() == part.body() => Insertion::Duplicate,
            Some(Some(_)) => Insertion::Conflict,
            Some(place) => {
                *place = Some(part);
                self.here += 1;
                if self.here == total {
                    Insertion::Completed
                } else {
                    Insertion::Added
                }
            }
        }
    }

    /// Parts there will be.
    pub fn total(&self) -> usize {
        self.parts.len()
    }

    /// Parts that have come.
    pub fn here(&self) -> usize {
        self.here
    }

    /// Whether no part is missing.
    pub fn is_complete(&self) -> bool {
        self.here == self.parts.len()
    }

    /// The whole text; `None` while parts are missing, and for data.
    pub fn text(&self) -> Option<String> {
        (self.is_complete() && self.is_text()).then(|| self.text_so_far())
    }

    /// The text as far as it has come, with [`GAP`] where parts are missing. Data reads as
    /// missing too.
    pub fn text_so_far(&self) -> String {
        let mut text = String::new();
        let mut run = Run::Empty;
        let mut gap = false;
        for part in &self.parts {
            if run.take(part.as_ref(), &mut text) {
                gap = false;
            } else if !gap {
                gap = true;
                text.push_str(GAP);
            }
        }
        run.end(&mut text);
        text
    }

    /// The whole data; `None` while parts are missing, and for text.
    pub fn data(&self) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        for part in &self.parts {
            data.extend_from_slice(part.as_ref()?.data()?);
        }
        Some(data)
    }

    /// Whether any part says that this is the notice of a picture message.
    pub fn is_mms_notice(&self) -> bool {
        self.parts.iter().flatten().any(UserData::is_mms_notice)
    }

    /// The ports of the programs this is between, as the first part that says so has them.
    pub fn ports(&self) -> Option<Ports> {
        self.parts.iter().flatten().find_map(UserData::ports)
    }

    fn is_text(&self) -> bool {
        self.parts
            .iter()
            .flatten()
            .all(|part| part.data().is_none())
    }
}

/// Neighbouring parts in the same writing, read together: senders cut escapes and surrogate pairs
/// in two.
enum Run {
    Empty,
    Septets(Alphabet, Vec<u8>),
    Ucs2(Vec<u8>),
}

impl Run {
    /// Takes a part into the run, or ends the run. `false` when there is nothing to read.
    fn take(&mut self, part: Option<&UserData>, text: &mut String) -> bool {
        let body = part.map(UserData::body);
        match (&mut *self, body) {
            (Self::Septets(alphabet, septets), Some(Body::Septets(more)))
                if *alphabet == alphabet_of(part) =>
            {
                septets.extend_from_slice(more);
                true
            }
            (Self::Ucs2(octets), Some(Body::Ucs2(more))) => {
                octets.extend_from_slice(more);
                true
            }
            (_, body) => {
                self.end(text);
                match body {
                    Some(Body::Septets(septets)) => {
                        *self = Self::Septets(alphabet_of(part), septets.clone());
                        true
                    }
                    Some(Body::Ucs2(octets)) => {
                        *self = Self::Ucs2(octets.clone());
                        true
                    }
                    Some(Body::Octets(_)) | None => false,
                }
            }
        }
    }

    /// Reads the run, and starts another.
    fn end(&mut self, text: &mut String) {
        match std::mem::replace(self, Self::Empty) {
            Self::Empty => {}
            Self::Septets(alphabet, septets) => text.push_str(&alphabet.decode(&septets)),
            Self::Ucs2(octets) => text.push_str(&decode_ucs2(&octets)),
        }
    }
}

fn alphabet_of(part: Option<&UserData>) -> Alphabet {
    part.and_then(UserData::header)
        .map(UserDataHeader::alphabet)
        .unwrap_or_default()
}

/// Assemblies under way, a bounded number of them: the oldest makes room.
#[derive(Debug, Clone)]
pub struct Assemblies<K> {
    under_way: Vec<(K, Assembly)>,
    capacity: usize,
}

/// What a part led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined<K> {
    /// What it changed in its text; `Added` or `Completed` when it began one.
    pub insertion: Insertion,
    /// The text, when this part completed it. It is no longer under way.
    pub complete: Option<Assembly>,
    /// A text that will not be completed any more: its reference began another, or the oldest had
    /// to make room. Show what there is of it.
    pub displaced: Option<(K, Assembly)>,
}

impl<K: PartialEq> Assemblies<K> {
    /// Room for this many texts, one at least, each of at most 40 kB.
    pub fn new(capacity: usize) -> Self {
        Self {
            under_way: Vec::new(),
            capacity: capacity.max(1),
        }
    }

    /// Adds a part to its text.
    pub fn insert(&mut self, key: K, concat: Concat, part: UserData) -> Joined<K> {
        let mut displaced = None;
        if let Some(at) = self.under_way.iter().position(|(other, _)| *other == key)
            && let Some((_, assembly)) = self.under_way.get_mut(at)
        {
            // The part is wanted again on a conflict alone, which is rare.
            match assembly.insert(concat, part.clone()) {
                Insertion::Completed => {
                    return Joined {
                        insertion: Insertion::Completed,
                        complete: Some(self.under_way.remove(at).1),
                        displaced: None,
                    };
                }
                insertion @ (Insertion::Added | Insertion::Duplicate) => {
                    return Joined {
                        insertion,
                        complete: None,
                        displaced: None,
                    };
                }
                Insertion::Conflict => displaced = Some(self.under_way.remove(at)),
            }
        }
        let mut assembly = Assembly::new(concat.total);
        let insertion = assembly.insert(concat, part);
        if assembly.is_complete() {
            return Joined {
                insertion,
                complete: Some(assembly),
                displaced,
            };
        }
        // After a displacement there is room.
        if self.under_way.len() >= self.capacity {
            displaced = Some(self.under_way.remove(0));
        }
        self.under_way.push((key, assembly));
        Joined {
            insertion,
            complete: None,
            displaced,
        }
    }

    /// What has come of a text, if it is under way.
    pub fn get(&self, key: &K) -> Option<&Assembly> {
        let mut texts = self.under_way.iter();
        texts
            .find(|(other, _)| other == key)
            .map(|(_, assembly)| assembly)
    }

    /// Gives a text up: what has come of it, if anything has.
    pub fn remove(&mut self, key: &K) -> Option<Assembly> {
        let at = self.under_way.iter().position(|(other, _)| other == key)?;
        Some(self.under_way.remove(at).1)
    }

    /// Texts under way.
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether no text is under way.
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;
    use crate::split::split;

    fn part(total: u8, sequence: u8, body: Body) -> (Concat, UserData) {
        let concat = Concat {
            reference: 7,
            total,
            sequence,
            wide: false,
        };
        let header = UserDataHeader::concatenation(concat);
        (concat, UserData::new(Some(header), body).unwrap())
    }

    fn septets(text: &str) -> Body {
        Body::Septets(Alphabet::DEFAULT.encode(text).unwrap())
    }

    fn joined(parts: impl IntoIterator<Item = (Concat, UserData)>) -> Assembly {
        let mut parts = parts.into_iter();
        let (concat, first) = parts.next().unwrap();
        let mut assembly = Assembly::starting_with(concat, first);
        for (concat, part) in parts {
            assembly.insert(concat, part);
        }
        assembly
    }

    #[test]
    fn a_surrogate_pair_cut_between_parts_is_one_character() {
        let assembly = joined([
            part(2, 2, Body::Ucs2(vec![0xDE, 0x00, 0x00, 0x21])),
            part(2, 1, Body::Ucs2(vec![0x00, 0x48, 0xD8, 0x3D])),
        ]);
        assert_eq!(assembly.text().unwrap(), "H\u{1F600}!");
        // An octet alone at the end finds the other half as well.
        let assembly = joined([
            part(2, 1, Body::Ucs2(vec![0x04])),
            part(2, 2, Body::Ucs2(vec![0x16, 0x00, 0x21])),
        ]);
        assert_eq!(assembly.text().unwrap(), "Ж!");
    }

    #[test]
    fn an_escape_cut_between_parts_is_one_character() {
        let assembly = joined([
            part(2, 1, Body::Septets(vec![0x41, 0x1B])),
            part(2, 2, Body::Septets(vec![0x65, 0x42])),
        ]);
        assert_eq!(assembly.text().unwrap(), "A€B");
    }

    #[test]
    fn gaps_are_marked_once_in_a_row() {
        for (parts, expected) in [
            (vec![part(5, 2, septets("two"))], "[…]two[…]"),
            (
                vec![part(5, 1, septets("one")), part(5, 5, septets("five"))],
                "one[…]five",
            ),
            (
                vec![
                    part(5, 1, septets("one")),
                    part(5, 3, Body::Ucs2(vec![0x04, 0x16])),
                    part(5, 4, septets("four")),
                ],
                "one[…]Жfour[…]",
            ),
        ] {
            let assembly = joined(parts);
            assert_eq!(assembly.text(), None);
            assert_eq!(assembly.text_so_far(), expected);
        }
        assert_eq!(Assembly::new(3).text_so_far(), GAP);
    }

    #[test]
    fn parts_come_again_or_as_another_text() {
        let (one, first) = part(2, 1, septets("first"));
        let (_, other) = part(2, 1, septets("other"));
        let mut assembly = Assembly::starting_with(one, first.clone());
        assert_eq!(assembly.insert(one, first.clone()), Insertion::Duplicate);
        assert_eq!(assembly.insert(one, other), Insertion::Conflict);
        let (three, third) = part(3, 3, septets("third"));
        assert_eq!(assembly.insert(three, third), Insertion::Conflict);
        let (two, second) = part(2, 2, septets(" second"));
        assert_eq!(assembly.insert(two, second), Insertion::Completed);
        assert_eq!(assembly.insert(one, first), Insertion::Duplicate);
        assert_eq!(assembly.text().unwrap(), "first second");
    }

    #[test]
    fn data_is_no_text() {
        let assembly = joined([
            part(2, 1, Body::Octets(vec![1, 2])),
            part(2, 2, Body::Octets(vec![3])),
        ]);
        assert!(assembly.is_complete());
        assert_eq!(assembly.text(), None);
        assert_eq!(assembly.data(), Some(vec![1, 2, 3]));
        assert_eq!(assembly.text_so_far(), GAP);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut texts = Assemblies::new(2);
        let (one, first) = part(2, 1, septets("a"));
        for key in 0..2 {
            let joined = texts.insert(key, one, first.clone());
            assert_eq!((joined.complete, joined.displaced), (None, None));
        }
        let joined = texts.insert(2, one, first.clone());
        assert_eq!(joined.displaced.unwrap().0, 0);
        assert_eq!(texts.len(), 2);
        // A conflict displaces its own text, not the oldest.
        let (_, other) = part(2, 1, septets("b"));
        let joined = texts.insert(2, one, other);
        assert_eq!(joined.displaced.unwrap().1.text_so_far(), "a[…]");
        assert_eq!(texts.len(), 2);
        let (two, second) = part(2, 2, septets("c"));
        let joined = texts.insert(2, two, second);
        assert_eq!(joined.complete.unwrap().text().unwrap(), "bc");
        assert!(texts.remove(&1).is_some());
        assert!(texts.is_empty());
    }

    proptest! {
        #[test]
        fn split_texts_come_back_whole(
            text in prop_oneof![any::<String>(), "[a-z €😀]{0,600}"],
            order in any::<u64>(),
        ) {
            let mut parts = split(&text, 9).unwrap();
            if parts.len() == 1 {
                prop_assert_eq!(parts[0].text().unwrap(), text);
                return Ok(());
            }
            // Shuffled and doubled.
            parts.extend(parts.clone());
            let mut random = order;
            for at in (1..parts.len()).rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                parts.swap(at, (random >> 33) as usize % (at + 1));
            }
            let mut assembly = Assembly::new(parts[0].concat().unwrap().total);
            for part in parts {
                prop_assert_ne!(assembly.insert(part.concat().unwrap(), part), Insertion::Conflict);
            }
            prop_assert_eq!(assembly.text(), Some(text));
        }

        #[test]
        fn ucs2_cut_anywhere_comes_back(text in "[aж😀\u{200D}]{1,100}", cuts in 1u8..6) {
            let octets = crate::ucs2::encode_ucs2(&text);
            let size = octets.len().div_ceil(usize::from(cuts)).max(1);
            prop_assume!(size <= 134);
            let total = octets.chunks(size).count() as u8;
            let parts = octets.chunks(size).zip(1..)
                .map(|(octets, sequence)| part(total, sequence, Body::Ucs2(octets.to_vec())));
            prop_assert_eq!(joined(parts).text(), Some(text));
        }
    }
}
