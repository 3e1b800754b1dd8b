//! Builders of [`Expr`]: trees stay flat, constants are folded; and the printed form for people.

use std::fmt;

use tierlog_model::fields;
use tierlog_store::Ending;

use super::{Expr, FieldTest, LevelSet, TextTest};

impl Expr {
    /// Returns the conjunction of conditions.
    pub(crate) fn all_of(exprs: impl IntoIterator<Item = Expr>) -> Expr {
        let mut flat = Vec::new();
        for expr in exprs {
            match expr {
                Expr::All => {}
                Expr::Nothing => return Expr::Nothing,
                Expr::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expr::All,
            1 => flat.pop().unwrap_or(Expr::All),
            _ => Expr::And(flat),
        }
    }

    /// Returns the disjunction of conditions.
    pub(crate) fn any_of(exprs: impl IntoIterator<Item = Expr>) -> Expr {
        let mut flat = Vec::new();
        for expr in exprs {
            match expr {
                Expr::Nothing => {}
                Expr::All => return Expr::All,
                Expr::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expr::Nothing,
            1 => flat.pop().unwrap_or(Expr::Nothing),
            _ => Expr::Or(flat),
        }
    }

    /// Returns the negation of a condition.
    #[must_use]
    pub(crate) fn negated(self) -> Expr {
        match self {
            Expr::All => Expr::Nothing,
            Expr::Nothing => Expr::All,
            Expr::Not(inner) => *inner,
            Expr::Level(levels) => Expr::level(levels.complement()),
            other => Expr::Not(Box::new(other)),
        }
    }

    /// Returns the condition on the level.
    pub(crate) fn level(levels: LevelSet) -> Expr {
        match levels {
            LevelSet::ALL => Expr::All,
            LevelSet::EMPTY => Expr::Nothing,
            levels => Expr::Level(levels),
        }
    }

    /// Returns the condition that a record has an id of an identity: in the identity's field, or as
    /// a pseudonym anywhere else, of which the record has a list.
    pub(crate) fn id_of_identity(field: &str, test: FieldTest) -> Expr {
        let elsewhere = Expr::field(fields::PSEUDONYMS, test.clone());
        Expr::any_of([Expr::field(field, test), elsewhere])
    }

    /// Returns the condition on the values of a field (canonical name).
    pub(crate) fn field(name: &str, test: FieldTest) -> Expr {
        match test {
            FieldTest::AnyOf(literals) if literals.is_empty() => Expr::Nothing,
            test => Expr::Field { name: name.to_owned(), test },
        }
    }
}

impl fmt::Display for TextTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextTest::Never => formatter.write_str("never"),
            TextTest::Phrase(phrase) => {
                let end = match phrase.ending() {
                    Ending::Whole => "",
                    Ending::Open => "…",
                };
                write!(formatter, "phrase({}{end})", phrase.words().join(" "))
            }
            TextTest::Signs(signs) => write!(formatter, "signs({})", signs.as_str()),
            TextTest::Word(pattern) => write!(formatter, "word({pattern:?})"),
            TextTest::WordRegex(pattern) => write!(formatter, "word({pattern:?})"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |formatter: &mut fmt::Formatter<'_>, name: &str, exprs: &[Expr]| {
            write!(formatter, "{name}(")?;
            for (position, expr) in exprs.iter().enumerate() {
                let separator = if position == 0 { "" } else { ", " };
                write!(formatter, "{separator}{expr}")?;
            }
            formatter.write_str(")")
        };
        match self {
            Expr::All => formatter.write_str("all"),
            Expr::Nothing => formatter.write_str("nothing"),
            Expr::And(exprs) => list(formatter, "and", exprs),
            Expr::Or(exprs) => list(formatter, "or", exprs),
            Expr::Not(inner) => write!(formatter, "not({inner})"),
            Expr::Level(levels) => {
                let names: Vec<&str> = levels.iter().map(|level| level.as_str()).collect();
                write!(formatter, "level({})", names.join(" "))
            }
            Expr::Timestamp(range) => write!(formatter, "timestamp({range})"),
            Expr::Exists(name) => write!(formatter, "exists({name})"),
            Expr::AnyText(test) => write!(formatter, "text:{test}"),
            Expr::Field { name, test } => write!(formatter, "{name}:{test}"),
        }
    }
}

impl fmt::Display for FieldTest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldTest::AnyOf(literals) => {
                let texts: Vec<String> = literals
                    .iter()
                    .map(|literal| match literal.number {
                        Some(_) => format!("{:?}#", literal.text),
                        None => format!("{:?}", literal.text),
                    })
                    .collect();
                write!(formatter, "is({})", texts.join(" "))
            }
            FieldTest::Wildcard { value, words } => write!(formatter, "fits({value:?} | {words})"),
            FieldTest::Range(range) => write!(formatter, "{range:?}"),
            FieldTest::Addresses(ranges) => {
                let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
                write!(formatter, "addresses({})", ranges.join(" "))
            }
            FieldTest::Regex(pattern) => write!(formatter, "{pattern:?}"),
        }
    }
}
