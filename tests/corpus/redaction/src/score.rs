//! The score: recall, precision and F2 by kind, the rate of records that leak, and the false hits
//! in ordinary lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use crate::judge::{Verdict, judge};
use crate::kind::{Class, KINDS, Kind};
use crate::labelled::{Place, Sample};
use crate::ordinary::Ordinary;
use crate::pipeline::{Pipeline, Reading, Stored};

/// Figures of one kind.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Which numbers hold.
    pub class: Class,
    /// Values that were planted.
    pub planted: usize,
    /// How many have each verdict.
    verdicts: BTreeMap<Verdict, usize>,
    /// Finds of the kind where there was nothing, or too much of it.
    pub false_finds: usize,
}

impl Figures {
    fn new(class: Class) -> Figures {
        Figures { class, planted: 0, verdicts: BTreeMap::new(), false_finds: 0 }
    }

    /// Returns how many values have a verdict.
    pub fn of(&self, verdict: Verdict) -> usize {
        self.verdicts.get(&verdict).copied().unwrap_or_default()
    }

    /// Returns how many values are gone.
    pub fn safe(&self) -> usize {
        self.verdicts.iter().filter(|(verdict, _)| verdict.is_safe()).map(|(_, count)| count).sum()
    }

    /// Returns which share of the planted values is gone.
    pub fn recall(&self) -> f64 {
        share(self.safe(), self.planted)
    }

    /// Returns which share of the finds is right.
    pub fn precision(&self) -> f64 {
        let wrong = self.false_finds + self.of(Verdict::Overreach);
        share(self.safe(), self.safe() + wrong)
    }

    /// Returns the mean of the two that weighs a leak twice.
    pub fn f2(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        let sum = 4.0 * precision + recall;
        if sum == 0.0 { 0.0 } else { 5.0 * precision * recall / sum }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// A value that is not right.
#[derive(Clone, Debug)]
pub struct Miss {
    /// What is wrong.
    pub verdict: Verdict,
    /// The line.
    pub sample: Sample,
    /// What was stored.
    pub stored: Stored,
}

/// What a corpus was scored at.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Figures by kind.
    pub kinds: BTreeMap<&'static str, Figures>,
    /// Figures by kind and form.
    pub forms: BTreeMap<String, Figures>,
    /// Figures by notation.
    pub notations: BTreeMap<String, Figures>,
    /// Figures by disguise.
    pub disguises: BTreeMap<&'static str, Figures>,
    /// Values that are not right.
    pub misses: Vec<Miss>,
}

impl Score {
    /// Scores lines: as records of JSON all of them, and as text those that are lines of text.
    pub fn of(pipeline: &Pipeline, samples: &[Sample]) -> Result<Score> {
        let mut score = Score::default();
        let records: Vec<String> = samples.iter().map(Sample::record).collect();
        for (sample, stored) in samples.iter().zip(pipeline.store(&records, Reading::Json)?) {
            let verdict = judge(sample, &stored);
            score.note_false_finds(&stored, sample.detectors);
            score.add(sample, stored, verdict);
        }
        let is_text = |sample: &&Sample| {
            sample.place == Place::Message && !sample.text().trim_start().starts_with(['{', '['])
        };
        let samples: Vec<&Sample> = samples.iter().filter(is_text).collect();
        let lines: Vec<String> = samples.iter().map(|sample| sample.text()).collect();
        for (sample, stored) in samples.into_iter().zip(pipeline.store(&lines, Reading::Text)?) {
            // The fields of a known format are apart: only what leaks can be judged.
            let verdict = match judge(sample, &stored) {
                Verdict::Overreach => Verdict::Right,
                verdict => verdict,
            };
            score.add(sample, stored, verdict);
        }
        Ok(score)
    }

    fn add(&mut self, sample: &Sample, stored: Stored, verdict: Verdict) {
        let new = || Figures::new(sample.class);
        for figures in [
            self.kinds.entry(sample.kind).or_insert_with(new),
            self.forms.entry(format!("{}/{}", sample.kind, sample.form)).or_insert_with(new),
            self.notations.entry(sample.notation.clone()).or_insert_with(new),
            self.disguises.entry(sample.disguise.name()).or_insert_with(new),
        ] {
            figures.planted += 1;
            *figures.verdicts.entry(verdict).or_default() += 1;
        }
        if verdict != Verdict::Right {
            self.misses.push(Miss { verdict, sample: sample.clone(), stored });
        }
    }

    /// Counts finds by detectors that had nothing to find in a line.
    pub fn note_false_finds(&mut self, stored: &Stored, expected: &[&str]) {
        let found = stored.detectors.iter().map(String::as_str);
        for kind in found.filter(|name| !expected.contains(name)).filter_map(kind_of) {
            if let Some(figures) = self.kinds.get_mut(kind) {
                figures.false_finds += 1;
            }
        }
    }

