//! Rules of one's own: expressions and dictionaries, with words that must stand near.
//!
//! Arrives: rules as configured. Leaves: the same compiled, or the first fault with the rule's
//! name. Classes of an expression (`\w`) are those of ASCII. Every expression runs in linear time
//! and within a limit of memory, every dictionary is one automaton, and no rule matches nothing, so
//! no rule can make a line slow or endless.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::placeholders::Placeholders;
use super::span::Found;

/// Most rules: each of them reads every text.
pub(super) const CUSTOM_RULES_MAX: usize = 64;

/// Most words of all dictionaries together, and the longest of them in bytes.
pub(super) const CUSTOM_WORDS_MAX: usize = 10_000;
const WORD_BYTES_MAX: usize = 256;

/// Longest name of a rule, and longest expression.
const NAME_BYTES_MAX: usize = 32;
const EXPRESSION_BYTES_MAX: usize = 1_024;

/// Memory of a compiled expression, and of the states that a search keeps of it.
const EXPRESSION_MEMORY_BYTES: usize = 1024 * 1024;

/// Depth of groups in an expression.
const EXPRESSION_DEPTH: u32 = 32;

/// Most words that may stand near.
const NEAR_WORDS_MAX: usize = 50;

/// Farthest that a word may stand away and still be near.
const NEAR_BYTES_MAX: u32 = 512;

/// How far before or behind a match its words may stand, when nothing is said.
const NEAR_BYTES: u32 = 30;

/// A rule as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CustomRule {
    /// Name in `_redacted`'s placeholder: `badge` becomes `[BADGE]`.
    pub(super) name: String,
    /// Regular expression; each match is a find. Either this or words.
    pub(super) expression: Option<String>,
    /// Dictionary; each word, in any case, is a find.
    pub(super) words: Vec<String>,
    /// Words; each find has a word of the list near.
    pub(super) near: Vec<String>,
    /// How near, in bytes before or behind the find.
    pub(super) near_bytes: Option<u32>,
    /// A text with a find of the rule.
    pub(super) example: Option<String>,
    /// A text without a find of the rule.
    pub(super) counter_example: Option<String>,
}

/// Why rules are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule:?}, {key}: {problem}")]
pub(super) struct CustomFault {
    /// Name of the rule.
    pub(super) rule: String,
    /// Key of the rule.
    pub(super) key: &'static str,
    /// What is wrong.
    pub(super) problem: String,
}

/// What a rule looks for.
#[derive(Debug)]
enum Pattern {
    Expression(Regex),
    Words(AhoCorasick),
}

/// A compiled rule.
#[derive(Debug)]
struct Rule {
    placeholder: String,
    pattern: Pattern,
    near: Option<AhoCorasick>,
    near_bytes: usize,
}

/// The compiled rules.
#[derive(Debug, Default)]
pub(super) struct Custom {
    rules: Vec<Rule>,
}

impl Custom {
    /// Compiles rules: all of them, or none when one has a fault.
    pub(super) fn compile(rules: &[CustomRule]) -> Result<Custom, CustomFault> {
        let words: usize = rules.iter().map(|rule| rule.words.len()).sum();
        let last = || rules.last().map(|rule| rule.name.clone()).unwrap_or_default();
        if rules.len() > CUSTOM_RULES_MAX {
            let problem = format!("there are more than {CUSTOM_RULES_MAX} rules");
            return Err(CustomFault { rule: last(), key: "name", problem });
        }
        if words > CUSTOM_WORDS_MAX {
            let problem =
                format!("all dictionaries together have more than {CUSTOM_WORDS_MAX} words");
            return Err(CustomFault { rule: last(), key: "words", problem });
        }
        let compiled = rules.iter().enumerate().map(|(index, rule)| {
            let is_twice = rules.iter().take(index).any(|other| other.name == rule.name);
            if is_twice {
                return Err(rule.fault("name", "another rule has the name"));
            }
            Rule::compile(rule)
        });
        let custom = Custom { rules: compiled.collect::<Result<_, _>>()? };
        for rule in rules {
            custom.check(rule)?;
        }
        Ok(custom)
    }

