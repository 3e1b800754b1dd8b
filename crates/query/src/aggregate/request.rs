//! Reads an Elasticsearch-shaped `aggs` object: JSON arrives, named aggregations with typed options
//! leave. Names are canonical, moments absolute and conditions compiled from here on.

use std::sync::Arc;

use serde_json::{Map, Value};
use tierlog_model::{Pseudonyms, Timestamp};

use super::by_time::CountByTime;
use super::found::MARK;
use super::kind::{Aggregation, Field, Kind};
use super::kinds;
use super::options::{Options, Refused};
use crate::dialect::es_query::{self, EsQuery};
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
    pub(super) name: Arc<str>,
    /// The names from the outermost aggregation to this one, for errors.
    pub(super) path: Vec<String>,
    /// What it computes.
    pub(super) aggregation: Box<dyn Aggregation>,
    /// What is nested inside.
    pub(super) inner: Vec<Asked>,
}

impl Request {
    /// Reads a request.
    pub(crate) fn read(aggs: Value, names: Names<'_>) -> Result<Request, QueryError> {
        let reading = Reading { names, warnings: Warnings::default() };
        let mut reader = RequestReader { reading, nodes: 0 };
        let asked = reader.level(aggs, &mut Vec::new())?;
        let by_time = CountByTime::of(&asked);
        Ok(Request { asked, by_time, warnings: reader.reading.warnings })
    }

    /// Returns the request for one aggregation.
    pub(super) fn of(name: &str, aggregation: Box<dyn Aggregation>) -> Request {
        let path = vec![name.to_owned()];
        let asked = vec![Asked { name: name.into(), path, aggregation, inner: Vec::new() }];
        Request { asked, by_time: None, warnings: Warnings::default() }
    }

    /// Returns the fields that the request names, once each.
    pub(crate) fn fields(&self) -> Vec<String> {
        fn add(asked: &[Asked], fields: &mut Vec<String>) {
            for Asked { aggregation, inner, .. } in asked {
                if let Some(field) = aggregation.field()
                    && !fields.contains(&field.name)
                {
                    fields.push(field.name.clone());
                }
                add(inner, fields);
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
fn invalid(path: &[String], message: impl std::fmt::Display) -> QueryError {
    let path = path.join(".");
    let message = if path.is_empty() { message.to_string() } else { format!("{path}: {message}") };
    QueryError::Parameter { name: "aggs", message }
}

/// Returns the error of a refused aggregation, which the path names.
pub(super) fn refused(path: &[String], why: Refused) -> QueryError {
    match why {
        Refused::Because(reason) => invalid(path, reason),
        Refused::Error(error) => error,
    }
}

/// What a kind reads its options with.
pub(super) struct Reading<'n> {
    names: Names<'n>,
    warnings: Warnings,
}

impl Reading<'_> {
    /// Returns the present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.names.now
    }

    /// Returns which fields are pseudonymised.
    pub(super) fn pseudonyms(&self) -> &Pseudonyms {
        self.names.pseudonyms
    }

    /// Takes the canonical name of the field.
    pub(super) fn field_name(&self, options: &mut Options) -> Result<String, Refused> {
        match options.take("field") {
            Some(Value::String(field)) if !field.is_empty() => Ok((self.names.name_of)(&field)),
            Some(_) => Err("\"field\" must be a text".into()),
            None => Err("\"field\" is missing".into()),
        }
    }

    /// Takes the field, which must have values.
    pub(super) fn field(&self, options: &mut Options) -> Result<Field, Refused> {
        Field::of(self.field_name(options)?)
    }

    /// Reads a condition on records.
    pub(super) fn condition(&mut self, given: &Value) -> Result<Expr, Refused> {
        Ok(match es_query::read(given)? {
            EsQuery::Query(text) => {
                let query = (self.names.condition)(&text)?;
                self.warnings.add_missing(&query.warnings);
                query.expr
            }
            EsQuery::Has(field) => Expr::Exists(field),
        })
    }
}

struct RequestReader<'n> {
    reading: Reading<'n>,
    nodes: usize,
}

impl RequestReader<'_> {
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
        if RESERVED.contains(&name.as_str()) || name.starts_with(MARK) {
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
        let (kind, options) = one_kind(body, path)?;
        if nested.is_some() && !kind.has_buckets {
            return Err(invalid(path, format!("{} has no buckets to nest inside", kind.name)));
        }
        let aggregation = (kind.read)(options, &mut self.reading);
        let aggregation = aggregation.map_err(|why| refused(path, why))?;
        let inner = match nested {
            Some(nested) => self.level(nested, path)?,
            None => Vec::new(),
        };
        Ok(Asked { name: name.into(), path: path.clone(), aggregation, inner })
    }
}

/// Returns the kind of an aggregation with the options of the kind.
fn one_kind(
    body: Map<String, Value>,
    path: &[String],
) -> Result<(&'static Kind, Value), QueryError> {
    let mut kinds = body.into_iter();
    let (Some((name, options)), None) = (kinds.next(), kinds.next()) else {
        return Err(invalid(path, "an aggregation must name exactly one kind"));
    };
    let kind = kinds::find(&name).ok_or_else(|| {
        let names = kinds::names().join(", ");
        invalid(path, format!("no aggregation {name:?}; there are {names}"))
    })?;
    Ok((kind, options))
}
