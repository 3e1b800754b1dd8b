//! Names of a batch's fields: each stands once in the batch, and records refer to it by number.
//!
//! ```text
//! names := name* length u32 LE   bytes of the names that stand before
//! name  := length varint, text
//! ```
//!
//! Lines repeat their names. As numbers they take a third of the bytes away that a batch would
//! have, and whoever reads a batch asks what a name means once, not for every value.

use std::collections::HashMap;

use bytes::BufMut;

use crate::DecodeError;
use crate::varint::{take_text, text_bytes, write_text};

/// Bytes of the length at the end.
const LENGTH_BYTES: usize = 4;

/// Number of a name in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameId(u32);

impl NameId {
    /// Returns the id with a number.
    pub(crate) fn from_number(number: u64) -> Option<NameId> {
        u32::try_from(number).ok().map(NameId)
    }

    /// Returns the number: names are numbered from 0 as they come.
    pub fn number(self) -> usize {
        self.0 as usize
    }
}

/// The names of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameTable {
    /// All names, one after the other.
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl NameTable {
    /// Returns a name.
    #[inline]
    pub fn get(&self, id: NameId) -> Option<&str> {
        let end = *self.ends.get(id.number())?;
        let start = match id.number().checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start as usize..end as usize)
    }

    /// Returns how many names there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn push(&mut self, name: &str) -> NameId {
        let id = NameId(self.ends.len() as u32);
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        id
    }

    /// Appends the table in the form above.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        for number in 0..self.ends.len() as u32 {
            write_text(self.get(NameId(number)).unwrap_or_default(), out);
        }
        let length = (out.len() - start) as u32;
        out.put_u32_le(length);
    }

    /// Reads the table at the end of a batch; returns it with the records before it.
    pub(crate) fn split_from(batch: &[u8]) -> Result<(NameTable, &[u8]), DecodeError> {
        let (rest, length) =
            batch.split_last_chunk::<LENGTH_BYTES>().ok_or(DecodeError::Truncated)?;
        let length = u32::from_le_bytes(*length) as usize;
        let records_end = rest.len().checked_sub(length).ok_or(DecodeError::Truncated)?;
        let (records, mut names) =
            rest.split_at_checked(records_end).ok_or(DecodeError::Truncated)?;
        let mut table = NameTable::default();
        while !names.is_empty() {
            let (name, tail) = take_text(names).ok_or(DecodeError::Names("cannot be read"))?;
            table.push(name);
            names = tail;
        }
        Ok((table, records))
    }
}

/// The names of a batch that is being written, found by their text.
#[derive(Debug, Default)]
pub struct NameIndex {
    table: NameTable,
    by_text: HashMap<Box<str>, NameId>,
    /// Bytes of the names, each with its length.
    names_bytes: usize,
}

impl NameIndex {
    /// Returns the number of a name, a new one when the batch does not have it.
    pub fn intern(&mut self, name: &str) -> NameId {
        if let Some(id) = self.by_text.get(name) {
            return *id;
        }
        let id = self.table.push(name);
        self.by_text.insert(name.into(), id);
        self.names_bytes += text_bytes(name);
        id
    }

    /// Returns the bytes that the names take in a batch.
    pub(crate) fn byte_len(&self) -> usize {
        self.names_bytes + LENGTH_BYTES
    }

    pub(crate) fn into_table(self) -> NameTable {
        self.table
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_reads_back_as_written(
            names in prop::collection::vec(".{0,200}", 0..20),
            records: Vec<u8>,
        ) {
            let mut index = NameIndex::default();
            let ids: Vec<NameId> = names.iter().map(|name| index.intern(name)).collect();
            let mut bytes = records.clone();
            let byte_len = index.byte_len();
            let table = index.into_table();
            table.write(&mut bytes);
            prop_assert_eq!(bytes.len(), records.len() + byte_len);
            let (back, rest) = NameTable::split_from(&bytes).expect("what was written is valid");
            prop_assert_eq!(rest, records);
            prop_assert_eq!(&back, &table);
            for (id, name) in ids.iter().zip(&names) {
                prop_assert_eq!(back.get(*id), Some(name.as_str()));
            }
            prop_assert_eq!(back.get(NameId(back.len() as u32)), None);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_panic(bytes: Vec<u8>) {
            if let Ok((table, _)) = NameTable::split_from(&bytes) {
                prop_assert!(table.text.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn equal_names_have_one_number() {
        let mut index = NameIndex::default();
        let ids = ["a", "b", "a", ""].map(|name| index.intern(name).number());
        assert_eq!(ids, [0, 1, 0, 2]);
    }
}
