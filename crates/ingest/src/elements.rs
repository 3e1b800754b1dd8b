//! A body that is one JSON array becomes its elements, without parsing it: each element then goes
//! the way of a line, so a bad one costs itself only and a large body no tree.

/// Elements of an array, found by counting brackets outside strings. Whether they are JSON is for
/// the decoder to say. Arrays that follow each other are one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the `[` of an array.
    Outside,
    /// Before an element or the `]`.
    Inside,
}

impl<'a> Elements<'a> {
    /// Returns the elements of a body that starts with `[`.
    pub(crate) fn new(body: &'a [u8]) -> Elements<'a> {
        Elements { rest: body, at: At::Outside }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            let first = *self.rest.first()?;
            if self.at == At::Outside && first == b'[' {
                self.rest = self.rest.get(1..).unwrap_or_default();
                self.at = At::Inside;
                continue;
            }
            let (element, rest) = self.rest.split_at_checked(value_end(self.rest))?;
            self.rest = rest.get(1..).unwrap_or_default();
            if rest.first() == Some(&b']') {
                self.at = At::Outside;
            }
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// Tells whether a body is one JSON value that spans all of it, as pretty-printed objects do.
pub(crate) fn is_single_object(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.first() == Some(&b'{') && object_end(body) == Some(body.len())
}

/// Objects on one line: more are found by nobody who looks at the line.
const OBJECTS_MAX: usize = 1_000;

/// Returns the objects of a line that holds nothing else: behind each other, perhaps with commas
/// between them or behind the last. Nothing for a line that is one object, or anything more.
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
fn object_end(text: &[u8]) -> Option<usize> {
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

/// Returns the position of the `,` or `]` behind the value at the start of a text, else its end.
fn value_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b',' | b']' if depth == 0 => return at,
            b'"' => at += string_rest(text.get(at + 1..).unwrap_or_default()),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Returns how many bytes a string takes behind its opening quote, the closing one included.
fn string_rest(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found + 1;
        match text.get(at - 1) {
            Some(b'"') => return at,
            // The escaped byte cannot end the string.
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(body: &str, expected: &[&str]) {
        let elements: Vec<&str> = Elements::new(body.as_bytes())
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

    #[test]
    fn a_single_object_spans_the_body() {
        assert!(is_single_object(b"{\n \"a\": \"}\"\n}\n"));
        assert!(!is_single_object(b"{\"a\":1}\n{\"b\":2}\n"));
        assert!(!is_single_object(b"{\"a\":1") && !is_single_object(b"[]"));
    }

    proptest! {
        #[test]
        fn elements_equal_those_of_a_parser(
            texts in prop::collection::vec("[ -~]{0,12}", 0..6),
        ) {
            let values: Vec<serde_json::Value> =
                texts.iter().map(|text| serde_json::json!({ "k": [text, 1], "l": text })).collect();
            let body = serde_json::to_string_pretty(&values).expect("values print");
            let parsed: Vec<serde_json::Value> = Elements::new(body.as_bytes())
                .map(|element| serde_json::from_slice(element).expect("an element is JSON"))
                .collect();
            prop_assert_eq!(parsed, values);
        }

        #[test]
        fn any_bytes_end(body: Vec<u8>) {
            prop_assert!(Elements::new(&body).count() <= body.len());
        }
    }
}
