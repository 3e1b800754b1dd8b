//! Searches over a real store, compared with what a plain filter over the records says.

mod answers;
mod fixture;
mod ids;
mod oracle;
mod phrases;
mod scripts;
mod spans;
mod values;
