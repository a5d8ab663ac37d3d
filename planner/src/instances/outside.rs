//! What the manifests of an instance's directory build with that lies outside of it: an input, since its patterns end there.
//!
//! Cargo's manifests are read. A project within another one is often built with packages of that one: they, and what they in turn
//! are built with, count for it.

use std::collections::{BTreeMap, BTreeSet};

use sci_presets::{CargoManifest, Dependencies};

use super::content::content;
use crate::inputs::{EntryId, Tree, directory_of, join, resolve};

const MANIFEST: &[u8] = b"Cargo.toml";

/// Every manifest that was read, by its directory: several instances build with the same packages.
#[derive(Debug, Default)]
pub(super) struct Manifests(BTreeMap<Vec<u8>, Option<CargoManifest>>);

/// What counts besides an instance's own files.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Directories of packages, relative to the workspace.
    pub(super) directories: BTreeSet<Vec<u8>>,
    /// Their manifests, which no pattern takes out, and those of the workspaces that they take something from.
    pub(super) manifests: Vec<EntryId>,
}

impl Manifests {
    /// What the manifests among an instance's files build with outside of its directory.
    pub(super) fn outside(&mut self, tree: &mut Tree, directory: &[u8], files: &[EntryId]) -> Outside {
        let mut outside = Outside::default();
        // Whatever is in the workspace is in its directory.
        if directory.is_empty() {
            return outside;
        }
        let paths = files.iter().map(|id| tree.entry(*id).path);
        let manifests = paths.filter(|path| path.rsplit(|byte| *byte == b'/').next() == Some(MANIFEST));
        let mut waiting: Vec<Vec<u8>> = manifests.map(|path| directory_of(path).to_vec()).collect();
        let mut seen: BTreeSet<Vec<u8>> = waiting.iter().cloned().collect();
        let mut roots = BTreeSet::new();
        while let Some(package) = waiting.pop() {
            let is_own = is_in(&package, directory);
            let Some(manifest) = self.at(tree, &package).cloned() else { continue };
            let own = Some(&manifest.own).filter(|_| is_own);
            let root = self.root(tree, &package, &manifest);
            for dependencies in own.into_iter().chain([&manifest.built]) {
                for found in self.directories(tree, &package, root.as_deref(), dependencies) {
                    if !is_in(&found, directory) {
                        outside.directories.insert(found.clone());
                    }
                    if seen.insert(found.clone()) {
                        waiting.push(found);
                    }
                }
            }
            roots.extend(root.filter(|root| manifest.inherits && !is_in(root, directory)));
        }
        let manifests = outside.directories.union(&roots);
        outside.manifests = manifests.filter_map(|package| tree.find_literal(&join(package, MANIFEST))).collect();
        outside
    }

    /// Where dependencies are, as far as they are in the workspace.
    fn directories(
        &mut self,
        tree: &mut Tree,
        package: &[u8],
        root: Option<&[u8]>,
        dependencies: &Dependencies,
    ) -> Vec<Vec<u8>> {
        let mut found: Vec<Vec<u8>> =
            dependencies.directories.iter().filter_map(|path| resolve(package, path.as_bytes())).collect();
        let Some(root) = root.filter(|_| !dependencies.inherited.is_empty()) else { return found };
        let shared = self.at(tree, root).and_then(|manifest| manifest.workspace.as_ref());
        let inherited = dependencies.inherited.iter().filter_map(|name| shared?.get(name));
        found.extend(inherited.filter_map(|path| resolve(root, path.as_bytes())));
        found
    }

    /// The directory of a package's workspace.
    fn root(&mut self, tree: &mut Tree, package: &[u8], manifest: &CargoManifest) -> Option<Vec<u8>> {
        if let Some(named) = &manifest.root {
            return resolve(package, named.as_bytes());
        }
        let mut directory = package.to_vec();
        loop {
            if self.at(tree, &directory).is_some_and(|manifest| manifest.workspace.is_some()) {
                return Some(directory);
            }
            if directory.is_empty() {
                return None;
            }
            directory = directory_of(&directory).to_vec();
        }
    }

    fn at(&mut self, tree: &mut Tree, directory: &[u8]) -> Option<&CargoManifest> {
        let read = || {
            let file = tree.find_literal(&join(directory, MANIFEST))?;
            content(tree, file).map(|content| CargoManifest::read(&content))
        };
        self.0.entry(directory.to_vec()).or_insert_with(read).as_ref()
    }
}

fn is_in(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}
