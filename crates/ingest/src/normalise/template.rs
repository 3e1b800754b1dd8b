//! Messages out of message templates: `User {UserId} left` and the fields beside it.
//!
//! Serilog and its relatives write the template and the properties, not always the text. The
//! template stays under its own name, because equal templates are one kind of event.

use std::borrow::Cow;

use tierlog_model::{Value, fields as field_names};

use super::collect::Field;
use super::convert::text_of;
use super::names;

/// Longest message that a template becomes: a template may name one long field many times.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Adds the message that the template at a position says, its holes filled from the fields below
/// a path; returns the message's position. A hole that no field fills stays as it is written.
pub(super) fn fill(fields: &mut Vec<Field<'_>>, index: usize, below: &str) -> usize {
    let Some((_, Value::Str(template))) = fields.get(index) else { return index };
    let message = render(template, |hole| {
        let is_meant = |name: &str| match name.get(below.len()..) {
            Some(rest) if !below.is_empty() => {
                name.starts_with(below) && rest.strip_prefix('.') == Some(hole)
            }
            _ => below.is_empty() && name == hole,
        };
        fields.iter().find(|(name, _)| is_meant(name)).map(|(_, value)| text_of(value))
    });
    let name = field_names::MESSAGE;
    if let Some(other) = fields.iter().position(|(own, _)| own == name) {
        names::displace(fields, other);
    }
    fields.push((Cow::Borrowed(name), Value::Str(Cow::Owned(message))));
    fields.len() - 1
}

fn render<'v>(template: &str, value_of: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    let mut message = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find(['{', '}']) {
        let (head, tail) = rest.split_at(start);
        message.push_str(head);
        if message.len() > MESSAGE_BYTES_MAX {
            break;
        }
        let doubled = tail.strip_prefix("{{").map(|after| ('{', after));
        if let Some((brace, after)) = doubled.or_else(|| Some(('}', tail.strip_prefix("}}")?))) {
            message.push(brace);
            rest = after;
            continue;
        }
        let end = tail.find('}').map_or(tail.len(), |end| end + 1);
        let (hole, after) = tail.split_at(end);
        match hole_name(hole).and_then(&value_of) {
            Some(value) => message.push_str(&value),
            None => message.push_str(hole),
        }
        rest = after;
    }
    message.push_str(rest);
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    message.truncate(end);
    message
}

/// Returns the name in `{Name}`, `{@Name}`, `{$Name}`, `{Name,-8:0.00}`.
fn hole_name(hole: &str) -> Option<&str> {
    let inside = hole.strip_prefix('{')?.strip_suffix('}')?;
    let name = inside.split([',', ':']).next()?.trim_start_matches(['@', '$']);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_the_rest_stays() {
        let value_of = |name: &str| match name {
            "UserId" => Some(Cow::Borrowed("42")),
            "Elapsed" => Some(Cow::Borrowed("12.5")),
            "0" => Some(Cow::Borrowed("first")),
            _ => None,
        };
        for (template, expected) in [
            ("User {UserId} left", "User 42 left"),
            ("took {Elapsed:0.000} ms by {@UserId}{$UserId}", "took 12.5 ms by 4242"),
            ("{UserId,-8}|", "42|"),
            ("{0} of {Unknown}", "first of {Unknown}"),
            ("{{UserId}} is {UserId}", "{UserId} is 42"),
            ("an open {UserId", "an open {UserId"),
            ("} alone, {} empty", "} alone, {} empty"),
            ("", ""),
        ] {
            assert_eq!(render(template, value_of), expected, "{template}");
        }
    }

    #[test]
    fn a_message_is_bounded() {
        let long = "ü".repeat(1_000);
        let message = render(&"{x}".repeat(1_000), |_| Some(Cow::Borrowed(long.as_str())));
        assert!(message.len() <= MESSAGE_BYTES_MAX && message.len() > MESSAGE_BYTES_MAX - 4);
    }
}
