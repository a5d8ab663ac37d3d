//! Patterns of what a workspace path holds but a snapshot does not.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{Result, SnapshotError};

/// A set of glob patterns, matched against paths relative to the root of the tree; `*` does not cross a `/`.
///
/// What matches is neither saved, nor compared, nor removed; a directory that matches hides everything below it.
#[derive(Debug, Clone, Default)]
pub struct Excludes(Option<GlobSet>);

impl Excludes {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// [`SnapshotError::Pattern`] for the first one that is no glob.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(Self(None));
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
        Ok(Self(Some(set)))
    }

    /// Whether the entry at `path` is excluded. `path` is called only when there are patterns at all.
    pub(crate) fn matches(&self, path: impl FnOnce() -> Vec<u8>) -> bool {
        use std::os::unix::ffi::OsStrExt as _;
        self.0.as_ref().is_some_and(|set| set.is_match(std::ffi::OsStr::from_bytes(&path())))
    }
}
