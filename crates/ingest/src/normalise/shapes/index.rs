//! The table of shapes, compiled: names become bits, and a shape is a mask.
//!
//! Recognition costs an ordinary record one `AND`: while its names are looked up, the bits of
//! those that are a sign are gathered; only where the rarest sign of a shape that changes the
//! reading is among them are shapes tried. Entries that only say that the general table is right
//! about a library's records cost nothing.

use std::cmp::Reverse;
use std::sync::LazyLock;

use tierlog_model::Value;

use super::super::aliases::{Alias, Hint, Trust};
use super::super::targets::Target;
use super::shape::{Becomes, Shape, Sign};
use super::{Rule, all};

/// Number of a name that shapes mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u16);

impl Mark {
    /// Returns the name.
    pub(crate) fn name(self) -> &'static str {
        ShapeIndex::get().names.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

/// Words of a set of signs. Signs have the lowest marks; a test holds their number to the bits.
const SIGN_WORDS: usize = 5;

/// The signs that a record has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignSet([u64; SIGN_WORDS]);

impl SignSet {
    /// Adds a name; those that are no sign have no bit.
    #[inline]
    pub(crate) fn insert(&mut self, mark: Mark) {
        if let Some(word) = self.0.get_mut(usize::from(mark.0 >> 6)) {
            *word |= 1 << (mark.0 & 63);
        }
    }

    fn has_all(&self, other: &SignSet) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & other == *other)
    }

    fn has_any(&self, other: &SignSet) -> bool {
        self.0.iter().zip(&other.0).any(|(own, other)| own & other != 0)
    }

    fn common(&self, other: &SignSet) -> impl Iterator<Item = u16> {
        let words = self.0.iter().zip(&other.0).enumerate();
        words.flat_map(|(index, (own, other))| {
            let mut word = own & other;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                (bit < 64).then(|| {
                    word &= word - 1;
                    (index * 64) as u16 + bit as u16
                })
            })
        })
    }
}

/// What a recognised shape makes of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// It competes for a target.
    Spells(Alias),
    /// It is the line of a request.
    RequestLine,
    /// It keeps its name.
    Itself,
}

/// A shape in the form in which it is looked for and applied.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The entry.
    pub(crate) shape: &'static Shape,
    required: SignSet,
    refused: SignSet,
    alternatives: Vec<SignSet>,
    tests: Vec<(Mark, Sign)>,
    effects: Vec<(Mark, Effect)>,
    /// The field that holds another record.
    pub(crate) wraps: Option<Mark>,
}

impl Compiled {
    /// Returns what the shape makes of a field; `None` when it does not know the name.
    #[inline]
    pub(crate) fn effect(&self, mark: Mark) -> Option<Effect> {
        self.effects.iter().find(|(own, _)| *own == mark).map(|(_, effect)| *effect)
    }
}

/// A field of a record, as value tests see it.
pub(crate) struct Seen<'v, 'a> {
    /// Position of the field in the record, from 0.
    pub(crate) position: usize,
    /// Fields of the record.
    pub(crate) count: usize,
    /// Its value.
    pub(crate) value: &'v Value<'a>,
}

/// The compiled table.
#[derive(Debug)]
pub(crate) struct ShapeIndex {
    /// Names by mark.
    names: Vec<&'static str>,
    sign_count: usize,
    shapes: Vec<Compiled>,
    /// The first signs of all shapes.
    keys: SignSet,
    /// The first signs of the shapes that change how a record is read.
    telling_keys: SignSet,
    /// Positions of the shapes by their first sign.
    by_key: Vec<(u16, u16)>,
}

static INDEX: LazyLock<ShapeIndex> = LazyLock::new(ShapeIndex::build);

