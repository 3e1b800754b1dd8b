//! `tierlog redact`: the redaction of the server as a filter, for any pipeline. Lines arrive, the
//! same lines without personal data leave; nothing is asked of a server, and nothing is kept.
//!
//! Memory is one line, or one PEM block. What is cut at a limit is said on stderr.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tierlog_ingest::{Filter, Filtered, Find, Redactor};
use tierlog_model::{Identities, Tenant};

use super::NO;
use super::config::ConfigArgs;
use crate::config::Config;
use crate::output::until_closed;
use crate::{keys, settings};

/// Longest text of several lines that is read as one: a PEM block of the longest keys in use has a
/// fifth of it.
const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// Begins a block of several lines, whose lines say nothing alone.
const BLOCK_BEGIN: &str = "-----BEGIN ";

/// Ends the block.
const BLOCK_END: &str = "-----END ";

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File of JSON lines or of any text; stdin without one
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Says on stderr of each find where it is, which detector has it, and why
    #[arg(long)]
    explain: bool,
    /// Writes no lines; exits with 1 if anything was found, for CI
    #[arg(long)]
    check: bool,
    /// File with rules, as redaction.policy_file
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Tenant whose rules hold
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = load(args)?;
    let section = &config.redaction;
    let identities = Identities::new(&section.pseudonym_fields, &section.pseudonym_places)?;
    let pseudonyms = keys::existing(&section.pseudonym_key_file, identities)?;
    if pseudonyms.identities().fields().is_empty() && !section.pseudonym_fields.is_empty() {
        say("no key file: ids that have a pseudonym on the server stay as they are");
    }
    if !section.enabled {
        say("redaction.enabled is false: nothing is replaced");
    }
    let redactor = settings::redactor(&config, &pseudonyms)?;
    let tenant = args.tenant.as_deref().map_or(Ok(Tenant::DEFAULT), Tenant::define)?;
    let input: Box<dyn Read> = match args.input.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        Some(_) | None => {
            let file = File::open(&args.input);
            Box::new(file.with_context(|| format!("open {}", args.input.display()))?)
        }
    };
    let line_bytes_max = config.ingest.limits.line_bytes_max;
    let lines = Lines::new(input, line_bytes_max);
    let out = BufWriter::new(std::io::stdout().lock());
    until_closed(filter(&redactor, tenant, lines, out, args))
}

/// Reads the configuration with the file of rules that was given.
fn load(args: &Args) -> Result<Config> {
    let mut sources = args.config.sources()?;
    if let Some(policy) = &args.policy {
        let path = policy.to_str().context("--policy: must be UTF-8")?;
        sources.assignments.push(format!("redaction.policy_file={}", toml::Value::from(path)));
    }
    let (config, _) = Config::load(&sources)?;
    Ok(config)
}

