//! Values of columns in the text of SQL: `INSERT INTO u (email, pin) VALUES ('a', '1')`, and the
//! parameters of a statement: `... SET pin = $1 WHERE id = $2; params: ['1', 7]`.
//!
//! Arrives: a text. Leaves: names of columns with the ranges of their values. A comparison
//! (`pin = '1'`) is a key with its value and read elsewhere.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::boundary::{at, before, is_word, run_end, run_start};
use super::value::quoted;

/// Longest list of columns, and most elements of a list that are read.
const COLUMNS_BYTES_MAX: usize = 4_096;
const ELEMENTS_MAX: usize = 256;

/// How far before its parameters a statement may begin.
const STATEMENT_BYTES_MAX: usize = 8 * 1_024;

/// Words before rows, and names of lists of parameters.
const WORDS: [&str; 8] =
    ["values", "params", "parameters", "arguments", "args", "bindings", "binds", "bind"];

static WORDS_FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(aho_corasick::MatchKind::LeftmostLongest)
        .build(WORDS)
        .expect("a few short words")
});

/// Returns the columns with their values, in rows and in lists of parameters.
pub(super) fn sql_values(text: &str) -> Vec<(&str, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut floor = 0;
    for hit in WORDS_FINDER.find_iter(text) {
        if hit.start() < floor || is_word(before(bytes, hit.start())) {
            continue;
        }
        let is_rows = hit.pattern().as_usize() == 0 && !is_word(at(bytes, hit.end()));
        let after = run_end(bytes, hit.end(), |byte| byte.is_ascii_whitespace());
        floor = match is_rows && at(bytes, after) == Some(b'(') {
            true => rows(text, hit.start(), after, &mut found),
            false => parameters(text, hit.start(), hit.end(), &mut found),
        };
    }
    found
}

/// Reads the rows behind `VALUES`; returns where they end.
fn rows<'t>(
    text: &'t str,
    word: usize,
    first: usize,
    found: &mut Vec<(&'t str, Range<usize>)>,
) -> usize {
    let Some(columns) = columns_before(text, word) else { return first };
    let bytes = text.as_bytes();
    let mut open = first;
    loop {
        let (values, end) = elements(text, open);
        for (column, value) in columns.iter().zip(values) {
            let is_slot = Slot::at(text, value.start).is_some();
            if !is_slot {
                found.push((column, literal(text, value)));
            }
        }
        let comma = run_end(bytes, end, |byte| byte.is_ascii_whitespace());
        let next = run_end(bytes, comma + 1, |byte| byte.is_ascii_whitespace());
        if at(bytes, comma) != Some(b',') || at(bytes, next) != Some(b'(') {
            return end;
        }
        open = next;
    }
}

/// Returns the names in the brackets that end before a word.
fn columns_before(text: &str, word: usize) -> Option<Vec<&str>> {
    let bytes = text.as_bytes();
    let end = run_start(bytes, word.saturating_sub(64), word, |byte| byte.is_ascii_whitespace());
    if before(bytes, end) != Some(b')') {
        return None;
    }
    let floor = end.saturating_sub(COLUMNS_BYTES_MAX);
    let start = run_start(bytes, floor, end - 1, |byte| byte != b'(');
    let names = text.get(start..end - 1)?.split(',');
    Some(names.take(ELEMENTS_MAX).map(plain_name).collect())
}

/// Returns the name of a column without quotes of any kind.
fn plain_name(name: &str) -> &str {
    let name = name.rsplit('.').next().unwrap_or(name);
    name.trim().trim_matches(['"', '`', '\\', '[', ']', '\'', ' '])
}

