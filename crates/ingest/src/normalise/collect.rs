//! Values of a tape become flat fields; for every target of the table the best spelling wins.
//!
//! Wrapped records come in layers: the object in Docker's `log` is a layer above Docker's own.
//! A spelling of a higher layer wins over one of a lower layer, whatever their rank.

use std::borrow::Cow;
use std::slice::Iter;

use simd_json::{Node, StaticNode, Tape};
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{Level, RejectReason, Value, fields};

use super::aliases::{Alias, AliasTable, Hint, NameHash};
use super::convert;
use super::known::{KnownNames, NameReading, Place, Wrapped, alias_of, read_name};
use super::level::{LevelScale, read_level};
use super::names::{NameFilter, cleaned, displace, end_of};
use super::targets::Target;
use super::wrapper;
use crate::decode::{Reject, write_json};

/// A name and its value.
pub(crate) type Field<'a> = (Cow<'a, str>, Value<'a>);

/// The field that a target is taken from, as far as seen. The lower priority wins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Position in the fields.
    pub(crate) index: usize,
    /// The spelling.
    pub(crate) alias: Alias,
    priority: u16,
}

/// The field that the level is taken from, as far as seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelChoice {
    /// Position in the fields.
    pub(crate) index: usize,
    /// The level, where the value says one that is known.
    pub(crate) known: Option<Level>,
    priority: u16,
}

/// Gathers the fields of one record.
pub(crate) struct Collector<'a, 'c> {
    aliases: &'c AliasTable,
    known: &'c mut KnownNames,
    fields_max: usize,
    fields: Vec<Field<'a>>,
    best: [Option<Candidate>; Target::ALL.len()],
    level: Option<LevelChoice>,
    seen: NameFilter,
    /// Dotted path of the object that is being walked, with its last dot.
    path: String,
    layer: u16,
    /// Values that were added, kept or not.
    added_count: usize,
    /// First field of the current layer.
    layer_start: usize,
    /// Positions of fields that are not kept.
    dropped: Vec<usize>,
}

/// What [`Collector::into_parts`] hands on.
pub(crate) struct Collected<'a> {
    /// All fields under their own names.
    pub(crate) fields: Vec<Field<'a>>,
    /// By target: the field that it is taken from.
    pub(crate) best: [Option<Candidate>; Target::ALL.len()],
    /// The field that the level is taken from.
    pub(crate) level: Option<LevelChoice>,
    /// Positions of fields that are not kept.
    pub(crate) dropped: Vec<usize>,
}

impl<'a, 'c> Collector<'a, 'c> {
    /// Returns a collector for one record. What is known was learnt from the same aliases.
    pub(crate) fn new(
        aliases: &'c AliasTable,
        known: &'c mut KnownNames,
        fields_max: usize,
    ) -> Collector<'a, 'c> {
        Collector {
            aliases,
            known,
            fields_max,
            fields: Vec::with_capacity(24),
            best: [None; Target::ALL.len()],
            level: None,
            seen: NameFilter::default(),
            path: String::new(),
            layer: 0,
            added_count: 0,
            layer_start: 0,
            dropped: Vec::new(),
        }
    }

    /// Adds the fields of a tape; `false` when it holds no object.
    pub(crate) fn add_object(&mut self, tape: &Tape<'a>) -> Result<bool, Reject> {
        let mut nodes = tape.0.iter();
        let Some(Node::Object { len, .. }) = nodes.next() else { return Ok(false) };
        self.object(&mut nodes, *len, Place::ROOT)?;
        Ok(true)
    }

    /// Adds a field at the top.
    pub(crate) fn add(&mut self, name: &'static str, value: Value<'a>) -> Result<(), Reject> {
        self.leaf(name, value, Place::ROOT)
    }

    /// Tells whether the current layer brought a field for a target.
    pub(crate) fn has(&self, target: Target) -> bool {
        self.candidate(target).is_some_and(|candidate| candidate.index >= self.layer_start)
    }

    /// Starts a layer above the current one.
    pub(crate) fn next_layer(&mut self) {
        self.layer += 1;
        self.layer_start = self.fields.len();
    }

    /// Returns the message of the current layer when it may be a JSON object itself.
    pub(crate) fn embedded_object(&self) -> Option<(usize, Cow<'a, str>)> {
        let message = self.candidate(Target::Message)?;
        let (_, Value::Str(text)) = self.fields.get(message.index)? else { return None };
        let may_open =
            message.index >= self.layer_start && wrapper::looks_like_object(text.trim_ascii());
        may_open.then(|| (message.index, text.clone()))
    }

