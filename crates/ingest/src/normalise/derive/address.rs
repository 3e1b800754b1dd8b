//! The path of an address without the query, and the text around the path.

use std::ops::Range;

/// Where the parts of an address lie in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The path.
    pub(super) path: Range<usize>,
    /// The query, without its question mark.
    pub(super) query: Option<Range<usize>>,
    /// The fragment, without its hash sign.
    pub(super) fragment: Option<Range<usize>>,
    /// Whether the text names a host too.
    pub(super) is_absolute: bool,
}

/// Takes an address apart; `None` when it is a path and nothing else, as nearly all are.
pub(super) fn split(text: &str) -> Option<Parts> {
    let bytes = text.as_bytes();
    let start = match bytes.first()? {
        b'/' => 0,
        _ => path_start(text).unwrap_or(0),
    };
    let rest = bytes.get(start..)?;
    let mark = memchr::memchr2(b'?', b'#', rest).map(|mark| start + mark);
    if mark.is_none() && start == 0 {
        return None;
    }
    let path_end = mark.unwrap_or(bytes.len());
    let hash = memchr::memchr(b'#', bytes.get(path_end..)?).map(|hash| path_end + hash);
    let query_end = hash.unwrap_or(bytes.len());
    let query = (path_end < query_end).then(|| path_end + 1..query_end);
    let fragment = hash.map(|hash| hash + 1..bytes.len());
    // `?page=2` alone names no path.
    if start == path_end && start == 0 {
        return None;
    }
    Some(Parts { path: start..path_end, query, fragment, is_absolute: start > 0 })
}

/// Longest scheme that is looked for.
const SCHEME_BYTES_MAX: usize = 12;

/// Returns where the path of `https://host:8000/path` begins.
fn path_start(text: &str) -> Option<usize> {
    let window = text.get(..text.floor_char_boundary(SCHEME_BYTES_MAX + "://".len()))?;
    let (scheme, _) = window.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let host = scheme.len() + "://".len();
    let rest = text.get(host..)?;
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (is_scheme && length > 0).then_some(host + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &str, query: Option<&str>, fragment: Option<&str>) {
        let parts = split(text).expect(text);
        let part = |range: Option<Range<usize>>| range.and_then(|range| text.get(range));
        assert_eq!(text.get(parts.path), Some(path), "{text}");
        assert_eq!(part(parts.query), query, "{text}");
        assert_eq!(part(parts.fragment), fragment, "{text}");
    }

    #[test]
    fn the_query_is_kept_apart() {
        check("/a?x=1&y=2", "/a", Some("x=1&y=2"), None);
        check("/a?", "/a", Some(""), None);
        check("/a#top", "/a", None, Some("top"));
        check("/a?x=1#top?y", "/a", Some("x=1"), Some("top?y"));
        check("/a?u=https://h/b?c", "/a", Some("u=https://h/b?c"), None);
        check("https://h:8000/a/b?x", "/a/b", Some("x"), None);
        check("https://h", "", None, None);
        check("https://h?x=1", "", Some("x=1"), None);
        check("a/b?x=1", "a/b", Some("x=1"), None);
        check("/é?ü=1", "/é", Some("ü=1"), None);
        check("//h/a?x", "//h/a", Some("x"), None);
    }

    #[test]
    fn what_is_a_path_already_stays() {
        for text in ["", "/", "/a/b", "*", "a/b", "?page=2", "#top", "db.example.org:443", "://x"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
