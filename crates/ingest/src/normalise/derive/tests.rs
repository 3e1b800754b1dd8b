//! Traces of every runtime, and what records get out of them.

use proptest::prelude::*;
use tierlog_model::Value;

use super::super::tests::read_json;
use super::exception;

#[track_caller]
fn check_text(text: &str, kind: &str, message: &str) {
    let found = exception::read(text).unwrap_or_else(|| panic!("nothing in {text}"));
    assert_eq!((found.kind, found.message), (kind, message), "{text}");
    // The text before an application's message makes no difference.
    if text.contains('\n') {
        let line = format!("2026-11-20 ERROR worker: job 7 failed\n{text}");
        let (trace, found) = exception::find(&line).unwrap_or_else(|| panic!("nothing in {line}"));
        assert_eq!((found.kind, found.message), (kind, message), "{line}");
        assert_eq!(trace.trim_start(), text.trim_start(), "{line}");
    }
}

#[test]
fn a_text_that_stands_in_its_class_too_is_read_where_it_stands() {
    check_text(
        "java.lang.RuntimeException: x\n\tat a.b(C.java:1)",
        "java.lang.RuntimeException",
        "x",
    );
    check_text("Error: r\n    at f (/a.js:1:2)", "Error", "r");
    check_text(
        "Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyError: e",
        "KeyError",
        "e",
    );
    check_text("Exception: in in /a.php:3\nStack trace:\n#0 {main}", "Exception", "in");
}

#[test]
fn python_prints_the_last_error_last() {
    check_text(
        "Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\n    x[1]\nIndexError: list index out of range",
        "IndexError",
        "list index out of range",
    );
    check_text(
        "Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\n    q()\n    ~^^\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/b.py\", line 2, in g\ndjango.db.utils.IntegrityError: duplicate key\nDETAIL:  Key (id)=(1) already exists.\n",
        "django.db.utils.IntegrityError",
        "duplicate key\nDETAIL:  Key (id)=(1) already exists.",
    );
    check_text(
        "Traceback (most recent call last):\n  File \"/a.py\", line 1\n    foo(\n       ^\nSyntaxError: '(' was never closed",
        "SyntaxError",
        "'(' was never closed",
    );
    check_text(
        "Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyboardInterrupt",
        "KeyboardInterrupt",
        "",
    );
    check_text(
        "Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\n  [Previous line repeated 996 more times]\nsocket.gaierror: [Errno -2] Name or service not known",
        "socket.gaierror",
        "[Errno -2] Name or service not known",
    );
    check_text(
        "  + Exception Group Traceback (most recent call last):\n  |   File \"/a.py\", line 1, in f\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File \"/b.py\", line 1, in g\n    | ValueError: 1\n    +------------------------------------",
        "ExceptionGroup",
        "two (2 sub-exceptions)",
    );
    check_text(
        "(<class 'app.Gone'>, Gone('no x'), <traceback object at 0x7f>)",
        "app.Gone",
        "no x",
    );
}

#[test]
fn java_node_and_dotnet_print_the_last_error_first() {
    check_text(
        "com.example.OrderException: no stock\n\tat com.example.Orders.place(Orders.java:5)\nCaused by: java.io.IOException: closed\n\t... 3 more",
        "com.example.OrderException",
        "no stock",
    );
    check_text(
        "Exception in thread \"main\" java.lang.NullPointerException\n\tat Main.main(Main.java:5)",
        "java.lang.NullPointerException",
        "",
    );
    check_text(
        "org.hibernate.JDBCException: could not execute\n  [insert into t]\n\tat org.x.Y.z(Y.java:1)",
        "org.hibernate.JDBCException",
        "could not execute\n  [insert into t]",
    );
    check_text(
        "TypeError: x is not a function\n    at place (/app/o.js:3:9)",
        "TypeError",
        "x is not a function",
    );
    check_text(
        "TypeError [ERR_INVALID_ARG_TYPE]: The \"path\" argument\n    at node:internal/errors:405:5 {\n  code: 'ERR'\n}",
        "TypeError",
        "The \"path\" argument",
    );
    check_text(
        "Uncaught Error: boom\n    at a.js:1:1\n  [cause]: RangeError: y\n      at b.js:1:1",
        "Error",
        "boom",
    );
    check_text(
        "System.InvalidOperationException: outer\n ---> System.ArgumentException: inner\n   at A.B() in /a.cs:line 1\n   --- End of inner exception stack trace ---\n   at C.D()",
        "System.InvalidOperationException",
        "outer",
    );
    check_text(
        "Unhandled exception. System.Collections.Generic.KeyNotFoundException: The given key was not present\n   at A.B()",
        "System.Collections.Generic.KeyNotFoundException",
        "The given key was not present",
    );
}

