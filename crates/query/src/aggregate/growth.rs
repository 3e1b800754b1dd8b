//! How much an aggregation may grow at one go, before the engine allocates it.
//!
//! The allocator's counter is read between blocks of documents; inside of a block, and while the
//! engine makes results of what it has collected, nobody can stop it. So both are estimated from
//! above, from the outline of the request, the columns of the segment and what was collected:
//!
//! ```text
//! a block      values of arrays multiply along nested buckets: such blocks are cut into slices
//! a flush      the engine makes room for some thousand new buckets at one go
//! results      a bucket takes 20 to 160 bytes while it is collected, and some 1,100 bytes as a
//!              result that has others inside
//! ```

use std::cmp::Reverse;

use tantivy::DocId;
use tantivy::aggregation::intermediate_agg_result::IntermediateAggregationResult;

use super::build::OutlineNode;
use super::segment_facts::{SegmentFacts, ValueCounts};
use crate::error::QueryError;
use crate::execute::BLOCK_DOCS;

/// Documents that the engine gathers for a nested aggregation before it makes their buckets: the
/// documents that wait when a segment ends make buckets only then.
const WAITING_DOCS: u64 = 2_048;

/// Documents that a nested aggregation may be handed at one go.
const FLUSH_DOCS: u64 = WAITING_DOCS + BLOCK_DOCS as u64;

/// Pairs of a document and a bucket that one slice of a block may make: some 10 MB at worst.
const SLICE_PAIRS_MAX: u64 = 64 << 10;

/// Bytes of a key: texts in columns have at most twice as many.
pub(super) const KEY_BYTES: u64 = 64;

/// Bytes of a bucket as a result: count, place in its list while that grows.
const BUCKET_BYTES: u64 = 160;

/// How much an aggregation of a kind may grow. The bytes were measured with the engine at 0.27.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Buckets that it has.
    pub(super) buckets: BucketCount,
    /// Bytes that the engine makes ready for each bucket above.
    pub(super) ready_bytes: u64,
    /// Least of those bytes.
    pub(super) least_bytes: u64,
    /// Least bytes of a bucket of its own.
    pub(super) slot_bytes: u64,
    /// Bytes of the longest key of a bucket.
    pub(super) key_bytes: u64,
    /// Bytes of a result beside its buckets and numbers.
    pub(super) content_bytes: u64,
}

/// How many buckets an aggregation has inside of each bucket above.
#[derive(Clone, Copy, Debug)]
pub(super) enum BucketCount {
    /// None: it has figures.
    None,
    /// So many.
    Fixed(u64),
    /// One for each value; a segment reports at most so many.
    Distinct { reported_max: u64 },
    /// One for each step of a width, as the column counts, where the width is known; gaps between
    /// are filled.
    Steps(Option<f64>),
}

impl Size {
    /// Returns the size of what has no buckets.
    pub(super) fn of_state(ready_bytes: u64, least_bytes: u64) -> Size {
        Size::of_buckets(BucketCount::None, ready_bytes, least_bytes)
    }

    /// Returns the size of what has buckets.
    pub(super) fn of_buckets(buckets: BucketCount, ready_bytes: u64, least_bytes: u64) -> Size {
        let (slot_bytes, key_bytes, content_bytes) = (0, KEY_BYTES, 0);
        Size { buckets, ready_bytes, least_bytes, slot_bytes, key_bytes, content_bytes }
    }

    /// Returns the most buckets that a segment reports for each bucket above.
    fn reported_max(&self) -> u64 {
        match self.buckets {
            BucketCount::None => 0,
            BucketCount::Fixed(count) => count,
            BucketCount::Distinct { reported_max } => reported_max,
            BucketCount::Steps(_) => u64::MAX,
        }
    }
}

/// An aggregation of a request as far as its size goes.
#[derive(Debug)]
struct Sized {
    /// Its field; empty for an aggregation of whole records.
    field: String,
    size: Size,
    depth: usize,
    /// Least bytes of an own bucket during collection.
    collected_bytes: u64,
    /// Bytes of a bucket of its own as a result, without its key and what is inside of others.
    result_bytes: u64,
    children: Vec<Sized>,
}

/// A request as far as its size goes.
#[derive(Debug)]
pub(super) struct Growth {
    nodes: Vec<Sized>,
}

/// Buckets of one aggregation: how many there can be at most, and the bytes of each.
struct SizedBuckets {
    count_max: u64,
    /// Buckets among them whose documents still wait.
    waiting_max: u64,
    collected_bytes: u64,
    /// Bytes made ready for the nested buckets.
    ready_bytes: u64,
    result_bytes: u64,
}

impl Growth {
    /// Returns the size of a request.
    pub(super) fn of(outline: &[OutlineNode]) -> Growth {
        Growth { nodes: sized(outline, 0) }
    }

