//! A virtual environment of Python: the packages of a lockfile against the `.dist-info` that each installation leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::proof::{Differences, Proof, load_lockfile};
use crate::lockfiles::python::{normal, poetry, requirements, uv};

/// What an environment may hold beside what is locked: it is made with them.
const SEEDS: [&str; 3] = ["pip", "setuptools", "wheel"];

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let read = match lockfile.file_name().and_then(|name| name.to_str()) {
        Some("uv.lock") => uv,
        Some("poetry.lock") => poetry,
        _ => requirements,
    };
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in load_lockfile(lockfile, read)? {
        locked.entry(normal(&package.name)).or_default().insert(package.version);
    }
    let installed = installed(tree);
    let missing: Vec<_> = locked.keys().filter(|name| !installed.contains_key(*name)).collect();
    if !missing.is_empty() && installed.keys().all(|name| SEEDS.contains(&name.as_str())) {
        return Err(Proof::not_current(format!("none of the {} locked packages is installed", missing.len())));
    }
    let mut differences = Differences::default();
    let mut doubt = None;
    for (name, have) in &installed {
        match locked.get(name) {
            Some(want) if want.iter().any(|want| is_same(want, have)) => {}
            Some(want) if want.iter().all(|want| is_version(want)) => {
                differences.add(|| format!("{name} is installed as {have}, which is not the locked version"));
            }
            Some(_) => doubt = Some(format!("{name} is not locked to one version")),
            None if SEEDS.contains(&name.as_str()) => {}
            // It may be the project itself.
            None => doubt = Some(format!("{name} is installed but not locked")),
        }
    }
    differences.into_result()?;
    if let Some(first) = missing.first() {
        let why = format!("{} of {} locked packages are not installed, such as {first}", missing.len(), locked.len());
        return Err(Proof::unknown(format!("{why}; other platforms, groups or extras may need them")));
    }
    doubt.map_or(Ok(()), |why| Err(Proof::unknown(why)))
}

/// Names and versions; those of projects that are installed in place are left out.
fn installed(tree: &Path) -> BTreeMap<String, String> {
    let pythons = std::fs::read_dir(tree.join("lib")).into_iter().flatten().flatten();
    let entries = pythons.filter_map(|python| std::fs::read_dir(python.path().join("site-packages")).ok());
    let mut installed = BTreeMap::new();
    for entry in entries.flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".dist-info")) else { continue };
        let Some((name, version)) = name.rsplit_once('-') else { continue };
        if !is_in_place(&entry.path()) {
            installed.insert(normal(name), version.to_owned());
        }
    }
    installed
}

/// Whether the package is the checkout itself: PEP 660 has its address written down.
fn is_in_place(dist_info: &Path) -> bool {
    let path = dist_info.join("direct_url.json");
    let is_small = path.metadata().is_ok_and(|found| found.is_file() && found.len() < 64 << 10);
    is_small
        && std::fs::read_to_string(path)
            .is_ok_and(|text| text.split_whitespace().collect::<String>().contains("\"editable\":true"))
}

/// Versions as tools write them, which agree but for separators.
fn is_same(want: &str, have: &str) -> bool {
    let normal = |version: &str| version.replace(['-', '_'], "").to_ascii_lowercase();
    normal(want) == normal(have)
}

/// Whether it is one version and not a range of them.
fn is_version(version: &str) -> bool {
    version.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && !version.contains(['*', ','])
}
