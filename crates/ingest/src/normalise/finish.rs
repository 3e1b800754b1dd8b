//! The end of the reading: every target gets its field and every field its type.
//!
//! Arrives: the fields of all layers under their own names, and the winners among the fields.
//! Leaves: the record. Nothing is dropped here but the field that said the timestamp, and a level
//! that is written as it is stored.

use std::borrow::Cow;
use std::net::SocketAddr;

use tierlog_model::{
    Doubt, Record, RecordKind, RejectReason, Timestamp, Value, fields as field_names,
};

use super::aliases::{Hint, NameHash};
use super::candidate::{Candidate, Finish, LevelChoice};
use super::collect::{Collected, Field};
use super::level::is_unassigned;
use super::names::NameFilter;
use super::targets::Target;
use super::timestamp::Exactness;
use super::{
    Context, IngestConfig, Reading, RecordDefaults, convert, derive, ids, moment, names, template,
};
use crate::decode::Reject;
use crate::redact;

/// Where the port of a client's address is kept.
const CLIENT_PORT: &str = "client_port";

/// Gives every target a field and every field a type.
pub(super) fn finish<'a>(
    collected: Collected<'a, '_>,
    context: Context<'a>,
) -> Result<Reading<'a>, Reject> {
    let Context { config, defaults, .. } = context;
    let Collected { mut fields, best, times, level, request_line, dropped, seen, .. } = collected;
    let service = best.of(Target::Service).and_then(|service| match fields.get(service.index)? {
        (_, Value::Str(service)) => Some(&**service),
        _ => None,
    });
    let zone = config.zone_of(service.or(defaults.service.as_deref()));
    let choice = moment::choose(times, &fields, zone, context)
        .map_err(|reject| reject.of_service(service))?;
    dropped.extend(choice.index);
    let mut taken = Taken { seen, dropped };
    let has_service = best.has(Target::Service);
    for target in best.unfinished() {
        if let Some(candidate) = best.of(target)
            && let Some(added) = give(&mut fields, &taken, candidate)
        {
            best.set(target, Candidate { index: added, ..candidate }, Finish::Nothing);
        }
    }
    let missing_level = defaults.level.unwrap_or(config.missing_level);
    let is_given = |choice: LevelChoice| {
        let value = fields.get(choice.index).map(|(_, value)| value);
        choice.known.is_some() || !value.is_some_and(is_unassigned)
    };
    let is_level_given = level.is_some_and(is_given);
    let has_unknown_level = is_level_given && level.is_some_and(|choice| choice.known.is_none());
    let level = match level {
        None => missing_level,
        Some(choice) => {
            let otherwise = if is_level_given { config.unknown_level } else { missing_level };
            let level = choice.known.unwrap_or(otherwise);
            keep_level_text(&mut fields, &mut taken, choice.index, level.as_str());
            level
        }
    };
    let path = request_line.and_then(|line| derive::request_line(&mut fields, line));
    let known = derive::Known::of(best, &fields);
    derive::complete(&mut fields, derive::Known { path: known.path.or(path), ..known });
    displace_reserved(&mut fields, &taken);
    remove(&mut fields, taken.dropped);
    // Fast path: most senders name all that a record has.
    if !defaults.is_empty() {
        add_defaults(&mut fields, defaults, has_service);
    }
    let record = Record { timestamp: choice.timestamp, level, kind: RecordKind::Log, fields };
    check_bounds(&record, context)
        .map_err(|reject| reject.of_service(record.get_str(field_names::SERVICE)))?;
    let has_naive_time = choice.exactness == Exactness::Naive;
    Ok(Reading { record, has_unknown_level, has_naive_time })
}

/// Hash of the name under which a level is kept as it was written.
const LEVEL_TEXT_HASH: NameHash = NameHash::START.extend(field_names::LEVEL_TEXT);

/// Names that the record's own moment, level, and lists of detectors and tokens have.
const RESERVED: [(&str, NameHash); 6] = [
    (field_names::TIMESTAMP, NameHash::START.extend(field_names::TIMESTAMP)),
    (field_names::LEVEL, NameHash::START.extend(field_names::LEVEL)),
    (field_names::REDACTED, NameHash::START.extend(field_names::REDACTED)),
    (field_names::DETECTED, NameHash::START.extend(field_names::DETECTED)),
    (field_names::POLICY, NameHash::START.extend(field_names::POLICY)),
    (field_names::PSEUDONYMS, NameHash::START.extend(field_names::PSEUDONYMS)),
];

/// What tells whether a field has a name.
struct Taken<'t> {
    /// The names that fields may have.
    seen: &'t NameFilter,
    /// Positions of fields that are not kept.
    dropped: &'t mut Vec<usize>,
}

