//! Tests of the level become a set of levels: the set decides which tiers are looked at.

use tierlog_model::Level;

use crate::bound::Bound;
use crate::expr::LevelSet;

/// The error for a comparison of the level with an unknown word.
pub(super) const NO_LEVEL: &str =
    "not a level: expected debug, info, warning, error, critical or a usual spelling of them";

/// Returns the levels that a word means.
pub(super) fn exactly(word: &str) -> Option<LevelSet> {
    Level::from_word(word).map(|level| LevelSet::from_iter([level]))
}

/// Returns the levels whose name passes a test.
pub(super) fn named(passes: impl Fn(&str) -> bool) -> LevelSet {
    Level::ALL.into_iter().filter(|level| passes(level.as_str())).collect()
}

/// Returns the levels of a range.
pub(super) fn range(lower: Bound<String>, upper: Bound<String>) -> Option<LevelSet> {
    let word = |word: String| Level::from_word(&word);
    let (lower, upper) = (lower.try_map(word)?, upper.try_map(word)?);
    let above = |level: Level| match lower {
        Bound::Included(bound) => level >= bound,
        Bound::Excluded(bound) => level > bound,
        Bound::Unbounded => true,
    };
    let below = |level: Level| match upper {
        Bound::Included(bound) => level <= bound,
        Bound::Excluded(bound) => level < bound,
        Bound::Unbounded => true,
    };
    Some(Level::ALL.into_iter().filter(|level| above(*level) && below(*level)).collect())
}
