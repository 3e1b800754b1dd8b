//! The values of a field as keys of buckets, where they lie in several places.
//!
//! tantivy makes buckets of the columns under one name. Wide integers, long texts and values among
//! the pairs lie elsewhere. All values of a field with such values become texts of one dictionary,
//! each with its kind before it:
//!
//! ```text
//! key := 'i' integer | 'f' float | 'b' 0 or 1 | 's' text | 't' hash (16) beginning of a longer
//! text
//! ```
//!
//! [`read_key`] reads them back. Texts are resolved for the buckets that are left in the end.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::Value;
use tantivy::aggregation::{
    Key as EngineKey, ValueSource, ValueSourceDictionary, ValueSourceProvider,
};
use tantivy::columnar::{Cardinality, Column, ColumnType, DynamicColumn, StrColumn};
use tantivy::{DocId, SegmentReader, TantivyError};
use tierlog_store::{LongTexts, PairValue, long_stamp, pair_start, read_pair};

use super::answer::BucketKey;
use super::chosen::Chosen;
use super::columns::Columns;
use super::growth::KEY_BYTES;
use super::kind::Field;
use super::needs::Needs;
use super::numbers::{for_each_value, stored_number};
use crate::error::QueryError;
use crate::execute::{Besides, FieldColumns};
use crate::expr::Number;

/// Longest text that is a key whole; of a longer one the key is the beginning. Ten thousand of them
/// are 40 MB.
pub(super) const KEY_BYTES_MAX: usize = 4_096;

/// Characters of a hash behind the kind of a key.
const HASH_CHARACTERS: usize = 16;

/// Values of one segment that are keys and in no dictionary: some 100 MB.
pub(super) const LISTED_MAX: usize = 1 << 20;

/// The keys of a field.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) field: String,
    /// Key of records without a value.
    pub(super) missing: Option<Key>,
    /// The texts that are keys; without a choice every text is.
    pub(super) chosen: Option<Arc<Chosen>>,
    /// Set when a segment has more different values than may be keys at once.
    pub(super) is_full: Arc<AtomicBool>,
}

impl Keys {
    /// Returns the keys of a field of a request: every value is a key.
    pub(super) fn of(field: &Field, columns: &Columns<'_>) -> Keys {
        let is_full = Arc::clone(&columns.is_full);
        Keys { field: field.name.clone(), missing: None, chosen: None, is_full }
    }

    /// Registers the keys as a column. Returns the column's name.
    pub(super) fn registered(self, columns: &mut Columns<'_>) -> String {
        columns.register(self)
    }
}

/// A value that is a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Bool(bool),
    Integer(i128),
    /// The bits of a float that is no integer.
    Float(u64),
    Text(String),
    /// The stamp of a long text that is in no column.
    Stamp(String),
}

impl Key {
    fn of(number: Number) -> Key {
        match (number.as_integer(), number) {
            (Some(integer), _) | (None, Number::Integer(integer)) => Key::Integer(integer),
            (None, Number::Float(float)) => Key::Float(float.to_bits()),
        }
    }

