//! Cargo.lock, versions 1 to 4, by the `cargo-lock` crate.

use cargo_lock::Lockfile;
use serde::Deserialize;

use super::{LockfileError, Package, Packages};

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    let mut table: toml::Table = text.parse().map_err(LockfileError::malformed)?;
    drop_edges(&mut table);
    let lockfile = Lockfile::deserialize(table).map_err(LockfileError::malformed)?;
    Ok(lockfile.packages.into_iter().map(package).collect())
}

/// Takes the dependency edges out: nothing here needs them, and resolving them is quadratic in the number of packages.
fn drop_edges(table: &mut toml::Table) {
    let packages = table.get_mut("package").and_then(toml::Value::as_array_mut);
    for package in packages.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
        package.remove("dependencies");
        package.remove("replace");
    }
}

fn package(package: cargo_lock::Package) -> Package {
    Package {
        name: package.name.to_string(),
        version: package.version.to_string(),
        source: package.source.map(|source| source.to_string()),
        integrity: package.checksum.map(|checksum| checksum.to_string()),
    }
}

/// Whether the package is downloaded from a registry, as opposed to a git repository or a directory.
pub(crate) fn is_from_registry(package: &Package) -> bool {
    let source = package.source.as_deref().unwrap_or_default();
    source.starts_with("registry+") || source.starts_with("sparse+")
}

/// The name of the file that cargo downloads.
pub(crate) fn archive(package: &Package) -> String {
    format!("{}-{}.crate", package.name, package.version)
}
