//! What a clause means: a field and a value become a condition.
//!
//! The field decides: the level a set, the timestamp a span, an id its
//! stored forms, a bare word a test of text, and everything else a test of values.

use tierlog_model::fields;

use super::clause::Value;
use super::reader::Reader;
use super::{level, status, stored};
use crate::error::QueryError;
use crate::expr::pattern::{PatternChar, plain_text};
use crate::expr::{
    AddressRange, Expr, FieldTest, LevelSet, Literal, Pattern, TextTest, Wildcard, literal, words,
};
use crate::moment::{MOMENT_FORMS, Moment};
use crate::time_range::TimeRange;

/// What is wrong with `a*b/c*d` as words.
const SEVERAL_WORDS: &str = "a wildcard in a text of several words may only stand at its end";

/// Fields that hold paths of requests.
const PATH_FIELDS: [&str; 3] = [fields::PATH, fields::ROUTE, fields::ENDPOINT];

impl Reader<'_> {
    /// Returns the condition of a clause. The field is `None` for a bare word.
    pub(super) fn meaning(
        &mut self,
        field: Option<&str>,
        value: &Value,
        position: usize,
    ) -> Result<Expr, QueryError> {
        let clause = Place(position);
        let mut any = Vec::with_capacity(1);
        // A path or phrase with an id in its place is stored with the id's token.
        for value in stored::forms(self.vocabulary.pseudonyms, value) {
            any.push(match field {
                None => self.bare(clause, &value)?,
                Some(field) => self.field(clause, field, &value)?,
            });
        }
        Ok(Expr::any_of(any))
    }

    fn bare(&mut self, clause: Place, value: &Value) -> Result<Expr, QueryError> {
        let path_fields: &[&str] = if is_path(value) { &PATH_FIELDS } else { &[] };
        let test = match value {
            Value::Anything => return Ok(Expr::All),
            Value::Word(word) => {
                words::pattern(word).ok_or_else(|| QueryError::syntax(clause.0, SEVERAL_WORDS))?
            }
            Value::Quoted(text) => words::phrase(text),
            Value::QuotedPrefix(text) => words::phrase_prefix(text),
            Value::Regex(source) => TextTest::WordRegex(regex(clause, source)?),
            Value::Set(_) | Value::Range(..) => {
                return Err(QueryError::syntax(clause.0, "a field is missing before this"));
            }
        };
        check_words(clause, &test)?;
        let mut any = vec![Expr::AnyText(test)];
        for field in path_fields {
            any.push(self.values(clause, field, value)?);
        }
        Ok(Expr::any_of(any))
    }

    fn field(&mut self, clause: Place, written: &str, value: &Value) -> Result<Expr, QueryError> {
        let name = self.vocabulary.spellings.canonical(written);
        if self.vocabulary.is_absent(name, written) {
            self.warnings.add(self.vocabulary.unknown_field(written, ""));
        }
        if name == written {
            return self.canonical(clause, name, value);
        }
        // If a line holds several spellings of a field, all but one stay under their own names.
        if !self.vocabulary.fields.has(written) {
            return self.canonical(clause, name, value);
        }
        let own_name = self.values(clause, written, value)?;
        match self.canonical(clause, name, value) {
            Ok(expr) => Ok(Expr::any_of([expr, own_name])),
            // The value is no level or time, so the other field is meant.
            Err(_) if name == fields::LEVEL || name == fields::TIMESTAMP => Ok(own_name),
            Err(error) => Err(error),
        }
    }

    fn canonical(&self, clause: Place, name: &str, value: &Value) -> Result<Expr, QueryError> {
        match name {
            fields::LEVEL => self.level(clause, value.clone()),
            fields::TIMESTAMP => self.timestamp(clause, value.clone()),
            _ => self.values(clause, name, value),
        }
    }

    fn values(&self, clause: Place, name: &str, value: &Value) -> Result<Expr, QueryError> {
        let covering = self.vocabulary.pseudonyms.identities().covering(name);
        let is_id = covering.is_some() || fields::ID_FIELDS.contains(&name);
        let addresses = if is_id { None } else { addresses(value) };
        let ids = match is_id && !is_network(value) {
            true => self.id_test(covering, value),
            false => None,
        };
        let test = match (ids, covering) {
            (Some(test), _) => Some(test),
            (None, Some(_)) if !matches!(value, Value::Anything) => {
                let (field, position) = (name.to_owned(), clause.0);
                return Err(QueryError::PseudonymisedField { field, position });
            }
            (None, _) => {
                // The order of letters says nothing about addresses.
                if let (Value::Range(..), Some(addresses)) = (value, &addresses) {
                    return Ok(Expr::field(name, FieldTest::Addresses(addresses.clone())));
                }
                field_test(clause, self.number_forms(name, value.clone()))?
            }
        };
        let Some(test) = test else { return Ok(Expr::Exists(name.to_owned())) };
        if fields::TEXT_FIELDS.contains(&name) {
            check_text(clause, &test)?;
        }
        if covering == Some(name) {
            return Ok(Expr::id_of_identity(name, test));
        }
        let expr = Expr::field(name, test);
        let of_class = match status::is_status(self.vocabulary.spellings, name) {
            true => status::classes(value),
            false => Vec::new(),
        };
        let addresses = addresses.map(|ranges| Expr::field(name, FieldTest::Addresses(ranges)));
        Ok(Expr::any_of(
            [expr]
                .into_iter()
                .chain(of_class.into_iter().map(|range| Expr::field(name, FieldTest::Range(range))))
                .chain(addresses),
        ))
    }

    /// Returns a value whose numbers are those of the field: milliseconds of `1s`, the ends of a
    /// status class.
    fn number_forms(&self, name: &str, value: Value) -> Value {
        match value {
            Value::Range(lower, upper) if status::is_status(self.vocabulary.spellings, name) => {
                let (lower, upper) = status::bounds(lower, upper);
                Value::Range(lower, upper)
            }
            Value::Range(lower, upper) if name == fields::DURATION_MS => {
                Value::Range(lower.map(literal::milliseconds), upper.map(literal::milliseconds))
            }
            other => other,
        }
    }

    /// Returns the test for whole ids, in the forms in which the keys of an identity store them;
    /// `None` for any other form of value.
    fn id_test(&self, identity: Option<&str>, value: &Value) -> Option<FieldTest> {
        let written = match value {
            Value::Word(word) => vec![plain_text(word)?],
            Value::Quoted(text) => vec![text.clone()],
            Value::Set(texts) => texts.clone(),
            Value::QuotedPrefix(_) | Value::Range(..) | Value::Regex(_) | Value::Anything => {
                return None;
            }
        };
        let forms = written.iter().flat_map(|text| match identity {
            Some(identity) => self.vocabulary.pseudonyms.stored_forms(identity, text),
            None => vec![text.trim().to_owned()],
        });
        Some(FieldTest::AnyOf(forms.map(Literal::id).collect()))
    }

    fn level(&self, clause: Place, value: Value) -> Result<Expr, QueryError> {
        let levels = match value {
            Value::Anything => Some(LevelSet::ALL),
            Value::Word(word) => match plain_text(&word) {
                Some(text) => level::exactly(&text),
                None => {
                    let pattern = Wildcard::new(&word).ok_or_else(|| too_large(clause))?;
                    Some(level::named(|name| pattern.matches(name)))
                }
            },
            Value::Quoted(text) => level::exactly(&text),
            Value::QuotedPrefix(text) => Some(level::named(|name| name.starts_with(&text))),
            Value::Set(words) => {
                let levels: Option<Vec<LevelSet>> =
                    words.iter().map(|word| level::exactly(word)).collect();
                levels.map(|sets| sets.into_iter().fold(LevelSet::EMPTY, LevelSet::union))
            }
            Value::Range(lower, upper) => level::range(lower, upper),
            Value::Regex(source) => {
                let pattern = regex(clause, &source)?;
                Some(level::named(|name| pattern.matches_value(name)))
            }
        };
        let levels = levels.ok_or_else(|| QueryError::syntax(clause.0, level::NO_LEVEL))?;
        Ok(Expr::level(levels))
    }

    fn timestamp(&self, clause: Place, value: Value) -> Result<Expr, QueryError> {
        let moment = |text: String| Moment::read(&text, self.vocabulary.now);
        let range = match value {
            Value::Anything => Some(TimeRange::default()),
            Value::Range(lower, upper) => {
                let bounds = lower.try_map(moment).zip(upper.try_map(moment));
                if let Some((lower, upper)) = bounds
                    && let (Some(lower), Some(upper)) = (lower.value(), upper.value())
                    && upper.first < lower.first
                {
                    let (end, start) = (upper.first, lower.first);
                    let message = format!("this range ends at {end}, before it starts at {start}");
                    return Err(QueryError::syntax(clause.0, message));
                }
                bounds.map(|(lower, upper)| TimeRange::between(lower, upper))
            }
            Value::Word(word) => plain_text(&word).and_then(moment).map(TimeRange::at),
            Value::Quoted(text) => moment(text).map(TimeRange::at),
            Value::QuotedPrefix(_) | Value::Set(_) | Value::Regex(_) => None,
        };
        let range = range.ok_or_else(|| {
            let message = format!("not a time or a range of times: {MOMENT_FORMS}");
            QueryError::syntax(clause.0, message)
        })?;
        Ok(if range == TimeRange::default() { Expr::All } else { Expr::Timestamp(range) })
    }
}

