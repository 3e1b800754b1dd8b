//! The forms of other query languages, where their meaning is certain: LogQL, LogsQL, KQL, SQL.
//!
//! Arrives: a reader that stands before a clause. Leaves: the clause that was meant, or nothing
//! when the text is none of these forms. What has a second meaning as text (`service=x`) is said;
//! what this language cannot do (a pipe that counts) is refused by name. A form that compares a
//! name is one only when the name is a field: elsewhere it is text, as it always was.

use super::clause::Value;
use super::lexemes::{closing_quote, quoted_length, set_length, unescape, word_length};
use super::reader::Reader;
use crate::bound::Bound;
use crate::error::QueryError;
use crate::expr::pattern::PatternChar;
use crate::moment::Moment;
use crate::warning::{Warning, WarningCode, quoted};

/// LogQL's tests of a whole line.
const LINE_FILTERS: [(&str, Comparison); 4] = [
    ("|=", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("|~", Comparison::Fits),
    ("!~", Comparison::FitsNot),
];

/// Signs between a name and a value, longer ones before their beginnings.
const SIGNS: [(&str, Comparison); 12] = [
    ("!==", Comparison::Unequal),
    ("=~", Comparison::Fits),
    ("!~", Comparison::FitsNot),
    ("!=", Comparison::Unequal),
    ("<>", Comparison::Unequal),
    ("==", Comparison::Equal),
    (":=", Comparison::Equal),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("=", Comparison::Equal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

/// Pipes without effect here: every record was parsed at ingest.
const IDLE_PIPES: [&str; 5] = ["json", "logfmt", "unpack", "unpack_json", "decolorize"];

/// Pipes that are a further condition.
const FILTER_PIPES: [&str; 3] = ["where", "filter", "search"];

/// Pipes that compute, order or cut.
const OTHER_PIPES: [&str; 30] = [
    "stats",
    "count",
    "sort",
    "order",
    "limit",
    "head",
    "tail",
    "take",
    "top",
    "rare",
    "fields",
    "table",
    "uniq",
    "unique",
    "dedup",
    "summarize",
    "project",
    "extend",
    "eval",
    "rex",
    "parse",
    "extract",
    "line_format",
    "label_format",
    "by",
    "timechart",
    "bin",
    "format",
    "keep",
    "drop",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    AtLeast,
    AtMost,
    Above,
    Below,
    Fits,
    FitsNot,
}

impl Comparison {
    fn is_negative(self) -> bool {
        matches!(self, Comparison::Unequal | Comparison::FitsNot)
    }

    fn is_order(self) -> bool {
        use Comparison::{Above, AtLeast, AtMost, Below};
        matches!(self, AtLeast | AtMost | Above | Below)
    }
}

impl Reader<'_> {
    /// Refuses a statement of SQL, and passes over `where`.
    pub(super) fn leading_foreign(&mut self) -> Result<(), QueryError> {
        let text = self.rest().trim_start();
        let lower = text.get(..text.len().min(4_096)).unwrap_or_default().to_lowercase();
        if keyword(text, "select").is_some() && lower.contains(" from ") {
            let message = "SQL is not read here: write the condition alone, such as level:error \
                 AND duration_ms:>1000; `tierlog stats` groups and computes";
            return Err(QueryError::syntax(self.rest().len() - text.len(), message));
        }
        if let Some(length) = keyword(text, "where")
            && let Some(condition) = text.get(length..).map(str::trim_start)
            && Condition::at(condition).is_some()
        {
            self.at += self.rest().len() - condition.len();
        }
        Ok(())
    }

    /// Tells whether a test of a whole line stands here.
    pub(super) fn is_line_filter(&self) -> bool {
        self.line_filter_sign().is_some()
    }

    fn line_filter_sign(&self) -> Option<(&'static str, Comparison)> {
        LINE_FILTERS.into_iter().find(|(sign, _)| {
            let text = self.rest().strip_prefix(sign).map(str::trim_start);
            text.is_some_and(|text| quoted_length(text).is_some())
        })
    }

    /// Reads a clause in the form of another language; false when there is none.
    pub(super) fn foreign_clause(&mut self) -> Result<bool, QueryError> {
        let Some(first) = self.peek() else { return Ok(false) };
        if self.group_field().is_some() {
            return Ok(false);
        }
        match first {
            '|' | '!' if self.is_line_filter() => self.line_filter(),
            '|' => self.pipe(),
            '{' => self.selector(),
            _ if closing_quote(first).is_some() => self.quoted_name(),
            _ if is_name_start(first) => Ok(self.special_name()? || self.condition()?),
            _ => Ok(false),
        }
    }

    /// Reads `|= "text"`, `!= "text"`, `|~ "expression"`, `!~ "expression"`.
    fn line_filter(&mut self) -> Result<bool, QueryError> {
        let position = self.at;
        let Some((sign, comparison)) = self.line_filter_sign() else { return Ok(false) };
        self.at += sign.len();
        self.skip_whitespace();
        let text = self.quoted_text()?;
        let written = self.query.get(position..self.at).unwrap_or_default();
        let (value, mut read_as) = match comparison {
            Comparison::Fits | Comparison::FitsNot => {
                let read_as = format!("/{text}/");
                (self.expression(text)?, read_as)
            }
            _ => {
                let read_as = quoted(&text);
                (Value::Quoted(text), read_as)
            }
        };
        if comparison.is_negative() {
            read_as.insert_str(0, "NOT ");
            self.negate(position)?;
        }
        self.say_foreign(written, &read_as);
        self.push_clause(None, &value, position)?;
        Ok(true)
    }

    /// Keeps a pipe with a condition, and refuses any other pipe.
    fn pipe(&mut self) -> Result<bool, QueryError> {
        let position = self.at;
        let Some(stage) = self.rest().get(1..).map(str::trim_start) else { return Ok(false) };
        let verb = stage.find(|c: char| !c.is_ascii_alphabetic() && c != '_');
        let verb = stage.get(..verb.unwrap_or(stage.len())).unwrap_or_default();
        let lower = verb.to_ascii_lowercase();
        let is_verb = stage.get(verb.len()..).is_some_and(|after| {
            after.is_empty() || after.starts_with([' ', '(', '\t', '\n', '|'])
        });
        let stage_start = self.query.len() - stage.len();
        if is_verb && IDLE_PIPES.contains(&lower.as_str()) {
            let detail = format!("| {lower} is passed over: every record was read as it came in");
            self.warnings.add(Warning::new(WarningCode::ForeignSyntax, detail));
            self.at = stage_start + verb.len();
            return Ok(true);
        }
        if is_verb && FILTER_PIPES.contains(&lower.as_str()) {
            self.at = stage_start + verb.len();
            return Ok(true);
        }
        if is_verb && OTHER_PIPES.contains(&lower.as_str()) {
            let message = format!(
                "a query has no pipes such as \"| {lower}\": `tierlog stats` groups and computes, \
                 limit, sort and fields are parameters; quote a sign that is text"
            );
            return Err(QueryError::syntax(position, message));
        }
        self.at = stage_start;
        let is_condition = self.condition()?;
        if !is_condition {
            self.at = position;
        }
        Ok(is_condition)
    }

    /// Reads LogQL's `{app="x", level=~"err.*"}`.
    fn selector(&mut self) -> Result<bool, QueryError> {
        let length = selector_length(self.rest());
        let (Some(length), Some(matchers)) = (length, selector_matchers(self.rest())) else {
            return Ok(false);
        };
        for (offset, condition) in matchers {
            let position = self.at;
            let place = position + offset;
            self.at = place + condition.value_start;
            self.compare(&condition, place)?;
            self.at = position;
        }
        self.at += length;
        Ok(true)
    }

    /// Reads `"name":value`, as JSON has it.
    fn quoted_name(&mut self) -> Result<bool, QueryError> {
        let position = self.at;
        let Some(length) = quoted_length(self.rest()) else { return Ok(false) };
        let after = self.rest().get(length..).unwrap_or_default();
        let value = after.strip_prefix(':').map(str::trim_start).unwrap_or_default();
        if value.is_empty() || value.starts_with(')') {
            return Ok(false);
        }
        let field = self.quoted_text()?;
        self.at = self.query.len() - value.len();
        let value = self.value(true)?;
        let text = self.query.get(position..self.at).unwrap_or_default();
        if !self.vocabulary.knows(&field) && value.is_plain() {
            self.say_unknown(&field, text);
            self.push_text(text, position)?;
        } else {
            self.push_clause(Some(field), &value, position)?;
        }
        if self.peek() == Some(',') {
            self.at += 1;
        }
        Ok(true)
    }

    /// Reads names that mean something in other languages: `_exists_`, `_missing_`, `_time`.
    fn special_name(&mut self) -> Result<bool, QueryError> {
        let position = self.at;
        let names = ["_exists_:", "_missing_:", "_time:"];
        let Some(name) = names.into_iter().find(|name| self.rest().starts_with(name)) else {
            return Ok(false);
        };
        let value = self.rest().get(name.len()..).unwrap_or_default();
        let length = word_length(value);
        if length == 0 || self.vocabulary.fields.has(name.trim_end_matches(':')) {
            return Ok(false);
        }
        let value = unescape(value.get(..length).unwrap_or_default());
        self.at += name.len() + length;
        if name != "_time:" {
            if name == "_missing_:" {
                self.negate(position)?;
            }
            self.push_clause(Some(value), &Value::Anything, position)?;
            return Ok(true);
        }
        let before = format!("now-{value}");
        let written = self.query.get(position..self.at).unwrap_or_default();
        let (value, read_as) = match Moment::read(&before, self.vocabulary.now) {
            Some(_) => {
                let read_as = format!("timestamp:>={before}");
                (Value::Range(Bound::Included(before), Bound::Unbounded), read_as)
            }
            None => (Value::Quoted(value.clone()), format!("timestamp:{value}")),
        };
        self.say_foreign(written, &read_as);
        self.push_clause(Some(tierlog_model::fields::TIMESTAMP.to_owned()), &value, position)?;
        Ok(true)
    }

    /// Reads `name = value` and its relatives, when the name is a field.
    fn condition(&mut self) -> Result<bool, QueryError> {
        let position = self.at;
        let Some(condition) = Condition::at(self.rest()) else { return Ok(false) };
        if !self.vocabulary.knows(&condition.name) {
            let value = self.rest().get(condition.value_start..).unwrap_or_default();
            if condition.is_likely(value) {
                let length = condition.value_start + word_length(value);
                let text = self.rest().get(..length).unwrap_or_default();
                self.say_unknown(&condition.name, text);
            }
            return Ok(false);
        }
        self.at = position + condition.value_start;
        self.compare(&condition, position)?;
        Ok(true)
    }

    /// Reads the value of a condition, and adds the clause.
    fn compare(&mut self, condition: &Condition, position: usize) -> Result<(), QueryError> {
        let field = Some(condition.name.clone());
        if condition.is_negated() {
            self.negate(position)?;
        }
        let value = match condition.form {
            Form::Sign(_, comparison) if comparison.is_order() => {
                let compared = self.compared()?;
                match comparison {
                    Comparison::AtLeast => {
                        Value::Range(Bound::Included(compared), Bound::Unbounded)
                    }
                    Comparison::Above => Value::Range(Bound::Excluded(compared), Bound::Unbounded),
                    Comparison::AtMost => Value::Range(Bound::Unbounded, Bound::Included(compared)),
                    _ => Value::Range(Bound::Unbounded, Bound::Excluded(compared)),
                }
            }
            Form::Sign(_, Comparison::Fits | Comparison::FitsNot) => {
                // There an expression fits the whole value, and has no slashes around it.
                let source = self.compared()?;
                self.expression(format!("^(?:{source})$"))?
            }
            Form::Sign(..) => match self.peek() {
                Some(next) if closing_quote(next).is_some() || next == '*' => self.value(true)?,
                _ => self.word(),
            },
            Form::In(_) => self.set(set_length(self.rest()).unwrap_or_default())?,
            Form::Like(_) => {
                let pattern = self.compared()?;
                Value::Word(pattern.chars().map(like).collect())
            }
            Form::Null(_) => Value::Anything,
            Form::Between(_) => {
                let lower = self.compared()?;
                self.skip_whitespace();
                self.at += keyword(self.rest(), "and").unwrap_or_default();
                self.skip_whitespace();
                Value::Range(Bound::Included(lower), Bound::Included(self.compared()?))
            }
        };
        if let Form::Sign("=", Comparison::Equal) = condition.form {
            // `service=x` may be text of a message as well.
            let written = self.query.get(position..self.at).unwrap_or_default();
            let start = position + condition.value_start;
            let value = self.query.get(start..self.at).unwrap_or_default();
            self.say_foreign(written, &format!("{}:{value}", condition.name));
        }
        self.push_clause(field, &value, position)
    }

    /// Reads a value behind `name:` in the form of another language; false when it is none.
    pub(super) fn foreign_value(
        &mut self,
        field: &str,
        position: usize,
    ) -> Result<bool, QueryError> {
        let rest = self.rest();
        let sign =
            ["!=", "=~", "==", "=", "!", "~"].into_iter().find(|sign| rest.starts_with(sign));
        let Some(sign) = sign else { return Ok(false) };
        let goes_on = rest.get(sign.len()..).and_then(|value| value.chars().next());
        if goes_on.is_none_or(|next| next.is_whitespace() || "()=~!<>".contains(next)) {
            return Ok(false);
        }
        self.at += sign.len();
        if sign.starts_with('!') {
            self.negate(position)?;
        }
        let value = match sign {
            "~" | "=~" => {
                let source = self.compared()?;
                self.expression(source)?
            }
            _ => self.value(true)?,
        };
        self.push_clause(Some(field.to_owned()), &value, position)?;
        Ok(true)
    }
}

/// A name, what it is compared by, and where the value begins.
#[derive(Clone)]
struct Condition {
    name: String,
    form: Form,
    value_start: usize,
}

/// How a condition compares. SQL's forms say whether NOT stands in them.
#[derive(Clone, Copy)]
enum Form {
    Sign(&'static str, Comparison),
    In(bool),
    Like(bool),
    Between(bool),
    Null(bool),
}

impl Condition {
    /// Reads the beginning of a condition.
    fn at(text: &str) -> Option<Condition> {
        let name = name_at(text)?;
        let after_name = text.get(name.len()..)?;
        let rest = after_name.trim_start();
        let is_spaced = rest.len() < after_name.len();
        let condition = |form: Form, value: &str| Condition {
            name: name.to_owned(),
            form,
            value_start: text.len() - value.len(),
        };
        // `foo => bar` and `foo ==> bar` are arrows.
        let arrow = rest.trim_start_matches('=');
        if arrow.len() < rest.len() && arrow.starts_with('>') {
            return None;
        }
        if let Some((sign, comparison)) = SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign))
        {
            let value = rest.get(sign.len()..)?.trim_start();
            return has_value(value).then(|| condition(Form::Sign(sign, comparison), value));
        }
        if !is_spaced {
            return None;
        }
        let (is_negated, rest) = match keyword(rest, "not") {
            Some(length) => (true, rest.get(length..)?.trim_start()),
            None => (false, rest),
        };
        let list = set_length(rest).and_then(|length| rest.get(..length));
        if list.is_some_and(|opening| opening.ends_with('(')) {
            return Some(condition(Form::In(is_negated), rest));
        }
        let quoted_after = |word: &str| {
            let value = rest.get(keyword(rest, word)?..)?.trim_start();
            quoted_length(value).map(|_| value)
        };
        if let Some(value) = quoted_after("like").or_else(|| quoted_after("ilike")) {
            return Some(condition(Form::Like(is_negated), value));
        }
        if let Some(length) = keyword(rest, "between") {
            let value = rest.get(length..)?.trim_start();
            return is_between(value).then(|| condition(Form::Between(is_negated), value));
        }
        let rest = rest.get(keyword(rest, "is")?..)?.trim_start();
        let (has_not, rest) = match keyword(rest, "not") {
            Some(length) => (true, rest.get(length..)?.trim_start()),
            None => (false, rest),
        };
        let value = rest.get(keyword(rest, "null")?..)?;
        // What is null is not there.
        Some(condition(Form::Null(!has_not), value))
    }

    fn is_negated(&self) -> bool {
        match self.form {
            Form::Sign(_, comparison) => comparison.is_negative(),
            Form::In(negated)
            | Form::Like(negated)
            | Form::Between(negated)
            | Form::Null(negated) => negated,
        }
    }

    /// Tells whether a condition on a name that is no field was meant as one: `a<b` seldom is.
    fn is_likely(&self, value: &str) -> bool {
        match self.form {
            Form::Sign(_, comparison) if comparison.is_order() => {
                value.starts_with(|c: char| c.is_ascii_digit())
            }
            Form::Sign(..) => true,
            Form::In(_) | Form::Like(_) | Form::Between(_) | Form::Null(_) => false,
        }
    }
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || character == '@'
}

/// Returns the name at the start: what applications call fields, and nothing that texts have
/// before a sign.
fn name_at(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    if !is_name_start(first) {
        return None;
    }
    let is_part = |c: char| c.is_alphanumeric() || "_.-@/[]".contains(c);
    let name = text.get(..text.find(|c: char| !is_part(c)).unwrap_or(text.len()))?;
    name.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ']').then_some(name)
}