/// Returns the elements of a list in brackets, without white space around them, and where the
/// list ends.
fn elements(text: &str, open: usize) -> (Vec<Range<usize>>, usize) {
    let bytes = text.as_bytes();
    let (mut found, mut depth) = (Vec::new(), 0_usize);
    let (mut start, mut position) = (open + 1, open + 1);
    while let Some(byte) = at(bytes, position) {
        match byte {
            b'"' | b'\'' | b'`' | b'\\' => {
                if let Some(inside) = quoted(text, position) {
                    position = inside.end.max(position);
                    position = run_end(bytes, position, |byte| byte == b'\\') + 1;
                    continue;
                }
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            b')' | b']' | b'}' | b',' if depth == 0 => {
                found.push(trimmed(text, start..position));
                start = position + 1;
                if byte != b',' || found.len() == ELEMENTS_MAX {
                    return (found, position + 1);
                }
            }
            _ => {}
        }
        position += 1;
    }
    found.push(trimmed(text, start.min(bytes.len())..bytes.len()));
    (found, bytes.len())
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let written = text.get(range.clone()).unwrap_or_default();
    let start = range.start + written.len() - written.trim_start().len();
    start..start + written.trim().len()
}

/// Returns the inside of a literal in quotes, or all of an expression.
fn literal(text: &str, value: Range<usize>) -> Range<usize> {
    let inside = quoted(text, value.start);
    let is_whole = |inside: &Range<usize>| inside.end + 4 > value.end;
    inside.filter(is_whole).unwrap_or(value)
}

/// A place in a statement for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot<'t> {
    /// `?`, `%s`: the next parameter.
    Next,
    /// `$2`, `?2`: a parameter by number.
    Number(usize),
    /// `:pin`, `@pin`, `%(pin)s`: a parameter by name.
    Name(&'t str),
}

impl<'t> Slot<'t> {
    fn at(text: &'t str, start: usize) -> Option<Slot<'t>> {
        let rest = text.get(start..)?;
        let (sign, tail) = rest.split_at_checked(1)?;
        let word = tail.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        match sign {
            "$" | "?" if !word.is_empty() => word.parse().ok().map(Slot::Number),
            "?" => Some(Slot::Next),
            "%" if word == "s" => Some(Slot::Next),
            "%" => {
                let (name, rest) = tail.strip_prefix('(')?.split_once(')')?;
                rest.starts_with('s').then_some(Slot::Name(name))
            }
            ":" | "@" if !word.is_empty() => Some(Slot::Name(word)),
            _ => None,
        }
    }
}

/// Reads the list behind the name of parameters; returns where it ends.
fn parameters<'t>(
    text: &'t str,
    name: usize,
    name_end: usize,
    found: &mut Vec<(&'t str, Range<usize>)>,
) -> usize {
    let bytes = text.as_bytes();
    let quote_end = run_end(bytes, name_end, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let sign = run_end(bytes, quote_end, |byte| byte == b' ');
    let open = run_end(bytes, sign, |byte| matches!(byte, b':' | b'=' | b'>' | b' '));
    let is_list = matches!(at(bytes, open), Some(b'[' | b'(' | b'{'));
    if open == sign || !(is_list || at(bytes, open) == Some(b'$')) {
        return name_end;
    }
    let floor = text.ceil_char_boundary(name.saturating_sub(STATEMENT_BYTES_MAX));
    let Some(statement) = text.get(floor..name).and_then(statement_in) else { return name_end };
    let slots = slots(statement);
    if slots.is_empty() {
        return name_end;
    }
    let (values, end) = match is_list {
        true => elements(text, open),
        // `$1 = 'a', $2 = 'b'`: a list without brackets.
        false => elements(text, open - 1),
    };
    let mut next = 0;
    for (position, value) in values.into_iter().enumerate() {
        let written = text.get(value.clone()).unwrap_or_default();
        let (slot, value) = match parameter_name(written) {
            Some((slot, offset)) => (slot, value.start + offset..value.end),
            None => (Slot::Number(position + 1), value),
        };
        for (of_statement, column) in &slots {
            let is_it = match of_statement {
                Slot::Next => {
                    next += 1;
                    slot == Slot::Number(next)
                }
                Slot::Number(_) | Slot::Name(_) => *of_statement == slot,
            };
            if is_it {
                found.push((column, literal(text, value.clone())));
            }
        }
        next = 0;
    }
    end
}

/// Returns the slot that an element of a list names, and where its value starts: `$1 = 'a'`,
/// `'pin': 'a'`, `pin: 'a'`.
fn parameter_name(element: &str) -> Option<(Slot<'_>, usize)> {
    let sign = element.find([':', '=']).filter(|sign| *sign > 0)?;
    let name = plain_name(element.get(..sign)?);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let slot = match name.strip_prefix('$') {
        Some(number) => Slot::Number(number.parse().ok()?),
        None if !name.is_empty() && name.bytes().all(is_name) => Slot::Name(name),
        None => return None,
    };
    Some((
        slot,
        run_end(element.as_bytes(), sign, |byte| matches!(byte, b':' | b'=' | b'>' | b' ')),
    ))
}

/// First words of statements.
const VERBS: [&str; 5] = ["insert into", "update ", "select ", "delete from", "replace into"];

static VERBS_FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder().ascii_case_insensitive(true).build(VERBS).expect("a few short words")
});

fn statement_in(before: &str) -> Option<&str> {
    before.get(VERBS_FINDER.find(before)?.start()..)
}

/// Returns the slots of a statement with their columns, in order.
fn slots(statement: &str) -> Vec<(Slot<'_>, &str)> {
    let bytes = statement.as_bytes();
    let rows = WORDS_FINDER.find_iter(statement).find(|hit| hit.pattern().as_usize() == 0);
    let columns = rows.and_then(|hit| columns_before(statement, hit.start())).unwrap_or_default();
    let first_row = rows.map_or(usize::MAX, |hit| hit.end());
    let (mut found, mut in_row) = (Vec::new(), 0);
    for place in
        memchr::memchr3_iter(b'$', b'?', b'%', bytes).chain(memchr::memchr2_iter(b':', b'@', bytes))
    {
        let is_apart = !is_word(before(bytes, place)) && before(bytes, place) != Some(b':');
        let Some(slot) = Slot::at(statement, place).filter(|_| is_apart) else { continue };
        let column = match place > first_row && !columns.is_empty() {
            true => columns.get(in_row % columns.len()).copied(),
            false => column_before(statement, place),
        };
        in_row += usize::from(place > first_row);
        // A slot without a column takes its place among the others all the same.
        found.push((slot, column.unwrap_or_default()));
        if found.len() == ELEMENTS_MAX {
            break;
        }
    }
    found
}

/// Longest name of a column with its table.
const COLUMN_BYTES_MAX: usize = 128;

/// Returns the column that a place is compared with: `"u"."pin" = ?`, `pin LIKE ?`, `pin IN (?`.
fn column_before(statement: &str, place: usize) -> Option<&str> {
    let bytes = statement.as_bytes();
    let floor = place.saturating_sub(COLUMN_BYTES_MAX);
    let is_between = |byte: u8| matches!(byte, b' ' | b'=' | b'<' | b'>' | b'!' | b'(');
    let mut end = run_start(bytes, floor, place, is_between);
    for operator in ["like", "ilike", "in", "not"] {
        let start = end.saturating_sub(operator.len());
        let is_operator =
            statement.get(start..end).is_some_and(|w| w.eq_ignore_ascii_case(operator));
        if is_operator && before(bytes, start) == Some(b' ') {
            end = run_start(bytes, floor, start, |byte| byte == b' ');
        }
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.\"`[]\\".contains(&byte);
    let start = run_start(bytes, floor, end, is_name);
    statement.get(start..end).map(plain_name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, column: &str, expected: &[&str]) {
        let found: Vec<&str> = sql_values(text)
            .into_iter()
            .filter(|(name, _)| *name == column)
            .map(|(_, range)| text.get(range).expect("whole characters"))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn rows_are_read_by_column() {
        check(
            "INSERT INTO u (email, pin) VALUES ('a', 'it''s'), ('b', '2')",
            "pin",
            &["it''s", "2"],
        );
        check(r#"insert into "u" ("u"."pin", "n") values (N'1', NOW())"#, "pin", &["1"]);
        check(r#"{\"q\":\"INSERT INTO u (\\\"pin\\\") VALUES ('1')\"}"#, "pin", &["1"]);
        check(
            "INSERT INTO u (n, pin) VALUES (f(1, 2), crypt('1', g()))",
            "pin",
            &["crypt('1', g())"],
        );
        check("VALUES (1), (2) values: (3)", "pin", &[]);
    }

    #[test]
    fn parameters_are_read_by_their_places() {
        for text in [
            "UPDATE u SET pin = $1 WHERE id = $2 params: ['1', 7]",
            "UPDATE u SET n = ?, pin=? WHERE id IN (?); args=(4, '1', 7)",
            r#"{"sql":"SELECT 1 FROM u WHERE \"u\".\"pin\" = $1","parameters":["1"]}"#,
            "INSERT INTO u (n, pin) VALUES (%s, %s); args=('a', '1')",
            "insert into u (n, pin) values ($1, $2) DETAIL:  parameters: $1 = 'a', $2 = '1'",
            "[SQL: UPDATE u SET pin=%(p)s WHERE id=%(i)s]\n[parameters: {'i': 7, 'p': '1'}]",
            "SELECT 1 FROM u WHERE pin LIKE :p bind: {p: '1'}",
        ] {
            check(text, "pin", &["1"]);
        }
        check("f(args=[1], params={'a': 2})", "pin", &[]);
    }
}
