//! What field names mean, remembered: names repeat in every line, so each is read once.
//!
//! A batch reads a shared snapshot and learns on the side; what it learnt joins the snapshot when
//! the batch is finished. Only clean, short names are remembered, and only so many: a sender
//! that invents names cannot fill the memory, and no personal data stays in it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use tierlog_model::fields::URL_QUERY;

use super::claim::Claims;
use super::cut::numbered;
use super::engine::{Engine, Tally};
use super::key_pairs::PairPart;
use crate::short_name::ShortName;

/// Most names that are remembered; a busy server knows a few hundred.
const NAMES_MAX: usize = 4_096;

/// Longest name that is remembered.
const NAME_BYTES_MAX: usize = 64;

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameFacts {
    /// What the name says to each detector.
    pub(super) claims: Claims,
    /// The shortest text that may read otherwise under the name than under other names: what is
    /// clean under one may be a card or a secret under another.
    pub(super) apart_bytes_min: u32,
    /// The covered field that the name spells, see [`super::policy::Policy::field`].
    pub(super) covered: Option<u16>,
    /// Its part in a pair.
    pub(super) pair: PairPart,
    /// Whether it is the query of an address, apart from its path.
    pub(super) is_query: bool,
    /// Whether the name itself holds personal data.
    pub(super) is_suspect: bool,
}

impl NameFacts {
    /// Reads a name.
    pub(super) fn of(name: &str, engine: &Engine) -> NameFacts {
        let claims = engine.claims(name);
        let is_query = name == URL_QUERY;
        NameFacts {
            claims,
            apart_bytes_min: if is_query { 0 } else { engine.apart_bytes_min(claims) },
            covered: engine.policy().covered_position(name),
            pair: PairPart::of(name),
            is_query,
            is_suspect: engine.redact_name(name, &mut Tally::default()).is_some(),
        }
    }

    /// Returns what a name as it was written and as it is kept say together. Only the kept form
    /// makes a pseudonym: its field is the one that can be searched.
    pub(super) fn stricter(self, kept: NameFacts) -> NameFacts {
        NameFacts {
            // A name that was redacted itself may name no id any more, and a card only now.
            claims: self.claims.stricter(kept.claims),
            apart_bytes_min: self.apart_bytes_min.min(kept.apart_bytes_min),
            covered: kept.covered,
            pair: if self.pair == PairPart::Neither { kept.pair } else { self.pair },
            is_query: self.is_query || kept.is_query,
            is_suspect: self.is_suspect,
        }
    }

    /// Returns the facts of a value whose name stands beside it in a pair.
    pub(super) fn spelled(self, claims: Claims, engine: &Engine) -> NameFacts {
        let claims = self.claims.stricter(claims);
        let apart_bytes_min = self.apart_bytes_min.min(engine.apart_bytes_min(claims));
        NameFacts { claims, apart_bytes_min, ..self }
    }
}

/// Names and what they say, with a hash that is quick on short ones.
#[derive(Clone, Default)]
pub(super) struct NameMap {
    short: HashMap<ShortName, NameFacts, BuildHasherDefault<ShortKeyHasher>>,
    /// Names that are too long for the other map.
    long: HashMap<Box<str>, NameFacts, BuildHasherDefault<ShortKeyHasher>>,
}

impl NameMap {
    fn get(&self, name: &str) -> Option<&NameFacts> {
        match ShortName::of(name) {
            Some(short) => self.short.get(&short),
            None => self.long.get(name),
        }
    }

    fn insert(&mut self, name: &str, facts: NameFacts) {
        match ShortName::of(name) {
            Some(short) => self.short.insert(short, facts),
            None => self.long.insert(name.into(), facts),
        };
    }

    fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Adds what another map holds, as far as there is room.
    fn extend(&mut self, other: NameMap) {
        let room = NAMES_MAX.saturating_sub(self.len());
        self.short.extend(other.short.into_iter().take(room));
        let room = NAMES_MAX.saturating_sub(self.len());
        self.long.extend(other.long.into_iter().take(room));
    }
}

/// The names that every batch knows.
#[derive(Default)]
pub(super) struct NameCache {
    known: RwLock<Arc<NameMap>>,
}

impl NameCache {
    /// Returns what is known now.
    pub(super) fn snapshot(&self) -> Arc<NameMap> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds what a batch learnt.
    pub(super) fn learn(&self, learnt: NameMap) {
        if learnt.len() == 0 {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < NAMES_MAX {
            let mut merged = NameMap::clone(&known);
            merged.extend(learnt);
            *known = Arc::new(merged);
        }
    }
}

/// Returns the facts of a name from the snapshot, from what the batch learnt, or anew.
pub(super) fn facts(
    name: &str,
    known: &NameMap,
    learnt: &mut NameMap,
    engine: &Engine,
) -> NameFacts {
    if let Some(facts) = known.get(name).or_else(|| learnt.get(name)) {
        return *facts;
    }
    let facts = NameFacts::of(name, engine);
    let is_worth_it = name.len() <= NAME_BYTES_MAX && !facts.is_suspect;
    if is_worth_it && known.len() + learnt.len() < NAMES_MAX {
        learnt.insert(name, facts);
    }
    facts
}

/// Gives out names that are not taken: two addresses as names both become `[EMAIL]`, so the
/// second is `[EMAIL]_2`.
#[derive(Default)]
pub(super) struct UniqueNames {
    taken: HashSet<String>,
    /// The next number of each name, so that a thousand of them are not tried in turn.
    next: HashMap<String, usize>,
}

impl UniqueNames {
    /// Returns the set of names that are taken.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n str>) -> UniqueNames {
        UniqueNames { taken: names.map(str::to_owned).collect(), next: HashMap::new() }
    }

    /// Takes a name, numbered when it is taken already.
    pub(super) fn take(&mut self, name: String) -> String {
        if self.taken.insert(name.clone()) {
            return name;
        }
        let number = self.next.entry(name.clone()).or_insert(2);
        loop {
            let candidate = numbered(&name, *number);
            *number += 1;
            if self.taken.insert(candidate.clone()) {
                return candidate;
            }
        }
    }
}

/// Multiplies and rotates eight bytes at a time, from a start that differs by process, so that a
/// sender cannot choose names which meet in one bucket.
pub(super) struct ShortKeyHasher(u64);

static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("names"));

impl Default for ShortKeyHasher {
    fn default() -> ShortKeyHasher {
        ShortKeyHasher(*SEED)
    }
}

impl ShortKeyHasher {
    fn mix(&mut self, word: u64) {
        // 2^64 divided by the golden ratio, odd.
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Hasher for ShortKeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = rest.len() as u64;
        for byte in rest {
            last = last << 8 | u64::from(*byte);
        }
        self.mix(last);
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn finish(&self) -> u64 {
        // The map takes its buckets from the low bits, the product is best in the high ones.
        self.0 ^ self.0 >> 32
    }
}
