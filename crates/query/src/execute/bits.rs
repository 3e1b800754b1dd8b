//! Sets of documents as bits: one window for evaluation, a whole segment for word patterns.

use tantivy::{DocId, TERMINATED};

use super::node::Node;

/// Documents that are evaluated at once: 512 bytes of bits, and little enough work that
/// a deadline is met within a millisecond.
pub(crate) const BLOCK_DOCS: usize = 4_096;
const BLOCK_WORDS: usize = BLOCK_DOCS / WORD_BITS;
const WORD_BITS: usize = u64::BITS as usize;

/// A span of documents of one segment, at most [`BLOCK_DOCS`] long; starts at a multiple of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// First document.
    pub(super) start: DocId,
    /// First document after.
    pub(super) end: DocId,
}

impl Window {
    /// Returns the window that contains a document of a segment with so many documents.
    pub(super) fn containing(doc: DocId, max_doc: DocId) -> Window {
        let start = doc - doc % BLOCK_DOCS as u32;
        Window { start, end: max_doc.min(start.saturating_add(BLOCK_DOCS as u32)) }
    }
}

/// A set of documents of a window, by offset.
#[derive(Clone, Debug)]
pub(super) struct Bits([u64; BLOCK_WORDS]);

impl Bits {
    pub(super) fn empty() -> Bits {
        Bits([0; BLOCK_WORDS])
    }

    /// Returns every document of a window.
    pub(super) fn all(window: Window) -> Bits {
        let mut bits = Bits::empty();
        let mut left = (window.end - window.start) as usize;
        for word in &mut bits.0 {
            let taken = left.min(WORD_BITS);
            *word = if taken == WORD_BITS { u64::MAX } else { (1 << taken) - 1 };
            left -= taken;
        }
        bits
    }

    pub(super) fn insert(&mut self, offset: u32) {
        if let Some(word) = self.0.get_mut(offset as usize / WORD_BITS) {
            *word |= 1 << (offset as usize % WORD_BITS);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Keeps what is in the other set too.
    pub(super) fn intersect(&mut self, other: &Bits) {
        self.combine(other, |left, right| left & right);
    }

    /// Adds what is in the other set.
    pub(super) fn unite(&mut self, other: &Bits) {
        self.combine(other, |left, right| left | right);
    }

    /// Takes away what is in the other set.
    pub(super) fn subtract(&mut self, other: &Bits) {
        self.combine(other, |left, right| left & !right);
    }

    fn combine(&mut self, other: &Bits, operation: impl Fn(u64, u64) -> u64) {
        for (left, right) in self.0.iter_mut().zip(other.0) {
            *left = operation(*left, right);
        }
    }

    /// Appends the documents, ascending.
    pub(super) fn append_docs(&self, window: Window, docs: &mut Vec<DocId>) {
        for (position, word) in self.0.iter().enumerate() {
            let base = window.start + (position * WORD_BITS) as u32;
            match *word {
                0 => {}
                // Fast path: most windows of a scan without a condition are full.
                u64::MAX => docs.extend(base..base + WORD_BITS as u32),
                word => docs.extend(ones(word).map(|bit| base + bit)),
            }
        }
    }

    /// Returns the offsets, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(position, word)| {
            let base = (position * WORD_BITS) as u32;
            ones(*word).map(move |bit| base + bit)
        })
    }
}

/// A set of documents of a whole segment.
#[derive(Debug)]
pub(super) struct SegmentBits {
    words: Vec<u64>,
}

impl SegmentBits {
    pub(super) fn empty(max_doc: DocId) -> SegmentBits {
        SegmentBits { words: vec![0; (max_doc as usize).div_ceil(WORD_BITS)] }
    }

    pub(super) fn insert(&mut self, doc: DocId) {
        if let Some(word) = self.words.get_mut(doc as usize / WORD_BITS) {
            *word |= 1 << (doc as usize % WORD_BITS);
        }
    }

    /// Keeps what is in the other set of the same segment too.
    pub(super) fn intersect(&mut self, other: &SegmentBits) {
        for (left, right) in self.words.iter_mut().zip(&other.words) {
            *left &= right;
        }
    }

    /// Adds what is in the other set of the same segment.
    pub(super) fn unite(&mut self, other: &SegmentBits) {
        for (left, right) in self.words.iter_mut().zip(&other.words) {
            *left |= right;
        }
    }

    /// Returns the condition that a document is in the set.
    pub(super) fn into_node(self) -> Node {
        let is_empty = self.words.iter().all(|word| *word == 0);
        if is_empty { Node::Nothing } else { Node::Set(self) }
    }

    /// Returns the part that lies in a window.
    pub(super) fn window(&self, window: Window) -> Bits {
        let mut bits = Bits::empty();
        let from = window.start as usize / WORD_BITS;
        let part = self.words.get(from..).unwrap_or_default();
        for (target, word) in bits.0.iter_mut().zip(part) {
            *target = *word;
        }
        bits
    }

    /// Returns the first document that is not before `from`.
    pub(super) fn next(&self, from: DocId) -> DocId {
        let first = from as usize / WORD_BITS;
        let mut before = (1_u64 << (from as usize % WORD_BITS)) - 1;
        for (position, word) in self.words.iter().enumerate().skip(first) {
            let word = word & !before;
            before = 0;
            if word != 0 {
                return (position * WORD_BITS) as u32 + word.trailing_zeros();
            }
        }
        TERMINATED
    }
}

fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros();
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn segment_bits_are_a_set(docs in prop::collection::btree_set(0_u32..20_000, 0..200), from in 0_u32..20_000) {
            let mut bits = SegmentBits::empty(20_000);
            for doc in &docs {
                bits.insert(*doc);
            }
            let mut found = BTreeSet::new();
            for start in (0..20_000).step_by(BLOCK_DOCS) {
                let window = Window::containing(start, 20_000);
                let mut part = bits.window(window);
                prop_assert!(part.iter().all(|offset| window.start + offset < window.end));
                part.intersect(&Bits::all(window));
                found.extend(part.iter().map(|offset| start + offset));
                let mut appended = Vec::new();
                part.append_docs(window, &mut appended);
                prop_assert_eq!(appended, part.iter().map(|offset| start + offset).collect::<Vec<_>>());
            }
            prop_assert_eq!(&found, &docs);
            let expected = docs.range(from..).next().copied().unwrap_or(TERMINATED);
            prop_assert_eq!(bits.next(from), expected);
        }
    }

    #[test]
    fn a_short_window_holds_only_its_documents() {
        let window = Window::containing(4_100, 4_170);
        assert_eq!((window.start, window.end), (4_096, 4_170));
        assert_eq!(Bits::all(window).count(), 74);
        assert_eq!(Bits::all(window).iter().last(), Some(73));
    }
}
