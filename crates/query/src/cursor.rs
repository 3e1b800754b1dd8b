//! Where a page of hits ended: opaque text for the client, a position in the order for us.
//!
//! ```text
//! base64url of: sort u8 (0 newest first, 1 oldest first), timestamp i64 BE (us), seq u64 BE
//! ```
//!
//! Moment and record number never change, so a page that starts after a cursor neither repeats
//! nor skips what was there before, however much was added meanwhile.

use data_encoding::BASE64URL_NOPAD;
use tierlog_model::Timestamp;

use crate::error::QueryError;
use crate::sort::Sort;

const CURSOR_BYTES: usize = 17;

/// The last hit of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Order of the hits.
    pub(crate) sort: Sort,
    /// Moment of the last hit.
    pub(crate) timestamp: Timestamp,
    /// Record number of the last hit.
    pub(crate) seq: u64,
}

impl Cursor {
    /// Returns the text for the client.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        bytes.push(match self.sort {
            Sort::NewestFirst => 0,
            Sort::OldestFirst => 1,
        });
        bytes.extend_from_slice(&self.timestamp.as_micros().to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Reads the text of a client.
    pub(crate) fn decode(text: &str) -> Result<Cursor, QueryError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| QueryError::Cursor)?;
        let bytes: [u8; CURSOR_BYTES] = bytes.try_into().map_err(|_| QueryError::Cursor)?;
        let [sort, rest @ ..] = bytes;
        let (micros, seq) = rest.split_first_chunk::<8>().ok_or(QueryError::Cursor)?;
        let seq = seq.first_chunk::<8>().ok_or(QueryError::Cursor)?;
        Ok(Cursor {
            sort: match sort {
                0 => Sort::NewestFirst,
                1 => Sort::OldestFirst,
                _ => return Err(QueryError::Cursor),
            },
            timestamp: Timestamp::from_micros(i64::from_be_bytes(*micros))
                .ok_or(QueryError::Cursor)?,
            seq: u64::from_be_bytes(*seq),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back(micros in -1_000_000_000_000_000_i64..4_000_000_000_000_000, seq: u64, newest: bool) {
            let sort = if newest { Sort::NewestFirst } else { Sort::OldestFirst };
            let timestamp = Timestamp::from_micros_clamped(micros);
            let cursor = Cursor { sort, timestamp, seq };
            prop_assert_eq!(Cursor::decode(&cursor.encode()).expect("valid"), cursor);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = Cursor::decode(&text);
        }
    }

    #[test]
    fn a_foreign_text_is_refused() {
        for text in ["", "AA", "////", "AgAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }
}
