//! Where in a sealed segment an id may lie: windows of documents, by bucket of the id's hash.
//!
//! Arrives: the ids of a segment with the windows they occur in. Leaves: a few bits for each such
//! pair, inside the id filter's file. The lines of a request stand close together, so naming
//! windows costs a fifth of naming documents, and a column passes over a window in microseconds.
//! A window that is named may hold other ids only; one that is not named has no line of the id.
//!
//! ```text
//! windows := bucket bits u32 LE, window count u32 LE, block count u32 LE,
//!            (first number u32 LE, place of its gaps u32 LE)*   a block holds BLOCK_NUMBERS
//!            gaps                                               half bytes, low ones first
//! number  := bucket * window count + window; ascending
//! gap     := 15* (0..15)                                        their sum is the distance - 1;
//!                                                               15 alone ends a block
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use tantivy::DocId;
use tantivy::columnar::Column;

/// Documents of a window: scanning one column of it takes some thirty microseconds, and a segment
/// that is not larger needs no windows.
const WINDOW_DOCS: u32 = 1 << 15;

/// Cells of the table of buckets and windows for each id: an id lies in two windows on average, so
/// an eighth of the cells is taken, and looking for an id scans an eighth of the segment at most.
const CELLS_PER_ID: u64 = 16;

/// Numbers of a block: looking an id up reads one, which takes a microsecond.
const BLOCK_NUMBERS: usize = 256;

/// A half byte that says that the gap goes on.
const GOES_ON: u32 = 15;

const HEAD_BYTES: usize = 12;
const BLOCK_BYTES: usize = 8;

/// Collects the windows of ids.
#[derive(Debug)]
pub(super) struct WindowsBuilder {
    bucket_bits: u32,
    window_count: u32,
    numbers: Vec<u32>,
}

impl WindowsBuilder {
    /// Returns a builder for a segment; `None` when it needs no windows, or has more ids than a
    /// table holds: then all of it is looked at.
    pub(super) fn new(max_doc: DocId, ids: usize) -> Option<WindowsBuilder> {
        let window_count = max_doc.div_ceil(WINDOW_DOCS);
        let cells = (ids as u64).checked_mul(CELLS_PER_ID)?;
        if window_count < 2 || cells >= u64::from(u32::MAX) / 2 {
            return None;
        }
        let buckets = (cells / u64::from(window_count)).max(1);
        Some(WindowsBuilder { bucket_bits: buckets.ilog2(), window_count, numbers: Vec::new() })
    }

    /// Adds the ids of a column: `hashes` has that of each ordinal.
    pub(super) fn add(&mut self, ordinals: &Column<u64>, hashes: &[u64]) {
        let max_doc = ordinals.num_docs();
        let mut found = BTreeSet::new();
        for window in 0..self.window_count {
            found.clear();
            for doc in docs_of(window, max_doc) {
                found.extend(ordinals.values_for_doc(doc));
            }
            let hashes = found.iter().filter_map(|ordinal| hashes.get(*ordinal as usize));
            self.numbers.extend(
                hashes.map(|hash| bucket(*hash, self.bucket_bits) * self.window_count + window),
            );
        }
    }

    /// Returns what is written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.numbers.sort_unstable();
        self.numbers.dedup();
        let blocks = self.numbers.chunks(BLOCK_NUMBERS);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + blocks.len() * BLOCK_BYTES);
        for number in [self.bucket_bits, self.window_count, blocks.len() as u32] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let mut gaps = Vec::new();
        for block in blocks {
            let first = block.first().copied().unwrap_or_default();
            bytes.extend_from_slice(&first.to_le_bytes());
            bytes.extend_from_slice(&(gaps.len() as u32).to_le_bytes());
            append_gaps(block, &mut gaps);
        }
        bytes.extend_from_slice(&gaps);
        bytes
    }
}

/// Returns the first bits of a hash. Those of the filter are mixed anew, so the two agree on no
/// more ids than chance has it.
fn bucket(hash: u64, bits: u32) -> u32 {
    hash.checked_shr(u64::BITS - bits).unwrap_or_default() as u32
}

fn docs_of(window: u32, max_doc: DocId) -> Range<DocId> {
    let start = window.saturating_mul(WINDOW_DOCS);
    start..start.saturating_add(WINDOW_DOCS).min(max_doc)
}

