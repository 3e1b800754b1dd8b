//! What must hold after every fault, by name.

use std::fmt;

/// A promise of the store. The numbers are those of the fault matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// I1: what was acknowledged and has not expired is found.
    AckedIsFound,
    /// I2: each found record is found once.
    FoundOnce,
    /// I3: what is found was issued.
    FoundWasIssued,
    /// I4: a found record is what was written, field by field.
    PayloadEqual,
    /// I5: the store starts by itself with no partition in quarantine.
    StartsByItself,
    /// I6: a fresh record is acknowledged and found.
    FreshIsFound,
    /// I8: a partition holds the records of its facts, and the id filter has every id.
    Conserved,
    /// R6: what was dropped does not come back.
    DroppedStaysDropped,
    /// F22: no record is dropped before the days of the tier are over.
    NothingYoungerDropped,
    /// D1: what is deleted together, dead letters or a day before its time, is wholly there after a
    /// cut, or gone.
    LeavesWhole,
    /// S1: a power cut takes the end of what was written, and leaves no holes.
    OnlyTheEndIsLost,
    /// R8: before their time go days of debug and info, and nothing else.
    OnlyTheLeastGoesEarly,
    /// R9: the early drop of a day is recorded.
    GoneIsSaid,
    /// N1: a producer of numbered lines is known, and goes on behind the acknowledged lines.
    ProducerKnown,
    /// T1: what rot takes is told, what is there is what was written, and no damage is sealed.
    RotIsTold,
    /// I10: nothing panics.
    NoPanic,
}

impl Invariant {
    /// Returns the name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Invariant::AckedIsFound => "I1 acked is found",
            Invariant::FoundOnce => "I2 found once",
            Invariant::FoundWasIssued => "I3 found was issued",
            Invariant::PayloadEqual => "I4 payload equal",
            Invariant::StartsByItself => "I5 starts by itself",
            Invariant::FreshIsFound => "I6 fresh is found",
            Invariant::Conserved => "I8 conserved",
            Invariant::DroppedStaysDropped => "R6 dropped stays dropped",
            Invariant::NothingYoungerDropped => "F22 nothing younger dropped",
            Invariant::LeavesWhole => "D1 leaves whole",
            Invariant::OnlyTheEndIsLost => "S1 only the end is lost",
            Invariant::OnlyTheLeastGoesEarly => "R8 only the least goes early",
            Invariant::GoneIsSaid => "R9 gone is said",
            Invariant::ProducerKnown => "N1 producer known",
            Invariant::RotIsTold => "T1 rot is told",
            Invariant::NoPanic => "I10 no panic",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A promise that was not kept, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub invariant: Invariant,
    /// What was seen.
    pub detail: String,
}

impl Violation {
    pub(super) fn new(invariant: Invariant, detail: impl Into<String>) -> Violation {
        Violation { invariant, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.invariant, self.detail)
    }
}
