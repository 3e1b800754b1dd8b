//! Names of every metric, as Prometheus sees them. Labels are bounded sets.

/// Records taken, by `protocol`.
pub const INGEST_ACCEPTED: &str = "tierlog_ingest_accepted_records_total";
/// Lines rejected, by `protocol` and `reason`.
pub const INGEST_REJECTED: &str = "tierlog_ingest_rejected_lines_total";
/// Records that an earlier batch of the same id had already brought, by `protocol`.
pub const INGEST_DUPLICATE: &str = "tierlog_ingest_duplicate_records_total";
/// Bytes received before inflating, by `protocol`.
pub const INGEST_BYTES: &str = "tierlog_ingest_received_bytes_total";
/// Requests or connections turned away, by `protocol` and `why` (`full`, `connections`).
pub const INGEST_REFUSED: &str = "tierlog_ingest_refused_total";
/// Records whose level word nobody knows.
pub const UNKNOWN_LEVELS: &str = "tierlog_ingest_unknown_level_records_total";
/// Streams whose times name no zone and lie a steady number of quarter hours off their arrival.
pub const SHIFTED_CLOCKS: &str = "tierlog_ingest_shifted_clocks";
/// Personal data found and replaced, by `detector`.
pub const REDACTIONS: &str = "tierlog_redactions_total";
/// Open connections, by `listener`: accepted minus closed.
pub const CONNECTIONS_OPENED: &str = "tierlog_connections_opened_total";
/// See [`CONNECTIONS_OPENED`].
pub const CONNECTIONS_CLOSED: &str = "tierlog_connections_closed_total";
/// Connections that were asked to leave, because all places were taken and they only waited.
pub const CONNECTIONS_EVICTED: &str = "tierlog_connections_evicted_total";
/// Bytes that a part of the budget of memory has lent, by `part`.
pub const MEMORY_USED_BYTES: &str = "tierlog_memory_used_bytes";
/// Bytes that a part of the budget of memory may lend, by `part`.
pub const MEMORY_LIMIT_BYTES: &str = "tierlog_memory_limit_bytes";
/// Work that a part of the budget of memory refused, by `part`.
pub const MEMORY_REFUSALS: &str = "tierlog_memory_refusals_total";
/// Bytes appended to the WAL.
pub const WAL_BYTES: &str = "tierlog_wal_written_bytes_total";
/// Time of one WAL fsync, seconds.
pub const WAL_SYNC_SECONDS: &str = "tierlog_wal_sync_seconds";
/// Records that one fsync made durable.
pub const WAL_GROUP_RECORDS: &str = "tierlog_wal_group_records";
/// Bytes that a crash left torn at the end of the WAL and that were cut.
pub const WAL_TORN_BYTES: &str = "tierlog_wal_torn_bytes_total";
/// Frames of the WAL that did not read back and were put aside.
pub const WAL_CORRUPT_FRAMES: &str = "tierlog_wal_corrupt_frames_total";
/// Records indexed, by `tier`.
pub const INDEXED: &str = "tierlog_indexed_records_total";
/// Values whose names have no column of their own, because their partition has as many names as it
/// may have, by `tier`.
pub const PAIRED_VALUES: &str = "tierlog_paired_values_total";
/// Records that were dropped with their partition before they were indexed, by `tier`.
pub const DROPPED_UNINDEXED: &str = "tierlog_dropped_unindexed_records_total";
/// Records of the WAL past their retention at replay.
pub const REPLAY_EXPIRED: &str = "tierlog_replay_expired_records_total";
/// Time of one commit of all touched partitions, seconds.
pub const COMMIT_SECONDS: &str = "tierlog_commit_seconds";
/// Records in the store, by `tier`.
pub const STORED_RECORDS: &str = "tierlog_stored_records";
/// Bytes in the store, by `tier`.
pub const STORED_BYTES: &str = "tierlog_stored_bytes";
/// Partitions, by `tier` and `state`.
pub const PARTITIONS: &str = "tierlog_partitions";
/// Partitions sealed.
pub const SEALED: &str = "tierlog_sealed_partitions_total";
/// Partitions dropped, by `tier` and `reason` (`retention`, `pressure`, `dead_letters_max`).
pub const EXPIRED: &str = "tierlog_expired_partitions_total";
/// 1 while the clock has jumped ahead and deletions are held.
pub const CLOCK_HELD: &str = "tierlog_retention_held";
/// Bytes of what could not be read and was put aside.
pub const QUARANTINE_BYTES: &str = "tierlog_quarantine_bytes";
/// Dead letters that were taken away one by one, by `how` (`replayed`, `dropped`).
pub const DEAD_LETTERS_DROPPED: &str = "tierlog_dead_letters_dropped_total";
/// Records that could not be indexed and became dead letters.
pub const UNINDEXABLE_RECORDS: &str = "tierlog_unindexable_records_total";
/// 1 while the store refuses writes.
pub const POISONED: &str = "tierlog_store_poisoned";
/// Time of one query, seconds, by `path` and `status`.
pub const QUERY_SECONDS: &str = "tierlog_query_seconds";
/// Partitions that a query opened and skipped, by `outcome` (`opened`, `filtered`).
pub const QUERY_PARTITIONS: &str = "tierlog_query_partitions_total";
/// Live tail clients that fell behind and missed records.
pub const TAIL_MISSED: &str = "tierlog_tail_missed_records_total";
/// 1, by `version` of the program.
pub const BUILD_INFO: &str = "tierlog_build_info";
/// Unix time at which the server became ready.
pub const START_SECONDS: &str = "tierlog_start_time_seconds";