/// Refuses a pattern that matches no text: the clause would find no record, and negated every
/// record.
fn check_words(clause: Place, test: &TextTest) -> Result<(), QueryError> {
    let message = match test {
        TextTest::Never => "there is nothing to look for in this text",
        TextTest::WordRegex(pattern) if !pattern.may_fit_words() => {
            "an expression is compared with single words, and fits none; quote signs that are text"
        }
        TextTest::Phrase(_) | TextTest::Word(_) | TextTest::WordRegex(_) | TextTest::Signs(_) => {
            return Ok(());
        }
    };
    Err(QueryError::syntax(clause.0, message))
}

/// Refuses what no text that is compared by words can pass.
fn check_text(clause: Place, test: &FieldTest) -> Result<(), QueryError> {
    let message = match test {
        FieldTest::Wildcard { words: TextTest::Never, .. } => SEVERAL_WORDS,
        FieldTest::Range(_) | FieldTest::Addresses(_) => {
            "a text is compared by its words, which have no order"
        }
        FieldTest::AnyOf(_) | FieldTest::Wildcard { .. } | FieldTest::Regex(_) => {
            return test.words().iter().try_for_each(|test| check_words(clause, test));
        }
    };
    Err(QueryError::syntax(clause.0, message))
}

/// Where a clause stands in the query, in bytes.
#[derive(Clone, Copy)]
struct Place(usize);

