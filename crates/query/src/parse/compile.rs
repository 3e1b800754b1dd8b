//! From the grammar's tree to an [`Expr`].
//!
//! Each clause becomes a condition by its field: the level a set, the timestamp a span, an id its
//! stored forms, a bare word a test of text, and everything else a test of values.

use tantivy_query_grammar::{Occur, UserInputAst, UserInputLeaf, UserInputLiteral};
use tierlog_model::{Pseudonyms, Timestamp, fields};

use super::expr::{Bound, Expr, FieldTest, LevelSet, Literal, TextTest};
use super::fields::{canonical, covering};
use super::pattern::{Pattern, PatternChar, Wildcard, plain_text, read_word};
use super::prepare::Clause;
use super::{level, literal, words};
use crate::moment::{MOMENT_FORMS, Moment};
use crate::{QueryError, TimeRange, Warnings};

/// What is wrong with `a*b/c*d` as words.
const SEVERAL_WORDS: &str = "a wildcard in a text of several words may only stand at its end";

/// What compiling needs to know besides the tree.
pub(super) struct Compiler<'c> {
    pub(super) clauses: &'c [Clause],
    pub(super) pseudonyms: &'c Pseudonyms,
    pub(super) now: Timestamp,
    /// How clauses were read, where that needs saying.
    pub(super) warnings: Warnings,
}

/// The value of a clause, by its form.
#[derive(Clone)]
enum Value {
    Word(Vec<PatternChar>),
    Quoted(String),
    QuotedPrefix(String),
    Set(Vec<String>),
    Range(Bound<String>, Bound<String>),
    Regex(String),
    Anything,
}

impl Compiler<'_> {
    /// Compiles a tree.
    pub(super) fn tree(&mut self, tree: UserInputAst) -> Result<Expr, QueryError> {
        match tree {
            UserInputAst::Clause(clauses) => self.clauses(clauses),
            UserInputAst::Boost(inner, _) => self.tree(*inner),
            UserInputAst::Leaf(leaf) => self.leaf(*leaf),
        }
    }

    fn clauses(&mut self, clauses: Vec<(Option<Occur>, UserInputAst)>) -> Result<Expr, QueryError> {
        let mut all = Vec::new();
        let mut any = Vec::new();
        for (occur, tree) in clauses {
            let expr = self.tree(tree)?;
            match occur {
                Some(Occur::Should) => any.push(expr),
                Some(Occur::Must) | None => all.push(expr),
                Some(Occur::MustNot) => all.push(expr.negated()),
            }
        }
        if !any.is_empty() {
            all.push(Expr::any_of(any));
        }
        Ok(Expr::all_of(all))
    }

    fn leaf(&mut self, leaf: UserInputLeaf) -> Result<Expr, QueryError> {
        let (number, value) = match leaf {
            UserInputLeaf::Literal(literal) => (literal.field_name.clone(), Err(literal)),
            UserInputLeaf::All => (None, Ok(Value::Anything)),
            UserInputLeaf::Exists { field } => (Some(field), Ok(Value::Anything)),
            UserInputLeaf::Set { field, elements } => (field, Ok(Value::Set(elements))),
            UserInputLeaf::Regex { field, pattern } => (field, Ok(Value::Regex(pattern))),
            UserInputLeaf::Range { field, lower, upper } => {
                (field, Ok(Value::Range(literal::bound(lower), literal::bound(upper))))
            }
        };
        let clause = number
            .and_then(|number| number.parse::<usize>().ok())
            .and_then(|number| self.clauses.get(number))
            .ok_or(QueryError::Internal("a clause lost its number"))?;
        let value = value.unwrap_or_else(|literal| literal_value(clause, literal));
        match &clause.field {
            None => self.bare(clause, value),
            Some(field) => self.field(clause, field, value),
        }
    }

    fn bare(&mut self, clause: &Clause, value: Value) -> Result<Expr, QueryError> {
        let test = match value {
            Value::Anything => return Ok(Expr::All),
            Value::Word(word) => words::pattern(&word)
                .ok_or_else(|| QueryError::syntax(clause.position, SEVERAL_WORDS))?,
            Value::Quoted(text) => words::phrase(&text),
            Value::QuotedPrefix(text) => words::phrase_prefix(&text),
            Value::Regex(source) => TextTest::WordRegex(regex(clause, &source)?),
            Value::Set(_) | Value::Range(..) => {
                return Err(QueryError::syntax(clause.position, "a field is missing before this"));
            }
        };
        check_words(clause, &test)?;
        Ok(Expr::AnyText(test))
    }

    fn field(&mut self, clause: &Clause, written: &str, value: Value) -> Result<Expr, QueryError> {
        let name = canonical(written);
        if name == fields::LEVEL {
            return self.level(clause, value);
        }
        if name == fields::TIMESTAMP {
            return self.timestamp(clause, value);
        }
        if name == written {
            return self.values(clause, name, value);
        }
        // A line that has several spellings keeps all but one under their own names.
        let own_name = self.values(clause, written, value.clone())?;
        Ok(Expr::any_of([self.values(clause, name, value)?, own_name]))
    }

    fn values(&mut self, clause: &Clause, name: &str, value: Value) -> Result<Expr, QueryError> {
        let covering = covering(self.pseudonyms, name);
        let is_id = covering.is_some() || fields::ID_FIELDS.contains(&name);
        let ids = if is_id { self.id_test(covering.unwrap_or(name), &value) } else { None };
        let test = match (ids, covering) {
            (Some(test), _) => Some(test),
            (None, Some(_)) if !matches!(value, Value::Anything) => {
                let (field, position) = (name.to_owned(), clause.position);
                return Err(QueryError::PseudonymisedField { field, position });
            }
            (None, _) => field_test(clause, value)?,
        };
        let Some(test) = test else { return Ok(Expr::Exists(name.to_owned())) };
        if fields::TEXT_FIELDS.contains(&name) {
            check_text(clause, &test)?;
        }
        Ok(Expr::field(name, test))
    }

    /// Returns the test for whole ids, in the forms in which the field's key stores them; `None`
    /// for any other form of value.
    fn id_test(&self, field: &str, value: &Value) -> Option<FieldTest> {
        let written = match value {
            Value::Word(word) => vec![plain_text(word)?],
            Value::Quoted(text) => vec![text.clone()],
            Value::Set(texts) => texts.clone(),
            Value::QuotedPrefix(_) | Value::Range(..) | Value::Regex(_) | Value::Anything => {
                return None;
            }
        };
        let forms = written.iter().flat_map(|text| self.pseudonyms.stored_forms(field, text));
        Some(FieldTest::AnyOf(forms.map(Literal::id).collect()))
    }

    fn level(&self, clause: &Clause, value: Value) -> Result<Expr, QueryError> {
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
        let levels = levels.ok_or_else(|| QueryError::syntax(clause.position, level::NO_LEVEL))?;
        Ok(Expr::level(levels))
    }

    fn timestamp(&self, clause: &Clause, value: Value) -> Result<Expr, QueryError> {
        let moment = |text: String| Moment::read(&text, self.now);
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
                    return Err(QueryError::syntax(clause.position, message));
                }
                bounds.map(|(lower, upper)| TimeRange::between(lower, upper))
            }
            Value::Word(word) => plain_text(&word).and_then(moment).map(TimeRange::at),
            Value::Quoted(text) => moment(text).map(TimeRange::at),
            Value::QuotedPrefix(_) | Value::Set(_) | Value::Regex(_) => None,
        };
        let range = range.ok_or_else(|| {
            let message = format!("not a time or a range of times: {MOMENT_FORMS}");
            QueryError::syntax(clause.position, message)
        })?;
        Ok(if range == TimeRange::default() { Expr::All } else { Expr::Timestamp(range) })
    }
}

