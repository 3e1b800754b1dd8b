//! Answers of aggregations as values: figures, one bucket or many, by the names of a request.
//!
//! A kind makes its answer out of these shapes. A rendering, such as
//! [`EsJson`](super::EsJson), knows the shapes and no kind.

use std::sync::Arc;

use crate::expr::Number;

/// Answers by the names of a request, in the order of the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answers(pub(crate) Vec<(Arc<str>, Answer)>);

/// The answer to one aggregation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Named figures over the values of the records.
    Figures(Figures),
    /// The records of one condition.
    Inside(Inside),
    /// The records by bucket.
    Buckets(Buckets),
}

/// Named figures.
pub(crate) type Figures = Vec<(&'static str, Figure)>;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Figure {
    /// There is none: nothing was computed with.
    None,
    /// How many.
    Count(u64),
    /// A number over numbers of records.
    Number(Number),
    /// A moment, in nanoseconds since 1970.
    Moment(f64),
    /// Whether something holds.
    Flag(bool),
    /// Figures under one name.
    Group(Figures),
    /// The values below which shares of all values lie, by percent.
    Ranks(Vec<(f64, Figure)>, Listing),
}

/// How a list of named entries is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// One after the other.
    InOrder,
    /// Under the name of each.
    ByName,
}

/// Records in a bucket, and the answers nested there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inside {
    /// How many records.
    pub(crate) records: u64,
    /// What the nested aggregations say of the records.
    pub(crate) answers: Answers,
}

/// Buckets in the order of the answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Buckets {
    /// The buckets.
    pub(crate) list: Vec<(BucketKey, Inside)>,
    /// How the buckets are laid out.
    pub(crate) listing: Listing,
    /// What the list leaves out, of a kind that cuts its list.
    pub(crate) cut: Option<Cut>,
    /// Values that were no numbers and are in no bucket.
    pub(crate) skipped: Option<u64>,
}

/// What a list of buckets leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Records whose value is not listed.
    pub(crate) others: u64,
    /// How much too small a count may be, where that is known.
    pub(crate) count_error_max: Option<u64>,
}

/// What the records of a bucket have in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BucketKey {
    /// A text.
    Text(String),
    /// The beginning of a text that is too long for a key.
    Beginning(String),
    /// A number.
    Number(Number),
    /// A truth value.
    Flag(bool),
    /// The first moment of a span of time, in milliseconds since 1970.
    Moment(i64),
    /// A named range.
    Range {
        /// The name.
        name: String,
        /// First value inside.
        from: Figure,
        /// First value after.
        to: Figure,
    },
}

impl Figure {
    /// Returns the figure of a float, if there is one.
    pub(crate) fn float(float: Option<f64>) -> Figure {
        float.map_or(Figure::None, |float| Figure::Number(Number::Float(float)))
    }
}
