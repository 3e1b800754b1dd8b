//! The keys that made the pseudonyms of a segment.
//!
//! A segment and the names of fields arrive; public names of keys leave. Tokens begin with the name
//! of their key and stand sorted in a column's dictionary, so one look finds the next key. What
//! never happens here: a walk through every token of a column.

use std::collections::BTreeSet;

use tantivy::SegmentReader;
use tierlog_model::{PSEUDONYM_PREFIX, key_id_of};

use crate::StoreError;
use crate::schema::attribute_column;

/// Names of keys that are found in a column at most: a server searches by 32 keys. Anybody can send
/// a text of the form of a token, which is stored as it is, under as many names as he likes.
const KEYS_MAX: usize = 64;

/// Values that begin like a token and are none, over which a look goes on: of a time at which the
/// field had no pseudonyms.
const OTHERS_MAX: usize = 1_000;

/// Adds the names of the keys that made tokens of some fields.
pub(crate) fn add_pseudonym_keys(
    segment: &SegmentReader,
    fields: &[String],
    keys: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    for field in fields {
        if let Some(column) = segment.fast_fields().str(&attribute_column(field))? {
            let next = |from: &[u8]| {
                let mut values = column.dictionary().range().ge(from).into_stream()?;
                Ok(values.advance().then(|| String::from_utf8_lossy(values.key()).into_owned()))
            };
            add_keys(next, keys).map_err(StoreError::Column)?;
        }
    }
    Ok(())
}

/// Adds the names of the keys among sorted values; `next` returns the first value from a text on.
fn add_keys(
    next: impl Fn(&[u8]) -> std::io::Result<Option<String>>,
    keys: &mut BTreeSet<String>,
) -> std::io::Result<()> {
    let mut from = PSEUDONYM_PREFIX.as_bytes().to_vec();
    let (mut found, mut others) = (0, 0);
    while found < KEYS_MAX && others < OTHERS_MAX {
        let Some(value) = next(&from)? else { return Ok(()) };
        if !value.starts_with(PSEUDONYM_PREFIX) {
            return Ok(());
        }
        match key_id_of(&value) {
            Some(key) => {
                found += 1;
                // The next key's tokens come behind all that begin with this one's name.
                from = format!("{PSEUDONYM_PREFIX}{key}").into_bytes();
                from.push(u8::MAX);
                keys.insert(key.to_owned());
            }
            None => {
                others += 1;
                from = value.into_bytes();
                from.push(0);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys_among(values: &BTreeSet<String>) -> BTreeSet<String> {
        let next = |from: &[u8]| Ok(values.iter().find(|value| value.as_bytes() >= from).cloned());
        let mut keys = BTreeSet::new();
        add_keys(next, &mut keys).expect("in memory");
        keys
    }

    fn token(key: &str, filler: char) -> String {
        format!("u_{key}_{}", filler.to_string().repeat(26))
    }

    #[test]
    fn each_key_is_found_among_other_values() {
        let values = [
            "4242".to_owned(),
            "u_".to_owned(),
            "u_abc".to_owned(),
            "u_abcd_short".to_owned(),
            token("abcd", 'x'),
            token("abcd", 'y'),
            token("abce", 'a'),
            token("zzzz", '7'),
            "u_zzzz_".to_owned(),
            "v_zzzy_aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        ];
        let expected = ["abcd", "abce", "zzzz"].map(str::to_owned);
        assert_eq!(keys_among(&values.into()), expected.into());
        assert_eq!(keys_among(&BTreeSet::new()), BTreeSet::new());
    }

    #[test]
    fn foreign_tokens_are_looked_at_up_to_a_bound() {
        let name = |number: usize| format!("{}{}aa", letter(number / 26), letter(number % 26));
        let values = (0..2 * KEYS_MAX).map(|number| token(&name(number), 'b')).collect();
        assert_eq!(keys_among(&values).len(), KEYS_MAX);
    }

    fn letter(number: usize) -> char {
        char::from(b'a' + u8::try_from(number % 26).expect("a letter"))
    }

    proptest! {
        #[test]
        fn no_key_is_missed(
            keys in prop::collection::btree_set("[a-z2-7]{4}", 0..6),
            others in prop::collection::btree_set("u_[a-z_]{0,6}", 0..40),
            fillers in prop::collection::vec(prop::char::range('a', 'z'), 1..4),
        ) {
            let tokens = keys.iter().flat_map(|key| fillers.iter().map(|filler| token(key, *filler)));
            let values = tokens.chain(others).collect();
            prop_assert_eq!(keys_among(&values), keys);
        }
    }
}
