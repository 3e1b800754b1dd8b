//! The end of a range of values or moments.

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound<T> {
    /// The range goes up to and holds the value.
    Included(T),
    /// The range goes up to the value, without it.
    Excluded(T),
    /// The range does not end.
    Unbounded,
}

impl<T> Bound<T> {
    /// Returns the value of the bound.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Bound::Included(value) | Bound::Excluded(value) => Some(value),
            Bound::Unbounded => None,
        }
    }

    /// Converts the value of the bound.
    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Bound<U> {
        match self {
            Bound::Included(value) => Bound::Included(convert(value)),
            Bound::Excluded(value) => Bound::Excluded(convert(value)),
            Bound::Unbounded => Bound::Unbounded,
        }
    }

    /// Converts the value of the bound, if that can be done.
    pub(crate) fn try_map<U>(self, convert: impl FnOnce(T) -> Option<U>) -> Option<Bound<U>> {
        Some(match self {
            Bound::Included(value) => Bound::Included(convert(value)?),
            Bound::Excluded(value) => Bound::Excluded(convert(value)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    }
}
