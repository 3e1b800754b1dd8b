//! A condition bound to one segment, evaluated window by window as bits.
//!
//! Words and ids come from postings, which say where the next match can be, so that most windows
//! are never looked at. Columns are tested only for the documents that the others left over.

use tantivy::{DocId, DocSet, TERMINATED};

use super::bits::{Bits, SegmentBits, Window};
use super::column::ColumnTest;

/// A condition on the documents of one segment. Windows are evaluated in ascending order.
pub(super) enum Node {
    /// Every document.
    All,
    /// No document.
    Nothing,
    /// All of them hold; the cheap ones first.
    And(Vec<Node>),
    /// One of them holds.
    Or(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
    /// The documents of postings.
    Postings(Box<dyn DocSet>),
    /// The documents of a set.
    Set(SegmentBits),
    /// A column's value passes.
    Column(ColumnTest),
}

impl Node {
    /// Returns the condition that all of them hold.
    pub(super) fn all_of(nodes: Vec<Node>) -> Node {
        let mut kept = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::All => {}
                Node::Nothing => return Node::Nothing,
                node => kept.push(node),
            }
        }
        kept.sort_by_key(Node::cost);
        match kept.len() {
            0 => Node::All,
            1 => kept.pop().unwrap_or(Node::All),
            _ => Node::And(kept),
        }
    }

    /// Returns the condition that one of them holds.
    pub(super) fn any_of(nodes: Vec<Node>) -> Node {
        let mut kept = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::Nothing => {}
                Node::All => return Node::All,
                node => kept.push(node),
            }
        }
        kept.sort_by_key(Node::cost);
        match kept.len() {
            0 => Node::Nothing,
            1 => kept.pop().unwrap_or(Node::Nothing),
            _ => Node::Or(kept),
        }
    }

    /// Returns the condition that it does not hold.
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
            Node::All | Node::Nothing => 0,
            Node::Postings(postings) => 1 + postings.size_hint().min(1 << 20),
            Node::Set(_) => (1 << 20) + 2,
            Node::Column(test) => (1 << 21) + test.cost(),
            Node::And(inner) => inner.first().map_or(0, Node::cost) + 8,
            Node::Or(inner) => inner.iter().map(Node::cost).max().unwrap_or(0) + 8,
            Node::Not(inner) => inner.cost().max(1 << 22),
        }
    }

    /// Returns a document, not before `from`, before which there is no match; documents before
    /// it are not asked for again.
    pub(super) fn next_candidate(&mut self, from: DocId) -> DocId {
        match self {
            Node::All | Node::Not(_) | Node::Column(_) => from,
            Node::Nothing => TERMINATED,
            Node::And(inner) => {
                inner.iter_mut().fold(from, |candidate, node| match candidate {
                    TERMINATED => TERMINATED,
                    candidate => node.next_candidate(candidate),
                })
            }
            Node::Or(inner) => inner
                .iter_mut()
                .map(|node| node.next_candidate(from))
                .min()
                .unwrap_or(TERMINATED),
            Node::Postings(postings) => match postings.doc() {
                doc if doc < from => postings.seek(from),
                doc => doc,
            },
            Node::Set(set) => set.next(from),
        }
    }

    /// Returns the matches among some documents of a window.
    pub(super) fn evaluate(&mut self, window: Window, among: &Bits) -> Bits {
        match self {
            Node::All => among.clone(),
            Node::Nothing => Bits::empty(),
            Node::And(inner) => {
                let mut left = among.clone();
                for node in inner {
                    if left.is_empty() {
                        break;
                    }
                    left = node.evaluate(window, &left);
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
                    let more = node.evaluate(window, &open);
                    found.unite(&more);
                    open.subtract(&more);
                }
                found
            }
            Node::Not(inner) => {
                let mut left = among.clone();
                left.subtract(&inner.evaluate(window, among));
                left
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
        }
    }
}
