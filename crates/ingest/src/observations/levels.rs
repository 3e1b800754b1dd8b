//! Unknown level words, counted by word.

use crate::shown::shown;

/// Most words that are told apart: a sender has a handful of its own, and one that puts something
/// else under `level` must not fill the memory.
const WORDS_MAX: usize = 32;

/// Longest word that is kept.
const WORD_BYTES_MAX: usize = 32;

/// Words and how many records had each.
#[derive(Debug, Default)]
pub(super) struct UnknownLevels {
    records: u64,
    words: Vec<(String, u64)>,
}

impl UnknownLevels {
    /// Counts a record.
    pub(super) fn note(&mut self, word: &str) {
        self.records += 1;
        self.count(&shown(word.trim(), WORD_BYTES_MAX), 1);
    }

    /// Adds what others counted.
    pub(super) fn merge(&mut self, other: &UnknownLevels) {
        self.records += other.records;
        for (word, records) in &other.words {
            self.count(word, *records);
        }
    }

    fn count(&mut self, word: &str, records: u64) {
        let has_room = self.words.len() < WORDS_MAX;
        match self.words.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += records,
            None if has_room => self.words.push((word.to_owned(), records)),
            // Counted with the records, and not by word.
            None => {}
        }
    }

    /// Tells whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Returns how many records had an unknown word.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Returns the words, the most frequent first.
    pub(super) fn by_count(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut words: Vec<(&str, u64)> =
            self.words.iter().map(|(word, records)| (word.as_str(), *records)).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        words.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_and_bounded() {
        let mut all = UnknownLevels::default();
        assert!(all.is_empty());
        for round in 0..3 {
            let mut batch = UnknownLevels::default();
            batch.note(" Level 45 ");
            batch.note("Level 45");
            for number in 0..WORDS_MAX {
                batch.note(&format!("w{round}-{number}"));
            }
            batch.note(&"é".repeat(100));
            batch.note("a\u{1b}[31mb\n");
            all.merge(&batch);
        }
        assert_eq!(all.records(), 3 * (WORDS_MAX as u64 + 4));
        assert_eq!(all.by_count().count(), WORDS_MAX);
        assert_eq!(all.by_count().next(), Some(("Level 45", 6)));
        let mut one = UnknownLevels::default();
        one.note(&"é".repeat(100));
        one.note("a\u{1b}[31mb");
        let words: Vec<_> = one.by_count().map(|(word, _)| word.to_owned()).collect();
        assert_eq!(words, ["a_[31mb", &"é".repeat(16)]);
    }
}
