//! Yarn 1: yarn.lock against `node_modules/.yarn-integrity`, which it writes when an install ends.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::proof::{Differences, Proof, load, load_lockfile};
use crate::lockfiles::LockfileError;
use crate::lockfiles::yarn::classic;

/// What the last install was made of.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Integrity {
    flags: Vec<String>,
    /// By request, where the package came from.
    lockfile_entries: BTreeMap<String, Option<String>>,
}

/// Installs that leave packages out.
const PARTIAL: [&str; 2] = ["production", "focus"];

pub(super) fn prove(tree: &Path, lockfile: &Path) -> Result<(), Proof> {
    let entries = load_lockfile(lockfile, classic)?;
    if entries.is_empty() && !tree.exists() {
        return Ok(());
    }
    let record = lockfile.parent().unwrap_or(Path::new("")).join("node_modules/.yarn-integrity");
    let Integrity { flags, mut lockfile_entries } =
        load(&record, |text| serde_json::from_str(text).map_err(LockfileError::malformed))?
            .ok_or_else(|| Proof::not_current(format!("{} is missing: no install ended", record.display())))?;
    if let Some(flag) = flags.iter().find(|flag| PARTIAL.contains(&flag.as_str())) {
        return Err(Proof::unknown(format!("yarn was told to leave packages out ({flag})")));
    }
    let mut differences = Differences::default();
    for entry in &entries {
        let locked = entry.resolved.as_deref().unwrap_or_default();
        for pattern in &entry.patterns {
            match lockfile_entries.remove(pattern) {
                Some(installed) if installed.as_deref().unwrap_or_default() == locked => {}
                Some(_) => differences.add(|| format!("{pattern} is installed as another package than is locked")),
                None => differences.add(|| format!("{pattern} is locked but not installed")),
            }
        }
    }
    for pattern in lockfile_entries.keys() {
        differences.add(|| format!("{pattern} is installed but not locked"));
    }
    differences.into_result()
}
