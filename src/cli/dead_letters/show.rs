//! `tierlog dead-letters show`: one letter, whole.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;
use tierlog_model::Tenant;

use crate::cli::NO;
use crate::cli::target::{Ask, TargetArgs};
use crate::client::{Endpoint, ErrorAnswer};
use crate::maintenance::dead_letters::{self, Letter};

/// HTTP status of a letter that is not there.
const NOT_FOUND: u16 = 404;

/// Shows a letter.
pub(super) fn run(id: u64, target: &TargetArgs) -> Result<ExitCode> {
    let endpoint = Endpoint::new("/api/v1/dead-letters").segment(&id.to_string());
    let asked =
        target.report(Ask::Look, &endpoint, |store| dead_letters::show(store, Tenant::DEFAULT, id));
    let letter: Option<Letter> = match asked {
        Ok(letter) => letter,
        Err(error) => match error.downcast_ref::<ErrorAnswer>() {
            Some(problem) if problem.status == NOT_FOUND => None,
            _ => return Err(error),
        },
    };
    let Some(letter) = letter else {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(std::io::stderr(), "there is no dead letter {id}");
        return Ok(ExitCode::from(NO));
    };
    let why_not = if letter.replayable {
        "can be replayed"
    } else {
        "cannot be replayed: the rest of the line was not kept"
    };
    let fields = [
        ("id", Value::from(letter.id)),
        ("arrived", Value::from(letter.arrived)),
        ("reason", Value::from(letter.reason)),
        ("detail", Value::from(letter.detail)),
        ("service", Value::from(letter.service)),
        ("source", Value::from(letter.source)),
        ("replayable", Value::from(letter.replayable)),
        ("message", Value::from(letter.message)),
    ];
    if target.is_for_people() {
        let rows = fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| vec![Value::from(name), value])
            .collect();
        target.print(&["field", "value"], rows, why_not)?;
    } else {
        let (columns, row): (Vec<&str>, Vec<Value>) = fields.into_iter().unzip();
        target.print(&columns, vec![row], why_not)?;
    }
    Ok(ExitCode::SUCCESS)
}
