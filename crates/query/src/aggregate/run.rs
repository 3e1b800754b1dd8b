//! Runs an aggregation request over a plan and shapes the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::agg_result::AggregationResults;
use tantivy::aggregation::intermediate_agg_result::PruneMode;
use tantivy::aggregation::{AggContextParams, AggregationLimitsGuard};
use tantivy::tokenizer::TokenizerManager;
use tierlog_store::Store;

use super::BUCKETS_MAX;
use super::answer::Answers;
use super::build::{Built, build};
use super::collect::{AggregateVisitor, MEMORY, Run, engine_error};
use super::filter::SegmentDocs;
use super::found::{Notes, answers};
use super::growth::Growth;
use super::keys::LISTED_MAX;
use super::needs::{FieldNeeds, NumberKinds, Survey};
use super::partial::Partial;
use super::request::Request;
use crate::error::QueryError;
use crate::execute::{Deadline, ScanReport, scan_newest, segment_docs};
use crate::expr::Expr;
use crate::plan::{Expired, Plan};
use crate::warning::{Warning, WarningCode};

/// What an aggregation request is answered with.
#[derive(Debug)]
pub(crate) struct AggregateAnswer {
    /// The answers by the names of the request.
    pub(crate) answers: Answers,
    /// What the scan did.
    pub(crate) report: ScanReport,
    /// Levels that the asked range has outlived.
    pub(crate) expired: Vec<Expired>,
}

/// Computes aggregations over a plan.
pub(crate) struct Aggregator<'a> {
    /// The store.
    pub(crate) store: &'a Store,
    /// The records to compute of.
    pub(crate) plan: &'a Plan,
    /// The plan of a condition inside of a filter.
    pub(crate) condition: &'a dyn Fn(&Expr) -> Plan,
    /// What tantivy's own estimate of memory may come to.
    pub(crate) estimate_bytes_max: u64,
    /// When the query must stop.
    pub(crate) deadline: &'a Deadline,
}

impl Aggregator<'_> {
    /// Computes a request.
    pub(crate) fn run(&self, request: &Request) -> Result<AggregateAnswer, QueryError> {
        let Aggregator { store, plan, deadline, .. } = *self;
        if let Some(by_time) = &request.by_time
            && let Some((answers, report)) = by_time.answer(store, plan, deadline)?
        {
            let expired = plan.expired.clone();
            return Ok(AggregateAnswer { answers, report, expired });
        }
        let mut known = FieldNeeds::default();
        // Every round but the last has found a need that it did not know; a survey finds all
        // others.
        loop {
            let built = build(&request.asked, &known, &|expr| self.segment_docs(expr))?;
            let matters = built.matters.clone();
            let round = match self.collect(&built, &known)? {
                Collected::Needs(news) => Round::Needs(news),
                Collected::Partial(partial, report) => self.finish(built, *partial, *report)?,
            };
            match round {
                Round::Done(answer) => return Ok(*answer),
                Round::Needs(news) => known.extend(&news),
            }
            let mut survey = Survey { matters: &matters, known, seen: NumberKinds::default() };
            scan_newest(store, plan, deadline, &mut survey)?;
            known = survey.known;
        }
    }

    /// Returns the search of a segment for the records that meet a condition.
    pub(super) fn segment_docs(&self, expr: &Expr) -> SegmentDocs {
        let (plan, deadline) = ((self.condition)(expr), self.deadline.clone());
        Arc::new(move |segment| {
            segment_docs(&plan, segment, &deadline)
                .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))
        })
    }

    /// Collects the partial result over the plan's records.
    pub(super) fn collect(
        &self,
        request: &Built,
        known: &FieldNeeds,
    ) -> Result<Collected, QueryError> {
        let Aggregator { store, plan, estimate_bytes_max, deadline, .. } = *self;
        let limits = AggregationLimitsGuard::new(Some(estimate_bytes_max), Some(BUCKETS_MAX));
        let context = AggContextParams::new(limits, TokenizerManager::default())
            .with_value_sources(Arc::clone(&request.sources));
        let growth = Growth::of(&request.outline);
        let mut visitor = AggregateVisitor::new(Run {
            aggregations: &request.aggregations,
            context: &context,
            matters: &request.matters,
            known,
            growth: &growth,
            deadline,
        });
        let report = scan_newest(store, plan, deadline, &mut visitor)?;
        let AggregateVisitor { merged, news, .. } = visitor;
        if !news.is_empty() {
            return Ok(Collected::Needs(news));
        }
        if request.is_full.load(Relaxed) {
            return Err(QueryError::TooExpensive { what: "different values", limit: LISTED_MAX });
        }
        Ok(Collected::Partial(Box::new(merged), Box::new(report)))
    }

    /// Makes the answer of a partial result over all records.
    pub(super) fn finish(
        &self,
        request: Built,
        merged: Partial,
        mut report: ScanReport,
    ) -> Result<Round, QueryError> {
        let Aggregator { plan, deadline, .. } = *self;
        let gap_bytes = Growth::of(&request.outline).gap_bytes();
        let results = final_results(merged, request.aggregations, gap_bytes, deadline)?;
        let mut notes = Notes::default();
        let answers = deadline.metered(|| answers(&request.outline, results, &mut notes))?;
        deadline.check_memory()?;
        let Notes { left_out, rounded } = notes;
        if !rounded.is_empty() {
            return Ok(Round::Needs(rounded));
        }
        for (field, count) in left_out.fields() {
            let detail = format!("values of {field:?} that are no numbers are not computed with");
            let warning = Warning::new(WarningCode::ValuesLeftOut, detail);
            report.warnings.add(warning.of_field(field).counting(count));
        }
        let expired = plan.expired.clone();
        Ok(Round::Done(Box::new(AggregateAnswer { answers, report, expired })))
    }
}

