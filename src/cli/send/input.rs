//! Where lines come from: a stream that is read once, a file, a file that is followed.

mod follow;

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::place::Place;
pub(super) use follow::Followed;

/// Bytes read at a time.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// What an input holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes were read.
    Bytes(usize),
    /// Nothing, for as long as was waited.
    Nothing,
    /// What follows is another file, read from here on.
    Begins(Place),
    /// Nothing more will come.
    End,
}

/// An input.
pub(super) trait Input: Send {
    /// Reads available bytes, or waits for the given time.
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> Result<Read>;
}

/// An input that is read once: a pipe, a terminal, a socket, a file without a kept place. A thread
/// reads the input, so that waiting on a silent input can end for another event.
#[derive(Debug)]
pub(super) struct Stream(Receiver<std::io::Result<Vec<u8>>>);

impl Stream {
    /// Returns the standard input.
    pub(super) fn stdin() -> Result<Stream> {
        Stream::of(|| Ok(std::io::stdin()))
    }

    /// Returns what a path names. A named pipe has no beginning before somebody writes.
    pub(super) fn open(path: &Path) -> Result<Stream> {
        let path = path.to_owned();
        Stream::of(move || File::open(path))
    }

    fn of<I: std::io::Read>(
        open: impl FnOnce() -> std::io::Result<I> + Send + 'static,
    ) -> Result<Stream> {
        // The channel between the two threads holds no bytes: a read piece is always with one of
        // the threads.
        let (sender, reads) = sync_channel(0);
        let read_all = move || {
            let mut input = match open() {
                Ok(input) => input,
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            loop {
                let mut bytes = vec![0; READ_BYTES];
                let read = match input.read(&mut bytes) {
                    Ok(0) => return,
                    Ok(length) => {
                        bytes.truncate(length);
                        Ok(bytes)
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_broken = read.is_err();
                // After the end of reading, the receiver is gone.
                if sender.send(read).is_err() || is_broken {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("wait for input".to_owned())
            .spawn(read_all)
            .context("start a thread that reads")?;
        Ok(Stream(reads))
    }
}

impl Input for Stream {
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> Result<Read> {
        let bytes = match self.0.recv_timeout(patience) {
            Ok(read) => read.context("read the input")?,
            Err(RecvTimeoutError::Timeout) => return Ok(Read::Nothing),
            Err(RecvTimeoutError::Disconnected) => return Ok(Read::End),
        };
        let Some(front) = buffer.get_mut(..bytes.len()) else {
            anyhow::bail!("a read is longer than its buffer");
        };
        front.copy_from_slice(&bytes);
        Ok(Read::Bytes(bytes.len()))
    }
}

/// A file that is read from a place to its end.
#[derive(Debug)]
pub(super) struct Placed(pub(super) File);

impl Input for Placed {
    fn read(&mut self, buffer: &mut [u8], _: Duration) -> Result<Read> {
        match self.0.read(buffer) {
            Ok(0) => Ok(Read::End),
            Ok(read) => Ok(Read::Bytes(read)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(Read::Nothing),
            Err(error) => Err(error).context("read the input"),
        }
    }
}

/// Returns the name of a file that is begun: a random number that is not that of a stream.
pub(super) fn new_source() -> u64 {
    super::random() as u64 | 1
}
