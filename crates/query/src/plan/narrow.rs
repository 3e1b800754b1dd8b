//! Properties common to all matches of a condition: levels, time span, ids.
//!
//! Each answer may be too wide, never too narrow: the condition itself is still evaluated.

use tierlog_model::{Timestamp, fields, id_hash};

use crate::expr::{Expr, FieldTest, LevelSet};
use crate::time_range::TimeRange;

/// Returns the levels that matches can have.
pub(super) fn levels(expr: &Expr) -> LevelSet {
    match expr {
        Expr::Nothing => LevelSet::EMPTY,
        Expr::Level(levels) => *levels,
        Expr::And(inner) => inner
            .iter()
            .fold(LevelSet::ALL, |levels_so_far, expr| levels_so_far.intersection(levels(expr))),
        Expr::Or(inner) => inner
            .iter()
            .fold(LevelSet::EMPTY, |levels_so_far, expr| levels_so_far.union(levels(expr))),
        Expr::All
        | Expr::Not(_)
        | Expr::Timestamp(_)
        | Expr::Exists(_)
        | Expr::AnyText(_)
        | Expr::Field { .. } => LevelSet::ALL,
    }
}

/// Tells whether [`levels`] and [`times`] say all that a condition asks for.
pub(super) fn is_of_levels_and_times(expr: &Expr) -> bool {
    match expr {
        Expr::All | Expr::Nothing | Expr::Level(_) | Expr::Timestamp(_) => true,
        Expr::And(inner) => inner.iter().all(is_of_levels_and_times),
        Expr::Or(_) | Expr::Not(_) | Expr::Exists(_) | Expr::AnyText(_) | Expr::Field { .. } => {
            false
        }
    }
}

/// Returns the span that matches lie in.
pub(super) fn times(expr: &Expr) -> TimeRange {
    match expr {
        Expr::Timestamp(range) => *range,
        Expr::And(inner) => {
            inner.iter().fold(TimeRange::default(), |range, expr| range.intersection(&times(expr)))
        }
        Expr::Or(inner) => hull(inner.iter().map(times)),
        Expr::All
        | Expr::Nothing
        | Expr::Not(_)
        | Expr::Level(_)
        | Expr::Exists(_)
        | Expr::AnyText(_)
        | Expr::Field { .. } => TimeRange::default(),
    }
}

/// Returns the smallest span that covers all given spans.
fn hull(ranges: impl Iterator<Item = TimeRange>) -> TimeRange {
    ranges
        .reduce(|left, right| TimeRange {
            start: both(left.start, right.start, Timestamp::min),
            end: both(left.end, right.end, Timestamp::max),
        })
        .unwrap_or_default()
}

fn both(
    left: Option<Timestamp>,
    right: Option<Timestamp>,
    choose: fn(Timestamp, Timestamp) -> Timestamp,
) -> Option<Timestamp> {
    left.zip(right).map(|(left, right)| choose(left, right))
}

/// Returns groups of id hashes: every match has an id of each group.
pub(super) fn required_ids(expr: &Expr) -> Vec<Vec<u64>> {
    match expr {
        Expr::Field { name, test: FieldTest::AnyOf(literals) }
            if fields::ID_FIELDS.contains(&name.as_str()) =>
        {
            vec![literals.iter().map(|literal| id_hash(name, &literal.text)).collect()]
        }
        Expr::And(inner) => inner.iter().flat_map(required_ids).collect(),
        Expr::Or(inner) => {
            // Each side must bring an id, or matches of the other side need none.
            let sides: Option<Vec<Vec<u64>>> =
                inner.iter().map(|expr| required_ids(expr).into_iter().next()).collect();
            sides.map(|sides| vec![sides.concat()]).unwrap_or_default()
        }
        Expr::All
        | Expr::Nothing
        | Expr::Not(_)
        | Expr::Level(_)
        | Expr::Timestamp(_)
        | Expr::Exists(_)
        | Expr::AnyText(_)
        | Expr::Field { .. } => Vec::new(),
    }
}
