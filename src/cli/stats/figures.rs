//! Figures over groups: what to compute arrives, aggregations leave; their results arrive, a
//! table leaves.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::output::Table;

/// Name of the grouping by time in the request, and of its column.
const TIME: &str = "time";
/// Name of each grouping in the request.
const GROUP: &str = "by";
/// Column of the count.
const COUNT: &str = "count";

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Metric {
    /// How many lines.
    Count,
    /// An aggregation of one value over a field: Elasticsearch's name, and ours.
    Of {
        /// `avg`, `min`, `max`, `sum`, `cardinality`, `value_count`.
        aggregation: &'static str,
        /// The field.
        field: String,
        /// The name of the column.
        column: String,
    },
    /// A percentile of a field.
    Percentile {
        /// From 0 to 100.
        percent: f64,
        /// The field.
        field: String,
        /// The name of the column.
        column: String,
    },
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Metric, String> {
        let text = text.trim();
        if text == COUNT {
            return Ok(Metric::Count);
        }
        let problem = || {
            format!(
                "{text:?} is no figure; there are count, avg(f), min(f), max(f), sum(f), p95(f), distinct(f)"
            )
        };
        let (name, field) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .filter(|(_, field)| !field.is_empty())
            .ok_or_else(problem)?;
        let field = field.trim().to_owned();
        let column = text.to_owned();
        let aggregation = match name.trim() {
            "avg" | "mean" => "avg",
            "min" => "min",
            "max" => "max",
            "sum" => "sum",
            "distinct" | "cardinality" => "cardinality",
            "count" => "value_count",
            "median" => return Ok(Metric::Percentile { percent: 50.0, field, column }),
            other => {
                let percent = other.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok());
                let percent = percent
                    .filter(|percent| (0.0..=100.0).contains(percent))
                    .ok_or_else(problem)?;
                return Ok(Metric::Percentile { percent, field, column });
            }
        };
        Ok(Metric::Of { aggregation, field, column })
    }
}

impl Metric {
    fn column(&self) -> &str {
        match self {
            Metric::Count => COUNT,
            Metric::Of { column, .. } | Metric::Percentile { column, .. } => column,
        }
    }

    /// Returns the aggregation; none for the count, which every group has.
    fn request(&self) -> Option<Value> {
        match self {
            Metric::Count => None,
            Metric::Of { aggregation, field, .. } => {
                let mut body = Map::new();
                body.insert((*aggregation).to_owned(), json!({"field": field}));
                Some(Value::Object(body))
            }
            Metric::Percentile { percent, field, .. } => {
                Some(json!({"percentiles": {"field": field, "percents": [percent]}}))
            }
        }
    }

    /// Reads the figure of a group; `name` is the aggregation's in the request.
    fn read(&self, name: &str, group: &Value) -> Value {
        let result = group.get(name);
        let value = match self {
            Metric::Count => group.get("doc_count"),
            Metric::Of { .. } => result.and_then(|result| result.get("value")),
            Metric::Percentile { .. } => match result.and_then(|result| result.get("values")) {
                Some(Value::Object(values)) => values.values().next(),
                Some(Value::Array(values)) => values.first().and_then(|value| value.get("value")),
                _ => None,
            },
        };
        value.cloned().unwrap_or(Value::Null)
    }
}

/// What to compute, over which groups.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// Fields to group by, the outermost first.
    pub(super) by: Vec<String>,
    /// Columns.
    pub(super) metrics: Vec<Metric>,
    /// Stretch of time to group by before the fields.
    pub(super) every: Option<String>,
    /// The first and last moment of the asked range: stretches without a line are zero as far as
    /// these.
    pub(super) bounds: Option<(String, String)>,
    /// Most groups of a field.
    pub(super) limit: u32,
}

impl Figures {
    /// Returns the `aggs` of the request.
    pub(super) fn request(&self) -> Value {
        let mut inner = Map::new();
        for (position, metric) in self.metrics.iter().enumerate() {
            if let Some(request) = metric.request() {
                inner.insert(metric_name(position), request);
            }
        }
        let mut grouped = self.by.is_empty() && self.every.is_some();
        for field in self.by.iter().rev() {
            inner = nest(GROUP, json!({"terms": {"field": field, "size": self.limit}}), inner);
            grouped = true;
        }
        if let Some(every) = &self.every {
            let mut histogram = json!({"field": "timestamp", "fixed_interval": every});
            if let Some(options) = histogram.as_object_mut() {
                match &self.bounds {
                    // Groups of nothing have no rows.
                    _ if !self.by.is_empty() => {
                        options.insert("min_doc_count".to_owned(), json!(1));
                    }
                    Some((min, max)) => {
                        let bounds = json!({"min": min, "max": max});
                        options.insert("extended_bounds".to_owned(), bounds);
                    }
                    None => {}
                }
            }
            inner = nest(TIME, json!({"date_histogram": histogram}), inner);
        }
        if !grouped {
            // One group of all lines, counted as every group is.
            inner = nest(GROUP, json!({"filter": {"match_all": {}}}), inner);
        }
        Value::Object(inner)
    }

    /// Reads the results; also returns how many lines are in groups that were left out.
    pub(super) fn read(&self, results: &Value) -> (Table, u64) {
        let time = self.every.iter().map(|_| TIME.to_owned());
        let metrics = self.metrics.iter().map(|metric| metric.column().to_owned());
        let columns: Vec<String> = time.chain(self.by.iter().cloned()).chain(metrics).collect();
        let mut rows = Rows { figures: self, rows: Vec::new(), left_out: 0 };
        let depth = self.by.len() + usize::from(self.every.is_some());
        if depth == 0 {
            rows.group(&mut Vec::new(), results.get(GROUP).unwrap_or(&Value::Null), 0);
        } else {
            rows.group(&mut Vec::new(), results, depth);
        }
        (Table { columns, rows: rows.rows }, rows.left_out)
    }
}

