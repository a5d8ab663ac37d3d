//! pnpm: pnpm-lock.yaml against the copy in its virtual store, which pnpm writes when an install ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::LockfileError;
use crate::lockfiles::pnpm::{Entry, Importer, Lock, options, parse};

type Entries = BTreeMap<String, Entry>;

/// What `node_modules/.modules.yaml` says of the last install.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modules {
    /// Relative to node_modules, or absolute.
    virtual_store_dir: Option<PathBuf>,
    included: Included,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Included {
    dependencies: bool,
    dev_dependencies: bool,
}

impl Default for Included {
    fn default() -> Self {
        Self { dependencies: true, dev_dependencies: true }
    }
}

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let project = lockfile.parent().unwrap_or(Path::new(""));
    let member = tree.parent().and_then(|member| member.strip_prefix(project).ok()).and_then(Path::to_str);
    let member = member.ok_or_else(|| Proof::unknown(format!("{} is not below its lockfile", tree.display())))?;
    let wanted = load_lockfile(lockfile, last)?;
    let importer = importer(&wanted, member);
    if importer == Importer::default() && !tree.exists() {
        return Ok(());
    }
    let installed = installed(&project.join("node_modules"))?;
    let mut differences = Differences::default();
    compare_importers(&importer, &self::importer(&installed, member), &mut differences);
    compare_packages(&wanted, &installed, &mut differences);
    for name in importer.dependencies.keys().chain(importer.dev_dependencies.keys()) {
        if tree.join(name).symlink_metadata().is_err() {
            differences.add(|| format!("{name} was installed but is gone"));
        }
    }
    differences.into_result()
}

/// The workspace's lockfile: documents before it are pnpm's own.
fn last(text: &str) -> Result<Lock, LockfileError> {
    parse(text)?.pop().ok_or_else(|| LockfileError::malformed("the file is empty"))
}

fn importer(lock: &Lock, member: &str) -> Importer {
    lock.importers().remove(if member.is_empty() { "." } else { member }).unwrap_or_default()
}

fn installed(modules: &Path) -> Result<Lock, Proof> {
    let no_record = |path: &Path| Proof::not_current(format!("{} is missing: no install ended", path.display()));
    let record = modules.join(".modules.yaml");
    let Modules { virtual_store_dir, included } =
        load(&record, |text| serde_saphyr::from_str_with_options(text, options()).map_err(LockfileError::malformed))?
            .ok_or_else(|| no_record(&record))?;
    if !included.dependencies || !included.dev_dependencies {
        return Err(Proof::unknown("pnpm was told to leave out some of the dependencies"));
    }
    let copy = modules.join(virtual_store_dir.as_deref().unwrap_or(Path::new(".pnpm"))).join("lock.yaml");
    load(&copy, last)?.ok_or_else(|| no_record(&copy))
}

fn compare_importers(wanted: &Importer, installed: &Importer, differences: &mut Differences) {
    let groups = [
        (&wanted.dependencies, &installed.dependencies, false),
        (&wanted.dev_dependencies, &installed.dev_dependencies, false),
        (&wanted.optional_dependencies, &installed.optional_dependencies, true),
    ];
    for (wanted, installed, optional) in groups {
        for (name, want) in wanted {
            match installed.get(name).map(version) {
                Some(have) if have == version(want) => {}
                None if optional => {}
                Some(have) => {
                    differences.add(|| format!("{name} is linked to {have}, locked to {}", version(want)));
                }
                None => differences.add(|| format!("{name} {} is locked but not linked", version(want))),
            }
        }
        for name in installed.keys().filter(|name| !wanted.contains_key(*name)) {
            differences.add(|| format!("{name} is linked but not locked"));
        }
    }
}

/// Before version 6 the version itself, since then a table with it.
fn version(dependency: &Value) -> &str {
    dependency.as_str().or_else(|| dependency.get("version")?.as_str()).unwrap_or_default()
}

fn compare_packages(wanted: &Lock, installed: &Lock, differences: &mut Differences) {
    let none = Entries::new();
    let packages = [wanted, installed].map(|lock| lock.packages.as_ref().unwrap_or(&none));
    let snapshots = [wanted, installed].map(|lock| lock.snapshots.as_ref().unwrap_or(&none));
    // Since version 9 only the snapshots say which packages are optional.
    let required: BTreeSet<_> =
        snapshots[0].iter().filter(|(_, entry)| !entry.optional).map(|(key, _)| without_peers(key)).collect();
    let may_be_missing =
        |key: &str, entry: &Entry| entry.optional || (wanted.snapshots.is_some() && !required.contains(key));
    compare_entries(packages, may_be_missing, differences);
    compare_entries(snapshots, |_, entry| entry.optional, differences);
}

fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or(key)
}

fn compare_entries(
    [wanted, installed]: [&Entries; 2],
    may_be_missing: impl Fn(&str, &Entry) -> bool,
    differences: &mut Differences,
) {
    for (key, want) in wanted {
        match installed.get(key) {
            Some(have) if have.resolution == want.resolution => {}
            Some(_) => differences.add(|| format!("{key} is installed with another content than is locked")),
            None if may_be_missing(key, want) => {}
            None => differences.add(|| format!("{key} is locked but not installed")),
        }
    }
    for key in installed.keys().filter(|key| !wanted.contains_key(*key)) {
        differences.add(|| format!("{key} is installed but not locked"));
    }
}
