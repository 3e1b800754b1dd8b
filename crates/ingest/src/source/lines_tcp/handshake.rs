//! The first line of a connection, when it is about the connection and not a log line.
//!
//! A handshake is an object whose only member is `tierlog`, which holds nothing but the wishes
//! below, each of its type. An object with one member more is a log line, like every other text.
//! Only the first line of a connection is ever looked at, so no application that logs such a text
//! later can change what is answered.
//!
//! ```text
//! {"tierlog":{"ack":true}}                                 {"ack":N,"rejected":M} comes back
//! {"tierlog":{"ack":true,"producer":"shop-1"}}             {"resume":N} comes back first: lines up
//!                                                          to N are durable, N + 1 comes next
//! {"tierlog":{"ack":true,"producer":"shop-1","from":17}}   the same; the next line is number 17
//! ```
//!
//! Beside any of these: `"service":"x"` and `"source":"y"` for records that name none, and
//! `"plain":true` for lines of text, which are messages then.

use serde::Deserialize;
use serde::de::IgnoredAny;
use tierlog_model::{ProducerId, Tenant};

use super::super::stream::Wanted;
use super::Reading;
use crate::normalise::{LineKind, RecordDefaults};

/// Longest first line that may be a handshake: the longest producer, a service and a source of
/// several hundred bytes, and numbers. Defaults stand in every record, so this bound holds for the
/// growth of a record too.
const HANDSHAKE_BYTES_MAX: usize = 1024;

/// How a handshake begins.
const BEGINNING: &[u8] = b"{\"tierlog\":";

/// How a connection begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Opening {
    /// With a log line.
    Lines,
    /// With a handshake: the answers that the client wants, and the reading of lines.
    Handshake(Wanted, Reading),
    /// With contradictory wishes, and the contradiction.
    Invalid(&'static str),
}

impl Opening {
    /// Tells whether a first line without its end is the beginning of a handshake.
    pub(super) fn is_broken(line: &[u8]) -> bool {
        line.len() <= HANDSHAKE_BYTES_MAX
            && line.trim_ascii_start().starts_with(BEGINNING)
            && serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
    }

    /// Reads the first line of a connection of a tenant.
    pub(super) fn read(line: &[u8], tenant: Tenant) -> Opening {
        let line = line.trim_ascii();
        if line.len() > HANDSHAKE_BYTES_MAX || !is_object_of_objects(line) {
            return Opening::Lines;
        }
        let Ok(Handshake { tierlog: wishes }) = serde_json::from_slice::<Handshake>(line) else {
            return Opening::Lines;
        };
        let reading = wishes.reading();
        match wishes.wanted(tenant) {
            Ok(wanted) => Opening::Handshake(wanted, reading),
            Err(problem) => Opening::Invalid(problem),
        }
    }
}

