//! Which fields the records of a store have, as parsing asks for them.
//!
//! Arrives: a name. Leaves: whether a partition in the asked range has a column or words of it.
//! Partitions are asked newest first and the first that has the name ends the look, so a field
//! that is in use costs one look into a partition that the query opens anyway. Only a name that
//! nobody has is looked for in all of them. What cannot be read or takes too long is never called
//! unknown.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tierlog_model::{RecordKind, Tenant};
use tierlog_store::Listed;

use crate::aggregate::field_names;
use crate::dialect::KnownFields;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::execute::{Deadline, has_matches};
use crate::expr::Expr;
use crate::plan::Plan;
use crate::time_range::TimeRange;

/// Different names that one query may have looked for; further ones count as known. A person
/// writes a few; a program that writes a thousand is not to open every day for each.
const LOOKED_FOR_MAX: usize = 64;

/// Partitions whose names a misspelt one is compared with: the newest, about a week.
const COMPARED_PARTITIONS_MAX: usize = 32;

/// The fields of a store's records in a range.
pub(crate) struct StoredFields<'e> {
    engine: &'e Engine,
    range: TimeRange,
    kind: RecordKind,
    deadline: Deadline,
    looked_for: RefCell<HashMap<String, bool>>,
    similar: OnceCell<Vec<String>>,
}

impl<'e> StoredFields<'e> {
    /// Returns the fields of the records of one kind in a range.
    pub(crate) fn new(engine: &'e Engine, range: TimeRange, kind: RecordKind) -> StoredFields<'e> {
        StoredFields {
            engine,
            range,
            kind,
            deadline: engine.deadline(),
            looked_for: RefCell::default(),
            similar: OnceCell::new(),
        }
    }

    fn plan(&self, expr: Expr, range: TimeRange) -> Plan {
        self.engine.plan_of(expr, range, self.kind)
    }

    fn look_for(&self, name: &str) -> bool {
        let plan = self.plan(Expr::Exists(name.to_owned()), self.range);
        let catalogue = self.engine.store().catalogue();
        let list = catalogue.list(Tenant::DEFAULT);
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
        let plan = self.plan(Expr::All, self.range);
        let (names, _) = field_names(self.engine, &plan, &self.deadline)?;
        Ok(names.into_keys().collect())
    }

    fn similar_names(&self) -> Vec<String> {
        let look = || {
            let plan = self.plan(Expr::All, self.range);
            let list = self.engine.store().catalogue().list(Tenant::DEFAULT);
            let mut newest = list.iter().filter(|partition| is_asked(&plan, partition));
            let oldest = newest.by_ref().take(COMPARED_PARTITIONS_MAX).last()?.id().day.start();
            let since = TimeRange { start: Some(oldest), end: None };
            let plan = self.plan(Expr::All, self.range.intersection(&since));
            let (names, _) = field_names(self.engine, &plan, &self.deadline).ok()?;
            Some(names.into_keys().collect())
        };
        self.similar.get_or_init(|| look().unwrap_or_default()).clone()
    }
}
