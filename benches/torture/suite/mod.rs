//! The torture suite: faults are done to a real server, and an oracle that knows every line ever
//! sent says whether the server kept its word. Used by the torture command and, in short, by the
//! integration tests.
//!
//! ```text
//! lines    what is sent, and what must come back, from a seed and an id
//! tenants  three of them, with listeners of their own: a line's id says whose it is
//! ledger   which ids were issued and which acknowledged, in a file outside the data directory
//! oracle   ledger beside export: lost, doubled, foreign, changed
//! scan     planted personal data in files, inflated frames and output
//! server   the real binary as a process, killed when dropped
//! load     senders over TCP and HTTP
//! trial    one data directory through its lives, with everything above
//! namespace  this program where it may mount, for who is not root
//! shim     a library in the server's process: kills it at a change, fails a sync, moves its clock
//! proofs   promises broken on purpose: each check must be able to fail
//! faults/  one file a fault, one line each in its registry
//! ```
//!
//! Nothing here knows how the server keeps its data, but for the frames of the write-ahead log,
//! which a fault tears, and the kinds of file of a partition, which another damages.

#[path = "../../shared/agent.rs"]
pub(crate) mod agent;
pub(crate) mod faults;
pub(crate) mod files;
mod http;
mod ledger;
mod lines;
mod load;
pub(crate) mod namespace;
mod oracle;
pub(crate) mod proofs;
mod random;
mod rig;
mod scan;
mod server;
mod shim;
mod tally;
mod tenants;
pub(crate) mod tmpfs;
mod trial;
mod wal;

#[cfg(not(test))]
pub(crate) use oracle::{Invariant, Violation};
#[cfg(not(test))]
pub(crate) use rig::Keep;
pub(crate) use rig::{Effort, Rig};
pub(crate) use tally::Tally;
