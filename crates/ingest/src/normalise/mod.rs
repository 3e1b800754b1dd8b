//! One line becomes a record of the contract: wrappers are opened, spellings become fields,
//! moments, levels and durations their types. Nothing is redacted here and nothing leaves the
//! process; a line that cannot be read becomes a [`Reject`].

mod aliases;
mod collect;
mod convert;
mod derive;
mod duration;
mod ids;
mod known;
mod level;
mod names;
mod targets;
mod timestamp;
mod wrapper;

use std::borrow::Cow;

use tierlog_model::{Record, RecordKind, RejectReason, Timestamp, Value, fields as field_names};

pub use aliases::AliasTable;
use collect::{Collected, Collector, Field};
use known::KnownNames;
pub use targets::Target;

use crate::config::{Defaults, IngestConfig};
use crate::decode::{Decoder, Reject, TextBuffer};
use crate::redact;

/// What a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// A JSON object, possibly wrapped.
    Json,
    /// Any text: what is no JSON object is the message.
    Text,
}

/// What a record is read against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'c> {
    /// The settings.
    pub(crate) config: &'c IngestConfig,
    /// Values for records that lack them.
    pub(crate) defaults: &'c Defaults,
    /// When the line arrived: the moment of a record that names none.
    pub(crate) arrival: Timestamp,
    /// The present, against which moments are judged. Later than the arrival for a dead letter
    /// that is read once more.
    pub(crate) now: Timestamp,
}

/// Reads lines one after the other; owns the memory that they are unescaped in.
pub(crate) struct LineReader {
    decoder: Decoder,
    /// One for each layer of a wrapped record.
    texts: [TextBuffer; wrapper::LAYERS_MAX as usize],
    /// For texts that are only tried.
    trial: TextBuffer,
    known: KnownNames,
}

/// What is left to open wrapped records with.
struct Opener<'a, 'd> {
    decoder: &'d mut Decoder,
    texts: std::slice::IterMut<'a, TextBuffer>,
    trial: &'d mut TextBuffer,
}

impl LineReader {
    /// Returns a reader with a configuration's limits.
    pub(crate) fn new(config: &IngestConfig) -> LineReader {
        LineReader {
            decoder: Decoder::new(config.limits.nesting_depth_max),
            texts: Default::default(),
            trial: TextBuffer::default(),
            known: KnownNames::new(),
        }
    }

    /// Reads a line that is not empty and not too long. The record borrows from the line and from
    /// the reader.
    pub(crate) fn read<'a>(
        &'a mut self,
        line: &'a [u8],
        kind: LineKind,
        context: Context<'_>,
    ) -> Result<Record<'a>, Reject> {
        let config = context.config;
        let fields_max = config.limits.fields_per_record_max;
        let mut collector = Collector::new(&config.aliases, &mut self.known, fields_max);
        let mut opener = Opener {
            decoder: &mut self.decoder,
            texts: self.texts.iter_mut(),
            trial: &mut self.trial,
        };
        opener.open_line(line, kind, &mut collector)?;
        opener.open_messages(&mut collector)?;
        finish(collector.into_parts(), context)
    }

    /// Gives memory back after a line that was unusually long.
    pub(crate) fn shrink(&mut self, line_bytes: usize) {
        self.decoder.shrink(line_bytes);
        self.texts.iter_mut().chain([&mut self.trial]).for_each(TextBuffer::shrink);
    }
}

