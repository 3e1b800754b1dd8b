//! Answers as Elasticsearch writes them: moments in milliseconds with their RFC 3339 text beside
//! them, nested answers beside the keys of their bucket.
//!
//! Values arrive and JSON leaves, entry by entry: no tree is built between.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use tierlog_model::Timestamp;

use super::answer::{Answer, Answers, BucketKey, Buckets, Cut, Figure, Figures, Inside, Listing};
use super::exact::is_small;
use crate::expr::Number;

const NANOS_PER_MILLI: f64 = 1e6;

/// Answers, written as Elasticsearch writes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EsJson<'a, T = Answers>(pub(crate) &'a T);

impl Serialize for EsJson<'_, Answers> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0.len()))?;
        entries(self.0, &mut map)?;
        map.end()
    }
}

/// Writes answers under their names into an object that may have other entries.
fn entries<M: SerializeMap>(answers: &Answers, map: &mut M) -> Result<(), M::Error> {
    for (name, answer) in &answers.0 {
        map.serialize_entry(name.as_ref(), &EsJson(answer))?;
    }
    Ok(())
}

impl Serialize for EsJson<'_, Answer> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Answer::Figures(figures) => EsJson(figures).serialize(serializer),
            Answer::Inside(inside) => {
                let mut map = serializer.serialize_map(None)?;
                records(inside, &mut map)?;
                map.end()
            }
            Answer::Buckets(buckets) => EsJson(buckets).serialize(serializer),
        }
    }
}

fn records<M: SerializeMap>(inside: &Inside, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("doc_count", &inside.records)?;
    entries(&inside.answers, map)
}

impl Serialize for EsJson<'_, Figures> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, figure) in self.0 {
            entry(name, figure, &mut map)?;
        }
        map.end()
    }
}

/// Writes a figure under its name, a moment as a number and as a text.
fn entry<M: SerializeMap>(name: &str, figure: &Figure, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry(name, &EsJson(figure))?;
    match figure {
        Figure::Moment(nanos) => {
            map.serialize_entry(&format!("{name}_as_string"), &text_of(nanos / NANOS_PER_MILLI))
        }
        Figure::None
        | Figure::Count(_)
        | Figure::Number(_)
        | Figure::Flag(_)
        | Figure::Group(_)
        | Figure::Ranks(..) => Ok(()),
    }
}

impl Serialize for EsJson<'_, Figure> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Figure::None => serializer.serialize_none(),
            Figure::Count(count) => serializer.serialize_u64(*count),
            // A float where that has every digit.
            Figure::Number(Number::Integer(integer)) if !is_small(*integer) => {
                serializer.serialize_i128(*integer)
            }
            Figure::Number(number) => serializer.serialize_f64(number.as_f64()),
            Figure::Moment(nanos) => serializer.serialize_f64(nanos / NANOS_PER_MILLI),
            Figure::Flag(flag) => serializer.serialize_bool(*flag),
            Figure::Group(figures) => EsJson(figures).serialize(serializer),
            Figure::Ranks(ranks, Listing::InOrder) => {
                let mut list = serializer.serialize_seq(Some(ranks.len()))?;
                for rank in ranks {
                    list.serialize_element(&EsJson(rank))?;
                }
                list.end()
            }
            Figure::Ranks(ranks, Listing::ByName) => {
                let mut map = serializer.serialize_map(None)?;
                for (percent, figure) in ranks {
                    entry(&format!("{percent:?}"), figure, &mut map)?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for EsJson<'_, (f64, Figure)> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (percent, figure) = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", percent)?;
        entry("value", figure, &mut map)?;
        map.end()
    }
}

impl Serialize for EsJson<'_, Buckets> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Buckets { list, listing, cut, skipped } = self.0;
        let mut map = serializer.serialize_map(None)?;
        match listing {
            Listing::InOrder => map.serialize_entry("buckets", &InOrder(list))?,
            Listing::ByName => map.serialize_entry("buckets", &ByName(list))?,
        }
        if let Some(Cut { others, count_error_max }) = cut {
            map.serialize_entry("sum_other_doc_count", others)?;
            if let Some(count_error_max) = count_error_max {
                map.serialize_entry("doc_count_error_upper_bound", count_error_max)?;
            }
        }
        if let Some(skipped) = skipped {
            map.serialize_entry("skipped", skipped)?;
        }
        map.end()
    }
}

type KeyedBucket = (BucketKey, Inside);

/// Buckets one after the other.
struct InOrder<'a>(&'a [KeyedBucket]);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for bucket in self.0 {
            list.serialize_element(&EsJson(bucket))?;
        }
        list.end()
    }
}

/// Buckets under their keys as texts.
struct ByName<'a>(&'a [KeyedBucket]);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for bucket in self.0 {
            map.serialize_entry(&name_of(&bucket.0), &EsJson(bucket))?;
        }
        map.end()
    }
}

fn name_of(key: &BucketKey) -> String {
    match key {
        BucketKey::Text(text) | BucketKey::Beginning(text) => text.clone(),
        BucketKey::Number(Number::Integer(integer)) => integer.to_string(),
        BucketKey::Number(Number::Float(float)) => float.to_string(),
        BucketKey::Flag(flag) => flag.to_string(),
        BucketKey::Moment(millis) => text_of(*millis as f64),
        BucketKey::Range { name, .. } => name.clone(),
    }
}

impl Serialize for EsJson<'_, KeyedBucket> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, inside) = self.0;
        let mut map = serializer.serialize_map(None)?;
        match key {
            BucketKey::Text(text) => map.serialize_entry("key", text)?,
            BucketKey::Beginning(text) => {
                map.serialize_entry("key", text)?;
                map.serialize_entry("key_truncated", &true)?;
            }
            BucketKey::Number(Number::Integer(integer)) => map.serialize_entry("key", integer)?,
            BucketKey::Number(Number::Float(float)) => map.serialize_entry("key", float)?,
            BucketKey::Flag(flag) => {
                map.serialize_entry("key_as_string", &flag.to_string())?;
                map.serialize_entry("key", &u8::from(*flag))?;
            }
            BucketKey::Moment(millis) => {
                map.serialize_entry("key_as_string", &text_of(*millis as f64))?;
                map.serialize_entry("key", millis)?;
            }
            BucketKey::Range { name, from, to } => {
                map.serialize_entry("key", name)?;
                for (name, end) in [("from", from), ("to", to)] {
                    range_end(name, end, &mut map)?;
                }
            }
        }
        records(inside, &mut map)?;
        map.end()
    }
}

/// Writes an end of a range; a moment is whole milliseconds.
fn range_end<M: SerializeMap>(name: &str, end: &Figure, map: &mut M) -> Result<(), M::Error> {
    match end {
        Figure::None => Ok(()),
        Figure::Moment(nanos) => {
            let micros = (nanos / 1e3).round() as i64;
            map.serialize_entry(name, &micros.div_euclid(1_000))?;
            let text = Timestamp::from_micros_clamped(micros).to_string();
            map.serialize_entry(&format!("{name}_as_string"), &text)
        }
        end => map.serialize_entry(name, &EsJson(end)),
    }
}

fn text_of(millis: f64) -> String {
    Timestamp::from_micros_clamped((millis * 1e3).round() as i64).to_string()
}