/// Returns the test for an ordinary field; `None` when it only has to be there.
fn field_test(clause: Place, value: Value) -> Result<Option<FieldTest>, QueryError> {
    Ok(Some(match value {
        Value::Word(word) => match plain_text(&word) {
            Some(text) => FieldTest::AnyOf(vec![Literal::new(text)]),
            None => wildcard(clause, &word)?,
        },
        Value::Quoted(text) => FieldTest::AnyOf(vec![Literal::new(text)]),
        Value::QuotedPrefix(text) => quoted_prefix(clause, &text)?,
        Value::Set(elements) => FieldTest::AnyOf(elements.into_iter().map(Literal::new).collect()),
        Value::Regex(source) => FieldTest::Regex(regex(clause, &source)?),
        Value::Range(lower, upper) => return Ok(literal::range(lower, upper)),
        Value::Anything => return Ok(None),
    }))
}

/// Tells whether a bare word is the path of a request: then it is looked for where paths are, too.
fn is_path(value: &Value) -> bool {
    let Value::Word(word) = value else { return false };
    matches!(word.as_slice(), [PatternChar::Plain('/'), PatternChar::Plain(next), ..]
        if next.is_alphanumeric() || *next == '_')
}

/// Tells whether a value is a network: no id is one.
fn is_network(value: &Value) -> bool {
    let text = match value {
        Value::Word(word) => plain_text(word),
        Value::Quoted(text) => Some(text.clone()),
        Value::QuotedPrefix(_)
        | Value::Set(_)
        | Value::Range(..)
        | Value::Regex(_)
        | Value::Anything => None,
    };
    text.is_some_and(|text| AddressRange::network(&text).is_some())
}

/// Returns the ranges of addresses that a value names; `None` when it names none.
fn addresses(value: &Value) -> Option<Vec<AddressRange>> {
    let one = |text: &str| AddressRange::network(text).or_else(|| AddressRange::spelled(text));
    let ranges: Vec<AddressRange> = match value {
        Value::Word(word) => one(&plain_text(word)?).into_iter().collect(),
        Value::Quoted(text) => one(text).into_iter().collect(),
        Value::Set(texts) => texts.iter().filter_map(|text| one(text)).collect(),
        Value::Range(lower, upper) => AddressRange::between(lower, upper).into_iter().collect(),
        Value::QuotedPrefix(_) | Value::Regex(_) | Value::Anything => Vec::new(),
    };
    (!ranges.is_empty()).then_some(ranges)
}

fn wildcard(clause: Place, word: &[PatternChar]) -> Result<FieldTest, QueryError> {
    Ok(FieldTest::Wildcard {
        value: Wildcard::new(word).ok_or_else(|| too_large(clause))?,
        words: words::pattern(word).unwrap_or(TextTest::Never),
    })
}

fn quoted_prefix(clause: Place, text: &str) -> Result<FieldTest, QueryError> {
    let mut pattern: Vec<PatternChar> = text.chars().map(PatternChar::Plain).collect();
    pattern.push(PatternChar::Many);
    Ok(FieldTest::Wildcard {
        value: Wildcard::new(&pattern).ok_or_else(|| too_large(clause))?,
        words: words::phrase_prefix(text),
    })
}

fn regex(clause: Place, source: &str) -> Result<Pattern, QueryError> {
    Pattern::new(source).map_err(|message| QueryError::syntax(clause.0, message))
}

fn too_large(clause: Place) -> QueryError {
    QueryError::syntax(clause.0, "the pattern is too large")
}
