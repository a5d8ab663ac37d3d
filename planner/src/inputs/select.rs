//! Which files the patterns of one path instance name.

use sci_presets::Search;
use sci_sys::ffi::OsStrExt;

use super::lfs::LfsFiles;
use super::pattern::Anchor;
use super::submodules::uninitialised;
use super::{EntryId, InputPattern, Tree, join, resolve, to_path};

/// Where patterns look: the directory of an instance, or the workspace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'s> {
    /// Relative to the workspace, which is the empty path.
    pub(crate) directory: &'s [u8],
}

/// What the workspace names but does not hold.
#[derive(Debug)]
pub(crate) struct Unfetched {
    submodules: Vec<Vec<u8>>,
    lfs: LfsFiles,
}

impl Unfetched {
    /// Looks for submodules that are not checked out, and for what Git LFS keeps.
    ///
    /// # Errors
    /// Passes on what reading git's files in the workspace says.
    pub(crate) fn of(tree: &Tree) -> std::io::Result<Self> {
        Ok(Self { submodules: uninitialised(tree)?, lfs: LfsFiles::of(tree)? })
    }
}

/// A pattern that must match and does not.
#[derive(Debug, Clone)]
pub(crate) struct Missing<'p> {
    pub(crate) pattern: &'p InputPattern,
    pub(crate) cause: Cause,
}

/// Why a pattern matches nothing, as far as one can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    Nothing,
    /// It names a directory.
    Directory,
    /// It looks into this workspace path, and what a path holds is no input.
    Output(String),
    /// All that it matches is taken out again by an exclusion.
    Excluded,
    /// It looks into a submodule that is not checked out.
    Submodule(Vec<u8>),
    /// It matches a Git LFS pointer.
    Pointer(Vec<u8>),
}

impl<'s> Site<'s> {
    /// The directory and those above it, nearest first, down to the workspace.
    fn upward(self) -> impl Iterator<Item = &'s [u8]> {
        std::iter::successors(Some(self.directory), |directory| {
            if directory.is_empty() {
                return None;
            }
            Some(directory.iter().rposition(|byte| *byte == b'/').map_or(&directory[..0], |slash| &directory[..slash]))
        })
    }

    fn places(self, pattern: &InputPattern) -> Vec<&'s [u8]> {
        match (pattern.anchor(), pattern.search()) {
            (Anchor::Instance, _) | (Anchor::Searched, Search::Here) => vec![self.directory],
            (Anchor::Workspace, _) => vec![&self.directory[..0]],
            (Anchor::Searched, Search::Nearest | Search::Ancestors) => self.upward().collect(),
        }
    }

    fn excludes(self, exclusion: &InputPattern, path: &[u8]) -> bool {
        let from_here = || {
            let below = if self.directory.is_empty() {
                Some(path)
            } else {
                path.strip_prefix(self.directory).and_then(|rest| rest.strip_prefix(b"/"))
            };
            below.is_some_and(|below| exclusion.matches(below))
        };
        match exclusion.anchor() {
            Anchor::Instance => from_here(),
            Anchor::Workspace => exclusion.matches(path),
            Anchor::Searched => from_here() || exclusion.matches(path),
        }
    }
}

/// What patterns name from one site.
#[derive(Debug, Default)]
pub(crate) struct Selected<'p> {
    /// In order, each once.
    pub(crate) files: Vec<EntryId>,
    /// In order, each once: what links among `files` lead to, and is not among them.
    pub(crate) led: Vec<EntryId>,
    /// Those of `files` that patterns name which must match.
    pub(crate) required: Vec<EntryId>,
    /// Those of `files` that a pattern narrows to a member, and by which pattern.
    pub(crate) narrowed: Vec<(EntryId, &'p InputPattern)>,
    /// Where any is narrowed: those of `files` that a pattern names which takes them whole.
    pub(crate) whole: Vec<EntryId>,
    pub(crate) missing: Vec<Missing<'p>>,
    /// Why it is not known what they name: a directory that they look into cannot be read.
    pub(crate) unreadable: Option<String>,
}

/// What a symbolic link counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// Its target as it is written.
    AsWritten,
    /// That, and the file of the workspace that it leads to.
    Followed,
}

/// How many links one leads over.
const MAX_LINKS: usize = 8;