    /// Reads the value of the option `missing`.
    pub(super) fn read(value: &Value) -> Option<Key> {
        match value {
            Value::String(text) => Some(Key::Text(text.clone())),
            Value::Number(number) => Number::read(&number.to_string()).map(Key::of),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Returns the key as the engine takes it.
    pub(super) fn of_engine(&self) -> EngineKey {
        match self {
            Key::Bool(value) => EngineKey::U64((*value).into()),
            Key::Integer(integer) => match (i64::try_from(*integer), u64::try_from(*integer)) {
                (Ok(integer), _) => EngineKey::I64(integer),
                (Err(_), Ok(integer)) => EngineKey::U64(integer),
                (Err(_), Err(_)) => EngineKey::F64(*integer as f64),
            },
            Key::Float(bits) => EngineKey::F64(f64::from_bits(*bits)),
            Key::Text(text) | Key::Stamp(text) => EngineKey::Str(text.clone()),
        }
    }

    /// Returns the bytes of a text.
    pub(super) fn text_bytes(&self) -> u64 {
        match self {
            Key::Bool(_) | Key::Integer(_) | Key::Float(_) => 0,
            Key::Text(text) | Key::Stamp(text) => text.len() as u64,
        }
    }

    fn written(&self) -> String {
        match self {
            Key::Bool(value) => format!("b{}", u8::from(*value)),
            Key::Integer(integer) => format!("i{integer}"),
            Key::Float(bits) => format!("f{}", f64::from_bits(*bits)),
            Key::Text(text) | Key::Stamp(text) => text_key(text),
        }
    }
}

fn text_key(text: &str) -> String {
    if text.len() <= KEY_BYTES_MAX {
        return format!("s{text}");
    }
    let stamp = long_stamp(text);
    let hash = stamp.get(stamp.len().saturating_sub(HASH_CHARACTERS)..).unwrap_or_default();
    let beginning = text.get(..text.floor_char_boundary(KEY_BYTES_MAX)).unwrap_or_default();
    format!("t{hash}{beginning}")
}

/// Returns what a written key stands for.
pub(super) fn read_key(key: &str) -> BucketKey {
    let (kind, value) = key.split_at_checked(1).unwrap_or_default();
    let text = || BucketKey::Text(value.to_owned());
    let number = |number: Option<Number>| number.map_or_else(text, BucketKey::Number);
    match kind {
        "i" => number(value.parse().ok().map(Number::Integer)),
        "f" => number(value.parse().ok().map(Number::Float)),
        "b" => BucketKey::Flag(value == "1"),
        "t" => {
            let beginning = value.get(HASH_CHARACTERS..).unwrap_or_default();
            BucketKey::Beginning(beginning.to_owned())
        }
        _ => text(),
    }
}

/// Orders keys: numbers before texts, truth values last.
pub(super) fn compare_keys(left: &BucketKey, right: &BucketKey) -> Ordering {
    let rank = |key: &BucketKey| match key {
        BucketKey::Number(_) => 0,
        BucketKey::Text(_) | BucketKey::Beginning(_) => 1,
        BucketKey::Flag(_) | BucketKey::Moment(_) | BucketKey::Range { .. } => 2,
    };
    match (left, right) {
        (BucketKey::Number(left), BucketKey::Number(right)) => left.compare(*right),
        (BucketKey::Flag(left), BucketKey::Flag(right)) => left.cmp(right),
        (
            BucketKey::Text(left) | BucketKey::Beginning(left),
            BucketKey::Text(right) | BucketKey::Beginning(right),
        ) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// Returns the bytes of the longest key of a field with known needs.
pub(super) fn longest_key_bytes(needs: Needs) -> u64 {
    if needs.keys { KEY_BYTES_MAX as u64 } else { KEY_BYTES }
}

impl ValueSourceProvider for Keys {
    fn for_segment(
        &self,
        reader: &SegmentReader,
        _allowed: Option<&[ColumnType]>,
    ) -> tantivy::Result<Option<Box<dyn ValueSource>>> {
        let source = KeySource::open(self, reader).map_err(|error| match error {
            QueryError::Index(error) => error,
            error => TantivyError::InternalError(error.to_string()),
        })?;
        Ok(Some(Box::new(source)))
    }
}

/// The keys of a field in one segment. Their numbers are the ordinals of its own texts, then those
/// of its long texts, then places in a list of all others.
struct KeySource {
    texts: Option<StrColumn>,
    long: Option<StrColumn>,
    /// Ordinal of the first pair of the field, and of the first after it.
    pairs: Option<(StrColumn, Range<u64>)>,
    numbers: Vec<(Column<u64>, ColumnType)>,
    missing: Option<Key>,
    chosen: Option<Arc<Chosen>>,
    /// Keys of pairs that were met.
    paired: HashMap<u64, u64>,
    listed: HashMap<Key, u64>,
    /// Keys that were chosen or not, by number.
    verdicts: HashMap<u64, bool>,
    resolver: Resolver,
    is_full: Arc<AtomicBool>,
    found: Vec<(DocId, u64)>,
}

/// What turns numbers of keys to texts. The engine asks while the source is shared.
struct Resolver {
    texts: Option<StrColumn>,
    long: Option<StrColumn>,
    texts_count: u64,
    long_count: u64,
    /// Keys of no dictionary, in the order of their numbers.
    keys: Vec<Key>,
    /// A document with the text, where the text has to be read.
    documents: HashMap<u64, DocId>,
    stored: RefCell<LongTexts>,
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KeySource({:?})", self.resolver.stored)
    }
}

impl KeySource {
    fn open(keys: &Keys, reader: &SegmentReader) -> Result<KeySource, QueryError> {
        let columns = FieldColumns::of(reader, Besides::of(reader)?, &keys.field)?;
        let (mut texts, mut numbers) = (None, Vec::new());
        for handle in columns.own.into_iter().chain(columns.wide) {
            match (handle.column_type(), handle.open()?) {
                (_, DynamicColumn::Str(column)) => texts = Some(column),
                (column_type, _) => {
                    let column = handle.open_u64_lenient()?;
                    numbers.extend(column.map(|column| (column, column_type)));
                }
            }
        }
        let pairs = match columns.pairs {
            Some(column) => Some((column.clone(), pairs_of(&column, &keys.field)?)),
            None => None,
        };
        let count = |column: &Option<StrColumn>| {
            column.as_ref().map_or(0, |column| column.num_terms() as u64)
        };
        let resolver = Resolver {
            texts: texts.clone(),
            long: columns.long.clone(),
            texts_count: count(&texts),
            long_count: count(&columns.long),
            keys: Vec::new(),
            documents: HashMap::new(),
            stored: RefCell::new(LongTexts::new(reader, &keys.field)),
        };
        Ok(KeySource {
            texts,
            long: columns.long,
            pairs,
            numbers,
            missing: keys.missing.clone(),
            chosen: keys.chosen.clone(),
            paired: HashMap::new(),
            listed: HashMap::new(),
            verdicts: HashMap::new(),
            resolver,
            is_full: Arc::clone(&keys.is_full),
            found: Vec::new(),
        })
    }

    /// Returns the number of a key; `None` when there are too many.
    fn number_of(&mut self, key: Key, doc: DocId) -> Option<u64> {
        let resolver = &mut self.resolver;
        let ordinal = |column: &Option<StrColumn>, text: &str| {
            column.as_ref()?.dictionary().term_ord(text).ok().flatten()
        };
        let is_stamp = matches!(key, Key::Stamp(_));
        // A key has the same number in every column.
        let known = match &key {
            Key::Text(text) => ordinal(&resolver.texts, text),
            Key::Stamp(stamp) => {
                ordinal(&resolver.long, stamp).map(|ordinal| resolver.texts_count + ordinal)
            }
            Key::Bool(_) | Key::Integer(_) | Key::Float(_) => None,
        };
        let known = known.or_else(|| self.listed.get(&key).copied());
        let number = match known {
            Some(number) => number,
            None if resolver.keys.len() >= LISTED_MAX => {
                self.is_full.store(true, Relaxed);
                return None;
            }
            None => {
                let number = resolver.listed_from() + resolver.keys.len() as u64;
                resolver.keys.push(key.clone());
                self.listed.insert(key, number);
                number
            }
        };
        if is_stamp {
            resolver.documents.entry(number).or_insert(doc);
        }
        Some(number)
    }

    /// Returns the number of the key of a pair.
    fn paired(&mut self, ordinal: u64, doc: DocId) -> Option<u64> {
        if let Some(number) = self.paired.get(&ordinal) {
            return Some(*number);
        }
        let (column, _) = self.pairs.as_ref()?;
        let mut pair = String::new();
        column.ord_to_str(ordinal, &mut pair).ok()?;
        let (_, value) = read_pair(&pair)?;
        let key = match value {
            PairValue::Bool(value) => Key::Bool(value),
            PairValue::Integer(integer) => Key::Integer(integer),
            PairValue::Float(float) => Key::of(Number::Float(float)),
            PairValue::Text(text) => Key::Text(text.to_owned()),
            PairValue::Long(stamp) => Key::Stamp(stamp.to_owned()),
        };
        let number = self.number_of(key, doc)?;
        self.paired.insert(ordinal, number);
        Some(number)
    }

    /// Gathers the keys of documents.
    fn gather(&mut self, docs: &[DocId], docids: &mut Vec<DocId>, row_ids: &mut Vec<u32>) {
        let mut raw: Vec<(DocId, u64)> = Vec::new();
        let mut read = |column: &Column<u64>, raw: &mut Vec<(DocId, u64)>| {
            raw.clear();
            for_each_value(column, docs, docids, row_ids, |doc, value| raw.push((doc, value)));
        };
        if let Some(texts) = &self.texts {
            read(texts.ords(), &mut raw);
            self.found.extend_from_slice(&raw);
        }
        if let Some(long) = &self.long {
            read(long.ords(), &mut raw);
            let numbered =
                raw.iter().map(|(doc, ordinal)| (*doc, self.resolver.texts_count + ordinal));
            for (doc, number) in numbered {
                self.resolver.documents.entry(number).or_insert(doc);
                self.found.push((doc, number));
            }
        }
        for (column, column_type) in self.numbers.clone() {
            read(&column, &mut raw);
            for (doc, value) in &raw {
                let key = match column_type {
                    ColumnType::Bool => Key::Bool(*value == 1),
                    column_type => Key::of(stored_number(*value, column_type)),
                };
                let number = self.number_of(key, *doc);
                self.found.extend(number.map(|number| (*doc, number)));
            }
        }
        if let Some((column, ordinals)) = self.pairs.clone() {
            read(column.ords(), &mut raw);
            for (doc, ordinal) in raw.iter().filter(|(_, ordinal)| ordinals.contains(ordinal)) {
                let number = self.paired(*ordinal, *doc);
                self.found.extend(number.map(|number| (*doc, number)));
            }
        }
        self.found.sort_unstable();
    }

    fn add_missing(&mut self, docs: &[DocId]) {
        let Some(missing) = self.missing.clone() else { return };
        let lacks = |doc: &&DocId| self.found.binary_search_by_key(*doc, |(doc, _)| *doc).is_err();
        let lacking: Vec<DocId> = docs.iter().filter(lacks).copied().collect();
        for doc in lacking {
            let number = self.number_of(missing.clone(), doc);
            self.found.extend(number.map(|number| (doc, number)));
        }
        self.found.sort_unstable();
    }

    /// Leaves the keys that were chosen. As the engine does, numbers are none of them.
    fn keep_chosen(&mut self) {
        let Some(chosen) = self.chosen.clone() else { return };
        let KeySource { found, verdicts, resolver, .. } = self;
        found.retain(|(_, number)| {
            *verdicts.entry(*number).or_insert_with(|| {
                let text = resolver.text(*number).ok().flatten();
                text.is_some_and(|text| chosen.has(&text))
            })
        });
    }
}

/// Returns the ordinals of a field's pairs.
fn pairs_of(column: &StrColumn, field: &str) -> Result<Range<u64>, QueryError> {
    let mut stream = column.dictionary().prefix_range(pair_start(field)).into_stream()?;
    let mut ordinals = 0..0;
    while stream.advance() {
        if ordinals.is_empty() {
            ordinals.start = stream.term_ord();
        }
        ordinals.end = stream.term_ord() + 1;
    }
    Ok(ordinals)
}

impl ValueSource for KeySource {
    fn column_type(&self) -> ColumnType {
        ColumnType::Str
    }

    fn load_block(
        &mut self,
        docs: &[DocId],
        values: &mut Vec<u64>,
        docids: &mut Vec<DocId>,
        row_ids: &mut Vec<u32>,
    ) -> Cardinality {
        self.found.clear();
        self.gather(docs, docids, row_ids);
        self.add_missing(docs);
        self.keep_chosen();
        docids.clear();
        docids.extend(self.found.iter().map(|(doc, _)| *doc));
        values.clear();
        values.extend(self.found.iter().map(|(_, number)| *number));
        Cardinality::Multivalued
    }

    fn to_f64(self: Box<Self>) -> Box<dyn ValueSource> {
        self
    }

    fn term_dictionary(&self) -> Option<&dyn ValueSourceDictionary> {
        Some(&self.resolver)
    }
}

impl Resolver {
    fn listed_from(&self) -> u64 {
        self.texts_count + self.long_count
    }

    /// Returns the text of a key, if the key is a text.
    fn text(&self, number: u64) -> io::Result<Option<String>> {
        let mut text = String::new();
        if number < self.texts_count {
            if let Some(column) = &self.texts {
                column.ord_to_str(number, &mut text)?;
            }
            return Ok(Some(text));
        }
        if number < self.listed_from() {
            if let Some(column) = &self.long {
                column.ord_to_str(number - self.texts_count, &mut text)?;
            }
            return self.long_text(number, &text).map(Some);
        }
        Ok(match self.listed(number) {
            Some(Key::Text(text)) => Some(text.clone()),
            Some(Key::Stamp(stamp)) => Some(self.long_text(number, stamp)?),
            Some(Key::Bool(_) | Key::Integer(_) | Key::Float(_)) | None => None,
        })
    }

    fn listed(&self, number: u64) -> Option<&Key> {
        self.keys.get(usize::try_from(number.checked_sub(self.listed_from())?).ok()?)
    }

    fn long_text(&self, number: u64, stamp: &str) -> io::Result<String> {
        let Some(doc) = self.documents.get(&number) else { return Ok(stamp.to_owned()) };
        let text = self.stored.borrow_mut().find(*doc, stamp).map_err(io::Error::other)?;
        Ok(text.unwrap_or_else(|| stamp.to_owned()))
    }

    fn written(&self, number: u64) -> io::Result<String> {
        match self.text(number)? {
            Some(text) => Ok(text_key(&text)),
            None => Ok(self.listed(number).map(Key::written).unwrap_or_default()),
        }
    }
}

impl ValueSourceDictionary for Resolver {
    fn num_terms(&self) -> u64 {
        self.listed_from() + self.keys.len() as u64
    }

    fn sorted_ords_to_term_cb(
        &self,
        sorted_ords: &[u64],
        callback: &mut dyn FnMut(&[u8]),
    ) -> io::Result<bool> {
        // Those of the dictionary come first and are resolved together.
        let (texts, others) =
            sorted_ords.split_at(sorted_ords.partition_point(|number| *number < self.texts_count));
        if let Some(column) = &self.texts {
            let mut key = Vec::new();
            let all = column.dictionary().sorted_ords_to_term_cb(texts, |term: &[u8]| {
                key.clear();
                key.push(b's');
                key.extend_from_slice(term);
                callback(&key);
            })?;
            if !all {
                return Ok(false);
            }
        }
        for number in others {
            if *number >= self.num_terms() {
                return Ok(false);
            }
            callback(self.written(*number)?.as_bytes());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_what_they_are() {
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        let integer = |integer: i128| BucketKey::Number(Number::Integer(integer));
        for (key, expected) in [
            (Key::of(Number::Float(5.0)), integer(5)),
            (Key::of(Number::Float(0.5)), BucketKey::Number(Number::Float(0.5))),
            (Key::Integer(676_996_931_091_701_603), integer(676_996_931_091_701_603)),
            (Key::Integer(u64::MAX.into()), integer(u64::MAX.into())),
            (Key::Bool(true), BucketKey::Flag(true)),
            (Key::Text("5".to_owned()), BucketKey::Text("5".to_owned())),
            (Key::Text(String::new()), BucketKey::Text(String::new())),
            (Key::Text(long.clone()), BucketKey::Beginning(long[1..].to_owned())),
        ] {
            assert_eq!(read_key(&key.written()), expected, "{key:?}");
        }
        assert_ne!(text_key(&long), text_key(&format!("{long}y")), "two keys that look the same");
    }
}
