//! `corpus labelled|ordinary|score|hits|bounds|sample|speed [--seed N] [--count N] [--examples N]`:
//! writes the corpus, or what the redactor makes of it.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tierlog_corpus::{Measured, Pipeline, Sample, Score, false_hits, labelled, ordinary, sample};

/// Passes over the lines: enough for a steady figure.
const PASSES: u32 = 10;

/// What the command line asks for.
struct Options {
    verb: String,
    seed: u64,
    count: usize,
    examples: usize,
}

fn options() -> Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let verb = arguments
        .next()
        .context("a verb: labelled, ordinary, score, hits, bounds, sample or speed")?;
    let mut options = Options { verb, seed: 1, count: 10_000, examples: 1 };
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("a number after {name}"))?;
        match name.as_str() {
            "--seed" => options.seed = value.parse()?,
            "--count" => options.count = value.parse()?,
            "--examples" => options.examples = value.parse()?,
            _ => bail!("unknown option {name}"),
        }
    }
    Ok(options)
}

/// Returns how fast the way to a batch is over the labelled and the ordinary lines of `compare.py`.
/// What redaction costs of it, and beside a yardstick, is what `cargo bench -- redaction` measures.
fn speed(options: &Options) -> Result<String> {
    let pipeline = Pipeline::new()?;
    let record = |text: &str| serde_json::json!({ "level": "info", "message": text }).to_string();
    let mut lines: Vec<String> =
        labelled(options.seed, options.count).iter().map(Sample::record).collect();
    let texts = ordinary(options.seed, options.count);
    lines.extend(texts.iter().map(|line| record(&line.text)));
    let bytes: usize = lines.iter().map(String::len).sum();
    let began = Instant::now();
    let replaced: u64 = (0..PASSES).map(|_| pipeline.pass(&lines)).sum();
    let seconds = began.elapsed().as_secs_f64();
    let rate = f64::from(PASSES) * bytes as f64 / seconds / 1e6;
    Ok(format!("{rate:.0} MB/s, {} values replaced a pass\n", replaced / u64::from(PASSES)))
}

fn main() -> Result<()> {
    let options = options()?;
    let text = match options.verb.as_str() {
        "labelled" => labelled(options.seed, options.count)
            .iter()
            .map(|sample| sample.to_line() + "\n")
            .collect(),
        "ordinary" => {
            ordinary(options.seed, options.count).iter().map(|line| line.to_line() + "\n").collect()
        }
        "score" => {
            let samples = labelled(options.seed, options.count);
            let score = Score::of(&Pipeline::new()?, &samples)?;
            score.report(options.examples)
        }
        "hits" => {
            let hits = false_hits(&Pipeline::new()?, &ordinary(options.seed, options.count))?;
            let shown: Vec<String> = hits.iter().map(|hit| hit.shown() + "\n").collect();
            format!("{}{} hits\n", shown.concat(), shown.len())
        }
        "bounds" => Measured::now()?.table(),
        "sample" => {
            let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/sample");
            let (labelled, ordinary) = sample::texts();
            std::fs::write(format!("{directory}/labelled.jsonl"), labelled)?;
            std::fs::write(format!("{directory}/ordinary.jsonl"), ordinary)?;
            String::new()
        }
        "speed" => speed(&options)?,
        verb => bail!("unknown verb {verb}"),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
