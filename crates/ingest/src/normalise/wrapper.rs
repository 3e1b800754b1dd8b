//! Texts that stand around a record: container runtimes' lines and prefixes before `{`.

/// Layers of one record: a runtime's line, the runtime's JSON, the application's JSON, and JSON in
/// its message. Each has a buffer, so there are few.
pub(crate) const LAYERS_MAX: u8 = 4;

/// Objects that may start at different places of one line; each is tried, so there are few.
const PREFIX_ATTEMPTS_MAX: usize = 4;

/// A line of the Kubernetes container runtime interface: `TIME stdout|stderr P|F text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CriLine<'a> {
    /// When the runtime read the line.
    pub(crate) time: &'a str,
    /// `stdout` or `stderr`.
    pub(crate) stream: &'a str,
    /// Whether the application's line goes on in the next one.
    pub(crate) extent: Extent,
    /// What the application wrote.
    pub(crate) content: &'a str,
}

/// How much of an application's line a runtime's line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it, or its end.
    Full,
    /// A piece of a line: lines are read one by one, and the piece becomes a record with a mark.
    Partial,
}

/// Reads a line of the container runtime interface.
pub(crate) fn cri_line(line: &str) -> Option<CriLine<'_>> {
    // Fast path: nearly every other line fails here.
    if !line.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (time, rest) = line.split_once(' ')?;
    let (stream, rest) = rest.split_once(' ')?;
    let (tags, content) = rest.split_once(' ').unwrap_or((rest, ""));
    let extent = match tags.split(':').next()? {
        "F" => Extent::Full,
        "P" => Extent::Partial,
        _ => return None,
    };
    let is_time = time.contains('T') && time.contains(':');
    let is_stream = matches!(stream, "stdout" | "stderr");
    (is_time && is_stream).then_some(CriLine { time, stream, extent, content })
}

/// Returns the places in a line at which an object that ends with the line may start.
pub(crate) fn object_starts(line: &[u8]) -> impl Iterator<Item = usize> {
    let is_closed = line.last() == Some(&b'}');
    memchr::memchr_iter(b'{', line)
        .filter(move |start| is_closed && starts_object(line.get(start + 1..).unwrap_or_default()))
        .take(PREFIX_ATTEMPTS_MAX)
}

/// Tells whether a text is what people write before an object, and not a piece of JSON.
pub(crate) fn is_prose(prefix: &str) -> bool {
    let prefix = prefix.trim();
    let is_list = prefix.strip_prefix('[').is_some_and(|inside| {
        inside.trim_start().starts_with(['{', '[', '"', ',']) || inside.is_empty()
    });
    !prefix.is_empty() && !is_list && !prefix.starts_with(['{', '"', ',', ']', '}'])
}

/// Tells whether a text may be one whole JSON object.
pub(crate) fn looks_like_object(text: &str) -> bool {
    let text = text.as_bytes();
    text.first() == Some(&b'{')
        && text.last() == Some(&b'}')
        && starts_object(text.get(1..).unwrap_or_default())
}

/// Tells whether a text can follow the `{` of an object: a key or the end.
fn starts_object(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'"' | b'}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cri_lines_are_told_from_others() {
        let line = cri_line("2016-10-06T00:17:09.669794202Z stdout P log content");
        let expected = CriLine {
            time: "2016-10-06T00:17:09.669794202Z",
            stream: "stdout",
            extent: Extent::Partial,
            content: "log content",
        };
        assert_eq!(line, Some(expected));
        let full = cri_line("2016-10-06T00:17:09+02:00 stderr F").map(|line| line.extent);
        assert_eq!(full, Some(Extent::Full));
        for text in ["", "12", "2016-10-06T00:17:09Z stdout X a", "1 stdout F a", "{\"a\":1}"] {
            assert_eq!(cri_line(text), None, "{text}");
        }
    }

    #[test]
    fn objects_are_looked_for_behind_a_prefix() {
        let starts = |text: &str| object_starts(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(starts("INFO {thread} {\"a\":{\"b\":1}}"), [14, 19]);
        assert_eq!(starts("INFO {\"a\":1} and more"), [0_usize; 0]);
        assert!(looks_like_object("{ \"a\": 1 }") && looks_like_object("{}"));
        assert!(!looks_like_object("{a}") && !looks_like_object("{") && !looks_like_object(""));
    }
}
