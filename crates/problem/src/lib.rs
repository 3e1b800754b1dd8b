//! The error answers of every listener: a registry of codes, a body, a response.
//!
//! A handler returns a [`Problem`]; the client reads RFC 9457 `application/problem+json` with a
//! stable `code`, or the form that a foreign API gives it ([`ErrorShape`]). Status, the time to
//! come again and the sentence of the contract stand beside the code in [`code`] and nowhere else.
//! No problem quotes a line, a record or the text of a query.

#![forbid(unsafe_code)]

mod code;
mod contract;
mod extract;
mod problem;
mod rejection;
mod shape;

pub use code::{Code, Retry};
pub use contract::{ErrorSet, Errors, add_errors, codes_of};
pub use extract::{PathText, QueryOf, method_not_allowed, not_found};
pub use problem::{PROBLEM_JSON, Problem, problem_json};
pub use rejection::Rejection;
pub use shape::{ErrorShape, ErrorShapes, ShapedPath, shaped};
