//! Prefilter: one cheap look at a text tells the detectors that need to read the text.
//!
//! Arrives: any text. Leaves: a set of detectors, empty for nearly all text. The prefilter never
//! tells the place of a find, and never misses: each find of a detector fulfils the detector's
//! trigger.
//!
//! One pass over the bytes, through a table, gathers which classes of bytes occur. Only what they
//! leave possible is looked for: runs of digits where there are enough of them, and the needles of
//! all detectors, see [`super::needles`], where there are letters that hexadecimal ids lack.

use memchr::memchr;

use super::detector_set::{DetectorSet, Readers};
use super::needles::Needles;
use super::printed::{FORM_DIGITS_MIN, Forms, forms_of};
use super::trigger::{Trigger, Words, class};
use super::view;

/// Shortest text with a word that matters and no `=` or `:`, `Basic YTpi`.
const WORDS_BYTES_MIN: usize = 10;

/// Shortest run of digits that any detector asks for.
const DIGIT_RUN_MIN: u32 = 8;

/// Bytes counted in one go: the number of digits among the bytes fits into a byte.
const COUNTED_BYTES: usize = 128;

/// The classes of each byte.
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
            b'?' | b'&' => class::QUERY,
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

/// Returns the classes that occur in a text.
pub(super) fn classes_in(text: &str) -> u8 {
    text.bytes().fold(0, |classes, byte| classes | classes_of(byte))
}

#[inline]
fn classes_of(byte: u8) -> u8 {
    // The table has every byte; `get` only spares a bounds check that is not there.
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Returns the longest run of digits with nothing but spaces and dashes between them, 0 where no
/// detector asks for one so short.
///
/// Of as many bytes in a row as the shortest run that matters has, one is looked at: only around
/// those that continue a run may there be one.
fn digit_run(text: &[u8]) -> u32 {
    const STRIDE: usize = DIGIT_RUN_MIN as usize;
    let continues = |byte: &&u8| classes_of(**byte) & class::RUN != 0;
    let (mut longest, mut at) = (0, STRIDE - 1);
    while let Some((before, onwards)) = text.split_at_checked(at) {
        let (mut length, mut digits) = (0, 0);
        for byte in onwards.iter().take_while(continues) {
            length += 1;
            digits += u32::from(byte.is_ascii_digit());
        }
        if length > 0 {
            let earlier = before.iter().rev().take_while(continues);
            digits += earlier.map(|byte| u32::from(byte.is_ascii_digit())).sum::<u32>();
            longest = digits.max(longest);
        }
        at += length + STRIDE;
    }
    if longest >= DIGIT_RUN_MIN { longest } else { 0 }
}

/// Returns how many digits a text has, in a row or not.
fn digit_count(text: &[u8]) -> u32 {
    let counts = text.chunks(COUNTED_BYTES).map(|chunk| {
        u32::from(chunk.iter().fold(0_u8, |count, byte| count + u8::from(byte.is_ascii_digit())))
    });
    counts.sum()
}

/// What the first pass saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signals {
    classes: u8,
    /// 0 when it is shorter than any detector asks for.
    digit_run: u32,
    /// Printed forms that occur.
    forms: Forms,
}

impl Signals {
    fn of(text: &[u8]) -> Signals {
        let classes = text.iter().fold(0, |classes, byte| classes | classes_of(*byte));
        let digits = if classes & class::DIGIT != 0 { digit_count(text) } else { 0 };
        Signals {
            classes,
            digit_run: if digits >= DIGIT_RUN_MIN { digit_run(text) } else { 0 },
            forms: if digits >= FORM_DIGITS_MIN { forms_of(text) } else { Forms::NONE },
        }
    }

    fn has(self, classes: u8) -> bool {
        self.classes & classes == classes
    }

    /// Tells whether a text has the bytes and digits that a trigger asks for.
    fn fulfils(self, trigger: &Trigger) -> bool {
        self.has(trigger.classes) && self.digit_run >= trigger.digit_run
    }
}

/// What a text needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Detectors that must read the text.
    pub(super) readers: Readers,
    /// Whether the text may read differently once decoded.
    pub(super) view: bool,
}

