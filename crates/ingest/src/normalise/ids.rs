//! Ids that stand in lists and objects: `"user_id": [42, 43]`, `"request_id": {"id": "a"}`.
//!
//! A field of ids holds one id as text, or a list of ids as texts: each is found by itself, and
//! each gets a pseudonym of its own. A text is one id, even a text with commas.

use serde_json::Value as Json;
use tierlog_model::Value;

use super::aliases::{Alias, AliasTable, NameHash};
use super::convert::{self, Fit};
use super::targets::Target;

/// Names of the id in an object that stands for one thing.
const MEMBERS: [&str; 12] =
    ["id", "_id", "value", "uuid", "guid", "pk", "key", "$oid", "sub", "uid", "string", "int64"];

/// Rank of spellings inside an id's object: behind the spellings of the id.
const MEMBER_RANK: u16 = 1 << 10;

/// Deepest nesting of objects around an id.
const OBJECTS_MAX: usize = 4;

/// What frameworks write for "none".
const NOT_SAID: &str = "-";

/// Tells whether a target holds an id.
pub(super) fn is_id(target: Target) -> bool {
    matches!(target, Target::RequestId | Target::TraceId | Target::SpanId | Target::UserId)
}

/// Returns what a key inside an object spells whose own name is that of an id: `user_id.value`.
pub(super) fn member_alias(aliases: &AliasTable, path: &str, key: &str) -> Option<Alias> {
    let position = MEMBERS.iter().position(|member| key.eq_ignore_ascii_case(member))?;
    let mut object = path.strip_suffix('.')?;
    for _ in 0..OBJECTS_MAX {
        let entry = aliases.find(NameHash::START.extend(object), "", object);
        if let Some(alias) = entry.and_then(|entry| entry.alias) {
            let rank = MEMBER_RANK + alias.rank * MEMBERS.len() as u16 + position as u16;
            return is_id(alias.target).then_some(Alias { rank, ..alias });
        }
        // An object inside the id's own: `user_id.id.$oid`.
        let (outer, member) = object.rsplit_once('.')?;
        MEMBERS.iter().find(|known| member.eq_ignore_ascii_case(known))?;
        object = outer;
    }
    None
}

/// Tells how a value of a field that spells an id stands to an id, or to a list of some.
pub(super) fn fit(value: &Value<'_>) -> Fit {
    match value {
        Value::Str(text) => match convert::trimmed(text) {
            "" | NOT_SAID => Fit::No,
            id if id.len() == text.len() => Fit::AsItIs,
            _ => Fit::SomeForm,
        },
        Value::I64(_) | Value::U64(_) => Fit::SomeForm,
        Value::Json(json) if read(json).ids.is_empty() => Fit::No,
        Value::Json(_) => Fit::SomeForm,
        Value::Bool(_) | Value::F64(_) => Fit::No,
    }
}

/// Returns the id as text, or the list of ids as JSON; `None` for a text that is an id as it
/// stands, and for a list without any.
pub(super) fn converted<'a>(value: &Value<'a>) -> Option<Value<'a>> {
    match value {
        Value::Str(text) if convert::trimmed(text).len() == text.len() => None,
        Value::Str(text) => Some(Value::Str(convert::cut(text, convert::trimmed))),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
            Some(convert::as_text(value))
        }
        Value::Json(json) => match read(json).ids.as_slice() {
            [] => None,
            [only] => Some(Value::Str(only.clone().into())),
            ids => Some(Value::Json(Json::from(ids).to_string().into())),
        },
    }
}

/// Tells whether the value of an id's field says more than its ids do, so that the whole has to be
/// kept beside them.
pub(super) fn says_more(value: &Value<'_>) -> bool {
    matches!(value, Value::Json(json) if { let found = read(json); found.has_more && !found.ids.is_empty() })
}

/// The ids of a JSON value, each once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    ids: Vec<String>,
    has_more: bool,
}

fn read(json: &str) -> Found {
    let mut found = Found::default();
    if let Ok(value) = serde_json::from_str(json) {
        collect(&value, &mut found);
    }
    let mut seen = std::collections::HashSet::new();
    found.ids.retain(|id| seen.insert(id.clone()));
    found
}

