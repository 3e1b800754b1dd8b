//! Needles: which of some two hundred short words occur in a text, in any case of ASCII letters.
//!
//! Arrives: a text. Leaves: the readers that asked for the words in the text. Every three bytes in
//! a row are a gram, and a table over hashes of grams (16 kB, so it stays in the nearest cache)
//! says of nearly every place that no needle begins there; the others are compared. Unlike in an
//! automaton, no step waits for what the step before has loaded.

use super::detector_set::Readers;

/// Bytes in a row that make a gram, and the shortest needle.
const GRAM_BYTES: usize = 3;

/// Bits of a gram's hash.
const PLACE_BITS: u32 = 14;

/// Places of the table: thirty times as many as there are needles.
const PLACES: usize = 1 << PLACE_BITS;

/// Clears what tells capitals from other letters, and a byte that stands behind the gram.
const GRAM_MASK: u32 = 0x00DF_DFDF;

/// Returns the place of the gram that four bytes start with, the first one lowest.
#[inline]
fn place_of(bytes: u32) -> usize {
    // 2^32 divided by the golden ratio, odd.
    let mixed = (bytes & GRAM_MASK).wrapping_mul(0x9E37_79B1);
    (mixed >> (u32::BITS - PLACE_BITS)) as usize
}

/// Makes a small letter of a capital, and of other bytes something that is the same for the same.
const SMALL: u8 = 0x20;

/// Most lists: a byte numbers them.
const LISTS_MAX: usize = u8::MAX as usize;

struct Needle {
    text: Box<[u8]>,
    /// The byte behind the gram as a small letter; 0 when there is none.
    fourth: u8,
    owners: Readers,
}

/// The needles of all detectors.
pub(super) struct Needles {
    /// For each place: 0 when no needle begins with a gram of it, else the number of their list
    /// from 1.
    list_of: [u8; PLACES],
    lists: Vec<Vec<Needle>>,
}

impl Needles {
    /// Compiles needles, each with the detectors behind the needle.
    ///
    /// # Panics
    ///
    /// When a needle is shorter than a gram.
    pub(super) fn new(needles: &[(&str, Readers)]) -> Needles {
        let mut compiled = Needles { list_of: [0; PLACES], lists: Vec::new() };
        for (text, owners) in needles {
            compiled.add(text.as_bytes(), *owners);
        }
        compiled
    }

    fn add(&mut self, text: &[u8], owners: Readers) {
        let [first, second, third] =
            *text.first_chunk::<GRAM_BYTES>().expect("a needle is as long as a gram");
        let place = place_of(u32::from_le_bytes([first, second, third, 0]));
        let Some(list) = self.list_of.get_mut(place) else { return };
        if *list == 0 {
            // When every number is given out, places share lists: each needle is compared anyway.
            let number = match self.lists.len() {
                LISTS_MAX => place % LISTS_MAX + 1,
                count => {
                    self.lists.push(Vec::new());
                    count + 1
                }
            };
            *list = number as u8;
        }
        let Some(list) = self.lists.get_mut(usize::from(*list) - 1) else { return };
        match list.iter_mut().find(|needle| *needle.text == *text) {
            Some(needle) => needle.owners.add_all(owners),
            None => {
                let fourth = text.get(GRAM_BYTES).map_or(0, |byte| byte | SMALL);
                list.push(Needle { text: text.into(), fourth, owners });
            }
        }
    }

    /// Returns the owners of the needles in a text.
    #[inline]
    pub(super) fn named(&self, text: &[u8]) -> Readers {
        let mut named = Readers::default();
        for (start, window) in text.array_windows().enumerate() {
            let list = self.list_at(u32::from_le_bytes(*window));
            if list != 0 {
                self.name(text, start, list, &mut named);
            }
        }
        // No window starts with the last gram.
        if let Some([first, second, third]) = text.last_chunk::<GRAM_BYTES>() {
            let list = self.list_at(u32::from_le_bytes([*first, *second, *third, 0]));
            self.name(text, text.len() - GRAM_BYTES, list, &mut named);
        }
        named
    }

    #[inline]
    fn list_at(&self, bytes: u32) -> u8 {
        // The table has every place; `get` only spares a bounds check that is not there.
        self.list_of.get(place_of(bytes)).copied().unwrap_or_default()
    }

    /// Adds the owners of the needles of a list that begin at a place of the text.
    #[cold]
    fn name(&self, text: &[u8], start: usize, list: u8, named: &mut Readers) {
        let list = usize::from(list).checked_sub(1).and_then(|list| self.lists.get(list));
        let fourth = text.get(start + GRAM_BYTES).map_or(0, |byte| byte | SMALL);
        for needle in list.map_or(&[] as &[Needle], Vec::as_slice) {
            // Fast path: nearly all needles of a gram go on otherwise.
            if needle.fourth != 0 && needle.fourth != fourth || named.holds_all(needle.owners) {
                continue;
            }
            let here = text.get(start..start + needle.text.len());
            if here.is_some_and(|here| here.eq_ignore_ascii_case(&needle.text)) {
                named.add_all(needle.owners);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(position: usize) -> Readers {
        let mut set = Readers::default();
        set.text.insert(position);
        set
    }

    fn check(text: &str, expected: &[usize]) {
        let needles = Needles::new(&[
            ("token", set(0)),
            ("tokens_", set(1)),
            ("tok", set(2)),
            ("bearer", set(3)),
            ("token", set(4)),
        ]);
        let named = needles.named(text.as_bytes());
        let found: Vec<usize> = (0..5).filter(|position| named.text.contains(*position)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn more_needles_than_lists_are_all_found() {
        let words: Vec<String> = (0..2_000).map(|number| format!("w{number:04}x")).collect();
        let needles: Vec<(&str, Readers)> =
            words.iter().enumerate().map(|(at, word)| (word.as_str(), set(at % 64))).collect();
        let needles = Needles::new(&needles);
        for (at, word) in words.iter().enumerate() {
            assert_eq!(needles.named(word.as_bytes()), set(at % 64), "{word}");
        }
    }

    #[test]
    fn needles_that_begin_alike_are_all_found() {
        check("a Tokens_ of it", &[0, 1, 2, 4]);
        check("tok", &[2]);
        check("TOKEN", &[0, 2, 4]);
        check("tokens", &[0, 2, 4]);
        check("bearer of tok", &[2, 3]);
        check("to", &[]);
        check("", &[]);
    }
}
