//! `terms`: buckets by value, the most frequent first unless a request says otherwise.

use std::sync::Arc;

use serde_json::Value;
use tantivy::aggregation::Key as EngineKey;
use tantivy::aggregation::agg_req::AggregationVariants;
use tantivy::aggregation::agg_result::{AggregationResult, BucketEntry, BucketResult};
use tantivy::aggregation::bucket::{CustomOrder, Order, OrderTarget, TermsAggregation};
use tierlog_model::fields;

use crate::aggregate::BUCKETS_MAX;
use crate::aggregate::answer::{Answer, BucketKey, Buckets, Cut, Inside, Listing};
use crate::aggregate::by_time::Precounted;
use crate::aggregate::chosen::{Chosen, Texts};
use crate::aggregate::columns::Columns;
use crate::aggregate::found::Findings;
use crate::aggregate::growth::{BucketCount, Size};
use crate::aggregate::keys::{Key, Keys, compare_keys, longest_key_bytes, read_key};
use crate::aggregate::kind::{Aggregation, FOREIGN_RESULT, Field, Finish, Kind, Running};
use crate::aggregate::needs::Needs;
use crate::aggregate::options::{Options, Refused};
use crate::aggregate::request::Reading;
use crate::error::QueryError;
use crate::expr::Number;

/// The kind.
pub(super) const KIND: Kind = Kind { name: "terms", has_buckets: true, read };

/// Buckets of an answer, where a request does not say: as in Elasticsearch.
const SIZE: u32 = 10;

/// Each segment reports this many values at least, so that ranks near the cut are exact: a few
/// kilobytes for ordinary fields. Elasticsearch cuts a shard, which is larger, at 25.
const SEGMENT_SIZE_MIN: u32 = 1_000;

/// Buckets by value.
#[derive(Debug)]
pub(in crate::aggregate) struct Terms {
    field: Field,
    size: Option<u32>,
    /// Most values that a segment reports for each bucket above.
    segment_size: u32,
    order: Option<CustomOrder>,
    missing: Option<Key>,
    min_doc_count: Option<u64>,
    include: Option<Texts>,
    exclude: Option<Texts>,
    shows_error: Option<bool>,
}

fn read(given: Value, reading: &mut Reading<'_>) -> Result<Box<dyn Aggregation>, Refused> {
    let mut options = Options::of(KIND.name, given)?;
    let field = reading.field(&mut options)?;
    let [size, segment_size, shard_size] =
        ["size", "segment_size", "shard_size"].map(|name| read_size(&mut options, name));
    let size = size?;
    let mut texts = |name| -> Result<Option<Texts>, Refused> {
        let Some(given) = options.take(name) else { return Ok(None) };
        let texts = Texts::read(&given)?;
        Ok(Some(texts.stored(&field.name, reading.pseudonyms())?))
    };
    let (include, exclude) = (texts("include")?, texts("exclude")?);
    let missing = options
        .take("missing")
        .map(|given| Key::read(&given).ok_or_else(|| Refused::from("\"missing\" must be a value")));
    let terms = Terms {
        segment_size: segment_size?.or(shard_size?).unwrap_or_else(|| {
            let size = size.unwrap_or(SIZE);
            size.saturating_mul(10).clamp(SEGMENT_SIZE_MIN, BUCKETS_MAX).max(size)
        }),
        field,
        size,
        order: options.take("order").map(|given| read_order(&given)).transpose()?,
        missing: missing.transpose()?,
        min_doc_count: options.whole("min_doc_count")?,
        include,
        exclude,
        shows_error: match options.take("show_term_doc_count_error") {
            None => None,
            Some(Value::Bool(shows)) => Some(shows),
            Some(_) => return Err("\"show_term_doc_count_error\" must be true or false".into()),
        },
    };
    options.finish()?;
    Ok(Box::new(terms))
}

/// Reads how many values are asked for.
fn read_size(options: &mut Options, name: &str) -> Result<Option<u32>, Refused> {
    let Some(size) = options.whole(name)? else { return Ok(None) };
    match u32::try_from(size) {
        Ok(size) if size <= BUCKETS_MAX => Ok(Some(size)),
        _ => {
            let limit = BUCKETS_MAX as usize;
            Err(QueryError::TooExpensive { what: "aggregation size", limit }.into())
        }
    }
}

/// Reads what the buckets are ordered by: one name and a direction.
fn read_order(given: &Value) -> Result<CustomOrder, Refused> {
    let wanted = "\"order\" must name one thing and \"asc\" or \"desc\"";
    let given = match given {
        Value::Array(orders) => match orders.as_slice() {
            [order] => order,
            _ => return Err(wanted.into()),
        },
        order => order,
    };
    let mut entries = given.as_object().into_iter().flatten();
    let (Some((target, Value::String(direction))), None) = (entries.next(), entries.next()) else {
        return Err(wanted.into());
    };
    let order = match direction.to_ascii_lowercase().as_str() {
        "asc" => Order::Asc,
        "desc" => Order::Desc,
        _ => return Err(wanted.into()),
    };
    let target = match target.as_str() {
        "_term" => OrderTarget::Key,
        target => OrderTarget::from(target),
    };
    Ok(CustomOrder { target, order })
}

impl Terms {
    /// Returns the most frequent values of a field; a segment reports so many.
    pub(in crate::aggregate) fn most_frequent(field: Field, size: u32, segment_size: u32) -> Terms {
        Terms {
            field,
            size: Some(size),
            segment_size,
            order: None,
            missing: None,
            min_doc_count: None,
            include: None,
            exclude: None,
            shows_error: None,
        }
    }

