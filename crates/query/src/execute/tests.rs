//! Searches over a real store, compared with what a plain filter over the records says.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod fixture;
mod oracle;
