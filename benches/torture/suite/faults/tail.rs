//! The end of the write-ahead log: cut at every byte of the last frames, each bit flipped,
//! garbage and zeros behind it, zeros over it.

use std::ops::Range;

use anyhow::Result;

use super::super::oracle::{Invariant, Violation};
use super::super::random::spread;
use super::super::server::Launch;
use super::super::trial::{Answers, Trial};
use super::super::wal::last_segment;
use super::super::{Effort, Rig, Tally};

/// Frames of the log.
const FRAMES: u64 = 10;

/// Lines of a frame: with fewer, one could hold broken lines only, which is no body.
const FRAME_LINES: u64 = 2;

/// Frames at the end that are damaged.
const DAMAGED: usize = 3;

/// Sizes of what is put behind the log or over its end.
const TAILS: [usize; 5] = [1, 7, 36, 512, 4096];

/// What is done to the log.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// It ends here.
    Cut(usize),
    /// A bit of a byte is another.
    Flip(usize, u8),
    /// A number of equal bytes behind the end.
    Behind(usize, u8),
    /// So many zeros over its end.
    Over(usize),
}

/// A log and the lines of its frames.
struct Log {
    trial: Trial,
    bytes: Vec<u8>,
    frames: Vec<(Range<usize>, Range<u64>)>,
}

/// Damages logs.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    let log = prepare(rig, effort.seed)?;
    let damages = damages(&log);
    let cases = damages.len() as u64;
    let runs = effort.runs.min(cases);
    let mut tally = Tally::default();
    tally.notes.push(format!("{cases} damages possible"));
    let chosen = spread(cases, effort.seed).take(runs as usize);
    for case in chosen.take_while(|_| effort.has_time()) {
        let Some(damage) = damages.get(case as usize) else { break };
        let mut outcome = suffer(&log, *damage);
        if let Ok(trial) = &mut outcome {
            for violation in &mut trial.violations {
                violation.detail.push_str(&format!(" ({damage:?} of {} bytes)", log.bytes.len()));
            }
        }
        tally.count(effort.seed, outcome);
    }
    Ok(tally)
}

/// Stores frames that no partition has yet, a request each.
fn prepare(rig: &Rig, seed: u64) -> Result<Log> {
    let trial = Trial::new(rig, seed, 1)?;
    let server = trial.start_with(&Launch::with_settings(&["store.commit_interval=1m"]))?;
    let mut ids = Vec::new();
    for _ in 0..FRAMES {
        ids.push(trial.send_batch(&server, FRAME_LINES)?);
    }
    server.kill()?;
    let segment = last_segment(&trial.place.data)?;
    let starts = &segment.frames;
    let own = starts.len().checked_sub(ids.len());
    let own = own.filter(|own| *own <= 1);
    let Some(own) = own else {
        anyhow::bail!("{} frames for {} requests", starts.len(), ids.len());
    };
    let ends = starts.iter().skip(1).copied().chain([segment.bytes.len()]);
    let ranges = starts.iter().copied().zip(ends).map(|(start, end)| start..end);
    let frames = ranges.skip(own).zip(ids).collect();
    Ok(Log { trial, bytes: segment.bytes, frames })
}

fn damages(log: &Log) -> Vec<Damage> {
    let last = log.frames.len().saturating_sub(DAMAGED);
    let start = log.frames.get(last).map_or(0, |(bytes, _)| bytes.start);
    let mut damages = Vec::new();
    for at in start..log.bytes.len() {
        damages.push(Damage::Cut(at));
        damages.push(Damage::Flip(at, (at % 8) as u8));
    }
    for length in TAILS {
        damages.extend([0, 0x5a, 0xff].map(|filler| Damage::Behind(length, filler)));
        damages.push(Damage::Over(length));
    }
    damages
}

/// Damages a copy, starts a server on it, and looks for everything that the damage has not hit.
fn suffer(log: &Log, damage: Damage) -> Result<Trial> {
    let mut trial = log.trial.fork()?;
    let segment = last_segment(&trial.place.data)?;
    let mut bytes = log.bytes.clone();
    let hit = damage.apply(&mut bytes);
    std::fs::write(&segment.path, &bytes)?;
    let lost: Vec<Range<u64>> = log
        .frames
        .iter()
        .filter(|(frame, _)| frame.start < hit.end && hit.start < frame.end)
        .map(|(_, ids)| ids.clone())
        .collect();
    if !lost.is_empty() {
        trial.answers = Answers::Partial;
    }
    let server = trial.start()?;
    trial.check_but(&server, &|id| lost.iter().any(|ids| ids.contains(&id)))?;
    // All of it was acknowledged: none of it is a torn end.
    if server.is_partial_because("records_lost") != Some(!lost.is_empty()) {
        let detail = format!("{} frames are gone, told: {:?}", lost.len(), server.health());
        trial.violations.push(Violation { invariant: Invariant::Promise, detail });
    }
    Ok(trial)
}

impl Damage {
    /// Damages bytes of the log and returns the positions of the changed bytes.
    fn apply(self, bytes: &mut Vec<u8>) -> Range<usize> {
        let end = bytes.len();
        match self {
            Damage::Cut(at) => {
                bytes.truncate(at);
                at..end
            }
            Damage::Flip(at, bit) => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
                at..at + 1
            }
            Damage::Behind(length, filler) => {
                bytes.resize(end + length, filler);
                end..end
            }
            Damage::Over(length) => {
                let start = end.saturating_sub(length);
                if let Some(over) = bytes.get_mut(start..) {
                    over.fill(0);
                }
                start..end
            }
        }
    }
}
