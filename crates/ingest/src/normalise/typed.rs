//! Fields that are typed already become a record, without a detour by JSON text: protocols with
//! values of their own (protobuf, MessagePack, structured syslog) write them here.
//!
//! A record of typed fields is read as the object that says the same in JSON: names are looked up
//! in the same tables, and a message that holds an object is opened.

use std::borrow::Cow;

use simd_json::StaticNode;
use tierlog_model::{Timestamp, Value};

use super::collect::Collector;
use super::known::Place;
use super::shapes::ShapeIndex;
use crate::decode::{Reject, write_json_text, write_static};

/// Takes the fields of one record. The first field that no record can take ends the record: what
/// follows is ignored, and the record is rejected.
pub struct FieldSink<'f, 'd: 'f> {
    collector: Collector<'d, 'f>,
    /// The object that is being filled.
    place: Place,
    /// How many objects the next field lies in, the record included.
    depth: usize,
    depth_max: usize,
    rejected: Option<Reject>,
}

impl std::fmt::Debug for FieldSink<'_, '_> {
    /// A record holds the content of applications, and no field is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FieldSink").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl<'f, 'd: 'f> FieldSink<'f, 'd> {
    /// Returns the sink of a record without a field.
    pub(super) fn new(collector: Collector<'d, 'f>, depth_max: usize) -> FieldSink<'f, 'd> {
        FieldSink { collector, place: Place::ROOT, depth: 1, depth_max, rejected: None }
    }

    /// Returns the fields, or why they are no record.
    pub(super) fn finish(self) -> Result<Collector<'d, 'f>, Reject> {
        match self.rejected {
            Some(reject) => Err(reject),
            None => {
                let mut collector = self.collector;
                collector.settle();
                Ok(collector)
            }
        }
    }

    /// Says the shape of the record (`tierlog shapes`), which its names alone may not tell.
    pub fn shape(&mut self, name: &str) {
        let shape = ShapeIndex::get().named(name);
        debug_assert!(shape.is_some(), "no shape is called {name}");
        self.collector.set_shape(shape);
    }

    /// Adds a text.
    pub fn text(&mut self, name: &'d str, text: impl Into<Cow<'d, str>>) {
        self.value(name, Value::Str(text.into()));
    }

    /// Adds an integer.
    pub fn integer(&mut self, name: &'d str, number: i64) {
        self.value(name, Value::I64(number));
    }

    /// Adds an integer that may be larger than 63 bits hold.
    pub fn unsigned(&mut self, name: &'d str, number: u64) {
        self.value(name, i64::try_from(number).map_or(Value::U64(number), Value::I64));
    }

    /// Adds a number with a fraction; what is no number becomes its name (`NaN`, `Infinity`).
    pub fn float(&mut self, name: &'d str, number: f64) {
        self.value(name, float(number));
    }

    /// Adds a truth value.
    pub fn boolean(&mut self, name: &'d str, value: bool) {
        self.value(name, Value::Bool(value));
    }

    /// Says when the event of the record happened.
    pub fn time(&mut self, moment: Timestamp) {
        let added = self.collector.add_moment(moment);
        self.note(added);
    }

    /// Adds an array, whose values `fill` writes.
    pub fn array(&mut self, name: &'d str, fill: impl FnOnce(&mut ArraySink<'_>)) {
        let mut text = String::new();
        let mut rejected = None;
        let budget = DepthBudget { depth: self.depth + 1, depth_max: self.depth_max };
        ArraySink::write(&mut text, budget, &mut rejected, fill);
        match rejected {
            Some(reject) => self.note(Err(reject)),
            None => self.value(name, Value::Json(Cow::Owned(text))),
        }
    }

    /// Adds the members of an object under dotted names.
    pub fn nested(&mut self, name: &'d str, fill: impl FnOnce(&mut FieldSink<'f, 'd>)) {
        if self.rejected.is_some() {
            return;
        }
        if self.depth >= self.depth_max {
            self.rejected = Some(Reject::too_deep(self.depth_max));
            return;
        }
        let (outside, before) = (self.place, self.collector.added_count());
        let (inside, path_bytes) = self.collector.enter_object(name, outside);
        (self.place, self.depth) = (inside, self.depth + 1);
        fill(self);
        (self.place, self.depth) = (outside, self.depth - 1);
        self.collector.leave_object(path_bytes);
        if self.collector.added_count() == before {
            self.value(name, Value::Json(Cow::Borrowed("{}")));
        }
    }

    /// Adds a value.
    pub(crate) fn value(&mut self, name: &'d str, value: Value<'d>) {
        if self.rejected.is_none() {
            let added = self.collector.put(name, value, self.place);
            self.note(added);
        }
    }

    fn note(&mut self, added: Result<(), Reject>) {
        if let Err(reject) = added {
            self.rejected.get_or_insert(reject);
        }
    }
}

/// How many levels are left for arrays and objects in each other.
#[derive(Clone, Copy, Debug)]
struct DepthBudget {
    depth: usize,
    depth_max: usize,
}

