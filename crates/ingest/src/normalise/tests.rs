//! Real samples of the usual libraries and runtimes, read; and every rule of the contract's table.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tierlog_model::Level;
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;

use super::*;

/// 2026-11-20T12:00:00Z: all samples below lie before it, within their tiers.
fn arrival() -> Timestamp {
    Timestamp::from_micros(1_795_176_000_000_000).expect("a moment")
}

fn read_as(line: &[u8], kind: LineKind, config: &IngestConfig) -> Result<Record<'static>, Reject> {
    let defaults = Defaults::default();
    let context = Context { config, defaults: &defaults, arrival: arrival() };
    LineReader::new(config).read(line, kind, context).map(Record::into_owned)
}

/// Prints a record, or the reason and detail of its rejection, one field a line.
fn print(read: Result<Record<'_>, Reject>) -> String {
    let record = match read {
        Ok(record) => record,
        Err(reject) => return format!("{}: {}\n", reject.reason, reject.detail),
    };
    let mut text = format!("{} {}\n", record.timestamp, record.level);
    for (name, value) in &record.fields {
        text.push_str(&format!("  {name} = {value:?}\n"));
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "the macro makes values")]
fn check(line: &str, expected: Expect) {
    expected.assert_eq(&print(read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default())));
}

#[expect(clippy::needless_pass_by_value, reason = "the macro makes values")]
fn check_text(line: &str, expected: Expect) {
    expected.assert_eq(&print(read_as(line.as_bytes(), LineKind::Text, &IngestConfig::default())));
}

mod shapes {
    use super::*;

