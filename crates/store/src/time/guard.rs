//! What time is believed: a pure decision.
//!
//! Arrives: what was believed at the last look, the time that was measured since by the uptime,
//! and what the clock says now. Leaves: what is believed now, and whether what was believed before
//! has to be corrected. Nothing is read or written here.
//!
//! The *expected* present is the last believed one and what was measured since. It is a lower
//! bound: time does not go back, and measured time has passed. A clock that says something else is
//!
//! - within `store.clock_jump_max` of it: *steady*. The clock is followed, as clocks are set;
//! - further *ahead*: lines are stamped by the expected present. Only when the machine was off,
//!   which explains a distance of up to [`OFF_MICROS_MAX`], the clock is followed;
//! - further *behind*: lines are stamped by the expected present;
//! - before [`PROGRAM_MADE_MICROS`], and nothing else is known: *unset*. The clock is followed,
//!   because there is nothing better, and corrected without a question.
//!
//! A doubt is *settled* when the clock has kept its distance for [`STEADY_MICROS`] of measured time
//! (never when it is behind), or when an engineer confirms the clock. A settlement fixes the
//! present, and not the time that passed: a machine that was off for a year and a machine with a
//! clock wrong by a year look alike. Hence a settlement has two parts: by how much the expected
//! present moves ([`Settlement::shift`]), and how much of that is time that passed while the
//! machine was off ([`Settlement::passed`]). What did not pass makes no record older:
//! [`super::scales`] moves the ends of its days along.
//!
//! Time that nobody measured passes when it is a pause of up to `store.clock_jump_max` (a night, a
//! weekend if so configured) before a start whose clock then was steady; and, however long, when an
//! engineer confirms the clock. Pauses of a store whose own clock has never been steady for a day
//! do not: its stamps may be what was wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierlog_model::{Doubt, Present, Timestamp, Uptime};

/// How long a clock must keep its distance before it is believed: nobody leaves a wrong date
/// unnoticed on a machine in use for longer.
pub(super) const STEADY_MICROS: i64 = 86_400_000_000;

/// How far the distance may move within that time and still be steady: clocks drift by less than
/// a minute a day, leap seconds are smeared over hours, and neither is a jump.
pub(super) const STEP_MICROS_MAX: i64 = 300_000_000;

/// The longest that a machine is off and its clock is followed at once: half a year in a cupboard.
/// A clock that is further ahead is more likely wrong.
const OFF_MICROS_MAX: i64 = 183 * 86_400_000_000;

/// No clock that says less is right: this program was made later. Years before its first version,
/// because a bound that comes close must be kept up with; clocks that were never set say 1970,
/// 1980, 2000, or when their firmware was built.
const PROGRAM_MADE_MICROS: i64 = 1_704_067_200_000_000;

/// Pauses that are remembered until they are settled: a machine that is off every night has three.
const GAPS_MAX: usize = 16;

/// Time between two looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elapsed {
    /// So many microseconds, measured.
    Measured(i64),
    /// Unknown: the machine was off, or is another machine.
    Unknown,
}

impl Elapsed {
    /// Returns the time between two readings of this process.
    pub(super) fn between(before: &Uptime, now: &Uptime) -> Elapsed {
        if before.boot == now.boot && now.micros >= before.micros {
            return Elapsed::Measured(now.micros - before.micros);
        }
        Elapsed::Unknown
    }

    /// Returns the time since a reading that an earlier process has written down.
    pub(super) fn since_written(before: &Uptime, now: &Uptime) -> Elapsed {
        if now.boot.is_empty() { Elapsed::Unknown } else { Elapsed::between(before, now) }
    }
}

/// Unmeasured time before a start, by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gap {
    /// Number of the first record after it.
    pub(super) seq: u64,
    /// How long it was, if the clock is right.
    pub(super) micros: i64,
    /// Whether it is short enough for a pause.
    is_pause: bool,
    /// Whether the clock had been steady for a day before it.
    is_proven: bool,
}

/// What is believed about the present. Kept in a file across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Belief {
    /// The present by what was believed before and measured since.
    pub(super) expected: Timestamp,
    /// How far the clock was ahead of that when it began to keep its distance, microseconds.
    distance: i64,
    /// Measured microseconds for which the clock has kept the distance.
    steady: i64,
    /// What the clock said, at the last look.
    pub(super) wall: Timestamp,
    /// Whether the clock has ever been steady for a day, or was confirmed.
    is_proven: bool,
    /// What of the distance may have passed while the machine was off.
    gaps: Vec<Gap>,
}

/// How the clock stands to what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It is believed.
    Steady,
    /// It is ahead of what was measured by more than may be.
    Ahead,
    /// It is behind by as much.
    Behind,
    /// The clock shows a time before the program was made, and no other witness is known.
    Unset,
}

