//! Runs a command to its end.

use std::process::{Command, Stdio};

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; 128 and more for a signal, as shells have it.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
}

/// Runs a command, without input unless it has some.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Run {
    let output = command.stdin(Stdio::null()).output().expect("the command starts");
    Run {
        code: output.status.code().unwrap_or(128),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Returns a run as a snapshot shows it.
pub(crate) fn shown(run: &Run) -> String {
    let mut text = format!("exit {}\n{}", run.code, run.stdout);
    if !run.stderr.is_empty() {
        text.push_str("-- stderr\n");
        text.push_str(&run.stderr);
    }
    text
}
