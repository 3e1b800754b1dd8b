//! The read APIs behind the query listener: ours, and those of other products.
//!
//! An API is one file with a constant and one line in [`APIS`]: routes, documentation and the form
//! of errors follow from the constant.

use std::sync::Arc;

use axum::Router;
use tierlog_problem::ShapedPath;
use utoipa::openapi::OpenApi;

use super::state::QueryState;
use super::{es_count, native};

/// Every API.
const APIS: [Api; 2] = [native::API, es_count::API];

/// A read API.
#[derive(Clone, Copy)]
pub(super) struct Api {
    /// The name: the contract groups operations without a tag under the name.
    pub(super) name: &'static str,
    /// The routes.
    pub(super) routes: fn() -> Router<Arc<QueryState>>,
    /// The documentation of the same routes.
    pub(super) contract: fn() -> OpenApi,
    /// Paths with errors in a foreign form.
    pub(super) errors: &'static [ShapedPath],
}

/// Returns the routes of every API.
pub(super) fn routes() -> Router<Arc<QueryState>> {
    APIS.iter().fold(Router::new(), |router, api| router.merge((api.routes)()))
}

/// Returns the documentation of every API. The first has the title.
pub(super) fn contract() -> OpenApi {
    let contracts = APIS.iter().map(|api| {
        let mut contract = (api.contract)();
        for path in contract.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                let tags = operation.tags.get_or_insert_default();
                if tags.is_empty() {
                    tags.push(api.name.to_owned());
                }
            }
        }
        contract
    });
    contracts.reduce(OpenApi::merge_from).unwrap_or_default()
}

/// Returns the paths whose errors have a form of their own; the listener applies the forms to its
/// own refusals too.
pub fn error_shapes() -> Vec<ShapedPath> {
    APIS.iter().flat_map(|api| api.errors).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn apis_have_names_and_paths_of_their_own() {
        let names: BTreeSet<&str> = APIS.iter().map(|api| api.name).collect();
        assert_eq!(names.len(), APIS.len());
        let paths: Vec<usize> = APIS.iter().map(|api| (api.contract)().paths.paths.len()).collect();
        assert!(paths.iter().all(|count| *count > 0));
        assert_eq!(contract().paths.paths.len(), paths.iter().sum::<usize>());
    }
}
