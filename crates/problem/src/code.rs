//! The registry of codes: what a client can be told, with which status, and whether the same
//! request is worth sending again. One row a code, and no other declaration anywhere.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a client should do after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request is refused again.
    Never,
    /// A smaller request may be taken: fewer lines, a shorter range, fewer terms.
    Smaller,
    /// The same request may be taken later, at the client's own pace.
    Later,
    /// The same request may be taken after so many seconds; the answer carries `Retry-After`.
    After(u32),
}

impl Retry {
    /// Returns the word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Retry::Never => "never",
            Retry::Smaller => "smaller",
            Retry::Later | Retry::After(_) => "later",
        }
    }
}

/// Declares [`Code`]: a row says the name on the wire, the status, the retry and, in its comment,
/// the sentence of the contract.
macro_rules! codes {
    ($($(#[doc = $text:literal])+ $variant:ident = $name:literal, $status:literal, $retry:expr;)+) => {
        /// What went wrong, for programs. A name on the wire never changes its meaning.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $text])+ $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// Returns the name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }

            /// Returns the HTTP status that the code travels with.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)+ }
            }

            /// Returns what a client should do.
            pub const fn retry(self) -> Retry {
                match self { $(Code::$variant => $retry,)+ }
            }

            /// Returns the sentence of the contract.
            pub fn sentence(self) -> &'static str {
                match self { $(Code::$variant => concat!($($text),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The query text cannot be read; `position` says where.
    QuerySyntax = "query_syntax", 400, Retry::Never;
    /// The field is stored as pseudonyms: ranges, prefixes and expressions over it mean nothing.
    PseudonymisedField = "pseudonymised_field", 400, Retry::Never;
    /// A parameter is unknown, has the wrong type or lies outside its bounds; where the server
    /// can tell which, `parameter` names it.
    InvalidParameter = "invalid_parameter", 400, Retry::Never;
    /// The cursor was not made by this API, or for another query.
    InvalidCursor = "invalid_cursor", 400, Retry::Never;
    /// The request body is not the JSON object that is expected.
    InvalidBody = "invalid_body", 400, Retry::Never;
    /// A header of the request is not text.
    InvalidHeader = "invalid_header", 400, Retry::Never;
    /// `Tierlog-Batch-Id` is not 1 to 128 printable ASCII characters.
    InvalidBatchId = "invalid_batch_id", 400, Retry::Never;
    /// The body is not encoded as `Content-Encoding` says.
    InvalidEncoding = "invalid_encoding", 400, Retry::Never;
    /// The body ended before it was complete.
    IncompleteBody = "incomplete_body", 400, Retry::Later;
    /// No line of the body could be read; each is kept as a dead letter, and `errors` lists the
    /// first 100.
    NothingReadable = "nothing_readable", 400, Retry::Never;
    /// The query has more terms, buckets, memory or depth than the limits allow.
    TooExpensive = "too_expensive", 400, Retry::Smaller;
    /// There is no such resource.
    NotFound = "not_found", 404, Retry::Never;
    /// The resource does not know this method.
    MethodNotAllowed = "method_not_allowed", 405, Retry::Never;
    /// The query, or the arrival of the body, took longer than its deadline.
    Deadline = "deadline", 408, Retry::Later;
    /// Lines that are numbered before these never arrived; only TCP connections number lines.
    MissingLines = "missing_lines", 409, Retry::Never;
    /// Numbered lines were parted in another way when they were sent before; TCP only.
    PartedLines = "parted_lines", 409, Retry::Never;
    /// The numbers of lines leap further than any backlog is long; TCP only.
    LinesJump = "lines_jump", 409, Retry::Never;
    /// The configuration that was to be taken over is not valid; `detail` lists every problem, and
    /// the old one holds.
    InvalidConfiguration = "invalid_configuration", 409, Retry::Never;
    /// The body is larger than the limit.
    TooLarge = "too_large", 413, Retry::Smaller;
    /// The content type or the encoding of the body is none that this resource reads.
    UnsupportedMediaType = "unsupported_media_type", 415, Retry::Never;
    /// The request names a host that this server does not answer for (`security.hosts`).
    UnknownHost = "unknown_host", 421, Retry::Never;
    /// The request changes what is stored and lacks the header `Tierlog-Confirm`.
    ConfirmationRequired = "confirmation_required", 428, Retry::Never;
    /// Too many requests of this kind run already, or hold the memory that is needed.
    Busy = "busy", 429, Retry::After(1);
    /// There is no room for more lines now.
    Full = "full", 429, Retry::After(1);
    /// The work stopped half way; the server's own log says why.
    Maintenance = "maintenance", 500, Retry::Never;
    /// The store cannot be read; the server's own log says why.
    StoreUnreadable = "store_unreadable", 500, Retry::Later;
    /// A fault of the server; its own log says more.
    Internal = "internal", 500, Retry::Later;
    /// The store takes no writes until it is restarted; `/health` says why.
    StoreRefusesWrites = "store_refuses_writes", 503, Retry::After(1);
    /// The server is shutting down.
    ShuttingDown = "shutting_down", 503, Retry::After(1);
    /// The query was given up, because its client went away or the server stops.
    Cancelled = "cancelled", 503, Retry::After(1);
    /// The disk has no room for more lines.
    DiskFull = "disk_full", 507, Retry::Later;
}

impl Code {
    /// Returns the code of a name on the wire.
    pub fn of_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_code_is_written_and_read_by_its_name() {
        for code in Code::ALL {
            let text = format!("\"{code}\"");
            assert_eq!(serde_json::to_string(code).unwrap(), text);
            assert_eq!(Code::of_name(code.as_str()), Some(*code));
        }
        assert_eq!(Code::of_name("no_such_code"), None);
    }

    #[test]
    fn every_status_is_an_error_with_words() {
        for code in Code::ALL {
            let status = StatusCode::from_u16(code.status()).unwrap();
            assert!(status.is_client_error() || status.is_server_error(), "{code}");
            assert!(status.canonical_reason().is_some(), "{code}");
            assert!(code.sentence().ends_with('.') || code.sentence().ends_with(')'), "{code}");
        }
    }

    /// `UPDATE_EXPECT=1 cargo test -p tierlog-problem` writes the table of the document again.
    #[test]
    fn the_document_has_a_row_for_every_code() {
        let rows = Code::ALL.iter().map(|code| {
            let (status, retry) = (code.status(), code.retry().as_str());
            format!("| `{code}` | {status} | {retry} | {} |\n", code.sentence())
        });
        let document = format!("{HEAD}{}", rows.collect::<String>());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        expect_test::expect_file![path].assert_eq(&document);
    }

    const HEAD: &str = "\
# Errors

Every listener answers an error with [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)
`application/problem+json`: unknown paths, wrong methods, refused hosts and panics too. Programs
read `code`; `detail` is for people, and may change.

```json
{\"type\":\"about:blank\",\"title\":\"Too Many Requests\",\"status\":429,\"code\":\"full\",\"detail\":\"no room for more lines now, try again\"}
```

Members that only some errors have: `position` (byte offset into the query), `parameter` (the
parameter that is wrong), `durable_lines` (lines at the beginning of a body that are stored all the
same), `errors` (the first 100 rejected lines). Two refusals have no body, because no request was
read yet: a head that is not HTTP (400) and one of more than 64 headers or 16 KiB (431).

`never`: the same request is refused again. `smaller`: a part of it may be taken. `later`: the same
request may be taken later; 429 and 503 say in `Retry-After` how many seconds later. Ingest under
the same `Tierlog-Batch-Id` is stored once, however often it is sent.

Which resource answers with which code stands in [openapi.json](../schemas/openapi.json), for each
status as `x-codes`.

| code | status | again | meaning |
|---|---|---|---|
";
}
