//! Rows under a line of names, divided by commas, semicolons or tabs: `email,pin` and below
//! `ada,1`.

use std::ops::Range;

/// Signs between columns.
const DIVIDERS: [char; 4] = [',', ';', '\t', '|'];

/// Most columns and rows that are read, and the longest line of names.
const COLUMNS_MAX: usize = 64;
const ROWS_MAX: usize = 1_024;
const NAMES_BYTES_MAX: usize = 1_024;

/// Most words of a name.
const NAME_WORDS_MAX: usize = 3;

/// Returns the names with the ranges of their values, for a text that is such a table.
pub(super) fn columns(text: &str) -> Vec<(&str, Range<usize>)> {
    let Some((names, _)) = text.split_once('\n') else { return Vec::new() };
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.split(' ').count() <= NAME_WORDS_MAX
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte))
    };
    let divider = DIVIDERS.into_iter().find(|divider| names.contains(*divider));
    let Some(divider) = divider.filter(|_| names.len() <= NAMES_BYTES_MAX) else {
        return Vec::new();
    };
    let heads: Vec<&str> =
        names.trim_end().split(divider).map(|name| name.trim_matches([' ', '"'])).collect();
    let is_table = heads.len() <= COLUMNS_MAX && heads.iter().all(|name| is_name(name));
    if !is_table {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut start = names.len() + 1;
    for line in text.get(start..).unwrap_or_default().split('\n').take(ROWS_MAX) {
        let cells = cells(line, start, divider);
        if cells.len() == heads.len() {
            found.extend(heads.iter().copied().zip(cells));
        }
        start += line.len() + 1;
    }
    found
}

/// Returns the cells of a row without their quotes.
fn cells(line: &str, offset: usize, divider: char) -> Vec<Range<usize>> {
    let (mut found, mut start, mut is_quoted) = (Vec::new(), 0, false);
    let line = line.trim_end_matches('\r');
    let ends = line.char_indices().filter(|(_, character)| {
        is_quoted ^= *character == '"';
        *character == divider && !is_quoted
    });
    for end in ends.map(|(at, _)| at).chain([line.len()]).take(COLUMNS_MAX + 1) {
        let cell = line.get(start..end).unwrap_or_default();
        let inner = cell.trim_matches([' ', '"']);
        let lead = cell.len() - cell.trim_start_matches([' ', '"']).len();
        let first = offset + start + lead.min(cell.len() - inner.len());
        found.push(first..first + inner.len());
        start = end + divider.len_utf8();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = columns(text)
            .into_iter()
            .map(|(name, range)| (name, text.get(range).expect("whole characters")))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn cells_have_the_names_above_them() {
        check(
            "mail,pin\na,\"1,2\"\r\nb, 3 \nc",
            &[("mail", "a"), ("pin", "1,2"), ("mail", "b"), ("pin", "3")],
        );
        check("pin;n\n;7", &[("pin", ""), ("n", "7")]);
        check("one, two! three\nfour, five", &[]);
        check("mail,pin", &[]);
    }
}
