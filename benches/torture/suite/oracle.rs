//! The judge: a ledger and an export arrive, violations of the global invariants leave.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::ledger::Known;
use super::lines::{Kind, Lines, PLANTED};
use super::tenants::Tenant;

/// Ids that a violation names at most: the first few say where to look.
const EXAMPLES_MAX: usize = 5;

/// What must hold after every fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    /// I1: what was acknowledged is found.
    Acked,
    /// I2: nothing is found twice.
    Once,
    /// I3: a search finds only lines that a client sent.
    Issued,
    /// I4: what is found is the redacted original.
    Payload,
    /// I5: the server starts without a hand.
    Start,
    /// I6: a fresh line is acknowledged and found.
    Fresh,
    /// I7: no planted personal data is on disk or printed.
    Private,
    /// I8: accepted lines are records, dead letters, or counted.
    Conserved,
    /// I9: memory stays under its cap.
    Memory,
    /// I10: a tenant shows its own lines alone.
    Apart,
    /// What the documents promise for the fault at hand.
    Promise,
    /// A fault of the simulated disk, under the name that the disk gives.
    #[cfg_attr(test, expect(dead_code, reason = "the tests of the store do the simulation"))]
    Simulated,
    /// The trial did not run and shows nothing.
    Trial,
}

impl fmt::Display for Invariant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Invariant::Acked => "I1 acked is found",
            Invariant::Once => "I2 exactly once",
            Invariant::Issued => "I3 found was issued",
            Invariant::Payload => "I4 payload",
            Invariant::Start => "I5 start",
            Invariant::Fresh => "I6 fresh line",
            Invariant::Private => "I7 no personal data",
            Invariant::Conserved => "I8 conservation",
            Invariant::Memory => "I9 memory",
            Invariant::Apart => "I10 tenants apart",
            Invariant::Promise => "promise",
            Invariant::Simulated => "simulation",
            Invariant::Trial => "trial broke off",
        })
    }
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// What was violated.
    pub(crate) invariant: Invariant,
    /// How.
    pub(crate) detail: String,
}

impl Violation {
    /// Returns a violation.
    pub(crate) fn new(invariant: Invariant, detail: impl Into<String>) -> Violation {
        Violation { invariant, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.invariant, self.detail)
    }
}

impl std::error::Error for Violation {}

/// What is laid before the judge.
pub(crate) struct Evidence<'e> {
    /// What the ledger says.
    pub(crate) known: &'e Known,
    /// What was sent under each id.
    pub(crate) lines: &'e Lines,
    /// Every record of the store, with the tenant that showed it.
    pub(crate) records: &'e [(Tenant, Value)],
    /// Number of dead letters of each tenant.
    pub(crate) dead_letters: &'e BTreeMap<Tenant, u64>,
    /// Ids that the fault may have taken.
    pub(crate) excused: &'e dyn Fn(u64) -> bool,
}

impl Evidence<'_> {
    /// Returns every violation of what can be said from ledger and export.
    pub(crate) fn judge(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        let mut changed = Vec::new();
        let mut nameless = Vec::new();
        let mut strayed = Vec::new();
        for (tenant, record) in self.records {
            match record.get("number").and_then(Value::as_u64) {
                None => nameless.push(record.to_string()),
                Some(id) => {
                    *found.entry(id).or_default() += 1;
                    if Tenant::of_line(id).is_some_and(|own| own != *tenant) {
                        strayed.push(id);
                    }
                    if !self.is_original(id, record) {
                        changed.push((id, record));
                    }
                }
            }
        }
        let mut say = |invariant, what: &str, ids: Vec<u64>| {
            if !ids.is_empty() {
                let shown: Vec<&u64> = ids.iter().take(EXAMPLES_MAX).collect();
                let detail = format!("{} {what}, the first {shown:?}", ids.len());
                violations.push(Violation::new(invariant, detail));
            }
        };
        say(Invariant::Apart, "lines are shown by another tenant than their own", strayed);
        let is_record = |id: &u64| self.lines.kind(*id) == Kind::Record;
        let acked = self.known.acked.iter().copied();
        let lost = acked.filter(|id| is_record(id) && !found.contains_key(id));
        say(
            Invariant::Acked,
            "acked lines are lost",
            lost.filter(|id| !(self.excused)(*id)).collect(),
        );
        let doubled = found.iter().filter(|(_, times)| **times > 1).map(|(id, _)| *id);
        say(Invariant::Once, "lines are stored more than once", doubled.collect());
        let foreign = found.keys().copied().filter(|id| !self.known.issued.contains(id));
        say(Invariant::Issued, "lines were never sent", foreign.collect());
        let example = changed.first().map(|(id, found)| {
            let names = differences(found, &self.lines.expected(*id));
            format!("lines are not their redacted original, {id} by {names:?}")
        });
        let changed = changed.into_iter().map(|(id, _)| id).collect();
        say(Invariant::Payload, &example.unwrap_or_default(), changed);
        if !nameless.is_empty() {
            let detail = format!("{} records without an id", nameless.len());
            violations.push(Violation::new(Invariant::Issued, detail));
        }
        violations.extend(Tenant::all().filter_map(|tenant| self.judge_dead_letters(tenant)));
        violations
    }

    /// Dead letters have no id to be found by: between those acked and those issued.
    fn judge_dead_letters(&self, tenant: Tenant) -> Option<Violation> {
        let is_broken = |id: &&u64| {
            Tenant::of_line(**id) == Some(tenant) && self.lines.kind(**id) == Kind::Broken
        };
        let acked = self.known.acked.iter().filter(is_broken);
        let least = acked.filter(|id| !(self.excused)(**id)).count() as u64;
        let most = self.known.issued.iter().filter(is_broken).count() as u64;
        let found = self.dead_letters.get(&tenant).copied().unwrap_or(0);
        if (least..=most).contains(&found) {
            return None;
        }
        let tenant = tenant.name();
        let detail = format!("{found} dead letters of {tenant}, not {least} to {most}");
        Some(Violation::new(Invariant::Conserved, detail))
    }

    fn is_original(&self, id: u64, record: &Value) -> bool {
        let Value::Object(mut members) = record.clone() else { return false };
        let user = members.remove("user_id");
        let is_token = user.as_ref().and_then(Value::as_str).is_some_and(|user| {
            user.starts_with("u_") && PLANTED.iter().all(|planted| !user.contains(planted))
        });
        is_token
            && self.lines.kind(id) == Kind::Record
            && Value::Object(members) == self.lines.expected(id)
    }
}

/// Returns the names of the members by which two objects differ.
fn differences(found: &Value, expected: &Value) -> Vec<String> {
    let names = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flat_map(|members| members.keys().cloned()).collect()
    };
    let mut all = names(found);
    all.append(&mut names(expected));
    all.sort();
    all.dedup();
    all.retain(|name| found.get(name) != expected.get(name));
    all
}

#[cfg(test)]
mod tests;
