//! Facts that a request's lines speak about, so that they agree with each other: the same course
//! in the message, in the fields and in the path.

use super::json::Members;
use super::random::Random;
use super::vocabulary::{CACHE_KEYS, CURRENCIES, FILES, QUEUED_TASKS, TOPICS, UPSTREAMS};

/// ln 4,000: how many courses there are.
const LN_COURSES: f64 = 8.294_049_640_102_028;

/// A thing that a message or a field names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// Number of the course.
    Course,
    /// Title of the course.
    Topic,
    /// Number of the lesson.
    Lesson,
    /// Number of the quiz.
    Quiz,
    /// Points out of a hundred.
    Score,
    /// Order number as text.
    Order,
    /// Price with two decimals.
    Amount,
    /// Currency of the price.
    Currency,
    /// A small number.
    Count,
    /// How often something was tried.
    Attempt,
    /// Milliseconds that a step took.
    Millis,
    /// Seconds that a quick statement took.
    Seconds,
    /// Bytes of an upload.
    Bytes,
    /// Name of an upload.
    File,
    /// Key of a cached thing.
    CacheKey,
    /// Background task.
    Task,
    /// System that the application depends on.
    Upstream,
    /// Commit of the release.
    Release,
    /// Percentage.
    Percent,
}

/// The values of one request's facts.
#[derive(Debug, Default)]
pub(super) struct Facts {
    course: u32,
    seed: u32,
    /// Changes from line to line.
    millis_hundredths: u64,
    count: u32,
}

impl Facts {
    /// Draws the facts of a new request.
    pub(super) fn draw(random: &mut Random) -> Facts {
        Facts { course: random.zipf(LN_COURSES), seed: random.below(1 << 20), ..Facts::default() }
    }

    /// Draws what changes from line to line.
    pub(super) fn draw_line(&mut self, random: &mut Random) {
        self.millis_hundredths = (random.log_normal(4.0, 1.1) * 100.0) as u64;
        self.count = random.below(200);
    }

    fn of(&self, table: &'static [&'static str]) -> &'static str {
        let position = self.seed as usize % table.len();
        table.get(position).expect("a remainder of the length is a position")
    }

    fn value(&self, fact: Fact) -> FactValue {
        let seed = self.seed;
        let number = |number: u32| FactValue::Number(u64::from(number));
        match fact {
            Fact::Course => number(self.course),
            Fact::Lesson => number(self.course * 40 + seed % 40),
            Fact::Quiz => number(self.course * 7 + seed % 7),
            Fact::Score => number(35 + seed % 66),
            Fact::Count => number(self.count),
            Fact::Attempt => number(1 + self.count % 5),
            Fact::Bytes => number(2_048 + seed * 9),
            Fact::Percent => number(76 + seed % 24),
            Fact::Amount => FactValue::Hundredths(u64::from(900 + seed % 190 * 50)),
            Fact::Millis => FactValue::Hundredths(self.millis_hundredths),
            // A quick statement takes tens of milliseconds: hundredths of a second.
            Fact::Seconds => FactValue::Hundredths(self.millis_hundredths / 1_000 % 100),
            Fact::Topic => FactValue::Word(self.of(TOPICS)),
            Fact::Currency => FactValue::Word(self.of(CURRENCIES)),
            Fact::Task => FactValue::Word(self.of(QUEUED_TASKS)),
            Fact::Upstream => FactValue::Word(self.of(UPSTREAMS)),
            Fact::Release => FactValue::Word("3f9c2ab"),
            Fact::Order => FactValue::Text(format!("ORD-2026-{:06}", seed % 1_000_000)),
            Fact::File => FactValue::Text(format!("{}{}.pdf", self.of(FILES), seed % 5_000)),
            Fact::CacheKey => FactValue::Text(format!("{}{}", self.of(CACHE_KEYS), self.course)),
        }
    }

    /// Appends a fact as text.
    pub(super) fn push(&self, fact: Fact, out: &mut String) {
        use std::fmt::Write as _;
        let written = match self.value(fact) {
            FactValue::Number(number) => write!(out, "{number}"),
            FactValue::Hundredths(hundredths) => {
                write!(out, "{}.{:02}", hundredths / 100, hundredths % 100)
            }
            FactValue::Word(word) => out.write_str(word),
            FactValue::Text(text) => out.write_str(&text),
        };
        debug_assert!(written.is_ok(), "a String takes any text");
    }

    /// Writes a fact as a field.
    pub(super) fn write(&self, name: &str, fact: Fact, members: &mut Members<'_>) {
        match self.value(fact) {
            FactValue::Number(number) => members.number(name, number),
            FactValue::Hundredths(hundredths) => members.hundredths(name, hundredths),
            FactValue::Word(word) => members.text(name, word),
            FactValue::Text(text) => members.text(name, &text),
        }
    }
}

/// A fact's value in the form in which it is written.
enum FactValue {
    Number(u64),
    Hundredths(u64),
    Word(&'static str),
    Text(String),
}
