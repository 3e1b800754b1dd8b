//! The values of clauses, form by form: words, quotes, ranges, comparisons, sets, expressions.

use tierlog_model::limits::QUERY_TERMS_MAX;

use super::clause::Value;
use super::lexemes::{
    closing_quote, is_end, quoted_length, regex_length, set_length, unescape, word_length,
};
use super::reader::Reader;
use crate::bound::Bound;
use crate::error::QueryError;
use crate::expr::pattern::read_word;

/// Most regular expressions of a query. Each may compile to a megabyte and is matched against
/// whole dictionaries.
const QUERY_REGEXES_MAX: usize = 32;

/// How an error says what a range is.
const RANGE_FORM: &str = "a range reads [low TO high] or {low TO high}";

impl Reader<'_> {
    /// Reads the value at the reading position, of a field or bare.
    pub(super) fn value(&mut self, has_field: bool) -> Result<Value, QueryError> {
        let rest = self.rest();
        match self.peek() {
            Some(quote) if closing_quote(quote).is_some() => match quoted_length(rest) {
                Some(_) => self.quoted(),
                // An apostrophe, as in 'tis; a double quote is meant to be closed.
                None if quote != '"' => Ok(self.word()),
                None => Err(QueryError::syntax(self.at, "this quote is never closed")),
            },
            Some('[' | '{') if has_field => self.range(),
            Some('[' | '{') => {
                let message = "a range needs a field before it; quote a bracket that is text";
                Err(QueryError::syntax(self.at, message))
            }
            Some('<' | '>') if has_field => self.comparison(),
            Some('/') if regex_length(rest).is_some() => self.regex(),
            Some('*') if is_end(rest.get(1..).unwrap_or_default()) => {
                self.at += 1;
                Ok(Value::Anything)
            }
            Some('I' | 'i') if has_field && set_length(rest).is_some() => {
                let length = set_length(rest).unwrap_or_default();
                self.set(length)
            }
            _ => Ok(self.word()),
        }
    }

    /// Reads a word with its escapes and wildcards.
    pub(super) fn word(&mut self) -> Value {
        let rest = self.rest();
        let length = word_length(rest).max(self.peek().map_or(0, char::len_utf8));
        self.at += length;
        // `main()` is one word: empty parentheses form no group.
        while self.rest().starts_with("()") {
            self.at += 2;
        }
        Value::Word(read_word(rest.get(..length).unwrap_or_default()))
    }

    fn quoted(&mut self) -> Result<Value, QueryError> {
        let text = self.quoted_text()?;
        match self.peek() {
            Some('*') => {
                self.at += 1;
                return Ok(Value::QuotedPrefix(text));
            }
            Some('~') => {
                let message = "word distance (~) is not supported; use AND between the words";
                return Err(QueryError::syntax(self.at, message));
            }
            _ => self.skip_boost(),
        }
        Ok(Value::Quoted(text))
    }

    /// Reads what stands between quotes of any kind.
    pub(super) fn quoted_text(&mut self) -> Result<String, QueryError> {
        let (Some(length), Some(quote)) = (quoted_length(self.rest()), self.peek()) else {
            return Err(QueryError::syntax(self.at, "this quote is never closed"));
        };
        let text = self.rest().get(..length).unwrap_or_default();
        let last = text.chars().next_back().map_or(0, char::len_utf8);
        let inside = text.get(quote.len_utf8()..length - last).unwrap_or_default();
        // Between backquotes a backslash is literal, as in Go.
        let inside = if quote == '`' { inside.to_owned() } else { unescape(inside) };
        self.at += length;
        Ok(inside)
    }

    /// Hits have no score, so a weight (`^2`) has no effect.
    fn skip_boost(&mut self) {
        if let Some(weight) = self.rest().strip_prefix('^') {
            let digits = weight.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
            self.at += 1 + digits;
        }
    }

    fn regex(&mut self) -> Result<Value, QueryError> {
        let length = regex_length(self.rest()).unwrap_or_default();
        let source = self.rest().get(1..length - 1).unwrap_or_default().replace("\\/", "/");
        self.at += length;
        self.skip_boost();
        self.expression(source)
    }

    /// Returns the value that an expression is; there are only so many in a query.
    pub(super) fn expression(&mut self, source: String) -> Result<Value, QueryError> {
        self.regex_count += 1;
        if self.regex_count > QUERY_REGEXES_MAX {
            let what = "regular expressions";
            return Err(QueryError::TooExpensive { what, limit: QUERY_REGEXES_MAX });
        }
        Ok(Value::Regex(source))
    }

    /// Reads `[low TO high]`; `to`, a comma and two dots are read as TO.
    fn range(&mut self) -> Result<Value, QueryError> {
        let position = self.at;
        let opening = self.peek();
        self.at += 1;
        let lower = self.range_end(position)?;
        self.skip_whitespace();
        let separator = ["TO ", "to ", ",", ".."]
            .into_iter()
            .find(|separator| self.rest().starts_with(separator));
        let Some(separator) = separator else { return Err(self.no_range(position)) };
        self.at += separator.len();
        let upper = self.range_end(position)?;
        self.skip_whitespace();
        let closing = self.peek();
        let bound = |text: Option<String>, is_included: bool| match text {
            None => Bound::Unbounded,
            Some(text) if is_included => Bound::Included(text),
            Some(text) => Bound::Excluded(text),
        };
        let Some(']' | '}') = closing else { return Err(self.no_range(position)) };
        self.at += 1;
        Ok(Value::Range(bound(lower, opening == Some('[')), bound(upper, closing == Some(']'))))
    }

    fn no_range(&self, position: usize) -> QueryError {
        let is_closed = self.query.get(position..).is_some_and(|text| text.contains([']', '}']));
        QueryError::syntax(
            position,
            if is_closed { RANGE_FORM } else { "this range is never closed" },
        )
    }

    /// Reads one end of a range; `None` for an open one.
    fn range_end(&mut self, position: usize) -> Result<Option<String>, QueryError> {
        self.skip_whitespace();
        if self.peek().is_some_and(|next| closing_quote(next).is_some()) {
            return self.quoted_text().map(Some);
        }
        let ends = |c: char| c.is_whitespace() || "]},".contains(c);
        let rest = self.rest();
        let length = rest.find(ends).unwrap_or(rest.len());
        let length = rest.find("..").map_or(length, |dots| dots.min(length));
        let end = rest.get(..length).unwrap_or_default();
        if end.is_empty() {
            return Err(self.no_range(position));
        }
        self.at += length;
        Ok((end != "*").then(|| unescape(end)))
    }

    fn comparison(&mut self) -> Result<Value, QueryError> {
        let is_greater = self.peek() == Some('>');
        self.at += 1;
        let is_included = self.rest().starts_with('=');
        self.at += usize::from(is_included);
        self.skip_whitespace();
        let value = self.compared()?;
        let bound = if is_included { Bound::Included(value) } else { Bound::Excluded(value) };
        Ok(match is_greater {
            true => Value::Range(bound, Bound::Unbounded),
            false => Value::Range(Bound::Unbounded, bound),
        })
    }

    /// Reads the value behind a comparison sign.
    pub(super) fn compared(&mut self) -> Result<String, QueryError> {
        if self.peek().is_some_and(|next| closing_quote(next).is_some()) {
            return self.quoted_text();
        }
        let length = word_length(self.rest());
        let value = self.rest().get(..length).unwrap_or_default();
        if value.is_empty() {
            return Err(QueryError::syntax(self.at, "a value is missing after the comparison"));
        }
        self.at += length;
        Ok(unescape(value))
    }

    /// Reads the elements of a set whose opening is so long.
    pub(super) fn set(&mut self, opening_length: usize) -> Result<Value, QueryError> {
        let position = self.at;
        let opening = self.rest().get(..opening_length).unwrap_or_default();
        let closing = if opening.ends_with('(') { ')' } else { ']' };
        self.at += opening_length;
        let mut elements = Vec::new();
        loop {
            let separators = self.rest().find(|c: char| !c.is_whitespace() && c != ',');
            self.at += separators.unwrap_or(self.rest().len());
            let Some(next) = self.peek() else {
                return Err(QueryError::syntax(position, "this set is never closed"));
            };
            if next == closing {
                break;
            }
            if closing_quote(next).is_some() {
                elements.push(self.quoted_text()?);
            } else {
                let ends = |c: char| c.is_whitespace() || c == ',' || c == closing;
                let length = self.rest().find(ends).unwrap_or(self.rest().len());
                elements.push(unescape(self.rest().get(..length).unwrap_or_default()));
                self.at += length;
            }
            if elements.len() > QUERY_TERMS_MAX {
                return Err(QueryError::TooExpensive { what: "terms", limit: QUERY_TERMS_MAX });
            }
            // Every element is a term of the query.
            self.count_term()?;
        }
        self.at += closing.len_utf8();
        Ok(Value::Set(elements))
    }
}