    /// Tells whether there is no rule.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns what stands in place of the finds of each rule.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.placeholder.as_str())
    }

    /// Tells whether a name, of a field, holds a word that has to stand near.
    pub(super) fn is_near(&self, name: &str) -> bool {
        self.rules.iter().filter_map(|rule| rule.near.as_ref()).any(|near| near.is_match(name))
    }

    /// Reports every find in a text. In a field whose name is near, no word has to stand near.
    pub(super) fn find(
        &self,
        text: &str,
        is_name_near: bool,
        placeholders: &Placeholders,
        found: &mut Found,
    ) {
        for rule in &self.rules {
            rule.each(text, |start, end| {
                let is_find = (is_name_near || rule.has_near(text, start, end, placeholders))
                    && !touches_placeholder(text, start, end, placeholders);
                if is_find {
                    found.replace_by(start..end, rule.placeholder.clone());
                }
            });
        }
    }

    /// Holds a rule to its examples, and all rules to what they leave behind: a placeholder that a
    /// rule finds would be replaced again in every later run.
    fn check(&self, rule: &CustomRule) -> Result<(), CustomFault> {
        let own = self.rules.iter().find(|one| one.placeholder == placeholder_of(&rule.name));
        let written = Placeholders::new(self.placeholders().map(str::to_owned));
        let finds = |text: &str| {
            let mut is_found = false;
            if let Some(own) = own {
                own.each(text, |start, end| is_found |= own.has_near(text, start, end, &written));
            }
            is_found
        };
        if rule.example.as_deref().is_some_and(|example| !finds(example)) {
            return Err(rule.fault("example", "the rule finds nothing in it"));
        }
        if rule.counter_example.as_deref().is_some_and(finds) {
            return Err(rule.fault("counter_example", "the rule finds something in it"));
        }
        if self.placeholders().any(finds) {
            let key = if rule.expression.is_some() { "expression" } else { "words" };
            return Err(rule.fault(key, "it finds the placeholder of a rule"));
        }
        Ok(())
    }
}

impl CustomRule {
    fn fault(&self, key: &'static str, problem: impl Into<String>) -> CustomFault {
        CustomFault { rule: self.name.clone(), key, problem: problem.into() }
    }
}

impl Rule {
    fn compile(rule: &CustomRule) -> Result<Rule, CustomFault> {
        let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_name = rule.name.starts_with(|first: char| first.is_ascii_lowercase())
            && rule.name.len() <= NAME_BYTES_MAX
            && rule.name.bytes().all(is_sign);
        if !is_name {
            let problem = format!(
                "a name is a small letter and up to {} small letters, digits or _",
                NAME_BYTES_MAX - 1
            );
            return Err(rule.fault("name", problem));
        }
        let pattern = match (&rule.expression, rule.words.is_empty()) {
            (Some(expression), true) => Pattern::Expression(compile_expression(rule, expression)?),
            (None, false) => Pattern::Words(compile_words(rule, "words", &rule.words)?),
            (Some(_), false) => return Err(rule.fault("words", "there is an expression already")),
            (None, true) => return Err(rule.fault("expression", "neither expression nor words")),
        };
        if rule.near.len() > NEAR_WORDS_MAX {
            return Err(rule.fault("near", format!("more than {NEAR_WORDS_MAX} words")));
        }
        let near_bytes = rule.near_bytes.unwrap_or(NEAR_BYTES);
        if near_bytes == 0 || near_bytes > NEAR_BYTES_MAX {
            return Err(rule.fault("near_bytes", format!("must be 1 to {NEAR_BYTES_MAX}")));
        }
        let near = match rule.near.is_empty() {
            true => None,
            false => Some(compile_words(rule, "near", &rule.near)?),
        };
        let placeholder = placeholder_of(&rule.name);
        Ok(Rule { placeholder, pattern, near, near_bytes: near_bytes as usize })
    }

