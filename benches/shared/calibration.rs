//! The yardstick: parsing lines one by one to a tree like `serde_json::Value`.
//!
//! The workspace builds serde_json with `arbitrary_precision` and `preserve_order`, which the
//! product needs and which make its own `Value` slower. The tree here is that of a plain
//! serde_json: maps in B-trees, numbers as 64 bits. Numbers still arrive as text, so the
//! yardstick is a few percent longer than a program with a plain serde_json would find.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;

use anyhow::Result;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::measure::{Cost, measure_average};

/// The one key of the map as which serde_json hands over a number of arbitrary precision.
const NUMBER_KEY: &str = "$serde_json::private::Number";

/// Returns what parsing lines costs.
pub(crate) fn calibrate(text: &[u8]) -> Result<Cost> {
    let parse = || {
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            black_box(serde_json::from_slice::<Tree>(line)?);
        }
        Ok(())
    };
    Ok(measure_average(parse)?.1)
}

/// A JSON value. The content is never read: the benchmark measures the writing.
#[expect(dead_code, reason = "made, and dropped")]
enum Tree {
    Null,
    Bool(bool),
    Integer(i64),
    Natural(u64),
    Float(f64),
    Text(String),
    Array(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Natural(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Number => return Ok(number(&map.next_value::<String>()?)),
                Key::Name(name) => fields.insert(name, map.next_value()?),
            };
        }
        Ok(Tree::Object(fields))
    }
}

fn number(digits: &str) -> Tree {
    match digits.parse() {
        Ok(integer) => Tree::Integer(integer),
        Err(_) => digits.parse().map_or(Tree::Null, Tree::Float),
    }
}

/// The name of a field, or the mark of a number.
enum Key {
    Number,
    Name(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(if name == NUMBER_KEY { Key::Number } else { Key::Name(name.to_owned()) })
    }
}
