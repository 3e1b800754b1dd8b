//! Values of a tape become flat fields; for every target of the table the best spelling wins.
//!
//! A record comes in layers: what a wrapper holds is a layer of its own, and so is an object in
//! the message of an ordinary record. Of a layer, first all fields are gathered, then its shape
//! is recognised by their names, then they compete for the targets: [`Collector::settle`].

mod attributes;
mod given;

use std::borrow::Cow;
use std::slice::Iter;

use simd_json::{Node, StaticNode, Tape};
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{RejectReason, Value, fields};

use super::aliases::{Alias, AliasTable, Hint, NameHash, Trust};
use super::candidate::{
    Candidate, Chosen, Claim, Class, Finish, Layer, LevelChoice, Priority, TimeCandidate,
};
use super::convert::{self, Fit};
use super::known::{NameReading, Place, Sense, Spelling, Wrapped, read_name, sense_of};
use super::level::{LevelScale, read_level};
use super::names::{NameFilter, cleaned, displace, end_of};
use super::scratch::{Note, Scratch};
use super::shapes::{Compiled, Effect, Mark, Seen, ShapeIndex, SignSet};
use super::targets::Target;
use super::wrapper;
use crate::decode::{Reject, read_value};

/// A name and its value.
pub(crate) type Field<'a> = (Cow<'a, str>, Value<'a>);

/// Gathers the fields of one record.
pub(crate) struct Collector<'a, 'c> {
    aliases: &'c AliasTable,
    known: Spelling<'c>,
    scratch: &'c mut Scratch,
    shapes: &'static ShapeIndex,
    fields_max: usize,
    fields: Vec<Field<'a>>,
    level: Option<LevelChoice>,
    /// The line of a request, where a shape knows of one.
    request_line: Option<usize>,
    /// Names of the current layer that are signs of shapes.
    signs: SignSet,
    /// The shape of the current layer, once it is settled.
    shape: Option<&'static Compiled>,
    /// Names of the shapes of all layers.
    #[cfg(test)]
    recognised: Vec<&'static str>,
    /// The field of the current layer that holds another record.
    wrapped: Option<usize>,
    /// Dotted path of the object that is being walked, with its last dot.
    path: String,
    layer: Layer,
    /// Place of the current layer among the priorities; the lower wins.
    layer_rank: u8,
    layer_count: u8,
    /// Values that were added, kept or not.
    added_count: usize,
    /// First field of the current layer.
    layer_start: usize,
}

/// What [`Collector::into_parts`] hands on.
pub(crate) struct Collected<'a, 'c> {
    /// All fields under their own names.
    pub(crate) fields: Vec<Field<'a>>,
    /// The field of each target, by target. Times are apart.
    pub(crate) best: &'c mut Chosen,
    /// Every field that may say when the event happened.
    pub(crate) times: &'c mut Vec<TimeCandidate>,
    /// The field that the level is taken from.
    pub(crate) level: Option<LevelChoice>,
    /// The line of a request, where a shape knows of one.
    pub(crate) request_line: Option<usize>,
    /// Positions of fields that are not kept.
    pub(crate) dropped: &'c mut Vec<usize>,
    /// The names that fields may have.
    pub(crate) seen: &'c NameFilter,
    /// Names of the shapes of all layers, the outermost first.
    #[cfg(test)]
    pub(crate) shapes: Vec<&'static str>,
}

