//! Every rule of the contract's table.

use super::*;

#[test]
fn the_first_alias_wins_and_the_others_stay() {
    check(
        r#"{"msg":"second","message":"first","correlation_id":"c","request_id":"r","X-Request-ID":"x"}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              msg = Str("second")
              message = Str("first")
              correlation_id = Str("c")
              request_id = Str("r")
              X-Request-ID = Str("x")
        "#]],
    );
    check(
        r#"{"Request-Id":"only","http":{"request_id":"nested"}}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          request_id = Str("only")
          http.request_id = Str("nested")
    "#]],
    );
    check(
        r#"{"status":"ok","response_code":"201"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          status = Str("ok")
          status_code = I64(201)
    "#]],
    );
}

#[test]
fn values_keep_their_types() {
    check(
        r#"{"i":9007199254740993,"u":18446744073709551615,"big":18446744073709551616,"huge":1e400,"f":1.5,"t":true,"s":"","nul":null,"nan":NaN,"list":[1,{"a":null},"x"],"empty":{},"deep":{"a":{"b":-1}}}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              i = I64(9007199254740993)
              u = U64(18446744073709551615)
              big = Str("18446744073709551616")
              huge = Str("1e400")
              f = F64(1.5)
              t = Bool(true)
              s = Str("")
              nan = Str("NaN")
              list = Json("[1,{\"a\":null},\"x\"]")
              empty = Json("{}")
              deep.a.b = I64(-1)
        "#]],
    );
}

#[test]
fn ids_are_text_and_trimmed() {
    check(
        r#"{"user_id":4242,"request_id":" r ","trace_id":18446744073709551615,"span_id":[1]}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              user_id = Str("4242")
              request_id = Str("r")
              trace_id = Str("18446744073709551615")
              span_id = Str("1")
        "#]],
    );
    check(
        r#"{"correlation_id":"-","user":{"id":7},"context":{"request_id":"c"}}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          correlation_id = Str("-")
          user_id = Str("7")
          request_id = Str("c")
    "#]],
    );
}

#[test]
fn levels_keep_their_text_where_it_differs() {
    check(
        r#"{"level":"warning"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z warning
    "#]],
    );
    check(
        r#"{"severity":"WARN"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z warning
          level_text = Str("WARN")
    "#]],
    );
    check(
        r#"{"level":"loud"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z warning
          level_text = Str("loud")
    "#]],
    );
    check(
        r#"{"level":"loud","levelname":"INFO"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          original.level = Str("loud")
          level_text = Str("INFO")
    "#]],
    );
    check(
        r#"{"levelno":40,"lvl":true}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z error
          level_text = Str("40")
          lvl = Bool(true)
    "#]],
    );
    check(
        "{}",
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
    "#]],
    );
}