/// Refuses what no text can pass: it would find nothing, and negated everything.
fn check_words(clause: &Clause, test: &TextTest) -> Result<(), QueryError> {
    let message = match test {
        TextTest::Never => "there is nothing to look for in this text",
        TextTest::WordRegex(pattern) if !pattern.may_fit_words() => {
            "an expression is compared with single words, and fits none; quote signs that are text"
        }
        TextTest::Phrase(_) | TextTest::Word(_) | TextTest::WordRegex(_) | TextTest::Signs(_) => {
            return Ok(());
        }
    };
    Err(QueryError::syntax(clause.position, message))
}

/// Refuses what no text that is compared by words can pass.
fn check_text(clause: &Clause, test: &FieldTest) -> Result<(), QueryError> {
    let message = match test {
        FieldTest::Wildcard { words: TextTest::Never, .. } => SEVERAL_WORDS,
        FieldTest::Range(_) => "a text is compared by its words, which have no order",
        FieldTest::AnyOf(_) | FieldTest::Wildcard { .. } | FieldTest::Regex(_) => {
            return test.words().iter().try_for_each(|test| check_words(clause, test));
        }
    };
    Err(QueryError::syntax(clause.position, message))
}

/// Returns the test for an ordinary field; `None` when it only has to be there.
fn field_test(clause: &Clause, value: Value) -> Result<Option<FieldTest>, QueryError> {
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

fn literal_value(clause: &Clause, literal: UserInputLiteral) -> Value {
    match &clause.word {
        Some(word) => Value::Word(read_word(word)),
        None if literal.prefix => Value::QuotedPrefix(literal.phrase),
        None => Value::Quoted(literal.phrase),
    }
}

fn wildcard(clause: &Clause, word: &[PatternChar]) -> Result<FieldTest, QueryError> {
    Ok(FieldTest::Wildcard {
        value: Wildcard::new(word).ok_or_else(|| too_large(clause))?,
        words: words::pattern(word).unwrap_or(TextTest::Never),
    })
}

fn quoted_prefix(clause: &Clause, text: &str) -> Result<FieldTest, QueryError> {
    let mut pattern: Vec<PatternChar> = text.chars().map(PatternChar::Plain).collect();
    pattern.push(PatternChar::Many);
    Ok(FieldTest::Wildcard {
        value: Wildcard::new(&pattern).ok_or_else(|| too_large(clause))?,
        words: words::phrase_prefix(text),
    })
}

fn regex(clause: &Clause, source: &str) -> Result<Pattern, QueryError> {
    Pattern::new(source).map_err(|message| QueryError::syntax(clause.position, message))
}

fn too_large(clause: &Clause) -> QueryError {
    QueryError::syntax(clause.position, "the pattern is too large")
}
