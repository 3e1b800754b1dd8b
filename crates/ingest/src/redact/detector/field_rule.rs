//! Fields that a rule of the policy names, whatever they hold. Finds nothing by itself: the rules
//! decide, and the finds need a name in `_redacted`, in metrics and in explanations.

use super::Detector;
use crate::redact::canary::Canary;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct FieldRule;

impl Detector for FieldRule {
    fn name(&self) -> &'static str {
        "field_rule"
    }

    fn placeholder(&self) -> &'static str {
        "[REDACTED]"
    }

    fn about(&self) -> &'static str {
        "a rule of the policy names the field"
    }

    fn canary(&self) -> Canary {
        Canary::NotByItself
    }

    fn trigger(&self) -> Trigger {
        Trigger::NEVER
    }
}