/// Appends the gaps of a block, in whole bytes.
fn append_gaps(block: &[u32], gaps: &mut Vec<u8>) {
    let mut low = None;
    let mut push = |half: u32| match low.take() {
        None => low = Some(half as u8),
        Some(low) => gaps.push(low | (half as u8) << 4),
    };
    for pair in block.windows(2) {
        let [before, number] = pair else { continue };
        let mut left = number - before - 1;
        while left >= GOES_ON {
            push(GOES_ON);
            left -= GOES_ON;
        }
        push(left);
    }
    if let Some(low) = low {
        // What goes on to the end of the block is no number.
        gaps.push(low | (GOES_ON as u8) << 4);
    }
}

/// The windows of a segment, as they lie in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows<'a> {
    bucket_bits: u32,
    window_count: u32,
    blocks: &'a [u8],
    gaps: &'a [u8],
}

impl<'a> Windows<'a> {
    /// Reads what [`WindowsBuilder::finish`] wrote; `None` when there are none.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Windows<'a>> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let block_count = number_at(head, 8)? as usize;
        let (blocks, gaps) = rest.split_at_checked(block_count.checked_mul(BLOCK_BYTES)?)?;
        let (bucket_bits, window_count) = (number_at(head, 0)?, number_at(head, 4)?);
        Some(Windows { bucket_bits, window_count, blocks, gaps })
    }

    /// Returns the documents among which those of an id lie: disjoint, ascending.
    pub(super) fn spans(&self, hash: u64, max_doc: DocId) -> Vec<Range<DocId>> {
        let start = bucket(hash, self.bucket_bits).saturating_mul(self.window_count);
        let end = start.saturating_add(self.window_count);
        let mut spans: Vec<Range<DocId>> = Vec::new();
        self.visit(start..end, |number| {
            let span = docs_of(number - start, max_doc);
            match spans.last_mut() {
                Some(last) if last.end == span.start => last.end = span.end,
                _ => spans.push(span),
            }
        });
        spans
    }

    /// Hands on the numbers in a range.
    fn visit(&self, range: Range<u32>, mut use_number: impl FnMut(u32)) {
        let first_of = |block: usize| number_at(self.blocks, block * BLOCK_BYTES);
        let block_count = self.blocks.len() / BLOCK_BYTES;
        let (mut low, mut high) = (0, block_count);
        while low < high {
            let middle = low.midpoint(high);
            match first_of(middle) {
                Some(first) if first <= range.start => low = middle + 1,
                _ => high = middle,
            }
        }
        for block in low.saturating_sub(1)..block_count {
            if first_of(block).is_none_or(|first| first >= range.end) {
                return;
            }
            let numbers = self.numbers(block).into_iter().flatten();
            numbers.filter(|number| range.contains(number)).for_each(&mut use_number);
        }
    }

    /// Returns the numbers of a block.
    fn numbers(&self, block: usize) -> Option<impl Iterator<Item = u32>> {
        let mut number = number_at(self.blocks, block * BLOCK_BYTES)?;
        let start = number_at(self.blocks, block * BLOCK_BYTES + 4)? as usize;
        let end = number_at(self.blocks, (block + 1) * BLOCK_BYTES + 4)
            .map_or(self.gaps.len(), |end| end as usize);
        let gaps = self.gaps.get(start..end)?;
        let mut halves = gaps.iter().flat_map(|byte| [byte & 0xf, byte >> 4]).map(u32::from);
        let mut is_first = true;
        Some(std::iter::from_fn(move || {
            if !std::mem::take(&mut is_first) {
                let mut distance = 1_u32;
                loop {
                    let half = halves.next()?;
                    distance = distance.saturating_add(half);
                    if half != GOES_ON {
                        break;
                    }
                }
                number = number.saturating_add(distance);
            }
            Some(number)
        }))
    }
}

