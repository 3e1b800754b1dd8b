//! The way of a line from bytes to a redacted batch.
