//! The write-ahead log: what is acknowledged is here first.
//!
//! Redacted batches arrive, receipts and numbered batches leave. A batch is never acknowledged
//! before its durability is what the settings say, a segment never takes a batch before its own
//! name is durable, and a file handle whose write or sync failed is never used again.
//!
//! ```text
//! wal/<first record number, 20 digits>.wal
//!
//! segment := header frame*                     all numbers little-endian
//! header  := magic "TLWAL"
//!            version u8                        2
//!            zero u16
//!            first_seq u64                     as in the name
//!            follows u64                       records before have numbers up to here; less than
//!                                              first_seq where numbers were left out
//!            created_at i64                    microseconds since 1970
//!            zero u32
//!            crc u32                           CRC-32C of the 36 bytes before
//! frame   := length u32                        bytes after `crc`
//!            crc u32                           CRC-32C of `length` and of everything after `crc`
//!            seq u64                           number of the first record
//!            written_at i64                    microseconds since 1970
//!            record_count u32                  the frame holds records [seq, seq + record_count)
//!            raw_length u32                    bytes of the payload before compression
//!            kind u8                           1 batch, 2 retry window
//!            codec u8                          0 raw, 1 zstd
//!            key u8                            0 none, 1 batch id, 2 lines of a producer
//!            flags u8                          1: all bytes before the frame were durable when it
//!                                              was written
//!            sender u16                        who sent the batch, as the retry window counts
//!            tenant_bytes u8                   0: the default tenant
//!            zero u8
//!            earliest i64, latest i64          span of the records' moments
//!            id                                key 1: batch id (16 bytes)
//!                                              key 2: producer (16 bytes), its last line u64
//!            tenant                            name of the tenant of all records
//!            payload                           batch: model's form of a batch
//!                                              window: entry*, each sender's by last use
//! entry   := kind u8                           1 batch id, 2 producer
//!            zero u8
//!            sender u16
//!            written_at i64
//!            value u64                         records of the batch; last line of the producer
//!            id                                16 bytes
//! ```
//!
//! Every record has its own number, so the log needs no second file to say where a reader is.
//! A new segment begins with a window frame that repeats the recent batch ids and how far each
//! producer is: removing old segments never forgets which retries are retries.
//!
//! What was durable is known from four witnesses: the [`mark`], written after each sync; a frame
//! whose flag covers all bytes before; a later segment, begun after the one before was synced;
//! and the indexes, none of which is ahead of the log. Bytes at the end that do not read and that
//! no witness knows were never acknowledged under `fsync`: acks wait for the sync, and the mark
//! for what was synced is written before the acks. After a power cut the mark may be that of the
//! last time the kernel wrote it back. What was synced reads then, and needs no witness: only a
//! disk that loses power *and* rots in the group that was synced last passes for a torn end. With
//! `interval` and `none`, what was not synced yet may be torn although it was acknowledged.
//!
//! What recovery makes of damage:
//!
//! | found | done |
//! |---|---|
//! | unreadable end of the last segment, never durable | cut off, counted: a crash tore it |
//! | last segment without header and frames, never durable | removed: a crash while rotating |
//! | a bad frame anywhere else | kept in `quarantine/`, told, skipped to the next good one |
//! | numbers of records that no segment holds and no index has | told |
//! | no mark, or none that reads | bytes that do not read are damage, wherever they are |
//! | a format version that is not ours | refused with its number, nothing touched |
//! | a read error | refused: it says nothing about what is on the disk |

mod active;
mod durable;
mod error;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod list;
mod losses;
mod mark;
mod recovery;
mod release;
mod replay;
mod scan;
mod segment;
mod settings;
mod state;
mod thread;
mod timeline;
mod verify;
mod wait;
mod window;
mod writer;

pub use error::{FrameError, WalError};
pub use losses::Loss;
pub(crate) use losses::Losses;
pub use recovery::Recovery;
pub(crate) use recovery::check_versions;
pub use release::WalReleaser;
pub use replay::{Replay, WalReader};
pub use settings::{Durability, WalCodec, WalSettings};
pub use state::{WaitState, WriteState, WriteStateHandle};
pub use thread::{LoggedBatch, WalHooks, spawn_wal_thread};
pub use verify::{WalProblem, WalReport, verify};
pub use writer::{Placement, Wal};

#[cfg(test)]
mod tests;