    /// Returns the share of records of which something of the value is stored.
    pub fn leak_rate(&self) -> f64 {
        let planted: usize = self.kinds.values().map(|figures| figures.planted).sum();
        let safe: usize = self.kinds.values().map(Figures::safe).sum();
        share(planted - safe, planted)
    }

    /// Returns the tables, with so many examples of each kind and notation that is not right.
    pub fn report(&self, examples: usize) -> String {
        let mut text = String::new();
        table(&mut text, "kind", self.kinds.iter().map(|(name, figures)| (*name, figures)));
        let notations = self.notations.iter().map(|(name, figures)| (name.as_str(), figures));
        table(&mut text, "notation", notations);
        table(&mut text, "disguise", self.disguises.iter().map(|(name, figures)| (*name, figures)));
        let forms =
            self.forms.iter().filter(|(_, figures)| figures.of(Verdict::Right) < figures.planted);
        table(
            &mut text,
            "form that is not whole",
            forms.map(|(name, figures)| (name.as_str(), figures)),
        );
        let mut seen: BTreeMap<(&str, &str, Verdict, &str), usize> = BTreeMap::new();
        for miss in &self.misses {
            let sample = &miss.sample;
            let place =
                (sample.kind, sample.notation.as_str(), miss.verdict, sample.disguise.name());
            let count = seen.entry(place).or_default();
            *count += 1;
            if *count <= examples {
                let (kind, notation, _, disguise) = place;
                let verdict = miss.verdict.name();
                let (line, stored) = (sample.text(), shown(&miss.stored));
                let form = sample.form;
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "{verdict}: {kind}/{form} in {notation}, {disguise}\n    {line:?}\n    {stored}"
                );
            }
        }
        text
    }
}

/// Returns the kind that a detector looks for.
fn kind_of(detector: &str) -> Option<&'static str> {
    match detector {
        "secret_key" | "key_value" => Some("secret"),
        "cloud_key" => Some("token"),
        "authorization" | "url_credentials" => Some("placed"),
        other => {
            let is_first = |kind: &&Kind| kind.detectors.first() == Some(&other);
            KINDS.iter().find(is_first).map(|kind| kind.name)
        }
    }
}

fn shown(stored: &Stored) -> String {
    let told = |leaf: &&String| {
        !["timestamp", "level", "info", "message", "detail"].contains(&leaf.as_str())
    };
    let leaves: Vec<String> =
        stored.leaves.iter().skip(2).filter(told).map(|leaf| format!("{leaf:?}")).collect();
    format!("{} {:?}", leaves.join(" "), stored.detectors)
}

fn table<'f>(text: &mut String, head: &str, rows: impl Iterator<Item = (&'f str, &'f Figures)>) {
    let _ = writeln!(text, "{head:22} planted   leak   part  other   over  recall  prec.   F2");
    for (name, figures) in rows {
        let _ = writeln!(
            text,
            "{name:22} {:7} {:6} {:6} {:6} {:6}  {:6.2} {:6.2} {:6.2}",
            figures.planted,
            figures.of(Verdict::Leak),
            figures.of(Verdict::Part),
            figures.of(Verdict::OtherKind),
            figures.of(Verdict::Overreach),
            figures.recall() * 100.0,
            figures.precision() * 100.0,
            figures.f2() * 100.0,
        );
    }
    text.push('\n');
}

/// An ordinary line of which something was taken.
#[derive(Clone, Debug)]
pub struct FalseHit {
    /// The number of the line.
    pub position: usize,
    /// The line.
    pub line: Ordinary,
    /// How the line was read.
    pub reading: Reading,
    /// What was stored.
    pub stored: Stored,
}

impl FalseHit {
    /// Returns the hit on a line of a report.
    pub fn shown(&self) -> String {
        format!(
            "{} {:?}\n    {:?}\n    {}",
            self.line.group,
            self.reading,
            self.line.text,
            shown(&self.stored)
        )
    }
}

/// Returns the ordinary lines of which something was taken, read in both ways.
pub fn false_hits(pipeline: &Pipeline, lines: &[Ordinary]) -> Result<Vec<FalseHit>> {
    let record = |line: &Ordinary| serde_json::json!({ "level": "info", "message": line.text });
    let records: Vec<String> = lines.iter().map(|line| record(line).to_string()).collect();
    let texts: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
    let mut hits = Vec::new();
    for (reading, sent) in [(Reading::Json, records), (Reading::Text, texts)] {
        for (position, stored) in pipeline.store(&sent, reading)?.into_iter().enumerate() {
            let line = lines.get(position).filter(|_| !stored.detectors.is_empty());
            if let Some(line) = line.cloned() {
                hits.push(FalseHit { position, line, reading, stored });
            }
        }
    }
    Ok(hits)
}
