//! Reads the text of a query to a condition, in one pass from left to right.
//!
//! Arrives: a query text. Leaves: an [`Expr`], or an error with the position of the clause that
//! cannot be read. Values are read by `values`, the forms of other query languages by `foreign`;
//! `meaning` makes a condition of each clause as soon as the clause is read.
//!
//! Open groups stand on a stack of the reader's own, so that no text overflows the thread's stack.
//!
//! Clauses side by side are joined by AND, the habit of log search; AND binds tighter than OR, as
//! everywhere. A leading `+` therefore changes nothing. Depth is bounded while reading, so that no
//! later walk of the tree runs out of stack.
//!
//! `and`, `or` and `not` in lower case are operators in a query that has field clauses, groups or
//! quotes: then nobody looks for these words. Between bare words alone they are words, and that
//! is said. So a text is read twice when such a word stands in it, and once otherwise.

use std::ops::Range;

use tierlog_model::limits::{QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX};
use tierlog_store::{Kind, kind};

use super::Compiled;
use super::clause::Value;
use super::lexemes::{FieldName, closing_quote, field_name, unescape, word_length};
use crate::dialect::vocabulary::Vocabulary;
use crate::error::QueryError;
use crate::expr::Expr;
use crate::expr::pattern::{Wildcard, read_word};
use crate::warning::{Warning, WarningCode, Warnings, quoted};

/// Fields that a pattern in a field's name may stand for: each is a clause of its own.
const PATTERN_FIELDS_MAX: usize = 64;

/// Longest query that a warning writes out as it was probably meant.
const REWRITTEN_BYTES_MAX: usize = 400;

/// Reads a query. An empty text and `*` are everything.
pub(super) fn read(query: &str, vocabulary: Vocabulary<'_>) -> Result<Compiled, QueryError> {
    if query.len() > QUERY_BYTES_MAX {
        let what = "length in bytes";
        return Err(QueryError::TooExpensive { what, limit: QUERY_BYTES_MAX });
    }
    let mut reader = Reader::new(query, vocabulary, Case::Upper);
    let mut expr = reader.run();
    if !reader.small_operators.is_empty() {
        if reader.structure == Structure::Clauses {
            // In `level:(error or warning)` the first reading fails at `or`, which is no level.
            reader = Reader::new(query, vocabulary, Case::Any);
            expr = reader.run();
        } else {
            reader.say_small_operators();
        }
    }
    Ok(Compiled { expr: expr?, warnings: reader.warnings })
}

/// How operators are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// `AND`; in lower case it is a word.
    Upper,
    /// `AND`, `and`, `And`.
    Any,
}

/// What a query consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Structure {
    /// Nothing but bare words.
    Words,
    /// Something else too.
    Clauses,
}

/// Reads one query.
pub(super) struct Reader<'q> {
    pub(super) query: &'q str,
    pub(super) vocabulary: Vocabulary<'q>,
    /// Where the reading stands, in bytes.
    pub(super) at: usize,
    pub(super) warnings: Warnings,
    pub(super) regex_count: usize,
    case: Case,
    /// Words at the places of operators that would be some in capitals.
    small_operators: Vec<Range<usize>>,
    structure: Structure,
    /// Open groups, the whole query first; never empty.
    groups: Vec<Group>,
    state: State,
    /// NOT and `-` directly before the coming clause: each is a level of the tree.
    negations: usize,
    term_count: usize,
}

#[derive(Default)]
struct Group {
    /// Field that the clauses inside inherit.
    field: Option<String>,
    position: usize,
    /// NOT and `-` directly before it.
    negations: usize,
    /// Conditions before each OR.
    any: Vec<Expr>,
    /// Conditions since the last OR.
    all: Vec<Expr>,
}

impl Group {
    /// Returns the condition of the group; `None` for a group without a clause.
    fn into_expr(mut self) -> Option<Expr> {
        self.close_alternative();
        (!self.any.is_empty()).then(|| Expr::any_of(self.any))
    }

