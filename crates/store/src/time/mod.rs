//! The believed time: a single notion for dating, judging and deleting.
//!
//! The machine's clock and uptime arrive, with what the store remembers ([`memory`]) and what its
//! log and indexes have witnessed. [`guard`] decides what is believed, [`scales`] when the days of
//! records are over that a wrong clock has dated, and [`BelievedClock`] gives both to those who
//! ask. No wrong clock, in whatever order it goes wrong and is set right, makes a record go before
//! its days are over.

mod believed;
mod guard;
mod memory;
mod scales;
#[cfg(test)]
mod tests;

pub use believed::ClockReport;
pub(crate) use believed::{BelievedClock, ClockSettings, MeasuredClock, Witnesses};
pub use guard::ClockState;