fn number_at(bytes: &[u8], place: usize) -> Option<u32> {
    let bytes = bytes.get(place..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use tantivy::columnar::{ColumnarReader, ColumnarWriter, DynamicColumn};

    use super::*;

    /// Returns the ordinals of a column of texts, one a document.
    fn ordinals(texts: &[&str]) -> Column<u64> {
        let mut writer = ColumnarWriter::default();
        for (doc, text) in texts.iter().enumerate() {
            writer.record_str(doc as u32, "id", text);
        }
        let mut bytes = Vec::new();
        writer.serialize(texts.len() as u32, None, &mut bytes).expect("written");
        let columns = ColumnarReader::open(bytes).and_then(|reader| reader.read_columns("id"));
        match columns.expect("readable").first().expect("there").open().expect("readable") {
            DynamicColumn::Str(column) => column.ords().clone(),
            _ => panic!("a text column"),
        }
    }

    #[test]
    fn each_id_of_each_column_lies_in_its_windows_and_in_no_other() {
        const DOCS: usize = 3 * WINDOW_DOCS as usize + 9;
        let last = DOCS - 1;
        let window = WINDOW_DOCS as usize;
        let of = |places: &[(usize, &'static str)]| {
            let mut texts = vec!["everywhere"; DOCS];
            for (doc, text) in places {
                texts[*doc] = text;
            }
            ordinals(&texts)
        };
        // Ordinals follow the alphabet: "a", "b", "everywhere".
        let first = of(&[(0, "a"), (last, "a"), (window - 1, "b")]);
        let second = of(&[(window, "a"), (2 * window, "b")]);
        let hash = |column: u64, id: u64| (column * 3 + id + 1) << 58;
        let mut builder = WindowsBuilder::new(DOCS as u32, 1_000).expect("several windows");
        builder.add(&first, &[hash(0, 0), hash(0, 1), hash(0, 2)]);
        builder.add(&second, &[hash(1, 0), hash(1, 1), hash(1, 2)]);
        let bytes = builder.finish();
        let windows = Windows::of(&bytes).expect("written");
        let spans = |column, id| windows.spans(hash(column, id), DOCS as u32);
        let docs = DOCS as u32;
        assert_eq!(spans(0, 0), [0..WINDOW_DOCS, 3 * WINDOW_DOCS..docs]);
        assert_eq!(spans(0, 1), vec![0..WINDOW_DOCS]);
        assert_eq!(spans(1, 0), vec![WINDOW_DOCS..2 * WINDOW_DOCS]);
        assert_eq!(spans(1, 1), vec![2 * WINDOW_DOCS..3 * WINDOW_DOCS]);
        let everywhere = std::slice::from_ref(&(0..docs)).to_vec();
        assert_eq!((spans(0, 2), spans(1, 2)), (everywhere.clone(), everywhere));
        assert!(spans(2, 0).is_empty());
    }

    #[test]
    fn small_segments_need_no_windows() {
        assert!(WindowsBuilder::new(WINDOW_DOCS, 1_000).is_none());
        assert!(WindowsBuilder::new(WINDOW_DOCS + 1, usize::MAX).is_none());
        assert!(WindowsBuilder::new(WINDOW_DOCS + 1, 1_000).is_some());
        assert!(Windows::of(&[]).is_none());
    }

    #[test]
    fn neighbouring_windows_are_one_span() {
        let max_doc = 4 * WINDOW_DOCS - 5;
        let mut builder = WindowsBuilder::new(max_doc, 1).expect("several windows");
        let windows = builder.window_count;
        let bucket = bucket(7, builder.bucket_bits);
        builder.numbers = [3, 1, 2].map(|window| bucket * windows + window).to_vec();
        let bytes = builder.finish();
        let spans = Windows::of(&bytes).expect("written").spans(7, max_doc);
        assert_eq!(spans, vec![WINDOW_DOCS..max_doc]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_written_is_found_and_nothing_else(
            window_count in 2_u32..400,
            pairs in prop::collection::vec((any::<u64>(), 0_u32..400), 0..700),
            ids in 1_usize..3_000,
        ) {
            let max_doc = window_count * WINDOW_DOCS;
            let mut builder = WindowsBuilder::new(max_doc, ids).expect("several windows");
            let bits = builder.bucket_bits;
            let mut expected: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for (hash, window) in &pairs {
                let window = window % window_count;
                expected.entry(bucket(*hash, bits)).or_default().insert(window);
                builder.numbers.push(bucket(*hash, bits) * window_count + window);
            }
            let bytes = builder.finish();
            let read = Windows::of(&bytes).expect("written");
            for (hash, _) in &pairs {
                let mut windows = expected[&bucket(*hash, bits)].iter().copied();
                for span in read.spans(*hash, max_doc) {
                    for window in span.start / WINDOW_DOCS..span.end / WINDOW_DOCS {
                        prop_assert_eq!(windows.next(), Some(window));
                    }
                }
                prop_assert_eq!(windows.next(), None);
            }
        }
    }
}
