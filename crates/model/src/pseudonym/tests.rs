//! Tokens: stable, checked, of one identity, found by every key.

use proptest::prelude::*;

use super::*;

fn key(byte: u8) -> PseudonymKey {
    PseudonymKey::from_bytes(&Zeroizing::new(vec![byte; KEY_BYTES])).expect("32 bytes")
}

fn pseudonyms(keys: &[u8]) -> Pseudonyms {
    let fields = ["user_id", "account"].map(str::to_owned);
    let places = ["users.id={user_id}", "/users/{user_id}", "user #{user_id}"].map(str::to_owned);
    let identities = Identities::new(&fields, &places).expect("good places");
    Pseudonyms::new(keys.iter().map(|byte| key(*byte)).collect(), identities)
}

fn token(pseudonyms: &Pseudonyms, id: &str) -> String {
    pseudonyms.token_in("user_id", id).expect("a key")
}

#[test]
fn tokens_are_stable_searchable_and_idempotent() {
    let old = pseudonyms(&[1]);
    let of_old = token(&old, "4242");
    assert_eq!(of_old, token(&old, " 4242.0 "));
    assert_eq!(of_old, token(&old, &of_old));
    assert!(has_token_form(&of_old) && !of_old.contains("4242"));
    assert_ne!(old.token_in("account", "4242").expect("a key"), of_old);

    let rotated = pseudonyms(&[2, 1]);
    let of_new = token(&rotated, "4242");
    assert_ne!(of_new, of_old);
    assert_eq!(rotated.stored_forms("user_id", "4242"), [of_new, of_old.clone()]);
    assert_eq!(rotated.stored_forms("user_id", &of_old), [of_old]);
    assert_eq!(Pseudonyms::off().stored_forms("user_id", " 4242 "), ["4242"]);
    assert_eq!(Pseudonyms::off().token_in("user_id", "4242"), None);
}

#[test]
fn what_only_looks_like_a_token_is_a_value_like_any_other() {
    let ours = pseudonyms(&[1]);
    let real = token(&ours, "4242");
    assert_eq!(ours.own_token(&real.to_uppercase()), Some(real.clone()));
    assert_eq!(ours.own_token(&format!(" {real}\n")), Some(real.clone()));
    let of_other_key = token(&pseudonyms(&[2]), "4242");
    let other_end = if real.ends_with('a') { "i" } else { "a" };
    let changed = format!("{}{other_end}", real.get(..real.len() - 1).expect("letters"));
    let cut = real.get(..real.len() - 1).expect("letters").to_owned();
    let longer = format!("{real}a");
    let invented = format!("{}{}", real.get(..7).expect("a prefix"), "a".repeat(TOKEN_CHARS));
    for forged in [of_other_key.clone(), changed, cut, longer, invented] {
        assert_eq!(ours.own_token(&forged), None, "{forged}");
        let stored = token(&ours, &forged);
        assert!(stored != forged && ours.own_token(&stored).is_some(), "{forged}");
    }
    // The key of a stored token may be lost: whoever has the token still finds its lines.
    assert!(ours.stored_forms("user_id", &of_other_key).contains(&of_other_key));
}

#[test]
fn texts_with_ids_in_places_are_stored_with_tokens() {
    let rotated = pseudonyms(&[2, 1]);
    let [new, old] = [token(&rotated, "42"), token(&pseudonyms(&[1]), "42")];
    assert_eq!(
        rotated.stored_texts("GET /users/42/x by USER #42"),
        [&new, &old].map(|token| format!("GET /users/{token}/x by USER #{token}"))
    );
    let stored = format!("/users/{old}");
    assert_eq!(rotated.stored_texts(&stored), [stored.as_str()]);
    assert!(rotated.stored_texts("/courses/42").is_empty());
}

#[test]
fn a_key_has_exactly_32_bytes_and_never_prints() {
    assert!(PseudonymKey::from_bytes(&Zeroizing::new(vec![1; 31])).is_none());
    assert!(format!("{:?}", key(7)).len() < 24);
}

proptest! {
    #[test]
    fn every_key_finds_what_any_of_them_wrote(id in "\\PC{1,40}", writer in 1_u8..4) {
        let written = token(&pseudonyms(&[writer]), &id);
        prop_assert!(pseudonyms(&[3, 2, 1]).stored_forms("user_id", &id).contains(&written));
        prop_assert_eq!(pseudonyms(&[writer]).own_token(&written), Some(written));
    }

    #[test]
    fn no_invented_token_passes(own in "[a-z2-7]{26}") {
        let ours = pseudonyms(&[1]);
        let forged = format!("u_{}_{own}", key(1).id().as_str());
        prop_assert_eq!(ours.own_token(&forged), None);
    }
}
