//! The one reader of values, whatever the notation: what follows a key, to its end.
//!
//! Arrives: a text and the place where a value starts. Leaves: the range of the whole value and how
//! the value is written. A value is a text in quotes of any level, a wrapper that programs print
//! around one (`Some("x")`, `[]string{"x"}`, `Optional[x]`), JSON, a block of YAML, or a bare word.
//! Half a value is never returned: what cannot be told apart from the value belongs to the value,
//! and what closes the sentence, the call or the object around it does not.

use std::ops::Range;

use super::boundary::{at, before, run_end, run_start};
use super::masked::{is_masked, mask_len};
use super::pair::{BACKSLASHES_MAX, Key, next_is_key};
use crate::redact::policy::Policy;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Between quotes; the range lies inside them.
    Quoted,
    /// A word or number.
    Bare,
    /// A quoted text, a word or a list with a name or brackets of a program around it; the range
    /// is all of it.
    Wrapped,
    /// An object or array of JSON, brackets included.
    Nested,
    /// Indented lines below the key.
    Block,
    /// A mask of somebody else, or a reference to the value.
    Masked,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// What to replace.
    pub(super) range: Range<usize>,
    /// How it is written.
    pub(super) form: Form,
    /// Whether the place wants a quoted text, as that of a bare value of JSON does.
    pub(super) wants_quotes: bool,
}

/// Returns the value of a key. `None` when there is none.
///
/// Reads to the end of the value, so the caller goes on behind it.
pub(super) fn value(text: &str, key: &Key<'_>, policy: &Policy) -> Option<Written> {
    let bytes = text.as_bytes();
    let (start, is_introduced) = match introduction_end(text, key.value_start) {
        Some(end) => (end, true),
        None => (key.value_start, false),
    };
    let is_json = !key.quote.is_empty() && !is_introduced;
    let written = |range, form| {
        let wants_quotes = is_json && form != Form::Quoted;
        Some(Written { range, form, wants_quotes })
    };
    if let Some(inside) = quoted(text, start) {
        return written(inside, Form::Quoted);
    }
    let rest = text.get(start..)?;
    if let Some(placeholder) = policy.placeholders().at_start_of(rest) {
        return written(start..start + placeholder.len(), Form::Bare);
    }
    let mask = mask_len(rest);
    if mask > 0 {
        return written(start..start + mask, Form::Masked);
    }
    if let Some(end) = wrapper_end(text, start, is_json, policy) {
        return written(start..end, Form::Wrapped);
    }
    if is_json && matches!(at(bytes, start), Some(b'{' | b'[')) {
        return written(start..nested_end(bytes, start, key.quote), Form::Nested);
    }
    if !is_json && let Some(block) = block(text, key.start, start) {
        return written(block, Form::Block);
    }
    // Of an address, the value of a parameter ends before its fragment.
    let ends: &[u8] = match before(bytes, key.start) {
        Some(b'?' | b'&') => b"#",
        Some(b';') => b"?#",
        _ => b"",
    };
    let end = bare_end(text, start, is_json, ends);
    if start == end { None } else { written(start..end, Form::Bare) }
}

/// The same for a value that is interesting only when it is short and of one piece: what lies
/// further on is not read, and of a wrapper the text in it is the value.
pub(super) fn short_value(
    text: &str,
    key: &Key<'_>,
    bytes_max: usize,
    policy: &Policy,
) -> Option<(Range<usize>, Form)> {
    if matches!(at(text.as_bytes(), key.value_start), Some(b'{' | b'[')) {
        return None;
    }
    let window_end = text.ceil_char_boundary(key.value_start + bytes_max);
    let window = text.get(..window_end)?;
    let read = value(window, key, policy)?;
    match read.form {
        Form::Wrapped => scalar_in(window, read.range),
        Form::Masked => None,
        Form::Quoted | Form::Bare | Form::Nested | Form::Block => Some((read.range, read.form)),
    }
}

/// Returns the only text or word in a wrapper.
pub(super) fn scalar_in(text: &str, wrapper: Range<usize>) -> Option<(Range<usize>, Form)> {
    let bytes = text.as_bytes();
    let is_open = |byte: u8| matches!(byte, b'(' | b'[' | b'{' | b'<');
    let open = run_end(bytes, wrapper.start, |byte| !is_open(byte));
    let inside = run_end(bytes, open, |byte| is_open(byte) || byte == b' ');
    let closes = |from: usize| {
        let is_close = |byte: u8| matches!(byte, b')' | b']' | b'}' | b'>' | b' ' | b',' | b'\\');
        run_end(bytes, from, is_close) >= wrapper.end
    };
    if let Some(range) = quoted(text, inside) {
        let quote_end = run_end(bytes, range.end, |byte| matches!(byte, b'\\' | b'"' | b'\''));
        return closes(quote_end).then_some((range, Form::Quoted));
    }
    let end =
        run_end(bytes, inside, |byte| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte));
    (end > inside && closes(end)).then_some((inside..end, Form::Bare))
}

