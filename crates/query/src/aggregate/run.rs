//! Runs an aggregation request over a plan and shapes the answer.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Map, Value};
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::{IntermediateAggregationResults, PruneMode};
use tantivy::aggregation::{AggContextParams, AggregationLimitsGuard};
use tantivy::tokenizer::TokenizerManager;
use tierlog_model::RecordKind;
use tierlog_model::memory::MemoryUse;

use super::by_time::CountByTime;
use super::collect::{AggregateVisitor, MEMORY, Run, engine_error};
use super::filter::{Condition, SegmentDocs};
use super::growth::Growth;
use super::hidden::LeftOut;
use super::keys::LISTED_MAX;
use super::needs::{FieldNeeds, Needs, NumberKinds, Survey};
use super::request::{Node, Request};
use super::{BUCKETS_MAX, exact, request, shape, sources};
use crate::dialect::KnownFields as _;
use crate::dialect::lucene::Compiled;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::execute::{Deadline, ScanReport, segment_docs};
use crate::expr::Expr;
use crate::known_fields::StoredFields;
use crate::plan::Plan;
use crate::time_range::TimeRange;
use crate::warning::{Warning, WarningCode, Warnings};

/// What an aggregation request is answered with.
#[derive(Debug)]
pub(crate) struct AggregateAnswer {
    /// The results by the names of the request.
    pub(crate) aggregations: Map<String, Value>,
    /// What the scan did.
    pub(crate) report: ScanReport,
}

/// Computes an Elasticsearch-shaped `aggs` object over the matches of a plan.
pub(crate) fn aggregate(
    engine: &Engine,
    plan: &Plan,
    aggs: &Value,
    deadline: &Deadline,
) -> Result<AggregateAnswer, QueryError> {
    let by_time = CountByTime::read(aggs);
    // Filters are compiled while the request is read; what they say belongs to the answer.
    let said = RefCell::new(Warnings::default());
    let compile = |condition: Condition| compile(engine, condition, deadline, &said);
    let now = engine.clock().now();
    let mut known = FieldNeeds::default();
    let fields = StoredFields::new(engine, plan.range, plan.kind);
    let name_of = |written: &str| column_name(engine, &fields, written);
    let names = request::Names { pseudonyms: engine.pseudonyms(), name_of: &name_of };
    let request = request::read(aggs.clone(), now, names, &known, &compile)?;
    // Only after the request was read: it is refused for the same reasons either way.
    if let Some(by_time) = by_time
        && let Some((aggregations, report)) = by_time.answer(engine, plan, deadline)?
    {
        return Ok(AggregateAnswer { aggregations, report });
    }
    let mut asked = Vec::new();
    add_fields(&request.outline, &mut asked);
    let (matters, mut request) = (request.matters.clone(), request);
    // Every round but the last has found a need that it did not know; a survey finds all others.
    loop {
        match round(engine, plan, request, &known, deadline)? {
            Round::Done(mut answer) => {
                answer.report.warnings.add_missing(&said.into_inner());
                engine.note_absent(plan, &asked, &mut answer.report.warnings);
                return Ok(*answer);
            }
            Round::Needs(news) => known.extend(&news),
        }
        let mut survey = Survey { matters: &matters, known, seen: NumberKinds::default() };
        engine.scan(plan, deadline, &mut survey)?;
        known = survey.known;
        request = request::read(aggs.clone(), now, names, &known, &compile)?;
    }
}

/// Lists the fields that a request names.
fn add_fields(outline: &[Node], fields: &mut Vec<String>) {
    for node in outline {
        if !node.field.is_empty() && !fields.contains(&node.field) {
            fields.push(node.field.clone());
        }
        add_fields(&node.children, fields);
    }
}

/// What came of running a request.
enum Round {
    Done(Box<AggregateAnswer>),
    /// It has to reckon with more.
    Needs(FieldNeeds),
}

fn round(
    engine: &Engine,
    plan: &Plan,
    request: Request,
    known: &FieldNeeds,
    deadline: &Deadline,
) -> Result<Round, QueryError> {
    let limits = AggregationLimitsGuard::new(Some(memory_bytes(engine)), Some(BUCKETS_MAX));
    let context = AggContextParams::new(limits, TokenizerManager::default())
        .with_value_sources(Arc::new(request.sources));
    let growth = Growth::of(&request.outline);
    let mut visitor = AggregateVisitor::new(Run {
        aggregations: &request.aggregations,
        context: &context,
        matters: &request.matters,
        known,
        growth: &growth,
        deadline,
    });
    let mut report = engine.scan(plan, deadline, &mut visitor)?;
    let AggregateVisitor { merged, news, .. } = visitor;
    if !news.is_empty() {
        return Ok(Round::Needs(news));
    }
    if request.is_full.load(Relaxed) {
        return Err(QueryError::TooExpensive { what: "different values", limit: LISTED_MAX });
    }
    let results = final_results(merged, request.aggregations, growth.gap_bytes(), deadline)?;
    let mut rounded = FieldNeeds::default();
    add_rounded(&request.outline, &results, known, &mut rounded);
    if !rounded.is_empty() {
        return Ok(Round::Needs(rounded));
    }
    let mut left_out = LeftOut::default();
    let shape = || shape::level(&request.outline, results, &mut left_out);
    let aggregations = deadline.metered(shape);
    deadline.check_memory()?;
    for (field, count) in left_out.fields() {
        let detail = format!("values of {field:?} that are no numbers are not computed with");
        let warning = Warning::new(WarningCode::ValuesLeftOut, detail);
        report.warnings.add(warning.of_field(field).counting(count));
    }
    Ok(Round::Done(Box::new(AggregateAnswer { aggregations, report })))
}

