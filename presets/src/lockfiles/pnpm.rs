//! pnpm-lock.yaml, versions 5, 6 and 9, and the copy that pnpm keeps inside node_modules.
//!
//! YAML by `serde-saphyr`: it reads into types without a tree in between, has budgets against hostile documents, and is
//! kept up, which `serde_yaml` and its forks are not.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{LockfileError, Package, Packages};

/// One lockfile. A file may hold several documents; the last is the workspace's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Lock {
    lockfile_version: Value,
    /// By the member's directory, `.` for the root. Absent from version 5 and 6 files of a single package.
    importers: BTreeMap<String, Importer>,
    /// By name and version; before version 9 also by the peers it is installed with.
    pub(crate) packages: Option<BTreeMap<String, Entry>>,
    /// Since version 9: by name, version and peers.
    pub(crate) snapshots: Option<BTreeMap<String, Entry>>,
    dependencies: BTreeMap<String, Value>,
    dev_dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
}

/// What one member of the workspace depends on: name → version, or a table with the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Importer {
    pub(crate) dependencies: BTreeMap<String, Value>,
    pub(crate) dev_dependencies: BTreeMap<String, Value>,
    pub(crate) optional_dependencies: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    name: Option<String>,
    version: Option<String>,
    pub(crate) resolution: Resolution,
    /// Left out where it does not suit the platform.
    pub(crate) optional: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Resolution {
    integrity: Option<String>,
    tarball: Option<String>,
    directory: Option<String>,
    repo: Option<String>,
    commit: Option<String>,
}

impl Resolution {
    /// The directory that is copied, relative to the lockfile's own.
    pub(crate) fn directory(&self) -> Option<&str> {
        self.directory.as_deref()
    }
}

impl Lock {
    /// The members and what they depend on.
    pub(crate) fn importers(&self) -> BTreeMap<String, Importer> {
        if !self.importers.is_empty() {
            return self.importers.clone();
        }
        let root = Importer {
            dependencies: self.dependencies.clone(),
            dev_dependencies: self.dev_dependencies.clone(),
            optional_dependencies: self.optional_dependencies.clone(),
        };
        BTreeMap::from([(".".to_owned(), root)])
    }

    /// The major version: `'9.0'` and 5.4 are both written.
    fn version(&self) -> Result<u32, LockfileError> {
        let version = match &self.lockfile_version {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let major = version.split('.').next().and_then(|major| major.parse().ok());
        major.ok_or_else(|| LockfileError::malformed("`lockfileVersion` is missing or is no version"))
    }
}

/// How YAML that pnpm wrote is read.
pub(crate) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        // A lockfile of a large monorepo has some 100,000 lines. The size of the text bounds all the rest …
        budget: serde_saphyr::budget! {
            max_events: 16_000_000,
            max_nodes: 8_000_000,
            max_documents: 16,
            // … since pnpm never writes an alias, by which a little text could stand for a lot of memory.
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
        },
        with_snippet: false,
    }
}

/// The documents of a lockfile, at least one.
pub(crate) fn parse(text: &str) -> Result<Vec<Lock>, LockfileError> {
    let documents: Vec<Lock> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(LockfileError::malformed)?;
    if documents.is_empty() {
        return Err(LockfileError::malformed("the file is empty"));
    }
    documents.iter().try_for_each(|lock| lock.version().map(drop))?;
    Ok(documents)
}

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    let mut packages = Packages::new();
    for lock in parse(text)? {
        let split = if lock.version()? < 6 { split_slashes } else { split_at };
        packages.extend(lock.packages.unwrap_or_default().into_iter().map(|(key, entry)| package(&key, entry, split)));
    }
    Ok(packages)
}

pub(crate) fn package(key: &str, entry: Entry, split: fn(&str) -> (&str, &str)) -> Package {
    let (name, version) = split(key);
    let Resolution { integrity, tarball, directory, repo, commit } = entry.resolution;
    let revision = repo.map(|repo| commit.map_or(repo.clone(), |commit| format!("{repo}#{commit}")));
    Package {
        name: entry.name.unwrap_or_else(|| name.to_owned()),
        version: entry.version.unwrap_or_else(|| version.to_owned()),
        source: tarball.or(revision).or(directory),
        integrity,
    }
}

/// `/@scope/name/1.0.0_peer@2.0.0`, as in version 5.
fn split_slashes(key: &str) -> (&str, &str) {
    let (name, version) = key.trim_start_matches('/').rsplit_once('/').unwrap_or((key, ""));
    (name, version.split('_').next().unwrap_or(version))
}

/// `@scope/name@1.0.0(peer@2.0.0)`, with a slash in front in version 6.
pub(crate) fn split_at(key: &str) -> (&str, &str) {
    let key = key.strip_prefix('/').unwrap_or(key);
    let key = key.split('(').next().unwrap_or(key);
    // The first `@` may belong to the scope.
    match key.char_indices().skip(1).find(|(_, letter)| *letter == '@') {
        Some((at, _)) => (&key[..at], &key[at + 1..]),
        None => (key, ""),
    }
}