/// What a look or a confirmation has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// What is believed now.
    pub(super) belief: Belief,
    /// What of the former belief is corrected.
    pub(super) settlement: Option<Settlement>,
}

/// A correction of the expected present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settlement {
    /// How far the expected present moves, besides what was measured.
    pub(super) shift: i64,
    /// The part of the shift that passed: older records age by this part.
    pub(super) passed: Vec<Gap>,
    /// The part that may have passed, should an engineer confirm it later.
    pub(super) open: Vec<Gap>,
    /// How far the present that was believed before is behind, if nothing explains that: the clock
    /// was believed for its steadiness, and a sender with a right clock may go by the other.
    pub(super) unrefuted: Option<i64>,
}

/// The rule's one setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    jump_micros_max: i64,
}

impl Guard {
    /// Returns the guard that lets the clock be off by so much.
    pub(super) fn new(jump_max: Duration) -> Guard {
        Guard { jump_micros_max: i64::try_from(jump_max.as_micros()).unwrap_or(i64::MAX) }
    }

    /// Returns what is believed after a look at the clock. `seq` is the number of the next record.
    pub(super) fn look(
        &self,
        before: &Belief,
        wall: Timestamp,
        elapsed: Elapsed,
        seq: u64,
    ) -> Look {
        let passed = match elapsed {
            Elapsed::Measured(micros) => micros.max(0),
            Elapsed::Unknown => 0,
        };
        let expected = before.expected.saturating_add_micros(passed);
        let distance = micros_between(expected, wall);
        let mut belief = Belief { expected, wall, ..before.clone() };
        if before.is_unset() {
            return belief.corrected_unset(distance);
        }
        if elapsed == Elapsed::Unknown {
            self.add_gap(&mut belief, distance.saturating_sub(before.ahead_micros()), seq);
        }
        belief.keep_gaps_within(distance);
        let moved = distance.saturating_sub(before.distance);
        if elapsed == Elapsed::Unknown && (0..=self.jump_micros_max).contains(&moved) {
            // As if the machine was off for so long: that neither makes the clock steadier nor
            // unsteady. A machine that is off every night must come to a steady day too.
            belief.distance = distance;
        } else if moved.saturating_abs() > STEP_MICROS_MAX {
            (belief.distance, belief.steady) = (distance, 0);
        } else {
            belief.steady = before.steady.saturating_add(passed);
        }
        if belief.steady < STEADY_MICROS || self.state(&belief) == ClockState::Behind {
            return Look { belief, settlement: None };
        }
        let gaps = std::mem::take(&mut belief.gaps);
        let unexplained = distance.saturating_sub(sum(gaps.iter().map(|gap| gap.micros)));
        let unrefuted =
            (unexplained > self.jump_micros_max).then_some(unexplained.saturating_neg());
        let proven = gaps.into_iter().filter(|gap| gap.is_proven);
        let (passed, open) = proven.partition(|gap| gap.is_pause);
        belief.settled(Settlement { shift: distance, passed, open, unrefuted })
    }

    /// Returns what is believed when an engineer has looked at the clock, and it is right.
    pub(super) fn confirm(&self, belief: &Belief) -> Look {
        let mut belief = belief.clone();
        let gaps = std::mem::take(&mut belief.gaps).into_iter().filter(|gap| gap.is_proven);
        let (passed, shift) = (gaps.collect(), belief.ahead_micros());
        belief.settled(Settlement { shift, passed, ..Settlement::default() })
    }

    fn add_gap(&self, belief: &mut Belief, micros: i64, seq: u64) {
        if micros <= STEP_MICROS_MAX {
            return;
        }
        let is_pause = micros <= self.jump_micros_max;
        let is_proven = belief.is_proven;
        belief.gaps.push(Gap { seq, micros, is_pause, is_proven });
        if belief.gaps.len() > GAPS_MAX {
            // The gaps count together before all records between: these records do not age by the
            // sum.
            let oldest = belief.gaps.remove(0);
            if let Some(next) = belief.gaps.first_mut() {
                next.seq = oldest.seq.min(next.seq);
                next.micros = next.micros.saturating_add(oldest.micros);
                next.is_pause &= oldest.is_pause;
                next.is_proven &= oldest.is_proven;
            }
        }
    }

    /// Tells how the clock stands.
    pub(super) fn state(&self, belief: &Belief) -> ClockState {
        if belief.is_unset() {
            return ClockState::Unset;
        }
        let ahead = micros_between(belief.reckoned(), belief.wall);
        if ahead > self.jump_micros_max {
            ClockState::Ahead
        } else if ahead < self.jump_micros_max.saturating_neg() {
            ClockState::Behind
        } else {
            ClockState::Steady
        }
    }