    /// Returns the fields that the request reads.
    pub(super) fn fields(&self) -> Vec<&str> {
        fn add<'s>(nodes: &'s [Sized], fields: &mut Vec<&'s str>) {
            for node in nodes {
                if !node.field.is_empty() && !fields.contains(&node.field.as_str()) {
                    fields.push(&node.field);
                }
                add(&node.children, fields);
            }
        }
        let mut fields = Vec::new();
        add(&self.nodes, &mut fields);
        fields
    }

    /// Returns at most how many bytes the engine makes ready at one go, whatever a segment holds.
    pub(super) fn ready_bytes(&self) -> u64 {
        ready_bytes(&self.nodes, u64::MAX, &|_| Ok(u64::MAX)).unwrap_or(u64::MAX)
    }

    /// Returns the same for a segment whose columns bound how many buckets there can be.
    pub(super) fn ready_bytes_in(&self, facts: &SegmentFacts<'_>) -> Result<u64, QueryError> {
        ready_bytes(&self.nodes, 1, &|node| node.values_max(facts))
    }

    /// Returns the bytes of the largest bucket that fills a gap of a histogram; zero without any.
    pub(super) fn gap_bytes(&self) -> u64 {
        fn largest(nodes: &[Sized]) -> u64 {
            let of_node = |node: &Sized| {
                let own = match node.size.buckets {
                    BucketCount::Steps(_) => node.result_bytes,
                    BucketCount::None | BucketCount::Fixed(_) | BucketCount::Distinct { .. } => 0,
                };
                own.max(largest(&node.children))
            };
            nodes.iter().map(of_node).max().unwrap_or(0)
        }
        largest(&self.nodes)
    }

    /// Returns how many of a block's first documents may be collected at one go, and the pairs
    /// that they make.
    ///
    /// Fails when one document alone makes too many.
    pub(super) fn slice(
        &self,
        docs: &[DocId],
        values: &ValueCounts,
    ) -> Result<(usize, u64), QueryError> {
        let mut pairs = 0_u64;
        for (position, doc) in docs.iter().enumerate() {
            let own = pairs_of(&self.nodes, 1, *doc, values);
            if own > SLICE_PAIRS_MAX {
                let limit = SLICE_PAIRS_MAX as usize;
                return Err(QueryError::TooExpensive { what: "values of one record", limit });
            }
            if position > 0 && pairs.saturating_add(own) > SLICE_PAIRS_MAX {
                return Ok((position, pairs));
            }
            pairs = pairs.saturating_add(own);
        }
        Ok((docs.len(), pairs))
    }

    /// Returns at most how many bytes the results of a segment take of which so much was
    /// collected, of so many pairs of a document and a bucket.
    pub(super) fn result_bytes(&self, collected_bytes: u64, pairs: u64) -> u64 {
        let mut kinds = Vec::new();
        let unbounded = |_: &Sized, _: u64| Ok((pairs, u64::MAX));
        match list(&self.nodes, 1, &unbounded, &mut kinds) {
            Ok(()) => fill(collected_bytes, kinds),
            Err(_) => u64::MAX,
        }
    }

    /// Returns the same for a segment whose columns bound how many buckets there can be.
    pub(super) fn result_bytes_in(
        &self,
        collected_bytes: u64,
        pairs: u64,
        facts: &SegmentFacts<'_>,
    ) -> Result<u64, QueryError> {
        let bounds = |node: &Sized, above: u64| {
            let each = node.values_max(facts)?.min(node.size.reported_max());
            let key = if facts.has_long(&node.field)? { node.size.key_bytes } else { KEY_BYTES };
            Ok((above.saturating_mul(each).min(pairs), key))
        };
        let mut kinds = Vec::new();
        list(&self.nodes, 1, &bounds, &mut kinds)?;
        Ok(fill(collected_bytes, kinds))
    }
}

fn ready_bytes(
    nodes: &[Sized],
    above: u64,
    values_max: &impl Fn(&Sized) -> Result<u64, QueryError>,
) -> Result<u64, QueryError> {
    let mut bytes = 0_u64;
    for node in nodes.iter().filter(|node| !node.children.is_empty()) {
        let buckets = above.saturating_mul(values_max(node)?);
        let ready: u64 = node.children.iter().map(|child| child.size.ready_bytes).sum();
        bytes = bytes
            .saturating_add(ready.saturating_mul(buckets.min(FLUSH_DOCS)))
            .saturating_add(ready_bytes(&node.children, buckets, values_max)?);
    }
    Ok(bytes)
}

