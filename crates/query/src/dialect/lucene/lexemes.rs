//! How far the pieces of a query text reach. Every function looks at the start of a text and
//! returns a length in bytes that lies on a character boundary.

/// The colon of full-width texts.
const WIDE_COLON: char = '：';

/// How far the name of a field reaches, and the colon behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldName {
    pub(super) length: usize,
    pub(super) colon_length: usize,
}

/// Returns the extent of the field name before a colon, if the text starts with one.
pub(super) fn field_name(text: &str) -> Option<FieldName> {
    let mut escaped = false;
    for (offset, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' | WIDE_COLON => {
                // `12:30:05` and `http://host` are words.
                let colon_length = character.len_utf8();
                let after = text.get(offset + colon_length..).unwrap_or_default();
                let is_word =
                    after.starts_with("//") || text.starts_with(|c: char| c.is_ascii_digit());
                let name = FieldName { length: offset, colon_length };
                return (offset > 0 && !is_word).then_some(name);
            }
            // `app.kubernetes.io/name` is a name, `/a:b/` an expression.
            '/' if offset == 0 => return None,
            '(' | ')' | '<' | '>' => return None,
            _ if closing_quote(character).is_some() => return None,
            _ if character.is_whitespace() => return None,
            _ => {}
        }
    }
    None
}

/// Returns the characters that close what a quote opens; `None` for any other character. Editors
/// and chats make curved quotes of straight ones.
pub(super) fn closing_quote(character: char) -> Option<&'static str> {
    Some(match character {
        '"' => "\"",
        '\'' => "'",
        '“' | '”' | '„' => "“”\"",
        '‘' | '‚' => "’‘'",
        '«' => "»",
        '＂' => "＂",
        '`' => "`",
        _ => return None,
    })
}

/// Returns the length of the word at the start: up to white space, a parenthesis or a quote.
pub(super) fn word_length(text: &str) -> usize {
    let mut escaped = false;
    for (offset, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | ')' | '"' => return offset,
            _ if character.is_whitespace() => return offset,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of the quoted text at the start, both quotes included.
pub(super) fn quoted_length(text: &str) -> Option<usize> {
    let closing = text.chars().next().and_then(closing_quote)?;
    let mut escaped = false;
    for (offset, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if closing.contains(character) => return Some(offset + character.len_utf8()),
            _ => {}
        }
    }
    None
}

/// Returns the length of `/regex/`, both slashes included. A regex ends where a clause may end, so
/// that `/api/*` and `/api/v1/` are words; empty slashes are no regex.
pub(super) fn regex_length(text: &str) -> Option<usize> {
    let mut previous = '/';
    for (offset, character) in text.char_indices().skip(1) {
        if character == '/' && previous != '\\' {
            let end = offset + 1;
            let after = text.get(end..).unwrap_or_default();
            return (offset > 1 && (is_end(after) || after.starts_with('^'))).then_some(end);
        }
        previous = character;
    }
    None
}

/// Returns the length of `IN [` or `in(`, if the text starts with it.
pub(super) fn set_length(text: &str) -> Option<usize> {
    let after = text.strip_prefix("IN").or_else(|| text.strip_prefix("in"))?;
    let bracket = after.trim_start();
    bracket.starts_with(['[', '(']).then(|| text.len() - bracket.len() + 1)
}

/// Tells whether a clause ends before this text.
pub(super) fn is_end(text: &str) -> bool {
    text.chars().next().is_none_or(|next| next.is_whitespace() || next == ')')
}

/// Takes escapes off: a backslash makes the next character an ordinary one.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next().unwrap_or('\\')),
            _ => plain.push(character),
        }
    }
    plain
}
