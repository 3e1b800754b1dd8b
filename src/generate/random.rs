//! Random numbers whose stream is part of the contract: a seed arrives, and the same numbers leave
//! on every machine and in every version.
//!
//! Only ChaCha8's bits come from a library. What is drawn from them (integers, normal and
//! logarithmic distributions) is computed here with operations that IEEE 754 rounds exactly, never
//! by `rand`'s samplers (free to change) nor by the platform's `exp` and `ln` (free to differ).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Mixed into the second half of the key, so that the key of seed 0 is not all zeros.
const KEY_TAIL: [u8; 24] = *b"tierlog generate, form 1";

/// The stream of one generator.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// Returns the first stream of a seed.
    pub(super) fn from_seed(seed: u64) -> Random {
        let mut key = [0; 32];
        let (head, tail) = key.split_at_mut(8);
        head.copy_from_slice(&seed.to_le_bytes());
        tail.copy_from_slice(&KEY_TAIL);
        Random(ChaCha8Rng::from_seed(key))
    }

    /// Returns the beginning of another stream of the same seed; the first has number 0.
    pub(super) fn of_stream(mut self, number: u16) -> Random {
        self.0.set_stream(u64::from(number));
        self
    }

    /// Returns 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number below a bound, which is not 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // The bias of the multiplication is below 2^-12 for every bound used here.
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Draws an event of a probability in thousandths.
    pub(super) fn per_mille(&mut self, times: u32) -> bool {
        self.below(1_000) < times
    }

    /// Returns a member of a table, each as often as the others.
    pub(super) fn pick<T>(&mut self, table: &'static [T]) -> &'static T {
        let position = self.below(table.len() as u32) as usize;
        table.get(position).expect("a number below the length is a position")
    }

    /// Returns a word of a table, each as often as the others.
    pub(super) fn word(&mut self, table: &'static [&'static str]) -> &'static str {
        self.pick::<&'static str>(table)
    }

    /// Returns a member of a table, the first ones most often.
    pub(super) fn pick_skewed<T>(&mut self, table: &'static [T]) -> &'static T {
        let bound = self.below(table.len() as u32) + 1;
        let position = self.below(bound) as usize;
        table.get(position).expect("a number below the length is a position")
    }

    /// Returns a number from 0 (included) to 1 (excluded).
    fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.bits() >> 11) as f64 * STEP
    }

    /// Returns a rank from 1 to `e^ln_count`, each in inverse proportion to itself: Zipf's law.
    pub(super) fn zipf(&mut self, ln_count: f64) -> u32 {
        let exponent = self.unit() * ln_count;
        exp(exponent) as u32
    }

    /// Returns a log-normal number: `median` times or divided by about `e^sigma`.
    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        // Twelve uniform numbers have a sum of variance 1 and mean 6, close enough to normal.
        let mut sum = 0_u32;
        for _ in 0..3 {
            let bits = self.bits();
            sum += [0, 16, 32, 48].map(|shift| (bits >> shift) as u32 & 0xffff).iter().sum::<u32>();
        }
        let normal = f64::from(sum) / 65_536.0 - 6.0;
        median * exp(sigma * normal)
    }

    /// Appends characters of an alphabet.
    pub(super) fn text(&mut self, alphabet: &'static [u8], length: usize, out: &mut String) {
        for _ in 0..length {
            out.push(char::from(*self.pick(alphabet)));
        }
    }

    /// Appends so many lowercase hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize, out: &mut String) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut bits = 0;
        for position in 0..digits {
            if position % 16 == 0 {
                bits = self.bits();
            }
            let digit = HEX.get((bits & 15) as usize).expect("four bits are below 16");
            out.push(char::from(*digit));
            bits >>= 4;
        }
    }

    /// Appends a UUID of version 4.
    pub(super) fn uuid(&mut self, out: &mut String) {
        self.hex(8, out);
        out.push('-');
        self.hex(4, out);
        out.push_str("-4");
        self.hex(3, out);
        out.push('-');
        out.push(char::from(*self.pick(b"89ab")));
        self.hex(3, out);
        out.push('-');
        self.hex(12, out);
    }
}

/// Returns e to a power of moderate size, the same on every machine.
fn exp(power: f64) -> f64 {
    // e^x = 2^k · e^r with r within half of ln 2, where twelve terms of the series are exact to
    // the last bits.
    let doublings = (power * std::f64::consts::LOG2_E).round().clamp(-1_000.0, 1_000.0);
    let rest = power - doublings * std::f64::consts::LN_2;
    let mut term = 1.0;
    let mut sum = 1.0;
    for divisor in 1..=12 {
        term = term * rest / f64::from(divisor);
        sum += term;
    }
    sum * f64::from_bits(((1_023 + doublings as i64) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut random = Random::from_seed(1);
        let drawn = [random.bits(), random.bits()];
        assert_eq!(drawn, [16_653_239_364_394_611_981, 4_862_394_020_928_489_815]);
    }

    #[test]
    fn powers_agree_with_the_library() {
        for step in -200..200 {
            let power = f64::from(step) / 10.0;
            let expected = power.exp();
            assert!((exp(power) / expected - 1.0).abs() < 1e-12, "e^{power}");
        }
    }

    #[test]
    fn ranks_and_durations_are_distributed_as_asked() {
        let mut random = Random::from_seed(7);
        let mut first_ranks = 0;
        let mut below_median = 0;
        for _ in 0..20_000 {
            let rank = random.zipf(12.206_072_645_530_174);
            assert!((1..=200_000).contains(&rank), "{rank}");
            first_ranks += usize::from(rank <= 10);
            below_median += usize::from(random.log_normal(40.0, 0.8) < 40.0);
        }
        // ln 11 / ln 200 000 = 0.196.
        assert!((3_600..4_300).contains(&first_ranks), "{first_ranks}");
        assert!((9_700..10_300).contains(&below_median), "{below_median}");
    }
}
