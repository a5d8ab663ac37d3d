//! Expands declarations into instances.

use std::path::PathBuf;

use sci_hasher::InputClass;
use sci_presets::Beside;
use sci_sys::places;

use super::copied::Copied;
use super::members;
use super::missing;
use super::narrowing::{self, Narrowed};
use super::outside::{Manifests, Outside};
use crate::config::{Config, Declaration, Errors, FILE_NAME, Origin, refuse_credentials};
use crate::inputs::{DirGlob, EntryId, InputPattern, Links, Missing, Site, Tree, Unfetched, all_below, join, select};
use crate::{Host, NoPlace, Place};

/// The classes whose inputs are files, in ladder order.
const FILE_CLASSES: [InputClass; 3] = [InputClass::Configs, InputClass::Lockfiles, InputClass::Sources];

/// One path on this machine, with the files it is derived from.
#[derive(Debug)]
pub(crate) struct Instance<'c> {
    pub(crate) declaration: &'c Declaration,
    /// The directory that the base matched; the workspace (empty) for a path without a glob.
    pub(crate) directory: String,
    /// As records name it.
    pub(crate) path: String,
    /// Where it is on this host.
    pub(crate) place: Result<Place, NoPlace>,
    /// Input files by class, in order. A file that several classes name counts in the lowest one only.
    pub(crate) files: Vec<(InputClass, Vec<EntryId>)>,
    /// Those of them that no pattern names, and a link leads to.
    pub(crate) led: Vec<EntryId>,
    /// The lockfiles among them of which only one member's part counts.
    pub(crate) narrowed: Vec<Narrowed<'c>>,
    /// Why it is not known which files those are.
    pub(crate) unreadable: Option<String>,
}

/// Finds the instances of every declaration, in the order of the declarations, then of the directories.
pub(crate) fn expand<'c>(
    config: &'c Config,
    host: &Host,
    tree: &mut Tree,
    unfetched: &Unfetched,
    errors: &mut Errors<'_>,
) -> Vec<Instance<'c>> {
    let (copied, manifests, instances) = (Copied::default(), Manifests::default(), Vec::new());
    let mut expansion = Expansion { config, host, tree, unfetched, errors, copied, manifests, instances };
    for declaration in &config.paths {
        match declaration.path.value.base() {
            None => expansion.single(declaration),
            Some(base) => expansion.per_directory(declaration, base),
        }
    }
    let Expansion { mut instances, errors, tree, .. } = expansion;
    members::retain(&mut instances, host, tree);
    refuse_places(&mut instances, host, errors);
    instances
}

struct Expansion<'c, 'e, 's> {
    config: &'c Config,
    host: &'e Host,
    tree: &'e mut Tree,
    unfetched: &'e Unfetched,
    errors: &'e mut Errors<'s>,
    copied: Copied,
    manifests: Manifests,
    instances: Vec<Instance<'c>>,
}

