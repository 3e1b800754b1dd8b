//! Tests of tokenised text, answered from the inverted index.

use std::sync::Arc;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::query::{EnableScoring, PhraseQuery, Query};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED};
use tierlog_store::{index_fields, text_term};

use super::Deadline;
use super::bits::SegmentBits;
use super::dictionary::prefix_end;
use super::node::Node;
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
        if let [(_, word)] = words {
            let term = text_term(self.path, word);
            return Ok(match self.index.read_postings(&term, IndexRecordOption::Basic)? {
                Some(postings) => Node::Postings(Box::new(postings)),
                None => Node::Nothing,
            });
        }
        let terms =
            words.iter().map(|(position, word)| (*position, text_term(self.path, word))).collect();
        let query = PhraseQuery::new_with_offset(terms);
        let weight = query.weight(EnableScoring::disabled_from_schema(self.segment.schema()))?;
        let scorer = weight.scorer(self.segment, 1.0)?;
        Ok(match scorer.doc() {
            TERMINATED => Node::Nothing,
            _ => Node::Postings(scorer),
        })
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
                if let Node::Postings(mut postings) = self.phrase(&phrase)? {
                    add(&mut found, postings.as_mut());
                }
                Ok(())
            },
        )?;
        Ok(found.into_node())
    }
}

fn add(found: &mut SegmentBits, postings: &mut dyn DocSet) {
    let mut doc = postings.doc();
    while doc != TERMINATED {
        found.insert(doc);
        doc = postings.advance();
    }
}
