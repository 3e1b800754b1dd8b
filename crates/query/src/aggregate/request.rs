//! Reads an Elasticsearch-shaped `aggs` object: JSON arrives, tantivy's request tree and our own
//! outline of it leave. Field names become column names here and nowhere else.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value, json};
use tantivy::aggregation::ValueSourceRegistry;
use tantivy::aggregation::agg_req::{Aggregation, AggregationVariants, Aggregations};
use tantivy::aggregation::bucket::FilterAggregation;
use tierlog_model::{Pseudonyms, Timestamp, fields};

use super::filter::{self, CompileFilter, Condition, FilterBuilder};
use super::hidden::{self, Hidden, Owner};
use super::needs::FieldNeeds;
use super::ranges::{self, Range};
use super::registry::{self, Kind, Spec};
use super::sources::{Source, Sources};
use super::{BUCKETS_MAX, time_options};
use crate::error::QueryError;

/// Deepest nesting: each level multiplies the buckets; dashboards use three.
const DEPTH_MAX: usize = 8;
/// Most aggregations of a request: each one opens columns in every segment.
const NODES_MAX: usize = 64;

/// Longest name of an aggregation: every bucket above has a copy.
const NAME_BYTES_MAX: usize = 256;

/// Names beside which nested results stand in a bucket.
const RESERVED: [&str; 7] =
    ["key", "key_as_string", "doc_count", "from", "to", "from_as_string", "to_as_string"];

/// What a request's names stand for.
#[derive(Clone, Copy)]
pub(super) struct Names<'n> {
    /// Which fields are pseudonymised.
    pub(super) pseudonyms: &'n Pseudonyms,
    /// The stored name of a field as written.
    pub(super) name_of: &'n dyn Fn(&str) -> String,
}

/// A request that is ready to run.
pub(super) struct Request {
    /// What tantivy computes.
    pub(super) aggregations: Aggregations,
    /// The same tree in the order of the request, for shaping the answer.
    pub(super) outline: Vec<Node>,
    /// Columns that tantivy reads through us.
    pub(super) sources: ValueSourceRegistry,
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
    /// What is nested inside.
    pub(super) children: Vec<Node>,
}

impl Node {
    /// Returns what hidden aggregations need to know of it.
    pub(super) fn owner(&self) -> Owner<'_> {
        let Node { kind, engine_name, number, .. } = *self;
        Owner { kind, engine_name, field: &self.field, number }
    }
}

/// What the numbers of an aggregation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Numbers or words of the records.
    Plain,
    /// Moments: nanoseconds inside tantivy, milliseconds and RFC 3339 in answers.
    Moments,
}

/// Reads a request over fields that are known to need something.
pub(super) fn read(
    aggs: Value,
    now: Timestamp,
    names: Names<'_>,
    known: &FieldNeeds,
    compile: CompileFilter<'_>,
) -> Result<Request, QueryError> {
    let mut reader = Reader { now, names, compile, sources: Sources::new(known), nodes: 0 };
    let (aggregations, outline) = reader.level(aggs, &mut Vec::new())?;
    let Sources { registry, matters, is_full, .. } = reader.sources;
    Ok(Request { aggregations, outline, sources: registry, matters, is_full })
}

/// Returns the error of a request.
pub(super) fn invalid(path: &[String], message: impl std::fmt::Display) -> QueryError {
    let path = path.join(".");
    let message = if path.is_empty() { message.to_string() } else { format!("{path}: {message}") };
    QueryError::Parameter { name: "aggs", message }
}

/// One aggregation without its name and what is nested inside.
struct Variant {
    agg: AggregationVariants,
    engine_name: &'static str,
    field: String,
    hidden: Hidden,
    /// Hidden aggregations by the ends of their names.
    beside: Beside,
    values: Values,
    ranges: Vec<Range>,
    segment_size: u64,
}

/// Hidden aggregations of one, by the ends of their names.
type Beside = Vec<(&'static str, AggregationVariants)>;

struct Reader<'c> {
    now: Timestamp,
    names: Names<'c>,
    compile: CompileFilter<'c>,
    sources: Sources<'c>,
    nodes: usize,
}

