//! Decoded view: the text as a reader would see it behind escapes, with the way back.
//!
//! Arrives: text that holds a backslash, a percent sign, a control byte or one of a few Unicode
//! lead bytes. Leaves: a copy in which `\u0040`, `\x40` and `%40` are `@`, `\n` is a line break,
//! full-width digits are digits, `&quot;` is a quote, `=40` is `@` where all equals signs are those
//! of quoted-printable mail, and colours of terminals and zero-width characters are gone. Detectors
//! read the copy and need to know no encoding; their spans are mapped back, and always to whole
//! escapes, so a rewritten JSON text stays JSON. The copy itself is never stored.
//!
//! Escaped quotes and backslashes stay as they are (`\u0022` becomes `\"`): where a quoted value
//! ends depends on them. Repeated encodings (`\\u0040`, `%2540`) are one escape here.

use std::ops::Range;

/// A stretch that stands for something else: raw bytes `raw` read as view bytes `view`.
#[derive(Clone, Debug)]
struct Unit {
    view: Range<usize>,
    raw: Range<usize>,
}

/// The decoded text and its units in order.
#[derive(Debug)]
pub(super) struct View {
    text: String,
    units: Vec<Unit>,
}

impl View {
    /// Returns the view of a text, or `None` when it would be the text itself.
    pub(super) fn of(text: &str) -> Option<View> {
        let mut view = View { text: String::new(), units: Vec::new() };
        let mut copied = 0;
        let mut position = 0;
        let bytes = text.as_bytes();
        let is_mail = is_quoted_printable(bytes);
        while let Some(byte) = bytes.get(position) {
            let starts_unit = may_start_unit(*byte) || (is_mail && *byte == b'=');
            if !starts_unit {
                position += 1;
                continue;
            }
            let rest = text.get(position..).unwrap_or_default();
            let Some((raw_bytes, decoded)) = decode(rest) else {
                // A run of backslashes that stands for itself is passed whole: looking at each
                // of its tails again would be quadratic.
                let run = bytes.get(position..).map_or(0, |rest| leading(rest, b'\\'));
                position += run.max(1);
                continue;
            };
            if view.units.is_empty() {
                view.text.reserve(text.len());
            }
            view.text.push_str(text.get(copied..position).unwrap_or_default());
            let start = view.text.len();
            decoded.append_to(&mut view.text);
            let raw = position..position + raw_bytes;
            position = raw.end;
            copied = position;
            view.units.push(Unit { view: start..view.text.len(), raw });
        }
        if view.units.is_empty() {
            return None;
        }
        view.text.push_str(text.get(copied..).unwrap_or_default());
        Some(view)
    }

    /// Returns the decoded text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the raw range that a view range was read from.
    pub(super) fn to_raw(&self, range: Range<usize>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let start = self.byte_to_raw(range.start).start;
        let end = self.byte_to_raw(range.end - 1).end;
        start..end
    }

    /// Returns the unit that a raw position lies strictly inside of.
    pub(super) fn unit_around(&self, raw: usize) -> Option<Range<usize>> {
        let after = self.units.partition_point(|unit| unit.raw.end <= raw);
        let unit = self.units.get(after)?;
        (unit.raw.start < raw).then(|| unit.raw.clone())
    }

    fn byte_to_raw(&self, view: usize) -> Range<usize> {
        let after = self.units.partition_point(|unit| unit.view.end <= view);
        if let Some(unit) = self.units.get(after)
            && unit.view.contains(&view)
        {
            return unit.raw.clone();
        }
        let raw = match after.checked_sub(1).and_then(|last| self.units.get(last)) {
            Some(unit) => unit.raw.end + (view - unit.view.end),
            None => view,
        };
        raw..raw + 1
    }
}

/// Begins a sequence that a terminal acts on: a colour, a movement.
const ESCAPE: u8 = 0x1B;

/// Longest sequence that is read: `[38;2;255;255;255;48;2;255;255;255m` and some more.
const SEQUENCE_BYTES_MAX: usize = 64;

/// Returns how many bytes behind the escape belong to its sequence.
fn sequence_bytes(rest: &[u8]) -> usize {
    if rest.first() != Some(&b'[') {
        return 0;
    }
    control_bytes(rest)
}

/// Returns the length of a sequence with the byte that introduces it; 0 when none follows.
fn control_bytes(rest: &[u8]) -> usize {
    let window = rest.get(..SEQUENCE_BYTES_MAX).unwrap_or(rest);
    let parameters = window.iter().skip(1).take_while(|byte| matches!(byte, b' '..=b'?')).count();
    match window.get(1 + parameters) {
        Some(b'@'..=b'~') => parameters + 2,
        Some(_) | None => 0,
    }
}

