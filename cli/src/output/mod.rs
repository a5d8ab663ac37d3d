//! Everything that is printed goes through here: human lines, warnings, errors, and the one JSON document.
//!
//! Without `--json`, results go to stdout and everything else to stderr. With `--json`, stdout holds exactly one document
//! (see [`document`]) and nothing else; `run` sends its human lines to stderr, because stdout belongs to the command.

pub mod document;
pub mod format;
pub mod list;
pub mod progress;
mod runner;
pub mod style;
pub mod table;
pub mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use serde::Serialize;

pub use document::SCHEMA;
pub use style::{ColorChoice, Styles};
pub use text::Text;

use crate::error::{CliError, Kind};

/// What the global flags say about output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// One JSON document instead of human lines.
    pub json: bool,
    /// No progress, no notes: results, warnings and errors only.
    pub quiet: bool,
    /// Notes about how a result came about.
    pub verbose: bool,
    /// When to colour.
    pub color: ColorChoice,
}

/// Where output goes and how it looks. One per process.
#[derive(Debug)]
pub struct Output {
    options: Options,
    stdout: Styles,
    stderr: Styles,
    human_to_stderr: bool,
    silent: bool,
    /// Whether something that belongs on stdout could not be written there.
    lost: bool,
    warnings: Vec<String>,
}

impl Output {
    /// Decides colour once per stream.
    pub fn new(options: Options) -> Self {
        let stdout = Styles::decide(options.color, io::stdout().is_terminal());
        let stderr = Styles::decide(options.color, io::stderr().is_terminal());
        Self { options, stdout, stderr, human_to_stderr: false, silent: false, lost: false, warnings: Vec::new() }
    }

    /// Says nothing to people on its way, because the terminal is somebody else's. Warnings are kept.
    pub fn silent() -> Self {
        let quiet = Self::new(Options { color: ColorChoice::Never, ..Options::default() });
        Self { silent: true, ..quiet }
    }

    /// How stdout is styled.
    pub fn styles(&self) -> Styles {
        self.stdout
    }

    /// True when the result is a JSON document.
    pub fn is_json(&self) -> bool {
        self.options.json
    }

    /// True when details were asked for.
    pub fn is_verbose(&self) -> bool {
        self.options.verbose
    }

    /// True when progress may be drawn: stderr is a terminal and nobody asked for quiet.
    pub fn draws_progress(&self) -> bool {
        !self.options.quiet && !self.silent && io::stderr().is_terminal()
    }

    /// Sends human lines to stderr from now on, because stdout belongs to somebody else.
    pub fn yield_stdout(&mut self) {
        self.human_to_stderr = true;
    }

    /// Prints human lines; does nothing under `--json`.
    pub fn human(&mut self, render: impl FnOnce(&mut Text)) {
        if self.options.json || self.silent {
            return;
        }
        let mut text = Text::new(if self.human_to_stderr { self.stderr } else { self.stdout }, self.options.verbose);
        render(&mut text);
        if self.human_to_stderr {
            to_stderr(text.as_str())
        } else {
            self.put(runner::without_orders(text.as_str()).as_bytes())
        }
    }

    /// Prints lines on stdout as they are, under `--json` too: for completions, which are a script.
    pub fn raw(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// Prints the JSON document of a command that succeeded; does nothing without `--json`.
    pub fn document<T: Serialize>(&mut self, command: &str, result: &T) {
        if self.options.json {
            self.put(&runner::document_without_orders(document::success(command, &self.warnings, result)));
        }
    }

    /// Prints a result that is an error all the same: on stderr in human form, and as a document with both.
    pub fn refusal<T: Serialize>(&mut self, command: &str, result: &T, error: &CliError) {
        to_stderr(&text::error(self.stderr, error));
        self.failed_document(command, result, error);
    }

    /// Prints the document with a result and an error; says nothing to people.
    pub fn failed_document<T: Serialize>(&mut self, command: &str, result: &T, error: &CliError) {
        if self.options.json {
            self.put(&runner::document_without_orders(document::refusal(command, &self.warnings, result, error)));
        }
    }

    /// Prints an error, in human form on stderr and, under `--json`, as a document on stdout too.
    pub fn error(&mut self, command: &str, error: &CliError) {
        to_stderr(&text::error(self.stderr, error));
        if self.options.json {
            self.put(&runner::document_without_orders(document::failure(Some(command), &self.warnings, error)));
        }
    }

    /// Prints the JSON document of a command line that could not be read; nothing else is printed.
    pub fn usage_document(&mut self, command: Option<&str>, error: &CliError) {
        self.put(&runner::document_without_orders(document::failure(command, &[], error)));
    }

    /// Whether something that belongs on stdout could not be written there, which was said on stderr.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Says that stdout could not be written, the first time.
    pub fn lose(&mut self, cause: &io::Error) {
        if !std::mem::replace(&mut self.lost, true) {
            let error = CliError::new(Kind::Local, format!("cannot write the output: {cause}"))
                .hint("free some room there, or write it elsewhere; what the command did is done all the same");
            to_stderr(&text::error(self.stderr, &error));
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let mut stream = io::stdout().lock();
        if let Err(error) = read_or_gone(stream.write_all(bytes).and_then(|()| stream.flush())) {
            drop(stream);
            self.lose(&error);
        }
    }

    /// Says on stderr that something is not as the person would expect; kept for the JSON document.
    pub fn warn(&mut self, message: impl Into<String>) {
        let message = message.into();
        if !self.silent {
            to_stderr(&format!("{}: {message}\n", self.stderr.warning.paint("Warning")));
        }
        self.warnings.push(message);
    }

    /// Says on stderr what is going on, unless quiet.
    pub fn note(&mut self, message: &str) {
        if !self.options.quiet && !self.silent {
            to_stderr(&format!("{message}\n"));
        }
    }

    /// Says on stderr how a result came about, when verbose.
    pub fn verbose(&mut self, message: impl FnOnce() -> String) {
        if self.options.verbose {
            to_stderr(&format!("{}\n", self.stderr.dim.paint(message())));
        }
    }

    /// [`Output::verbose`], of something that began then and has ended now.
    pub fn took(&mut self, began: Instant, message: impl FnOnce(String) -> String) {
        self.verbose(|| message(format::duration(began.elapsed())));
    }
}

/// A reader that went away (`sci ls | head`) is no error of ours; everything else that keeps a result from its reader is.
///
/// # Errors
/// Those of the write, but for a broken pipe.
pub fn read_or_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(runner::without_orders(text).as_bytes());
}
