//! Django's log of SQL: `(0.023) SELECT ...; args=(1,); alias=default`, seconds first.

use tierlog_model::{Value, fields};

use super::record::TextRecord;

/// Words that begin what Django runs. Other text in capitals behind a number is no statement.
const STATEMENTS: [&str; 16] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "WITH",
    "CREATE",
    "ALTER",
    "DROP",
    "PRAGMA",
    "SET",
    "EXPLAIN",
];

/// Adds how long a statement took, where the message is one.
pub(super) fn with_duration(record: TextRecord<'_>) -> TextRecord<'_> {
    match seconds(&record.message) {
        Some(seconds) if !record.has(fields::DURATION_MS) => {
            record.value(fields::DURATION_MS, Value::F64(seconds * 1000.0))
        }
        Some(_) | None => record,
    }
}

fn seconds(message: &str) -> Option<f64> {
    let (number, statement) = message.strip_prefix('(')?.split_once(") ")?;
    let (whole, fraction) = number.split_once('.')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let word = statement.split([' ', ';']).next().unwrap_or_default();
    let is_statement = is_number(whole)
        && is_number(fraction)
        && fraction.len() == 3
        && STATEMENTS.contains(&word);
    if is_statement { number.parse().ok() } else { None }
}
