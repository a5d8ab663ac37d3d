//! Colours, and when to use them.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Style};

/// The `--color` flag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is "dumb".
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// One style, or none at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paint(Style);

impl Paint {
    /// Wraps `content` in the style's escape codes; adds nothing for a plain style.
    pub fn paint<T: Display>(self, content: T) -> Painted<T> {
        Painted { style: self.0, content }
    }

    /// The style itself.
    pub const fn style(self) -> Style {
        self.0
    }
}

/// A styled content, to be displayed.
#[derive(Debug)]
pub struct Painted<T> {
    style: Style,
    content: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style)?;
        self.content.fmt(f)?;
        write!(f, "{:#}", self.style)
    }
}

/// The styles of one stream, by meaning.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// An exact hit, something saved, something sound.
    pub good: Paint,
    /// A nearest hit, something changed.
    pub fair: Paint,
    /// Damage, something removed.
    pub bad: Paint,
    /// A name the line is about.
    pub name: Paint,
    /// What may be skipped by the eye.
    pub dim: Paint,
    /// The word "Error".
    pub error: Paint,
    /// The word "Warning".
    pub warning: Paint,
    /// The word "Hint".
    pub hint: Paint,
}

impl Styles {
    /// The styles for a stream, given whether it is a terminal.
    pub fn decide(choice: ColorChoice, terminal: bool) -> Self {
        match choice {
            ColorChoice::Always => Self::colored(),
            ColorChoice::Never => Self::default(),
            ColorChoice::Auto if terminal && !plain_requested() => Self::colored(),
            ColorChoice::Auto => Self::default(),
        }
    }

    fn colored() -> Self {
        let color = |color: AnsiColor| Paint(color.on_default());
        let bold = |color: AnsiColor| Paint(color.on_default().bold());
        Self {
            good: color(AnsiColor::Green),
            fair: color(AnsiColor::Yellow),
            bad: color(AnsiColor::Red),
            name: Paint(Style::new().bold()),
            dim: Paint(Style::new().dimmed()),
            error: bold(AnsiColor::Red),
            warning: bold(AnsiColor::Yellow),
            hint: bold(AnsiColor::Cyan),
        }
    }
}

/// NO_COLOR counts when it is set and not empty (no-color.org).
fn plain_requested() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}
