//! Bad input in sci.toml: where it stands, what is wrong, what to do.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong with sci.toml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The sci.toml that was read.
    pub file: PathBuf,
    /// Line of the offending text, from 1.
    pub line: usize,
    /// Column of the offending text in characters, from 1.
    pub column: usize,
    /// The offending text as a byte range of the file, for a renderer that underlines it.
    pub span: Range<usize>,
    /// The offending text itself.
    pub text: String,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// A value of sci.toml and where it stands: a byte range of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands. A value that comes from a preset stands where `presets` names that preset.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    /// Pairs a value with its place.
    pub const fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

/// The text of sci.toml, kept so that errors found later can say where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    /// Takes the text that was read from `file`.
    pub fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes the error for the text at `span`.
    pub fn error(&self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) -> ConfigError {
        let start = self.boundary(span.start);
        let end = self.boundary(span.end).max(start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigError {
            file: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            span: start..end,
            text: self.text[start..end].to_owned(),
            message: message.into(),
            hint,
        }
    }

    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// More errors than this are not collected: nobody reads them, and finding their places takes time.
const MOST: usize = 100;

/// Words longer than this are nobody's slip of the pen. Bytes.
const COMPARED: usize = 100;

/// Collects errors, so that one reading reports all of them.
#[derive(Debug)]
pub(crate) struct Errors<'s> {
    source: &'s Source,
    found: Vec<ConfigError>,
}

impl<'s> Errors<'s> {
    pub(crate) const fn new(source: &'s Source) -> Self {
        Self { source, found: Vec::new() }
    }

    pub(crate) fn push(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.add(span, message.into(), None);
    }

    pub(crate) fn push_with_hint(&mut self, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.add(span, message.into(), Some(hint.into()));
    }

    /// The same finding reached from two sides (a preset that several rules blame, say) is told once.
    fn add(&mut self, span: &Range<usize>, message: String, hint: Option<String>) {
        if self.is_full() {
            return;
        }
        let error = self.source.error(span, message, hint);
        if !self.found.contains(&error) {
            self.found.push(error);
        }
    }

    /// Whether there are so many that no more are taken.
    pub(crate) const fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    /// The errors in the order of the file, or `value` when there are none.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, Vec<ConfigError>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by(|a, b| (a.span.start, a.span.end, &a.message).cmp(&(b.span.start, b.span.end, &b.message)));
        Err(self.found)
    }
}

/// Names the known word that `word` was probably meant to be.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Telling two words apart takes the product of their lengths in time and memory.
    let comparable = |word: &str| word.len() <= COMPARED;
    let lowered = Some(word).filter(|word| comparable(word))?.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| comparable(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let length = word.len().max(candidate.len());
            *distance <= 1 + length / 3 && *distance < length
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// A hint that names the nearest known word, else lists them all.
pub(crate) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("expected one of {}", listed(known)),
    }
}

/// The words in backquotes, separated by commas.
pub(crate) fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
