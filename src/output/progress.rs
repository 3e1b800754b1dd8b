//! A progress bar on stderr, on a terminal only.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something is. Shown ten times a second at most; cheap to tell often.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Returns a bar that nobody sees.
    pub fn hidden() -> Progress {
        Progress(ProgressBar::hidden())
    }

    /// Returns a bar that counts lines.
    pub fn of_lines(total: u64) -> Progress {
        let form =
            "{elapsed_precise} {wide_bar} {human_pos}/{human_len} lines, {per_sec}, {eta} left";
        Self::visible(Some(total), form)
    }

    /// Returns a bar that counts bytes, of a known or an unknown number, and shows a remark.
    pub fn of_bytes(total: Option<u64>) -> Progress {
        let form = match total {
            Some(_) => "{elapsed_precise} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {msg}",
            None => "{elapsed_precise} {spinner} {bytes}, {bytes_per_sec}, {msg}",
        };
        Self::visible(total, form)
    }

    fn visible(total: Option<u64>, form: &str) -> Progress {
        // indicatif draws nothing when stderr is not a terminal.
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(total, target);
        let style =
            ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        Progress(bar)
    }

    /// Says how far it is.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Says how much further it is.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// Shows a remark.
    pub fn remark(&self, text: String) {
        self.0.set_message(text);
    }

    /// Says a sentence on stderr, above the bar.
    pub fn say(&self, sentence: &str) {
        // Nobody is left to tell when stderr is closed.
        self.0.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{sentence}");
        });
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