/// Tells whether every equals sign of a text is one of quoted-printable: before two hexadecimal
/// digits in capitals, one time at least, or at the end of a line, as those of base64 are too.
pub(super) fn is_quoted_printable(text: &[u8]) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F');
    let mut has_sign = false;
    for sign in memchr::memchr_iter(b'=', text) {
        match text.get(sign + 1..) {
            Some([b'\n', ..] | [b'\r', b'\n', ..]) => {}
            Some([first, second, ..]) if is_digit(*first) && is_digit(*second) => has_sign = true,
            Some(_) | None => return false,
        }
    }
    has_sign
}

/// Reads `=40` as a sign, and drops the end of a line that mail broke.
fn decode_mail(rest: &[u8]) -> Option<(usize, Decoded)> {
    match rest {
        [_, b'\n', ..] => Some((2, Decoded::Nothing)),
        [_, b'\r', b'\n', ..] => Some((3, Decoded::Nothing)),
        [_, digits @ ..] => {
            let byte = u8::try_from(hex(digits.get(..2)?)?).ok()?;
            let is_sign = byte == b' ' || byte == b'\n' || byte.is_ascii_punctuation();
            is_sign.then_some((3, Decoded::Char(char::from(byte))))
        }
        [] => None,
    }
}

/// Reads the escape of a terminal as programs show it: `^[[31m`, `#033[31m`.
fn decode_shown(rest: &[u8], mark: &[u8]) -> Option<(usize, Decoded)> {
    let sequence = rest.strip_prefix(mark)?;
    let length = sequence_bytes(sequence);
    (length > 0).then_some((mark.len() + length, Decoded::Nothing))
}

