//! An answer's statement about itself: the total, the missing parts and their reasons.

use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

use super::text::push_line;

/// Remarks below the results; for people, so never on stdout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footer {
    remarks: Vec<String>,
    warnings: Vec<String>,
}

impl Footer {
    /// Reads the remarks of a search answer of which so many hits were shown.
    pub fn of_search(answer: &Value, shown: u64) -> Footer {
        let mut footer = Footer::default();
        footer.count(answer, shown);
        footer.missing(answer);
        footer
    }

    /// Reads the remarks that every answer may have: `partial`, `expired` and `warnings`.
    pub fn of_answer(answer: &Value) -> Footer {
        let mut footer = Footer::default();
        footer.missing(answer);
        footer
    }

    /// Reads the remarks of a request's answer: the levels that have expired.
    pub fn of_request(answer: &Value) -> Footer {
        let mut footer = Footer::default();
        let levels = answer.get("levels").and_then(Value::as_object);
        for (level, state) in levels.into_iter().flatten() {
            if state.get("state").and_then(Value::as_str) == Some("expired") {
                footer.expired(level, state.get("since"));
            }
        }
        footer.missing(answer);
        footer
    }

    /// Adds a remark.
    pub fn remark(&mut self, line: String) {
        self.remarks.push(line);
    }

    /// Adds a remark that matters to a script's log too: the answer is not the whole truth.
    pub fn warn(&mut self, line: String) {
        self.warnings.push(line);
    }

    /// Writes the remarks to stderr: all of them on a terminal, else only the warnings.
    pub fn print(&self) {
        let mut stderr = std::io::stderr().lock();
        let remarks: &[String] = if stderr.is_terminal() { &self.remarks } else { &[] };
        for line in remarks.iter().chain(&self.warnings) {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(stderr, "{line}");
        }
    }

    fn count(&mut self, answer: &Value, shown: u64) {
        let total = answer.get("total");
        let value = total.and_then(|total| total.get("value")).and_then(Value::as_u64);
        let relation = total.and_then(|total| total.get("relation")).and_then(Value::as_str);
        let Some(value) = value else { return };
        let at_least = if relation == Some("gte") { "at least " } else { "" };
        let lines = if value == 1 { "line" } else { "lines" };
        let mut line = format!("{at_least}{} {lines}", grouped(value));
        if shown < value && shown > 0 {
            line.push_str(&format!(", {} shown", grouped(shown)));
        }
        if let Some(took) = answer.get("took_ms").and_then(Value::as_f64) {
            line.push_str(&format!(", {took} ms"));
        }
        self.remarks.push(line);
    }

    fn missing(&mut self, answer: &Value) {
        if answer.get("partial").and_then(Value::as_bool) == Some(true) {
            self.warnings.push("partial: the answer is not complete".to_owned());
        }
        for expired in answer.get("expired").and_then(Value::as_array).into_iter().flatten() {
            let level = expired.get("level").and_then(Value::as_str).unwrap_or("some");
            self.expired(level, expired.get("since"));
        }
        let warnings = answer.get("warnings").and_then(Value::as_array);
        self.warnings.extend(warnings.into_iter().flatten().filter_map(warning_line));
    }

    fn expired(&mut self, level: &str, since: Option<&Value>) {
        match since.and_then(Value::as_str) {
            Some(since) => {
                let day = since.split('T').next().unwrap_or(since);
                self.warnings.push(format!("{level} lines before {day} have expired"));
            }
            None => self.warnings.push(format!("{level} lines have expired")),
        }
    }
}

/// Returns a warning of an answer as one line: `warning: DETAIL (COUNT); did you mean SUGGESTION?`.
pub fn warning_line(warning: &Value) -> Option<String> {
    let text = |name: &str| warning.get(name).and_then(Value::as_str);
    let mut line = "warning: ".to_owned();
    push_line(&mut line, text("detail")?);
    if let Some(count) = warning.get("count").and_then(Value::as_u64) {
        line.push_str(&format!(" ({})", grouped(count)));
    }
    // A remark that says how a clause was read has named it already.
    let is_new = |suggestion: &&str| !text("detail").is_some_and(|text| text.contains(suggestion));
    if let Some(suggestion) = text("suggestion").filter(is_new) {
        line.push_str("; did you mean ");
        push_line(&mut line, suggestion);
        line.push('?');
    }
    Some(line)
}

/// Returns a number with its thousands separated: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(footer: &Footer, expected: &Expect) {
        let lines: Vec<&str> =
            footer.remarks.iter().chain(&footer.warnings).map(String::as_str).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_search_says_how_much_there_is_and_what_is_missing() {
        let answer = json!({
            "total": {"value": 1_234_567, "relation": "eq"}, "took_ms": 3, "partial": true,
            "expired": [{"level": "debug", "since": "2026-11-13T00:00:00.000000Z"}],
        });
        check(
            &Footer::of_search(&answer, 100),
            &expect![[r#"
            1,234,567 lines, 100 shown, 3 ms
            partial: the answer is not complete
            debug lines before 2026-11-13 have expired"#]],
        );
        let answer = json!({"total": {"value": 1, "relation": "gte"}, "partial": false});
        check(&Footer::of_search(&answer, 1), &expect!["at least 1 line"]);
        check(&Footer::of_search(&json!({}), 0), &expect![""]);
    }

    #[test]
    fn a_warning_says_what_was_probably_meant_and_obeys_no_terminal() {
        let answer = json!({"total": {"value": 0, "relation": "eq"}, "warnings": [
            {"code": "unknown_field", "detail": "no record has a field \"sevice\"",
                "field": "sevice", "suggestion": "service"},
            {"code": "later", "detail": "left\u{1b}[31m out", "count": 12_345},
        ]});
        check(
            &Footer::of_search(&answer, 0),
            &expect![[r#"
            0 lines
            warning: no record has a field "sevice"; did you mean service?
            warning: left\x1b[31m out (12,345)"#]],
        );
    }

    #[test]
    fn a_request_says_which_levels_have_expired() {
        let answer = json!({"levels": {
            "debug": {"count": 0, "state": "expired", "since": "2026-11-13T00:00:00Z"},
            "info": {"count": 0, "state": "expired"},
            "error": {"count": 2, "state": "present"},
        }});
        check(
            &Footer::of_request(&answer),
            &expect![[r#"
            debug lines before 2026-11-13 have expired
            info lines have expired"#]],
        );
    }
}
