//! Disguises: other ways to write the same line. Pieces arrive and leave, their roles kept, so that
//! the label of a disguised line is exact.

use crate::random::Random;
use crate::template::{Piece, Role};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disguise {
    /// As it is.
    Plain,
    /// As a string of JSON in an object.
    Json,
    /// As a string in an object in a string in an object.
    JsonTwice,
    /// Signs as `%40`.
    Percent,
    /// Signs as `\x40`.
    HexEscape,
    /// Signs as `\u0040`.
    UnicodeEscape,
    /// Signs as `\u{40}`.
    BraceEscape,
    /// Signs as `\100`.
    Octal,
    /// Signs as `&quot;` and `&#64;`.
    Entities,
    /// Signs as `=40`, as in mail.
    QuotedPrintable,
    /// Digits and signs as wide as the letters of Chinese.
    FullWidth,
    /// Characters of no width inside of values.
    ZeroWidth,
    /// Colours of terminals around key, sign and value.
    Colour,
}

/// Disguises of text, beside the plain one.
pub(crate) const DISGUISES: &[Disguise] = &[
    Disguise::Json,
    Disguise::Json,
    Disguise::JsonTwice,
    Disguise::Percent,
    Disguise::HexEscape,
    Disguise::UnicodeEscape,
    Disguise::BraceEscape,
    Disguise::Octal,
    Disguise::Entities,
    Disguise::QuotedPrintable,
    Disguise::FullWidth,
    Disguise::ZeroWidth,
    Disguise::Colour,
    Disguise::Colour,
];

/// Ways in which a control sequence is written: as it is, and as escaped by loggers.
const SEQUENCES: &[&str] =
    &["\u{1b}[", "\\u001b[", "\\x1b[", "\\033[", "#033[", "\\e[", "^[[", "\u{9b}"];

impl Disguise {
    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Disguise::Plain => "plain",
            Disguise::Json => "json",
            Disguise::JsonTwice => "json twice",
            Disguise::Percent => "percent",
            Disguise::HexEscape => "\\x",
            Disguise::UnicodeEscape => "\\u",
            Disguise::BraceEscape => "\\u{}",
            Disguise::Octal => "octal",
            Disguise::Entities => "entities",
            Disguise::QuotedPrintable => "quoted-printable",
            Disguise::FullWidth => "full width",
            Disguise::ZeroWidth => "zero width",
            Disguise::Colour => "colour",
        }
    }

    /// Writes a line's pieces in this way.
    pub(crate) fn write(self, pieces: Vec<Piece>, random: &mut Random) -> Vec<Piece> {
        match self {
            Disguise::Plain => pieces,
            Disguise::Json => in_object(&pieces),
            Disguise::JsonTwice => in_object(&in_object(&pieces)),
            Disguise::Percent => by_character(&pieces, percent),
            Disguise::HexEscape => {
                by_character(&pieces, |letter| sign(letter, |code| format!("\\x{code:02x}")))
            }
            Disguise::UnicodeEscape => {
                by_character(&pieces, |letter| sign(letter, |code| format!("\\u{code:04x}")))
            }
            Disguise::BraceEscape => {
                by_character(&pieces, |letter| sign(letter, |code| format!("\\u{{{code:x}}}")))
            }
            Disguise::Octal => {
                by_character(&pieces, |letter| sign(letter, |code| format!("\\{code:03o}")))
            }
            Disguise::Entities => by_character(&pieces, entity),
            Disguise::QuotedPrintable => {
                by_character(&pieces, |letter| sign(letter, |code| format!("={code:02X}")))
            }
            Disguise::FullWidth => by_character(&pieces, full_width),
            Disguise::ZeroWidth => with_zero_width(&pieces, random),
            Disguise::Colour => coloured(&pieces, random),
        }
    }
}

fn by_character(pieces: &[Piece], write: impl Fn(char) -> String) -> Vec<Piece> {
    let each = pieces
        .iter()
        .map(|piece| Piece { text: piece.text.chars().map(&write).collect(), role: piece.role });
    each.collect()
}

fn in_object(pieces: &[Piece]) -> Vec<Piece> {
    let plain = |text: &str| Piece { text: text.to_owned(), role: Role::Plain };
    let mut all = vec![plain("{\"n\":1,\"m\":\"")];
    all.extend(pieces.iter().map(|piece| Piece { text: json(&piece.text), role: piece.role }));
    all.push(plain("\"}"));
    all
}

