//! Playwright: the browsers that are there against `browsers.json` of the installed version, which must be the locked one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::{self, LockfileError, Packages};

/// The package that downloads browsers, for everybody's.
const CORE: &str = "playwright-core";

/// What Playwright writes into a browser's directory last.
const COMPLETE: &str = "INSTALLATION_COMPLETE";

#[derive(Deserialize)]
struct Manifest {
    version: String,
}

#[derive(Deserialize)]
struct Browsers {
    browsers: Vec<Browser>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Browser {
    name: String,
    revision: String,
    #[serde(default)]
    revision_overrides: BTreeMap<String, String>,
}

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let locked = locked(lockfile)?;
    let modules = lockfile.with_file_name("node_modules");
    let package = installed(&modules, &locked);
    let manifest = load(&package.join("package.json"), json::<Manifest>)?
        .ok_or_else(|| Proof::unknown(format!("{CORE} is not installed, which knows the revisions")))?;
    if manifest.version != locked {
        return Err(Proof::unknown(format!("{CORE} is installed as {}, locked as {locked}", manifest.version)));
    }
    let wanted = load_lockfile(&package.join("browsers.json"), json::<Browsers>)?;
    compare(tree, &wanted)
}

fn json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, LockfileError> {
    serde_json::from_str(text).map_err(LockfileError::malformed)
}

/// The locked version.
fn locked(lockfile: &Path) -> Result<String, Proof> {
    let read = |text: &str| match lockfiles::read(lockfile, text.as_bytes()) {
        Some(packages) => packages,
        None => Ok(Packages::new()),
    };
    let text = load_lockfile(lockfile, |text| Ok(text.to_owned()))?;
    let packages = read(&text).map_err(|error| Proof::unknown(error.to_string()))?;
    let found = packages.into_iter().find(|package| package.name == CORE);
    found.map(|package| package.version).ok_or_else(|| Proof::unknown(format!("{CORE} is not locked")))
}

/// Where the package is: pnpm puts it below its virtual store.
fn installed(modules: &Path, version: &str) -> PathBuf {
    let virtual_store = modules.join(format!(".pnpm/{CORE}@{version}/node_modules/{CORE}"));
    if virtual_store.exists() { virtual_store } else { modules.join(CORE) }
}

/// Each browser of which some revision is there must be there in the wanted one.
fn compare(tree: &Path, wanted: &Browsers) -> Result<(), Proof> {
    let names: Vec<String> = std::fs::read_dir(tree)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let mut differences = Differences::default();
    let mut any = false;
    for browser in &wanted.browsers {
        let stem = browser.name.replace('-', "_");
        let is_one = |name: &&String| name.rsplit_once('-').is_some_and(|(before, _)| before == stem);
        if !names.iter().any(|name| is_one(&name)) {
            continue;
        }
        any = true;
        let revisions = std::iter::once(&browser.revision).chain(browser.revision_overrides.values());
        let mut places = revisions.map(|revision| tree.join(format!("{stem}-{revision}")).join(COMPLETE));
        if !places.any(|place| place.is_file()) {
            differences.add(|| format!("{} is not there in revision {}", browser.name, browser.revision));
        }
    }
    differences.into_result()?;
    if any { Ok(()) } else { Err(Proof::not_current("no browser is there")) }
}
