//! bun: bun.lock against the packages in node_modules, since bun leaves no record of what it installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::npm::names;
use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::bun::places;
use crate::lockfiles::{LockfileError, Package};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    version: Option<String>,
}

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let project = lockfile.parent().unwrap_or(Path::new(""));
    let locked = load_lockfile(lockfile, places)?;
    let is_root = tree.parent() == Some(project);
    if !tree.exists() && (!is_root || locked.is_empty()) {
        return Ok(());
    }
    if !is_root {
        return Err(Proof::unknown("which packages bun puts into a member of the workspace is not known"));
    }
    if tree.join(".bun").exists() {
        return Err(Proof::unknown("bun was told to keep packages apart (linker = \"isolated\")"));
    }
    compare(tree, locked.iter())
}

fn compare<'a>(tree: &Path, locked: impl Iterator<Item = (&'a String, &'a Package)>) -> Result<(), Proof> {
    let mut differences = Differences::default();
    let (mut missing, mut known) = (Vec::new(), BTreeSet::new());
    for (place, package) in locked {
        let names = split(place).ok_or_else(|| Proof::unknown(format!("{place} is no place in node_modules")))?;
        known.extend(names.first().cloned());
        let directory: PathBuf = names.join("/node_modules/").into();
        let manifest = load(&tree.join(directory).join("package.json"), |text| {
            serde_json::from_str::<Manifest>(text).map_err(LockfileError::malformed)
        })?;
        match manifest {
            None => missing.push(place),
            Some(Manifest { version }) if package.version.is_empty() || version.as_ref() == Some(&package.version) => {}
            Some(Manifest { version }) => differences.add(|| {
                let version = version.unwrap_or_default();
                format!("{place} is installed as {version}, locked as {}", package.version)
            }),
        }
    }
    for name in names(tree).difference(&known) {
        if !tree.join(name).is_symlink() {
            differences.add(|| format!("{name} is installed but not locked"));
        }
    }
    differences.into_result()?;
    let Some(first) = missing.first() else { return Ok(()) };
    let why = format!("{} locked packages are not installed, such as {first}", missing.len());
    Err(if known.is_empty() || missing.len() == known.len() { Proof::not_current(why) } else { Proof::unknown(why) })
}

/// The packages on the way to a place: a scope and the name after it are one. `None` when it leads elsewhere.
fn split(place: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for part in place.split('/') {
        if ["", ".", ".."].contains(&part) {
            return None;
        }
        match names.last_mut() {
            Some(scope) if scope.starts_with('@') && !scope.contains('/') => {
                scope.push('/');
                scope.push_str(part);
            }
            _ => names.push(part.to_owned()),
        }
    }
    Some(names)
}
