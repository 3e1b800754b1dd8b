//! The bounds: what CI demands of every kind, as a table in `bounds.txt`, beside what the project
//! wants of it.
//!
//! ```text
//! name      recall  precision  wanted recall  wanted precision     shares in percent
//! email      99.95      99.40           99.9              99.0
//! hits        12.0                       1.0                       in 10,000 ordinary lines
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::kind::Class;
use crate::labelled::labelled;
use crate::ordinary::ordinary;
use crate::pipeline::Pipeline;
use crate::score::{FalseHit, Score, false_hits};

/// The table.
const BOUNDS: &str = include_str!("../bounds.txt");

/// The head of the table.
const HEAD: &str = "\
# What CI demands, and what is wanted, of each kind: recall and precision in percent over the
# labelled set; `hits` is counted in 10,000 ordinary lines. Figures may only get better: `corpus
# bounds` writes the table anew.
# name             recall  precision    wanted
";

/// The name of the row of false hits.
const HITS: &str = "hits";

/// Values that are planted for the table.
pub(crate) const LABELLED_COUNT: usize = 20_000;

/// Ordinary lines that are read for the table.
pub(crate) const ORDINARY_COUNT: usize = 20_000;

/// The seed of the table.
pub(crate) const SEED: u64 = 1;

/// A figure may be this much below its bound before CI fails: one value of a small kind.
const SLACK: f64 = 0.005;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The score of the labelled set.
    pub score: Score,
    /// False hits.
    pub hits: Vec<FalseHit>,
}

impl Measured {
    /// Measures the redactor of the default settings.
    pub fn now() -> Result<Measured> {
        let pipeline = Pipeline::new()?;
        let mut score = Score::of(&pipeline, &labelled(SEED, LABELLED_COUNT))?;
        let hits = false_hits(&pipeline, &ordinary(SEED, ORDINARY_COUNT))?;
        for hit in &hits {
            score.note_false_finds(&hit.stored, &[]);
        }
        Ok(Measured { score, hits })
    }

    /// Returns how many of 10,000 ordinary lines lost something.
    pub fn hit_rate(&self) -> f64 {
        let lines: BTreeSet<usize> = self.hits.iter().map(|hit| hit.position).collect();
        lines.len() as f64 * 10_000.0 / ORDINARY_COUNT as f64
    }

    /// Returns the table of what was measured.
    pub fn table(&self) -> String {
        let mut text = HEAD.to_owned();
        for (name, figures) in &self.score.kinds {
            let recall = floor(figures.recall() * 100.0);
            let precision = floor(figures.precision() * 100.0);
            let (wanted_recall, wanted_precision) = wanted(figures.class);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:18} {recall:6.2} {precision:10.2}    {wanted_recall} {wanted_precision}"
            );
        }
        let _ = writeln!(text, "{HITS:18} {:6.1} {:>10}    1 -", self.hit_rate(), "-");
        text
    }

    /// Returns every row of the table that what was measured does not reach.
    pub fn below(&self) -> Result<Vec<String>> {
        let mut below = Vec::new();
        for row in BOUNDS.lines().filter(|row| !row.starts_with('#')) {
            let mut words = row.split_whitespace();
            let (name, least) = (words.next(), words.next());
            let (name, least) = (name.context("a name")?, least.context("a figure")?);
            let least: f64 = least.parse().with_context(|| format!("the figure of {name}"))?;
            if name == HITS {
                let rate = self.hit_rate();
                if rate > least + SLACK {
                    below.push(format!("{name}: {rate:.1} in 10,000 lines, at most {least}"));
                }
                continue;
            }
            let figures = self.score.kinds.get(name).with_context(|| format!("kind {name}"))?;
            let precise: f64 = words.next().context("a precision")?.parse()?;
            let (recall, precision) = (figures.recall() * 100.0, figures.precision() * 100.0);
            if recall + SLACK < least || precision + SLACK < precise {
                below.push(format!(
                    "{name}: recall {recall:.2}, precision {precision:.2}; at least {least}, {precise}"
                ));
            }
        }
        Ok(below)
    }
}

/// Rounds down, so that a table that was just written holds.
fn floor(percent: f64) -> f64 {
    (percent * 100.0).floor() / 100.0
}

/// Returns what the project wants of a class.
fn wanted(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Keyed => ("100", "99"),
        Class::Checksum => ("99.5", "99"),
        Class::Mail => ("99.9", "99"),
        Class::Token | Class::Placed => ("99", "99"),
        Class::Other => ("98", "99"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What CI fails on.
    #[test]
    fn the_redactor_is_as_good_as_the_table_says() {
        let measured = Measured::now().expect("measured");
        let below = measured.below().expect("a table");
        let hits: Vec<String> = measured.hits.iter().take(20).map(FalseHit::shown).collect();
        assert!(below.is_empty(), "{}\n{}", below.join("\n"), hits.join("\n"));
        let rows = BOUNDS.lines().filter(|row| !row.starts_with('#')).count();
        assert_eq!(rows, measured.score.kinds.len() + 1, "every kind has its row");
    }

    /// The committed sample is what the generator makes: whoever changes a template or a generator
    /// sees in the history what it changed.
    #[test]
    fn the_committed_sample_is_the_generator_s() {
        let (labelled, ordinary) = crate::sample::texts();
        assert_eq!(crate::sample::LABELLED, labelled, "write it anew with `corpus sample`");
        assert_eq!(crate::sample::ORDINARY, ordinary, "write it anew with `corpus sample`");
    }
}
