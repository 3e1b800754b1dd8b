//! The filter: one line in, the redacted line out, with nothing of ingest around it, for
//! `tierlog redact` and for whoever wants an explanation.
//!
//! Arrives: a line, JSON or any text. Leaves: the finds, and the line without personal data, or
//! nothing when a rule drops the record. Of an object, what is not replaced stays byte for byte,
//! spaces and digits too; any other JSON is written anew, and other text is read as text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize as _, Deserializer as _};
use serde_json::value::RawValue;
use tierlog_model::fields::{DETECTED, LEVEL, REDACTED};
use tierlog_model::{Level, Record, RecordKind, Tenant, Timestamp, Value};

use super::clean_texts::CleanTexts;
use super::detector_set::DetectorSet;
use super::evidence::Evidence;
use super::explain::Find;
use super::names::Names;
use super::scope::{Explaining, Scope};
use super::tally::Tally;
use super::walk::Walk;
use super::{Disposition, Redactor};

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// The redacted line; nothing when a rule drops the record.
    pub line: Option<String>,
    /// Each find with its explanation.
    pub finds: Vec<Find>,
    /// How many values were replaced; pseudonyms do not count.
    pub replaced_count: u64,
}

/// A record that was redacted outside of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained<'r> {
    /// The record as it would be stored.
    pub record: Record<'r>,
    /// Whether the record would be stored.
    pub disposition: Disposition,
    /// Each find with its explanation.
    pub finds: Vec<Find>,
}

/// Redacts lines one by one and explains the finds.
pub struct Filter<'r> {
    redactor: &'r Redactor,
    names: Names,
    clean: CleanTexts,
    tally: Tally,
}

impl fmt::Debug for Filter<'_> {
    /// Texts of lines are remembered, and none is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Filter")
    }
}

impl Redactor {
    /// Returns a filter of the lines of a tenant.
    pub fn filter(&self, tenant: Tenant) -> Filter<'_> {
        let mut scope = Scope::new(self.engine.rules(), Explaining::On);
        if let Some(scope) = &mut scope {
            scope.set_tenant(tenant);
        }
        Filter {
            redactor: self,
            names: Names::default(),
            clean: CleanTexts::default(),
            tally: Tally::new(scope),
        }
    }
}

impl Filter<'_> {
    /// Redacts a line: an object is a record, any other line is text.
    pub fn line(&mut self, line: &str) -> Filtered {
        let before = self.tally.total();
        let written = match Members::of(line) {
            Some(members) => self.object(line, &members),
            None => self.text(line),
        };
        self.filtered(written, before)
    }

    /// Redacts a text, whatever it looks like.
    pub fn text_alone(&mut self, text: &str) -> Filtered {
        let before = self.tally.total();
        let written = self.text(text);
        self.filtered(written, before)
    }

    fn filtered(&mut self, written: String, before: u64) -> Filtered {
        let is_dropped = self.scope().is_some_and(Scope::drops_record);
        let finds = self.scope_mut().map(Scope::take_finds).unwrap_or_default();
        let line = (!is_dropped).then_some(written);
        Filtered { line, finds, replaced_count: self.tally.total() - before }
    }

    /// Redacts a record in place and says whether it would be stored.
    pub fn record<'a>(&mut self, mut record: Record<'a>) -> Explained<'a> {
        self.walk().record(&mut record, &mut Evidence::default());
        self.names.end_record();
        let is_dropped = self.scope().is_some_and(Scope::drops_record);
        let disposition = if is_dropped { Disposition::Dropped } else { Disposition::Stored };
        let finds = self.scope_mut().map(Scope::take_finds).unwrap_or_default();
        Explained { record, disposition, finds }
    }

    fn scope(&self) -> Option<&Scope> {
        self.tally.scope.as_deref()
    }

    fn scope_mut(&mut self) -> Option<&mut Scope> {
        self.tally.scope.as_deref_mut()
    }

    fn walk(&mut self) -> Walk<'_> {
        Walk {
            engine: &self.redactor.engine,
            names: &mut self.names,
            clean: &mut self.clean,
            tally: &mut self.tally,
        }
    }

    /// Redacts a text that is no field's.
    fn text(&mut self, text: &str) -> String {
        let record = record_of(Vec::new(), Level::Info);
        if let Some(scope) = self.scope_mut() {
            scope.begin_record(&record);
            scope.begin_field("");
        }
        // An array, or a text in quotes, is JSON again.
        let is_json =
            text.starts_with(['[', '"']) && serde_json::from_str::<&RawValue>(text).is_ok();
        let redacted = match is_json {
            true => self.walk().json(text),
            false => self.redactor.engine.redact(text, &mut self.tally),
        };
        self.names.end_record();
        self.tally.take_fired();
        self.tally.tokens.take_noted();
        redacted.unwrap_or_else(|| text.to_owned())
    }

    fn object(&mut self, line: &str, members: &Members<'_>) -> String {
        let fields = members.0.iter().map(|member| (Cow::Borrowed(&*member.name), member.value()));
        let mut record = record_of(fields.collect(), members.level());
        if let Some(scope) = self.scope_mut() {
            scope.begin_record(&record);
        }
        let dropped = self.walk().fields(&mut record);
        let fired = self.tally.take_fired();
        self.tally.tokens.take_noted();
        let tagged = self.scope().map_or(DetectorSet::EMPTY, Scope::tagged);
        let earlier = members.0.iter().find(|member| member.name == REDACTED);
        let claimed = earlier.and_then(|list| serde_json::from_str::<Vec<String>>(list.raw).ok());
        let engine = &self.redactor.engine;
        let listed = engine.listed(fired, &claimed.unwrap_or_default(), &record);
        let mut lists = Vec::new();
        for (field, set) in [(REDACTED, listed), (DETECTED, tagged)] {
            let mut names: Vec<&str> =
                set.positions().map(|position| engine.name_of(position)).collect();
            names.sort_unstable();
            if !names.is_empty() {
                lists.push((field, names));
            }
        }
        self.names.end_record();
        members.write(line, &record, &dropped, &lists)
    }
}

