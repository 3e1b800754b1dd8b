//! Tokens of one batch: the same few users are in most of its lines, and an HMAC costs as much as
//! all else that a short value needs.
//!
//! The memory holds ids as written, and therefore ends with its batch.

use foldhash::HashMap;

use super::policy::Policy;
use crate::short_name::ShortName;

/// Most tokens that are remembered: a batch of the target size has fewer users than lines, and
/// those that come later are made anew.
const TOKENS_MAX: usize = 1_024;

/// The tokens, by covered field and id.
#[derive(Default)]
pub(super) struct TokenCache {
    tokens: HashMap<(u16, ShortName), Box<str>>,
}

impl TokenCache {
    /// Returns the token of a value of the covered field at a position of the policy.
    pub(super) fn token(&mut self, policy: &Policy, position: u16, id: &str) -> Option<String> {
        let field = policy.field(position)?;
        let Some(short) = ShortName::of(id) else { return policy.token(field, id) };
        if let Some(token) = self.tokens.get(&(position, short)) {
            return Some(String::from(&**token));
        }
        let token = policy.token(field, id)?;
        if self.tokens.len() < TOKENS_MAX {
            self.tokens.insert((position, short), token.as_str().into());
        }
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::{PseudonymKey, Pseudonyms};
    use zeroize::Zeroizing;

    use super::super::named::NamedKinds;
    use super::super::placeholders::Placeholders;
    use super::super::settings::RedactionSettings;
    use super::*;

    #[test]
    fn remembered_tokens_are_those_of_the_policy() {
        let key = PseudonymKey::from_bytes(&Zeroizing::new(vec![7; 32])).expect("32 bytes");
        let fields = vec!["user_id".to_owned(), "account".to_owned()];
        let placeholders = Placeholders::new(["[EMAIL]"].into_iter());
        let pseudonyms = Pseudonyms::new(vec![key], fields);
        let policy = Policy::new(
            &RedactionSettings::default(),
            pseudonyms,
            placeholders,
            NamedKinds::default(),
        );
        let mut cache = TokenCache::default();
        let positions =
            ["user_id", "account"].map(|name| policy.covered_position(name).expect("covered"));
        for round in 0..2 {
            for number in 0..TOKENS_MAX {
                let id = if number % 7 == 0 { "x".repeat(number) } else { number.to_string() };
                for position in positions {
                    let field = policy.field(position).expect("a field");
                    let token = cache.token(&policy, position, &id);
                    assert_eq!(token, policy.token(field, &id), "{round} {id}");
                }
            }
        }
        assert_eq!(cache.tokens.len(), TOKENS_MAX);
        assert_eq!(cache.token(&policy, 99, "1"), None);
    }
}