/// Lists the kinds of buckets; `bounds` says how many there can be of one, and their keys.
fn list(
    nodes: &[Sized],
    above: u64,
    bounds: &impl Fn(&Sized, u64) -> Result<(u64, u64), QueryError>,
    kinds: &mut Vec<SizedBuckets>,
) -> Result<(), QueryError> {
    for node in nodes.iter().filter(|node| node.size.reported_max() > 0) {
        let (count_max, key_bytes) = bounds(node, above)?;
        kinds.push(SizedBuckets {
            count_max,
            waiting_max: count_max.min(node.waiting_max()),
            collected_bytes: node.collected_bytes,
            ready_bytes: node.children.iter().map(|child| child.size.ready_bytes).sum(),
            result_bytes: node.result_bytes + key_bytes.min(node.size.key_bytes),
        });
        list(&node.children, count_max, bounds, kinds)?;
    }
    Ok(())
}

/// Fills collected bytes with those buckets that grow most as results, each kind up to its
/// number, adds those that wait, and returns the bytes of the results.
fn fill(collected_bytes: u64, mut kinds: Vec<SizedBuckets>) -> u64 {
    kinds.sort_by_key(|kind| Reverse(kind.result_bytes / kind.collected_bytes.max(1)));
    let (mut left, mut bytes) = (collected_bytes, 0_u64);
    for kind in kinds {
        let collected = kind.count_max.min(left / kind.collected_bytes.max(1));
        left = left.saturating_sub(collected.saturating_mul(kind.collected_bytes));
        let count = kind.count_max.min(collected.saturating_add(kind.waiting_max));
        bytes = bytes
            .saturating_add(count.saturating_mul(kind.result_bytes))
            .saturating_add(kind.waiting_max.saturating_mul(kind.ready_bytes));
    }
    bytes
}

/// Returns how many pairs with a bucket, or values to compute with, a document makes.
fn pairs_of(nodes: &[Sized], above: u64, doc: DocId, values: &ValueCounts) -> u64 {
    let of_node = |node: &Sized| {
        let here = above.saturating_mul(values.of_doc(&node.field, doc));
        here.saturating_add(pairs_of(&node.children, here, doc, values))
    };
    nodes.iter().map(of_node).fold(0, u64::saturating_add)
}

impl Sized {
    /// Returns at most how many documents wait for its buckets, or for what is inside of them:
    /// some at each depth above, and some within.
    fn waiting_max(&self) -> u64 {
        let within = usize::from(!self.children.is_empty());
        (self.depth + within) as u64 * WAITING_DOCS
    }

    /// Returns at most how many buckets a segment's values make inside of one bucket above.
    fn values_max(&self, facts: &SegmentFacts<'_>) -> Result<u64, QueryError> {
        match self.size.buckets {
            BucketCount::None => Ok(0),
            BucketCount::Fixed(count) => Ok(count),
            BucketCount::Distinct { .. } => facts.distinct_max(&self.field),
            BucketCount::Steps(Some(width)) => facts.steps_max(&self.field, width),
            BucketCount::Steps(None) => Ok(u64::MAX),
        }
    }
}

fn sized(outline: &[OutlineNode], depth: usize) -> Vec<Sized> {
    let node_and_beside = |node: &OutlineNode| {
        let beside = node.beside.iter().flatten().map(|size| beside(node, *size, depth));
        std::iter::once(of_node(node, depth)).chain(beside.collect::<Vec<_>>())
    };
    outline.iter().flat_map(node_and_beside).collect()
}

fn of_node(node: &OutlineNode, depth: usize) -> Sized {
    let children = sized(&node.children, depth + 1);
    let inside: u64 = children.iter().map(|child| child.size.least_bytes).sum();
    let is_leaf = children.is_empty();
    Sized {
        field: node.field.clone(),
        size: node.size,
        depth,
        // Of the outermost, an array has the counts of those without anything inside.
        collected_bytes: if is_leaf && depth == 0 { 4 } else { node.size.slot_bytes + inside },
        result_bytes: BUCKET_BYTES + if is_leaf { 0 } else { entries_bytes(&node.children) },
        children,
    }
}

/// Returns the size of an aggregation beside another that has buckets of its own.
fn beside(node: &OutlineNode, size: Size, depth: usize) -> Sized {
    Sized {
        field: node.field.clone(),
        size,
        depth,
        collected_bytes: size.slot_bytes,
        result_bytes: BUCKET_BYTES,
        children: Vec::new(),
    }
}

/// Returns the bytes of the map of results inside of one bucket, without those of their buckets.
fn entries_bytes(children: &[OutlineNode]) -> u64 {
    let entries: usize = children.iter().map(|child| 1 + child.beside.len()).sum();
    // The map doubles at seven eighths, from four slots on.
    let slots = (entries * 8 / 7 + 1).next_power_of_two().max(4);
    let slot_bytes = size_of::<(String, IntermediateAggregationResult)>() + 1;
    let content = |child: &OutlineNode| {
        let names = (1 + child.beside.len()) * (child.name.len() + 32);
        child.size.content_bytes + names as u64
    };
    (slots * slot_bytes) as u64 + children.iter().map(content).sum::<u64>()
}
