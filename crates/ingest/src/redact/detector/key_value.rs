//! Secrets under a key inside a text: `password=hunter2`, `"api_key": "x"`, `--token x`.
//!
//! The key decides, by the same table as for fields ([`crate::redact::keys`]); the value goes
//! whole, as [`super::value`] reads it in every notation. Which notations there are is the list of
//! `Notations`. Prose stays: `token: expired`, `session: opened`.

use std::ops::Range;

use super::Detector;
use super::code::{is_expression, is_handle, is_sentence};
use super::command::{FLAG_NEEDLES, arguments, flags};
use super::echo::{Completed, Echo};
use super::header::header_end;
use super::listed::listed;
use super::named_ranges::named_ranges;
use super::pair::{Key, Separator, keys};
use super::prose::{begins_sentence, is_place_in_code, is_prose};
use super::secret_key::is_fact;
use super::spoken::spoken;
use super::value::{Form, Written, is_empty_word, scalar_in, value};
use crate::redact::canary::Canary;
use crate::redact::key_needles::NEEDLES;
use crate::redact::keys::KeyVerdict;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct KeyValue;

/// Words of which every text with a key holds one.
const ALL_NEEDLES: [&str; NEEDLES.len() + FLAG_NEEDLES.len()] = all_needles();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the sum is the length")]
const fn all_needles() -> [&'static str; NEEDLES.len() + FLAG_NEEDLES.len()] {
    let mut all = [""; NEEDLES.len() + FLAG_NEEDLES.len()];
    let mut position = 0;
    while position < all.len() {
        all[position] = match position < NEEDLES.len() {
            true => NEEDLES[position],
            false => FLAG_NEEDLES[position - NEEDLES.len()],
        };
        position += 1;
    }
    all
}

impl Detector for KeyValue {
    fn name(&self) -> &'static str {
        "key_value"
    }

    fn placeholder(&self) -> &'static str {
        "[SECRET]"
    }

    fn about(&self) -> &'static str {
        "the key in front of the value is that of a secret"
    }

    fn canary(&self) -> Canary {
        Canary::Text("tierlog_canary_password=correct-horse-9")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &ALL_NEEDLES, ..Trigger::ANY }
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        let mut secrets = Secrets { text, policy, found };
        secrets.find_signed();
        secrets.find_unsigned(listed(text));
        secrets.find_unsigned(flags(text));
        secrets.find_unsigned(spoken(text));
        for (name, range) in named_ranges(text).chain(arguments(text)) {
            secrets.replace_named(name, range);
        }
    }
}

/// The search through one text.
struct Secrets<'t, 'p, 'f> {
    text: &'t str,
    policy: &'p Policy,
    found: &'f mut Found,
}

impl<'t> Secrets<'t, '_, '_> {
    /// Reads keys with a sign behind them, and the pairs that they make.
    fn find_signed(&mut self) {
        let mut floor = 0;
        let mut echo = Echo::default();
        for key in keys(self.text) {
            if key.value_start <= floor {
                continue;
            }
            let verdict = self.policy.keys().verdict(key.name);
            let end = match verdict.is_secret() && !is_place_in_code(self.text, &key, self.policy) {
                true => self.replace_value(&key, verdict),
                false => match echo.read(self.text, &key, self.policy) {
                    Some(Completed::Pair(key)) => self.replace_value(&key, KeyVerdict::Secret),
                    Some(Completed::Part(range)) => self.replace(range),
                    None => None,
                },
            };
            floor = end.map_or(floor, |end| floor.max(end));
        }
    }

    /// Reads keys that no sign divides from their values.
    fn find_unsigned(&mut self, keys: impl Iterator<Item = Key<'t>>) {
        let mut floor = 0;
        for key in keys {
            let verdict = self.policy.keys().verdict(key.name);
            // Without a sign, only a name that says so is believed.
            let is_believed = match key.separator {
                Separator::Word => verdict == KeyVerdict::Secret,
                Separator::Data | Separator::Colon => verdict.is_secret(),
            };
            if key.value_start > floor
                && is_believed
                && let Some(end) = self.replace_value(&key, verdict)
            {
                floor = end;
            }
        }
    }

    /// Replaces a value of which only the name and the range are known.
    fn replace_named(&mut self, name: &str, range: Range<usize>) {
        let verdict = self.policy.keys().verdict(name);
        let written = self.text.get(range.clone()).unwrap_or_default();
        let is_kept = !verdict.is_secret()
            || is_empty_word(written)
            || is_sentence(written)
            || is_count(written, verdict)
            || (verdict != KeyVerdict::Secret && is_fact(written));
        if !is_kept {
            self.replace(range);
        }
    }

