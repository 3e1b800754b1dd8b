//! Tokens of one batch: the same few users are in most of its lines, and an HMAC costs as much as
//! all else that a short value needs. Beside the tokens of the batch, the memory has those outside
//! of the field of their identity in the record at hand: a search looks for a list of them.
//!
//! The memory holds ids as written, and therefore ends with its batch.

use std::collections::BTreeSet;

use foldhash::HashMap;
use tierlog_model::has_token_form;

use super::policy::Policy;
use crate::short_name::ShortName;

/// Most tokens that are remembered: a batch of the target size has fewer users than lines, and
/// those that come later are made anew.
const TOKENS_MAX: usize = 1_024;

/// Most tokens that one record lists: a line with more ids is a table, and its list of tokens would
/// be larger than what is left of the line.
const LISTED_MAX: usize = 10_000;

/// The tokens.
#[derive(Default)]
pub(super) struct Tokens {
    /// By identity and id as written.
    made: HashMap<(u16, ShortName), Box<str>>,
    /// Of the record that is being read: tokens outside of the field of their identity.
    elsewhere: BTreeSet<Box<str>>,
}

impl Tokens {
    /// Returns the token of an id.
    pub(super) fn token(&mut self, policy: &Policy, identity: u16, id: &str) -> Option<String> {
        let Some(short) = ShortName::of(id) else { return self.long_token(policy, identity, id) };
        if let Some(token) = self.made.get(&(identity, short)) {
            return Some(String::from(&**token));
        }
        let token = policy.token(identity, id)?;
        if self.made.len() < TOKENS_MAX {
            self.made.insert((identity, short), token.as_str().into());
        }
        Some(token)
    }

    /// Returns the token of an id that is too long to be remembered: most such ids are tokens that
    /// the reading before has written.
    fn long_token(&self, policy: &Policy, identity: u16, id: &str) -> Option<String> {
        if self.elsewhere.contains(id) { Some(id.to_owned()) } else { policy.token(identity, id) }
    }

    /// Notes a token that stands in a text, in a name, or under another name than that of its
    /// identity.
    pub(super) fn note(&mut self, token: &str) {
        if self.elsewhere.len() < LISTED_MAX && !self.elsewhere.contains(token) {
            self.elsewhere.insert(token.into());
        }
    }

    /// Notes the tokens in a name: segments between dots.
    pub(super) fn note_in_name(&mut self, name: &str) {
        name.split('.').filter(|part| has_token_form(part)).for_each(|part| self.note(part));
    }

    /// Returns the tokens that were noted until now.
    pub(super) fn noted(&self) -> Vec<Box<str>> {
        self.elsewhere.iter().cloned().collect()
    }

    /// Forgets every noted token but those.
    pub(super) fn note_only(&mut self, noted: Vec<Box<str>>) {
        self.elsewhere = noted.into_iter().collect();
    }

    /// Returns the noted tokens, of which there are none from here on.
    pub(super) fn take_noted(&mut self) -> BTreeSet<Box<str>> {
        std::mem::take(&mut self.elsewhere)
    }

    /// Tells whether no token was noted.
    pub(super) fn has_noted_none(&self) -> bool {
        self.elsewhere.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::named::NamedKinds;
    use super::super::placeholders::Placeholders;
    use super::super::settings::RedactionSettings;
    use super::super::tests::pseudonyms;
    use super::*;

    #[test]
    fn remembered_tokens_are_those_of_the_policy() {
        let placeholders = Placeholders::new(["[EMAIL]"].into_iter());
        let (settings, named) = (RedactionSettings::default(), NamedKinds::default());
        let policy = Policy::new(&settings, pseudonyms(), placeholders, named);
        let mut tokens = Tokens::default();
        for round in 0..2 {
            for number in 0..TOKENS_MAX {
                let id = if number % 7 == 0 { "x".repeat(number) } else { number.to_string() };
                for identity in [0, 1] {
                    let token = tokens.token(&policy, identity, &id);
                    assert_eq!(token, policy.token(identity, &id), "{round} {id}");
                    assert!(token.is_some(), "{round} {id}");
                }
            }
        }
        assert_eq!(tokens.made.len(), TOKENS_MAX);
        assert_eq!(tokens.token(&policy, 99, "1"), None);
    }

    #[test]
    fn a_token_is_noted_once_and_for_one_record() {
        let mut tokens = Tokens::default();
        for token in ["a", "b", "a"] {
            tokens.note(token);
        }
        assert_eq!(tokens.take_noted().len(), 2);
        assert!(tokens.has_noted_none());
        (0..2 * LISTED_MAX).for_each(|number| tokens.note(&number.to_string()));
        assert_eq!(tokens.take_noted().len(), LISTED_MAX);
    }
}
