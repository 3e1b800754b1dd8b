//! The texts of a dictionary column.
//!
//! A dictionary lies on the disk in zstd blocks. Looking a text up costs the inflating of its
//! block, so small dictionaries are kept as they are, and of large ones the texts of a whole page
//! are looked up together.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tantivy::DocId;
use tantivy::columnar::{Column, StrColumn};

use crate::StoreError;

/// Texts up to which a dictionary is kept: services, methods, hosts, levels, not ids.
const KEPT_TEXTS_MAX: usize = 512;
/// Templates up to which they are kept: nearly every record of a page needs one, each of another
/// block.
const KEPT_TEMPLATES_MAX: usize = 8_192;
/// Bytes that a kept text takes besides its own.
const TEXT_OVERHEAD_BYTES: usize = size_of::<Box<str>>();

/// A column of text.
pub(super) struct TextColumn {
    column: StrColumn,
    kept_max: usize,
    /// Every text by ordinal; `None` inside when they are too many to keep.
    kept: OnceLock<Option<Vec<Box<str>>>>,
}

impl TextColumn {
    pub(super) fn new(column: StrColumn) -> TextColumn {
        TextColumn { column, kept_max: KEPT_TEXTS_MAX, kept: OnceLock::new() }
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
        let texts = self.texts(&known)?;
        Ok(Texts::Found { ordinals, known, texts })
    }

    /// Returns the whole dictionary if it is small enough to keep.
    fn kept(&self, left: &AtomicUsize) -> Result<Option<&[Box<str>]>, StoreError> {
        if self.kept.get().is_none() {
            let all = match self.column.num_terms() {
                count if count <= self.kept_max => {
                    let ordinals: Vec<u64> = (0..count as u64).collect();
                    Some(self.texts(&ordinals)?).filter(|texts| take(left, bytes(texts)))
                }
                _ => None,
            };
            // Two readers may have looked at once; what they found is the same.
            let _ = self.kept.set(all);
        }
        Ok(self.kept.get().and_then(Option::as_deref))
    }

    /// Returns the texts of sorted ordinals: each block is inflated once.
    fn texts(&self, ordinals: &[u64]) -> Result<Vec<Box<str>>, StoreError> {
        let mut texts = Vec::with_capacity(ordinals.len());
        if ordinals.is_empty() {
            return Ok(texts);
        }
        self.column
            .dictionary()
            .sorted_ords_to_term_cb(ordinals, |term| {
                texts.push(String::from_utf8_lossy(term).into_owned().into_boxed_str());
            })
            .map_err(StoreError::Column)?;
        Ok(texts)
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
    pub(super) fn first(&self, doc: DocId) -> Option<&str> {
        match self {
            Texts::Kept { ordinals, texts } => {
                let position = usize::try_from(ordinals.first(doc)?).ok()?;
                texts.get(position).map(AsRef::as_ref)
            }
            Texts::Found { known, .. } if known.is_empty() => None,
            Texts::Found { ordinals, known, texts } => {
                let position = known.binary_search(&ordinals.first(doc)?).ok()?;
                texts.get(position).map(AsRef::as_ref)
            }
        }
    }
}

fn bytes(texts: &[Box<str>]) -> usize {
    texts.iter().map(|text| text.len() + TEXT_OVERHEAD_BYTES).sum()
}

/// Takes so many bytes from what is left, if there are as many.
fn take(left: &AtomicUsize, bytes: usize) -> bool {
    left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
}
