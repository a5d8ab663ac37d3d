//! The packages that a lockfile names, for notes and sketches.

use std::collections::BTreeSet;
use std::path::Path;

use sci_presets::lockfiles::{self, Package, Packages};

pub(crate) use sci_presets::lockfiles::MAX_BYTES;

use crate::record::NotedPackage;

/// Reads the packages of a lockfile that is recognised by its name, sorted; `content` is asked for only then.
///
/// `None` for any other file, and for one that is not well formed: it is an input by its content either way.
pub(crate) fn read<E>(
    path: &Path,
    content: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Option<Vec<NotedPackage>>, E> {
    if lockfiles::read(path, &[]).is_none() {
        return Ok(None);
    }
    let Some(Ok(packages)) = lockfiles::read(path, &content()?) else { return Ok(None) };
    Ok(Some(noted(packages)))
}

/// What is noted of packages, sorted.
pub(crate) fn noted(packages: Packages) -> Vec<NotedPackage> {
    let noted =
        packages.into_iter().map(|Package { name, version, source, .. }| NotedPackage { name, version, source });
    let noted: BTreeSet<NotedPackage> = noted.collect();
    noted.into_iter().collect()
}