/// Bytes of a bucket that fills a gap of a histogram, as the engine's own limit counts them.
const GAP_COUNTED_BYTES: u64 = 64;

/// Bytes that gaps may take when there is no room for as many as an answer may have buckets.
const GAPS_BYTES_MIN: u64 = 16 << 20;

/// Returns what the engine's own, rough estimate may come to: the budget counts what is allocated.
fn memory_bytes(engine: &Engine) -> u64 {
    engine.config().memory.part(MemoryUse::Aggregations).limit_bytes()
}

/// How many times as much JSON takes as the results that it is made of, measured over buckets of
/// `extended_stats`: every number has a name and a text.
const JSON_GROWTH: u64 = 5;

/// Makes the engine's final results of what was merged, and JSON of them: each takes as much again
/// as what it is made of.
fn final_results(
    mut merged: IntermediateAggregationResults,
    aggregations: Aggregations,
    gap_bytes: u64,
    deadline: &Deadline,
) -> Result<Map<String, Value>, QueryError> {
    // The engine would make final results of every bucket first, and cut them then.
    deadline
        .metered(|| merged.prune_intermediate_results(&aggregations, PruneMode::Final))
        .map_err(engine_error)?;
    let held_bytes = deadline.held_bytes();
    // Histograms fill their gaps here: no more of them than an answer may have buckets.
    let mut gaps = u64::from(BUCKETS_MAX);
    if deadline.reserve(held_bytes + gaps * gap_bytes).is_err() {
        gaps = GAPS_BYTES_MIN / gap_bytes.max(1);
        deadline.reserve(held_bytes + gaps * gap_bytes)?;
    }
    let limits = AggregationLimitsGuard::new(Some(gaps * GAP_COUNTED_BYTES), Some(BUCKETS_MAX));
    let results =
        deadline.metered(|| merged.into_final_result(aggregations, limits)).map_err(|error| {
            match engine_error(error) {
                QueryError::TooExpensive { what: MEMORY, .. } => {
                    QueryError::TooExpensive { what: "buckets", limit: BUCKETS_MAX as usize }
                }
                error => error,
            }
        })?;
    let final_bytes = deadline.held_bytes();
    deadline.reserve(final_bytes.saturating_mul(JSON_GROWTH))?;
    let Ok(Value::Object(results)) = deadline.metered(|| serde_json::to_value(results)) else {
        return Err(QueryError::Internal("aggregation results are not an object"));
    };
    tracing::trace!(
        merged = held_bytes,
        final_bytes,
        json = deadline.held_bytes(),
        "made an answer"
    );
    deadline.check_memory()?;
    Ok(results)
}

/// Finds the fields whose sums are so large that floats have rounded them.
fn add_rounded(
    outline: &[Node],
    results: &Map<String, Value>,
    known: &FieldNeeds,
    rounded: &mut FieldNeeds,
) {
    for node in outline {
        let Some(result) = results.get(&node.name) else { continue };
        if sources::is_of_numbers(node.kind, node.values)
            && !known.of(&node.field).exact
            && exact::may_be_rounded(result)
        {
            rounded.add(&node.field, Needs { exact: true, ..Needs::default() });
        }
        let buckets = match result.get("buckets") {
            Some(Value::Array(buckets)) => buckets.iter().collect(),
            Some(Value::Object(buckets)) => buckets.values().collect(),
            _ => vec![result],
        };
        for bucket in buckets.into_iter().filter_map(Value::as_object) {
            add_rounded(&node.children, bucket, known, rounded);
        }
    }
}

/// Returns the column that a field of the request names: the contract's, unless the records have
/// only the one that is called as it is written.
fn column_name(engine: &Engine, fields: &StoredFields<'_>, written: &str) -> String {
    let canonical = engine.config().spellings.canonical(written);
    let is_own = canonical != written && !fields.has(canonical) && fields.has(written);
    if is_own { written.to_owned() } else { canonical.to_owned() }
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