impl Needs {
    /// Tells whether the text is clean.
    pub(super) fn is_nothing(self) -> bool {
        self.readers.is_empty() && !self.view
    }
}

struct Rule {
    position: usize,
    trigger: Trigger,
}

/// The compiled triggers of the active detectors.
pub(super) struct Prefilter {
    needles: Needles,
    /// Needles of one byte.
    bytes: Vec<(u8, Readers)>,
    /// Triggers of the active detectors, by position.
    triggers: Vec<Option<Trigger>>,
    /// Those that ask for no needle.
    wordless: Vec<Rule>,
    /// Detectors that ask for a form.
    formed: DetectorSet,
    /// Detectors for which a word is enough.
    contented: DetectorSet,
    /// Whether any of the others may find something in short words and numbers.
    is_eager: bool,
    /// Detectors that read texts with a separator and a configured word.
    triggered: DetectorSet,
    /// Bytes and classes of the shortest text with a configured word and no separator.
    shortest: (usize, u8),
}

impl Prefilter {
    /// Compiles the triggers of detectors, each with the detector's position, and with what the
    /// configuration says of a detector.
    pub(super) fn new(
        triggers: impl Iterator<Item = (usize, Trigger)>,
        configured: &[(usize, Words)],
    ) -> Prefilter {
        let mut needles: Vec<(&str, Readers)> = Vec::new();
        let (mut triggered, mut shortest) = (DetectorSet::EMPTY, (usize::MAX, 0));
        let mut bytes = Vec::new();
        let (mut all, mut wordless) = (Vec::new(), Vec::new());
        let (mut formed, mut contented) = (DetectorSet::EMPTY, DetectorSet::EMPTY);
        for (position, trigger) in triggers {
            let mut of_text = Readers::default();
            of_text.text.insert(position);
            let mut of_keys = Readers::default();
            of_keys.keys.insert(position);
            for needle in trigger.needles {
                match needle.as_bytes() {
                    [byte] => bytes.push((*byte, of_text)),
                    _ => needles.push((needle, of_text)),
                }
            }
            needles.extend(trigger.keys.iter().map(|word| (*word, of_keys)));
            for (_, words) in configured.iter().filter(|(of, _)| *of == position) {
                needles.extend(words.triggered.iter().map(|word| (word.as_str(), of_keys)));
                needles.extend(words.alone.iter().map(|word| (word.as_str(), of_text)));
                shortest = words.shortest.unwrap_or(shortest);
                if !words.triggered.is_empty() {
                    triggered.insert(position);
                }
                if !words.alone.is_empty() {
                    contented.insert(position);
                }
            }
            let is_worded = !trigger.needles.is_empty() || triggered.contains(position);
            if !is_worded && trigger.digit_run < u32::MAX {
                wordless.push(Rule { position, trigger });
            }
            if !trigger.forms.is_empty() {
                formed.insert(position);
            }
            if !trigger.enough.is_empty() {
                contented.insert(position);
                needles.extend(trigger.enough.iter().map(|word| (*word, of_text)));
            }
            all.resize(all.len().max(position + 1), None);
            if let Some(place) = all.get_mut(position) {
                *place = Some(trigger);
            }
        }
        let is_eager = |rule: &Rule| {
            let Trigger { classes, digit_run, .. } = rule.trigger;
            digit_run == 0 && classes & (class::AT | class::ASSIGN | class::PLUS) == 0
        };
        let is_eager = wordless.iter().any(is_eager);
        let needles = Needles::new(&needles);
        let triggers = all;
        Prefilter {
            needles,
            bytes,
            triggers,
            wordless,
            formed,
            contented,
            is_eager,
            triggered,
            shortest,
        }
    }

