//! The table of record shapes: which library or product wrote a record, and where its fields lie.
//!
//! A shape is recognised by the names of its fields, of which it says the rarest first, and by
//! values where names are not enough. The shape's meaning of a field beats the general table of
//! spellings; fields unknown to the shape are read by the table; the operator's configuration beats
//! both. A new shape is one entry of a family's list; a new family is one line of [`FAMILIES`].
//! `tierlog shapes` prints the table, docs/shapes.md holds it.

mod clouds;
mod containers;
mod databases;
mod describe;
mod dotnet;
mod go;
mod index;
mod jvm;
mod node;
mod proxies;
mod python;
mod ruby_php;
mod rust;
mod shape;
mod spellings;
mod telemetry;

pub use describe::{ShapeRow, shape_rows};
pub(super) use index::{Compiled, Effect, Mark, Seen, ShapeIndex, SignSet};
use shape::{Rule, Shape};
pub(super) use spellings::target_of;

/// Every family of shapes. Among several shapes of a record, the shape with the most signs counts;
/// among equals, the first in the list.
const FAMILIES: [&[Shape]; 12] = [
    python::SHAPES,
    node::SHAPES,
    go::SHAPES,
    rust::SHAPES,
    jvm::SHAPES,
    dotnet::SHAPES,
    ruby_php::SHAPES,
    telemetry::SHAPES,
    containers::SHAPES,
    clouds::SHAPES,
    proxies::SHAPES,
    databases::SHAPES,
];

/// Returns every shape, in the order of the registry.
fn all() -> impl Iterator<Item = &'static Shape> {
    FAMILIES.into_iter().flatten()
}

#[cfg(test)]
mod tests;
