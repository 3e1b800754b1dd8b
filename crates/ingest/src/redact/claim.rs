//! Claims: what the name of a field says to each detector about the values under the name.
//!
//! Arrives: the answers of [`super::detector::Detector::key`], one a detector. Leaves: all of them
//! in two machine words, because each value of each record carries the claims of its name.

use super::detector_set::DetectorSet;

/// What a name says to one detector, the least strict first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Values under the name are of another kind, however much they look like finds.
    Never,
    /// The name says nothing: a value has to speak for itself.
    #[default]
    Silent,
    /// A value of the right form is a find; other values are facts.
    Likely,
    /// A value is a find, whatever its form.
    Sure,
}

/// The claims of a name, by detector: a bit of each word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// Set for [`Claim::Likely`] and [`Claim::Sure`].
    high: u64,
    /// Set for [`Claim::Never`] and [`Claim::Sure`].
    low: u64,
}

impl Claims {
    /// A name that says nothing to anybody.
    pub(super) const SILENT: Claims = Claims { high: 0, low: 0 };

    /// Returns the claims with the claim of one more detector.
    pub(super) fn with(self, position: usize, claim: Claim) -> Claims {
        let bit = 1 << position;
        let set = |word: u64, is_set: bool| if is_set { word | bit } else { word & !bit };
        Claims {
            high: set(self.high, matches!(claim, Claim::Likely | Claim::Sure)),
            low: set(self.low, matches!(claim, Claim::Never | Claim::Sure)),
        }
    }

    /// Returns what the name says to a detector.
    pub(super) fn of(self, position: usize) -> Claim {
        match (self.high >> position & 1, self.low >> position & 1) {
            (0, 0) => Claim::Silent,
            (0, _) => Claim::Never,
            (_, 0) => Claim::Likely,
            (_, _) => Claim::Sure,
        }
    }

    /// Returns the detectors that have to judge values under the name.
    pub(super) fn asking(self) -> DetectorSet {
        DetectorSet(self.high)
    }

    /// Returns the detectors for which the claim is silent.
    pub(super) fn silent(self) -> DetectorSet {
        DetectorSet(!(self.high | self.low))
    }

    /// Returns the stricter claim for each detector.
    pub(super) fn stricter(self, other: Claims) -> Claims {
        let high = self.high | other.high;
        let sure = (self.high & self.low) | (other.high & other.low);
        let never = self.low & other.low;
        Claims { high, low: (high & sure) | (!high & never) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Claim; 4] = [Claim::Never, Claim::Silent, Claim::Likely, Claim::Sure];

    #[test]
    fn claims_are_kept_apart_by_detector() {
        let mut claims = Claims::SILENT;
        for (position, claim) in ALL.into_iter().cycle().take(64).enumerate() {
            claims = claims.with(position, Claim::Sure).with(position, claim);
        }
        for (position, claim) in ALL.into_iter().cycle().take(64).enumerate() {
            assert_eq!(claims.of(position), claim);
            assert_eq!(claims.asking().contains(position), claim > Claim::Silent);
            assert_eq!(claims.silent().contains(position), claim == Claim::Silent);
        }
    }

    #[test]
    fn the_stricter_claim_is_the_larger_one() {
        for one in ALL {
            for other in ALL {
                let [a, b] = [one, other].map(|claim| Claims::SILENT.with(5, claim));
                assert_eq!(
                    a.stricter(b),
                    Claims::SILENT.with(5, one.max(other)),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