#[test]
fn other_runtimes_have_forms_of_their_own() {
    check_text(
        "panic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 [running]:\nmain.main()\n\t/a/main.go:5 +0x1d",
        "panic",
        "runtime error: index out of range [3] with length 2",
    );
    check_text(
        "panic: boom [recovered]\n\tpanic: boom\n\ngoroutine 7 [running]:\nx()",
        "panic",
        "boom",
    );
    check_text(
        "http: panic serving 127.0.0.1:51234: nil pointer\ngoroutine 5 [running]:\nx()",
        "panic",
        "nil pointer",
    );
    check_text(
        "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select]:\nx()",
        "fatal error",
        "all goroutines are asleep - deadlock!",
    );
    check_text(
        "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nnote: run with `RUST_BACKTRACE=1`",
        "panic",
        "index out of bounds",
    );
    check_text("thread 'main' panicked at 'it''s bad', src/main.rs:2:5", "panic", "it''s bad");
    check_text(
        "PHP Fatal error:  Uncaught App\\Gone: no x in /app/a.php:3\nStack trace:\n#0 {main}\n  thrown in /app/a.php on line 3",
        "App\\Gone",
        "no x",
    );
    check_text(
        "Exception: first in /a.php:3\nStack trace:\n#0 {main}\n\nNext RuntimeException: later in /b.php:4\nStack trace:\n#0 {main}",
        "RuntimeException",
        "later",
    );
    check_text(
        "[object] (Illuminate\\Database\\QueryException(code: 23000): duplicate at /a.php:3)\n[stacktrace]\n#0 x",
        "Illuminate\\Database\\QueryException",
        "duplicate",
    );
    check_text(
        "app.rb:3:in `place': no stock (OrderError)\n\tfrom app.rb:7:in `<main>'",
        "OrderError",
        "no stock",
    );
    check_text(
        "ActionController::RoutingError (No route matches [GET] \"/x\"):\n  \napp/a.rb:3",
        "ActionController::RoutingError",
        "No route matches [GET] \"/x\"",
    );
    check_text("RuntimeError: boom\napp.rb:3:in 'Object#place'", "RuntimeError", "boom");
    check_text(
        "** (KeyError) key :x not found\n    (app 0.1.0) lib/a.ex:3: A.b/1",
        "KeyError",
        "key :x not found",
    );
    check_text(
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad",
        "std::runtime_error",
        "bad",
    );
}

#[test]
fn a_class_alone_is_read_where_an_error_is_expected() {
    for (text, kind, message) in [
        ("ValueError: bad", "ValueError", "bad"),
        ("requests.exceptions.SSLError: EOF", "requests.exceptions.SSLError", "EOF"),
        ("com.example.EOF: end", "com.example.EOF", "end"),
        ("RuntimeError\nno stock", "RuntimeError", "no stock"),
        ("KeyError: 'x'", "KeyError", "'x'"),
        (
            "Traceback (most recent call last):\n\n> File \"/a.py\", line 1, in f\n    x[1]\n    \u{2502} \u{2514} []\n    \u{2514} []\n\nIndexError: list index",
            "IndexError",
            "list index",
        ),
        ("<class 'ValueError'>\nbad\n<traceback object at 0x7f>", "ValueError", "bad"),
    ] {
        let found = exception::read(text).expect(text);
        assert_eq!((found.kind, found.message), (kind, message), "{text}");
    }
    for text in [
        "",
        "boom",
        "connection refused",
        "ERROR: x",
        "Main: started",
        "open /x: no such file",
        "example.org: not found",
        "rpc error: code = Internal",
        "https://x/Error: y",
        "error: x",
        "Stack (most recent call last):\n  File \"a.py\", line 1, in f",
        "12:30: x",
    ] {
        assert_eq!(exception::read(text), None, "{text}");
        assert_eq!(exception::find(text), None, "{text}");
    }
}

#[test]
fn messages_of_several_lines_need_not_hold_an_error() {
    for text in [
        "two\nlines",
        "SELECT *\n  FROM t\n at once",
        "menu:\n  at home\n  at work",
        "a goroutine \nof lines",
        "the server panicked at noon\nand again",
        "Key: value\n  other: value",
    ] {
        assert_eq!(exception::find(text), None, "{text}");
    }
}

