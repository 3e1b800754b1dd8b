//! Names and places of ids.

use super::*;

fn identities(fields: &[&str], places: &[&str]) -> Result<Identities, PlaceError> {
    let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|t| (*t).to_owned()).collect() };
    Identities::new(&owned(fields), &owned(places))
}

#[test]
fn names_are_read_by_their_words() {
    let places = ["users.id={user_id}", "accountid={user_id}", "sub={user_id}", "org={team}"];
    let identities = identities(&["user_id", "team"], &places).expect("good places");
    for name in [
        "user_id",
        "userId",
        "USER-ID",
        "userid",
        "user.id",
        "context.user.id",
        "params[user_id]",
        "a/user_id",
        "users.id",
        "usersId",
        "data.users[].id",
        "accountId",
        "AccountID",
        "sub",
        "claims.sub",
    ] {
        assert_eq!(identities.covering(name), Some("user_id"), "{name}");
    }
    assert_eq!(identities.covering("org"), Some("team"));
    for name in ["target_user_id", "u.serid", "user", "id", "user_ids", "subject", "account_id", ""]
    {
        assert_eq!(identities.covering(name), None, "{name}");
    }
    let value = identities.covered("context.user_id.value").expect("covered");
    assert_eq!((value.bytes, identities.name(value.identity)), (15, Some("user_id")));
    for (name, expected) in [("users", true), ("data.user", true), ("id", false), ("", false)] {
        assert_eq!(identities.may_cover_below(name), expected, "{name}");
    }
}

#[test]
fn ids_are_found_in_places_of_texts() {
    let places = [
        "/users/{user_id}",
        "/u/{user_id:any}",
        "/teams/{team}/members",
        "user {user_id}",
        "user #{user_id}",
        "sent by {user_id} again",
    ];
    let identities = identities(&["user_id", "team"], &places).expect("good places");
    for (text, expected) in [
        ("GET /api/users/4242/profile?x=1", vec!["4242"]),
        ("/Users/4242", vec!["4242"]),
        ("https://ada.example/users/ada%40example.org", vec!["ada@example.org"]),
        ("/users/42,43,x", vec!["42", "43"]),
        ("/users/42.json /users/42. /users/42:disable", vec!["42", "42", "42"]),
        ("/users/auth0%7C5f7c8ec7c33c6c004bbafe82/x", vec!["auth0|5f7c8ec7c33c6c004bbafe82"]),
        (
            "\"/users/550e8400-e29b-41d4-a716-446655440000\"",
            vec!["550e8400-e29b-41d4-a716-446655440000"],
        ),
        ("/users/me /users/search /users/ /users", vec![]),
        ("/u/ada/x /u/-/y", vec!["ada"]),
        ("/teams/7/members /teams/7/games", vec!["7"]),
        ("User 42 and superuser 43, user  44: user #45.", vec!["42", "44", "45"]),
        ("user 42/100, user 80%, user 1.5s, user root, user", vec![]),
        ("Sent by 42 again, sent by 43 once", vec!["42"]),
        ("user \u{e9}42, /users/jos%C3%A9-58120/x /users/42.0", vec!["jos\u{e9}-58120", "42.0"]),
        ("user_id=42 userId: '43', owner=44 \"user_id\":45", vec!["42", "43", "45"]),
    ] {
        let found = identities.ids_in(text);
        let ids: Vec<&str> = found.iter().map(|placed| placed.id.as_ref()).collect();
        assert_eq!(ids, expected, "{text}");
        for placed in &found {
            assert!(text.get(placed.range.clone()).is_some(), "{text}");
        }
    }
}

#[test]
fn a_place_that_says_nothing_is_refused() {
    let place = |place: &str| place.to_owned();
    for (places, expected) in [
        (vec!["username"], PlaceError::NoIdentity { place: place("username") }),
        (
            vec!["/a/{user_id}/{user_id}"],
            PlaceError::NoIdentity { place: place("/a/{user_id}/{user_id}") },
        ),
        (
            vec!["/users/{usr_id}"],
            PlaceError::UnknownIdentity {
                place: place("/users/{usr_id}"),
                identity: place("usr_id"),
            },
        ),
        (vec!["u={user_id}"], PlaceError::ShortAnchor { place: place("u={user_id}") }),
        (vec!["# {user_id}"], PlaceError::ShortAnchor { place: place("# {user_id}") }),
        (vec!["/u/{user_id}"; PLACES_MAX + 1], PlaceError::TooMany),
    ] {
        assert_eq!(identities(&["user_id"], &places).map(|_| ()), Err(expected));
    }
    let long = format!("/{}/{{user_id}}", "x".repeat(PLACE_BYTES_MAX));
    assert_eq!(
        identities(&["user_id"], &[&long]).map(|_| ()),
        Err(PlaceError::TooLong { place: long.clone() })
    );
    // A place of an id that is not pseudonymised rests.
    let resting = identities(&["account"], &["/users/{user_id}"]).expect("a field of the contract");
    assert!(resting.templates().is_empty());
}

#[test]
fn words_stand_in_every_text_with_an_id() {
    let places =
        ["enduser.id={user_id}", "usr.id={user_id}", "/users/{user_id}", "user #{user_id}"];
    let standard = identities(&["user_id"], &places).expect("good places");
    assert_eq!(standard.words_of_names(), ["user", "usr"]);
    assert_eq!(standard.anchors(), ["/users/", "user #"]);
    let places = ["/a/{accountId}", "/A/users/{accountId}"];
    let other = identities(&["accountId"], &places).expect("good places");
    assert_eq!(
        (other.words_of_names(), other.anchors()),
        (vec!["account".into()], vec!["/a/".into()])
    );
    // A name too short to be looked for: every text with a separator is read.
    let short = identities(&["x_id", "user_id"], &[]).expect("good places");
    assert!(short.words_of_names().is_empty());
}
