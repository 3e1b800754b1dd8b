//! Reads an Elasticsearch-shaped `aggs` object: JSON arrives, named aggregations with checked
//! options leave. Names are canonical, moments absolute and conditions compiled from here on.

use serde_json::{Map, Value, json};
use tierlog_model::{Pseudonyms, Timestamp, fields};

use super::by_time::CountByTime;
use super::ranges::{self, Range};
use super::registry::{self, Kind, Spec};
use super::{BUCKETS_MAX, hidden, time_options};
use crate::dialect::es_query::{self, Condition};
use crate::error::QueryError;
use crate::expr::Expr;
use crate::query::Query;
use crate::warning::Warnings;

/// Deepest nesting: each level multiplies the buckets; dashboards use three.
const DEPTH_MAX: usize = 8;
/// Most aggregations of a request: each one opens columns in every segment.
const NODES_MAX: usize = 64;

/// Longest name of an aggregation: every bucket above has a copy.
const NAME_BYTES_MAX: usize = 256;

/// Names beside which nested results stand in a bucket.
const RESERVED: [&str; 7] =
    ["key", "key_as_string", "doc_count", "from", "to", "from_as_string", "to_as_string"];

/// What a request's names and texts stand for.
#[derive(Clone, Copy)]
pub(crate) struct Names<'n> {
    /// Which fields are pseudonymised.
    pub(crate) pseudonyms: &'n Pseudonyms,
    /// The present moment.
    pub(crate) now: Timestamp,
    /// The stored name of a field as written.
    pub(crate) name_of: &'n dyn Fn(&str) -> String,
    /// The query that a text means.
    pub(crate) condition: &'n dyn Fn(&str) -> Result<Query, QueryError>,
}

/// Named aggregations over the records of a query.
#[derive(Debug)]
pub(crate) struct Request {
    /// Aggregations in the order of the request.
    pub(super) asked: Vec<Asked>,
    /// The same, when they are just the count that every dashboard draws.
    pub(super) by_time: Option<CountByTime>,
    /// How the conditions of filters were read, where that needs saying.
    warnings: Warnings,
}

/// One aggregation of a request.
#[derive(Debug)]
pub(super) struct Asked {
    /// The name that the client gave it.
    pub(super) name: String,
    /// The names from the outermost aggregation to this one, for errors.
    pub(super) path: Vec<String>,
    /// What it is.
    pub(super) spec: &'static Spec,
    /// What it is computed of.
    pub(super) of: Of,
    /// Bytes of the longest text of the request that may stand in each bucket.
    pub(super) text_bytes: u64,
    /// Width of a bucket as the column counts, for histograms of which it is known beforehand.
    pub(super) step: Option<f64>,
    /// What is nested inside.
    pub(super) inner: Vec<Asked>,
}

/// What an aggregation is computed of.
#[derive(Debug)]
pub(super) enum Of {
    /// The records that meet a condition.
    Records(Box<Expr>),
    /// The values of a field.
    Field(Box<OfField>),
}

/// An aggregation over the values of a field.
#[derive(Debug)]
pub(super) struct OfField {
    /// Canonical name.
    pub(super) field: String,
    /// The field's own column.
    pub(super) column: String,
    /// What its numbers are.
    pub(super) values: Values,
    /// Ranges, for the kinds that have some.
    pub(super) ranges: Vec<Range>,
    /// Checked options.
    pub(super) options: Map<String, Value>,
}

/// What the numbers of an aggregation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Numbers or words of the records.
    Plain,
    /// Moments: nanoseconds inside tantivy, milliseconds and RFC 3339 in answers.
    Moments,
}

impl Request {
    /// Reads a request.
    pub(crate) fn read(aggs: Value, names: Names<'_>) -> Result<Request, QueryError> {
        let by_time = CountByTime::read(&aggs);
        let mut reader = Reader { names, nodes: 0, warnings: Warnings::default() };
        let asked = reader.level(aggs, &mut Vec::new())?;
        Ok(Request { asked, by_time, warnings: reader.warnings })
    }