impl<'a> Opener<'a, '_> {
    fn open_line(
        &mut self,
        line: &'a [u8],
        kind: LineKind,
        collector: &mut Collector<'a, '_>,
    ) -> Result<(), Reject> {
        let reject = if line.first() == Some(&b'{') {
            match self.open_object(line, collector) {
                Ok(_) => return Ok(()),
                Err(reject) => reject,
            }
        } else {
            let text = std::str::from_utf8(line)
                .map_err(|_| Reject::new(RejectReason::InvalidUtf8, "line is not valid UTF-8"))?;
            if let Some(cri) = wrapper::cri_line(text) {
                return self.open_cri(cri, collector);
            }
            if self.open_behind_prefix(text, collector)? {
                return Ok(());
            }
            self.no_object(line)
        };
        let is_only_text = matches!(
            reject.reason,
            RejectReason::InvalidJson | RejectReason::NotAnObject | RejectReason::TooDeep
        );
        let is_message = kind == LineKind::Text && is_only_text;
        match std::str::from_utf8(line) {
            Ok(text) if is_message => collector.add(field_names::MESSAGE, Value::Str(text.into())),
            Ok(_) | Err(_) => Err(reject),
        }
    }

    /// Adds the fields of a JSON object; `false` when the text is another JSON value.
    fn open_object(
        &mut self,
        text: &[u8],
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let Some(buffer) = self.texts.next() else { return Ok(false) };
        let tape = self.decoder.decode(text, buffer)?;
        let added = collector.add_object(&tape);
        self.decoder.recycle(tape);
        added
    }

    fn open_cri(
        &mut self,
        cri: wrapper::CriLine<'a>,
        collector: &mut Collector<'a, '_>,
    ) -> Result<(), Reject> {
        collector.add("time", Value::Str(cri.time.into()))?;
        collector.add("stream", Value::Str(cri.stream.into()))?;
        if cri.extent == wrapper::Extent::Partial {
            collector.add("partial", Value::Bool(true))?;
        }
        let content = cri.content.trim_ascii();
        if wrapper::looks_like_object(content)
            && self.decoder.probe(content.as_bytes(), self.trial).is_ok()
        {
            collector.next_layer();
            self.open_object(content.as_bytes(), collector)?;
            return Ok(());
        }
        if !self.open_behind_prefix(content, collector)? {
            collector.add(field_names::MESSAGE, Value::Str(cri.content.into()))?;
        }
        Ok(())
    }

    /// Opens an object that ends a line; the text before it is the message if there is no other.
    fn open_behind_prefix(
        &mut self,
        line: &'a str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        for start in wrapper::object_starts(line.as_bytes()) {
            let Some((prefix, object)) = line.split_at_checked(start) else { continue };
            let opens = wrapper::is_prose(prefix)
                && self.decoder.probe(object.as_bytes(), self.trial).is_ok();
            if !opens {
                continue;
            }
            collector.next_layer();
            self.open_object(object.as_bytes(), collector)?;
            let name = if collector.has(Target::Message) { "prefix" } else { field_names::MESSAGE };
            collector.add(name, Value::Str(prefix.trim().into()))?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Opens the message, and the message in it, for as long as it is a JSON object.
    fn open_messages(&mut self, collector: &mut Collector<'a, '_>) -> Result<(), Reject> {
        while let Some((index, text)) = collector.embedded_object() {
            let text = text.trim_ascii();
            let Some(buffer) = self.texts.next() else { break };
            // What only looks like an object stays the message that it is.
            let Ok(tape) = self.decoder.decode(text.as_bytes(), buffer) else { break };
            collector.next_layer();
            collector.drop_message(index);
            let added = collector.add_object(&tape);
            self.decoder.recycle(tape);
            added?;
        }
        Ok(())
    }

    /// Returns the reason why a line that holds no object is refused.
    fn no_object(&mut self, line: &[u8]) -> Reject {
        match self.decoder.probe(line, self.trial) {
            Ok(()) => Reject::new(RejectReason::NotAnObject, "valid JSON, but not an object"),
            Err(reject) => reject,
        }
    }
}

