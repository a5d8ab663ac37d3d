//! The `.gitignore` files that count in a directory: its own, and those above it in the same repository and workspace.

use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::super::tree::to_path;
use crate::glob::without_braces;
use crate::plain;

/// The name of the files.
pub(super) const FILE: &[u8] = b".gitignore";

/// What a directory has that is a repository of its own, a submodule for one: in it, as in git, the files above do not count.
pub(super) const REPOSITORY: &[u8] = b".git";

/// One `.gitignore`, and the nearest one above it. What the nearer says counts.
#[derive(Debug)]
pub(super) struct Rules {
    own: Gitignore,
    /// How much of a path, relative to the workspace, stands before what is relative to this file's directory.
    prefix: usize,
    above: Option<Arc<Rules>>,
}

impl Rules {
    /// The rules in a directory that has a file of its own; `prefix` is the length of its path with the slash after it.
    ///
    /// A line that is no pattern is passed over, as git does, and so is a file that cannot be read, or is a link. What is not UTF-8 in a line
    /// matches nothing, and the lines after it count.
    pub(super) fn read(file: &Path, prefix: usize, above: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let mut builder = GitignoreBuilder::new("");
        let content = plain::read(file, u64::MAX).unwrap_or_default();
        for line in String::from_utf8_lossy(&content).trim_start_matches('\u{feff}').lines() {
            let _ = builder.add_line(None, &without_braces(line));
        }
        match builder.build() {
            Ok(own) if !own.is_empty() => Some(Arc::new(Self { own, prefix, above })),
            _ => above,
        }
    }

    /// Whether an entry is ignored; `path` is relative to the workspace.
    pub(super) fn ignore(&self, path: &[u8], is_dir: bool) -> bool {
        let mut rules = Some(self);
        while let Some(nearest) = rules {
            match nearest.own.matched(to_path(&path[nearest.prefix..]), is_dir) {
                Match::None => rules = nearest.above.as_deref(),
                found => return found.is_ignore(),
            }
        }
        false
    }
}
