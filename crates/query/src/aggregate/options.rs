//! Options of an aggregation: JSON arrives, typed values leave. An option that no kind has taken is
//! refused, never ignored.

use serde_json::{Map, Value};

use crate::error::QueryError;

/// Why an aggregation of a request is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// The request says something wrong; the error names the aggregation.
    Because(String),
    /// The request reaches a limit, or a condition cannot be read.
    Error(QueryError),
}

impl From<String> for Refused {
    fn from(reason: String) -> Refused {
        Refused::Because(reason)
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Refused {
        Refused::Because(reason.to_owned())
    }
}

impl From<QueryError> for Refused {
    fn from(error: QueryError) -> Refused {
        Refused::Error(error)
    }
}

/// The options of one aggregation that no reader has taken yet.
#[derive(Debug)]
pub(super) struct Options {
    kind: &'static str,
    given: Map<String, Value>,
}

impl Options {
    /// Returns the options of an aggregation of a kind.
    pub(super) fn of(kind: &'static str, given: Value) -> Result<Options, Refused> {
        match given {
            Value::Object(given) => Ok(Options { kind, given }),
            _ => Err(format!("options of {kind} must be an object").into()),
        }
    }

    /// Takes an option as it is written; `null` is as good as none.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.given.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refused> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name:?} must be a text").into()),
        }
    }

    /// Takes a truth value; without the option the value is false.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Refused> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(format!("{name:?} must be true or false").into()),
        }
    }

    /// Takes a number, which may be written as a text.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match float(&value) {
            Some(float) => Ok(Some(float)),
            None => Err(format!("{name:?} must be a number").into()),
        }
    }

    /// Takes a whole number that is not negative.
    pub(super) fn whole(&mut self, name: &str) -> Result<Option<u64>, Refused> {
        let whole = match self.take(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        match whole {
            Some(whole) => Ok(Some(whole)),
            None => Err(format!("{name:?} must be a whole number").into()),
        }
    }

    /// Refuses what nobody has taken.
    pub(super) fn finish(&self) -> Result<(), Refused> {
        match self.given.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("{} has no option {name:?}", self.kind).into()),
        }
    }
}

/// Reads a finite number, which may be written as a text.
pub(super) fn float(value: &Value) -> Option<f64> {
    let float = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    float.filter(|float: &f64| float.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_typed_and_none_is_ignored() {
        let given = json!({"size": "7", "keyed": true, "sigma": 2.5, "zone": "UTC", "none": null});
        let mut options = Options::of("kind", given).expect("an object");
        assert_eq!(options.whole("size").expect("whole"), Some(7));
        assert!(options.flag("keyed").expect("a flag"));
        assert_eq!(options.number("sigma").expect("a number"), Some(2.5));
        assert_eq!(options.whole("none").expect("nothing"), None);
        assert!(matches!(options.finish(), Err(Refused::Because(why)) if why.contains("\"zone\"")));
        assert_eq!(options.text("zone").expect("a text").as_deref(), Some("UTC"));
        assert!(options.finish().is_ok());
        for (name, wrong) in [("size", json!(-1)), ("size", json!(0.5)), ("size", json!([1]))] {
            let mut options = Options::of("kind", json!({ name: wrong })).expect("an object");
            assert!(options.whole(name).is_err(), "{wrong}");
        }
        let mut options =
            Options::of("kind", json!({"n": "inf", "f": 1, "t": 1})).expect("an object");
        assert!(options.number("n").is_err() && options.flag("f").is_err());
        assert!(options.text("t").is_err() && Options::of("kind", json!([])).is_err());
    }
}
