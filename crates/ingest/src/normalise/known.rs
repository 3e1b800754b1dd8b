//! What names of fields mean to the reading of a record, by the number of the name: what a path and
//! a key spell, without reading them again.
//!
//! Lines repeat their names. [`super::aliases`] and [`super::names`] are asked once about each name
//! that has a number; a name without one is read anew.

use tierlog_model::limits::FIELD_NAME_BYTES_MAX;

use super::aliases::{Alias, AliasTable, NameEntry, NameHash};
use super::candidate::Claim;
use super::ids;
use super::names::cleaned;
use super::shapes::Mark;
use super::targets::Target;
use crate::interner::{Interner, NameNumber, put_at};
use crate::short_name::ShortName;

/// Whether a spelling counts only after containers at the start of its path are taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapped {
    /// It counts as it stands.
    No,
    /// It counts inside its containers.
    Yes,
}

/// The meaning of a name for the reading of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sense {
    /// What it spells in the general table.
    pub(super) claim: Option<Claim>,
    /// Its number, where a shape mentions it.
    pub(super) mark: Option<Mark>,
}

/// The reading of a name without characters to clean.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameReading {
    /// Hash of the whole name.
    pub(super) hash: NameHash,
    /// What it means, if anything.
    pub(super) sense: Option<Sense>,
}

/// Where in nested objects a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Where the path begins once containers at its start are taken off.
    pub(super) inner_start: usize,
    /// Whether the containers at the start of the path hold the record itself.
    pub(super) is_opened: bool,
    /// The object that holds the key.
    path: NameNumber,
}

impl Place {
    /// The top of a record.
    pub(super) const ROOT: Place =
        Place { inner_start: 0, is_opened: false, path: NameNumber::TOP };
}

/// What names mean, by number. A name may be that of a value in one line and of an object in the
/// next.
#[derive(Default)]
pub(crate) struct Meanings {
    values: Vec<Option<NameReading>>,
    objects: Vec<Option<Place>>,
}

/// The names of the current record, and the meanings of the names.
pub(crate) struct Spelling<'n> {
    interner: &'n mut Interner,
    meanings: &'n mut Meanings,
}

impl<'n> Spelling<'n> {
    /// Returns the names for one record. The meanings belong to numbers of the same interner.
    pub(crate) fn new(interner: &'n mut Interner, meanings: &'n mut Meanings) -> Spelling<'n> {
        // Of names that were forgotten since, the numbers are given out again.
        meanings.values.truncate(interner.len());
        meanings.objects.truncate(interner.len());
        Spelling { interner, meanings }
    }

    /// Returns the number of a key.
    #[inline(always)]
    fn number(&mut self, key: &str, place: Place) -> NameNumber {
        ShortName::of(key).map_or(NameNumber::NONE, |key| self.interner.child(place.path, key))
    }

    /// Returns what is known about the value of a key; asks when nothing is, and remembers what
    /// can be answered.
    #[inline(always)]
    pub(super) fn leaf(
        &mut self,
        key: &str,
        place: Place,
        ask: impl FnOnce() -> Option<NameReading>,
    ) -> Option<NameReading> {
        let number = self.number(key, place);
        if let Some(Some(reading)) = self.meanings.values.get(number.index()) {
            return Some(*reading);
        }
        let reading = ask()?;
        put_at(&mut self.meanings.values, number, reading);
        Some(reading)
    }

    /// Returns the place of the members of an object; asks where its path begins without
    /// containers, and whether these are opened, when it is new.
    #[inline]
    pub(super) fn object(
        &mut self,
        key: &str,
        place: Place,
        ask: impl FnOnce() -> (usize, bool),
    ) -> Place {
        let number = self.number(key, place);
        if let Some(Some(inside)) = self.meanings.objects.get(number.index()) {
            return *inside;
        }
        let (inner_start, is_opened) = ask();
        let inside = Place { inner_start, is_opened, path: number };
        put_at(&mut self.meanings.objects, number, inside);
        inside
    }
}

/// Reads a name for the first time; `None` when it is too long or has to be cleaned.
#[cold]
pub(super) fn read_name(
    aliases: &AliasTable,
    path: &str,
    key: &str,
    place: Place,
) -> Option<NameReading> {
    let fits = path.len() + key.len() <= FIELD_NAME_BYTES_MAX;
    if !fits || cleaned(&[path, key].concat()).is_some() {
        return None;
    }
    let hash = NameHash::START.extend(path).extend(key);
    Some(NameReading { hash, sense: sense_of(aliases, path, key, hash, place) })
}

