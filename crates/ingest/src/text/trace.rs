//! Tracebacks and stack traces: the first line, the lines that continue a trace, the error named.
//!
//! | by | begins with | goes on with |
//! |---|---|---|
//! | Python | `Traceback (most recent call last):` | frames, the error, `During handling of ...` |
//! | Java, Kotlin, Node, .NET | the error, or `Exception in thread ...` | `at ...`, `Caused by:` |
//! | Go | `panic: ...` | `goroutine 1 [running]:`, calls, `created by ...` |
//! | Rust | `thread 'main' panicked at ...` | the message, `stack backtrace:`, `note: ...` |
//! | Ruby | `a.rb:3:in 'f': refused (RuntimeError)` | `from ...` |
//! | PHP | `Stack trace:` | `#0 ...` |
//!
//! An indented line always goes on with a trace. A line at the margin does only where the language
//! writes such a line there, so that the next log line is never swallowed.

use tierlog_model::{Level, fields};

use super::record::TextRecord;

/// Lines of source that Node prints before an uncaught error: the place, the line, the mark.
const NODE_SOURCE_LINES: u8 = 3;

/// How every traceback of Python begins.
const PYTHON_HEAD: &str = "Traceback (most recent call last):";

/// Texts between two tracebacks of Python, the first the cause of the second.
const PYTHON_CHAINS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// Further lines of an error's message that Python's database libraries write at the margin.
const PYTHON_FURTHER: [&str; 8] = [
    "LINE ",
    "DETAIL: ",
    "HINT: ",
    "CONTEXT: ",
    "QUERY: ",
    "[SQL: ",
    "[parameters: ",
    "(Background on this error at: ",
];

/// What a trace expects next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// Python: frames, then the error.
    PythonFrames,
    /// Python: the error was there; another traceback may be chained to it.
    PythonEnd,
    /// Python: another traceback.
    PythonChain,
    /// Frames that begin with `at`: Java, Kotlin, Node, .NET.
    At,
    /// Node: so many lines of source before the error.
    NodeSource(u8),
    /// Go.
    Go,
    /// Rust: the message on a line of its own.
    RustMessage,
    /// Rust.
    Rust,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
}

impl Trace {
    /// Returns the trace that a line begins.
    pub(crate) fn begin(line: &str) -> Option<Trace> {
        let inner = line.trim_start_matches([' ', '\t']);
        let first = inner.bytes().next()?;
        if inner.len() < line.len() {
            return match first {
                b'a' if is_at_frame(line) => Some(Trace::At),
                b'F' if is_python_frame(line) => Some(Trace::PythonFrames),
                b'+' if inner.contains(PYTHON_HEAD) => Some(Trace::PythonFrames),
                b'f' if is_ruby_frame(inner.strip_prefix("from ")?) => Some(Trace::Ruby),
                b'.' if is_java_rest(inner) => Some(Trace::At),
                // .NET's console logger indents the error too.
                _ if is_class(inner) => Some(Trace::At),
                _ => None,
            };
        }
        match first {
            b'T' if line == PYTHON_HEAD => Some(Trace::PythonFrames),
            b'E' if line.starts_with("Exception in thread \"") => Some(Trace::At),
            b'E' if line.starts_with("Exception in thread ") && line.ends_with(':') => {
                Some(Trace::PythonChain)
            }
            b'U' if is_unhandled(line) => Some(Trace::At),
            b'C' if line.starts_with("Caused by: ") => Some(Trace::At),
            b'S' if line == "Stack trace:" => Some(Trace::Php),
            b'#' if is_php_frame(line) => Some(Trace::Php),
            b'p' if line.starts_with("panic: ") => Some(Trace::Go),
            b'f' if line.starts_with("fatal error: ") => Some(Trace::Go),
            b'g' if is_goroutine(line) => Some(Trace::Go),
            b't' if is_rust_panic(line) => {
                Some(if line.ends_with(':') { Trace::RustMessage } else { Trace::Rust })
            }
            b's' if line == "stack backtrace:" => Some(Trace::Rust),
            _ if is_class(line) => Some(Trace::At),
            _ if is_ruby_frame(line) => Some(Trace::Ruby),
            b'/' | b'f' | b'n' if is_node_place(line) => Some(Trace::NodeSource(NODE_SOURCE_LINES)),
            _ => None,
        }
    }

    /// Returns the trace that a line begins directly behind a line of a logger: Go's loggers
    /// write calls there without a goroutine before them.
    pub(crate) fn begin_behind_head(line: &str) -> Option<Trace> {
        Trace::begin(line).or_else(|| is_go_function(line).then_some(Trace::Go))
    }

