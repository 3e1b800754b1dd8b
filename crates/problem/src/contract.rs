//! Errors in the OpenAPI document: a handler names the codes that it answers with, and status,
//! description, body and the list `x-codes` of each response are made from the registry.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde_json::Value;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::code::Code;
use crate::problem::{PROBLEM_JSON, Problem};

/// Name of the extension that lists the codes of a response.
const CODES: &str = "x-codes";

/// The codes that a handler answers with.
pub trait ErrorSet {
    /// The codes.
    const CODES: &'static [Code];
}

/// The responses of a set of codes, for `responses(...)` of a handler's documentation.
#[derive(Debug)]
pub struct Errors<S>(PhantomData<S>);

impl<S: ErrorSet> IntoResponses for Errors<S> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        responses(S::CODES)
    }
}

/// Adds codes to the answers of an operation. A `default` answer documents the errors of a foreign
/// API, which have another form and no codes.
pub fn add_errors(operation: &mut Operation, codes: &[Code]) {
    if operation.responses.responses.contains_key("default") {
        return;
    }
    let documented = codes_of(operation);
    let all: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| documented.contains(code) || codes.contains(code))
        .collect();
    operation.responses.responses.extend(responses(&all));
}

/// Returns the codes that an operation answers with.
pub fn codes_of(operation: &Operation) -> Vec<Code> {
    let responses = operation.responses.responses.values();
    let lists = responses.filter_map(|response| match response {
        RefOr::T(response) => response.extensions.as_ref()?.get(CODES)?.as_array(),
        RefOr::Ref(_) => None,
    });
    lists.flatten().filter_map(|name| Code::of_name(name.as_str()?)).collect()
}

fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(*code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status.to_string(), RefOr::T(response(&codes))))
        .collect()
}

fn response(codes: &[Code]) -> Response {
    let sentences: Vec<String> =
        codes.iter().map(|code| format!("`{code}`: {}", code.sentence())).collect();
    let names: Vec<Value> = codes.iter().map(|code| Value::from(code.as_str())).collect();
    let schema = Ref::from_schema_name(Problem::name());
    ResponseBuilder::new()
        .description(sentences.join("\n\n"))
        .content(PROBLEM_JSON, ContentBuilder::new().schema(Some(schema)).build())
        .extensions(Some(ExtensionsBuilder::new().add(CODES, names).build()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Few;

    impl ErrorSet for Few {
        const CODES: &'static [Code] = &[Code::QuerySyntax, Code::Busy];
    }

    #[test]
    fn codes_are_documented_by_status_and_can_be_added_to() {
        let mut operation = Operation::new();
        operation.responses.responses.extend(Errors::<Few>::responses());
        add_errors(&mut operation, &[Code::InvalidParameter, Code::Busy, Code::Internal]);
        let all = [Code::QuerySyntax, Code::InvalidParameter, Code::Busy, Code::Internal];
        assert_eq!(codes_of(&operation), all);
        let document = serde_json::to_value(&operation).unwrap();
        let bad = &document["responses"]["400"];
        assert_eq!(bad[CODES], serde_json::json!(["query_syntax", "invalid_parameter"]));
        let schema = &bad["content"][PROBLEM_JSON]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Problem");
        assert!(document["responses"]["500"]["description"].as_str().unwrap().contains("fault"));
    }
}
