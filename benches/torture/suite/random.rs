//! Numbers that a seed decides (splitmix64): the same on every machine, for ever.

/// Golden ratio in 64 bits: the step of splitmix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Returns the stream of a seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// Returns a number below a bound; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// Returns one of a few things.
    pub(crate) fn pick<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        let at = self.below(things.len() as u64);
        things.get(usize::try_from(at).ok()?)
    }
}

/// Returns every point once, in an order of which any beginning is spread evenly, from a place
/// that the seed decides: a look that ends early has still been everywhere.
pub(crate) fn spread(points: u64, seed: u64) -> impl Iterator<Item = u64> {
    // Steps by the golden ratio never come close to where they have been.
    let golden = (points as f64 * 0.618_034) as u64;
    let step = (golden.max(1)..).find(|step| greatest_common_divisor(*step, points) == 1);
    let step = u128::from(step.unwrap_or(1));
    let first = mix(seed).checked_rem(points).unwrap_or(0);
    (0..points).map(move |number| {
        let point = (u128::from(first) + u128::from(number) * step) % u128::from(points);
        u64::try_from(point).unwrap_or(0)
    })
}

fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// Returns a number that looks like any other.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_visits_every_point_once() {
        for points in [0, 1, 2, 3, 97, 1_000] {
            let mut visited: Vec<u64> = spread(points, 7).collect();
            visited.sort_unstable();
            assert!(visited.into_iter().eq(0..points), "{points} points");
        }
        let early: Vec<u64> = spread(1_000, 7).take(20).collect();
        assert!((0..10).all(|tenth| early.iter().any(|point| point / 100 == tenth)), "{early:?}");
    }
}
