//! Search over the store: parse, plan, execute, HTTP.
//!
//! Data-flow order: a query text becomes an [`Expr`] (parse), with a time range and the tiers
//! that can hold matches a [`Plan`] (plan), which is run over partitions, newest first (execute).
//! Searches, aggregations and the live tail are users of these three.

#![forbid(unsafe_code)]

mod aggregate;
mod config;
mod cursor;
mod engine;
mod error;
mod execute;
mod http;
mod known_fields;
mod memory;
mod moment;
mod parse;
mod plan;
mod record_filter;
mod tail;
mod time_range;
mod warning;

pub use config::QueryConfig;
pub use cursor::Cursor;
pub use engine::{Engine, PlanRequest};
pub use error::QueryError;
pub use execute::{
    BLOCK_DOCS, BlockOrder, CancelOnDrop, Deadline, Export, ExportPage, Flow, Hit, Interest,
    LevelState, LevelStatus, PartialReason, RequestResponse, ScanReport, SearchRequest,
    SearchResponse, SegmentVisitor, Sort, Total, TotalRelation, UserRequest,
};
#[cfg(any(test, feature = "fuzzing"))]
pub use http::fuzzing;
pub use http::{ANSWER_STATUSES, QueryState, answer_paths, contract, http_router};
pub use moment::{MOMENT_FORMS, Moment, read_moment};
pub use parse::{
    AddressRange, AnyField, Bound, Compiled, Expr, FieldTest, KnownFields, LevelSet, Literal,
    Number, Pattern, Spellings, TextTest, ValueRange, Vocabulary, Wildcard, WordPattern, parse,
};
pub use plan::{Expired, Plan};
pub use record_filter::RecordFilter;
pub use tail::{Tail, TailEvent};
pub use time_range::TimeRange;
pub use warning::{Warning, WarningCode, Warnings};
