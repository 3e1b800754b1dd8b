//! The rules of the policy, ready to be asked: which action a find has in a field, by detector,
//! field, service, tenant and tier.
//!
//! Arrives: rules as the policy file has them, valid. Leaves: of all rules that fit, the most
//! specific. Rules are sorted once, by what they name: a field before none, a whole name before a
//! pattern, then a detector, a service, a tenant, a tier, and at last the place in the file. Of a
//! record, those that fit its service, tenant and level are a set, one machine word; of a field
//! likewise; so a find costs a few words, and a record without rules nothing.

use tierlog_model::{Level, RecordKind, Tenant};

use super::action::Action;
use super::detector_set::DetectorSet;
use super::pattern::Pattern;
use super::whole::Whole;

/// Most rules: a set of them is one machine word. A company has a dozen.
pub(super) const RULES_MAX: usize = u64::BITS as usize;

/// What a rule is about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Finds of detectors.
    Finds {
        /// Every detector that is meant.
        of_rule: DetectorSet,
        /// Those that are called by name, and run because of it.
        named: DetectorSet,
    },
    /// Values of the fields that the rule names, whatever they are.
    Fields,
    /// Values of every field but these.
    OtherFields(Vec<Pattern>),
}

/// The records of some tiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleTiers {
    /// The levels of the tiers.
    pub(super) levels: Vec<Level>,
    /// Whether the tier of dead letters is among the tiers.
    pub(super) has_dead_letters: bool,
}

impl RuleTiers {
    fn hold(&self, level: Level, kind: RecordKind) -> bool {
        match kind {
            RecordKind::Log => self.levels.contains(&level),
            RecordKind::DeadLetter => self.has_dead_letters,
        }
    }
}

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The name in the policy file.
    pub(super) name: String,
    /// What is done.
    pub(super) action: Action,
    /// What with.
    pub(super) subject: Subject,
    /// The fields, with all that lies below them; any when empty.
    pub(super) fields: Vec<Pattern>,
    /// The services; any when empty.
    pub(super) services: Vec<Pattern>,
    /// The tenants; any when empty.
    pub(super) tenants: Vec<Tenant>,
    /// The tiers; any without.
    pub(super) tiers: Option<RuleTiers>,
    /// The identity of pseudonyms; the name of the detector without one.
    pub(super) identity: Option<String>,
}

impl Rule {
    /// Returns what the rule names, the more specific the larger.
    fn rank(&self) -> (usize, usize, usize, bool, bool) {
        let best = |patterns: &[Pattern]| patterns.iter().map(Pattern::weight).max().unwrap_or(0);
        let narrowness = match self.subject {
            Subject::OtherFields(_) => 0,
            Subject::Fields => 1,
            Subject::Finds { of_rule, named } if of_rule == named => 3,
            Subject::Finds { .. } => 2,
        };
        (
            best(&self.fields),
            narrowness,
            best(&self.services),
            !self.tenants.is_empty(),
            self.tiers.is_some(),
        )
    }
}

/// A set of rules, by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleSet(u64);

impl RuleSet {
    /// No rule.
    pub(super) const EMPTY: RuleSet = RuleSet(0);

    /// Tells whether there is no rule.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn of(rules: &[Rule], fits: impl Fn(&Rule) -> bool) -> RuleSet {
        let bits = rules.iter().take(RULES_MAX).enumerate();
        RuleSet(bits.fold(0, |set, (at, rule)| set | (u64::from(fits(rule)) << at)))
    }

    fn positions(self) -> impl Iterator<Item = usize> {
        DetectorSet(self.0).positions()
    }
}

