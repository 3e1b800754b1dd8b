//! The parameters that most resources share.

use std::time::Duration;

use tierlog_model::RecordKind;
use tierlog_problem::Problem;
use utoipa::{IntoParams, ToSchema};

use super::parameters::Parameters;
use crate::dialect::QueryText;

/// Which records a query is about, and how long it may take.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Scope {
    /// Query text, Lucene-like: `level:>=warning AND path:/api/*`. Empty is every record.
    #[param(required = false)]
    q: String,
    /// First moment: RFC 3339, unix time, or relative such as `now-1h`. Without it the range
    /// begins where the tiers begin.
    start: Option<String>,
    /// First moment after the range, written as `start`. Without it the range does not end.
    end: Option<String>,
    /// Log lines (the default) or dead letters.
    #[param(inline, required = false)]
    kind: KindParameter,
    /// Longest time of the query, such as `5s`; the server's own bound holds too.
    #[param(value_type = Option<String>)]
    timeout: Option<Duration>,
}

/// Which records a query looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum KindParameter {
    /// Log lines.
    Log,
    /// Rejected lines, redacted, with the reasons.
    DeadLetter,
}

impl Scope {
    /// Takes the shared parameters.
    pub(super) fn take(parameters: &mut Parameters) -> Result<Scope, Problem> {
        Ok(Scope {
            q: parameters.text("q")?.unwrap_or_default(),
            start: parameters.text("start")?,
            end: parameters.text("end")?,
            kind: KindParameter::take(parameters)?,
            timeout: parameters.duration("timeout")?,
        })
    }

    /// Returns the client's own deadline.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the query text with the range beside it.
    pub(super) fn into_text(self) -> QueryText {
        QueryText { q: self.q, start: self.start, end: self.end, kind: self.kind.record_kind() }
    }
}

impl KindParameter {
    /// Takes `kind`.
    pub(super) fn take(parameters: &mut Parameters) -> Result<KindParameter, Problem> {
        match parameters.text("kind")?.as_deref() {
            None | Some("log") => Ok(KindParameter::Log),
            Some("dead_letter") => Ok(KindParameter::DeadLetter),
            Some(_) => Err(Problem::parameter("kind", "\"kind\" must be log or dead_letter")),
        }
    }

    /// Returns the kind of record.
    pub(super) fn record_kind(self) -> RecordKind {
        match self {
            KindParameter::Log => RecordKind::Log,
            KindParameter::DeadLetter => RecordKind::DeadLetter,
        }
    }
}
