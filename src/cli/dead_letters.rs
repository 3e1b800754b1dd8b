//! `tierlog dead-letters list|show|replay|drop`: rejected lines, looked at, sent through ingest
//! once more, dropped.

mod show;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Map, Value};
use tierlog_model::{Clock as _, SystemClock, Tenant, Timestamp};
use tierlog_store::LetterSelection;

use super::NO;
use super::target::{Ask, TargetArgs};
use crate::client::WrongUsage;
use crate::client::{Endpoint, RangeArgs};
use crate::maintenance::dead_letters::{
    self, Letter, LetterList, LetterParameters, LettersDropped, LettersReplayed,
};
use crate::output::grouped;

/// Characters of a line in a table; `show` prints it whole.
const MESSAGE_CHARS_MAX: usize = 100;

/// Arguments of `dead-letters`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows the newest dead letters, and how many there are by reason
    List {
        #[command(flatten)]
        selection: SelectionArgs,
        /// Most letters to show
        #[arg(long, short = 'n', value_name = "N", default_value_t = dead_letters::LIST_DEFAULT)]
        limit: usize,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Shows one dead letter whole
    Show {
        /// Its number, as `list` shows it
        id: u64,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Sends dead letters through ingest once more, after what was wrong has been mended
    Replay {
        #[command(flatten)]
        selection: SelectionArgs,
        /// All of them
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Drops dead letters for good
    Drop {
        #[command(flatten)]
        selection: SelectionArgs,
        /// All of them
        #[arg(long)]
        all: bool,
        /// Drops; without it, only shows what would go
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// Which letters are meant.
#[derive(Clone, Debug, Default, clap::Args)]
struct SelectionArgs {
    /// Only letters rejected for this reason, such as past_retention
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only these letters, by their numbers, with commas between
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    id: Vec<u64>,
    #[command(flatten)]
    range: RangeArgs,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.action {
        Action::List { selection, limit, target } => {
            let parameters =
                LetterParameters { limit: Some(*limit), ..selection.parameters(false)? };
            let list = ask_list(target, &parameters)?;
            print_list(target, &list)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Show { id, target } => show::run(*id, target),
        Action::Replay { selection, all, target } => {
            if target.is_offline() {
                let problem = "replay sends lines through a running server: leave --data out";
                return Err(WrongUsage(problem.to_owned()).into());
            }
            let parameters = selection.parameters(*all)?;
            checked_to_change(&parameters)?;
            let endpoint = endpoint("/api/v1/dead-letters/replay", &parameters);
            let report: LettersReplayed = target.ask(Ask::Change, &endpoint)?;
            print_replayed(target, &report)
        }
        Action::Drop { selection, all, yes, target } => {
            let parameters = selection.parameters(*all)?;
            let chosen = checked_to_change(&parameters)?;
            if !*yes {
                return plan_drop(target, &parameters);
            }
            let endpoint = endpoint("/api/v1/dead-letters/drop", &parameters);
            let dropped: LettersDropped = target.report(Ask::Change, &endpoint, |store| {
                dead_letters::drop_letters(store, &chosen)
            })?;
            print_counts(target, &dropped.by_reason, "dropped", dropped.dropped)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl SelectionArgs {
    fn parameters(&self, all: bool) -> Result<LetterParameters> {
        let mut range = Map::new();
        self.range.add_to(&mut range)?;
        let text = |name: &str| range.get(name).and_then(Value::as_str).map(str::to_owned);
        let ids: Vec<String> = self.id.iter().map(u64::to_string).collect();
        Ok(LetterParameters {
            reason: self.reason.clone(),
            start: text("start"),
            end: text("end"),
            id: (!ids.is_empty()).then(|| ids.join(",")),
            all: all.then_some(true),
            limit: None,
        })
    }
}

/// Parameters are read before the request, so that a bad parameter exits as wrong usage.
fn checked(
    parameters: &LetterParameters,
    read: impl Fn(&LetterParameters, Tenant, Timestamp) -> Result<LetterSelection, String>,
) -> Result<LetterSelection> {
    read(parameters, Tenant::DEFAULT, SystemClock.now())
        .map_err(|problem| WrongUsage(problem).into())
}

fn checked_to_change(parameters: &LetterParameters) -> Result<LetterSelection> {
    if *parameters == LetterParameters::default() {
        let problem = "say which letters: --reason, --since, --from, --to, --id, or --all";
        return Err(WrongUsage(problem.to_owned()).into());
    }
    checked(parameters, LetterParameters::selection_to_change)
}

fn endpoint(path: &str, parameters: &LetterParameters) -> Endpoint {
    let LetterParameters { reason, start, end, id, all, limit } = parameters;
    let all = all.map(|all| all.to_string());
    let limit = limit.map(|limit| limit.to_string());
    let named = [
        ("reason", reason),
        ("start", start),
        ("end", end),
        ("id", id),
        ("all", &all),
        ("limit", &limit),
    ];
    named.into_iter().fold(Endpoint::new(path), |endpoint, (name, value)| match value {
        Some(value) => endpoint.parameter(name, value),
        None => endpoint,
    })
}

fn ask_list(target: &TargetArgs, parameters: &LetterParameters) -> Result<LetterList> {
    let chosen = checked(parameters, LetterParameters::selection)?;
    let limit = parameters.limit().map_err(WrongUsage)?;
    let endpoint = endpoint("/api/v1/dead-letters", parameters);
    target.report(Ask::Look, &endpoint, |store| dead_letters::list(store, &chosen, limit))
}

fn print_list(target: &TargetArgs, list: &LetterList) -> Result<()> {
    let message = |letter: &Letter| {
        if !target.is_for_people() {
            return Value::from(letter.message.clone());
        }
        let mut shown: String = letter.message.chars().take(MESSAGE_CHARS_MAX).collect();
        if shown.len() < letter.message.len() {
            shown.push('…');
        }
        Value::from(shown)
    };
    let rows = list
        .letters
        .iter()
        .map(|letter| {
            vec![
                Value::from(letter.id),
                Value::from(letter.arrived.clone()),
                Value::from(letter.reason.clone()),
                Value::from(letter.replayable),
                Value::from(letter.service.clone()),
                message(letter),
            ]
        })
        .collect();
    let columns = ["id", "arrived", "reason", "replayable", "service", "message"];
    target.print(&columns, rows, &counts(&list.by_reason, list.total))
}

/// Shows what `drop` would drop.
fn plan_drop(target: &TargetArgs, parameters: &LetterParameters) -> Result<ExitCode> {
    let parameters = LetterParameters { limit: Some(0), all: None, ..parameters.clone() };
    let list = ask_list(target, &parameters)?;
    print_counts(target, &list.by_reason, "would drop", list.total)?;
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "nothing was dropped: say --yes");
    Ok(ExitCode::from(NO))
}

fn print_counts(
    target: &TargetArgs,
    by_reason: &BTreeMap<String, u64>,
    verb: &str,
    total: u64,
) -> Result<()> {
    let rows = by_reason
        .iter()
        .map(|(reason, count)| vec![Value::from(reason.clone()), Value::from(*count)])
        .collect();
    let letters = if total == 1 { "dead letter" } else { "dead letters" };
    target.print(&["reason", "letters"], rows, &format!("{verb} {} {letters}", grouped(total)))
}

fn print_replayed(target: &TargetArgs, report: &LettersReplayed) -> Result<ExitCode> {
    let outcome = |name: &str, reason: Option<&str>, count: u64| {
        vec![Value::from(name), Value::from(reason), Value::from(count)]
    };
    let mut rows = vec![outcome("replayed", None, report.replayed)];
    for (reason, count) in &report.rejected {
        rows.push(outcome("rejected again", Some(reason), *count));
    }
    if report.not_whole > 0 {
        rows.push(outcome("not whole", None, report.not_whole));
    }
    let left: u64 = report.rejected.values().sum::<u64>() + report.not_whole;
    let mut summary =
        format!("{} are records now, {} stay", grouped(report.replayed), grouped(left));
    if report.not_whole > 0 {
        summary.push_str("; of a line that was cut or was not UTF-8 nobody knows the rest");
    }
    if !report.complete {
        summary.push_str("; the server stopped before it was through: run it again");
    }
    target.print(&["outcome", "reason", "letters"], rows, &summary)?;
    Ok(if left == 0 && report.complete { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

fn counts(by_reason: &BTreeMap<String, u64>, total: u64) -> String {
    let letters = if total == 1 { "dead letter" } else { "dead letters" };
    let reasons: Vec<String> =
        by_reason.iter().map(|(reason, count)| format!("{reason} {}", grouped(*count))).collect();
    match reasons.as_slice() {
        [] => "no dead letters".to_owned(),
        _ => format!("{} {letters}: {}", grouped(total), reasons.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_becomes_parameters_and_nothing_said_is_not_everything() {
        let args = SelectionArgs {
            reason: Some("past_retention".to_owned()),
            id: vec![7, 9],
            ..SelectionArgs::default()
        };
        let parameters = args.parameters(false).expect("parameters");
        assert_eq!(
            endpoint("/api/v1/dead-letters", &parameters).as_str(),
            "/api/v1/dead-letters?reason=past_retention&id=7%2C9"
        );
        let change = |parameters: &LetterParameters| checked_to_change(parameters).is_ok();
        assert!(change(&parameters));
        assert!(!change(&SelectionArgs::default().parameters(false).expect("parameters")));
        assert!(change(&SelectionArgs::default().parameters(true).expect("parameters")));
        assert!(!change(&args.parameters(true).expect("parameters")));
        let unknown = LetterParameters { reason: Some("because".to_owned()), ..parameters };
        assert!(!change(&unknown));
    }

    #[test]
    fn the_footer_counts_by_reason() {
        let by_reason =
            BTreeMap::from([("invalid_json".to_owned(), 1_200), ("too_long".to_owned(), 1)]);
        let text = "1,201 dead letters: invalid_json 1,200, too_long 1";
        assert_eq!(counts(&by_reason, 1_201), text);
        assert_eq!(counts(&BTreeMap::new(), 0), "no dead letters");
    }
}
