//! CPU, wall time, memory and written bytes of a process, from `/proc`; and the yardstick's clock.

use std::time::Instant;

use anyhow::{Context as _, Result};

/// Repetitions of a stage: Linux counts CPU in hundredths of a second.
const REPETITIONS: u32 = 3;

/// Ticks of `/proc/PID/stat` in a second: what Linux shows to programs on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// What something cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// CPU seconds, user and system.
    pub(crate) cpu: f64,
    /// Seconds on the wall.
    pub(crate) wall: f64,
}

/// Runs a function once and returns its cost in this process.
pub(crate) fn measure<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    let started = Instant::now();
    let cpu_before = cpu_of(std::process::id())?;
    let result = work()?;
    let cpu = cpu_of(std::process::id())? - cpu_before;
    Ok((result, Cost { cpu, wall: started.elapsed().as_secs_f64() }))
}

/// Runs something a few times and returns the last result and the average cost.
pub(crate) fn measure_average<T>(mut work: impl FnMut() -> Result<T>) -> Result<(T, Cost)> {
    let (result, Cost { cpu, wall }) = measure(|| {
        for _ in 1..REPETITIONS {
            work()?;
        }
        work()
    })?;
    let times = f64::from(REPETITIONS);
    Ok((result, Cost { cpu: cpu / times, wall: wall / times }))
}

/// Returns the CPU seconds that a process has used.
pub(crate) fn cpu_of(process: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).context("read its CPU")?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th after.
    let (_, after_name) = text.rsplit_once(')').context("read its CPU")?;
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS_PER_SECOND)
}

/// Returns the most memory that a process has had resident, mebibytes.
pub(crate) fn peak_memory_of(process: u32) -> Result<f64> {
    status_of(process, "VmHWM:")
}

/// Returns the memory that a process has resident, mebibytes.
pub(crate) fn memory_of(process: u32) -> Result<f64> {
    status_of(process, "VmRSS:")
}

/// Returns how many descriptors a process has open.
pub(crate) fn open_files_of(process: u32) -> Result<f64> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).context("list its files")?;
    Ok(files.count() as f64)
}

/// Returns a size of `/proc/PID/status`, mebibytes.
fn status_of(process: u32, name: &str) -> Result<f64> {
    let text =
        std::fs::read_to_string(format!("/proc/{process}/status")).context("read its memory")?;
    let kibibytes = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kibibytes.context("read its memory")? / 1024.0)
}