/// Gives every target its field and every field its type.
fn finish<'a>(collected: Collected<'a>, context: Context<'_>) -> Result<Record<'a>, Reject> {
    let Context { config, defaults, arrival, .. } = context;
    let Collected { mut fields, best, level, mut dropped } = collected;
    let has_service = best.get(Target::Service as usize).is_some_and(Option::is_some);
    let mut timestamp = arrival;
    for candidate in best.into_iter().flatten() {
        let target = candidate.alias.target;
        if target == Target::Timestamp {
            let value = fields.get(candidate.index).map(|(_, value)| value);
            let read = value.map(|value| timestamp::read_timestamp(value, &config.time_zone));
            timestamp = read
                .unwrap_or(Ok(arrival))
                .map_err(|detail| Reject::new(RejectReason::InvalidTimestamp, detail))?;
            dropped.push(candidate.index);
            continue;
        }
        let keeps_own_name = target == Target::Stacktrace
            && fields.get(candidate.index).is_some_and(derive::keeps_own_name);
        if keeps_own_name {
            continue;
        }
        rename(&mut fields, &dropped, candidate.index, target.name());
        if ids::is_id(target) {
            keep_more_than_ids(&mut fields, candidate.index);
        }
        if let Some((_, value)) = fields.get_mut(candidate.index) {
            let taken = std::mem::replace(value, Value::Bool(false));
            *value = convert::convert(candidate.alias, taken);
        }
    }
    let level = match level {
        None => defaults.level.unwrap_or(config.missing_level),
        Some(choice) => {
            let level = choice.known.unwrap_or(config.unknown_level);
            keep_level_text(&mut fields, &mut dropped, choice.index, level.as_str());
            level
        }
    };
    let known = derive::Known::of(&best, &fields);
    derive::complete(&mut fields, known);
    displace_reserved(&mut fields, &dropped);
    remove(&mut fields, dropped);
    add_defaults(&mut fields, defaults, has_service);
    let record = Record { timestamp, level, kind: RecordKind::Log, fields };
    check_bounds(&record, context)?;
    Ok(record)
}

/// Gives a field its canonical name; another field of that name makes room.
fn rename(fields: &mut [Field<'_>], dropped: &[usize], index: usize, name: &'static str) {
    if fields.get(index).is_some_and(|(own, _)| own == name) {
        return;
    }
    let is_in_the_way = |(position, (other, _)): (usize, &Field<'_>)| {
        (other == name && !dropped.contains(&position)).then_some(position)
    };
    if let Some(other) = fields.iter().enumerate().find_map(is_in_the_way) {
        names::displace(fields, other);
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
fn keep_level_text(fields: &mut [Field<'_>], dropped: &mut Vec<usize>, index: usize, stored: &str) {
    let Some((_, value)) = fields.get_mut(index) else { return };
    let text = convert::into_text(std::mem::replace(value, Value::Bool(false)));
    if text == stored {
        dropped.push(index);
        return;
    }
    *value = Value::Str(text);
    rename(fields, dropped, index, field_names::LEVEL_TEXT);
}

/// Moves out of the way of the record's own what is still called `timestamp` or `level` (of a
/// lower layer, or of a level that nobody knows beside one that is known), and an application's
/// `_redacted` that is no list of detectors.
fn displace_reserved(fields: &mut [Field<'_>], dropped: &[usize]) {
    for position in 0..fields.len() {
        let is_reserved = fields.get(position).is_some_and(|(name, value)| match &**name {
            field_names::LEVEL | field_names::TIMESTAMP => true,
            field_names::REDACTED => !redact::is_detector_list(value),
            _ => false,
        });
        if is_reserved && !dropped.contains(&position) {
            names::displace(fields, position);
        }
    }
}

/// Takes dropped fields out, the last first, so that positions stay right.
fn remove(fields: &mut Vec<Field<'_>>, mut dropped: Vec<usize>) {
    dropped.sort_unstable();
    for index in dropped.into_iter().rev() {
        if index < fields.len() {
            fields.remove(index);
        }
    }
}

fn add_defaults(fields: &mut Vec<Field<'_>>, defaults: &Defaults, has_service: bool) {
    if let Some(service) = &defaults.service
        && !has_service
    {
        fields.push((Cow::Borrowed(field_names::SERVICE), Value::Str(service.clone().into())));
    }
    if let Some(source) = &defaults.source
        && !fields.iter().any(|(name, _)| name == field_names::SOURCE)
    {
        fields.push((Cow::Borrowed(field_names::SOURCE), Value::Str(source.clone().into())));
    }
}

/// Refuses what its tier no longer keeps, and what lies further ahead than clocks differ.
fn check_bounds(record: &Record<'_>, context: Context<'_>) -> Result<(), Reject> {
    let Context { config, now, .. } = context;
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

#[cfg(test)]
mod tests;