/// Takes the values of an array.
#[derive(Debug)]
pub struct ArraySink<'t> {
    json: JsonText<'t>,
}

/// Takes the members of an object inside of an array.
#[derive(Debug)]
pub struct ObjectSink<'t> {
    json: JsonText<'t>,
}

/// Compact JSON that is being written.
#[derive(Debug)]
struct JsonText<'t> {
    text: &'t mut String,
    is_first: bool,
    budget: DepthBudget,
    rejected: &'t mut Option<Reject>,
}

impl JsonText<'_> {
    fn begin_value(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
    }

    fn scalar(&mut self, value: &Value<'_>) {
        let node = match value {
            Value::Str(text) | Value::Json(text) => return write_json_text(text, self.text),
            Value::Bool(value) => StaticNode::Bool(*value),
            Value::I64(value) => StaticNode::I64(*value),
            Value::U64(value) => StaticNode::U64(*value),
            Value::F64(value) => StaticNode::F64(*value),
        };
        write_static(node, self.text);
    }

    fn array(&mut self, fill: impl FnOnce(&mut ArraySink<'_>)) {
        let budget = DepthBudget { depth: self.budget.depth + 1, ..self.budget };
        ArraySink::write(self.text, budget, self.rejected, fill);
    }

    fn object(&mut self, fill: impl FnOnce(&mut ObjectSink<'_>)) {
        let budget = DepthBudget { depth: self.budget.depth + 1, ..self.budget };
        if let Some(json) = JsonText::open('{', self.text, budget, self.rejected) {
            let mut object = ObjectSink { json };
            fill(&mut object);
            self.text.push('}');
        }
    }

    fn open<'t>(
        bracket: char,
        text: &'t mut String,
        budget: DepthBudget,
        rejected: &'t mut Option<Reject>,
    ) -> Option<JsonText<'t>> {
        if budget.depth > budget.depth_max {
            rejected.get_or_insert_with(|| Reject::too_deep(budget.depth_max));
            return None;
        }
        text.push(bracket);
        Some(JsonText { text, is_first: true, budget, rejected })
    }
}

impl ArraySink<'_> {
    fn write(
        text: &mut String,
        budget: DepthBudget,
        rejected: &mut Option<Reject>,
        fill: impl FnOnce(&mut ArraySink<'_>),
    ) {
        if let Some(json) = JsonText::open('[', text, budget, rejected) {
            let mut array = ArraySink { json };
            fill(&mut array);
            text.push(']');
        }
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.scalar(&Value::Str(Cow::Borrowed(text)));
    }

    /// Adds an integer.
    pub fn integer(&mut self, number: i64) {
        self.scalar(&Value::I64(number));
    }

    /// Adds a number with a fraction; what is no number becomes its name.
    pub fn float(&mut self, number: f64) {
        self.scalar(&float(number));
    }

    /// Adds a truth value.
    pub fn boolean(&mut self, value: bool) {
        self.scalar(&Value::Bool(value));
    }

    /// Adds an array.
    pub fn array(&mut self, fill: impl FnOnce(&mut ArraySink<'_>)) {
        self.json.begin_value();
        self.json.array(fill);
    }

    /// Adds an object.
    pub fn object(&mut self, fill: impl FnOnce(&mut ObjectSink<'_>)) {
        self.json.begin_value();
        self.json.object(fill);
    }

    fn scalar(&mut self, value: &Value<'_>) {
        self.json.begin_value();
        self.json.scalar(value);
    }
}

impl ObjectSink<'_> {
    /// Adds a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.member(name, &Value::Str(Cow::Borrowed(text)));
    }

    /// Adds an integer.
    pub fn integer(&mut self, name: &str, number: i64) {
        self.member(name, &Value::I64(number));
    }

    /// Adds a number with a fraction; what is no number becomes its name.
    pub fn float(&mut self, name: &str, number: f64) {
        self.member(name, &float(number));
    }

    /// Adds a truth value.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.member(name, &Value::Bool(value));
    }

    /// Adds an array.
    pub fn array(&mut self, name: &str, fill: impl FnOnce(&mut ArraySink<'_>)) {
        self.name(name);
        self.json.array(fill);
    }

    /// Adds an object.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut ObjectSink<'_>)) {
        self.name(name);
        self.json.object(fill);
    }

    fn member(&mut self, name: &str, value: &Value<'_>) {
        self.name(name);
        self.json.scalar(value);
    }

    fn name(&mut self, name: &str) {
        self.json.begin_value();
        write_json_text(name, self.json.text);
        self.json.text.push(':');
    }
}

/// Returns the value of a number, as the readers of JSON keep it.
fn float(number: f64) -> Value<'static> {
    match number {
        _ if number.is_finite() => Value::F64(number),
        _ if number.is_nan() => Value::Str(Cow::Borrowed("NaN")),
        _ if number > 0.0 => Value::Str(Cow::Borrowed("Infinity")),
        _ => Value::Str(Cow::Borrowed("-Infinity")),
    }
}

#[cfg(test)]
mod tests;
