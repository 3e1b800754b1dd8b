//! Prefilter: one cheap look at a text that says which detectors need to read it.
//!
//! Arrives: any text. Leaves: a set of detectors, empty for nearly all text. It never says where
//! anything is, and never misses: a detector's trigger is what each of its finds must contain.
//!
//! One pass over the bytes, through a table: it gathers which classes of bytes occur and the
//! longest run of digits, and finds the needles of all detectors, see [`super::needles`].

use super::detector::{Detector, Trigger};
use super::needles::{Gram, Needles, code_of};
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

/// What is known about each byte: its classes in the low half, its code among needles in the
/// high one.
const BYTES: [u16; 256] = bytes();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the index is below 256")]
const fn bytes() -> [u16; 256] {
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
        table[byte as usize] = class as u16 | (code_of(byte) as u16) << 8;
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
    /// Reads a text, and shows each byte's position and code among needles.
    #[inline]
    fn read(text: &[u8], mut show: impl FnMut(usize, u8)) -> Signals {
        let mut classes = 0_u8;
        let mut run = 0_u32;
        let mut digit_run = 0_u32;
        for (position, byte) in text.iter().enumerate() {
            // The table has every byte; `get` only spares a bounds check that is not there.
            let [class, code] =
                BYTES.get(usize::from(*byte)).copied().unwrap_or_default().to_le_bytes();
            classes |= class;
            // Branchless: a byte outside runs masks the count to zero.
            let keep = u32::from(class >> 6 & 1).wrapping_neg();
            run = (run + u32::from(class >> 7)) & keep;
            digit_run = digit_run.max(run);
            show(position, code);
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

    /// Adds every detector of another set.
    pub(super) fn add_all(&mut self, other: DetectorSet) {
        self.0 |= other.0;
    }

    /// Tells whether every detector of another set is in this one.
    pub(super) fn holds_all(self, other: DetectorSet) -> bool {
        self.0 & other.0 == other.0
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
    needles: Needles,
    rules: Vec<Rule>,
}

impl Prefilter {
    /// Compiles the triggers of detectors, each with its position.
    pub(super) fn new<'d>(detectors: impl Iterator<Item = (usize, &'d dyn Detector)>) -> Prefilter {
        let mut needles: Vec<(&'static str, DetectorSet)> = Vec::new();
        let mut rules = Vec::new();
        for (position, detector) in detectors {
            let trigger = detector.trigger();
            for needle in trigger.needles {
                let mut owner = DetectorSet::default();
                owner.insert(position);
                needles.push((needle, owner));
            }
            rules.push(Rule { position, trigger });
        }
        Prefilter { needles: Needles::new(&needles), rules }
    }

    /// Returns what a text needs.
    pub(super) fn look(&self, text: &str) -> Needs {
        let bytes = text.as_bytes();
        let mut gram = Gram::default();
        let mut named = DetectorSet::default();
        let signals = Signals::read(bytes, |position, code| {
            gram = gram.push(code);
            if self.needles.may_begin(gram) {
                self.needles.name(bytes, position, gram, &mut named);
            }
        });
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
        if !may_hold_words {
            named = DetectorSet::default();
        }
        let mut detectors = DetectorSet::default();
        for Rule { position, trigger } in &self.rules {
            let is_named = trigger.needles.is_empty() || named.contains(*position);
            if is_named && signals.has(trigger.classes) && signals.digit_run >= trigger.digit_run {
                detectors.insert(*position);
            }
        }
        Needs { detectors, view: signals.has(class::ESCAPE) }
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
    use proptest::prelude::*;

    use super::super::registry::DETECTORS;
    use super::*;

    impl Signals {
        fn of(text: &[u8]) -> Signals {
            Signals::read(text, |_, _| {})
        }
    }

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

    fn needles() -> impl Iterator<Item = (usize, &'static str)> {
        let all = DETECTORS.iter().enumerate();
        all.flat_map(|(position, detector)| {
            detector.trigger().needles.iter().map(move |needle| (position, *needle))
        })
    }

    #[test]
    fn every_needle_is_found_at_the_ends_and_in_the_middle_in_any_case() {
        let prefilter = Prefilter::new(DETECTORS.iter().copied().enumerate());
        for (position, needle) in needles() {
            for text in [
                format!("{needle} g=x"),
                format!("g=x {needle}"),
                format!("g=x{needle}"),
                format!("g=gg{}zz", needle.to_uppercase()),
                format!("é=é{}é", needle.to_lowercase()),
            ] {
                assert!(prefilter.look(&text).detectors.contains(position), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn needles_are_those_that_an_automaton_finds(pieces in prop::collection::vec(
            prop_oneof![
                "[a-zA-Z0-9 =:_./?&+é-]{0,6}",
                prop::sample::select(needles().map(|(_, needle)| needle).collect::<Vec<_>>())
                    .prop_map(|needle| needle.to_uppercase()),
                prop::sample::select(needles().map(|(_, needle)| needle).collect::<Vec<_>>())
                    .prop_map(|needle| needle.get(1..).unwrap_or_default().to_owned()),
            ],
            0..8,
        )) {
            let text = format!("={}", pieces.concat());
            let owned: Vec<(usize, &str)> = needles().collect();
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(owned.iter().map(|(_, needle)| needle))
                .expect("small");
            let mut expected = DetectorSet::default();
            for found in automaton.find_overlapping_iter(&text) {
                expected.insert(owned.get(found.pattern().as_usize()).expect("a needle").0);
            }
            let prefilter = Prefilter::new(DETECTORS.iter().copied().enumerate());
            let detectors = prefilter.look(&text).detectors;
            for (position, _) in &owned {
                // Every detector with needles asks for nothing else.
                prop_assert_eq!(detectors.contains(*position), expected.contains(*position));
            }
        }
    }
}