/// Matches `patterns` from one site.
pub(crate) fn select<'p>(
    tree: &mut Tree,
    patterns: &'p [InputPattern],
    site: Site<'_>,
    links: Links,
    unfetched: &Unfetched,
) -> Selected<'p> {
    let (exclusions, inclusions): (Vec<_>, Vec<_>) = patterns.iter().partition(|pattern| pattern.is_exclusion());
    let mut selected = Selected::default();
    let narrows = patterns.iter().any(|pattern| pattern.member().is_some());
    let is_kept =
        |tree: &Tree, id: &EntryId| !exclusions.iter().any(|exclusion| site.excludes(exclusion, tree.entry(*id).path));
    for pattern in inclusions {
        if let Some(directory) = reached(pattern, site, tree.unreadable().keys(), &exclusions) {
            selected.unreadable = tree.unreadable().get(directory).cloned();
            continue;
        }
        let matched = matched(tree, pattern, site);
        let any = !matched.is_empty();
        let kept: Vec<_> = matched.into_iter().filter(|id| is_kept(tree, id)).collect();
        let mut led = Vec::new();
        // A link to a lockfile that is narrowed is refused.
        if links == Links::Followed && pattern.member().is_none() {
            led.extend(kept.iter().filter_map(|id| led_to(tree, *id)));
            led.retain(|id| is_kept(tree, id));
        }
        if !pattern.is_optional() {
            let pointer =
                kept.iter().chain(&led).map(|id| tree.entry(*id)).find(|entry| unfetched.lfs.is_pointer(tree, entry));
            let cause = match (reached(pattern, site, &unfetched.submodules, &exclusions), pointer) {
                (Some(path), _) => Some(Cause::Submodule(path.clone())),
                (None, Some(entry)) => Some(Cause::Pointer(entry.path.to_vec())),
                (None, None) if !kept.is_empty() => None,
                (None, None) if any => Some(Cause::Excluded),
                (None, None) => Some(nothing_found(tree, pattern, site)),
            };
            selected.missing.extend(cause.map(|cause| Missing { pattern, cause }));
            selected.required.extend(&kept);
        }
        match pattern.member() {
            Some(_) => selected.narrowed.extend(kept.iter().map(|id| (*id, pattern))),
            None if narrows => selected.whole.extend(kept.iter().chain(&led)),
            None => {}
        }
        selected.files.extend(kept);
        selected.led.extend(led);
    }
    selected.files.sort_unstable();
    selected.files.dedup();
    selected.led.sort_unstable();
    selected.led.dedup();
    selected.led.retain(|id| selected.files.binary_search(id).is_err());
    selected
}

/// The file that a link leads to, by its letters, where the workspace has it and it is no output.
fn led_to(tree: &mut Tree, link: EntryId) -> Option<EntryId> {
    let mut at = link;
    for _ in 0..MAX_LINKS {
        let entry = tree.entry(at);
        if entry.is_file() {
            break;
        }
        let target = std::fs::read_link(tree.root().join(to_path(entry.path))).ok()?;
        let path = resolve(entry.directory(), target.as_os_str().as_bytes())?;
        at = tree.find_literal(&path)?;
    }
    (at != link && tree.entry(at).is_file()).then_some(at)
}

/// Every file below a directory that no exclusion among `patterns` takes out.
///
/// # Errors
/// Why it is not known what they are: a directory among them cannot be read.
pub(crate) fn all_below(
    tree: &Tree,
    directory: &[u8],
    patterns: &[InputPattern],
    site: Site<'_>,
) -> Result<Vec<EntryId>, String> {
    let excludes = |path: &[u8]| patterns.iter().any(|pattern| pattern.is_exclusion() && site.excludes(pattern, path));
    let is_inside = |path: &[u8]| {
        directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    };
    let mut unreadable = tree.unreadable().iter().filter(|(path, _)| is_inside(path) && !excludes(&join(path, b"x")));
    if let Some((_, reason)) = unreadable.next() {
        return Err(reason.clone());
    }
    let below = tree.below(directory).map(|(id, _)| id);
    Ok(below.filter(|id| !excludes(tree.entry(*id).path)).collect())
}

