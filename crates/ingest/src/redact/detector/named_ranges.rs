//! Values that have a name and no key of their own, in every notation: columns of a database's
//! complaint, elements of XML, rows and parameters of SQL, rows of a table, refusals of validators.
//!
//! A notation is one line here, and all detectors that know names read it.

use std::ops::Range;

use super::columns::columns;
use super::echo::refused;
use super::element::elements;
use super::sql::sql_values;
use super::tuple_pair::tuple_pairs;

/// Returns the names with the ranges of their values.
pub(super) fn named_ranges(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    tuple_pairs(text)
        .chain(elements(text))
        .chain(sql_values(text))
        .chain(columns(text))
        .chain(refused(text))
}
