//! Traces with and without the line of a logger.

use super::*;

#[test]
fn a_trace_behind_a_line_is_its_stack_trace() {
    check(&[
        (
            "ERROR 2026-08-21 14:05:09,123 log 7 14 Internal Server Error: /x\nTraceback (most recent call last):\n  File \"/a.py\", line 3, in f\n    g()\nValueError: x",
            "django level=\"ERROR\" time=\"2026-08-21 14:05:09,123\" module=\"log\" process=I64(7) thread=I64(14) stacktrace=\"Traceback (most recent call last):\\n  File \\\"/a.py\\\", line 3, in f\\n    g()\\nValueError: x\" | Internal Server Error: /x",
        ),
        (
            "2026-08-21 14:05:09.123 ERROR 7 --- [main] c.e.Cart : refused\n\njava.lang.IllegalStateException: no stock\n\tat c.e.Cart.pay(Cart.java:3)",
            "timed time=\"2026-08-21 14:05:09.123\" level=\"ERROR\" process=I64(7) thread=\"main\" logger=\"c.e.Cart\" stacktrace=\"java.lang.IllegalStateException: no stock\\n\\tat c.e.Cart.pay(Cart.java:3)\" | refused",
        ),
        (
            "2026/08/21 14:05:09 http: panic serving\ngoroutine 7 [running]:\nmain.main()",
            "timed time=\"2026/08/21 14:05:09\" level=\"error\" stacktrace=\"goroutine 7 [running]:\\nmain.main()\" | http: panic serving",
        ),
        (
            "2026-08-21 14:05:09.123 UTC [7] ERROR:  syntax error\n\tat or near",
            "postgres level=\"error\" level_text=\"ERROR\" time=\"2026-08-21 14:05:09.123+00:00\" process=I64(7) | syntax error\n\tat or near",
        ),
        (
            "fail: Shop.Cart[12]\n      refused\n      System.InvalidOperationException: x\n         at Shop.Cart.Pay() in /a.cs:line 3",
            "dotnet level=\"error\" level_text=\"fail\" logger=\"Shop.Cart\" event_id=I64(12) stacktrace=\"      System.InvalidOperationException: x\\n         at Shop.Cart.Pay() in /a.cs:line 3\" | refused",
        ),
    ]);
}

#[test]
fn a_trace_alone_is_an_error_that_says_what_happened() {
    for (text, message) in [
        (
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in f\n    g()\nshop.errors.Refused: no stock",
            "shop.errors.Refused: no stock",
        ),
        (
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in f\nKeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/a.py\", line 5, in f\nValueError: b\nDETAIL: c",
            "ValueError: b",
        ),
        (
            "Exception in thread Thread-1 (work):\nTraceback (most recent call last):\n  File \"/a.py\", line 3, in f\nKeyboardInterrupt",
            "KeyboardInterrupt",
        ),
        (
            "Exception in thread \"main\" java.lang.Error: x\n\tat A.main(A.java:3)\nCaused by: java.io.IOException: y\n\t... 12 more",
            "Exception in thread \"main\" java.lang.Error: x",
        ),
        ("java.lang.Error: x\n\tat A.main(A.java:3)", "java.lang.Error: x"),
        (
            "/app/index.js:1\nthrow new TypeError('x');\n^\n\nTypeError: x\n    at Object.<anonymous> (/app/index.js:1:7)\n\nNode.js v20.11.0",
            "TypeError: x",
        ),
        (
            "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:7 +0x1d",
            "panic: runtime error: index out of range [5] with length 3",
        ),
        (
            "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nnote: run with `RUST_BACKTRACE=1`",
            "index out of bounds",
        ),
        (
            "thread 'main' panicked at 'old', src/main.rs:2:5",
            "thread 'main' panicked at 'old', src/main.rs:2:5",
        ),
        (
            "Unhandled exception. System.Exception: x\n   at A.Main() in /a.cs:line 3",
            "Unhandled exception. System.Exception: x",
        ),
        (
            "app.rb:3:in 'f': refused (RuntimeError)\n\tfrom app.rb:7:in '<main>'",
            "app.rb:3:in 'f': refused (RuntimeError)",
        ),
        // The rest of a trace whose beginning went with another batch.
        ("  File \"/a.py\", line 3, in f\n    g()\nValueError: x", "ValueError: x"),
        ("\tat c.e.Cart.pay(Cart.java:3)\n\tat A.b(A.java:1)", "at c.e.Cart.pay(Cart.java:3)"),
    ] {
        let record = recognise(Cow::Borrowed(text), now()).expect(text);
        assert_eq!(record.message, message, "{text}");
        let field =
            |name| record.fields.iter().find(|(own, _)| own == name).map(|(_, v)| v.clone());
        assert_eq!(field("level"), Some(Value::Str("error".into())), "{text}");
        assert_eq!(field("stacktrace"), Some(Value::Str(text.into())), "{text}");
    }
}

#[test]
fn text_of_no_format_keeps_its_lines_and_its_trace() {
    let record = unrecognised(Cow::Borrowed(
        "job stopped\nTraceback (most recent call last):\n  File \"a\", line 1",
    ));
    assert_eq!(record.message, "job stopped");
    assert!(record.has("stacktrace") && record.has("level"));
    let record = unrecognised(Cow::Borrowed("one\n two"));
    assert_eq!((record.message.as_ref(), record.fields.len()), ("one\n two", 0));
}
