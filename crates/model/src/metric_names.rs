//! Every metric, in one place each: constant, name, kind, unit, labels and help.
//!
//! A constant is the name as Prometheus sees it; [`METRICS`] and [`PROCESS_METRICS`] have the rest.
//! Labels are bounded sets: [`Label`] names them, and the root package has their values.

/// What a scrape is told about a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name as Prometheus sees it.
    pub name: &'static str,
    /// How its values move.
    pub kind: MetricKind,
    /// What its values count.
    pub unit: MetricUnit,
    /// What its series are told apart by.
    pub labels: &'static [Label],
    /// A sentence or two for the reader of a dashboard.
    pub help: &'static str,
}

/// How the values of a metric move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Up, from 0 at the start.
    Counter,
    /// Up and down.
    Gauge,
    /// Values by size.
    Histogram,
}

/// What the values of a metric count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds, of time or since 1970.
    Seconds,
}

/// What series of a metric are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// How lines came in.
    Protocol,
    /// Why a line was rejected.
    RejectReason,
    /// Why a request was refused: the code of its answer.
    Refusal,
    /// What found personal data.
    Detector,
    /// A socket that is listened on.
    Listener,
    /// A part of the budget of memory.
    MemoryUse,
    /// Whether lines are of today and yesterday or of older days.
    Lane,
    /// How long records are kept.
    Tier,
    /// Why a partition was dropped.
    DropReason,
    /// Whether a partition is hot or sealed.
    PartitionState,
    /// How a dead letter left.
    LetterEnd,
    /// What a query did with a partition.
    Outcome,
    /// Route of a query.
    Path,
    /// HTTP status of an answer.
    Status,
    /// Owner of records: the first so many since the start, the others as one.
    Tenant,
    /// Service that wrote a line: the first so many since the start, the others as one.
    Service,
    /// Version of the program.
    Version,
}

impl Label {
    /// Returns the name of the label as Prometheus sees it.
    pub const fn name(self) -> &'static str {
        match self {
            Label::Protocol => "protocol",
            Label::RejectReason | Label::DropReason => "reason",
            Label::Refusal => "why",
            Label::Detector => "detector",
            Label::Listener => "listener",
            Label::MemoryUse => "part",
            Label::Lane => "lane",
            Label::Tier => "tier",
            Label::PartitionState => "state",
            Label::LetterEnd => "how",
            Label::Outcome => "outcome",
            Label::Path => "path",
            Label::Status => "status",
            Label::Tenant => "tenant",
            Label::Service => "service",
            Label::Version => "version",
        }
    }
}

