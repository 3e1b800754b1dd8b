//! The blocks of a column's dictionary, where the texts of many ordinals are looked up together.
//!
//! A dictionary and ordinals arrive, the bytes of texts leave. The engine answers the same, but
//! makes a context of zstd and a buffer of a megabyte for each block that it inflates, and a page
//! of hits needs a hundred blocks: making contexts took longer than inflating. Here one context
//! does for all. Nothing here is kept of a block once its texts were handed on.
//!
//! ```text
//! block := length u32 LE, kind u8 (1: zstd, 0: as it is), body
//! body  := for each text: how much of the text before it begins with, how much follows, and that;
//!          both in a byte, four bits each; or 1 and two LEB128 numbers when one is over 15
//! ```

use std::io;
use std::ops::Range;

use tantivy::columnar::Dictionary;
use tantivy_fst::automaton::AlwaysMatch;
use zstd::bulk::Decompressor;

/// Bytes that a block may have inflated: the engine closes one after 4,000, and a text in it is
/// at most 64 KiB.
const INFLATED_BYTES_MAX: usize = 128 << 10;

/// Length and kind.
const HEADER_BYTES: usize = 5;
const KIND_PLAIN: u8 = 0;
const KIND_ZSTD: u8 = 1;
/// In place of two lengths of four bits: two numbers follow.
const LONG_LENGTHS: u8 = 1;

/// Where the blocks of a dictionary are.
#[derive(Debug)]
pub(super) struct Blocks(Vec<Block>);

#[derive(Debug)]
struct Block {
    /// Ordinal of its first text.
    first: u64,
    place: Range<usize>,
}

impl Blocks {
    /// Lists the blocks of a dictionary.
    pub(super) fn of(dictionary: &Dictionary) -> Blocks {
        let listed = dictionary.sstable_index.get_block_for_automaton(&AlwaysMatch);
        let blocks = listed.map(|(_, at)| Block { first: at.first_ordinal, place: at.byte_range });
        Blocks(blocks.collect())
    }

    /// Returns the memory that the list takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.0.len() * size_of::<Block>()
    }

    /// Hands on the texts of sorted ordinals, each once; one that does not exist is an error.
    pub(super) fn texts(
        &self,
        dictionary: &Dictionary,
        ordinals: &[u64],
        mut use_text: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut inflate = Decompressor::new()?;
        let mut inflated = Vec::with_capacity(INFLATED_BYTES_MAX);
        let mut rest = ordinals;
        while let Some(ordinal) = rest.first() {
            let behind = self.0.partition_point(|block| block.first <= *ordinal);
            let block = behind.checked_sub(1).and_then(|position| self.0.get(position));
            let block = block.ok_or_else(malformed)?;
            let end = self.0.get(behind).map_or(u64::MAX, |next| next.first);
            let (wanted, others) = rest.split_at(rest.partition_point(|ordinal| *ordinal < end));
            let stored = dictionary.sstable_slice.read_bytes_slice(block.place.clone())?;
            let body = inflate_block(&stored, &mut inflate, &mut inflated)?;
            let mut texts = BlockTexts { body, text: Vec::new(), next: block.first };
            for ordinal in wanted {
                use_text(texts.advance_to(*ordinal).ok_or_else(malformed)?);
            }
            rest = others;
        }
        Ok(())
    }
}

fn inflate_block<'b>(
    stored: &'b [u8],
    inflate: &mut Decompressor<'_>,
    inflated: &'b mut Vec<u8>,
) -> io::Result<&'b [u8]> {
    let (header, rest) = stored.split_first_chunk::<HEADER_BYTES>().ok_or_else(malformed)?;
    let [length @ .., kind] = header;
    // The length counts the kind.
    let length = (u32::from_le_bytes(*length) as usize).checked_sub(1).ok_or_else(malformed)?;
    let body = rest.get(..length).ok_or_else(malformed)?;
    match *kind {
        KIND_PLAIN => Ok(body),
        KIND_ZSTD => {
            inflated.clear();
            inflate.decompress_to_buffer(body, inflated)?;
            Ok(inflated)
        }
        _ => Err(malformed()),
    }
}

