//! The whole contract of the HTTP API: ingest, query, and the root's own routes, in one document.
//! `schemas/openapi.json` is this document; a test holds them together.

use tierlog_problem::{Code, add_errors};
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi, PathItem};

use crate::{health, maintenance, metrics_http, redaction_http, reload};

/// The routes that the root package adds.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        health::health,
        health::live,
        health::ready,
        metrics_http::metrics,
        reload::http::reload,
        redaction_http::stats,
        redaction_http::test,
        maintenance::http::status,
        maintenance::http::plan,
        maintenance::http::run,
        maintenance::http::compact,
        maintenance::http::verify,
        maintenance::http::quarantine,
        maintenance::http::acknowledge,
        maintenance::dead_letters::http::list,
        maintenance::dead_letters::http::show,
        maintenance::dead_letters::http::replay,
        maintenance::dead_letters::http::drop_letters,
    ),
    tags((name = "operations", description = "Health and metrics, on both ports"))
)]
struct OwnApi;

/// Returns the merged contract.
pub fn contract() -> OpenApi {
    let mut contract = tierlog_query::contract();
    contract.merge(tierlog_ingest::ingest_contract());
    contract.merge(OwnApi::openapi());
    contract.paths.paths.values_mut().for_each(add_errors_of_listeners);
    contract.info.version = env!("CARGO_PKG_VERSION").to_owned();
    contract
}

/// What every listener may answer before or around a handler: a foreign host, a panic.
const LISTENER_ERRORS: &[Code] = &[Code::UnknownHost, Code::Internal];

fn add_errors_of_listeners(path: &mut PathItem) {
    for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
        add_errors(operation, LISTENER_ERRORS);
    }
}

/// Returns the contract as the text of `schemas/openapi.json`.
pub fn contract_json() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&contract())?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_EXPECT=1 cargo test -p tierlog openapi` writes the file anew.
    #[test]
    fn the_published_contract_is_the_codes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/openapi.json");
        expect_test::expect_file![path].assert_eq(&contract_json().unwrap());
    }

    #[test]
    fn every_path_of_the_interface_is_in_the_contract() {
        let paths = contract().paths.paths;
        for path in [
            "/api/v1/dead-letters",
            "/api/v1/dead-letters/{id}",
            "/api/v1/dead-letters/drop",
            "/api/v1/dead-letters/replay",
            "/api/v1/ingest",
            "/api/v1/search",
            "/api/v1/requests/{request_id}",
            "/api/v1/users/{user_id}",
            "/api/v1/aggregate",
            "/api/v1/histogram",
            "/api/v1/fields",
            "/api/v1/fields/{name}/values",
            "/api/v1/tail",
            "/api/v1/export",
            "/api/v1/tiers",
            "/api/v1/openapi.json",
            "/api/v1/config/reload",
            "/api/v1/redaction/stats",
            "/api/v1/redaction/test",
            "/api/v1/retention/plan",
            "/api/v1/quarantine",
            "/api/v1/quarantine/acknowledge",
            "/health",
            "/health/live",
            "/health/ready",
            "/metrics",
        ] {
            assert!(paths.contains_key(path), "{path}");
        }
    }
}
