//! Cargo.lock, versions 1 to 4, by the `cargo-lock` crate.

use std::collections::BTreeMap;

use cargo_lock::Lockfile;
use serde::Deserialize;

use super::{LockfileError, Package, Packages};

/// The checksums of version 1, which stand apart from their packages: by name and version.
type Checksums = BTreeMap<(String, String), String>;

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    let mut table: toml::Table = text.parse().map_err(LockfileError::malformed)?;
    drop_edges(&mut table);
    let checksums = take_checksums(&mut table);
    let lockfile = Lockfile::deserialize(table).map_err(LockfileError::malformed)?;
    Ok(lockfile.packages.into_iter().map(|found| package(found, &checksums)).collect())
}

/// Takes the dependency edges out: nothing here needs them, and resolving them is quadratic in the number of packages.
fn drop_edges(table: &mut toml::Table) {
    let packages = table.get_mut("package").and_then(toml::Value::as_array_mut);
    for package in packages.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
        package.remove("dependencies");
        package.remove("replace");
    }
}

/// Takes version 1's checksums out: `cargo-lock` would read all of them again for each package.
fn take_checksums(table: &mut toml::Table) -> Checksums {
    let Some(toml::Value::Table(metadata)) = table.remove("metadata") else { return Checksums::new() };
    let checksum = |(key, value): (String, toml::Value)| {
        let mut words = key.strip_prefix("checksum ")?.split(' ');
        let place = (words.next()?.to_owned(), words.next()?.to_owned());
        let checksum = value.as_str()?.parse::<cargo_lock::Checksum>().ok()?;
        Some((place, checksum.to_string()))
    };
    metadata.into_iter().filter_map(checksum).collect()
}

fn package(package: cargo_lock::Package, checksums: &Checksums) -> Package {
    let place = (package.name.to_string(), package.version.to_string());
    let integrity = package.checksum.map(|checksum| checksum.to_string()).or_else(|| checksums.get(&place).cloned());
    let (name, version) = place;
    Package { name, version, source: package.source.map(|source| source.to_string()), integrity }
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
