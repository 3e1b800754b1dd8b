//! Needles: which of a few hundred short words occur in a text, in any case of ASCII letters.
//!
//! Arrives: a text, byte by byte, as codes. Leaves: the places at which a needle may begin, each
//! then compared. Every byte has one of 32 codes, three codes in a row are a gram, and a bitmap
//! over all grams (4 kB, so it stays in the nearest cache) says of nearly every place that no
//! needle is there. Unlike in an automaton, no step waits for what the step before has loaded.
//!
//! Needles of one or two bytes belong to every gram that ends with them.

use super::prefilter::DetectorSet;

/// Bits of a code.
const CODE_BITS: u32 = 5;

/// Codes in a row that make a gram.
const GRAM_CODES: usize = 3;

/// How many grams there are.
const GRAMS: usize = 1 << (CODE_BITS as usize * GRAM_CODES);

/// Words of the bitmap.
const BITMAP_WORDS: usize = GRAMS / u64::BITS as usize;

/// Returns the code of a byte. Bytes that are found often in text and seldom in needles share
/// the code 0.
pub(super) const fn code_of(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - b'a' + 1,
        b'A'..=b'Z' => byte - b'A' + 1,
        b'_' => 27,
        b'0'..=b'9' => 28,
        b'-' => 29,
        b':' | b'/' | b'.' => 30,
        b'?' | b'&' | b'+' => 31,
        _ => 0,
    }
}

/// The last three codes of a text that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gram(u16);

impl Gram {
    /// Returns the gram after one more code.
    pub(super) fn push(self, code: u8) -> Gram {
        Gram((self.0 << CODE_BITS | u16::from(code)) & (GRAMS - 1) as u16)
    }
}

struct Needle {
    text: &'static [u8],
    owners: DetectorSet,
}

/// The needles of all detectors.
pub(super) struct Needles {
    /// One bit a gram: whether any needle has it.
    bitmap: [u64; BITMAP_WORDS],
    /// For a gram with its bit set: the list of its needles.
    list_of: Box<[u16]>,
    lists: Vec<Vec<Needle>>,
}

impl Needles {
    /// Compiles needles, each with the detectors that ask for it.
    pub(super) fn new(needles: &[(&'static str, DetectorSet)]) -> Needles {
        let mut compiled = Needles {
            bitmap: [0; BITMAP_WORDS],
            list_of: vec![0; GRAMS].into_boxed_slice(),
            lists: Vec::new(),
        };
        for (text, owners) in needles {
            compiled.add(text.as_bytes(), *owners);
        }
        compiled
    }

    fn add(&mut self, text: &'static [u8], owners: DetectorSet) {
        let head = text.get(..GRAM_CODES).unwrap_or(text);
        let end = head.iter().fold(Gram::default(), |gram, byte| gram.push(code_of(*byte)));
        // What stands before a needle that is shorter than a gram can be anything.
        let step = 1 << (CODE_BITS as usize * head.len());
        for gram in (usize::from(end.0)..GRAMS).step_by(step) {
            let word = self.bitmap.get_mut(gram / u64::BITS as usize);
            let bit = 1 << (gram % u64::BITS as usize);
            let (Some(word), Some(list)) = (word, self.list_of.get_mut(gram)) else { continue };
            if *word & bit == 0 {
                *word |= bit;
                // There are fewer lists than grams, and of those fewer than 2^16.
                *list = self.lists.len() as u16;
                self.lists.push(Vec::new());
            }
            if let Some(list) = self.lists.get_mut(usize::from(*list)) {
                list.push(Needle { text, owners });
            }
        }
    }

    /// Tells whether a needle may begin where a gram does.
    #[inline]
    pub(super) fn may_begin(&self, gram: Gram) -> bool {
        let word = self.bitmap.get(usize::from(gram.0) / u64::BITS as usize);
        word.is_some_and(|word| word >> (gram.0 % u64::BITS as u16) & 1 == 1)
    }

    /// Adds the owners of the needles that begin at the gram whose last byte stands at `last`.
    #[cold]
    pub(super) fn name(&self, text: &[u8], last: usize, gram: Gram, named: &mut DetectorSet) {
        let list = self.list_of.get(usize::from(gram.0)).map_or(0, |list| usize::from(*list));
        for needle in self.lists.get(list).map_or(&[] as &[Needle], Vec::as_slice) {
            let length = needle.text.len();
            if named.holds_all(needle.owners) {
                continue;
            }
            let Some(start) = (last + 1).checked_sub(length.min(GRAM_CODES)) else { continue };
            let here = text.get(start..start + length);
            if here.is_some_and(|here| here.eq_ignore_ascii_case(needle.text)) {
                named.add_all(needle.owners);
            }
        }
    }
}
