//! The parameter `search_after`: where a page ended, by the values of its last hit.

use serde_json::Value;
use tierlog_model::{Level, Timestamp, fields};
use tierlog_problem::Problem;

use super::parameters::Parameters;
use crate::cursor::Cursor;
use crate::error::QueryError;
use crate::expr::Number;
use crate::moment::read_moment;
use crate::session::Session;
use crate::sort::{FieldPlace, Sort, SortValue};

/// The values of the last hit of a page: of the field that hits are ordered by, then its timestamp.
#[derive(Debug)]
pub(super) struct SearchAfter(Vec<Value>);

impl SearchAfter {
    /// Takes the parameter: an array, or JSON text of one.
    pub(super) fn take(parameters: &mut Parameters) -> Result<Option<SearchAfter>, Problem> {
        let value = match parameters.value("search_after") {
            None => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::Null),
            Some(value) => value,
        };
        match value {
            Value::Array(values) if (1..=2).contains(&values.len()) => {
                Ok(Some(SearchAfter(values)))
            }
            _ => {
                let detail = "\"search_after\" must be an array of the sort field's value and a \
                    timestamp";
                Err(Problem::parameter("search_after", detail))
            }
        }
    }

    /// Returns the place in an order by time.
    pub(super) fn in_time(&self, session: &Session<'_>, sort: Sort) -> Result<Cursor, QueryError> {
        let timestamp = moment(session, self.0.first())?;
        // The number that comes last among equal moments.
        let seq = match sort {
            Sort::NewestFirst => 0,
            Sort::OldestFirst => u64::MAX,
        };
        Ok(Cursor { sort, timestamp, seq })
    }

    /// Returns the place in an order by a field; without a timestamp, the last of equal values.
    pub(super) fn in_field(
        &self,
        session: &Session<'_>,
        field: &str,
    ) -> Result<FieldPlace, QueryError> {
        let value = match self.0.first() {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(SortValue::Bool(*value)),
            Some(Value::Number(number)) => Some(
                Number::read(&number.to_string())
                    .map(SortValue::Number)
                    .ok_or_else(|| refused("the number is too long"))?,
            ),
            Some(Value::String(text)) if field == fields::LEVEL => {
                let level = Level::from_word(text).ok_or_else(|| refused("no such level"))?;
                Some(SortValue::Number(Number::Integer(level as i128)))
            }
            Some(Value::String(text)) => Some(SortValue::of_text(text)),
            Some(Value::Array(_) | Value::Object(_)) => {
                return Err(refused("a value must be a text, a number or a truth value"));
            }
        };
        let timestamp = match self.0.get(1) {
            None => Timestamp::MIN,
            given => moment(session, given)?,
        };
        Ok(FieldPlace { value, timestamp, seq: 0 })
    }
}

fn moment(session: &Session<'_>, value: Option<&Value>) -> Result<Timestamp, QueryError> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    read_moment(&text, session.now()).ok_or_else(|| refused("the timestamp cannot be read"))
}

fn refused(message: &str) -> QueryError {
    QueryError::Parameter { name: "search_after", message: message.to_owned() }
}
