//! Sets of detectors, by position in the registry.

/// Most detectors that the registry may hold: a set is one machine word.
pub(super) const DETECTORS_MAX: usize = u64::BITS as usize;

/// A set of detectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DetectorSet(pub(super) u64);

impl DetectorSet {
    /// No detector.
    pub(super) const EMPTY: DetectorSet = DetectorSet(0);

    /// Adds a detector.
    pub(super) fn insert(&mut self, position: usize) {
        self.0 |= 1 << position;
    }

    /// Adds every detector of another set.
    pub(super) fn add_all(&mut self, other: DetectorSet) {
        self.0 |= other.0;
    }

    /// Takes every detector of another set out, and returns those that were in both.
    pub(super) fn take_all(&mut self, other: DetectorSet) -> DetectorSet {
        let both = DetectorSet(self.0 & other.0);
        self.0 &= !other.0;
        both
    }

    /// Tells whether every detector of another set is in this one.
    pub(super) fn holds_all(self, other: DetectorSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// Tells whether no detector is in the set.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells whether a detector is in the set.
    pub(super) fn contains(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }

    /// Returns the positions of the set, the first one first.
    pub(super) fn positions(self) -> Positions {
        Positions(self.0)
    }
}

/// The positions of a set, see [`DetectorSet::positions`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions(u64);

impl Iterator for Positions {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let next = (self.0 != 0).then_some(self.0.trailing_zeros() as usize);
        self.0 &= self.0.wrapping_sub(1);
        next
    }
}

/// Who has to read a text: detectors for the whole of it, and detectors for the values of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readers {
    /// Detectors that read the text.
    pub(super) text: DetectorSet,
    /// Detectors that judge values in the text by the keys before the values.
    pub(super) keys: DetectorSet,
}

impl Readers {
    /// Adds every reader of another set.
    pub(super) fn add_all(&mut self, other: Readers) {
        self.text.add_all(other.text);
        self.keys.add_all(other.keys);
    }

    /// Tells whether every reader of another set is in this one.
    pub(super) fn holds_all(self, other: Readers) -> bool {
        self.text.holds_all(other.text) && self.keys.holds_all(other.keys)
    }

    /// Tells whether nobody has to read the text.
    pub(super) fn is_empty(self) -> bool {
        self.text.is_empty() && self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_in_order() {
        let mut set = DetectorSet::EMPTY;
        for position in [63, 0, 7] {
            set.insert(position);
        }
        assert_eq!(set.positions().collect::<Vec<_>>(), [0, 7, 63]);
        assert!(set.contains(7) && !set.contains(8));
        assert_eq!(DetectorSet::EMPTY.positions().next(), None);
        let mut other = DetectorSet::EMPTY;
        (7..10).for_each(|position| other.insert(position));
        assert_eq!(set.take_all(other).positions().collect::<Vec<_>>(), [7]);
        assert_eq!(set.positions().collect::<Vec<_>>(), [0, 63]);
    }
}