    /// Drops the message at a position: the object in it takes its place.
    pub(crate) fn drop_message(&mut self, index: usize) {
        self.dropped.push(index);
        if let Some(best) = self.best.get_mut(Target::Message as usize) {
            *best = None;
        }
    }

    /// Returns what was gathered.
    pub(crate) fn into_parts(self) -> Collected<'a> {
        Collected { fields: self.fields, best: self.best, level: self.level, dropped: self.dropped }
    }

    fn candidate(&self, target: Target) -> Option<Candidate> {
        self.best.get(target as usize).copied().flatten()
    }

    /// Walks the members of an object. Recursion is bounded by the decoder's depth limit.
    fn object(
        &mut self,
        nodes: &mut Iter<'_, Node<'a>>,
        len: usize,
        place: Place,
    ) -> Result<(), Reject> {
        for _ in 0..len {
            let Some(&Node::String(key)) = nodes.next() else { break };
            match nodes.as_slice().first() {
                Some(&Node::Object { len, .. }) if len > 0 => {
                    nodes.next();
                    let depth = self.path.len();
                    let inside = self.enter(key, place);
                    self.object(nodes, len, inside)?;
                    self.path.truncate(depth);
                }
                Some(Node::Static(StaticNode::Null)) => {
                    nodes.next();
                }
                // Fast path: most values are text.
                Some(&Node::String(text)) => {
                    nodes.next();
                    self.leaf(key, Value::Str(Cow::Borrowed(text)), place)?;
                }
                _ => self.other_leaf(key, nodes, place)?,
            }
        }
        Ok(())
    }

    /// Adds the next value, which is no text.
    #[inline(never)]
    fn other_leaf(
        &mut self,
        key: &'a str,
        nodes: &mut Iter<'_, Node<'a>>,
        place: Place,
    ) -> Result<(), Reject> {
        let value = read_value(nodes);
        self.leaf(key, value, place)
    }

    /// Moves the path into a nested object.
    fn enter(&mut self, key: &str, place: Place) -> Place {
        let at_inner_start = self.path.len() == place.inner_start;
        self.path.push_str(key);
        self.path.push('.');
        let (aliases, path_bytes) = (self.aliases, self.path.len());
        self.known.object(key, place, || {
            let wraps = at_inner_start
                && aliases
                    .find(NameHash::START.extend(key), "", key)
                    .is_some_and(|entry| entry.is_container);
            if wraps { path_bytes } else { place.inner_start }
        })
    }

    /// Adds one value. Inlined, so that a value is written once, to its place in the record.
    #[inline(always)]
    fn leaf(&mut self, key: &'a str, value: Value<'a>, place: Place) -> Result<(), Reject> {
        // Every value counts, those of equal names too: what is counted bounds the work.
        self.added_count += 1;
        if self.added_count > self.fields_max {
            return Err(too_many_fields(self.fields_max));
        }
        let (aliases, path) = (self.aliases, self.path.as_str());
        let reading = self.known.leaf(key, place, || read_name(aliases, path, key, place));
        let Some(NameReading { hash, alias }) = reading else {
            self.odd_leaf(key, value, place);
            return Ok(());
        };
        let index = match self.path.is_empty() {
            true => self.place_field(hash, Cow::Borrowed(key), value),
            false => self.place_field(hash, self.name_of(key), value),
        };
        if let Some((alias, wrapped)) = alias {
            self.consider(index, alias, wrapped);
        }
        Ok(())
    }

    /// Adds a value whose name is too long or has to be cleaned.
    #[cold]
    fn odd_leaf(&mut self, key: &'a str, value: Value<'a>, place: Place) {
        if self.path.len() + key.len() > FIELD_NAME_BYTES_MAX {
            self.add_overflow(key, &value);
            return;
        }
        let hash = NameHash::START.extend(&self.path).extend(key);
        let alias = alias_of(self.aliases, &self.path, key, hash, place);
        let name = self.name_of(key);
        let name = cleaned(&name).map_or(name, Cow::Owned);
        let index = self.place_field(NameHash::START.extend(&name), name, value);
        if let Some((alias, wrapped)) = alias {
            self.consider(index, alias, wrapped);
        }
    }

    /// Returns the dotted name of a key in the object that is being walked.
    fn name_of(&self, key: &'a str) -> Cow<'a, str> {
        if self.path.is_empty() {
            return Cow::Borrowed(key);
        }
        let mut name = String::with_capacity(self.path.len() + key.len());
        name.push_str(&self.path);
        name.push_str(key);
        Cow::Owned(name)
    }

    /// Puts a field at its position: a new one, or that of the same name in this layer.
    #[inline(always)]
    fn place_field(&mut self, hash: NameHash, name: Cow<'a, str>, value: Value<'a>) -> usize {
        if self.seen.may_hold(hash) {
            return self.place_again(name, value);
        }
        self.fields.push((name, value));
        self.fields.len() - 1
    }

    /// The same for a name that may have been seen.
    #[cold]
    fn place_again(&mut self, name: Cow<'a, str>, value: Value<'a>) -> usize {
        if let Some(earlier) = self.fields.iter().position(|(field, _)| *field == name) {
            if earlier >= self.layer_start {
                if self.fields.get(earlier).is_some_and(|(_, other)| *other == value) {
                    return earlier;
                }
                // The last of two equal names wins, and its value is judged anew. The first one
                // was written too: it is kept under another name.
                self.forget(earlier);
            }
            let displaced = displace(&mut self.fields, earlier);
            self.seen.may_hold(NameHash::START.extend(&displaced));
        }
        self.fields.push((name, value));
        self.fields.len() - 1
    }

    /// Withdraws a field from every choice.
    fn forget(&mut self, index: usize) {
        for best in &mut self.best {
            if best.is_some_and(|best| best.index == index) {
                *best = None;
            }
        }
        if self.level.is_some_and(|level| level.index == index) {
            self.level = None;
        }
    }

    /// Lets a field compete for the target that its name spells.
    fn consider(&mut self, index: usize, alias: Alias, wrapped: Wrapped) {
        let Some((name, value)) = self.fields.get(index) else { return };
        let priority = wrapper::LAYERS_MAX.saturating_sub(self.layer) << 13
            | match wrapped {
                Wrapped::No => 0,
                Wrapped::Yes => 1 << 12,
            }
            | alias.rank;
        let is_own_name = name == alias.target.name();
        if alias.target == Target::Level {
            let scale = match alias.hint {
                Hint::Scale(scale) => scale,
                Hint::None | Hint::Unit(_) => LevelScale::Pino,
            };
            let known = read_level(value, scale);
            let better = self.level.is_none_or(|level| {
                let this = (known.is_none(), priority);
                let other = (level.known.is_none(), level.priority);
                this < other || (this == other && is_own_name)
            });
            if better {
                self.level = Some(LevelChoice { index, known, priority });
            }
            return;
        }
        if !is_own_name && !convert::may_become(alias, value) {
            return;
        }
        if let Some(best) = self.best.get_mut(alias.target as usize) {
            let better = best.is_none_or(|best| {
                priority < best.priority || (priority == best.priority && is_own_name)
            });
            if better {
                *best = Some(Candidate { index, alias, priority });
            }
        }
    }

    /// Keeps a value whose name is too long as text, under the end of that name.
    fn add_overflow(&mut self, key: &str, value: &Value<'a>) {
        let room = FIELD_NAME_BYTES_MAX.saturating_sub(key.len());
        let entry = format!(
            "{}{}={}",
            end_of(&self.path, room),
            end_of(key, FIELD_NAME_BYTES_MAX),
            convert::text_of(value)
        );
        match self.fields.iter_mut().find(|(name, _)| name == fields::OVERFLOW) {
            Some((_, value)) => {
                let text = convert::text_of(value);
                *value = Value::Str(Cow::Owned(format!("{text}\n{entry}")));
            }
            None => {
                let hash = NameHash::START.extend(fields::OVERFLOW);
                let value = Value::Str(Cow::Owned(entry));
                self.place_field(hash, Cow::Borrowed(fields::OVERFLOW), value);
            }
        }
    }
}

#[cold]
fn too_many_fields(fields_max: usize) -> Reject {
    Reject::new(RejectReason::TooManyFields, format!("more than {fields_max} fields"))
}

/// Takes the next value, which is no filled object.
fn read_value<'a>(nodes: &mut Iter<'_, Node<'a>>) -> Value<'a> {
    match nodes.as_slice().first() {
        Some(&Node::String(text)) => {
            nodes.next();
            Value::Str(Cow::Borrowed(text))
        }
        Some(&Node::Static(value)) => {
            nodes.next();
            match value {
                StaticNode::Bool(value) => Value::Bool(value),
                StaticNode::I64(value) => Value::I64(value),
                StaticNode::U64(value) => {
                    i64::try_from(value).map_or(Value::U64(value), Value::I64)
                }
                StaticNode::F64(value) => Value::F64(value),
                StaticNode::Null => Value::Json(Cow::Borrowed("null")),
            }
        }
        Some(Node::Array { .. } | Node::Object { .. }) | None => {
            let mut text = String::new();
            write_json(nodes, &mut text);
            Value::Json(Cow::Owned(text))
        }
    }
}
