//! The fields of a record that an answer shows.

use tierlog_model::Record;

use crate::dialect::Spellings;

/// Fields to show beside timestamp and level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection(Vec<Selected>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selected {
    /// Every field whose name starts so.
    Prefix(String),
    /// The field that is called so, and the field of the contract that the name spells.
    Name { written: String, canonical: String },
}

impl Selection {
    /// Returns the selection of names as written; `http.*` is a prefix.
    pub(crate) fn of(names: Vec<String>, spellings: &Spellings) -> Selection {
        let selected = |written: String| match written.strip_suffix('*') {
            Some(prefix) => Selected::Prefix(prefix.to_owned()),
            None => {
                let canonical = spellings.canonical(&written).to_owned();
                Selected::Name { written, canonical }
            }
        };
        Selection(names.into_iter().map(selected).collect())
    }

    /// Removes the other fields of a record.
    pub(super) fn apply(&self, record: &mut Record<'_>) {
        record.fields.retain(|(name, _)| {
            self.0.iter().any(|selected| match selected {
                Selected::Prefix(prefix) => name.starts_with(prefix.as_str()),
                Selected::Name { written, canonical } => name == written || name == canonical,
            })
        });
    }
}
