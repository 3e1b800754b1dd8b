//! Chooses what an aggregation reads: a column of the engine, or values that are gathered here; and
//! which aggregations run beside it for what such values need.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::bucket::FilterAggregation;
use tantivy::aggregation::metric::{CountAggregation, StatsAggregation};
use tantivy::aggregation::{ValueSourceProvider, ValueSourceRegistry};

use super::exact::{PARTS, View};
use super::filter::{FilterBuilder, SegmentDocs};
use super::found::SKIPPED;
use super::kind::{Beside, Field};
use super::needs::{FieldNeeds, Needs};
use super::numbers::{Counted, Look, NumberForm, Numbers, Occurrences};
use crate::expr::{Expr, Number};

/// The columns that tantivy reads through us.
pub(super) struct Columns<'c> {
    /// Searches a segment for the records that meet a condition.
    docs: &'c dyn Fn(&Expr) -> SegmentDocs,
    /// What fields are known to need.
    known: &'c FieldNeeds,
    /// What would matter to the request.
    pub(super) matters: FieldNeeds,
    pub(super) registry: ValueSourceRegistry,
    /// Set when a segment has more different values than may be keys at once.
    pub(super) is_full: Arc<AtomicBool>,
    /// How many were registered: each has a name of its own.
    count: usize,
}

/// Whether every digit of large integers counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Digits {
    /// Floats suffice.
    OfFloats,
    /// Every digit counts, also of the number that stands for a record without one.
    All { missing: Option<Number> },
}

/// Where an aggregation over numbers reads.
#[derive(Debug)]
pub(super) struct NumberColumns {
    /// What tantivy calls the numbers.
    pub(super) column: String,
    /// Whether the parts of exact numbers run beside, and stand for missing numbers too.
    pub(super) is_exact: bool,
    /// What runs beside.
    pub(super) beside: Vec<Beside>,
}

impl<'c> Columns<'c> {
    /// Returns columns for fields with known needs.
    pub(super) fn new(
        known: &'c FieldNeeds,
        docs: &'c dyn Fn(&Expr) -> SegmentDocs,
    ) -> Columns<'c> {
        Columns {
            docs,
            known,
            matters: FieldNeeds::default(),
            registry: ValueSourceRegistry::default(),
            is_full: Arc::default(),
            count: 0,
        }
    }

    /// Says what would matter to an aggregation over a field. Returns what is known.
    pub(super) fn needs(&mut self, field: &Field, matters: Needs) -> Needs {
        if !field.is_attribute() {
            return Needs::default();
        }
        self.matters.add(&field.name, matters);
        self.known.of(&field.name)
    }

    /// Adds a column of values that are gathered here. Returns the column's name.
    pub(super) fn register(&mut self, provider: impl ValueSourceProvider) -> String {
        self.count += 1;
        let name = format!("source {}", self.count);
        self.registry.register(&name, Arc::new(provider));
        name
    }

    /// Returns the engine's aggregation of the records that meet a condition.
    pub(super) fn records(&self, condition: &Expr) -> AggregationVariants {
        let builder = Box::new(FilterBuilder::new((self.docs)(condition)));
        AggregationVariants::Filter(FilterAggregation::new_with_builder(builder))
    }

    /// Returns the column with one entry for each value of a field.
    pub(super) fn occurrences(&mut self, field: &Field) -> String {
        match field.is_attribute() {
            true => {
                let counted = Counted::All;
                self.register(Occurrences { field: field.name.clone(), counted })
            }
            false => field.column.clone(),
        }
    }

    /// Returns the column of the numbers of a field, wherever the numbers lie.
    pub(super) fn numbers(
        &mut self,
        field: &Field,
        form: NumberForm,
        digits: Digits,
    ) -> NumberColumns {
        let column = field.column.clone();
        let mut columns = NumberColumns { column, is_exact: false, beside: Vec::new() };
        if !field.is_attribute() {
            return columns;
        }
        let known = self.needs(field, Needs { exact: true, skipped: true, ..Needs::default() });
        // A segment that shows more than is known ends the round before anything is read.
        let look = if known == Needs::default() { Look::OwnColumns } else { Look::Everywhere };
        let mut numbers = Numbers::of(&field.name, form, look);
        if let Digits::All { missing } = digits
            && known.exact
        {
            numbers.missing = missing;
            columns.is_exact = true;
            for (end, view) in PARTS {
                let column =
                    self.register(Numbers { field: field.name.clone(), form, view, ..numbers });
                let stats = StatsAggregation::from_field_name(column);
                let engine = AggregationVariants::Stats(stats);
                columns.beside.push(Beside { end, engine, size: None });
            }
        }
        if known.skipped {
            let counted = Counted::NoNumbers;
            let column = self.register(Occurrences { field: field.name.clone(), counted });
            let count = CountAggregation::from_field_name(column);
            let engine = AggregationVariants::Count(count);
            columns.beside.push(Beside { end: SKIPPED, engine, size: None });
        }
        columns.column = self.register(Numbers { view: View::All, ..numbers });
        columns
    }
}
