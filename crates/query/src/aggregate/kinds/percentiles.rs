//! `percentiles`: the values below which shares of the numbers lie, within one percent.

use serde_json::Value;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::{AggregationResult, MetricResult};
use tantivy::aggregation::metric::{PercentileValues, PercentilesAggregationReq};

use crate::aggregate::answer::{Answer, Figure, Listing};
use crate::aggregate::columns::{Columns, Digits, NumberColumns};
use crate::aggregate::found::{Findings, SKIPPED, metric};
use crate::aggregate::growth::Size;
use crate::aggregate::kind::{Aggregation, FOREIGN_RESULT, Field, Finish, Kind, Running, Values};
use crate::aggregate::metric::missing;
use crate::aggregate::numbers::NumberForm;
use crate::aggregate::options::{Options, Refused, float};
use crate::aggregate::request::Reading;
use crate::error::QueryError;
use crate::expr::Number;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "percentiles", has_buckets: false, read };

/// Most percents of one aggregation: more than a curve on a screen has points.
const PERCENTS_MAX: usize = 1_000;

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    let percents = options.take("percents").map(|given| read_percents(&given)).transpose()?;
    // As in Elasticsearch, ranks are named unless the request says otherwise.
    let listing = match options.take("keyed") {
        None | Some(Value::Bool(true)) => Listing::ByName,
        Some(Value::Bool(false)) => Listing::InOrder,
        Some(_) => return Err("\"keyed\" must be true or false".into()),
    };
    let missing = missing(&mut options, field.values)?.map(Number::as_f64);
    options.finish()?;
    Ok(Box::new(Percentiles { field, percents, listing, missing }))
}

fn read_percents(given: &Value) -> Result<Vec<f64>, Refused> {
    let wanted = || format!("\"percents\" must be up to {PERCENTS_MAX} numbers from 0 to 100");
    let given = given.as_array().filter(|given| given.len() <= PERCENTS_MAX).ok_or_else(wanted)?;
    let percent = |value: &Value| float(value).filter(|percent| (0.0..=100.0).contains(percent));
    Ok(given.iter().map(percent).collect::<Option<_>>().ok_or_else(wanted)?)
}

#[derive(Debug)]
struct Percentiles {
    field: Field,
    percents: Option<Vec<f64>>,
    listing: Listing,
    missing: Option<f64>,
}

impl Aggregation for Percentiles {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let Percentiles { field, percents, listing, missing } = self;
        let NumberColumns { column, beside, .. } =
            columns.numbers(field, NumberForm::AsStored, Digits::OfFloats);
        let engine = PercentilesAggregationReq {
            field: column,
            percents: percents.clone(),
            keyed: false,
            missing: *missing,
        };
        Ok(Running {
            engine: AggregationVariants::Percentiles(engine),
            beside,
            size: Size::of_state(1_400, 180),
            finish: Box::new(PercentRanks { values: field.values, listing: *listing }),
        })
    }
}

#[derive(Debug)]
struct PercentRanks {
    values: Values,
    listing: Listing,
}

impl Finish for PercentRanks {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let MetricResult::Percentiles(result) = metric(result)? else {
            return Err(FOREIGN_RESULT);
        };
        let PercentileValues::Vec(values) = result.values else { return Err(FOREIGN_RESULT) };
        let figure = |value: f64| match self.values {
            // The engine has none over no values.
            _ if value.is_nan() => Figure::None,
            Values::Plain => Figure::float(Some(value)),
            Values::Moments => Figure::Moment(value),
        };
        let ranks = values.into_iter().map(|rank| (rank.key, figure(rank.value))).collect();
        let mut figures = vec![("values", Figure::Ranks(ranks, self.listing))];
        figures.extend(found.skipped().map(|count| (SKIPPED, Figure::Count(count))));
        Ok(Answer::Figures(figures))
    }
}
