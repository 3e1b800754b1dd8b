//! Names of fields as numbers: each name is looked up once, and every room keeps what it knows of
//! a name in a list by number.
//!
//! Arrives: a key and the object that holds the key, or the whole name of a field. Leaves: a number
//! that stands for the name until the name is forgotten. Records of one kind have the same names in
//! the same order, so the names that followed the last times are tried first, and nearly always no
//! table is asked. A name that has no number is read anew each time: the interner decides nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::short_name::ShortName;

/// Most names: a busy sender knows some hundreds, and one that invents names must not fill the
/// memory.
pub(crate) const NAMES_MAX: usize = 4_096;

/// Slots of the table: at least half of them stay free, so that a search is short. A power of two.
const SLOTS: usize = 2 * NAMES_MAX;

/// Longest name that is kept; names of labels are of this size at most.
const LONG_NAME_BYTES_MAX: usize = 128;

/// Names that are tried as the next one: where kinds of lines part, there are two.
const GUESSES: usize = 2;

/// Stands for "no name" in lists of numbers.
const NONE: u32 = u32::MAX;

/// A slot whose name was forgotten: a search goes on behind.
const FORGOTTEN: u32 = NONE - 2;

/// Forgotten slots at which the table is rebuilt: a search has to stay short.
const FORGOTTEN_MAX: usize = SLOTS / 8;

/// The number of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameNumber(u32);

impl Default for NameNumber {
    fn default() -> NameNumber {
        NameNumber::TOP
    }
}

impl NameNumber {
    /// The top of a record: the parent of keys that no object holds, and what the first name of a
    /// record follows.
    pub(crate) const TOP: NameNumber = NameNumber(NONE - 1);

    /// A name without a number: keys below have no number either.
    pub(crate) const NONE: NameNumber = NameNumber(NONE);

    /// Returns the position in lists by number.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    parent: NameNumber,
    key: ShortName,
    /// What followed, the last one first.
    next: [u32; GUESSES],
}

/// The names.
pub(crate) struct Interner {
    entries: Vec<Entry>,
    /// Numbers of names, found by key and parent. Made when the first name comes.
    slots: Vec<u32>,
    forgotten_count: usize,
    /// Whole names that are no short ones.
    long: HashMap<Box<str>, u32>,
    /// What followed the start of a record.
    first: [u32; GUESSES],
    /// Differs by interner, because a sender must not choose names that meet in one slot.
    seed: u64,
}

impl Default for Interner {
    fn default() -> Interner {
        Interner {
            entries: Vec::new(),
            slots: Vec::new(),
            forgotten_count: 0,
            long: HashMap::new(),
            first: [NONE; GUESSES],
            seed: RandomState::new().hash_one("names"),
        }
    }
}

