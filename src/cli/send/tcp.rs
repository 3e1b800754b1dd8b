//! Lines over TCP, each acknowledged: lines leave, cumulative counts of durable lines arrive.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::batches::{BatchReader, Cut};
use super::tally::Tally;
use crate::cli::{Unreachable, WrongUsage};
use crate::output::{Progress, grouped};

/// First line of a client that wants acknowledgements.
const HANDSHAKE: &[u8] = b"{\"tierlog\":{\"ack\":true}}\n";

/// A server on the same network answers in milliseconds, or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may be silent, or full, before it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Longest line that the server sends; they are some thirty bytes.
const ACK_BYTES_MAX: u64 = 64 * 1024;

/// What the server has acknowledged so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Acknowledged {
    /// Durable lines, rejected ones included.
    durable: u64,
    /// Lines that are durable as dead letters only.
    rejected: u64,
    /// What the server said before it closed.
    error: Option<String>,
}

/// Sends everything and waits for the last acknowledgement.
pub(super) fn send(mut batches: BatchReader, address: &str, progress: &Progress) -> Result<Tally> {
    let stream = connect(address)?;
    let mut writer = stream.try_clone().context("share the connection")?;
    let started = Instant::now();
    let mut sent = Tally::default();
    let mut sent_lines = 0_u64;
    let all_written = AtomicBool::new(false);
    let (written, acknowledged) = std::thread::scope(|scope| {
        let acks = scope.spawn(|| read_acks(&stream, &all_written, started, progress));
        let mut write_all = || -> Result<()> {
            let broke = |error: std::io::Error| {
                unreachable(address, format!("the connection broke: {error}"))
            };
            writer.write_all(HANDSHAKE).map_err(broke)?;
            while let Some(cut) = batches.next_cut()? {
                match cut {
                    Cut::TooLong(line) => sent.add_too_long(line),
                    Cut::Batch(batch) => {
                        writer.write_all(&batch.bytes).map_err(broke)?;
                        sent_lines += batch.line_count;
                        sent.bytes += batch.bytes.len() as u64;
                        progress.set(sent.bytes);
                    }
                }
            }
            Ok(())
        };
        let written = write_all();
        all_written.store(true, Ordering::Release);
        // Our end of the conversation; the server answers with the last counts and closes.
        let _ = writer.shutdown(Shutdown::Write);
        (written, acks.join())
    });
    let acknowledged =
        acknowledged.map_err(|_| anyhow::anyhow!("reading acknowledgements broke off"))??;
    verdict(address, written, sent_lines, sent, acknowledged)
}

/// Says what became of the lines.
fn verdict(
    address: &str,
    written: Result<()>,
    sent_lines: u64,
    mut tally: Tally,
    acknowledged: Acknowledged,
) -> Result<Tally> {
    let durable = acknowledged.durable;
    let so_far = format!("{} lines were acknowledged as durable", grouped(durable));
    if let Some(error) = acknowledged.error {
        anyhow::bail!("{error}; {so_far}");
    }
    written.with_context(|| format!("{so_far}, then sending stopped"))?;
    if durable < sent_lines {
        let reason = format!("the connection ended after {so_far}");
        return Err(unreachable(address, reason).into());
    }
    tally.accepted += durable.saturating_sub(acknowledged.rejected);
    tally.rejected += acknowledged.rejected;
    Ok(tally)
}

fn connect(address: &str) -> Result<TcpStream> {
    let addresses = address
        .to_socket_addrs()
        .map_err(|error| WrongUsage(format!("--to tcp://{address}: {error}")))?;
    let mut reason = "there is no host of this name".to_owned();
    for candidate in addresses {
        match TcpStream::connect_timeout(&candidate, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SILENCE_MAX)).context("set a deadline")?;
                stream.set_write_timeout(Some(SILENCE_MAX)).context("set a deadline")?;
                return Ok(stream);
            }
            Err(error) => reason = format!("{error}; start one with `tierlog serve`"),
        }
    }
    Err(unreachable(address, reason).into())
}

