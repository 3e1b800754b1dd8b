//! Names in rules: `payment.card`, `http.*`, `shop-*`.
//!
//! A star stands for any bytes, dots too; letters match in any case. Matching takes time linear in
//! the name for each star, and never more than the product of both lengths.

/// A name with stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// In lower case.
    text: String,
    has_star: bool,
}

impl Pattern {
    /// Returns the pattern of a text.
    pub(super) fn new(text: &str) -> Pattern {
        Pattern { text: text.to_ascii_lowercase(), has_star: text.contains('*') }
    }

    /// Returns how specific the pattern is: a whole name is worth more than any with a star, and
    /// of those the longest the most.
    pub(super) fn weight(&self) -> usize {
        let letters = self.text.bytes().filter(|byte| *byte != b'*').count();
        1 + letters + if self.has_star { 0 } else { NAME_BYTES_MAX }
    }

    /// Tells whether the pattern is the whole of a name.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        match self.has_star {
            true => matches_stars(self.text.as_bytes(), name.as_bytes()),
            false => self.text.eq_ignore_ascii_case(name),
        }
    }

    /// Tells whether the pattern is the name of a field, or of an object around the field.
    pub(super) fn covers(&self, field: &str) -> bool {
        let dots = memchr::memchr_iter(b'.', field.as_bytes());
        dots.chain([field.len()])
            .any(|end| field.get(..end).is_some_and(|name| self.is_whole(name)))
    }

    /// Tells whether fields that the pattern names may lie below a field.
    pub(super) fn is_below(&self, field: &str) -> bool {
        let parent = self.text.split('*').next().unwrap_or_default();
        let shared = parent.len().min(field.len());
        let is_shared = parent
            .as_bytes()
            .get(..shared)
            .zip(field.as_bytes().get(..shared))
            .is_some_and(|(left, right)| left.eq_ignore_ascii_case(right));
        match parent.len() > field.len() {
            true => is_shared && parent.as_bytes().get(field.len()) == Some(&b'.'),
            // Whatever lies below a field that reaches into the star may be meant.
            false => is_shared && self.has_star,
        }
    }
}

/// Longest pattern; names of fields have at most as many bytes.
pub(super) const NAME_BYTES_MAX: usize = tierlog_model::limits::FIELD_NAME_BYTES_MAX;

/// Matches by going back to the last star only: what an earlier star took need not be tried again.
fn matches_stars(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        let byte = name.get(read).map(u8::to_ascii_lowercase);
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, read));
                at += 1;
            }
            Some(own) if Some(*own) == byte => (at, read) = (at + 1, read + 1),
            _ => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    (at, read) = (behind, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, tried out in every way.
    fn plain(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|taken| plain(rest, &name[taken..])),
            Some((byte, rest)) => {
                name.split_first().is_some_and(|(own, others)| own == byte && plain(rest, others))
            }
        }
    }

    proptest! {
        #[test]
        fn stars_match_as_when_every_way_is_tried(
            pattern in "[ab.*]{0,8}", name in "[ab.]{0,10}",
        ) {
            let expected = plain(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(Pattern::new(&pattern).is_whole(&name), expected);
        }
    }

    #[test]
    fn a_name_covers_what_lies_below_it() {
        for (pattern, field, expected) in [
            ("user", "user", true),
            ("user", "User.Name", true),
            ("user", "users", false),
            ("user.*", "user", false),
            ("user.*", "user.name.first", true),
            ("*.cookie", "http.headers.cookie", true),
            ("*", "", true),
        ] {
            assert_eq!(Pattern::new(pattern).covers(field), expected, "{pattern} {field}");
        }
    }

    #[test]
    fn a_container_may_hold_what_a_pattern_names() {
        for (pattern, field, expected) in [
            ("user.id", "user", true),
            ("user.id", "user.id", false),
            ("user.id", "use", false),
            ("user.id", "userx", false),
            ("http.*", "http", true),
            ("*.id", "anything", true),
            ("message", "message", false),
        ] {
            assert_eq!(Pattern::new(pattern).is_below(field), expected, "{pattern} {field}");
        }
    }

    #[test]
    fn a_whole_name_is_more_specific_than_a_long_pattern() {
        let weights = ["*", "pay*", "payment.*", "pay", "payment.card"]
            .map(|pattern| Pattern::new(pattern).weight());
        assert!(weights.is_sorted_by(|left, right| left < right), "{weights:?}");
    }
}
