//! Which texts are keys of buckets, by the options `include` and `exclude`.

use regex::Regex;
use serde_json::Value;
use tantivy::aggregation::bucket::IncludeExcludeParam;
use tierlog_model::Pseudonyms;

use super::options::Refused;

/// Texts as a request names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    /// Each by itself.
    Listed(Vec<String>),
    /// All that an expression matches whole.
    Fitting(String),
}

impl Texts {
    /// Reads an expression or a list of values.
    pub(super) fn read(given: &Value) -> Result<Texts, Refused> {
        match given {
            Value::String(expression) => Ok(Texts::Fitting(expression.clone())),
            Value::Array(values) => {
                let text = |value: &Value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Ok(Texts::Listed(values.iter().map(text).collect()))
            }
            _ => Err("expected an expression or a list of values".into()),
        }
    }

    /// Returns the stored forms of the plain values of a field that may be pseudonymised.
    pub(super) fn stored(self, field: &str, pseudonyms: &Pseudonyms) -> Result<Texts, Refused> {
        let Some(identity) = pseudonyms.identities().covering(field) else {
            return Ok(self);
        };
        let Texts::Listed(values) = self else {
            let reason = "is stored as pseudonyms: list whole values, not an expression";
            return Err(format!("field {field:?} {reason}").into());
        };
        let forms = values.iter().flat_map(|value| pseudonyms.stored_forms(identity, value));
        Ok(Texts::Listed(forms.collect()))
    }

    /// Returns the texts as the engine reads them.
    pub(super) fn of_engine(&self) -> IncludeExcludeParam {
        match self {
            Texts::Listed(listed) => IncludeExcludeParam::Values(listed.clone()),
            Texts::Fitting(expression) => IncludeExcludeParam::Regex(expression.clone()),
        }
    }
}

/// The choice of both options, ready to compare.
#[derive(Debug)]
pub(super) struct Chosen {
    include: Option<Matcher>,
    exclude: Option<Matcher>,
}

#[derive(Debug)]
enum Matcher {
    Listed(Vec<String>),
    Fitting(Box<Regex>),
}

impl Chosen {
    /// Returns the choice of both options; `None` when neither is there.
    pub(super) fn of(
        include: Option<&Texts>,
        exclude: Option<&Texts>,
    ) -> Result<Option<Chosen>, Refused> {
        let include = include.map(Matcher::of).transpose()?;
        let exclude = exclude.map(Matcher::of).transpose()?;
        Ok((include.is_some() || exclude.is_some()).then_some(Chosen { include, exclude }))
    }

    /// Tells whether a text is a key.
    pub(super) fn has(&self, text: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.has(text))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.has(text))
    }
}

impl Matcher {
    fn of(texts: &Texts) -> Result<Matcher, Refused> {
        match texts {
            Texts::Listed(listed) => Ok(Matcher::Listed(listed.clone())),
            Texts::Fitting(expression) => match Regex::new(&format!("^(?s:{expression})$")) {
                Ok(expression) => Ok(Matcher::Fitting(Box::new(expression))),
                Err(_) => Err(format!("{expression:?} is no expression").into()),
            },
        }
    }

    fn has(&self, text: &str) -> bool {
        match self {
            Matcher::Listed(listed) => listed.iter().any(|listed| listed == text),
            Matcher::Fitting(expression) => expression.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_chosen_by_lists_and_whole_expressions() {
        let texts = |given: Value| Texts::read(&given).expect("texts");
        let (include, exclude) = (texts(json!("a.*")), texts(json!(["ab", "ac"])));
        let chosen = Chosen::of(Some(&include), Some(&exclude)).expect("valid").expect("some");
        let has: Vec<&str> =
            ["a", "ab", "ba", "abc"].into_iter().filter(|text| chosen.has(text)).collect();
        assert_eq!(has, ["a", "abc"]);
        assert!(Chosen::of(None, None).expect("valid").is_none());
        assert!(Chosen::of(Some(&texts(json!("("))), None).is_err());
        assert!(Texts::read(&json!(1)).is_err());
    }
}
