//! Tests of tokenised text, answered from the inverted index. It has no positions: of the records
//! with all words of a phrase, those are picked that have them in order.

use std::sync::Arc;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED};
use tierlog_store::{PhraseReader, index_fields, text_term};

use super::Deadline;
use super::bits::{Bits, SegmentBits, Window};
use super::dictionary::prefix_end;
use super::node::{Join, Node};
use crate::QueryError;
use crate::parse::TextTest;

/// Terms between two looks at the deadline.
const TERMS_PER_CHECK: u64 = 4_096;

/// Returns the node of a test on one text field.
pub(super) fn field_node(
    segment: &SegmentReader,
    path: &str,
    test: &TextTest,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    let index = segment.inverted_index(index_fields().text)?;
    let field = TextField { segment, index, path, deadline };
    match test {
        TextTest::Never => Ok(Node::Nothing),
        TextTest::Phrase(words) => field.phrase(words),
        TextTest::PhrasePrefix { words, prefix: (_, prefix) } if words.is_empty() => {
            field.any_word(prefix, |_| true)
        }
        TextTest::PhrasePrefix { words, prefix: (position, prefix) } => {
            field.any_phrase(words, *position, prefix)
        }
        TextTest::Word(wildcard) => {
            field.any_word(wildcard.prefix(), |word| wildcard.matches(word))
        }
        TextTest::WordRegex(pattern) => field.any_word("", |word| pattern.matches_word(word)),
    }
}

struct TextField<'s> {
    segment: &'s SegmentReader,
    index: Arc<InvertedIndexReader>,
    path: &'s str,
    deadline: &'s Deadline,
}

impl TextField<'_> {
    fn phrase(&self, words: &[(usize, String)]) -> Result<Node, QueryError> {
        let mut all = Join::all_of();
        for (_, word) in words {
            let term = text_term(self.path, word);
            let Some(postings) = self.index.read_postings(&term, IndexRecordOption::Basic)? else {
                return Ok(Node::Nothing);
            };
            all.push(Node::Postings(Box::new(postings)));
        }
        if words.len() > 1 {
            let phrase = PhraseReader::open(self.segment, self.path, words)?;
            all.push(Node::Phrase(Box::new(phrase)));
        }
        Ok(all.finish())
    }

    /// Hands on the field's words that start with a prefix and fit. Nothing is gathered: a
    /// pattern may fit a million words.
    fn for_each_word(
        &self,
        prefix: &str,
        fits: impl Fn(&str) -> bool,
        mut use_word: impl FnMut(&str, &TermInfo) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let base = text_term(self.path, "").serialized_value_bytes().len();
        let first = text_term(self.path, prefix);
        let first = first.serialized_value_bytes();
        let mut range = self.index.terms().range().ge(first);
        if let Some(end) = prefix_end(first) {
            range = range.lt(end);
        }
        let mut stream = range.into_stream()?;
        let mut seen = 0_u64;
        while stream.advance() {
            seen += 1;
            if seen.is_multiple_of(TERMS_PER_CHECK) {
                self.deadline.check()?;
            }
            let word = stream.key().get(base..).unwrap_or_default();
            if let Ok(word) = std::str::from_utf8(word)
                && fits(word)
            {
                self.deadline.check()?;
                use_word(word, stream.value())?;
            }
        }
        Ok(())
    }

    fn any_word(&self, prefix: &str, fits: impl Fn(&str) -> bool) -> Result<Node, QueryError> {
        let mut found = SegmentBits::empty(self.segment.max_doc());
        self.for_each_word(prefix, fits, |_, info| {
            let option = IndexRecordOption::Basic;
            add(&mut found, &mut self.index.read_postings_from_terminfo(info, option)?);
            Ok(())
        })?;
        Ok(found.into_node())
    }

    /// Words one after the other, then any that starts so: one phrase for each of these.
    fn any_phrase(
        &self,
        words: &[(usize, String)],
        position: usize,
        prefix: &str,
    ) -> Result<Node, QueryError> {
        let mut found = SegmentBits::empty(self.segment.max_doc());
        self.for_each_word(
            prefix,
            |_| true,
            |word, _| {
                let mut phrase = words.to_vec();
                phrase.push((position, word.to_owned()));
                self.add_matches(&mut found, self.phrase(&phrase)?)
            },
        )?;
        Ok(found.into_node())
    }

    /// Adds every match of a condition to a set.
    fn add_matches(&self, found: &mut SegmentBits, mut node: Node) -> Result<(), QueryError> {
        let max_doc = self.segment.max_doc();
        let mut next = node.next_candidate(0);
        while next < max_doc {
            self.deadline.check()?;
            let window = Window::containing(next, max_doc);
            let matches = node.evaluate(window, &Bits::all(window))?;
            for offset in matches.iter() {
                found.insert(window.start + offset);
            }
            next = node.next_candidate(window.end);
        }
        Ok(())
    }
}

fn add(found: &mut SegmentBits, postings: &mut dyn DocSet) {
    let mut doc = postings.doc();
    while doc != TERMINATED {
        found.insert(doc);
        doc = postings.advance();
    }
}
