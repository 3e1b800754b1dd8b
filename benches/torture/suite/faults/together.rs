//! A second server on the same directory: it does not start and says why, the first goes on.

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::server::{Launch, Place, Started};
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Starts servers on held directories.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, both(rig, seed));
    }
    Ok(tally)
}

fn both(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut trial = Trial::new(rig, seed, 2)?;
    let server = trial.start()?;
    let load = trial.load(&server, &[Protocol::Tcp], Pace::batches(50));
    let aside = trial.place.aside.join("second");
    std::fs::create_dir_all(&aside)?;
    let second = Place { aside, ..trial.place.clone() };
    let started = second.start(&Launch::default())?;
    let is_refused = matches!(&started, Started::Ended(status) if !status.success());
    drop(started);
    let output = second.output_text();
    trial.promise(Holds::from(is_refused), || "the second server has started".to_owned());
    let says_why = ["in use", "held", "another process", "locked"];
    let says_why = says_why.iter().any(|words| output.contains(words));
    trial.promise(Holds::from(says_why), || format!("it does not say why: {output}"));
    trial.take(load)?;
    trial.check(&server)?;
    Ok(trial)
}