fn filter(
    redactor: &Redactor,
    tenant: Tenant,
    mut lines: Lines<impl Read>,
    mut out: impl Write,
    args: &Args,
) -> Result<ExitCode> {
    let mut filter: Filter<'_> = redactor.filter(tenant);
    let (mut replaced, mut found, mut cut) = (0_u64, false, 0_u64);
    while let Some(text) = lines.next()? {
        let Filtered { line, finds, replaced_count } = filter.line(&text.text);
        replaced += replaced_count;
        found |= !finds.is_empty();
        cut += u64::from(text.is_cut);
        if args.explain {
            finds.iter().for_each(|find| say(&explanation(text.number, find)));
        }
        if !args.check
            && let Some(line) = line
        {
            out.write_all(line.as_bytes())?;
            out.write_all(text.end)?;
        }
        // Whoever reads a log as it grows sees each line at once.
        if lines.may_wait() {
            out.flush()?;
        }
    }
    out.flush()?;
    if cut > 0 {
        say(&format!("{cut} lines were longer than ingest.limits.line_max, and were cut"));
    }
    if args.explain || args.check {
        say(&format!("{replaced} values replaced"));
    }
    let is_no = cut > 0 || (args.check && found);
    Ok(if is_no { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

/// Writes a line to stderr. Nobody is left to tell when it is closed.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Returns the explanation of a find, which quotes nothing of the value.
fn explanation(number: u64, find: &Find) -> String {
    let field = if find.field.is_empty() { String::new() } else { format!(" {}", find.field) };
    let place = match (find.start, find.end) {
        (Some(start), Some(end)) => format!("{start}-{end}"),
        _ => "whole value".to_owned(),
    };
    let rule = find.rule.as_ref().map_or(String::new(), |rule| format!(" by rule {rule:?}"));
    let becomes = match find.replacement.as_str() {
        "" => String::new(),
        text => format!(" -> {text}"),
    };
    format!(
        "{number}:{field} {place}: {} ({}: {}), {}{rule}{becomes}",
        find.detector, find.sign, find.because, find.action,
    )
}

/// A text of one line, or of a block of several.
#[derive(Debug, PartialEq, Eq)]
struct Text {
    /// Number of the first line.
    number: u64,
    text: String,
    /// What ends the text: a line break, with or without a carriage return, or nothing.
    end: &'static [u8],
    is_cut: bool,
}

/// Reads texts, each of a bounded length.
struct Lines<R> {
    input: BufReader<R>,
    line_bytes_max: usize,
    number: u64,
    /// A line that was read and belongs to no block.
    next: Option<Text>,
}

impl<R: Read> Lines<R> {
    fn new(input: R, line_bytes_max: usize) -> Lines<R> {
        Lines { input: BufReader::new(input), line_bytes_max, number: 0, next: None }
    }

    /// Tells whether the next line may have to be waited for.
    fn may_wait(&self) -> bool {
        self.next.is_none() && self.input.buffer().is_empty()
    }

    /// Returns the next text: a line, or the lines of a block.
    fn next(&mut self) -> std::io::Result<Option<Text>> {
        let first = match self.next.take() {
            Some(next) => Some(next),
            None => self.line()?,
        };
        let Some(mut text) = first else { return Ok(None) };
        while begins_block(&text.text) && text.text.len() < BLOCK_BYTES_MAX {
            let Some(line) = self.line()? else { break };
            if !may_continue(&line.text) {
                self.next = Some(line);
                break;
            }
            let glue = if text.end == b"\r\n" { "\r\n" } else { "\n" };
            text.text.push_str(glue);
            text.text.push_str(&line.text);
            (text.end, text.is_cut) = (line.end, text.is_cut || line.is_cut);
        }
        Ok(Some(text))
    }

    /// Returns the next line; of one that is too long, the beginning.
    fn line(&mut self) -> std::io::Result<Option<Text>> {
        self.number += 1;
        let mut bytes = Vec::new();
        let limit = self.line_bytes_max as u64;
        self.input.by_ref().take(limit + 2).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut end: &[u8] = b"";
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            end = b"\n";
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
                end = b"\r\n";
            }
        }
        let is_cut = bytes.len() > self.line_bytes_max;
        if is_cut {
            bytes.truncate(self.line_bytes_max);
            // A value at the cut would be half a value, which no detector can tell.
            let space = bytes.iter().rposition(u8::is_ascii_whitespace);
            bytes.truncate(space.unwrap_or(0));
            if end.is_empty() {
                self.input.skip_until(b'\n')?;
            }
            end = b"\n";
        }
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok(Some(Text { number: self.number, text, end, is_cut }))
    }
}

/// Tells whether a text holds the beginning of a block without its end.
fn begins_block(text: &str) -> bool {
    text.rfind(BLOCK_BEGIN)
        .is_some_and(|begin| !text.get(begin..).is_some_and(|block| block.contains(BLOCK_END)))
}

/// Tells whether a line may be one of a block: base64, a header, the end, or nothing.
fn may_continue(line: &str) -> bool {
    !line.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(input: &str, line_bytes_max: usize) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(input.as_bytes(), line_bytes_max);
        let mut texts = Vec::new();
        while let Some(text) = lines.next().expect("memory is read") {
            texts.push((text.number, text.text, text.is_cut));
        }
        texts
    }

    #[test]
    fn lines_are_bounded_and_blocks_are_one_text() {
        let text = |number, text: &str| (number, text.to_owned(), false);
        assert_eq!(texts("a\r\nb", 9), [text(1, "a"), text(2, "b")]);
        assert_eq!(texts("\n\nc\n", 9), [text(1, ""), text(2, ""), text(3, "c")]);
        let cut = [(1, "ab".to_owned(), true), text(2, "next")];
        assert_eq!(texts("ab cdefghijkl mno\nnext", 6), cut);
        assert_eq!(texts("abcdefghijkl\nnext", 6), [(1, String::new(), true), text(2, "next")]);
        let block =
            "x -----BEGIN RSA PRIVATE KEY-----\nMIIB\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        let input = format!("{block}\nlast\n");
        assert_eq!(texts(&input, 99), [text(1, block), text(6, "last")]);
        // A block without an end goes no further than the next object.
        let input = "-----BEGIN PRIVATE KEY-----\nMIIB\n{\"a\":1}\n";
        let expected = [text(1, "-----BEGIN PRIVATE KEY-----\nMIIB"), text(3, "{\"a\":1}")];
        assert_eq!(texts(input, 99), expected);
    }

    #[test]
    fn an_explanation_says_where_what_why_and_what_became_of_it() {
        let mut find = Find {
            field: "message".to_owned(),
            start: Some(4),
            end: Some(19),
            detector: "email",
            sign: "text",
            because: "an at sign",
            action: "replace",
            rule: None,
            replacement: "[EMAIL]".to_owned(),
        };
        let expected = "3: message 4-19: email (text: an at sign), replace -> [EMAIL]";
        assert_eq!(explanation(3, &find), expected);
        (find.field, find.start) = (String::new(), None);
        (find.rule, find.replacement) = (Some("no mail".to_owned()), String::new());
        find.action = "drop_field";
        let expected = "1: whole value: email (text: an at sign), drop_field by rule \"no mail\"";
        assert_eq!(explanation(1, &find), expected);
    }
}
