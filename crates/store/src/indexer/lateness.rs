//! How long acknowledged records have not been searchable, and from which moment on answers are
//! whole all the same.

use std::time::Duration;

use tierlog_model::{Day, Timestamp};

use super::Indexer;
use super::backlog::Lane;

/// Age of the oldest record that is acknowledged and not searchable from which on indexing is
/// called late. A record waits half a second for a commit when there is little to do and about
/// two at full speed; an answer that lacks more than that has to say so.
const LATE_AFTER: Duration = Duration::from_secs(3);

/// Commit intervals after which indexing is late, where these are longer.
const LATE_AFTER_COMMITS: u32 = 2;

/// How long the oldest record of each lane that was acknowledged has not been searchable; `None`
/// when all are. A record of an earlier process has [`Duration::MAX`]: nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsearchable {
    /// Of today and yesterday.
    pub fresh: Option<Duration>,
    /// Of older days.
    pub backfill: Option<Duration>,
}

impl Unsearchable {
    /// Returns the age of the oldest record of both lanes.
    pub fn oldest(self) -> Option<Duration> {
        self.fresh.max(self.backfill)
    }
}

/// That acknowledged records are not searchable for longer than a reader expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// Records of this moment and later are searchable; `None` when any may not be.
    pub whole_from: Option<Timestamp>,
}

impl Indexer {
    /// Returns how long records have not been searchable.
    pub(crate) fn unsearchable(&self) -> Unsearchable {
        let positions = self.context.progress.positions();
        let write_state = self.write_state();
        write_state.forget_ages_below(positions.whole_below());
        Unsearchable {
            fresh: write_state.age_of(positions.committed),
            backfill: positions.pending_from.and_then(|pending| write_state.age_of(pending)),
        }
    }

    /// Returns what answers say when indexing is late.
    pub(crate) fn lateness(&self) -> Option<Lateness> {
        let progress = &self.context.progress;
        let late_after = LATE_AFTER.max(self.context.settings.commit_interval * LATE_AFTER_COMMITS);
        let limit = |lane| if progress.waits(lane) { Duration::ZERO } else { late_after };
        let limits = (limit(Lane::Fresh), limit(Lane::Backfill));
        lateness_of(self.unsearchable(), limits, progress.positions().pending_until)
    }
}

/// Returns what is late, of records with such ages; each lane has the age from which on its
/// records are late. `last_old_day` is the last day that waits for the backfill lane.
fn lateness_of(
    ages: Unsearchable,
    (fresh_limit, backfill_limit): (Duration, Duration),
    last_old_day: Option<Day>,
) -> Option<Lateness> {
    if ages.fresh.is_some_and(|age| age >= fresh_limit) {
        return Some(Lateness { whole_from: None });
    }
    let is_late = ages.backfill.is_some_and(|age| age >= backfill_limit);
    is_late.then(|| Lateness { whole_from: last_old_day.map(Day::end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexing_is_late_by_the_age_of_its_oldest_record_lane_by_lane() {
        let second = Duration::from_secs(1);
        let day: Day = "2026-11-20".parse().expect("a day");
        let limits = (3 * second, 3 * second);
        let check = |fresh: Option<u32>, backfill: Option<u32>, limits| {
            let age = |seconds: Option<u32>| seconds.map(|seconds| second * seconds);
            let ages = Unsearchable { fresh: age(fresh), backfill: age(backfill) };
            assert_eq!(ages.oldest(), age(fresh.max(backfill)));
            lateness_of(ages, limits, Some(day)).map(|late| late.whole_from)
        };
        assert_eq!(check(None, None, limits), None);
        assert_eq!(check(Some(2), Some(2), limits), None);
        // Old days that are late leave the others whole; whoever lacks fresh records lacks any.
        assert_eq!(check(Some(2), Some(3), limits), Some(Some(day.end())));
        assert_eq!(check(Some(3), Some(9), limits), Some(None));
        assert_eq!(check(Some(3), None, limits), Some(None));
        // Records that wait for a known reason are late at once.
        assert_eq!(check(None, Some(0), (3 * second, Duration::ZERO)), Some(Some(day.end())));
        assert_eq!(check(None, Some(0), (Duration::ZERO, 3 * second)), None);
        // A record of an earlier process is as old as can be.
        let unknown = Unsearchable { fresh: Some(Duration::MAX), backfill: None };
        assert_eq!(lateness_of(unknown, limits, None), Some(Lateness { whole_from: None }));
    }
}
