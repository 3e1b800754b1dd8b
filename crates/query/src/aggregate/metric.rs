//! Metrics over the numbers of a field: what they have in common.
//!
//! A metric computes with floats; where those have rounded integers, exact parts run beside and
//! their sums and extremes stand in the answer.

use std::fmt::Debug;

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::{AggregationResult, MetricResult};
use tantivy::aggregation::metric::Stats;

use super::answer::{Answer, Figure, Figures};
use super::columns::{Columns, Digits, NumberColumns};
use super::exact::{Exact, may_be_rounded};
use super::found::{Findings, SKIPPED, metric};
use super::growth::Size;
use super::kind::{Aggregation, FOREIGN_RESULT, Field, Finish, Running, Values};
use super::numbers::NumberForm;
use super::options::{Options, Refused};
use super::request::Reading;
use crate::error::QueryError;
use crate::expr::Number;

/// A metric: what the engine computes and which figures come of it.
pub(super) trait Metric: Clone + Debug + Send + Sync + 'static {
    /// Returns what the engine computes of a column.
    fn engine(&self, field: String, missing: Option<f64>) -> AggregationVariants;

    /// Returns the figures of the engine's result; `None` for the result of another metric.
    fn figures(&self, result: MetricResult, shown: &Shown) -> Option<Figures>;
}

/// Reads a metric whose own options are read already.
pub(super) fn read(
    mut options: Options,
    reading: &mut Reading<'_>,
    metric: impl Metric,
) -> Result<Box<dyn Aggregation>, Refused> {
    let field = reading.field(&mut options)?;
    let missing = missing(&mut options, field.values)?;
    options.finish()?;
    Ok(Box::new(Measured { field, missing, metric }))
}

/// Reads a metric without options.
pub(super) fn read_plain(
    kind: &'static str,
    given: Value,
    reading: &mut Reading<'_>,
    metric: impl Metric,
) -> Result<Box<dyn Aggregation>, Refused> {
    read(Options::of(kind, given)?, reading, metric)
}

/// Takes the number for records without a value. Every record has a moment.
pub(super) fn missing(options: &mut Options, values: Values) -> Result<Option<Number>, Refused> {
    let given = options.take("missing").filter(|_| values == Values::Plain);
    let Some(given) = given else { return Ok(None) };
    let text = match given {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    Number::read(&text).map(Some).ok_or_else(|| "\"missing\" must be a number".into())
}

/// A metric over a field.
#[derive(Debug)]
struct Measured<M> {
    field: Field,
    missing: Option<Number>,
    metric: M,
}

impl<M: Metric> Aggregation for Measured<M> {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let Measured { field, missing, metric } = self;
        let digits = Digits::All { missing: *missing };
        let NumberColumns { column, is_exact, beside } =
            columns.numbers(field, NumberForm::AsStored, digits);
        let missing = missing.filter(|_| !is_exact).map(Number::as_f64);
        Ok(Running {
            engine: metric.engine(column, missing),
            beside,
            size: Size::of_state(144, 40),
            finish: Box::new(Measures { metric: metric.clone(), values: field.values, is_exact }),
        })
    }
}

/// Makes the answer of a metric.
#[derive(Debug)]
struct Measures<M> {
    metric: M,
    values: Values,
    is_exact: bool,
}

impl<M: Metric> Finish for Measures<M> {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let exact = self.is_exact.then(|| Exact::of(|end| found.stats(end)));
        let shown = Shown { values: self.values, exact };
        let figures = self.metric.figures(metric(result)?, &shown);
        let mut figures = figures.ok_or(FOREIGN_RESULT)?;
        if self.values == Values::Plain && !self.is_exact && may_be_rounded(&figures) {
            found.is_rounded();
        }
        figures.extend(found.skipped().map(|count| (SKIPPED, Figure::Count(count))));
        Ok(Answer::Figures(figures))
    }
}

/// How the floats of a result are shown: as numbers or moments, exactly where that is known.
#[derive(Debug)]
pub(super) struct Shown {
    values: Values,
    exact: Option<Exact>,
}

impl Shown {
    /// Returns the figure of a float that is one of the field's values, or like one.
    pub(super) fn value(&self, float: Option<f64>) -> Figure {
        match (self.values, float) {
            (_, None) => Figure::None,
            (Values::Plain, float) => Figure::float(float),
            (Values::Moments, Some(nanos)) => Figure::Moment(nanos),
        }
    }

    /// Returns the figure of a distance between values, or of a power of one. Of moments a distance
    /// is milliseconds.
    pub(super) fn distance(&self, float: Option<f64>, power: i32) -> Figure {
        match self.values {
            Values::Plain => Figure::float(float),
            Values::Moments => Figure::float(float.map(|nanos| nanos / 1e6_f64.powi(power))),
        }
    }

    /// Returns the five figures that every summary has.
    pub(super) fn summary(&self, stats: &Stats) -> Figures {
        let Stats { count, sum, min, max, avg } = *stats;
        vec![
            ("count", Figure::Count(count)),
            ("sum", self.sum(Some(sum))),
            ("min", self.min(min)),
            ("max", self.max(max)),
            ("avg", self.average(avg)),
        ]
    }

    /// Returns the sum.
    pub(super) fn sum(&self, float: Option<f64>) -> Figure {
        self.exactly(float, |exact| Some(exact.sum()))
    }

    /// Returns the least value.
    pub(super) fn min(&self, float: Option<f64>) -> Figure {
        self.exactly(float, |exact| exact.min)
    }

    /// Returns the largest value.
    pub(super) fn max(&self, float: Option<f64>) -> Figure {
        self.exactly(float, |exact| exact.max)
    }

    /// Returns the average.
    pub(super) fn average(&self, float: Option<f64>) -> Figure {
        self.exactly(float, Exact::average)
    }

    fn exactly(&self, float: Option<f64>, of: impl FnOnce(&Exact) -> Option<Number>) -> Figure {
        match self.exact.as_ref().and_then(of) {
            Some(number) => Figure::Number(number),
            None => self.value(float),
        }
    }
}
