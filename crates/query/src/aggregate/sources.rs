//! Chooses what an aggregation of a request reads: a column of the engine, or values that are
//! gathered here; and which hidden aggregations run beside it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value, json};
use tantivy::aggregation::ValueSourceRegistry;
use tantivy::aggregation::agg_req::AggregationVariants;

use super::BUCKETS_MAX;
use super::exact::{PARTS, View};
use super::hidden::{ByKey, DISTINCT, First, Hidden, PRECISION_MAX, SKIPPED};
use super::keys::{Chosen, Key, Keys};
use super::needs::{FieldNeeds, Needs};
use super::numbers::{Counted, Form, Look, Numbers, Occurrences};
use super::registry::{Kind, Spec};
use super::request::Values;
use crate::expr::Number;

/// The columns that tantivy reads through us.
pub(super) struct Sources<'n> {
    /// What fields are known to need.
    pub(super) known: &'n FieldNeeds,
    /// What would matter to the request.
    pub(super) matters: FieldNeeds,
    pub(super) registry: ValueSourceRegistry,
    /// Set when a segment has more different values than may be keys at once.
    pub(super) is_full: Arc<AtomicBool>,
    /// How many were registered: each has a name of its own.
    count: usize,
}

/// What an aggregation reads.
pub(super) struct Source {
    /// What tantivy calls the aggregation.
    pub(super) engine_name: &'static str,
    /// What tantivy calls the values.
    pub(super) column: String,
    /// Parts to put into the visible result.
    pub(super) hidden: Hidden,
    /// The hidden aggregations by the ends of their names.
    pub(super) beside: Vec<(&'static str, AggregationVariants)>,
}

impl<'n> Sources<'n> {
    /// Returns sources for fields with known needs.
    pub(super) fn new(known: &'n FieldNeeds) -> Sources<'n> {
        Sources {
            known,
            matters: FieldNeeds::default(),
            registry: ValueSourceRegistry::default(),
            is_full: Arc::default(),
            count: 0,
        }
    }

    /// Returns what an aggregation over the values of a field reads. Options that the engine
    /// cannot honour over what is gathered here are taken out, and honoured here.
    pub(super) fn of_field(
        &mut self,
        spec: &'static Spec,
        field: &str,
        column: String,
        options: &mut Map<String, Value>,
    ) -> Result<Source, String> {
        let is_attribute = column != field;
        let mut source = Source {
            engine_name: if spec.kind == Kind::DateRange { "range" } else { spec.name },
            column,
            hidden: Hidden::default(),
            beside: Vec::new(),
        };
        match spec.kind {
            Kind::Terms | Kind::Cardinality => {
                if is_attribute {
                    self.keys(spec, field, options, &mut source)?;
                }
                if let Some(threshold) = options.remove("precision_threshold") {
                    list_values(&threshold, &mut source)?;
                }
            }
            Kind::Range | Kind::Histogram | Kind::Percentiles | Kind::Metric if is_attribute => {
                self.numbers(spec, field, options, &mut source)?;
            }
            Kind::ValueCount => {
                let counted = Occurrences { field: field.to_owned(), counted: Counted::All };
                if is_attribute {
                    source.column = self.register(counted);
                }
            }
            Kind::Range
            | Kind::Histogram
            | Kind::Percentiles
            | Kind::Metric
            | Kind::DateHistogram
            | Kind::DateRange
            | Kind::Filter
            | Kind::Missing => {}
        }
        Ok(source)
    }

    fn register(&mut self, provider: impl tantivy::aggregation::ValueSourceProvider) -> String {
        self.count += 1;
        let name = format!("source {}", self.count);
        self.registry.register(&name, Arc::new(provider));
        name
    }

    /// Makes keys of values that lie in several places.
    fn keys(
        &mut self,
        spec: &Spec,
        field: &str,
        options: &mut Map<String, Value>,
        source: &mut Source,
    ) -> Result<(), String> {
        let kinds = spec.kind == Kind::Cardinality;
        self.matters.add(field, Needs { keys: true, kinds, ..Needs::default() });
        if !self.known.of(field).keys {
            return Ok(());
        }
        let missing = options.remove("missing");
        let missing = missing.map(|missing| {
            Key::read(&missing).ok_or_else(|| "\"missing\" must be a value".to_owned())
        });
        let chosen = Chosen::take(options)?.map(Arc::new);
        let is_full = Arc::clone(&self.is_full);
        let keys = Keys { field: field.to_owned(), missing: missing.transpose()?, chosen, is_full };
        source.column = self.register(keys);
        source.hidden.keys = true;
        if spec.kind == Kind::Terms {
            if options.get("min_doc_count").and_then(Value::as_u64) == Some(0) {
                let reason = "lists values of no record, which this field does not have together";
                return Err(format!("\"min_doc_count\": 0 {reason}"));
            }
            source.hidden.by_key = take_key_order(options);
        }
        Ok(())
    }

    /// Reads numbers wherever they lie.
    fn numbers(
        &mut self,
        spec: &'static Spec,
        field: &str,
        options: &mut Map<String, Value>,
        source: &mut Source,
    ) -> Result<(), String> {
        self.matters.add(field, Needs { exact: true, skipped: true, ..Needs::default() });
        let known = self.known.of(field);
        // A segment that shows more than is known ends the round before anything is read.
        let look = if known == Needs::default() { Look::OwnColumns } else { Look::Everywhere };
        let form = if spec.kind == Kind::Range { Form::Floats } else { Form::AsStored };
        let mut numbers = Numbers::of(field, form, look);
        if spec.kind == Kind::Metric && known.exact {
            numbers.missing = match options.remove("missing") {
                None | Some(Value::Null) => None,
                Some(missing) => Some(number(&missing)?),
            };
            source.hidden.exact = true;
            for (end, view) in PARTS {
                let part = Numbers { field: field.to_owned(), form, view, ..numbers };
                let column = self.register(part);
                source.beside.push((end, variant("stats", &json!({ "field": column }))?));
            }
        }
        if known.skipped {
            source.hidden.skipped = true;
            let counted = Occurrences { field: field.to_owned(), counted: Counted::NoNumbers };
            let column = self.register(counted);
            source.beside.push((SKIPPED, variant("value_count", &json!({ "field": column }))?));
        }
        source.column = self.register(Numbers { view: View::All, ..numbers });
        Ok(())
    }
}

/// Lists the values of a cardinality, to count them while they are few.
fn list_values(threshold: &Value, source: &mut Source) -> Result<(), String> {
    let threshold = match threshold {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let threshold = threshold.filter(|threshold| *threshold <= PRECISION_MAX).ok_or_else(|| {
        format!("\"precision_threshold\" must be a whole number up to {PRECISION_MAX}")
    })?;
    if threshold > 0 {
        // A value beyond the threshold tells that there are too many.
        let size = threshold + 1;
        let terms = json!({"field": source.column, "size": size, "segment_size": size});
        source.beside.push((DISTINCT, variant("terms", &terms)?));
        source.hidden.distinct_max = Some(threshold);
    }
    Ok(())
}

/// Takes an order by keys, which the engine does not know of values that are gathered here: all
/// buckets are asked for, and ordered when they are there.
fn take_key_order(options: &mut Map<String, Value>) -> Option<ByKey> {
    let order = options.get("order")?.as_object()?;
    let direction = order.get("_key").or_else(|| order.get("_term"))?.as_str()?;
    let first =
        if direction.eq_ignore_ascii_case("desc") { First::Largest } else { First::Smallest };
    let size = options.get("size").and_then(Value::as_u64).unwrap_or(10);
    options.remove("order");
    options.insert("size".to_owned(), json!(BUCKETS_MAX));
    options.insert("segment_size".to_owned(), json!(BUCKETS_MAX));
    Some(ByKey { first, size: usize::try_from(size).unwrap_or(usize::MAX) })
}

fn number(value: &Value) -> Result<Number, String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    Number::read(&text).ok_or_else(|| "\"missing\" must be a number".to_owned())
}

fn variant(name: &str, options: &Value) -> Result<AggregationVariants, String> {
    serde_json::from_value(json!({ name: options })).map_err(|error| error.to_string())
}

/// Tells whether an aggregation computes with numbers of records.
pub(super) fn is_of_numbers(kind: Kind, values: Values) -> bool {
    kind == Kind::Metric && values == Values::Plain
}
