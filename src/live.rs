//! A value that a running server replaces as a whole: a reader takes the value of the moment and
//! keeps the value until the work is done.

use std::sync::{Arc, PoisonError, RwLock};

/// A shared value that can be replaced.
#[derive(Debug)]
pub(crate) struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    /// Returns the slot with a first value.
    pub(crate) fn new(value: T) -> Live<T> {
        Live(RwLock::new(Arc::new(value)))
    }

    /// Returns the value of the moment.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value for every reader from now on.
    pub(crate) fn replace(&self, value: T) {
        let value = Arc::new(value);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
