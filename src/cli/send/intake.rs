//! Moves the input into the backlog: bytes are passed on where that is wanted, cut into lines, and
//! kept. Runs on a thread that a process which gives up does not wait for: its input may be silent
//! for ever.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tierlog_ingest::OtherText;

use super::backlog::Backlog;
use super::input::{Input, READ_BYTES, Read};
use super::lines::{Cut, Cutter, Unfinished};
use super::notices::Notices;
use super::place::Place;
use super::stop::Stop;
use super::tally::TooLong;

/// How long a silent input is waited for before it is asked whether to stop.
const TICK: Duration = Duration::from_millis(100);

/// Uses of lines other than sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tee {
    /// Nothing.
    Off,
    /// They are passed on to the standard output, as they came.
    Stdout,
}

/// How an input is read.
#[derive(Debug)]
pub(super) struct Intake {
    /// Where reading begins.
    pub(super) place: Place,
    pub(super) tee: Tee,
    /// What the server does with text of no known format.
    pub(super) other: OtherText,
    /// The fate of a last line without a line end.
    pub(super) unfinished: Unfinished,
    /// How long reading goes on after the process was asked to stop: whoever writes is asked at
    /// the same time, and has last lines.
    pub(super) grace: Duration,
    pub(super) stop: Stop,
    pub(super) notices: Notices,
    /// Set when the input was read to its end.
    pub(super) is_whole: Arc<AtomicBool>,
    pub(super) too_long: TooLong,
}

impl Intake {
    /// Starts to read.
    pub(super) fn start(self, mut input: Box<dyn Input>, backlog: Arc<Backlog>) -> Result<()> {
        let read = move || {
            let ended = self.read_all(&mut *input, &backlog);
            backlog.end(ended);
        };
        std::thread::Builder::new()
            .name("read input".to_owned())
            .spawn(read)
            .context("start a thread that reads")?;
        Ok(())
    }

    fn read_all(mut self, input: &mut dyn Input, backlog: &Backlog) -> Result<()> {
        let mut cutter = Cutter::at(self.place, self.other);
        let mut buffer = vec![0; READ_BYTES];
        let ended = loop {
            let is_over = self.stop.since().is_some_and(|since| since >= self.grace);
            // What was read elsewhere meanwhile is taken along.
            match input.read(&mut buffer, if is_over { Duration::ZERO } else { TICK }) {
                Ok(Read::Nothing) => {}
                Ok(Read::Bytes(length)) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    self.pass_on(bytes);
                    cutter.feed(bytes);
                    if !self.keep(backlog, || cutter.next_cut()) {
                        return Ok(());
                    }
                }
                Ok(Read::Begins(place)) => {
                    if !self.keep(backlog, || cutter.finish(Unfinished::Take)) {
                        return Ok(());
                    }
                    cutter = Cutter::at(place, self.other);
                }
                Ok(Read::End) => {
                    self.is_whole.store(true, Ordering::Release);
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
            if is_over {
                break Ok(());
            }
        };
        self.keep(backlog, || cutter.finish(self.unfinished));
        ended
    }

    /// Gives lines to the backlog. Tells whether it takes more.
    fn keep(&self, backlog: &Backlog, mut next: impl FnMut() -> Option<Cut>) -> bool {
        while let Some(cut) = next() {
            match cut {
                Cut::Piece(piece) => {
                    if !backlog.push(&piece) {
                        return false;
                    }
                }
                Cut::TooLong(line) => self.too_long.note(line),
            }
        }
        true
    }

    /// Passes bytes on. A closed standard output does not stop the sending.
    fn pass_on(&mut self, bytes: &[u8]) {
        if self.tee == Tee::Off {
            return;
        }
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            self.tee = Tee::Off;
            self.notices.say(format!("lines are not passed on any more, but sent: {error}"));
        }
    }
}
