//! Every bound of the system, each with its reason. Configuration may change limits with a
//! configuration key; other limits hold everywhere.

/// Longest line, configurable. Ten times the longest traceback seen; a longer one is a bug of
/// the sender, and one line must never be a batch of its own.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Deepest nesting of objects and arrays, configurable. Real logs stay under 10; parsers that
/// recurse stay within one megabyte of stack.
pub const NESTING_DEPTH_MAX: usize = 64;

/// Most fields of a record, configurable (Elasticsearch and VictoriaLogs allow 1,000).
pub const FIELDS_PER_RECORD_MAX: usize = 1_000;

/// Longest field name; a longer one is cut and its value kept under [`crate::fields::OVERFLOW`].
pub const FIELD_NAME_BYTES_MAX: usize = 256;

/// Most field names of a partition that have a column of their own, beside those of the contract;
/// later names share one column of pairs. Every column has a fixed cost.
pub const FIELDS_PER_PARTITION_MAX: usize = 2_000;

/// Longest name of a value inside an array, counted with the names around it: what lies deeper is
/// shown but not searched. Four times as long as a field's own name may be.
pub const ELEMENT_NAME_BYTES_MAX: usize = 4 * FIELD_NAME_BYTES_MAX;

/// Longest text that a query reads as a number: 64-bit integers have 20 digits, floats print in at
/// most 25 unless they are very small or large.
pub const NUMBER_BYTES_MAX: usize = 64;

/// Largest request body before and after inflating, configurable.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Text up to this length is the value of a column. Longer text is kept in the document store and
/// tokenised; a column has its stamp, so that both are compared in the same way.
pub const COLUMN_TEXT_BYTES_MAX: usize = 128;

/// Errors that an ingest answer lists.
pub const REPORTED_ERRORS_MAX: usize = 100;

/// Bytes of a rejected line in its dead letter: enough to recognise the line.
pub const DEAD_LETTER_BYTES_MAX: usize = 4 * 1024;

/// Longest `Tierlog-Batch-Id`, and longest name of a producer.
pub const BATCH_ID_BYTES_MAX: usize = 128;

/// Lines that a producer may leave out at once when it goes on behind its last known line: what a
/// spool of ten gigabytes can lose. A longer leap is a mistake of the producer, and taking it for
/// true would make repeats of all its lines in between.
pub const LINE_JUMP_MAX: u64 = 100_000_000;

/// Highest number of a producer's line: the last that every JSON library reads exactly, and a
/// million lines a second for 285 years.
pub const LINE_NUMBER_MAX: u64 = (1 << 53) - 1;

/// Batches in the hand-off: a second bound beside its bytes, so that a million empty batches
/// cannot queue.
pub const HANDOFF_BATCHES_MAX: usize = 4_096;

/// Bytes after which a source cuts a batch: large enough that fsync and channel costs vanish,
/// small enough that sixteen wait in 16 MiB.
pub const BATCH_BYTES_TARGET: usize = 1024 * 1024;

/// How far ahead of our clock a record may lie, seconds: one day covers any wrong time zone.
pub const AHEAD_SECONDS_MAX: i64 = 86_400;

/// Hits of one search, by default and at most.
pub const HITS_DEFAULT: usize = 100;
/// See [`HITS_DEFAULT`]; further hits are reached by cursor or export.
pub const HITS_MAX: usize = 10_000;

/// Longest query text (Loki allows 131,072; nobody types more than a screen).
pub const QUERY_BYTES_MAX: usize = 16 * 1024;
/// Deepest nesting of parentheses in a query.
pub const QUERY_DEPTH_MAX: usize = 32;
/// Most terms of a query, members of `IN [..]` included.
pub const QUERY_TERMS_MAX: usize = 1_024;

const _: () = assert!(HITS_DEFAULT <= HITS_MAX);
const _: () = assert!(DEAD_LETTER_BYTES_MAX < LINE_BYTES_MAX);
const _: () = assert!(BATCH_BYTES_TARGET <= BODY_BYTES_MAX);
const _: () = assert!(LINE_BYTES_MAX <= BODY_BYTES_MAX);