/// Tells whether a value stands at the start: quoted, or a word that is no sign.
fn has_value(text: &str) -> bool {
    match text.chars().next() {
        Some(first) if closing_quote(first).is_some() => quoted_length(text).is_some(),
        Some(first) => !"=<>~!()".contains(first) && word_length(text) > 0,
        None => false,
    }
}

fn is_between(text: &str) -> bool {
    let length = match text.chars().next() {
        Some(first) if closing_quote(first).is_some() => quoted_length(text),
        _ => Some(word_length(text)),
    };
    let after = length.and_then(|length| text.get(length..)).map(str::trim_start);
    after.is_some_and(|after| {
        keyword(after, "and")
            .and_then(|length| after.get(length..))
            .is_some_and(|upper| has_value(upper.trim_start()))
    })
}

/// Returns the length of a word in any case, if it stands whole at the start.
fn keyword(text: &str, word: &str) -> Option<usize> {
    let start = text.get(..word.len())?;
    let after = text.get(word.len()..).and_then(|after| after.chars().next());
    let is_whole = after.is_none_or(|next| !next.is_alphanumeric() && next != '_' && next != ':');
    (start.eq_ignore_ascii_case(word) && is_whole).then_some(word.len())
}

/// Returns the conditions of a selector, each with its offset; `None` when it is none.
fn selector_matchers(text: &str) -> Option<Vec<(usize, Condition)>> {
    let mut matchers = Vec::new();
    let mut rest = text.strip_prefix('{')?.trim_start();
    loop {
        let condition = Condition::at(rest)?;
        let Form::Sign(..) = condition.form else { return None };
        let value = rest.get(condition.value_start..)?;
        let after = value.get(quoted_length(value)?..)?.trim_start();
        matchers.push((text.len() - rest.len(), condition));
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return after.starts_with('}').then_some(matchers),
        }
    }
}

/// Returns the length of a selector, its brace included.
fn selector_length(text: &str) -> Option<usize> {
    let (offset, last) = selector_matchers(text)?.pop()?;
    let value = text.get(offset + last.value_start..)?;
    let after = value.get(quoted_length(value)?..)?;
    Some(text.len() - after.len() + after.find('}')? + 1)
}

fn like(character: char) -> PatternChar {
    match character {
        '%' => PatternChar::Many,
        '_' => PatternChar::One,
        plain => PatternChar::Plain(plain),
    }
}