    /// Returns what a text needs.
    pub(super) fn look(&self, text: &str) -> Needs {
        let bytes = text.as_bytes();
        if self.triggers.is_empty() {
            return Needs::default();
        }
        let signals = Signals::of(bytes);
        let may_hold_words = signals.has(class::ASSIGN)
            || signals.has(class::PLUS)
            || (text.len() >= WORDS_BYTES_MIN && signals.has(class::LETTER))
            || (text.len() >= self.shortest.0 && signals.has(self.shortest.1));
        // Fast path: most values are short words, numbers, and ids in hexadecimal.
        let interesting = class::AT | class::ESCAPE;
        if !may_hold_words
            && signals.classes & interesting == 0
            && signals.digit_run < DIGIT_RUN_MIN
            && signals.forms.is_empty()
            && !self.is_eager
        {
            return Needs::default();
        }
        let mut readers = Readers::default();
        if !signals.forms.is_empty() {
            for (position, trigger) in self.of(self.formed) {
                if trigger.forms.meets(signals.forms) {
                    readers.text.insert(position);
                }
            }
        }
        for Rule { position, trigger } in &self.wordless {
            if signals.fulfils(trigger) {
                readers.text.insert(*position);
            }
        }
        if may_hold_words {
            let named = self.named(bytes, signals);
            for (position, trigger) in self.of(named.text) {
                if self.contented.contains(position) || signals.fulfils(trigger) {
                    readers.text.insert(position);
                }
            }
            // A key stands before a separator.
            if signals.has(class::ASSIGN) {
                readers.keys = named.keys;
                readers.text.add_all(readers.keys.take_all(self.triggered));
            }
        }
        let has_escapes = signals.has(class::ESCAPE)
            || (signals.has(class::ASSIGN) && view::is_quoted_printable(bytes));
        Needs { readers, view: has_escapes }
    }

    /// Returns the triggers of a set of detectors, each with the detector's position.
    fn of(&self, detectors: DetectorSet) -> impl Iterator<Item = (usize, &Trigger)> {
        detectors
            .positions()
            .filter_map(|position| Some((position, self.triggers.get(position)?.as_ref()?)))
    }

