//! Remarks of an answer beside its numbers: a field without any record, a clause in another
//! language, values beyond a limit.
//!
//! Arrives: remarks of parsing, planning and execution. Leaves: a short list, each remark once.
//! A warning never changes an answer; it says how the answer was meant.

use serde::Serialize;
use utoipa::ToSchema;

/// Warnings of one answer: a screen of them; what repeats is counted and not listed again.
pub(crate) const WARNINGS_MAX: usize = 32;

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WarningCode {
    /// No record in the asked range has the field.
    UnknownField,
    /// A clause has the form of another query language, and is not read as that language does.
    ForeignSyntax,
    /// There are more field names than an answer lists.
    NamesLeftOut,
    /// Some values of an aggregated field are not what the aggregation computes with: text that is
    /// no number, truth values.
    ValuesLeftOut,
}

/// One remark of an answer about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Warning {
    /// Stable name of the kind of remark.
    pub(crate) code: WarningCode,
    /// The remark, for people.
    #[schema(example = "no record has a field \"sevice\"")]
    pub(crate) detail: String,
    /// Field that the remark is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// What was probably meant: a field's name, or a clause to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "service")]
    pub(crate) suggestion: Option<String>,
    /// How many records or values the remark is about, where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
}

impl Warning {
    /// Returns a remark.
    pub(crate) fn new(code: WarningCode, detail: impl Into<String>) -> Warning {
        Warning { code, detail: detail.into(), field: None, suggestion: None, count: None }
    }

    /// Names the field that the remark is about.
    #[must_use]
    pub(crate) fn of_field(mut self, field: impl Into<String>) -> Warning {
        self.field = Some(field.into());
        self
    }

    /// Says what was probably meant.
    #[must_use]
    pub(crate) fn suggesting(mut self, suggestion: impl Into<String>) -> Warning {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Says how many records or values the remark is about.
    #[must_use]
    pub(crate) fn counting(mut self, count: u64) -> Warning {
        self.count = Some(count);
        self
    }
}

/// The warnings of one answer, in the order of their discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Warnings(Vec<Warning>);

impl Warnings {
    /// Adds a remark. A warning that differs from a known warning in the count alone adds to the
    /// count.
    pub(crate) fn add(&mut self, warning: Warning) {
        let is_same = |known: &&mut Warning| {
            (known.code, &known.detail, &known.field)
                == (warning.code, &warning.detail, &warning.field)
        };
        if let Some(known) = self.0.iter_mut().find(is_same) {
            let counts = known.count.into_iter().chain(warning.count);
            known.count = counts.reduce(u64::saturating_add);
        } else if self.0.len() < WARNINGS_MAX {
            self.0.push(warning);
        }
    }

    /// Adds the remarks of another list that are not here yet; counts stay as they are.
    pub(crate) fn add_missing(&mut self, warnings: &Warnings) {
        for warning in &warnings.0 {
            if !self.0.iter().any(|known| known == warning) {
                self.add(warning.clone());
            }
        }
    }

    /// Returns the warnings as a list.
    pub(crate) fn into_vec(self) -> Vec<Warning> {
        self.0
    }

    /// Tells whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the warnings one by one.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.0.iter()
    }
}

/// Returns a text of the query as a warning repeats it: quoted, and cut when it is long.
pub(crate) fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    format!("\"{short}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_remark_is_counted_and_not_listed_again() {
        let left_out = |count| Warning::new(WarningCode::NamesLeftOut, "as text").counting(count);
        let mut warnings = Warnings::default();
        warnings.add(left_out(2));
        warnings.add(left_out(3).of_field("a"));
        warnings.add(left_out(40));
        let counts: Vec<Option<u64>> = warnings.iter().map(|warning| warning.count).collect();
        assert_eq!(counts, [Some(42), Some(3)]);
        let copy = warnings.clone();
        warnings.add_missing(&copy);
        assert_eq!(warnings, copy);
    }

    #[test]
    fn a_list_is_bounded() {
        let mut warnings = Warnings::default();
        for number in 0..1_000 {
            warnings.add(Warning::new(WarningCode::UnknownField, number.to_string()));
        }
        assert_eq!(warnings.iter().count(), WARNINGS_MAX);
    }

    #[test]
    fn what_does_not_apply_is_left_out() {
        let warning = Warning::new(WarningCode::UnknownField, "no record has a field \"sevice\"")
            .of_field("sevice")
            .suggesting("service");
        let text = serde_json::to_string(&warning).expect("JSON");
        assert_eq!(
            text,
            r#"{"code":"unknown_field","detail":"no record has a field \"sevice\"","field":"sevice","suggestion":"service"}"#
        );
    }
}