impl Interner {
    /// Tells whether further names have no number.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= NAMES_MAX
    }

    /// Returns how many names there are; their numbers are smaller.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets the names from a number on; names that come later have these numbers.
    pub(crate) fn forget_from(&mut self, number: usize) {
        for (offset, entry) in self.entries.drain(number.min(self.entries.len())..).enumerate() {
            let position = slot_of(&self.slots, self.seed, entry.parent, entry.key, |other| {
                other as usize == number + offset
            });
            if let Some(slot) = position.and_then(|at| self.slots.get_mut(at))
                && *slot != NONE
            {
                *slot = FORGOTTEN;
                self.forgotten_count += 1;
            }
        }
        self.long.retain(|_, long| (*long as usize) < number);
        if self.forgotten_count > FORGOTTEN_MAX {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        self.slots.fill(NONE);
        self.forgotten_count = 0;
        for (number, entry) in self.entries.iter().enumerate() {
            // Long names have no slot.
            if entry.parent == NameNumber::NONE {
                continue;
            }
            let free = slot_of(&self.slots, self.seed, entry.parent, entry.key, |_| false);
            if let Some(slot) = free.and_then(|at| self.slots.get_mut(at)) {
                *slot = number as u32;
            }
        }
    }

    /// Returns the number of a key in an object; [`NameNumber::NONE`] when it has none.
    #[inline(always)]
    pub(crate) fn child(&mut self, parent: NameNumber, key: ShortName) -> NameNumber {
        let at = key.digest(self.seed ^ u64::from(parent.0)) as usize % SLOTS;
        // Fast path: a name that is known nearly always stands in the first slot.
        if let Some(number) = self.slots.get(at)
            && let Some(entry) = self.entries.get(*number as usize)
            && entry.key == key
            && entry.parent == parent
        {
            return NameNumber(*number);
        }
        self.short(parent, key)
    }

    /// Returns the number of the whole name of a field, given that of the field before;
    /// [`NameNumber::NONE`] when it has none.
    #[inline(always)]
    pub(crate) fn follow(&mut self, before: NameNumber, key: ShortName) -> NameNumber {
        let guesses = match self.entries.get(before.index()) {
            Some(entry) => entry.next,
            None => self.first,
        };
        for guess in guesses {
            if let Some(entry) = self.entries.get(guess as usize)
                && entry.key == key
                && entry.parent == NameNumber::TOP
            {
                return NameNumber(guess);
            }
        }
        self.follow_anew(before, key)
    }

    #[inline(never)]
    fn follow_anew(&mut self, before: NameNumber, key: ShortName) -> NameNumber {
        let number = self.child(NameNumber::TOP, key);
        if number != NameNumber::NONE {
            let next = match self.entries.get_mut(before.index()) {
                Some(entry) => &mut entry.next,
                None => &mut self.first,
            };
            let [newest, _] = *next;
            *next = [number.0, newest];
        }
        number
    }

    /// Returns the number of a whole name; [`NameNumber::NONE`] when it has none.
    pub(crate) fn whole(&mut self, name: &str) -> NameNumber {
        match ShortName::of(name) {
            Some(key) => self.short(NameNumber::TOP, key),
            None => self.long(name),
        }
    }

    #[inline(never)]
    fn short(&mut self, parent: NameNumber, key: ShortName) -> NameNumber {
        if parent == NameNumber::NONE {
            return NameNumber::NONE;
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, NONE);
        }
        let entries = &self.entries;
        let is_it = |number: u32| {
            let entry = entries.get(number as usize);
            entry.is_some_and(|entry| entry.key == key && entry.parent == parent)
        };
        let at = slot_of(&self.slots, self.seed, parent, key, is_it);
        let found = at.and_then(|at| self.slots.get(at)).copied().unwrap_or(NONE);
        if found != NONE {
            return NameNumber(found);
        }
        let number = self.add(parent, key);
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            *slot = number.0;
        }
        number
    }

    #[cold]
    fn long(&mut self, name: &str) -> NameNumber {
        if let Some(number) = self.long.get(name) {
            return NameNumber(*number);
        }
        if name.len() > LONG_NAME_BYTES_MAX {
            return NameNumber::NONE;
        }
        let number = self.add(NameNumber::NONE, ShortName::EMPTY);
        if number != NameNumber::NONE {
            self.long.insert(name.into(), number.0);
        }
        number
    }

    fn add(&mut self, parent: NameNumber, key: ShortName) -> NameNumber {
        if self.is_full() {
            return NameNumber::NONE;
        }
        let number = self.entries.len() as u32;
        self.entries.push(Entry { parent, key, next: [NONE; GUESSES] });
        NameNumber(number)
    }
}

/// Returns the slot of a key in an object, or the free one where it would stand. At least half of
/// the slots are free, so the search ends.
#[inline]
fn slot_of(
    slots: &[u32],
    seed: u64,
    parent: NameNumber,
    key: ShortName,
    is_it: impl Fn(u32) -> bool,
) -> Option<usize> {
    let start = key.digest(seed ^ u64::from(parent.0)) as usize;
    (0..SLOTS).map(|offset| (start + offset) % SLOTS).find(|at| match slots.get(*at) {
        Some(&NONE) | None => true,
        Some(&FORGOTTEN) => false,
        Some(number) => is_it(*number),
    })
}

