//! Content of lines as answers, labels and reports show it: short, without control characters.

/// Returns the beginning of a text without control characters: what is shown of a line's content
/// has a bounded length and cannot move a terminal's cursor.
pub(crate) fn shown(text: &str, bytes_max: usize) -> String {
    let cut = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default();
    cut.chars().map(|c| if c.is_control() { '_' } else { c }).collect()
}
