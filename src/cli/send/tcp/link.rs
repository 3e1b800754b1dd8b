//! One connection of a producer: the handshake, lines out, acknowledgements in.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::backlog::{Backlog, Next};
use crate::client::{Unreachable, WrongUsage};

/// A server on the same network answers in milliseconds, or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may be silent while lines wait for their acknowledgement.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Longest line that the server sends; they are some thirty bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// A connection on which the server has said how far it is.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    /// Number of the producer's last line that the server has.
    pub(super) resume: u64,
}

/// Why a connection was ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// No batch is left to send, or the connection broke.
    Over,
    /// Lines in between are gone: the next connection says where it goes on.
    Gap,
}

/// Connects with the members of a handshake.
pub(super) fn open(address: &str, wishes: &Value) -> anyhow::Result<Link> {
    let mut stream = connect(address)?;
    let broke = |error: std::io::Error| unreachable(address, format!("the handshake: {error}"));
    writeln!(stream, "{}", json!({ "tierlog": wishes })).map_err(broke)?;
    let mut answers = BufReader::new(stream.try_clone().map_err(broke)?);
    let said = read_answer(&mut answers).map_err(broke)?;
    let resume = said.as_ref().and_then(|said| said.get("resume")).and_then(Value::as_u64);
    match (said, resume) {
        (_, Some(resume)) => Ok(Link { stream, answers, resume }),
        (Some(said), None) => Err(unreachable(address, refusal(&said)).into()),
        (None, None) => {
            let reason = "the server closed instead of answering the handshake".to_owned();
            Err(unreachable(address, reason).into())
        }
    }
}

impl Link {
    /// Sends lines from a number on until all are acknowledged or the connection is broken.
    /// `told` hears every acknowledgement: the number of the last durable line, and how many of
    /// this connection were rejected. Returns why it ended, if the server or the network said so.
    pub(super) fn run(
        self,
        backlog: &Backlog,
        mut next_line: u64,
        told: impl Fn(Acknowledged) + Send,
    ) -> (Ended, Option<String>) {
        let Link { mut stream, answers, .. } = self;
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || read_acks(answers, backlog, told));
            let mut sent = Ok(());
            let ended = loop {
                match backlog.next(next_line) {
                    Next::Send(batch, offset) => {
                        sent = stream.write_all(batch.bytes.get(offset..).unwrap_or_default());
                        if sent.is_err() {
                            break Ended::Over;
                        }
                        next_line = batch.first_line + batch.line_count;
                    }
                    Next::Gap => break Ended::Gap,
                    Next::Done | Next::Broken => break Ended::Over,
                }
            };
            // Our end of the conversation; the server answers with the last counts and closes.
            let how = if sent.is_ok() { Shutdown::Write } else { Shutdown::Both };
            let _ = stream.shutdown(how);
            let said = reader.join().unwrap_or_else(|_| Some("reading broke off".to_owned()));
            (ended, said.or_else(|| sent.err().map(|error| error.to_string())))
        })
    }
}

/// What a server says of the lines of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// Number of the last line that is durable.
    pub(super) line: u64,
    /// Dead letters among the lines.
    pub(super) rejected: u64,
    /// Lines whose records a rule of the server's policy drops.
    pub(super) policy_dropped: u64,
}

/// Reads acknowledgements until the server closes.
fn read_acks(
    mut answers: BufReader<TcpStream>,
    backlog: &Backlog,
    told: impl Fn(Acknowledged),
) -> Option<String> {
    let mut waited = false;
    let reason = loop {
        match read_answer(&mut answers) {
            Ok(None) => break None,
            Ok(Some(said)) => {
                waited = false;
                let count = |name: &str| said.get(name).and_then(Value::as_u64);
                match count("ack") {
                    Some(line) => told(Acknowledged {
                        line,
                        rejected: count("rejected").unwrap_or(0),
                        policy_dropped: count("policy_dropped").unwrap_or(0),
                    }),
                    None => break Some(refusal(&said)),
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // An input may be quiet for hours; lines that wait may not. They may have been
                // sent just now, so the silence counts from the next deadline.
                if waited && backlog.is_waiting() {
                    break Some(format!("no acknowledgement for {} s", SILENCE_MAX.as_secs()));
                }
                waited = backlog.is_waiting();
            }
            Err(error) => break Some(error.to_string()),
        }
    };
    backlog.broken();
    reason
}

/// Returns the server's next answer, or nothing after the server has closed.
fn read_answer(answers: &mut BufReader<TcpStream>) -> std::io::Result<Option<Value>> {
    let mut line = Vec::new();
    match answers.take(ANSWER_BYTES_MAX).read_until(b'\n', &mut line) {
        Ok(0) => Ok(None),
        // A line without its end: the server died while it was speaking.
        Ok(_) if !line.ends_with(b"\n") => Ok(None),
        Ok(_) => serde_json::from_slice(&line).map(Some).map_err(std::io::Error::other),
        // A reset is how a server that stops in a hurry closes; the counts tell the rest.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
        Err(error) => Err(error),
    }
}

fn refusal(said: &Value) -> String {
    let error = said.get("error").and_then(Value::as_str);
    error.map_or("the server does not speak this protocol".to_owned(), |error| {
        format!("the server said: {error}")
    })
}

fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let addresses = address.to_socket_addrs().map_err(|error| no_such_place(address, &error))?;
    let mut reason = "there is no host of this name".to_owned();
    for candidate in addresses {
        match TcpStream::connect_timeout(&candidate, CONNECT_TIMEOUT) {
            Ok(stream) => {
                let deadline = Some(SILENCE_MAX);
                let set = stream
                    .set_read_timeout(deadline)
                    .and_then(|()| stream.set_write_timeout(deadline));
                match set {
                    Ok(()) => return Ok(stream),
                    Err(error) => reason = error.to_string(),
                }
            }
            Err(error) => reason = format!("{error}; start one with `tierlog serve`"),
        }
    }
    Err(unreachable(address, reason).into())
}

/// A malformed address is wrong usage; an unknown name may resolve later.
fn no_such_place(address: &str, error: &std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::InvalidInput {
        return WrongUsage(format!("--to tcp://{address}: {error}")).into();
    }
    unreachable(address, error.to_string()).into()
}

fn unreachable(address: &str, reason: String) -> Unreachable {
    Unreachable { server: format!("tcp://{address}"), reason }
}
