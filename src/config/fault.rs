//! Problems of a configuration, all at once: each with its key, value, origin and allowed values.

use std::fmt;

/// One problem to mend before the configuration is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Dotted key, or the file that cannot be read.
    pub key: String,
    /// The value as it was given, in TOML.
    pub value: Option<String>,
    /// The layer that gave it.
    pub origin: String,
    /// What is allowed instead.
    pub rule: String,
}

/// Every problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.key)?;
        if let Some(value) = &self.value {
            write!(formatter, " = {value}")?;
        }
        write!(formatter, " ({}): {}", self.origin, self.rule)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "problem" } else { "problems" };
        write!(formatter, "configuration: {} {noun}", self.0.len())?;
        for problem in &self.0 {
            write!(formatter, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// Returns the key that a misspelt one was most likely meant to be, if one is near: both its
/// table and its name must be alike.
pub(super) fn nearest<'c>(key: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    /// Below this similarity a suggestion confuses more than a plain refusal.
    const SIMILARITY_MIN: f64 = 0.8;
    let parts = |key: &'c str| key.rsplit_once('.').unwrap_or(("", key));
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    candidates
        .map(|candidate| {
            let (known_table, known_name) = parts(candidate);
            let similarity =
                strsim::jaro_winkler(table, known_table) * strsim::jaro_winkler(name, known_name);
            (similarity, candidate)
        })
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}
