//! npm: package-lock.json against `node_modules/.package-lock.json`, which npm 7 and later write when an install ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::npm::{Entry, Lock, parse};

type Entries<'a> = BTreeMap<&'a str, &'a Entry>;

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let project = lockfile.parent().unwrap_or(Path::new(""));
    let prefix = tree.strip_prefix(project).ok().and_then(Path::to_str);
    let prefix = prefix.map(|prefix| format!("{prefix}/"));
    let prefix = prefix.ok_or_else(|| Proof::unknown(format!("{} is not below its lockfile", tree.display())))?;
    let lock = load_lockfile(lockfile, parse)?;
    let wanted = below(&lock, &prefix);
    let record = project.join("node_modules/.package-lock.json");
    let installed = match load(&record, parse)? {
        Some(installed) => installed,
        // npm leaves no record of installing nothing.
        None if wanted.is_empty() && !tree.exists() => return Ok(()),
        None if lock.is_version_1 => return Err(Proof::unknown("npm 6 keeps no record of what it installed")),
        None => return Err(Proof::not_current(format!("{} is missing: no install ended", record.display()))),
    };
    let installed = below(&installed, &prefix);
    compare(&wanted, &installed)?;
    look(project, tree, &prefix, &installed)
}

/// The places inside one tree.
fn below<'a>(lock: &'a Lock, prefix: &str) -> Entries<'a> {
    let inside = lock.entries.iter().filter(|(place, _)| place.starts_with(prefix));
    inside.map(|(place, entry)| (place.as_str(), entry)).collect()
}

fn compare(wanted: &Entries<'_>, installed: &Entries<'_>) -> Result<(), Proof> {
    let mut differences = Differences::default();
    // An install for production leaves out all that only development needs; part of it missing is another matter.
    let for_production = !wanted.iter().any(|(place, entry)| entry.dev && installed.contains_key(place));
    for (place, want) in wanted {
        match installed.get(place) {
            Some(have) if is_same(want, have) => {}
            Some(have) => {
                differences.add(|| format!("{place} is installed as {}, locked as {}", describe(have), describe(want)))
            }
            None if want.optional || want.dev_optional || (want.dev && for_production) => {}
            None => differences.add(|| format!("{place} {} is locked but not installed", describe(want))),
        }
    }
    for (place, have) in installed.iter().filter(|(place, _)| !wanted.contains_key(*place)) {
        differences.add(|| format!("{place} {} is installed but not locked", describe(have)));
    }
    differences.into_result()
}

fn is_same(want: &Entry, have: &Entry) -> bool {
    let agree = |want: &Option<String>, have: &Option<String>| want.is_none() || have.is_none() || want == have;
    let origin = if want.integrity.is_some() && have.integrity.is_some() {
        want.integrity == have.integrity
    } else {
        agree(&want.resolved, &have.resolved)
    };
    want.link == have.link && agree(&want.version, &have.version) && origin
}

fn describe(entry: &Entry) -> &str {
    entry.version.as_deref().or(entry.resolved.as_deref()).unwrap_or("without a version")
}

/// Looks that what npm recorded is there, and that nothing else is.
fn look(project: &Path, tree: &Path, prefix: &str, installed: &Entries<'_>) -> Result<(), Proof> {
    let mut differences = Differences::default();
    for place in installed.keys().filter(|place| project.join(place).symlink_metadata().is_err()) {
        differences.add(|| format!("{place} was installed but is gone"));
    }
    for name in names(tree) {
        if !installed.contains_key(format!("{prefix}{name}").as_str()) {
            differences.add(|| format!("{prefix}{name} was not installed by npm"));
        }
    }
    differences.into_result()
}

/// The packages at the top of a node_modules. Names with a dot in front are npm's own, and other tools'.
pub(super) fn names(tree: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in entries(tree) {
        if name.starts_with('@') {
            names.extend(entries(&tree.join(&name)).map(|below| format!("{name}/{below}")));
        } else {
            names.insert(name);
        }
    }
    names
}

fn entries(directory: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| !name.starts_with('.'))
}
