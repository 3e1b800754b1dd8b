//! The list of aggregations: names, options and kinds.
//!
//! Everything that tantivy computes is computed by tantivy; `missing`, `date_range` and the query
//! language inside `filter` are ours. An option that is not listed is refused, never ignored.

/// What an aggregation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Buckets by value.
    Terms,
    /// Buckets by number, of equal width.
    Histogram,
    /// Buckets by time, of equal length.
    DateHistogram,
    /// Buckets by named ranges of numbers.
    Range,
    /// Buckets by named ranges of time.
    DateRange,
    /// A bucket of the records in a query.
    Filter,
    /// A bucket of the records without a field.
    Missing,
    /// A number over the values of a field.
    Metric,
    /// How many values a field has.
    ValueCount,
    /// How many different values a field has: exactly up to a threshold, else estimated.
    Cardinality,
    /// Percentiles of a field, estimated to one percent.
    Percentiles,
}

/// One aggregation of the registry.
#[derive(Debug)]
pub(super) struct Spec {
    /// Name in a request, Elasticsearch's.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) kind: Kind,
    /// Options that it takes beside `field`.
    pub(super) options: &'static [&'static str],
}

impl Spec {
    /// Tells whether aggregations may be nested inside.
    pub(super) fn has_buckets(&self) -> bool {
        match self.kind {
            Kind::Terms
            | Kind::Histogram
            | Kind::DateHistogram
            | Kind::Range
            | Kind::DateRange
            | Kind::Filter
            | Kind::Missing => true,
            Kind::Metric | Kind::ValueCount | Kind::Cardinality | Kind::Percentiles => false,
        }
    }
}

const TERMS: &[&str] = &[
    "size",
    "shard_size",
    "segment_size",
    "order",
    "missing",
    "min_doc_count",
    "include",
    "exclude",
    "show_term_doc_count_error",
];
const HISTOGRAM: &[&str] =
    &["interval", "offset", "min_doc_count", "hard_bounds", "extended_bounds", "keyed"];
const DATE_HISTOGRAM: &[&str] = &[
    "fixed_interval",
    "calendar_interval",
    "interval",
    "offset",
    "min_doc_count",
    "hard_bounds",
    "extended_bounds",
    "keyed",
    "time_zone",
];

/// Every aggregation there is.
const SPECS: [Spec; 16] = [
    Spec { name: "terms", kind: Kind::Terms, options: TERMS },
    Spec { name: "histogram", kind: Kind::Histogram, options: HISTOGRAM },
    Spec { name: "date_histogram", kind: Kind::DateHistogram, options: DATE_HISTOGRAM },
    Spec { name: "range", kind: Kind::Range, options: &["ranges", "keyed"] },
    Spec { name: "date_range", kind: Kind::DateRange, options: &["ranges", "keyed", "time_zone"] },
    Spec { name: "filter", kind: Kind::Filter, options: &[] },
    Spec { name: "missing", kind: Kind::Missing, options: &[] },
    Spec { name: "avg", kind: Kind::Metric, options: &["missing"] },
    Spec { name: "min", kind: Kind::Metric, options: &["missing"] },
    Spec { name: "max", kind: Kind::Metric, options: &["missing"] },
    Spec { name: "sum", kind: Kind::Metric, options: &["missing"] },
    Spec { name: "stats", kind: Kind::Metric, options: &["missing"] },
    Spec { name: "extended_stats", kind: Kind::Metric, options: &["missing", "sigma"] },
    Spec {
        name: "percentiles",
        kind: Kind::Percentiles,
        options: &["percents", "keyed", "missing"],
    },
    Spec { name: "value_count", kind: Kind::ValueCount, options: &[] },
    Spec { name: "cardinality", kind: Kind::Cardinality, options: &["precision_threshold"] },
];

/// Returns the aggregation of a name.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == name)
}

/// Returns the names that a request may use, for error texts.
pub(super) fn names() -> String {
    let names: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
    names.join(", ")
}
