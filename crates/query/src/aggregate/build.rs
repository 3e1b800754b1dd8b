//! Builds tantivy's request tree from a request, with an outline of the same tree and the columns
//! that tantivy reads through this room.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tantivy::aggregation::ValueSourceRegistry;
use tantivy::aggregation::agg_req::{Aggregation, Aggregations};

use super::columns::Columns;
use super::filter::SegmentDocs;
use super::found::name_beside;
use super::growth::Size;
use super::kind::{Finish, Running};
use super::needs::FieldNeeds;
use super::request::{Asked, refused};
use crate::error::QueryError;
use crate::expr::Expr;

/// A request that is ready to run.
pub(super) struct Built {
    /// What tantivy computes.
    pub(super) aggregations: Aggregations,
    /// The same tree in the order of the request, for the answer.
    pub(super) outline: Vec<OutlineNode>,
    /// Columns that tantivy reads through us.
    pub(super) sources: Arc<ValueSourceRegistry>,
    /// What would matter to it, by field.
    pub(super) matters: FieldNeeds,
    /// Set when a segment has more different values than may be keys at once.
    pub(super) is_full: Arc<AtomicBool>,
}

/// One aggregation of the outline.
#[derive(Debug)]
pub(super) struct OutlineNode {
    /// The name that the client gave it.
    pub(super) name: Arc<str>,
    /// Its field; empty for an aggregation of whole records.
    pub(super) field: String,
    /// Its number in the request.
    pub(super) number: usize,
    /// How much it may grow.
    pub(super) size: Size,
    /// How much each aggregation beside may grow, where that has buckets.
    pub(super) beside: Vec<Option<Size>>,
    /// Makes its answer.
    pub(super) finish: Box<dyn Finish>,
    /// What is nested inside.
    pub(super) children: Vec<OutlineNode>,
}

/// Builds a request over fields that are known to need something; `docs` searches a segment for
/// the records that meet a condition.
pub(super) fn build(
    asked: &[Asked],
    known: &FieldNeeds,
    docs: &dyn Fn(&Expr) -> SegmentDocs,
) -> Result<Built, QueryError> {
    let mut builder = Builder { columns: Columns::new(known, docs), nodes: 0 };
    let (aggregations, outline) = builder.level(asked)?;
    let Columns { registry, matters, is_full, .. } = builder.columns;
    Ok(Built { aggregations, outline, sources: Arc::new(registry), matters, is_full })
}

struct Builder<'b> {
    columns: Columns<'b>,
    nodes: usize,
}

impl Builder<'_> {
    fn level(&mut self, asked: &[Asked]) -> Result<(Aggregations, Vec<OutlineNode>), QueryError> {
        let mut aggregations = Aggregations::default();
        let mut outline = Vec::with_capacity(asked.len());
        for Asked { name, path, aggregation, inner } in asked {
            self.nodes += 1;
            let number = self.nodes;
            let running = aggregation.run(&mut self.columns);
            let Running { engine, beside, size, finish } =
                running.map_err(|why| refused(path, why))?;
            let (sub_aggregation, children) = self.level(inner)?;
            let mut sizes = Vec::with_capacity(beside.len());
            for beside in beside {
                let (agg, sub_aggregation) = (beside.engine, Aggregations::default());
                let aggregation = Aggregation { agg, sub_aggregation };
                aggregations.insert(name_beside(beside.end, name), aggregation);
                sizes.push(beside.size);
            }
            aggregations.insert(name.to_string(), Aggregation { agg: engine, sub_aggregation });
            outline.push(OutlineNode {
                name: Arc::clone(name),
                field: aggregation.field().map_or_else(String::new, |field| field.name.clone()),
                number,
                size,
                beside: sizes,
                finish,
                children,
            });
        }
        Ok((aggregations, outline))
    }
}