    fn close_alternative(&mut self) {
        let all = std::mem::take(&mut self.all);
        if !all.is_empty() {
            self.any.push(Expr::all_of(all));
        }
    }
}

/// What stands before the reading position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing, or an opening parenthesis.
    Start,
    /// AND, OR, NOT or `-`: a clause must follow.
    Operator(usize),
    /// A clause or a closing parenthesis.
    Clause,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Not,
}

impl<'q> Reader<'q> {
    fn new(query: &'q str, vocabulary: Vocabulary<'q>, case: Case) -> Reader<'q> {
        Reader {
            query,
            vocabulary,
            at: 0,
            warnings: Warnings::default(),
            regex_count: 0,
            case,
            small_operators: Vec::new(),
            structure: Structure::Words,
            groups: vec![Group::default()],
            state: State::Start,
            negations: 0,
            term_count: 0,
        }
    }

    fn run(&mut self) -> Result<Expr, QueryError> {
        self.leading_foreign()?;
        loop {
            self.skip_whitespace();
            let Some(next) = self.peek() else { break };
            match next {
                '(' => {
                    let field = self.group_field();
                    self.open_group(field)?;
                }
                ')' => self.close_group()?,
                '+' if self.is_attached() => self.at += 1,
                '-' | '!' if self.is_attached() && !self.is_line_filter() => {
                    let position = self.at;
                    self.at += 1;
                    self.negate(position)?;
                }
                _ => match self.operator() {
                    Some((operator, length)) => self.apply(operator, length)?,
                    None => self.clause()?,
                },
            }
        }
        if let State::Operator(position) = self.state {
            return Err(QueryError::syntax(position, "a clause is missing after the operator"));
        }
        let whole = self.groups.pop().unwrap_or_default();
        if !self.groups.is_empty() {
            return Err(QueryError::syntax(whole.position, "this '(' is never closed"));
        }
        Ok(whole.into_expr().unwrap_or(Expr::All))
    }

    pub(super) fn rest(&self) -> &'q str {
        self.query.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_whitespace(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Tells whether the character here is glued to a clause, as in `-foo`, unlike in `a - b`, and
    /// unlike in `->` and `!!!`, where it is one of several signs.
    fn is_attached(&self) -> bool {
        let rest = self.rest().get(1..).unwrap_or_default();
        match rest.chars().next() {
            None | Some(')' | '=' | '>') => false,
            Some('(' | '*') => true,
            Some(next) if closing_quote(next).is_some() => true,
            Some(next) if next.is_whitespace() => false,
            Some(_) => {
                let word = rest.get(..word_length(rest)).unwrap_or_default();
                word.contains(|character| kind(character) != Kind::Sign)
            }
        }
    }

    pub(super) fn group_field(&self) -> Option<String> {
        self.groups.last().and_then(|group| group.field.clone())
    }

    fn operator(&mut self) -> Option<(Operator, usize)> {
        const OPERATORS: [(&str, Operator); 5] = [
            ("AND", Operator::And),
            ("OR", Operator::Or),
            ("NOT", Operator::Not),
            ("&&", Operator::And),
            ("||", Operator::Or),
        ];
        let rest = self.rest();
        let (spelling, operator) = OPERATORS.into_iter().find(|(spelling, _)| {
            let is_same = rest
                .get(..spelling.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(spelling));
            let after = rest.get(spelling.len()..).and_then(|after| after.chars().next());
            is_same && after.is_none_or(|c| c.is_whitespace() || "()".contains(c))
        })?;
        if rest.starts_with(spelling) {
            return Some((operator, spelling.len()));
        }
        let after = rest.get(spelling.len()..).unwrap_or_default().trim_start();
        let has_operands = !after.is_empty()
            && !after.starts_with(')')
            && (operator == Operator::Not || self.state == State::Clause);
        if !has_operands {
            return None;
        }
        match self.case {
            Case::Any => Some((operator, spelling.len())),
            Case::Upper => {
                self.small_operators.push(self.at..self.at + spelling.len());
                None
            }
        }
    }

    /// Says that `and` is a word between words.
    fn say_small_operators(&mut self) {
        let Some(first) = self.small_operators.first().cloned() else { return };
        let word = self.query.get(first).unwrap_or_default();
        let detail = format!("\"{word}\" is looked for as a word: operators are in capitals");
        let mut warning = Warning::new(WarningCode::ForeignSyntax, detail);
        if self.query.len() <= REWRITTEN_BYTES_MAX {
            let mut rewritten = self.query.to_owned();
            for range in self.small_operators.iter().cloned() {
                let capitals = self.query.get(range.clone()).unwrap_or_default().to_uppercase();
                rewritten.replace_range(range, &capitals);
            }
            warning = warning.suggesting(rewritten);
        }
        self.warnings.add(warning);
    }

    fn apply(&mut self, operator: Operator, length: usize) -> Result<(), QueryError> {
        let position = self.at;
        self.at += length;
        if operator == Operator::Not {
            return self.negate(position);
        }
        if self.state != State::Clause {
            return Err(QueryError::syntax(position, "a clause is missing before the operator"));
        }
        if operator == Operator::Or
            && let Some(group) = self.groups.last_mut()
        {
            group.close_alternative();
        }
        self.state = State::Operator(position);
        Ok(())
    }

    pub(super) fn negate(&mut self, position: usize) -> Result<(), QueryError> {
        self.negations += 1;
        self.check_depth()?;
        self.state = State::Operator(position);
        Ok(())
    }

    fn check_depth(&self) -> Result<(), QueryError> {
        let pending: usize = self.groups.iter().map(|group| group.negations).sum();
        if self.groups.len() - 1 + pending + self.negations > QUERY_DEPTH_MAX {
            return Err(QueryError::TooExpensive { what: "nesting", limit: QUERY_DEPTH_MAX });
        }
        Ok(())
    }

    fn open_group(&mut self, field: Option<String>) -> Result<(), QueryError> {
        self.structure = Structure::Clauses;
        let negations = std::mem::take(&mut self.negations);
        let group = Group { field, position: self.at, negations, ..Group::default() };
        self.groups.push(group);
        self.check_depth()?;
        self.at += 1;
        self.state = State::Start;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), QueryError> {
        let problem = match self.state {
            State::Start => Some("a clause is missing before ')'"),
            State::Operator(_) => Some("a clause is missing between the operator and ')'"),
            State::Clause => None,
        };
        let group = match self.groups.len() {
            0 | 1 => return Err(QueryError::syntax(self.at, "this ')' closes nothing")),
            _ => self.groups.pop().unwrap_or_default(),
        };
        if let Some(problem) = problem {
            return Err(QueryError::syntax(self.at, problem));
        }
        self.at += 1;
        self.negations = group.negations;
        if let Some(expr) = group.into_expr() {
            self.push(expr);
        }
        Ok(())
    }

    /// Adds an operand, with the negations before it.
    fn push(&mut self, expr: Expr) {
        let is_negated = self.negations % 2 == 1;
        self.negations = 0;
        self.state = State::Clause;
        if let Some(group) = self.groups.last_mut() {
            group.all.push(if is_negated { expr.negated() } else { expr });
        }
    }

    /// Adds a clause.
    pub(super) fn push_clause(
        &mut self,
        field: Option<String>,
        value: &Value,
        position: usize,
    ) -> Result<(), QueryError> {
        let is_bare_word = field.is_none() && matches!(value, Value::Word(_));
        if !is_bare_word {
            self.structure = Structure::Clauses;
        }
        match field {
            Some(pattern) if has_wildcard(&pattern) => {
                self.pattern_of_fields(&pattern, value, position)
            }
            field => {
                self.count_term()?;
                let expr = self.meaning(field.as_deref(), value, position)?;
                self.push(expr);
                Ok(())
            }
        }
    }

    /// Adds a clause for a text that looked like another syntax.
    pub(super) fn push_text(&mut self, text: &str, position: usize) -> Result<(), QueryError> {
        self.count_term()?;
        let expr = self.meaning(None, &Value::Quoted(text.to_owned()), position)?;
        self.push(expr);
        Ok(())
    }

    /// Adds a clause for each field whose name fits a pattern.
    fn pattern_of_fields(
        &mut self,
        pattern: &str,
        value: &Value,
        position: usize,
    ) -> Result<(), QueryError> {
        let wildcard = Wildcard::new(&read_word(pattern))
            .ok_or_else(|| QueryError::syntax(position, "the pattern is too large"))?;
        let mut names = self.vocabulary.fields.names()?;
        names.retain(|name| wildcard.matches(name));
        if names.len() > PATTERN_FIELDS_MAX {
            let what = "fields that fit a pattern";
            return Err(QueryError::TooExpensive { what, limit: PATTERN_FIELDS_MAX });
        }
        if names.is_empty() {
            // The name as it stands has no records; compiling says so.
            names.push(unescape(pattern));
        }
        let mut any = Vec::with_capacity(names.len());
        for name in names {
            self.count_term()?;
            any.push(self.meaning(Some(&name), value, position)?);
        }
        self.push(Expr::any_of(any));
        Ok(())
    }

    pub(super) fn count_term(&mut self) -> Result<(), QueryError> {
        self.term_count += 1;
        if self.term_count > QUERY_TERMS_MAX {
            return Err(QueryError::TooExpensive { what: "terms", limit: QUERY_TERMS_MAX });
        }
        Ok(())
    }

    fn clause(&mut self) -> Result<(), QueryError> {
        let position = self.at;
        if self.foreign_clause()? {
            return Ok(());
        }
        let inherited = self.group_field();
        let Some(FieldName { length, colon_length }) = field_name(self.rest()) else {
            let value = self.value(inherited.is_some())?;
            return self.push_clause(inherited, &value, position);
        };
        let written = self.rest().get(..length).unwrap_or_default();
        let field = if has_wildcard(written) { written.to_owned() } else { unescape(written) };
        let is_known = written == "*" || has_wildcard(written) || self.vocabulary.knows(&field);
        if !is_known && colon_length > 1 {
            // Between words of full-width scripts the colon is one of the text.
            let value = self.word();
            return self.push_clause(inherited, &value, position);
        }
        self.at += length + colon_length;
        self.skip_whitespace();
        if self.peek().is_none_or(|next| next == ')') {
            if is_known {
                return Err(QueryError::syntax(self.at, "a value is missing after ':'"));
            }
            // `ValueError:` at the end of what was pasted.
            return self.push_text(written, position);
        }
        if self.peek() == Some('(') {
            return self.open_group((written != "*").then_some(field));
        }
        if is_known && self.foreign_value(&field, position)? {
            return Ok(());
        }
        let value = self.value(true)?;
        if !is_known && value.is_plain() {
            let text = self.query.get(position..self.at).unwrap_or_default();
            self.say_unknown(&field, text);
            return self.push_text(text, position);
        }
        self.push_clause((written != "*").then_some(field), &value, position)
    }

    /// Says that no record has a field, and that the clause is looked for as text.
    pub(super) fn say_unknown(&mut self, field: &str, text: &str) {
        let then = format!(": {} is looked for as text", quoted(text));
        self.warnings.add(self.vocabulary.unknown_field(field, &then));
    }

    /// Says how a clause in the form of another language was read.
    pub(super) fn say_foreign(&mut self, text: &str, read_as: &str) {
        let detail = format!("{} is read as {read_as}; quote what is text", quoted(text));
        let warning = Warning::new(WarningCode::ForeignSyntax, detail);
        self.warnings.add(warning.suggesting(read_as));
    }
}

/// Tells whether a field's name is a pattern: it has a star that is not escaped, beside others.
fn has_wildcard(name: &str) -> bool {
    let mut escaped = false;
    let mut found = false;
    for character in name.chars() {
        found = found || (character == '*' && !escaped);
        escaped = character == '\\' && !escaped;
    }
    found && name.len() > 1
}
