//! The engine over the local store.
//!
//! Arrives: queries as values. Leaves: their answers, out of the partitions of the store.

mod known_fields;

use std::sync::Arc;
use std::time::Duration;

use tierlog_model::memory::MemoryUse;
use tierlog_model::{Clock, RecordKind, Tenant, TierId};
use tierlog_store::{
    Partition as StoredPartition, PartitionId, PartitionState as StoredState, Store,
};
use tokio_util::sync::CancellationToken;

use self::known_fields::StoredFields;
use crate::aggregate::{
    self, AggregateAnswer, Aggregator, FieldList, FieldValues, Histogram, Request,
};
use crate::config::QueryConfig;
use crate::description::{Description, Detail, Partition, PartitionState, Tier};
use crate::dialect::KnownFields;
use crate::error::QueryError;
use crate::execute::{self, Deadline, Found, HitSink, Search};
use crate::plan::{Plan, kept_since};
use crate::query::Query;
use crate::record_filter::RecordFilter;
use crate::searcher::Searcher;
use crate::tail::Tail;
use crate::time_range::TimeRange;

/// The engine over a store.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    store: Store,
    clock: Arc<dyn Clock>,
    config: Arc<QueryConfig>,
}

impl Engine {
    /// Returns the engine over a store.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, config: Arc<QueryConfig>) -> Engine {
        Engine { store, clock, config }
    }

    /// Decides where the matches of a query can be.
    fn plan(&self, query: &Query) -> Plan {
        let tiers = self.store.catalogue().tiers();
        let mut plan = Plan::new(query, tiers, self.clock.now());
        let tenant = query.tenant;
        plan.note_early_drops(tiers, |tier| self.store.dropped_early_through(tenant, tier));
        plan
    }

    fn tier(&self, tenant: Tenant, tier: TierId, partitions: &[Arc<StoredPartition>]) -> Tier {
        let tiers = self.store.catalogue().tiers();
        let policy = tiers.policy(tier).clone();
        let since = kept_since(&policy, self.clock.now());
        let early = self.store.dropped_early_through(tenant, tier);
        let describe = |partition: &StoredPartition| {
            let (id, stats) = (partition.id(), partition.stats());
            Partition {
                day: id.day,
                state: match partition.state() {
                    StoredState::Hot => PartitionState::Hot,
                    StoredState::Sealed => PartitionState::Sealed,
                },
                records: stats.records,
                bytes: stats.bytes,
                expires: tiers.expires(id.tier, id.day),
            }
        };
        let is_own = |id: PartitionId| id.tenant == tenant && id.tier == tier;
        let own = partitions.iter().filter(|partition| is_own(partition.id()));
        Tier {
            policy,
            kept_since: early.map_or(since, |through| since.max(through.end())),
            partitions: own.map(|partition| describe(partition)).collect(),
        }
    }
}

impl Searcher for Engine {
    fn search(
        &self,
        search: &Search,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<Found, QueryError> {
        if search.limit > self.config.hits_max {
            let message = format!("at most {}; page on by cursor", self.config.hits_max);
            return Err(QueryError::Parameter { name: "limit", message });
        }
        execute::search(&self.store, &self.plan(&search.query), search, deadline, sink)
    }

    fn aggregate(
        &self,
        query: &Query,
        request: &Request,
        deadline: &Deadline,
    ) -> Result<AggregateAnswer, QueryError> {
        // The tantivy estimate is rough: the budget counts what is allocated.
        let estimate_bytes_max = self.config.memory.part(MemoryUse::Aggregations).limit_bytes();
        let plan = self.plan(query);
        let condition = |expr: &crate::expr::Expr| {
            let inner = Query::of(query.tenant, expr.clone());
            self.plan(&inner)
        };
        let aggregator = Aggregator {
            store: &self.store,
            plan: &plan,
            condition: &condition,
            estimate_bytes_max,
            deadline,
        };
        aggregator.run(request)
    }

    fn histogram(
        &self,
        query: &Query,
        interval: Option<Duration>,
        deadline: &Deadline,
    ) -> Result<Histogram, QueryError> {
        aggregate::histogram(&self.store, &self.plan(query), interval, deadline)
    }

    fn fields(&self, query: &Query, deadline: &Deadline) -> Result<FieldList, QueryError> {
        aggregate::field_names(&self.store, &self.plan(query), deadline)
    }

    fn values(
        &self,
        query: &Query,
        field: &str,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<FieldValues, QueryError> {
        let request = aggregate::values_request(field, limit)?;
        aggregate::field_values(self.aggregate(query, &request, deadline)?)
    }

    fn tail(&self, query: Query, stop: CancellationToken) -> Tail {
        let filter = RecordFilter::new(query.expr);
        Tail::new(self.store.live(), query.tenant, filter, query.kind, stop)
    }

    fn describe(&self, tenant: Tenant, detail: Detail) -> Description {
        let catalogue = self.store.catalogue();
        let partitions = match detail {
            Detail::Tiers => Vec::new(),
            Detail::Partitions => catalogue.of_tenant(tenant),
        };
        let (tiers, dead_letter) = (catalogue.tiers(), catalogue.tiers().dead_letter());
        let of_lines = tiers.iter().filter(|(tier, _)| *tier != dead_letter);
        Description {
            tiers: of_lines.map(|(tier, _)| self.tier(tenant, tier, &partitions)).collect(),
            dead_letters: self.tier(tenant, dead_letter, &partitions),
        }
    }

    fn known_fields<'s>(
        &'s self,
        tenant: Tenant,
        range: TimeRange,
        kind: RecordKind,
        deadline: &Deadline,
    ) -> Box<dyn KnownFields + 's> {
        let query = Query { range, kind, ..Query::of(tenant, crate::expr::Expr::All) };
        Box::new(StoredFields::new(self, query, deadline.clone()))
    }
}
