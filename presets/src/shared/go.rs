//! `~/go/pkg/mod`: the modules that go.sum names, as archives and unpacked.

use std::collections::BTreeSet;

use crate::lockfiles::Packages;

/// Modules of a workspace, by the paths of the module cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    /// What a version's files begin with: `cache/download/example.org/x/@v/v1.0.0`.
    downloads: BTreeSet<String>,
    /// Where a version is unpacked: `example.org/x@v1.0.0`.
    unpacked: BTreeSet<String>,
}

impl Members {
    /// The members that `packages` name.
    pub(super) fn of(packages: &Packages) -> Self {
        let mut members = Self::default();
        for package in packages.iter().filter(|package| is_module(&package.name)) {
            let (module, version) = (escaped(&package.name), escaped(&package.version));
            members.downloads.insert(format!("cache/download/{module}/@v/{version}"));
            members.unpacked.insert(format!("{module}@{version}"));
        }
        members
    }

    /// Whether the path is a member, inside one or on the way to one.
    pub(super) fn contains(&self, path: &[&str]) -> bool {
        let path = path.join("/");
        let mut around = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path.as_str()]);
        path.is_empty()
            || [&self.downloads, &self.unpacked].into_iter().any(|members| leads(&path, members))
            || path.rsplit_once('.').is_some_and(|(stem, _)| self.downloads.contains(stem))
            || around.any(|part| self.unpacked.contains(part))
    }
}

/// Whether a module can have this path. The cache's own directory is none of a module's.
fn is_module(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.clone().all(|part| !matches!(part, "" | "." | "..")) && parts.next() != Some("cache")
}

/// Whether the path is that of a directory above one of the members. To keep those directories, a hostile name of many
/// components would take as much memory as the square of its length.
fn leads(path: &str, members: &BTreeSet<String>) -> bool {
    let below = format!("{path}/");
    members.range(below.clone()..).next().is_some_and(|first| first.starts_with(&below))
}

/// The cache must do on file systems that take capitals for small letters: `!x` stands for `X`.
pub(crate) fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(letter.to_ascii_lowercase());
    }
    escaped
}
