//! What stands in place of finds: the placeholders of all detectors, those that are off included,
//! because an earlier run may have left any of them.

use std::borrow::Cow;
use std::sync::Arc;

use super::action::masked_rest;

/// The placeholders, each its kind in brackets.
#[derive(Clone, Debug)]
pub(super) struct Placeholders(Arc<[Cow<'static, str>]>);

impl Placeholders {
    /// Returns the set of some placeholders.
    pub(super) fn new<P: Into<Cow<'static, str>>>(
        placeholders: impl Iterator<Item = P>,
    ) -> Placeholders {
        Placeholders(placeholders.map(Into::into).collect())
    }

    /// Tells whether a text is a placeholder as a whole.
    #[inline]
    pub(super) fn is_one(&self, text: &str) -> bool {
        text.starts_with('[') && self.at_start_of(text) == Some(text)
    }

    /// Returns the placeholder that a text begins with, or the masked value: `[CARD ****1111]`.
    pub(super) fn at_start_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        if !text.starts_with('[') {
            return None;
        }
        let bytes = self.0.iter().find_map(|placeholder| {
            let kind = placeholder.strip_suffix(']')?;
            match text.strip_prefix(kind)? {
                rest if rest.starts_with(']') => Some(placeholder.len()),
                rest => Some(kind.len() + masked_rest(rest)?),
            }
        });
        text.get(..bytes?)
    }

    /// Returns a name without placeholders: a placeholder divides the name, and is no word of the
    /// author.
    pub(super) fn taken_out_of(&self, name: &str) -> Option<String> {
        let has_one = name.contains('[') && self.0.iter().any(|one| name.contains(&**one));
        has_one.then(|| self.0.iter().fold(name.to_owned(), |name, one| name.replace(&**one, ".")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_as_wholes_at_the_start_and_inside() {
        let placeholders = Placeholders::new(["[EMAIL]", "[SECRET]"].into_iter());
        assert!(placeholders.is_one("[EMAIL]") && !placeholders.is_one("[EMAIL] x"));
        assert!(placeholders.is_one("[SECRET ****9f3a]") && !placeholders.is_one("[CARD ****1]"));
        assert_eq!(placeholders.at_start_of("[SECRET ****]]"), Some("[SECRET ****]"));
        assert_eq!(placeholders.at_start_of("[SECRET], x"), Some("[SECRET]"));
        assert_eq!(placeholders.at_start_of("[4242]"), None);
        assert_eq!(placeholders.taken_out_of("a[SECRET]b").as_deref(), Some("a.b"));
        assert_eq!(placeholders.taken_out_of("params[password]"), None);
    }
}
