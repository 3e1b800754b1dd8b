//! The labelled set: entities in notations, each line with the spans that must go.

use std::sync::LazyLock;

use crate::disguise::{DISGUISES, Disguise, json, percent, xml};
use crate::fill::fill;
use crate::kind::{
    BASIC, Class, Form, KINDS, Kind, Need, SECRET_ANY, SECRET_CLASS, SECRET_FORMS, SECRETS,
};
use crate::random::Random;
use crate::template::{Group, Piece, Role, Template, read};
use crate::values;

static NOTATIONS: LazyLock<Vec<Group>> =
    LazyLock::new(|| read(include_str!("../data/notations.txt")));
static SECRET_KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    include_str!("../data/secret_keys.txt").lines().filter(|line| !line.is_empty()).collect()
});
static TOKENS: LazyLock<Vec<Token>> = LazyLock::new(tokens);

/// How many draws may fail in a row; every kind has notations, so a handful nearly always does.
const DRAWS_MAX: usize = 1_000;

/// A kind of token.
struct Token {
    name: &'static str,
    need: Need,
    template: Template,
}

fn tokens() -> Vec<Token> {
    let lines = include_str!("../data/tokens.txt").lines().filter(|line| !line.starts_with("# "));
    let token = |line: &'static str| {
        let (name, template) = line.split_once('\t')?;
        let template = read(&format!("@ x\n{template}")).pop()?.templates.pop()?;
        let (name, need) = match name.strip_suffix(" ?") {
            Some(name) => (name, Need::Key),
            None => (name, Need::Nothing),
        };
        Some(Token { name, need, template })
    };
    lines.filter_map(token).collect()
}

/// Where a line's text stands when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The message of a record.
    Message,
    /// Another field of a record.
    Field,
    /// A member of a list.
    List,
    /// The line is a record itself.
    Record,
}

/// A line and its label.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the kind.
    pub kind: &'static str,
    /// The name of the form within the kind.
    pub form: &'static str,
    /// Which numbers hold.
    pub class: Class,
    /// Detectors that may find the value.
    pub detectors: &'static [&'static str],
    /// The name of the notation.
    pub notation: String,
    /// How the line is written.
    pub disguise: Disguise,
    /// Where the line stands.
    pub place: Place,
    /// The value as it is.
    pub secret: String,
    /// The line in pieces.
    pub(crate) pieces: Vec<Piece>,
}

impl Sample {
    /// Returns the text of the line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Returns where the value stands in the text, each time that it does.
    pub fn spans(&self) -> Vec<(usize, usize)> {
        let mut end = 0;
        let mut spans = Vec::new();
        for piece in &self.pieces {
            let start = end;
            end += piece.text.len();
            if piece.role == Role::Value {
                spans.push((start, end));
            }
        }
        spans
    }

    /// Returns the value in every form in which the line has it.
    pub fn written(&self) -> Vec<String> {
        let values = self.pieces.iter().filter(|piece| piece.role == Role::Value);
        values.map(|piece| piece.text.clone()).chain([self.secret.clone()]).collect()
    }

    /// Returns the line as an application sends it.
    pub fn record(&self) -> String {
        let text = self.text();
        let record = match self.place {
            Place::Message => serde_json::json!({ "level": "info", "message": text }),
            Place::Field => serde_json::json!({ "level": "info", "message": "x", "detail": text }),
            Place::List => {
                serde_json::json!({ "level": "info", "message": "x", "args": ["first", text, 3] })
            }
            Place::Record => return text,
        };
        record.to_string()
    }
}

impl Sample {
    /// Returns the sample as one line of JSON.
    pub fn to_line(&self) -> String {
        let spans: Vec<serde_json::Value> =
            self.spans().into_iter().map(|(start, end)| serde_json::json!([start, end])).collect();
        let line = serde_json::json!({
            "kind": self.kind, "form": self.form, "notation": self.notation,
            "disguise": self.disguise.name(), "place": format!("{:?}", self.place).to_lowercase(),
            "secret": self.secret, "spans": spans, "text": self.text(),
        });
        line.to_string()
    }
}

/// What is planted: a kind with one of its forms.
struct Plant {
    kind: &'static str,
    form: Form,
    class: Class,
    detectors: &'static [&'static str],
    keys: Vec<&'static str>,
    words: &'static [&'static str],
    token: Option<&'static Token>,
}

