//! The elements of a body in the form of a JSON array are found without parsing: each element then
//! goes the way of a line, a bad element costs no other, and a large body needs no tree.

/// Finds the elements of an array by counting brackets outside strings. Whether they are JSON is
/// for the decoder to say. Consecutive arrays are one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Elements {
    at: At,
    scan: ValueScan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the `[` of an array.
    Outside,
    /// Before an element or the `]`.
    Inside,
}

/// Where in a text the next element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it begins, behind white space.
    pub(crate) start: usize,
    /// Where the `,` or `]` behind it stands; `None` when the text ends before that.
    pub(crate) end: Option<usize>,
}

impl Elements {
    /// Finds the elements of a body that begins with `[`.
    pub(crate) fn of_array() -> Elements {
        Elements { at: At::Outside, scan: ValueScan::default() }
    }

    /// Finds the one element of a body that is an object over several lines.
    pub(crate) fn of_object() -> Elements {
        Elements { at: At::Inside, scan: ValueScan::default() }
    }

    /// Returns where the next element of a text is, which may be empty; `None` when nothing but
    /// white space and brackets is left.
    pub(crate) fn find(&mut self, text: &[u8]) -> Option<Place> {
        self.scan = ValueScan::default();
        let mut start = 0;
        loop {
            let rest = text.get(start..)?;
            start += rest.len() - rest.trim_ascii_start().len();
            let first = *text.get(start)?;
            if self.at == At::Inside || first != b'[' {
                break;
            }
            self.at = At::Inside;
            start += 1;
        }
        let length = self.scan.advance(text.get(start..)?);
        Some(Place { start, end: length.map(|length| start + length) })
    }

    /// Goes on in an element whose end was not found: returns where its `,` or `]` stands in the
    /// text that follows.
    pub(crate) fn find_end(&mut self, text: &[u8]) -> Option<usize> {
        self.scan.advance(text)
    }

    /// Notes what stood behind an element.
    pub(crate) fn pass(&mut self, delimiter: u8) {
        if delimiter == b']' {
            self.at = At::Outside;
        }
    }
}

