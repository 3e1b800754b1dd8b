//! A place in a line: formats read their parts from left to right and give up at the first part
//! that is not there. Nothing is copied, and a place never lies inside of a character.

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// Returns the beginning of a text.
    pub(super) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { rest: text }
    }

    /// Returns what was not read yet.
    pub(super) fn rest(self) -> &'a str {
        self.rest
    }

    /// Reads a text that must come next.
    pub(super) fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Reads a text if it comes next, and tells whether it did.
    pub(super) fn skip(&mut self, text: &str) -> bool {
        self.literal(text).is_some()
    }

    /// Reads bytes for as long as a test holds, perhaps none.
    pub(super) fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len());
        self.split(end)
    }

    /// Reads spaces and tabs, perhaps none, and returns how many.
    pub(super) fn spaces(&mut self) -> usize {
        self.take_while(|c| matches!(c, ' ' | '\t')).len()
    }

    /// Reads at least one space or tab.
    pub(super) fn gap(&mut self) -> Option<()> {
        (self.spaces() > 0).then_some(())
    }

    /// Reads the text up to the next white space, at least one character.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let word = self.take_while(|c| !c.is_ascii_whitespace());
        (!word.is_empty()).then_some(word)
    }

    /// Reads the text up to a separator that must come, and the separator.
    pub(super) fn until(&mut self, separator: &str) -> Option<&'a str> {
        let (text, rest) = self.rest.split_once(separator)?;
        self.rest = rest;
        Some(text)
    }

    /// Reads a text between two signs.
    pub(super) fn within(&mut self, open: &str, close: &str) -> Option<&'a str> {
        let mut ahead = *self;
        ahead.literal(open)?;
        let text = ahead.until(close)?;
        *self = ahead;
        Some(text)
    }

    /// Reads a number of decimal digits, at least one.
    pub(super) fn digits(&mut self) -> Option<&'a str> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        (!digits.is_empty()).then_some(digits)
    }

    /// Reads exactly so many decimal digits as a number.
    pub(super) fn fixed(&mut self, digits: usize) -> Option<i16> {
        let text = self.rest.get(..digits)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.split(digits);
        text.parse().ok()
    }

    /// Reads a text in double quotes in which a backslash protects the next character; returns
    /// the text between the quotes as it stands.
    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('"')?;
        let mut at = 0;
        loop {
            let found = memchr::memchr2(b'"', b'\\', inside.as_bytes().get(at..)?)?;
            at += found;
            if inside.as_bytes().get(at) == Some(&b'"') {
                break;
            }
            at += 2;
        }
        self.rest = inside.get(at + 1..)?;
        inside.get(..at)
    }

    fn split(&mut self, at: usize) -> &'a str {
        let (text, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_from_left_to_right() {
        let mut cursor = Cursor::new("[12] \"a \\\" b\" word=1 é");
        assert_eq!(cursor.within("(", ")"), None);
        assert_eq!(cursor.within("[", "]"), Some("12"));
        assert_eq!(cursor.gap(), Some(()));
        assert_eq!(cursor.quoted(), Some("a \\\" b"));
        assert_eq!((cursor.spaces(), cursor.digits()), (1, None));
        assert_eq!(cursor.until("="), Some("word"));
        assert_eq!((cursor.fixed(2), cursor.fixed(1)), (None, Some(1)));
        assert_eq!((cursor.spaces(), cursor.word(), cursor.word()), (1, Some("é"), None));
    }

    #[test]
    fn quotes_that_do_not_end_are_none() {
        for text in ["\"", "\"a", "\"a\\\"", "\"\\", "a\""] {
            let mut cursor = Cursor::new(text);
            assert_eq!((cursor.quoted(), cursor.rest()), (None, text));
        }
    }
}