/// Words of validators and programs between a key and the opening of its value.
const INTRODUCTIONS: [&str; 6] =
    ["rejected value ", "invalid value ", "value ", "received ", "got ", "was "];

/// Longest prefix of a text that tells its type: `string(7) "x"`.
const TYPE_BYTES_MAX: usize = 16;

/// Returns where a value starts whose opening has words of a program before it.
fn introduction_end(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let opens = |rest: &str| rest.starts_with(['"', '\'', '[', '`', '\\']);
    let words = INTRODUCTIONS.iter().find(|words| {
        rest.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words))
    });
    if let Some(words) = words {
        let end = start + words.len();
        return text.get(end..).is_some_and(opens).then_some(end);
    }
    // A constructor or a tag: `Just "x"`, `!!str "x"`.
    let word = rest.trim_start_matches('!');
    let name = word.bytes().take(TYPE_BYTES_MAX).take_while(u8::is_ascii_alphabetic).count();
    let is_tag =
        rest.starts_with('!') || word.starts_with(|first: char| first.is_ascii_uppercase());
    if is_tag && name > 0 && word.get(name..).is_some_and(|rest| rest.starts_with(" \"")) {
        return Some(start + rest.len() - word.len() + name + 1);
    }
    let typed = rest.strip_prefix("string(")?;
    let end = typed.bytes().take(TYPE_BYTES_MAX).position(|byte| byte == b')')?;
    let end = start + "string(".len() + end + ") ".len();
    text.get(end..).is_some_and(opens).then_some(end)
}

/// Letters before a quote that tell the kind of a literal: `b'x'`, `N'x'`, `br"x"`.
const LITERAL_LETTERS: &[u8] = b"bBuUrRfFLNE@&#";

/// Returns the inside of the quoted text that starts at a position, perhaps with the letters of a
/// literal before the quote.
pub(super) fn quoted(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let window = bytes.get(..bytes.len().min(start + 2))?;
    let letters = run_end(window, start, |byte| LITERAL_LETTERS.contains(&byte));
    quote_at(bytes, letters).or_else(|| quote_at(bytes, start)).map(|(quote, at_quote, level)| {
        let inside = at_quote + 1;
        let triple = [quote; 3];
        if level == 0 && bytes.get(at_quote..at_quote + 3) == Some(&triple[..]) {
            let rest = bytes.get(at_quote + 3..).unwrap_or_default();
            if let Some(length) = memchr::memmem::find(rest, &triple) {
                return at_quote + 3..at_quote + 3 + length;
            }
        }
        inside..quoted_end(bytes, inside, quote, level)
    })
}

/// Returns the quote at a position, its place behind its backslashes, and how many those are.
fn quote_at(bytes: &[u8], start: usize) -> Option<(u8, usize, usize)> {
    let window = bytes.get(..bytes.len().min(start + BACKSLASHES_MAX + 1))?;
    let place = run_end(window, start, |byte| byte == b'\\');
    match at(window, place) {
        Some(quote @ (b'"' | b'\'' | b'`')) => Some((quote, place, place - start)),
        Some(_) | None => None,
    }
}

/// Returns where a quoted text ends: at the next quote with as many backslashes as belong to its
/// own level. On level `d` a quote is written with `2^d - 1` backslashes; inside, more of them
/// stand before it, and SQL writes a single quote twice. A text without an end was cut: it goes to
/// the end of its line, or of the whole.
fn quoted_end(bytes: &[u8], start: usize, quote: u8, backslashes: usize) -> usize {
    let (mut run, mut line_end) = (0, None);
    let mut position = start;
    while let Some(byte) = at(bytes, position) {
        if byte == b'\\' {
            run += 1;
        } else if byte == quote && run % (2 * (backslashes + 1)) == backslashes {
            let is_doubled = quote == b'\''
                && backslashes == 0
                && position > start
                && at(bytes, position + 1) == Some(quote);
            if !is_doubled {
                return position - run.min(backslashes);
            }
            position += 1;
            run = 0;
        } else {
            if byte == b'\n' && line_end.is_none() {
                line_end = Some(position);
            }
            run = 0;
        }
        position += 1;
    }
    line_end.unwrap_or(bytes.len())
}

