//! Coloured and escaped lines, for the clock: ordinary lines, and a value in every tenth, each
//! written in a disguise, so that no reader of texts may skip its decoder.

use crate::disguise::DISGUISES;
use crate::labelled::labelled;
use crate::ordinary::ordinary;
use crate::random::Random;
use crate::template::{Piece, Role};

/// Of so many lines one holds a value.
const LINES_PER_VALUE: usize = 10;

/// Returns records of JSON, one a line.
pub fn disguised(seed: u64, count: usize) -> Vec<String> {
    let mut random = Random::from_seed(seed);
    let values = labelled(seed, count.div_ceil(LINES_PER_VALUE));
    let mut values = values.iter().map(|sample| sample.record());
    let lines = ordinary(seed, count).into_iter().enumerate().map(|(position, line)| {
        let value = if position % LINES_PER_VALUE == 0 { values.next() } else { None };
        value.unwrap_or_else(|| {
            let disguise = *random.pick(DISGUISES);
            let pieces = disguise.write(words(&line.text), &mut random);
            let text: String = pieces.into_iter().map(|piece| piece.text).collect();
            serde_json::json!({ "level": "info", "message": text }).to_string()
        })
    });
    lines.collect()
}

/// Returns the words of a line as pieces, every fourth as one that a logger would colour.
fn words(text: &str) -> Vec<Piece> {
    let words = text.split_inclusive(' ').enumerate();
    let piece = |(position, word): (usize, &str)| Piece {
        text: word.to_owned(),
        role: if position % 4 == 0 { Role::Key } else { Role::Plain },
    };
    words.map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_record() {
        let lines = disguised(1, 500);
        assert_eq!(lines.len(), 500);
        for line in &lines {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
        let escaped = lines.iter().filter(|line| line.contains('\\') || line.contains('%'));
        assert!(escaped.count() > 300);
    }
}
