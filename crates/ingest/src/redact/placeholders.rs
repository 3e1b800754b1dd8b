//! What stands in place of finds: the placeholders of all detectors, those that are off included,
//! because an earlier run may have left any of them.

use std::sync::Arc;

/// The placeholders, each its kind in brackets.
#[derive(Clone, Debug)]
pub(super) struct Placeholders(Arc<[&'static str]>);

impl Placeholders {
    /// Returns the set of some placeholders.
    pub(super) fn new(placeholders: impl Iterator<Item = &'static str>) -> Placeholders {
        Placeholders(placeholders.collect())
    }

    /// Tells whether a text is a placeholder as a whole.
    #[inline]
    pub(super) fn is_one(&self, text: &str) -> bool {
        text.starts_with('[') && self.0.contains(&text)
    }

    /// Returns the placeholder that a text begins with.
    pub(super) fn at_start_of(&self, text: &str) -> Option<&'static str> {
        let all = text.starts_with('[').then(|| self.0.iter());
        all?.copied().find(|placeholder| text.starts_with(placeholder))
    }

    /// Returns a name without placeholders: a placeholder divides the name, and is no word of the
    /// author.
    pub(super) fn taken_out_of(&self, name: &str) -> Option<String> {
        let has_one = name.contains('[') && self.0.iter().any(|one| name.contains(one));
        has_one.then(|| self.0.iter().fold(name.to_owned(), |name, one| name.replace(one, ".")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_as_wholes_at_the_start_and_inside() {
        let placeholders = Placeholders::new(["[EMAIL]", "[SECRET]"].into_iter());
        assert!(placeholders.is_one("[EMAIL]") && !placeholders.is_one("[EMAIL] x"));
        assert_eq!(placeholders.at_start_of("[SECRET], x"), Some("[SECRET]"));
        assert_eq!(placeholders.at_start_of("[4242]"), None);
        assert_eq!(placeholders.taken_out_of("a[SECRET]b").as_deref(), Some("a.b"));
        assert_eq!(placeholders.taken_out_of("params[password]"), None);
    }
}
