//! A clock that is ten years wrong: nothing is dropped by it, whether it jumps while the server
//! runs or before it starts, ahead or back.

use std::time::Duration;

use anyhow::Result;

use super::super::server::let_pass;
use super::super::trial::Trial;
use super::super::{Effort, Rig, Tally};

/// Seconds of ten years.
const TEN_YEARS_S: i64 = 3_653 * 86_400;

/// Retention looks for work every second; it has looked after this.
const LOOKED: Duration = Duration::from_millis(1_300);

/// Moves clocks.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    if let Err(why) = &rig.shim {
        return Ok(Tally::not_run(why));
    }
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, jump(rig, seed));
    }
    Ok(tally)
}

fn jump(rig: &Rig, seed: u64) -> Result<Trial> {
    let shim = rig.shim.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
    let mut trial = Trial::new(rig, seed, 2)?.with_settings(&["store.maintenance_interval=1s"]);
    let clock = trial.place.aside.join("clock");
    let set = |seconds: i64| std::fs::write(&clock, seconds.to_string());
    let wrong = shim.wrong_clock(&clock);
    set(0)?;
    let server = trial.start_with(&wrong)?;
    trial.send(&server, 5)?;
    trial.check(&server)?;
    let jump = if seed.is_multiple_of(2) { TEN_YEARS_S } else { -TEN_YEARS_S };
    set(jump)?;
    let_pass(LOOKED);
    trial.compare(&server, &|_| false)?;
    server.kill()?;
    let server = trial.start_with(&wrong)?;
    let_pass(LOOKED);
    trial.compare(&server, &|_| false)?;
    set(0)?;
    let_pass(LOOKED);
    trial.check(&server)?;
    server.kill()?;
    let server = trial.start()?;
    trial.check(&server)?;
    Ok(trial)
}