/// The texts of one block, front to back.
struct BlockTexts<'b> {
    body: &'b [u8],
    /// The last text that was read.
    text: Vec<u8>,
    /// Ordinal of the text behind it.
    next: u64,
}

impl BlockTexts<'_> {
    /// Returns the text of an ordinal that was not passed; `None` when the block has no such.
    fn advance_to(&mut self, ordinal: u64) -> Option<&[u8]> {
        while self.next <= ordinal {
            let (kept, added) = match self.take_byte()? {
                LONG_LENGTHS => (self.take_number()?, self.take_number()?),
                lengths => (usize::from(lengths & 0b1111), usize::from(lengths >> 4)),
            };
            let (suffix, body) = self.body.split_at_checked(added)?;
            if kept > self.text.len() {
                return None;
            }
            self.text.truncate(kept);
            self.text.extend_from_slice(suffix);
            self.body = body;
            self.next += 1;
        }
        Some(&self.text)
    }

    fn take_byte(&mut self) -> Option<u8> {
        let (byte, body) = self.body.split_first()?;
        self.body = body;
        Some(*byte)
    }

    fn take_number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.take_byte()?;
            number |= usize::from(byte & 0x7F).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the dictionary of a column is malformed")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use tantivy::columnar::{ColumnarReader, ColumnarWriter, DynamicColumn, StrColumn};

    use super::*;

    fn column(texts: &BTreeSet<String>) -> StrColumn {
        let mut writer = ColumnarWriter::default();
        for (row, text) in texts.iter().enumerate() {
            writer.record_str(row as u32, "text", text);
        }
        let mut bytes = Vec::new();
        writer.serialize(texts.len() as u32, None, &mut bytes).expect("written");
        let columnar = ColumnarReader::open(bytes).expect("readable");
        let handles = columnar.read_columns("text").expect("readable");
        match handles.first().expect("there").open().expect("readable") {
            DynamicColumn::Str(column) => column,
            _ => panic!("a text column"),
        }
    }

    fn check(texts: &BTreeSet<String>, every: usize) {
        let column = column(texts);
        let wanted: Vec<u64> = (0..texts.len() as u64).step_by(every).collect();
        let mut found = Vec::new();
        let blocks = Blocks::of(column.dictionary());
        let take = |text: &[u8]| found.push(String::from_utf8(text.to_vec()).expect("text"));
        blocks.texts(column.dictionary(), &wanted, take).expect("readable");
        let expected: Vec<String> = texts.iter().step_by(every).cloned().collect();
        assert_eq!(found, expected);
        let missing = blocks.texts(column.dictionary(), &[texts.len() as u64], |_| {});
        assert!(missing.is_err());
    }

    #[test]
    fn every_text_of_many_blocks_is_found() {
        let id = |n: u64| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut texts: BTreeSet<String> = (0..20_000).map(id).collect();
        texts.extend((0..200).map(|n| format!("/courses/{n}/{}", "x".repeat(300))));
        for every in [1, 7, 1_000] {
            check(&texts, every);
        }
        assert!(Blocks::of(column(&texts).dictionary()).0.len() > 50);
    }

    #[test]
    fn a_block_that_is_cut_or_lies_is_an_error() {
        let stored: [&[u8]; 5] =
            [b"", b"\x01\0\0\0", b"\x09\0\0\0\0ab", b"\x02\0\0\0\x02a", b"\x02\0\0\0\x01a"];
        for stored in stored {
            let mut inflate = Decompressor::new().expect("made");
            assert!(inflate_block(stored, &mut inflate, &mut Vec::new()).is_err());
        }
        let texts = |body: &'static [u8]| BlockTexts { body, text: Vec::new(), next: 0 };
        assert_eq!(texts(b"\x10a\x11b").advance_to(1), Some(b"ab".as_slice()));
        assert_eq!(texts(b"\x10a\x12b").advance_to(1), None);
        assert_eq!(texts(b"\x20a").advance_to(0), None);
        assert_eq!(texts(b"\x01\x00\xFF").advance_to(0), None);
    }

    proptest! {
        #[test]
        fn texts_are_those_of_the_engine(
            texts in prop::collection::btree_set("[ab]{0,40}|\\PC{0,20}", 1..300), every in 1_usize..9
        ) {
            check(&texts, every);
        }
    }
}
