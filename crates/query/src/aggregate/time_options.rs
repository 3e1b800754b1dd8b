//! Time in the options of aggregations: intervals, bounds and ranges as people write them become
//! the numbers that tantivy compares.

use serde_json::{Map, Value, json};
use tierlog_model::{Timestamp, fields};

use super::by_time::read_interval;
use super::registry::Kind;
use super::request::Values;
use crate::moment::{MOMENT_FORMS, read_moment};

/// Zones that mean UTC; buckets of others would start at other hours.
const UTC: [&str; 5] = ["UTC", "Z", "+00:00", "GMT", "Etc/UTC"];

type Options = Map<String, Value>;

/// Rewrites the options of an aggregation over time; others stay as they are.
pub(super) fn rewrite(
    kind: Kind,
    values: Values,
    options: &mut Options,
    now: Timestamp,
) -> Result<(), String> {
    let over_time = kind == Kind::DateHistogram || kind == Kind::DateRange;
    if over_time && values == Values::Plain {
        return Err(format!("only {:?} holds moments", fields::TIMESTAMP));
    }
    match options.remove("time_zone") {
        None => {}
        Some(Value::String(zone)) if UTC.contains(&zone.as_str()) => {}
        Some(_) => return Err("only the time zone UTC is supported".to_owned()),
    }
    match (kind, values) {
        (Kind::DateHistogram, _) => {
            interval(options)?;
            bounds(options, "hard_bounds", now)?;
            bounds(options, "extended_bounds", now)
        }
        (Kind::Histogram, Values::Moments) => Err("use date_histogram for moments".to_owned()),
        (Kind::Histogram, Values::Plain) => number_interval(options),
        (Kind::Metric | Kind::Percentiles | Kind::Cardinality, Values::Moments) => {
            // Every record has a moment.
            options.remove("missing");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Narrower buckets than this have numbers that a float no longer tells apart.
const NUMBER_INTERVAL_MIN: f64 = 1e-6;

fn number_interval(options: &Options) -> Result<(), String> {
    match options.get("interval").and_then(Value::as_f64) {
        Some(interval) if interval >= NUMBER_INTERVAL_MIN => Ok(()),
        _ => Err(format!("\"interval\" must be a number of at least {NUMBER_INTERVAL_MIN}")),
    }
}

/// Returns the width of a histogram's buckets as its column counts: moments are nanoseconds. `None`
/// for what has no buckets of one width, and for options that are refused or read elsewhere.
pub(super) fn step_of(kind: Kind, options: &Value) -> Option<f64> {
    let step = match kind {
        Kind::Histogram => options.get("interval")?.as_f64()?,
        Kind::DateHistogram => {
            let names = ["fixed_interval", "calendar_interval", "interval"];
            let text = names.iter().find_map(|name| options.get(*name)?.as_str())?;
            read_interval(text)?.as_nanos() as f64
        }
        _ => return None,
    };
    (step > 0.0).then_some(step)
}

/// Leaves one `fixed_interval`. In UTC minutes, hours, days and weeks always have one length;
/// months do not.
fn interval(options: &mut Options) -> Result<(), String> {
    let names = ["fixed_interval", "calendar_interval", "interval"];
    let mut given = names.iter().filter_map(|name| options.remove(*name));
    let (Some(Value::String(interval)), None) = (given.next(), given.next()) else {
        return Err("exactly one interval must be given, such as \"1m\"".to_owned());
    };
    let fixed = match interval.as_str() {
        "second" => "1s",
        "minute" => "1m",
        "hour" => "1h",
        "day" => "1d",
        "week" | "1w" => {
            if options.contains_key("offset") {
                return Err("a week takes no offset".to_owned());
            }
            // 1970 began on a Thursday, weeks begin on Mondays.
            options.insert("offset".to_owned(), json!("4d"));
            "7d"
        }
        "month" | "1M" | "quarter" | "1q" | "year" | "1y" => {
            return Err("months, quarters and years are not supported".to_owned());
        }
        other => other,
    };
    options.insert("fixed_interval".to_owned(), json!(fixed));
    Ok(())
}

fn bounds(options: &mut Options, name: &str, now: Timestamp) -> Result<(), String> {
    let Some(bounds) = options.get_mut(name) else { return Ok(()) };
    for end in ["min", "max"] {
        let Some(value) = bounds.get_mut(end) else {
            return Err(format!("{name} needs min and max"));
        };
        *value = json!(moment(value, now)?.as_micros().div_euclid(1_000));
    }
    Ok(())
}

/// Reads a moment.
pub(super) fn moment(value: &Value, now: Timestamp) -> Result<Timestamp, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    read_moment(&text, now).ok_or_else(|| format!("a moment cannot be read: {MOMENT_FORMS}"))
}
