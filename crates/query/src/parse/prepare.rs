//! Reads the query text up to its clauses, and writes it again in the part of the grammar crate's
//! syntax that has one meaning only.
//!
//! Arrives: what the user typed. Leaves: [`Prepared`], in which every clause is numbered, so that
//! each has its position and none can be mistaken for another. Values are not interpreted here.
//!
//! Why not hand the text to `tantivy_query_grammar` as it is:
//! - its tree has no positions, and `path:/api/*`, `url:http://x:80/`, `IN [a, b]`, `can't`
//!   do not read as our contract says;
//! - `a AND b c AND d` and `a AND b OR c AND d` give the same tree, so the default operator has to
//!   be written out. **Decision: clauses side by side are joined by AND**, the habit of log
//!   search; AND binds tighter than OR, as everywhere. A leading `+` therefore changes nothing.
//! - it recurses, so depth must be known before.
//!
//! ```text
//! level:>=warning -path:/api/* "card declined"   ->   0:>=warning AND NOT 1:w AND 2:"card declined"
//! ```

use std::ops::Range;

use tierlog_model::limits::{QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX};
use tierlog_store::{Kind, kind};

use super::lexemes::{
    field_name_length, is_end, quoted_length, regex_length, set_length, unescape, word_length,
};
use crate::QueryError;

/// Most regular expressions of a query. Each may compile to a megabyte and is matched against
/// whole dictionaries.
const QUERY_REGEXES_MAX: usize = 32;

/// A query that the grammar crate reads without surprise.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The text for the grammar crate; empty when there is no clause.
    pub(super) text: String,
    /// What the numbers in it stand for.
    pub(super) clauses: Vec<Clause>,
}

/// One clause of the query.
#[derive(Debug)]
pub(super) struct Clause {
    /// Field as written, without escapes; `None` for a bare word.
    pub(super) field: Option<String>,
    /// Where the clause starts in the query, in bytes.
    pub(super) position: usize,
    /// The word, escapes and wildcards included, when the value is one. The grammar crate would
    /// take the escape off `\*` and refuse `:` and quotes inside.
    pub(super) word: Option<String>,
    /// Where the clause stands in the prepared text.
    pub(super) written: Range<usize>,
}

/// Prepares a query.
pub(super) fn prepare(query: &str) -> Result<Prepared, QueryError> {
    if query.len() > QUERY_BYTES_MAX {
        let what = "length in bytes";
        return Err(QueryError::TooExpensive { what, limit: QUERY_BYTES_MAX });
    }
    let mut preparer = Preparer {
        query,
        at: 0,
        text: String::with_capacity(query.len() + 16),
        clauses: Vec::new(),
        groups: Vec::new(),
        state: State::Start,
        negations: 0,
        term_count: 0,
        regex_count: 0,
    };
    preparer.run()?;
    Ok(Prepared { text: preparer.text, clauses: preparer.clauses })
}

struct Preparer<'q> {
    query: &'q str,
    at: usize,
    text: String,
    clauses: Vec<Clause>,
    groups: Vec<Group>,
    state: State,
    /// NOT and `-` directly before the coming clause: each is a level of the tree.
    negations: usize,
    term_count: usize,
    regex_count: usize,
}

