//! The ordinary set: lines without personal data, in the shapes of the programs that print most of
//! the world's logs, with all that looks like a secret and is none.

use std::sync::LazyLock;

use crate::fill::fill;
use crate::random::Random;
use crate::template::{Group, Role, read};

/// One file a family of programs.
const FAMILIES: &[&str] = &[
    include_str!("../data/ordinary/system.txt"),
    include_str!("../data/ordinary/web.txt"),
    include_str!("../data/ordinary/databases.txt"),
    include_str!("../data/ordinary/cloud.txt"),
    include_str!("../data/ordinary/bigdata.txt"),
    include_str!("../data/ordinary/applications.txt"),
    include_str!("../data/ordinary/builds.txt"),
    include_str!("../data/ordinary/traces.txt"),
    include_str!("../data/ordinary/decoys.txt"),
];

static GROUPS: LazyLock<Vec<Group>> =
    LazyLock::new(|| FAMILIES.iter().flat_map(|family| read(family)).collect());

/// A line without personal data.
#[derive(Clone, Debug)]
pub struct Ordinary {
    /// The family and program.
    pub group: &'static str,
    /// The line; a trace has several.
    pub text: String,
}

impl Ordinary {
    /// Returns the text as one line of JSON.
    pub fn to_line(&self) -> String {
        serde_json::Value::from(self.text.as_str()).to_string()
    }
}

/// Returns lines of a seed: every template in turn, with other fillers each time.
pub fn ordinary(seed: u64, count: usize) -> Vec<Ordinary> {
    let mut random = Random::from_seed(seed);
    let templates: Vec<_> = GROUPS
        .iter()
        .flat_map(|group| group.templates.iter().map(|template| (group.name.as_str(), template)))
        .collect();
    let lines = templates.iter().cycle().take(count).map(|(group, template)| {
        let fill = |slot: &str| {
            (fill(slot, &mut random).unwrap_or_else(|| format!("‹{slot}›")), Role::Plain)
        };
        let pieces = template.pieces(fill);
        Ordinary { group, text: pieces.into_iter().map(|piece| piece.text).collect() }
    });
    lines.collect()
}

/// Returns how many templates there are.
pub fn template_count() -> usize {
    GROUPS.iter().map(|group| group.templates.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_known() {
        assert!(template_count() > 500, "{}", template_count());
        for line in ordinary(1, 2 * template_count()) {
            assert!(!line.text.contains('‹'), "{}: {}", line.group, line.text);
        }
    }
}