/// Tells whether a text of one member can be an object that holds an object: the decoder would
/// take an array of the same values in the place of either.
fn is_object_of_objects(line: &[u8]) -> bool {
    let is_object = |text: &[u8]| text.trim_ascii_start().starts_with(b"{");
    let value = line.iter().position(|byte| *byte == b':').and_then(|colon| line.get(colon + 1..));
    is_object(line) && value.is_some_and(is_object)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Handshake {
    tierlog: Wishes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wishes {
    ack: bool,
    producer: Option<String>,
    from: Option<u64>,
    service: Option<String>,
    source: Option<String>,
    plain: Option<bool>,
}

impl Wishes {
    fn reading(&self) -> Reading {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (service, source) = (filled(&self.service), filled(&self.source));
        let defaults = RecordDefaults { service, source, ..RecordDefaults::default() };
        let kind = if self.plain == Some(true) { LineKind::Text } else { LineKind::Json };
        Reading { defaults, kind }
    }

    fn wanted(&self, tenant: Tenant) -> Result<Wanted, &'static str> {
        match (self.ack, &self.producer, self.from) {
            (true, None, None) => Ok(Wanted::Acks),
            (false, None, None) => Ok(Wanted::Silence),
            (_, None, Some(_)) => Err("from needs a producer"),
            (false, Some(_), _) => Err("a producer needs ack to be true"),
            (true, Some(_), Some(0)) => Err("from counts lines from 1"),
            (true, Some(name), from) => match ProducerId::of_client(tenant, name) {
                Some(producer) => Ok(Wanted::Numbers { producer, from }),
                None => Err("producer must be 1 to 128 printable ASCII characters"),
            },
        }
    }
}

/// A first line that is read as a handshake is an object whose only member is `tierlog`, which
/// holds only wishes, is short, and is not taken for a
/// broken one.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(line: &[u8]) {
    let opening = Opening::read(line, Tenant::DEFAULT);
    let is_broken = Opening::is_broken(line);
    if opening == Opening::Lines {
        return;
    }
    assert!(!is_broken, "a whole handshake is broken");
    assert!(line.trim_ascii().len() <= HANDSHAKE_BYTES_MAX, "a long handshake");
    let value: serde_json::Value =
        serde_json::from_slice(line.trim_ascii()).expect("a handshake is JSON");
    let members = value.as_object().expect("a handshake is an object");
    assert!(members.keys().eq(["tierlog"]), "a handshake has one member");
    let wishes = members.values().next().and_then(serde_json::Value::as_object);
    let wishes = wishes.expect("wishes are an object");
    let known = ["ack", "producer", "from", "service", "source", "plain"];
    assert!(wishes.keys().all(|name| known.contains(&name.as_str())));
    let text = |name: &str| wishes.get(name).and_then(serde_json::Value::as_str);
    let Opening::Handshake(wanted, reading) = opening else { return };
    assert_eq!(reading.defaults.service.as_deref().unwrap_or(""), text("service").unwrap_or(""));
    assert_eq!(reading.defaults.source.as_deref().unwrap_or(""), text("source").unwrap_or(""));
    if let Wanted::Numbers { producer, from } = wanted {
        let named = text("producer").and_then(|name| ProducerId::of_client(Tenant::DEFAULT, name));
        assert_eq!(named, Some(producer));
        assert_eq!(wishes.get("from").and_then(serde_json::Value::as_u64), from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_that_broke_off_is_no_line() {
        for line in ["{\"tierlog\":", " {\"tierlog\":{\"ack\":true", "{\"tierlog\":{\"ack\":tr"] {
            assert!(Opening::is_broken(line.as_bytes()), "{line}");
        }
        for line in ["", "{\"tier", "{\"tierlog\":1}", "{\"tierlog\":{},\"msg\":\"x\"}", "{\"t"] {
            assert!(!Opening::is_broken(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_handshake_has_exactly_one_shape_and_everything_else_is_a_line() {
        let read = |text: &str| Opening::read(text.as_bytes(), Tenant::DEFAULT);
        let plainly = |wanted| Opening::Handshake(wanted, Reading::default());
        let producer = |from| {
            let producer = ProducerId::of_client(Tenant::DEFAULT, "shop-1").expect("a name");
            plainly(Wanted::Numbers { producer, from })
        };
        assert_eq!(read("{\"tierlog\":{\"ack\":true}}\r\n"), plainly(Wanted::Acks));
        assert_eq!(read(" { \"tierlog\" : {\"ack\":false} } "), plainly(Wanted::Silence));
        assert_eq!(read("{\"tierlog\":{\"ack\":true,\"producer\":\"shop-1\"}}"), producer(None));
        assert_eq!(
            read("{\"tierlog\":{\"from\":17,\"producer\":\"shop-1\",\"ack\":true}}\n"),
            producer(Some(17))
        );
        for line in [
            "{\"tierlog\":{\"ack\":true},\"message\":\"x\"}",
            "{\"tierlog\":{\"ack\":true,\"producer\":\"p\",\"message\":\"x\"}}",
            "{\"tierlog\":{\"ack\":true,\"producer\":7}}",
            "{\"tierlog\":{\"ack\":true,\"producer\":\"p\",\"from\":-1}}",
            "{\"tierlog\":{\"acks\":true}}",
            "{\"tierlog\":{\"producer\":\"p\"}}",
            "{\"tierlog\":{}}",
            "[{\"tierlog\":{\"ack\":true}}]",
            "[{\"ack\":true}]",
            "[[true,null,null]]",
            "{\"tierlog\":[true,\"p\",1]}",
            "{\"tierlog\":{\"service\":\"x\"}}",
            "{\"tierlog\":{\"ack\":true,\"service\":7}}",
            "{\"tierlog\":{\"ack\":true,\"plain\":\"yes\"}}",
            "{\"tierlog\":{\"ack\":true,\"level\":\"info\"}}",
            "",
        ] {
            assert_eq!(read(line), Opening::Lines, "{line}");
        }
        for line in [
            "{\"tierlog\":{\"ack\":true,\"from\":1}}",
            "{\"tierlog\":{\"ack\":false,\"producer\":\"p\"}}",
            "{\"tierlog\":{\"ack\":true,\"producer\":\"p\",\"from\":0}}",
            "{\"tierlog\":{\"ack\":true,\"producer\":\"\"}}",
            "{\"tierlog\":{\"ack\":true,\"producer\":\"a b\"}}",
        ] {
            assert!(matches!(read(line), Opening::Invalid(_)), "{line}");
        }
        let long =
            format!("{{\"tierlog\":{{\"ack\":true,\"producer\":\"{}\"}}}}", "p".repeat(1024));
        assert_eq!(read(&long), Opening::Lines);
    }

    #[test]
    fn a_handshake_may_say_what_its_lines_lack_and_that_they_are_text() {
        let check = |members: &str, service: &str, source: &str, kind| {
            let line = format!("{{\"tierlog\":{{\"ack\":true{members}}}}}\n");
            let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
            let (service, source) = (named(service), named(source));
            let defaults = RecordDefaults { service, source, ..RecordDefaults::default() };
            let expected = Opening::Handshake(Wanted::Acks, Reading { defaults, kind });
            assert_eq!(Opening::read(line.as_bytes(), Tenant::DEFAULT), expected, "{line}");
        };
        check(",\"service\":\"shop\"", "shop", "", LineKind::Json);
        check(",\"source\":\"a b\",\"plain\":true", "", "a b", LineKind::Text);
        check(",\"service\":\"\",\"plain\":false", "", "", LineKind::Json);
        check(",\"service\":null,\"plain\":null", "", "", LineKind::Json);
        let longest = "s".repeat(900);
        check(&format!(",\"service\":\"{longest}\""), &longest, "", LineKind::Json);
    }
}
