//! Words: one definition for the index, the verification of hits and the queries.
//!
//! Arrives: a text as it was logged, or a piece of a query. Leaves: the words of its normal form,
//! the terms under which the index has them, and whether words stand one after the other. Nothing
//! here knows records, columns or files.
//!
//! | characters | a word is |
//! |---|---|
//! | letters and digits, with the marks on them | as many as stand side by side: `foo_bar` is two, `fooBar1` one |
//! | of scripts that put no spaces between words (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese, ...) | a *run*: as many as stand side by side; any part of it is found |
//! | emoji | each alone; a flag is one |
//! | anything else | a sign: it ends words and is in none |
//!
//! The normal form is Unicode's NFKC without the difference of upper and lower case and without
//! characters that are not seen: composed and decomposed accents, full-width and half-width forms,
//! ligatures, `ß` and `SS`, the sigmas of Greek and the four letters i of Turkish are one, a soft
//! hyphen or a zero-width joiner is none. Accents are kept: `resume` is not `résumé`.

mod characters;
mod normal;
mod phrase;
mod signs;
mod terms;
mod tokenizer;

pub(crate) use characters::is_always_run;
pub use characters::{Kind, is_run, kind};
pub use normal::{NormalText, normal_form};
pub use phrase::{Ending, Need, Phrase};
pub use signs::Signs;
pub(crate) use terms::for_each_term;
pub use terms::{Term, scan_prefix};
pub(crate) use tokenizer::WordTokenizer;

#[cfg(test)]
mod tests;
