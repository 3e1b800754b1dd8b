//! Pseudonyms of a record: one token wherever an id stands, and a list of those that a search could
//! not see otherwise.

use std::collections::BTreeSet;

use expect_test::expect;
use proptest::prelude::*;
use proptest::sample::select;
use tierlog_model::Value;

use super::{
    RedactionSettings, Redactor, check, pseudonyms, pseudonyms_with, record, redacted, redactor,
    shown,
};

fn token() -> String {
    pseudonyms().token_in("user_id", "4242").expect("a key")
}

/// Returns a text that differs from a token in its last letter.
fn forged(token: &str) -> String {
    let other_end = if token.ends_with('a') { 'b' } else { 'a' };
    format!("{}{other_end}", token.get(..token.len() - 1).expect("letters"))
}

#[test]
fn an_id_has_one_token_in_every_place() {
    check(
        r#"{"message":"user #4242 got /users/4242/x, user_id=4242","path":"/api/users/4242",
            "url.full":"https://h/user/4242?user_id=4242.0","user_ids":[4242],
            "users":[{"id":4242,"n":1},{"id":"4242"}],"http.referrer":"/users/%34242/",
            "params":[{"key":"user_id","value":4242}],"attr.key":"user_id","attr.value":4242}"#,
        expect![[r#"
            message: "user #TOKEN got /users/TOKEN/x, user_id=TOKEN"
            path: "/api/users/TOKEN"
            url.full: "https://h/user/TOKEN?user_id=TOKEN"
            user_ids: ["TOKEN"]
            users: [{"id":"TOKEN","n":1},{"id":"TOKEN"}]
            http.referrer: "/users/TOKEN/"
            params: [{"key":"user_id","value":"TOKEN"}]
            attr.key: "user_id"
            attr.value: "TOKEN"
            _pseudonyms: "TOKEN"
        "#]],
    );
}

#[test]
fn what_the_field_of_the_identity_says_is_not_listed() {
    check(
        r#"{"user_id":4242,"path":"/users/4242"}"#,
        expect![[r#"
        user_id: "TOKEN"
        path: "/users/TOKEN"
    "#]],
    );
    check(
        r#"{"user_id":7,"path":"/users/4242"}"#,
        expect![[r#"
        user_id: "u_joyg_frvaid7a6ayrjoycmwtozq2rc4"
        path: "/users/TOKEN"
        _pseudonyms: "TOKEN"
    "#]],
    );
    check(
        r#"{"user_id.4242":true,"list":[{"user_id":{"4242":1}}]}"#,
        expect![[r#"
        user_id.TOKEN: true
        list: [{"user_id":{"TOKEN":"u_joyg_j4rqmakhvtbvrgs3mk4yir7aji"}}]
        _pseudonyms: ["u_joyg_j4rqmakhvtbvrgs3mk4yir7aji","TOKEN"]
    "#]],
    );
}

#[test]
fn a_sender_lists_tokens_and_nothing_else() {
    let token = token();
    let forged = forged(&token);
    let fields = serde_json::json!({ "_pseudonyms": [&token, "4242", "ada", &forged], "x": 1 });
    let answer = redacted(&redactor(), record(&fields.to_string()));
    assert_eq!(shown(&answer), format!("x: 1\n_pseudonyms: \"{token}\"\n"));
    let nothing = redacted(&redactor(), record(r#"{"_pseudonyms":"ada","x":1}"#));
    assert_eq!(shown(&nothing), "x: 1\n");
}

#[test]
fn a_forged_token_is_a_value_like_any_other() {
    let token = token();
    let forged = forged(&token);
    let (upper, cut) = (token.to_uppercase(), token.get(..20).expect("letters").to_owned());
    for (written, is_token) in [(&token, true), (&upper, true), (&forged, false), (&cut, false)] {
        let fields = serde_json::json!({
            "user_id": written,
            "message": format!("user_id={written} /users/{written}"),
        });
        let answer = redacted(&redactor(), record(&fields.to_string()));
        let stored = answer.get_str("user_id").expect("text");
        assert_eq!(stored == token, is_token, "{written}");
        let message = answer.get_str("message").expect("text");
        assert!(message.starts_with(&format!("user_id={stored} ")), "{message}");
        // A path takes what reads as an id, and half a token does.
        assert!(!is_token || message.ends_with(&format!("/users/{stored}")), "{message}");
        assert_eq!(redacted(&redactor(), answer.clone()), answer);
    }
}

/// An id, and a spelling that means the same.
fn id() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        (100_000_u64..999_999_999).prop_map(|id| (id.to_string(), id.to_string())),
        (100_000_u64..999_999_999).prop_map(|id| (id.to_string(), format!("{id}.0"))),
        "[a-z]{6}@[a-z]{5}\\.org".prop_map(|id| (id.clone(), id.to_uppercase())),
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"
            .prop_map(|id| (id.clone(), id.to_uppercase())),
    ]
}

/// Writes an id into one place of a record.
fn placed(place: usize, id: &str) -> serde_json::Value {
    use serde_json::json;
    match place {
        0 => json!({"user_id": id}),
        1 => json!({"message": format!("done for user_id={id}, next")}),
        2 => json!({"path": format!("/api/v1/users/{id}/profile")}),
        3 => json!({"message": format!("GET https://h.example/user/{id}?page=2 200")}),
        4 => json!({"user_ids": [7, id, 8]}),
        5 => json!({"users": [{"name": "x", "id": 7}, {"id": id}]}),
        6 => json!({"claims.sub": id}),
        7 => json!({"message": format!("welcome user #{id} again")}),
        8 => json!({"raw": format!("{{\"user\":{{\"id\":\"{id}\"}}}}")}),
        9 => json!({"list": [{"note": format!("see /users/{id}")}]}),
        10 => json!({"long": format!("{} user_id: {id} {}", "x ".repeat(100), "y ".repeat(100))}),
        _ => json!({"message": format!("\u{1b}[31muser_id\u{1b}[0m=\u{1b}[1m{id}\u{1b}[0m end")}),
    }
}

const PLACES: usize = 12;

/// Returns the tokens that a search for an id looks at.
fn searched(record: &tierlog_model::Record<'_>) -> BTreeSet<String> {
    let texts = |value: &Value<'_>| match value {
        Value::Str(text) => vec![text.to_string()],
        Value::Json(text) => serde_json::from_str(text).expect("a list of texts"),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => Vec::new(),
    };
    let fields = ["user_id", "_pseudonyms"].into_iter().filter_map(|name| record.get(name));
    fields.flat_map(texts).collect()
}

proptest! {
    #[test]
    fn an_id_is_gone_and_found_wherever_it_stood(
        (plain, written) in id(),
        places in prop::collection::btree_set(0..PLACES, 1..4),
        decoy in select(vec!["order 123456789", "/courses/5/users", "users: 3, userless", "id=9"]),
    ) {
        let mut fields = serde_json::Map::new();
        for place in places {
            for (name, value) in placed(place, &written).as_object().expect("an object") {
                fields.insert(name.clone(), value.clone());
            }
        }
        fields.insert("decoy".to_owned(), decoy.into());
        let given = serde_json::Value::Object(fields).to_string();
        let covered = pseudonyms_with(&["sub={user_id}"]);
        let redactor = Redactor::new(&RedactionSettings::default(), covered);
        let once = redacted(&redactor, record(&given));
        let token = pseudonyms().token_in("user_id", &plain).expect("a key");
        prop_assert!(searched(&once).contains(&token), "{given} became {}", shown(&once));
        let text = shown(&once);
        for form in [&plain, &written] {
            prop_assert!(!text.contains(form.as_str()), "{form} is in {text}");
        }
        prop_assert!(text.contains(decoy), "{text}");
        let twice = redacted(&redactor, once.clone());
        prop_assert_eq!(&twice, &once);
        // What was exported without the list gets the list again.
        let mut bare = once.clone();
        bare.fields.retain(|(name, _)| name != "_pseudonyms");
        prop_assert_eq!(searched(&redacted(&redactor, bare)), searched(&once));
    }
}
