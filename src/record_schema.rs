//! `schemas/record.schema.json`: the published form of a stored record, held to the code.

/// JSON Schema (2020-12) of a record.
pub const RECORD_SCHEMA: &str = include_str!("../schemas/record.schema.json");

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tierlog_model::{Level, Record, RecordKind, Timestamp, fields};

    use super::*;

    fn schema() -> Value {
        serde_json::from_str(RECORD_SCHEMA).unwrap()
    }

    #[test]
    fn every_canonical_field_is_described() {
        let schema = schema();
        let described = schema.get("properties").unwrap().as_object().unwrap();
        let source = include_str!("../crates/model/src/fields.rs");
        let names: Vec<&str> = source
            .lines()
            .filter_map(|line| line.split_once("&str = \"")?.1.strip_suffix("\";"))
            .collect();
        assert!(names.contains(&fields::MESSAGE) && names.len() > 15);
        for name in names {
            assert!(described.contains_key(name), "{name}");
        }
        let levels: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
        assert_eq!(schema.pointer("/properties/level/enum").unwrap(), &json!(levels));
    }

    #[test]
    fn records_as_they_are_written_are_valid_and_others_are_not() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let record = Record {
            timestamp: Timestamp::from_micros(1_763_647_509_123_456).unwrap(),
            level: Level::Error,
            kind: RecordKind::Log,
            fields: vec![
                (fields::REQUEST_ID.into(), tierlog_model::Value::Str("4f1c".into())),
                (fields::DURATION_MS.into(), tierlog_model::Value::F64(12.5)),
                ("cart.items".into(), tierlog_model::Value::Json("[1,\"a\",{}]".into())),
                ("big".into(), tierlog_model::Value::U64(u64::MAX)),
                (fields::REDACTED.into(), tierlog_model::Value::Json("[\"email\"]".into())),
            ],
        };
        let value = serde_json::to_value(&record).unwrap();
        assert!(validator.is_valid(&value), "{value}");
        for (pointer, wrong) in [
            ("timestamp", json!("2026-11-20 14:05:09")),
            ("level", json!("warn")),
            ("request_id", json!(7)),
            ("_redacted", json!("email")),
            ("anything", Value::Null),
        ] {
            let mut other = value.clone();
            other.as_object_mut().unwrap().insert(pointer.to_owned(), wrong);
            assert!(!validator.is_valid(&other), "{pointer}");
        }
    }
}
