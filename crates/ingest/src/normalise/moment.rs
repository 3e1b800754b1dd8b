//! The choice of a record's timestamp among the record's times.
//!
//! Arrives: every field that may say when the event happened, in order of precedence. Leaves: the
//! moment, and the field of the moment. A field that is no log time, is unreadable or lies far away
//! never costs a line that has a good time beside it.

use jiff::tz::TimeZone;
use tierlog_model::{Doubt, RejectReason, Timestamp, Value};

use super::Context;
use super::aliases::{Hint, Trust};
use super::candidate::{Layer, TimeCandidate};
use super::collect::Field;
use super::convert::{self, text_of};
use super::timestamp::{Exactness, Moment, read_timestamp};
use crate::decode::Reject;

/// Farthest apart that two clocks can show one moment: zones reach from UTC-12 to UTC+14.
const ZONES_APART_MICROS: i64 = 26 * 3_600 * 1_000_000;

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// Names whose only purpose is the time of a log record: what is wrong with them is said.
const EXPLICIT: [&str; 2] = ["timestamp", "@timestamp"];

/// Name of a log time only when the time is recent.
const WEAK: &str = "date";

/// The timestamp of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The moment.
    pub(super) timestamp: Timestamp,
    /// The field of the moment; `None` for the moment of arrival.
    pub(super) index: Option<usize>,
    /// Whether the zone was assumed.
    pub(super) exactness: Exactness,
}

/// How good a candidate is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    /// A log time within the retention.
    Good,
    /// The same, under a name with other common meanings.
    GoodWeak,
    /// The same in an object that only fills in.
    GoodFilling,
    /// A log time that is readable and lies far away.
    Far,
}

/// Chooses the timestamp of a record; the candidates are left in order.
pub(super) fn choose(
    times: &mut [TimeCandidate],
    fields: &[Field<'_>],
    zone: &TimeZone,
    context: Context<'_>,
) -> Result<Choice, Reject> {
    if times.len() > 1 {
        times.sort_by_key(|time| time.priority);
    }
    let mut best: Option<(Grade, Choice)> = None;
    let mut complaint = None;
    for time in times.iter() {
        let Some((name, value)) = fields.get(time.index) else { continue };
        let moment = match read(time, value, fields, zone) {
            Ok(moment) => moment,
            Err(detail) => {
                let is_explicit = time.layer == Layer::Record
                    && (time.alias.trust != Trust::Spelling
                        || EXPLICIT.iter().any(|own| own.eq_ignore_ascii_case(name)));
                if is_explicit {
                    complaint.get_or_insert(detail);
                }
                continue;
            }
        };
        let Some(grade) = grade(time, name, moment.timestamp, context) else { continue };
        let Moment { timestamp, exactness } = moment;
        let choice = Choice { timestamp, index: Some(time.index), exactness };
        if best.is_none_or(|best| is_better((grade, choice), best)) {
            best = Some((grade, choice));
            // Fast path: a log time with a zone wins over all others, and no other time is read.
            if grade == Grade::Good && exactness == Exactness::Exact {
                break;
            }
        }
    }
    match (best, complaint) {
        (Some((_, choice)), _) => Ok(choice),
        (None, Some(detail)) => Err(Reject::new(RejectReason::InvalidTimestamp, detail)),
        (None, None) => {
            Ok(Choice { timestamp: context.arrival, index: None, exactness: Exactness::Exact })
        }
    }
}

/// Compares a candidate with an earlier candidate. A time with a zone wins over the same time
/// without a zone.
fn is_better((grade, choice): (Grade, Choice), (best_grade, best): (Grade, Choice)) -> bool {
    let apart = choice.timestamp.as_micros().saturating_sub(best.timestamp.as_micros());
    let names_the_zone = grade == Grade::Good
        && best_grade == Grade::Good
        && choice.exactness == Exactness::Exact
        && best.exactness == Exactness::Naive
        && apart.saturating_abs() <= ZONES_APART_MICROS;
    grade < best_grade || names_the_zone
}

/// Grades a readable time; `None` when it says nothing about the record.
fn grade(
    time: &TimeCandidate,
    name: &str,
    timestamp: Timestamp,
    context: Context<'_>,
) -> Option<Grade> {
    let is_near = is_near(timestamp, context);
    let is_weak = time.alias.trust == Trust::Spelling && name.eq_ignore_ascii_case(WEAK);
    match (time.layer, is_weak, is_near) {
        (Layer::Record, false, true) => Some(Grade::Good),
        (Layer::Record, false, false) => Some(Grade::Far),
        (Layer::Record, true, true) => Some(Grade::GoodWeak),
        (Layer::Filling, _, true) => Some(Grade::GoodFilling),
        (Layer::Record, true, false) | (Layer::Filling, _, false) => None,
    }
}

/// Tells whether a moment lies within what the longest tier keeps and what clocks differ.
fn is_near(timestamp: Timestamp, context: Context<'_>) -> bool {
    let Context { config, present, .. } = context;
    let behind = (i64::from(config.tiers.days_max()) + 1).saturating_mul(DAY_MICROS);
    let ahead = config.limits.ahead_seconds_max.saturating_mul(1_000_000);
    let is_unknown = present.doubt == Doubt::Unknown;
    present.candidates().any(|now| {
        timestamp >= now.saturating_add_micros(-behind)
            && (is_unknown || timestamp <= now.saturating_add_micros(ahead))
    })
}

fn read(
    time: &TimeCandidate,
    value: &Value<'_>,
    fields: &[Field<'_>],
    zone: &TimeZone,
) -> Result<Moment, &'static str> {
    let companion = || time.companion.and_then(|index| fields.get(index)).map(|(_, value)| value);
    match time.alias.hint {
        Hint::SecondsAnd(_) => {
            let moment = read_timestamp(value, convert::unit_of(&time.alias), zone)?;
            let nanoseconds = match companion() {
                Some(Value::I64(number)) if (0..1_000_000_000).contains(number) => *number,
                _ => 0,
            };
            let timestamp = moment.timestamp.saturating_add_micros(nanoseconds / 1_000);
            Ok(Moment { timestamp, ..moment })
        }
        Hint::ZonedBy(_) => {
            let named = companion().and_then(|value| zone_of(text_of(value).trim()));
            let moment = read_timestamp(value, None, named.as_ref().unwrap_or(zone))?;
            let exactness = if named.is_some() { Exactness::Exact } else { moment.exactness };
            Ok(Moment { exactness, ..moment })
        }
        _ => read_timestamp(value, convert::unit_of(&time.alias), zone),
    }
}

/// Returns the zone with a name (`Europe/Berlin`, `UTC`, `Z`) or an offset (`+02:00`).
fn zone_of(name: &str) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    // An offset is read as the end of a time.
    let text = format!("1970-01-01T00:00:00{name}");
    let offset = jiff::fmt::temporal::Pieces::parse(&text).ok()?.to_numeric_offset()?;
    Some(TimeZone::fixed(offset))
}
