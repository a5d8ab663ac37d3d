//! What Cargo.lock says of packages, as far as their artefacts tell where they come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lockfiles::cargo::is_from_registry;
use crate::lockfiles::{self, Package, Packages};

/// Where the sources of a unit came from, by the place that they were compiled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A registry's crate, in this version.
    Registry(String),
    /// A git checkout, at a revision that begins so.
    Git(String),
    /// A directory, or nothing is known.
    Unknown,
}

/// The packages of every lockfile of the path.
#[derive(Debug, Default)]
pub(super) struct Locked(BTreeMap<String, Vec<Package>>);

impl Locked {
    /// Reads the lockfiles; `None` when there is none, or one that cannot be read: then nothing is known to be gone.
    pub(super) fn read(workspace: &Path, files: &[PathBuf]) -> Option<Self> {
        let mut all = Packages::new();
        for file in files {
            let bytes = std::fs::read(workspace.join(file)).ok()?;
            all.extend(lockfiles::read(file, &bytes)?.ok()?);
        }
        Some(Self::of(all)).filter(|locked| !locked.0.is_empty())
    }

    pub(super) fn of(packages: Packages) -> Self {
        let mut locked = Self::default();
        for package in packages {
            locked.0.entry(package.name.clone()).or_default().push(package);
        }
        locked
    }

    /// Whether a package of this name and origin may still be built.
    pub(super) fn has(&self, name: &str, origin: &Origin) -> bool {
        let Some(packages) = self.0.get(name) else { return false };
        packages.iter().any(|package| match origin {
            Origin::Registry(version) => is_from_registry(package) && package.version == *version,
            Origin::Git(revision) => package.source.as_deref().is_some_and(|source| is_revision(source, revision)),
            Origin::Unknown => true,
        })
    }
}

fn is_revision(source: &str, revision: &str) -> bool {
    source.rsplit_once('#').is_some_and(|(_, full)| !revision.is_empty() && full.starts_with(revision))
}
