//! A condition bound to one segment, evaluated window by window as bits.
//!
//! Words come from postings and ids lie in known spans, which say where the next match can be, so
//! that most windows are never looked at. Columns are tested only for the documents that the others
//! left over, and texts are read for what columns left over.

use std::ops::Range;

use tantivy::{DocId, DocSet, TERMINATED};
use tierlog_store::TextReader;

use super::bits::{Bits, SegmentBits, Window};
use super::column::ColumnTest;
use super::long_text::LongTextTest;
use crate::error::QueryError;

/// Rank of what a text is read for: every other condition is cheaper.
const TEXT_COST: u32 = 1 << 24;

/// A condition on the documents of one segment. Windows are evaluated in ascending order, or in
/// any when it [is for random access](Node::is_random_access).
pub(super) enum Node {
    /// Every document.
    All,
    /// No document.
    Nothing,
    /// All conditions hold; cheap conditions come first.
    And(Vec<Node>),
    /// One of them holds.
    Or(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
    /// The documents of spans, disjoint and ascending; a window lies in one or in none.
    Spans(Vec<Range<DocId>>),
    /// The documents of postings.
    Postings(Box<dyn DocSet>),
    /// The documents of a set.
    Set(SegmentBits),
    /// A column's value passes.
    Column(ColumnTest),
    /// A long text passes, of which the beginning does not tell.
    LongText(Box<LongTextTest>),
    /// What is sought stands in the text of a document.
    Text(Box<TextReader>),
}

/// Conditions that are joined one by one. Sets are merged as they come: each has a bit for every
/// document of the segment, and a query may have a thousand patterns.
pub(super) struct Join {
    kind: JoinKind,
    set: Option<SegmentBits>,
    others: Vec<Node>,
    /// A join that is decided already: nothing for "all of", everything for "any of".
    is_decided: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum JoinKind {
    All,
    Any,
}

impl Join {
    /// Returns an empty conjunction to add conditions to.
    pub(super) fn all_of() -> Join {
        Join { kind: JoinKind::All, set: None, others: Vec::new(), is_decided: false }
    }

    /// Returns an empty disjunction to add conditions to.
    pub(super) fn any_of() -> Join {
        Join { kind: JoinKind::Any, set: None, others: Vec::new(), is_decided: false }
    }

    /// Adds a condition.
    pub(super) fn push(&mut self, node: Node) {
        match (self.kind, node, &mut self.set) {
            (JoinKind::All, Node::All, _) | (JoinKind::Any, Node::Nothing, _) => {}
            (JoinKind::All, Node::Nothing, _) | (JoinKind::Any, Node::All, _) => {
                self.is_decided = true;
            }
            (_, Node::Set(set), empty @ None) => *empty = Some(set),
            (JoinKind::All, Node::Set(set), Some(merged)) => merged.intersect(&set),
            (JoinKind::Any, Node::Set(set), Some(merged)) => merged.unite(&set),
            (_, node, _) => self.others.push(node),
        }
    }

    /// Tells whether further conditions change nothing.
    pub(super) fn is_decided(&self) -> bool {
        self.is_decided
    }

    /// Returns the joined condition, its cheap parts first.
    pub(super) fn finish(self) -> Node {
        let (decided, empty) = match self.kind {
            JoinKind::All => (Node::Nothing, Node::All),
            JoinKind::Any => (Node::All, Node::Nothing),
        };
        if self.is_decided {
            return decided;
        }
        let mut nodes = self.others;
        nodes.extend(self.set.map(SegmentBits::into_node));
        nodes.sort_by_key(Node::cost);
        match nodes.len() {
            0 => empty,
            1 => nodes.pop().unwrap_or(empty),
            _ if self.kind == JoinKind::All => Node::And(nodes),
            _ => Node::Or(nodes),
        }
    }
}

impl Node {
    /// Returns the condition that a document lies in spans, disjoint and ascending.
    pub(super) fn of_spans(spans: Vec<Range<DocId>>) -> Node {
        if spans.is_empty() { Node::Nothing } else { Node::Spans(spans) }
    }

    /// Returns the negation of the condition.
    pub(super) fn negated(self) -> Node {
        match self {
            Node::All => Node::Nothing,
            Node::Nothing => Node::All,
            Node::Not(inner) => *inner,
            node => Node::Not(Box::new(node)),
        }
    }

