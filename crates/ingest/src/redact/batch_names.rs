//! The names of one batch: what each means, and its number in the batch.
//!
//! Arrives: the names of each record, in their order. Lines of one kind have the same names in
//! the same order, so the name that followed the last time is tried first, and nearly always no
//! table is asked. Only clean names are kept, so none of them is ever rewritten.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use tierlog_model::{NameId, NameIndex};

use super::names::{NameFacts, ShortKeyHasher};
use crate::short_name::ShortName;

/// Most names of a batch that are kept; the others are asked for each time.
const NAMES_MAX: usize = 4_096;

/// Names that are tried as the next one: where kinds of lines part, there are two.
const GUESSES: usize = 2;

/// Stands for "no name".
const NONE: u32 = u32::MAX;

struct Slot {
    name: ShortName,
    facts: NameFacts,
    /// Its number, once it was written.
    id: Option<NameId>,
    /// What followed, the last one first.
    next: [u32; GUESSES],
}

/// Names that were met, in the order of their first occurrence.
pub(super) struct BatchNames {
    slots: Vec<Slot>,
    by_name: HashMap<ShortName, u32, BuildHasherDefault<ShortKeyHasher>>,
    /// What followed the start of a record.
    first: [u32; GUESSES],
    /// The slot of the name before, [`NONE`] at the start of a record.
    last: u32,
    /// Of the record that is being read: the slot of each field, or [`NONE`].
    record: Vec<u32>,
}

impl Default for BatchNames {
    fn default() -> BatchNames {
        BatchNames {
            slots: Vec::new(),
            by_name: HashMap::default(),
            first: [NONE; GUESSES],
            last: NONE,
            record: Vec::new(),
        }
    }
}

impl BatchNames {
    /// Starts with the next record.
    pub(super) fn next_record(&mut self) {
        self.record.clear();
        self.last = NONE;
    }

    /// Returns what the name of the next field says; asks when it is not known, and keeps the
    /// answer if the name is short and clean.
    #[inline]
    pub(super) fn facts(&mut self, name: &str, ask: impl FnOnce() -> NameFacts) -> NameFacts {
        let Some(short) = ShortName::of(name) else {
            self.record.push(NONE);
            return ask();
        };
        let guesses = match self.slots.get(self.last as usize) {
            Some(slot) => slot.next,
            None => self.first,
        };
        for guess in guesses {
            if let Some(slot) = self.slots.get(guess as usize)
                && slot.name == short
            {
                self.last = guess;
                self.record.push(guess);
                return slot.facts;
            }
        }
        self.find(short, ask)
    }

    fn find(&mut self, name: ShortName, ask: impl FnOnce() -> NameFacts) -> NameFacts {
        let found = self.by_name.get(&name).copied();
        let known = found.and_then(|at| Some((at, self.slots.get(at as usize)?.facts)));
        let (at, facts) = match known {
            Some(known) => known,
            None => {
                let facts = ask();
                if facts.is_suspect || self.slots.len() >= NAMES_MAX {
                    self.record.push(NONE);
                    return facts;
                }
                let at = self.slots.len() as u32;
                self.slots.push(Slot { name, facts, id: None, next: [NONE; GUESSES] });
                self.by_name.insert(name, at);
                (at, facts)
            }
        };
        let next = match self.slots.get_mut(self.last as usize) {
            Some(slot) => &mut slot.next,
            None => &mut self.first,
        };
        let [newest, _] = *next;
        *next = [at, newest];
        self.last = at;
        self.record.push(at);
        facts
    }

    /// Follows a field that is taken out of the record.
    pub(super) fn remove(&mut self, position: usize) {
        if position < self.record.len() {
            self.record.remove(position);
        }
    }

    /// Returns the number of a field's name. Fields that were added behind the others, and names
    /// that are not kept, are looked up by their text.
    pub(super) fn id(&mut self, index: &mut NameIndex, position: usize, name: &str) -> NameId {
        let slot = self.record.get(position).and_then(|at| self.slots.get_mut(*at as usize));
        let Some(slot) = slot else { return index.intern(name) };
        debug_assert_eq!(ShortName::of(name), Some(slot.name), "positions are followed");
        *slot.id.get_or_insert_with(|| index.intern(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::claim::Claims;
    use super::super::key_pairs::PairPart;
    use super::*;

    /// Facts that tell names apart.
    fn facts_of(name: &str) -> NameFacts {
        NameFacts {
            claims: Claims::SILENT,
            apart_bytes_min: name.len() as u32,
            covered: name.parse().ok(),
            pair: PairPart::Neither,
            is_query: false,
            is_suspect: name.contains('@'),
        }
    }

    proptest! {
        #[test]
        fn facts_and_numbers_are_those_of_the_names(
            records in prop::collection::vec(
                prop::collection::vec("[1-4]{1,2}|[a-b@]{1,2}|x{30,34}", 0..8),
                0..20,
            ),
            removed in 0_usize..8,
        ) {
            let mut names = BatchNames::default();
            let (mut index, mut expected) = (NameIndex::default(), NameIndex::default());
            for mut record in records {
                names.next_record();
                for name in &record {
                    prop_assert_eq!(names.facts(name, || facts_of(name)), facts_of(name));
                }
                if removed < record.len() {
                    record.remove(removed);
                    names.remove(removed);
                }
                // Redaction gives suspect names others.
                let suspects = record.iter_mut().filter(|name| name.contains('@'));
                suspects.for_each(|name| *name = format!("[{name}]"));
                record.push("added".to_owned());
                for (position, name) in record.iter().enumerate() {
                    let id = names.id(&mut index, position, name);
                    prop_assert_eq!(id, expected.intern(name));
                }
            }
        }
    }

    #[test]
    fn names_of_one_order_are_asked_for_once() {
        let mut names = BatchNames::default();
        let mut asked = 0;
        for _ in 0..3 {
            for record in [["a", "b", "c"], ["a", "c", "b"]] {
                names.next_record();
                for name in record {
                    names.facts(name, || {
                        asked += 1;
                        facts_of(name)
                    });
                }
            }
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn a_sender_that_invents_names_does_not_fill_the_memory() {
        let mut names = BatchNames::default();
        for number in 0..2 * NAMES_MAX {
            names.next_record();
            let name = format!("name_{number}");
            assert_eq!(names.facts(&name, || facts_of(&name)), facts_of(&name));
        }
        assert_eq!(names.slots.len(), NAMES_MAX);
    }
}
