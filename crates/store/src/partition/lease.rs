//! How long a writer may change a partition.
//!
//! The engine's threads outlive its writer. One that is taking up a merge asks whether the writer
//! is there, and only then replaces the list of segments and removes the files of merged ones;
//! meanwhile the writer may have gone and another one come, whose commits would be off the list
//! and whose segments would be without files. So a writer changes files under a lease. Once that
//! has ended, whatever is left of the writer changes nothing, and what it was changing is done.

use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Whether changes are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Gate {
    #[default]
    Open,
    Shut,
}

/// What every change of a writer asks first.
#[derive(Clone, Debug, Default)]
pub(super) struct Tenancy(Arc<RwLock<Gate>>);

impl Tenancy {
    /// Lets one change through: the lease lasts at least as long as what is returned.
    pub(super) fn hold(&self) -> io::Result<RwLockReadGuard<'_, Gate>> {
        let gate = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match *gate {
            Gate::Open => Ok(gate),
            Gate::Shut => Err(io::Error::other("the writer has gone")),
        }
    }
}

/// A writer's right to change a partition. Dropping it waits for the change under way, a file's
/// making or removal or an fsync, and lets no other one through.
#[derive(Debug)]
pub(crate) struct Lease(Tenancy);

impl Lease {
    pub(super) fn new() -> (Lease, Tenancy) {
        let tenancy = Tenancy::default();
        (Lease(tenancy.clone()), tenancy)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = Gate::Shut;
    }
}
