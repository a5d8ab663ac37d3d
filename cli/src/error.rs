//! The error of the program: a kind that decides the exit code, a message, details, and a hint apart from them.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use sci_planner::PlanError;
use sci_planner::config::ConfigError;
use serde::Serialize;

use crate::exit::Exit;

/// What went wrong, coarsely. The names are part of the JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Kind {
    /// The cache was in trouble and `--require` was given.
    Required,
    /// Something was checked and found damaged.
    Damaged,
    /// The command that `run` ran.
    Command,
    /// The command line or the environment.
    Usage,
    /// sci.toml.
    Config,
    /// The store.
    Store,
    /// A path, preset or snapshot that does not exist.
    NotFound,
    /// A local file.
    Local,
    /// Local state, which cannot be kept.
    State,
    /// This signal asked to stop.
    Interrupted(u8),
}

impl Kind {
    /// The exit code of an error of this kind.
    pub const fn exit(self) -> Exit {
        match self {
            Self::Required | Self::Damaged | Self::Command => Exit::Negative,
            Self::Usage | Self::Config => Exit::Usage,
            Self::Store => Exit::Store,
            Self::NotFound => Exit::NotFound,
            Self::Local | Self::State => Exit::Local,
            Self::Interrupted(signal) => Exit::Interrupted(signal),
        }
    }
}

impl From<Kind> for &'static str {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Required => "required",
            Kind::Damaged => "damaged",
            Kind::Command => "command",
            Kind::Usage => "usage",
            Kind::Config => "config",
            Kind::Store => "store",
            Kind::NotFound => "not-found",
            Kind::Local => "local",
            Kind::State => "state",
            Kind::Interrupted(_) => "interrupted",
        }
    }
}

/// An error as the person sees it.
#[derive(Debug, Clone, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct CliError {
    /// Decides the exit code.
    pub kind: Kind,
    /// One sentence or a source excerpt, without the word "error".
    pub message: String,
    /// Further errors of the same kind, each shown like the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<CliError>,
    /// Where in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Box<Place>>,
    /// What the person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A place in a text file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line and the offending part of it underlined, for a terminal.
    #[serde(skip)]
    pub excerpt: String,
}

/// The result of most functions here.
pub type Result<T, E = CliError> = std::result::Result<T, E>;

impl CliError {
    /// An error without a hint.
    pub fn new(kind: Kind, message: impl Display) -> Self {
        Self { kind, message: message.to_string(), also: Vec::new(), place: None, hint: None }
    }

    /// A store error.
    pub fn store(message: impl Display) -> Self {
        Self::new(Kind::Store, message)
    }

    /// An error about a local file: what was being done, where, and why it failed.
    pub fn local(doing: &str, path: &Path, cause: impl Display) -> Self {
        Self::new(Kind::Local, format!("cannot {doing} {}: {cause}", path.display()))
    }

    /// [`CliError::local`], with what to do where the disk is full.
    pub fn file(doing: &str, path: &Path, cause: &io::Error) -> Self {
        let error = Self::local(doing, path, cause);
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                error.hint("free some room on that disk, and run it again")
            }
            _ => error,
        }
    }

    /// [`CliError::file`] about local state.
    pub fn state(doing: &str, path: &Path, cause: &io::Error) -> Self {
        Self::file(doing, path, cause).of_state()
    }

    /// The same error about a file of local state.
    #[must_use]
    pub fn of_state(mut self) -> Self {
        self.kind = Kind::State;
        self.hint.get_or_insert_with(|| "--state (or SCI_STATE) names another directory for local state".to_owned());
        self
    }

    /// Everything that is wrong with sci.toml, the first finding first.
    pub fn config(findings: &[ConfigError]) -> Self {
        let mut errors = findings.iter().map(Self::finding);
        let Some(mut first) = errors.next() else { return Self::new(Kind::Config, "sci.toml cannot be used") };
        first.also = errors.collect();
        first
    }

    /// Why there is no plan: everything that is wrong with sci.toml, or what could not be read.
    pub fn planning(error: &PlanError) -> Self {
        match error {
            PlanError::Config(findings) => Self::config(findings),
            PlanError::NoWorkspace { .. } => Self::new(Kind::Config, error),
            PlanError::Io { source, .. } => Self::new(Kind::Local, format!("{error}: {source}")),
        }
    }

    fn finding(finding: &ConfigError) -> Self {
        let excerpt = excerpt(finding).unwrap_or_default();
        let place = Place { file: finding.file.clone(), line: finding.line, column: finding.column, excerpt };
        let mut error = Self::new(Kind::Config, &finding.message);
        error.place = Some(Box::new(place));
        error.hint.clone_from(&finding.hint);
        error
    }

    /// Adds what the person can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// The line with the offending text underlined; `None` when the file cannot be read again.
fn excerpt(finding: &ConfigError) -> Option<String> {
    let text = std::fs::read_to_string(&finding.file).ok()?;
    let line = text.lines().nth(finding.line.checked_sub(1)?)?;
    let before: String = line.chars().take(finding.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let rest = line.chars().count().saturating_sub(finding.column - 1);
    let marks = finding.text.lines().next().map_or(0, |first| first.chars().count()).min(rest).max(1);
    let number = finding.line.to_string();
    let margin = " ".repeat(number.len());
    Some(format!("  {number} | {line}\n  {margin} | {before}{}", "^".repeat(marks)))
}
