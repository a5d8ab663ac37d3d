//! Which member of which lockfile an instance is narrowed to.

use std::path::Path;

use sci_presets::lockfiles::MemberNames;

use crate::config::Errors;
use crate::inputs::{EntryId, InputPattern, Member, Tree, to_path};

/// A lockfile of which one member's part counts.
#[derive(Debug)]
pub(crate) struct Narrowed<'c> {
    pub(crate) lockfile: EntryId,
    /// As sci.toml names the member.
    pub(crate) member: &'c Member,
    /// The member's directory, relative to the workspace, which is the empty path.
    pub(crate) directory: String,
    /// The manifest that says what the lockfile calls the member, where that is not the directory.
    pub(crate) manifest: Option<EntryId>,
    /// For pnpm: the files that may say how packages are laid out.
    pub(crate) settings: Vec<EntryId>,
}

/// What the narrowing patterns found for an instance in `directory`; the flag says whether another pattern takes the file
/// whole, beside which a part of it would count for nothing.
pub(super) fn parts<'c>(
    tree: &mut Tree,
    directory: &str,
    found: Vec<(EntryId, &'c InputPattern, bool)>,
    errors: &mut Errors<'_>,
) -> Vec<Narrowed<'c>> {
    let mut parts = Vec::new();
    for (lockfile, pattern, whole) in found {
        let Some(member) = pattern.member() else { continue };
        let entry = tree.entry(lockfile);
        let (path, is_file) = (String::from_utf8_lossy(entry.path).into_owned(), entry.is_file());
        if whole {
            let hint = "take it out of the other patterns of `configs` and `lockfiles`, or do not narrow it";
            errors.push_with_hint(pattern.span(), format!("`{path}` is narrowed, and counts whole as well"), hint);
            continue;
        }
        if !is_file {
            let hint = "name the file that the link leads to";
            errors.push_with_hint(pattern.span(), format!("`{path}` is a link, which cannot be narrowed"), hint);
            continue;
        }
        let directory = member.directory(directory);
        let manifest = match MemberNames::of(Path::new(&path)) {
            Some(MemberNames::Packages) => match manifest(tree, &directory) {
                Some(manifest) => Some(manifest),
                None => {
                    let message = format!("the member `{}` has no Cargo.toml", shown(&directory));
                    let hint = "name the directory of a package; its Cargo.toml says what Cargo.lock calls it";
                    errors.push_with_hint(member.span(), message, hint);
                    continue;
                }
            },
            _ => None,
        };
        let settings = settings(tree, &path);
        parts.push(Narrowed { lockfile, member, directory, manifest, settings });
    }
    parts
}

fn manifest(tree: &mut Tree, directory: &str) -> Option<EntryId> {
    let path = if directory.is_empty() { "Cargo.toml".to_owned() } else { format!("{directory}/Cargo.toml") };
    tree.find_literal(path.as_bytes()).filter(|id| tree.entry(*id).is_file())
}

fn settings(tree: &mut Tree, lockfile: &str) -> Vec<EntryId> {
    let Some(beside) = lockfile.strip_suffix("pnpm-lock.yaml") else { return Vec::new() };
    let found = [".npmrc", "pnpm-workspace.yaml"].map(|name| tree.find_literal(format!("{beside}{name}").as_bytes()));
    found.into_iter().flatten().filter(|id| tree.entry(*id).is_file()).collect()
}

/// A directory of the workspace as it is shown.
pub(crate) fn shown(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

impl Narrowed<'_> {
    /// The name of the input: the path of the lockfile, `//`, and the member's directory. No path has an empty component, so
    /// it is never the name of a file.
    pub(crate) fn name(&self, tree: &Tree) -> Vec<u8> {
        [tree.entry(self.lockfile).path, b"//", shown(&self.directory).as_bytes()].concat()
    }

    /// The member's directory relative to that of the lockfile; `None` when it is not below it.
    pub(crate) fn below_lockfile(&self, tree: &Tree) -> Option<&str> {
        let lockfile = to_path(tree.entry(self.lockfile).path);
        let below = Path::new(&self.directory).strip_prefix(lockfile.parent()?).ok()?.to_str()?;
        Some(shown(below))
    }
}
