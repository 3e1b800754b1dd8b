//! Ids in query texts: what is stored as a token is looked for as one.

use tierlog_model::{Identities, PseudonymKey, Pseudonyms};

use super::compiled;
use crate::error::QueryError;

fn pseudonyms() -> Pseudonyms {
    let key = PseudonymKey::from_bytes(&vec![7; 32].into()).unwrap();
    let places = ["/users/{user_id}", "user_ids={user_id}"].map(str::to_owned);
    let identities = Identities::new(&["user_id".to_owned()], &places).unwrap();
    Pseudonyms::new(vec![key], identities)
}

#[test]
fn a_pseudonymised_field_is_compared_whole_only() {
    let pseudonyms = pseudonyms();
    let token = pseudonyms.token_in("user_id", "4242").unwrap();
    for query in ["user_id:4242", "user_id:\" 4242 \"", "user_id:IN [4242]"] {
        let expr = compiled(query, &pseudonyms).unwrap().expr;
        let both = format!("or(user_id:is({token:?}), _pseudonyms:is({token:?}))");
        assert_eq!(expr.to_string(), both, "{query}");
    }
    // Redaction covers every spelling, whatever name it is left under.
    let expr = compiled("context.user.id:4242", &pseudonyms).unwrap().expr;
    let anywhere = format!("user_id:is({token:?}), _pseudonyms:is({token:?})");
    let own = format!("context.user.id:is({token:?})");
    assert_eq!(expr.to_string(), format!("or({anywhere}, {own})"));
    // Another name of an identity is that field.
    let expr = compiled("user_ids:4242", &pseudonyms).unwrap().expr;
    assert_eq!(expr.to_string(), format!("user_ids:is({token:?})"));
    let expr = compiled("params[user-id]:4242", &pseudonyms).unwrap().expr;
    assert_eq!(expr.to_string(), format!("params[user-id]:is({token:?})"));
    let expr = compiled("target_user_id:4242", &pseudonyms).unwrap().expr;
    assert_eq!(expr.to_string(), "target_user_id:is(\"4242\"#)");
    let expr = compiled("user_id:*", &pseudonyms).unwrap().expr;
    assert_eq!(expr.to_string(), "exists(user_id)");
    for query in ["a user_id:42*", "a user_id:>4", "a user_id:[1 TO 5]", "a user.id:/42/"] {
        match compiled(query, &pseudonyms) {
            Err(error @ QueryError::PseudonymisedField { .. }) => {
                assert_eq!(
                    (error.code().as_str(), error.position()),
                    ("pseudonymised_field", Some(2))
                );
            }
            other => unreachable!("{query}: {other:?}"),
        }
    }
}

#[test]
fn a_text_with_an_id_in_its_place_is_looked_for_as_it_is_stored() {
    let pseudonyms = pseudonyms();
    let token = pseudonyms.token_in("user_id", "4242").unwrap();
    let words = token.replace('_', " ");
    for (query, stored) in [
        ("path:/users/4242/x", format!("path:is(\"/users/{token}/x\")")),
        ("path:/users/4242/*", format!("/users/{token}/*")),
        ("path:\"/users/4242\"", format!("path:is(\"/users/{token}\")")),
        ("path:IN [/a /users/4242]", format!("path:is(\"/users/{token}\")")),
        ("/users/4242", format!("text:phrase(users {words})")),
        ("\"by user_id=4242, done\"", format!("text:phrase(by user id {words} done)")),
        ("message:\"userId: 4242\"", token),
    ] {
        let expr = compiled(query, &pseudonyms).unwrap().expr.to_string();
        assert!(expr.contains(&stored), "{query}: {expr} lacks {stored}");
        // Lines may be older than the place.
        assert!(expr.contains("4242"), "{query}: {expr}");
    }
    for query in ["path:/users/me", "path:/courses/4242", "4242", "n:[4242 TO *]", "path:/4242/"] {
        let expr = compiled(query, &pseudonyms).unwrap().expr;
        assert_eq!(expr, compiled(query, &Pseudonyms::off()).unwrap().expr, "{query}");
    }
}
