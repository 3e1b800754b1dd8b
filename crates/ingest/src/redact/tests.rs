//! The redactor as its callers see it: records in, a batch out.

mod cards;
mod custom;
mod linear;
mod notations;
mod ordinary;
mod plant;
mod properties;
mod pseudonyms;
mod rules;

use expect_test::{Expect, expect};
use tierlog_model::{
    Identities, Level, PseudonymKey, RecordKind, RejectReason, Tenant, Timestamp, Value,
};
use zeroize::Zeroizing;

use super::*;

/// Places of ids: the default of the configuration.
const PLACES: [&str; 8] = [
    "enduser.id={user_id}",
    "usr.id={user_id}",
    "user_ids={user_id}",
    "users.id={user_id}",
    "/users/{user_id}",
    "/user/{user_id}",
    "user id {user_id}",
    "user #{user_id}",
];

pub(super) fn pseudonyms() -> Pseudonyms {
    pseudonyms_with(&[])
}

/// Returns pseudonyms with further places of ids.
pub(super) fn pseudonyms_with(further: &[&str]) -> Pseudonyms {
    let key = PseudonymKey::from_bytes(&Zeroizing::new(vec![7; 32])).expect("32 bytes");
    let fields = ["user_id", "team"].map(str::to_owned);
    let places: Vec<String> = PLACES.iter().chain(further).map(|one| (*one).to_owned()).collect();
    let identities = Identities::new(&fields, &places).expect("good places");
    Pseudonyms::new(vec![key], identities)
}

pub(super) fn redactor() -> Redactor {
    Redactor::new(&RedactionSettings::default(), pseudonyms())
}

/// A record of fields given as JSON; arrays become [`Value::Json`].
pub(super) fn record(fields: &str) -> Record<'static> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(fields).expect("an object");
    let fields = object.into_iter().map(|(name, value)| (name.into(), field_value(&value)));
    Record {
        timestamp: Timestamp::default(),
        level: Level::Info,
        kind: RecordKind::Log,
        fields: fields.collect(),
    }
}

fn field_value(value: &serde_json::Value) -> Value<'static> {
    match value {
        serde_json::Value::Null => Value::Str("".into()),
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Value::I64(integer),
            (None, Some(integer)) => Value::U64(integer),
            (None, None) => Value::F64(number.as_f64().expect("a finite number")),
        },
        serde_json::Value::String(text) => Value::Str(text.clone().into()),
        other => Value::Json(other.to_string().into()),
    }
}

pub(super) fn redacted(redactor: &Redactor, record: Record<'_>) -> Record<'static> {
    let mut batch = redactor.batch();
    batch.push(record);
    only(&batch.finish(None))
}

fn only(batch: &RedactedBatch) -> Record<'static> {
    let mut records = batch.records();
    let record = records.next().expect("one record").expect("valid");
    assert!(records.next().is_none());
    record.decode().expect("valid").into_owned()
}

fn shown(record: &Record<'_>) -> String {
    let json = serde_json::to_value(record).expect("serializable");
    let serde_json::Value::Object(members) = json else { panic!("an object") };
    let members =
        members.iter().filter(|(name, _)| !["timestamp", "level"].contains(&name.as_str()));
    members.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "Expect is made to be passed by value")]
#[track_caller]
fn check(fields: &str, expected: Expect) {
    let token = pseudonyms().token_in("user_id", "4242").expect("a key");
    let once = redacted(&redactor(), record(fields));
    let twice = redacted(&redactor(), once.clone());
    assert_eq!(once, twice, "redaction is idempotent");
    expected.assert_eq(&shown(&once).replace(&token, "TOKEN"));
}

/// No neighbour hints at the value: the prefilter must see the bare value.
#[test]
fn the_barest_form_of_each_thing_is_redacted() {
    for bare in [
        "+41791234567",
        "+41 79 123 45 67",
        "123-45-6789",
        "4111111111111111",
        "4111 1111 1111 1111",
        "DE89370400440532013000",
        "a@b.ch",
        "a%40b.ch",
        "Basic YTpi",
    ] {
        let record = redacted(&redactor(), record(&format!("{{\"x\":\"{bare}\"}}")));
        assert!(record.get("_redacted").is_some(), "{bare}");
        assert_ne!(record.get_str("x"), Some(bare));
    }
}

