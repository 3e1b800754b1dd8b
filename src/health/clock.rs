//! The clock in health: doubts and the ways to settle a doubt, and the traces of a wrong clock.

use tierlog_store::{ClockReport, ClockState};

/// How an engineer says that the clock is right.
const CONFIRM: &str = "if it is right, confirm it with `tierlog retention run --trust-clock`";

/// Returns why the clock is doubted, if it is.
pub(super) fn doubt(clock: &ClockReport) -> Option<String> {
    let distance = span(clock.ahead_s.saturating_abs());
    let present = clock.present;
    match clock.state {
        ClockState::Steady => None,
        ClockState::Ahead => Some(format!(
            "retention is held: the clock is {distance} ahead of the time that was measured, days \
             are counted by that, and lines are dated {present}; {CONFIRM}"
        )),
        ClockState::Behind => Some(format!(
            "the clock is {distance} behind the time that is known: lines are dated {present} and \
             days held; set it, or, {CONFIRM}"
        )),
        ClockState::Unset => Some(format!(
            "the clock was never set, it says {present}: lines are dated by it, and the days of \
             what it dates are held until it is set"
        )),
    }
}

/// Returns what a wrong clock has left behind, in words.
pub(super) fn notices(clock: &ClockReport, misdated: u64) -> Vec<String> {
    let mut notices = Vec::new();
    if misdated > 0 {
        notices.push(format!(
            "{misdated} partitions were dated by a clock that was wrong: their days are counted by \
             measured time"
        ));
    }
    if clock.unconfirmed_s > 0 {
        let unconfirmed = span(clock.unconfirmed_s);
        notices.push(format!(
            "the clock is believed by {unconfirmed} that nobody has measured: records may be kept \
             that much longer; {CONFIRM}"
        ));
    }
    notices
}

/// Returns a length of time in hours, or in days when it is longer.
fn span(seconds: i64) -> String {
    let hours = seconds / 3_600;
    if hours < 96 { format!("{hours} hours") } else { format!("{} days", hours / 24) }
}

#[cfg(test)]
mod tests {
    use tierlog_model::Timestamp;

    use super::*;

    fn report(state: ClockState, ahead_s: i64) -> ClockReport {
        let present = Timestamp::from_micros_clamped(1_790_000_000_000_000);
        let retention_present = present;
        ClockReport {
            state,
            ahead_s,
            present,
            retention_present,
            believed_in_s: 0,
            unconfirmed_s: 0,
        }
    }

    #[test]
    fn each_doubt_says_what_is_done_meanwhile_and_how_it_ends() {
        assert_eq!(doubt(&report(ClockState::Steady, 60)), None);
        let said = |state, ahead_s| doubt(&report(state, ahead_s)).expect("a doubt");
        let ahead = said(ClockState::Ahead, 30 * 86_400);
        assert!(ahead.starts_with("retention is held: the clock is 30 days ahead"), "{ahead}");
        let behind = said(ClockState::Behind, -50 * 3_600);
        assert!(behind.starts_with("the clock is 50 hours behind"), "{behind}");
        for text in [ahead, behind] {
            assert!(text.contains("--trust-clock") && text.contains("2026-09-21T"), "{text}");
        }
        assert!(said(ClockState::Unset, 0).contains("never set"));
    }

    #[test]
    fn what_is_left_is_told_as_long_as_it_is() {
        let steady = report(ClockState::Steady, 0);
        assert!(notices(&steady, 0).is_empty());
        assert!(notices(&steady, 3)[0].starts_with("3 partitions"));
        let unconfirmed = ClockReport { unconfirmed_s: 40 * 86_400, ..steady };
        assert!(notices(&unconfirmed, 0)[0].contains("40 days"));
    }
}
