//! For how long lines are held that more may belong to. Moments arrive, moments leave; no timer
//! is set here.

use std::time::Duration;

use tokio::time::Instant;

use crate::joiner::Joiner;
use crate::pipeline::Held;

/// How long nothing follows before held lines leave: what a process prints together arrives
/// within a few milliseconds.
const QUIET: Duration = Duration::from_millis(100);

/// How long a line is held at most. It is acknowledged within half a second, the time of its
/// fsync included.
const HELD_MAX: Duration = Duration::from_millis(350);

/// How long after its last line a group may go on, in a text of its own. Later lines belong to
/// another group.
const GROUP_AGE_MAX: Duration = Duration::from_secs(5);

/// When the held lines of a connection leave.
#[derive(Debug)]
pub(super) struct Hold {
    /// When they leave, if any are held.
    pub(super) until: Option<Instant>,
    /// The text that is held longest, and since when.
    oldest: Option<(u64, Instant)>,
    /// When the last lines arrived.
    arrived: Instant,
}

impl Hold {
    /// Returns the state of a connection without held lines.
    pub(super) fn new(now: Instant) -> Hold {
        Hold { until: None, oldest: None, arrived: now }
    }

    /// Notes that lines arrived.
    pub(super) fn lines_arrived(&mut self, now: Instant, joiner: Option<&mut Joiner>) {
        if let Some(joiner) = joiner
            && now.duration_since(self.arrived) > GROUP_AGE_MAX
        {
            joiner.close();
        }
        self.arrived = now;
    }

    /// Returns what is done with held lines at a moment when something else is wished: a
    /// connection that is never quiet must not hold them for ever.
    pub(super) fn at(&self, now: Instant, wished: Held) -> Held {
        let is_over = self.oldest.is_some_and(|(_, since)| now >= since + HELD_MAX);
        match wished {
            Held::Kept if is_over => Held::Cut,
            Held::Kept | Held::Cut | Held::Closed => wished,
        }
    }

    /// Takes up what is held now.
    pub(super) fn look(&mut self, now: Instant, oldest: Option<u64>) {
        self.oldest = match (oldest, self.oldest) {
            (Some(text), Some((before, since))) if text == before => Some((text, since)),
            (Some(text), _) => Some((text, now)),
            (None, _) => None,
        };
        self.until = self.oldest.map(|(_, since)| (since + HELD_MAX).min(now + QUIET));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::OtherText;

    fn check(steps: &[(u64, Option<u64>, Option<u64>)]) {
        let start = Instant::now();
        let mut hold = Hold::new(start);
        for (after, oldest, until) in steps {
            hold.look(start + Duration::from_millis(*after), *oldest);
            let left = hold.until.map(|until| (until - start).as_millis() as u64);
            assert_eq!(left, *until, "{after} ms");
        }
    }

    #[test]
    fn lines_leave_when_it_is_quiet_or_they_are_old() {
        check(&[(0, None, None), (10, Some(7), Some(110)), (20, None, None)]);
        check(&[
            (0, Some(7), Some(100)),
            (90, Some(7), Some(190)),
            (300, Some(7), Some(350)),
            (340, Some(8), Some(440)),
        ]);
    }

    #[test]
    fn a_connection_that_is_never_quiet_lets_go() {
        let start = Instant::now();
        let mut hold = Hold::new(start);
        hold.look(start, Some(1));
        assert_eq!(hold.at(start + Duration::from_millis(349), Held::Kept), Held::Kept);
        assert_eq!(hold.at(start + HELD_MAX, Held::Kept), Held::Cut);
        assert_eq!(hold.at(start, Held::Closed), Held::Closed);
    }

    #[test]
    fn a_line_of_much_later_goes_on_with_nothing() {
        let start = Instant::now();
        let mut hold = Hold::new(start);
        let mut joiner = Joiner::new(OtherText::Rejected, 1_000);
        joiner.take(b"ERROR refused", 1);
        hold.lines_arrived(start + GROUP_AGE_MAX, Some(&mut joiner));
        assert!(joiner.is_open());
        hold.lines_arrived(start + GROUP_AGE_MAX * 3, Some(&mut joiner));
        assert!(!joiner.is_open() && joiner.oldest().is_some());
    }
}
