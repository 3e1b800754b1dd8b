//! Prefilter: one cheap look at a text that says which detectors need to read it.
//!
//! Arrives: any text. Leaves: a set of detectors, empty for nearly all text. It never says where
//! anything is, and never misses: a detector's trigger is what each of its finds must contain.
//!
//! Two passes at most. The first walks the bytes once through a table and gathers which classes
//! of bytes occur and the longest run of digits. Only text that can hold a word that matters
//! (it has `=` or `:`, or letters beyond hexadecimal) meets the second: one Aho-Corasick
//! automaton over the needles of all detectors.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::detector::{Detector, Trigger};
use super::view;

/// Classes of bytes, as bits.
pub(super) mod class {
    /// `@`
    pub(in crate::redact) const AT: u8 = 1;
    /// `=` or `:`
    pub(in crate::redact) const ASSIGN: u8 = 1 << 1;
    /// `+`
    pub(in crate::redact) const PLUS: u8 = 1 << 2;
    /// May start an escape: see [`super::view`].
    pub(in crate::redact) const ESCAPE: u8 = 1 << 3;
    /// A letter that is no hexadecimal digit, or `_`: ids in hexadecimal have none.
    pub(in crate::redact) const LETTER: u8 = 1 << 4;
    /// Continues a run of digits: a digit, a space or a dash.
    pub(super) const RUN: u8 = 1 << 6;
    /// A digit.
    pub(super) const DIGIT: u8 = 1 << 7;
}

/// Shortest text with a word that matters and no `=` or `:`, `Basic YTpi`.
const WORDS_BYTES_MIN: usize = 10;

/// Shortest run of digits that any detector asks for.
const DIGIT_RUN_MIN: u32 = 8;

const CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the index is below 256")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = match byte {
            b'@' => class::AT,
            b'=' | b':' => class::ASSIGN,
            b'+' => class::PLUS,
            b'0'..=b'9' => class::DIGIT | class::RUN,
            b' ' | b'-' => class::RUN,
            b'g'..=b'z' | b'G'..=b'Z' | b'_' => class::LETTER,
            _ => 0,
        };
        if view::may_start_unit(byte) {
            class |= class::ESCAPE;
        }
        table[byte as usize] = class;
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

/// What the first pass saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signals {
    classes: u8,
    digit_run: u32,
}

impl Signals {
    fn of(text: &[u8]) -> Signals {
        let mut classes = 0_u8;
        let mut run = 0_u32;
        let mut digit_run = 0_u32;
        for byte in text {
            // The table has every byte; `get` only spares a bounds check that is not there.
            let class = CLASSES.get(usize::from(*byte)).copied().unwrap_or(0);
            classes |= class;
            // Branchless: a byte outside runs masks the count to zero.
            let keep = u32::from(class >> 6 & 1).wrapping_neg();
            run = (run + u32::from(class >> 7)) & keep;
            digit_run = digit_run.max(run);
        }
        Signals { classes, digit_run }
    }

    fn has(self, classes: u8) -> bool {
        self.classes & classes == classes
    }
}

/// A set of detectors, by position in the list of active ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DetectorSet(u32);

impl DetectorSet {
    fn insert(&mut self, position: usize) {
        self.0 |= 1 << position;
    }

    /// Tells whether no detector is in the set.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells whether a detector is in the set.
    pub(super) fn contains(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }
}

/// What a text needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Detectors that must read the text.
    pub(super) detectors: DetectorSet,
    /// Whether the text may read differently once decoded.
    pub(super) view: bool,
}

impl Needs {
    /// Tells whether the text is clean.
    pub(super) fn is_nothing(self) -> bool {
        self.detectors.is_empty() && !self.view
    }
}

struct Rule {
    position: usize,
    trigger: Trigger,
}

/// The compiled triggers of the active detectors.
pub(super) struct Prefilter {
    words: AhoCorasick,
    /// The detectors of each needle.
    owners: Vec<DetectorSet>,
    rules: Vec<Rule>,
}

impl Prefilter {
    /// Compiles the triggers of detectors, each with its position.
    pub(super) fn new<'d>(detectors: impl Iterator<Item = (usize, &'d dyn Detector)>) -> Prefilter {
        let mut needles: Vec<&'static str> = Vec::new();
        let mut owners: Vec<DetectorSet> = Vec::new();
        let mut rules = Vec::new();
        for (position, detector) in detectors {
            let trigger = detector.trigger();
            for needle in trigger.needles {
                let mut owner = DetectorSet::default();
                owner.insert(position);
                needles.push(needle);
                owners.push(owner);
            }
            rules.push(Rule { position, trigger });
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&needles)
            .expect("a few hundred short needles stay far below the automaton's limits");
        Prefilter { words, owners, rules }
    }

    /// Returns what a text needs.
    pub(super) fn look(&self, text: &str) -> Needs {
        let signals = Signals::of(text.as_bytes());
        let may_hold_words = signals.has(class::ASSIGN)
            || signals.has(class::PLUS)
            || (text.len() >= WORDS_BYTES_MIN && signals.has(class::LETTER));
        // Fast path: most values are short words and numbers.
        let interesting = class::AT | class::ESCAPE;
        if !may_hold_words
            && signals.classes & interesting == 0
            && signals.digit_run < DIGIT_RUN_MIN
        {
            return Needs::default();
        }
        let named = if may_hold_words { self.named(text) } else { DetectorSet::default() };
        let mut detectors = DetectorSet::default();
        for Rule { position, trigger } in &self.rules {
            let is_named = trigger.needles.is_empty() || named.contains(*position);
            if is_named && signals.has(trigger.classes) && signals.digit_run >= trigger.digit_run {
                detectors.insert(*position);
            }
        }
        Needs { detectors, view: signals.has(class::ESCAPE) }
    }

    fn named(&self, text: &str) -> DetectorSet {
        let mut named = DetectorSet::default();
        for found in self.words.find_overlapping_iter(text) {
            if let Some(owner) = self.owners.get(found.pattern().as_usize()) {
                named.0 |= owner.0;
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_across_spaces_and_dashes_only() {
        for (text, expected) in [
            ("", 0),
            ("4111 1111-1111 1111", 16),
            ("a12b345", 3),
            ("1.2.3.4", 1),
            ("550e8400-e29b-41d4-a716-446655440000", 15),
        ] {
            assert_eq!(Signals::of(text.as_bytes()).digit_run, expected, "{text}");
        }
    }

    #[test]
    fn hexadecimal_ids_hold_no_words() {
        assert!(!Signals::of(b"550e8400-e29b-41d4-a716").has(class::LETTER));
        assert!(Signals::of(b"user").has(class::LETTER));
    }
}
