//! The words that templates have: the index has only those of the values in their messages.
//!
//! Arrives: a segment. Leaves: its templates by the terms of their words, as ordinals of the
//! template column. Read once and kept while the segment is open; nothing here looks at a record.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use tantivy::SegmentReader;

use super::template::{Part, parts};
use crate::StoreError;
use crate::schema::TEMPLATE;
use crate::words::{NormalText, for_each_term};

/// Templates up to which their words are kept: a service has hundreds.
const KEPT_TEMPLATES_MAX: usize = 8_192;

/// Memory of a term besides its text and its templates: the node in the tree.
const TERM_BYTES: usize = 64;

/// The templates of a segment by term.
#[derive(Debug, Default)]
pub struct TemplateWords {
    by_term: BTreeMap<Box<str>, Vec<u64>>,
    templates: usize,
}

impl TemplateWords {
    /// Reads the templates of a segment.
    pub fn read(segment: &SegmentReader) -> Result<TemplateWords, StoreError> {
        let mut words = TemplateWords::default();
        let Some(column) = segment.fast_fields().str(TEMPLATE)? else { return Ok(words) };
        let mut templates = column.dictionary().stream().map_err(StoreError::Column)?;
        while templates.advance() {
            let ordinal = templates.term_ord();
            words.templates += 1;
            let template = String::from_utf8_lossy(templates.key());
            for part in parts(&template) {
                if let Part::Plain(text) = part {
                    words.add(text, ordinal);
                }
            }
        }
        Ok(words)
    }

    /// Templates come in ascending order, so the last is the only one that may be there.
    fn add(&mut self, text: &str, ordinal: u64) {
        for word in NormalText::of(text).words() {
            for_each_term(word, |term| {
                let templates = self.by_term.entry(term.into()).or_default();
                if templates.last() != Some(&ordinal) {
                    templates.push(ordinal);
                }
            });
        }
    }

    /// Returns the templates with a term, ascending.
    pub fn with_term(&self, term: &str) -> &[u64] {
        self.by_term.get(term).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the terms from a prefix on, ascending: terms with the prefix come first.
    pub fn starting_at(&self, prefix: &str) -> Range<'_, Box<str>, Vec<u64>> {
        self.by_term.range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
    }

    /// Tells whether they are few enough to keep.
    pub(crate) fn are_worth_keeping(&self) -> bool {
        self.templates <= KEPT_TEMPLATES_MAX
    }

    /// Returns about how much memory they take.
    pub(crate) fn memory_bytes(&self) -> usize {
        let terms = self.by_term.iter();
        terms
            .map(|(term, templates)| TERM_BYTES + term.len() + size_of_val(templates.as_slice()))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_their_templates_once_and_in_order() {
        let mut words = TemplateWords::default();
        let texts = ["payment of the payment", "the pay office", "paid", "payment refused"];
        for (ordinal, text) in texts.iter().enumerate() {
            words.add(text, ordinal as u64);
        }
        assert_eq!(words.with_term("payment"), [0, 3]);
        assert_eq!(words.with_term("the"), [0, 1]);
        assert!(words.with_term("paymen").is_empty());
        let from = |prefix| -> Vec<&str> {
            words.starting_at(prefix).map(|(word, _)| word.as_ref()).take(2).collect()
        };
        assert_eq!(from("pay"), ["pay", "payment"], "the word itself comes first");
        assert_eq!(from("pai"), ["paid", "pay"]);
        assert!(from("u").is_empty());
        assert!(words.memory_bytes() > texts.concat().len());
        let at_most = |templates| TemplateWords { templates, ..TemplateWords::default() };
        assert!(at_most(KEPT_TEMPLATES_MAX).are_worth_keeping());
        assert!(!at_most(KEPT_TEMPLATES_MAX + 1).are_worth_keeping());
    }
}
