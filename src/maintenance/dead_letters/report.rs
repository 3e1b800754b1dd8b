//! What is said of dead letters, as JSON and as the command line reads it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierlog_model::{RejectReason, Value, fields};
use tierlog_store::{Letters, StoredRecord};
use utoipa::ToSchema;

/// The newest dead letters of a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LetterList {
    /// The letters, newest first.
    pub(crate) letters: Vec<Letter>,
    /// How many the selection holds.
    pub(crate) total: u64,
    /// How many by reason.
    pub(crate) by_reason: BTreeMap<String, u64>,
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Letter {
    /// Its number.
    #[schema(example = 4711)]
    pub(crate) id: u64,
    /// When the line arrived, RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) arrived: String,
    /// Why it was rejected.
    #[schema(example = "past_retention")]
    pub(crate) reason: String,
    /// What exactly was wrong.
    pub(crate) detail: String,
    /// Service of the request that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    /// Source of the request that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// The line, redacted, or its beginning.
    pub(crate) message: String,
    /// Whether the line can be read once more: it is whole.
    pub(crate) replayable: bool,
}

impl LetterList {
    pub(super) fn new(letters: Letters) -> LetterList {
        LetterList {
            total: letters.total(),
            letters: letters.letters.iter().map(Letter::new).collect(),
            by_reason: letters.by_reason,
        }
    }
}

impl Letter {
    pub(super) fn new(stored: &StoredRecord) -> Letter {
        let record = &stored.record;
        let text = |name: &str| record.get_str(name).map(str::to_owned);
        let reason = text(fields::REASON).unwrap_or_default();
        let is_cut = record.get(fields::TRUNCATED) == Some(&Value::Bool(true));
        // Bytes that were not UTF-8 are not kept, only marks in their places.
        let message = text(fields::MESSAGE);
        let is_whole = message.is_some() && !is_cut && reason != RejectReason::InvalidUtf8.as_str();
        Letter {
            id: stored.seq,
            arrived: record.timestamp.to_string(),
            reason,
            detail: text(fields::DETAIL).unwrap_or_default(),
            service: text(fields::SERVICE),
            source: text(fields::SOURCE),
            message: message.unwrap_or_default(),
            replayable: is_whole,
        }
    }
}

/// What dropping did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LettersDropped {
    /// Letters that are gone.
    pub(crate) dropped: u64,
    /// How many by reason.
    pub(crate) by_reason: BTreeMap<String, u64>,
}

impl LettersDropped {
    pub(super) fn new(by_reason: BTreeMap<String, u64>) -> LettersDropped {
        LettersDropped { dropped: by_reason.values().sum(), by_reason }
    }
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LettersReplayed {
    /// Letters that are records now, and no dead letters any more.
    pub(crate) replayed: u64,
    /// Letters that were rejected again and stay, by the reason of today.
    pub(crate) rejected: BTreeMap<String, u64>,
    /// Letters that are not whole, so that nobody can say what the line was; they stay.
    pub(crate) not_whole: u64,
    /// Whether every letter of the selection was looked at: a server that stops stops this too.
    pub(crate) complete: bool,
}
