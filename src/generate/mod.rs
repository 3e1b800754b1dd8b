//! Sample logs: a seed arrives, JSON lines leave, with a manifest of the personal data planted in
//! them.
//!
//! The same settings give the same bytes on every machine, so a test, a bench and a bug report
//! speak of the same file. Nothing here reads a clock, a file or the environment.
//!
//! [`Corpus`] says which world the lines come from; of a hundred lines of either about 15 are
//! DEBUG, 70 INFO, 10 WARNING, 4 ERROR and half a line CRITICAL.

mod application;
mod event;
mod fact;
mod free_text;
mod happening;
mod json;
mod leak;
mod moment;
mod random;
mod request;
mod secret;
mod shape;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::num::NonZero;
use std::time::Duration;

use serde::Serialize;
use tierlog_model::Timestamp;

use application::Application;
use free_text::FreeText;
use random::Random;

/// Which world the lines come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corpus {
    /// A learning platform: a few dozen messages, requests of one to six lines that overlap, six
    /// logging libraries. In four lines of a hundred stands something that must be redacted.
    Application,
    /// Prose of random words under ids of 36 characters by 50,000 users: nearly every message and
    /// id is new, so that nothing that is kept once for many lines helps. No personal data is
    /// planted.
    FreeText,
}

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorSettings {
    /// How many lines.
    pub lines: u64,
    /// What makes one file differ from another.
    pub seed: u64,
    /// Which world they come from.
    pub corpus: Corpus,
    /// No line is earlier.
    pub start: Timestamp,
    /// Every line is earlier than the start plus this.
    pub span: Duration,
    /// How many equal parts of the span take lines in turns: 1 means that lines come in the order
    /// of time, 10 over ten days that ten days grow at once, as when ten senders catch up.
    pub backlogs: NonZero<u16>,
}

/// A value in a generated line that must never be found on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// What it is: `email`, `card`, `secret`, ...; `user_id` for a user's name.
    pub kind: &'static str,
    /// The text exactly as the line holds it.
    pub value: String,
    /// Number of the line, from 1.
    pub line: u64,
    /// Whether a search for the value must still find the line (a user id, by its pseudonym).
    #[serde(skip_serializing_if = "Searchable::is_no")]
    pub searchable: Searchable,
}

/// See [`Planted::searchable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "bool")]
pub enum Searchable {
    /// Nothing may find it.
    No,
    /// A search by its field finds it.
    Yes,
}

impl Searchable {
    fn is_no(&self) -> bool {
        *self == Searchable::No
    }
}

impl From<Searchable> for bool {
    fn from(searchable: Searchable) -> bool {
        searchable == Searchable::Yes
    }
}

/// Writes the lines of a file, line by line.
#[derive(Debug)]
pub struct Generator {
    settings: GeneratorSettings,
    line_count: u64,
    /// A stream for each backlog, so that the lines of a request stay together.
    worlds: Vec<World>,
}

/// The state of a [`Corpus`].
#[derive(Debug)]
enum World {
    Application(Box<Application>),
    FreeText(Box<FreeText>),
}

impl Generator {
    /// Returns a generator before its first line.
    pub fn new(settings: GeneratorSettings) -> Generator {
        let world = |backlog: u16| {
            let random = Random::from_seed(settings.seed).of_stream(backlog);
            match settings.corpus {
                Corpus::Application => World::Application(Box::new(Application::new(random))),
                Corpus::FreeText => World::FreeText(Box::new(FreeText::new(random))),
            }
        };
        let worlds = (0..settings.backlogs.get()).map(world).collect();
        Generator { settings, line_count: 0, worlds }
    }

    /// Appends the next line, newline included, and reports what was planted in it. Tells
    /// whether there was a line left.
    pub fn next_line(&mut self, out: &mut Vec<u8>, manifest: &mut impl FnMut(Planted)) -> bool {
        if self.line_count == self.settings.lines {
            return false;
        }
        let (backlog, micros) = self.settings.place(self.line_count);
        self.line_count += 1;
        let world = self.worlds.get_mut(backlog).expect("a remainder of the number of worlds");
        match world {
            World::Application(application) => {
                let earliest = self.settings.start.as_micros();
                application.next_line((micros, earliest), out, self.line_count, manifest);
            }
            World::FreeText(free_text) => free_text.next_line(micros, out),
        }
        true
    }
}

impl GeneratorSettings {
    /// Returns the settings of an application's lines in the order of time.
    pub fn application(lines: u64, seed: u64, start: Timestamp, span: Duration) -> Self {
        let (corpus, backlogs) = (Corpus::Application, NonZero::<u16>::MIN);
        GeneratorSettings { lines, seed, corpus, start, span, backlogs }
    }

    /// Returns the backlog of a line, counted from 0, and when the line would be written if every
    /// clock were right.
    fn place(&self, number: u64) -> (usize, i64) {
        let backlogs = u64::from(self.backlogs.get());
        let (turn, backlog) = (number / backlogs, number % backlogs);
        let share = self.span.as_micros() / u128::from(backlogs);
        let into_share = share * u128::from(turn * backlogs) / u128::from(self.lines.max(1));
        let offset = share * u128::from(backlog) + into_share;
        let micros = i64::try_from(offset).unwrap_or(i64::MAX);
        (backlog as usize, self.start.as_micros().saturating_add(micros))
    }
}