/// Returns what a key means, and whether containers had to be taken off for what it spells.
pub(super) fn sense_of(
    aliases: &AliasTable,
    path: &str,
    key: &str,
    hash: NameHash,
    place: Place,
) -> Option<Sense> {
    let whole = aliases.find(hash, path, key);
    let mark = whole.and_then(|entry: &NameEntry| entry.mark);
    let spelt = match whole.and_then(|entry| entry.alias) {
        Some(alias) => Some((alias, Wrapped::No)),
        None => alias_inside(aliases, path, key, place),
    };
    // No target's own name lies inside of an object.
    let name = if path.is_empty() { key } else { "" };
    let claim = spelt.map(|(alias, wrapped)| Claim::new(alias, wrapped, name));
    (claim.is_some() || mark.is_some()).then_some(Sense { claim, mark })
}

/// Returns what a key spells once the containers at the start of its path are taken off, or as the
/// id of the object that it stands in.
fn alias_inside(
    aliases: &AliasTable,
    path: &str,
    key: &str,
    place: Place,
) -> Option<(Alias, Wrapped)> {
    if place.inner_start == 0 {
        return ids::member_alias(aliases, path, key).map(|alias| (alias, Wrapped::No));
    }
    let inner_path = path.get(place.inner_start..)?;
    let inner_hash = NameHash::START.extend(inner_path).extend(key);
    let alias = aliases
        .find(inner_hash, inner_path, key)
        .and_then(|entry| entry.alias)
        .or_else(|| ids::member_alias(aliases, inner_path, key))?;
    if place.is_opened {
        return Some((alias, Wrapped::Yes));
    }
    let counts_inside = match alias.target {
        // Moment, level and message belong to the record, not to the content of a container.
        Target::Timestamp | Target::Level | Target::Message => false,
        Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId => true,
        // Names of errors mean errors everywhere, and the form of an address is checked.
        Target::ErrorType | Target::ErrorMessage | Target::Stacktrace | Target::ClientIp => true,
        // Short spellings (`name`, `status`, `view`) mean anything inside a container.
        Target::Service
        | Target::Logger
        | Target::Host
        | Target::Endpoint
        | Target::Route
        | Target::Path
        | Target::Method
        | Target::StatusCode
        | Target::DurationMs
        | Target::Environment
        | Target::Release => alias.rank == 0 || !inner_path.is_empty() || key.contains('.'),
    };
    counts_inside.then_some((alias, Wrapped::Yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interner::NAMES_MAX;

    fn reading(hash: u64) -> Option<NameReading> {
        Some(NameReading { hash: NameHash(hash), sense: None })
    }

    #[test]
    fn names_are_told_apart_by_path_and_key() {
        let (mut interner, mut meanings) = Default::default();
        let mut known = Spelling::new(&mut interner, &mut meanings);
        for round in 0..2 {
            let a = known.object("a", Place::ROOT, || {
                assert_eq!(round, 0);
                (2, false)
            });
            let a_b = known.object("b", a, || {
                assert_eq!(round, 0);
                (2, false)
            });
            let dotted = known.object("a.b", Place::ROOT, || {
                assert_eq!(round, 0);
                (0, false)
            });
            for (number, place) in [Place::ROOT, a, a_b, dotted].into_iter().enumerate() {
                for (offset, key) in
                    ["a", "b", "", "key_1_of_many", "key_2_of_many"].into_iter().enumerate()
                {
                    let expected = (number * 10 + offset) as u64;
                    let found = known.leaf(key, place, || {
                        assert_eq!(round, 0, "{key} is known");
                        reading(expected)
                    });
                    assert_eq!(found.map(|found| found.hash.0), Some(expected), "{key}");
                }
            }
        }
    }

    #[test]
    fn more_names_than_have_a_number_are_read_anew() {
        let (mut interner, mut meanings) = Default::default();
        let mut known = Spelling::new(&mut interner, &mut meanings);
        for number in (0..5_000).chain(0..5_000) {
            let key = format!("key_{number}");
            let inside = known.object(&key, Place::ROOT, || (number as usize, false));
            assert_eq!(inside.inner_start, number as usize);
            for (place, expected) in [(Place::ROOT, number), (inside, number + 10_000)] {
                let found = known.leaf(&key, place, || reading(expected));
                assert_eq!(found.map(|found| found.hash.0), Some(expected));
            }
        }
        assert!(meanings.values.len() <= NAMES_MAX && meanings.objects.len() <= NAMES_MAX);
    }

    #[test]
    fn what_is_too_long_or_not_answered_is_not_remembered() {
        let (mut interner, mut meanings) = Default::default();
        let mut known = Spelling::new(&mut interner, &mut meanings);
        assert!(known.leaf("..", Place::ROOT, || None).is_none());
        assert!(known.leaf("..", Place::ROOT, || reading(1)).is_some());
        let long = "x".repeat(33);
        assert!(known.leaf(&long, Place::ROOT, || reading(1)).is_some());
        assert!(known.leaf(&long, Place::ROOT, || None).is_none());
        let inside = known.object(&long, Place::ROOT, || (34, false));
        assert!(known.leaf("a", inside, || reading(1)).is_some());
        assert!(known.leaf("a", inside, || None).is_none());
    }
}
