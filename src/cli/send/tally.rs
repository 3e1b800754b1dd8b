//! What became of the lines: verdicts arrive batch by batch, a summary leaves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::output::{Table, grouped};

/// Rejected lines that are shown; the server keeps all of them as dead letters.
const COMPLAINTS_MAX: usize = 10;

/// Lines that were sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    /// How many are not blank.
    pub(super) line_count: u64,
    /// Number of the first one in the input; unknown for lines of an earlier run.
    pub(super) input_line: Option<u64>,
}

/// Sums of the verdicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Bytes of the lines sent.
    pub(super) bytes: u64,
    /// Lines that became records.
    pub(super) accepted: u64,
    /// Lines that did not.
    pub(super) rejected: u64,
    /// Lines whose records a rule of the server's redaction policy drops.
    pub(super) policy_dropped: u64,
    /// Values that were redacted; unknown over TCP.
    pub(super) redacted: Option<u64>,
    /// Lines that an earlier attempt had brought already; unknown over TCP.
    pub(super) duplicate: Option<u64>,
    /// What the acknowledgement means.
    pub(super) durability: Option<String>,
    /// Lines that the server does not take and that were put aside.
    pub(super) aside: u64,
    /// Lines that left at the spool's bound.
    pub(super) lost: u64,
    /// Lines that were read and not sent.
    pub(super) unsent: u64,
    /// Number of the line in the input, and why it was rejected.
    complaints: Vec<(Option<u64>, String)>,
}

/// Lines that are too long to be sent, as they are found. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct TooLong(Arc<Mutex<Tally>>);

