//! Vocabulary that the other crates share: no input, no output, no threads.
//!
//! Data-flow order: what a line is ([`Record`]), where it belongs ([`Tiers`], [`Day`]), how it
//! travels ([`RedactedBatch`], [`handoff()`]), and the bounds that hold everywhere ([`limits`]).

mod batch;
mod clock;
mod day;
mod encode;
pub mod fields;
mod handoff;
mod id;
mod level;
pub mod limits;
pub mod metric_names;
mod pseudonym;
mod record;
mod reject;
mod tier;
mod timestamp;

pub use batch::{BatchId, BatchWriter, EncodedField, EncodedRecord, RedactedBatch};
pub use clock::{Clock, ManualClock, SystemClock};
pub use day::Day;
pub use handoff::{
    Ack, HandoffGauge, HandoffReceiver, HandoffSender, HeldBytes, Receipt, Refusal, SendError,
    Submission, handoff,
};
pub use id::id_hash;
pub use level::Level;
pub use pseudonym::{KeyId, PSEUDONYM_PREFIX, PseudonymKey, Pseudonyms};
pub use record::{DecodeError, Record, RecordKind, Value};
pub use reject::RejectReason;
pub use tier::{DEAD_LETTER_TIER, TierId, TierPolicy, Tiers, TiersError};
pub use timestamp::Timestamp;
