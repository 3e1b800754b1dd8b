//! Lines of each format as printed by real software, and prose that looks like a format.

mod traces;

use tierlog_model::{Timestamp, Value};

use super::*;

/// 2026-11-20T12:00:00Z.
fn now() -> Timestamp {
    Timestamp::from_micros(1_795_176_000_000_000).expect("a moment")
}

/// Prints what a text says: `name=value` of every field, then the message.
fn said(text: &str) -> Option<String> {
    let record = recognise(Cow::Borrowed(text), now())?;
    let mut out = record.format.to_owned();
    for (name, value) in &record.fields {
        let value = match value {
            Value::Str(text) => format!("{text:?}"),
            other => format!("{other:?}"),
        };
        out.push_str(&format!(" {name}={value}"));
    }
    Some(format!("{out} | {}", record.message))
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(said(line).as_deref(), Some(*expected), "{line}");
    }
}

#[test]
fn django() {
    check(&[
        (
            "ERROR 2026-08-21 14:05:09,123 views 321 140735186932480 Order refused: no stock",
            r#"django level="ERROR" time="2026-08-21 14:05:09,123" module="views" process=I64(321) thread=I64(140735186932480) | Order refused: no stock"#,
        ),
        (
            "INFO 2026-08-21 14:05:09,123 apps.users.views views 321 14 User 42 logged in",
            r#"django level="INFO" time="2026-08-21 14:05:09,123" logger="apps.users.views" module="views" process=I64(321) thread=I64(14) | User 42 logged in"#,
        ),
        (
            "WARNING 2026-08-21 14:05:09,123 shop.cart: low stock",
            r#"django level="WARNING" time="2026-08-21 14:05:09,123" logger="shop.cart" | low stock"#,
        ),
        (
            "ERROR [21/Aug/2026 14:05:09] shop.cart - refused",
            r#"django level="ERROR" time="2026-08-21 14:05:09" logger="shop.cart" | refused"#,
        ),
        // A message may begin with a number; then process and thread are not there.
        (
            "INFO 2026-08-21 14:05:09,123 views 42 users",
            r#"django level="INFO" time="2026-08-21 14:05:09,123" | views 42 users"#,
        ),
        ("ERROR Order refused", r#"simple level="ERROR" | Order refused"#),
        (
            "Internal Server Error: /api/orders/7/",
            r#"django_response level="error" logger="django.request" path="/api/orders/7/" | Internal Server Error: /api/orders/7/"#,
        ),
        (
            "Not Found: /favicon.ico",
            r#"django_response level="warning" logger="django.request" path="/favicon.ico" | Not Found: /favicon.ico"#,
        ),
        (
            "Forbidden (Permission denied): /admin/",
            r#"django_response level="warning" logger="django.request" path="/admin/" | Forbidden (Permission denied): /admin/"#,
        ),
        (
            "[21/Aug/2026 14:05:09] \"GET /x?a=1 HTTP/1.1\" 500 1234",
            r#"runserver level="error" time="2026-08-21 14:05:09" method="GET" path="/x?a=1" protocol="HTTP/1.1" logger="django.server" status_code=I64(500) bytes=I64(1234) | "GET /x?a=1 HTTP/1.1" 500 1234"#,
        ),
        (
            "[21/Aug/2026 14:05:09] INFO [shop.cart:12] placed",
            r#"timed time="2026-08-21 14:05:09" level="INFO" logger="shop.cart" line=I64(12) | placed"#,
        ),
    ]);
}

#[test]
fn python() {
    check(&[
        (
            "WARNING:root:disk nearly full",
            r#"python level="WARNING" logger="root" | disk nearly full"#,
        ),
        ("ERROR:shop.cart:a: b", r#"python level="ERROR" logger="shop.cart" | a: b"#),
        ("Level 45:root:x", r#"python level="Level 45" logger="root" | x"#),
        (
            "2026-08-21 14:05:09,123 - shop.cart - ERROR - refused",
            r#"timed time="2026-08-21 14:05:09,123" logger="shop.cart" level="ERROR" | refused"#,
        ),
        (
            "2026-08-21 14:05:09,123 shop.cart ERROR refused - twice",
            r#"timed time="2026-08-21 14:05:09,123" logger="shop.cart" level="ERROR" | refused - twice"#,
        ),
        (
            "2026-08-21 14:05:09,123 ERROR refused",
            r#"timed time="2026-08-21 14:05:09,123" level="ERROR" | refused"#,
        ),
        (
            "2026-08-21 14:05:09,123 [ERROR] shop.cart: refused",
            r#"timed time="2026-08-21 14:05:09,123" level="ERROR" logger="shop.cart" | refused"#,
        ),
        (
            "[2026-08-21 14:05:09,123] ERROR in app: Exception on /x [GET]",
            r#"timed time="2026-08-21 14:05:09,123" level="ERROR" module="app" | Exception on /x [GET]"#,
        ),
        (
            "2026-08-21 14:05:09.123 | ERROR    | shop.cart:pay:12 - refused",
            r#"timed time="2026-08-21 14:05:09.123" level="ERROR" logger="shop.cart" function="pay" line=I64(12) | refused"#,
        ),
        (
            "2026-08-21 14:05:09.123 | SUCCESS  | __main__:<module>:3 - done",
            r#"timed time="2026-08-21 14:05:09.123" level="SUCCESS" logger="__main__" function="<module>" line=I64(3) | done"#,
        ),
    ]);
}

#[test]
fn levels_before_a_message() {
    check(&[
        ("[ERROR] refused", r#"bracketed level="ERROR" | refused"#),
        (
            "[WARN] 2026-08-21 14:05:09 shop.cart: low",
            r#"bracketed level="WARN" time="2026-08-21 14:05:09" logger="shop.cart" | low"#,
        ),
        ("ERROR: refused", r#"colon level="ERROR" | refused"#),
        ("error: cannot find it", r#"colon level="error" | cannot find it"#),
    ]);
}

#[test]
fn python_servers() {
    check(&[
        (
            "INFO:     127.0.0.1:54321 - \"GET /x HTTP/1.1\" 404 Not Found",
            r#"uvicorn level="INFO" client_ip="127.0.0.1" method="GET" path="/x" protocol="HTTP/1.1" status_code=I64(404) | 127.0.0.1:54321 - "GET /x HTTP/1.1" 404 Not Found"#,
        ),
        (
            "ERROR:    Exception in ASGI application",
            r#"uvicorn level="ERROR" | Exception in ASGI application"#,
        ),
        (
            "[2026-08-21 14:05:09 +0000] [123] [INFO] Listening at: http://0.0.0.0:8000 (123)",
            r#"gunicorn level="INFO" time="2026-08-21 14:05:09 +0000" process=I64(123) | Listening at: http://0.0.0.0:8000 (123)"#,
        ),
        (
            "[2026-08-21 14:05:09,123: INFO/MainProcess] Task shop.pay[6b1c-9] succeeded in 0.125s: None",
            r#"celery level="INFO" time="2026-08-21 14:05:09,123" process_name="MainProcess" logger="shop.pay" task_name="shop.pay" task_id="6b1c-9" duration_ms=F64(125.0) | Task shop.pay[6b1c-9] succeeded in 0.125s: None"#,
        ),
        (
            "[2026-08-21 14:05:09,123: ERROR/ForkPoolWorker-1] Task shop.pay[6b1c-9] raised unexpected: ValueError('x')",
            r#"celery level="ERROR" time="2026-08-21 14:05:09,123" process_name="ForkPoolWorker-1" logger="shop.pay" task_name="shop.pay" task_id="6b1c-9" | Task shop.pay[6b1c-9] raised unexpected: ValueError('x')"#,
        ),
        (
            "[2026-08-21 14:05:09,123: WARNING/Beat] Scheduler: [x] late",
            r#"celery level="WARNING" time="2026-08-21 14:05:09,123" process_name="Beat" | Scheduler: [x] late"#,
        ),
    ]);
}

#[test]
fn servers() {
    check(&[
        (
            "203.0.113.7 - ada [21/Aug/2026:14:05:09 +0000] \"GET /x HTTP/1.1\" 200 1234 \"-\" \"curl/8\" 0.123",
            r#"access client_ip="203.0.113.7" remote_user="ada" time="2026-08-21 14:05:09+0000" method="GET" path="/x" protocol="HTTP/1.1" status_code=I64(200) bytes=I64(1234) user_agent="curl/8" duration_ms=F64(123.0) | "GET /x HTTP/1.1" 200 1234 "-" "curl/8" 0.123"#,
        ),
        (
            "::1 - - [21/Aug/2026:14:05:09 +0200] \"POST /a HTTP/2.0\" 502 -",
            r#"access client_ip="::1" time="2026-08-21 14:05:09+0200" method="POST" path="/a" protocol="HTTP/2.0" status_code=I64(502) | "POST /a HTTP/2.0" 502 -"#,
        ),
        (
            "shop.example:443 203.0.113.7 - - [21/Aug/2026:14:05:09 +0200] \"\\x16\\x03\" 400 0",
            r#"access vhost="shop.example:443" client_ip="203.0.113.7" time="2026-08-21 14:05:09+0200" status_code=I64(400) bytes=I64(0) | "\x16\x03" 400 0"#,
        ),
        (
            "203.0.113.7 - - [21/Aug/2026:14:05:09 +0000] \"GET / HTTP/1.1\" 200 5 \"https://a.example/\" \"UA \\\" x\" rt=1.500 uct=\"0.001\"",
            r#"access client_ip="203.0.113.7" time="2026-08-21 14:05:09+0000" method="GET" path="/" protocol="HTTP/1.1" status_code=I64(200) bytes=I64(5) referer="https://a.example/" user_agent="UA \\\" x" duration_ms=F64(1500.0) | "GET / HTTP/1.1" 200 5 "https://a.example/" "UA \" x" rt=1.500 uct="0.001""#,
        ),
        (
            "2026/08/21 14:05:09 [error] 7#8: *9 connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.7, server: shop.example, request: \"GET /x HTTP/1.1\", upstream: \"http://127.0.0.1:8000/x\", host: \"shop.example\"",
            r#"nginx level="error" time="2026/08/21 14:05:09" process=I64(7) connection=I64(9) client_ip="203.0.113.7" server="shop.example" method="GET" path="/x" protocol="HTTP/1.1" upstream="http://127.0.0.1:8000/x" | connect() failed (111: Connection refused) while connecting to upstream, client: 203.0.113.7, server: shop.example, request: "GET /x HTTP/1.1", upstream: "http://127.0.0.1:8000/x", host: "shop.example""#,
        ),
        (
            "[Fri Aug 21 14:05:09.123456 2026] [core:error] [pid 7:tid 8] [client 203.0.113.7:55] AH00128: File does not exist",
            r#"apache level="error" time="2026-08-21 14:05:09.123456" module="core" process=I64(7) client_ip="203.0.113.7" | AH00128: File does not exist"#,
        ),
        (
            "2026-08-21 14:05:09.123 UTC [123] LOG:  duration: 12.345 ms  statement: SELECT 1",
            r#"postgres level="info" level_text="LOG" time="2026-08-21 14:05:09.123+00:00" process=I64(123) duration_ms=F64(12.345) | duration: 12.345 ms  statement: SELECT 1"#,
        ),
        (
            "2026-08-21 14:05:09.123 CEST [123-2] app@shop FATAL:  role \"app\" does not exist",
            r#"postgres level="critical" level_text="FATAL" time="2026-08-21 14:05:09.123+02:00" process=I64(123) db.user="app" db.name="shop" | role "app" does not exist"#,
        ),
        (
            "123:M 21 Aug 2026 14:05:09.123 # Can't save in background: fork: out of memory",
            r##"redis level="warning" level_text="#" time="2026-08-21 14:05:09.123" process=I64(123) role="master" | Can't save in background: fork: out of memory"##,
        ),
    ]);
}

#[test]
fn java() {
    check(&[
        (
            "2026-08-21T14:05:09.123+02:00  WARN 7 --- [shop] [nio-8080-exec-1] c.e.shop.Cart                    : low stock",
            r#"timed time="2026-08-21T14:05:09.123+02:00" level="WARN" process=I64(7) service="shop" thread="nio-8080-exec-1" logger="c.e.shop.Cart" | low stock"#,
        ),
        (
            "2026-08-21 14:05:09.123 ERROR 7 --- [main] c.e.Cart : refused",
            r#"timed time="2026-08-21 14:05:09.123" level="ERROR" process=I64(7) thread="main" logger="c.e.Cart" | refused"#,
        ),
        (
            "2026-08-21 14:05:09,123 [main] ERROR c.e.Cart - refused",
            r#"timed time="2026-08-21 14:05:09,123" thread="main" level="ERROR" logger="c.e.Cart" | refused"#,
        ),
        (
            "2026-08-21 14:05:09,123 ERROR [c.e.Cart] (main) refused (twice)",
            r#"timed time="2026-08-21 14:05:09,123" level="ERROR" logger="c.e.Cart" thread="main" | refused (twice)"#,
        ),
        (
            "[2026-08-21T14:05:09,123][WARN ][o.e.c.Node           ] [node-1] low disk",
            r#"timed time="2026-08-21T14:05:09,123" level="WARN" logger="o.e.c.Node" thread="node-1" | low disk"#,
        ),
        (
            "14:05:09.123 [main] ERROR com.example.Shop -- refused",
            r#"clock time_of_day="14:05:09.123" thread="main" level="ERROR" logger="com.example.Shop" | refused"#,
        ),
        (
            "21-Aug-2026 14:05:09.123 SEVERE [main] org.apache.Catalina.start failed",
            r#"timed time="2026-08-21 14:05:09.123" level="SEVERE" thread="main" | org.apache.Catalina.start failed"#,
        ),
    ]);
}

#[test]
fn go() {
    check(&[
        (
            "2026/08/21 14:05:09 listening on :8080",
            r#"timed time="2026/08/21 14:05:09" | listening on :8080"#,
        ),
        (
            "2026-08-21T14:05:09Z ERR refused id=7",
            r#"timed time="2026-08-21T14:05:09+00:00" level="ERR" | refused id=7"#,
        ),
        (
            "2026-08-21T14:05:09.123Z error: refused",
            r#"timed time="2026-08-21T14:05:09.123+00:00" level="error" | refused"#,
        ),
        (
            "E0821 14:05:09.123456    7 server.go:42] refused",
            r#"klog level="error" level_text="E" time="2026-08-21 14:05:09.123456" thread=I64(7) file="server.go" line=I64(42) | refused"#,
        ),
        (
            "I0821 14:05:09.123456    7 server.go:42] \"Pod status\" pod=\"kube/web-1\" ready=true",
            r#"klog level="info" level_text="I" time="2026-08-21 14:05:09.123456" thread=I64(7) file="server.go" line=I64(42) pod="kube/web-1" ready=Bool(true) | Pod status"#,
        ),
        (
            "time=2026-08-21T14:05:09.123Z level=ERROR msg=\"re \\\"fused\\\"\" request_id=r-1 n=3 zip=007",
            r#"logfmt time="2026-08-21T14:05:09.123Z" level="ERROR" request_id="r-1" n=I64(3) zip="007" | re "fused""#,
        ),
        (
            "at=INFO when=\"2026-08-21 14:05:09,123\" name=shop msg=\"placed\"",
            r#"logfmt level="INFO" time="2026-08-21 14:05:09,123" name="shop" | placed"#,
        ),
        (
            "at=error code=H12 desc=\"Request timeout\" method=GET path=\"/x\" fwd=\"203.0.113.7\" service=30000ms status=503",
            r#"logfmt level="error" code="H12" desc="Request timeout" method="GET" path="/x" client_ip="203.0.113.7" duration_ms="30000ms" status=I64(503) | at=error code=H12 desc="Request timeout" method=GET path="/x" fwd="203.0.113.7" service=30000ms status=503"#,
        ),
        (
            "ERRO[0012] refused                                       request_id=r-1",
            r#"logrus level="error" level_text="ERRO" request_id="r-1" | refused"#,
        ),
    ]);
}

#[test]
fn columns_of_zap() {
    check(&[
        (
            "2026-08-21T14:05:09.123Z\tERROR\tcart/pay.go:12\trefused: no\tstock",
            "timed time=\"2026-08-21T14:05:09.123+00:00\" level=\"ERROR\" caller=\"cart/pay.go:12\" | refused: no\tstock",
        ),
        (
            "2026-08-21T14:05:09.123+0200\tWARN\tshop.cart\tcart/pay.go:12\tlow",
            r#"timed time="2026-08-21T14:05:09.123+0200" level="WARN" logger="shop.cart" caller="cart/pay.go:12" | low"#,
        ),
        // Tabs alone are no columns of zap's.
        (
            "2026-08-21T14:05:09.123Z\tERROR\tcart\tx",
            "timed time=\"2026-08-21T14:05:09.123+00:00\" level=\"ERROR\" | cart\tx",
        ),
    ]);
}

#[test]
fn rust() {
    check(&[
        (
            "[2026-08-21T14:05:09Z ERROR shop::cart] refused id=7",
            r#"env_logger time="2026-08-21T14:05:09+00:00" level="ERROR" logger="shop::cart" | refused id=7"#,
        ),
        ("[WARN  shop] low", r#"env_logger level="WARN" logger="shop" | low"#),
        (
            "2026-08-21T14:05:09.123456Z ERROR request{request_id=\"r-1\" user_id=42}: shop: refused error=\"a\\nb\"",
            r#"timed time="2026-08-21T14:05:09.123456+00:00" level="ERROR" logger="shop" span="request" request_id="r-1" user_id=I64(42) | refused error="a\nb""#,
        ),
        // The inner span's value stands; a brace in quotes closes nothing.
        (
            "2026-08-21T14:05:09Z  INFO http{id=1 path=\"/{x}\"}:db{id=2}:tx: shop::db: read",
            r#"timed time="2026-08-21T14:05:09+00:00" level="INFO" logger="shop::db" span="http:db:tx" path="/{x}" id=I64(2) | read"#,
        ),
        // A message that holds braces is no span.
        (
            "2026-08-21T14:05:09Z  INFO got{a b}: x: y",
            r#"timed time="2026-08-21T14:05:09+00:00" level="INFO" | got{a b}: x: y"#,
        ),
    ]);
}

#[test]
fn node() {
    check(&[
        (
            "[2026-08-21T14:05:09.123] [ERROR] cart - refused - twice",
            r#"log4js time="2026-08-21T14:05:09.123" level="ERROR" logger="cart" | refused - twice"#,
        ),
        (
            "[2026-08-21T14:05:09.123] [ERROR] the cart - refused",
            r#"timed time="2026-08-21T14:05:09.123" level="ERROR" | the cart - refused"#,
        ),
    ]);
}

#[test]
fn statements_of_django_took_seconds() {
    check(&[
        (
            "DEBUG 2026-08-21 14:05:09,123 utils 321 14 (0.023) SELECT 1; args=(); alias=default",
            r#"django level="DEBUG" time="2026-08-21 14:05:09,123" module="utils" process=I64(321) thread=I64(14) duration_ms=F64(23.0) | (0.023) SELECT 1; args=(); alias=default"#,
        ),
        (
            "2026-08-21 14:05:09,123 DEBUG django.db.backends: (1.500) COMMIT; args=None",
            r#"timed time="2026-08-21 14:05:09,123" level="DEBUG" logger="django.db.backends" duration_ms=F64(1500.0) | (1.500) COMMIT; args=None"#,
        ),
        // A number in parentheses before prose is none.
        (
            "2026-08-21 14:05:09,123 DEBUG shop.cart: (1.500) Selected",
            r#"timed time="2026-08-21 14:05:09,123" level="DEBUG" logger="shop.cart" | (1.500) Selected"#,
        ),
    ]);
}

#[test]
fn ruby_php_and_dotnet() {
    check(&[
        (
            "E, [2026-08-21T14:05:09.123456 #7] ERROR -- shop: refused",
            r#"ruby time="2026-08-21T14:05:09.123456" process=I64(7) level="ERROR" program="shop" | refused"#,
        ),
        (
            "PHP Warning:  Undefined variable $x in /a.php on line 3",
            r#"php level="warning" level_text="Warning" | Warning:  Undefined variable $x in /a.php on line 3"#,
        ),
        (
            "[21-Aug-2026 14:05:09 Europe/Berlin] PHP Fatal error:  Out of memory",
            r#"php time="2026-08-21 14:05:09[Europe/Berlin]" level="critical" level_text="Fatal error" | Fatal error:  Out of memory"#,
        ),
        (
            "[2026-08-21 14:05:09] production.ERROR: refused {\"id\":1} []",
            r#"monolog level="ERROR" time="2026-08-21 14:05:09" logger="production" | refused {"id":1}"#,
        ),
        (
            "fail: Shop.Cart[12]\n      refused\n      twice",
            "dotnet level=\"error\" level_text=\"fail\" logger=\"Shop.Cart\" event_id=I64(12) | refused\ntwice",
        ),
    ]);
}

#[test]
fn carriers() {
    check(&[
        (
            "<165>1 2026-08-21T14:05:09.123Z web-1 shop 7 ID47 [a@1 k=\"v]\"] \u{feff}refused",
            r#"syslog level="info" level_text="165" time="2026-08-21T14:05:09.123+00:00" host="web-1" service="shop" process=I64(7) message_id="ID47" | refused"#,
        ),
        (
            "<11>Aug 21 14:05:09 web-1 sshd[7]: refused",
            r#"syslog level="error" level_text="11" time="2026-08-21 14:05:09" host="web-1" service="sshd" process=I64(7) | refused"#,
        ),
        ("<3>refused", r#"syslog level="error" level_text="3" | refused"#),
        (
            "Aug 21 14:05:09 web-1 sshd[7]: refused",
            r#"syslog_file time="2026-08-21 14:05:09" host="web-1" service="sshd" process=I64(7) | refused"#,
        ),
        (
            "2026-08-21T14:05:09.123456+00:00 app[web.1]: ERROR refused",
            r#"heroku time="2026-08-21T14:05:09.123456+00:00" source="app" dyno="web.1" | ERROR refused"#,
        ),
    ]);
}

#[test]
fn colours_are_taken_off() {
    check(&[
        (
            "\u{1b}[32mINFO\u{1b}[0m:     Application \u{1b}[1mstartup\u{1b}[0m complete.",
            r#"uvicorn level="INFO" | Application startup complete."#,
        ),
        (
            "2026-08-21T14:05:09Z \u{1b}[31mERR\u{1b}[0m refused",
            r#"timed time="2026-08-21T14:05:09+00:00" level="ERR" | refused"#,
        ),
    ]);
}

#[test]
fn prose_and_other_texts_are_no_log_lines() {
    for text in [
        "Error handling was improved",
        "Errors: none",
        "Info desk is closed",
        "ERROR CODES",
        "ERROR HANDLING was improved",
        "WARNINGS are shown here",
        "INFO",
        "ERROR:",
        "ERROR: ",
        "[ERROR]",
        "[note] see below",
        "[1] https://example.org",
        "Fine: 50 dollars",
        "Log: of the captain",
        "Internal Server Error: the page could not be shown",
        "Internal Server Error",
        "Not Found: the book",
        "a=b",
        "a=b c=d",
        "level=5 of the game was hard",
        "x = level=1 msg=2",
        "2026-08-21",
        "2026-08-21 was a Friday",
        "2026-13-45 14:05:09 nothing",
        "14:05:09 the bell rang",
        "14:05 train",
        "1234567890",
        "1.2.3.4 - the address",
        "<b>bold</b>",
        "<999>x",
        "<3>",
        "<!doctype html>",
        "info: ",
        "May 21 is a holiday",
        "E is a letter",
        "I0821 is a number",
        "D, [x] is a chord",
        "panic: at the disco",
        "TypeError: alone",
        "at home",
        "    at home",
        "Traceback",
        "#1 in the charts",
        "goroutine",
        "thread 'main' is fine",
        "info about all of it",
        "I, Robot",
        "fail: fast",
        "The request failed with error: x",
        "",
        " ",
        "é",
    ] {
        assert_eq!(said(text), None, "{text}");
    }
}

#[test]
fn a_lower_level_word_in_prose_behind_a_moment_is_no_level() {
    check(&[
        (
            "2026-08-21 14:05:09 error handling was improved",
            r#"timed time="2026-08-21 14:05:09" | error handling was improved"#,
        ),
        (
            "2026-08-21 14:05:09 The ERROR was found",
            r#"timed time="2026-08-21 14:05:09" | The ERROR was found"#,
        ),
    ]);
}