fn record_of<'a>(fields: Vec<(Cow<'a, str>, Value<'a>)>, level: Level) -> Record<'a> {
    Record { timestamp: Timestamp::default(), level, kind: RecordKind::Log, fields }
}

/// A member of an object: its name, and its value as written.
struct Member<'l> {
    name: String,
    raw: &'l str,
    /// The value of a text, without its escapes.
    text: Option<String>,
}

impl Member<'_> {
    /// Tells whether redaction writes what stands under the name.
    fn is_list(&self) -> bool {
        [REDACTED, DETECTED].contains(&self.name.as_str())
    }

    fn value(&self) -> Value<'_> {
        if self.is_list() {
            return Value::Bool(false);
        }
        if let Some(text) = &self.text {
            return Value::Str(Cow::Borrowed(text));
        }
        match self.raw {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            // Nothing is as little anybody's as an empty text.
            "null" => Value::Str(Cow::Borrowed("")),
            raw => match (raw.parse::<i64>(), raw.parse::<u64>(), raw.parse::<f64>()) {
                (Ok(number), _, _) => Value::I64(number),
                (_, Ok(number), _) => Value::U64(number),
                (_, _, Ok(number)) => Value::F64(number),
                _ => Value::Json(Cow::Borrowed(raw)),
            },
        }
    }
}

/// The members of an object in their order, those that stand twice too.
struct Members<'l>(Vec<Member<'l>>);

impl<'l> Members<'l> {
    /// Returns the members of a line that is an object; nothing for any other line.
    fn of(line: &'l str) -> Option<Members<'l>> {
        if !line.trim_start().starts_with('{') {
            return None;
        }
        let mut json = serde_json::Deserializer::from_str(line);
        let members = json.deserialize_map(MembersVisitor).ok()?;
        json.end().is_ok().then_some(members)
    }

    /// Returns the level that the object names, for rules about tiers.
    fn level(&self) -> Level {
        let named = self.0.iter().find(|member| member.name == LEVEL);
        let word = named.and_then(|member| member.text.as_deref());
        word.and_then(Level::from_word).unwrap_or(Level::Info)
    }

    /// Writes the line with the fields of the redacted record in place of its members.
    fn write(
        &self,
        line: &str,
        record: &Record<'_>,
        dropped: &[usize],
        lists: &[(&str, Vec<&str>)],
    ) -> String {
        let mut out = String::with_capacity(line.len());
        let (mut read, mut count) = (line.find('{').map_or(0, |open| open + 1), 0);
        out.push_str(line.get(..read).unwrap_or_default());
        for (position, member) in self.0.iter().enumerate() {
            let start = offset_of(line, member.raw);
            let head = line.get(read..start).unwrap_or_default();
            read = start + member.raw.len();
            if member.is_list() || dropped.contains(&position) {
                continue;
            }
            let field = record.fields.get(position);
            match field.filter(|(name, _)| *name != member.name) {
                Some((name, _)) => {
                    let comma = if count > 0 { "," } else { "" };
                    out.push_str(&format!("{comma}{}:", json_text(name)));
                }
                // The first member that stays has no comma in front.
                None if count == 0 && position > 0 => {
                    out.push_str(head.split_once(',').map_or(head, |(_, own)| own));
                }
                None => out.push_str(head),
            }
            count += 1;
            match field.filter(|(_, value)| *value != member.value()) {
                Some((_, value)) => out.push_str(&json_value(value)),
                None => out.push_str(member.raw),
            }
        }
        for (field, names) in lists {
            let comma = if count > 0 { "," } else { "" };
            count += 1;
            let list = serde_json::to_string(names).unwrap_or_default();
            out.push_str(&format!("{comma}\"{field}\":{list}"));
        }
        let rest = line.get(read..).unwrap_or_default();
        out.push_str(rest);
        out
    }
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn json_value(value: &Value<'_>) -> String {
    match value {
        Value::Json(text) => text.clone().into_owned(),
        Value::Str(text) => json_text(text),
        Value::Bool(flag) => flag.to_string(),
        Value::I64(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
    }
}

/// Returns where a part of a text stands in the text.
fn offset_of(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

struct MembersVisitor;

impl<'l> Visitor<'l> for MembersVisitor {
    type Value = Members<'l>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<Members<'l>, A::Error> {
        let mut members = Vec::new();
        while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
            let raw = raw.get();
            let text = raw.starts_with('"').then(|| String::deserialize(&mut reader(raw)));
            let text = text.transpose().map_err(serde::de::Error::custom)?;
            members.push(Member { name, raw, text });
        }
        Ok(Members(members))
    }
}

fn reader(text: &str) -> serde_json::Deserializer<serde_json::de::StrRead<'_>> {
    serde_json::Deserializer::from_str(text)
}