    /// Returns the present by which lines are stamped and judged.
    pub(super) fn present(&self, belief: &Belief) -> Present {
        let (wall, reckoned) = (belief.wall, belief.reckoned());
        let follows = Present { now: wall, doubt: Doubt::Or(reckoned) };
        match self.state(belief) {
            ClockState::Steady => Present::sure(wall),
            ClockState::Unset => Present { now: wall, doubt: Doubt::Unknown },
            ClockState::Ahead if self.was_off(belief) => follows,
            ClockState::Ahead | ClockState::Behind => {
                Present { now: reckoned, doubt: Doubt::Or(wall) }
            }
        }
    }

    /// Returns the present by which days are over: never later than what was measured, and never
    /// later than what the clock says.
    pub(super) fn oldest_present(&self, belief: &Belief) -> Timestamp {
        belief.expected.min(belief.wall)
    }

    /// Tells whether the time during which the machine was off explains how far the clock is ahead.
    fn was_off(&self, belief: &Belief) -> bool {
        let off: i64 = belief.leaps();
        let ahead = micros_between(belief.reckoned(), belief.wall);
        off <= OFF_MICROS_MAX && ahead.saturating_sub(off) <= self.jump_micros_max
    }
}

impl Belief {
    /// Believes the clock: at the first start of all.
    pub(super) fn in_clock(wall: Timestamp) -> Belief {
        Belief { expected: wall, distance: 0, steady: 0, wall, is_proven: false, gaps: Vec::new() }
    }

    /// Believes what a log or an index has witnessed, when nothing else is known.
    pub(super) fn in_witness(moment: Timestamp) -> Belief {
        Belief { is_proven: true, ..Belief::in_clock(moment) }
    }

    /// Goes on to a moment that was witnessed after this belief was written down. Returns by how
    /// much.
    pub(super) fn go_on_to(&mut self, witnessed: Timestamp) -> i64 {
        let by = micros_between(self.expected, witnessed).max(0);
        self.expected = self.expected.saturating_add_micros(by);
        self.wall = self.wall.saturating_add_micros(by);
        by
    }

    /// Returns how far the clock is ahead of what was measured; negative when it is behind.
    pub(super) fn ahead_micros(&self) -> i64 {
        micros_between(self.expected, self.wall)
    }

    /// Tells whether nothing is known but a clock that was never set.
    fn is_unset(&self) -> bool {
        self.expected.as_micros() < PROGRAM_MADE_MICROS
    }

    /// Returns the expected present, were every pause one.
    pub(super) fn reckoned(&self) -> Timestamp {
        let pauses = self.gaps.iter().filter(|gap| gap.is_pause).map(|gap| gap.micros);
        self.expected.saturating_add_micros(sum(pauses))
    }

    /// Returns how much of the distance may have passed during gaps that are no pauses.
    fn leaps(&self) -> i64 {
        sum(self.gaps.iter().filter(|gap| !gap.is_pause).map(|gap| gap.micros))
    }

    /// Returns the numbers of the first records after each gap.
    pub(super) fn gap_seqs(&self) -> impl Iterator<Item = u64> {
        self.gaps.iter().map(|gap| gap.seq)
    }

    /// Returns how much longer the clock must keep its distance before it is believed.
    pub(super) fn steady_left(&self) -> Duration {
        Duration::from_micros(STEADY_MICROS.saturating_sub(self.steady).max(0).unsigned_abs())
    }

    /// A clock that goes back takes its pauses back, the last pause first.
    fn keep_gaps_within(&mut self, distance: i64) {
        let mut surplus = sum(self.gaps.iter().map(|gap| gap.micros)) - distance.max(0);
        while surplus > 0
            && let Some(last) = self.gaps.last_mut()
        {
            let taken = last.micros.min(surplus);
            last.micros -= taken;
            surplus -= taken;
            if last.micros <= 0 {
                self.gaps.pop();
            }
        }
    }

    /// The clock is the only witness: any number of corrections is followed.
    fn corrected_unset(self, distance: i64) -> Look {
        if distance.saturating_abs() <= STEP_MICROS_MAX {
            return Look { belief: self, settlement: None };
        }
        let belief = Belief::in_clock(self.wall);
        Look { belief, settlement: Some(Settlement { shift: distance, ..Settlement::default() }) }
    }

    fn settled(self, settlement: Settlement) -> Look {
        let belief = Belief { is_proven: true, ..Belief::in_clock(self.wall) };
        Look { belief, settlement: Some(settlement) }
    }
}

fn sum(micros: impl Iterator<Item = i64>) -> i64 {
    micros.fold(0, i64::saturating_add)
}

fn micros_between(from: Timestamp, to: Timestamp) -> i64 {
    to.as_micros().saturating_sub(from.as_micros())
}

#[cfg(test)]
mod tests;
