//! The phase of indexing, and every way from one phase to another.
//!
//! A step of indexing, a recovery or the end of the store arrives as an [`Event`], and the next
//! phase leaves; nothing else changes a phase.
//!
//! ```text
//!                 ┌───────────── CaughtUp ─────────────┐
//!                 ▼                                    │
//!   Follows ─▶ FollowingLog ── CaughtUp ─▶ Steady      │
//!                 │                          │         │
//!                 └───────┐      ┌───────────┘         │
//!                   StepFailed, Recovers               │
//!                         ▼      ▼                     │
//!                        Stalled ──── Rewound ───▶ CatchingUp
//!                           ▲                          │
//!                           └── StepFailed, Recovers ──┘
//!
//!   any ── Closes ─▶ Closing        any ── Ends ─▶ Ended
//! ```
//!
//! | phase | writers hold | records are added and committed | a flush | batches are taken |
//! |---|---|---|---|---|
//! | `Steady` | all that was applied | yes | waits its turn | yes |
//! | `FollowingLog` | all that was applied | yes | waits for the log | while the queue has room |
//! | `Stalled` | perhaps less: a step ended early | no, before the indexer has gone back | is refused | not without room on the disk |
//! | `CatchingUp` | all that was applied again | yes | is refused | not without room on the disk |
//! | `Closing` | no matter: the WAL has all | no | is refused | while the queue has room |
//! | `Ended` | nothing | no | is refused | the store is closed, or refuses writes |

use super::failure::Failure;
use crate::wal::WaitState;

/// Where indexing stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Batches are indexed as they come.
    #[default]
    Steady,
    /// What a start has left in the WAL, up to a number, is indexed before anything new.
    FollowingLog {
        /// Number after the last record that the start left.
        until: u64,
    },
    /// A step ended early: writers may have lost records that the WAL has.
    Stalled(Failure),
    /// The writers are back at what is committed, and the WAL is read again from there.
    CatchingUp(Failure),
    /// The store closes before everything was indexed: what is left waits in the WAL.
    Closing,
    /// The indexing thread has ended.
    Ended,
}

/// What happens to indexing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// What a start has left before a number is indexed now.
    Follows {
        /// Number after the last record that the start left.
        until: u64,
    },
    /// A change of the writers ended early, by an error or by a panic.
    StepFailed(Failure),
    /// A recovery from a failure has begun, or has failed in its turn.
    Recovers(Failure),
    /// The writers went back to what is committed.
    Rewound,
    /// Everything that had to be read from the WAL is indexed.
    CaughtUp,
    /// The store closes, and the rest is left.
    Closes,
    /// The indexing thread ends.
    Ends,
}

impl Phase {
    /// Returns the phase after an event.
    pub(super) fn after(self, event: Event) -> Phase {
        match (self, event) {
            // Nothing leads out of the end.
            (Phase::Ended, _) | (_, Event::Ends) => Phase::Ended,
            (_, Event::Closes) => Phase::Closing,
            (Phase::Closing, _) => Phase::Closing,
            (_, Event::StepFailed(failure) | Event::Recovers(failure)) => Phase::Stalled(failure),
            (Phase::Stalled(failure) | Phase::CatchingUp(failure), Event::Rewound) => {
                Phase::CatchingUp(failure)
            }
            (phase @ (Phase::Steady | Phase::FollowingLog { .. }), Event::Rewound) => phase,
            // Writers that have lost records go back first, whoever says what.
            (phase @ Phase::Stalled(_), Event::Follows { .. } | Event::CaughtUp) => phase,
            (_, Event::Follows { until }) => Phase::FollowingLog { until },
            (_, Event::CaughtUp) => Phase::Steady,
        }
    }

    /// Tells whether records may be added and committed.
    pub(super) fn takes_records(&self) -> bool {
        match self {
            Phase::Steady | Phase::FollowingLog { .. } | Phase::CatchingUp(_) => true,
            Phase::Stalled(_) | Phase::Closing | Phase::Ended => false,
        }
    }

    /// Returns why a flush would wait for what may never come.
    pub(super) fn refuses_flush(&self) -> Option<String> {
        match self {
            Phase::Steady | Phase::FollowingLog { .. } => None,
            Phase::Stalled(failure) | Phase::CatchingUp(failure) => Some(failure.to_string()),
            Phase::Closing => Some(Failure::Closing.to_string()),
            Phase::Ended => Some("the indexing thread has ended".to_owned()),
        }
    }