/// Gives a target a field; returns the position of a field that was added for the target.
fn give(fields: &mut Vec<Field<'_>>, taken: &Taken<'_>, candidate: Candidate) -> Option<usize> {
    let Candidate { index, alias, .. } = candidate;
    let added = match alias.hint {
        // The template stays; the message is a field of its own.
        Hint::Template => Some(template::fill(fields, index, "")),
        Hint::TemplateBelow(mark) => Some(template::fill(fields, index, mark.name())),
        Hint::LastSegment => add_last_segment(fields, index, alias.target.name()),
        _ => None,
    };
    if added.is_some() {
        return added;
    }
    let keeps_own_name =
        alias.target == Target::Stacktrace && fields.get(index).is_some_and(derive::keeps_own_name);
    if keeps_own_name {
        return None;
    }
    rename(fields, taken, index, alias.target.name(), alias.target.name_hash());
    if ids::is_id(alias.target) {
        keep_more_than_ids(fields, index);
    }
    if let Some((_, value)) = fields.get_mut(index)
        && let Some(converted) = convert::converted(&alias, value)
    {
        *value = converted;
    }
    if alias.target == Target::ClientIp {
        take_port_off(fields, index);
    }
    None
}

/// Adds the last segment of a path under a name, and returns where; the path stays. `None` when
/// there is but one segment.
fn add_last_segment(
    fields: &mut Vec<Field<'_>>,
    index: usize,
    name: &'static str,
) -> Option<usize> {
    let (_, Value::Str(path)) = fields.get(index)? else { return None };
    let segment = path.rsplit_once('/')?.1.to_owned();
    if let Some(other) = fields.iter().position(|(own, _)| own == name) {
        names::displace(fields, other);
    }
    fields.push((Cow::Borrowed(name), Value::Str(Cow::Owned(segment))));
    Some(fields.len() - 1)
}

/// Leaves the address alone of an address with a port; the port is kept beside it.
fn take_port_off(fields: &mut Vec<Field<'_>>, index: usize) {
    let Some((_, Value::Str(text))) = fields.get(index) else { return };
    // Fast path: a port follows a colon.
    if !text.contains(':') {
        return;
    }
    let Ok(address) = text.trim().parse::<SocketAddr>() else { return };
    if let Some((_, value)) = fields.get_mut(index) {
        *value = Value::Str(Cow::Owned(address.ip().to_string()));
    }
    if !fields.iter().any(|(own, _)| own == CLIENT_PORT) {
        fields.push((Cow::Borrowed(CLIENT_PORT), Value::I64(i64::from(address.port()))));
    }
}

