//! The labelled corpus of redaction. A seed arrives; lines with labels leave, and a score of what
//! the redactor of the default settings makes of them.
//!
//! [`mod@labelled`] plants every kind of personal data in every notation and disguise, and knows
//! which bytes must go. [`mod@ordinary`] makes lines in which nothing may go. [`Pipeline`] is the
//! real way of a line, [`mod@judge`] compares, [`Score`] counts, and [`Measured`] is held to the
//! table in `bounds.txt`. The words are in `data/`: a notation, a token or an ordinary line is one
//! line of a file.

#![forbid(unsafe_code)]

mod bounds;
mod checksum;
mod disguise;
mod disguised;
mod fill;
mod judge;
mod kind;
mod labelled;
mod national;
mod ordinary;
mod pipeline;
mod random;
pub mod sample;
mod score;
mod template;
mod values;
mod vocabulary;

pub use bounds::Measured;
pub use disguise::Disguise;
pub use disguised::disguised;
pub use judge::{Verdict, judge};
pub use kind::{Class, Form, KINDS, Kind, Need};
pub use labelled::{Place, Sample, labelled};
pub use ordinary::{Ordinary, ordinary, template_count};
pub use pipeline::{Pipeline, Reading, Stored};
pub use random::Random;
pub use score::{FalseHit, Score, false_hits};
