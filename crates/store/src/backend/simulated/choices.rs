//! Choices by seed: the same on every machine and for ever, so that a seed repeats a run.

/// SplitMix64: enough for choices.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Returns the choices of a seed.
    pub fn new(seed: u64) -> Choices {
        Choices(seed)
    }

    /// Returns any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below a bound; 0 when the bound is.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }
}
