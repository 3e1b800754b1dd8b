//! Tenants: owners of records. A query plans over the records of one tenant.
//!
//! The name of a tenant comes from the configuration or from a key, never from a request, and is a
//! safe directory name as it stands: `[a-z0-9_-]{1,63}`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a tenant's name: a DNS label, the bound that clusters and file systems share.
const NAME_BYTES_MAX: usize = 63;

/// Tenants of one process. The names stay in memory until the process ends, at most 256 KiB.
pub const TENANTS_MAX: usize = 4096;

/// Tenants that have series of metrics of their own: the first since the start, which are those of
/// the configuration's listeners.
const LABELS_MAX: usize = 64;

/// Label of all other tenants. No tenant can have this name.
const OTHER_LABEL: &str = "(other)";

/// Name of the tenant of every caller without a key.
const DEFAULT_NAME: &str = "default";

/// A tenant: small and `Copy`, so that partitions, batches and queries carry it at no cost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(&'static str);

/// Why a text names no tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// The text has another form.
    #[error("tenant {0:?}: a name has 1 to {NAME_BYTES_MAX} characters of a-z, 0-9, _ and -")]
    Name(String),
    /// The process has no room for a further name.
    #[error("more than {TENANTS_MAX} tenants")]
    TooMany,
}

/// Every name that was defined, beside the default.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Tenants with an own label, in the order of their first use.
static LABELS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Tenants as a label of metrics: a bounded set, however many tenants there are.
#[derive(Clone, Copy, Debug)]
pub struct TenantLabels;

impl TenantLabels {
    /// Returns the label of a tenant, which has one of its own while there is room.
    pub fn of(tenant: Tenant) -> &'static str {
        let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
        if labels.contains(&tenant.0) {
            return tenant.0;
        }
        if labels.len() >= LABELS_MAX {
            return OTHER_LABEL;
        }
        labels.push(tenant.0);
        tenant.0
    }

    /// Returns every label that was given, and the one of all others.
    pub fn names() -> Vec<&'static str> {
        let mut names = LABELS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        names.push(OTHER_LABEL);
        names
    }
}

impl Tenant {
    /// The tenant of callers without a key.
    pub const DEFAULT: Tenant = Tenant(DEFAULT_NAME);

    /// Returns the tenant of a name that an operator gave: in the configuration, with a key, or as
    /// the name of a directory.
    pub fn define(name: &str) -> Result<Tenant, TenantError> {
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(legal) {
            let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
            return Err(TenantError::Name(shown));
        }
        if name == DEFAULT_NAME {
            return Ok(Tenant::DEFAULT);
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Ok(Tenant(known));
        }
        // The default tenant stands outside of the set.
        if names.len() + 1 >= TENANTS_MAX {
            return Err(TenantError::TooMany);
        }
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        names.insert(kept);
        Ok(Tenant(kept))
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl Default for Tenant {
    fn default() -> Tenant {
        Tenant::DEFAULT
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tenant({})", self.0)
    }
}

impl Serialize for Tenant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Tenant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tenant, D::Error> {
        let name = String::deserialize(deserializer)?;
        Tenant::define(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_safe_directory_name() {
        for name in ["a", "shop", "team-7", "0_x", &"t".repeat(NAME_BYTES_MAX)] {
            assert_eq!(Tenant::define(name).expect("a legal name").name(), name);
        }
        for name in ["", ".", "..", "a/b", "a\\b", "Shop", "ü", "a b", "a\0", &"t".repeat(64)] {
            assert!(matches!(Tenant::define(name), Err(TenantError::Name(_))), "{name:?}");
        }
    }

    #[test]
    fn equal_names_are_one_tenant() {
        let first = Tenant::define("twice").expect("a legal name");
        let second = Tenant::define("twice").expect("a legal name");
        assert_eq!(first, second);
        assert!(std::ptr::eq(first.name(), second.name()));
        assert_eq!(Tenant::define("default"), Ok(Tenant::DEFAULT));
    }

    #[test]
    fn labels_are_bounded() {
        let label = |number: usize| {
            TenantLabels::of(Tenant::define(&format!("label-{number}")).expect("a legal name"))
        };
        let first = label(0);
        assert_eq!(first, "label-0");
        (1..2 * LABELS_MAX).for_each(|number| {
            label(number);
        });
        assert_eq!((label(0), label(2 * LABELS_MAX)), (first, OTHER_LABEL));
        assert_eq!(TenantLabels::names().len(), LABELS_MAX + 1);
        assert!(Tenant::define(OTHER_LABEL).is_err());
    }

    #[test]
    fn a_stored_name_is_checked() {
        let read = |text: &str| serde_json::from_str::<Tenant>(text);
        assert_eq!(read("\"default\"").expect("a legal name"), Tenant::DEFAULT);
        let error = read("\"../x\"").expect_err("a path").to_string();
        assert!(error.contains("a-z, 0-9"), "{error}");
    }
}