impl Reader<'_> {
    fn level(
        &mut self,
        aggs: Value,
        path: &mut Vec<String>,
    ) -> Result<(Aggregations, Vec<Node>), QueryError> {
        let Value::Object(aggs) = aggs else {
            return Err(invalid(path, "aggregations must be an object of named aggregations"));
        };
        if path.len() >= DEPTH_MAX {
            return Err(QueryError::TooExpensive { what: "aggregation depth", limit: DEPTH_MAX });
        }
        let mut aggregations = Aggregations::default();
        let mut outline = Vec::with_capacity(aggs.len());
        for (name, body) in aggs {
            path.push(name.clone());
            let (aggregation, beside, node) = self.aggregation(name.clone(), body, path)?;
            path.pop();
            for (end, agg) in beside {
                let aggregation = Aggregation { agg, sub_aggregation: Aggregations::default() };
                aggregations.insert(hidden::name_of(end, &name), aggregation);
            }
            aggregations.insert(name, aggregation);
            outline.push(node);
        }
        Ok((aggregations, outline))
    }

    fn aggregation(
        &mut self,
        name: String,
        body: Value,
        path: &mut Vec<String>,
    ) -> Result<(Aggregation, Beside, Node), QueryError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(QueryError::TooExpensive { what: "aggregations", limit: NODES_MAX });
        }
        if RESERVED.contains(&name.as_str()) || name.starts_with(hidden::MARK) {
            return Err(invalid(path, "this name is one of a bucket's own"));
        }
        if name.len() > NAME_BYTES_MAX {
            let limit = NAME_BYTES_MAX;
            return Err(QueryError::TooExpensive { what: "aggregation name in bytes", limit });
        }
        let Value::Object(mut body) = body else {
            return Err(invalid(path, "an aggregation must be an object"));
        };
        let nested = body.remove("aggs").or_else(|| body.remove("aggregations"));
        body.remove("meta");
        let (spec, options) = one_kind(body, path)?;
        if nested.is_some() && !spec.has_buckets() {
            return Err(invalid(path, format!("{} has no buckets to nest inside", spec.name)));
        }
        let text_bytes = text_bytes(&options);
        let variant = self.variant(spec, options, path)?;
        let Variant { agg, engine_name, field, hidden, beside, values, ranges, segment_size } =
            variant;
        let (sub_aggregation, children) = match nested {
            Some(nested) => self.level(nested, path)?,
            None => (Aggregations::default(), Vec::new()),
        };
        let (kind, number) = (spec.kind, self.nodes);
        let node = Node {
            name,
            kind,
            engine_name,
            field,
            number,
            hidden,
            values,
            ranges,
            segment_size,
            text_bytes,
            children,
        };
        Ok((Aggregation { agg, sub_aggregation }, beside, node))
    }

    fn variant(
        &mut self,
        spec: &'static Spec,
        options: Value,
        path: &[String],
    ) -> Result<Variant, QueryError> {
        if spec.kind == Kind::Filter {
            let condition = filter::read(&options).map_err(|message| invalid(path, message))?;
            return self.filter(condition);
        }
        let Value::Object(mut options) = options else {
            return Err(invalid(path, format!("options of {} must be an object", spec.name)));
        };
        let field = (self.names.name_of)(&take_field(&mut options, path)?);
        if let Some(option) = options.keys().find(|name| !spec.options.contains(&name.as_str())) {
            return Err(invalid(path, format!("{} has no option {option:?}", spec.name)));
        }
        if spec.kind == Kind::Missing {
            return self.filter(Condition::Lacks(field));
        }
        let column = self.column(&field, path)?;
        let values = if column == fields::TIMESTAMP { Values::Moments } else { Values::Plain };
        time_options::rewrite(spec.kind, values, &mut options, self.now)
            .map_err(|message| invalid(path, message))?;
        let ranges = match spec.kind {
            Kind::Range | Kind::DateRange => ranges::rewrite(values, &mut options, self.now)
                .map_err(|message| invalid(path, message))?,
            _ => Vec::new(),
        };
        if spec.kind == Kind::Terms {
            bound_sizes(&mut options)?;
            self.pseudonymise(&field, &mut options, path)?;
        }
        let source = self.sources.of_field(spec, &field, column, &mut options);
        let Source { engine_name, column, hidden, beside } =
            source.map_err(|message| invalid(path, message))?;
        let segment_size = ["segment_size", "shard_size"]
            .iter()
            .find_map(|name| options.get(*name).and_then(Value::as_u64))
            .unwrap_or(u64::MAX);
        options.insert("field".to_owned(), Value::String(column));
        let request = json!({ engine_name: plain_numbers(Value::Object(options)) });
        let agg = serde_json::from_value(request).map_err(|error| invalid(path, error))?;
        Ok(Variant { agg, engine_name, field, hidden, beside, values, ranges, segment_size })
    }

    fn filter(&self, condition: Condition) -> Result<Variant, QueryError> {
        let builder = Box::new(FilterBuilder::new((self.compile)(condition)?));
        let agg = AggregationVariants::Filter(FilterAggregation::new_with_builder(builder));
        Ok(Variant {
            agg,
            engine_name: "filter",
            field: String::new(),
            hidden: Hidden::default(),
            beside: Vec::new(),
            values: Values::Plain,
            ranges: Vec::new(),
            segment_size: u64::MAX,
        })
    }

    /// Rewrites the plain values that `include` and `exclude` list to their stored forms.
    fn pseudonymise(
        &self,
        field: &str,
        options: &mut Map<String, Value>,
        path: &[String],
    ) -> Result<(), QueryError> {
        if !self.names.pseudonyms.covers(field) {
            return Ok(());
        }
        for name in ["include", "exclude"] {
            let Some(listed) = options.get_mut(name) else { continue };
            let Value::Array(values) = listed else {
                let reason = "is stored as pseudonyms: list whole values, not an expression";
                return Err(invalid(path, format!("field {field:?} {reason}")));
            };
            let forms = values.iter().flat_map(|value| match value {
                Value::String(text) => self.names.pseudonyms.stored_forms(field, text),
                other => self.names.pseudonyms.stored_forms(field, &other.to_string()),
            });
            *listed = forms.map(Value::String).collect();
        }
        Ok(())
    }

    /// Returns the column of a field; refuses text, which has none.
    fn column(&self, field: &str, path: &[String]) -> Result<String, QueryError> {
        match field {
            fields::TIMESTAMP | fields::LEVEL => Ok(field.to_owned()),
            text if fields::TEXT_FIELDS.contains(&text) => Err(text_field(text, path)),
            other => Ok(tierlog_store::attribute_column(other)),
        }
    }
}

