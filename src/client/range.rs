//! The time range of a query, as arguments arrive and as the API takes it.

use serde_json::{Map, Value};
use tierlog_model::{Clock as _, SystemClock};
use tierlog_query::{MOMENT_FORMS, read_moment};

use super::WrongUsage;

/// Which part of time a query is about. Without any bound: all records in store.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RangeArgs {
    /// Only lines of the last so long (15m, 1h30m, 7d), or since a moment (yesterday)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, conflicts_with_all = ["from", "to"])]
    since: Option<String>,
    /// Only lines from this moment on: RFC 3339, 2026-12-01, 2026-12-01T10, unix time, now-1h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Only lines before this moment; the same day as --from means that day
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
}

impl RangeArgs {
    /// Adds `start` and `end` to a request.
    pub fn add_to(&self, body: &mut Map<String, Value>) -> Result<(), WrongUsage> {
        let since = self.since.as_deref().map(length_before_now);
        let ends = [
            ("--since", "start", since.as_deref()),
            ("--from", "start", self.from.as_deref()),
            ("--to", "end", self.to.as_deref()),
        ];
        for (argument, name, text) in ends {
            let Some(text) = text else { continue };
            // The server's clock decides the moment of a relative range.
            if read_moment(text, SystemClock.now()).is_none() {
                return Err(WrongUsage(format!("{argument} {text:?}: {MOMENT_FORMS}")));
            }
            body.insert(name.to_owned(), Value::String(text.to_owned()));
        }
        Ok(())
    }
}

impl RangeArgs {
    /// Returns what a sentence about the lines of the range goes on with.
    pub fn remark(&self) -> &'static str {
        let is_whole = self.since.is_none() && self.from.is_none() && self.to.is_none();
        if is_whole { "" } else { " in this range" }
    }

    /// Returns the first and last moment of a range that has both. A range with a relative start
    /// (`--since`) ends now.
    pub fn bounds(&self) -> Option<(String, String)> {
        let before = |end: &str| format!("{end}||-1ms");
        match (&self.since, &self.from, &self.to) {
            (Some(since), ..) => Some((length_before_now(since), before("now"))),
            // Both name one day: where it ends, only the server knows.
            (None, Some(from), Some(to)) if from != to => Some((from.clone(), before(to))),
            _ => None,
        }
    }
}

/// Returns `now-1h` for `1h`; a moment stays as it is.
fn length_before_now(since: &str) -> String {
    let since = since.trim();
    let before = format!("now-{since}");
    let begins_with_number = since.starts_with(|c: char| c.is_ascii_digit());
    let is_length = begins_with_number && read_moment(&before, SystemClock.now()).is_some();
    if is_length { before } else { since.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(since: &str) -> Result<String, String> {
        let range = RangeArgs { since: Some(since.to_owned()), ..RangeArgs::default() };
        let mut body = Map::new();
        range.add_to(&mut body).map_err(|error| error.0)?;
        Ok(body["start"].as_str().expect("a text").to_owned())
    }

    #[test]
    fn lengths_become_moments_relative_to_the_server() {
        for (since, expected) in [
            ("1h", "now-1h"),
            (" 1h30m ", "now-1h30m"),
            ("2 days", "now-2 days"),
            ("1y", "now-1y"),
            ("now-1h", "now-1h"),
            ("-1h", "-1h"),
            ("yesterday", "yesterday"),
            ("2026-12-01", "2026-12-01"),
            ("20261201", "20261201"),
        ] {
            assert_eq!(start(since), Ok(expected.to_owned()), "{since}");
        }
        for text in ["", "h", "1x", "1.5h", "Tuesday"] {
            let problem = start(text).expect_err(text);
            assert!(problem.starts_with("--since "), "{problem}");
        }
    }

    #[test]
    fn only_what_was_given_is_asked_for() {
        let range = RangeArgs { from: Some("2026-11-20".to_owned()), ..RangeArgs::default() };
        let mut body = Map::new();
        assert!(range.add_to(&mut body).is_ok());
        assert_eq!(Value::Object(body).to_string(), r#"{"start":"2026-11-20"}"#);
    }
}
