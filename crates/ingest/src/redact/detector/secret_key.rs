//! Fields whose name says that the value is a secret: `password`, `x-api-key`, `cookie`.
//!
//! The name decides, by the table of [`crate::redact::keys`], and the value goes whole, be it text,
//! a number, a list or an object; true, false and masks stay. Inside texts, `key_value` knows the
//! notations in which secrets follow their keys.

use super::Detector;
use super::value::is_empty_word;
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::keys::KeyVerdict;
use crate::redact::policy::Policy;
use crate::redact::trigger::Trigger;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) struct SecretKey;

/// Values that tell about a secret under a name that may hold one: `"auth": "basic"`.
const FACTS: [&str; 34] = [
    "basic",
    "bearer",
    "digest",
    "negotiate",
    "ntlm",
    "none",
    "null",
    "ldap",
    "oauth",
    "oauth2",
    "oidc",
    "saml",
    "jwt",
    "publickey",
    "keyboard-interactive",
    "anonymous",
    "required",
    "optional",
    "ok",
    "success",
    "failed",
    "failure",
    "valid",
    "invalid",
    "expired",
    "active",
    "opened",
    "closed",
    "enabled",
    "disabled",
    "true",
    "false",
    "yes",
    "no",
];

impl Detector for SecretKey {
    fn name(&self) -> &'static str {
        "secret_key"
    }

    fn placeholder(&self) -> &'static str {
        "[SECRET]"
    }

    fn about(&self) -> &'static str {
        "the name of the field is that of a secret"
    }

    fn canary(&self) -> Canary {
        Canary::Field("tierlog_canary.password", "correct-horse-9")
    }

    fn trigger(&self) -> Trigger {
        Trigger::NEVER
    }

    fn key(&self, name: &str, policy: &Policy) -> Claim {
        match policy.keys().verdict(name) {
            KeyVerdict::Plain => Claim::Silent,
            KeyVerdict::SecretText | KeyVerdict::SecretOpaque => Claim::Likely,
            KeyVerdict::SecretWord | KeyVerdict::Secret => Claim::Sure,
        }
    }

    fn value(&self, value: Whole<'_>, claim: Claim) -> bool {
        match value {
            // A flag tells that there is a secret, and is none.
            Whole::Flag => false,
            Whole::Number(_) | Whole::Fraction(_) => claim == Claim::Sure,
            Whole::Text(text) => {
                let is_kept = is_empty_word(text) || (claim == Claim::Likely && is_fact(text));
                !is_kept
            }
            Whole::Nested => true,
            Whole::EmptyNested => false,
        }
    }
}

/// Tells whether a value tells about a secret under a name that may hold one.
pub(super) fn is_fact(text: &str) -> bool {
    FACTS.iter().any(|fact| fact.eq_ignore_ascii_case(text)) || is_camel_case(text)
}

/// Tells whether a text is words written together, `AllowRead`: the name of a rule or of a class.
fn is_camel_case(text: &str) -> bool {
    let humps = text.as_bytes().windows(2).filter(|pair| {
        matches!(pair, [before, at] if before.is_ascii_lowercase() && at.is_ascii_uppercase())
    });
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (1..=text.len() / 3).contains(&humps.count())
}

#[cfg(test)]
mod tests {
    use super::super::check::check_value;
    use super::*;

    #[test]
    fn the_name_decides_and_facts_stay() {
        for (name, value, expected) in [
            ("password", Whole::Text("x"), true),
            ("user.pin", Whole::Number(1234), true),
            ("token", Whole::Flag, false),
            ("credentials", Whole::Nested, true),
            ("credentials", Whole::EmptyNested, false),
            ("tokens", Whole::Number(812), false),
            ("tokens", Whole::Nested, true),
            ("db.passwort", Whole::Text("x"), true),
            ("seed_phrase", Whole::Text("x y z"), true),
            ("auth", Whole::Text("a:x"), true),
            ("csrf", Whole::Flag, false),
            ("auth", Whole::Text("basic"), false),
            ("password", Whole::Text("[FILTERED]"), false),
            ("password", Whole::Text("${DB_PASSWORD}"), false),
            ("password", Whole::Text("[hunter2]"), true),
            ("accessKeyId", Whole::Text("x"), false),
            ("token_valid", Whole::Flag, false),
            ("token_count", Whole::Number(5), false),
            ("message", Whole::Text("password"), false),
        ] {
            check_value(&SecretKey, name, value, expected);
        }
    }
}