fn matched(tree: &mut Tree, pattern: &InputPattern, site: Site<'_>) -> Vec<EntryId> {
    let mut found = Vec::new();
    for place in site.places(pattern) {
        let before = found.len();
        if place == site.directory {
            found.extend(matched_from(tree, pattern, place));
        } else {
            found.extend(matched_above(tree, pattern, place));
        }
        if pattern.search() != Search::Ancestors && found.len() > before {
            break;
        }
    }
    found
}

/// What many instances have above them is gone through once for all.
fn matched_above(tree: &mut Tree, pattern: &InputPattern, place: &[u8]) -> Vec<EntryId> {
    if pattern.only_literal() {
        return matched_from(tree, pattern, place);
    }
    if let Some(known) = tree.matches().get(pattern.glob(), place) {
        return known;
    }
    let found = matched_from(tree, pattern, place);
    tree.matches().insert(pattern.glob(), place, &found);
    found
}

fn matched_from(tree: &mut Tree, pattern: &InputPattern, place: &[u8]) -> Vec<EntryId> {
    if let Some(id) = pattern.literal().and_then(|name| tree.find_literal(&join(place, name.as_bytes()))) {
        return vec![id];
    }
    if pattern.only_literal() {
        return Vec::new();
    }
    tree.below(place).filter(|(_, path)| pattern.matches(path)).map(|(id, _)| id).collect()
}

fn nothing_found(tree: &Tree, pattern: &InputPattern, site: Site<'_>) -> Cause {
    let name = pattern.glob().trim_end_matches('/');
    let named = named(name);
    let output = site.places(pattern).into_iter().find_map(|place| tree.output_around(&join(place, named.as_bytes())));
    if let Some(output) = output {
        return Cause::Output(output.to_owned());
    }
    let directory = site.places(pattern).into_iter().any(|place| tree.has_directory(&join(place, name.as_bytes())));
    if directory { Cause::Directory } else { Cause::Nothing }
}

/// What stands in a glob before its first component that is no plain name.
fn named(glob: &str) -> &str {
    let plain = |component: &&str| !component.contains(['*', '?', '[', '{', '\\']);
    let length: usize = glob.split('/').take_while(plain).map(|component| component.len() + 1).sum();
    &glob[..length.saturating_sub(1).min(glob.len())]
}

/// The first of some directories that the pattern could match something in.
fn reached<'d>(
    pattern: &InputPattern,
    site: Site<'_>,
    directories: impl IntoIterator<Item = &'d Vec<u8>>,
    exclusions: &[&InputPattern],
) -> Option<&'d Vec<u8>> {
    directories.into_iter().find(|directory| {
        let below = |place: &[u8]| {
            if place.is_empty() { Some(&directory[..]) } else { directory.strip_prefix(place)?.strip_prefix(b"/") }
        };
        let reaches = |place: &[u8]| below(place).is_some_and(|directory| pattern.may_reach(directory));
        let excluded = |exclusion: &&InputPattern| site.excludes(exclusion, &join(directory, b"x"));
        site.places(pattern).into_iter().any(reaches) && !exclusions.iter().any(excluded)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::Walk;
    use super::*;
    use crate::config::Located;

    fn selected(pattern: &[&str]) -> (usize, usize, Option<String>) {
        let unreadable = [(b"data/private".to_vec(), "permission denied".to_owned())].into();
        let mut tree = Tree::new("/nowhere".into(), Walk::default(), unreadable, Vec::new());
        let unfetched = Unfetched { submodules: Vec::new(), lfs: LfsFiles::default() };
        let parse =
            |text: &&str| InputPattern::parse(Located::new((*text).to_owned(), 0..0), false, Search::Nearest).unwrap();
        let patterns: Vec<InputPattern> = pattern.iter().map(parse).collect();
        let selected = select(&mut tree, &patterns, Site { directory: b"" }, Links::AsWritten, &unfetched);
        (selected.files.len(), selected.missing.len(), selected.unreadable)
    }

    #[test]
    fn a_pattern_that_looks_into_an_unreadable_directory_is_unknown_and_not_missing() {
        for reaching in ["**/*", "data/**", "data/private/file", "data/*/x"] {
            assert_eq!(selected(&[reaching]), (0, 0, Some("permission denied".into())), "{reaching}");
        }
        for passing in [&["src/**"][..], &["data/*.txt"], &["**/*", "!data/private"], &["**/*", "!data"]] {
            assert_eq!(selected(passing), (0, 1, None), "{passing:?}");
        }
    }
}
