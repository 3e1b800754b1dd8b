//! Names of kinds: which detectors judge values by the name of a field, all in one table.
//!
//! Arrives: the name of a field or of a key in a text. Leaves: the detectors that know the name.
//! Sixty detectors with ten names each must not read a name six hundred times, so a name is read
//! once, and nearly always only its last three letters.

use std::collections::HashMap;

use super::detector_set::DetectorSet;
use super::keys::Words;

/// Names of fields that a detector knows, as words: `tax id` is `tax_id`, `TaxId` and `tax.id`,
/// also at the end of longer names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Names {
    /// Names of numbers: `no`, `number`, `id` and their like may follow.
    Numbers(&'static [&'static str]),
    /// Names that stand for themselves.
    Exactly(&'static [&'static str]),
}

impl Names {
    /// No name.
    pub(super) const NONE: Names = Names::Exactly(&[]);

    /// Returns the names as they are written.
    fn written(self) -> &'static [&'static str] {
        match self {
            Names::Numbers(names) | Names::Exactly(names) => names,
        }
    }

    /// Returns what may follow each name.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Names::Numbers(_) => &COUNTERS,
            Names::Exactly(_) => &[],
        }
    }
}

/// Words that number the thing before them.
const COUNTERS: [&str; 14] = [
    "number", "numbers", "no", "num", "nr", "nummer", "id", "ids", "code", "value", "cliente",
    "empresa", "customer", "card",
];

/// Letters at the end of a name by which nearly all names are told apart.
const END_LETTERS: usize = 3;

/// Longest name of a kind, in letters; words further from the end of a field's name say nothing.
const NAME_LETTERS_MAX: usize = 48;

/// The names of all detectors.
#[derive(Debug, Default)]
pub(super) struct NamedKinds {
    /// By the letters of the whole name.
    kinds: HashMap<String, DetectorSet>,
    /// The last letters of each name.
    ends: Vec<[u8; END_LETTERS]>,
}

impl NamedKinds {
    /// Compiles the names of detectors, each with the detector's position.
    pub(super) fn new(kinds: impl Iterator<Item = (usize, Names)>) -> NamedKinds {
        let mut named = NamedKinds::default();
        for (position, names) in kinds {
            for name in names.written() {
                let letters = name.chars().filter(char::is_ascii_alphanumeric);
                let letters = letters.collect::<String>().to_ascii_lowercase();
                for ending in names.endings() {
                    named.add(position, [&letters, *ending].concat());
                }
                named.add(position, [&letters, "s"].concat());
                named.add(position, letters);
            }
        }
        named.ends.sort_unstable();
        named.ends.dedup();
        named
    }

    fn add(&mut self, position: usize, letters: String) {
        self.ends.extend(end_of(&letters));
        self.kinds.entry(letters).or_default().insert(position);
    }

    /// Returns the detectors that know a name by its last words.
    pub(super) fn of(&self, name: &str) -> DetectorSet {
        // Fast path: the last letters tell nearly all names apart.
        let is_known = end_of(name).is_some_and(|end| self.ends.binary_search(&end).is_ok());
        if !is_known {
            return DetectorSet::EMPTY;
        }
        let words = Words::of(name);
        let mut kinds = DetectorSet::EMPTY;
        for letters in words.endings(NAME_LETTERS_MAX) {
            if let Some(found) = self.kinds.get(letters) {
                kinds.add_all(*found);
            }
        }
        kinds
    }
}

/// Returns the last letters of a name in lower case; digits and signs between them do not count.
fn end_of(name: &str) -> Option<[u8; END_LETTERS]> {
    let mut letters = name.bytes().rev().filter(u8::is_ascii_alphabetic);
    let mut end = [0; END_LETTERS];
    for letter in end.iter_mut().rev() {
        *letter = letters.next()?.to_ascii_lowercase();
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_last_words() {
        let kinds = [
            (0, Names::Numbers(&["cpf", "tax id"])),
            (1, Names::Exactly(&["first name", "tax id"])),
        ];
        let named = NamedKinds::new(kinds.into_iter());
        for (name, expected) in [
            ("cpf", vec![0]),
            ("customer.cpf_number", vec![0]),
            ("clientCpf", vec![0]),
            ("CPF-No", vec![0]),
            ("cpfs", vec![0]),
            ("cpf2", vec![0]),
            ("taxId", vec![0, 1]),
            ("tax.id", vec![0, 1]),
            ("first_name", vec![1]),
            ("user.firstNames", vec![1]),
            ("first_name_id", vec![]),
            ("xcpf", vec![]),
            ("cpf_count", vec![]),
            ("name", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(named.of(name).positions().collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
