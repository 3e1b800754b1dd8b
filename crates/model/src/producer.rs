//! Numbered lines of a producer, so that what a reconnecting client sends again is recognised.
//!
//! A name and line numbers arrive with a connection; a [`RetryKey`] leaves with each batch. A
//! batch of a producer holds one record for each of its lines, in order, but for the runs of lines
//! that it names ([`LineRun`]): so the numbers of a batch are its first line and how many it has.

use std::fmt;

use crate::BatchId;

/// Separates the producer from the line in the text of a [`RetryKey`]. No id that
/// [`BatchId::of_client`] makes holds it.
const SEPARATOR: char = '/';

/// Stands for the name that a client gave to itself: a hash, as [`BatchId::of_client`] makes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(String);

impl ProducerId {
    /// Returns the id of a client's name for itself, or `None` when the name is empty, longer
    /// than [`crate::limits::BATCH_ID_BYTES_MAX`] or not printable ASCII.
    pub fn of_client(name: &str) -> Option<ProducerId> {
        BatchId::of_client(name).map(|id| ProducerId(id.as_str().to_owned()))
    }

    /// Returns the text, which holds nothing of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What must be known of the lines before a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinesBefore {
    /// They are durable here. If they are not, taking the batch would skip them for good.
    Durable,
    /// The producer says that they need no sending: the first batch of its connection.
    Settled,
}

/// Lines that stand beside each other and are not one record each: lines that were joined to one
/// record, or a line that holds two. Such a run is known as a whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRun {
    /// Position of its first record in the batch.
    pub first_record: u32,
    /// How many records it has.
    pub record_count: u32,
    /// How many lines they are made of.
    pub line_count: u32,
}

/// Which lines of a producer a batch holds, in order; how many, the batch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerLines {
    /// Whose lines.
    pub producer: ProducerId,
    /// Number of the first one. The producer's very first line is number 1.
    pub first: u64,
    /// What must be known of the lines before.
    pub before: LinesBefore,
}

impl ProducerLines {
    /// Returns the number of the last line before the batch.
    pub fn settled(&self) -> u64 {
        self.first.saturating_sub(1)
    }

    /// Returns the number of the last of so many lines.
    pub fn last(&self, line_count: u32) -> u64 {
        self.settled().saturating_add(u64::from(line_count))
    }
}

/// By what a batch is recognised when it is sent again. Its text stands in the WAL:
/// the batch id, or `<producer>/<number of the last line>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryKey {
    /// The name of the batch.
    Batch(BatchId),
    /// The lines of a producer up to this one.
    Lines {
        /// Whose lines.
        producer: ProducerId,
        /// Number of the last one.
        last: u64,
    },
}

impl RetryKey {
    /// Reads the text of a key; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<RetryKey> {
        if let Some((producer, last)) = text.split_once(SEPARATOR)
            && let Ok(last) = last.parse()
        {
            let producer = ProducerId(BatchId::new(producer)?.as_str().to_owned());
            return Some(RetryKey::Lines { producer, last });
        }
        BatchId::new(text).map(RetryKey::Batch)
    }
}

impl fmt::Display for RetryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetryKey::Batch(id) => formatter.write_str(id.as_str()),
            RetryKey::Lines { producer, last } => {
                write!(formatter, "{}{SEPARATOR}{last}", producer.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_written_and_never_as_the_other_kind() {
        let producer = ProducerId::of_client("shop-1").expect("a name");
        let batch = BatchId::of_client("shop-1").expect("a name");
        let keys = [
            RetryKey::Lines { producer: producer.clone(), last: u64::MAX },
            RetryKey::Lines { producer, last: 0 },
            RetryKey::Batch(batch),
        ];
        for key in keys {
            assert_eq!(RetryKey::parse(&key.to_string()), Some(key));
        }
        for text in ["", "/1", "a b", "x/y z"] {
            assert_eq!(RetryKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lines_are_numbered_from_one() {
        let producer = ProducerId::of_client("p").expect("a name");
        let lines = ProducerLines { producer, first: 11, before: LinesBefore::Durable };
        assert_eq!((lines.settled(), lines.last(5), lines.last(0)), (10, 15, 10));
        assert_eq!(ProducerId::of_client("not printable\n"), None);
    }
}
