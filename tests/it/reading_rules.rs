//! Random records, read by the real binary and by a plain reimplementation of the documented
//! rules (docs/ingest.md, and the table that `tierlog shapes` prints): equal, or rejected by both.

mod plain;
mod pool;
mod table;

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use tierlog_model::{Clock as _, SystemClock, Timestamp};

use self::plain::{Expected, Layer, Leaf, SPELLINGS, fold};
use self::pool::{Numbers, Pool};
use self::table::{Shape, Sign};
use crate::harness::{Home, run};

/// Records, of which half have a shape, a quarter stand in a wrapper and a quarter in a message.
const RECORDS: usize = 4_000;

/// Differences that a failure shows.
const SHOWN_MAX: usize = 8;

/// Objects that are looked through.
const CONTAINERS: [&str; 4] = ["context", "extra", "attributes", "labels"];

/// Names that no rule knows.
const OTHERS: [&str; 5] = ["cart.items", "attempt", "note", "flag", "deep.er.value"];

/// An object as it is written.
enum Node {
    Leaf(Value),
    Object(Vec<(String, Node)>),
}

/// Makes random records.
struct Maker<'p> {
    numbers: Numbers,
    pool: &'p Pool,
    shapes: &'p [Shape],
}

impl Maker<'_> {
    /// Returns a record out of documented spellings and other names.
    fn record(&mut self) -> Vec<(String, Node)> {
        let mut members = Vec::new();
        let mut names = HashSet::new();
        for _ in 0..3 + self.numbers.below(8) {
            let (target, spellings) = *self.numbers.one(&SPELLINGS);
            let name = *self.numbers.one(spellings);
            let target = if name == "levelno" { "levelno" } else { target };
            let value = self.pool.value(target, &mut self.numbers);
            let container = (self.numbers.below(4) == 0).then(|| *self.numbers.one(&CONTAINERS));
            let path = container.map_or(name.to_owned(), |outer| format!("{outer}.{name}"));
            self.put(&mut members, &mut names, &path, value);
        }
        for _ in 0..self.numbers.below(3) {
            let name = *self.numbers.one(&OTHERS);
            let values = [json!(1), json!("word"), json!(true), json!([1, "a"]), Value::Null];
            let value = self.numbers.one(&values).clone();
            self.put(&mut members, &mut names, name, value);
        }
        members
    }

    /// Returns a record with every sign of a shape, and some of its fields.
    fn shaped(&mut self, shape: &Shape) -> Vec<(String, Node)> {
        let mut paths: Vec<(String, Option<Value>)> = Vec::new();
        for sign in &shape.signs {
            match sign {
                Sign::Any(of) => paths.push((self.numbers.one(of).clone(), None)),
                Sign::Lacks(_) => {}
                Sign::Number(name) => paths.push((name.clone(), Some(json!(30)))),
                Sign::Text(name) | Sign::At(_, name) | Sign::FromEnd(_, name) => {
                    paths.push((name.clone(), None));
                }
                Sign::Is(name, text) => paths.push((name.clone(), Some(json!(text)))),
                Sign::Capitals(name) => paths.push((name.clone(), Some(json!("INFO")))),
            }
        }
        for (name, _) in &shape.fields {
            if self.numbers.below(3) > 0 {
                paths.push((name.clone(), None));
            }
        }
        let (mut members, mut names) = (Vec::new(), HashSet::new());
        for (path, value) in paths {
            let becomes = shape.becomes(&path).and_then(|becomes| becomes.split(' ').next());
            let target = becomes.or_else(|| general(&path)).unwrap_or("other");
            let value = value.unwrap_or_else(|| self.pool.value(target, &mut self.numbers));
            self.put(&mut members, &mut names, &path, value);
        }
        members
    }

    /// Puts a value under a dotted path, unless its name, or an object of that name, is there.
    fn put(
        &mut self,
        members: &mut Vec<(String, Node)>,
        names: &mut HashSet<String>,
        path: &str,
        value: Value,
    ) {
        let folded = fold(path);
        let clashes = names.iter().any(|name| {
            let (long, short) =
                if name.len() > folded.len() { (name, &folded) } else { (&folded, name) };
            long.strip_prefix(short.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if clashes {
            return;
        }
        names.insert(folded);
        let mut level = members;
        let mut keys: Vec<&str> = path.split('.').collect();
        let last = keys.pop().expect("a path has a key");
        for key in keys {
            let at = level.iter().position(|(own, _)| own == key).unwrap_or_else(|| {
                level.push((key.to_owned(), Node::Object(Vec::new())));
                level.len() - 1
            });
            let Node::Object(inside) = &mut level[at].1 else { return };
            level = inside;
        }
        level.push((self.spell(last), Node::Leaf(value)));
    }

    /// Writes a name as some library would.
    fn spell(&mut self, name: &str) -> String {
        match self.numbers.below(8) {
            0 => name.replace('_', "-"),
            1 => name.to_ascii_uppercase(),
            _ => name.to_owned(),
        }
    }

    /// Returns a line with its layers.
    fn line(&mut self, number: usize) -> (String, Vec<(Layer, Vec<Leaf>)>) {
        let mut inner = match self.numbers.below(2) {
            0 => self.record(),
            _ => {
                let shape = &self.shapes[self.numbers.below(self.shapes.len())];
                self.shaped(shape)
            }
        };
        // In the middle: some shapes are told by their first and last names.
        let middle = inner.len() / 2;
        inner.insert(middle, ("case".to_owned(), Node::Leaf(json!(number))));
        let inside = leaves(&inner);
        match self.numbers.below(4) {
            0 => {
                let time = self.pool.value("timestamp", &mut self.numbers);
                let time = if time.is_string() { time } else { json!("soon") };
                let outer = vec![
                    ("stream".to_owned(), Node::Leaf(json!("stdout"))),
                    ("time".to_owned(), Node::Leaf(time)),
                    ("log".to_owned(), Node::Leaf(json!(format!("{}\n", written(&inner))))),
                ];
                let layers = vec![(Layer::Record, leaves(&outer)), (Layer::Wrapped, inside)];
                (written(&outer), layers)
            }
            1 => {
                let mut outer = self.record();
                outer
                    .retain(|(name, _)| !["message", "msg", "body"].contains(&fold(name).as_str()));
                outer.push(("message".to_owned(), Node::Leaf(json!(written(&inner)))));
                let layers = vec![(Layer::Record, leaves(&outer)), (Layer::Filling, inside)];
                (written(&outer), layers)
            }
            _ => (written(&inner), vec![(Layer::Record, inside)]),
        }
    }
}

/// Returns the field that the general table makes of a name.
fn general(path: &str) -> Option<&'static str> {
    let spells = |spellings: &[&str]| spellings.iter().any(|name| fold(name) == fold(path));
    SPELLINGS.into_iter().find(|(_, spellings)| spells(spellings)).map(|(target, _)| target)
}

fn written(members: &[(String, Node)]) -> String {
    let member = |(name, node): &(String, Node)| {
        let value = match node {
            Node::Leaf(value) => value.to_string(),
            Node::Object(inside) => written(inside),
        };
        format!("{}:{value}", json!(name))
    };
    let members: Vec<String> = members.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

fn leaves(members: &[(String, Node)]) -> Vec<Leaf> {
    let mut found = Vec::new();
    gather(members, &[], &mut found);
    found
}

fn gather(members: &[(String, Node)], above: &[String], found: &mut Vec<Leaf>) {
    for (name, node) in members {
        let keys = [above, std::slice::from_ref(name)].concat();
        match node {
            Node::Leaf(Value::Null) => {}
            Node::Leaf(value) => {
                found.push(Leaf { name: keys.join("."), keys, value: value.clone() });
            }
            Node::Object(inside) => gather(inside, &keys, found),
        }
    }
}

/// Tells whether the plain rules read everything that a shape says.
fn is_plain(shape: &Shape) -> bool {
    let plain = |becomes: &str| {
        let (target, detail) = becomes.split_once(" (").unwrap_or((becomes, ""));
        let is_known = SPELLINGS.iter().any(|(own, _)| *own == target) || target == "itself";
        let is_unit = matches!(detail, "" | "ns)" | "us)" | "ms)" | "s)");
        is_known && is_unit && (detail.is_empty() || target == "duration_ms")
    };
    !shape.is_wrapper && shape.fields.iter().all(|(_, becomes)| plain(becomes))
}

/// Returns the differences between expected and stored records.
fn difference(line: &str, expected: &Expected, found: &Value, started: &str) -> Option<String> {
    let mut record: BTreeMap<String, Value> =
        found.as_object().expect("an object").clone().into_iter().collect();
    let timestamp = record.remove("timestamp").expect("a timestamp");
    let stamped = timestamp.as_str().expect("a text");
    let is_meant = match expected.micros {
        Some(micros) => Timestamp::from_micros(micros).expect("a moment").to_string() == stamped,
        None => stamped >= started,
    };
    let is_level = record.remove("level") == Some(json!(expected.level));
    let is_same = |((name, value), (own, expected)): ((&String, &Value), (&String, &Value))| {
        // A number among fractions is stored as one.
        let is_number = value.is_number() && value.as_f64() == expected.as_f64();
        name == own && (value == expected || is_number)
    };
    let is_equal = is_meant
        && is_level
        && record.len() == expected.fields.len()
        && record.iter().zip(&expected.fields).all(is_same);
    (!is_equal).then(|| format!("{line}\n  stored {found}\n  rules  {expected:?}\n"))
}

#[test]
fn random_records_are_read_as_the_rules_say() {
    let home = Home::with(&["redaction.enabled=false", "redaction.pseudonyms.fields=[]"]);
    let server = home.start();
    let printed = run(&mut home.tierlog(&["shapes", "--format", "json"]));
    let table = Shape::read_all(&printed.stdout);
    let pool = Pool::new();
    let (made, _): (Vec<Shape>, Vec<Shape>) =
        Shape::read_all(&printed.stdout).into_iter().partition(is_plain);
    assert!(made.len() > 20, "most shapes are made: {}", made.len());
    let started = SystemClock.now().to_string();
    let mut maker = Maker { numbers: Numbers(11), pool: &pool, shapes: &made };
    let (mut lines, mut expected) = (Vec::new(), BTreeMap::new());
    for number in 0..RECORDS {
        let (line, layers) = maker.line(number);
        if let Some(record) = plain::read(&layers, &table, &pool) {
            expected.insert(number, record);
        }
        lines.push(line);
    }
    let verdict = server.post_lines(lines.join("\n").as_bytes(), &[]).json();
    server.await_count("", verdict["accepted"].as_u64().expect("a count"));
    let mut differences = Vec::new();
    let mut seen = 0;
    for record in server.export("") {
        let number = record["case"].as_u64().expect("every record has its number") as usize;
        let line = &lines[number];
        differences.extend(match expected.get(&number) {
            None => Some(format!("{line}\n  stored {record}\n  rules  reject it\n")),
            Some(expected) => difference(line, expected, &record, &started),
        });
        seen += 1;
    }
    let shown: Vec<&str> = differences.iter().take(SHOWN_MAX).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), shown.join("\n"));
    assert_eq!(seen, expected.len(), "as many as the rules take: {verdict}");
    assert!(seen > RECORDS / 2 && seen < RECORDS, "{seen} records, and some are rejected");
}