/// Finds where a JSON value ends, in a text that comes in pieces.
#[derive(Clone, Debug, Default)]
struct ValueScan {
    depth: usize,
    string: InString,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum InString {
    #[default]
    No,
    Yes,
    /// Behind a `\`: the next byte cannot end the string.
    Escaped,
}

impl ValueScan {
    /// Returns the position of the `,` or `]` behind the value, if the text reaches so far.
    fn advance(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if self.string != InString::No {
                at += self.pass_string(text.get(at..).unwrap_or_default());
                continue;
            }
            match byte {
                b',' | b']' if self.depth == 0 => return Some(at),
                b'"' => self.string = InString::Yes,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Returns how many bytes are of a string, its closing quote included.
    fn pass_string(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        if self.string == InString::Escaped && !text.is_empty() {
            self.string = InString::Yes;
            at = 1;
        }
        while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
            at += found + 1;
            if text.get(at - 1) == Some(&b'"') {
                self.string = InString::No;
                return at;
            }
            if at == text.len() {
                self.string = InString::Escaped;
                return at;
            }
            at += 1;
        }
        text.len()
    }
}

/// Objects on one line: beyond this count no reader finds an object in the line.
pub(crate) const OBJECTS_MAX: usize = 1_000;

/// Returns the objects of a line that holds nothing else: behind each other, perhaps with commas
/// between them or behind the last. `None` for a line of one object, or of any further text.
pub(crate) fn objects(line: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = line.trim_ascii();
    let mut objects = Vec::new();
    let mut separated = false;
    while rest.first() == Some(&b'{') && objects.len() < OBJECTS_MAX {
        let (object, behind) = rest.split_at_checked(object_end(rest)?)?;
        objects.push(object);
        let behind = behind.trim_ascii_start();
        separated = behind.first() == Some(&b',');
        rest = behind.strip_prefix(b",").unwrap_or(behind).trim_ascii_start();
    }
    let is_more_than_one = objects.len() > 1 || (separated && !objects.is_empty());
    (rest.is_empty() && is_more_than_one).then_some(objects)
}

/// Returns where the object at the start of a text ends.
pub(crate) fn object_end(text: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at += string_rest(text.get(at..).unwrap_or_default()),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns how many bytes a string takes behind its opening quote, the closing one included.
fn string_rest(text: &[u8]) -> usize {
    ValueScan { string: InString::Yes, ..ValueScan::default() }.pass_string(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the elements of a body that is all there.
    fn elements(body: &[u8]) -> Vec<&[u8]> {
        let mut finder = Elements::of_array();
        let (mut rest, mut found) = (body, Vec::new());
        while let Some(place) = finder.find(rest) {
            let end = place.end.unwrap_or(rest.len());
            let element = rest[place.start..end].trim_ascii();
            if !element.is_empty() {
                found.push(element);
            }
            rest = match place.end {
                Some(end) => {
                    finder.pass(rest[end]);
                    &rest[end + 1..]
                }
                None => &[],
            };
        }
        found
    }

    fn check(body: &str, expected: &[&str]) {
        let elements: Vec<&str> = elements(body.as_bytes())
            .into_iter()
            .map(|element| std::str::from_utf8(element).expect("cut between characters"))
            .collect();
        assert_eq!(elements, expected, "{body}");
    }

    #[test]
    fn elements_are_cut_at_their_commas_only() {
        check("[]", &[]);
        check(" [ ] ", &[]);
        check(r#"[{"a":1},{"b":[1,2]}]"#, &[r#"{"a":1}"#, r#"{"b":[1,2]}"#]);
        check("[\n  {\"a\": \"],\\\"\"}\n ,\n 7]\n", &["{\"a\": \"],\\\"\"}", "7"]);
        check("[{\"a\":1}]\n[{\"b\":2}]", &["{\"a\":1}", "{\"b\":2}"]);
    }

    #[test]
    fn damaged_arrays_lose_nothing() {
        check(r#"[{"a":1},{"b""#, &[r#"{"a":1}"#, r#"{"b""#]);
        check(r#"[{"a":1}] x"#, &[r#"{"a":1}"#, "x"]);
        check("[1}},2]", &["1}}", "2"]);
        check("[\"\\", &["\"\\"]);
        check("[,,1,]", &["1"]);
    }

    #[test]
    fn objects_of_a_line_are_told_apart() {
        let check = |line: &str, expected: Option<&[&str]>| {
            let found = objects(line.as_bytes());
            let expected: Option<Vec<&[u8]>> =
                expected.map(|texts| texts.iter().map(|text| text.as_bytes()).collect());
            assert_eq!(found, expected, "{line}");
        };
        check(r#"{"k":1}{"k":2}"#, Some(&[r#"{"k":1}"#, r#"{"k":2}"#]));
        check(r#"{"k":"}{"} , {"k":[{}]},"#, Some(&[r#"{"k":"}{"}"#, r#"{"k":[{}]}"#]));
        check(r#"{"k":1},"#, Some(&[r#"{"k":1}"#]));
        for line in [r#"{"k":1}"#, r#"{"k":1} x"#, r#"{"k":1}{"k""#, "", ",", "[{}]", "x{}{}"] {
            check(line, None);
        }
    }

    proptest! {
        #[test]
        fn elements_equal_those_of_a_parser(
            texts in prop::collection::vec("[ -~]{0,12}", 0..6),
        ) {
            let values: Vec<serde_json::Value> =
                texts.iter().map(|text| serde_json::json!({ "k": [text, 1], "l": text })).collect();
            let body = serde_json::to_string_pretty(&values).expect("values print");
            let parsed: Vec<serde_json::Value> = elements(body.as_bytes())
                .into_iter()
                .map(|element| serde_json::from_slice(element).expect("an element is JSON"))
                .collect();
            prop_assert_eq!(parsed, values);
        }

        #[test]
        fn any_bytes_end(body: Vec<u8>) {
            prop_assert!(elements(&body).len() <= body.len());
        }

        /// However a text is cut, a value ends where it ends in the whole.
        #[test]
        fn a_value_ends_where_it_does_in_one_piece(
            text in "[\\[\\]{},\"\\\\ a]{0,40}",
            piece_bytes in 1_usize..10,
        ) {
            let whole = ValueScan::default().advance(text.as_bytes());
            let (mut scan, mut passed) = (ValueScan::default(), 0);
            let mut end = None;
            for piece in text.as_bytes().chunks(piece_bytes) {
                if let Some(found) = scan.advance(piece) {
                    end = Some(passed + found);
                    break;
                }
                passed += piece.len();
            }
            prop_assert_eq!(end, whole);
        }
    }
}
