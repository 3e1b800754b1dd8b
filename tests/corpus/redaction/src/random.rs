//! Random numbers of a seed: the same numbers on every machine and in every version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Mixed into the key, so that the key of seed 0 is not all zeros.
const KEY_TAIL: [u8; 24] = *b"redaction corpus, form 1";

/// The stream of one generator.
#[derive(Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// Returns the stream of a seed.
    pub fn from_seed(seed: u64) -> Random {
        let mut key = [0; 32];
        let (head, tail) = key.split_at_mut(8);
        head.copy_from_slice(&seed.to_le_bytes());
        tail.copy_from_slice(&KEY_TAIL);
        Random(ChaCha8Rng::from_seed(key))
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number below a bound, which is not 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        // The bias of the multiplication is far below the noise of a count of samples.
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Returns a number of a range, both ends included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.bits() % (most - least).saturating_add(1)
    }

    /// Draws an event of a probability in hundredths.
    pub fn percent(&mut self, times: u32) -> bool {
        self.below(100) < times
    }

    /// Returns a member of a table that has members.
    pub fn pick<'t, T>(&mut self, table: &'t [T]) -> &'t T {
        let position = self.below(table.len() as u32) as usize;
        table.get(position).expect("a number below the length is a position")
    }

    /// Returns a word of a table that has words.
    pub fn word<'t>(&mut self, table: &[&'t str]) -> &'t str {
        self.pick::<&'t str>(table)
    }

    /// Returns so many characters of an alphabet.
    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters = alphabet.as_bytes();
        (0..length).map(|_| char::from(*self.pick(letters))).collect()
    }

    /// Returns so many decimal digits.
    pub fn digits(&mut self, length: usize) -> String {
        self.text("0123456789", length)
    }

    /// Returns so many decimal digits without a zero in front.
    pub fn number(&mut self, length: usize) -> String {
        self.text("123456789", 1) + &self.digits(length - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_one_stream() {
        let drawn = |seed| {
            let mut random = Random::from_seed(seed);
            (random.bits(), random.below(10), random.digits(5), random.between(3, 3))
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert_eq!(drawn(1).3, 3);
    }
}