/// Depth is bounded: the decoder refused anything nested deeper than its limit.
fn collect(value: &Json, found: &mut Found) {
    match value {
        Json::Null => {}
        Json::String(id) if is_said(id) => found.ids.push(id.trim().to_owned()),
        Json::Number(id) if id.is_i64() || id.is_u64() => found.ids.push(id.to_string()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Json::Object(members) => {
            let own = MEMBERS.iter().find_map(|wanted| {
                members.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            });
            // An object with a single member stands for the member: `{"user_id": 42}`.
            let own = own.or_else(|| members.iter().next().filter(|_| members.len() == 1));
            found.has_more = true;
            if let Some((_, id)) = own {
                collect(id, found);
            }
        }
        Json::Bool(_) | Json::String(_) | Json::Number(_) => found.has_more = true,
    }
}

fn is_said(id: &str) -> bool {
    !matches!(id.trim(), "" | NOT_SAID)
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_json;
    use super::*;

    #[track_caller]
    fn check(line: &str, name: &str, expected: &str) {
        let record = read_json(line);
        let found = match record.get(name) {
            Some(Value::Str(text) | Value::Json(text)) => text.to_string(),
            Some(other) => format!("{other:?}"),
            None => "none".to_owned(),
        };
        assert_eq!(found, expected, "{name} of {line}");
    }

    #[test]
    fn every_id_of_a_list_is_one() {
        check(r#"{"user_id":[42,43]}"#, "user_id", r#"["42","43"]"#);
        check(r#"{"user_id":["42"]}"#, "user_id", "42");
        check(r#"{"request_id":["a"," b ","a",null,"-"]}"#, "request_id", r#"["a","b"]"#);
        check(r#"{"X-Request-Id":["a"]}"#, "request_id", "a");
        check(
            r#"{"trace_id":[[1,[2]],18446744073709551615]}"#,
            "trace_id",
            r#"["1","2","18446744073709551615"]"#,
        );
        check(r#"{"user_id":"42,43"}"#, "user_id", "42,43");
        check(r#"{"user_id":[],"userId":7}"#, "user_id", "7");
        check(r#"{"user_id":[]}"#, "user_id", "[]");
        check(r#"{"span_id":[1]}"#, "span_id", "1");
    }

    #[test]
    fn an_object_says_its_id_and_stays() {
        check(r#"{"user_id":{"id":42}}"#, "user_id", "42");
        check(r#"{"user_id":{"value":42}}"#, "user_id", "42");
        check(r#"{"userId":{"Int64":42,"Valid":true}}"#, "user_id", "42");
        check(r#"{"user":{"id":{"$oid":"5f"}}}"#, "user_id", "5f");
        check(r#"{"context":{"user_id":{"id":[1,2]}}}"#, "user_id", r#"["1","2"]"#);
        check(r#"{"request_id":{"id":"r","value":"v"}}"#, "request_id", "r");
        check(r#"{"request_id":{"id":"r","value":"v"}}"#, "request_id.value", "v");
        check(r#"{"user_id":{"id":7,"name":"Ada"}}"#, "user_id.name", "Ada");
        let line = r#"{"user_id":[{"id":42,"role":"a"},{"id":"43"}]}"#;
        check(line, "user_id", r#"["42","43"]"#);
        check(line, "original.user_id", r#"[{"id":42,"role":"a"},{"id":"43"}]"#);
        check(r#"{"user_id":1,"user":{"id":2}}"#, "user_id", "1");
        check(r#"{"user_id":{"role":"a"}}"#, "user_id", "none");
        check(r#"{"user_id":[true,{"x":1,"y":2}]}"#, "user_id", r#"[true,{"x":1,"y":2}]"#);
        check(r#"{"user_id":[{"user":{"id":1}},{"user_id":2}]}"#, "user_id", r#"["1","2"]"#);
        check(r#"{"user_id":{"id":{"value":42}}}"#, "user_id", "42");
        check(r#"{"id":{"value":1}}"#, "user_id", "none");
    }
}