fn unreachable(address: &str, reason: String) -> Unreachable {
    Unreachable { server: format!("tcp://{address}"), reason }
}

/// Reads acknowledgements until the server closes. Silence is only wrong once everything was
/// written: an input may be quiet for hours.
fn read_acks(
    stream: &TcpStream,
    all_written: &AtomicBool,
    started: Instant,
    progress: &Progress,
) -> Result<Acknowledged> {
    let mut reader = BufReader::new(stream);
    let mut acknowledged = Acknowledged::default();
    let mut line = Vec::new();
    let mut was_silent = false;
    loop {
        match (&mut reader).take(ACK_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => return Ok(acknowledged),
            Ok(_) => was_silent = false,
            // A reset is how a server that stops in a hurry closes; the counts tell the rest.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(acknowledged),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // The silence counts from the moment at which everything was written.
                if was_silent {
                    return Err(error).context("wait for acknowledgements");
                }
                was_silent = all_written.load(Ordering::Acquire);
                continue;
            }
            Err(error) => return Err(error).context("wait for acknowledgements"),
        }
        let said: Value =
            serde_json::from_slice(&line).context("an acknowledgement is not JSON")?;
        line.clear();
        if let Some(error) = said.get("error").and_then(Value::as_str) {
            acknowledged.error = Some(format!("the server said: {error}"));
        }
        let count = |name: &str| said.get(name).and_then(Value::as_u64);
        acknowledged.durable = count("ack").unwrap_or(acknowledged.durable);
        acknowledged.rejected = count("rejected").unwrap_or(acknowledged.rejected);
        let per_second = acknowledged.durable as f64 / started.elapsed().as_secs_f64().max(0.001);
        progress.remark(format!("{} lines/s acknowledged", grouped(per_second as u64)));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::net::TcpListener;

    use super::*;

    /// Sends to a server that reads so many lines, or all, and then answers once.
    fn exchange(
        input: &str,
        lines_read: Option<usize>,
        answer: &'static str,
    ) -> (Result<Tally>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(&stream);
            let mut text = String::new();
            let mut lines = 0;
            while lines_read.is_none_or(|max| lines < max)
                && reader.read_line(&mut text).expect("readable") > 0
            {
                lines += 1;
            }
            (&stream).write_all(answer.as_bytes()).expect("writable");
            text
        });
        let batches = BatchReader::spawn(Cursor::new(input.to_owned())).expect("a thread");
        let tally = send(batches, &address, &Progress::hidden());
        (tally, server.join().expect("the server ends"))
    }

    #[test]
    fn lines_follow_the_handshake_and_the_last_ack_decides() {
        let answer = "{\"ack\":1,\"rejected\":0}\n{\"ack\":3,\"rejected\":1}\n";
        let (tally, received) = exchange("{}\n\n{}\nx", None, answer);
        assert_eq!(received, "{\"tierlog\":{\"ack\":true}}\n{}\n\n{}\nx\n");
        let tally = tally.expect("acknowledged");
        assert_eq!((tally.accepted, tally.rejected, tally.bytes), (2, 1, 9));
        assert_eq!((tally.redacted, tally.duplicate), (None, None));
    }

    #[test]
    fn lines_without_an_ack_are_not_said_to_be_durable() {
        let (tally, _) = exchange("{}\n{}\n", None, "{\"ack\":1,\"rejected\":0}\n");
        let error = tally.expect_err("one line is missing");
        assert!(
            error.is::<Unreachable>() && error.to_string().contains("after 1 lines"),
            "{error}"
        );
    }

    #[test]
    fn a_server_that_refuses_says_why() {
        let answer = "{\"ack\":1,\"rejected\":0}\n{\"error\":\"disk full\"}\n";
        let (tally, _) = exchange("{}\n{}\n", Some(3), answer);
        let text = tally.expect_err("refused").to_string();
        assert_eq!(text, "the server said: disk full; 1 lines were acknowledged as durable");
    }
}
