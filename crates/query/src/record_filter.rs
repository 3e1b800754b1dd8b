//! A condition evaluated on one record in memory: the live tail's filter, and the plain
//! definition against which the index is tested.

use std::borrow::Cow;

use serde_json::Value as Json;
use tierlog_model::{Record, Value, fields, is_error_text, limits};
use tierlog_store::NormalText;

use crate::expr::{Expr, FieldTest};

/// Tells which records a condition holds for.
#[derive(Clone, Debug)]
pub(crate) struct RecordFilter {
    expr: Expr,
}

/// A value as a query sees it: the elements of arrays stand for themselves.
enum Scalar<'v> {
    Bool(bool),
    Integer(i128),
    Float(f64),
    /// Compared whole.
    Text(Cow<'v, str>),
    /// Compared whole, and has words for who names no field.
    WordedText(Cow<'v, str>),
    /// Compared by words.
    Words(Cow<'v, str>),
}

impl RecordFilter {
    /// Returns the filter of a condition.
    pub(crate) fn new(expr: Expr) -> RecordFilter {
        RecordFilter { expr }
    }

    /// Tells whether the condition holds for a record.
    pub(crate) fn matches(&self, record: &Record<'_>) -> bool {
        holds(&self.expr, record)
    }
}

/// The depth of an expression is bounded by the parser.
fn holds(expr: &Expr, record: &Record<'_>) -> bool {
    match expr {
        Expr::All => true,
        Expr::Nothing => false,
        Expr::And(inner) => inner.iter().all(|expr| holds(expr, record)),
        Expr::Or(inner) => inner.iter().any(|expr| holds(expr, record)),
        Expr::Not(inner) => !holds(inner, record),
        Expr::Level(levels) => levels.contains(record.level),
        Expr::Timestamp(range) => range.contains(record.timestamp),
        Expr::Exists(name) => any_scalar(record, Some(name), |_| true),
        Expr::AnyText(test) => any_scalar(record, None, |scalar| match scalar {
            Scalar::Words(text) | Scalar::WordedText(text) => test.passes(&NormalText::of(&text)),
            Scalar::Bool(_) | Scalar::Integer(_) | Scalar::Float(_) | Scalar::Text(_) => false,
        }),
        Expr::Field { name, test } => {
            any_scalar(record, Some(name), |scalar| passes(test, &scalar))
        }
    }
}

fn passes(test: &FieldTest, scalar: &Scalar<'_>) -> bool {
    match scalar {
        Scalar::Bool(value) => test.passes_bool(*value),
        Scalar::Integer(integer) => test.passes_integer(*integer),
        Scalar::Float(float) => test.passes_float(*float),
        Scalar::Text(text) | Scalar::WordedText(text) => test.passes_text(text),
        Scalar::Words(text) => test.passes_words(&NormalText::of(text)),
    }
}

/// Tells whether a scalar of the record (of one field, when it is named) fits.
fn any_scalar(
    record: &Record<'_>,
    name: Option<&str>,
    mut fits: impl FnMut(Scalar<'_>) -> bool,
) -> bool {
    record.fields.iter().any(|(field, value)| {
        let is_asked = name.is_none_or(|name| name == field.as_ref());
        match value {
            Value::Json(text) => {
                let may_hold = name.is_none_or(|name| name.starts_with(field.as_ref()));
                may_hold && any_element(field, text, name, &mut fits)
            }
            _ if !is_asked => false,
            Value::Bool(value) => fits(Scalar::Bool(*value)),
            Value::I64(number) => fits(Scalar::Integer(i128::from(*number))),
            Value::U64(number) => fits(Scalar::Integer(i128::from(*number))),
            Value::F64(number) => fits(Scalar::Float(*number)),
            Value::Str(text) if fields::TEXT_FIELDS.contains(&field.as_ref()) => {
                fits(Scalar::Words(text.as_ref().into()))
            }
            Value::Str(text) => fits(whole(field, text.as_ref().into())),
        }
    })
}

/// The store's rule of which text has words beside being a value.
fn whole<'v>(name: &str, text: Cow<'v, str>) -> Scalar<'v> {
    let is_long = text.len() > limits::COLUMN_TEXT_BYTES_MAX;
    match is_long && !fields::ID_FIELDS.contains(&name) || is_error_text(name) {
        true => Scalar::WordedText(text),
        false => Scalar::Text(text),
    }
}

fn any_element(
    field: &str,
    text: &str,
    name: Option<&str>,
    fits: &mut impl FnMut(Scalar<'_>) -> bool,
) -> bool {
    let Ok(json) = serde_json::from_str::<Json>(text) else { return false };
    let mut waiting = vec![(field.to_owned(), json)];
    while let Some((path, json)) = waiting.pop() {
        let is_asked = name.is_none_or(|name| name == path);
        let found = match json {
            Json::Null => false,
            Json::Array(items) => {
                waiting.extend(items.into_iter().map(|item| (path.clone(), item)));
                false
            }
            Json::Object(entries) => {
                let entries = entries.into_iter();
                let entries = entries
                    .filter(|(key, _)| path.len() + key.len() < limits::ELEMENT_NAME_BYTES_MAX);
                waiting.extend(entries.map(|(key, item)| (format!("{path}.{key}"), item)));
                false
            }
            _ if !is_asked => false,
            Json::Bool(value) => fits(Scalar::Bool(value)),
            Json::Number(number) => fits(number_scalar(&number)),
            Json::String(text) => match whole(&path, text.into()) {
                Scalar::WordedText(text) if fields::TEXT_FIELDS.contains(&path.as_str()) => {
                    fits(Scalar::Words(text))
                }
                scalar => fits(scalar),
            },
        };
        if found {
            return true;
        }
    }
    false
}

fn number_scalar(number: &serde_json::Number) -> Scalar<'static> {
    if let Some(integer) = number.as_i64() {
        Scalar::Integer(i128::from(integer))
    } else if let Some(integer) = number.as_u64() {
        Scalar::Integer(i128::from(integer))
    } else {
        match number.as_f64().filter(|float| float.is_finite()) {
            Some(float) => Scalar::Float(float),
            None => Scalar::Text(number.to_string().into()),
        }
    }
}
