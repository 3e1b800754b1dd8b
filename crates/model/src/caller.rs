//! Callers: in whose name a batch, a query or a maintenance call comes.
//!
//! A listener makes the [`Caller`] of a connection or request in one place. From there the caller
//! travels as an argument to everything that reads or writes records.

use std::sync::Arc;

use crate::Tenant;

/// An act that a key may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Write records.
    Ingest,
    /// Read records.
    Query,
    /// Change the store: compact, drop, delete, replay.
    Admin,
}

impl Scope {
    /// Returns the bit of the scope in [`Scopes`].
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The acts that a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every act.
    pub const ALL: Scopes = Scopes(u8::MAX);

    /// Returns the set of some acts.
    pub fn of(scopes: &[Scope]) -> Scopes {
        Scopes(scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Tells whether an act is in the set.
    pub fn contain(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

/// In whose name an act comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Name of the key that the caller showed; none on a listener without keys.
    pub key: Option<Arc<str>>,
    /// Whose records the caller writes and reads.
    pub tenant: Tenant,
    /// The acts that the caller may do.
    pub scopes: Scopes,
}

impl Caller {
    /// Returns the caller of a listener without keys: the default tenant, every act allowed.
    pub fn open() -> Caller {
        Caller { key: None, tenant: Tenant::DEFAULT, scopes: Scopes::ALL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_only_its_acts() {
        let writer = Scopes::of(&[Scope::Ingest]);
        assert!(writer.contain(Scope::Ingest));
        assert!(!writer.contain(Scope::Query) && !writer.contain(Scope::Admin));
        for scope in [Scope::Ingest, Scope::Query, Scope::Admin] {
            assert!(Scopes::ALL.contain(scope));
            assert!(Caller::open().scopes.contain(scope));
        }
    }
}
