//! Values with a known meaning, and numbers that look random.

use std::time::Duration;

use serde_json::{Value, json};
use tierlog_model::{Clock as _, SystemClock, Timestamp};

use super::plain::same_name;

/// A moment that a value means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) micros: i64,
    pub(super) has_zone: bool,
    /// Whether it lies within what is kept.
    pub(super) is_near: bool,
}

/// Values by what they mean.
pub(super) struct Pool {
    moments: Vec<(Value, Option<Moment>)>,
}

/// SplitMix64: the same numbers for the same seed.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    /// Returns a number below a bound.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// Returns one of some.
    pub(super) fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}

impl Pool {
    /// Returns a pool whose near moments are those of the last days.
    pub(super) fn new() -> Pool {
        let hour = Duration::from_secs(3_600).as_micros() as i64;
        let now = SystemClock.now().as_micros() / 1_000_000 * 1_000_000;
        let near = |hours: i64, has_zone| {
            Some(Moment { micros: now - hours * hour, has_zone, is_near: true })
        };
        let text =
            |hours: i64| Timestamp::from_micros(now - hours * hour).expect("a moment").to_string();
        let far = Some(Moment { micros: 0, has_zone: true, is_near: false });
        let naive = |hours: i64| text(hours).replace('T', " ").replace(".000000Z", ",000");
        let moments = vec![
            (json!(text(1)), near(1, true)),
            (json!(text(2).replace("000Z", "000+00:00")), near(2, true)),
            (json!((now - 3 * hour) / 1_000_000), near(3, true)),
            (json!((now - 4 * hour) / 1_000), near(4, true)),
            (json!(((now - 5 * hour) * 1_000).to_string()), near(5, true)),
            (json!(naive(6)), near(6, false)),
            (json!(naive(60)), near(60, false)),
            (json!("1990-05-01T00:00:00Z"), far),
            (json!("2101-01-01T00:00:00Z"), far),
            (json!("soon"), None),
            (json!(0), None),
            (json!(0.25), None),
        ];
        Pool { moments }
    }

    /// Returns what a value means as a time.
    pub(super) fn moment(&self, value: &Value) -> Option<Moment> {
        self.moments.iter().find(|(own, _)| own == value)?.1
    }

    /// Returns what a value means as a level under a name.
    pub(super) fn level(&self, name: &str, value: &Value) -> Option<&'static str> {
        let is_python = same_name(name.trim_start_matches("original."), "levelno");
        match value {
            Value::Number(number) => match (number.as_i64()?, is_python) {
                (20, false) => Some("debug"),
                (20, true) | (30, false) => Some("info"),
                (30, true) | (40, false) => Some("warning"),
                (40, true) => Some("error"),
                _ => None,
            },
            Value::String(text) => match text.as_str() {
                "debug" => Some("debug"),
                "INFO" => Some("info"),
                "warn" => Some("warning"),
                "Error" => Some("error"),
                "FATAL" => Some("critical"),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns what a value means as a duration whose name or shape has a unit, milliseconds.
    pub(super) fn duration(&self, value: &Value, unit: Option<&str>) -> Option<f64> {
        match value.as_str() {
            Some("12ms") => return Some(12.0),
            Some("1.5s") => return Some(1_500.0),
            Some(_) => return None,
            None => {}
        }
        let number = value.as_f64()?;
        match unit? {
            "s" => Some(number * 1e3),
            "ms" => Some(number),
            "us" => Some(number / 1e3),
            "ns" if number.fract() != 0.0 => None,
            "ns" => Some(number / 1e6),
            other => panic!("no unit {other}"),
        }
    }

    /// Returns a value for a field of the contract, usually a valid value.
    pub(super) fn value(&self, target: &str, numbers: &mut Numbers) -> Value {
        let words = ["alpha", "beta", "gamma"];
        let options: Vec<Value> = match target {
            "timestamp" => return numbers.one(&self.moments).0.clone(),
            "level" => ["debug", "INFO", "warn", "Error", "FATAL", "loud"].map(Value::from).into(),
            "levelno" => vec![json!(20), json!(30), json!(40)],
            "request_id" | "trace_id" | "span_id" | "user_id" => {
                vec![json!("id-a"), json!("id-b"), json!(4242), json!("-"), json!("")]
            }
            "status_code" => vec![json!(200), json!("404"), json!("ok"), json!(7)],
            "duration_ms" => {
                vec![
                    json!(12),
                    json!(0.5),
                    json!(1_500_000),
                    json!("12ms"),
                    json!("1.5s"),
                    json!("soon"),
                ]
            }
            "client_ip" => vec![json!("10.0.0.7"), json!("nobody")],
            "release" => vec![json!("1.2.3"), json!(7), json!("")],
            "path" => vec![json!("/alpha/beta"), json!("/gamma")],
            "route" => vec![json!("/alpha/:id")],
            "stacktrace" => vec![json!("one call\nanother call")],
            "message" => vec![json!("alpha beta"), json!("gamma")],
            _ => words.map(Value::from).into(),
        };
        numbers.one(&options).clone()
    }
}
