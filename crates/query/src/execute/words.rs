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
        TextTest::PhrasePrefix { words, prefix: (position, prefix) } => {
            let terms = field.terms(prefix, |_| true)?;
            if words.is_empty() {
                return field.any_term(terms);
            }
            field.phrases(words, *position, terms)
        }
        TextTest::Word(wildcard) => {
            let terms = field.terms(wildcard.prefix(), |word| wildcard.matches(word))?;
            field.any_term(terms)
        }
        TextTest::WordRegex(pattern) => {
            let terms = field.terms("", |word| pattern.matches_word(word))?;
            field.any_term(terms)
        }
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
        let terms = words
            .iter()
            .map(|(position, word)| (*position, text_term(self.path, word)))
            .collect();
        let query = PhraseQuery::new_with_offset(terms);
        let weight = query.weight(EnableScoring::disabled_from_schema(self.segment.schema()))?;
        let scorer = weight.scorer(self.segment, 1.0)?;
        Ok(match scorer.doc() {
            TERMINATED => Node::Nothing,
            _ => Node::Postings(scorer),
        })
    }

    /// Returns the field's words that start with a prefix and fit.
    fn terms(
        &self,
        prefix: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, TermInfo)>, QueryError> {
        let base = text_term(self.path, "").serialized_value_bytes().len();
        let first = text_term(self.path, prefix);
        let first = first.serialized_value_bytes();
        let mut range = self.index.terms().range().ge(first);
        if let Some(end) = prefix_end(first) {
            range = range.lt(end);
        }
        let mut stream = range.into_stream()?;
        let mut terms = Vec::new();
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
                terms.push((word.to_owned(), stream.value().clone()));
            }
        }
        Ok(terms)
    }

    fn any_term(&self, terms: Vec<(String, TermInfo)>) -> Result<Node, QueryError> {
        if terms.is_empty() {
            return Ok(Node::Nothing);
        }
        let mut found = SegmentBits::empty(self.segment.max_doc());
        for (_, info) in terms {
            self.deadline.check()?;
            let mut postings =
                self.index.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            add(&mut found, &mut postings);
        }
        Ok(Node::Set(found))
    }

    /// Words one after the other, then any of some terms: one phrase a term, one after the other,
    /// so that memory does not grow with their number.
    fn phrases(
        &self,
        words: &[(usize, String)],
        position: usize,
        terms: Vec<(String, TermInfo)>,
    ) -> Result<Node, QueryError> {
        let mut found = SegmentBits::empty(self.segment.max_doc());
        for (word, _) in terms {
            self.deadline.check()?;
            let mut phrase = words.to_vec();
            phrase.push((position, word));
            if let Node::Postings(mut postings) = self.phrase(&phrase)? {
                add(&mut found, postings.as_mut());
            }
        }
        Ok(Node::Set(found))
    }
}

fn add(found: &mut SegmentBits, postings: &mut dyn DocSet) {
    let mut doc = postings.doc();
    while doc != TERMINATED {
        found.insert(doc);
        doc = postings.advance();
    }
}
