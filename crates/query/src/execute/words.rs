//! Tests of tokenised text, answered from the inverted index and, for messages, from the words of
//! their templates, which the index does not have. What terms cannot say is read from the texts:
//! the order of words, the whole of long words and runs, signs.

use std::collections::BTreeSet;
use std::sync::Arc;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, SegmentReader, TERMINATED};
use tierlog_store::{
    Need, Phrase, Sought, TemplateWords, Term, TextReader, index_fields, scan_prefix, text_term,
};

use super::Deadline;
use super::bits::SegmentBits;
use super::column::{Accept, ColumnTest, Ordinals};
use super::dictionary::prefix_end;
use super::node::{Join, Node};
use crate::error::QueryError;
use crate::expr::TextTest;

/// Terms between two looks at the deadline.
const TERMS_PER_CHECK: u64 = 4_096;

/// The text field under test in a segment.
pub(super) struct TextField<'s> {
    pub(super) segment: &'s SegmentReader,
    pub(super) path: &'s str,
    /// Of messages.
    pub(super) templates: Option<&'s TemplateWords>,
    pub(super) deadline: &'s Deadline,
}

/// The verdict of a term about records with the term.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// Their texts have to be read.
    MayPass,
    Fail,
}

impl TextField<'_> {
    /// Returns the node of a test. `all` are the records that have the field.
    pub(super) fn node(
        &self,
        test: &TextTest,
        all: impl FnOnce() -> Result<Node, QueryError>,
    ) -> Result<Node, QueryError> {
        match test {
            TextTest::Never => Ok(Node::Nothing),
            TextTest::Phrase(phrase) => self.phrase(phrase),
            TextTest::Word(pattern) => {
                let may_fit_runs = pattern.may_fit_runs();
                let judge = |term: &str| match Term::read(term) {
                    Term::Word(word) if pattern.matches(word) => Verdict::Pass,
                    Term::Long(kept) if are_alike(kept, pattern.prefix()) => Verdict::MayPass,
                    Term::Gram(_) if may_fit_runs => Verdict::MayPass,
                    Term::Word(_) | Term::Long(_) | Term::Gram(_) => Verdict::Fail,
                };
                let sought = pattern.clone();
                let (passed, open) = self.any_term(pattern.prefix(), judge)?;
                self.verified(passed, open, move |word| sought.matches(word))
            }
            TextTest::WordRegex(pattern) => {
                let judge = |term: &str| match Term::read(term) {
                    Term::Word(word) if pattern.matches_word(word) => Verdict::Pass,
                    Term::Long(_) => Verdict::MayPass,
                    Term::Gram(_) if pattern.may_fit_runs() => Verdict::MayPass,
                    Term::Word(_) | Term::Gram(_) => Verdict::Fail,
                };
                let sought = pattern.clone();
                let (passed, open) = self.any_term("", judge)?;
                self.verified(passed, open, move |word| sought.matches_word(word))
            }
            TextTest::Signs(signs) => {
                let mut both = Join::all_of();
                both.push(all()?);
                both.push(self.read(Sought::Signs(signs.clone()))?);
                Ok(both.finish())
            }
        }
    }

    fn read(&self, sought: Sought) -> Result<Node, QueryError> {
        Ok(Node::Text(Box::new(TextReader::open(self.segment, self.path, sought)?)))
    }

    /// Returns the node of the records that passed, and of the open records with a fitting word.
    fn verified(
        &self,
        passed: Node,
        open: Node,
        fits: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Node, QueryError> {
        let mut any = Join::any_of();
        any.push(passed);
        if !matches!(open, Node::Nothing) {
            let mut both = Join::all_of();
            both.push(open);
            both.push(self.read(Sought::Word(Box::new(fits)))?);
            any.push(both.finish());
        }
        Ok(any.finish())
    }

    fn phrase(&self, phrase: &Phrase) -> Result<Node, QueryError> {
        let mut all = Join::all_of();
        for need in phrase.needs() {
            all.push(match need {
                Need::Term(term) => self.term(&term)?,
                Need::Start(start) => self.any_start(&start)?,
            });
            if all.is_decided() {
                return Ok(Node::Nothing);
            }
        }
        if !phrase.is_known_by_terms() {
            all.push(self.read(Sought::Phrase(phrase.clone()))?);
        }
        Ok(all.finish())
    }

    /// Returns the node of the records with a word or run part that starts so; of long words, all
    /// those whose beginning may.
    fn any_start(&self, start: &str) -> Result<Node, QueryError> {
        let judge = |term: &str| match Term::read(term) {
            Term::Word(word) | Term::Gram(word) if word.starts_with(start) => Verdict::Pass,
            Term::Long(kept) if are_alike(kept, start) => Verdict::Pass,
            Term::Word(_) | Term::Gram(_) | Term::Long(_) => Verdict::Fail,
        };
        Ok(self.any_term(start, judge)?.0)
    }

    fn index(&self) -> Result<Arc<InvertedIndexReader>, QueryError> {
        Ok(self.segment.inverted_index(index_fields().text)?)
    }

    fn term(&self, term: &str) -> Result<Node, QueryError> {
        let key = text_term(self.path, term);
        let postings = self.index()?.read_postings(&key, IndexRecordOption::Basic)?;
        let templates = self.templates.map(|templates| templates.with_term(term));
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

    /// Returns the records with a term of a word that starts with a prefix and passes, and those
    /// with one that may pass.
    fn any_term(
        &self,
        prefix: &str,
        judge: impl Fn(&str) -> Verdict,
    ) -> Result<(Node, Node), QueryError> {
        let prefix = scan_prefix(prefix);
        let mut found: [Option<SegmentBits>; 2] = [None, None];
        let index = self.index()?;
        self.for_each_term(&index, prefix, |term, info| {
            let Some(found) = place_of(judge(term), &mut found) else { return Ok(()) };
            self.deadline.check()?;
            let found = found.get_or_insert_with(|| SegmentBits::empty(self.segment.max_doc()));
            add(found, &mut index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?);
            Ok(())
        })?;
        let mut templates = [BTreeSet::new(), BTreeSet::new()];
        for (term, ordinals) in self.template_terms(prefix) {
            if let Some(templates) = place_of(judge(term), &mut templates) {
                templates.extend(ordinals.iter().copied());
            }
        }
        let [passed, open] = found;
        let [passed_templates, open_templates] = templates;
        let join = |found: Option<SegmentBits>, templates: BTreeSet<u64>| {
            let mut any = Join::any_of();
            any.push(found.map_or(Node::Nothing, SegmentBits::into_node));
            any.push(self.in_templates(templates.into_iter())?);
            Ok::<Node, QueryError>(any.finish())
        };
        Ok((join(passed, passed_templates)?, join(open, open_templates)?))
    }

    /// Returns the terms of templates that start with a prefix.
    fn template_terms(&self, prefix: &str) -> impl Iterator<Item = (&str, &[u64])> {
        let terms = self.templates.into_iter().flat_map(|words| words.starting_at(prefix));
        terms
            .map(|(term, templates)| (term.as_ref(), templates.as_slice()))
            .take_while(move |(term, _)| term.starts_with(prefix))
    }

    /// Hands on the index's terms of the field that start with a prefix. Nothing is gathered: a
    /// pattern may fit a million words.
    fn for_each_term(
        &self,
        index: &InvertedIndexReader,
        prefix: &str,
        mut use_term: impl FnMut(&str, &TermInfo) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let base = text_term(self.path, "").serialized_value_bytes().len();
        let first = text_term(self.path, prefix);
        let first = first.serialized_value_bytes();
        let mut range = index.terms().range().ge(first);
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
            let term = stream.key().get(base..).unwrap_or_default();
            if let Ok(term) = std::str::from_utf8(term) {
                use_term(term, stream.value())?;
            }
        }
        Ok(())
    }
}

/// Returns the place of a verdict, out of the places of passed and open records.
fn place_of<T>(verdict: Verdict, places: &mut [T; 2]) -> Option<&mut T> {
    let [passed, open] = places;
    match verdict {
        Verdict::Pass => Some(passed),
        Verdict::MayPass => Some(open),
        Verdict::Fail => None,
    }
}

/// Tells whether one text starts with the other: a word that starts with both may exist.
fn are_alike(left: &str, right: &str) -> bool {
    left.starts_with(right) || right.starts_with(left)
}

fn add(found: &mut SegmentBits, postings: &mut dyn DocSet) {
    let mut doc = postings.doc();
    while doc != TERMINATED {
        found.insert(doc);
        doc = postings.advance();
    }
}
