//! Rules of one's own, see [`crate::redact::custom`]: expressions and dictionaries of the policy
//! file.
//!
//! Reads every text when there is a rule, and none otherwise: the engine knows, because a trigger
//! cannot.

use super::Detector;
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct CustomDetector;

impl Detector for CustomDetector {
    fn name(&self) -> &'static str {
        "custom"
    }

    fn placeholder(&self) -> &'static str {
        "[CUSTOM]"
    }

    fn about(&self) -> &'static str {
        "an expression or a word of the policy file"
    }

    fn canary(&self) -> Canary {
        Canary::NotByItself
    }

    fn trigger(&self) -> Trigger {
        Trigger::NEVER
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        let is_name_near = found.claim() > Claim::Silent;
        policy.custom().find(text, is_name_near, policy.placeholders(), found);
    }

    fn key(&self, name: &str, policy: &Policy) -> Claim {
        if policy.custom().is_near(name) { Claim::Likely } else { Claim::Silent }
    }
}
