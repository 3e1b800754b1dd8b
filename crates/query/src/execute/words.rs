//! Tests of tokenised text, answered from the inverted index and, for messages, from the words of
//! their templates, which the index does not have. There are no positions: of the records with all
//! words of a phrase, those are picked that have them in order.

use std::collections::BTreeSet;
use std::sync::Arc;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED};
use tierlog_store::{PhraseReader, TemplateWords, index_fields, text_term};

use super::Deadline;
use super::bits::{Bits, SegmentBits, Window};
use super::column::{Accept, ColumnTest, Ordinals};
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
    templates: Option<&TemplateWords>,
    test: &TextTest,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    let index = segment.inverted_index(index_fields().text)?;
    let field = TextField { segment, index, path, templates, deadline };
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
    /// Of messages.
    templates: Option<&'s TemplateWords>,
    deadline: &'s Deadline,
}

impl TextField<'_> {
    fn phrase(&self, words: &[(usize, String)]) -> Result<Node, QueryError> {
        let mut all = Join::all_of();
        for (_, word) in words {
            all.push(self.word(word)?);
            if all.is_decided() {
                return Ok(Node::Nothing);
            }
        }
        if words.len() > 1 {
            let phrase = PhraseReader::open(self.segment, self.path, words)?;
            all.push(Node::Phrase(Box::new(phrase)));
        }
        Ok(all.finish())
    }

    fn word(&self, word: &str) -> Result<Node, QueryError> {
        let term = text_term(self.path, word);
        let postings = self.index.read_postings(&term, IndexRecordOption::Basic)?;
        let templates = self.templates.map(|templates| templates.with_word(word));
        let in_templates = self.in_templates(templates.into_iter().flatten().copied())?;
        Ok(match (postings, in_templates) {
            (None, in_templates) => in_templates,
            (Some(postings), Node::Nothing) => Node::Postings(Box::new(postings)),
            (Some(mut postings), in_templates) => {
                // A set may be looked at from the end, as the column may.
                let mut found = SegmentBits::empty(self.segment.max_doc());
                add(&mut found, &mut postings);
                let mut any = Join::any_of();
                any.push(found.into_node());
                any.push(in_templates);
                any.finish()
            }
        })
    }

    /// Returns the node of the messages that have one of some templates.
    fn in_templates(&self, ordinals: impl Iterator<Item = u64>) -> Result<Node, QueryError> {
        let mut ordinals = ordinals.peekable();
        if ordinals.peek().is_none() {
            return Ok(Node::Nothing);
        }
        let name = self.segment.schema().get_field_name(index_fields().template);
        let Some(column) = self.segment.fast_fields().str(name)? else { return Ok(Node::Nothing) };
        let mut accepted = Ordinals::default();
        let (mut first, mut last, mut count) = (u64::MAX, 0, 0);
        for ordinal in ordinals {
            accepted.insert(ordinal);
            (first, last, count) = (first.min(ordinal), last.max(ordinal), count + 1);
        }
        // Neighbours are a range, which is scanned by blocks.
        let accept = match last - first == count - 1 {
            true => Accept::Ranges(vec![first..=last]),
            false => Accept::Ordinals(accepted),
        };
        Ok(ColumnTest::node(column.ords().clone(), accept))
    }

    /// Returns the words of templates that start with a prefix.
    fn template_words(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u64])> {
        let words = self.templates.into_iter().flat_map(|words| words.starting_at(prefix));
        words
            .map(|(word, templates)| (word.as_ref(), templates.as_slice()))
            .take_while(move |(word, _)| word.starts_with(prefix))
    }

    /// Hands on the index's words of the field that start with a prefix and fit. Nothing is gathered: a
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
        self.for_each_word(prefix, &fits, |_, info| {
            let option = IndexRecordOption::Basic;
            add(&mut found, &mut self.index.read_postings_from_terminfo(info, option)?);
            Ok(())
        })?;
        let templates = self.template_words(prefix).filter(|(word, _)| fits(word));
        let templates: BTreeSet<u64> =
            templates.flat_map(|(_, templates)| templates).copied().collect();
        let mut any = Join::any_of();
        any.push(found.into_node());
        any.push(self.in_templates(templates.into_iter())?);
        Ok(any.finish())
    }

    /// Words one after the other, then any that starts so: one phrase for each of these.
    fn any_phrase(
        &self,
        words: &[(usize, String)],
        position: usize,
        prefix: &str,
    ) -> Result<Node, QueryError> {
        let mut found = SegmentBits::empty(self.segment.max_doc());
        let mut add_phrase = |word: &str| {
            let mut phrase = words.to_vec();
            phrase.push((position, word.to_owned()));
            self.add_matches(&mut found, self.phrase(&phrase)?)
        };
        let of_templates: BTreeSet<&str> =
            self.template_words(prefix).map(|(word, _)| word).collect();
        self.for_each_word(
            prefix,
            |word| !of_templates.contains(word),
            |word, _| add_phrase(word),
        )?;
        for word in of_templates {
            self.deadline.check()?;
            add_phrase(word)?;
        }
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
