//! WAL, tiered partitions, retention and compaction.