    /// Reports each match in a text.
    fn each(&self, text: &str, mut found: impl FnMut(usize, usize)) {
        match &self.pattern {
            Pattern::Expression(expression) => {
                // An expression reads bytes, and may end inside of a character.
                for hit in expression.find_iter(text.as_bytes()) {
                    let (start, end) = (hit.start(), hit.end());
                    found(text.floor_char_boundary(start), text.ceil_char_boundary(end));
                }
            }
            Pattern::Words(words) => {
                let hits = words.find_iter(text).map(|hit| (hit.start(), hit.end()));
                hits.filter(|(start, end)| is_whole_word(text, *start, *end))
                    .for_each(|(start, end)| found(start, end));
            }
        }
    }

    /// Tells whether a word stands near a match, when one has to. Words of placeholders are none of
    /// the author's.
    fn has_near(&self, text: &str, start: usize, end: usize, placeholders: &Placeholders) -> bool {
        let Some(near) = &self.near else { return true };
        let from = text.ceil_char_boundary(start.saturating_sub(self.near_bytes));
        let to = text.floor_char_boundary(end.saturating_add(self.near_bytes).min(text.len()));
        [from..start, end..to].into_iter().any(|range| {
            let Some(around) = text.get(range.clone()) else { return false };
            near.find_iter(around).any(|hit| {
                let (start, end) = (range.start + hit.start(), range.start + hit.end());
                !touches_placeholder(text, start, end, placeholders)
            })
        })
    }
}

fn placeholder_of(name: &str) -> String {
    format!("[{}]", name.to_ascii_uppercase())
}

fn compile_expression(rule: &CustomRule, expression: &str) -> Result<Regex, CustomFault> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        let problem = format!("longer than {EXPRESSION_BYTES_MAX} bytes");
        return Err(rule.fault("expression", problem));
    }
    let compiled = RegexBuilder::new(expression)
        .unicode(false)
        .size_limit(EXPRESSION_MEMORY_BYTES)
        .dfa_size_limit(EXPRESSION_MEMORY_BYTES)
        .nest_limit(EXPRESSION_DEPTH)
        .build()
        .map_err(|error| rule.fault("expression", error.to_string()))?;
    if compiled.is_match(b"") {
        return Err(rule.fault("expression", "it matches nothing at all, and so every text"));
    }
    Ok(compiled)
}

fn compile_words(
    rule: &CustomRule,
    key: &'static str,
    words: &[String],
) -> Result<AhoCorasick, CustomFault> {
    if words.iter().any(|word| word.trim().is_empty() || word.len() > WORD_BYTES_MAX) {
        let problem = format!("a word is empty or longer than {WORD_BYTES_MAX} bytes");
        return Err(rule.fault(key, problem));
    }
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(words)
        .map_err(|error| rule.fault(key, error.to_string()))
}

fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let is_part = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let left = text.get(..start).and_then(|before| before.chars().next_back());
    let right = text.get(end..).and_then(|after| after.chars().next());
    !is_part(left) && !is_part(right)
}

/// Longest placeholder, with its brackets.
const PLACEHOLDER_BYTES_MAX: usize = NAME_BYTES_MAX + 2;

/// Tells whether a match holds a part of what redaction has written.
fn touches_placeholder(text: &str, start: usize, end: usize, placeholders: &Placeholders) -> bool {
    let from = text.ceil_char_boundary(start.saturating_sub(PLACEHOLDER_BYTES_MAX));
    let window = text.get(from..end).unwrap_or_default();
    window.match_indices('[').any(|(open, _)| {
        let open = from + open;
        let placeholder = text.get(open..).and_then(|rest| placeholders.at_start_of(rest));
        placeholder.is_some_and(|one| open + one.len() > start)
    })
}

