//! What redaction does, as configured. Everything is on unless switched off by name.

use std::collections::BTreeSet;

use super::registry::DETECTORS;

/// Names of the detectors in order of precedence.
static NAMES: std::sync::LazyLock<Vec<&'static str>> =
    std::sync::LazyLock::new(|| DETECTORS.iter().map(|detector| detector.name()).collect());

/// Returns the name of every detector, as used in configuration, `_redacted` and metrics.
pub fn detector_names() -> &'static [&'static str] {
    &NAMES
}

/// A name that no detector has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown detector {0:?}, known are {known}", known = detector_names().join(", "))]
pub struct UnknownDetector(pub String);

/// Which detectors run, and which keys are secret beyond the built-in table or never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactionSettings {
    disabled: BTreeSet<&'static str>,
    secret_keys: Vec<String>,
    allowed_keys: Vec<String>,
}

impl RedactionSettings {
    /// Returns settings under which nothing is redacted. Pseudonyms are configured apart.
    pub fn off() -> RedactionSettings {
        RedactionSettings { disabled: NAMES.iter().copied().collect(), ..Self::default() }
    }

    /// Switches one detector off.
    pub fn without(mut self, name: &str) -> Result<RedactionSettings, UnknownDetector> {
        let known = NAMES.iter().find(|known| **known == name);
        self.disabled.insert(known.copied().ok_or_else(|| UnknownDetector(name.to_owned()))?);
        Ok(self)
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
        !self.disabled.contains(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_one_name_and_can_be_switched_off() {
        let names: BTreeSet<&str> = detector_names().iter().copied().collect();
        assert_eq!(names.len(), DETECTORS.len());
        for name in names {
            let settings = RedactionSettings::default().without(name).expect("a known name");
            assert!(!settings.is_enabled(name));
            assert!(!RedactionSettings::off().is_enabled(name));
        }
        let error = RedactionSettings::default().without("emial").expect_err("unknown");
        assert!(error.to_string().starts_with("unknown detector \"emial\", known are "));
    }
}
