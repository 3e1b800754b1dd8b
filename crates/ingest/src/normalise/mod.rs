//! One line becomes a record of the contract: wrappers are opened, spellings become fields,
//! moments, levels and durations their types. Nothing is redacted here and nothing leaves the
//! process; a line that cannot be read becomes a [`Reject`].

mod aliases;
mod candidate;
mod collect;
mod convert;
mod derive;
mod duration;
mod finish;
mod ids;
mod known;
mod level;
mod moment;
mod names;
mod rare_forms;
mod shapes;
mod targets;
mod template;
mod timestamp;
mod wrapper;

use std::borrow::Cow;

use tierlog_model::{Record, RejectReason, Timestamp, Value, fields as field_names};

pub use aliases::AliasTable;
use candidate::Layer;
use collect::{Collected, Collector, Content, Scratch};
use finish::finish;
use known::KnownNames;
pub use shapes::{ShapeRow, shape_rows};
pub use targets::Target;

use crate::config::{Defaults, IngestConfig};
use crate::decode::{Decoder, Reject, TextBuffer};

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

/// A record, and what is worth telling about how it was read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    /// The record.
    pub(crate) record: Record<'a>,
    /// Whether nobody knows its level word, which is its `level_text`.
    pub(crate) has_unknown_level: bool,
    /// Whether its time named no zone.
    pub(crate) has_naive_time: bool,
}

/// Reads lines one after the other; owns the memory that they are unescaped in.
pub(crate) struct LineReader {
    decoder: Decoder,
    /// One for each layer of a wrapped record.
    texts: [TextBuffer; wrapper::LAYERS_MAX as usize],
    /// For texts that are only tried.
    trial: TextBuffer,
    known: KnownNames,
    scratch: Scratch,
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
            scratch: Scratch::default(),
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
        Ok(self.read_noticing(line, kind, context)?.record)
    }

    /// The same with what is worth telling about how it was read.
    pub(crate) fn read_noticing<'a>(
        &'a mut self,
        line: &'a [u8],
        kind: LineKind,
        context: Context<'_>,
    ) -> Result<Reading<'a>, Reject> {
        finish(self.collect(line, kind, context.config)?, context)
    }

    /// Gathers the fields of a line and of what it wraps.
    fn collect<'a, 'c>(
        &'a mut self,
        line: &'a [u8],
        kind: LineKind,
        config: &'c IngestConfig,
    ) -> Result<Collected<'a, 'c>, Reject>
    where
        'a: 'c,
    {
        let fields_max = config.limits.fields_per_record_max;
        let (known, scratch) = (&mut self.known, &mut self.scratch);
        let mut collector = Collector::new(&config.aliases, known, scratch, fields_max);
        let mut opener = Opener {
            decoder: &mut self.decoder,
            texts: self.texts.iter_mut(),
            trial: &mut self.trial,
        };
        opener.open_line(line, kind, &mut collector)?;
        opener.open_contents(&mut collector)?;
        Ok(collector.into_parts())
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
            if self.open_text(text, collector)? {
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
            Ok(text) if is_message => {
                collector.add(field_names::MESSAGE, Value::Str(text.into()))?;
                collector.settle();
                Ok(())
            }
            Ok(_) | Err(_) => Err(reject),
        }
    }

    /// Opens a text that is no object itself: a line of a container runtime, or an object behind
    /// a prefix. `false` when it is neither.
    fn open_text(
        &mut self,
        text: &'a str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        match wrapper::cri_line(text) {
            Some(cri) => self.open_cri(cri, collector).map(|()| true),
            None => self.open_behind_prefix(text, collector),
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
            collector.next_layer(Layer::Record);
            self.open_object(content.as_bytes(), collector)?;
            return Ok(());
        }
        if !self.open_behind_prefix(content, collector)? {
            collector.add(field_names::MESSAGE, Value::Str(cri.content.into()))?;
            collector.settle();
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
            collector.next_layer(Layer::Record);
            self.open_object(object.as_bytes(), collector)?;
            let name = if collector.has(Target::Message) { "prefix" } else { field_names::MESSAGE };
            collector.add(name, Value::Str(prefix.trim().into()))?;
            collector.settle();
            return Ok(true);
        }
        Ok(false)
    }

    /// Opens what a wrapper holds, and an object in a message, for as long as there is one.
    fn open_contents(&mut self, collector: &mut Collector<'a, '_>) -> Result<(), Reject> {
        // Each turn takes one of the few buffers.
        while let Some(content) = collector.content() {
            let is_opened = match content {
                Content::Wrapped(index, Cow::Borrowed(text)) => {
                    self.open_object_of(index, text, collector)?
                        || self.open_text_of(index, text, collector)?
                }
                Content::Wrapped(index, Cow::Owned(text)) => {
                    self.open_object_of(index, &text, collector)?
                }
                Content::Message(index, text) => self.open_message(index, &text, collector)?,
            };
            if !is_opened {
                break;
            }
        }
        Ok(())
    }

    /// Opens an object that a wrapper holds: it wins over the wrapper.
    fn open_object_of(
        &mut self,
        index: usize,
        text: &str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let object = text.trim_ascii();
        let opens = wrapper::looks_like_object(object)
            && self.decoder.probe(object.as_bytes(), self.trial).is_ok();
        if !opens {
            return Ok(false);
        }
        collector.drop_opened(index);
        collector.next_layer(Layer::Record);
        self.open_object(object.as_bytes(), collector)
    }

    /// Opens a text that a wrapper holds. What is none that opens stays the message that it is.
    fn open_text_of(
        &mut self,
        index: usize,
        text: &'a str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let is_opened = self.open_text(text.trim_ascii(), collector)?;
        if is_opened {
            collector.drop_opened(index);
        }
        Ok(is_opened)
    }

    /// Opens an object in the message of an ordinary record: it fills in what the record lacks.
    /// Its own message takes the place of the text; where it has none, the text stays.
    fn open_message(
        &mut self,
        index: usize,
        text: &str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let Some(buffer) = self.texts.next() else { return Ok(false) };
        // What only looks like an object stays the message that it is.
        let Ok(tape) = self.decoder.decode(text.trim_ascii().as_bytes(), buffer) else {
            return Ok(false);
        };
        collector.next_layer(Layer::Filling);
        let message = collector.take_message();
        let added = collector.add_object(&tape);
        self.decoder.recycle(tape);
        added?;
        let has_own = collector.has(Target::Message);
        match has_own {
            true => collector.drop_opened(index),
            false => collector.give_message(message),
        }
        Ok(has_own)
    }

    /// Returns the reason why a line that holds no object is refused.
    fn no_object(&mut self, line: &[u8]) -> Reject {
        match self.decoder.probe(line, self.trial) {
            Ok(()) => Reject::new(RejectReason::NotAnObject, "valid JSON, but not an object"),
            Err(reject) => reject,
        }
    }
}

#[cfg(test)]
mod tests;
