//! What a workspace path holds but a snapshot does not: by pattern, and by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{Result, SnapshotError};

/// A set of glob patterns, matched against paths relative to the root of the tree; `*` does not cross a `/`. And a set of such
/// paths.
///
/// What matches is neither saved, nor compared, nor removed; a directory that matches hides everything below it.
#[derive(Debug, Clone, Default)]
pub struct Excludes {
    patterns: Option<GlobSet>,
    paths: Arc<BTreeSet<Vec<u8>>>,
}

impl Excludes {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// [`SnapshotError::Pattern`] for the first one that is no glob.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(Self::default());
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let refuse = |error: globset::Error| SnapshotError::Pattern {
                pattern: pattern.to_owned(),
                reason: error.kind().to_string(),
            };
            set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(refuse)?);
        }
        let set = set.build().map_err(|error| SnapshotError::Pattern {
            pattern: patterns.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
            reason: error.to_string(),
        })?;
        Ok(Self { patterns: Some(set), ..Self::default() })
    }

    /// Excludes these very paths, too.
    #[must_use]
    pub fn with_paths(self, paths: BTreeSet<Vec<u8>>) -> Self {
        Self { paths: Arc::new(paths), ..self }
    }

    /// Whether the entry at `path`, with `/` between its names, or a directory above it is excluded.
    pub fn hides(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| self.matches(|| path[..end].to_vec()))
    }

    /// Whether the entry at `path` is excluded. `path` is called only when anything is.
    pub(crate) fn matches(&self, path: impl FnOnce() -> Vec<u8>) -> bool {
        use sci_sys::ffi::OsStrExt as _;
        if self.patterns.is_none() && self.paths.is_empty() {
            return false;
        }
        let path = path();
        let by_pattern = |set: &GlobSet| set.is_match(std::ffi::OsStr::from_bytes(&path));
        self.paths.contains(&path) || self.patterns.as_ref().is_some_and(by_pattern)
    }
}
