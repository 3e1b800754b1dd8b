//! Sums and extremes to the last digit, out of an engine that computes with floats.
//!
//! An integer of 64 bits does not fit a float, but its parts do. Beside an aggregation that needs
//! it, hidden ones run over [`View`]s of the same numbers: three limbs of 22 bits, whose sums stay
//! exact over thousands of millions of records; and for the extremes, integers beyond 2^53 in three
//! bands, each laid onto floats in order. Here the parts are put together again.

use tantivy::aggregation::metric::Stats;

use super::answer::{Figure, Figures};
use crate::expr::Number;

/// Largest integer that a float holds with all integers before it.
const SMALL_MAX: i128 = 1 << 53;

/// Bits of a limb.
const LIMB_BITS: u32 = 22;

/// A part of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The number, rounded to a float.
    All,
    /// A limb of an integer.
    Limb(Limb),
    /// An integer that is no larger than 2^53.
    Small,
    /// A larger integer, as a place in a band.
    Wide(Band),
    /// Any other number.
    Float,
}

/// Which bits of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limb {
    /// The lowest 22.
    Low,
    /// The next 22.
    Middle,
    /// The others, with the sign.
    High,
}

/// Integers that lie within 2^62 of a centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Band {
    /// Below -2^53.
    Negative,
    /// Between 2^53 and `i64::MAX`.
    Positive,
    /// Above `i64::MAX`.
    Unsigned,
}

impl Band {
    fn centre(self) -> i128 {
        match self {
            Band::Negative => -(1 << 62),
            Band::Positive => 1 << 62,
            Band::Unsigned => (1 << 63) + (1 << 62),
        }
    }

    fn of(integer: i128) -> Band {
        match integer {
            ..0 => Band::Negative,
            0..=0x7FFF_FFFF_FFFF_FFFF => Band::Positive,
            _ => Band::Unsigned,
        }
    }

    /// Lays the band onto floats in order, without the zeros, which are equal.
    fn float(self, integer: i128) -> Option<f64> {
        let distance = integer.checked_sub(self.centre())?;
        if distance >= 0 {
            Some(f64::from_bits(u64::try_from(distance).ok()?.checked_add(1)?))
        } else {
            Some(-f64::from_bits(u64::try_from(distance.checked_neg()?).ok()?))
        }
    }

    fn integer(self, float: f64) -> i128 {
        let distance = i128::from(float.abs().to_bits());
        self.centre() + if float > 0.0 { distance - 1 } else { -distance }
    }
}

impl View {
    /// Returns what the view shows of a number.
    pub(super) fn of(self, number: Number) -> Option<f64> {
        let integer = match number {
            Number::Integer(integer) => Some(integer),
            // `5.0` of a column that has fractions is the 5 that was written.
            Number::Float(float) if float.fract() == 0.0 && float.abs() <= SMALL_MAX as f64 => {
                Some(float as i128)
            }
            Number::Float(_) => None,
        };
        // A text may hold an integer that no record's number could: it is a float like any other.
        let is_stored = |integer: &i128| (i64::MIN.into()..=u64::MAX.into()).contains(integer);
        let integer = integer.filter(is_stored);
        match self {
            View::All => Some(number.as_f64()),
            View::Float => integer.is_none().then(|| number.as_f64()),
            View::Limb(limb) => integer.map(|integer| limb.of(integer) as f64),
            View::Small => integer.filter(|integer| is_small(*integer)).map(|small| small as f64),
            View::Wide(band) => integer
                .filter(|integer| !is_small(*integer) && Band::of(*integer) == band)
                .and_then(|integer| band.float(integer)),
        }
    }
}

/// Tells whether a float holds an integer and all before it.
pub(super) fn is_small(integer: i128) -> bool {
    integer.abs() <= SMALL_MAX
}

impl Limb {
    fn of(self, integer: i128) -> i128 {
        let mask = (1 << LIMB_BITS) - 1;
        match self {
            Limb::Low => integer & mask,
            Limb::Middle => (integer >> LIMB_BITS) & mask,
            Limb::High => integer >> (2 * LIMB_BITS),
        }
    }
}

/// The hidden aggregations of one that is to be exact, by the ends of their names.
pub(super) const PARTS: [(&str, View); 8] = [
    ("low", View::Limb(Limb::Low)),
    ("middle", View::Limb(Limb::Middle)),
    ("high", View::Limb(Limb::High)),
    ("small", View::Small),
    ("negative", View::Wide(Band::Negative)),
    ("positive", View::Wide(Band::Positive)),
    ("unsigned", View::Wide(Band::Unsigned)),
    ("float", View::Float),
];

/// What the hidden aggregations say together.
#[derive(Debug, Default)]
pub(super) struct Exact {
    integers: i128,
    floats: f64,
    has_floats: bool,
    count: u64,
    /// The least number.
    pub(super) min: Option<Number>,
    /// The largest number.
    pub(super) max: Option<Number>,
}

