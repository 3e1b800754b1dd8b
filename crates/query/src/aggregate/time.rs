//! Time in the options of aggregations, as people write it: moments, intervals, zones.

use std::time::Duration;

use serde_json::Value;
use tierlog_model::{Timestamp, fields};

use super::kind::{Field, Values};
use super::options::{Options, Refused};
use crate::moment::{MOMENT_FORMS, read_moment};

/// Zones that mean UTC; buckets of others would start at other hours.
const UTC: [&str; 5] = ["UTC", "Z", "+00:00", "GMT", "Etc/UTC"];

/// Takes the options that every kind over time has, of a field with moments.
pub(super) fn over_time(options: &mut Options, field: &Field) -> Result<(), Refused> {
    if field.values == Values::Plain {
        return Err(format!("only {:?} holds moments", fields::TIMESTAMP).into());
    }
    match options.take("time_zone") {
        None => Ok(()),
        Some(Value::String(zone)) if UTC.contains(&zone.as_str()) => Ok(()),
        Some(_) => Err("only the time zone UTC is supported".into()),
    }
}

/// Reads a moment.
pub(super) fn moment(value: &Value, now: Timestamp) -> Result<Timestamp, Refused> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let unreadable = || format!("a moment cannot be read: {MOMENT_FORMS}").into();
    read_moment(&text, now).ok_or_else(unreadable)
}

/// Reads a whole number of one unit.
pub(super) fn interval(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u32 = number.parse().ok()?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    };
    unit.checked_mul(number)
}
