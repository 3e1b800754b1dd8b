//! What a text line says: fields by name, the message, and how severe it is.

use std::borrow::Cow;

use tierlog_model::{Level, Value, fields};

/// A line that a format has recognised.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TextRecord<'a> {
    /// The format, as the registry names it.
    pub(crate) format: &'static str,
    /// Whether the message is a line of another program, which is read in its turn.
    pub(crate) carries: Carries,
    /// The fields of the line, under names of the contract where there is a name.
    pub(crate) fields: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The text of the event.
    pub(crate) message: Cow<'a, str>,
}

/// What the message of a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// A text.
    Text,
    /// A line that another program wrote: syslog and log routers carry such lines.
    Line,
}

impl<'a> TextRecord<'a> {
    /// Returns a record without fields.
    pub(super) fn new(format: &'static str) -> TextRecord<'a> {
        let message = Cow::Borrowed("");
        TextRecord { format, carries: Carries::Text, fields: Vec::with_capacity(8), message }
    }

    /// Adds a text, unless it is empty or says "none".
    pub(super) fn text(mut self, name: &'static str, text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if !matches!(text.as_ref(), "" | "-") {
            self.fields.push((Cow::Borrowed(name), Value::Str(text)));
        }
        self
    }

    /// Adds a text if there is one.
    pub(super) fn some_text(self, name: &'static str, text: Option<&'a str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Adds a number if the text is one, else the text.
    pub(super) fn count(mut self, name: &'static str, text: &'a str) -> Self {
        match text.parse() {
            Ok(number) => {
                self.fields.push((Cow::Borrowed(name), Value::I64(number)));
                self
            }
            Err(_) => self.text(name, text),
        }
    }

    /// Adds a value.
    pub(super) fn value(mut self, name: &'static str, value: Value<'a>) -> Self {
        self.fields.push((Cow::Borrowed(name), value));
        self
    }

    /// Adds the moment.
    pub(super) fn time(self, moment: impl Into<Cow<'a, str>>) -> Self {
        self.text("time", moment)
    }

    /// Adds a level by its word.
    pub(super) fn level(self, word: &'a str) -> Self {
        self.text(fields::LEVEL, word)
    }

    /// Adds a level in the words of the format.
    pub(super) fn level_of(self, level: Level, written: &'a str) -> Self {
        let record = self.text(fields::LEVEL, level.as_str());
        match written == level.as_str() {
            true => record,
            false => record.text(fields::LEVEL_TEXT, written),
        }
    }

    /// Ends with the message.
    pub(super) fn message(mut self, message: impl Into<Cow<'a, str>>) -> Option<Self> {
        self.message = message.into();
        Some(self)
    }

    /// Ends with a line of another program.
    pub(super) fn carried(self, line: &'a str) -> Option<Self> {
        TextRecord { carries: Carries::Line, ..self }.message(line)
    }

    /// Tells whether a field was found.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own == name)
    }

    /// Returns the record with texts of its own.
    pub(super) fn into_owned(self) -> TextRecord<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        TextRecord {
            format: self.format,
            carries: self.carries,
            fields: self
                .fields
                .into_iter()
                .map(|(name, value)| (owned(name), value.into_owned()))
                .collect(),
            message: owned(self.message),
        }
    }
}