#[cfg(test)]
mod tests {
    use super::super::claim::Claim;
    use super::super::span::{merge, rewrite};
    use super::*;

    fn rule(name: &str) -> CustomRule {
        CustomRule { name: name.to_owned(), ..CustomRule::default() }
    }

    fn expression(name: &str, expression: &str) -> CustomRule {
        CustomRule { expression: Some(expression.to_owned()), ..rule(name) }
    }

    fn words(name: &str, words: &[&str]) -> CustomRule {
        CustomRule { words: words.iter().map(|word| (*word).to_owned()).collect(), ..rule(name) }
    }

    fn near(rule: CustomRule, words: &[&str]) -> CustomRule {
        CustomRule { near: words.iter().map(|word| (*word).to_owned()).collect(), ..rule }
    }

    #[track_caller]
    fn check(rules: &[CustomRule], text: &str, expected: &str) {
        let custom = Custom::compile(rules).expect("valid rules");
        let placeholders = Placeholders::new(["[EMAIL]"].into_iter());
        let mut found = Found::default();
        found.begin(0, "[CUSTOM]", Claim::Silent);
        custom.find(text, false, &placeholders, &mut found);
        assert_eq!(rewrite(text, &merge(found.into_parts().0)), expected);
    }

    #[test]
    fn expressions_and_words_are_replaced() {
        check(&[expression("badge", r"\bB-\d{4}\b")], "B-1234, AB-1234", "[BADGE], AB-1234");
        let projects = words("project", &["Blue Heron", "heron"]);
        check(&[projects], "BLUE HERON and heron, herons", "[PROJECT] and [PROJECT], herons");
        let badge = near(expression("badge", r"\d{4}"), &["badge"]);
        check(
            &[badge],
            "badge 1234; port 5170 and so on and so forth 4242",
            "badge [BADGE]; port [BADGE] and so on and so forth 4242",
        );
        check(&[expression("all", "[A-Z]{5,}")], "[EMAIL] EMAIL", "[EMAIL] [ALL]");
    }

    #[test]
    fn faults_name_the_rule_and_the_key() {
        let long = "x".repeat(EXPRESSION_BYTES_MAX + 1);
        let example = CustomRule { example: Some("none".into()), ..expression("a", r"\d") };
        let counter = CustomRule { counter_example: Some("1".into()), ..expression("a", r"\d") };
        let far = CustomRule { near_bytes: Some(NEAR_BYTES_MAX + 1), ..expression("a", r"\d") };
        let many = words("a", &vec!["word"; CUSTOM_WORDS_MAX + 1]);
        for (rules, key) in [
            (vec![expression("A", r"\d")], "name"),
            (vec![expression("a", r"\d"), expression("a", r"\w")], "name"),
            (vec![rule("a")], "expression"),
            (vec![expression("a", "(")], "expression"),
            (vec![expression("a", r"\d*")], "expression"),
            (vec![expression("a", r"\w{1000}{1000}")], "expression"),
            (vec![expression("a", &long)], "expression"),
            (vec![expression("secret", "SECRET|secret")], "expression"),
            (vec![words("a", &[" "])], "words"),
            (vec![many], "words"),
            (vec![CustomRule { expression: Some("x".into()), ..words("a", &["x"]) }], "words"),
            (vec![near(expression("a", r"\d"), &[""])], "near"),
            (vec![far], "near_bytes"),
            (vec![example], "example"),
            (vec![counter], "counter_example"),
        ] {
            let fault = Custom::compile(&rules).expect_err(key);
            assert_eq!(fault.key, key, "{fault}");
            assert_eq!(fault.rule, rules.last().expect("a rule").name);
        }
        let rules: Vec<CustomRule> =
            (0..=CUSTOM_RULES_MAX).map(|n| expression(&format!("a{n}"), r"\d")).collect();
        assert_eq!(Custom::compile(&rules).expect_err("too many").key, "name");
    }
}