#[track_caller]
fn check(line: &str, expected: &[(&str, &str)]) {
    let record = read_json(line);
    for (name, value) in expected {
        let found = record.get(name).map(|value| match value {
            Value::Str(text) | Value::Json(text) => text.to_string(),
            other => format!("{other:?}"),
        });
        let wanted = (*value != "none").then(|| (*value).to_owned());
        assert_eq!(found, wanted, "{name} of {line}");
    }
}

#[test]
fn records_get_their_error_from_every_library() {
    let python =
        r#"Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: bad"#;
    for line in [
        format!(r#"{{"exc_info":"{python}"}}"#),
        format!(r#"{{"exception":"{python}"}}"#),
        format!(r#"{{"error":{{"stack_trace":"{python}"}}}}"#),
        format!(r#"{{"message":"Internal Server Error: /x\n{python}"}}"#),
        format!(r#"{{"err":"{python}"}}"#),
        r#"{"exc_info":["Traceback (most recent call last):\n","  File \"a.py\"\n","ValueError: bad"]}"#.to_owned(),
        r#"{"exc_info":["<class 'ValueError'>","bad","<traceback object at 0x7f>"]}"#.to_owned(),
        r#"{"exception":{"type":"ValueError","value":"bad","traceback":true}}"#.to_owned(),
        r#"{"exception":{"values":[{"type":"KeyError","value":"x"},{"type":"ValueError","value":"bad"}]}}"#.to_owned(),
        r#"{"exception":[{"exc_type":"ValueError","exc_value":"bad","frames":[]}]}"#.to_owned(),
        r#"{"exception":["ValueError","bad"]}"#.to_owned(),
        r#"{"exc_info":["ValueError","bad",["  File a.py","  File b.py"]]}"#.to_owned(),
        r#"{"exc_info":["<class 'ValueError'>","ValueError('bad')",null]}"#.to_owned(),
        r#"{"stack":"ValueError: bad\n    at f (a.js:1:1)"}"#.to_owned(),
        r#"{"err":{"type":"ValueError","message":"bad","stack":"ValueError: bad\n    at f"}}"#.to_owned(),
        r#"{"err":{"name":"ValueError","message":"bad","stack":"ValueError: bad\n    at f"}}"#.to_owned(),
        r#"{"error":{"type":"ValueError","message":"bad"}}"#.to_owned(),
        r#"{"error":{"kind":"ValueError","message":"bad","stack":"x"}}"#.to_owned(),
        r#"{"thrown":{"name":"ValueError","message":"bad","extendedStackTrace":[{"class":"A","method":"f","file":"A.java","line":1}]}}"#.to_owned(),
        r#"{"throwable":{"className":"ValueError","message":"bad","stepArray":[{"className":"A","methodName":"f","fileName":"A.java","lineNumber":3}],"cause":{"className":"KeyError","message":"x"}}}"#.to_owned(),
        r#"{"@x":"ValueError: bad\n   at A.B()"}"#.to_owned(),
        r#"{"attributes":{"exception.type":"ValueError","exception.message":"bad"}}"#.to_owned(),
        r#"{"errorType":"ValueError","errorMessage":"bad","stackTrace":["  File a.py"]}"#.to_owned(),
        r#"{"error":"ValueError: bad"}"#.to_owned(),
    ] {
        check(&line, &[("error_type", "ValueError"), ("error_message", "bad")]);
    }
    check(
        &format!(r#"{{"message":"failed\n{python}"}}"#),
        &[(
            "stacktrace",
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: bad",
        )],
    );
    check(
        r#"{"exception":[{"exc_type":"E","frames":[{"filename":"a.py","lineno":1,"name":"f"}]}]}"#,
        &[("stacktrace", "  File \"a.py\", line 1, in f"), ("error_type", "E")],
    );
    check(
        r#"{"throwable":{"className":"E","stepArray":[{"className":"A","methodName":"f","fileName":"A.java","lineNumber":3}]}}"#,
        &[("stacktrace", "  File \"A.java\", line 3, in f"), ("error_type", "E")],
    );
    check(
        r#"{"exc_info":["ValueError","bad",["  File a.py","  File b.py"]]}"#,
        &[("stacktrace", "  File a.py\n  File b.py")],
    );
    check(r#"{"throwable":null}"#, &[("stacktrace", "none"), ("error_type", "none")]);
}

#[test]
fn what_the_application_says_wins_and_words_stay() {
    check(
        r#"{"error_type":"Mine","error_message":"own","exc_info":"ValueError: bad"}"#,
        &[("error_type", "Mine"), ("error_message", "own"), ("stacktrace", "ValueError: bad")],
    );
    check(
        r#"{"exception":"connection refused"}"#,
        &[("error_message", "connection refused"), ("error_type", "none"), ("stacktrace", "none")],
    );
    check(
        r#"{"error":"open /x: no such file"}"#,
        &[("error_message", "open /x: no such file"), ("error_type", "none")],
    );
    check(r#"{"stack":"production"}"#, &[("stack", "production"), ("stacktrace", "none")]);
    check(
        r#"{"exc_info":true,"error":false}"#,
        &[("stacktrace", "none"), ("error_message", "none")],
    );
    check(
        r#"{"stack_info":"Stack (most recent call last):\n  File \"a.py\""}"#,
        &[
            ("stacktrace", "Stack (most recent call last):\n  File \"a.py\""),
            ("error_type", "none"),
        ],
    );
    let long = format!(r#"{{"error":"ValueError: {}"}}"#, "é".repeat(2_000));
    check(&long, &[("error_message", &"é".repeat(512)), ("error_type", "ValueError")]);
}

#[test]
fn paths_are_taken_apart_and_folded() {
    check(
        r#"{"path":"/api/v1/quizzes/42/attempts?page=2&token=x#top"}"#,
        &[
            ("path", "/api/v1/quizzes/42/attempts"),
            ("url.query", "page=2&token=x"),
            ("url.fragment", "top"),
            ("url.full", "none"),
            ("route", "/api/v1/quizzes/:id/attempts"),
        ],
    );
    check(
        r#"{"request_uri":"https://h.example:8000/x/7?y"}"#,
        &[
            ("path", "/x/7"),
            ("url.query", "y"),
            ("url.full", "https://h.example:8000/x/7?y"),
            ("route", "/x/:id"),
        ],
    );
    check(
        r#"{"path":"/x?a=1","url.query":"b=2"}"#,
        &[("path", "/x"), ("url.query", "a=1"), ("original.url.query", "b=2")],
    );
    check(r#"{"path":"/x?a=1","url":{"query":"a=1"}}"#, &[("url.query", "a=1")]);
    check(r#"{"path":"/x/7","endpoint":"x-detail"}"#, &[("route", "none"), ("path", "/x/7")]);
    check(r#"{"path":"/x/7","http.route":"/x/{id}"}"#, &[("route", "/x/{id}")]);
    check(r#"{"path":"*"}"#, &[("route", "none"), ("path", "*")]);
    check(r#"{"path":7}"#, &[("route", "none"), ("path", "I64(7)")]);
    check(r#"{"path":"/words/only"}"#, &[("route", "/words/only")]);
}

/// Pieces of what runtimes print, in any order.
const PIECES: [&str; 30] = [
    "Traceback (most recent call last):",
    "  + Exception Group ",
    "  | ",
    "  File \"a.py\", line 1, in f\n",
    "ValueError: bad",
    "\n",
    "\n\n",
    "\tat a.B.c(B.java:1)\n",
    "    at f (a.js:1:1)\n",
    "Caused by: ",
    " ---> ",
    "com.x.E: m",
    "panic: ",
    "goroutine 1 [running]:",
    "http: panic serving ",
    " [recovered]",
    "thread 'main' ",
    "panicked at ",
    "'x', src/main.rs:1:2",
    "note: run with",
    "PHP Fatal error:  Uncaught ",
    "\nStack trace:",
    "\nNext ",
    " in /a.php:3",
    "[object] (",
    "(code: 0): ",
    "a.rb:3:in 'f': m (E)",
    "Error (x):",
    "** (E) ",
    "terminate called after throwing an instance of '",
];

proptest! {
    #[test]
    fn whatever_is_printed_is_read_or_left(pieces in prop::collection::vec(
        prop_oneof![
            prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
            "[a-zA-Z.:'é() \n]{0,6}",
        ],
        0..12,
    )) {
        let text = pieces.concat();
        if let Some(found) = exception::read(&text) {
            prop_assert!(!found.kind.is_empty() && text.contains(found.kind), "{}", text);
            prop_assert!(text.contains(found.message), "{}", text);
        }
        if let Some((trace, found)) = exception::find(&text) {
            prop_assert!(text.ends_with(trace) && trace.contains(found.kind), "{}", text);
            prop_assert_eq!(exception::read(trace), Some(found), "{}", text);
        }
    }
}