    #[test]
    fn python_json_logger() {
        check(
            r#"{"asctime": "2026-11-20 09:05:09,123", "name": "lms.courses", "levelname": "WARNING", "levelno": 30, "message": "Slow query", "request_id": "7f3c2a9d0b4e4c0f9c1d2e3f4a5b6c7d", "user_id": 4242, "duration_ms": 812, "taskName": null, "exc_info": ["Traceback", "ValueError"]}"#,
            expect![[r#"
                2026-11-20T09:05:09.123000Z warning
                  logger = Str("lms.courses")
                  level_text = Str("WARNING")
                  levelno = I64(30)
                  message = Str("Slow query")
                  request_id = Str("7f3c2a9d0b4e4c0f9c1d2e3f4a5b6c7d")
                  user_id = Str("4242")
                  duration_ms = F64(812.0)
                  exc_info = Json("[\"Traceback\",\"ValueError\"]")
            "#]],
        );
    }

    #[test]
    fn structlog() {
        check(
            r#"{"event": "request_finished", "level": "info", "timestamp": "2026-11-20T09:05:09.123456Z", "logger": "django_structlog.middlewares.request", "request": "GET /api/courses/", "code": 200, "request_id": "b6a3", "user_id": null, "ip": "10.0.0.7"}"#,
            expect![[r#"
                2026-11-20T09:05:09.123456Z info
                  message = Str("request_finished")
                  logger = Str("django_structlog.middlewares.request")
                  request = Str("GET /api/courses/")
                  code = I64(200)
                  request_id = Str("b6a3")
                  ip = Str("10.0.0.7")
            "#]],
        );
    }

    #[test]
    fn pino_http() {
        check(
            r#"{"level":50,"time":1795165509123,"pid":657,"hostname":"web-1","req":{"id":"r-1","method":"GET","url":"/api/a?b=1","headers":{"x-request-id":"r-2"}},"res":{"statusCode":502},"responseTime":12.5,"msg":"request errored"}"#,
            expect![[r#"
                2026-11-20T09:05:09.123000Z error
                  level_text = Str("50")
                  pid = I64(657)
                  host = Str("web-1")
                  request_id = Str("r-1")
                  method = Str("GET")
                  path = Str("/api/a?b=1")
                  req.headers.x-request-id = Str("r-2")
                  status_code = I64(502)
                  duration_ms = F64(12.5)
                  message = Str("request errored")
            "#]],
        );
    }

    #[test]
    fn bunyan() {
        check(
            r#"{"name":"myapp","hostname":"banana","pid":40161,"level":30,"msg":"hi","time":"2026-11-04T18:46:23.851Z","v":0}"#,
            expect![[r#"
                2026-11-04T18:46:23.851000Z info
                  logger = Str("myapp")
                  host = Str("banana")
                  pid = I64(40161)
                  level_text = Str("30")
                  message = Str("hi")
                  v = I64(0)
            "#]],
        );
    }

    #[test]
    fn open_telemetry() {
        check(
            r#"{"timestamp":"1795165509123456789","severity_text":"WARN","severity_number":13,"body":"disk almost full","resource":{"service.name":"checkout","host.name":"node-7"},"attributes":{"http.request.method":"POST","http.response.status_code":503,"url.path":"/pay","enduser.id":"77","retry":true},"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}"#,
            expect![[r#"
                2026-11-20T09:05:09.123456Z warning
                  level_text = Str("WARN")
                  severity_number = I64(13)
                  message = Str("disk almost full")
                  service = Str("checkout")
                  host = Str("node-7")
                  method = Str("POST")
                  status_code = I64(503)
                  path = Str("/pay")
                  user_id = Str("77")
                  attributes.retry = Bool(true)
                  trace_id = Str("5b8efff798038103d269b633813fc60c")
                  span_id = Str("eee19b7ec3c1b174")
            "#]],
        );
        check(
            r#"{"SeverityNumber":17,"SeverityText":"Error","Body":"boom","TraceId":"5b8e","Attributes":{"user":{"id":5}}}"#,
            expect![[r#"
                2026-11-20T12:00:00.000000Z error
                  SeverityNumber = I64(17)
                  level_text = Str("Error")
                  message = Str("boom")
                  trace_id = Str("5b8e")
                  user_id = Str("5")
            "#]],
        );
    }

    #[test]
    fn docker_json_file() {
        check(
            r#"{"log":"{\"level\":\"error\",\"msg\":\"boom\",\"request_id\":\"r1\",\"stream\":\"own\",\"ts\":1795165509.5}\n","stream":"stderr","time":"2026-11-20T09:05:10.000000001Z"}"#,
            expect![[r#"
                2026-11-20T09:05:09.500000Z error
                  original.stream = Str("stderr")
                  time = Str("2026-11-20T09:05:10.000000001Z")
                  message = Str("boom")
                  request_id = Str("r1")
                  stream = Str("own")
            "#]],
        );
        check(
            r#"{"log":"plain text\n","stream":"stdout","time":"2026-11-20T09:05:10.5Z"}"#,
            expect![[r#"
                2026-11-20T09:05:10.500000Z info
                  message = Str("plain text")
                  stream = Str("stdout")
            "#]],
        );
    }

    #[test]
    fn container_runtime_interface() {
        check(
            r#"2026-11-20T09:05:10.5Z stdout F {"level":"debug","message":"inside","n":1}"#,
            expect![[r#"
                2026-11-20T09:05:10.500000Z debug
                  stream = Str("stdout")
                  message = Str("inside")
                  n = I64(1)
            "#]],
        );
        check("2026-11-20T09:05:10.5+01:00 stderr P half a li", expect![[r#"
            2026-11-20T08:05:10.500000Z info
              stream = Str("stderr")
              partial = Bool(true)
              message = Str("half a li")
        "#]]);
    }

    #[test]
    fn text_prefix_before_an_object() {
        check(
            r#"[INFO] 2026-11-20 worker-1: {"message":"done","status":200,"elapsed_s":0.25}"#,
            expect![[r#"
                2026-11-20T12:00:00.000000Z info
                  message = Str("done")
                  status_code = I64(200)
                  duration_ms = F64(250.0)
                  prefix = Str("[INFO] 2026-11-20 worker-1:")
            "#]],
        );
        check(r#"Processing request {"user":{"id":"u-9"}}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              user_id = Str("u-9")
              message = Str("Processing request")
        "#]]);
    }

    #[test]
    fn open_edx_tracking_log() {
        check(
            r#"{"name":"play_video","username":"ada","context":{"user_id":17,"course_id":"course-v1:X+Y","path":"/event"},"event":"{\"id\": \"v1\", \"currentTime\": 3.5}","time":"2026-11-20T09:05:10.5+00:00","host":"lms","agent":"Mozilla"}"#,
            expect![[r#"
                2026-11-20T09:05:10.500000Z info
                  logger = Str("play_video")
                  username = Str("ada")
                  user_id = Str("17")
                  context.course_id = Str("course-v1:X+Y")
                  path = Str("/event")
                  host = Str("lms")
                  agent = Str("Mozilla")
                  id = Str("v1")
                  currentTime = F64(3.5)
            "#]],
        );
    }

    #[test]
    fn elastic_common_schema() {
        check(
            r#"{"@timestamp":"2026-11-20T09:05:10.5Z","log.level":"ERROR","message":"m","service":{"name":"api"},"host":{"hostname":"h1"},"http":{"request":{"method":"GET","id":"r9"},"response":{"status_code":404}},"event":{"duration":1500000},"trace":{"id":"t1"},"user":{"id":"u1"},"url":{"path":"/x"}}"#,
            expect![[r#"
                2026-11-20T09:05:10.500000Z error
                  level_text = Str("ERROR")
                  message = Str("m")
                  service = Str("api")
                  host = Str("h1")
                  method = Str("GET")
                  request_id = Str("r9")
                  status_code = I64(404)
                  duration_ms = F64(1.5)
                  trace_id = Str("t1")
                  user_id = Str("u1")
                  path = Str("/x")
            "#]],
        );
    }

    #[test]
    fn plain_text_lines() {
        check_text("    at line 7 of {file}", expect![[r#"
            2026-11-20T12:00:00.000000Z info
              message = Str("    at line 7 of {file}")
        "#]]);
        check_text(r#"{"level":"warn","msg":"json all the same"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z warning
              level_text = Str("warn")
              message = Str("json all the same")
        "#]]);
        check_text("[1, 2]", expect![[r#"
            2026-11-20T12:00:00.000000Z info
              message = Str("[1, 2]")
        "#]]);
        check_text("{not json", expect![[r#"
            2026-11-20T12:00:00.000000Z info
              message = Str("{not json")
        "#]]);
    }
}

mod rules {
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
        check(r#"{"Request-Id":"only","http":{"request_id":"nested"}}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              request_id = Str("only")
              http.request_id = Str("nested")
        "#]]);
        check(r#"{"status":"ok","response_code":"201"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              status = Str("ok")
              status_code = I64(201)
        "#]]);
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
                  span_id = Str("[1]")
            "#]],
        );
        check(r#"{"correlation_id":"-","user":{"id":7},"context":{"request_id":"c"}}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              correlation_id = Str("-")
              user_id = Str("7")
              request_id = Str("c")
        "#]]);
    }

    #[test]
    fn levels_keep_their_text_where_it_differs() {
        check(r#"{"level":"warning"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z warning
        "#]]);
        check(r#"{"severity":"WARN"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z warning
              level_text = Str("WARN")
        "#]]);
        check(r#"{"level":"loud"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z warning
              level_text = Str("loud")
        "#]]);
        check(r#"{"level":"loud","levelname":"INFO"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              original.level = Str("loud")
              level_text = Str("INFO")
        "#]]);
        check(r#"{"levelno":40,"lvl":true}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z error
              level_text = Str("40")
              lvl = Bool(true)
        "#]]);
        check("{}", expect![[r#"
            2026-11-20T12:00:00.000000Z info
        "#]]);
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
        check(r#"{"duration":"a while"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              duration = Str("a while")
        "#]]);
    }

    #[test]
    fn equal_names_keep_the_last_value() {
        check(r#"{"a":1,"b":2,"a":"x","user_id":1,"user_id":2}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              a = Str("x")
              b = I64(2)
              user_id = Str("2")
        "#]]);
        check(r#"{"a":{"b":1},"a.b":2}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              a.b = I64(2)
        "#]]);
        check(r#"{"Level":"error","level":"info","Level":"debug"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              Level = Str("debug")
        "#]]);
    }

    #[test]
    fn names_are_made_safe() {
        check(r#"{"":1,"a..b":2,".c":3,"d.":4,"e\u0000\nf":5,"g":{"":6},"\u0085":7}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              _ = I64(7)
              a._.b = I64(2)
              _.c = I64(3)
              d._ = I64(4)
              e__f = I64(5)
              g._ = I64(6)
        "#]]);
        let long = "n".repeat(300);
        let record = read_as(
            format!(r#"{{"{long}":1,"a":{{"{long}":"x"}},"b":2}}"#).as_bytes(),
            LineKind::Json,
            &IngestConfig::default(),
        )
        .expect("a record");
        let overflow = record.get_str(names::OVERFLOW).expect("kept as text");
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
        let context = Context { config: &config, defaults: &defaults, arrival: arrival() };
        let mut reader = LineReader::new(&config);
        let mut print_of =
            |line: &str| print(reader.read(line.as_bytes(), LineKind::Json, context));
        expect![[r#"
            2026-11-20T12:00:00.000000Z error
              service = Str("web")
              source = Str("file")
        "#]].assert_eq(&print_of("{}"));
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              service = Str("own")
              source = Str("own")
        "#]].assert_eq(&print_of(r#"{"app":"own","level":"info","source":"own"}"#));
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
        "#]].assert_eq(&print(record));
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
        check(r#"{"message":"{\"not json}"}"#, expect![[r#"
            2026-11-20T12:00:00.000000Z info
              message = Str("{\"not json}")
        "#]]);
    }
}

mod rejections {
    use super::*;

    #[test]
    fn every_reason_of_a_line_has_its_case() {
        check("plain text", expect![[r#"
            invalid_json: expected value at byte 1
        "#]]);
        check(r#"{"a":"#, expect![[r#"
            invalid_json: EOF while parsing a value at byte 5
        "#]]);
        check("[{\"a\":1}", expect![[r#"
            invalid_json: EOF while parsing a list at byte 8
        "#]]);
        check("[1,2]", expect![[r#"
            not_an_object: valid JSON, but not an object
        "#]]);
        check("42", expect![[r#"
            not_an_object: valid JSON, but not an object
        "#]]);
        check("NaN", expect![[r#"
            not_an_object: valid JSON, but not an object
        "#]]);
        check(&format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64)), expect![[r#"
            too_deep: nested deeper than 64 levels
        "#]]);
        check(r#"{"timestamp":"yesterday"}"#, expect![[r#"
            invalid_timestamp: timestamp text is in no known form
        "#]]);
        check(r#"{"ts":0}"#, expect![[r#"
            invalid_timestamp: unix timestamp is zero or negative
        "#]]);
        check(r#"{"time":"9999-01-01T00:00:00Z"}"#, expect![[r#"
            invalid_timestamp: timestamp is outside the years 1678 to 2261
        "#]]);
        check(r#"{"timestamp":true}"#, expect![[r#"
            invalid_timestamp: timestamp is neither text nor number
        "#]]);
        check(r#"{"level":"debug","ts":"2026-11-12T23:59:59Z"}"#, expect![[r#"
            past_retention: older than the 7 days that tier debug keeps
        "#]]);
        check(r#"{"ts":"2026-11-21T12:00:00.000001Z"}"#, expect![[r#"
            too_far_ahead: timestamp is more than 86400 seconds ahead
        "#]]);
        let read = |line: &[u8]| print(read_as(line, LineKind::Json, &IngestConfig::default()));
        expect![[r#"
            invalid_utf8: line is not valid UTF-8
        "#]].assert_eq(&read(b"{\"a\":\"\xff\"}"));
        expect![[r#"
            invalid_utf8: line is not valid UTF-8
        "#]].assert_eq(&read(b"text \xff"));
    }

    #[test]
    fn bounds_are_inclusive_where_a_day_still_lives() {
        check(r#"{"level":"debug","ts":"2026-11-13T00:00:00Z"}"#, expect![[r#"
            2026-11-13T00:00:00.000000Z debug
        "#]]);
        check(r#"{"ts":"2026-11-21T12:00:00Z"}"#, expect![[r#"
            2026-11-21T12:00:00.000000Z info
        "#]]);
        check(r#"{"level":"critical","ts":"2025-11-20T00:00:00Z"}"#, expect![[r#"
            2025-11-20T00:00:00.000000Z critical
        "#]]);
    }

    #[test]
    fn fields_are_counted_after_flattening() {
        let members = |count: usize| {
            let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("{{\"nested\":{{{}}}}}", members.join(","))
        };
        let read = |count| {
            let line = members(count);
            read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default())
        };
        assert_eq!(read(1_000).expect("at the limit").fields.len(), 1_000);
        let reject = read(1_001).expect_err("beyond the limit");
        assert_eq!(reject.reason, RejectReason::TooManyFields);
        assert_eq!(reject.detail, "more than 1000 fields");
    }
}

proptest! {
    /// Names stand once, are never the record's own, and reading never panics.
    #[test]
    fn any_object_becomes_a_sound_record(
        members in prop::collection::vec(
            (
                prop_oneof![
                    "[a-z.]{0,4}",
                    prop::sample::select(vec![
                        "level", "Level", "msg", "message", "log", "user_id", "context", "ts", "host",
                        "status", "duration", "_overflow", "level_text", "original.level",
                    ]).prop_map(str::to_owned),
                ],
                prop_oneof![
                    any::<i32>().prop_map(serde_json::Value::from),
                    "[a-z{}\":0-9]{0,12}".prop_map(serde_json::Value::from),
                    Just(serde_json::json!({"user_id": 1, "level": "x", "message": "y", "": [1]})),
                    Just(serde_json::Value::from("{\"level\":\"warn\",\"msg\":\"in\",\"host\":\"h\"}")),
                    Just(serde_json::Value::Null),
                ],
            ),
            0..12,
        )
    ) {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
            .collect();
        let line = format!("{{{}}}", members.join(","));
        let read = read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default());
        if let Ok(record) = read {
            let mut names: Vec<&str> = record.fields.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            prop_assert_eq!(names.len(), count, "{}", line);
            prop_assert!(!names.contains(&"level") && !names.contains(&"timestamp"), "{}", line);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(line: Vec<u8>) {
        for kind in [LineKind::Json, LineKind::Text] {
            let _ = read_as(&line, kind, &IngestConfig::default());
        }
    }
}
