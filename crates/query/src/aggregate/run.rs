//! Runs an aggregation request over a plan and shapes the answer.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::{Map, Value};
use tantivy::aggregation::{AggContextParams, AggregationLimitsGuard};
use tantivy::tokenizer::TokenizerManager;
use tierlog_model::RecordKind;

use super::by_time::CountByTime;
use super::collect::{AggregateVisitor, engine_error};
use super::filter::{Condition, SegmentDocs};
use super::{AGGREGATION_BYTES_MAX, BUCKETS_MAX, request, shape};
use crate::execute::segment_docs;
use crate::{Compiled, Deadline, Engine, Expr, Plan, QueryError, ScanReport, TimeRange, Warnings};

/// What an aggregation request is answered with.
#[derive(Debug)]
pub(crate) struct AggregateAnswer {
    /// The results by the names of the request.
    pub(crate) aggregations: Map<String, Value>,
    /// Fields of the request of which some records hold long text: those values are not counted.
    pub(crate) text_left_out: Vec<String>,
    /// What the scan did.
    pub(crate) report: ScanReport,
}

/// Computes an Elasticsearch-shaped `aggs` object over the matches of a plan.
pub(crate) fn aggregate(
    engine: &Engine,
    plan: &Plan,
    aggs: Value,
    deadline: &Deadline,
) -> Result<AggregateAnswer, QueryError> {
    let by_time = CountByTime::read(&aggs);
    // Filters are compiled while the request is read; what they say belongs to the answer.
    let said = RefCell::new(Warnings::default());
    let compile = |condition: Condition| compile(engine, condition, deadline, &said);
    let request = request::read(aggs, engine.clock().now(), engine.pseudonyms(), &compile)?;
    // Only after the request was read: it is refused for the same reasons either way.
    if let Some(by_time) = by_time
        && let Some((aggregations, report)) = by_time.answer(engine, plan, deadline)?
    {
        return Ok(AggregateAnswer { aggregations, text_left_out: Vec::new(), report });
    }
    let limits = AggregationLimitsGuard::new(Some(AGGREGATION_BYTES_MAX), Some(BUCKETS_MAX));
    let context = AggContextParams::new(limits.clone(), TokenizerManager::default())
        .with_value_sources(Arc::new(request.sources));

    let mut visitor = AggregateVisitor::new(&request.aggregations, &context, &request.attributes);
    let mut report = engine.scan(plan, deadline, &mut visitor)?;
    report.warnings.add_missing(&said.into_inner());
    let AggregateVisitor { merged, text, columns, .. } = visitor;
    if let Some(field) = text.iter().find(|field| !columns.contains(*field)) {
        return Err(request::text_field(field, &[]));
    }

    let results = merged.into_final_result(request.aggregations, limits).map_err(engine_error)?;
    let Ok(Value::Object(results)) = serde_json::to_value(results) else {
        return Err(QueryError::Internal("aggregation results are not an object"));
    };
    Ok(AggregateAnswer {
        aggregations: shape::level(&request.outline, results),
        text_left_out: text.into_iter().collect(),
        report,
    })
}

/// Compiles the condition of a `filter` to a search of one segment.
fn compile(
    engine: &Engine,
    condition: Condition,
    deadline: &Deadline,
    said: &RefCell<Warnings>,
) -> Result<SegmentDocs, QueryError> {
    let expr = match condition {
        Condition::Query(text) => {
            let Compiled { expr, warnings } = engine.parse(&text)?;
            said.borrow_mut().add_missing(&warnings);
            expr
        }
        Condition::Has(field) => Expr::Exists(field),
        Condition::Lacks(field) => Expr::Not(Box::new(Expr::Exists(field))),
    };
    let tiers = engine.store().catalogue().tiers();
    let range = TimeRange::default();
    let plan = Plan::new(expr, range, RecordKind::Log, tiers, engine.clock().now());
    let deadline = deadline.clone();
    Ok(Arc::new(move |segment| {
        segment_docs(&plan, segment, &deadline)
            .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))
    }))
}
