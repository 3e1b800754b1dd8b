//! Texts of many scripts, long words and signs: random parts of them are looked for as words,
//! phrases, beginnings and patterns, in hot, sealed and merged partitions, beside the plain filter.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tierlog_model::{Level, Record, RecordKind, Value};

use super::fixture::{Fixture, SearchRequest, moment};
use crate::record_filter::RecordFilter;

/// What texts and queries are made of: parts that meet, repeat, and differ in little.
const PIECES: [&str; 40] = [
    "Redis",
    "timeout",
    "x1",
    "42",
    "caf\u{e9}",
    "cafe\u{301}",
    "STRASSE",
    "stra\u{df}e",
    "\u{130}stanbul",
    "ISTANBUL",
    "\u{39f}\u{394}\u{39f}\u{3a3}",
    "\u{3bf}\u{3b4}\u{3cc}\u{3c2}",
    "\u{7f13}\u{5b58}",
    "\u{5b58}\u{5931}\u{8d25}",
    "\u{5931}",
    "\u{8fde}\u{63a5}\u{8d85}\u{65f6}",
    "\u{30ed}\u{30b0}\u{30a4}\u{30f3}",
    "\u{ff9b}\u{ff78}\u{ff9e}",
    "\u{5931}\u{6557}\u{3057}\u{305f}",
    "\u{acb0}\u{c81c}\u{ac00}",
    "\u{1100}\u{1167}\u{11af}",
    "\u{e0a}\u{e33}\u{e23}\u{e30}",
    "\u{e40}\u{e07}\u{e34}\u{e19}",
    "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
    "\u{645}\u{64e}\u{631}",
    "\u{1f680}",
    "\u{1f44d}\u{1f3fd}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\u{1f1e9}\u{1f1ea}",
    "\u{1f1ea}\u{1f1eb}",
    "->",
    "!!!",
    "{}",
    "=>",
    "%",
    "\u{2192}",
    "\u{2026}",
    "so\u{ad}ft",
    "2026-11-18T10:00:01",
    "\u{ff0c}",
];

/// Words that the index has no whole term for.
fn long_word() -> impl Strategy<Value = String> {
    (select(vec![31, 32, 33, 98, 99, 100, 101, 300]), select(vec!["", "q", "\u{e9}q"])).prop_map(
        |(length, end)| {
            format!("{}{end}", "ab\u{e9}".repeat(length).chars().take(length).collect::<String>())
        },
    )
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => long_word(),
    ];
    let joint = select(vec![" ", " ", " ", "", "/", "-", "\u{ff0c}"]);
    prop::collection::vec((piece, joint), 0..7)
        .prop_map(|parts| parts.into_iter().map(|(piece, joint)| piece + joint).collect())
}

fn record() -> impl Strategy<Value = Record<'static>> {
    let long = |text: String| format!("{text} {}", "long ".repeat(110));
    let message = prop_oneof![4 => text().boxed(), 1 => text().prop_map(long).boxed()];
    let note = prop::option::of(text().prop_map(long));
    let notes = prop::option::of((text(), text()).prop_map(move |(one, other)| {
        serde_json::json!([long(one), { "deep": long(other) }, 7]).to_string()
    }));
    let service = prop::option::of(select(PIECES.to_vec()));
    // Whole values that have words as well.
    let error = prop::option::of(text());
    let errors = prop::option::of((text(), text()).prop_map(|(one, other)| {
        serde_json::json!([one, { "exc_value": other, "line": 7 }]).to_string()
    }));
    (message, service, any::<bool>(), (note, notes), (error, errors)).prop_map(
        |(message, service, is_repeated, (note, notes), (error, errors))| {
            let message = match service {
                // The value becomes a reference in the template.
                Some(service) if is_repeated => format!("{service}: {message}"),
                _ => message,
            };
            let mut fields = vec![("message".into(), Value::Str(message.into()))];
            fields.extend(service.map(|text| ("service".into(), Value::Str(text.into()))));
            fields.extend(note.map(|text| ("note".into(), Value::Str(text.into()))));
            fields.extend(notes.map(|json| ("notes".into(), Value::Json(json.into()))));
            fields.extend(error.map(|text| ("error_message".into(), Value::Str(text.into()))));
            fields.extend(errors.map(|json| ("exception".into(), Value::Json(json.into()))));
            Record {
                timestamp: moment("2026-11-18T00:00:00Z"),
                level: Level::Info,
                kind: RecordKind::Log,
                fields,
            }
        },
    )
}

