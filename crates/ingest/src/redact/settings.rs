//! What redaction does, as configured. Everything is on unless switched off by name. Knows no
//! detector: the registry makes the names.

use std::collections::BTreeSet;

use super::policy_file::RedactionPolicy;

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

/// Whether a detector runs without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The detector runs by default, or a rule names the detector.
    ByDefault,
    /// The detector has to be switched on.
    OnDemand,
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

/// Which detectors run, which keys are secret beyond the built-in table or never, and what is done
/// with finds.
#[derive(Clone, Debug, Default)]
pub struct RedactionSettings {
    disabled: Disabled,
    added: BTreeSet<&'static str>,
    secret_keys: Vec<String>,
    allowed_keys: Vec<String>,
    policy: RedactionPolicy,
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

    /// Switches a detector on that does not run by default.
    #[must_use]
    pub fn with(mut self, name: DetectorName) -> RedactionSettings {
        self.added.insert(name.as_str());
        self
    }

    /// Does with finds what the rules of a policy say. A detector that a rule names runs, unless it
    /// is switched off.
    #[must_use]
    pub fn with_policy(mut self, policy: &RedactionPolicy) -> RedactionSettings {
        self.policy = policy.clone();
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

    /// Tells whether a detector runs that runs by default.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.runs(name, Wanted::ByDefault)
    }

    /// Tells whether a detector runs.
    pub(super) fn runs(&self, name: &str, wanted: Wanted) -> bool {
        match &self.disabled {
            Disabled::All => false,
            Disabled::These(names) => {
                !names.contains(name) && (wanted == Wanted::ByDefault || self.added.contains(name))
            }
        }
    }

    /// Returns the rules about finds.
    pub(super) fn policy(&self) -> &RedactionPolicy {
        &self.policy
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