    /// Returns the fields that the request names, once each.
    pub(crate) fn fields(&self) -> Vec<String> {
        fn add(asked: &[Asked], fields: &mut Vec<String>) {
            for aggregation in asked {
                if let Of::Field(of) = &aggregation.of
                    && !fields.contains(&of.field)
                {
                    fields.push(of.field.clone());
                }
                add(&aggregation.inner, fields);
            }
        }
        let mut fields = Vec::new();
        add(&self.asked, &mut fields);
        fields
    }

    /// Returns what has to be said about the reading of the request.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }
}

/// Returns the error of a request.
pub(super) fn invalid(path: &[String], message: impl std::fmt::Display) -> QueryError {
    let path = path.join(".");
    let message = if path.is_empty() { message.to_string() } else { format!("{path}: {message}") };
    QueryError::Parameter { name: "aggs", message }
}

struct Reader<'c> {
    names: Names<'c>,
    nodes: usize,
    warnings: Warnings,
}

impl Reader<'_> {
    fn level(&mut self, aggs: Value, path: &mut Vec<String>) -> Result<Vec<Asked>, QueryError> {
        let Value::Object(aggs) = aggs else {
            return Err(invalid(path, "aggregations must be an object of named aggregations"));
        };
        if path.len() >= DEPTH_MAX {
            return Err(QueryError::TooExpensive { what: "aggregation depth", limit: DEPTH_MAX });
        }
        let mut asked = Vec::with_capacity(aggs.len());
        for (name, body) in aggs {
            path.push(name.clone());
            asked.push(self.aggregation(name, body, path)?);
            path.pop();
        }
        Ok(asked)
    }

    fn aggregation(
        &mut self,
        name: String,
        body: Value,
        path: &mut Vec<String>,
    ) -> Result<Asked, QueryError> {
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
        let (text_bytes, step) = (text_bytes(&options), time_options::step_of(spec.kind, &options));
        let of = self.of(spec, options, path)?;
        let inner = match nested {
            Some(nested) => self.level(nested, path)?,
            None => Vec::new(),
        };
        Ok(Asked { name, path: path.clone(), spec, of, text_bytes, step, inner })
    }

    fn of(
        &mut self,
        spec: &'static Spec,
        options: Value,
        path: &[String],
    ) -> Result<Of, QueryError> {
        if spec.kind == Kind::Filter {
            let condition = es_query::read(&options).map_err(|message| invalid(path, message))?;
            return self.condition(condition).map(|expr| Of::Records(Box::new(expr)));
        }
        let Value::Object(mut options) = options else {
            return Err(invalid(path, format!("options of {} must be an object", spec.name)));
        };
        let field = (self.names.name_of)(&take_field(&mut options, path)?);
        if let Some(option) = options.keys().find(|name| !spec.options.contains(&name.as_str())) {
            return Err(invalid(path, format!("{} has no option {option:?}", spec.name)));
        }
        if spec.kind == Kind::Missing {
            return Ok(Of::Records(Box::new(Expr::Exists(field).negated())));
        }
        let column = self.column(&field, path)?;
        let values = if column == fields::TIMESTAMP { Values::Moments } else { Values::Plain };
        let now = self.names.now;
        time_options::rewrite(spec.kind, values, &mut options, now)
            .map_err(|message| invalid(path, message))?;
        let ranges = match spec.kind {
            Kind::Range | Kind::DateRange => ranges::rewrite(values, &mut options, now)
                .map_err(|message| invalid(path, message))?,
            _ => Vec::new(),
        };
        if spec.kind == Kind::Terms {
            bound_sizes(&mut options)?;
            self.pseudonymise(&field, &mut options, path)?;
        }
        Ok(Of::Field(Box::new(OfField { field, column, values, ranges, options })))
    }

    fn condition(&mut self, condition: Condition) -> Result<Expr, QueryError> {
        Ok(match condition {
            Condition::Query(text) => {
                let query = (self.names.condition)(&text)?;
                self.warnings.add_missing(&query.warnings);
                query.expr
            }
            Condition::Has(field) => Expr::Exists(field),
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

/// Returns the kind of an aggregation with the options of the kind.
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