impl Exact {
    /// Puts the results of the [`PARTS`] together; `take` finds one by the end of its name.
    pub(super) fn of(mut take: impl FnMut(&str) -> Option<Stats>) -> Exact {
        let mut exact = Exact::default();
        for (end, view) in PARTS {
            let Some(stats) = take(end).filter(|stats| stats.count > 0) else { continue };
            let Stats { count, sum, min, max, .. } = stats;
            let whole = |float: f64| Number::Integer(float as i128);
            match view {
                View::All => {}
                View::Limb(Limb::Low) => {
                    exact.integers += sum as i128;
                    exact.count += count;
                }
                View::Limb(Limb::Middle) => exact.integers += (sum as i128) << LIMB_BITS,
                View::Limb(Limb::High) => exact.integers += (sum as i128) << (2 * LIMB_BITS),
                View::Small => exact.extend(min.map(whole), max.map(whole)),
                View::Wide(band) => {
                    let integer = |float| Number::Integer(band.integer(float));
                    exact.extend(min.map(integer), max.map(integer));
                }
                View::Float => {
                    exact.floats = sum;
                    exact.has_floats = true;
                    exact.count += count;
                    exact.extend(min.map(Number::Float), max.map(Number::Float));
                }
            }
        }
        exact
    }

    fn extend(&mut self, min: Option<Number>, max: Option<Number>) {
        self.min = self.min.into_iter().chain(min).min_by(|left, right| left.compare(*right));
        self.max = self.max.into_iter().chain(max).max_by(|left, right| left.compare(*right));
    }

    /// Returns the sum.
    pub(super) fn sum(&self) -> Number {
        match self.has_floats {
            true => Number::Float(self.integers as f64 + self.floats),
            false => Number::Integer(self.integers),
        }
    }

    /// Returns the average, if there is anything.
    pub(super) fn average(&self) -> Option<Number> {
        (self.count > 0).then(|| Number::Float(self.sum().as_f64() / self.count as f64))
    }
}

/// Tells whether figures made of floats may have lost digits of integers.
pub(super) fn may_be_rounded(figures: &Figures) -> bool {
    figures.iter().any(|(name, figure)| match figure {
        Figure::Number(Number::Float(float)) => {
            ["value", "sum"].contains(name) && float.abs() > SMALL_MAX as f64
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn integer() -> impl Strategy<Value = i128> {
        prop_oneof![
            any::<i64>().prop_map(i128::from),
            any::<u64>().prop_map(i128::from),
            (-9_i128..9).prop_map(|near| near + SMALL_MAX),
            (-9_i128..9).prop_map(|near| near - SMALL_MAX),
            (0_i128..9).prop_map(|near| i128::from(i64::MAX) - 4 + near),
            Just(i128::from(i64::MIN)),
            Just(i128::from(u64::MAX)),
        ]
    }

    /// Does what the engine does with each part.
    fn stats(numbers: &[Number], view: View) -> Stats {
        let seen: Vec<f64> = numbers.iter().filter_map(|number| view.of(*number)).collect();
        let most = |pick: fn(f64, f64) -> f64| seen.iter().copied().reduce(pick);
        Stats {
            count: seen.len() as u64,
            sum: seen.iter().sum(),
            min: most(f64::min),
            max: most(f64::max),
            avg: None,
        }
    }

    proptest! {
        #[test]
        fn integers_are_summed_and_compared_to_the_last_digit(
            integers in prop::collection::vec(integer(), 1..50),
        ) {
            let numbers: Vec<Number> = integers.iter().copied().map(Number::Integer).collect();
            let exact = Exact::of(|end| {
                let (_, view) = PARTS.into_iter().find(|(name, _)| *name == end)?;
                Some(stats(&numbers, view))
            });
            prop_assert_eq!(exact.sum(), Number::Integer(integers.iter().sum()));
            prop_assert_eq!(exact.min, integers.iter().min().copied().map(Number::Integer));
            prop_assert_eq!(exact.max, integers.iter().max().copied().map(Number::Integer));
            prop_assert_eq!(exact.count, integers.len() as u64);
        }

        #[test]
        fn a_band_keeps_its_order(left in integer(), right in integer()) {
            for band in [Band::Negative, Band::Positive, Band::Unsigned] {
                let inside = |integer| !is_small(integer) && Band::of(integer) == band;
                if inside(left) && inside(right) {
                    let float = |integer| band.float(integer).expect("inside");
                    prop_assert_eq!(band.integer(float(left)), left);
                    prop_assert_eq!(
                        float(left).partial_cmp(&float(right)), Some(left.cmp(&right))
                    );
                }
            }
        }
    }

    #[test]
    fn fractions_stand_beside_integers() {
        let numbers = [
            Number::Integer(676_996_931_091_701_603),
            Number::Float(0.5),
            Number::Float(3.0),
            Number::Float(1e30),
        ];
        let exact = Exact::of(|end| {
            let (_, view) = PARTS.into_iter().find(|(name, _)| *name == end)?;
            Some(stats(&numbers, view))
        });
        assert_eq!(exact.min, Some(Number::Float(0.5)));
        assert_eq!(exact.max, Some(Number::Float(1e30)));
        assert_eq!(exact.count, 4);
    }
}
