//! A client of the TCP listener.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

use super::DEADLINE;

/// First line of a client that wants acks.
pub(crate) const ACKS_PLEASE: &str = "{\"tierlog\":{\"ack\":true}}\n";

/// A connection.
pub(crate) struct Tcp {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Tcp {
    /// Connects.
    pub(crate) fn connect(address: &str) -> Tcp {
        let stream = TcpStream::connect(address).expect("a listening server");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
        let reader = BufReader::new(stream.try_clone().expect("a second handle"));
        Tcp { stream, reader }
    }

    /// Asks for acks.
    #[must_use]
    pub(crate) fn with_acks(mut self) -> Tcp {
        self.send(ACKS_PLEASE.as_bytes());
        self
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("a server that reads");
    }

    /// Sends bytes to a server that may die meanwhile.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Ends the sending half; acks may still arrive.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Returns the next ack as (durable lines, those of them that were rejected); `None` at the
    /// end of the connection.
    pub(crate) fn next_ack(&mut self) -> Option<(u64, u64)> {
        let mut text = String::new();
        if self.reader.read_line(&mut text).ok()? == 0 || !text.ends_with('\n') {
            return None;
        }
        let ack: Value = serde_json::from_str(&text).expect("an ack is a JSON line");
        Some((ack["ack"].as_u64().expect("a count"), ack["rejected"].as_u64().expect("a count")))
    }

    /// Returns the next line that the server says; `None` at the end of the connection.
    pub(crate) fn next_line(&mut self) -> Option<Value> {
        let mut text = String::new();
        let read = self.reader.read_line(&mut text).ok()?;
        (read > 0).then(|| serde_json::from_str(&text).expect("the server says JSON lines"))
    }

    /// Waits until an ack covers so many lines, and returns how many of them were rejected.
    #[track_caller]
    pub(crate) fn await_ack(&mut self, lines: u64) -> u64 {
        loop {
            let (durable, rejected) = self.next_ack().expect("the server acks");
            if durable >= lines {
                return rejected;
            }
        }
    }

    /// Returns the server's answers up to the end of the connection.
    pub(crate) fn rest(mut self) -> String {
        let mut text = String::new();
        let _ = std::io::Read::read_to_string(&mut self.reader, &mut text);
        text
    }
}