/// Returns where an object or array of JSON ends.
fn nested_end(bytes: &[u8], start: usize, key_quote: &str) -> usize {
    let backslashes = key_quote.len().saturating_sub(1);
    let quote = key_quote.bytes().last().unwrap_or(b'"');
    let (mut depth, mut run, mut in_text) = (0_usize, 0_usize, false);
    for (offset, byte) in bytes.get(start..).unwrap_or_default().iter().enumerate() {
        match *byte {
            b'\\' => {
                run += 1;
                continue;
            }
            byte if byte == quote && run % (2 * (backslashes + 1)) == backslashes => {
                in_text = !in_text;
            }
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        run = 0;
        if depth == 0 && !in_text {
            return start + offset + 1;
        }
    }
    bytes.len()
}

/// Longest name of a wrapper: `secrecy::SecretBox<alloc::string::String>`, `map[string]string`.
const WRAPPER_BYTES_MAX: usize = 64;

/// Longest wrapper around words without quotes, all on one line.
const BARE_WRAPPER_BYTES_MAX: usize = 1_024;

/// Returns where the wrapper ends that starts at a position. Brackets without a name, beside a
/// quoted key, are JSON and no wrapper.
fn wrapper_end(text: &str, start: usize, is_json: bool, policy: &Policy) -> Option<usize> {
    let bytes = text.as_bytes();
    let window = bytes.get(..bytes.len().min(start + WRAPPER_BYTES_MAX)).unwrap_or(bytes);
    // Pointers and references stand before a name.
    let first = run_end(window, start, |byte| matches!(byte, b'*' | b'&' | b'#'));
    if at(window, first).is_some_and(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut open = first;
    loop {
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.".contains(&byte);
        open = run_end(window, open, name);
        // Types of Go and of Rust: `[]string{`, `map[string]string{`, `Secret<String>(`.
        let (close, may_be_type) = match at(window, open) {
            Some(b'[') => (b']', true),
            Some(b'<') => (b'>', open > start),
            Some(_) | None => (0, false),
        };
        let type_end = run_end(window, open + 1, name);
        let is_type = may_be_type
            && at(window, type_end) == Some(close)
            && at(window, type_end + 1).is_some_and(|next| {
                next.is_ascii_alphabetic() || matches!(next, b'(' | b'{' | b'*' | b'[')
            });
        if !is_type {
            break;
        }
        open = type_end + 1;
    }
    let opening = at(bytes, open)?;
    if policy.placeholders().at_start_of(text.get(open..)?).is_some() {
        return None;
    }
    let is_wrapper = matches!(opening, b'(' | b'[' | b'{' | b'<') && (open > start || !is_json);
    let first = run_end(bytes, open + 1, |byte| matches!(byte, b' ' | b'\\' | b'<' | b'b' | b'u'));
    let holds_text = matches!(at(bytes, first), Some(b'"' | b'\'' | b'`'));
    if !is_wrapper || (opening == b'<' && !holds_text) {
        return None;
    }
    match (bracketed_end(bytes, open, holds_text), holds_text) {
        (Some(end), _) => Some(end),
        (None, true) => Some(bytes.len()),
        (None, false) => None,
    }
}

/// Returns the end of a bracket as programs print it: behind its closing bracket outside of quotes.
/// A bracket that holds no text in quotes has to close on its line.
fn bracketed_end(bytes: &[u8], open: usize, holds_text: bool) -> Option<usize> {
    let limit = match holds_text {
        true => bytes.len(),
        false => bytes.len().min(open + BARE_WRAPPER_BYTES_MAX),
    };
    let (mut depth, mut position) = (0_usize, open);
    while let Some(byte) = at(bytes, position).filter(|_| position < limit) {
        match byte {
            b'\\' | b'"' | b'\'' | b'`' if holds_text => {
                if let Some((quote, place, level)) = quote_at(bytes, position) {
                    position = quoted_end(bytes, place + 1, quote, level) + level + 1;
                    continue;
                }
            }
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            b'\n' if !holds_text => return None,
            _ => {}
        }
        position += 1;
        if depth == 0 {
            return Some(position);
        }
    }
    None
}

/// Returns the lines of a block of YAML: indented ones behind `|` or `>`, or the elements of a
/// list.
fn block(text: &str, key_start: usize, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_block = matches!(at(bytes, start), Some(b'|' | b'>'));
    let marker_end = match is_block {
        true => run_end(bytes, start + 1, |byte| matches!(byte, b'+' | b'-' | b'0'..=b'9')),
        false => start,
    };
    let line_end = run_end(bytes, marker_end, |byte| matches!(byte, b' ' | b'\r'));
    if at(bytes, line_end) != Some(b'\n') {
        return None;
    }
    let line_start = run_start(bytes, 0, key_start, |byte| byte != b'\n');
    let outer = indentation(bytes, line_start);
    let (mut first, mut end) = (None, line_end);
    let mut line = line_end + 1;
    while line < bytes.len() {
        let text_start = line + indentation(bytes, line);
        let next = run_end(bytes, line, |byte| byte != b'\n');
        let is_blank = bytes.get(text_start..next).is_none_or(|line| line.trim_ascii().is_empty());
        let is_inside = match is_block {
            true => text_start - line > outer,
            false => {
                text_start - line >= outer && bytes.get(text_start..text_start + 2) == Some(b"- ")
            }
        };
        if is_inside {
            first.get_or_insert(text_start);
            end = next;
        } else if !is_blank {
            break;
        }
        line = next + 1;
    }
    first.map(|first| first..end)
}

fn indentation(bytes: &[u8], line: usize) -> usize {
    run_end(bytes, line, |byte| matches!(byte, b' ' | b'\t')) - line
}

/// Returns where a word without quotes ends: at white space, at a quote that closes the text
/// around it, or where the next key follows after `,`, `;`, `&` or `|`. Beside a quoted key stands
/// JSON or its like, where a bare value is a number or a name. Punctuation at its end belongs to
/// the sentence, and a bracket that the word did not open to what is around it.
fn bare_end(text: &str, start: usize, is_json: bool, ends: &[u8]) -> usize {
    let bytes = text.as_bytes();
    let mut end = start;
    while let Some(byte) = at(bytes, end) {
        let is_end = match byte {
            b'"' | b'\'' | b'`' => end > start && !is_inside_word(bytes, end),
            b'<' => end > start && starts_tag(bytes, end),
            b'\\' => matches!(at(bytes, end + 1), Some(b'"' | b'\'' | b'\\' | b'n' | b'r' | b't')),
            b',' | b';' | b'&' | b'|' => is_json || next_is_key(bytes, end + 1),
            b'}' | b']' => is_json,
            byte => byte.is_ascii_whitespace() || ends.contains(&byte),
        };
        if is_end {
            break;
        }
        end += 1;
    }
    let word = text.get(start..end).unwrap_or_default();
    start + trimmed(word).len()
}

/// Tells whether the byte at a position has letters or digits on both sides.
fn is_inside_word(bytes: &[u8], position: usize) -> bool {
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    is_word(before(bytes, position)) && is_word(at(bytes, position + 1))
}

/// Tags that end a word of a page: `</td>`, `<br>`.
const TAGS: [&[u8]; 4] = [b"</", b"<br", b"<p>", b"<!--"];

fn starts_tag(bytes: &[u8], open: usize) -> bool {
    let rest = bytes.get(open..).unwrap_or_default();
    TAGS.iter().any(|tag| rest.starts_with(tag))
}

/// Brackets that may close what stands around a word.
const BRACKETS: [(u8, u8); 4] = [(b'(', b')'), (b'[', b']'), (b'{', b'}'), (b'<', b'>')];

/// Returns a word without what closes a sentence, and without brackets that it did not open.
fn trimmed(word: &str) -> &str {
    let count = |wanted: u8| word.bytes().filter(|byte| *byte == wanted).count();
    let mut surplus = BRACKETS.map(|(open, close)| count(close).saturating_sub(count(open)));
    let kept = word.bytes().rev().take_while(|byte| {
        let bracket = BRACKETS.iter().position(|(_, close)| close == byte);
        match bracket.and_then(|bracket| surplus.get_mut(bracket)) {
            Some(0) => false,
            Some(surplus) => {
                *surplus -= 1;
                true
            }
            None => matches!(byte, b',' | b';' | b'.' | b'&' | b'|'),
        }
    });
    word.get(..word.len() - kept.count()).unwrap_or_default()
}

/// Tells whether a value says that there is none, or that somebody masked the secret.
pub(super) fn is_empty_word(value: &str) -> bool {
    let is_dots = value.bytes().all(|byte| matches!(byte, b'*' | b'.' | b'-' | b'?'));
    let empty = ["null", "none", "nil", "undefined", "true", "false", "empty", "n/a", "nan"];
    is_dots || is_masked(value) || empty.iter().any(|word| word.eq_ignore_ascii_case(value))
}
