//! The table of record shapes: which library or product wrote a record, and where its fields lie.
//!
//! A shape is recognised by the names of its fields, of which it says the rarest first, and by
//! values where names are not enough. What it says of a field beats the general table of
//! spellings; fields that it does not know are read by that table; what the operator configures
//! beats both. A new shape is one entry of a family's list; a new family is one line of
//! [`FAMILIES`]. `tierlog shapes` prints the table, docs/shapes.md holds it.

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

/// Every family of shapes. Of several shapes that a record has, the one with the most signs
/// counts; of equal ones, the one that is listed first.
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