    /// Returns what the trace expects behind a line, or nothing when the line does not belong to
    /// it. The line is not blank.
    pub(crate) fn next(self, line: &str) -> Option<Trace> {
        if line.starts_with([' ', '\t']) && self != Trace::PythonChain {
            return Some(match self {
                Trace::RustMessage => Trace::Rust,
                Trace::NodeSource(left) => Trace::NodeSource(left.saturating_sub(1)),
                other => other,
            });
        }
        match self {
            // loguru marks the frame that caught the error.
            Trace::PythonFrames if line.starts_with("> File \"") => Some(Trace::PythonFrames),
            Trace::PythonFrames if is_python_error(line) => Some(Trace::PythonEnd),
            Trace::PythonEnd if PYTHON_CHAINS.contains(&line) => Some(Trace::PythonChain),
            Trace::PythonEnd if PYTHON_FURTHER.iter().any(|text| line.starts_with(text)) => {
                Some(Trace::PythonEnd)
            }
            Trace::PythonChain if line == PYTHON_HEAD => Some(Trace::PythonFrames),
            Trace::At if goes_on_at(line) => Some(Trace::At),
            Trace::NodeSource(_) if is_class(line) || line.starts_with("Uncaught ") => {
                Some(Trace::At)
            }
            Trace::NodeSource(left) => Some(Trace::NodeSource(left.checked_sub(1)?)),
            Trace::Go if goes_on_go(line) => Some(Trace::Go),
            Trace::RustMessage => Some(Trace::Rust),
            Trace::Rust if line == "stack backtrace:" || line.starts_with("note: ") => {
                Some(Trace::Rust)
            }
            Trace::Ruby if is_ruby_frame(line) => Some(Trace::Ruby),
            Trace::Php if is_php_frame(line) || line == "Stack trace:" => Some(Trace::Php),
            Trace::Php if line.starts_with("Next ") => Some(Trace::Php),
            _ => None,
        }
    }

    /// Tells whether an error's message may have further lines where the trace is: behind the
    /// error of Python's, behind a class of Java's.
    pub(crate) fn has_message(self) -> bool {
        matches!(self, Trace::PythonEnd | Trace::At)
    }

    /// Tells whether a line at the margin ends what the trace is about before it is looked at as
    /// a log line: the error behind Python's frames may look like one.
    pub(crate) fn takes_first(self, line: &str) -> bool {
        match self {
            Trace::PythonFrames => is_python_error(line),
            Trace::RustMessage => true,
            Trace::PythonEnd
            | Trace::PythonChain
            | Trace::At
            | Trace::NodeSource(_)
            | Trace::Go
            | Trace::Rust
            | Trace::Ruby
            | Trace::Php => false,
        }
    }
}

/// Returns where in the lines behind a logger's line a trace begins.
pub(super) fn start_of(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split('\n') {
        let trace = if at == 0 { Trace::begin_behind_head(line) } else { Trace::begin(line) };
        if trace.is_some() {
            return Some(at);
        }
        at += line.len() + 1;
    }
    None
}

/// Reads a trace that no line of a logger stands before: an error that nobody caught, or the rest
/// of a trace whose beginning went before. The message is the text of the error.
pub(super) fn bare(text: &str) -> Option<TextRecord<'_>> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let trace = Trace::begin(first)?;
    let message = match trace {
        Trace::PythonFrames | Trace::PythonEnd | Trace::PythonChain => {
            if !text.lines().any(|line| line.contains(PYTHON_HEAD) || is_python_frame(line)) {
                return None;
            }
            let error = |line: &&str| {
                let is_further = PYTHON_FURTHER.iter().any(|text| line.starts_with(text));
                !is_further && !PYTHON_CHAINS.contains(line) && is_python_error(line)
            };
            text.lines().rev().find(error).unwrap_or(first)
        }
        Trace::At | Trace::NodeSource(_) => {
            if !text.lines().any(|line| is_at_frame(line) || is_java_rest(line.trim_start())) {
                return None;
            }
            text.lines().find(|line| is_class(line)).unwrap_or(first)
        }
        Trace::Go if !text.lines().any(is_goroutine) => return None,
        Trace::RustMessage => rest.lines().next().unwrap_or(first),
        Trace::Ruby if !text.lines().any(|line| is_ruby_frame(line.trim_start())) => return None,
        Trace::Ruby if rest.is_empty() && !first.ends_with(')') => return None,
        Trace::Php if !text.lines().any(is_php_frame) => return None,
        Trace::Go | Trace::Rust | Trace::Ruby | Trace::Php => first,
    };
    TextRecord::new("trace")
        .level_of(Level::Error, Level::Error.as_str())
        .text(fields::STACKTRACE, text)
        .message(message.trim())
}

/// Tells whether a line is the error behind the frames of Python: a name, perhaps with a message.
fn is_python_error(line: &str) -> bool {
    let name = line.split_once(": ").map_or(line, |(name, _)| name);
    let name = name.strip_suffix(':').unwrap_or(name);
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(is_part)
        && name != "Traceback"
}

