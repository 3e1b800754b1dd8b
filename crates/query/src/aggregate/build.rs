//! Builds tantivy's request tree from a request, with an outline of the same tree and the columns
//! that tantivy reads through this room.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use tantivy::aggregation::ValueSourceRegistry;
use tantivy::aggregation::agg_req::{Aggregation, AggregationVariants, Aggregations};
use tantivy::aggregation::bucket::FilterAggregation;

use super::filter::{FilterBuilder, SegmentDocs};
use super::hidden::{self, Hidden, Owner};
use super::needs::FieldNeeds;
use super::ranges::Range;
use super::registry::Kind;
use super::request::{Asked, Of, OfField, Values, invalid};
use super::sources::{Source, Sources};
use crate::error::QueryError;
use crate::expr::Expr;

/// A request that is ready to run.
pub(super) struct Built {
    /// What tantivy computes.
    pub(super) aggregations: Aggregations,
    /// The same tree in the order of the request, for shaping the answer.
    pub(super) outline: Vec<Node>,
    /// Columns that tantivy reads through us.
    pub(super) sources: Arc<ValueSourceRegistry>,
    /// What would matter to it, by field.
    pub(super) matters: FieldNeeds,
    /// Set when a segment has more different values than may be keys at once.
    pub(super) is_full: Arc<AtomicBool>,
}

/// One aggregation of the outline.
#[derive(Debug)]
pub(super) struct Node {
    /// The name that the client gave it.
    pub(super) name: String,
    /// What it does.
    pub(super) kind: Kind,
    /// What tantivy calls it.
    pub(super) engine_name: &'static str,
    /// Its field; empty for a filter.
    pub(super) field: String,
    /// Its number in the request.
    pub(super) number: usize,
    /// What runs beside it.
    pub(super) hidden: Hidden,
    /// Whether its numbers are moments.
    pub(super) values: Values,
    /// Ranges of the request, for the kinds that have some.
    pub(super) ranges: Vec<Range>,
    /// Most buckets that a segment reports for each bucket above, for terms.
    pub(super) segment_size: u64,
    /// Bytes of the longest text of the request that may stand in each bucket.
    pub(super) text_bytes: u64,
    /// Width of a bucket as the column counts, for histograms with a width known beforehand.
    pub(super) step: Option<f64>,
    /// What is nested inside.
    pub(super) children: Vec<Node>,
}

impl Node {
    /// Returns the properties that hidden aggregations need.
    pub(super) fn owner(&self) -> Owner<'_> {
        let Node { kind, engine_name, number, .. } = *self;
        Owner { kind, engine_name, field: &self.field, number }
    }
}

/// Builds a request over fields that are known to need something; `docs` searches a segment for
/// the records that meet a condition.
pub(super) fn build(
    asked: &[Asked],
    known: &FieldNeeds,
    docs: &dyn Fn(&Expr) -> SegmentDocs,
) -> Result<Built, QueryError> {
    let mut builder = Builder { docs, sources: Sources::new(known), nodes: 0 };
    let (aggregations, outline) = builder.level(asked)?;
    let Sources { registry, matters, is_full, .. } = builder.sources;
    Ok(Built { aggregations, outline, sources: Arc::new(registry), matters, is_full })
}

/// Hidden aggregations beside an aggregation, by name ending.
type Beside = Vec<(&'static str, AggregationVariants)>;

struct Builder<'b> {
    docs: &'b dyn Fn(&Expr) -> SegmentDocs,
    sources: Sources<'b>,
    nodes: usize,
}

impl Builder<'_> {
    fn level(&mut self, asked: &[Asked]) -> Result<(Aggregations, Vec<Node>), QueryError> {
        let mut aggregations = Aggregations::default();
        let mut outline = Vec::with_capacity(asked.len());
        for asked in asked {
            let (agg, beside, mut node) = self.aggregation(asked)?;
            let (sub_aggregation, children) = self.level(&asked.inner)?;
            node.children = children;
            for (end, agg) in beside {
                let aggregation = Aggregation { agg, sub_aggregation: Aggregations::default() };
                aggregations.insert(hidden::name_of(end, &asked.name), aggregation);
            }
            aggregations.insert(asked.name.clone(), Aggregation { agg, sub_aggregation });
            outline.push(node);
        }
        Ok((aggregations, outline))
    }

    fn aggregation(
        &mut self,
        asked: &Asked,
    ) -> Result<(AggregationVariants, Beside, Node), QueryError> {
        self.nodes += 1;
        let mut node = Node {
            name: asked.name.clone(),
            kind: asked.spec.kind,
            engine_name: "filter",
            field: String::new(),
            number: self.nodes,
            hidden: Hidden::default(),
            values: Values::Plain,
            ranges: Vec::new(),
            segment_size: u64::MAX,
            text_bytes: asked.text_bytes,
            step: asked.step,
            children: Vec::new(),
        };
        let of = match &asked.of {
            Of::Records(expr) => {
                let builder = Box::new(FilterBuilder::new((self.docs)(expr)));
                let agg = FilterAggregation::new_with_builder(builder);
                return Ok((AggregationVariants::Filter(agg), Beside::new(), node));
            }
            Of::Field(of) => of,
        };
        let OfField { field, column, values, ranges, options } = of.as_ref();
        let mut options = options.clone();
        let source = self.sources.of_field(asked.spec, field, column.clone(), &mut options);
        let Source { engine_name, column, hidden, beside } =
            source.map_err(|message| invalid(&asked.path, message))?;
        let sizes = ["segment_size", "shard_size"];
        let size = sizes.iter().find_map(|name| options.get(*name).and_then(Value::as_u64));
        node.segment_size = size.unwrap_or(u64::MAX);
        options.insert("field".to_owned(), Value::String(column));
        let request = json!({ engine_name: plain_numbers(Value::Object(options)) });
        let agg = serde_json::from_value(request).map_err(|error| invalid(&asked.path, error))?;
        node.engine_name = engine_name;
        node.field.clone_from(field);
        node.hidden = hidden;
        node.values = *values;
        node.ranges.clone_from(ranges);
        Ok((agg, beside, node))
    }
}

/// Rewrites numbers to the forms that tantivy reads: with arbitrary precision, `1e3` is neither
/// an integer nor a float to serde.
fn plain_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map(|value| json!(value))
            .or_else(|| number.as_u64().map(|value| json!(value)))
            .or_else(|| number.as_f64().map(|value| json!(value)))
            .unwrap_or(Value::Null),
        Value::Array(values) => Value::Array(values.into_iter().map(plain_numbers).collect()),
        Value::Object(map) => Value::Object(
            map.into_iter().map(|(name, value)| (name, plain_numbers(value))).collect(),
        ),
        other => other,
    }
}
