//! Names of fields that were seen before: what a path and a key spell, without reading them again.
//!
//! Lines repeat their names. A reader remembers for each path and key what [`super::aliases`]
//! and [`super::names`] said about it. The memory is a table of fixed size that lives as long as
//! its connection, holds short names only, and decides nothing: a name that has no place in it is
//! read anew.

use tierlog_model::limits::FIELD_NAME_BYTES_MAX;

use super::aliases::{Alias, AliasTable, NameEntry, NameHash};
use super::candidate::Claim;
use super::ids;
use super::names::cleaned;
use super::shapes::Mark;
use super::targets::Target;
use crate::short_name::ShortName;

/// Slots of the table; a sender's lines have a hundred names or so. A power of two.
const SLOTS: usize = 512;

/// Slots that a name may stand in, from its own on.
const PROBES: usize = 4;

/// Whether a spelling counts only after containers at the start of its path are taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapped {
    /// It counts as it stands.
    No,
    /// It counts inside its containers.
    Yes,
}

/// What a name means to the reading of its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sense {
    /// What it spells in the general table.
    pub(super) claim: Option<Claim>,
    /// Its number, where a shape mentions it.
    pub(super) mark: Option<Mark>,
}

/// What is known about a name that needs no cleaning.
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
    path: PathId,
}

impl Place {
    /// The top of a record.
    pub(super) const ROOT: Place = Place { inner_start: 0, is_opened: false, path: PathId::ROOT };
}

/// Stands for the keys from the top down to an object. Never given twice to different paths,
/// within one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PathId(u32);

impl PathId {
    const ROOT: PathId = PathId(0);
    /// Of a path that has no number: nothing below it is remembered.
    const NONE: PathId = PathId(u32::MAX);
}

/// What a key stands for.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// A value.
    Leaf(NameReading),
    /// An object, and where its members are.
    Object(Place),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    parent: PathId,
    key: ShortName,
    meaning: Meaning,
}

/// The table.
pub(super) struct KnownNames {
    /// Made when the first name comes.
    slots: Vec<Option<Entry>>,
    /// The last number that was given to a path.
    last_path: u32,
}

impl KnownNames {
    /// Returns a table that knows nothing.
    pub(super) fn new() -> KnownNames {
        KnownNames { slots: Vec::new(), last_path: PathId::ROOT.0 }
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
        let short = ShortName::of(key).filter(|_| place.path != PathId::NONE);
        let Some(key) = short else { return ask() };
        let home = home_of(&key, place.path);
        for entry in self.probed(home) {
            if let Meaning::Leaf(reading) = entry.meaning
                && entry.key == key
                && entry.parent == place.path
            {
                return Some(reading);
            }
        }
        let reading = ask()?;
        self.learn(home, Entry { parent: place.path, key, meaning: Meaning::Leaf(reading) });
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
        let short = ShortName::of(key).filter(|_| place.path != PathId::NONE);
        let Some(key) = short else {
            let (inner_start, is_opened) = ask();
            return Place { inner_start, is_opened, path: PathId::NONE };
        };
        let home = home_of(&key, place.path);
        for entry in self.probed(home) {
            if let Meaning::Object(inside) = entry.meaning
                && entry.key == key
                && entry.parent == place.path
            {
                return inside;
            }
        }
        let (inner_start, is_opened) = ask();
        let inside = Place { inner_start, is_opened, path: self.next_path() };
        self.learn(home, Entry { parent: place.path, key, meaning: Meaning::Object(inside) });
        inside
    }

    #[inline(always)]
    fn probed(&self, home: usize) -> impl Iterator<Item = &Entry> {
        self.slots.get(home..home + PROBES).unwrap_or_default().iter().map_while(Option::as_ref)
    }

    /// Returns a number that no path had. When they run out, later paths have none.
    fn next_path(&mut self) -> PathId {
        self.last_path = self.last_path.saturating_add(1);
        PathId(self.last_path)
    }

    #[cold]
    fn learn(&mut self, home: usize, entry: Entry) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS + PROBES, None);
        }
        let free = (home..home + PROBES).find(|at| matches!(self.slots.get(*at), Some(None)));
        // Where all are taken, the newest name takes the first one's place.
        if let Some(slot) = self.slots.get_mut(free.unwrap_or(home)) {
            *slot = Some(entry);
        }
    }
}

fn home_of(key: &ShortName, parent: PathId) -> usize {
    key.digest(u64::from(parent.0)) as usize % SLOTS
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
        // These belong to the record itself, not to what it carries.
        Target::Timestamp | Target::Level | Target::Message => false,
        Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId => true,
        // What is wrong means that, and an address is checked to be one.
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

    fn reading(hash: u64) -> Option<NameReading> {
        Some(NameReading { hash: NameHash(hash), sense: None })
    }

    #[test]
    fn names_are_told_apart_by_path_and_key() {
        let mut known = KnownNames::new();
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
    fn more_names_than_slots_are_read_anew() {
        let mut known = KnownNames::new();
        for number in (0..5_000).chain(0..5_000) {
            let key = format!("key_{number}");
            let inside = known.object(&key, Place::ROOT, || (number as usize, false));
            assert_eq!(inside.inner_start, number as usize);
            for (place, expected) in [(Place::ROOT, number), (inside, number + 10_000)] {
                let found = known.leaf(&key, place, || reading(expected));
                assert_eq!(found.map(|found| found.hash.0), Some(expected));
            }
        }
        assert_eq!(known.slots.len(), SLOTS + PROBES);
    }

    #[test]
    fn what_is_too_long_or_not_answered_is_not_remembered() {
        let mut known = KnownNames::new();
        assert!(known.leaf("..", Place::ROOT, || None).is_none());
        assert!(known.leaf("..", Place::ROOT, || reading(1)).is_some());
        let long = "x".repeat(33);
        assert!(known.leaf(&long, Place::ROOT, || reading(1)).is_some());
        assert!(known.leaf(&long, Place::ROOT, || None).is_none());
        let inside = known.object(&long, Place::ROOT, || (34, false));
        assert!(known.leaf("a", inside, || reading(1)).is_some());
        assert!(known.leaf("a", inside, || None).is_none());
    }

    #[test]
    fn paths_without_a_number_are_never_mixed_up() {
        let mut known = KnownNames::new();
        known.last_path = u32::MAX - 2;
        let places = ["a", "b", "c"].map(|key| known.object(key, Place::ROOT, || (2, false)));
        for (number, place) in places.into_iter().enumerate() {
            let found = known.leaf("x", place, || reading(number as u64));
            assert_eq!(found.map(|found| found.hash.0), Some(number as u64));
        }
    }
}
