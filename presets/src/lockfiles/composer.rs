//! composer.lock, and the copy that Composer 2 keeps inside vendor.

use serde::Deserialize;

use super::{LockfileError, Package, Packages};

/// A lockfile, or the record of an install.
#[derive(Deserialize)]
pub(crate) struct Lock {
    packages: Vec<Entry>,
    /// In the record they are among the others.
    #[serde(default, rename = "packages-dev")]
    packages_dev: Vec<Entry>,
    /// In the record: whether what only development needs was installed.
    #[serde(default = "yes")]
    pub(crate) dev: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    source: Option<Origin>,
    dist: Option<Origin>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin {
    url: Option<String>,
    reference: Option<String>,
    shasum: Option<String>,
}

impl Lock {
    /// Every package.
    pub(crate) fn into_packages(self) -> Packages {
        self.packages.into_iter().chain(self.packages_dev).map(package).collect()
    }
}

pub(crate) fn parse(text: &str) -> Result<Lock, LockfileError> {
    serde_json::from_str(text).map_err(LockfileError::malformed)
}

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    parse(text).map(Lock::into_packages)
}

fn package(entry: Entry) -> Package {
    let (source, dist) = (entry.source.unwrap_or_default(), entry.dist.unwrap_or_default());
    let digest = dist.shasum.filter(|digest| !digest.is_empty());
    Package {
        name: entry.name,
        version: entry.version,
        source: source.url.or(dist.url),
        integrity: digest.or(source.reference).or(dist.reference),
    }
}