/// Tells whether a line names an error as Java, Node and .NET do: `java.lang.Error: x`,
/// `TypeError: x`.
fn is_class(line: &str) -> bool {
    let name = line.strip_prefix("Uncaught ").unwrap_or(line);
    let end = name.find([':', ' ', '[']).unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end).unwrap_or((name, ""));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '+' | '`');
    // `Error [ERR_HTTP_HEADERS_SENT]: x`
    let rest = rest.strip_prefix(" [").and_then(|code| code.split_once(']')).map_or(rest, |c| c.1);
    if !name.chars().all(is_part) || !(rest.is_empty() || rest.starts_with(": ") || rest == ":") {
        return false;
    }
    let last = name.rsplit(['.', '$', '+']).next().unwrap_or(name);
    let is_camel = last.starts_with(|c: char| c.is_ascii_uppercase())
        && last.contains(|c: char| c.is_ascii_lowercase());
    let is_error = last.ends_with("Error") || last.ends_with("Exception");
    is_camel && (is_error || (name.contains('.') && rest.starts_with(':')))
}

/// Tells whether a line is a frame of Java, Node or .NET.
fn is_at_frame(line: &str) -> bool {
    let inner = line.trim_start_matches([' ', '\t']);
    let Some(place) = inner.strip_prefix("at ") else { return false };
    inner.len() < line.len()
        && (place.contains(['(', '.', '/', '<']) || place.starts_with("async "))
        && !place.ends_with('.')
}

/// Tells whether a text is Java's `... 12 more`.
fn is_java_rest(inner: &str) -> bool {
    let rest = inner.strip_prefix("... ").and_then(|rest| {
        rest.strip_suffix(" more").or_else(|| rest.strip_suffix(" common frames omitted"))
    });
    rest.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Tells whether a line at the margin goes on with a trace of `at` frames.
fn goes_on_at(line: &str) -> bool {
    const STARTS: [&str; 6] =
        ["Caused by: ", "Suppressed: ", "Wrapped by: ", "--- End of ", "Node.js v", "... "];
    line == "}" || STARTS.iter().any(|start| line.starts_with(start))
}

fn is_unhandled(line: &str) -> bool {
    line.starts_with("Unhandled exception. ") || line.starts_with("Unhandled Exception: ")
}

fn is_python_frame(line: &str) -> bool {
    let inner = line.trim_start_matches([' ', '\t', '|', '+', '-']);
    inner.starts_with("File \"") && inner.contains("\", line ") && inner.len() < line.len()
}

fn is_goroutine(line: &str) -> bool {
    line.strip_prefix("goroutine ")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.ends_with("]:"))
}

/// Tells whether a line at the margin goes on with a trace of Go.
fn goes_on_go(line: &str) -> bool {
    const STARTS: [&str; 7] = [
        "goroutine ",
        "created by ",
        "exit status ",
        "[signal ",
        "panic: ",
        "runtime stack:",
        "...additional frames elided...",
    ];
    let is_call = || {
        let name = line.split('(').next().unwrap_or(line);
        line.ends_with(')') && !name.contains(' ') && name.contains(['.', '/'])
            || line.starts_with("panic(")
    };
    STARTS.iter().any(|start| line.starts_with(start)) || is_call() || is_go_function(line)
}

/// Tells whether a line is the name of a function as zap and pkg/errors write it:
/// `main.main`, `net/http.(*Server).Serve`.
fn is_go_function(line: &str) -> bool {
    let is_sign = |c: char| c.is_alphanumeric() || "._/()*-[]".contains(c);
    let (path, name) = line.rsplit_once('/').unwrap_or(("", line));
    let (package, function) = name.split_once('.').unwrap_or_default();
    let is_word = |text: &str| text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_word(package)
        && function.starts_with(|c: char| c.is_alphabetic() || c == '(' || c == '_')
        && function.ends_with(|c: char| c.is_alphanumeric() || c == ']')
        && line.chars().all(is_sign)
        && (path.is_empty() || !path.contains("//"))
}

fn is_rust_panic(line: &str) -> bool {
    line.strip_prefix("thread '").is_some_and(|rest| rest.contains("' panicked at "))
        || line.starts_with("thread '") && line.contains("' (") && line.contains(") panicked at ")
}

/// Tells whether a text is a place in Ruby: `app/a.rb:3:in 'f'`.
fn is_ruby_frame(line: &str) -> bool {
    let Some((place, _)) = line.split_once(":in ") else { return false };
    let Some((file, number)) = place.rsplit_once(':') else { return false };
    !file.contains(' ')
        && (file.ends_with(".rb") || file.ends_with(".rake") || file.starts_with("<internal:"))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_php_frame(line: &str) -> bool {
    let Some((number, call)) = line.strip_prefix('#').and_then(|rest| rest.split_once(' ')) else {
        return false;
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (call.starts_with(['/', '{', '[']) || call.contains(".php("))
}

/// Tells whether a line is the place that Node prints before an uncaught error.
fn is_node_place(line: &str) -> bool {
    let Some((path, number)) = line.rsplit_once(':') else { return false };
    let is_path =
        path.starts_with('/') || path.starts_with("file:///") || path.starts_with("node:");
    is_path
        && !path.contains(' ')
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
