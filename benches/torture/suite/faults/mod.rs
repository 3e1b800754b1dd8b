//! The faults: one file each, or two of a kind together; one line each in the list.

mod changes;
mod clock;
mod descriptors;
mod kill;
mod read_only;
mod rot;
mod slow;
mod space;
mod syncs;
mod tail;
mod terminate;
mod together;

use anyhow::Result;

use super::rig::{Effort, Rig};
use super::tally::Tally;

/// A fault and how often it is done.
pub(crate) struct Fault {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What is done to the server.
    pub(crate) about: &'static str,
    /// Runs of a short look, as the tests do.
    pub(crate) short: u64,
    /// Runs of the ordinary length.
    pub(crate) usual: u64,
    /// Runs of the long length; more than there are points means each of them.
    pub(crate) long: u64,
    /// Does it.
    pub(crate) run: fn(&Rig, Effort) -> Result<Tally>,
}

/// More than there are points to enumerate: each is done.
const EACH: u64 = u64::MAX;

/// Every fault, in the order of the table.
#[rustfmt::skip]
pub(crate) const FAULTS: &[Fault] = &[
    Fault { name: "kill-tcp", about: "kill -9 at a random time under load over TCP", short: 2, usual: 150, long: 1_000, run: kill::over_tcp },
    Fault { name: "kill-http", about: "kill -9 at a random time under load over HTTP, batches sent again", short: 2, usual: 150, long: 1_000, run: kill::over_http },
    Fault { name: "crash-append", about: "death at a change to the disk: start, append, commit", short: 2, usual: 100, long: EACH, run: changes::append },
    Fault { name: "crash-replay", about: "death at a change to the disk: replay after a death", short: 1, usual: 60, long: EACH, run: changes::replay },
    Fault { name: "crash-later", about: "death at a change to the disk: replay behind a start that did not wait", short: 1, usual: 60, long: EACH, run: changes::replay_later },
    Fault { name: "crash-seal", about: "death at a change to the disk: seal", short: 1, usual: 100, long: EACH, run: changes::seal },
    Fault { name: "crash-retention", about: "death at a change to the disk: retention", short: 2, usual: 60, long: EACH, run: changes::retention },
    Fault { name: "crash-call", about: "death at the Nth write, sync, rename or unlink of a thread, by strace", short: 2, usual: 60, long: 600, run: changes::by_strace },
    Fault { name: "torn-tail", about: "log cut at a byte, bit flipped, garbage or zeros at its end", short: 3, usual: 200, long: EACH, run: tail::run },
    Fault { name: "disk-full", about: "no room on a small disk: append, commit, seal, retention", short: 1, usual: 12, long: 100, run: space::bytes },
    Fault { name: "pressure", about: "little room: days of debug and info may go, nothing else", short: 1, usual: 8, long: 60, run: space::pressure },
    Fault { name: "no-inodes", about: "no file can be made on a small disk", short: 1, usual: 8, long: 60, run: space::inodes },
    Fault { name: "sync-log", about: "EIO on a sync of the write-ahead log", short: 1, usual: 30, long: 300, run: syncs::of_the_log },
    Fault { name: "sync-index", about: "EIO on a sync of a partition", short: 1, usual: 30, long: 300, run: syncs::of_the_index },
    Fault { name: "read-only", about: "the disk becomes read-only under load, and at a start", short: 1, usual: 10, long: 60, run: read_only::run },
    Fault { name: "slow-disk", about: "each sync of the log takes 200 ms longer, more arrives than it takes", short: 1, usual: 4, long: 20, run: slow::run },
    Fault { name: "descriptors", about: "more connections than file descriptors", short: 1, usual: 6, long: 30, run: descriptors::run },
    Fault { name: "bit-rot", about: "a bit of a partition flipped, sealed or not, running or stopped; a file cut or gone", short: 4, usual: 60, long: 1_000, run: rot::run },
    Fault { name: "clock", about: "the clock jumps ten years ahead and back, running and at a start", short: 2, usual: 6, long: 40, run: clock::run },
    Fault { name: "two-servers", about: "a second server on the same directory", short: 1, usual: 5, long: 20, run: together::run },
    Fault { name: "sigterm", about: "SIGTERM under load, once and twice", short: 2, usual: 20, long: 200, run: terminate::run },
];