/// Declares a table of metrics and a constant for each name; its documentation is its help.
macro_rules! declare {
    (
        $(#[$about:meta])*
        $table:ident:
        $(
            $(#[doc = $help:literal])+
            $kind:ident $constant:ident = $name:literal in $unit:ident by [$($label:ident),*];
        )+
    ) => {
        $(
            $(#[doc = $help])+
            pub const $constant: &str = $name;
        )+

        $(#[$about])*
        pub const $table: &[Metric] = &[
            $(Metric {
                name: $constant,
                kind: MetricKind::$kind,
                unit: MetricUnit::$unit,
                labels: &[$(Label::$label),*],
                help: concat!($($help),+).trim_ascii(),
            },)+
        ];
    };
}

declare! {
    /// What this program records as things happen.
    METRICS:
    /// Records taken, when they are durable.
    Counter INGEST_ACCEPTED = "tierlog_ingest_accepted_records_total" in Count by [Protocol];
    /// Records taken, when they are durable, by tenant.
    Counter TENANT_ACCEPTED = "tierlog_tenant_accepted_records_total" in Count by [Tenant];
    /// Lines rejected, when their dead letters are durable.
    Counter INGEST_REJECTED = "tierlog_ingest_rejected_lines_total"
        in Count by [Protocol, RejectReason];
    /// Records that an earlier batch of the same id had already brought.
    Counter INGEST_DUPLICATE = "tierlog_ingest_duplicate_records_total" in Count by [Protocol];
    /// Lines read and not stored, because a rule of the redaction policy drops their records.
    Counter INGEST_POLICY_DROPPED = "tierlog_ingest_policy_dropped_lines_total"
        in Count by [Protocol];
    /// Bytes received before inflating.
    Counter INGEST_BYTES = "tierlog_ingest_received_bytes_total" in Bytes by [Protocol];
    /// Requests with lines that were refused, by the code of their answer.
    Counter INGEST_REFUSED = "tierlog_ingest_refused_total" in Count by [Protocol, Refusal];
    /// Lines rejected, by the service named in the line.
    Counter SERVICE_REJECTED = "tierlog_service_rejected_lines_total"
        in Count by [Service, RejectReason];
    /// Unix time at which the newest line of a service arrived, since the start.
    Gauge SERVICE_LAST_LINE = "tierlog_service_last_line_timestamp_seconds"
        in Seconds by [Service];
    /// Records whose level word nobody knows.
    Counter UNKNOWN_LEVELS = "tierlog_ingest_unknown_level_records_total" in Count by [];
    /// Streams whose times name no zone and lie a steady number of quarter hours off their arrival.
    Gauge SHIFTED_CLOCKS = "tierlog_ingest_shifted_clocks" in Count by [];
    /// Personal data found and replaced.
    Counter REDACTIONS = "tierlog_redactions_total" in Count by [Detector];
    /// Detectors that fired for the first time since the start in lines of a service.
    Counter REDACTION_NEW = "tierlog_redaction_new_total" in Count by [Service, Detector];
    /// Connections accepted; minus the closed ones, the connections open now.
    Counter CONNECTIONS_OPENED = "tierlog_connections_opened_total" in Count by [Listener];
    /// Connections ended.
    Counter CONNECTIONS_CLOSED = "tierlog_connections_closed_total" in Count by [Listener];
    /// Connections that were asked to leave, because all places were taken and they only waited.
    Counter CONNECTIONS_EVICTED = "tierlog_connections_evicted_total" in Count by [Listener];
    /// Bytes that a part of the budget of memory has lent.
    Gauge MEMORY_USED_BYTES = "tierlog_memory_used_bytes" in Bytes by [MemoryUse];
    /// Bytes that a part of the budget of memory may lend.
    Gauge MEMORY_LIMIT_BYTES = "tierlog_memory_limit_bytes" in Bytes by [MemoryUse];
    /// Work that a part of the budget of memory had no room for.
    Counter MEMORY_REFUSALS = "tierlog_memory_refusals_total" in Count by [MemoryUse];
    /// Bytes appended to the WAL.
    Counter WAL_BYTES = "tierlog_wal_written_bytes_total" in Bytes by [];
    /// Time of one WAL fsync.
    Histogram WAL_SYNC_SECONDS = "tierlog_wal_sync_seconds" in Seconds by [];
    /// Records that one fsync made durable.
    Histogram WAL_GROUP_RECORDS = "tierlog_wal_group_records" in Count by [];
    /// Bytes that a crash left torn at the end of the WAL and that were cut.
    Counter WAL_TORN_BYTES = "tierlog_wal_torn_bytes_total" in Bytes by [];
    /// Frames of the WAL that did not read back and were put aside.
    Counter WAL_CORRUPT_FRAMES = "tierlog_wal_corrupt_frames_total" in Count by [];
    /// Records indexed.
    Counter INDEXED = "tierlog_indexed_records_total" in Count by [Tier];
    /// Values without a column of their own, because the partition has as many names as allowed.
    Counter PAIRED_VALUES = "tierlog_paired_values_total" in Count by [Tier];
    /// Records dropped with their partition before indexing.
    Counter DROPPED_UNINDEXED = "tierlog_dropped_unindexed_records_total" in Count by [Tier];
    /// Records of the WAL past their retention at replay.
    Counter REPLAY_EXPIRED = "tierlog_replay_expired_records_total" in Count by [];
    /// Age of the oldest line that is acknowledged and not searchable yet; 0 when all are.
    Gauge OLDEST_UNSEARCHABLE = "tierlog_oldest_unsearchable_seconds" in Seconds by [Lane];
    /// Time of one commit of all touched partitions.
    Histogram COMMIT_SECONDS = "tierlog_commit_seconds" in Seconds by [];
    /// Records in the store.
    Gauge STORED_RECORDS = "tierlog_stored_records" in Count by [Tier];
    /// Bytes in the store.
    Gauge STORED_BYTES = "tierlog_stored_bytes" in Bytes by [Tier];
    /// Records in the store, by tenant.
    Gauge TENANT_STORED_RECORDS = "tierlog_tenant_stored_records" in Count by [Tenant];
    /// Bytes in the store, by tenant.
    Gauge TENANT_STORED_BYTES = "tierlog_tenant_stored_bytes" in Bytes by [Tenant];
    /// Partitions.
    Gauge PARTITIONS = "tierlog_partitions" in Count by [Tier, PartitionState];
    /// Partitions sealed.
    Counter SEALED = "tierlog_sealed_partitions_total" in Count by [];
    /// Partitions dropped.
    Counter EXPIRED = "tierlog_expired_partitions_total" in Count by [Tier, DropReason];
    /// 1 while the clock has jumped ahead and deletions are held.
    Gauge CLOCK_HELD = "tierlog_retention_held" in Count by [];
    /// Bytes of what could not be read and was put aside.
    Gauge QUARANTINE_BYTES = "tierlog_quarantine_bytes" in Bytes by [];
    /// Dead letters dropped by an operator, letter by letter.
    Counter DEAD_LETTERS_DROPPED = "tierlog_dead_letters_dropped_total" in Count by [LetterEnd];
    /// Records that could not be indexed and became dead letters.
    Counter UNINDEXABLE_RECORDS = "tierlog_unindexable_records_total" in Count by [];
    /// 1 while the store refuses writes.
    Gauge POISONED = "tierlog_store_poisoned" in Count by [];
    /// Size of the disk that the data directory is on.
    Gauge DISK_SIZE_BYTES = "tierlog_disk_size_bytes" in Bytes by [];
    /// Free room on the same disk for this process.
    Gauge DISK_FREE_BYTES = "tierlog_disk_free_bytes" in Bytes by [];
    /// Free room under which days are dropped before their time (`store.free_low`).
    Gauge DISK_FREE_LOW_BYTES = "tierlog_disk_free_low_bytes" in Bytes by [];
    /// Free room that is kept in reserve: under it, writes are refused (`store.free_min`).
    Gauge DISK_RESERVE_BYTES = "tierlog_disk_reserve_bytes" in Bytes by [];
    /// Time of one query.
    Histogram QUERY_SECONDS = "tierlog_query_seconds" in Seconds by [Path];
    /// Queries answered.
    Counter QUERY_ANSWERS = "tierlog_query_answers_total" in Count by [Path, Status];
    /// Partitions that a query opened or skipped.
    Counter QUERY_PARTITIONS = "tierlog_query_partitions_total" in Count by [Outcome];
    /// Records that slow live tails missed.
    Counter TAIL_MISSED = "tierlog_tail_missed_records_total" in Count by [];
    /// 1, labelled with the version of the program.
    Gauge BUILD_INFO = "tierlog_build_info" in Count by [Version];
    /// Unix time at which the server became ready.
    Gauge START_SECONDS = "tierlog_start_time_seconds" in Seconds by [];
}

declare! {
    /// Facts of the operating system about the process, under the names of the Prometheus client
    /// libraries. Nothing records them.
    PROCESS_METRICS:
    /// CPU time used by the process, user and system.
    Counter PROCESS_CPU_SECONDS = "process_cpu_seconds_total" in Seconds by [];
    /// Descriptors that are open.
    Gauge PROCESS_OPEN_FDS = "process_open_fds" in Count by [];
    /// Descriptors that may be open.
    Gauge PROCESS_MAX_FDS = "process_max_fds" in Count by [];
    /// Memory that is mapped.
    Gauge PROCESS_VIRTUAL_MEMORY_BYTES = "process_virtual_memory_bytes" in Bytes by [];
    /// Resident memory, mapped files included.
    Gauge PROCESS_RESIDENT_MEMORY_BYTES = "process_resident_memory_bytes" in Bytes by [];
    /// Threads.
    Gauge PROCESS_THREADS = "process_threads" in Count by [];
    /// Unix time of the start of the process.
    Gauge PROCESS_START_TIME_SECONDS = "process_start_time_seconds" in Seconds by [];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_say_what_prometheus_expects_of_them() {
        let all = METRICS.iter().chain(PROCESS_METRICS);
        let mut names = BTreeSet::new();
        for metric in all {
            let Metric { name, kind, unit, labels, help } = *metric;
            assert!(names.insert(name), "{name} stands twice");
            assert_eq!(name.ends_with("_total"), kind == MetricKind::Counter, "{name}");
            let of_unit = |word: &str| name.trim_end_matches("_total").ends_with(word);
            assert_eq!(of_unit("_seconds"), unit == MetricUnit::Seconds, "{name}");
            assert_eq!(of_unit("_bytes"), unit == MetricUnit::Bytes, "{name}");
            assert!(help.ends_with('.') && !help.contains("  "), "{name}: {help}");
            let label_names: BTreeSet<&str> = labels.iter().map(|label| label.name()).collect();
            assert_eq!(label_names.len(), labels.len(), "{name} has one label twice");
        }
        assert!(names.len() > 40);
    }
}
