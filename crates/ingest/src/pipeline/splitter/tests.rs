//! Items of bodies, against a plain way to find them in a body that is all there.

use proptest::prelude::*;

use super::*;

/// Longest item below.
const LONGEST: usize = 24;

/// An item, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Line(String),
    Element(String),
    TooLong(String),
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Splits a body through windows of so many bytes, as a reader does: what a window cuts is the
/// beginning of the next, and a window in which no item ends becomes longer.
fn split(body: &[u8], format: BodyFormat, window_bytes: usize) -> Vec<Found> {
    let (mut found, mut splitter) = (Vec::new(), None);
    let (mut start, mut target) = (0, window_bytes);
    loop {
        let window_end = (start + target).min(body.len());
        let window = &body[start..window_end];
        let end = if window_end == body.len() { WindowEnd::Last } else { WindowEnd::Open };
        let mut at = 0;
        if splitter.is_none() {
            match Splitter::of(window, format, LONGEST, end) {
                Beginning::Known(known) => splitter = Some(known),
                Beginning::Blank { bytes, lines } => {
                    at = bytes;
                    found.extend((0..lines).map(|_| Found::Line(String::new())));
                }
                Beginning::Unfinished => {}
            }
        }
        while let Some(item) =
            splitter.as_mut().and_then(|splitter| splitter.next(window, &mut at, end))
        {
            found.push(match item {
                Item::Line(line) => Found::Line(text(line)),
                Item::Element(element) => Found::Element(text(element)),
                Item::TooLong(head) => Found::TooLong(text(&head)),
            });
        }
        if end == WindowEnd::Last {
            return found;
        }
        let unread = window.len() - at;
        assert!(unread <= 2 * (LONGEST + 1).max(window_bytes), "{unread} bytes are kept");
        start += at;
        target = if unread < window_bytes { window_bytes } else { 2 * unread };
    }
}

/// Returns the lines of a body.
fn plain_lines(body: &[u8]) -> Vec<Found> {
    let mut lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let line = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() <= LONGEST {
            return Found::Line(text(line));
        }
        let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        let blank = line.iter().take_while(|byte| is_blank(byte)).count();
        let line = &line[blank..];
        if line.len() <= LONGEST { Found::Line(text(line)) } else { Found::TooLong(text(line)) }
    };
    lines.into_iter().map(line).collect()
}

/// Returns the elements of a body that begins with an array, byte by byte.
fn plain_elements(body: &[u8]) -> Vec<Found> {
    let (mut found, mut element) = (Vec::new(), Vec::new());
    let (mut depth, mut is_inside, mut in_string, mut is_escaped) = (0_usize, false, false, false);
    let mut finish = |element: &mut Vec<u8>| {
        let taken = std::mem::take(element);
        let trimmed = taken.trim_ascii_end();
        if taken.len() > LONGEST {
            found.push(Found::TooLong(text(trimmed)));
        } else if !trimmed.is_empty() {
            found.push(Found::Element(text(trimmed)));
        }
    };
    for &byte in body {
        if element.is_empty() && byte.is_ascii_whitespace() {
            continue;
        }
        if element.is_empty() && !is_inside && byte == b'[' {
            is_inside = true;
            continue;
        }
        if !in_string && depth == 0 && matches!(byte, b',' | b']') {
            finish(&mut element);
            is_inside &= byte == b',';
            continue;
        }
        element.push(byte);
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    finish(&mut element);
    found
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "\n", "\r\n", "{\"a\":1}", "{\"a\":\"}],\"}", ",", "[", "]", " ", "\"", "\\", "x", "\0",
            "\u{feff}", "{", "}", "\t",
        ]).prop_map(str::to_owned),
        1 => (20_usize..60).prop_map(|length| "y".repeat(length)),
        1 => (20_usize..60).prop_map(|length| " ".repeat(length)),
    ]
}

proptest! {
    #[test]
    fn lines_are_those_of_a_plain_split(
        pieces in prop::collection::vec(piece(), 0..40),
        window_bytes in 1_usize..80,
    ) {
        let body = pieces.concat();
        // The plain way knows no byte order marks.
        let body = body.replace('\u{feff}', "z");
        let found = split(body.as_bytes(), BodyFormat::Text, window_bytes);
        prop_assert_eq!(found, plain_lines(body.as_bytes()));
    }

    #[test]
    fn elements_are_those_of_a_plain_walk(
        pieces in prop::collection::vec(piece(), 0..40),
        window_bytes in 1_usize..80,
    ) {
        let body = format!("[{}", pieces.concat());
        let found = split(body.as_bytes(), BodyFormat::Json, window_bytes);
        prop_assert_eq!(found, plain_elements(body.as_bytes()));
    }
}

fn check(body: &str, format: BodyFormat, expected: &[Found]) {
    for window_bytes in [1, 2, 5, 1_000] {
        let found = split(body.as_bytes(), format, window_bytes);
        assert_eq!(found, expected, "{body:?} in windows of {window_bytes}");
    }
}

fn line(text: &str) -> Found {
    Found::Line(text.to_owned())
}

fn element(text: &str) -> Found {
    Found::Element(text.to_owned())
}

#[test]
fn blank_lines_before_an_array_count_as_lines_only_where_lines_follow() {
    let blank = "\n  \n";
    check(&format!("{blank}{{}}"), BodyFormat::JsonLines, &[line(""), line("  "), line("{}")]);
}

#[test]
fn an_object_over_several_lines_is_one_element() {
    check("{\n \"a\": \"}\"\n}\n", BodyFormat::Json, &[element("{\n \"a\": \"}\"\n}")]);
    let lines = [line("{\"a\":1}"), line("{\"b\":2}")];
    check("{\"a\":1}\n{\"b\":2}\n", BodyFormat::Json, &lines);
    check("{\"a\":1", BodyFormat::Json, &[line("{\"a\":1")]);
}

#[test]
fn an_object_that_is_too_long_costs_itself_only() {
    let found = |body: &str| split(body.as_bytes(), BodyFormat::Json, 8);
    let pretty = format!("{{\n \"a\": \"{}\"\n}}", "x".repeat(100));
    assert_eq!(found(&pretty), [Found::TooLong(pretty)], "its first line says that it is one");
    let broken = format!("{{\"a\": \"never closed\n{}", "{\"b\":1}\n".repeat(5));
    let mut lines = vec![line("{\"a\": \"never closed")];
    lines.extend((0..5).map(|_| line("{\"b\":1}")));
    assert_eq!(found(&broken), lines, "good lines follow");
}

#[test]
fn of_what_is_too_long_the_head_is_kept_and_nothing_else() {
    let long = "x".repeat(10 * HEAD_BYTES_MAX);
    for (body, format) in [
        (format!("{long}\n{{}}"), BodyFormat::JsonLines),
        (format!("[{long},{{}}]"), BodyFormat::Json),
    ] {
        let found = split(body.as_bytes(), format, 1_000);
        let [Found::TooLong(head), _] = found.as_slice() else { panic!("{} items", found.len()) };
        assert!(head.len() <= HEAD_BYTES_MAX, "{} bytes", head.len());
    }
}
