//! The way of a line from bytes to a redacted batch:
//! bytes -> inflate -> frame -> decode -> normalise -> redact -> hand-off.
//!
//! Bytes of sockets that the root package owns arrive; [`tierlog_model::RedactedBatch`]es leave
//! through the hand-off. Nothing here touches the disk, and nothing that was not redacted leaves:
//! not in a batch, a dead letter, an answer, a log line or an error text.

#![forbid(unsafe_code)]

mod body_room;
mod decode;
mod elements;
mod field_names;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod inflate;
mod intake;
mod interner;
mod join;
mod joiner;
mod normalise;
mod observations;
mod pipeline;
mod redact;
mod repair;
mod replay;
mod short_name;
mod shown;
mod source;
#[cfg(test)]
mod testing;
mod text;

pub use frame::is_blank;
pub use intake::{
    Intake, OUTCOME_RUNS_MAX, Outcome, OutcomeRun, Outcomes, PreparedBatch, Verdicts,
};
pub use join::{Joining, OtherText};
pub use normalise::{
    ATTRIBUTES_MAX, AliasTable, ArraySink, AttributeError, Attributes, FieldSink, IngestConfig,
    IngestLimits, ObjectSink, RecordDefaults, ShapeRow, Target, shape_rows,
};
pub use observations::{Report, Reporter, ShiftedClock, UnknownLevel};
pub use pipeline::Ingest;
pub use redact::{
    Action, CanaryError, DeadLetter, DetectorName, Disposition, EvidenceRow, Explained, Filter,
    Filtered, Find, Ledger, POLICY_BYTES_MAX, PolicyFault, RedactingWriter, RedactionPolicy,
    RedactionSettings, Redactor, UnknownDetector, detector_named, detector_names,
};
pub use replay::{KeptLine, ReplayedBatch};
pub use source::{
    Client, ConnectionError, IngestAnswer, TcpProtocol, Transport, error_shapes, http_router,
    ingest_contract, protocols, refusal_names, serve_tcp_connection,
};