impl ShapeIndex {
    /// Returns the index of the built-in table.
    pub(crate) fn get() -> &'static ShapeIndex {
        &INDEX
    }

    fn build() -> ShapeIndex {
        let mut index = ShapeIndex {
            names: Vec::new(),
            sign_count: 0,
            shapes: Vec::new(),
            keys: SignSet::default(),
            telling_keys: SignSet::default(),
            by_key: Vec::new(),
        };
        for sign in all().flat_map(|shape| shape.signs) {
            for name in sign.names() {
                index.mark(name);
            }
        }
        index.sign_count = index.names.len();
        let compiled: Vec<Compiled> = all().map(|shape| index.compile(shape)).collect();
        for (position, compiled) in compiled.iter().enumerate() {
            let key = compiled.shape.signs.first().and_then(|sign| sign.required());
            let key = index.mark(key.unwrap_or_default());
            index.keys.insert(key);
            if compiled.shape.changes_reading() {
                index.telling_keys.insert(key);
            }
            index.by_key.push((key.0, position as u16));
        }
        index.by_key.sort_unstable();
        index.shapes = compiled;
        index
    }

    /// Returns the shape of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Compiled> {
        self.shapes.iter().find(|compiled| compiled.shape.name == name)
    }

    /// Returns every name in the shapes, with the mark of the name.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, Mark)> {
        self.names.iter().enumerate().map(|(number, name)| (*name, Mark(number as u16)))
    }

    /// Returns the shape of a record with these signs, where it may change how the record is read.
    /// `seen` finds a field by its name's mark.
    #[inline]
    pub(crate) fn recognise<'i, 'v, 'a: 'v>(
        &'i self,
        signs: &SignSet,
        seen: impl Fn(Mark) -> Option<Seen<'v, 'a>>,
    ) -> Option<&'i Compiled> {
        // Fast path: most records have the first sign of no shape that changes anything.
        if !signs.has_any(&self.telling_keys) {
            return None;
        }
        self.search(signs, &seen)
    }

    /// Returns the name of the shape of a record with these signs, whether it changes the reading
    /// or not.
    #[cfg(test)]
    pub(crate) fn name_of<'v, 'a: 'v>(
        &self,
        signs: &SignSet,
        seen: impl Fn(Mark) -> Option<Seen<'v, 'a>>,
    ) -> Option<&'static str> {
        self.search(signs, &seen).map(|compiled| compiled.shape.name)
    }

    fn search<'i, 'v, 'a: 'v>(
        &'i self,
        signs: &SignSet,
        seen: &impl Fn(Mark) -> Option<Seen<'v, 'a>>,
    ) -> Option<&'i Compiled> {
        // More signs are more particular; of equal ones, the registry's first.
        let order = |at: u16| {
            let compiled = self.shapes.get(usize::from(at));
            (Reverse(compiled.map_or(0, |compiled| compiled.shape.signs.len())), at)
        };
        let mut best: Option<u16> = None;
        for key in signs.common(&self.keys) {
            let start = self.by_key.partition_point(|(other, _)| *other < key);
            let candidates = self.by_key.iter().skip(start).take_while(|(other, _)| *other == key);
            for &(_, at) in candidates {
                let is_better = best.is_none_or(|best| order(at) < order(best));
                let compiled = self.shapes.get(usize::from(at));
                if is_better && compiled.is_some_and(|compiled| fits(compiled, signs, seen)) {
                    best = Some(at);
                }
            }
        }
        self.shapes.get(usize::from(best?))
    }

    fn compile(&mut self, shape: &'static Shape) -> Compiled {
        let mut compiled = Compiled {
            shape,
            required: SignSet::default(),
            refused: SignSet::default(),
            alternatives: Vec::new(),
            tests: Vec::new(),
            effects: Vec::new(),
            wraps: shape.wraps.map(|name| self.mark(name)),
        };
        for sign in shape.signs {
            let marks: Vec<Mark> = sign.names().iter().map(|name| self.mark(name)).collect();
            let mut set = SignSet::default();
            marks.iter().for_each(|mark| set.insert(*mark));
            match sign {
                Sign::Lacks(_) => marks.iter().for_each(|mark| compiled.refused.insert(*mark)),
                Sign::Any(_) => compiled.alternatives.push(set),
                _ => marks.iter().for_each(|mark| compiled.required.insert(*mark)),
            }
            let tests_value = !matches!(sign, Sign::Has(_) | Sign::Any(_) | Sign::Lacks(_));
            compiled.tests.extend(marks.iter().filter(|_| tests_value).map(|mark| (*mark, *sign)));
        }
        for (rank, rule) in shape.fields.iter().enumerate() {
            let effect = self.effect_of(rule, rank);
            compiled.effects.push((self.mark(rule.name), effect));
        }
        compiled
    }

    fn effect_of(&mut self, rule: &Rule, rank: usize) -> Effect {
        let (target, hint) = match rule.becomes {
            Becomes::Field(target) => (target, Hint::of_target(target, rule.name)),
            Becomes::Level(scale) => (Target::Level, Hint::Scale(scale)),
            Becomes::Duration(unit) => (Target::DurationMs, Hint::Unit(unit)),
            Becomes::Epoch(unit) => (Target::Timestamp, Hint::Unit(unit)),
            Becomes::SecondsAnd(name) => (Target::Timestamp, Hint::SecondsAnd(self.mark(name))),
            Becomes::ZonedBy(name) => (Target::Timestamp, Hint::ZonedBy(self.mark(name))),
            Becomes::Bytes => (Target::Message, Hint::Bytes),
            Becomes::Template("") => (Target::Message, Hint::Template),
            Becomes::Template(below) => (Target::Message, Hint::TemplateBelow(self.mark(below))),
            Becomes::Trace => (Target::Stacktrace, Hint::Trace),
            Becomes::LastSegment(target) => (target, Hint::LastSegment),
            Becomes::RequestLine => return Effect::RequestLine,
            Becomes::Itself => return Effect::Itself,
        };
        Effect::Spells(Alias { target, rank: rank as u16, hint, trust: Trust::Shape })
    }

    /// Returns the mark of a name, a new one where it has none.
    fn mark(&mut self, name: &'static str) -> Mark {
        let known = self.names.iter().position(|known| same_name(known, name));
        let position = known.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        Mark(position as u16)
    }
}