/// The outcome of a scan.
pub(super) enum Collected {
    /// The partial result over the scanned records, and the report of the scan.
    Partial(Box<Partial>, Box<ScanReport>),
    /// A segment has shown needs that the request does not reckon with.
    Needs(FieldNeeds),
}

/// The outcome of running a request.
pub(super) enum Round {
    Done(Box<AggregateAnswer>),
    /// It has to reckon with more.
    Needs(FieldNeeds),
}

/// Bytes of a bucket that fills a gap of a histogram, as the engine's own limit counts them.
const GAP_COUNTED_BYTES: u64 = 64;

/// Bytes that gaps may take when there is no room for as many as an answer may have buckets.
const GAPS_BYTES_MIN: u64 = 16 << 20;

/// How many times as much answers take as the results of the engine, measured over buckets of many
/// figures: every figure has a name and room for an integer of 128 bits.
const ANSWER_GROWTH: u64 = 5;

/// Makes the engine's final results of what was merged, with room for the answers: each takes as
/// much again as what it is made of.
fn final_results(
    mut merged: Partial,
    aggregations: Aggregations,
    gap_bytes: u64,
    deadline: &Deadline,
) -> Result<AggregationResults, QueryError> {
    // The engine would make final results of every bucket first, and cut them then.
    deadline.metered(|| merged.prune(&aggregations, PruneMode::Final))?;
    let held_bytes = deadline.held_bytes();
    // Histograms fill their gaps here: no more of them than an answer may have buckets.
    let mut gaps = u64::from(BUCKETS_MAX);
    if deadline.reserve(held_bytes + gaps * gap_bytes).is_err() {
        gaps = GAPS_BYTES_MIN / gap_bytes.max(1);
        deadline.reserve(held_bytes + gaps * gap_bytes)?;
    }
    let limits = AggregationLimitsGuard::new(Some(gaps * GAP_COUNTED_BYTES), Some(BUCKETS_MAX));
    let results = deadline
        .metered(|| merged.into_inner().into_final_result(aggregations, limits))
        .map_err(|error| match engine_error(error) {
            QueryError::TooExpensive { what: MEMORY, .. } => {
                QueryError::TooExpensive { what: "buckets", limit: BUCKETS_MAX as usize }
            }
            error => error,
        })?;
    let final_bytes = deadline.held_bytes();
    tracing::trace!(merged = held_bytes, final_bytes, "made final results");
    deadline.reserve(final_bytes.saturating_mul(ANSWER_GROWTH))?;
    deadline.check_memory()?;
    Ok(results)
}
