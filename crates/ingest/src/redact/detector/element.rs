//! Elements of XML and HTML whose name, or whose attribute, is the key of what they hold:
//! `<wsse:Password Type="t">x</wsse:Password>`, `<entry key="pin">1</entry>`,
//! `<key>pin</key><string>1</string>`.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use super::boundary::{at, run_end};

/// Longest tag that is read.
const TAG_BYTES_MAX: usize = 512;

/// Attributes that name what an element holds.
const NAMING: [&str; 4] = [" key=", " name=", " id=", " field="];

/// Attributes that hold what the element's name or naming attribute says.
const HOLDING: [&str; 2] = [" value=", " content="];

const CDATA: &str = "<![CDATA[";

/// Returns the names with the ranges of what elements hold.
pub(super) fn elements(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut key: Option<&str> = None;
    memchr_iter(b'<', text.as_bytes())
        .flat_map(move |open| {
            let Some(tag) = Tag::at(text, open) else { return [None, None] };
            let content = tag.content();
            // A list of properties: the next element holds the value of the key.
            let named_before = key.take();
            if tag.name.eq_ignore_ascii_case("key") {
                key = content.and_then(|range| text.get(range));
                return [None, None];
            }
            let name =
                named_before.or_else(|| tag.attribute(&NAMING).and_then(|range| text.get(range)));
            let name = name.unwrap_or(tag.name);
            let held = tag.attribute(&HOLDING);
            [content.map(|range| (name, range)), held.map(|range| (name, range))]
        })
        .flatten()
}

/// An opening tag.
struct Tag<'t> {
    text: &'t str,
    /// Its name without the prefix of a namespace.
    name: &'t str,
    /// Where the name ends, and where the `>` stands.
    name_end: usize,
    close: usize,
}

impl<'t> Tag<'t> {
    fn at(text: &'t str, open: usize) -> Option<Tag<'t>> {
        let bytes = text.as_bytes();
        let window = bytes.get(..bytes.len().min(open + TAG_BYTES_MAX))?;
        let name_end = run_end(window, open + 1, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.')
        });
        let close = run_end(window, name_end, |byte| !matches!(byte, b'>' | b'<'));
        let is_tag = matches!(at(bytes, name_end), Some(b'>' | b' ' | b'/' | b'\n'))
            && at(window, close) == Some(b'>');
        let name = text.get(open + 1..name_end).filter(|name| is_tag && !name.is_empty())?;
        let name = name.rsplit(':').next().unwrap_or(name);
        Some(Tag { text, name, name_end, close })
    }

    /// Returns the text between the tag and its end, without the marks of literal data.
    fn content(&self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = self.close + 1;
        if self.text.get(start..)?.starts_with(CDATA) {
            let start = start + CDATA.len();
            let length = memmem::find(bytes.get(start..)?, b"]]>")?;
            return Some(start..start + length);
        }
        let end = run_end(bytes, start, |byte| byte != b'<');
        let is_closed = at(bytes, end + 1) == Some(b'/');
        let content = self.text.get(start..end).filter(|content| !content.trim().is_empty())?;
        let trimmed = start + content.len() - content.trim_start().len();
        is_closed.then(|| trimmed..trimmed + content.trim().len())
    }

    fn attribute(&self, names: &[&str]) -> Option<Range<usize>> {
        let inside = self.text.get(self.name_end..self.close)?;
        let (place, name) = names.iter().find_map(|name| Some((inside.find(name)?, name)))?;
        let start = self.name_end + place + name.len();
        let quote = at(self.text.as_bytes(), start).filter(|byte| matches!(byte, b'"' | b'\''))?;
        let end = run_end(self.text.as_bytes(), start + 1, |byte| byte != quote);
        (end <= self.close).then_some(start + 1..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = elements(text)
            .map(|(name, range)| (name, text.get(range).expect("whole characters")))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn elements_and_their_attributes_are_keys() {
        check("<a:Pin T=\"t\">x y</a:Pin>", &[("Pin", "x y")]);
        check("<pin><![CDATA[a<b]]></pin>", &[("pin", "a<b")]);
        check("<entry key=\"pin\">1</entry>", &[("pin", "1")]);
        check("<add key='pin' value='1'/>", &[("pin", "1")]);
        check("<pin value=\"1\" />", &[("pin", "1")]);
        check("<key>pin</key>\n<string>1</string><a>2</a>", &[("pin", "1"), ("a", "2")]);
        check("<pin></pin> <pin/> a <b> c < d", &[]);
    }
}
