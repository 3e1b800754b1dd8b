//! Vocabulary that the other crates share: no input, no output, no threads.
//!
//! Data-flow order: what a line is ([`Record`]), in whose name it comes
//! ([`Caller`], [`Tenant`]), where it belongs ([`Tiers`], [`Day`]), how it
//! travels ([`RedactedBatch`], [`handoff()`]), the bounds that hold everywhere ([`limits`],
//! [`memory`]), and how settings are declared ([`keys`]).

#![forbid(unsafe_code)]

mod batch;
mod batch_id;
mod buffer_pool;
mod caller;
mod clock;
mod day;
mod encode;
mod encoded;
mod error_names;
mod excerpt;
pub mod fields;
mod handoff;
mod id;
mod id_form;
pub mod keys;
mod level;
pub mod limits;
pub mod memory;
pub mod metric_names;
mod names;
mod producer;
mod pseudonym;
mod record;
mod reject;
mod tenant;
mod tier;
mod timestamp;
mod varint;

pub use batch::{BatchPosition, BatchWriter, Redacted, RedactedBatch, Span};
pub use batch_id::BatchId;
pub use buffer_pool::BufferPool;
pub use caller::{Caller, Scope, Scopes};
pub use clock::{Clock, Doubt, ManualClock, Present, SystemClock, Uptime};
pub use day::Day;
pub use encoded::{EncodedField, EncodedRecord, Fields};
pub use error_names::is_error_text;
pub use excerpt::Excerpt;
pub use handoff::{
    Ack, BULK_BYTES_MIN, BatchRoom, DiskFull, HandoffReceiver, HandoffSender, HeldBytes, Receipt,
    Refusal, Reply, SendError, Submission, WhenDiskFull, handoff,
};
pub use id::id_hash;
pub use id_form::reads_as_id;
pub use level::Level;
pub use names::{NameId, NameIndex, NameTable};
pub use producer::{LineRun, LinesBefore, ProducerId, ProducerLines, RetryKey, SenderId};
pub use pseudonym::{
    Covered, Identities, KeyId, PLACES_MAX, PSEUDONYM_PREFIX, PlaceError, Placed, PseudonymKey,
    Pseudonyms, Template, has_token_form, key_id_of,
};
pub use record::{DecodeError, Record, RecordFields, RecordKind, Value};
pub use reject::{RejectReason, UNINDEXABLE};
pub use tenant::{TENANTS_MAX, Tenant, TenantError, TenantLabels};
pub use tier::{DEAD_LETTER_TIER, TierId, TierPolicy, Tiers, TiersError};
pub use timestamp::Timestamp;