    /// Returns what the WAL thread and health are told.
    pub(super) fn wait_state(&self) -> (WaitState, Option<String>) {
        match self {
            Phase::Steady | Phase::Ended => (WaitState::GoesOn, None),
            Phase::FollowingLog { .. } => {
                let why = "what the start found in the log is being indexed";
                (WaitState::Waits, Some(why.to_owned()))
            }
            Phase::Stalled(failure) | Phase::CatchingUp(failure) => {
                let state = match failure {
                    Failure::NoRoom(_) => WaitState::NoRoom,
                    Failure::Exhausted(_)
                    | Failure::Damaged(_)
                    | Failure::Broken(_)
                    | Failure::Closing => WaitState::Waits,
                };
                (state, Some(failure.to_string()))
            }
            Phase::Closing => (WaitState::Waits, Some(Failure::Closing.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn phases() -> [Phase; 6] {
        let failure = || Failure::NoRoom("disk".to_owned());
        [
            Phase::Steady,
            Phase::FollowingLog { until: 7 },
            Phase::Stalled(failure()),
            Phase::CatchingUp(failure()),
            Phase::Closing,
            Phase::Ended,
        ]
    }

    #[test]
    fn every_event_leads_from_every_phase_to_one() {
        let broken = || Failure::Broken("thread".to_owned());
        let events = [
            Event::Follows { until: 9 },
            Event::StepFailed(broken()),
            Event::Recovers(broken()),
            Event::Rewound,
            Event::CaughtUp,
            Event::Closes,
            Event::Ends,
        ];
        let mut table = String::new();
        for phase in phases() {
            for event in &events {
                let after = phase.clone().after(event.clone());
                table.push_str(&format!("{phase:?} {event:?}: {after:?}\n"));
            }
        }
        expect![[r#"
            Steady Follows { until: 9 }: FollowingLog { until: 9 }
            Steady StepFailed(Broken("thread")): Stalled(Broken("thread"))
            Steady Recovers(Broken("thread")): Stalled(Broken("thread"))
            Steady Rewound: Steady
            Steady CaughtUp: Steady
            Steady Closes: Closing
            Steady Ends: Ended
            FollowingLog { until: 7 } Follows { until: 9 }: FollowingLog { until: 9 }
            FollowingLog { until: 7 } StepFailed(Broken("thread")): Stalled(Broken("thread"))
            FollowingLog { until: 7 } Recovers(Broken("thread")): Stalled(Broken("thread"))
            FollowingLog { until: 7 } Rewound: FollowingLog { until: 7 }
            FollowingLog { until: 7 } CaughtUp: Steady
            FollowingLog { until: 7 } Closes: Closing
            FollowingLog { until: 7 } Ends: Ended
            Stalled(NoRoom("disk")) Follows { until: 9 }: Stalled(NoRoom("disk"))
            Stalled(NoRoom("disk")) StepFailed(Broken("thread")): Stalled(Broken("thread"))
            Stalled(NoRoom("disk")) Recovers(Broken("thread")): Stalled(Broken("thread"))
            Stalled(NoRoom("disk")) Rewound: CatchingUp(NoRoom("disk"))
            Stalled(NoRoom("disk")) CaughtUp: Stalled(NoRoom("disk"))
            Stalled(NoRoom("disk")) Closes: Closing
            Stalled(NoRoom("disk")) Ends: Ended
            CatchingUp(NoRoom("disk")) Follows { until: 9 }: FollowingLog { until: 9 }
            CatchingUp(NoRoom("disk")) StepFailed(Broken("thread")): Stalled(Broken("thread"))
            CatchingUp(NoRoom("disk")) Recovers(Broken("thread")): Stalled(Broken("thread"))
            CatchingUp(NoRoom("disk")) Rewound: CatchingUp(NoRoom("disk"))
            CatchingUp(NoRoom("disk")) CaughtUp: Steady
            CatchingUp(NoRoom("disk")) Closes: Closing
            CatchingUp(NoRoom("disk")) Ends: Ended
            Closing Follows { until: 9 }: Closing
            Closing StepFailed(Broken("thread")): Closing
            Closing Recovers(Broken("thread")): Closing
            Closing Rewound: Closing
            Closing CaughtUp: Closing
            Closing Closes: Closing
            Closing Ends: Ended
            Ended Follows { until: 9 }: Ended
            Ended StepFailed(Broken("thread")): Ended
            Ended Recovers(Broken("thread")): Ended
            Ended Rewound: Ended
            Ended CaughtUp: Ended
            Ended Closes: Ended
            Ended Ends: Ended
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn a_phase_says_what_it_lets_through() {
        let mut table = String::new();
        for phase in phases() {
            let (state, why) = phase.wait_state();
            let (takes, flush) = (phase.takes_records(), phase.refuses_flush());
            table.push_str(&format!("{phase:?}: {takes} {flush:?} {state:?} {why:?}\n"));
        }
        expect![[r#"
            Steady: true None GoesOn None
            FollowingLog { until: 7 }: true None Waits Some("what the start found in the log is being indexed")
            Stalled(NoRoom("disk")): false Some("disk") NoRoom Some("disk")
            CatchingUp(NoRoom("disk")): true Some("disk") NoRoom Some("disk")
            Closing: false Some("the store closes") Waits Some("the store closes")
            Ended: false Some("the indexing thread has ended") GoesOn None
        "#]].assert_eq(&table);
    }
}