/// Gives a field its canonical name; another field of that name makes room.
fn rename(
    fields: &mut [Field<'_>],
    taken: &Taken<'_>,
    index: usize,
    name: &'static str,
    hash: NameHash,
) {
    if fields.get(index).is_some_and(|(own, _)| own == name) {
        return;
    }
    // Fast path: a name that was never seen is in nobody's way.
    if taken.seen.holds(hash) {
        let is_in_the_way = |(position, (other, _)): (usize, &Field<'_>)| {
            (other == name && !taken.dropped.contains(&position)).then_some(position)
        };
        if let Some(other) = fields.iter().enumerate().find_map(is_in_the_way) {
            names::displace(fields, other);
        }
    }
    if let Some((own, _)) = fields.get_mut(index) {
        *own = Cow::Borrowed(name);
    }
}

/// Keeps the value of an id's field as it was written where it says more than its ids do.
fn keep_more_than_ids(fields: &mut Vec<Field<'_>>, index: usize) {
    let Some((name, value)) = fields.get(index) else { return };
    if ids::says_more(value) {
        let whole = (Cow::Owned(names::displaced(fields, name)), value.clone());
        fields.push(whole);
    }
}

/// Keeps the level as the application wrote it, where that differs from the stored name.
fn keep_level_text(fields: &mut [Field<'_>], taken: &mut Taken<'_>, index: usize, stored: &str) {
    let Some((_, value)) = fields.get_mut(index) else { return };
    match value {
        Value::Str(text) | Value::Json(text) if text == stored => {
            taken.dropped.push(index);
            return;
        }
        Value::Str(_) => {}
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) | Value::Json(_) => {
            *value = convert::as_text(value);
        }
    }
    rename(fields, taken, index, field_names::LEVEL_TEXT, LEVEL_TEXT_HASH);
}

/// Moves out of the way of the record's own what is still called `timestamp` or `level` (of a
/// lower layer, or of a level that nobody knows beside one that is known), and an application's
/// `_policy`, `_redacted` or `_detected` that is no list of detectors, or `_pseudonyms` that is no
/// list of tokens.
fn displace_reserved(fields: &mut [Field<'_>], taken: &Taken<'_>) {
    let may_stand = |(name, hash): &(&str, NameHash)| {
        let is_name = |index: &usize| fields.get(*index).is_some_and(|(own, _)| own == name);
        taken.seen.holds(*hash) && !taken.dropped.iter().any(is_name)
    };
    // Fast path: names stand once, and the fields of these were nearly always taken.
    if !RESERVED.iter().any(may_stand) {
        return;
    }
    for position in 0..fields.len() {
        let is_reserved = fields.get(position).is_some_and(|(name, value)| match &**name {
            field_names::LEVEL | field_names::TIMESTAMP | field_names::POLICY => true,
            field_names::REDACTED | field_names::DETECTED => !redact::is_detector_list(value),
            field_names::PSEUDONYMS => !redact::is_token_list(value),
            _ => false,
        });
        if is_reserved && !taken.dropped.contains(&position) {
            names::displace(fields, position);
        }
    }
}

/// Takes dropped fields out, the last first, so that positions stay right.
fn remove(fields: &mut Vec<Field<'_>>, dropped: &mut [usize]) {
    dropped.sort_unstable();
    for &index in dropped.iter().rev() {
        if index < fields.len() {
            fields.remove(index);
        }
    }
}

#[inline(never)]
fn add_defaults<'a>(fields: &mut Vec<Field<'a>>, defaults: &'a RecordDefaults, has_service: bool) {
    let text = |text: &'a String| Value::Str(Cow::Borrowed(text.as_str()));
    if let Some(service) = &defaults.service
        && !has_service
    {
        fields.push((Cow::Borrowed(field_names::SERVICE), text(service)));
    }
    let known = [(field_names::SOURCE, &defaults.source), (field_names::INDEX, &defaults.index)];
    for (name, value) in known {
        if let Some(value) = value
            && !has_field(fields, name)
        {
            fields.push((Cow::Borrowed(name), text(value)));
        }
    }
    for (name, value) in defaults.attributes.list() {
        if !has_field(fields, name) {
            fields.push((Cow::Borrowed(name), borrowed(value)));
        }
    }
}

fn has_field(fields: &[Field<'_>], name: &str) -> bool {
    fields.iter().any(|(own, _)| own == name)
}

/// Returns a value that borrows the text of another.
fn borrowed<'a>(value: &'a Value<'_>) -> Value<'a> {
    match value {
        Value::Str(text) => Value::Str(Cow::Borrowed(text)),
        Value::Json(text) => Value::Json(Cow::Borrowed(text)),
        Value::Bool(value) => Value::Bool(*value),
        Value::I64(value) => Value::I64(*value),
        Value::U64(value) => Value::U64(*value),
        Value::F64(value) => Value::F64(*value),
    }
}

/// Refuses a record older than the tier keeps, and a record further ahead than clocks differ.
///
/// While the present is in doubt, a record is let in that any candidate would let in: its sender's
/// clock may be the one that is right. A clock that was never set gives no reason to refuse a
/// record ahead of the clock.
fn check_bounds(record: &Record<'_>, context: Context<'_>) -> Result<(), Reject> {
    let Context { config, present, .. } = context;
    let believed = check_bounds_at(record, config, present.now);
    match (present.doubt, believed) {
        (Doubt::Unknown, Err(Reject { reason: RejectReason::TooFarAhead, .. })) => Ok(()),
        (Doubt::Or(other), Err(reject)) => {
            check_bounds_at(record, config, other).map_err(|_| reject)
        }
        (Doubt::None | Doubt::Or(_) | Doubt::Unknown, believed) => believed,
    }
}

fn check_bounds_at(
    record: &Record<'_>,
    config: &IngestConfig,
    now: Timestamp,
) -> Result<(), Reject> {
    let ahead_seconds = config.limits.ahead_seconds_max;
    let latest = now.saturating_add_micros(ahead_seconds.saturating_mul(1_000_000));
    if record.timestamp > latest {
        let detail = format!("timestamp is more than {ahead_seconds} seconds ahead");
        return Err(Reject::new(RejectReason::TooFarAhead, detail));
    }
    let tier = config.tiers.of(record.level, record.kind);
    if config.tiers.is_expired(tier, record.timestamp.day(), now) {
        let policy = config.tiers.policy(tier);
        let detail = format!("older than the {} days that tier {} keeps", policy.days, policy.name);
        return Err(Reject::new(RejectReason::PastRetention, detail));
    }
    Ok(())
}
