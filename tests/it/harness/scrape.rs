//! What `/metrics` says at one moment.

use std::collections::BTreeMap;

use super::Server;

/// A scrape: series as printed, labels included, with values.
#[derive(Debug)]
pub(crate) struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads the metrics of a server.
    #[track_caller]
    pub(crate) fn of(server: &Server<'_>) -> Scrape {
        let answer = server.http().get(&server.query("/metrics"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        Scrape::read(&answer.text())
    }

    /// Reads Prometheus text.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Scrape {
        let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let series = samples.map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            (series.to_owned(), value)
        });
        let mut all = BTreeMap::new();
        for (series, value) in series {
            let earlier = all.insert(series.clone(), value);
            assert_eq!(earlier, None, "{series} is printed twice");
        }
        Scrape(all)
    }

    /// Returns the value of a series that must be there.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        let value = self.0.get(series);
        *value.unwrap_or_else(|| panic!("{series} is missing: {:#?}", self.0.keys()))
    }

    /// Returns the series of a metric: the name alone or with labels.
    pub(crate) fn series(&self, metric: &str) -> BTreeMap<&str, f64> {
        let is_of = |series: &str| {
            series.strip_prefix(metric).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        let found = self.0.iter().filter(|(series, _)| is_of(series));
        found.map(|(series, value)| (series.as_str(), *value)).collect()
    }
}