struct Group {
    field: Option<String>,
    position: usize,
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

impl Preparer<'_> {
    fn run(&mut self) -> Result<(), QueryError> {
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
                '-' | '!' if self.is_attached() => {
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
        match self.groups.last() {
            Some(group) => Err(QueryError::syntax(group.position, "this '(' is never closed")),
            None => Ok(()),
        }
    }

    fn rest(&self) -> &str {
        self.query.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_whitespace(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Tells whether the character here is glued to a clause, as in `-foo`, unlike in `a - b`, and
    /// unlike in `->` and `!!!`, where it is one of several signs.
    fn is_attached(&self) -> bool {
        let rest = self.rest().get(1..).unwrap_or_default();
        match rest.chars().next() {
            None | Some(')' | '=' | '>') => false,
            Some('(' | '"' | '\'' | '*') => true,
            Some(next) if next.is_whitespace() => false,
            Some(_) => {
                let word = rest.get(..word_length(rest)).unwrap_or_default();
                word.contains(|character| kind(character) != Kind::Sign)
            }
        }
    }

    fn group_field(&self) -> Option<String> {
        self.groups.last().and_then(|group| group.field.clone())
    }

    fn operator(&self) -> Option<(Operator, usize)> {
        const OPERATORS: [(&str, Operator); 5] = [
            ("AND", Operator::And),
            ("OR", Operator::Or),
            ("NOT", Operator::Not),
            ("&&", Operator::And),
            ("||", Operator::Or),
        ];
        OPERATORS.into_iter().find_map(|(spelling, operator)| {
            let after = self.rest().strip_prefix(spelling)?;
            let ends = after.chars().next().is_none_or(|c| c.is_whitespace() || "()".contains(c));
            ends.then_some((operator, spelling.len()))
        })
    }

    fn apply(&mut self, operator: Operator, length: usize) -> Result<(), QueryError> {
        let position = self.at;
        self.at += length;
        let symbol = match operator {
            Operator::Not => return self.negate(position),
            Operator::And => " AND ",
            Operator::Or => " OR ",
        };
        if self.state != State::Clause {
            return Err(QueryError::syntax(position, "a clause is missing before the operator"));
        }
        self.text.push_str(symbol);
        self.state = State::Operator(position);
        Ok(())
    }

    fn negate(&mut self, position: usize) -> Result<(), QueryError> {
        self.begin_operand();
        self.negations += 1;
        self.check_depth()?;
        self.text.push_str("NOT ");
        self.state = State::Operator(position);
        Ok(())
    }

    fn check_depth(&self) -> Result<(), QueryError> {
        if self.groups.len() + self.negations > QUERY_DEPTH_MAX {
            return Err(QueryError::TooExpensive { what: "nesting", limit: QUERY_DEPTH_MAX });
        }
        Ok(())
    }

    /// Writes out the operator between clauses that stand side by side.
    fn begin_operand(&mut self) {
        if self.state == State::Clause {
            self.text.push_str(" AND ");
        }
    }

    fn open_group(&mut self, field: Option<String>) -> Result<(), QueryError> {
        self.begin_operand();
        self.groups.push(Group { field, position: self.at });
        self.check_depth()?;
        self.at += 1;
        self.text.push('(');
        self.state = State::Start;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), QueryError> {
        let problem = match self.state {
            State::Start => Some("a clause is missing before ')'"),
            State::Operator(_) => Some("a clause is missing between the operator and ')'"),
            State::Clause => None,
        };
        if self.groups.pop().is_none() {
            return Err(QueryError::syntax(self.at, "this ')' closes nothing"));
        }
        if let Some(problem) = problem {
            return Err(QueryError::syntax(self.at, problem));
        }
        self.at += 1;
        self.text.push(')');
        self.end_operand();
        Ok(())
    }

    fn end_operand(&mut self) {
        self.state = State::Clause;
        self.negations = 0;
    }

    fn clause(&mut self) -> Result<(), QueryError> {
        let position = self.at;
        let inherited = self.group_field();
        let Some(name_length) = field_name_length(self.rest()) else {
            return self.value(inherited, position);
        };
        let name = self.rest().get(..name_length).unwrap_or_default();
        let field = (name != "*").then(|| unescape(name));
        self.at += name_length + 1;
        self.skip_whitespace();
        if self.peek().is_none_or(|next| next == ')') {
            return Err(QueryError::syntax(self.at, "a value is missing after ':'"));
        }
        if self.peek() == Some('(') {
            return self.open_group(field);
        }
        self.value(field, position)
    }

    fn value(&mut self, field: Option<String>, position: usize) -> Result<(), QueryError> {
        self.count_term()?;
        self.begin_operand();
        let start = self.text.len();
        self.text.push_str(&format!("{}:", self.clauses.len()));
        let has_field = field.is_some();
        let mut word = None;
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            Some('[' | '{') if has_field => self.range()?,
            Some('[' | '{') => {
                let message = "a range needs a field before it; quote a bracket that is text";
                return Err(QueryError::syntax(position, message));
            }
            Some('<' | '>') if has_field => self.comparison()?,
            Some('/') if regex_length(self.rest()).is_some() => self.regex()?,
            Some('*') if is_end(self.rest().get(1..).unwrap_or_default()) => {
                self.at += 1;
                self.text.push('*');
            }
            Some('I') if has_field && set_length(self.rest()).is_some() => self.set()?,
            _ => word = Some(self.word()),
        }
        let written = start..self.text.len();
        self.clauses.push(Clause { field, position, word, written });
        self.end_operand();
        Ok(())
    }

    fn count_term(&mut self) -> Result<(), QueryError> {
        self.term_count += 1;
        if self.term_count > QUERY_TERMS_MAX {
            return Err(QueryError::TooExpensive { what: "terms", limit: QUERY_TERMS_MAX });
        }
        Ok(())
    }

    /// Copies so many bytes of the query.
    fn copy(&mut self, length: usize) {
        let piece = self.query.get(self.at..self.at + length).unwrap_or_default();
        self.text.push_str(piece);
        self.at += length;
    }

    fn word(&mut self) -> String {
        let length = word_length(self.rest()).max(self.peek().map_or(0, char::len_utf8));
        let word = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at += length;
        self.text.push('w');
        word
    }

    fn quoted(&mut self, quote: char) -> Result<(), QueryError> {
        let Some(length) = quoted_length(self.rest(), quote) else {
            return Err(QueryError::syntax(self.at, "this quote is never closed"));
        };
        self.copy(length);
        match self.peek() {
            Some('*') => self.copy(1),
            Some('~') => {
                let message = "word distance (~) is not supported; use AND between the words";
                return Err(QueryError::syntax(self.at, message));
            }
            _ => self.skip_boost(),
        }
        Ok(())
    }

    /// Nothing is scored, so a weight (`^2`) changes nothing.
    fn skip_boost(&mut self) {
        if let Some(weight) = self.rest().strip_prefix('^') {
            let digits = weight.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
            self.at += 1 + digits;
        }
    }

    fn regex(&mut self) -> Result<(), QueryError> {
        self.regex_count += 1;
        if self.regex_count > QUERY_REGEXES_MAX {
            let what = "regular expressions";
            return Err(QueryError::TooExpensive { what, limit: QUERY_REGEXES_MAX });
        }
        let length = regex_length(self.rest()).unwrap_or_default();
        self.copy(length);
        self.skip_boost();
        Ok(())
    }

    fn range(&mut self) -> Result<(), QueryError> {
        let Some(length) = self.rest().find([']', '}']).map(|end| end + 1) else {
            return Err(QueryError::syntax(self.at, "this range is never closed"));
        };
        let inner = self.rest().get(1..length - 1).unwrap_or_default();
        let words: Vec<&str> = inner.split_whitespace().collect();
        if !matches!(words.as_slice(), [_, "TO", _]) {
            return Err(QueryError::syntax(
                self.at,
                "a range reads [low TO high] or {low TO high}",
            ));
        }
        self.copy(length);
        Ok(())
    }

    fn comparison(&mut self) -> Result<(), QueryError> {
        let sign = if self.rest().get(1..2) == Some("=") { 2 } else { 1 };
        self.copy(sign);
        self.skip_whitespace();
        let length = word_length(self.rest());
        if length == 0 {
            return Err(QueryError::syntax(self.at, "a value is missing after the comparison"));
        }
        // The grammar crate ends the value there, escaped or not.
        let value = self.rest().get(..length).unwrap_or_default();
        if value.contains(|character: char| character.is_whitespace() || "()\"".contains(character))
        {
            let message = "a compared value holds no white space, quotes or parentheses";
            return Err(QueryError::syntax(self.at, message));
        }
        self.copy(length);
        Ok(())
    }

    fn set(&mut self) -> Result<(), QueryError> {
        let position = self.at;
        self.at += set_length(self.rest()).unwrap_or_default();
        self.text.push_str("IN [");
        loop {
            let separators = self.rest().find(|c: char| !c.is_whitespace() && c != ',');
            self.at += separators.unwrap_or(self.rest().len());
            let element = match self.peek() {
                None => return Err(QueryError::syntax(position, "this set is never closed")),
                Some(']') => break,
                Some(quote @ ('"' | '\'')) => {
                    let Some(length) = quoted_length(self.rest(), quote) else {
                        return Err(QueryError::syntax(self.at, "this quote is never closed"));
                    };
                    let inside = self.rest().get(1..length - 1).unwrap_or_default();
                    let element = unescape(inside);
                    self.at += length;
                    element
                }
                Some(_) => {
                    let ends = |c: char| c.is_whitespace() || c == ',' || c == ']';
                    let length = self.rest().find(ends).unwrap_or(self.rest().len());
                    let element = unescape(self.rest().get(..length).unwrap_or_default());
                    self.at += length;
                    element
                }
            };
            self.count_term()?;
            self.push_set_element(&element);
        }
        self.at += 1;
        self.text.push(']');
        Ok(())
    }

    fn push_set_element(&mut self, element: &str) {
        if !self.text.ends_with('[') {
            self.text.push(' ');
        }
        self.text.push('"');
        for character in element.chars() {
            if matches!(character, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(character);
        }
        self.text.push('"');
    }
}

#[derive(Clone, Copy)]
enum Operator {
    And,
    Or,
    Not,
}
