//! A whole value as detectors see it, whatever carries the value: a field of a record, a member of
//! an array or object, or the text behind a key.

/// Whole floats below are exact, and a detector sees the floats as integers.
const EXACT_FLOAT_MAX: f64 = 1e17;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Whole<'v> {
    /// True or false.
    Flag,
    /// A whole number, without its sign.
    Number(u64),
    /// Any other number.
    Fraction(f64),
    /// A text.
    Text(&'v str),
    /// An array or object with elements.
    Nested,
    /// An array or object without anything.
    EmptyNested,
}

impl Whole<'_> {
    /// Returns a floating-point number.
    pub(super) fn of_float(number: f64) -> Whole<'static> {
        let magnitude = number.abs();
        match magnitude.fract() == 0.0 && magnitude < EXACT_FLOAT_MAX {
            true => Whole::Number(magnitude as u64),
            false => Whole::Fraction(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_are_numbers() {
        for (float, expected) in [
            (4_111_111_111_111_111.0, Whole::Number(4_111_111_111_111_111)),
            (-7.0, Whole::Number(7)),
            (-0.5, Whole::Fraction(-0.5)),
            (1e300, Whole::Fraction(1e300)),
        ] {
            assert_eq!(Whole::of_float(float), expected);
        }
        assert!(matches!(Whole::of_float(f64::NAN), Whole::Fraction(_)));
    }
}