/// Returns lines of a seed.
pub fn labelled(seed: u64, count: usize) -> Vec<Sample> {
    let mut random = Random::from_seed(seed);
    (0..count).map(|_| sample(&mut random)).collect()
}

fn sample(random: &mut Random) -> Sample {
    for _ in 0..DRAWS_MAX {
        if let Some(sample) = draw(random) {
            return sample;
        }
    }
    unreachable!("every kind has notations")
}

fn draw(random: &mut Random) -> Option<Sample> {
    let plant = plant(random);
    let group = random.pick(&NOTATIONS);
    let template = random.pick(&group.templates);
    let plant = fit(plant, group, random)?;
    let quote = group.option("quote");
    let secret = value(&plant, quote, random)?;
    let written = write(&secret, quote);
    let (place, form) = match group.option("form") {
        "record" | "recordbare" => (Place::Record, "record"),
        form => (
            *random.pick(&[
                Place::Message,
                Place::Message,
                Place::Message,
                Place::Field,
                Place::List,
            ]),
            form,
        ),
    };
    let key = if plant.keys.is_empty() { "value" } else { random.word(&plant.keys) };
    if template.has("K:snake") && key.contains(['-', '.']) {
        return None;
    }
    let pieces = template.pieces(|slot| match slot {
        "V" => (written.clone(), Role::Value),
        "W" => (random.word(plant.words).to_owned(), Role::Key),
        slot if slot == "K" || slot.starts_with("K:") => (styled(key, slot), Role::Key),
        slot => (fill(slot, random).unwrap_or_else(|| format!("‹{slot}›")), Role::Plain),
    });
    let disguise = match (form, group.option("colour")) {
        ("record", _) => Disguise::Plain,
        (_, "yes") => Disguise::Colour,
        _ if random.percent(60) => Disguise::Plain,
        _ => *random.pick(DISGUISES),
    };
    let pieces = disguise.write(pieces, random);
    Some(Sample {
        kind: plant.kind,
        form: plant.form.name,
        class: plant.class,
        detectors: plant.detectors,
        notation: group.name.clone(),
        disguise,
        place,
        secret,
        pieces,
    })
}

/// Draws what to plant: secrets by key most often, since their notations are most.
fn plant(random: &mut Random) -> Plant {
    match random.below(100) {
        0..30 => Plant {
            kind: "secret",
            form: *random.pick(SECRET_FORMS),
            class: SECRET_CLASS,
            detectors: SECRETS,
            keys: SECRET_KEYS.clone(),
            words: &[],
            token: None,
        },
        30..45 => {
            let token = random.pick(&TOKENS);
            Plant {
                kind: "token",
                form: Form { name: token.name, need: token.need, make: values::opaque },
                class: Class::Token,
                detectors: SECRETS,
                keys: match token.need {
                    Need::Key => vec!["api_key", "token", "access_token", "secret_key"],
                    Need::Nothing | Need::Word => {
                        vec!["value", "key_used", "api_key", "token", "data", "arg"]
                    }
                },
                words: &["using", "key", "token", "with"],
                token: Some(token),
            }
        }
        _ => {
            let kind: &Kind = random.pick(KINDS);
            Plant {
                kind: kind.name,
                form: *random.pick(kind.forms),
                class: kind.class,
                detectors: kind.detectors,
                keys: kind.keys.to_vec(),
                words: kind.words,
                token: None,
            }
        }
    }
}

/// Returns what is planted as it fits into a notation, if it does.
fn fit(mut plant: Plant, group: &Group, random: &mut Random) -> Option<Plant> {
    let need = plant.form.need;
    match (group.option("form"), group.option("for")) {
        ("bare" | "recordbare", _) if need == Need::Nothing => Some(plant),
        ("word", _) if need < Need::Key && !plant.words.is_empty() => Some(plant),
        ("place", place) if plant.kind == "secret" => {
            plant.form = match place {
                "basic" => BASIC,
                "token" => Form { name: "opaque", need: Need::Key, make: values::opaque },
                _ => *random.pick(SECRET_FORMS),
            };
            plant.class = Class::Placed;
            Some(Plant { kind: "placed", ..plant })
        }
        ("keyed" | "record", _) => Some(plant),
        _ => None,
    }
}