    fn engine(&self, column: String) -> TermsAggregation {
        TermsAggregation {
            field: column,
            size: self.size,
            segment_size: Some(self.segment_size),
            show_term_doc_count_error: self.shows_error,
            min_doc_count: self.min_doc_count,
            order: self.order.clone(),
            missing: self.missing.as_ref().map(Key::of_engine),
            include: self.include.as_ref().map(Texts::of_engine),
            exclude: self.exclude.as_ref().map(Texts::of_engine),
        }
    }

    /// Runs over values that are gathered here: what the engine cannot honour over those is taken
    /// out of its options, and honoured here.
    fn over_keys(&self, columns: &mut Columns<'_>) -> Result<(TermsAggregation, Valued), Refused> {
        if self.min_doc_count == Some(0) {
            let reason = "lists values of no record, which this field does not have together";
            return Err(format!("\"min_doc_count\": 0 {reason}").into());
        }
        let mut keys = Keys::of(&self.field, columns);
        keys.missing.clone_from(&self.missing);
        keys.chosen = Chosen::of(self.include.as_ref(), self.exclude.as_ref())?.map(Arc::new);
        let mut engine = self.engine(keys.registered(columns));
        (engine.missing, engine.include, engine.exclude) = (None, None, None);
        let mut by_key = None;
        if let Some(order) = engine.order.take_if(|order| order.target == OrderTarget::Key) {
            // The engine knows no order of such keys: all are asked for, and ordered in the end.
            by_key = Some(ByKey { order: order.order, size: self.size.unwrap_or(SIZE) as usize });
            (engine.size, engine.segment_size) = (Some(BUCKETS_MAX), Some(BUCKETS_MAX));
        }
        Ok((engine, Valued { has_keys: true, by_key }))
    }
}

impl Aggregation for Terms {
    fn field(&self) -> Option<&Field> {
        Some(&self.field)
    }

    fn run(&self, columns: &mut Columns<'_>) -> Result<Running, Refused> {
        let matters = Needs { keys: true, ..Needs::default() };
        let needs = columns.needs(&self.field, matters);
        let (engine, finish) = match needs.keys {
            true => self.over_keys(columns)?,
            false => {
                let engine = self.engine(self.field.column.clone());
                (engine, Valued { has_keys: false, by_key: None })
            }
        };
        let reported_max = engine.segment_size.map_or(u64::MAX, u64::from);
        let buckets = BucketCount::Distinct { reported_max };
        let missing_bytes = self.missing.as_ref().map_or(0, Key::text_bytes);
        let key_bytes = longest_key_bytes(needs).max(missing_bytes);
        Ok(Running {
            engine: AggregationVariants::Terms(engine),
            beside: Vec::new(),
            size: Size { slot_bytes: 16, key_bytes, ..Size::of_buckets(buckets, 160, 40) },
            finish: Box::new(finish),
        })
    }

    fn precounted(&self) -> Option<Precounted> {
        let Terms { field, size, order, missing, min_doc_count, include, exclude, .. } = self;
        let is_plain = size.is_none() && order.is_none() && missing.is_none();
        let is_plain = is_plain && min_doc_count.is_none() && self.shows_error.is_none();
        let is_whole = include.is_none() && exclude.is_none();
        (is_plain && is_whole && field.name == fields::LEVEL).then_some(Precounted::Level)
    }
}

/// Makes the answer.
#[derive(Debug)]
struct Valued {
    /// Whether keys are written with their kinds.
    has_keys: bool,
    /// The order of keys that the engine does not know.
    by_key: Option<ByKey>,
}

/// How buckets are ordered by their keys.
#[derive(Clone, Copy, Debug)]
struct ByKey {
    order: Order,
    /// Buckets that are left.
    size: usize,
}

impl Valued {
    fn key(&self, entry: &BucketEntry) -> BucketKey {
        match (&entry.key, entry.key_as_string.as_deref()) {
            (EngineKey::Str(key), _) if self.has_keys => read_key(key),
            (EngineKey::Str(text), _) => BucketKey::Text(text.clone()),
            (EngineKey::U64(flag), Some("true" | "false")) => BucketKey::Flag(*flag == 1),
            (EngineKey::U64(integer), _) => BucketKey::Number(Number::Integer((*integer).into())),
            (EngineKey::I64(integer), _) => BucketKey::Number(Number::Integer((*integer).into())),
            (EngineKey::F64(float), _) => BucketKey::Number(Number::Float(*float)),
        }
    }
}

impl Finish for Valued {
    fn answer(
        &self,
        result: AggregationResult,
        found: &mut Findings<'_>,
    ) -> Result<Answer, QueryError> {
        let AggregationResult::BucketResult(BucketResult::Terms {
            buckets,
            sum_other_doc_count: mut others,
            doc_count_error_upper_bound: count_error_max,
        }) = result
        else {
            return Err(FOREIGN_RESULT);
        };
        let mut entries: Vec<(BucketKey, BucketEntry)> =
            buckets.into_iter().map(|entry| (self.key(&entry), entry)).collect();
        if let Some(ByKey { order, size }) = self.by_key {
            entries.sort_by(|(left, _), (right, _)| match order {
                Order::Asc => compare_keys(left, right),
                Order::Desc => compare_keys(right, left),
            });
            let cut = entries.split_off(size.min(entries.len()));
            others += cut.iter().map(|(_, entry)| entry.doc_count).sum::<u64>();
        }
        let mut list = Vec::with_capacity(entries.len());
        for (key, entry) in entries {
            let answers = found.nested(entry.sub_aggregation)?;
            list.push((key, Inside { records: entry.doc_count, answers }));
        }
        let cut = Some(Cut { others, count_error_max });
        Ok(Answer::Buckets(Buckets { list, listing: Listing::InOrder, cut, skipped: None }))
    }
}
