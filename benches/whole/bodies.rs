//! Lines as HTTP bodies of a given size, as shippers that collect for long send them: the files of
//! a corpus arrive, every line is acked when this returns.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ureq::Agent;

use crate::agent::agent;
use crate::corpus::Corpus;
use crate::daemon::Daemon;

/// How long an answer may take on a slow machine.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// A body that is refused so often in a row is never taken.
const ATTEMPTS_MAX: u32 = 600;

/// How long a sender waits when an answer does not say.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// Sends each file of a corpus by a client of its own, in bodies of about so many bytes.
pub(crate) fn send(daemon: &Daemon, corpus: &Corpus, body_bytes: usize) -> Result<()> {
    let url = format!("http://{}/api/v1/ingest", daemon.http);
    std::thread::scope(|scope| {
        let senders: Vec<_> = corpus
            .files
            .iter()
            .map(|file| scope.spawn(|| send_file(&url, file, body_bytes)))
            .collect();
        for sender in senders {
            sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??;
        }
        Ok(())
    })
}

fn send_file(url: &str, path: &Path, body_bytes: usize) -> Result<()> {
    let agent = agent(ANSWER_MAX);
    let mut file = File::open(path).context("open a file of lines")?;
    let mut body = Vec::with_capacity(body_bytes);
    loop {
        let missing = body_bytes.saturating_sub(body.len());
        let read = file.by_ref().take(missing as u64).read_to_end(&mut body)?;
        // At the end of the file the rest is a whole number of lines.
        let end = if read < missing { body.len() } else { whole_lines(&body)? };
        if end == 0 {
            return Ok(());
        }
        let rest = body.split_off(end);
        post(&agent, url, &body)?;
        body = rest;
    }
}

fn whole_lines(body: &[u8]) -> Result<usize> {
    memchr::memrchr(b'\n', body).map(|end| end + 1).context("find a line's end in a body")
}

/// Posts a body until it is taken.
fn post(agent: &Agent, url: &str, body: &[u8]) -> Result<()> {
    for _ in 0..ATTEMPTS_MAX {
        let mut answer = agent
            .post(url)
            .header("content-type", "application/x-ndjson")
            .send(body)
            .context("post a body")?;
        let text = answer.body_mut().read_to_string().context("read an answer")?;
        match answer.status().as_u16() {
            200 => return Ok(()),
            429 | 503 => {
                let seconds = answer.headers().get("retry-after").and_then(|value| {
                    value.to_str().ok()?.parse::<u64>().ok().map(Duration::from_secs)
                });
                std::thread::sleep(seconds.unwrap_or(RETRY_AFTER_DEFAULT));
            }
            status => anyhow::bail!("a body of {} bytes got {status}: {text}", body.len()),
        }
    }
    anyhow::bail!("a body of {} bytes was refused {ATTEMPTS_MAX} times", body.len())
}