#[test]
fn durations_are_milliseconds() {
    for (line, expected) in [
        (r#"{"duration_ms":12}"#, 12.0),
        (r#"{"duration":"1.5s"}"#, 1_500.0),
        (r#"{"elapsed_us":1500}"#, 1.5),
        (r#"{"response_time_ns":"2500000"}"#, 2.5),
        (r#"{"latency":7}"#, 7.0),
        (r#"{"request_time":0.25}"#, 250.0),
    ] {
        let record = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
        let record = record.expect("a record");
        assert_eq!(record.fields, [("duration_ms".into(), Value::F64(expected))], "{line}");
    }
    check(
        r#"{"duration":"a while"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          duration = Str("a while")
    "#]],
    );
}

#[test]
fn of_equal_names_the_last_wins_and_the_others_stay() {
    check(
        r#"{"a":1,"b":2,"a":"x","user_id":1,"user_id":2}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              original.a = I64(1)
              b = I64(2)
              a = Str("x")
              original.user_id = I64(1)
              user_id = Str("2")
        "#]],
    );
    check(
        r#"{"a":{"b":1},"a.b":2}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              original.a.b = I64(1)
              a.b = I64(2)
        "#]],
    );
    check(
        r#"{"Level":"error","level":"info","Level":"debug"}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              original.Level = Str("error")
              Level = Str("debug")
        "#]],
    );
}

#[test]
fn names_of_ours_that_an_application_uses_make_room() {
    check(
        r#"{"_redacted":"yes","level":"loud","original.level":"own","levelname":"INFO","level_text":"mine"}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              original._redacted = Str("yes")
              original.level_2 = Str("loud")
              original.level = Str("own")
              level_text = Str("INFO")
              original.level_text = Str("mine")
        "#]],
    );
    check(
        r#"{"_redacted":["email"],"_overflow":"x","original._redacted":1}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          _redacted = Json("[\"email\"]")
          _overflow = Str("x")
          original._redacted = I64(1)
    "#]],
    );
    check(
        r#"{"_redacted":["email","mine"],"original._redacted":1}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          original._redacted_2 = Json("[\"email\",\"mine\"]")
          original._redacted = I64(1)
    "#]],
    );
}

#[test]
fn a_thousand_equal_names_are_all_kept() {
    let members: Vec<String> = (0..1_000).map(|number| format!("\"a\":{number}")).collect();
    let record = read_json(&format!("{{{}}}", members.join(",")));
    assert_eq!(record.fields.len(), 1_000);
    assert_eq!(record.get("a"), Some(&Value::I64(999)));
    assert_eq!(record.get("original.a"), Some(&Value::I64(0)));
    assert_eq!(record.get("original.a_2"), Some(&Value::I64(1)));
    assert_eq!(record.get("original.a_999"), Some(&Value::I64(998)));
    let long = "n".repeat(FIELD_NAME_BYTES_MAX);
    let record = read_json(&format!(r#"{{"{long}":1,"{long}":2}}"#));
    assert!(record.fields.iter().all(|(name, _)| name.len() <= FIELD_NAME_BYTES_MAX));
    assert_eq!(record.fields.len(), 2);
}

#[test]
fn names_are_made_safe() {
    check(
        r#"{"":1,"a..b":2,".c":3,"d.":4,"e\u0000\nf":5,"g":{"":6},"\u0085":7}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              original._ = I64(1)
              a._.b = I64(2)
              _.c = I64(3)
              d._ = I64(4)
              e__f = I64(5)
              g._ = I64(6)
              _ = I64(7)
        "#]],
    );
    let long = "n".repeat(300);
    let record = read_as(
        format!(r#"{{"{long}":1,"a":{{"{long}":"x"}},"b":2}}"#).as_bytes(),
        LineKind::Json,
        &IngestConfig::default(),
    )
    .expect("a record");
    let overflow = record.get_str(field_names::OVERFLOW).expect("kept as text");
    let end = "n".repeat(FIELD_NAME_BYTES_MAX);
    assert_eq!(overflow, format!("{end}=1\n{end}=x"));
    assert_eq!(record.fields.len(), 2);
}

#[test]
fn defaults_fill_what_is_missing_only() {
    let config = IngestConfig::default();
    let defaults = Defaults {
        service: Some("web".to_owned()),
        level: Some(Level::Error),
        source: Some("file".to_owned()),
    };
    let context =
        Context { config: &config, defaults: &defaults, arrival: arrival(), now: arrival() };
    let mut reader = LineReader::new(&config);
    let mut print_of = |line: &str| print(reader.read(line.as_bytes(), LineKind::Json, context));
    expect![[r#"
        2026-11-20T12:00:00.000000Z error
          service = Str("web")
          source = Str("file")
    "#]]
    .assert_eq(&print_of("{}"));
    expect![[r#"
        2026-11-20T12:00:00.000000Z info
          service = Str("own")
          source = Str("own")
    "#]]
    .assert_eq(&print_of(r#"{"app":"own","level":"info","source":"own"}"#));
}

#[test]
fn spellings_can_be_added() {
    let extra = [("user_id".to_owned(), vec!["learner.pk".to_owned()])];
    let aliases = AliasTable::with_extra(&extra).expect("valid");
    let config = IngestConfig { aliases, ..IngestConfig::default() };
    let record = read_as(br#"{"learner":{"pk":7},"uid":1}"#, LineKind::Json, &config);
    expect![[r#"
        2026-11-20T12:00:00.000000Z info
          user_id = Str("7")
          uid = I64(1)
    "#]]
    .assert_eq(&print(record));
}

#[test]
fn wrapped_records_win_over_their_wrapper() {
    check(
        r#"{"level":"info","service":"runtime","timestamp":"2026-11-20T09:00:00Z","message":"{\"level\":\"error\",\"app\":\"own\",\"ts\":1795165509,\"message\":\"{\\\"message\\\":\\\"innermost\\\"}\"}"}"#,
        expect![[r#"
            2026-11-20T09:05:09.000000Z error
              original.level = Str("info")
              original.service = Str("runtime")
              original.timestamp = Str("2026-11-20T09:00:00Z")
              service = Str("own")
              message = Str("innermost")
        "#]],
    );
    check(
        r#"{"message":"{\"not json}"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          message = Str("{\"not json}")
    "#]],
    );
}