/// What is opened next.
pub(crate) enum Content<'a> {
    /// The record that a wrapper holds, at a position.
    Wrapped(usize, Cow<'a, str>),
    /// The message of an ordinary record, which may be an object, at a position.
    Message(usize, Cow<'a, str>),
}

impl<'a, 'c> Collector<'a, 'c> {
    /// Returns a collector for one record. What is known was learnt from the same aliases.
    pub(crate) fn new(
        aliases: &'c AliasTable,
        known: Spelling<'c>,
        scratch: &'c mut Scratch,
        fields_max: usize,
    ) -> Collector<'a, 'c> {
        let fields = scratch.begin();
        Collector {
            aliases,
            known,
            scratch,
            shapes: ShapeIndex::get(),
            fields_max,
            fields,
            level: None,
            request_line: None,
            signs: SignSet::default(),
            shape: None,
            #[cfg(test)]
            recognised: Vec::new(),
            wrapped: None,
            path: String::new(),
            layer: Layer::Record,
            layer_rank: wrapper::LAYERS_MAX,
            layer_count: 0,
            added_count: 0,
            layer_start: 0,
        }
    }

    /// Adds the fields of a tape and settles the layer; `false` when it holds no object.
    pub(crate) fn add_object(&mut self, tape: &Tape<'a>) -> Result<bool, Reject> {
        let mut nodes = tape.0.iter();
        let Some(Node::Object { len, .. }) = nodes.next() else { return Ok(false) };
        self.object(&mut nodes, *len, Place::ROOT)?;
        self.settle();
        Ok(true)
    }

    /// Tells whether the current layer, which is settled, brought a field for a target.
    pub(crate) fn has(&self, target: Target) -> bool {
        self.scratch.best.of(target).is_some_and(|candidate| candidate.index >= self.layer_start)
    }

    /// Starts a layer above the current one. Whatever an object in a message holds only fills
    /// in, wrappers that it pretends to hold included.
    pub(crate) fn next_layer(&mut self, layer: Layer) {
        self.settle();
        self.layer_count = self.layer_count.saturating_add(1);
        if layer == Layer::Filling {
            self.layer = Layer::Filling;
        }
        self.layer_rank = match self.layer {
            Layer::Record => wrapper::LAYERS_MAX.saturating_sub(self.layer_count),
            Layer::Filling => wrapper::LAYERS_MAX.saturating_add(self.layer_count),
        };
        self.layer_start = self.fields.len();
        self.signs = SignSet::default();
        self.shape = None;
        self.wrapped = None;
    }

    /// Returns the content of the current layer that may be opened, once the layer is settled.
    pub(crate) fn content(&self) -> Option<Content<'a>> {
        let text_at = |index: usize| match self.fields.get(index)? {
            (_, Value::Str(text)) => Some(text.clone()),
            _ => None,
        };
        if let Some(index) = self.wrapped {
            return Some(Content::Wrapped(index, text_at(index)?));
        }
        let message = self.scratch.best.of(Target::Message)?;
        let text = text_at(message.index)?;
        let may_open =
            message.index >= self.layer_start && wrapper::looks_like_object(text.trim_ascii());
        may_open.then_some(Content::Message(message.index, text))
    }

    /// Drops a text whose content was opened: the content takes its place.
    pub(crate) fn drop_opened(&mut self, index: usize) {
        self.scratch.dropped.push(index);
        self.forget(index);
    }

    /// Takes the message away: the next layer may bring a message.
    pub(crate) fn take_message(&mut self) -> Option<Candidate> {
        self.scratch.best.take(Target::Message)
    }

    /// Gives the message back.
    pub(crate) fn give_message(&mut self, message: Option<Candidate>) {
        if let Some(message) = message {
            self.scratch.best.set(Target::Message, message, Finish::Give);
        }
    }

    /// Returns what was gathered.
    pub(crate) fn into_parts(mut self) -> Collected<'a, 'c> {
        self.settle();
        Collected {
            fields: self.fields,
            best: &mut self.scratch.best,
            times: &mut self.scratch.times,
            level: self.level,
            request_line: self.request_line,
            dropped: &mut self.scratch.dropped,
            seen: &self.scratch.seen,
            #[cfg(test)]
            shapes: self.recognised,
        }
    }

    /// Recognises the shape of the fields that were added, and lets them compete.
    pub(crate) fn settle(&mut self) {
        // Fast path: layers are settled again at their end, and nearly always nothing came since.
        if self.scratch.notes.is_empty() {
            return;
        }
        if self.shape.is_none() {
            self.shape = self.shapes.recognise(&self.signs, |mark| self.sign(mark));
            #[cfg(test)]
            self.recognised.extend(self.shapes.name_of(&self.signs, |mark| self.sign(mark)));
        }
        if self.wrapped.is_none()
            && let Some(wraps) = self.shape.and_then(|shape| shape.wraps)
        {
            self.open_bytes(wraps);
        }
        let mut notes = std::mem::take(&mut self.scratch.notes);
        for Note { index, sense } in &notes {
            match (self.shape, &sense.claim) {
                // Fast path: where no shape says otherwise, a spelling means what it spells.
                (None, Some(claim)) => self.consider(*index, claim, &notes),
                (None, None) => {}
                (Some(shape), _) => self.judge(shape, *index, *sense, &notes),
            }
        }
        notes.clear();
        self.scratch.notes = notes;
    }

    /// Returns the field of the current layer that is a sign of a shape.
    fn sign(&self, mark: Mark) -> Option<Seen<'_, 'a>> {
        let index = index_of(&self.scratch.notes, mark)?;
        let (_, value) = self.fields.get(index)?;
        let count = self.fields.len().saturating_sub(self.layer_start);
        Some(Seen { position: index.saturating_sub(self.layer_start), count, value })
    }

    /// Makes a text of what a wrapper holds, where it is an array of bytes.
    fn open_bytes(&mut self, wraps: Mark) {
        self.wrapped = index_of(&self.scratch.notes, wraps);
        if let Some((_, value)) = self.wrapped.and_then(|index| self.fields.get_mut(index))
            && let Some(text) = convert::text_of_bytes(value)
        {
            *value = Value::Str(Cow::Owned(text));
        }
    }

    /// Lets a field of a record with a known shape compete for the field's target.
    #[inline(never)]
    fn judge(&mut self, shape: &Compiled, index: usize, sense: Sense, notes: &[Note]) {
        let Sense { claim, mark } = sense;
        let is_configured = claim.is_some_and(|claim| claim.alias.trust == Trust::Configured);
        let claim = match (mark.and_then(|mark| shape.effect(mark)), claim) {
            (_, Some(configured)) if is_configured => configured,
            (Some(Effect::Spells(alias)), _) => {
                let name = self.fields.get(index).map_or("", |(name, _)| name);
                Claim::new(alias, Wrapped::No, name)
            }
            (Some(Effect::RequestLine), _) => {
                self.request_line.get_or_insert(index);
                return;
            }
            (Some(Effect::Itself), _) | (None, None) => return,
            (None, Some(spelling)) => spelling,
        };
        // A duration without a unit in the name has the unit of the record's shape.
        let alias = match (claim.alias.hint, shape.shape.durations) {
            (Hint::Bare, Some(unit)) => Alias { hint: Hint::Unit(unit), ..claim.alias },
            _ => claim.alias,
        };
        self.consider(index, &Claim { alias, ..claim }, notes);
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
                    self.leaf(key, || Value::Str(Cow::Borrowed(text)), place)?;
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
        if self.attribute_list(key, nodes, place)? {
            return Ok(());
        }
        let value = read_value(nodes);
        self.leaf(key, || value, place)
    }

    /// Moves the path into a nested object.
    fn enter(&mut self, key: &str, place: Place) -> Place {
        let at_inner_start = self.path.len() == place.inner_start;
        self.path.push_str(key);
        self.path.push('.');
        let (aliases, path_bytes) = (self.aliases, self.path.len());
        self.known.object(key, place, || {
            let entry = aliases.find(NameHash::START.extend(key), "", key);
            match entry.filter(|entry| at_inner_start && entry.is_container) {
                Some(entry) => (path_bytes, entry.is_opened || place.is_opened),
                None => (place.inner_start, place.is_opened),
            }
        })
    }

    /// Adds one value. Inlined, so that a value is made once, at its place in the record: whoever
    /// copies what was just written in pieces waits for the pieces.
    #[inline(always)]
    fn leaf(
        &mut self,
        key: &'a str,
        value: impl FnOnce() -> Value<'a>,
        place: Place,
    ) -> Result<(), Reject> {
        self.count_value()?;
        let (aliases, path) = (self.aliases, self.path.as_str());
        let reading = self.known.leaf(key, place, || read_name(aliases, path, key, place));
        let Some(NameReading { hash, sense }) = reading else {
            self.odd_leaf(key, value(), place);
            return Ok(());
        };
        let index = match self.path.is_empty() {
            true => self.place_field(hash, || (Cow::Borrowed(key), value())),
            false => {
                let name = self.name_of(key);
                self.place_field(hash, || (name, value()))
            }
        };
        if let Some(sense) = sense {
            self.note(index, sense);
        }
        Ok(())
    }

    /// Counts a value, also one of a name that is there already: the count bounds the work.
    #[inline(always)]
    fn count_value(&mut self) -> Result<(), Reject> {
        self.added_count += 1;
        if self.added_count > self.fields_max {
            return Err(too_many_fields(self.fields_max));
        }
        Ok(())
    }

    /// Remembers a field whose name means something until the layer is settled.
    #[inline(always)]
    fn note(&mut self, index: usize, sense: Sense) {
        if let Some(mark) = sense.mark {
            self.signs.insert(mark);
        }
        self.scratch.notes.push(Note { index, sense });
    }

    /// Adds a value whose name is too long or has to be cleaned.
    #[cold]
    fn odd_leaf(&mut self, key: &'a str, value: Value<'a>, place: Place) {
        if self.path.len() + key.len() > FIELD_NAME_BYTES_MAX {
            self.add_overflow(key, &value);
            return;
        }
        let hash = NameHash::START.extend(&self.path).extend(key);
        let sense = sense_of(self.aliases, &self.path, key, hash, place);
        let name = self.name_of(key);
        let name = cleaned(&name).map_or(name, Cow::Owned);
        let index = self.place_field(NameHash::START.extend(&name), || (name, value));
        if let Some(sense) = sense {
            self.note(index, sense);
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

    /// Puts a field at a new position, or at the position of the same name in the layer.
    #[inline(always)]
    fn place_field(&mut self, hash: NameHash, field: impl FnOnce() -> Field<'a>) -> usize {
        if self.scratch.seen.may_hold(hash) {
            let (name, value) = field();
            return self.place_again(name, value);
        }
        // Unlike `push`, `extend` makes room before it asks for the field.
        self.fields.extend(std::iter::once_with(field));
        self.fields.len() - 1
    }

    /// The same for a name that may have been seen.
    #[cold]
    fn place_again(&mut self, name: Cow<'a, str>, value: Value<'a>) -> usize {
        let earlier = self.fields.iter().position(|(field, _)| *field == name);
        let own = earlier.filter(|earlier| *earlier >= self.layer_start);
        if let Some(own) = own {
            if self.fields.get(own).is_some_and(|(_, other)| *other == value) {
                return own;
            }
            // The last of two equal names wins, and its value is judged anew. The first one was
            // written too: it is kept under another name.
            self.scratch.notes.retain(|note| note.index != own);
            self.forget(own);
        }
        self.fields.push((name, value));
        let index = self.fields.len() - 1;
        if let Some(earlier) = earlier {
            // A filling field makes room; a wrapper makes room for the wrapper's content.
            let makes_room = self.layer == Layer::Filling && own.is_none();
            let displaced = if makes_room { index } else { earlier };
            let name = displace(&mut self.fields, displaced);
            self.scratch.seen.may_hold(NameHash::START.extend(&name));
            self.scratch.best.unfinish();
        }
        index
    }

    /// Withdraws a field from every choice.
    fn forget(&mut self, index: usize) {
        self.scratch.best.forget(index);
        if self.level.is_some_and(|level| level.index == index) {
            self.level = None;
        }
        self.scratch.times.retain(|time| time.index != index);
    }

    /// Lets a noted field compete for the target spelt by the field's name.
    #[inline(always)]
    fn consider(&mut self, index: usize, claim: &Claim, notes: &[Note]) {
        let Some((name, value)) = self.fields.get(index) else { return };
        let alias = &claim.alias;
        // What fills in may have had to give its name up.
        let is_own_name =
            claim.is_own_name && (self.layer == Layer::Record || name == alias.target.name());
        let fit = convert::fit(alias, value);
        let class = match fit {
            // `"request_id": "-"`: believed when nothing else says better.
            Fit::No if is_own_name => Class::Unfit,
            Fit::No | Fit::SomeForm | Fit::AsItIs => claim.class,
        };
        let priority = Priority::new(self.layer_rank, class, alias.rank);
        match alias.target {
            Target::Level => {
                let known = read_level(value, scale_of(alias));
                self.consider_level(LevelChoice { index, known, priority }, is_own_name);
            }
            _ if !is_own_name && fit == Fit::No => {}
            Target::Timestamp => {
                let companion = match alias.hint {
                    Hint::SecondsAnd(mark) | Hint::ZonedBy(mark) => index_of(notes, mark),
                    _ => None,
                };
                let layer = self.layer;
                let time = TimeCandidate { index, alias: *alias, priority, companion, layer };
                self.scratch.times.push(time);
            }
            target => {
                let better = self.scratch.best.of(target).is_none_or(|best| {
                    priority < best.priority || (priority == best.priority && is_own_name)
                });
                if better {
                    let is_given = is_own_name && class == Class::Own && fit == Fit::AsItIs;
                    let finish = if is_given { Finish::Nothing } else { Finish::Give };
                    self.scratch.best.set(
                        target,
                        Candidate { index, alias: *alias, priority },
                        finish,
                    );
                }
            }
        }
    }

    /// Lets a level compete: a known level wins over an unknown level, but a filling level never
    /// wins over the record's own.
    fn consider_level(&mut self, choice: LevelChoice, is_own_name: bool) {
        let better = self.level.is_none_or(|level| {
            let order = |level: LevelChoice| {
                (level.priority.fills_in(), level.known.is_none(), level.priority)
            };
            let (this, other) = (order(choice), order(level));
            this < other || (this == other && is_own_name)
        });
        if better {
            self.level = Some(choice);
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
                self.place_field(hash, || (Cow::Borrowed(fields::OVERFLOW), value));
            }
        }
    }
}

/// Returns the position of the field whose name has a mark.
fn index_of(notes: &[Note], mark: Mark) -> Option<usize> {
    notes.iter().find(|note| note.sense.mark == Some(mark)).map(|note| note.index)
}

fn scale_of(alias: &Alias) -> LevelScale {
    match alias.hint {
        Hint::Scale(scale) => scale,
        _ => LevelScale::Pino,
    }
}

#[cold]
fn too_many_fields(fields_max: usize) -> Reject {
    Reject::new(RejectReason::TooManyFields, format!("more than {fields_max} fields"))
}
