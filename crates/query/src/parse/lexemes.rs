//! How far the pieces of a query text reach. Every function looks at the start of a text and
//! returns a length in bytes that lies on a character boundary.

/// Returns the length of the field name before a colon, if the text starts with one.
pub(super) fn field_name_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (offset, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => {
                // `12:30:05` and `http://host` are words.
                let after = text.get(offset + 1..).unwrap_or_default();
                let is_word =
                    after.starts_with("//") || text.starts_with(|c: char| c.is_ascii_digit());
                return (offset > 0 && !is_word).then_some(offset);
            }
            // `app.kubernetes.io/name` is a name, `/a:b/` an expression.
            '/' if offset == 0 => return None,
            '"' | '\'' | '(' | ')' | '<' | '>' => return None,
            _ if character.is_whitespace() => return None,
            _ => {}
        }
    }
    None
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

/// Returns the length of a quoted text, both quotes included.
pub(super) fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (offset, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(offset + 1),
            _ => {}
        }
    }
    None
}

/// Returns the length of `/regex/`, both slashes included. It must be followed by an end, so that
/// `/api/*` and `/api/v1/` are words; and it is one only when the slashes hold something.
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

/// Returns the length of `IN [`, if the text starts with it.
pub(super) fn set_length(text: &str) -> Option<usize> {
    let after = text.strip_prefix("IN")?;
    let bracket = after.trim_start();
    bracket.starts_with('[').then(|| text.len() - bracket.len() + 1)
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
