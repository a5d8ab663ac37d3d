//! What of a path that workspaces share belongs to one of them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::lockfiles::Packages;
use crate::lockfiles::cargo::is_from_registry;

/// What of `~/.cargo/registry` belongs to a workspace: what its Cargo.lock names.
///
/// Other workspaces of the same user write there too, and their crates (private ones among them) are not saved with this
/// one's.
#[derive(Debug, Clone, Default)]
pub struct SharedMembers {
    /// Crates with their version, as archives and sources are named.
    versions: BTreeSet<String>,
    /// Files of the index, and the directories above them.
    index: BTreeSet<String>,
}

impl SharedMembers {
    /// The members that `packages` name.
    pub fn of(packages: &Packages) -> Self {
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

    /// Whether the file or directory `path`, relative to the shared path, is a member, is inside one or leads to one.
    ///
    /// Besides the crates these are the few files by which cargo knows a registry.
    pub fn contains(&self, path: &Path) -> bool {
        let Some(parts) = path.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>() else { return false };
        match &parts[..] {
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
