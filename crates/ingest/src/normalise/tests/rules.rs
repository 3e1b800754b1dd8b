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
        (r#"{"latency":"7ms"}"#, 7.0),
        (r#"{"elapsed":"0:00:01.25"}"#, 1_250.0),
        (r#"{"took":"PT0.5S"}"#, 500.0),
        (r#"{"durationMs":7}"#, 7.0),
    ] {
        let record = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
        let record = record.expect("a record");
        assert_eq!(record.fields, [("duration_ms".into(), Value::F64(expected))], "{line}");
    }
}

#[test]
fn a_number_whose_unit_nothing_says_is_no_duration() {
    for (name, value) in [
        ("duration", "7"),
        ("latency", "0.25"),
        ("elapsed", "\"12\""),
        ("took", "1500000"),
        ("request_time", "0.25"),
        ("response_time", "3"),
        ("duration", "\"a while\""),
        ("duration", "true"),
    ] {
        let line = format!("{{\"{name}\":{value}}}");
        let record = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
        let names: Vec<String> =
            record.expect("a record").fields.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, [name], "{line}");
    }
}

#[test]
fn a_configured_spelling_says_the_unit_and_beats_a_shape() {
    let extra = [
        ("duration_ms".to_owned(), vec!["took:s".to_owned(), "latency".to_owned()]),
        ("logger".to_owned(), vec!["channel_name".to_owned()]),
        ("duration_ms".to_owned(), vec!["duration:us".to_owned()]),
    ];
    let aliases = AliasTable::with_extra(&extra).expect("valid");
    let config = IngestConfig { aliases, ..IngestConfig::default() };
    for (line, expected) in [
        (r#"{"took":0.5}"#, 500.0),
        (r#"{"latency":7}"#, 7.0),
        (r#"{"duration":1500}"#, 1.5),
        // zap's own unit is the second.
        (r#"{"level":"info","ts":1795165509.5,"msg":"m","duration":1500}"#, 1.5),
    ] {
        let record = read_as(line.as_bytes(), LineKind::Json, &config).expect("a record");
        let read = record.fields.iter().find(|(name, _)| name == "duration_ms");
        assert_eq!(read.map(|(_, value)| value), Some(&Value::F64(expected)), "{line}");
    }
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
    let defaults = RecordDefaults {
        service: Some("web".to_owned()),
        level: Some(Level::Error),
        source: Some("file".to_owned()),
        ..RecordDefaults::default()
    };
    let context = Context {
        config: &config,
        defaults: &defaults,
        arrival: arrival(),
        present: Present::sure(arrival()),
    };
    let mut reader = LineReader::new(&config);
    let (mut interner, mut meanings) = Default::default();
    let mut print_of = |line: &str| {
        let spelling = Spelling::new(&mut interner, &mut meanings);
        print(reader.read(line.as_bytes(), LineKind::Json, context, spelling))
    };
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
fn an_object_in_a_message_only_fills_in() {
    let check = |line: &str, expected: Expect| check(line, expected);
    check(
        r#"{"levelname":"ERROR","message":"{\"level\":\"debug\",\"request_id\":\"x\",\"date\":\"1990-05-01\",\"service\":\"theirs\"}","request_id":"r-1","service":"ours","user_id":7}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z error
              level_text = Str("ERROR")
              message = Str("{\"level\":\"debug\",\"request_id\":\"x\",\"date\":\"1990-05-01\",\"service\":\"theirs\"}")
              request_id = Str("r-1")
              service = Str("ours")
              user_id = Str("7")
              original.level = Str("debug")
              original.request_id = Str("x")
              date = Str("1990-05-01")
              original.service = Str("theirs")
        "#]],
    );
    check(
        r#"{"level":"info","service":"runtime","timestamp":"2026-11-20T09:00:00Z","message":"{\"level\":\"error\",\"app\":\"own\",\"ts\":1795165509,\"message\":\"{\\\"message\\\":\\\"innermost\\\",\\\"user_id\\\":5}\"}"}"#,
        expect![[r#"
            2026-11-20T09:00:00.000000Z info
              service = Str("runtime")
              original.level = Str("error")
              app = Str("own")
              ts = I64(1795165509)
              message = Str("innermost")
              user_id = Str("5")
        "#]],
    );
    // What the record lacks is filled in: time, level, ids, service.
    check(
        r#"{"message":"{\"level\":\"error\",\"request_id\":\"x\",\"ts\":1795165509.5,\"app\":\"shop\",\"msg\":\"inside\"}"}"#,
        expect![[r#"
            2026-11-20T09:05:09.500000Z error
              request_id = Str("x")
              service = Str("shop")
              message = Str("inside")
        "#]],
    );
    // A level that nobody knows is a level; an unreadable or far time inside costs nothing.
    check(
        r#"{"level":"loud","message":"{\"level\":\"debug\",\"timestamp\":\"yesterday\"}"}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z warning
              level_text = Str("loud")
              message = Str("{\"level\":\"debug\",\"timestamp\":\"yesterday\"}")
              original.level = Str("debug")
              original.timestamp = Str("yesterday")
        "#]],
    );
    check(
        r#"{"message":"{\"timestamp\":\"1990-05-01T00:00:00Z\",\"user_id\":1}"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          message = Str("{\"timestamp\":\"1990-05-01T00:00:00Z\",\"user_id\":1}")
          original.timestamp = Str("1990-05-01T00:00:00Z")
          user_id = Str("1")
    "#]],
    );
    // A wrapper inside a message is not believed to be one.
    check(
        r#"{"levelname":"ERROR","asctime":"2026-11-20 09:00:00,000","message":"{\"log\":\"{\\\"level\\\":\\\"debug\\\",\\\"msg\\\":\\\"in\\\"}\",\"stream\":\"stdout\",\"time\":\"2026-11-20T11:00:00Z\"}"}"#,
        expect![[r#"
            2026-11-20T09:00:00.000000Z error
              level_text = Str("ERROR")
              stream = Str("stdout")
              time = Str("2026-11-20T11:00:00Z")
              original.level = Str("debug")
              message = Str("in")
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

#[test]
fn the_best_readable_time_is_the_timestamp() {
    for (line, expected) in [
        // An exact time wins over the same time without its zone, inside and outside of a wrapper.
        (
            r#"{"asctime":"2026-11-20 11:05:09,123","ts":1795165509.5}"#,
            "2026-11-20T09:05:09.500000Z",
        ),
        (
            r#"{"log":"{\"asctime\":\"2026-11-20 11:05:09,123\",\"levelname\":\"INFO\"}\n","stream":"stdout","time":"2026-11-20T09:05:09.5Z"}"#,
            "2026-11-20T09:05:09.500000Z",
        ),
        // One that lies days away is another time: the log's own is kept.
        (
            r#"{"log":"{\"asctime\":\"2026-11-12 11:05:09,123\",\"levelname\":\"INFO\"}\n","stream":"stdout","time":"2026-11-20T09:05:09.5Z"}"#,
            "2026-11-12T11:05:09.123000Z",
        ),
        // Unreadable and far times cost nothing beside a good time.
        (r#"{"timestamp":0,"ts":1795165509.5}"#, "2026-11-20T09:05:09.500000Z"),
        (r#"{"timestamp":"soon","ts":1795165509.5}"#, "2026-11-20T09:05:09.500000Z"),
        (r#"{"ts":1795165509.5,"date":"1990-05-01"}"#, "2026-11-20T09:05:09.500000Z"),
        (r#"{"time":"1990-05-01","ts":1795165509.5}"#, "2026-11-20T09:05:09.500000Z"),
        (r#"{"time":0.002,"ts":1795165509.5}"#, "2026-11-20T09:05:09.500000Z"),
        (
            r#"{"@timestamp":"2101-01-01T00:00:00Z","time":"2026-11-20T09:05:09.5Z"}"#,
            "2026-11-20T09:05:09.500000Z",
        ),
        // Without a good one: arrival.
        (r#"{"date":"1990-05-01"}"#, "2026-11-20T12:00:00.000000Z"),
        (r#"{"time":0.002}"#, "2026-11-20T12:00:00.000000Z"),
        (r#"{"ts":0}"#, "2026-11-20T12:00:00.000000Z"),
        (r#"{"time":"12:30","datetime":"tomorrow"}"#, "2026-11-20T12:00:00.000000Z"),
        // An application's own date is not the time of its record.
        (
            r#"{"asctime":"2026-11-20 09:05:09,123","date":"2026-11-20T00:00:00Z"}"#,
            "2026-11-20T09:05:09.123000Z",
        ),
        (r#"{"date":1795165509.5}"#, "2026-11-20T09:05:09.500000Z"),
    ] {
        let record = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
        let record = record.unwrap_or_else(|reject| panic!("{line}: {reject:?}"));
        assert_eq!(record.timestamp.to_string(), expected, "{line}");
    }
    // Every field that is not the timestamp keeps its name, or makes room for the record's own.
    check(
        r#"{"timestamp":0,"ts":1795165509.5,"date":"1990-05-01"}"#,
        expect![[r#"
        2026-11-20T09:05:09.500000Z info
          original.timestamp = I64(0)
          date = Str("1990-05-01")
    "#]],
    );
}
