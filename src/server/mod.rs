//! The network server: every listener of the configuration, from bound socket to last answer.
//!
//! ```text
//! listeners   one list: bound together, then started; all else derives from it
//! listener    accept, a place, a task; stop and drain
//! seats       who holds a place, and who gives the place up
//! http        one HTTP connection under deadlines: stall, pace, linger, held_body
//! protect     host_guard, answer_headers, answer_budget, errors of foreign APIs, panics
//! signals, drain, descriptors   the process around the sockets
//! ```
//!
//! Protocols and routes come from the other crates; nothing here reads a record. The caller of a
//! connection is made in [`Listeners::start`] and nowhere else.

mod addresses;
mod answer_budget;
mod answer_headers;
mod descriptors;
mod drain;
mod held_body;
mod host_guard;
mod http;
mod linger;
mod listener;
mod listeners;
mod pace;
mod protect;
mod seats;
mod signals;
mod stall;

pub(crate) use addresses::Addresses;
pub(crate) use answer_budget::uncharged;
pub(crate) use descriptors::raise_limit;
pub(crate) use drain::Drain;
pub(crate) use listeners::{Listeners, Services};
pub(crate) use signals::{ReloadSignal, StopSignals};
