//! Plots for the documents: figures arrive, SVG text leaves.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::ingest::{COSTS, CPU, Protocol};
use crate::queries::{WARM, table};
use crate::results::{Results, shown};
use crate::size::{ALL_PARTITIONS, SIZES};

/// Peers on the same kind of corpus and machine, each in calibrations of its own run
/// (docs/performance.md).
const PEERS_CPU: [(&str, f64); 3] = [
    ("VictoriaLogs 1.26: none of the three", 5.4),
    ("Loki 3.7: WAL, no fsync, no redaction", 8.8),
    ("Quickwit 0.9: WAL, no fsync, no redaction", 14.4),
];

/// Sizes of the peers, beside `zstd -9` of the file.
const PEERS_SIZE: [(&str, f64); 2] =
    [("VictoriaLogs 1.26", 44.0 / 43.0), ("Quickwit 0.9", 99.0 / 43.0)];

/// Colours of the series: readable on white and on black.
const COLOURS: [&str; 8] =
    ["#2f7ed8", "#e08a1e", "#3a9d5d", "#b0568f", "#8a7d5a", "#c0504d", "#5aa7b5", "#888888"];

/// The colour of what is not ours.
const PEER_COLOUR: &str = "#9a9a9a";

const WIDTH: f64 = 820.0;
const LABEL_WIDTH: f64 = 300.0;
const VALUE_WIDTH: f64 = 70.0;
const BAR_HEIGHT: f64 = 15.0;
const GROUP_GAP: f64 = 9.0;
const HEAD_HEIGHT: f64 = 52.0;

/// One line of a plot: parts end to end.
struct Bar {
    label: String,
    parts: Vec<Part>,
    /// Whether another group begins here.
    begins_group: Begins,
}

/// See [`Bar::begins_group`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    Group,
    Nothing,
}

struct Part {
    value: f64,
    colour: &'static str,
}

/// How long a bar is.
#[derive(Clone, Copy)]
enum Scale {
    Linear,
    /// From the given value on.
    Logarithmic(f64),
}

/// Draws every plot that the results have figures for.
pub(crate) fn draw(results: &Results, directory: &Path) -> Result<()> {
    let plots = [
        ("ingest-cpu.svg", ingest_cpu(results)),
        ("size.svg", size(results)),
        ("queries.svg", queries(results)),
    ];
    for (name, plot) in plots {
        if let Some(text) = plot {
            let path = directory.join(name);
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
    }
    Ok(())
}

fn single(label: &str, value: f64, colour: &'static str) -> Bar {
    let parts = vec![Part { value, colour }];
    Bar { label: label.to_owned(), parts, begins_group: Begins::Group }
}

fn ingest_cpu(results: &Results) -> Option<String> {
    let mut bars = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Http] {
        let value = results.find(COSTS, protocol.label(), CPU)?.yardsticks?;
        let label = format!("Tierlog, {}: WAL, fsync, redaction", protocol.label());
        bars.push(single(&label, value, COLOURS[0]));
    }
    bars.extend(PEERS_CPU.map(|(label, value)| single(label, value, PEER_COLOUR)));
    let title = "CPU to take in the same lines, in calibrations (less is better)";
    Some(svg(title, &[], &bars, Scale::Linear))
}

fn size(results: &Results) -> Option<String> {
    let rows = results.rows(SIZES);
    let components: Vec<&str> =
        rows.into_iter().filter(|row| *row != ALL_PARTITIONS && *row != "WAL").collect();
    let mut bars = Vec::new();
    for (column, label) in [("sealed MB", "Tierlog, sealed"), ("hot MB", "Tierlog, hot")] {
        let mut parts = Vec::new();
        for (component, colour) in components.iter().zip(COLOURS) {
            let value = results.find(SIZES, component, column)?.yardsticks?;
            parts.push(Part { value, colour });
        }
        bars.push(Bar { label: label.to_owned(), parts, begins_group: Begins::Group });
    }
    bars.push(single("the file through zstd -9", 1.0, PEER_COLOUR));
    bars.extend(PEERS_SIZE.map(|(label, value)| single(label, value, PEER_COLOUR)));
    let title = "Size on disk, beside the file through zstd -9 (less is better)";
    let legend: Vec<(&str, &str)> = components.into_iter().zip(COLOURS).collect();
    Some(svg(title, &legend, &bars, Scale::Linear))
}

fn queries(results: &Results) -> Option<String> {
    let days = [1, 30, 365];
    let mut bars = Vec::new();
    for shape in results.rows(&table(1)) {
        for (position, (days, colour)) in days.iter().zip(COLOURS).enumerate() {
            let value = results.find(&table(*days), shape, WARM)?.value;
            let (label, begins_group) = match position {
                0 => (shape.to_owned(), Begins::Group),
                _ => (String::new(), Begins::Nothing),
            };
            bars.push(Bar { label, parts: vec![Part { value, colour }], begins_group });
        }
    }
    let legend: Vec<(&str, &str)> =
        ["1 day", "30 days", "365 days"].into_iter().zip(COLOURS).collect();
    let title = "Median answer over HTTP, warm, milliseconds (logarithmic, less is better)";
    (!bars.is_empty()).then(|| svg(title, &legend, &bars, Scale::Logarithmic(0.1)))
}

fn svg(title: &str, legend: &[(&str, &str)], bars: &[Bar], scale: Scale) -> String {
    let gaps = bars.iter().filter(|bar| bar.begins_group == Begins::Group).count() as f64;
    let height = HEAD_HEIGHT + bars.len() as f64 * BAR_HEIGHT + (gaps + 1.0) * GROUP_GAP;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#7a7a7a\">\n\
         <text x=\"8\" y=\"20\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    );
    let mut x = 8.0;
    for (name, colour) in legend {
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"32\" width=\"11\" height=\"11\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"42\">{}</text>",
            x + 16.0,
            escaped(name)
        );
        x += 34.0 + 7.0 * name.len() as f64;
    }
    let sum = |bar: &Bar| bar.parts.iter().map(|part| part.value).sum::<f64>();
    let longest = bars.iter().map(sum).fold(0.0, f64::max);
    let room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
    let mut y = HEAD_HEIGHT;
    for bar in bars {
        if bar.begins_group == Begins::Group {
            y += GROUP_GAP;
        }
        push_bar(&mut text, bar, y, &|value| room * share(scale, value, longest));
        y += BAR_HEIGHT;
    }
    text.push_str("</svg>\n");
    text
}

fn push_bar(text: &mut String, bar: &Bar, y: f64, length: &dyn Fn(f64) -> f64) {
    let middle = y + BAR_HEIGHT - 4.0;
    let _ = writeln!(
        text,
        "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{}</text>",
        LABEL_WIDTH - 8.0,
        escaped(&bar.label)
    );
    let (mut x, mut sum) = (LABEL_WIDTH, 0.0);
    for part in &bar.parts {
        let width = length(part.value);
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{}\"/>",
            y + 1.0,
            BAR_HEIGHT - 2.0,
            part.colour
        );
        x += width;
        sum += part.value;
    }
    let _ = writeln!(text, "<text x=\"{:.0}\" y=\"{middle:.0}\">{}</text>", x + 6.0, shown(sum));
}

/// Returns how much of the room a value takes.
fn share(scale: Scale, value: f64, longest: f64) -> f64 {
    match scale {
        Scale::Linear => value / longest,
        Scale::Logarithmic(from) => ((value / from).ln() / (longest / from).ln()).max(0.004),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
