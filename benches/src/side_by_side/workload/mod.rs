//! What is measured on: trees that a package manager or a compiler made, each in two states, and sources.

mod make;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::Failure;
use crate::tools::Tools;

pub(crate) use make::{NAMES, PNPM};

/// The workload that is a source tree: it is planned, not saved.
pub(crate) const SOURCES: &str = "src";

/// One of them. It is only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    /// Its name in tables; goals are made for the usual ones.
    pub(crate) name: String,
    /// The tree.
    pub(crate) first: PathBuf,
    /// The same after an upgrade of three packages, or a rebuild.
    pub(crate) next: Option<PathBuf>,
    /// A tree that shares files with the first by hard links, and is copied along.
    pub(crate) beside: Option<PathBuf>,
}

impl Workload {
    /// Makes the workload called `name` below `dir`, unless it was made before.
    ///
    /// # Errors
    /// When there is none of this name, or it cannot be made.
    pub(crate) fn made(name: &str, dir: &Path, tools: &Tools) -> Result<Self, Failure> {
        make::workload(name, dir, tools)
    }
}

impl FromStr for Workload {
    type Err = String;

    /// `NAME=DIR` or `NAME=DIR,DIR`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, dirs) = text.split_once('=').ok_or("expected NAME=DIR or NAME=DIR,DIR")?;
        let (first, next) = match dirs.split_once(',') {
            Some((first, next)) => (first, Some(next)),
            None => (dirs, None),
        };
        if name.is_empty() || name.contains([',', '/']) {
            return Err("a name has no comma and no slash".into());
        }
        let dir = |dir: &str| std::fs::canonicalize(dir).map_err(|error| format!("{dir}: {error}"));
        Ok(Self { name: name.into(), first: dir(first)?, next: next.map(dir).transpose()?, beside: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_a_name_and_one_or_two_directories() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let root = std::fs::canonicalize(root.path()).unwrap();
        let parsed: Workload = format!("node={0}/a,{0}/b", root.display()).parse().unwrap();
        let next = Some(root.join("b"));
        assert_eq!(parsed, Workload { name: "node".into(), first: root.join("a"), next, beside: None });
        let parsed: Workload = format!("own={}/a", root.display()).parse().unwrap();
        assert_eq!((parsed.name.as_str(), parsed.next), ("own", None));
        assert!("node".parse::<Workload>().is_err());
        assert!("node=/absent-directory".parse::<Workload>().unwrap_err().contains("/absent-directory"));
    }
}
