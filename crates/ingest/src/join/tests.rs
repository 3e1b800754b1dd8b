//! Lines of one group, by the software behind the lines, and lines that never form a group.

use super::*;

/// Returns the lines of each group by their first letters' positions: `0 1-3 4`.
fn groups(other: OtherText, lines: &[&str]) -> String {
    let mut joining = Joining::new(other);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut of_place = [0; STREAMS_MAX];
    for (number, line) in lines.iter().enumerate() {
        let line = content(line.as_bytes());
        if line.is_empty() {
            continue;
        }
        match joining.step(line) {
            Step::Apart => groups.push(vec![number]),
            Step::Opens(place) => {
                of_place[place] = groups.len();
                groups.push(vec![number]);
            }
            Step::Continues(place, _) => groups[of_place[place]].push(number),
        }
    }
    let texts = groups
        .iter()
        .map(|group| group.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"));
    texts.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(groups(OtherText::Rejected, &lines), expected, "{text}");
}

#[test]
fn tracebacks_of_python_belong_to_their_line() {
    check(
        "ERROR 2026-08-21 14:05:09,123 log 7 14 Internal Server Error: /x
Traceback (most recent call last):
  File \"/a.py\", line 3, in f
    g()
    ^^^
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/a.py\", line 5, in f
django.db.utils.ProgrammingError: column x does not exist
LINE 1: SELECT x
               ^
INFO 2026-08-21 14:05:10,123 views 7 14 next",
        "0+1+2+3+4+5+7+9+10+11+12+13 14",
    );
    // An error that looks like a line of the log is still the traceback's.
    check(
        "ERROR:root:refused\nTraceback (most recent call last):\n  File \"a\", line 1\nWARNING: x\nINFO:root:y",
        "0+1+2+3 4",
    );
    // loguru: blank lines, a mark at the margin, values below the source.
    check(
        "2026-08-21 14:05:09.123 | ERROR    | shop:pay:7 - failed\nTraceback (most recent call last):\n\n  File \"a\", line 1, in f\n    g()\n    └ <function g>\n\n> File \"a\", line 2, in g\n    x\n\nKeyError: 'a'\n2026-08-21 14:05:10.123 | INFO     | shop:pay:8 - next",
        "0+1+3+4+5+7+8+10 11",
    );
    // Two unrelated tracebacks.
    check(
        "Traceback (most recent call last):\n  File \"a\", line 1\nValueError\nTraceback (most recent call last):\n  File \"b\", line 1\nKeyError: 1",
        "0+1+2 3+4+5",
    );
    check(
        "  + Exception Group Traceback (most recent call last):\n  |   File \"a\", line 1\n  | ExceptionGroup: x (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +------------------------------------",
        "0+1+2+3+4+5",
    );
    check(
        "Exception in thread Thread-1 (work):\nTraceback (most recent call last):\n  File \"a\", line 1\nKeyError: 1",
        "0+1+2+3",
    );
}

#[test]
fn stack_traces_of_other_languages_belong_to_their_line() {
    check(
        "2026-08-21 14:05:09.123 ERROR 7 --- [main] c.e.Cart : refused

java.lang.IllegalStateException: no stock
\tat c.e.Cart.pay(Cart.java:3) ~[shop.jar:1]
\tSuppressed: java.io.IOException: y
Caused by: java.io.IOException: z
\t... 12 common frames omitted
2026-08-21 14:05:10.123  INFO 7 --- [main] c.e.Cart : next",
        "0+2+3+4+5+6 7",
    );
    check(
        "Exception in thread \"main\" java.lang.Error: x\n\tat A.main(A.java:3)\n{\"a\":1}",
        "0+1 2",
    );
    check(
        "/app/index.js:1\nthrow new TypeError('x');\n^\n\nTypeError: x {\n    at Object.<anonymous> (/app/index.js:1:7)\n    at node:internal/main {\n  code: 'E'\n}\n\nNode.js v20.11.0\nERROR: x",
        "0+1+2+4+5+6+7+8+10 11",
    );
    check(
        "panic: runtime error: x\n[signal SIGSEGV: segmentation violation]\n\ngoroutine 1 [running]:\nmain.f(...)\n\t/a.go:7 +0x1d\nnet/http.(*conn).serve(0xc000)\n\t/b.go:7\ncreated by net/http.Serve\n\t/b.go:9\nexit status 2\n2026/08/21 14:05:09 next",
        "0+1+3+4+5+6+7+8+9+10 11",
    );
    check(
        "thread 'main' panicked at src/main.rs:2:5:\nERROR: index out of bounds\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/x\nnote: Some details are omitted\nERROR: next",
        "0+1+2+3+4+5 6",
    );
    check(
        "fail: Shop.Cart[12]\n      refused\n      System.Exception: x\n         at A.B() in /a.cs:line 3\n      --- End of inner exception stack trace ---\ninfo: Shop.Cart[1]\n      next",
        "0+1+2+3+4 5+6",
    );
    check(
        "Unhandled exception. System.Exception: x\n   at A.B() in /a.cs:line 3\n--- End of stack trace from previous location ---\n   at A.C()",
        "0+1+2+3",
    );
    check(
        "app.rb:3:in 'f': refused (RuntimeError)\n\tfrom app.rb:7:in '<main>'\nI, [2026-08-21T14:05:09.1 #7]  INFO -- : x",
        "0+1 2",
    );
    check(
        "PHP Fatal error:  Uncaught Exception: x in /a.php:3\nStack trace:\n#0 /a.php(7): f()\n#1 {main}\n  thrown in /a.php on line 3\nPHP Notice:  y",
        "0+1+2+3+4 5",
    );
}

#[test]
fn indented_lines_belong_to_a_line_of_a_known_format_only() {
    check("INFO: a\n  b\n\tc\nINFO: d\n  e", "0+1+2 3+4");
    check("{\"a\":1}\n  b\nno format\n  c", "0 1 2 3");
    check("127.0.0.1 - - [21/Aug/2026:14:05:09 +0000] \"GET / HTTP/1.1\" 200 5\n  b", "0 1");
    // A trace behind a line of little severity is an error that nobody caught.
    check("INFO: a\nTraceback (most recent call last):\n  File \"a\", line 1\nE", "0 1+2+3");
}

#[test]
fn the_message_of_an_error_may_have_several_lines() {
    let traceback = "Traceback (most recent call last):\n  File \"a\", line 1\nE: refused\n";
    let dated = format!("2026-08-21 14:05:09,123 ERROR shop: failed\n{traceback}");
    check(
        &format!("{dated}by the bank, order 17\nfor ada\n2026-08-21 14:05:10,123 INFO shop: next"),
        "0+1+2+3+4+5 6",
    );
    check(&format!("ERROR:shop:failed\n{traceback}by the bank\nINFO:shop:next"), "0+1+2+3+4 5");
    // Such text may be the next line of a log whose lines have no head.
    check(&format!("Not Found: /x\n{traceback}by the bank"), "0+1+2+3 4");
    check(&format!("{traceback}by the bank"), "0+1+2 3");
    // What a program prints behind an error is not taken for long.
    let further = "text\n".repeat(20);
    let groups = (0..20).map(|number| (number, number + 4));
    let taken: Vec<String> = groups.clone().take(16).map(|(_, at)| format!("+{at}")).collect();
    let apart: Vec<String> = groups.skip(16).map(|(_, at)| format!(" {at}")).collect();
    check(&format!("{dated}{further}"), &format!("0+1+2+3{}{}", taken.concat(), apart.concat()));
    // Java: between the class and the first frame.
    check(
        "2026-08-21 14:05:09.123 ERROR 7 --- [main] c.e.Shop : failed\nc.e.Refused: card\nby the bank\n\tat c.e.Shop.pay(Shop.java:1)\nCaused by: c.e.X: a\nb\n\t... 1 more",
        "0+1+2+3+4+5+6",
    );
}

#[test]
fn calls_of_go_belong_to_the_line_of_a_logger() {
    check(
        "2026-08-21T14:05:09Z\tERROR\ta.go:1\trefused\nmain.pay\n\t/a.go:1\nnet/http.(*Server).Serve\n\t/b.go:2\n2026-08-21T14:05:10Z\tINFO\ta.go:1\tnext",
        "0+1+2+3+4 5",
    );
    check("2026-08-21T14:05:09Z\tERROR\ta.go:1\trefused\nall done.\nmain.pay", "0 1 2");
}

#[test]
fn postgres_says_more_on_lines_of_its_own() {
    let line = |process, text: &str| format!("2026-08-21 14:05:09.123 UTC [{process}] {text}\n");
    let text = [
        line(7, "ERROR:  column \"x\" does not exist at character 8"),
        line(7, "HINT:  Perhaps you meant y."),
        line(7, "STATEMENT:  SELECT x"),
        "\tFROM t\n".to_owned(),
        line(8, "STATEMENT:  SELECT 1"),
        line(7, "LOG:  checkpoint starting: time"),
    ];
    check(&text.concat(), "0+1+2+3 4 5");
}

#[test]
fn a_trace_belongs_to_a_text_only_where_texts_are_messages() {
    let lines =
        ["job stopped", "Traceback (most recent call last):", "  File \"a\", line 1", "E: x"];
    assert_eq!(groups(OtherText::Message, &lines), "0+1+2+3");
    assert_eq!(groups(OtherText::Rejected, &lines), "0 1+2+3");
    assert_eq!(groups(OtherText::Message, &["one", "  two", "three"]), "0 1 2");
}

fn docker(stream: &str, text: &str) -> String {
    let text = serde_json::to_string(text).expect("text");
    format!(
        "{{\"log\":{text},\"stream\":\"{stream}\",\"time\":\"2026-08-21T14:05:09.{}Z\"}}",
        text.len()
    )
}

#[test]
fn lines_in_wrappers_are_joined_by_stream() {
    let lines = [
        docker("stderr", "Traceback (most recent call last):\n"),
        docker("stdout", "INFO: a\n"),
        docker("stderr", "  File \"a\", line 1\n"),
        docker("stdout", "  b\n"),
        docker("stderr", "\n"),
        docker("stderr", "ValueError: x\n"),
        docker("stdout", "{\"level\":\"info\"}\n"),
        docker("stdout", "  c\n"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(groups(OtherText::Rejected, &lines), "0+2+4+5 1+3 6 7");
    check(
        "2026-08-21T14:05:09.1Z stderr F Exception in thread \"main\" java.lang.Error: x
2026-08-21T14:05:09.1Z stdout F INFO: a
2026-08-21T14:05:09.2Z stderr F \tat A.main(A.java:3)",
        "0+2 1",
    );
    check(
        "2026-08-21T14:05:09.1+00:00 app[web.1]: Traceback (most recent call last):
2026-08-21T14:05:09.2+00:00 app[web.2]:   File \"a\", line 1
2026-08-21T14:05:09.3+00:00 app[web.1]:   File \"a\", line 1
2026-08-21T14:05:09.4+00:00 app[web.1]: ValueError: x",
        "0+2+3 1",
    );
}

#[test]
fn pieces_of_a_line_are_joined_whatever_they_hold() {
    let half = "x".repeat(16 * 1024);
    let lines = [
        docker("stdout", &format!("{{\"a\":\"{}", &half[6..])),
        docker("stderr", "short"),
        docker("stdout", &half),
        docker("stdout", "\"}\n"),
        docker("stdout", "  b\n"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(groups(OtherText::Rejected, &lines), "0+2+3 1 4");
    check(
        "2026-08-21T14:05:09.1Z stdout P {\"a\":
2026-08-21T14:05:09.1Z stderr F INFO: b
2026-08-21T14:05:09.2Z stdout P 1
2026-08-21T14:05:09.2Z stdout F }
2026-08-21T14:05:09.2Z stdout F   c",
        "0+2+3 1 4",
    );
}

#[test]
fn the_sender_is_told_where_it_may_cut() {
    let mut joining = Joining::default();
    let expected = [
        ("{\"a\":1}", false),
        ("ERROR: x", false),
        ("", false),
        ("Traceback (most recent call last):", true),
        ("  File \"a\", line 1", true),
        ("ValueError", true),
        ("{\"a\":1}", false),
        ("  b", false),
    ];
    for (line, continues) in expected {
        assert_eq!(joining.continues(line.as_bytes()), continues, "{line}");
    }
}
