//! Leaves out the directories that no member of the workspace is in, by what the lockfile says.
//!
//! Only where a preset or sci.toml asks for it, and where the lockfile tells; it changes no key.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use sci_hasher::InputClass;
use sci_presets::Members;
use sci_presets::lockfiles;

use super::Instance;
use super::content::content;
use crate::Host;
use crate::inputs::{EntryId, Tree, directory_of, to_path};

/// What each lockfile that was asked says.
type Known = BTreeMap<EntryId, Option<BTreeSet<String>>>;

/// Retains what the lockfiles know. Of a declaration for which a lockfile knows no directory at all, those that have it are not
/// members, and stay.
pub(super) fn retain(instances: &mut Vec<Instance<'_>>, host: &Host, tree: &Tree) {
    let mut known = Known::new();
    let found: Vec<Found> = instances.iter().map(|instance| find(instance, host, tree, &mut known)).collect();
    let name = |instance: &Instance<'_>| instance.declaration.name.value.clone();
    let with_members: BTreeSet<(String, EntryId)> = std::iter::zip(instances.iter(), &found)
        .filter_map(|(instance, found)| Some((name(instance), found.lockfile.filter(|_| found.is_member)?)))
        .collect();
    let mut found = found.into_iter();
    instances.retain(|instance| {
        let found = found.next().unwrap_or_default();
        let speaks = found.lockfile.is_some_and(|lockfile| with_members.contains(&(name(instance), lockfile)));
        found.is_member || !speaks
    });
}

/// Whether a directory is a member's, and which lockfile says so.
#[derive(Debug, Default)]
struct Found {
    lockfile: Option<EntryId>,
    is_member: bool,
}

/// A directory is a member's, or the lockfile's own, or nothing is known of it.
fn find(instance: &Instance<'_>, host: &Host, tree: &Tree, known: &mut Known) -> Found {
    let unknown = Found { lockfile: None, is_member: true };
    if instance.declaration.members == Members::Any {
        return unknown;
    }
    let files = instance.files.iter().filter(|(class, _)| *class == InputClass::Lockfiles);
    let places = files.flat_map(|(_, ids)| ids).map(|id| (*id, directory_of(tree.entry(*id).path)));
    // The nearest one speaks for the directory.
    let above = places.filter_map(|(id, own)| Some((id, own, below(&instance.directory, own)?)));
    let Some((lockfile, own, below)) = above.max_by_key(|(_, own, _)| own.len()) else { return unknown };
    // Where there is but one package, nothing is to be read.
    let is_member = below.is_empty()
        || known
            .entry(lockfile)
            .or_insert_with(|| members(host, tree, lockfile, own))
            .as_ref()
            .is_none_or(|members| members.contains(below));
    Found { lockfile: Some(lockfile), is_member }
}

/// Where a directory is below another one, if it is.
fn below<'d>(directory: &'d str, own: &[u8]) -> Option<&'d str> {
    let rest = directory.strip_prefix(std::str::from_utf8(own).ok()?)?;
    if own.is_empty() || rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn members(host: &Host, tree: &Tree, lockfile: EntryId, own: &[u8]) -> Option<BTreeSet<String>> {
    let entry = tree.entry(lockfile);
    let name = to_path(entry.path);
    let content = content(tree, lockfile)?;
    // npm's lockfile does not say that each member has links of its own.
    if !name.ends_with("pnpm-lock.yaml") && asks_for_links(host, tree, own) {
        return None;
    }
    lockfiles::members(name, &content)
}

/// Whether npm is asked for `install-strategy=linked`, by a variable or by the `.npmrc` beside the lockfile or of the user.
fn asks_for_links(host: &Host, tree: &Tree, own: &[u8]) -> bool {
    let is_asked = |(name, value): (&OsString, &OsString)| {
        name.eq_ignore_ascii_case("npm_config_install_strategy") && value == "linked"
    };
    let beside = tree.root().join(to_path(own));
    let settings = [Some(beside), host.home.clone()].into_iter().flatten().map(|above| above.join(".npmrc"));
    host.env.iter().any(is_asked)
        || settings.filter_map(|file| std::fs::read_to_string(file).ok()).any(|text| text.lines().any(sets_links))
}

/// A line of `.npmrc`.
fn sets_links(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    let value = value.split(['#', ';']).next().unwrap_or_default();
    name.trim() == "install-strategy" && value.trim() == "linked"
}
