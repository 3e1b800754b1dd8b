//! The committed sample: the first lines of both sets, for readers and for tools in other
//! languages.

use crate::bounds::SEED;
use crate::labelled::labelled;
use crate::ordinary::{ordinary, template_count};

/// The labelled lines, one object a line.
pub const LABELLED: &str = include_str!("../sample/labelled.jsonl");

/// The ordinary lines, one string a line.
pub const ORDINARY: &str = include_str!("../sample/ordinary.jsonl");

/// Labelled lines of the sample: several of each kind and notation in half a megabyte.
const LABELLED_COUNT: usize = 1_500;

/// Returns both files as the generator makes them: of the ordinary lines, each template once.
pub fn texts() -> (String, String) {
    let labelled = labelled(SEED, LABELLED_COUNT);
    let labelled = labelled.iter().map(|sample| sample.to_line() + "\n").collect();
    let ordinary = ordinary(SEED, template_count());
    let ordinary = ordinary.iter().map(|line| line.to_line() + "\n").collect();
    (labelled, ordinary)
}