/// Returns a text as it stands between the quotes of a JSON string.
pub(crate) fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// Writes the signs that matter to a reader of logs.
fn sign(letter: char, write: impl Fn(u32) -> String) -> String {
    match letter {
        '"' | '\'' | '@' | ':' | '=' | '&' | '/' | '+' | '<' | '>' => write(letter as u32),
        letter => letter.to_string(),
    }
}

/// Writes a text as it stands in the query of an address.
pub(crate) fn percent(letter: char) -> String {
    match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' | '~' => letter.to_string(),
        letter => {
            let mut bytes = [0; 4];
            letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
        }
    }
}

fn entity(letter: char) -> String {
    match letter {
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '\'' => "&#39;".to_owned(),
        '@' => "&#64;".to_owned(),
        '=' => "&#x3D;".to_owned(),
        letter => letter.to_string(),
    }
}

/// Writes a text as it stands in XML.
pub(crate) fn xml(letter: char) -> String {
    match letter {
        '&' | '"' | '<' | '>' => entity(letter),
        letter => letter.to_string(),
    }
}

fn full_width(letter: char) -> String {
    let wide = match letter {
        '0'..='9' | '@' => char::from_u32(letter as u32 + 0xFEE0),
        _ => None,
    };
    wide.unwrap_or(letter).to_string()
}

fn with_zero_width(pieces: &[Piece], random: &mut Random) -> Vec<Piece> {
    let each = pieces.iter().map(|piece| {
        let mut text = piece.text.clone();
        if piece.role == Role::Value && text.is_ascii() && text.len() > 4 {
            let nothing = random.word(&["\u{200b}", "\u{200d}", "\u{feff}", "\u{ad}", "\u{2060}"]);
            let place = random.between(2, text.len() as u64 - 2) as usize;
            text.insert_str(place, nothing);
        }
        Piece { text, role: piece.role }
    });
    each.collect()
}

fn coloured(pieces: &[Piece], random: &mut Random) -> Vec<Piece> {
    let begin = *random.pick(SEQUENCES);
    let mut colour =
        || format!("{begin}{}m", random.word(&["31", "1;32", "0", "38;5;208", "", "90"]));
    let mut all = Vec::new();
    for piece in pieces {
        match piece.role {
            Role::Key | Role::Value => {
                // A colour beside the value may go or stay: no byte of the line's text is in it.
                all.push(Piece { text: colour(), role: Role::Loose });
                all.push(piece.clone());
                all.push(Piece { text: colour(), role: Role::Loose });
            }
            Role::Plain | Role::Loose => all.push(piece.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disguise_keeps_roles() {
        let piece = |text: &str, role| Piece { text: text.to_owned(), role };
        let pieces = || {
            vec![piece("a=\"", Role::Plain), piece("x@y", Role::Value), piece("\"", Role::Plain)]
        };
        let shown = |disguise: Disguise| -> (String, String) {
            let written = disguise.write(pieces(), &mut Random::from_seed(1));
            let value = written.iter().find(|piece| piece.role == Role::Value).expect("a value");
            (written.iter().map(|piece| piece.text.as_str()).collect(), value.text.clone())
        };
        let cases = [
            (Disguise::Plain, "a=\"x@y\"", "x@y"),
            (Disguise::Json, "{\"n\":1,\"m\":\"a=\\\"x@y\\\"\"}", "x@y"),
            (Disguise::Percent, "a%3D%22x%40y%22", "x%40y"),
            (Disguise::HexEscape, "a\\x3d\\x22x\\x40y\\x22", "x\\x40y"),
            (Disguise::Octal, "a\\075\\042x\\100y\\042", "x\\100y"),
            (Disguise::Entities, "a&#x3D;&quot;x&#64;y&quot;", "x&#64;y"),
            (Disguise::FullWidth, "a=\"x\u{ff20}y\"", "x\u{ff20}y"),
        ];
        for (disguise, line, value) in cases {
            assert_eq!(shown(disguise), (line.to_owned(), value.to_owned()), "{}", disguise.name());
        }
        assert_ne!(shown(Disguise::Colour).0, "a=\"x@y\"");
    }
}
