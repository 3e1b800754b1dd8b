//! SIGTERM under load: the server ends soon, with success, and holds every acknowledged line; after
//! a second SIGTERM the server ends at once, and holds every acknowledged line, too.

use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::random::Random;
use super::super::server::let_pass;
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Ten seconds for the connections, and as many for machines that do other work too.
const END_MAX: Duration = Duration::from_secs(20);

/// Latest signal after senders have begun.
const LATEST_MS: u64 = 500;

/// Exit code after a second signal.
const ENDED_AT_ONCE: i32 = 143;

/// Asks servers to end.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, end(rig, seed));
    }
    Ok(tally)
}

fn end(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut random = Random::new(seed);
    let mut trial = Trial::new(rig, seed, 2)?;
    let mut server = trial.start()?;
    let protocols = [Protocol::Tcp, Protocol::Http, Protocol::Http];
    let load = trial.load(&server, &protocols, Pace::batches(1_000));
    let_pass(Duration::from_millis(random.below(LATEST_MS)));
    server.signal_to_end()?;
    let is_twice = seed.is_multiple_of(2);
    if is_twice {
        let_pass(Duration::from_millis(random.below(20)));
        // It may have ended already.
        let _ = server.signal_to_end();
    }
    let status = server.await_end(END_MAX)?;
    load.stop();
    trial.take(load)?;
    let is_good = status.success() || (is_twice && status.code() == Some(ENDED_AT_ONCE));
    trial.promise(Holds::from(is_good), || format!("it ended with {status}"));
    let server = trial.start()?;
    trial.check(&server)?;
    Ok(trial)
}
