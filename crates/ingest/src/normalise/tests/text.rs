//! Lines of text, alone and in wrappers, become records as lines of JSON do.

use super::*;

#[test]
fn a_line_of_a_known_format_is_a_record() {
    check(
        "ERROR 2026-11-20 09:05:09,123 views 321 14 Order refused",
        expect![[r#"
            2026-11-20T09:05:09.123000Z error
              level_text = Str("ERROR")
              module = Str("views")
              process = I64(321)
              thread = I64(14)
              message = Str("Order refused")
        "#]],
    );
    check(
        "203.0.113.7 - - [20/Nov/2026:09:05:09 +0000] \"GET /x HTTP/1.1\" 200 1234 \"-\" \"curl/8\" 0.123",
        expect![[r#"
            2026-11-20T09:05:09.000000Z info
              client_ip = Str("203.0.113.7")
              method = Str("GET")
              path = Str("/x")
              protocol = Str("HTTP/1.1")
              status_code = I64(200)
              bytes = I64(1234)
              user_agent = Str("curl/8")
              duration_ms = F64(123.0)
              message = Str("\"GET /x HTTP/1.1\" 200 1234 \"-\" \"curl/8\" 0.123")
              route = Str("/x")
        "#]],
    );
    check(
        "time=2026-11-20T09:05:09.123Z level=ERROR msg=refused request_id=r-1 user_id=7 dur=12ms",
        expect![[r#"
            2026-11-20T09:05:09.123000Z error
              level_text = Str("ERROR")
              request_id = Str("r-1")
              user_id = Str("7")
              dur = Str("12ms")
              message = Str("refused")
        "#]],
    );
}

#[test]
fn a_traceback_is_the_stack_trace_of_its_line() {
    check(
        "[2026-11-20 09:05:09,123] ERROR in app: refused\nTraceback (most recent call last):\n  File \"a\", line 1\nValueError: x",
        expect![[r#"
            2026-11-20T09:05:09.123000Z error
              level_text = Str("ERROR")
              module = Str("app")
              stacktrace = Str("Traceback (most recent call last):\n  File \"a\", line 1\nValueError: x")
              message = Str("refused")
              error_type = Str("ValueError")
              error_message = Str("x")
        "#]],
    );
    check(
        "Traceback (most recent call last):\n  File \"a\", line 1\nValueError: x",
        expect![[r#"
            2026-11-20T12:00:00.000000Z error
              stacktrace = Str("Traceback (most recent call last):\n  File \"a\", line 1\nValueError: x")
              message = Str("ValueError: x")
              error_type = Str("ValueError")
              error_message = Str("x")
        "#]],
    );
}

#[test]
fn text_in_a_wrapper_is_read_like_text_alone() {
    check(
        r#"{"log":"\u001b[31mERROR\u001b[0m:root:refused\nTraceback (most recent call last):\n  File \"a\", line 1\nValueError: x\n","stream":"stderr","time":"2026-11-20T09:05:10.000000001Z"}"#,
        expect![[r#"
            2026-11-20T09:05:10.000000Z error
              stream = Str("stderr")
              level_text = Str("ERROR")
              logger = Str("root")
              stacktrace = Str("Traceback (most recent call last):\n  File \"a\", line 1\nValueError: x")
              message = Str("refused")
              error_type = Str("ValueError")
              error_message = Str("x")
        "#]],
    );
    check(
        r#"{"log":"  plain \u001b[1mtext\u001b[0m\n","stream":"stdout","time":"2026-11-20T09:05:10Z"}"#,
        expect![[r#"
            2026-11-20T09:05:10.000000Z info
              stream = Str("stdout")
              message = Str("  plain text")
        "#]],
    );
    check(
        "2026-11-20T09:05:10Z stderr F [2026-11-20 09:05:09 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)",
        expect![[r#"
            2026-11-20T09:05:09.000000Z critical
              original.time = Str("2026-11-20T09:05:10Z")
              stream = Str("stderr")
              level_text = Str("CRITICAL")
              process = I64(7)
              message = Str("WORKER TIMEOUT (pid:9)")
        "#]],
    );
    check(
        "2026-11-20T09:05:10Z stderr F plain text",
        expect![[r#"
        2026-11-20T09:05:10.000000Z info
          stream = Str("stderr")
          message = Str("plain text")
    "#]],
    );
}

#[test]
fn what_a_text_carries_is_opened() {
    check(
        "<11>Nov 20 09:05:10 web-1 shop[7]: {\"level\":\"debug\",\"msg\":\"inner\",\"ts\":\"2026-11-20T09:05:09Z\"}",
        expect![[r#"
            2026-11-20T09:05:09.000000Z debug
              original.level = Str("error")
              level_text = Str("11")
              time = Str("2026-11-20 09:05:10")
              host = Str("web-1")
              service = Str("shop")
              process = I64(7)
              message = Str("inner")
        "#]],
    );
    check(
        "2026-11-20T09:05:10.5+00:00 app[web.1]: WARNING:shop.cart:low stock",
        expect![[r#"
            2026-11-20T09:05:10.500000Z warning
              source = Str("app")
              dyno = Str("web.1")
              level_text = Str("WARNING")
              logger = Str("shop.cart")
              message = Str("low stock")
        "#]],
    );
    check(
        "2026-11-20T09:05:09.123Z\tERROR\tshop/cart.go:12\trefused\t{\"request_id\": \"r-1\", \"level\": \"info\"}",
        expect![[r#"
            2026-11-20T09:05:09.123000Z error
              level_text = Str("ERROR")
              caller = Str("shop/cart.go:12")
              request_id = Str("r-1")
              original.level = Str("info")
              message = Str("refused")
        "#]],
    );
}
