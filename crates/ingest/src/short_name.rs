//! Short names as numbers: compared without a call and without a look at other memory.
//!
//! Names of fields are looked up for every value of every line. Nearly all are short, and four
//! machine words hold them whole, so tables keep the words in place of the text.

use std::hash::{Hash, Hasher};

/// Longest name that fits.
const NAME_BYTES_MAX: usize = 32;

/// A name of at most 32 bytes. Equal exactly when the names are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortName {
    /// Together, and with the length, every byte of the name; some bytes twice.
    words: [u64; 4],
    length: u32,
}

impl ShortName {
    /// The name without a letter.
    pub(crate) const EMPTY: ShortName = ShortName { words: [0; 4], length: 0 };

    /// Returns a name, or `None` when it is too long.
    #[inline(always)]
    pub(crate) fn of(name: &str) -> Option<ShortName> {
        let bytes = name.as_bytes();
        let half = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |b| u64::from(u32::from_le_bytes(*b)));
        let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (first, last) = (word(bytes.first_chunk()), word(bytes.last_chunk()));
        let words = match bytes.len() {
            0..=3 => [bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0, 0, 0],
            4..=7 => [half(bytes.first_chunk()) << 32 | half(bytes.last_chunk()), 0, 0, 0],
            8..=16 => [first, last, 0, 0],
            17..=NAME_BYTES_MAX => {
                let second = bytes.get(8..).and_then(|rest| rest.first_chunk());
                let (head, _) = bytes.split_at(bytes.len() - 8);
                [first, word(second), word(head.last_chunk()), last]
            }
            _ => return None,
        };
        Some(ShortName { words, length: bytes.len() as u32 })
    }

    /// Returns a number that differs for most names, from a start.
    #[inline]
    pub(crate) fn digest(&self, start: u64) -> u64 {
        let [a, b, c, d] = self.words;
        // Odd numbers: 2^64 divided by the golden ratio, and the like for other roots.
        let low = (a ^ start).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let high = (b ^ u64::from(self.length) ^ start.rotate_left(32))
            .wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        let rest = (c ^ d.rotate_left(29)).wrapping_mul(0x1656_67B1_9E37_79F9);
        let mixed =
            (low ^ high.rotate_left(31) ^ rest.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 32
    }
}

impl PartialEq for ShortName {
    /// Word by word: a wider comparison would wait for words that were just written one by one.
    #[inline(always)]
    fn eq(&self, other: &ShortName) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.words, other.words);
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) | u64::from(self.length ^ other.length) == 0
    }
}

impl Eq for ShortName {}

impl Hash for ShortName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d] = self.words;
        state.write_u64(a);
        state.write_u64(b);
        // Names of up to 16 bytes end here.
        if c | d != 0 {
            state.write_u64(c);
            state.write_u64(d);
        }
        state.write_u32(self.length);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_names_are_equal_when_the_texts_are(a in "[ab]{0,34}", b in "[ab]{0,34}") {
            let [short_a, short_b] = [ShortName::of(&a), ShortName::of(&b)];
            prop_assert_eq!(short_a.is_some(), a.len() <= NAME_BYTES_MAX);
            if let (Some(short_a), Some(short_b)) = (short_a, short_b) {
                prop_assert_eq!(short_a == short_b, a == b);
            }
        }

        #[test]
        fn one_other_byte_makes_another_name(name in "[a-z.]{1,32}", at: prop::sample::Index) {
            let mut other = name.clone().into_bytes();
            if let Some(byte) = other.get_mut(at.index(name.len())) {
                *byte = b'_';
            }
            let other = String::from_utf8(other).expect("ASCII");
            prop_assert_ne!(ShortName::of(&name), ShortName::of(&other));
        }
    }

    #[test]
    fn length_tells_equal_words_apart() {
        let names = ["", "a", "aa", "aaaa", "aaaaa", "aaaaaaaa", "aaaaaaaaa"];
        for (position, name) in names.iter().enumerate() {
            for other in names.iter().skip(position + 1) {
                assert_ne!(ShortName::of(name), ShortName::of(other));
            }
        }
        assert_ne!(ShortName::of("\0"), ShortName::of(""));
    }
}
