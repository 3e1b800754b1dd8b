//! One line becomes a record of the contract: wrappers are opened, spellings become fields,
//! moments, levels and durations their types. Nothing is redacted here and nothing leaves the
//! process; a line that cannot be read becomes a [`Reject`].

mod aliases;
mod candidate;
mod collect;
mod config;
mod convert;
mod defaults;
mod derive;
mod duration;
mod finish;
mod ids;
mod known;
mod level;
mod level_form;
mod moment;
mod names;
mod open_text;
mod rare_forms;
mod scratch;
mod shapes;
mod targets;
mod template;
mod timestamp;
mod typed;
mod wrapper;

use tierlog_model::{Present, Record, RecordFields, RejectReason, Timestamp};

pub use aliases::AliasTable;
use candidate::Layer;
use collect::{Collected, Collector, Content};
pub use config::{IngestConfig, IngestLimits};
pub use defaults::{ATTRIBUTES_MAX, AttributeError, Attributes, RecordDefaults};
use finish::finish;
pub(crate) use known::{Meanings, Spelling};
use scratch::Scratch;
pub use shapes::{ShapeRow, shape_rows};
pub use targets::Target;
pub use typed::{ArraySink, FieldSink, ObjectSink};
pub(crate) use wrapper::{CriLine, Extent, cri_line};

use crate::decode::{Decoder, Reject, TextBuffer};

/// What a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// A JSON object, possibly wrapped, or a line of a known format.
    Json,
    /// A JSON object and nothing else.
    Object,
    /// Any text: what is no JSON object is the message.
    Text,
}

/// What a record is read against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'c> {
    /// The settings.
    pub(crate) config: &'c IngestConfig,
    /// Values for records that lack them.
    pub(crate) defaults: &'c RecordDefaults,
    /// When the line arrived: the moment of a record that names none.
    pub(crate) arrival: Timestamp,
    /// The present, against which moments are judged. Later than the arrival for a dead letter
    /// that is read once more.
    pub(crate) present: Present,
}

/// A record, and what is worth telling about how it was read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    /// The record.
    pub(crate) record: Record<'a>,
    /// Whether the record's level word, kept as `level_text`, is unknown.
    pub(crate) has_unknown_level: bool,
    /// Whether its time named no zone.
    pub(crate) has_naive_time: bool,
}

/// Reads lines one after the other; owns the memory for unescaped text.
pub(crate) struct LineReader {
    decoder: Decoder,
    /// One for each layer of a wrapped record.
    texts: [TextBuffer; wrapper::LAYERS_MAX as usize],
    /// For texts that are only tried.
    trial: TextBuffer,
    scratch: Scratch,
}

/// What is left to open wrapped records with.
struct Opener<'a, 'd> {
    decoder: &'d mut Decoder,
    texts: std::slice::IterMut<'a, TextBuffer>,
    trial: &'d mut TextBuffer,
    /// Moments without a year are the nearest to it.
    now: Timestamp,
}

impl LineReader {
    /// Returns a reader with a configuration's limits.
    pub(crate) fn new(config: &IngestConfig) -> LineReader {
        LineReader {
            decoder: Decoder::new(config.limits.nesting_depth_max),
            texts: Default::default(),
            trial: TextBuffer::default(),
            scratch: Scratch::default(),
        }
    }

    /// Reads a line that is not empty and not too long. The record borrows from the line and from
    /// the reader.
    pub(crate) fn read<'a>(
        &'a mut self,
        line: &'a [u8],
        kind: LineKind,
        context: Context<'a>,
        spelling: Spelling<'_>,
    ) -> Result<Record<'a>, Reject> {
        Ok(self.read_noticing(line, kind, context, spelling)?.record)
    }

    /// The same with what is worth telling about how it was read.
    pub(crate) fn read_noticing<'a>(
        &'a mut self,
        line: &'a [u8],
        kind: LineKind,
        context: Context<'a>,
        spelling: Spelling<'_>,
    ) -> Result<Reading<'a>, Reject> {
        finish(self.collect(line, kind, context, spelling)?, context)
    }

    /// Reads a record whose fields are typed already. The record borrows from the fields' source
    /// and from the reader.
    pub(crate) fn read_fields<'a, 'd: 'a>(
        &'a mut self,
        fill: impl for<'f> FnOnce(&mut FieldSink<'f, 'd>),
        context: Context<'a>,
        spelling: Spelling<'_>,
    ) -> Result<Reading<'a>, Reject> {
        let limits = &context.config.limits;
        let (aliases, scratch) = (&context.config.aliases, &mut self.scratch);
        let collector = Collector::new(aliases, spelling, scratch, limits.fields_per_record_max);
        let mut sink = FieldSink::new(collector, limits.nesting_depth_max);
        fill(&mut sink);
        let mut collector = sink.finish()?;
        let mut opener = Opener {
            decoder: &mut self.decoder,
            texts: self.texts.iter_mut(),
            trial: &mut self.trial,
            now: context.arrival,
        };
        opener.open_contents(&mut collector)?;
        finish(collector.into_parts(), context)
    }

    /// Gathers the fields of a line and of what it wraps.
    fn collect<'a, 'c>(
        &'a mut self,
        line: &'a [u8],
        kind: LineKind,
        context: Context<'c>,
        spelling: Spelling<'c>,
    ) -> Result<Collected<'a, 'c>, Reject>
    where
        'a: 'c,
    {
        let Context { config, arrival, .. } = context;
        let fields_max = config.limits.fields_per_record_max;
        let scratch = &mut self.scratch;
        let mut collector = Collector::new(&config.aliases, spelling, scratch, fields_max);
        let mut opener = Opener {
            decoder: &mut self.decoder,
            texts: self.texts.iter_mut(),
            trial: &mut self.trial,
            now: arrival,
        };
        opener.open_line(line, kind, &mut collector)?;
        opener.open_contents(&mut collector)?;
        Ok(collector.into_parts())
    }

    /// Takes the memory of a record that is done with, for the next one.
    pub(crate) fn recycle(&mut self, memory: RecordFields<'static>) {
        self.scratch.recycle(memory);
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
            if kind != LineKind::Object && self.open_text(text.into(), collector)? {
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
            Ok(text) if is_message => self.keep_text(text.into(), collector),
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

    /// Opens what a wrapper holds, and an object in a message, for as long as there is one.
    fn open_contents(&mut self, collector: &mut Collector<'a, '_>) -> Result<(), Reject> {
        // Each turn takes one of the few buffers.
        while let Some(content) = collector.content() {
            let is_opened = match content {
                Content::Wrapped(index, text) => {
                    self.open_object_of(index, &text, collector)?
                        || self.open_text_of(index, text, collector)?
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

    /// Opens an object in the message of an ordinary record: it fills in what the record lacks.
    /// Its own message takes the place of the text; where it has none, the text stays.
    fn open_message(
        &mut self,
        index: usize,
        text: &str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let Some(buffer) = self.texts.next() else { return Ok(false) };
        // A message that only looks like an object stays a message.
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
pub(crate) mod tests;
