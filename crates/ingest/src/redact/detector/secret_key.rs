//! Fields whose name says that the value is a secret: `password`, `x-api-key`, `cookie`.
//!
//! The one detector that reads names and not texts: the record walk asks
//! [`crate::redact::keys::KeyTable`] for each field and replaces the value whatever its type.
//! It stands in the registry so that it has a name, can be switched off and is counted.

use super::{Detector, Trigger};
use crate::redact::policy::Policy;
use crate::redact::span::Found;

/// See the module.
pub(in crate::redact) struct SecretKey;

/// What stands in place of a secret.
pub(in crate::redact) const PLACEHOLDER: &str = "[SECRET]";

impl Detector for SecretKey {
    fn name(&self) -> &'static str {
        "secret_key"
    }

    fn placeholder(&self) -> &'static str {
        PLACEHOLDER
    }

    fn trigger(&self) -> Trigger {
        Trigger::NEVER
    }

    fn find(&self, _text: &str, _policy: &Policy, _found: &mut Found) {}
}
