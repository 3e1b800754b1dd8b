//! Two results of different times or machines: what moved, by yardsticks where there are any.

use std::fmt::Write as _;

use crate::results::{Better, Figure, Results, shown};

/// Below a tenth, two runs of the same program differ too.
const NOISE: f64 = 0.10;

/// Times below this are those of the loopback and the scheduler.
const NOISE_MS: f64 = 0.3;

/// Returns what moved between two results, as text.
pub(crate) fn compare(before: &Results, after: &Results) -> String {
    let mut text = format!(
        "before: {}, {} lines, {}; after: {}, {} lines, {}\n",
        before.taken,
        before.lines,
        before.machine.processor,
        after.taken,
        after.lines,
        after.machine.processor
    );
    if (before.lines, before.seed) != (after.lines, after.seed) {
        text.push_str("the corpora differ: compare with care\n");
    }
    let mut still = 0;
    for table in after.tables() {
        let figures = after.figures.iter().filter(|figure| figure.table == table);
        let moves: Vec<String> = figures
            .filter_map(|figure| {
                let old = before.find(table, &figure.row, &figure.column)?;
                let told = describe(old, figure);
                still += u32::from(told.is_none());
                told
            })
            .collect();
        if !moves.is_empty() {
            let _ = writeln!(text, "\n{table}\n  {}", moves.join("\n  "));
        }
    }
    let _ = writeln!(text, "\n{still} figures moved by less than {:.0}%", NOISE * 100.0);
    text
}

/// Returns a line about a figure that moved.
fn describe(before: &Figure, after: &Figure) -> Option<String> {
    let factor = match (before.yardsticks, after.yardsticks) {
        (Some(before), Some(after)) => after / before,
        _ => after.value / before.value,
    };
    let in_noise = after.column.ends_with(" ms") && (after.value - before.value).abs() < NOISE_MS;
    if in_noise || !factor.is_finite() || (1.0 - NOISE..=1.0 + NOISE).contains(&factor) {
        return None;
    }
    let verdict = match (after.better, factor > 1.0) {
        (Better::Given, _) => "other",
        (Better::Less, false) | (Better::More, true) => "better",
        (Better::Less, true) | (Better::More, false) => "WORSE",
    };
    let beside = match (before.yardsticks, after.yardsticks) {
        (Some(before), Some(after)) => {
            format!(", in yardsticks {} -> {}", shown(before), shown(after))
        }
        _ => String::new(),
    };
    let (old, new) = (shown(before.value), shown(after.value));
    let name = format!("{}, {}", after.row, after.column);
    Some(format!("{verdict:<6} x{factor:.2}  {name}: {old} -> {new}{beside}"))
}
