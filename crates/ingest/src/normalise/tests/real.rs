//! Lines in the form of libraries and products, and what is read of them.
//!
//! A file a family: the shape's name (`-` for none, `docker>pino` for a wrapped one), a space, the
//! line. The expected records stand in the file beside the lines; `UPDATE_EXPECT=1` writes the file
//! anew.
//!
//! Lines of the libraries that `tests/fixtures/real_lines` has were captured from the running
//! library, and some were shortened. All others (clouds, proxies, container routers, Ruby, PHP,
//! .NET, ...) are written in the form that documentation shows: no program printed them here.

use std::collections::HashSet;

use expect_test::{ExpectFile, expect_file};

use super::super::shapes::shape_rows;
use super::*;

/// 2026-12-01T00:00:00Z: an hour or some days after the lines.
fn later() -> Timestamp {
    Timestamp::from_micros(1_796_083_200_000_000).expect("a moment")
}

/// Reads every line of a family; returns the names of the shapes that were recognised.
fn check(lines: &'static str, expected: &ExpectFile) -> Vec<&'static str> {
    let config = IngestConfig::default();
    let defaults = RecordDefaults::default();
    let context = Context {
        config: &config,
        defaults: &defaults,
        arrival: later(),
        present: Present::sure(later()),
    };
    let mut text = String::new();
    let mut shapes = Vec::new();
    for line in lines.lines() {
        let (shape, line) = line.split_once(' ').expect("a shape and a line");
        let mut reader = LineReader::new(&config);
        let (mut interner, mut meanings) = Default::default();
        let spelling = Spelling::new(&mut interner, &mut meanings);
        let collecting = Context { arrival: arrival(), ..context };
        let collected =
            reader.collect(line.as_bytes(), LineKind::Json, collecting, spelling).expect("read");
        let found = match collected.shapes.as_slice() {
            [] => "-".to_owned(),
            layers => layers.join(">"),
        };
        assert_eq!(found, shape, "{line}");
        shapes.extend(collected.shapes);
        let spelling = Spelling::new(&mut interner, &mut meanings);
        let read = reader.read(line.as_bytes(), LineKind::Json, context, spelling);
        text.push_str(&format!("{shape}: {}\n", print(read)));
    }
    expected.assert_eq(&text);
    shapes
}

#[test]
fn every_shape_is_recognised_on_real_lines_and_read_as_it_is_meant() {
    let mut proved = HashSet::new();
    let families = [
        (include_str!("real/python.txt"), expect_file!["real/python.expected"]),
        (include_str!("real/node.txt"), expect_file!["real/node.expected"]),
        (include_str!("real/go.txt"), expect_file!["real/go.expected"]),
        (include_str!("real/rust.txt"), expect_file!["real/rust.expected"]),
        (include_str!("real/jvm.txt"), expect_file!["real/jvm.expected"]),
        (include_str!("real/dotnet.txt"), expect_file!["real/dotnet.expected"]),
        (include_str!("real/ruby_php.txt"), expect_file!["real/ruby_php.expected"]),
        (include_str!("real/telemetry.txt"), expect_file!["real/telemetry.expected"]),
        (include_str!("real/containers.txt"), expect_file!["real/containers.expected"]),
        (include_str!("real/clouds.txt"), expect_file!["real/clouds.expected"]),
        (include_str!("real/proxies.txt"), expect_file!["real/proxies.expected"]),
        (include_str!("real/databases.txt"), expect_file!["real/databases.expected"]),
    ];
    for (lines, expected) in &families {
        proved.extend(check(lines, expected));
    }
    for row in shape_rows() {
        assert!(proved.contains(row.name), "{} has no line", row.name);
    }
}
