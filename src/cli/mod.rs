//! The command line: one file a verb, one line of registration each in [`Verb`] and
//! [`Verb::run`].
//!
//! A verb's file has `pub(super) struct Args` (clap's) and
//! `pub(super) fn run(args: &Args) -> Result<ExitCode>`.
//! What arrives here is the process's arguments; what leaves is its exit code and, for an error,
//! one line on stderr. Verbs print through [`crate::output`].

mod compact;
mod config;
mod dead_letters;
mod exit;
mod generate;
mod quarantine;
mod redact;
mod request;
mod retention;
mod search;
mod send;
mod serve;
mod shapes;
mod stats;
mod tail;
mod target;
mod user;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::output::visible;

pub use exit::NO;

/// Keeps each log line exactly as long as its level deserves, and finds it again.
#[derive(Debug, Parser)]
#[command(name = "tierlog", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Every verb, in the order of the help.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs the server.
    Serve(serve::Args),
    /// Ships lines of a file or of stdin to a server.
    Send(send::Args),
    /// Finds lines.
    Search(search::Args),
    /// Shows every line of one request, oldest first.
    Request(request::Args),
    /// Shows the newest lines of one user.
    User(user::Args),
    /// Computes figures over lines: counts, averages, percentiles.
    Stats(stats::Args),
    /// Shows lines as they arrive.
    Tail(tail::Args),
    /// Shows what is kept, plans what expires, drops what has expired.
    Retention(retention::Args),
    /// Seals every partition whose day is over.
    Compact(compact::Args),
    /// Checks the checksums of WAL and partitions.
    Verify(verify::Args),
    /// Shows what could not be read, and takes note of it.
    Quarantine(quarantine::Args),
    /// Shows, replays and drops rejected lines.
    DeadLetters(dead_letters::Args),
    /// Takes personal data out of lines: the server's redaction as a filter.
    Redact(redact::Args),
    /// Prints the record shapes that ingest recognises.
    Shapes(shapes::Args),
    /// Checks or prints the configuration.
    Config(config::Args),
    /// Writes realistic sample logs with planted personal data.
    Generate(generate::Args),
}

impl Verb {
    fn run(&self) -> Result<ExitCode> {
        match self {
            Verb::Serve(args) => serve::run(args),
            Verb::Send(args) => send::run(args),
            Verb::Search(args) => search::run(args),
            Verb::Request(args) => request::run(args),
            Verb::User(args) => user::run(args),
            Verb::Stats(args) => stats::run(args),
            Verb::Tail(args) => tail::run(args),
            Verb::Retention(args) => retention::run(args),
            Verb::Compact(args) => compact::run(args),
            Verb::Verify(args) => verify::run(args),
            Verb::Quarantine(args) => quarantine::run(args),
            Verb::DeadLetters(args) => dead_letters::run(args),
            Verb::Redact(args) => redact::run(args),
            Verb::Shapes(args) => shapes::run(args),
            Verb::Config(args) => config::run(args),
            Verb::Generate(args) => generate::run(args),
        }
    }
}

/// Runs the verb that the process's arguments name. Wrong usage exits with 2 (clap's own code).
pub fn main() -> ExitCode {
    match Cli::parse().verb.run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when stderr is closed. A text of a server or a file may stand
            // in the error, with line breaks.
            let text = format!("{error:#}");
            let lines: Vec<String> = text.lines().map(visible).collect();
            let _ = writeln!(std::io::stderr(), "tierlog: {}", lines.join("\n"));
            exit::code_of(&error)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