/// Draws a value that the notation can write.
fn value(plant: &Plant, quote: &str, random: &mut Random) -> Option<String> {
    let can_write_any = matches!(quote, "json" | "python" | "sql" | "xml" | "url");
    let mut form = plant.form;
    if plant.kind == "secret" && can_write_any && random.percent(15) {
        form = SECRET_ANY;
    }
    let value = match plant.token {
        Some(token) => {
            let pieces =
                token.template.pieces(|slot| (fill(slot, random).unwrap_or_default(), Role::Plain));
            pieces.into_iter().map(|piece| piece.text).collect()
        }
        None => (form.make)(random),
    };
    let is_one_word = !value.contains(char::is_whitespace);
    let fits = match quote {
        // The end of a bare value of several words is anybody's guess when only its key tells it.
        "none" => {
            (is_one_word || plant.form.need < Need::Key)
                && !value.contains('\n')
                && !value.contains('"')
        }
        "digits" => {
            value.bytes().all(|byte| byte.is_ascii_digit())
                && !value.starts_with('0')
                && value.len() < 19
        }
        "urluser" => {
            is_one_word && !value.contains(['/', '@', '#', '?', '=', '+', ':', '\\', '\''])
        }
        _ => true,
    };
    fits.then_some(value)
}

/// Writes a value as the notation quotes it.
fn write(value: &str, quote: &str) -> String {
    match quote {
        "json" => json(value),
        "python" => value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"),
        "sql" => value.replace('\'', "''"),
        "xml" => value.chars().map(xml).collect(),
        "url" => value.chars().map(percent).collect(),
        _ => value.to_owned(),
    }
}

/// Writes a key in the style of a language.
fn styled(key: &str, slot: &str) -> String {
    let Some((_, style)) = slot.split_once(':') else { return key.to_owned() };
    let words: Vec<String> = key
        .split(['_', '-', '.', ' '])
        .filter(|word| !word.is_empty())
        .map(|word| {
            if word.chars().all(|letter| letter.is_uppercase() || letter.is_numeric()) {
                word.to_lowercase()
            } else {
                word.to_owned()
            }
        })
        .collect();
    let capital = |word: &String| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    };
    match style {
        "snake" => words.join("_").to_lowercase(),
        "kebab" => words.join("-").to_lowercase(),
        "dot" => words.join(".").to_lowercase(),
        "upper" => words.join("_").to_uppercase(),
        "pascal" => words.iter().map(capital).collect(),
        "header" => words.iter().map(capital).collect::<Vec<String>>().join("-"),
        "camel" => {
            let pascal: String = words.iter().map(capital).collect();
            let mut letters = pascal.chars();
            letters
                .next()
                .map(|first| first.to_lowercase().to_string() + letters.as_str())
                .unwrap_or_default()
        }
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_known() {
        for sample in labelled(1, 5_000) {
            assert!(!sample.text().contains(['‹', '⟦']), "{}: {}", sample.notation, sample.text());
        }
    }

    #[test]
    fn spans_are_where_the_value_stands() {
        for sample in labelled(2, 2_000) {
            let text = sample.text();
            let spans = sample.spans();
            assert!(!spans.is_empty(), "{text}");
            if sample.disguise == Disguise::Plain && sample.notation == "prose.bare" {
                assert!(
                    spans.iter().all(|(start, end)| text.get(*start..*end) == Some(&sample.secret))
                );
            }
        }
    }

    #[test]
    fn keys_are_written_in_the_styles_of_languages() {
        let cases = [
            ("db_password", "K:camel", "dbPassword"),
            ("db_password", "K:header", "Db-Password"),
            ("X-Api-Key", "K:snake", "x_api_key"),
            ("clientSecret", "K:pascal", "ClientSecret"),
            ("DATABASE_URL", "K:kebab", "database-url"),
        ];
        for (key, slot, expected) in cases {
            assert_eq!(styled(key, slot), expected);
        }
    }

    #[test]
    fn records_are_json() {
        for sample in labelled(3, 2_000) {
            let record: serde_json::Value = serde_json::from_str(&sample.record())
                .unwrap_or_else(|error| panic!("{error}: {}", sample.record()));
            assert!(record.is_object());
        }
    }
}
