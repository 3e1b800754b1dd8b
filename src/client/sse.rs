//! Server-sent events: bytes arrive, events leave. Comments (the server's heartbeats), ids and
//! retry hints are skipped.

use std::io::{BufRead, BufReader, Read};

/// Longest line of a stream: a record is at most as long as an ingested line, escaped.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// What happened; `message` when the server did not say.
    pub name: String,
    /// The data, its lines joined.
    pub data: String,
}

/// Reads events from a stream.
#[derive(Debug)]
pub struct SseReader<R> {
    lines: BufReader<R>,
}

impl<R: Read> SseReader<R> {
    /// Returns a reader of a stream.
    pub fn new(stream: R) -> SseReader<R> {
        SseReader { lines: BufReader::new(stream) }
    }

    /// Waits for the next event; nothing when the stream has ended.
    pub fn next_event(&mut self) -> std::io::Result<Option<SseEvent>> {
        let mut name = String::new();
        let mut data: Option<String> = None;
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                if let Some(data) = data.take() {
                    let name = if name.is_empty() { "message".to_owned() } else { name };
                    return Ok(Some(SseEvent { name, data }));
                }
                name.clear();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        // An event that the end of the stream cuts off is not whole and is dropped.
        Ok(None)
    }

    fn next_line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read as u64 == LINE_BYTES_MAX {
            return Err(std::io::Error::other("a line of the stream is longer than 16 MiB"));
        }
        if !line.ends_with(b"\n") {
            return Ok(None);
        }
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, expected: &[(&str, &str)]) {
        let mut reader = SseReader::new(stream.as_bytes());
        for (name, data) in expected {
            let event = SseEvent { name: (*name).to_owned(), data: (*data).to_owned() };
            assert_eq!(reader.next_event().expect("readable"), Some(event), "{stream:?}");
        }
        assert_eq!(reader.next_event().expect("readable"), None, "{stream:?}");
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        check("", &[]);
        check(": heartbeat\n\ndata: {\"a\":1}\n\n", &[("message", "{\"a\":1}")]);
        check("event: missed\ndata: 7\n\ndata:x\n\n", &[("missed", "7"), ("message", "x")]);
        check("data: a\r\ndata:  b\r\n\r\n", &[("message", "a\n b")]);
        check("id: 3\nretry: 10\ndata\n\n", &[("message", "")]);
        check("event: lost\n\ndata: next\n\n", &[("message", "next")]);
        check("data: whole\n\ndata: cut off\n", &[("message", "whole")]);
    }
}