fn nest(name: &str, mut aggregation: Value, inner: Map<String, Value>) -> Map<String, Value> {
    if let Some(aggregation) = aggregation.as_object_mut()
        && !inner.is_empty()
    {
        aggregation.insert("aggs".to_owned(), Value::Object(inner));
    }
    let mut outer = Map::new();
    outer.insert(name.to_owned(), aggregation);
    outer
}

fn metric_name(position: usize) -> String {
    format!("figure_{position}")
}

struct Rows<'f> {
    figures: &'f Figures,
    rows: Vec<Vec<Value>>,
    left_out: u64,
}

impl Rows<'_> {
    /// Adds the rows of a group whose results hold so many more levels of groups.
    fn group(&mut self, keys: &mut Vec<Value>, group: &Value, depth: usize) {
        if depth == 0 {
            let figures = self.figures.metrics.iter().enumerate();
            let figures =
                figures.map(|(position, metric)| metric.read(&metric_name(position), group));
            self.rows.push(keys.iter().cloned().chain(figures).collect());
            return;
        }
        let nested = group.get(TIME).or_else(|| group.get(GROUP)).unwrap_or(&Value::Null);
        self.left_out += nested.get("sum_other_doc_count").and_then(Value::as_u64).unwrap_or(0);
        for bucket in nested.get("buckets").and_then(Value::as_array).into_iter().flatten() {
            let key = bucket.get("key_as_string").or_else(|| bucket.get("key"));
            keys.push(key.cloned().unwrap_or(Value::Null));
            self.group(keys, bucket, depth - 1);
            keys.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::output::{Format, Palette, render_table};

    fn figures(by: &[&str], metrics: &[&str], every: Option<&str>) -> Figures {
        Figures {
            by: by.iter().map(|&field| field.to_owned()).collect(),
            metrics: metrics.iter().map(|metric| metric.parse().expect("a figure")).collect(),
            every: every.map(str::to_owned),
            bounds: None,
            limit: 20,
        }
    }

    fn check_request(figures: &Figures, expected: &Expect) {
        expected.assert_eq(&serde_json::to_string_pretty(&figures.request()).expect("JSON"));
    }

    #[test]
    fn groups_nest_and_figures_stand_innermost() {
        check_request(
            &figures(&[], &["count"], None),
            &expect![[r#"
            {
              "by": {
                "filter": {
                  "match_all": {}
                }
              }
            }"#]],
        );
        check_request(
            &figures(
                &["service", "level"],
                &["count", "avg(duration_ms)", "p95(duration_ms)"],
                Some("1m"),
            ),
            &expect![[r#"
                {
                  "time": {
                    "date_histogram": {
                      "field": "timestamp",
                      "fixed_interval": "1m",
                      "min_doc_count": 1
                    },
                    "aggs": {
                      "by": {
                        "terms": {
                          "field": "service",
                          "size": 20
                        },
                        "aggs": {
                          "by": {
                            "terms": {
                              "field": "level",
                              "size": 20
                            },
                            "aggs": {
                              "figure_1": {
                                "avg": {
                                  "field": "duration_ms"
                                }
                              },
                              "figure_2": {
                                "percentiles": {
                                  "field": "duration_ms",
                                  "percents": [
                                    95.0
                                  ]
                                }
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }"#]],
        );
    }

    #[test]
    fn results_become_rows() {
        let results = json!({"time": {"buckets": [
            {"key": 1_795_100_400_000_u64, "key_as_string": "2026-11-19T15:00:00Z", "doc_count": 3,
             "by": {"sum_other_doc_count": 4, "buckets": [
                {"key": "lms-web", "doc_count": 2, "figure_1": {"value": 12.5},
                 "figure_2": {"values": {"95.0": 40.25}}},
                {"key": "payments", "doc_count": 1, "figure_1": {"value": null},
                 "figure_2": {"values": [{"key": 95.0, "value": 7}]}}]}},
        ]}});
        let figures =
            figures(&["service"], &["count", "avg(duration_ms)", "p95(duration_ms)"], Some("1m"));
        let (table, left_out) = figures.read(&results);
        assert_eq!(left_out, 4);
        expect![[r#"
            time                  service   count  avg(duration_ms)  p95(duration_ms)
            2026-11-19T15:00:00Z  lms-web       2             12.50             40.25
            2026-11-19T15:00:00Z  payments      1                 -                 7
        "#]]
        .assert_eq(&render_table(&table, Format::Pretty, Palette::Plain));
        let everything = json!({"by": {"doc_count": 7, "figure_1": {"value": 3}}});
        let (table, _) =
            super::tests::figures(&[], &["count", "distinct(user_id)"], None).read(&everything);
        expect![[r#"
            count  distinct(user_id)
                7                  3
        "#]]
        .assert_eq(&render_table(&table, Format::Pretty, Palette::Plain));
        let (table, _) = figures.read(&Value::Null);
        assert!(table.rows.is_empty());
    }

    #[test]
    fn figures_are_named_as_functions() {
        let percentile: Metric = "p99.9(duration_ms)".parse().expect("a figure");
        assert!(matches!(percentile, Metric::Percentile { percent, .. } if percent == 99.9));
        for text in ["", "avg", "avg()", "p101(a)", "p(a)", "mode(a)", "avg(a"] {
            assert!(text.parse::<Metric>().is_err(), "{text}");
        }
    }
}
