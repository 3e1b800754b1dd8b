//! What the names of fields say, remembered by the number of the name: names repeat in every line,
//! so each is read once.
//!
//! Arrives: the names of each record, in their order. Leaves: facts, and the numbers under which a
//! batch writes the names. The memory outlives its batch and therefore holds no personal data: when
//! a record brings a suspect name, all names that are new with the record are forgotten after the
//! record.

use tierlog_model::{NameId, NameIndex};

use super::engine::Engine;
use super::name_facts::NameFacts;
use crate::interner::{Interner, NameNumber, put_at};
use crate::short_name::ShortName;

/// The names of one batch after the other.
#[derive(Default)]
pub(crate) struct Names {
    interner: Interner,
    facts: Vec<Option<NameFacts>>,
    /// Numbers of names in a batch, and which batch it was.
    ids: Vec<Option<(u32, NameId)>>,
    batch: u32,
    /// The name before, in the record that is being read.
    before: NameNumber,
    /// Of the record that is being read: the number of each field's name.
    record: Vec<NameNumber>,
    has_suspect: bool,
    /// How many names were judged, all of them clean.
    judged_count: usize,
}

impl Names {
    /// Starts with the next batch.
    pub(super) fn next_batch(&mut self) {
        // A memory that has seen four billion batches may mix the first up with the last.
        self.batch = self.batch.wrapping_add(1);
        if self.batch == 0 {
            self.ids.clear();
        }
    }

    /// Starts with the next record.
    pub(super) fn next_record(&mut self) {
        self.record.clear();
        self.before = NameNumber::TOP;
    }

    /// Returns the names as numbers.
    pub(super) fn interner(&mut self) -> &mut Interner {
        &mut self.interner
    }

    /// Tells whether new names fit in: a memory that is full is not kept for another batch.
    pub(crate) fn has_room(&self) -> bool {
        !self.interner.is_full()
    }

    /// Ends a record: its names were judged.
    #[inline]
    pub(super) fn end_record(&mut self) {
        if self.interner.len() != self.judged_count || self.has_suspect {
            self.end_record_with_new_names();
        }
    }

    #[cold]
    fn end_record_with_new_names(&mut self) {
        if std::mem::take(&mut self.has_suspect) {
            self.interner.forget_from(self.judged_count);
            self.facts.truncate(self.judged_count);
            self.ids.truncate(self.judged_count);
        }
        self.judged_count = self.interner.len();
    }

    /// Notes that a name of the record may hold personal data.
    pub(super) fn note_suspect(&mut self) {
        self.has_suspect = true;
    }

    /// Returns what the name of the next field says.
    #[inline]
    pub(super) fn next_facts(&mut self, name: &str, engine: &Engine) -> NameFacts {
        let number = match ShortName::of(name) {
            Some(key) => self.interner.follow(self.before, key),
            None => self.interner.whole(name),
        };
        self.before = number;
        self.record.push(number);
        self.facts_of(number, name, engine)
    }

    /// Returns what a name says that is no field's own: a path in an array.
    pub(super) fn facts(&mut self, name: &str, engine: &Engine) -> NameFacts {
        let number = self.interner.whole(name);
        self.facts_of(number, name, engine)
    }

    #[inline]
    fn facts_of(&mut self, number: NameNumber, name: &str, engine: &Engine) -> NameFacts {
        match self.facts.get(number.index()) {
            Some(Some(facts)) => *facts,
            Some(None) | None => self.learn(number, name, engine),
        }
    }

    #[cold]
    fn learn(&mut self, number: NameNumber, name: &str, engine: &Engine) -> NameFacts {
        let facts = NameFacts::of(name, engine);
        self.has_suspect |= facts.is_suspect;
        put_at(&mut self.facts, number, facts);
        facts
    }

    /// Follows a field that gets another name.
    pub(super) fn rename(&mut self, position: usize) {
        if let Some(number) = self.record.get_mut(position) {
            *number = NameNumber::NONE;
        }
    }

    /// Follows a field that is taken out of the record.
    pub(super) fn remove(&mut self, position: usize) {
        if position < self.record.len() {
            self.record.remove(position);
        }
    }

    /// Returns the number of a field's name in the batch. Fields that were added behind the others,
    /// and names that have no number, are looked up by their text.
    #[inline]
    pub(super) fn id(&mut self, index: &mut NameIndex, position: usize, name: &str) -> NameId {
        let number = self.record.get(position).copied().unwrap_or(NameNumber::NONE);
        match self.ids.get(number.index()) {
            Some(Some((batch, id))) if *batch == self.batch => *id,
            _ => self.new_id(index, number, name),
        }
    }

    #[cold]
    fn new_id(&mut self, index: &mut NameIndex, number: NameNumber, name: &str) -> NameId {
        let id = index.intern(name);
        put_at(&mut self.ids, number, (self.batch, id));
        id
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tierlog_model::Pseudonyms;

    use super::super::registry::DETECTORS;
    use super::super::settings::RedactionSettings;
    use super::*;

    fn engine() -> Engine {
        Engine::new(DETECTORS, &RedactionSettings::default(), Pseudonyms::off())
    }

    proptest! {
        #[test]
        fn facts_and_numbers_are_those_of_the_names(
            batches in prop::collection::vec(prop::collection::vec(
                prop::collection::vec("[a-c]{1,2}|pin|phone|x{30,34}|a@b\\.ch", 0..8),
                0..8,
            ), 1..4),
            removed in 0_usize..8,
        ) {
            let engine = engine();
            let mut names = Names::default();
            for batch in batches {
                let (mut index, mut expected) = (NameIndex::default(), NameIndex::default());
                names.next_batch();
                for mut record in batch {
                    names.next_record();
                    for (position, name) in record.iter_mut().enumerate() {
                        let facts = names.next_facts(name, &engine);
                        prop_assert_eq!(facts, NameFacts::of(name, &engine));
                        if facts.is_suspect {
                            *name = format!("[{name}]");
                            names.rename(position);
                        }
                    }
                    if removed < record.len() {
                        record.remove(removed);
                        names.remove(removed);
                    }
                    record.push("added".to_owned());
                    for (position, name) in record.iter().enumerate() {
                        let id = names.id(&mut index, position, name);
                        prop_assert_eq!(id, expected.intern(name));
                    }
                    names.end_record();
                }
            }
        }
    }

    #[test]
    fn names_with_personal_data_are_forgotten_with_their_record() {
        let engine = engine();
        let mut names = Names::default();
        names.facts("list.a", &engine);
        names.end_record();
        assert_eq!(names.interner.len(), 1);
        let below = names.interner.whole("list");
        let key = ShortName::of("ada@example.org").expect("short");
        names.interner.child(below, key);
        names.facts("list.ada@example.org", &engine);
        names.end_record();
        assert_eq!((names.interner.len(), names.facts.len()), (1, 1));
        names.facts("list.b", &engine);
        names.end_record();
        assert_eq!(names.interner.len(), 2);
    }

    #[test]
    fn a_memory_that_is_full_is_not_kept() {
        let engine = engine();
        let mut names = Names::default();
        for number in 0..crate::interner::NAMES_MAX {
            names.interner.whole(&format!("name_{number}"));
        }
        assert!(!names.has_room());
        names.next_record();
        let facts = names.next_facts("password", &engine);
        assert_eq!(facts, NameFacts::of("password", &engine));
    }
}
