//! Method and path out of the line of a request: `GET /courses/?page=2 HTTP/1.1`.

use std::borrow::Cow;

use tierlog_model::{Value, fields as field_names};

use super::super::collect::Field;

/// Adds the method and the path of a request line at a position, where the record lacks them;
/// returns the position of the path that was added. The line itself stays.
pub(in super::super) fn request_line(fields: &mut Vec<Field<'_>>, index: usize) -> Option<usize> {
    let (_, Value::Str(line)) = fields.get(index)? else { return None };
    let (method, path) = split(line)?;
    add(fields, field_names::METHOD, method);
    add(fields, field_names::PATH, path)
}

fn add(fields: &mut Vec<Field<'_>>, name: &'static str, text: String) -> Option<usize> {
    if fields.iter().any(|(own, _)| own == name) {
        return None;
    }
    fields.push((Cow::Borrowed(name), Value::Str(Cow::Owned(text))));
    Some(fields.len() - 1)
}

fn split(line: &str) -> Option<(String, String)> {
    if let Some(printed) = line.strip_prefix('<') {
        return split_printed(printed);
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_target = target.starts_with(['/', '*']) || target.contains("://");
    let is_end = words.next().is_none_or(|version| version.starts_with("HTTP/"));
    let fits = is_method && is_target && is_end && words.next().is_none();
    fits.then(|| (method.to_owned(), target.to_owned()))
}

/// Splits Django's `<WSGIRequest: GET '/courses/'>`.
fn split_printed(printed: &str) -> Option<(String, String)> {
    let (class, rest) = printed.strip_suffix("'>")?.split_once(": ")?;
    let (method, path) = rest.split_once(" '")?;
    let fits = class.ends_with("Request") && path.starts_with('/');
    fits.then(|| (method.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_request_lines_are_split() {
        for (line, expected) in [
            ("GET /api/courses/ HTTP/1.1", Some(("GET", "/api/courses/"))),
            ("POST /a?b=1", Some(("POST", "/a?b=1"))),
            ("CONNECT https://a.example/ HTTP/2.0", Some(("CONNECT", "https://a.example/"))),
            ("OPTIONS * HTTP/1.1", Some(("OPTIONS", "*"))),
            ("get /a", None),
            ("GET a", None),
            ("GET /a b c", None),
            ("<WSGIRequest: GET '/a/?b=c'>", Some(("GET", "/a/?b=c"))),
            ("<ASGIRequest: POST '/'>", Some(("POST", "/"))),
            ("<WSGIRequest: GET>", None),
            ("<socket.socket fd=7, raddr=('127.0.0.1', 5)>", None),
            ("", None),
        ] {
            let expected = expected.map(|(method, path)| (method.to_owned(), path.to_owned()));
            assert_eq!(split(line), expected, "{line}");
        }
    }
}
