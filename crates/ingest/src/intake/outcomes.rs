//! The outcomes of the items of a body, in order, as runs: a million accepted items take one run.

use tierlog_model::RejectReason;

/// Most runs that are told apart: 128 KiB. A body with more is half rejected, item by item; what
/// lies behind the last run is counted only.
pub const OUTCOME_RUNS_MAX: usize = 8 << 10;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The item is a record.
    Accepted,
    /// The item is a dead letter.
    Rejected(RejectReason),
    /// The item was read, and a rule of the redaction policy asks for it not to be stored.
    Dropped,
}

/// Items beside each other with the same outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeRun {
    /// The outcome.
    pub outcome: Outcome,
    /// How many items.
    pub count: u64,
}

/// The outcomes of all items, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    runs: Vec<OutcomeRun>,
    untold_count: u64,
}

impl Outcomes {
    /// Adds the outcome of the next item.
    #[inline]
    pub(crate) fn push(&mut self, outcome: Outcome) {
        // Fast path: items are nearly always accepted, as the one before.
        match self.runs.last_mut() {
            Some(run) if run.outcome == outcome && self.untold_count == 0 => run.count += 1,
            _ => self.push_run(OutcomeRun { outcome, count: 1 }),
        }
    }

    /// Adds the outcomes of the items that follow.
    pub(crate) fn append(&mut self, next: Outcomes) {
        next.runs.into_iter().for_each(|run| self.push_run(run));
        self.untold_count += next.untold_count;
    }

    fn push_run(&mut self, run: OutcomeRun) {
        let is_whole = self.runs.len() >= OUTCOME_RUNS_MAX;
        match self.runs.last_mut() {
            _ if self.untold_count > 0 => self.untold_count += run.count,
            Some(last) if last.outcome == run.outcome => last.count += run.count,
            _ if is_whole => self.untold_count += run.count,
            _ => self.runs.push(run),
        }
    }

    /// Returns the runs, the first items first.
    pub fn runs(&self) -> &[OutcomeRun] {
        &self.runs
    }

    /// Returns the outcome of each item that is told apart, in order.
    pub fn items(&self) -> impl Iterator<Item = Outcome> {
        let repeated = |run: &OutcomeRun| {
            std::iter::repeat_n(run.outcome, usize::try_from(run.count).unwrap_or(usize::MAX))
        };
        self.runs.iter().flat_map(repeated)
    }

    /// Returns how many items follow the last run: [`OUTCOME_RUNS_MAX`] was reached.
    pub fn untold_count(&self) -> u64 {
        self.untold_count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes(items: &[Outcome]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        items.iter().for_each(|item| outcomes.push(*item));
        outcomes
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop::sample::select(vec![
            Outcome::Accepted,
            Outcome::Rejected(RejectReason::TooLong),
            Outcome::Rejected(RejectReason::InvalidJson),
            Outcome::Dropped,
        ])
    }

    proptest! {
        #[test]
        fn runs_are_the_items_however_they_were_put_together(
            pieces in prop::collection::vec(prop::collection::vec(outcome(), 0..20), 0..6),
        ) {
            let items = pieces.concat();
            let mut together = Outcomes::default();
            pieces.iter().for_each(|piece| together.append(outcomes(piece)));
            prop_assert_eq!(&together, &outcomes(&items));
            prop_assert_eq!(together.items().collect::<Vec<_>>(), items);
            let is_apart = |pair: &[OutcomeRun]| pair[0].outcome != pair[1].outcome;
            prop_assert!(together.runs().windows(2).all(is_apart), "a run was cut");
        }
    }

    #[test]
    fn runs_are_bounded_and_the_rest_is_counted() {
        let reject = Outcome::Rejected(RejectReason::TooDeep);
        let pair = [Outcome::Accepted, reject];
        let items: Vec<Outcome> = pair.into_iter().cycle().take(OUTCOME_RUNS_MAX + 3).collect();
        let mut many = outcomes(&items);
        assert_eq!((many.runs().len(), many.untold_count()), (OUTCOME_RUNS_MAX, 3));
        // Whatever follows an outcome that is not told is not told either.
        many.push(reject);
        many.append(outcomes(&[reject, reject]));
        assert_eq!((many.runs().len(), many.untold_count()), (OUTCOME_RUNS_MAX, 6));
        let million = OutcomeRun { outcome: Outcome::Accepted, count: 1_000_000 };
        let mut one = Outcomes::default();
        (0..million.count).for_each(|_| one.push(Outcome::Accepted));
        assert_eq!(one.runs(), [million]);
    }
}
