//! The policy file: which action each find has, and which fields may be stored at all.
//!
//! ```text
//! [[rule]]                 at most 64; of those that fit a find the most specific one decides
//! name = "cards"           told by explanations and errors
//! action = "mask"          see Action
//! detectors = ["card"]     finds of these; ["*"] for any        ┐ one of these three
//! fields = ["payment.*"]   in these fields; alone: the fields   │
//! fields_except = [...]    every field but these                ┘
//! services, tenants, tiers = [...]
//! identity = "user_id"     of pseudonyms
//!
//! [[custom]]               at most 64 kinds of one's own, see CustomRule
//! name = "badge"           what stands in place: [BADGE]
//! expression = 'B-\d{4}'   in linear time; or
//! words = ["Blue Heron"]   a dictionary, whole words in any case
//! near = ["badge"]         words of which one stands near
//! ```
//!
//! Arrives: a text. Leaves: a policy that is valid as a whole, or every problem with its rule and
//! key. A key that nobody knows is a problem: a rule that was misspelt would protect nothing.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{Level, Tenant, Tiers};
use toml::{Table, Value};

use super::action::Action;
use super::custom::{Custom, CustomFault, CustomRule};
use super::detector_set::DetectorSet;
use super::engine::{FIELD_RULE, USER_ID};
use super::pattern::Pattern;
use super::registry::DETECTORS;
use super::rules::{RULES_MAX, Rule, RuleTiers, Rules, Subject};

/// Longest policy file: a dictionary of ten thousand names has some hundred kilobytes.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// Most entries of a list of names in a rule.
const LIST_MAX: usize = 256;

/// Longest name of a rule.
const RULE_NAME_BYTES_MAX: usize = 64;

/// Characters of a version: enough to tell the policies of a lifetime apart.
const VERSION_CHARS: usize = 12;

/// Stands for every detector but those that are apart.
const ANY: &str = "*";

/// Detectors that a rule has to name: ids of users have a switch of their own, and rules about
/// fields say themselves what is done.
const APART: [&str; 2] = [USER_ID, FIELD_RULE];

/// A valid policy; the default has no rule, and each find is replaced by its kind.
#[derive(Clone, Debug, Default)]
pub struct RedactionPolicy {
    /// Missing without a file.
    version: Option<String>,
    rules: Arc<Rules>,
    custom: Arc<Custom>,
}

/// What is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct PolicyFault {
    /// The rule and the key: `rule "cards": action`.
    pub place: String,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

impl RedactionPolicy {
    /// Reads a policy, or tells every problem.
    pub fn parse(text: &str, tiers: &Tiers) -> Result<RedactionPolicy, Vec<PolicyFault>> {
        let mut reader = Reader { tiers, faults: Vec::new() };
        let (rules, custom) = reader.policy(text);
        if !reader.faults.is_empty() {
            return Err(reader.faults);
        }
        let version = Some(version_of(text));
        let (rules, custom) = (Arc::new(Rules::new(rules)), Arc::new(custom));
        Ok(RedactionPolicy { version, rules, custom })
    }

    /// Returns a short hash of the file's content; nothing without a file.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the rules.
    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Returns the kinds of one's own.
    pub(super) fn custom(&self) -> &Arc<Custom> {
        &self.custom
    }
}

fn version_of(text: &str) -> String {
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    digest.get(..VERSION_CHARS).unwrap_or(&digest).to_owned()
}

struct Reader<'r> {
    tiers: &'r Tiers,
    faults: Vec<PolicyFault>,
}

