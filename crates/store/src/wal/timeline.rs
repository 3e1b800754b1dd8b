//! When records were acknowledged, by their numbers.
//!
//! A mark for a group of records arrives, and the age of any later record leaves: at least the
//! true one, and at most [`MARK_INTERVAL`] more. The number of marks is bounded, so the marks of a
//! long time lie further apart.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Least time between two marks: what an age may be wrong by, and far below what is called late.
const MARK_INTERVAL: Duration = Duration::from_millis(50);

/// Marks that are kept: three minutes, and from then on every second of them.
const MARKS_MAX: usize = 4_096;

/// Moments at which records with ascending numbers were acknowledged.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    marks: VecDeque<(u64, Instant)>,
}

impl Timeline {
    /// Notes that the records from a number on are acknowledged now.
    pub(super) fn mark(&mut self, first_seq: u64, now: Instant) {
        let is_near = |(_, last): &(u64, Instant)| now.duration_since(*last) < MARK_INTERVAL;
        if self.marks.back().is_some_and(is_near) {
            return;
        }
        if self.marks.len() >= MARKS_MAX {
            let mut is_odd = false;
            // The first mark stays as the bound of the timeline.
            self.marks.retain(|_| {
                is_odd = !is_odd;
                is_odd
            });
        }
        self.marks.push_back((first_seq, now));
    }

    /// Returns a moment at which a record was not acknowledged yet, as late as is known; `None`
    /// when it was before the first mark.
    pub(super) fn before(&self, seq: u64) -> Option<Instant> {
        let later = self.marks.partition_point(|(first_seq, _)| *first_seq <= seq);
        later.checked_sub(1).and_then(|last| self.marks.get(last)).map(|(_, moment)| *moment)
    }

    /// Forgets what only records below a number need.
    pub(super) fn forget_below(&mut self, seq: u64) {
        while self.marks.get(1).is_some_and(|(first_seq, _)| *first_seq <= seq) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_bounded_and_an_age_is_never_too_young() {
        let (mut timeline, start) = (Timeline::default(), Instant::now());
        let at = |seq: u64| start + MARK_INTERVAL * u32::try_from(seq).expect("small");
        for seq in 0..3 * MARKS_MAX as u64 {
            timeline.mark(seq, at(seq));
            assert!(timeline.marks.len() <= MARKS_MAX);
        }
        for seq in [0, 1, 77, 5_000, 3 * MARKS_MAX as u64 - 1] {
            assert!(timeline.before(seq).expect("known") <= at(seq), "{seq}");
        }
        timeline.forget_below(5_000);
        assert!(timeline.before(5_000).expect("known") <= at(5_000));
        assert_eq!(timeline.before(0), None);
    }

    proptest! {
        #[test]
        fn the_age_of_a_record_is_that_of_its_group_or_of_one_shortly_before(
            groups in prop::collection::vec((1_u64..5, 0_u64..200), 1..60),
            asked in 0_u64..300,
            forgotten in 0_u64..300,
        ) {
            let (mut timeline, start) = (Timeline::default(), Instant::now());
            let (mut seq, mut now, mut truth) = (0, start, Vec::new());
            for (records, later) in groups {
                now += Duration::from_millis(later);
                timeline.mark(seq, now);
                truth.extend((0..records).map(|_| now));
                seq += records;
            }
            timeline.forget_below(forgotten.min(asked));
            if let Some(acknowledged) = truth.get(usize::try_from(asked).expect("small")) {
                let found = timeline.before(asked).expect("known");
                prop_assert!(found <= *acknowledged);
                prop_assert!(acknowledged.duration_since(found) < MARK_INTERVAL);
            }
        }
    }
}
