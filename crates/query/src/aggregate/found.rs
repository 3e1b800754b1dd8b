//! What a run has found around one aggregation: results beside, answers of nested aggregations, and
//! notes for the whole answer.
//!
//! Names of aggregations beside begin with a character that no name of a client may begin with.

use std::collections::BTreeMap;

use tantivy::aggregation::agg_result::{AggregationResult, AggregationResults, MetricResult};
use tantivy::aggregation::metric::Stats;

use super::answer::Answers;
use super::build::OutlineNode;
use super::kind::FOREIGN_RESULT;
use super::needs::{FieldNeeds, Needs};
use crate::error::QueryError;

/// First character of the name of an aggregation beside.
pub(super) const MARK: char = '\u{0}';

/// Aggregation beside that counts values without a number.
pub(super) const SKIPPED: &str = "skipped";

/// Returns the name of an aggregation beside.
pub(super) fn name_beside(end: &str, name: &str) -> String {
    format!("{MARK}{end}{MARK}{name}")
}

/// Returns the answers of a level of the outline.
pub(super) fn answers(
    outline: &[OutlineNode],
    mut results: AggregationResults,
    notes: &mut Notes,
) -> Result<Answers, QueryError> {
    let mut answers = Vec::with_capacity(outline.len());
    for node in outline {
        let Some(result) = results.0.remove(node.name.as_ref()) else { continue };
        let mut found = Findings { node, results: &mut results, notes };
        let answer = node.finish.answer(result, &mut found)?;
        answers.push((node.name.clone(), answer));
    }
    Ok(Answers(answers))
}

/// What was found around one aggregation.
pub(super) struct Findings<'f> {
    node: &'f OutlineNode,
    results: &'f mut AggregationResults,
    notes: &'f mut Notes,
}

impl Findings<'_> {
    /// Takes the result of an aggregation beside.
    pub(super) fn beside(&mut self, end: &str) -> Option<AggregationResult> {
        self.results.0.remove(&name_beside(end, &self.node.name))
    }

    /// Takes the result of `stats` beside.
    pub(super) fn stats(&mut self, end: &str) -> Option<Stats> {
        match self.beside(end)? {
            AggregationResult::MetricResult(MetricResult::Stats(stats)) => Some(stats),
            _ => None,
        }
    }

    /// Takes the number of values that were no numbers, where there were some, and notes them.
    pub(super) fn skipped(&mut self) -> Option<u64> {
        let result = match self.beside(SKIPPED)? {
            AggregationResult::MetricResult(MetricResult::Count(count)) => count.value,
            _ => None,
        };
        let count = result.filter(|count| *count > 0.0)? as u64;
        self.notes.left_out.add(&self.node.field, self.node.number, count);
        Some(count)
    }

    /// Notes that floats may have rounded integers: the request has to run again.
    pub(super) fn is_rounded(&mut self) {
        self.notes.rounded.add(&self.node.field, Needs { exact: true, ..Needs::default() });
    }

    /// Makes the answers of what is nested in a bucket.
    pub(super) fn nested(&mut self, results: AggregationResults) -> Result<Answers, QueryError> {
        answers(&self.node.children, results, self.notes)
    }
}

/// Notes on the way to an answer.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Values that no aggregation computed with.
    pub(super) left_out: LeftOut,
    /// Fields with sums so large that floats may have rounded them.
    pub(super) rounded: FieldNeeds,
}

/// Values that no aggregation computed with, by field.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeMap<(String, usize), u64>);

impl LeftOut {
    /// Counts values of a field, as one aggregation of the outline found them.
    fn add(&mut self, field: &str, node: usize, count: u64) {
        *self.0.entry((field.to_owned(), node)).or_default() += count;
    }

    /// Returns the fields, each with the most that an aggregation left out.
    pub(super) fn fields(self) -> BTreeMap<String, u64> {
        let mut fields: BTreeMap<String, u64> = BTreeMap::new();
        for ((field, _), count) in self.0 {
            let most = fields.entry(field).or_default();
            *most = count.max(*most);
        }
        fields
    }
}

/// Returns the result of a metric.
pub(super) fn metric(result: AggregationResult) -> Result<MetricResult, QueryError> {
    match result {
        AggregationResult::MetricResult(result) => Ok(result),
        AggregationResult::BucketResult(_) => Err(FOREIGN_RESULT),
    }
}
