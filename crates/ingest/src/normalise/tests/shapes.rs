//! Real samples of the usual libraries and runtimes.

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
              stacktrace = Str("Traceback\nValueError")
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
              status_code = I64(200)
              request_id = Str("b6a3")
              client_ip = Str("10.0.0.7")
              method = Str("GET")
              path = Str("/api/courses/")
              route = Str("/api/courses/")
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
              path = Str("/api/a")
              req.headers.x-request-id = Str("r-2")
              status_code = I64(502)
              duration_ms = F64(12.5)
              message = Str("request errored")
              url.query = Str("b=1")
              route = Str("/api/a")
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
              route = Str("/pay")
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
    check(
        "2026-11-20T09:05:10.5+01:00 stderr P half a li",
        expect![[r#"
        2026-11-20T08:05:10.500000Z info
          stream = Str("stderr")
          partial = Bool(true)
          message = Str("half a li")
    "#]],
    );
}

#[test]
fn text_prefix_before_an_object() {
    check(
        r#"[INFO] 2026-11-20 worker-1: {"message":"done","status":200,"elapsed_s":0.25}"#,
        expect![[r#"
            2026-11-20T12:00:00.000000Z info
              level_text = Str("INFO")
              message = Str("done")
              status_code = I64(200)
              duration_ms = F64(250.0)
              prefix = Str("2026-11-20 worker-1:")
        "#]],
    );
    check(
        r#"Processing request {"user":{"id":"u-9"}}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          user_id = Str("u-9")
          message = Str("Processing request")
    "#]],
    );
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
              message = Str("{\"id\": \"v1\", \"currentTime\": 3.5}")
              host = Str("lms")
              agent = Str("Mozilla")
              id = Str("v1")
              currentTime = F64(3.5)
              route = Str("/event")
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
              route = Str("/x")
        "#]],
    );
}

#[test]
fn plain_text_lines() {
    check_text(
        "    at line 7 of {file}",
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          message = Str("    at line 7 of {file}")
    "#]],
    );
    check_text(
        r#"{"level":"warn","msg":"json all the same"}"#,
        expect![[r#"
        2026-11-20T12:00:00.000000Z warning
          level_text = Str("warn")
          message = Str("json all the same")
    "#]],
    );
    check_text(
        "[1, 2]",
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          message = Str("[1, 2]")
    "#]],
    );
    check_text(
        "{not json",
        expect![[r#"
        2026-11-20T12:00:00.000000Z info
          message = Str("{not json")
    "#]],
    );
}
