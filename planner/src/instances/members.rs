//! Leaves out the directories that no member of the workspace is in, by what the lockfile says.
//!
//! Only where a preset or sci.toml asks for it, and where the lockfile tells; it changes no key.

use std::collections::{BTreeMap, BTreeSet};

use sci_hasher::InputClass;
use sci_presets::Members;
use sci_presets::lockfiles;

use super::Instance;
use crate::inputs::{EntryId, Tree, to_path};
use crate::packages::MAX_BYTES;

/// Retains what the lockfiles know.
pub(super) fn retain(instances: &mut Vec<Instance<'_>>, tree: &Tree) {
    let mut known = BTreeMap::new();
    instances.retain(|instance| {
        instance.declaration.members == Members::Any
            || lockfiles(instance).all(|lockfile| is_member(&instance.directory, lockfile, tree, &mut known))
    });
}

fn lockfiles<'i>(instance: &'i Instance<'_>) -> impl Iterator<Item = EntryId> + 'i {
    let files = instance.files.iter().filter(|(class, _)| *class == InputClass::Lockfiles);
    files.flat_map(|(_, ids)| ids.iter().copied())
}

/// What each lockfile that was asked says.
type Known = BTreeMap<EntryId, Option<BTreeSet<String>>>;

/// Whether a directory is a member's, or the lockfile's own, or nothing is known of it.
fn is_member(directory: &str, lockfile: EntryId, tree: &Tree, known: &mut Known) -> bool {
    let own = tree.entry(lockfile).path;
    let own = own.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |slash| &own[..slash]);
    let below = match directory.as_bytes().strip_prefix(own) {
        Some(rest) if own.is_empty() => Some(rest),
        Some(rest) => rest.strip_prefix(b"/"),
        None => None,
    };
    // Of the lockfile's own directory, and of one that is not below it, nothing is to be read.
    let Some(below) = below.filter(|below| !below.is_empty()) else { return true };
    let members = known.entry(lockfile).or_insert_with(|| members(tree, lockfile));
    members.as_ref().is_none_or(|members| std::str::from_utf8(below).is_ok_and(|below| members.contains(below)))
}

fn members(tree: &Tree, lockfile: EntryId) -> Option<BTreeSet<String>> {
    let entry = tree.entry(lockfile);
    let file = tree.root().join(to_path(entry.path));
    let is_small = entry.is_file() && std::fs::metadata(&file).is_ok_and(|found| found.len() <= MAX_BYTES as u64);
    // What cannot be read says nothing here, and is no input either: then the path has no key, which is told.
    let content = if is_small { std::fs::read(&file).ok()? } else { return None };
    lockfiles::members(to_path(entry.path), &content)
}