/// What an escape stands for.
enum Decoded {
    Char(char),
    Text(&'static str),
    Nothing,
}

impl Decoded {
    fn append_to(&self, text: &mut String) {
        match self {
            Decoded::Char(character) => text.push(*character),
            Decoded::Text(fixed) => text.push_str(fixed),
            Decoded::Nothing => {}
        }
    }
}

/// Returns the length and meaning of the escape that a text starts with.
fn decode(rest: &str) -> Option<(usize, Decoded)> {
    match rest.as_bytes().first()? {
        b'\\' => decode_backslash(rest.as_bytes()),
        b'%' => decode_percent(rest.as_bytes()),
        b'&' => decode_entity(rest.as_bytes()),
        b'=' => decode_mail(rest.as_bytes()),
        b'^' => decode_shown(rest.as_bytes(), b"^["),
        b'#' => decode_shown(rest.as_bytes(), b"#033"),
        0xC2 if rest.starts_with('\u{9B}') => {
            // One character for escape and bracket.
            let window = rest.as_bytes().get(1..)?;
            let length = control_bytes(window);
            Some((1 + length, Decoded::Nothing)).filter(|_| length > 1)
        }
        &ESCAPE => Some((1 + sequence_bytes(rest.as_bytes().get(1..)?), Decoded::Nothing)),
        0 => Some((1, Decoded::Nothing)),
        _ => decode_lookalike(rest.chars().next()?),
    }
}

/// Bytes at which [`decode`] may find something.
pub(super) const fn may_start_unit(byte: u8) -> bool {
    // C2: no-break space, soft hyphen. E2: zero-width, dashes. EF: full-width forms, BOM.
    matches!(byte, b'\\' | b'%' | b'&' | b'^' | b'#' | 0 | ESCAPE | 0xC2 | 0xE2 | 0xEF)
}

fn decode_backslash(rest: &[u8]) -> Option<(usize, Decoded)> {
    let run = leading(rest, b'\\');
    let letter = rest.get(run)?;
    let decoded = match letter {
        b'n' => Decoded::Char('\n'),
        b'r' => Decoded::Char('\r'),
        b't' | b'f' | b'b' => Decoded::Char('\t'),
        b'/' => Decoded::Char('/'),
        b'x' | b'u' | b'U' | b'0'..=b'3' | b'e' => return decode_number(rest, run),
        _ => return None,
    };
    Some((run + 1, decoded))
}

/// Reads a character that is written as a number behind backslashes: `\u0040`, `\u{40}`, `\x40`,
/// `\033`, and `\e` for the escape of a terminal.
fn decode_number(rest: &[u8], run: usize) -> Option<(usize, Decoded)> {
    let digits = rest.get(run + 1..)?;
    let (length, number) = match (rest.get(run)?, digits.first()?) {
        (b'u', b'{') => {
            let end = digits.iter().take(BRACED_BYTES_MAX).position(|byte| *byte == b'}')?;
            (end + 1, hex(digits.get(1..end).filter(|digits| !digits.is_empty())?)?)
        }
        (b'u', _) => (4, hex(digits.get(..4)?)?),
        (b'U', _) => (8, hex(digits.get(..8)?)?),
        (b'x', _) => (2, hex(digits.get(..2)?)?),
        (b'0'..=b'3', _) => (2, octal(rest.get(run..run + 3)?)?),
        (b'e', b'[') => (0, u32::from(ESCAPE)),
        _ => return None,
    };
    let end = run + 1 + length;
    let (end, number) = match (rest.get(run)?, rest.get(end..)) {
        (b'u', Some(tail)) => match low_surrogate(number, tail, run) {
            Some((length, number)) => (end + length, number),
            None => (end, number),
        },
        _ => (end, number),
    };
    let character = match char::from_u32(number) {
        Some('"') => return Some((end, Decoded::Text("\\\""))),
        Some('\\') => return Some((end, Decoded::Text("\\\\"))),
        Some('\u{1B}') => {
            let sequence = sequence_bytes(rest.get(end..)?);
            return Some((end + sequence, Decoded::Nothing));
        }
        Some(character) => character,
        // Half of a pair: no detector looks for what lies beyond the basic plane.
        None => char::REPLACEMENT_CHARACTER,
    };
    // Of a byte of a longer character, and of a control character, nothing can be told.
    if matches!(rest.get(run)?, b'x' | b'0'..=b'3')
        && !matches!(character, '\t' | '\n' | '\r' | ' '..='~')
    {
        return None;
    }
    let decoded = match decode_lookalike(character) {
        Some((_, decoded)) => decoded,
        None => Decoded::Char(character),
    };
    Some((end, decoded))
}

/// Returns the length of the second half of a pair of UTF-16 behind its first half, and what both
/// stand for.
fn low_surrogate(high: u32, tail: &[u8], run: usize) -> Option<(usize, u32)> {
    let digits = tail.get(run + 1..run + 5)?;
    let is_escape = leading(tail, b'\\') == run && tail.get(run) == Some(&b'u');
    let low = hex(digits)?;
    let is_pair = is_escape && (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    is_pair.then(|| (run + 5, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)))
}

/// Longest braced number with its braces: `{10FFFF}`.
const BRACED_BYTES_MAX: usize = 8;

fn decode_percent(rest: &[u8]) -> Option<(usize, Decoded)> {
    // `%u0040` of old pages.
    if rest.get(1) == Some(&b'u') {
        let number = char::from_u32(hex(rest.get(2..6)?)?)?;
        return matches!(number, ' '..='~').then_some((6, Decoded::Char(number)));
    }
    let mut digits_at = 1;
    while rest.get(digits_at..digits_at + 2) == Some(b"25")
        && rest.get(digits_at + 2..digits_at + 4).and_then(hex).is_some()
    {
        digits_at += 2;
    }
    let byte = u8::try_from(hex(rest.get(digits_at..digits_at + 2)?)?).ok()?;
    let readable = matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    readable.then_some((digits_at + 2, Decoded::Char(char::from(byte))))
}

/// Most digits of an entity, zeros before them included.
const ENTITY_DIGITS_MAX: usize = 8;

/// Entities of HTML: pages of errors are logged too.
fn decode_entity(rest: &[u8]) -> Option<(usize, Decoded)> {
    const NAMED: [(&[u8], char); 14] = [
        (b"quot;", '"'),
        (b"apos;", '\''),
        (b"lt;", '<'),
        (b"gt;", '>'),
        (b"nbsp;", ' '),
        (b"commat;", '@'),
        (b"period;", '.'),
        (b"colon;", ':'),
        (b"equals;", '='),
        (b"sol;", '/'),
        (b"lowbar;", '_'),
        (b"num;", '#'),
        (b"plus;", '+'),
        (b"excl;", '!'),
    ];
    let mut start = 1;
    while rest.get(start..).is_some_and(|rest| rest.starts_with(b"amp;")) {
        start += "amp;".len();
    }
    let tail = rest.get(start..)?;
    if let Some((name, character)) = NAMED.iter().find(|(name, _)| tail.starts_with(name)) {
        return Some((start + name.len(), Decoded::Char(*character)));
    }
    let Some(number) = tail.strip_prefix(b"#") else {
        return (start > 1).then_some((start, Decoded::Char('&')));
    };
    let (digits, radix) = match number.strip_prefix(b"x") {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let length = digits
        .iter()
        .take(ENTITY_DIGITS_MAX)
        .take_while(|digit| digit.is_ascii_alphanumeric())
        .count();
    let digits = std::str::from_utf8(digits.get(..length)?).ok()?;
    let byte =
        u8::from_str_radix(digits, radix).ok().filter(|byte| (b' '..=b'~').contains(byte))?;
    let end = rest.len() - number.len() + usize::from(radix == 16) + length;
    (rest.get(end) == Some(&b';')).then_some((end + 1, Decoded::Char(char::from(byte))))
}

/// Characters that print like ASCII, or not at all.
fn decode_lookalike(character: char) -> Option<(usize, Decoded)> {
    let decoded = match character {
        // Full-width forms are ASCII moved by a constant.
        '\u{FF01}'..='\u{FF5E}' => {
            Decoded::Char(char::from_u32(u32::from(character) - 0xFF01 + 0x21)?)
        }
        '\u{00A0}' | '\u{2007}' | '\u{202F}' => Decoded::Char(' '),
        '\u{2010}'..='\u{2015}' => Decoded::Char('-'),
        '\u{FE6B}' => Decoded::Char('@'),
        '\u{FE52}' => Decoded::Char('.'),
        '\u{FE55}' => Decoded::Char(':'),
        '\u{0000}' | '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => {
            Decoded::Nothing
        }
        '\u{2060}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => Decoded::Nothing,
        _ => return None,
    };
    Some((character.len_utf8(), decoded))
}

fn leading(bytes: &[u8], wanted: u8) -> usize {
    bytes.iter().take_while(|byte| **byte == wanted).count()
}

fn octal(digits: &[u8]) -> Option<u32> {
    let value = |digit: &u8| char::from(*digit).to_digit(8);
    digits.iter().try_fold(0, |number, digit| Some(number * 8 + value(digit)?))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let mut number = 0;
    for digit in digits {
        number = number * 16 + char::from(*digit).to_digit(16)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_read_and_found_again() {
        for (raw, expected) in [
            (r"bob\u0040x.org", "bob@x.org"),
            (r"bob\\u0040x.org", "bob@x.org"),
            ("bob%40x.org", "bob@x.org"),
            ("bob%2540x.org", "bob@x.org"),
            (r"a\nbob", "a\nbob"),
            ("４１１１", "4111"),
            ("41\u{200b}11", "4111"),
            ("b\0o\0b\0", "bob"),
            (r"a\u0022b", "a\\\"b"),
            (r"\uff20", "@"),
            ("a&quot;b&amp;#39;c&#64;&#x40;", "a\"b'c@@"),
            (r"bob\x40x\u{2e}org", "bob@x.org"),
            (r"{\x22a\x22:1}", "{\\\"a\\\":1}"),
            (r"bob\100x\056org", "bob@x.org"),
            (r"bob\U00000040x%u002Eorg", "bob@x.org"),
            ("bob=40x=2Eorg=\n!", "bob@x.org!"),
            ("bob&commat;x&#x002e;org", "bob@x.org"),
            (r"\ud83d\ude00 a", "\u{1F600} a"),
        ] {
            let view = View::of(raw).expect("something to decode");
            assert_eq!(view.text(), expected, "{raw}");
            assert_eq!(view.to_raw(0..view.text().len()).len(), raw.trim_end_matches('\0').len());
        }
        for plain in [
            "a&b=c&copy;&#;&#xzz;",
            r"\xe4\x8b \u{} \00 \ee \009 \777",
            "a=1 b=40 #1 ^a",
            r#"a \" b"#,
            "100% of",
            "plain",
            r"C:\Users",
            "naïve 東京",
        ] {
            assert!(View::of(plain).is_none(), "{plain}");
        }
    }

    #[test]
    fn what_only_a_terminal_acts_on_is_not_read() {
        for (raw, expected) in [
            ("\u{1b}[1;31mpassword\u{1b}[0m=\u{1b}[32mx\u{1b}[0m", "password=x"),
            (r"\u001b[31mtoken\u001b[39m: y", "token: y"),
            (r"\x1b[31mpin\033[0m=\e[1mz", "pin=z"),
            ("\u{1b}[38;2;1;2;3ma\u{1b}b", "ab"),
            ("^[[31mpin^[[0m=\u{9b}1mz #033[1;32m.", "pin=z ."),
        ] {
            assert_eq!(View::of(raw).expect("a sequence").text(), expected, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn ranges_map_to_whole_characters(text in r"([a-z@]|\\u00[0-9a-f]{2}|%[0-9]{2}|é|４|\x{200b}|\\\\|\\n){0,40}") {
            if let Some(view) = View::of(&text) {
                let starts: Vec<usize> = view.text().char_indices().map(|(at, _)| at).collect();
                for (first, start) in starts.iter().enumerate() {
                    let end = starts.get(first + 1).copied().unwrap_or(view.text().len());
                    let raw = view.to_raw(*start..end);
                    prop_assert!(text.get(raw).is_some());
                }
            }
        }
    }
}
