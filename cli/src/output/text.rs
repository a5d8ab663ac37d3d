//! A buffer of human lines, and the human form of errors.

use std::fmt::{Display, Write};

use super::Styles;
use crate::error::{CliError, Kind, Place};

/// Human lines being composed. Styles are at hand; nothing is printed yet.
#[derive(Debug, Default)]
pub struct Text {
    /// The styles of the stream that the lines are for.
    pub style: Styles,
    /// True when details were asked for.
    pub verbose: bool,
    buffer: String,
}

impl Text {
    /// An empty buffer.
    pub fn new(style: Styles, verbose: bool) -> Self {
        Self { style, verbose, buffer: String::new() }
    }

    /// Adds one line.
    pub fn line(&mut self, content: impl Display) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = writeln!(self.buffer, "{content}");
        self
    }

    /// Adds one line, indented by `level` steps of two spaces.
    pub fn indented(&mut self, level: usize, content: impl Display) -> &mut Self {
        let _ = writeln!(self.buffer, "{:width$}{content}", "", width = level * 2);
        self
    }

    /// Adds an empty line, unless nothing was written yet.
    pub fn gap(&mut self) -> &mut Self {
        if !self.buffer.is_empty() {
            self.buffer.push('\n');
        }
        self
    }

    /// Adds "label: value" with the labels padded so that values align.
    pub fn field(&mut self, label: &str, value: impl Display) -> &mut Self {
        let padded = format!("{label:<12}");
        let line = format!("  {} {value}", self.style.dim.paint(padded));
        self.line(line)
    }

    /// What was composed.
    pub fn as_str(&self) -> &str {
        &self.buffer
    }
}

/// The human form of an error: "Error: …", its siblings, and "Hint: …" apart from them.
pub fn error(style: Styles, error: &CliError) -> String {
    let mut text = Text::new(style, false);
    one_error(&mut text, error);
    for also in &error.also {
        one_error(&mut text, also);
    }
    text.buffer
}

fn one_error(text: &mut Text, error: &CliError) {
    let style = text.style;
    let word = style.error.paint("Error");
    match error.place.as_deref() {
        // That it was asked for is no error of anybody's.
        None if matches!(error.kind, Kind::Interrupted(_)) => {
            text.line(&error.message);
        }
        None => {
            text.line(format_args!("{word}: {}", error.message));
        }
        Some(Place { file, line, column, excerpt }) => {
            text.line(format_args!("{word}: {}:{line}:{column}: {}", file.display(), error.message));
            if !excerpt.is_empty() {
                text.line(excerpt);
            }
        }
    }
    if let Some(hint) = &error.hint {
        text.line(format_args!("{}: {hint}", style.hint.paint("Hint")));
    }
}
