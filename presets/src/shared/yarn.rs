//! `~/.yarn/berry/cache`: an archive for each package of yarn.lock.

use std::collections::BTreeSet;

use crate::lockfiles::{Package, Packages};

/// Packages of a workspace, as their archives are named.
#[derive(Debug, Clone, Default)]
pub(super) struct Members(BTreeSet<String>);

impl Members {
    /// The members that `packages` name.
    pub(super) fn of(packages: &Packages) -> Self {
        Self(packages.iter().map(slug).collect())
    }

    /// Whether the path is the cache or a member.
    pub(super) fn contains(&self, path: &[&str]) -> bool {
        match path {
            [] => true,
            [name] => archive(name).is_some_and(|slug| self.0.contains(slug)),
            _ => false,
        }
    }
}

/// What the name of a package's archive begins with: `@scope-name-npm-1.0.0`.
pub(crate) fn slug(package: &Package) -> String {
    let name = package.name.replace('/', "-");
    match &package.source {
        // Where it is no version that follows the protocol, Yarn leaves it out.
        Some(reference) => format!("{name}-{}", reference.split_once(':').map_or("exotic", |(protocol, _)| protocol)),
        None => format!("{name}-npm-{}", package.version.split('+').next().unwrap_or_default()),
    }
}

/// The beginning of the archive's name, before the digests of the package and of its content.
pub(crate) fn archive(name: &str) -> Option<&str> {
    let mut parts = name.strip_suffix(".zip")?.rsplitn(3, '-');
    let (_content, _locator) = (parts.next()?, parts.next()?);
    parts.next()
}