    /// Returns the rank by which cheap conditions come first.
    fn cost(&self) -> u32 {
        match self {
            Node::All | Node::Nothing | Node::Spans(_) => 0,
            Node::Postings(postings) => 1 + postings.size_hint().min(1 << 20),
            Node::Set(_) => (1 << 20) + 2,
            Node::Column(test) => (1 << 21) + test.cost(),
            Node::LongText(_) | Node::Text(_) => TEXT_COST,
            Node::And(inner) if inner.iter().any(|node| node.cost() >= TEXT_COST) => TEXT_COST,
            Node::And(inner) => inner.first().map_or(0, Node::cost) + 8,
            Node::Or(inner) => inner.iter().map(Node::cost).max().unwrap_or(0) + 8,
            Node::Not(inner) => inner.cost().max(1 << 22),
        }
    }

    /// Tells whether windows may be evaluated in any order: postings only go forward.
    pub(super) fn is_random_access(&self) -> bool {
        match self {
            Node::All
            | Node::Nothing
            | Node::Spans(_)
            | Node::Set(_)
            | Node::Column(_)
            | Node::LongText(_)
            | Node::Text(_) => true,
            Node::And(inner) | Node::Or(inner) => inner.iter().all(Node::is_random_access),
            Node::Not(inner) => inner.is_random_access(),
            Node::Postings(_) => false,
        }
    }

    /// Returns a document, not before `from`, before which there is no match; documents before
    /// it are not asked for again.
    pub(super) fn next_candidate(&mut self, from: DocId) -> DocId {
        match self {
            Node::All | Node::Not(_) | Node::Column(_) | Node::LongText(_) | Node::Text(_) => from,
            Node::Nothing => TERMINATED,
            Node::And(inner) => inner.iter_mut().fold(from, |candidate, node| match candidate {
                TERMINATED => TERMINATED,
                candidate => node.next_candidate(candidate),
            }),
            Node::Or(inner) => {
                inner.iter_mut().map(|node| node.next_candidate(from)).min().unwrap_or(TERMINATED)
            }
            Node::Spans(spans) => {
                let next = spans.iter().find(|span| from < span.end);
                next.map_or(TERMINATED, |span| from.max(span.start))
            }
            Node::Postings(postings) => match postings.doc() {
                doc if doc < from => postings.seek(from),
                doc => doc,
            },
            Node::Set(set) => set.next(from),
        }
    }

    /// Returns the matches among some documents of a window.
    pub(super) fn evaluate(&mut self, window: Window, among: &Bits) -> Result<Bits, QueryError> {
        Ok(match self {
            Node::All => among.clone(),
            Node::Nothing => Bits::empty(),
            Node::And(inner) => {
                let mut left = among.clone();
                for node in inner {
                    if left.is_empty() {
                        break;
                    }
                    left = node.evaluate(window, &left)?;
                }
                left
            }
            Node::Or(inner) => {
                let mut open = among.clone();
                let mut found = Bits::empty();
                for node in inner {
                    if open.is_empty() {
                        break;
                    }
                    let more = node.evaluate(window, &open)?;
                    found.unite(&more);
                    open.subtract(&more);
                }
                found
            }
            Node::Not(inner) => {
                let mut left = among.clone();
                left.subtract(&inner.evaluate(window, among)?);
                left
            }
            Node::Spans(spans) => {
                let is_inside = spans.iter().any(|span| span.contains(&window.start));
                if is_inside { among.clone() } else { Bits::empty() }
            }
            Node::Postings(postings) => {
                let mut found = Bits::empty();
                let mut doc = postings.doc();
                if doc < window.start {
                    doc = postings.seek(window.start);
                }
                while doc < window.end {
                    found.insert(doc - window.start);
                    doc = postings.advance();
                }
                found.intersect(among);
                found
            }
            Node::Set(set) => {
                let mut found = set.window(window);
                found.intersect(among);
                found
            }
            Node::Column(test) => test.evaluate(window, among),
            Node::LongText(test) => test.evaluate(window, among)?,
            Node::Text(reader) => {
                let mut found = Bits::empty();
                for offset in among.iter() {
                    if reader.matches(window.start + offset)? {
                        found.insert(offset);
                    }
                }
                found
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::BLOCK_DOCS;
    use super::*;

    #[test]
    fn spans_are_looked_at_and_nothing_else() {
        let block = BLOCK_DOCS as u32;
        let mut node = Node::of_spans(vec![block..2 * block, 3 * block..3 * block + 5]);
        for (from, next) in [(0, block), (block + 7, block + 7), (2 * block, 3 * block)] {
            assert_eq!(node.next_candidate(from), next);
        }
        assert_eq!(node.next_candidate(3 * block + 5), TERMINATED);
        for (number, expected) in [(0, 0), (1, block), (2, 0), (3, 5)] {
            let window = Window::containing(number * block, 3 * block + 5);
            let found = node.evaluate(window, &Bits::all(window)).expect("no file is read");
            assert_eq!(found.count(), expected, "window {number}");
        }
        assert!(matches!(Node::of_spans(Vec::new()), Node::Nothing));
    }
}