/// How a part of a text is looked for.
#[derive(Clone, Copy, Debug)]
enum Form {
    Quoted,
    QuotedPrefix,
    Word,
    Prefix,
    Within,
    OneUnknown,
    Expression,
    InMessage,
    Negated,
}

const FORMS: [Form; 9] = [
    Form::Quoted,
    Form::QuotedPrefix,
    Form::Word,
    Form::Prefix,
    Form::Within,
    Form::OneUnknown,
    Form::Expression,
    Form::InMessage,
    Form::Negated,
];

fn quoted(part: &str) -> String {
    format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word with every sign of the syntax taken its meaning away.
fn escaped(part: &str) -> String {
    let mut word = String::new();
    for character in part.chars() {
        if !character.is_alphanumeric() {
            word.push('\\');
        }
        word.push(character);
    }
    word
}

fn query(part: &str, form: Form) -> String {
    let characters: Vec<char> = part.chars().collect();
    match form {
        Form::Quoted => quoted(part),
        Form::QuotedPrefix => format!("{}*", quoted(part)),
        Form::Word => escaped(part),
        Form::Prefix => format!("{}*", escaped(part)),
        Form::Within => format!("*{}*", escaped(part)),
        Form::OneUnknown => {
            let middle = characters.len() / 2;
            let text = |characters: &[char]| escaped(&characters.iter().collect::<String>());
            let after = characters.get(middle + 1..).unwrap_or_default();
            format!("{}?{}", text(&characters[..middle]), text(after))
        }
        Form::Expression => format!("/{}/", regex::escape(part).replace('/', "\\/")),
        Form::InMessage => format!("message:{}", quoted(part)),
        Form::Negated => format!("NOT {}", quoted(part)),
    }
}

type Asked = (Index, Index, usize, Form);

fn part_of(records: &[Record<'static>], (record, start, length, _): &Asked) -> String {
    if records.is_empty() {
        return "absent".to_owned();
    }
    let texts = record.get(records).fields.iter().filter_map(|(_, value)| match value {
        Value::Str(text) | Value::Json(text) => Some(text.to_string()),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => None,
    });
    let texts: Vec<String> = texts.collect();
    let text = start.get(&texts);
    let count = text.chars().count();
    let start = if count == 0 { 0 } else { start.index(count) };
    text.chars().skip(start).take(*length).collect()
}

fn numbers(fixture: &Fixture, q: &str) -> Option<Vec<Option<i64>>> {
    let mut request = SearchRequest::of(q);
    request.limit = 1_000;
    match fixture.engine.search(&request, &fixture.deadline()) {
        Ok(found) => Some(found.hits.iter().map(|hit| number(&hit.record)).collect()),
        Err(error) => {
            assert_eq!(error.code().as_str(), "query_syntax", "{q}: {error}");
            None
        }
    }
}

fn number(record: &Record<'_>) -> Option<i64> {
    match record.get("n") {
        Some(Value::I64(number)) => Some(*number),
        _ => None,
    }
}

/// Returns how many of the queries find something.
fn check_all(
    fixture: &Fixture,
    records: &[Record<'static>],
    queries: &[String],
) -> Result<(), TestCaseError> {
    for q in queries {
        let Some(mut found) = numbers(fixture, q) else { continue };
        let filter = RecordFilter::new(fixture.engine.parse(q).unwrap().expr);
        let expected: Vec<Option<i64>> =
            records.iter().filter(|record| filter.matches(record)).map(number).collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected, "{}", q);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_texts_are_found_where_they_stand(
        mut records in prop::collection::vec(record(), 1..50),
        asked in prop::collection::vec(
            (any::<Index>(), any::<Index>(), 1_usize..14, select(FORMS.to_vec())), 80,
        ),
    ) {
        for (number, record) in records.iter_mut().enumerate() {
            record.fields.push(("n".into(), Value::I64(number as i64)));
        }
        // Templates are kept from the second time on.
        let again = records.clone().into_iter().enumerate().map(|(number, mut record)| {
            record.fields.retain(|(name, _)| name != "n");
            record.fields.push(("n".into(), Value::I64(1_000 + number as i64)));
            record
        });
        records.extend(again.collect::<Vec<_>>());
        let queries: Vec<String> =
            asked.iter().map(|asked| query(&part_of(&records, asked), asked.3)).collect();
        let fixture = Fixture::new();
        let (early, late) = records.split_at(records.len() * 2 / 3);
        fixture.write(early);
        check_all(&fixture, early, &queries)?;
        fixture.seal();
        check_all(&fixture, early, &queries)?;
        fixture.write(late);
        check_all(&fixture, &records, &queries)?;
        fixture.seal();
        check_all(&fixture, &records, &queries)?;
    }
}

const TEXTS: [&str; 13] = [
    "Redis\u{7f13}\u{5b58}\u{8fde}\u{63a5}\u{8d85}\u{65f6}\u{ff0c}\u{91cd}\u{8bd5}3\u{6b21}",
    "\u{30e6}\u{30fc}\u{30b6}\u{30fc}\u{306e}\u{30ed}\u{30b0}\u{30a4}\u{30f3}\u{306b}\u{5931}\u{6557}\u{3057}\u{307e}\u{3057}\u{305f}",
    "\u{acb0}\u{c81c}\u{ac00} \u{c2e4}\u{d328}\u{d588}\u{c2b5}\u{b2c8}\u{b2e4}",
    "\u{e01}\u{e32}\u{e23}\u{e0a}\u{e33}\u{e23}\u{e30}\u{e40}\u{e07}\u{e34}\u{e19}\u{e25}\u{e49}\u{e21}\u{e40}\u{e2b}\u{e25}\u{e27}",
    "deploy \u{1f680} done \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} in \u{1f1e9}\u{1f1ea}",
    "state OPEN -> CLOSED, 100%",
    "set {} => $5 !!!",
    "Caf\u{e9} r\u{e9}sum\u{e9} fl\u{fc}chtig",
    "Cafe\u{301} closed in STRASSE",
    "plain words only",
    "wait -?- and -*- now",
    "sha 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef end",
    "sha 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee end",
];

/// Queries with the numbers of the texts to find.
const ASKED: [(&str, &[usize]); 43] = [
    ("\"-*-\"", &[10]),
    ("-?-", &[10]),
    ("-\\*-", &[10]),
    ("resume", &[]),
    ("r?sum?", &[7]),
    ("\u{7f13}\u{5b58}", &[0]),
    ("\u{5b58}\u{8fde}", &[0]),
    ("\u{8d85}", &[0]),
    ("\u{7f13}*", &[0]),
    ("redis\u{7f13}\u{5b58}", &[0]),
    ("\"\u{91cd}\u{8bd5} 3 \u{6b21}\"", &[0]),
    ("\u{7f13}?\u{8fde}", &[0]),
    ("\u{65f6}\u{91cd}", &[]),
    ("\u{30ed}\u{30b0}\u{30a4}\u{30f3}", &[1]),
    ("\u{ff9b}\u{ff78}\u{ff9e}\u{ff72}\u{ff9d}", &[1]),
    ("\u{5931}\u{6557}", &[1]),
    ("\u{acb0}\u{c81c}", &[2]),
    ("\"\u{acb0}\u{c81c}\u{ac00} \u{c2e4}\u{d328}\"", &[2]),
    ("\u{e0a}\u{e33}\u{e23}\u{e30}", &[3]),
    ("\u{e40}\u{e07}\u{e34}\u{e19}", &[3]),
    ("\u{1f680}", &[4]),
    ("deploy \u{1f680}", &[4]),
    ("plain \u{1f680}", &[]),
    ("\u{1f680}*", &[4]),
    ("NOT \u{1f680}", &[0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}", &[4]),
    ("\u{1f1e9}\u{1f1ea}", &[4]),
    ("->", &[5]),
    ("OPEN -> CLOSED", &[5]),
    ("plain -> words", &[]),
    ("->*", &[5]),
    ("%", &[5]),
    ("!!!", &[6]),
    ("\"{}\"", &[6]),
    ("$ OR %", &[5, 6]),
    ("=> AND NOT plain", &[6]),
    ("caf\u{e9}", &[7, 8]),
    ("\"cafe\u{301} closed\"", &[8]),
    ("cafe", &[]),
    ("stra\u{df}e", &[8]),
    (
        "sha AND 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        &[11],
    ),
    (
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee end\"",
        &[12],
    ),
    ("0123456789abcdef0123456789abcdef0123456789abcdef* AND NOT *cdee", &[11]),
];

#[test]
fn texts_are_found_by_what_stands_in_them() {
    let records: Vec<Record<'static>> = (0..2 * TEXTS.len())
        .map(|number| Record {
            timestamp: moment("2026-11-18T00:00:00Z"),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![
                ("message".into(), Value::Str(TEXTS[number % TEXTS.len()].into())),
                ("n".into(), Value::I64((number % TEXTS.len()) as i64)),
            ],
        })
        .collect();
    let fixture = Fixture::new();
    fixture.write(&records);
    for sealed in [false, true] {
        if sealed {
            fixture.seal();
        }
        for (q, expected) in ASKED {
            let mut found: Vec<usize> =
                numbers(&fixture, q).unwrap().into_iter().map(|n| n.unwrap() as usize).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, expected, "{q}");
        }
    }
}

#[test]
fn what_says_nothing_is_refused_by_its_place() {
    let fixture = Fixture::new();
    for q in ["message:\"\"", "\"\"", "a \"\"", "a OR \" \"", "a NOT \"\u{200d}\"", "a \u{ad}"] {
        let error = fixture.engine.search(&SearchRequest::of(q), &fixture.deadline()).unwrap_err();
        assert_eq!(error.code().as_str(), "query_syntax", "{q}");
        assert!(error.to_string().contains("nothing to look for"), "{error}");
    }
}

#[test]
fn what_no_text_can_pass_is_refused() {
    let fixture = Fixture::new();
    for (q, problem) in [
        ("/->/", "single words"),
        ("NOT /a\\sb/", "single words"),
        ("/(a|b)-c+/", "single words"),
        ("/redis\u{7f13}/", "single words"),
        ("message:/a b/", "single words"),
        ("a*->*b", "at its end"),
        ("message:a*b-c*d", "at its end"),
        ("->*<-", "at its end"),
        ("message:[a TO b]", "no order"),
        ("message:>a", "no order"),
    ] {
        let error = fixture.engine.search(&SearchRequest::of(q), &fixture.deadline()).unwrap_err();
        assert_eq!(error.code().as_str(), "query_syntax", "{q}");
        assert!(error.to_string().contains(problem), "{q}: {error}");
    }
    for q in [
        "/a|->/",
        "/(-|x)*y/",
        "/./",
        "/^\u{7f13}/",
        "/\u{1f680}/",
        "/\\w+\\b/",
        "/[^a]/",
        "/caf\u{e9}/",
    ] {
        let found = fixture.engine.search(&SearchRequest::of(q), &fixture.deadline());
        assert!(found.is_ok(), "{q}: {found:?}");
    }
}

#[test]
fn values_beside_a_long_text_of_their_name_have_no_words() {
    let record = |number: i64, beside: Value<'static>| {
        let array = serde_json::json!([{ "deep": format!("card {}", "x".repeat(140)) }]);
        Record {
            timestamp: moment("2026-11-18T00:00:00Z"),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![
                ("mixed".into(), Value::Json(array.to_string().into())),
                ("mixed.deep".into(), beside),
                ("n".into(), Value::I64(number)),
            ],
        }
    };
    let records = [
        record(0, Value::Json("[500.0,\"card timeout\"]".into())),
        record(1, Value::Str("card timeout".into())),
    ];
    let fixture = Fixture::new();
    fixture.write(&records);
    let queries = ["*out", "NOT *out", "\"card timeout\"", "/out$/", "*xx", "->", "card"];
    let queries = queries.map(str::to_owned);
    check_all(&fixture, &records, &queries).unwrap();
    fixture.seal();
    check_all(&fixture, &records, &queries).unwrap();
    assert_eq!(numbers(&fixture, "*xx").unwrap().len(), 2);
    assert!(numbers(&fixture, "*out").unwrap().is_empty());
}