/// Returns the error of an aggregation over text.
pub(super) fn text_field(field: &str, path: &[String]) -> QueryError {
    let reason = "holds text, which is indexed by word and has no values to aggregate";
    invalid(path, format!("field {field:?} {reason}"))
}

/// Returns the bytes of the longest text that stands in a bucket as the request gives it.
fn text_bytes(options: &Value) -> u64 {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map_or(0, str::len);
    let ranges = options.get("ranges").and_then(Value::as_array).into_iter().flatten();
    let longest = ranges.map(|range| text(range.get("key"))).max().unwrap_or(0);
    longest.max(text(options.get("missing"))) as u64
}

/// Returns the one kind that an aggregation names, with its options.
fn one_kind(
    body: Map<String, Value>,
    path: &[String],
) -> Result<(&'static Spec, Value), QueryError> {
    let mut kinds = body.into_iter();
    let (Some((kind, options)), None) = (kinds.next(), kinds.next()) else {
        return Err(invalid(path, "an aggregation must name exactly one kind"));
    };
    let spec = registry::find(&kind).ok_or_else(|| {
        invalid(path, format!("no aggregation {kind:?}; there are {}", registry::names()))
    })?;
    Ok((spec, options))
}

fn take_field(options: &mut Map<String, Value>, path: &[String]) -> Result<String, QueryError> {
    match options.remove("field") {
        Some(Value::String(field)) if !field.is_empty() => Ok(field),
        Some(_) => Err(invalid(path, "\"field\" must be a text")),
        None => Err(invalid(path, "\"field\" is missing")),
    }
}

/// Each segment reports this many values at least, so that ranks near the cut are exact: a few
/// kilobytes for ordinary fields. Elasticsearch cuts a shard, which is larger, at 25.
const SEGMENT_SIZE_MIN: u64 = 1_000;

/// Checks how many values are asked for, and says how many each segment reports.
fn bound_sizes(options: &mut Map<String, Value>) -> Result<(), QueryError> {
    const SIZES: [&str; 3] = ["size", "segment_size", "shard_size"];
    let limit = BUCKETS_MAX as usize;
    let sizes = SIZES.map(|name| options.get(name).and_then(Value::as_u64));
    if sizes.iter().flatten().any(|size| *size > limit as u64) {
        return Err(QueryError::TooExpensive { what: "aggregation size", limit });
    }
    let [size, segment_size, shard_size] = sizes;
    if segment_size.or(shard_size).is_none() {
        let widened = size.unwrap_or(10).saturating_mul(10).max(SEGMENT_SIZE_MIN);
        let widened = widened.min(u64::from(BUCKETS_MAX)).max(size.unwrap_or(0));
        options.insert("segment_size".to_owned(), json!(widened));
    }
    Ok(())
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
