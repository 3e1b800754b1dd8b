//! More connections than a process may have files: those that are there are served, the server
//! lives, and takes new ones when some have gone.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::server::{Launch, let_pass};
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Files that the server may have open: those of the partitions and listeners of three tenants, and
/// some more.
const FILES_MAX: u64 = 240;

/// Connections that take them all.
const CONNECTIONS: usize = 300;

/// How long they stay.
const HELD_FOR: Duration = Duration::from_millis(500);

/// Takes descriptors away.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, exhaust(rig, seed));
    }
    Ok(tally)
}

fn exhaust(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut trial = Trial::new(rig, seed, 2)?;
    let limited = format!("ulimit -n {FILES_MAX} && exec \"$0\" \"$@\"");
    let wrapper = ["/bin/sh", "-c", &limited].map(str::to_owned).to_vec();
    let mut server = trial.start_with(&Launch { wrapper, ..Launch::default() })?;
    let load = trial.load(&server, &[Protocol::Tcp, Protocol::Http], Pace::batches(200));
    let address = server.address("tcp").to_owned();
    let held: Vec<TcpStream> =
        (0..CONNECTIONS).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    let_pass(HELD_FOR);
    load.stop();
    trial.promise(Holds::from(server.ended().is_none()), || "the server has ended".to_owned());
    // A sender may still wait behind the held connections.
    drop(held);
    trial.take(load)?;
    trial.check(&server)?;
    server.kill()?;
    let server = trial.start()?;
    trial.check(&server)?;
    Ok(trial)
}
