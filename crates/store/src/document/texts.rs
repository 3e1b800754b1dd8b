//! The texts of a dictionary column.
//!
//! A dictionary lies on the disk in zstd blocks. Looking a text up costs the inflating of its
//! block, so small dictionaries are kept as they are, and of large ones the texts of a whole page
//! are looked up together.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tantivy::DocId;
use tantivy::columnar::{Column, StrColumn};

use super::blocks::Blocks;
use crate::StoreError;

/// Texts up to which a dictionary is kept: services, methods, hosts, levels, not ids.
const KEPT_TEXTS_MAX: usize = 512;
/// Templates up to which they are kept: nearly every record of a page needs one, each of another
/// block.
const KEPT_TEMPLATES_MAX: usize = 8_192;
/// Texts from which on they are looked up by a list of the blocks: making it once costs as much
/// as a few blocks.
const LISTED_TEXTS_MIN: usize = 8;
/// Overhead of a kept text, bytes.
const TEXT_OVERHEAD_BYTES: usize = size_of::<Box<str>>();

/// A column of text.
pub(super) struct TextColumn {
    column: StrColumn,
    kept_max: usize,
    /// Every text by ordinal; `None` inside when they are too many to keep.
    kept: OnceLock<Option<Vec<Box<str>>>>,
    /// The blocks of the dictionary; `None` inside when there is no room for the list.
    blocks: OnceLock<Option<Blocks>>,
}

impl TextColumn {
    pub(super) fn new(column: StrColumn) -> TextColumn {
        let (kept, blocks) = (OnceLock::new(), OnceLock::new());
        TextColumn { column, kept_max: KEPT_TEXTS_MAX, kept, blocks }
    }

    /// The column of templates.
    pub(super) fn of_templates(column: StrColumn) -> TextColumn {
        TextColumn { kept_max: KEPT_TEMPLATES_MAX, ..TextColumn::new(column) }
    }

    /// Makes the texts of a few documents ready. `left` is what may still be kept, in bytes.
    pub(super) fn load(&self, docs: &[DocId], left: &AtomicUsize) -> Result<Texts<'_>, StoreError> {
        let ordinals = self.column.ords();
        let mut known: Vec<u64> = docs.iter().filter_map(|doc| ordinals.first(*doc)).collect();
        if !known.is_empty()
            && let Some(kept) = self.kept(left)?
        {
            return Ok(Texts::Kept { ordinals, texts: kept });
        }
        known.sort_unstable();
        known.dedup();
        let texts = self.texts(&known, left)?;
        Ok(Texts::Found { ordinals, known, texts })
    }

    /// Makes every text of a few documents ready, for a column that has several a document.
    pub(super) fn load_all(
        &self,
        docs: &[DocId],
        left: &AtomicUsize,
    ) -> Result<Texts<'_>, StoreError> {
        let ordinals = self.column.ords();
        let mut known: Vec<u64> =
            docs.iter().flat_map(|doc| ordinals.values_for_doc(*doc)).collect();
        known.sort_unstable();
        known.dedup();
        let texts = self.texts(&known, left)?;
        Ok(Texts::Found { ordinals, known, texts })
    }

    /// Returns the whole dictionary if it is small enough to keep.
    fn kept(&self, left: &AtomicUsize) -> Result<Option<&[Box<str>]>, StoreError> {
        if self.kept.get().is_none() {
            let all = match self.column.num_terms() {
                count if count <= self.kept_max => {
                    let ordinals: Vec<u64> = (0..count as u64).collect();
                    Some(self.texts(&ordinals, left)?).filter(|texts| take(left, bytes(texts)))
                }
                _ => None,
            };
            // Two readers may have looked at once; what they found is the same.
            let _ = self.kept.set(all);
        }
        Ok(self.kept.get().and_then(Option::as_deref))
    }

    /// Returns the texts of sorted ordinals: each block is inflated once.
    fn texts(&self, ordinals: &[u64], left: &AtomicUsize) -> Result<Vec<Box<str>>, StoreError> {
        let mut texts = Vec::with_capacity(ordinals.len());
        if ordinals.is_empty() {
            return Ok(texts);
        }
        let dictionary = self.column.dictionary();
        let add = |term: &[u8]| {
            texts.push(String::from_utf8_lossy(term).into_owned().into_boxed_str());
        };
        let found = match self.blocks(ordinals.len(), left) {
            Some(blocks) => blocks.texts(dictionary, ordinals, add),
            None => dictionary.sorted_ords_to_term_cb(ordinals, add).map(drop),
        };
        found.map_err(StoreError::Column)?;
        Ok(texts)
    }

    /// Returns the list of blocks if it pays for so many texts.
    fn blocks(&self, texts: usize, left: &AtomicUsize) -> Option<&Blocks> {
        if texts < LISTED_TEXTS_MIN {
            return None;
        }
        let list = || {
            let blocks = Blocks::of(self.column.dictionary());
            take(left, blocks.memory_bytes()).then_some(blocks)
        };
        self.blocks.get_or_init(list).as_ref()
    }
}

/// The texts of a column for a few documents.
pub(super) enum Texts<'c> {
    /// Every text of the column, by ordinal.
    Kept { ordinals: &'c Column<u64>, texts: &'c [Box<str>] },
    /// Those that occur.
    Found {
        ordinals: &'c Column<u64>,
        /// The ordinals that occur, sorted, and the text of each.
        known: Vec<u64>,
        texts: Vec<Box<str>>,
    },
}

impl Texts<'_> {
    /// Returns every text of a document, in the order in which they were added.
    pub(super) fn all(&self, doc: DocId) -> impl Iterator<Item = &str> {
        let ordinals = match self {
            Texts::Kept { ordinals, .. } | Texts::Found { ordinals, .. } => ordinals,
        };
        ordinals.values_for_doc(doc).filter_map(|ordinal| self.text(ordinal))
    }

    pub(super) fn first(&self, doc: DocId) -> Option<&str> {
        match self {
            Texts::Found { known, .. } if known.is_empty() => None,
            Texts::Kept { ordinals, .. } | Texts::Found { ordinals, .. } => {
                self.text(ordinals.first(doc)?)
            }
        }
    }

    fn text(&self, ordinal: u64) -> Option<&str> {
        let (position, texts): (usize, &[Box<str>]) = match self {
            Texts::Kept { texts, .. } => (usize::try_from(ordinal).ok()?, texts),
            Texts::Found { known, texts, .. } => (known.binary_search(&ordinal).ok()?, texts),
        };
        texts.get(position).map(AsRef::as_ref)
    }
}

fn bytes(texts: &[Box<str>]) -> usize {
    texts.iter().map(|text| text.len() + TEXT_OVERHEAD_BYTES).sum()
}

/// Takes so many bytes from what is left, if there are as many.
fn take(left: &AtomicUsize, bytes: usize) -> bool {
    left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
}
