//! What became of the lines: verdicts arrive batch by batch, a summary leaves.

use std::time::Duration;

use serde_json::{Value, json};

use super::batches::Batch;
use crate::output::{Table, grouped};

/// Rejected lines that are shown; the server keeps all of them as dead letters.
const COMPLAINTS_MAX: usize = 10;

/// Sums of the verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Bytes of the lines sent.
    pub(super) bytes: u64,
    /// Lines that became records.
    pub(super) accepted: u64,
    /// Lines that did not.
    pub(super) rejected: u64,
    /// Values that were redacted; unknown over TCP.
    pub(super) redacted: Option<u64>,
    /// Lines that an earlier attempt had brought already; unknown over TCP.
    pub(super) duplicate: Option<u64>,
    /// What the acknowledgement means.
    pub(super) durability: Option<String>,
    /// Number of the line in the input, and why it was rejected.
    complaints: Vec<(u64, String)>,
}

impl Tally {
    /// Adds the server's answer to a batch.
    pub(super) fn add_answer(&mut self, batch: &Batch, answer: &Value) {
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        self.bytes += batch.bytes.len() as u64;
        self.accepted += count("accepted");
        self.rejected += count("rejected");
        *self.redacted.get_or_insert(0) += count("redacted");
        *self.duplicate.get_or_insert(0) += count("duplicate");
        if let Some(durability) = answer.get("durability").and_then(Value::as_str) {
            self.durability = Some(durability.to_owned());
        }
        self.add_errors(batch, answer);
    }

    /// Adds a batch of which the server could read nothing.
    pub(super) fn add_refused(&mut self, batch: &Batch, problem: &Value) {
        self.bytes += batch.bytes.len() as u64;
        self.rejected += batch.line_count;
        self.add_errors(batch, problem);
    }

    /// Adds a line that is rejected without asking the server.
    pub(super) fn add_too_long(&mut self, line: u64) {
        self.rejected += 1;
        self.complain(line, "too_long: longer than this program sends".to_owned());
    }

    /// Adds another tally.
    pub(super) fn add(&mut self, other: Tally) {
        let sum = |left: Option<u64>, right: Option<u64>| match (left, right) {
            (Some(left), Some(right)) => Some(left + right),
            (left, right) => left.or(right),
        };
        self.bytes += other.bytes;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.redacted = sum(self.redacted, other.redacted);
        self.duplicate = sum(self.duplicate, other.duplicate);
        self.durability = other.durability.or(self.durability.take());
        for (line, reason) in other.complaints {
            self.complain(line, reason);
        }
    }

    fn add_errors(&mut self, batch: &Batch, answer: &Value) {
        for error in answer.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            let line = error.get("line").and_then(Value::as_u64).unwrap_or(1);
            let (reason, detail) = (text("reason"), text("detail"));
            let separator = if detail.is_empty() { "" } else { ": " };
            self.complain(batch.first_line + line - 1, format!("{reason}{separator}{detail}"));
        }
    }

    /// Keeps the first complaints by line: batches come back in any order.
    fn complain(&mut self, line: u64, reason: String) {
        let position = self.complaints.partition_point(|(earlier, _)| *earlier <= line);
        self.complaints.insert(position, (line, reason));
        self.complaints.truncate(COMPLAINTS_MAX);
    }

    /// Returns a line for each of the first rejected lines.
    pub(super) fn complaints(&self) -> impl Iterator<Item = String> {
        let shown = self.complaints.len() as u64;
        let more = (self.rejected > shown && shown > 0)
            .then(|| format!("and {} more", grouped(self.rejected - shown)));
        self.complaints.iter().map(|(line, reason)| format!("line {line}: {reason}")).chain(more)
    }

    /// Returns the summary for people.
    pub(super) fn sentence(&self, took: Duration) -> String {
        let seconds = took.as_secs_f64().max(0.001);
        let lines = self.accepted + self.rejected;
        let mut text = format!(
            "{} lines, {:.1} MB in {seconds:.1} s ({} lines/s): {} accepted, {} rejected",
            grouped(lines),
            self.bytes as f64 / 1e6,
            grouped((lines as f64 / seconds) as u64),
            grouped(self.accepted),
            grouped(self.rejected),
        );
        for (name, count) in [("redacted", self.redacted), ("duplicate", self.duplicate)] {
            if let Some(count) = count {
                text.push_str(&format!(", {} {name}", grouped(count)));
            }
        }
        if let Some(durability) = &self.durability {
            text.push_str(&format!("; durability {durability}"));
        }
        text.push('\n');
        text
    }

    /// Returns the summary for programs.
    pub(super) fn table(&self, took: Duration) -> Table {
        let figures = [
            ("accepted", json!(self.accepted)),
            ("rejected", json!(self.rejected)),
            ("redacted", json!(self.redacted)),
            ("duplicate", json!(self.duplicate)),
            ("bytes", json!(self.bytes)),
            ("took_ms", json!(took.as_millis() as u64)),
            ("durability", json!(self.durability)),
        ];
        let (columns, row) =
            figures.into_iter().map(|(name, value)| (name.to_owned(), value)).unzip();
        Table { columns, rows: vec![row] }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn batch(first_line: u64, line_count: u64) -> Batch {
        Batch { number: 0, first_line, line_count, bytes: vec![b'x'; 1_500_000] }
    }

    #[test]
    fn verdicts_add_up_and_name_lines_of_the_whole_input() {
        let mut tally = Tally::default();
        let answer = json!({"accepted": 98, "rejected": 2, "redacted": 5, "duplicate": 0,
            "durability": "fsync", "errors": [
                {"line": 17, "reason": "invalid_json", "detail": "expected value"},
                {"line": 20, "reason": "too_long", "detail": ""}]});
        tally.add_answer(&batch(2_001, 100), &answer);
        let mut first = Tally::default();
        let refused =
            json!({"code": "unreadable", "errors": [{"line": 1, "reason": "not_an_object"}]});
        first.add_refused(&batch(1, 12), &refused);
        first.add_too_long(13);
        tally.add(first);
        let complaints: Vec<String> = tally.complaints().collect();
        expect![[r#"
            line 1: not_an_object
            line 13: too_long: longer than this program sends
            line 2017: invalid_json: expected value
            line 2020: too_long
            and 11 more"#]]
        .assert_eq(&complaints.join("\n"));
        let took = Duration::from_millis(250);
        expect!["113 lines, 3.0 MB in 0.2 s (452 lines/s): 98 accepted, 15 rejected, 5 redacted, 0 duplicate; durability fsync\n"]
            .assert_eq(&tally.sentence(took));
        let table = tally.table(took);
        assert_eq!(table.columns.len(), 7);
        assert_eq!(table.rows.len(), 1);
    }

    #[test]
    fn tcp_says_nothing_about_what_it_cannot_know() {
        let tally = Tally { accepted: 1_000, bytes: 1_000_000, ..Tally::default() };
        assert_eq!(
            tally.sentence(Duration::from_secs(1)),
            "1,000 lines, 1.0 MB in 1.0 s (1,000 lines/s): 1,000 accepted, 0 rejected\n"
        );
        assert_eq!(tally.complaints().count(), 0);
    }
}