#[test]
fn secrets_go_by_name_whatever_their_type() {
    check(
        r#"{"password":"x","pin":1234,"token":true,"request.headers.Cookie":"a=1","card.cvv":7.5,
            "credentials":[{"user":"a"}],"tokens":812,"token_count":5,"password_hint":"",
            "header.name":"X-Api-Key","header.value":"abc","logger.name":"app.password"}"#,
        expect![[r#"
            password: "[SECRET]"
            pin: "[SECRET]"
            token: true
            request.headers.Cookie: "[SECRET]"
            card.cvv: "[SECRET]"
            credentials: "[SECRET]"
            tokens: 812
            token_count: 5
            password_hint: ""
            header.name: "X-Api-Key"
            header.value: "[SECRET]"
            logger.name: "app.password"
            _redacted: ["secret_key"]
        "#]],
    );
}

#[test]
fn values_of_every_type_are_scanned() {
    check(
        r#"{"message":"ada@example.org paid with 4111 1111 1111 1111","n":4111111111111111,
            "f":4111111111111111.0,"negative":-4111111111111111,"epoch_ns":1763650000123456789,
            "request_id":"ada@example.org","host":"10.0.0.1","version":"8.5.1.2",
            "list":["DE89370400440532013000",{"password":1,"name":"x"},4111111111111111,"ok"]}"#,
        expect![[r#"
            message: "[EMAIL] paid with [CARD]"
            n: "[CARD]"
            f: "[CARD]"
            negative: "[CARD]"
            epoch_ns: 1763650000123456789
            request_id: "[EMAIL]"
            host: "10.0.0.1"
            version: "8.5.1.2"
            list: ["[IBAN]",{"password":"[SECRET]","name":"x"},"[CARD]","ok"]
            _redacted: ["card","email","iban","secret_key"]
        "#]],
    );
}

#[test]
fn pairs_and_nested_arrays_are_walked() {
    check(
        r#"{"headers":[["Cookie","a=1"],["Accept","*/*"]],
            "params":[{"name":"password","value":"x"},{"name":"page","value":"2"}],
            "users":[{"user_id":4242,"card":{"number":"x"}},{"user":{"id":"4242"}}],
            "mails":{"a":1},"keys":[{"ada@example.org":1,"bob@example.org":2}]}"#,
        expect![[r#"
            headers: [["Cookie","[SECRET]"],["Accept","*/*"]]
            params: [{"name":"password","value":"[SECRET]"},{"name":"page","value":"2"}]
            users: [{"user_id":"TOKEN","card":{"number":"[SECRET]"}},{"user":{"id":"TOKEN"}}]
            mails: {"a":1}
            keys: [{"[EMAIL]":1,"[EMAIL]_2":2}]
            _pseudonyms: "TOKEN"
            _redacted: ["email","secret_key"]
        "#]],
    );
}

#[test]
fn of_a_key_that_stands_twice_both_values_go() {
    let mut given = record("{}");
    let text = r#"[{"a":"ada@example.org","a":"ok","password":"x","password":""}]"#;
    given.fields.push(("list".into(), Value::Json(text.into())));
    let shown = shown(&redacted(&redactor(), given));
    assert!(!shown.contains("ada") && !shown.contains("\"x\""), "{shown}");
}

#[test]
fn names_are_scanned_and_stay_distinct() {
    check(
        r#"{"counts.ada@example.org":1,"counts.bob@example.org":2,"x":3,"4111111111111111":4}"#,
        expect![[r#"
            [EMAIL]: 1
            [EMAIL]_2: 2
            x: 3
            [CARD]: 4
            _redacted: ["card","email"]
        "#]],
    );
}

#[test]
fn ids_of_users_become_tokens_everywhere() {
    check(
        r#"{"user_id":4242,"context.user_id":"4242","context.userId":" 4242 ","target_user_id":7,
            "message":"user_id=4242 logged in, {\"user\":{\"id\":4242}}","raw":"{\"userId\": \"4242\"}"}"#,
        expect![[r#"
            user_id: "TOKEN"
            context.user_id: "TOKEN"
            context.userId: "TOKEN"
            target_user_id: 7
            message: "user_id=TOKEN logged in, {\"user\":{\"id\":\"TOKEN\"}}"
            raw: "{\"userId\": \"TOKEN\"}"
        "#]],
    );
}

#[test]
fn ids_in_lists_and_objects_are_tokens_each() {
    check(
        r#"{"user_id":[4242,"4242",null],"original.user_id":[{"id":4242,"admin":true}],
            "user_id.value":4242,"context.user_id.kind":"4242","user_id_type":4242,
            "actor":[{"user_id":{"id":4242}}]}"#,
        expect![[r#"
            user_id: ["TOKEN","TOKEN",null]
            original.user_id: [{"id":"TOKEN","admin":true}]
            user_id.value: "TOKEN"
            context.user_id.kind: "TOKEN"
            user_id_type: 4242
            actor: [{"user_id":{"id":"TOKEN"}}]
            _pseudonyms: "TOKEN"
        "#]],
    );
}

#[test]
fn escaped_and_disguised_values_are_found() {
    check(
        r#"{"a":"ada%40example.org","b":"ada\\u0040example.org","c":"{\"m\":\"line\\nada@example.org\"}",
            "d":"４１１１１１１１１１１１１１１１","e":"4111\u200b111111111111","f":"{\"p\\u0061ssword\":\"x\"}",
            "g":"%7B%22password%22%3A%22x%22%7D","h":"CORP\\bob@example.org","html":"{&quot;token&quot;:&quot;x&quot;}",
            "PASSWORD":"x",
            "i":"{\"a\":\"{\\\"password\\\":\\\"x\\\\\\\"y\\\"}\"}"}"#,
        expect![[r#"
            a: "[EMAIL]"
            b: "[EMAIL]"
            c: "{\"m\":\"line\\n[EMAIL]\"}"
            d: "[CARD]"
            e: "[CARD]"
            f: "{\"p\\u0061ssword\":\"[SECRET]\"}"
            g: "%7B%22password%22%3A%22[SECRET]%22%7D"
            h: "CORP\\b[EMAIL]"
            html: "{&quot;token&quot;:&quot;[SECRET]&quot;}"
            PASSWORD: "[SECRET]"
            i: "{\"a\":\"{\\\"password\\\":\\\"[SECRET]\\\"}\"}"
            _redacted: ["card","email","key_value","secret_key"]
        "#]],
    );
}

/// Colours stand between key, sign and value, in the bytes of a terminal and in their escapes.
#[test]
fn colours_and_further_escapes_are_seen_through() {
    check(
        r#"{"a":"\u001b[36mpassword\u001b[0m\u001b[2m=\u001b[0m\u001b[35mhunter2\u001b[0m ok",
            "b":"\\u001b[36mtoken\\u001b[39m: \\u001b[32mabc123def\\u001b[39m",
            "c":"ada\\x40example.org ada\\u{40}example.org",
            "d":"{\\x22password\\x22:\\x22x y\\x22}","e":"4111\u001b[0m 1111 1111 1111"}"#,
        expect![[r#"
            a: "\u001b[36mpassword\u001b[0m\u001b[2m=\u001b[0m\u001b[35m[SECRET]\u001b[0m ok"
            b: "\\u001b[36mtoken\\u001b[39m: \\u001b[32m[SECRET]\\u001b[39m"
            c: "[EMAIL] [EMAIL]"
            d: "{\\x22password\\x22:\\x22[SECRET]\\x22}"
            e: "[CARD]"
            _redacted: ["card","email","key_value"]
        "#]],
    );
}

#[test]
fn what_is_an_id_under_one_name_is_a_card_under_another() {
    let redactor = redactor();
    let mut batch = redactor.batch();
    for fields in [
        r#"{"trace_id":"4111111111111111"}"#,
        r#"{"account":"4111111111111111"}"#,
        r#"{"url.query":"code=4/0AX4XfWh"}"#,
        r#"{"other":"code=4/0AX4XfWh"}"#,
        r#"{"url.query":"code=4/0AX4XfWh"}"#,
    ] {
        batch.push(record(fields));
    }
    let batch = batch.finish(None);
    let shown = batch.records().map(|read| shown(&read.expect("valid").decode().expect("valid")));
    expect![[r#"
        trace_id: "4111111111111111"
        account: "[CARD]"
        _redacted: ["card"]
        url.query: "code=[CREDENTIALS]"
        _redacted: ["url_credentials"]
        other: "code=4/0AX4XfWh"
        url.query: "code=[CREDENTIALS]"
        _redacted: ["url_credentials"]
    "#]]
    .assert_eq(&shown.collect::<String>());
}

#[test]
fn a_query_apart_from_its_path_is_read_as_one() {
    check(
        r#"{"path":"/cb","url.query":"code=4/0AX4XfWh&state=1&user_id=4242","url.full":"https://a:b@h/cb?code=4/0AX4XfWh"}"#,
        expect![[r#"
            path: "/cb"
            url.query: "code=[CREDENTIALS]&state=1&user_id=TOKEN"
            url.full: "https://[CREDENTIALS]@h/cb?code=[CREDENTIALS]"
            _pseudonyms: "TOKEN"
            _redacted: ["url_credentials"]
        "#]],
    );
    check(
        r#"{"url.query":"page=2"}"#,
        expect![[r#"
            url.query: "page=2"
        "#]],
    );
}

#[test]
fn ids_as_keys_below_a_covered_field_are_tokens() {
    check(
        r#"{"user_id.4242":true,"user_id.role":"admin","user.id.7.seen":false,"order_id.4242":true,
            "user_id.550e8400-e29b-41d4-a716-446655440000":{},
            "list":[{"user_id":{"4242":{"4242":1},"role":null}},{"order":{"4242":2}}]}"#,
        expect![[r#"
            user_id.TOKEN: true
            user_id.role: "u_joyg_7tzrpwmzsxze3tildr765uiiha"
            user.id.u_joyg_frvaid7a6ayrjoycmwtozq2rc4.seen: false
            order_id.4242: true
            user_id.u_joyg_gnydheqpf5d2xbrapoogtoans4: {}
            list: [{"user_id":{"TOKEN":{"TOKEN":"u_joyg_j4rqmakhvtbvrgs3mk4yir7aji"},"role":null}},{"order":{"4242":2}}]
            _pseudonyms: ["u_joyg_7tzrpwmzsxze3tildr765uiiha","u_joyg_frvaid7a6ayrjoycmwtozq2rc4","u_joyg_gnydheqpf5d2xbrapoogtoans4","u_joyg_j4rqmakhvtbvrgs3mk4yir7aji","TOKEN"]
        "#]],
    );
}

#[test]
fn telephone_numbers_go_under_their_keys() {
    check(
        r#"{"phone":"(415) 555-2671","user.mobile_number":4155552671,"phone_verified":true,
            "message":"phone=415-555-2671, call +44 20 7946 0958 at 4155552671",
            "list":[{"phone":4155552671,"n":4155552671}],"phones":[{"phone":["(415) 555-2671"]}],
            "param":[{"name":"phone","value":"415-555-2671"},["mobile","4155552671"]],
            "field.name":"phone","field.value":"4155552671"}"#,
        expect![[r#"
            phone: "[PHONE]"
            user.mobile_number: "[PHONE]"
            phone_verified: true
            message: "phone=[PHONE], call [PHONE] at 4155552671"
            list: [{"phone":"[PHONE]","n":4155552671}]
            phones: [{"phone":["[PHONE]"]}]
            param: [{"name":"phone","value":"[PHONE]"},["mobile","[PHONE]"]]
            field.name: "phone"
            field.value: "[PHONE]"
            _redacted: ["phone"]
        "#]],
    );
}

/// A detector of one file and one line in the registry is asked wherever values stand.
#[test]
fn hardware_addresses_go_from_texts_names_values_and_rejected_lines() {
    check(
        r#"{"message":"lease for 3c:22:fb:9a:10:0e, mac=3c22fb9a100e","mac":"3C-22-FB-9A-10-0E",
            "ap":[{"bssid":"3c22.fb9a.100e"},{"name":"mac","value":"3c22fb9a100e"}],
            "raw":"{\"mac\": \"3c22fb9a100e\"}","3c:22:fb:9a:10:0e":1,"commit":"3c22fb9a100e"}"#,
        expect![[r#"
            message: "lease for [MAC], mac=[MAC]"
            mac: "[MAC]"
            ap: [{"bssid":"[MAC]"},{"name":"mac","value":"[MAC]"}]
            raw: "{\"mac\": \"[MAC]\"}"
            [MAC]: 1
            commit: "3c22fb9a100e"
            _redacted: ["mac_address"]
        "#]],
    );
    let letter = dead_letter(b"{\"mac\":\"3c22fb9a100e\" oops", RejectReason::InvalidJson);
    assert_eq!(letter.get_str("message"), Some("{\"mac\":\"[MAC]\" oops"));
}

#[test]
fn a_sender_cannot_write_the_list_of_detectors() {
    check(
        r#"{"_redacted":["email","ada@example.org"],"message":"password=x"}"#,
        expect![[r#"
        message: "password=[SECRET]"
        _redacted: ["key_value"]
    "#]],
    );
    check(r#"{"_redacted":"ada@example.org"}"#, expect![""]);
}

#[test]
fn what_is_switched_off_stays() {
    let settings = RedactionSettings::default()
        .without(detector_named("email").expect("known"))
        .without(detector_named("secret_key").expect("known"));
    let redactor = Redactor::new(&settings, Pseudonyms::off());
    let fields = r#"{"message":"ada@example.org","password":"x","user_id":"4242"}"#;
    assert_eq!(redacted(&redactor, record(fields)), record(fields));
    let card = redacted(&redactor, record(r#"{"n":4111111111111111}"#));
    assert_eq!(card.get_str("n"), Some("[CARD]"));
    let off = Redactor::new(&RedactionSettings::off(), Pseudonyms::off());
    let fields = r#"{"message":"password=x 4111111111111111","n":4111111111111111,"token":"x",
        "list":[{"password":"4111111111111111"}]}"#;
    assert_eq!(redacted(&off, record(fields)), record(fields));
}

#[test]
fn replacements_are_counted_and_pseudonyms_are_not() {
    let redactor = redactor();
    let mut batch = redactor.batch();
    batch.push(record(r#"{"message":"a@example.org b@example.org","password":1,"user_id":4242}"#));
    assert_eq!((batch.redacted_count(), batch.record_count()), (3, 1));
    assert!(batch.byte_len() > 40);
    batch.push(record(r#"{"message":"clean","user_id":4242}"#));
    let id = BatchId::of_client(Tenant::DEFAULT, "b1");
    let batch = batch.finish(id);
    assert_eq!((batch.record_count(), batch.id().copied()), (2, id));
    let last = batch.records().last().expect("two").expect("valid");
    assert_eq!(last.decode().expect("valid").get("_redacted"), None);
}

fn dead_letter(line: &[u8], reason: RejectReason) -> Record<'static> {
    let redactor = redactor();
    let mut batch = redactor.batch();
    batch.push_dead_letter(DeadLetter {
        arrival: Timestamp::default(),
        reason,
        detail: "expected `,` near ada@example.org".into(),
        line: line.into(),
        service: Some("shop"),
        source: None,
    });
    only(&batch.finish(None))
}

#[test]
fn dead_letters_are_redacted_before_they_are_cut() {
    let record = dead_letter(
        b"{\"password\": \"x\xff y\", \"user_id\": 4242, \"m\": \"ada@example.org",
        RejectReason::InvalidJson,
    );
    let token = pseudonyms().token_in("user_id", "4242").expect("a key");
    assert_eq!((record.kind, record.level), (RecordKind::DeadLetter, Level::Warning));
    expect![[r#"
        reason: "invalid_json"
        detail: "expected `,` near [EMAIL]"
        message: "{\"password\": \"[SECRET]\", \"user_id\": \"TOKEN\", \"m\": \"[EMAIL]"
        service: "shop"
        _pseudonyms: "TOKEN"
        _redacted: ["email","key_value"]
    "#]]
    .assert_eq(&shown(&record).replace(&token, "TOKEN"));

    // A card across the cut, and an address that the source has cut in half.
    let mut line = vec![b'-'; 4_085];
    line.extend_from_slice(b" card 4111111111111111 and more");
    let message = dead_letter(&line, RejectReason::InvalidJson);
    let message = message.get_str("message").expect("text");
    assert!(message.len() <= 4_096 && !message.contains('4'), "{}", &message[4_080..]);
    let mut line = vec![b'-'; 1_000];
    line.extend_from_slice(b" ada.lovelace@exampl");
    let message = dead_letter(&line, RejectReason::TooLong);
    assert!(!message.get_str("message").expect("text").contains("ada"));
}

#[test]
fn utf_16_is_read_through_its_zero_bytes() {
    let line: Vec<u8> = "mail ada@example.org".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let record = dead_letter(&line, RejectReason::InvalidJson);
    let message = record.get_str("message").expect("text").replace('\0', "");
    assert_eq!(message, "mail [EMAIL]");
}
