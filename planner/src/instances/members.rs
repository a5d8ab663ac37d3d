//! Leaves out the directories that no member of the workspace is in, by what the lockfile says.
//!
//! Only where a preset or sci.toml asks for it, and where the lockfile tells; it changes no key.

use std::collections::{BTreeMap, BTreeSet};

use sci_hasher::InputClass;
use sci_presets::Members;
use sci_presets::lockfiles;

use super::Instance;
use crate::Host;
use crate::inputs::{EntryId, Tree, to_path};
use crate::packages::MAX_BYTES;

/// What each lockfile that was asked says.
type Known = BTreeMap<EntryId, Option<BTreeSet<String>>>;

/// Retains what the lockfiles know. A declaration of which they know nothing at all is not about members, and stays.
pub(super) fn retain(instances: &mut Vec<Instance<'_>>, host: &Host, tree: &Tree) {
    let mut known = Known::new();
    let is_member: Vec<bool> = instances.iter().map(|instance| is_member(instance, host, tree, &mut known)).collect();
    let names: BTreeSet<String> = std::iter::zip(instances.iter(), &is_member)
        .filter(|(_, is_member)| **is_member)
        .map(|(instance, _)| instance.declaration.name.value.clone())
        .collect();
    let mut is_member = is_member.into_iter();
    instances.retain(|instance| is_member.next() != Some(false) || !names.contains(&instance.declaration.name.value));
}

/// Whether the directory is a member's, or the lockfile's own, or nothing is known of it.
fn is_member(instance: &Instance<'_>, host: &Host, tree: &Tree, known: &mut Known) -> bool {
    if instance.declaration.members == Members::Any {
        return true;
    }
    let files = instance.files.iter().filter(|(class, _)| *class == InputClass::Lockfiles);
    let places = files.flat_map(|(_, ids)| ids).map(|id| (*id, directory_of(tree.entry(*id).path)));
    // The nearest one speaks for the directory.
    let above = places.filter_map(|(id, own)| Some((id, own, below(&instance.directory, own)?)));
    let Some((lockfile, own, below)) = above.max_by_key(|(_, own, _)| own.len()) else { return true };
    if below.is_empty() {
        return true;
    }
    let members = known.entry(lockfile).or_insert_with(|| members(host, tree, lockfile, own));
    members.as_ref().is_none_or(|members| members.contains(below))
}

fn directory_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

/// Where a directory is below another one, if it is.
fn below<'d>(directory: &'d str, own: &[u8]) -> Option<&'d str> {
    let rest = directory.strip_prefix(std::str::from_utf8(own).ok()?)?;
    if own.is_empty() || rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn members(host: &Host, tree: &Tree, lockfile: EntryId, own: &[u8]) -> Option<BTreeSet<String>> {
    let entry = tree.entry(lockfile);
    let file = tree.root().join(to_path(entry.path));
    let is_small = entry.is_file() && std::fs::metadata(&file).is_ok_and(|found| found.len() <= MAX_BYTES as u64);
    // What cannot be read says nothing here, and is no input either: then the path has no key, which is told.
    let content = if is_small { std::fs::read(&file).ok()? } else { return None };
    // npm's lockfile does not say that each member has links of its own.
    if !file.ends_with("pnpm-lock.yaml") && asks_for_links(host, tree, own) {
        return None;
    }
    lockfiles::members(to_path(entry.path), &content)
}

/// Whether npm is asked for `install-strategy=linked`, by the `.npmrc` beside the lockfile or by a variable.
fn asks_for_links(host: &Host, tree: &Tree, own: &[u8]) -> bool {
    let is_asked = |(name, value): (&std::ffi::OsString, &std::ffi::OsString)| {
        name.eq_ignore_ascii_case("npm_config_install_strategy") && value == "linked"
    };
    let settings = std::fs::read_to_string(tree.root().join(to_path(own)).join(".npmrc")).unwrap_or_default();
    let sets = |line: &str| line.trim_start().starts_with("install-strategy") && line.contains("linked");
    host.env.iter().any(is_asked) || settings.lines().any(sets)
}
