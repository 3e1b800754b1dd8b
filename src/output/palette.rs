//! Colours, or none.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};
use tierlog_model::Level;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Escape codes around words.
    Coloured,
    /// The words alone.
    Plain,
}

impl Palette {
    /// Returns the palette for stdout: colour on a terminal, unless `NO_COLOR` or a dumb terminal
    /// say otherwise; `CLICOLOR_FORCE` wins over a pipe.
    pub fn for_stdout() -> Palette {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = set("CLICOLOR_FORCE");
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = forced || (std::io::stdout().is_terminal() && !dumb);
        if wanted && !set("NO_COLOR") { Palette::Coloured } else { Palette::Plain }
    }

    /// Returns the style of a level's name.
    pub(super) fn level(self, level: Option<Level>) -> Style {
        let style = match level {
            Some(Level::Debug) => AnsiColor::BrightBlack.on_default(),
            Some(Level::Info) => AnsiColor::Green.on_default(),
            Some(Level::Warning) => AnsiColor::Yellow.on_default(),
            Some(Level::Error) => AnsiColor::Red.on_default().bold(),
            Some(Level::Critical) => AnsiColor::White.on(AnsiColor::Red).bold(),
            None => Style::new(),
        };
        self.if_coloured(style)
    }

    /// Returns the style of what stands back: times, field names, tracebacks.
    pub(super) fn dim(self) -> Style {
        self.if_coloured(Style::new().dimmed())
    }

    /// Returns the style of a service's name.
    pub(super) fn service(self) -> Style {
        self.if_coloured(AnsiColor::Cyan.on_default())
    }

    /// Returns the style of a table's header.
    pub(super) fn header(self) -> Style {
        self.if_coloured(Style::new().bold())
    }

    fn if_coloured(self, style: Style) -> Style {
        match self {
            Palette::Coloured => style,
            Palette::Plain => Style::new(),
        }
    }
}