/// Puts a value at a number of a list, which grows as far as needed.
pub(crate) fn put_at<T: Clone>(list: &mut Vec<Option<T>>, number: NameNumber, value: T) {
    let index = number.index();
    if index >= NAMES_MAX {
        return;
    }
    if index >= list.len() {
        list.resize(index + 1, None);
    }
    if let Some(place) = list.get_mut(index) {
        *place = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_stands_for_one_parent_and_key(
            records in prop::collection::vec(
                prop::collection::vec((0_usize..4, "[a-c]{1,2}|x{30,34}"), 0..8),
                0..20,
            ),
        ) {
            let mut interner = Interner::default();
            let parents: Vec<NameNumber> =
                ["o", "p", "q"].iter().map(|name| interner.whole(name)).collect();
            let mut expected: HashMap<(usize, String), NameNumber> = HashMap::new();
            for record in records {
                for _ in 0..2 {
                    let mut before = NameNumber::TOP;
                    for (parent, key) in &record {
                        let number = match (ShortName::of(key), parents.get(*parent)) {
                            (Some(short), Some(of)) => interner.child(*of, short),
                            (Some(short), None) => interner.follow(before, short),
                            (None, _) => interner.whole(key),
                        };
                        // A long name is interned as a whole, without the parent.
                        let parent = if key.len() > 32 { 9 } else { *parent };
                        let known = *expected.entry((parent, key.clone())).or_insert(number);
                        prop_assert_eq!(known, number);
                        before = number;
                    }
                }
            }
            let mut numbers: Vec<usize> = expected.values().map(|number| number.index()).collect();
            numbers.sort_unstable();
            numbers.dedup();
            prop_assert_eq!(numbers.len(), expected.len());
        }
    }

    #[test]
    fn names_beyond_the_bound_have_no_number() {
        let mut interner = Interner::default();
        for number in 0..NAMES_MAX {
            let name = format!("{number}{}", "x".repeat(number % 40));
            assert_eq!(interner.whole(&name).index(), number);
        }
        assert!(interner.is_full());
        assert_eq!(interner.whole("another"), NameNumber::NONE);
        assert_eq!(interner.whole(&"y".repeat(40)), NameNumber::NONE);
        assert_eq!(interner.whole("0").index(), 0);
        let below = ShortName::of("a").expect("short");
        let none = interner.child(NameNumber::NONE, below);
        assert_eq!(none, NameNumber::NONE);
    }

    proptest! {
        #[test]
        fn what_was_forgotten_is_new_and_the_rest_keeps_its_number(
            kept in prop::collection::hash_set("[a-d]{1,3}|y{30,36}", 0..20),
            rounds in prop::collection::vec(prop::collection::vec("[a-d]{1,3}|z{30,36}", 0..9), 0..9),
        ) {
            let mut interner = Interner::default();
            let kept: Vec<(String, NameNumber)> =
                kept.into_iter().map(|name| (name.clone(), interner.whole(&name))).collect();
            for round in rounds {
                for name in &round {
                    interner.whole(name);
                }
                interner.forget_from(kept.len());
                prop_assert_eq!(interner.len(), kept.len());
                for (name, number) in &kept {
                    prop_assert_eq!(interner.whole(name), *number);
                }
            }
        }
    }

    #[test]
    fn a_sender_whose_names_are_forgotten_does_not_fill_the_table() {
        let mut interner = Interner::default();
        let kept = interner.whole("kept");
        for number in 0..3 * SLOTS {
            interner.whole(&format!("name_{number}"));
            interner.forget_from(1);
        }
        assert_eq!(interner.whole("kept"), kept);
        let used = interner.slots.iter().filter(|slot| **slot != NONE).count();
        assert!(used <= FORGOTTEN_MAX + 2, "{used}");
    }

    #[test]
    fn the_top_is_no_name() {
        let mut interner = Interner::default();
        let name = ShortName::of("a").expect("short");
        let top = interner.follow(NameNumber::TOP, name);
        let inside = interner.child(top, name);
        assert_ne!(top, inside);
        assert_eq!(interner.whole("a"), top);
        let mut list = Vec::new();
        put_at(&mut list, inside, 'x');
        put_at(&mut list, NameNumber::NONE, 'y');
        assert_eq!(list, [None, Some('x')]);
    }
}