impl Reader<'_> {
    fn refuse(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.faults.push(PolicyFault { place: place.into(), problem: problem.into() });
    }

    fn policy(&mut self, text: &str) -> (Vec<Rule>, Custom) {
        let nothing = || (Vec::new(), Custom::default());
        if text.len() > POLICY_BYTES_MAX {
            self.refuse("the file", format!("longer than {POLICY_BYTES_MAX} bytes"));
            return nothing();
        }
        let table: Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                self.refuse("the file", error.to_string().trim_end().replace('\n', "\n    "));
                return nothing();
            }
        };
        let (mut rules, mut custom) = nothing();
        for (key, value) in &table {
            match (key.as_str(), value) {
                ("rule", Value::Array(entries)) => rules = self.rules(entries),
                ("custom", Value::Array(entries)) => custom = self.custom(entries),
                ("rule" | "custom", _) => {
                    self.refuse(key.as_str(), format!("is written as [[{key}]]"));
                }
                _ => self.refuse(key.as_str(), "no such key; allowed: [[rule]], [[custom]]"),
            }
        }
        (rules, custom)
    }

    fn custom(&mut self, entries: &[Value]) -> Custom {
        let mut rules: Vec<CustomRule> = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            match entry.clone().try_into() {
                Ok(rule) => rules.push(rule),
                Err(error) => {
                    self.refuse(format!("custom {}", number + 1), error.to_string().trim_end());
                }
            }
        }
        Custom::compile(&rules).unwrap_or_else(|CustomFault { rule, key, problem }| {
            self.refuse(format!("custom {rule:?}: {key}"), problem);
            Custom::default()
        })
    }

    fn rules(&mut self, entries: &[Value]) -> Vec<Rule> {
        if entries.len() > RULES_MAX {
            self.refuse("rule", format!("{} rules, at most {RULES_MAX}", entries.len()));
        }
        let (mut rules, mut names) = (Vec::new(), Vec::new());
        for (number, entry) in entries.iter().enumerate() {
            let Some(table) = entry.as_table() else {
                self.refuse(format!("rule {}", number + 1), "is no table");
                continue;
            };
            let name = table.get("name").and_then(Value::as_str).unwrap_or_default();
            let place = match name {
                "" => format!("rule {}", number + 1),
                name => format!("rule {name:?}"),
            };
            if name.is_empty() || name.len() > RULE_NAME_BYTES_MAX {
                let rule = format!("text of 1 to {RULE_NAME_BYTES_MAX} bytes");
                self.refuse(format!("{place}: name"), rule);
            } else if names.contains(&name) {
                self.refuse(format!("{place}: name"), "stands twice");
            }
            names.push(name);
            rules.extend(self.rule(&place, name, table));
        }
        rules
    }

    fn rule(&mut self, place: &str, name: &str, table: &Table) -> Option<Rule> {
        const KEYS: [&str; 9] = [
            "name",
            "action",
            "detectors",
            "fields",
            "fields_except",
            "services",
            "tenants",
            "tiers",
            "identity",
        ];
        for key in table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let rule = format!("no such key; allowed: {}", KEYS.join(", "));
            self.refuse(format!("{place}: {key}"), rule);
        }
        let mut list = |key: &str| self.list(place, table, key);
        let (detectors, fields, except) =
            (list("detectors"), list("fields"), list("fields_except"));
        let (services, tenants, tiers) = (list("services"), list("tenants"), list("tiers"));
        let action = self.action(place, table);
        let identity = self.identity(place, table, action);
        let subject = match (&detectors, &fields, &except) {
            (Some(names), _, None) => self.finds(place, names),
            (None, Some(_), None) => Subject::Fields,
            (None, None, Some(allowed)) => Subject::OtherFields(patterns(allowed)),
            (_, _, Some(_)) => {
                self.refuse(
                    format!("{place}: fields_except"),
                    "stands alone, without detectors and fields",
                );
                return None;
            }
            (None, None, None) => {
                self.refuse(place, "names neither detectors nor fields nor fields_except");
                return None;
            }
        };
        Some(Rule {
            name: name.to_owned(),
            action: action?,
            subject,
            fields: patterns(&fields.unwrap_or_default()),
            services: patterns(&services.unwrap_or_default()),
            tenants: self.tenants(place, &tenants.unwrap_or_default()),
            tiers: tiers.map(|names| self.tiers(place, &names)),
            identity,
        })
    }

    fn action(&mut self, place: &str, table: &Table) -> Option<Action> {
        let action = table.get("action").and_then(Value::as_str).and_then(Action::named);
        if action.is_none() {
            let allowed = Action::ALL.map(Action::as_str).join(", ");
            self.refuse(format!("{place}: action"), format!("allowed: {allowed}"));
        }
        action
    }

    fn identity(&mut self, place: &str, table: &Table, action: Option<Action>) -> Option<String> {
        let value = table.get("identity")?;
        let identity =
            value.as_str().filter(|text| !text.is_empty() && text.len() <= FIELD_NAME_BYTES_MAX);
        if identity.is_none() {
            let rule = format!("text of 1 to {FIELD_NAME_BYTES_MAX} bytes");
            self.refuse(format!("{place}: identity"), rule);
        } else if action.is_some_and(|action| action != Action::Pseudonym) {
            self.refuse(format!("{place}: identity"), "belongs to action \"pseudonym\" only");
        }
        identity.map(str::to_owned)
    }

    /// Reads a list of names; `None` when the rule has none.
    fn list(&mut self, place: &str, table: &Table, key: &str) -> Option<Vec<String>> {
        let value = table.get(key)?;
        let names = value.as_array().map(|items| {
            let name = |item: &Value| {
                let text = item.as_str()?;
                (!text.is_empty() && text.len() <= FIELD_NAME_BYTES_MAX).then(|| text.to_owned())
            };
            items.iter().map(name).collect::<Option<Vec<String>>>()
        });
        match names.flatten().filter(|names| (1..=LIST_MAX).contains(&names.len())) {
            Some(names) => Some(names),
            None => {
                let rule = format!(
                    "list of 1 to {LIST_MAX} names, each of 1 to {FIELD_NAME_BYTES_MAX} bytes"
                );
                self.refuse(format!("{place}: {key}"), rule);
                Some(Vec::new())
            }
        }
    }

    fn finds(&mut self, place: &str, names: &[String]) -> Subject {
        let known: Vec<&str> = DETECTORS.iter().map(|detector| detector.name()).collect();
        let (mut of_rule, mut named) = (DetectorSet::EMPTY, DetectorSet::EMPTY);
        for name in names {
            match known.iter().position(|known| known == name) {
                Some(position) => named.insert(position),
                None if name == ANY => {
                    let meant = known.iter().enumerate().filter(|(_, name)| !APART.contains(name));
                    meant.for_each(|(position, _)| of_rule.insert(position));
                }
                None => {
                    let rule = format!("{name:?} is none of {ANY}, {}", known.join(", "));
                    self.refuse(format!("{place}: detectors"), rule);
                }
            }
        }
        of_rule.add_all(named);
        Subject::Finds { of_rule, named }
    }

    fn tenants(&mut self, place: &str, names: &[String]) -> Vec<Tenant> {
        let mut tenants = Vec::new();
        for name in names {
            match Tenant::define(name) {
                Ok(tenant) => tenants.push(tenant),
                Err(error) => self.refuse(format!("{place}: tenants"), error.to_string()),
            }
        }
        tenants
    }

    fn tiers(&mut self, place: &str, names: &[String]) -> RuleTiers {
        let mut of_rule = RuleTiers::default();
        for name in names {
            let Some(tier) = self.tiers.by_name(name) else {
                let known: Vec<&str> =
                    self.tiers.iter().map(|(_, policy)| policy.name.as_str()).collect();
                let rule = format!("{name:?} is none of {}", known.join(", "));
                self.refuse(format!("{place}: tiers"), rule);
                continue;
            };
            let is_of_tier = |level: &Level| self.tiers.of_level(*level) == tier;
            of_rule.levels.extend(Level::ALL.into_iter().filter(is_of_tier));
            of_rule.has_dead_letters |= tier == self.tiers.dead_letter();
        }
        of_rule
    }
}

fn patterns(names: &[String]) -> Vec<Pattern> {
    names.iter().map(|name| Pattern::new(name)).collect()
}

#[cfg(test)]
mod tests;