    /// Replaces a range, unless it was replaced already; returns where it ends.
    fn replace(&mut self, range: Range<usize>) -> Option<usize> {
        let end = range.end;
        if !self.policy.placeholders().is_one(self.text.get(range.clone())?) {
            self.found.replace(range);
        }
        Some(end)
    }

    /// Replaces the value of a secret key; returns where it ends.
    fn replace_value(&mut self, key: &Key<'_>, verdict: KeyVerdict) -> Option<usize> {
        let read = value(self.text, key, self.policy)?;
        let written = self.text.get(read.range.clone())?;
        if self.policy.placeholders().is_one(written) {
            return Some(read.range.end);
        }
        let is_weak = verdict != KeyVerdict::Secret;
        let is_kept = match read.form {
            Form::Quoted => {
                is_empty_word(written)
                    || is_sentence(written)
                    || is_masked_header(written)
                    || (is_weak && is_fact(written))
            }
            Form::Nested => {
                let only = scalar_in(self.text, read.range.clone());
                let only = only.and_then(|(range, _)| self.text.get(range));
                written.len() <= "[]".len()
                    || only.is_some_and(|only| is_sentence(only) || is_empty_word(only))
            }
            Form::Wrapped => self.is_harmless_wrapper(key, &read, verdict),
            Form::Masked => return Some(read.range.end),
            Form::Block => false,
            Form::Bare => return self.replace_bare(key, verdict, read),
        };
        if is_kept {
            return None;
        }
        let end = read.range.end;
        self.replace_written(key, read.range, read.wants_quotes);
        Some(end)
    }

    fn replace_written(&mut self, key: &Key<'_>, range: Range<usize>, wants_quotes: bool) {
        match wants_quotes {
            true => self.found.replace_quoted(range, key.quote),
            false => self.found.replace(range),
        }
    }

    /// Tells whether a wrapper holds no secret: nothing, a mask, or a word of language.
    fn is_harmless_wrapper(&self, key: &Key<'_>, read: &Written, verdict: KeyVerdict) -> bool {
        let written = self.text.get(read.range.clone()).unwrap_or_default();
        let inner = scalar_in(self.text, read.range.clone());
        let inner = inner.and_then(|(range, _)| self.text.get(range));
        let is_prose = key.separator == Separator::Colon
            && inner.is_some_and(|inner| is_prose(inner, verdict));
        let has_nothing = !written.bytes().any(|byte| byte.is_ascii_alphanumeric());
        let is_code = key.quote.is_empty() && is_expression(written, key);
        is_empty_word(written)
            || is_code
            || has_nothing
            || is_prose
            || inner.is_some_and(|inner| is_empty_word(inner) || is_count(inner, verdict))
    }

    fn replace_bare(&mut self, key: &Key<'_>, verdict: KeyVerdict, read: Written) -> Option<usize> {
        let Written { range, wants_quotes, .. } = read;
        let written = self.text.get(range.clone())?;
        if is_empty_word(written) || is_count(written, verdict) {
            return None;
        }
        let is_handle = is_handle(written) && key.name.to_ascii_lowercase().contains("sess");
        if is_handle || is_expression(written, key) {
            return None;
        }
        let is_colon = key.separator == Separator::Colon;
        let is_number = written.bytes().all(|byte| byte.is_ascii_digit());
        // JSON has no words without quotes; beside a quoted key, a name is one of code.
        let is_name =
            written.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_.".contains(&byte));
        if wants_quotes && (is_name || is_colon && !is_number && begins_sentence(self.text, &range))
        {
            return None;
        }
        if wants_quotes {
            self.replace_written(key, range.clone(), true);
            return Some(range.end);
        }
        let end = header_end(self.text, key, &range);
        let may_be_word = is_colon || verdict == KeyVerdict::SecretOpaque;
        let is_language =
            is_prose(written, verdict) || (is_colon && begins_sentence(self.text, &range));
        if may_be_word && end == range.end && is_language {
            return None;
        }
        // Of a header, a mask may stand behind its scheme.
        if is_masked_header(self.text.get(range.start..end)?) {
            return None;
        }
        self.found.replace(range.start..end);
        Some(end)
    }
}

/// Tells whether the credentials behind a scheme were masked: `Bearer [MASKED]`, `Bearer {token}`.
fn is_masked_header(written: &str) -> bool {
    written.split_once(' ').is_some_and(|(scheme, credentials)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
            && is_empty_word(credentials)
    })
}

/// Tells whether a value is a figure under a name whose figures are facts.
fn is_count(written: &str, verdict: KeyVerdict) -> bool {
    match verdict {
        KeyVerdict::SecretText => written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'),
        KeyVerdict::SecretOpaque => {
            written.bytes().all(|byte| byte.is_ascii_digit() || b"._-:".contains(&byte))
        }
        KeyVerdict::Plain | KeyVerdict::SecretWord | KeyVerdict::Secret => false,
    }
}

#[cfg(test)]
mod tests;
