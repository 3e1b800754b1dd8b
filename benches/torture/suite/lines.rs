//! What is sent, and what must come back: both follow from a seed and an id.
//!
//! One line in seventeen is broken and must become a dead letter; one in three holds planted
//! personal data, whose redacted form is known here from the documents, not from the redactor.

use serde_json::{Map, Value, json};
use tierlog_model::{Clock as _, SystemClock, Timestamp};

use super::random::Random;

/// Texts common to all planted values, so that few needles find every value.
pub(crate) const PLANTED: [&str; 3] = ["zqcanary", "4929173460", "zqplanted"];

/// Every so many lines one is broken.
const BROKEN_EVERY: u64 = 17;

/// Every n-th line holds personal data.
const PLANTED_EVERY: u64 = 3;

/// Words of payloads; none looks like personal data.
const WORDS: [&str; 12] = [
    "queue", "worker", "timeout", "lesson", "course", "retry", "cache", "shard", "batch", "upload",
    "session", "rollback",
];

const LEVELS: [&str; 5] = ["debug", "info", "warning", "error", "critical"];

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// Lines of a day lie within this span before the day's moment, so that several lines share a
/// partition.
const SPREAD_MICROS: u64 = 600 * 1_000_000;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A record.
    Record,
    /// A dead letter.
    Broken,
}

/// The lines of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    seed: u64,
    /// The newest moment of a line.
    newest: Timestamp,
    /// Over how many days lines are spread, today included.
    days: u64,
}

impl Lines {
    /// Returns the lines of a seed over so many days, the last of them today.
    pub(crate) fn new(seed: u64, days: u64) -> Lines {
        Lines::until(seed, days, SystemClock.now())
    }

    /// Returns the lines of a seed whose newest is of a given moment.
    pub(crate) fn until(seed: u64, days: u64, newest: Timestamp) -> Lines {
        Lines { seed, newest, days: days.max(1) }
    }

    /// Returns what becomes of a line.
    pub(crate) fn kind(&self, id: u64) -> Kind {
        if id % BROKEN_EVERY == BROKEN_EVERY - 1 { Kind::Broken } else { Kind::Record }
    }

    /// Returns the level of a line.
    pub(crate) fn level(&self, id: u64) -> &'static str {
        self.random(id, 1).pick(&LEVELS).copied().unwrap_or("info")
    }

    /// Returns the moment of a line.
    pub(crate) fn timestamp(&self, id: u64) -> Timestamp {
        let mut random = self.random(id, 2);
        let days_back = i64::try_from(random.below(self.days)).unwrap_or(0);
        let micros_back = i64::try_from(random.below(SPREAD_MICROS)).unwrap_or(0);
        self.newest.saturating_add_micros(-(days_back * DAY_MICROS + micros_back))
    }

    /// Returns a line as it is sent, newline included.
    pub(crate) fn text(&self, id: u64) -> String {
        match self.kind(id) {
            Kind::Broken => format!(
                "{{\"number\":{id},\"message\":\"broken {id}\",\"password\":\"zqplanted-{id}\",\n"
            ),
            Kind::Record => {
                let planted = Planting { text: |_, plain| plain };
                format!("{}\n", Value::Object(self.record(id, &planted)))
            }
        }
    }

    /// Returns lines as they are sent.
    pub(crate) fn texts(&self, ids: std::ops::Range<u64>) -> String {
        ids.map(|id| self.text(id)).collect()
    }

    /// Returns a record as an export must show it, without what the server adds (`user_id` is a
    /// keyed token).
    pub(crate) fn expected(&self, id: u64) -> Value {
        let mut record = self.record(id, &Planting { text: |redacted, _| redacted });
        // Nested objects are kept by dotted path.
        if let Some(Value::Object(payload)) = record.remove("payload") {
            record.extend(payload.into_iter().map(|(name, value)| match value {
                Value::Object(mut deep) => {
                    (format!("payload.{name}.id"), deep.remove("id").unwrap_or_default())
                }
                value => (format!("payload.{name}"), value),
            }));
        }
        record.remove("user_id");
        if is_planted(id) {
            record.insert("_redacted".to_owned(), json!(["card", "email", "secret_key"]));
        }
        Value::Object(record)
    }

    fn record(&self, id: u64, planting: &Planting) -> Map<String, Value> {
        let mut random = self.random(id, 3);
        let count = 1 + random.below(40);
        let words: Vec<&str> = (0..count).filter_map(|_| random.pick(&WORDS).copied()).collect();
        let timestamp = self.timestamp(id).to_string();
        // Numbers are short: sixteen digits may be a card, and then are redacted as one.
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| record.insert(name.to_owned(), value);
        put("timestamp", json!(timestamp));
        put("level", json!(self.level(id)));
        put("number", json!(id));
        put("request_id", json!(format!("req-{:010x}", random.next() >> 24)));
        put("user_id", json!(format!("zqplanted-user-{id}")));
        put("payload", json!({"sum": random.next() >> 36, "words": words, "deep": {"id": id}}));
        let text = words.join(" ");
        if is_planted(id) {
            let (email, card) = (format!("zqcanary.{id}@planted.example"), card(id));
            let secret = format!("zqplanted-{id}");
            let email = (planting.text)("[EMAIL]".to_owned(), email);
            put("message", json!(format!("line {id} of {email} about {text}")));
            let card = (planting.text)("[CARD]".to_owned(), card);
            put("note", json!(format!("paid with card {card} today")));
            put("password", json!((planting.text)("[SECRET]".to_owned(), secret)));
        } else {
            put("message", json!(format!("line {id} about {text}")));
        }
        record
    }

    fn random(&self, id: u64, salt: u64) -> Random {
        let mut random = Random::new(self.seed ^ (id << 8) ^ salt);
        random.next();
        random
    }
}

/// Chooses between the redacted form of a text and the text itself.
struct Planting {
    text: fn(String, String) -> String,
}

fn is_planted(id: u64) -> bool {
    id.is_multiple_of(PLANTED_EVERY)
}

/// Returns a card number with a good check digit.
fn card(id: u64) -> String {
    let digits = format!("4929173460{:05}", id % 100_000);
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = digit * 2;
            if at % 2 == 0 { doubled / 10 + doubled % 10 } else { digit }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_its_redacted_form_follow_from_the_seed() {
        let lines = Lines::new(7, 3);
        assert_eq!(lines.text(3), lines.text(3));
        assert_ne!(lines.text(3), Lines::until(8, 3, lines.newest).text(3));
        let expected = lines.expected(3).to_string();
        assert!(PLANTED.iter().all(|planted| !expected.contains(planted)), "{expected}");
        assert!(PLANTED.iter().all(|planted| lines.text(3).contains(planted)));
        assert_eq!(lines.kind(16), Kind::Broken);
        assert!(serde_json::from_str::<Value>(&lines.text(16)).is_err());
    }
}
