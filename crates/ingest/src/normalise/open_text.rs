//! Opens text: a line of a known format gives its fields, and what its message holds is opened in
//! its turn, an object or the line of another program.

use std::borrow::Cow;

use tierlog_model::{Value, fields as field_names};

use super::collect::Collector;
use super::{Layer, Opener, Target, wrapper};
use crate::decode::Reject;
use crate::text::{Carries, TextRecord, recognise, unrecognised};

/// Lines that carry lines of other programs, one in the other: a router behind syslog.
const CARRIERS_MAX: usize = 2;

impl<'a> Opener<'a, '_> {
    /// Opens a text that is no object itself: a line of a container runtime, a line of a known
    /// format, or an object behind a prefix. `false` when it is none of them.
    pub(super) fn open_text(
        &mut self,
        text: Cow<'a, str>,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        if let Cow::Borrowed(text) = text
            && let Some(cri) = wrapper::cri_line(text)
        {
            return self.open_cri(cri, collector).map(|()| true);
        }
        Ok(self.open_known(text.clone(), collector)?
            || self.open_behind_prefix(text, Layer::Record, collector)?)
    }

    /// Opens the text in a wrapper, or keeps the text as the message.
    pub(super) fn open_text_of(
        &mut self,
        index: usize,
        text: Cow<'a, str>,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let text = without_end(text);
        let mut is_opened = self.open_text(text.clone(), collector)?;
        // Joined lines and colours: the message is not the text as it stands.
        if !is_opened && text.contains(['\n', '\u{1b}']) {
            collector.next_layer(Layer::Record);
            self.keep_text(text, collector)?;
            is_opened = true;
        }
        if is_opened {
            collector.drop_opened(index);
        }
        Ok(is_opened)
    }

    /// Keeps a text of no known format as the message.
    pub(super) fn keep_text(
        &mut self,
        text: Cow<'a, str>,
        collector: &mut Collector<'a, '_>,
    ) -> Result<(), Reject> {
        let mut record = unrecognised(text);
        let message = std::mem::take(&mut record.message);
        add_fields(record, collector)?;
        keep(message, collector)
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
        let is_opened = self.open_whole(cri.content, collector)?
            || self.open_known(cri.content.into(), collector)?
            || self.open_behind_prefix(cri.content.into(), Layer::Record, collector)?;
        if is_opened { Ok(()) } else { self.keep_text(cri.content.into(), collector) }
    }

    /// Opens a text of a known format. `false` when no format knows it.
    fn open_known(
        &mut self,
        text: Cow<'a, str>,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let Some(mut record) = recognise(text, self.now) else { return Ok(false) };
        collector.next_layer(Layer::Record);
        for _ in 0..CARRIERS_MAX {
            if record.carries == Carries::Text {
                break;
            }
            let carried = std::mem::take(&mut record.message);
            add_fields(record, collector)?;
            if self.open_whole(&carried, collector)? {
                return Ok(true);
            }
            record = match recognise(carried.clone(), self.now) {
                Some(record) => {
                    collector.next_layer(Layer::Record);
                    record
                }
                None => unrecognised(carried),
            };
        }
        let message = std::mem::take(&mut record.message);
        let has_level = record.has(field_names::LEVEL);
        add_fields(record, collector)?;
        // A line with a level is a record by itself, and the printed text may come from anybody: an
        // object in the text only fills in.
        let is_opened = match has_level {
            true => self.open_behind_prefix(message.clone(), Layer::Filling, collector)?,
            false => {
                self.open_whole(&message, collector)?
                    || self.open_behind_prefix(message.clone(), Layer::Record, collector)?
            }
        };
        if !is_opened {
            keep(message, collector)?;
        }
        Ok(true)
    }

    /// Opens a text that is one object.
    fn open_whole(
        &mut self,
        text: &str,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let text = text.trim_ascii();
        let opens = wrapper::looks_like_object(text)
            && self.decoder.probe(text.as_bytes(), self.trial).is_ok();
        if opens {
            collector.next_layer(Layer::Record);
            self.open_object(text.as_bytes(), collector)?;
        }
        Ok(opens)
    }

    /// Opens an object that ends a line; the text before it is the message if there is no other.
    fn open_behind_prefix(
        &mut self,
        line: Cow<'a, str>,
        layer: Layer,
        collector: &mut Collector<'a, '_>,
    ) -> Result<bool, Reject> {
        let Some((start, object)) = self.object_behind_prefix(&line) else { return Ok(false) };
        collector.next_layer(layer);
        self.open_object(object, collector)?;
        let prefix = match line {
            Cow::Borrowed(line) => Cow::Borrowed(line.get(..start).unwrap_or_default().trim()),
            Cow::Owned(line) => Cow::Owned(line.get(..start).unwrap_or_default().trim().to_owned()),
        };
        let name = if collector.has(Target::Message) { "prefix" } else { field_names::MESSAGE };
        collector.add(name, Value::Str(prefix))?;
        collector.settle();
        Ok(true)
    }

    /// Finds an object that ends a line behind some prose.
    fn object_behind_prefix<'l>(&mut self, line: &'l str) -> Option<(usize, &'l [u8])> {
        wrapper::object_starts(line.as_bytes()).find_map(|start| {
            let (prefix, object) = line.split_at_checked(start)?;
            let object = object.as_bytes();
            let opens = wrapper::is_prose(prefix) && self.decoder.probe(object, self.trial).is_ok();
            opens.then_some((start, object))
        })
    }
}

/// Adds the message of a text and settles the layer.
fn keep<'a>(message: Cow<'a, str>, collector: &mut Collector<'a, '_>) -> Result<(), Reject> {
    collector.add(field_names::MESSAGE, Value::Str(message))?;
    collector.settle();
    Ok(())
}

fn add_fields<'a>(record: TextRecord<'a>, collector: &mut Collector<'a, '_>) -> Result<(), Reject> {
    for (name, value) in record.fields {
        collector.add_named(name, value)?;
    }
    Ok(())
}

/// Takes the line break off that a runtime keeps.
fn without_end(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii_end()),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_ascii_end().len());
            Cow::Owned(text)
        }
    }
}
