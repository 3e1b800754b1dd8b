//! Policy files: what is allowed, and how each problem is told.

use expect_test::{Expect, expect};

use super::*;

fn parse(text: &str) -> Result<RedactionPolicy, Vec<PolicyFault>> {
    RedactionPolicy::parse(text, &Tiers::standard())
}

#[expect(clippy::needless_pass_by_value, reason = "Expect is made to be passed by value")]
#[track_caller]
fn refused(text: &str, expected: Expect) {
    let faults = parse(text).expect_err("a problem");
    let told: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    let known = DETECTORS.iter().map(|detector| detector.name()).collect::<Vec<_>>().join(", ");
    expected.assert_eq(&told.replace(&known, "KNOWN"));
}

/// The file that the project ships has no rule, and every rule that it shows is one.
#[test]
fn the_file_of_the_project_and_its_examples_are_valid() {
    let text = include_str!("../../../../../config/redaction.toml");
    assert!(parse(text).expect("valid").rules().is_empty());
    let start = text.find("# [[rule]]").expect("an example");
    let examples: String = text[start..]
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    let shown = parse(&examples).expect("valid examples");
    assert_eq!(shown.rules().len(), text.matches("# [[rule]]").count());
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let page = include_str!("../../../../../docs/redaction.md");
    let (_, rest) = page.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    assert_eq!(parse(example).expect("valid").rules().len(), 2);
}

#[test]
fn every_problem_is_told_with_its_rule_and_key() {
    refused(
        r#"
        colour = "red"
        [[rule]]
        name = "cards"
        detectors = ["card", "crad"]
        action = "hash"
        [[rule]]
        name = "cards"
        fields = []
        action = "mask"
        identity = "user_id"
        [[rule]]
        action = "replace"
        feilds = ["a"]
        [[rule]]
        name = "closed"
        fields = ["a"]
        fields_except = ["b"]
        tiers = ["gold"]
        tenants = ["NO"]
        action = "drop_field"
        "#,
        expect![[r#"
            colour: no such key; allowed: [[rule]], [[custom]]
            rule "cards": action: allowed: replace, mask, truncate, pseudonym, drop_field, drop_record, tag
            rule "cards": detectors: "crad" is none of *, KNOWN
            rule "cards": name: stands twice
            rule "cards": fields: list of 1 to 256 names, each of 1 to 256 bytes
            rule "cards": identity: belongs to action "pseudonym" only
            rule 3: name: text of 1 to 64 bytes
            rule 3: feilds: no such key; allowed: name, action, detectors, fields, fields_except, services, tenants, tiers, identity
            rule 3: names neither detectors nor fields nor fields_except
            rule "closed": fields_except: stands alone, without detectors and fields
        "#]],
    );
    refused(
        "[[rule]]\nname = \"x\"\ndetectors = [\"*\"]\ntiers = [\"gold\"]\ntenants = [\"NO\"]\naction = \"tag\"",
        expect![[r#"
            rule "x": tenants: tenant "NO": a name has 1 to 63 characters of a-z, 0-9, _ and -
            rule "x": tiers: "gold" is none of critical, warning, info, debug, dead_letter
        "#]],
    );
    refused(
        "[rule]\nname = \"x\"",
        expect![[r#"
            rule: is written as [[rule]]
        "#]],
    );
    let faults = parse("[[rule]\n").expect_err("no TOML");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().starts_with("the file: "), "{}", faults[0]);
    let long = "#".repeat(POLICY_BYTES_MAX + 1);
    assert_eq!(parse(&long).expect_err("too long").len(), 1);
    let rule = |number: usize| {
        format!("[[rule]]\nname = \"r{number}\"\ndetectors = [\"*\"]\naction = \"tag\"\n")
    };
    let many: String = (0..=RULES_MAX).map(rule).collect();
    let told = parse(&many).expect_err("too many")[0].to_string();
    assert_eq!(told, "rule: 65 rules, at most 64");
}

#[test]
fn a_version_is_that_of_the_content() {
    assert_eq!(RedactionPolicy::default().version(), None);
    let [one, same, other] = ["# a\n", "# a\n", "# b\n"].map(|text| parse(text).expect("valid"));
    assert_eq!(one.version(), same.version());
    assert_ne!(one.version(), other.version());
    assert_eq!(one.version().map(str::len), Some(VERSION_CHARS));
}

#[test]
fn kinds_of_ones_own_are_read_as_a_whole_or_refused_by_name() {
    let policy = parse("[[custom]]\nname = \"badge\"\nexpression = 'B-\\d{4}'\n").expect("valid");
    assert!(!policy.custom().is_empty());
    refused(
        "[[custom]]\nname = \"badge\"\nexpression = '('\n[[custom]]\nname = \"other\"\ncolour = 1\n",
        expect![[r#"
            custom 2: unknown field `colour`, expected one of `name`, `expression`, `words`, `near`, `near_bytes`, `example`, `counter_example`
            custom "badge": expression: regex parse error:
                (
                ^
            error: unclosed group
        "#]],
    );
    refused(
        "custom = 1",
        expect![[r#"
            custom: is written as [[custom]]
        "#]],
    );
}
