//! `~/.cargo/registry`: what Cargo.lock names.

use std::collections::BTreeSet;

use crate::lockfiles::Packages;
use crate::lockfiles::cargo::is_from_registry;

/// Crates of a workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    /// Crates with their version, as archives and sources are named.
    versions: BTreeSet<String>,
    /// Files of the index, and the directories above them.
    index: BTreeSet<String>,
}

impl Members {
    /// The members that `packages` name.
    pub(super) fn of(packages: &Packages) -> Self {
        let mut members = Self::default();
        for package in packages.iter().filter(|package| is_from_registry(package)) {
            members.versions.insert(format!("{}-{}", package.name, package.version));
            let file = index_file(&package.name);
            let directories = file.match_indices('/').map(|(at, _)| file[..at].to_owned());
            members.index.extend(directories);
            members.index.insert(file);
        }
        members
    }

    /// Whether the path is a member, inside one or on the way to one.
    ///
    /// Besides the crates these are the few files by which cargo knows a registry.
    pub(super) fn contains(&self, path: &[&str]) -> bool {
        match path {
            [] | ["CACHEDIR.TAG" | "index" | "cache" | "src"] | ["index" | "cache" | "src", _] => true,
            ["cache", _, archive] => archive.strip_suffix(".crate").is_some_and(|name| self.versions.contains(name)),
            ["src", _, source, ..] => self.versions.contains(*source),
            ["index", _, "config.json" | ".cargo-index-lock" | ".last-updated" | ".cache"] => true,
            ["index", _, ".cache", below @ ..] => self.index.contains(&below.join("/")),
            _ => false,
        }
    }
}

/// Where the index keeps a crate: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd`.
fn index_file(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    // Crate names are ASCII; one that is not has no file.
    match (name.len(), name.get(..1), name.get(..2), name.get(2..4)) {
        (length @ (1 | 2), ..) => format!("{length}/{name}"),
        (3, Some(first), ..) => format!("3/{first}/{name}"),
        (_, _, Some(first), Some(second)) => format!("{first}/{second}/{name}"),
        _ => name,
    }
}
