//! Which fields the records of a store have, as parsing asks for them.
//!
//! Arrives: a name. Leaves: whether a partition in the asked range has a column or words of it.
//! Partitions are asked newest first and the first that has the name ends the look, so a field that
//! is in use costs one look into a partition that the query opens anyway. Only a name without a
//! record is looked for in every partition. What cannot be read or takes too long is never called
//! unknown.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tierlog_store::Listed;

use super::Engine;
use crate::aggregate::field_names;
use crate::dialect::KnownFields;
use crate::error::QueryError;
use crate::execute::{Deadline, has_matches};
use crate::expr::Expr;
use crate::plan::Plan;
use crate::query::Query;
use crate::time_range::TimeRange;

/// Different names that a query may look for; further names count as known. A person writes a few;
/// a program that writes a thousand is not to open every day for each.
const LOOKED_FOR_MAX: usize = 64;

/// Partitions whose names a misspelt one is compared with: the newest, about a week.
const COMPARED_PARTITIONS_MAX: usize = 32;

/// The fields of a store's records in a range.
pub(super) struct StoredFields<'e> {
    engine: &'e Engine,
    /// Every record of the tenant, range and kind.
    all: Query,
    deadline: Deadline,
    looked_for: RefCell<HashMap<String, bool>>,
    similar: OnceCell<Vec<String>>,
}

impl<'e> StoredFields<'e> {
    /// Returns the fields of the records of a query.
    pub(super) fn new(engine: &'e Engine, all: Query, deadline: Deadline) -> StoredFields<'e> {
        let (looked_for, similar) = (RefCell::default(), OnceCell::new());
        StoredFields { engine, all, deadline, looked_for, similar }
    }

    fn plan(&self, expr: Expr, range: TimeRange) -> Plan {
        self.engine.plan(&Query { expr, range, ..self.all.clone() })
    }

    fn look_for(&self, name: &str) -> bool {
        let plan = self.plan(Expr::Exists(name.to_owned()), self.all.range);
        let catalogue = self.engine.store.catalogue();
        let list = catalogue.list(self.all.tenant);
        let mut has_records = false;
        for partition in list.iter().filter(|partition| is_asked(&plan, partition)) {
            has_records = true;
            // Damaged bytes may make the search engine panic.
            let found = catch_unwind(AssertUnwindSafe(|| -> Result<bool, QueryError> {
                self.deadline.check()?;
                let view = catalogue.open(&list, partition.partition())?;
                for segment in view.segments() {
                    if has_matches(&plan, partition, segment, &self.deadline)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }));
            match found {
                Ok(Ok(false)) => {}
                Ok(Ok(true) | Err(_)) | Err(_) => return true,
            }
        }
        // Where there are no records, no name is to blame for it.
        !has_records
    }
}

fn is_asked(plan: &Plan, partition: &Listed) -> bool {
    plan.may_match(partition) && partition.facts().stats().records > 0
}

impl KnownFields for StoredFields<'_> {
    fn has(&self, name: &str) -> bool {
        if let Some(known) = self.looked_for.borrow().get(name) {
            return *known;
        }
        if self.looked_for.borrow().len() >= LOOKED_FOR_MAX {
            return true;
        }
        let found = self.look_for(name);
        self.looked_for.borrow_mut().insert(name.to_owned(), found);
        found
    }

    fn names(&self) -> Result<Vec<String>, QueryError> {
        let plan = self.plan(Expr::All, self.all.range);
        let names = field_names(&self.engine.store, &plan, &self.deadline)?;
        Ok(names.fields.into_keys().collect())
    }

    fn similar_names(&self) -> Vec<String> {
        let look = || {
            let plan = self.plan(Expr::All, self.all.range);
            let list = self.engine.store.catalogue().list(self.all.tenant);
            let mut newest = list.iter().filter(|partition| is_asked(&plan, partition));
            let oldest = newest.by_ref().take(COMPARED_PARTITIONS_MAX).last()?.id().day.start();
            let since = TimeRange { start: Some(oldest), end: None };
            let plan = self.plan(Expr::All, self.all.range.intersection(&since));
            let names = field_names(&self.engine.store, &plan, &self.deadline).ok()?;
            Some(names.fields.into_keys().collect())
        };
        self.similar.get_or_init(|| look().unwrap_or_default()).clone()
    }
}