    fn named(&self, text: &[u8], signals: Signals) -> Readers {
        let mut named = self.needles.named(text);
        if signals.classes & (class::PLUS | class::QUERY) != 0 {
            let here = self.bytes.iter().filter(|(byte, _)| memchr(*byte, text).is_some());
            here.for_each(|(_, owner)| named.add_all(*owner));
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
    use proptest::prelude::*;

    use super::super::registry::DETECTORS;
    use super::*;

    fn prefilter() -> Prefilter {
        let all = DETECTORS.iter().enumerate();
        let active = all.filter(|(_, detector)| detector.is_on_by_default());
        Prefilter::new(active.map(|(position, detector)| (position, detector.trigger())), &[])
    }

    #[test]
    fn digits_count_across_spaces_and_dashes_only() {
        for (text, expected) in [
            ("", 0),
            ("4111 1111-1111 1111", 16),
            ("a12345678", 8),
            ("a1234567b1234567", 0),
            ("1.2.3.4", 0),
            ("550e8400-e29b-41d4-a716-446655440000", 15),
        ] {
            assert_eq!(digit_run(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_triggers_ask_for_is_looked_for() {
        for detector in DETECTORS {
            let Trigger { digit_run, needles, keys, .. } = detector.trigger();
            assert!(digit_run == 0 || digit_run >= DIGIT_RUN_MIN, "{}", detector.name());
            for needle in needles.iter().filter(|needle| needle.len() == 1) {
                let classes = needle.bytes().map(classes_of).next().expect("a byte");
                assert_ne!(classes & (class::PLUS | class::QUERY), 0, "{needle}");
            }
            assert!(keys.iter().all(|word| word.len() > 1), "{}", detector.name());
        }
    }

    #[test]
    fn the_shortest_texts_that_matter_are_read() {
        let prefilter = prefilter();
        let shortest = "Basic YTpi";
        assert_eq!(shortest.len(), WORDS_BYTES_MIN);
        assert!(!prefilter.look(shortest).is_nothing());
        // Digits alone, digits with an escape among them, a sign alone.
        assert!(!prefilter.look("4111111111111111").is_nothing());
        assert!(prefilter.look("\\u0040").view && prefilter.look("%40").view);
        assert!(!prefilter.look("a@b.ch").readers.text.is_empty());
        assert!(prefilter.look("1234567").is_nothing());
        let eight = prefilter.look("1234 56-78").readers.text;
        for (position, detector) in DETECTORS.iter().enumerate() {
            let asks = detector.trigger();
            let is_for_eight = asks.needles.is_empty() && asks.classes == 0 && asks.digit_run == 8;
            assert!(!is_for_eight || eight.contains(position), "{}", detector.name());
        }
    }

    #[test]
    fn configured_words_are_looked_for_with_and_without_a_separator() {
        let words = Words {
            triggered: vec!["user".to_owned()],
            alone: vec!["/u/".to_owned()],
            shortest: Some(("/u/4".len(), class::LETTER | class::DIGIT)),
        };
        let trigger = Trigger { classes: class::ASSIGN, ..Trigger::ANY };
        let prefilter = Prefilter::new([(3, trigger)].into_iter(), &[(3, words)]);
        for (text, expected) in [
            ("userId=x", true),
            ("user logged in", false),
            ("order=x", false),
            ("/u/4", true),
            ("GET /U/4/x?y=1", true),
            ("/v/4", false),
        ] {
            let readers = prefilter.look(text).readers;
            assert_eq!(readers.text.contains(3), expected, "{text}");
            assert!(readers.keys.is_empty(), "{text}");
        }
    }

    #[test]
    fn hexadecimal_ids_hold_no_words() {
        assert!(!Signals::of(b"550e8400-e29b-41d4-a716").has(class::LETTER));
        assert!(Signals::of(b"user").has(class::LETTER));
    }

    /// As many digits in a row as any detector asks for.
    const DIGITS: &str = "1234567890123456789";

    fn needles() -> impl Iterator<Item = (usize, &'static str)> {
        let all = DETECTORS.iter().enumerate();
        all.flat_map(|(position, detector)| {
            detector.trigger().needles.iter().map(move |needle| (position, *needle))
        })
    }

    #[test]
    fn every_needle_is_found_at_the_ends_and_in_the_middle_in_any_case() {
        let prefilter = prefilter();
        for (position, needle) in needles() {
            for text in [
                format!("{needle} g=x"),
                format!("g=x {needle}"),
                format!("g=x{needle}"),
                format!("g=gg{}zz", needle.to_ascii_uppercase()),
                format!("é=é{}é", needle.to_ascii_lowercase()),
            ] {
                let text = format!("{text} {DIGITS}");
                assert!(prefilter.look(&text).readers.text.contains(position), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn runs_of_digits_are_those_of_a_plain_reading(
            text in "[0-9a-f -]{0,30}|[0-9x]{100,300}|([0-9 -]{0,12}[a-c]){0,8}",
        ) {
            let runs = text.split(|c: char| !matches!(c, '0'..='9' | ' ' | '-'));
            let digits = |run: &str| run.bytes().filter(u8::is_ascii_digit).count() as u32;
            let longest = runs.map(digits).max().unwrap_or(0);
            let asked_for = if longest >= DIGIT_RUN_MIN { longest } else { 0 };
            prop_assert_eq!(digit_run(text.as_bytes()), asked_for);
            prop_assert_eq!(Signals::of(text.as_bytes()).digit_run, asked_for);
        }

        #[test]
        fn needles_are_those_that_an_automaton_finds(pieces in prop::collection::vec(
            prop_oneof![
                "[a-zA-Z0-9 =:_./?&+é-]{0,6}",
                prop::sample::select(needles().map(|(_, needle)| needle).collect::<Vec<_>>())
                    .prop_map(|needle| needle.to_ascii_uppercase()),
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
            let readers = prefilter().look(&text).readers;
            let detectors = readers.text;
            for (position, _) in &owned {
                // What a detector asks for beside a needle, or in place of one, is tested
                // elsewhere.
                let asks = DETECTORS.get(*position).expect("a detector").trigger();
                if asks.digit_run > 0 || !asks.forms.is_empty() {
                    continue;
                }
                prop_assert_eq!(detectors.contains(*position), expected.contains(*position));
            }
            let folded = text.to_ascii_lowercase();
            for (position, detector) in DETECTORS.iter().enumerate() {
                let has_word = detector.trigger().keys.iter().any(|word| folded.contains(word));
                prop_assert_eq!(readers.keys.contains(position), has_word);
            }
        }
    }
}
