//! The few queries of Elasticsearch's query language that dashboards send: a query text,
//! `query_string`, `exists`, `match_all`.

use serde_json::Value;

/// What a query asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EsQuery {
    /// A query text.
    Query(String),
    /// The record has the field.
    Has(String),
}

/// Reads a query.
pub(crate) fn read(body: &Value) -> Result<EsQuery, String> {
    if let Value::String(text) = body {
        return Ok(EsQuery::Query(text.clone()));
    }
    let mut queries = body.as_object().into_iter().flatten();
    let (Some((kind, options)), None) = (queries.next(), queries.next()) else {
        return Err("a filter must be a query text or one query".to_owned());
    };
    let text = |name: &str| options.get(name).and_then(Value::as_str).map(str::to_owned);
    match kind.as_str() {
        "match_all" => Ok(EsQuery::Query(String::new())),
        "query_string" => text("query")
            .map(EsQuery::Query)
            .ok_or_else(|| "query_string needs a \"query\" text".to_owned()),
        "exists" => text("field")
            .map(EsQuery::Has)
            .ok_or_else(|| "exists needs a \"field\" text".to_owned()),
        other => Err(format!(
            "no filter {other:?}; give a query text, query_string, exists or match_all"
        )),
    }
}
