//! Writes JSON the way the logging libraries do: values arrive, members of an object leave.
//!
//! Nothing is built in memory: members go straight into the caller's buffer.

/// How a logging library writes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Python's `json.dumps`: a space after `:` and `,`, everything beyond ASCII escaped.
    Python,
    /// JavaScript's `JSON.stringify` and most others: no spaces, UTF-8 as it is.
    Compact,
}

/// Writes the members of an object, without braces.
pub(super) struct Members<'o> {
    out: &'o mut Vec<u8>,
    style: Style,
    start: usize,
}

impl<'o> Members<'o> {
    /// Returns a writer of an object's members; the buffer ends with what stands before them.
    pub(super) fn new(out: &'o mut Vec<u8>, style: Style) -> Members<'o> {
        let start = out.len();
        Members { out, style, start }
    }

    /// Returns a writer that adds to members that the whole buffer holds already.
    pub(super) fn more(out: &'o mut Vec<u8>, style: Style) -> Members<'o> {
        Members { out, style, start: 0 }
    }

    fn separate(&mut self) {
        if self.out.len() > self.start {
            self.out.push(b',');
            if self.style == Style::Python {
                self.out.push(b' ');
            }
        }
    }

    /// Writes a name; the caller writes its value next.
    fn name(&mut self, name: &str) {
        self.separate();
        self.out.push(b'"');
        escape(name, self.style, self.out);
        self.out.extend_from_slice(match self.style {
            Style::Python => b"\": ",
            Style::Compact => b"\":",
        });
    }

    /// Writes a text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.push(b'"');
        escape(value, self.style, self.out);
        self.out.push(b'"');
    }

    /// Writes an integer.
    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        push_digits(self.out, value, 1);
    }

    /// Writes a number of two decimals, given in hundredths, without a trailing zero.
    pub(super) fn hundredths(&mut self, name: &str, value: u64) {
        self.name(name);
        push_digits(self.out, value / 100, 1);
        self.out.push(b'.');
        match value % 100 {
            tenths if tenths % 10 == 0 => push_digits(self.out, tenths / 10, 1),
            both => push_digits(self.out, both, 2),
        }
    }

    /// Writes `null`, `true`, or whatever else is JSON already.
    pub(super) fn literal(&mut self, name: &str, json: &str) {
        self.name(name);
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes a text whose characters need no escaping, by a function.
    pub(super) fn plain_text(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// Writes a nested object.
    pub(super) fn object(&mut self, name: &str, write: impl FnOnce(&mut Members<'_>)) {
        self.name(name);
        self.out.push(b'{');
        write(&mut Members::new(self.out, self.style));
        self.out.push(b'}');
    }

    /// Writes members that were written elsewhere in the same style.
    pub(super) fn append(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.separate();
            self.out.extend_from_slice(members);
        }
    }
}

/// Returns an object as text, for JSON inside a string.
pub(super) fn object_text(write: impl FnOnce(&mut Members<'_>)) -> String {
    let mut bytes = vec![b'{'];
    write(&mut Members::new(&mut bytes, Style::Python));
    bytes.push(b'}');
    String::from_utf8(bytes).expect("members are UTF-8")
}

/// Appends a number with at least so many digits.
pub(super) fn push_digits(out: &mut Vec<u8>, mut value: u64, digits_min: usize) {
    let mut buffer = [b'0'; 20];
    let mut digits = 0;
    for slot in buffer.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        digits += 1;
        if value == 0 && digits >= digits_min {
            break;
        }
    }
    out.extend(buffer.iter().skip(buffer.len() - digits));
}

fn escape(text: &str, style: Style, out: &mut Vec<u8>) {
    // Fast path: nearly every text needs no escaping.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            ' '..='~' => out.push(character as u8),
            _ if style == Style::Compact && character >= ' ' => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(style: Style, expected: &Expect) {
        let mut out = vec![b'{'];
        let mut members = Members::new(&mut out, style);
        members.text("te\"xt", "línea 1\nline 2 \\ \u{1}\u{1f600}");
        members.number("number", 1_200);
        members.literal("nothing", "null");
        for (name, value) in [("whole", 1_200), ("tenths", 1_250), ("small", 5), ("both", 1_234)] {
            members.hundredths(name, value);
        }
        members.object("nested", |nested| {
            nested.object("empty", |_| {});
            nested.plain_text("plain", |out| push_digits(out, 7, 3));
        });
        members.append(b"");
        members.append(b"\"more\":1");
        out.push(b'}');
        let text = String::from_utf8(out).expect("UTF-8");
        let parsed: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(parsed["te\"xt"], "línea 1\nline 2 \\ \u{1}\u{1f600}");
        expected.assert_eq(&text);
    }

    #[test]
    fn members_are_written_in_the_style_of_the_library() {
        check(
            Style::Python,
            &expect![[
                r#"{"te\"xt": "l\u00ednea 1\nline 2 \\ \u0001\ud83d\ude00", "number": 1200, "nothing": null, "whole": 12.0, "tenths": 12.5, "small": 0.05, "both": 12.34, "nested": {"empty": {}, "plain": "007"}, "more":1}"#
            ]],
        );
        check(
            Style::Compact,
            &expect![[
                r#"{"te\"xt":"línea 1\nline 2 \\ \u0001😀","number":1200,"nothing":null,"whole":12.0,"tenths":12.5,"small":0.05,"both":12.34,"nested":{"empty":{},"plain":"007"},"more":1}"#
            ]],
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_back(name: String, value: String) {
            for style in [Style::Python, Style::Compact] {
                let mut out = vec![b'{'];
                Members::new(&mut out, style).text(&name, &value);
                out.push(b'}');
                let parsed: serde_json::Value = serde_json::from_slice(&out).expect("valid JSON");
                proptest::prop_assert_eq!(parsed.get(&name), Some(&value.as_str().into()));
            }
        }
    }
}
