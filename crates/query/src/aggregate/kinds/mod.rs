//! Every kind of aggregation: one file each, and one line of [`KINDS`].

mod avg;
mod cardinality;
mod date_histogram;
mod date_range;
mod extended_stats;
mod filter;
mod histogram;
mod max;
mod min;
mod missing;
mod percentiles;
mod range;
mod stats;
mod sum;
mod terms;
mod value_count;

pub(super) use terms::Terms;

use super::kind::Kind;

/// The kinds, in the order in which error texts and the contract name them.
pub(super) const KINDS: &[Kind] = &[
    terms::KIND,
    histogram::KIND,
    date_histogram::KIND,
    range::KIND,
    date_range::KIND,
    filter::KIND,
    missing::KIND,
    avg::KIND,
    min::KIND,
    max::KIND,
    sum::KIND,
    stats::KIND,
    extended_stats::KIND,
    percentiles::KIND,
    value_count::KIND,
    cardinality::KIND,
    #[cfg(test)]
    super::tests::spread::KIND,
];

/// Returns the kind of a name.
pub(super) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Returns the names of all kinds, for error texts and the contract.
pub(crate) fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}