/// What the patterns of a declaration match from one directory.
struct Matched<'c> {
    files: Vec<(InputClass, Vec<EntryId>)>,
    /// Those of them that only links lead to.
    led: Vec<EntryId>,
    /// Of the lockfiles: those that are narrowed, by which pattern, and whether another one takes them whole.
    narrowed: Vec<(EntryId, &'c InputPattern, bool)>,
    required: Vec<EntryId>,
    missing: Vec<(InputClass, Missing<'c>)>,
    unreadable: Option<String>,
}

impl<'c> Expansion<'c, '_, '_> {
    fn single(&mut self, declaration: &'c Declaration) {
        let matched = self.matched(declaration, "");
        for (class, missing) in &matched.missing {
            missing::refuse(declaration, *class, missing, None, self.errors);
        }
        self.add(declaration, String::new(), matched);
    }

    /// A directory that the base matches holds an instance when the file that `beside` names is in it. Without `beside`, when
    /// all patterns that must match do, and, for a base of any depth, when one of them matches in the directory itself.
    ///
    /// A directory that has inputs of its own and lacks one that must match is an error, like any pattern that matches
    /// nothing; only where a preset guesses at any depth is it passed over.
    fn per_directory(&mut self, declaration: &'c Declaration, base: &DirGlob) {
        let before = self.instances.len();
        let directories: Vec<Vec<u8>> =
            self.tree.directories().iter().filter(|directory| base.matches(directory)).cloned().collect();
        for directory in directories {
            // Records name instances as text, so there can be none in a directory whose name is not.
            let Ok(directory) = String::from_utf8(directory) else { continue };
            let marked = declaration.beside.as_ref().map(|beside| self.is_marked(beside, &directory));
            if marked == Some(false) {
                continue;
            }
            let matched = self.matched(declaration, &directory);
            let own = marked.unwrap_or_else(|| self.has_own_input(declaration, &matched, &directory));
            if !matched.missing.is_empty() {
                let guessed = base.any_depth() && declaration.origin != Origin::Workspace;
                if own && !guessed {
                    self.refuse_all(declaration, &directory, &matched.missing);
                }
            } else if own || !base.any_depth() {
                self.add(declaration, directory, matched);
            }
        }
        if self.instances.len() == before && !declaration.optional {
            missing::refuse_no_instance(declaration, base, self.errors);
        }
    }

    fn is_marked(&mut self, Beside(files): &Beside, directory: &str) -> bool {
        files.iter().any(|file| self.tree.find_literal(&join(directory.as_bytes(), file.as_bytes())).is_some())
    }

    /// Adds to the sources what lies in the directories that the lockfiles have copied, and that manifests build with outside of
    /// the instance's own.
    fn add_led(&mut self, declaration: &Declaration, directory: &str, matched: &mut Matched<'c>) {
        let configs = of_class(&matched.files, InputClass::Configs);
        let Outside { directories, manifests: mut added } =
            self.manifests.outside(self.tree, directory.as_bytes(), configs);
        let mut led: Vec<Vec<u8>> = directories.into_iter().collect();
        let path = instance_path(declaration, directory);
        let holding = path.rsplit_once('/').map_or("", |(holding, _)| holding);
        for lockfile in of_class(&matched.files, InputClass::Lockfiles) {
            led.extend(self.copied.of(self.tree, holding, *lockfile));
        }
        let site = Site { directory: directory.as_bytes() };
        for below in led {
            match all_below(self.tree, &below, declaration.patterns(InputClass::Sources), site) {
                Ok(files) => added.extend(files),
                Err(reason) => matched.unreadable = matched.unreadable.take().or(Some(reason)),
            }
        }
        // What it says of this path counts by itself, and what it says of others does not count.
        added.retain(|id| self.tree.entry(*id).path != FILE_NAME.as_bytes());
        added.retain(|id| !matched.files.iter().any(|(_, taken)| taken.binary_search(id).is_ok()));
        let Some((_, sources)) = matched.files.iter_mut().find(|(class, _)| *class == InputClass::Sources) else {
            return;
        };
        sources.extend(added);
        sources.sort_unstable();
        sources.dedup();
    }

    fn refuse_all(&mut self, declaration: &Declaration, directory: &str, missing: &[(InputClass, Missing<'_>)]) {
        let instance = instance_path(declaration, directory);
        for (class, missing) in missing {
            missing::refuse(declaration, *class, missing, Some(&instance), self.errors);
        }
    }

    fn matched(&mut self, declaration: &'c Declaration, directory: &str) -> Matched<'c> {
        let (mut files, mut missing, mut required) = (Vec::new(), Vec::new(), Vec::new());
        let mut unreadable = None;
        let mut taken: Vec<EntryId> = Vec::new();
        let (mut narrowed, mut led) = (Vec::new(), Vec::new());
        for class in FILE_CLASSES {
            let site = Site { directory: directory.as_bytes() };
            let links = if class == InputClass::Sources { Links::AsWritten } else { Links::Followed };
            let mut selected = select(self.tree, declaration.patterns(class), site, links, self.unfetched);
            missing.extend(selected.missing.into_iter().map(|pattern| (class, pattern)));
            required.extend(selected.required);
            unreadable = unreadable.or(selected.unreadable);
            for (id, pattern) in selected.narrowed {
                narrowed.push((id, pattern, taken.binary_search(&id).is_ok() || selected.whole.contains(&id)));
            }
            selected.led.retain(|id| taken.binary_search(id).is_err());
            selected.files.extend(&selected.led);
            selected.files.sort_unstable();
            selected.files.retain(|id| taken.binary_search(id).is_err());
            led.extend(selected.led);
            taken.extend(&selected.files);
            taken.sort_unstable();
            files.push((class, selected.files));
        }
        Matched { files, led, narrowed, required, missing, unreadable }
    }

    /// Whether a pattern that must match does so in the directory itself; any pattern, where none must.
    fn has_own_input(&self, declaration: &Declaration, matched: &Matched<'_>, directory: &str) -> bool {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let own = |id: &EntryId| self.tree.entry(*id).path.starts_with(prefix.as_bytes());
        let patterns = FILE_CLASSES.into_iter().flat_map(|class| declaration.patterns(class));
        if patterns.into_iter().any(|pattern| !pattern.is_optional()) {
            matched.required.iter().any(own)
        } else {
            matched.files.iter().flat_map(|(_, ids)| ids).any(own)
        }
    }

    fn add(&mut self, declaration: &'c Declaration, directory: String, mut matched: Matched<'c>) {
        self.add_led(declaration, &directory, &mut matched);
        let Matched { files, led, narrowed, unreadable, .. } = matched;
        let parts = narrowing::parts(self.tree, &directory, narrowed, self.errors);
        let path = instance_path(declaration, &directory);
        let place = Place::of(declaration, &path, &self.config.workspace, self.host);
        self.instances.push(Instance { declaration, directory, path, place, files, led, narrowed: parts, unreadable });
    }
}

fn of_class(files: &[(InputClass, Vec<EntryId>)], wanted: InputClass) -> &[EntryId] {
    files.iter().find(|(class, _)| *class == wanted).map_or(&[], |(_, ids)| ids)
}

fn instance_path(declaration: &Declaration, directory: &str) -> String {
    let path = &declaration.path.value;
    match (path.is_home(), directory) {
        (true, _) => format!("~/{}", path.tail()),
        (false, "") => path.tail().to_owned(),
        (false, directory) => format!("{directory}/{}", path.tail()),
    }
}

/// What only concrete places tell: overlaps of paths with globs, and credentials where the workspace is in the way of them.
fn refuse_places(instances: &mut [Instance<'_>], host: &Host, errors: &mut Errors<'_>) {
    let place = |instance: &Instance<'_>| {
        let place = instance.place.as_ref().ok()?;
        // Of the workspace the path has no links.
        Some(if instance.path.starts_with("~/") { place.resolved() } else { place.root.clone() })
    };
    let placed = instances.iter().enumerate();
    let mut placed: Vec<(PathBuf, usize)> =
        placed.filter_map(|(index, instance)| Some((place(instance)?, index))).collect();
    // Component order puts what a directory contains right behind it.
    placed.sort();
    let mut outer: Option<(PathBuf, usize)> = None;
    for (root, index) in placed {
        refuse_secret(&instances[index], host, errors);
        if let Some((above, container)) = &outer
            && root.starts_with(above)
        {
            overlap(instances, *container, index, errors);
            // It may hold others, which are not concerned.
            if instances[*container].place.is_ok() {
                continue;
            }
        }
        outer = Some((root, index));
    }
}

/// What is refused as it stands was refused when sci.toml was read, and what a variable says where it was looked at; this is
/// about where a glob led.
fn refuse_secret(instance: &Instance<'_>, host: &Host, errors: &mut Errors<'_>) {
    let Ok(place) = &instance.place else { return };
    if instance.declaration.path.value.base().is_some() {
        let _ = refuse_credentials(&instance.path, false, &instance.declaration.path.span, errors);
    }
    let below_home = host.home.as_deref().and_then(|home| place.root.strip_prefix(home).ok()).and_then(places::text);
    if let Some(inner) = below_home.filter(|_| place.elsewhere.is_none()) {
        let _ = refuse_credentials(&inner, true, &instance.declaration.path.span, errors);
    }
}

/// Two paths of which one lies in the other are a mistake in sci.toml, unless a variable brought one of them there.
fn overlap(instances: &mut [Instance<'_>], container: usize, inside: usize, errors: &mut Errors<'_>) {
    let variable = |index: usize| instances[index].place.as_ref().ok()?.elsewhere.clone();
    let moved = [(inside, container), (container, inside)];
    let moved = moved.into_iter().find_map(|(moved, other)| Some((moved, other, variable(moved)?)));
    let Some((moved, other, variable)) = moved else {
        return refuse_overlap(&instances[container], &instances[inside], errors);
    };
    let reason = format!("{variable} brings it to a place that overlaps `{}`", instances[other].path);
    let hint = "each file belongs to one path: name a directory for it alone".to_owned();
    instances[moved].place = Err(NoPlace { reason, hint });
}

fn refuse_overlap(container: &Instance<'_>, inside: &Instance<'_>, errors: &mut Errors<'_>) {
    errors.push_with_hint(
        &inside.declaration.path.span,
        format!(
            "path `{}` ({}) overlaps path `{}` ({})",
            inside.declaration.name.value, inside.path, container.declaration.name.value, container.path
        ),
        "each file belongs to one path: declare the outer one, or name the parts",
    );
}
