//! Rules over whole records: each action, in fields, texts and arrays, idempotent under each.

use expect_test::{Expect, expect};
use tierlog_model::{Level, RejectReason, Tenant, Tiers, Timestamp};

use super::super::*;
use super::{only, pseudonyms, record, shown};

fn ruled(policy: &str) -> Redactor {
    let policy = RedactionPolicy::parse(policy, &Tiers::standard()).expect("a valid policy");
    Redactor::new(&RedactionSettings::default().with_policy(&policy), pseudonyms())
}

fn rule(detectors: &str, rest: &str) -> String {
    format!("[[rule]]\nname = \"test\"\ndetectors = [{detectors}]\n{rest}\n")
}

/// Redacts twice and shows the outcome, without the version.
#[expect(clippy::needless_pass_by_value, reason = "Expect is made to be passed by value")]
#[track_caller]
fn check(policy: &str, fields: &str, expected: Expect) {
    let redactor = ruled(policy);
    let mut batch = redactor.batch();
    let (disposition, _) = batch.push(record(fields));
    if disposition == Disposition::Dropped {
        assert_eq!(batch.finish(None).record_count(), 0);
        return expected.assert_eq("dropped");
    }
    let once = only(&batch.finish(None));
    let mut batch = redactor.batch();
    batch.push(once.clone());
    let twice = only(&batch.finish(None));
    // What was left out has nothing that could bear out the list.
    let fields = |record| shown(record).split("_redacted: ").next().unwrap_or_default().to_owned();
    assert_eq!(fields(&once), fields(&twice), "redaction is idempotent");
    let version = redactor.policy_version().expect("a file");
    let shown = shown(&once);
    let shown = shown.lines().filter(|line| **line != format!("_policy: \"{version}\""));
    expected.assert_eq(&shown.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_mask_shows_the_end_in_fields_texts_and_arrays() {
    check(
        &rule("\"card\", \"secret_key\", \"key_value\"", "action = \"mask\""),
        r#"{"card":"4111 1111 1111 1111","message":"paid with card 4111111111111111, ask a@b.ch",
            "number":4111111111111111,"items":[{"card":4111111111111111}],
            "password":"correct-horse","text":"password=correct-horse-9 pin=1234"}"#,
        expect![[r#"
            card: "[CARD ****1111]"
            message: "paid with card [CARD ****1111], ask [EMAIL]"
            number: "[CARD ****1111]"
            items: [{"card":"[CARD ****1111]"}]
            password: "[SECRET ****orse]"
            text: "password=[SECRET ****rse9] pin=[SECRET ****]"
            _redacted: ["card","email","key_value","secret_key"]
        "#]],
    );
}

#[test]
fn a_pseudonym_is_the_same_wherever_the_value_stands() {
    let redactor = ruled(&rule("\"email\"", "action = \"pseudonym\"\nidentity = \"mail\""));
    let token = pseudonyms().token_in("mail", "ada@example.org").expect("a key");
    let mut batch = redactor.batch();
    batch.push(record(r#"{"message":"of ada@example.org","list":["ada@example.org"]}"#));
    let record = only(&batch.finish(None));
    assert_eq!(record.get_str("message"), Some(format!("of {token}").as_str()));
    assert!(shown(&record).contains(&format!("list: [\"{token}\"]")), "{}", shown(&record));
}

#[test]
fn a_dropped_field_takes_its_member_or_itself_with_it() {
    check(
        &rule("\"email\", \"secret_key\"", "action = \"drop_field\""),
        r#"{"message":"ask a@b.ch","kept":1,"password":"x","list":["a@b.ch","x"],
            "users":[{"mail":"a@b.ch","id":7},{"mail":"none","id":8}],"deep":[{"a":[["a@b.ch"]],"b":1}]}"#,
        expect![[r#"
            kept: 1
            users: [{"id":"u_joyg_frvaid7a6ayrjoycmwtozq2rc4"},{"mail":"none","id":"u_joyg_rixl4vuhwpmuwfrlxhyl6drss4"}]
            deep: [{"b":1}]
            _pseudonyms: ["u_joyg_frvaid7a6ayrjoycmwtozq2rc4","u_joyg_rixl4vuhwpmuwfrlxhyl6drss4"]
            _redacted: ["email","secret_key"]
        "#]],
    );
}

#[test]
fn a_dropped_record_is_not_in_the_batch_whatever_the_place_of_the_find() {
    let policy = rule("\"card\"", "action = \"drop_record\"");
    for fields in [
        r#"{"message":"card 4111111111111111"}"#,
        r#"{"card":"4111111111111111"}"#,
        r#"{"list":[{"card":4111111111111111}]}"#,
    ] {
        check(&policy, fields, expect!["dropped"]);
    }
    check(
        &policy,
        r#"{"message":"ask a@b.ch"}"#,
        expect![[r#"
        message: "ask [EMAIL]"
        _redacted: ["email"]
    "#]],
    );
}

#[test]
fn a_tag_leaves_the_value_and_shields_no_other_find() {
    check(
        &rule("\"email\", \"secret_key\"", "action = \"tag\""),
        r#"{"message":"ask a@b.ch, +41791234567","password":"of a@b.ch and 123-45-6789",
            "url":"https://a@b.ch:secret@host.example/x","list":["a@b.ch",{"token":"abc"}]}"#,
        expect![[r#"
            message: "ask a@b.ch, [PHONE]"
            password: "of a@b.ch and [SSN]"
            url: "https://[CREDENTIALS]@host.example/x"
            list: ["a@b.ch",{"token":"abc"}]
            _redacted: ["phone","ssn","url_credentials"]
            _detected: ["email","secret_key"]
        "#]],
    );
}

#[test]
fn rules_about_fields_act_whatever_the_fields_hold() {
    check(
        "[[rule]]\nname = \"a\"\nfields = [\"name\", \"person.*\"]\naction = \"replace\"\n\
         [[rule]]\nname = \"b\"\nfields = [\"note\"]\naction = \"drop_field\"\n\
         [[rule]]\nname = \"c\"\nfields = [\"account\"]\naction = \"mask\"\n\
         [[rule]]\nname = \"d\"\nfields = [\"client_ip\"]\naction = \"truncate\"\n",
        r#"{"name":"Ada","person.age":36,"person.tags":["x"],"note":[1],"account":"ACC-00012345",
            "client_ip":"203.0.113.77","items":[{"name":"x"}],"message":"kept"}"#,
        expect![[r#"
            name: "[REDACTED]"
            person.age: "[REDACTED]"
            person.tags: "[REDACTED]"
            account: "[REDACTED ****2345]"
            client_ip: "203.0.113.0"
            items: [{"name":"x"}]
            message: "kept"
            _redacted: ["field_rule"]
        "#]],
    );
}

#[test]
fn a_closed_policy_stores_what_it_names_and_nothing_else() {
    let policy = "[[rule]]\nname = \"closed\"\nfields_except = [\"message\", \"users.id\"]\n\
                  action = \"drop_field\"\n";
    check(
        policy,
        r#"{"message":"ask a@b.ch","new":"x","flag":true,"n":1,"users":[{"id":7,"name":"Ada"},"x"],
            "list":["x"],"empty":""}"#,
        expect![[r#"
            message: "ask [EMAIL]"
            _redacted: ["email","field_rule"]
        "#]],
    );
    // A line that is no record has no fields that could be allowed.
    let redactor = ruled(policy);
    let mut batch = redactor.batch();
    batch.push_dead_letter(DeadLetter {
        arrival: Timestamp::default(),
        reason: RejectReason::InvalidJson,
        detail: "x".into(),
        line: b"{\"name\":\"Ada\"".into(),
        service: None,
        source: None,
    });
    let letter = only(&batch.finish(None));
    assert_eq!(letter.get_str("message"), Some("[REDACTED]"));
    assert_eq!(letter.get_str("reason"), Some("invalid_json"));
}

#[test]
fn services_tiers_and_tenants_choose_the_rule() {
    let redactor = ruled(
        "[[rule]]\nname = \"s\"\ndetectors = [\"email\"]\nservices = [\"shop-*\"]\naction = \"mask\"\n\
         [[rule]]\nname = \"t\"\ndetectors = [\"email\"]\ntiers = [\"debug\"]\naction = \"tag\"\n\
         [[rule]]\nname = \"n\"\ndetectors = [\"email\"]\ntenants = [\"acme\"]\naction = \"drop_field\"\n",
    );
    let acme = Tenant::define("acme").expect("a name");
    for (tenant, service, level, expected) in [
        (Tenant::DEFAULT, "shop-eu", Level::Debug, Some("[EMAIL ****gorg]")),
        (Tenant::DEFAULT, "web", Level::Debug, Some("ada@example.gorg")),
        (Tenant::DEFAULT, "web", Level::Info, Some("[EMAIL]")),
        (acme, "web", Level::Debug, None),
        (acme, "shop-eu", Level::Info, Some("[EMAIL ****gorg]")),
    ] {
        let mut given = record(&format!(r#"{{"m":"ada@example.gorg","service":"{service}"}}"#));
        given.level = level;
        let mut batch = redactor.batch();
        batch.of_tenant(tenant);
        batch.push(given);
        let record = only(&batch.finish(None));
        assert_eq!(record.get_str("m"), expected, "{service} {level:?}");
    }
}

/// What a sender says of redaction counts where the record bears it out.
#[test]
fn a_list_of_detectors_cannot_be_made_up() {
    let redactor = super::redactor();
    for (fields, expected) in [
        (r#"{"message":"x","_redacted":["email"]}"#, None),
        (r#"{"message":"[EMAIL]","_redacted":["email","card"]}"#, Some(r#"["email"]"#)),
        (r#"{"c":"[CARD ****1111]","_redacted":["card"]}"#, Some(r#"["card"]"#)),
        (r#"{"list":["[SSN]"],"_redacted":["ssn"]}"#, Some(r#"["ssn"]"#)),
        (r#"{"message":"x","_redacted":"all"}"#, None),
        (r#"{"message":"x","_detected":["email"],"_policy":"y"}"#, None),
    ] {
        let mut batch = redactor.batch();
        batch.push(record(fields));
        let record = only(&batch.finish(None));
        let list = record.get("_redacted").map(|value| match value {
            tierlog_model::Value::Json(text) => text.to_string(),
            other => format!("{other:?}"),
        });
        assert_eq!(list.as_deref(), expected, "{fields}");
        assert!(record.get("_detected").is_none() && record.get("_policy").is_none(), "{fields}");
    }
}

/// One filter over a line: the bytes that are not replaced stay.
#[test]
fn a_filtered_line_keeps_every_byte_that_is_not_replaced() {
    let redactor = super::redactor();
    let mut filter = redactor.filter(Tenant::DEFAULT);
    for (line, expected) in [
        ("{\"a\": 1.50, \"b\":[1, 2 ],\"c\":null}", None),
        (
            "{ \"a\" : 1.50,\"m\": \"ask a@b.ch\" , \"big\": 123456789012345678901234567890 }",
            Some(
                "{ \"a\" : 1.50,\"m\": \"ask [EMAIL]\" , \"big\": 123456789012345678901234567890,\"_redacted\":[\"email\"] }",
            ),
        ),
        ("{\"password\":null,\"token\":\"\"}", None),
        ("{\"password\":5}", Some("{\"password\":\"[SECRET]\",\"_redacted\":[\"secret_key\"]}")),
        ("{}", None),
        ("{\"a\":1,\"_redacted\":[\"email\"]}", Some("{\"a\":1}")),
        ("plain a@b.ch, \u{e9}", Some("plain [EMAIL], \u{e9}")),
        ("[{\"password\":\"x\"}, \"a@b.ch\"]", Some("[{\"password\":\"[SECRET]\"},\"[EMAIL]\"]")),
        ("{\"broken\":\"a@b.ch\"", Some("{\"broken\":\"[EMAIL]\"")),
        ("", None),
    ] {
        let filtered = filter.line(line);
        let expected = expected.unwrap_or(line);
        assert_eq!(filtered.line.as_deref(), Some(expected), "{line}");
        assert_eq!(filtered.finds.is_empty(), filtered.replaced_count == 0, "{line}");
        assert_eq!(filter.line(expected).line.as_deref(), Some(expected), "twice: {line}");
    }
}

#[test]
fn finds_are_explained_by_field_place_sign_and_rule() {
    let redactor = ruled(&rule("\"card\"", "fields = [\"pay\"]\naction = \"drop_field\""));
    let mut filter = redactor.filter(Tenant::DEFAULT);
    let line = r#"{"m":"x\u0040y.ch, password=abc","pay":{"card":4111111111111111},"phone":"0141 496 0000"}"#;
    let filtered = filter.line(line);
    let told: String = filtered
        .finds
        .iter()
        .map(|find| {
            let place = find.start.zip(find.end).map(|(start, end)| format!("{start}-{end}"));
            let place = place.unwrap_or_default();
            let rule = find.rule.as_deref().unwrap_or("-");
            let (field, detector, sign) = (&find.field, find.detector, find.sign);
            format!(
                "{field} {place} {detector} {sign} {} {rule} {}\n",
                find.action, find.replacement
            )
        })
        .collect();
    expect![[r#"
        m 0-6 email text replace - [EMAIL]
        m 17-20 key_value text replace - [SECRET]
        pay.card  card name drop_field test 
        phone  phone name replace - [PHONE]
    "#]]
    .assert_eq(&told);
    let expected = r#"{"m":"[EMAIL], password=[SECRET]","pay":{},"phone":"[PHONE]","_redacted":["card","email","key_value","phone"]}"#;
    assert_eq!(filtered.line.as_deref(), Some(expected));
}