/// Every rule, the most specific first.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Sorts rules.
    pub(super) fn new(mut rules: Vec<Rule>) -> Rules {
        // A stable sort: of equal rules the first in the file wins.
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.rank()));
        rules.truncate(RULES_MAX);
        Rules { rules }
    }

    /// Tells whether there is no rule.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns how many rules there are.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns a rule.
    pub(super) fn get(&self, position: usize) -> Option<&Rule> {
        self.rules.get(position)
    }

    /// Returns the rules that fit a record, by what says its tier.
    pub(super) fn of_record(
        &self,
        service: &str,
        tenant: Tenant,
        (level, kind): (Level, RecordKind),
    ) -> RuleSet {
        RuleSet::of(&self.rules, |rule| {
            (rule.tenants.is_empty() || rule.tenants.contains(&tenant))
                && rule.tiers.as_ref().is_none_or(|tiers| tiers.hold(level, kind))
                && (rule.services.is_empty()
                    || rule.services.iter().any(|pattern| pattern.is_whole(service)))
        })
    }

    /// Returns those of a set that fit a field, by its dotted name.
    pub(super) fn of_field(&self, among: RuleSet, field: &str) -> RuleSet {
        let fits = RuleSet::of(&self.rules, |rule| {
            rule.fields.is_empty() || rule.fields.iter().any(|pattern| pattern.covers(field))
        });
        RuleSet(among.0 & fits.0)
    }

    /// Returns the rule of a set for a detector's finds.
    pub(super) fn for_find(&self, among: RuleSet, detector: usize) -> Option<usize> {
        among.positions().find(|at| match self.rules.get(*at).map(|rule| &rule.subject) {
            Some(Subject::Finds { of_rule, .. }) => of_rule.contains(detector),
            Some(Subject::Fields | Subject::OtherFields(_)) | None => false,
        })
    }

    /// Returns the rule of a set for a field as such. An array or object passes where an allowed
    /// field may lie below: its members are asked one by one.
    pub(super) fn for_field(
        &self,
        among: RuleSet,
        field: &str,
        value: Option<Whole<'_>>,
    ) -> Option<usize> {
        let is_nested = matches!(value, Some(Whole::Nested));
        let allows = |one: &Pattern| one.covers(field) || (is_nested && one.is_below(field));
        among.positions().find(|at| match self.rules.get(*at).map(|rule| &rule.subject) {
            Some(Subject::Fields) => true,
            Some(Subject::OtherFields(allowed)) => !allowed.iter().any(allows),
            Some(Subject::Finds { .. }) | None => false,
        })
    }

    /// Tells whether a tenant has a rule about fields as such: a line that is no record has none
    /// that could be told apart, nor a service or tier that could be believed.
    pub(super) fn has_field_rule(&self, tenant: Tenant) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| {
            let is_of_tenant = rule.tenants.is_empty() || rule.tenants.contains(&tenant);
            is_of_tenant && matches!(rule.subject, Subject::Fields | Subject::OtherFields(_))
        })
    }

    /// Returns the detectors that rules name.
    pub(super) fn named_detectors(&self) -> DetectorSet {
        let mut named = DetectorSet::EMPTY;
        for rule in &self.rules {
            if let Subject::Finds { named: of_rule, .. } = &rule.subject {
                named.add_all(*of_rule);
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, subject: Subject, fields: &[&str]) -> Rule {
        Rule {
            name: name.to_owned(),
            action: Action::Replace,
            subject,
            fields: fields.iter().map(|text| Pattern::new(text)).collect(),
            services: Vec::new(),
            tenants: Vec::new(),
            tiers: None,
            identity: None,
        }
    }

    fn finds(detectors: &[usize]) -> Subject {
        let mut set = DetectorSet::EMPTY;
        detectors.iter().for_each(|detector| set.insert(*detector));
        Subject::Finds { of_rule: set, named: set }
    }

    #[test]
    fn the_most_specific_rule_wins_and_then_the_first() {
        let of_service =
            Rule { services: vec![Pattern::new("shop*")], ..rule("service", finds(&[1]), &[]) };
        let debug = RuleTiers { levels: vec![Level::Debug], has_dead_letters: false };
        let of_level = Rule { tiers: Some(debug), ..rule("level", finds(&[1]), &[]) };
        let of_tenant = Rule { tenants: vec![Tenant::DEFAULT], ..rule("tenant", finds(&[1]), &[]) };
        let rules = Rules::new(vec![
            rule("first", finds(&[1, 2]), &[]),
            rule("second", finds(&[1, 2]), &[]),
            of_level,
            of_tenant,
            of_service,
            rule("pattern", finds(&[1]), &["pay*"]),
            rule("exact", finds(&[1]), &["payment.card"]),
        ]);
        for (service, level, field, detector, expected) in [
            ("shop-eu", Level::Debug, "payment.card", 1, Some("exact")),
            ("shop-eu", Level::Debug, "payment.card.number", 1, Some("exact")),
            ("shop-eu", Level::Debug, "payment.id", 1, Some("pattern")),
            ("shop-eu", Level::Debug, "message", 1, Some("service")),
            ("web", Level::Debug, "message", 1, Some("tenant")),
            ("web", Level::Info, "message", 2, Some("first")),
            ("web", Level::Info, "message", 3, None),
        ] {
            let tier = (level, RecordKind::Log);
            let of_record = rules.of_record(service, Tenant::DEFAULT, tier);
            let of_field = rules.of_field(of_record, field);
            let found = rules.for_find(of_field, detector).and_then(|at| rules.get(at));
            assert_eq!(found.map(|rule| rule.name.as_str()), expected, "{service} {field}");
        }
    }

    #[test]
    fn fields_beside_the_allowed_ones_fall_to_the_rule_that_closes() {
        let allowed = ["message", "http.*", "user.id"].map(Pattern::new).to_vec();
        let rules = Rules::new(vec![
            rule("closed", Subject::OtherFields(allowed), &[]),
            rule("named", Subject::Fields, &["http.cookie"]),
        ]);
        let all = rules.of_record("", Tenant::DEFAULT, (Level::Info, RecordKind::Log));
        for (field, expected) in [
            ("message", None),
            ("http.status", None),
            ("http.cookie", Some("named")),
            ("user.id", None),
            ("user.name", Some("closed")),
            ("messages", Some("closed")),
        ] {
            let value = Some(Whole::Text("x"));
            let found = rules.for_field(rules.of_field(all, field), field, value);
            let found = found.and_then(|at| rules.get(at)).map(|rule| rule.name.as_str());
            assert_eq!(found, expected, "{field}");
        }
        // Around an allowed member only an array or object passes.
        for (value, expected) in [(Whole::Nested, false), (Whole::Text("x"), true)] {
            let found = rules.for_field(rules.of_field(all, "user"), "user", Some(value));
            assert_eq!(found.is_some(), expected, "{value:?}");
        }
        assert!(rules.has_field_rule(Tenant::DEFAULT));
        assert!(
            !Rules::new(vec![rule("finds", finds(&[1]), &["a"])]).has_field_rule(Tenant::DEFAULT)
        );
    }
}
