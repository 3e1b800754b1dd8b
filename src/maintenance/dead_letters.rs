//! Dead letters that an engineer looks at, sends through ingest once more, or drops. The same
//! answers come from a running server over HTTP ([`http`]) and, but for the replay, from a
//! stopped server's data directory.

pub(crate) mod http;
mod replay;
mod report;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use tierlog_model::{RejectReason, Tenant, Timestamp, UNINDEXABLE};
use tierlog_query::{MOMENT_FORMS, read_moment};
use tierlog_store::{LetterEnd, LetterOrder, LetterSelection, Store, StoreError};

pub(crate) use replay::{ReplayError, finish_pending, replay};
pub(crate) use report::{Letter, LetterList, LettersDropped, LettersReplayed};

/// Default number of letters in a list.
pub(crate) const LIST_DEFAULT: usize = 100;

/// Letters that one list shows at most: each has up to 4 KiB.
pub(crate) const LIST_MAX: usize = 1_000;

/// Most letters that a selection may name; a query string is 8 KiB long.
const IDS_MAX: usize = 500;

/// Which letters are meant, as parameters of a request or flags of a verb say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LetterParameters {
    /// Named reason.
    pub(crate) reason: Option<String>,
    /// Arrived at this moment or later.
    pub(crate) start: Option<String>,
    /// Arrived before this moment.
    pub(crate) end: Option<String>,
    /// Numbers, with commas between.
    pub(crate) id: Option<String>,
    /// `true`: all letters; a change must say so.
    pub(crate) all: Option<bool>,
    /// Most letters to show.
    pub(crate) limit: Option<usize>,
}

impl LetterParameters {
    /// Returns the selection, or what is wrong with the parameters.
    pub(crate) fn selection(
        &self,
        tenant: Tenant,
        now: Timestamp,
    ) -> Result<LetterSelection, String> {
        let reason = match self.reason.as_deref() {
            None => None,
            Some(name) => Some(known_reason(name)?.to_owned()),
        };
        let moment = |name: &str, text: &Option<String>| match text.as_deref() {
            None => Ok(None),
            Some(text) => {
                read_moment(text, now).map(Some).ok_or_else(|| format!("{name}: {MOMENT_FORMS}"))
            }
        };
        Ok(LetterSelection {
            tenant,
            reason,
            start: moment("start", &self.start)?,
            end: moment("end", &self.end)?,
            ids: self.id.as_deref().map(read_ids).transpose()?,
            ..LetterSelection::default()
        })
    }

    /// Returns the selection for a change: no parameter does not mean all letters.
    pub(crate) fn selection_to_change(
        &self,
        tenant: Tenant,
        now: Timestamp,
    ) -> Result<LetterSelection, String> {
        let selection = self.selection(tenant, now)?;
        let is_all = selection == LetterSelection { tenant, ..LetterSelection::default() };
        match (is_all, self.all == Some(true)) {
            (true, false) => Err("say which: reason, start, end, id, or all=true".to_owned()),
            (false, true) => Err("all=true and a selection contradict each other".to_owned()),
            (true, true) | (false, false) => Ok(selection),
        }
    }

    /// Returns the most letters to show.
    pub(crate) fn limit(&self) -> Result<usize, String> {
        let limit = self.limit.unwrap_or(LIST_DEFAULT);
        if limit > LIST_MAX {
            return Err(format!("limit: at most {LIST_MAX}"));
        }
        Ok(limit)
    }
}

fn known_reason(name: &str) -> Result<&'static str, String> {
    let known = RejectReason::ALL.iter().map(|reason| reason.as_str()).chain([UNINDEXABLE]);
    known.clone().find(|known| *known == name).ok_or_else(|| {
        let names: Vec<&str> = known.collect();
        format!("reason: expected one of {}", names.join(", "))
    })
}

fn read_ids(text: &str) -> Result<Vec<u64>, String> {
    let mut ids = Vec::new();
    for word in text.split(',') {
        let id = word.trim().parse();
        ids.push(id.map_err(|_| "id: expected numbers with commas between".to_owned())?);
    }
    if ids.len() > IDS_MAX {
        return Err(format!("id: at most {IDS_MAX} at a time"));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Returns the newest letters of a selection. Blocks.
pub(crate) fn list(
    store: &Store,
    selection: &LetterSelection,
    limit: usize,
) -> Result<LetterList, StoreError> {
    store.dead_letters(selection, LetterOrder::NewestFirst, limit).map(LetterList::new)
}

/// Returns one letter, if it is there. Blocks.
pub(crate) fn show(store: &Store, tenant: Tenant, id: u64) -> Result<Option<Letter>, StoreError> {
    let selection = LetterSelection::of_ids(tenant, vec![id]);
    let found = store.dead_letters(&selection, LetterOrder::NewestFirst, 1)?;
    Ok(found.letters.first().map(Letter::new))
}

/// Drops the letters of a selection. Blocks.
pub(crate) fn drop_letters(
    store: &Store,
    selection: &LetterSelection,
) -> Result<LettersDropped, StoreError> {
    store.drop_dead_letters(selection, LetterEnd::Dropped).map(LettersDropped::new)
}