impl TooLong {
    /// Notes a line, by its number in the input.
    pub(super) fn note(&self, line: u64) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.rejected += 1;
        tally.complain(Some(line), "too_long: longer than this program sends".to_owned());
    }

    /// Returns what was noted.
    pub(super) fn tally(&self) -> Tally {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tally {
    /// Adds the server's answer to lines.
    pub(super) fn add_answer(&mut self, sent: Sent, answer: &Value) {
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        self.bytes += sent.bytes;
        self.accepted += count("accepted");
        self.rejected += count("rejected");
        self.policy_dropped += count("policy_dropped");
        *self.redacted.get_or_insert(0) += count("redacted");
        *self.duplicate.get_or_insert(0) += count("duplicate");
        if let Some(durability) = answer.get("durability").and_then(Value::as_str) {
            self.durability = Some(durability.to_owned());
        }
        self.add_errors(sent, answer);
    }

    /// Adds lines that the server could not read at all.
    pub(super) fn add_refused(&mut self, sent: Sent, problem: &Value) {
        self.bytes += sent.bytes;
        self.rejected += sent.line_count;
        self.add_errors(sent, problem);
    }

    /// Adds a line that the server does not take, and that is nowhere now.
    pub(super) fn add_refused_line(&mut self, sent: Sent, reason: String) {
        self.bytes += sent.bytes;
        self.rejected += sent.line_count;
        self.complain(sent.input_line, reason);
    }

    /// Adds a line that the server does not take, and that was put aside.
    pub(super) fn add_aside(&mut self, sent: Sent, reason: String) {
        self.bytes += sent.bytes;
        self.aside += sent.line_count;
        self.complain(sent.input_line, reason);
    }

    /// Adds lines of the input that an earlier run brought.
    pub(super) fn add_known(&mut self, lines: u64) {
        if lines > 0 {
            *self.duplicate.get_or_insert(0) += lines;
        }
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
        self.policy_dropped += other.policy_dropped;
        self.redacted = sum(self.redacted, other.redacted);
        self.duplicate = sum(self.duplicate, other.duplicate);
        self.durability = other.durability.or(self.durability.take());
        self.aside += other.aside;
        self.lost += other.lost;
        self.unsent += other.unsent;
        for (line, reason) in other.complaints {
            self.complain(line, reason);
        }
    }

    fn add_errors(&mut self, sent: Sent, answer: &Value) {
        for error in answer.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            let line = error.get("line").and_then(Value::as_u64).unwrap_or(1);
            let (reason, detail) = (text("reason"), text("detail"));
            let separator = if detail.is_empty() { "" } else { ": " };
            let line = sent.input_line.map(|first| first + line - 1);
            self.complain(line, format!("{reason}{separator}{detail}"));
        }
    }

    /// Keeps the first complaints by line: batches come back in any order.
    fn complain(&mut self, line: Option<u64>, reason: String) {
        let place = |line: Option<u64>| line.unwrap_or(u64::MAX);
        let position =
            self.complaints.partition_point(|(earlier, _)| place(*earlier) <= place(line));
        self.complaints.insert(position, (line, reason));
        self.complaints.truncate(COMPLAINTS_MAX);
    }

    /// Tells whether every line is a record, or none because a policy says so.
    pub(super) fn is_clean(&self) -> bool {
        self.rejected + self.aside + self.lost + self.unsent == 0
    }

    /// Returns a line for each of the first rejected lines.
    pub(super) fn complaints(&self) -> impl Iterator<Item = String> {
        let shown = self.complaints.len() as u64;
        let all = self.rejected + self.aside;
        let more = (all > shown && shown > 0).then(|| format!("and {} more", grouped(all - shown)));
        let complaint = |(line, reason): &(Option<u64>, String)| match line {
            Some(line) => format!("line {line}: {reason}"),
            None => format!("a line of an earlier run: {reason}"),
        };
        self.complaints.iter().map(complaint).chain(more)
    }

    /// Returns the summary for people.
    pub(super) fn sentence(&self, took: Duration) -> String {
        let seconds = took.as_secs_f64().max(0.001);
        let lines = self.accepted + self.rejected + self.policy_dropped;
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
        for (count, what) in [
            (self.policy_dropped, "dropped by the server's policy"),
            (self.aside, "put aside"),
            (self.lost, "dropped at the bound of the spool"),
            (self.unsent, "not sent"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {} {what}", grouped(count)));
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
            ("policy_dropped", json!(self.policy_dropped)),
            ("redacted", json!(self.redacted)),
            ("duplicate", json!(self.duplicate)),
            ("aside", json!(self.aside)),
            ("dropped", json!(self.lost)),
            ("unsent", json!(self.unsent)),
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

    fn sent(input_line: Option<u64>, line_count: u64) -> Sent {
        Sent { bytes: 1_500_000, line_count, input_line }
    }

    #[test]
    fn verdicts_add_up_and_name_lines_of_the_whole_input() {
        let mut tally = Tally::default();
        let answer = json!({"accepted": 98, "rejected": 2, "redacted": 5, "duplicate": 0,
            "durability": "fsync", "errors": [
                {"line": 17, "reason": "invalid_json", "detail": "expected value"},
                {"line": 20, "reason": "too_long", "detail": ""}]});
        tally.add_answer(sent(Some(2_001), 100), &answer);
        let mut first = Tally::default();
        let refused =
            json!({"code": "unreadable", "errors": [{"line": 1, "reason": "not_an_object"}]});
        first.add_refused(sent(Some(1), 12), &refused);
        let too_long = TooLong::default();
        too_long.note(13);
        first.add(too_long.tally());
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
        assert_eq!(table.columns.len(), 11);
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

    #[test]
    fn what_did_not_arrive_is_said() {
        let mut tally = Tally { lost: 1_000, unsent: 7, ..Tally::default() };
        assert!(!tally.is_clean());
        tally.add_aside(sent(None, 1), "body is larger than 100 bytes (too_large)".to_owned());
        assert_eq!(
            tally.sentence(Duration::from_secs(1)),
            "0 lines, 1.5 MB in 1.0 s (0 lines/s): 0 accepted, 0 rejected, 1 put aside, \
             1,000 dropped at the bound of the spool, 7 not sent\n"
        );
        let complaints: Vec<String> = tally.complaints().collect();
        assert_eq!(
            complaints,
            ["a line of an earlier run: body is larger than 100 bytes (too_large)"]
        );
    }
}
