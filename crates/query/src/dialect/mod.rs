//! Languages in which people and programs ask: each reads its own text to values that the engine
//! runs. An engine never sees a text.

pub(crate) mod lucene;
mod spellings;
pub(crate) mod vocabulary;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use vocabulary::AnyField;
pub use vocabulary::Spellings;
pub(crate) use vocabulary::{KnownFields, Vocabulary};
