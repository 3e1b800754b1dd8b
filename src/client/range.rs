//! The time range of a query, as arguments arrive and as the API takes it.

use serde_json::{Map, Value};

use crate::cli::WrongUsage;

/// Which part of time a query is about. Without any of these: everything that is kept.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RangeArgs {
    /// Only lines of the last so long: 15m, 1h, 7d
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["from", "to"])]
    since: Option<String>,
    /// Only lines from this moment on: RFC 3339, a date, unix time, or now-1h
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only lines before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl RangeArgs {
    /// Adds `start` and `end` to a request.
    pub fn add_to(&self, body: &mut Map<String, Value>) -> Result<(), WrongUsage> {
        let start = match (&self.since, &self.from) {
            (Some(since), _) => Some(relative(since)?),
            (None, from) => from.clone(),
        };
        for (name, moment) in [("start", start), ("end", self.to.clone())] {
            if let Some(moment) = moment {
                body.insert(name.to_owned(), Value::String(moment));
            }
        }
        Ok(())
    }
}

/// Returns `now-1h` for `1h`; the server knows what time it is, we need not.
fn relative(since: &str) -> Result<String, WrongUsage> {
    let text = since.trim().trim_start_matches("now-").trim_start_matches('-');
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() || !["s", "m", "h", "d", "w"].contains(&unit) {
        let problem =
            format!("--since {since:?}: expected a number and a unit, such as 15m, 1h or 7d");
        return Err(WrongUsage(problem));
    }
    Ok(format!("now-{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_moments_relative_to_the_server() {
        for text in ["1h", "now-1h", "-1h", " 1h "] {
            assert_eq!(relative(text).map_err(|error| error.0), Ok("now-1h".to_owned()));
        }
        for text in ["", "h", "1", "1y", "1.5h", "yesterday"] {
            assert!(relative(text).is_err(), "{text}");
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
