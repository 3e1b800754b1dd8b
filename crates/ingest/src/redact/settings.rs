//! What redaction does, as configured. Everything is on unless switched off by name. Knows no
//! detector: the registry makes the names.

use std::collections::BTreeSet;

/// The name of a detector that there is: made where the registry is known, see
/// [`detector_named`](crate::detector_named).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DetectorName(pub(super) &'static str);

impl DetectorName {
    /// Returns the name as it is written in configuration, `_redacted` and metrics.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Detectors that do not run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Disabled {
    All,
    These(BTreeSet<&'static str>),
}

impl Default for Disabled {
    fn default() -> Disabled {
        Disabled::These(BTreeSet::new())
    }
}

/// Which detectors run, and which keys are secret beyond the built-in table or never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactionSettings {
    disabled: Disabled,
    secret_keys: Vec<String>,
    allowed_keys: Vec<String>,
}

impl RedactionSettings {
    /// Returns settings under which nothing is redacted. Pseudonyms are configured apart.
    pub fn off() -> RedactionSettings {
        RedactionSettings { disabled: Disabled::All, ..Self::default() }
    }

    /// Switches one detector off.
    #[must_use]
    pub fn without(mut self, name: DetectorName) -> RedactionSettings {
        if let Disabled::These(names) = &mut self.disabled {
            names.insert(name.as_str());
        }
        self
    }

    /// Adds a key whose values are secret. Case and `-`, `_`, `.` do not matter; the key also
    /// matches as the last part of a longer one: `badge` covers `employee.badge` and `new_badge`.
    #[must_use]
    pub fn with_secret_key(mut self, key: &str) -> RedactionSettings {
        self.secret_keys.push(key.to_owned());
        self
    }

    /// Exempts a key from the key table: its value is only scanned. The whole dotted name is
    /// meant; case and `-`, `_`, `.` do not matter.
    #[must_use]
    pub fn with_allowed_key(mut self, key: &str) -> RedactionSettings {
        self.allowed_keys.push(key.to_owned());
        self
    }

    /// Tells whether a detector runs.
    pub fn is_enabled(&self, name: &str) -> bool {
        match &self.disabled {
            Disabled::All => false,
            Disabled::These(names) => !names.contains(name),
        }
    }

    /// Returns the additional secret keys.
    pub fn secret_keys(&self) -> &[String] {
        &self.secret_keys
    }

    /// Returns the exempted keys.
    pub fn allowed_keys(&self) -> &[String] {
        &self.allowed_keys
    }
}
