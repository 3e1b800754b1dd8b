//! Short texts of one batch that were found clean: names of services, hosts, methods and levels
//! are in most lines, and looking a text up costs less than reading it.
//!
//! The memory holds texts as written, and therefore ends with its batch. A place holds one text,
//! and the next text for the place replaces the first.

use crate::short_name::ShortName;

/// Places: some hundred different short values are in most lines. A power of two.
const PLACES: usize = 512;

/// Longest text that is kept: files and tasks are. What is longer is an id, of 32 digits at least,
/// or a sentence, and seldom comes again.
const TEXT_BYTES_MAX: usize = 31;

/// The texts.
#[derive(Default)]
pub(super) struct CleanTexts {
    /// Made when the first text is kept.
    places: Vec<Option<ShortName>>,
}

impl CleanTexts {
    /// Tells whether a text was kept, else reads it; keeps it when there was nothing to redact.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        text: &str,
        redact: impl FnOnce(&str) -> Option<String>,
    ) -> Option<String> {
        let short = ShortName::of(text).filter(|_| text.len() <= TEXT_BYTES_MAX);
        let Some(short) = short else { return redact(text) };
        let place = short.digest(0) as usize % PLACES;
        if let Some(Some(kept)) = self.places.get(place)
            && *kept == short
        {
            return None;
        }
        let redacted = redact(text);
        if redacted.is_none() {
            self.keep(place, short);
        }
        redacted
    }

    fn keep(&mut self, place: usize, text: ShortName) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        if let Some(kept) = self.places.get_mut(place) {
            *kept = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_not_clean_is_read_every_time(
            texts in prop::collection::vec("[a-d]{0,2}@?[a-d]{0,2}|x{20,40}@?", 0..200),
        ) {
            let mut clean = CleanTexts::default();
            let redact = |text: &str| text.contains('@').then(|| text.replace('@', "*"));
            for text in texts {
                prop_assert_eq!(clean.read(&text, redact), redact(&text));
            }
        }
    }

    #[test]
    fn a_clean_text_is_read_once() {
        let mut clean = CleanTexts::default();
        let mut read = 0;
        for text in ["api", "api", "web", "api"] {
            clean.read(text, |_| {
                read += 1;
                None
            });
        }
        assert_eq!(read, 2);
    }
}