/// Tells whether two names are compared as one.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    let fold = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}

fn fits<'v, 'a: 'v>(
    compiled: &Compiled,
    signs: &SignSet,
    seen: &impl Fn(Mark) -> Option<Seen<'v, 'a>>,
) -> bool {
    signs.has_all(&compiled.required)
        && !signs.has_any(&compiled.refused)
        && compiled.alternatives.iter().all(|set| signs.has_any(set))
        && compiled
            .tests
            .iter()
            .all(|(mark, sign)| seen(*mark).is_some_and(|seen| holds(*sign, &seen)))
}

fn holds(sign: Sign, seen: &Seen<'_, '_>) -> bool {
    let text = match seen.value {
        Value::Str(text) => Some(text.as_ref()),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) | Value::Json(_) => None,
    };
    match sign {
        Sign::Has(_) | Sign::Any(_) | Sign::Lacks(_) => true,
        Sign::Number(_) => matches!(seen.value, Value::I64(_) | Value::U64(_) | Value::F64(_)),
        Sign::Text(_) => text.is_some(),
        Sign::Is(_, expected) => text == Some(expected),
        Sign::Capitals(_) => text.is_some_and(|text| {
            text.starts_with(|first: char| first.is_ascii_uppercase())
                && !text.contains(|byte: char| byte.is_ascii_lowercase())
        }),
        Sign::At(position, _) => seen.position == position,
        Sign::FromEnd(position, _) => seen.position + position + 1 == seen.count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_has_a_bit_and_every_shape_a_first_sign() {
        let index = ShapeIndex::get();
        assert!(index.sign_count <= SIGN_WORDS * 64, "{} signs", index.sign_count);
        for shape in all() {
            let first = shape.signs.first().and_then(|sign| sign.required());
            assert!(first.is_some(), "{}: the first sign names a field", shape.name);
        }
    }

    #[test]
    fn sets_say_what_they_have_in_common() {
        let set = |marks: &[u16]| {
            let mut set = SignSet::default();
            marks.iter().for_each(|mark| set.insert(Mark(*mark)));
            set
        };
        let (one, other) = (set(&[0, 63, 64, 200]), set(&[63, 64, 65, 9_999]));
        assert_eq!(one.common(&other).collect::<Vec<u16>>(), [63, 64]);
        assert!(one.has_any(&other) && !one.has_all(&other) && one.has_all(&set(&[64])));
        assert!(!one.has_any(&set(&[])) && one.has_all(&set(&[])));
    }
}
