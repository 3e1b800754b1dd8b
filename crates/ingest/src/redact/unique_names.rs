//! Names that were redacted, kept apart: two addresses as names both become `[EMAIL]`.

use std::collections::{HashMap, HashSet};

use super::cut::numbered;

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
