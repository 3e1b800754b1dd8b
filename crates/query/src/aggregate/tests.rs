//! Aggregations over hot and sealed partitions.

mod by_time;
mod house;
mod partials;
mod plain;
mod requests;
mod spans;
pub(super) mod spread;
mod values;

use tierlog_model::{Level, Value};

use crate::http::tests::fixture::{DAY, Fixture, line, text};

const SECOND: i64 = 1_000_000;

async fn small() -> Fixture {
    let fixture = Fixture::new();
    let long = Value::Str("x".repeat(500).into());
    fixture
        .write(&[
            line(0, Level::Error, &[("status_code", Value::I64(500)), ("note", text("short"))]),
            line(
                -SECOND,
                Level::Info,
                &[("status_code", Value::F64(200.5)), ("note", long.clone())],
            ),
            line(-DAY, Level::Info, &[("status_code", text("teapot")), ("story", long)]),
        ])
        .await;
    fixture
}
