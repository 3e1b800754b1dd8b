//! Every metric from the start, with every set of labels that it may ever have: counters at zero.
//!
//! `increase()` and `rate()` see a step only between two samples: a counter that first appears with
//! its first event has made it unseen, and an alert on that event stays silent. The values of every
//! label but two are known before anything happens: services are named by the lines
//! (`tierlog_ingest` starts a service's counters at zero with its first line), and the version is
//! that of the program.

use metrics::{counter, gauge, histogram};
use tierlog_ingest::{detector_names, protocols, refusal_names};
use tierlog_model::memory::MemoryUse;
use tierlog_model::metric_names::{Label, METRICS, Metric, MetricKind};
use tierlog_model::{RejectReason, TenantLabels};
use tierlog_query::{ANSWER_STATUSES, answer_paths};

use crate::config::Config;

/// Why a partition is dropped.
const DROPS: [&str; 3] = ["retention", "pressure", "dead_letters_max"];
/// Whether lines are of today and yesterday or of older days.
const LANES: [&str; 2] = ["fresh", "backfill"];
/// What a partition can be.
const STATES: [&str; 2] = ["hot", "sealed"];
/// Ways in which single dead letters end.
const LETTER_ENDS: [&str; 2] = ["replayed", "dropped"];
/// What a query does with a partition.
const OUTCOMES: [&str; 2] = ["filtered", "opened"];

/// One name and value for each label of a metric.
type Labels = Vec<(&'static str, String)>;

/// Starts every metric.
pub(crate) fn start_at_zero(config: &Config) {
    for metric in METRICS {
        for labels in series(metric, config) {
            match metric.kind {
                MetricKind::Counter => counter!(metric.name, &labels).absolute(0),
                // A gauge that the store has set already keeps its value.
                MetricKind::Gauge => gauge!(metric.name, &labels).increment(0.0),
                MetricKind::Histogram => drop(histogram!(metric.name, &labels)),
            }
        }
    }
}

/// Returns the labels of every series of a metric that is known at the start.
fn series(metric: &Metric, config: &Config) -> Vec<Labels> {
    metric.labels.iter().fold(vec![Labels::new()], |series, label| {
        let values = values(*label, config);
        let with_value = |labels: &Labels, value: &String| {
            labels.iter().cloned().chain([(label.name(), value.clone())]).collect()
        };
        let longer =
            series.iter().flat_map(|labels| values.iter().map(move |v| with_value(labels, v)));
        longer.collect()
    })
}

/// Returns every value of a label; nothing where only lines or the program say it.
fn values(label: Label, config: &Config) -> Vec<String> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    match label {
        Label::Protocol => protocols().map(|(name, _)| name.to_owned()).collect(),
        Label::RejectReason => owned(&RejectReason::ALL.map(RejectReason::as_str)),
        Label::Refusal => owned(&refusal_names()),
        Label::Detector => owned(detector_names()),
        Label::Listener => config.listeners.iter().map(|own| own.name.to_string()).collect(),
        Label::MemoryUse => owned(&MemoryUse::ALL.map(MemoryUse::as_str)),
        Label::Lane => owned(&LANES),
        Label::Tier => config.store.tiers.iter().map(|(_, policy)| policy.name.clone()).collect(),
        Label::DropReason => owned(&DROPS),
        Label::PartitionState => owned(&STATES),
        Label::LetterEnd => owned(&LETTER_ENDS),
        Label::Outcome => owned(&OUTCOMES),
        Label::Path => answer_paths(),
        Label::Status => owned(&ANSWER_STATUSES),
        Label::Tenant => {
            for listener in &config.listeners {
                TenantLabels::of(listener.tenant);
            }
            owned(&TenantLabels::names())
        }
        Label::Service | Label::Version => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn series_are_every_combination_of_their_labels() {
        let metric = METRICS.iter().find(|metric| metric.labels.len() == 2).expect("one of two");
        let (config, _) = Config::load(&Sources::default()).expect("the default");
        let [first, second] = metric.labels else { unreachable!("two labels") };
        let all = series(metric, &config);
        assert_eq!(all.len(), values(*first, &config).len() * values(*second, &config).len());
        let unlabelled =
            METRICS.iter().find(|metric| metric.labels.is_empty()).expect("one of none");
        assert_eq!(series(unlabelled, &config), [Labels::new()]);
    }
}
