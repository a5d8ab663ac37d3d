//! package-lock.json and npm-shrinkwrap.json, versions 2 and 3.
//!
//! `packages` says what is installed in which place: `node_modules/a/node_modules/b`, members by their directory. What a
//! dependency leads to is found as node finds it, from the place of the one who depends upwards; the place of what is found
//! counts, since another member may move it. What is nested in a place comes with it: only what is there can see it.
//!
//! The root depends on all of its workspaces, and its `node_modules` holds what they share: so its part is everything.
//! `dependencies` of version 2 repeats `packages` for npm 6, which knows no workspaces, and is not read.

use std::collections::{BTreeMap, HashMap};

use sci_hasher::{Digest, Encoder};
use serde_json::Value;

use super::graph::{Node, Reach};
use super::value::{self, Table, as_table, known_keys};
use super::{Graph, NarrowError};
use crate::lockfiles::{LockfileError, Package};

const FILE: &str = "package-lock.json";
const TOP: [&str; 6] = ["name", "version", "lockfileVersion", "requires", "packages", "dependencies"];

/// What npm writes of a place. All of it counts; what leads to other places is read in `Index::node`.
const PLACE: [&str; 32] = [
    "name",
    "version",
    "resolved",
    "integrity",
    "link",
    "dev",
    "optional",
    "devOptional",
    "peer",
    "extraneous",
    "ideallyInert",
    "inBundle",
    "hasShrinkwrap",
    "_hasShrinkwrap",
    "_integrity",
    "hasInstallScript",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundleDependencies",
    "acceptDependencies",
    "funding",
    "engines",
    "os",
    "cpu",
    "libc",
    "license",
    "bin",
    "deprecated",
    "workspaces",
];

/// The kinds of dependencies, and whether npm may leave one out.
const KINDS: [(&str, bool); 4] =
    [("dependencies", false), ("devDependencies", false), ("optionalDependencies", true), ("peerDependencies", true)];

/// A longer path cannot be opened. Bytes.
const PLACE_LIMIT: usize = 4096;

/// How much text is looked up in all, in bytes: a hundred times what a lockfile of 30,000 places takes.
const EFFORT: usize = 1 << 30;

pub(super) fn graph(text: &str) -> Result<Graph, NarrowError> {
    let root: Value = serde_json::from_str(text).map_err(LockfileError::malformed)?;
    let root = as_table(&root, "it")?;
    known_keys(root, &TOP, "it")?;
    match root.get("lockfileVersion").and_then(Value::as_u64) {
        Some(2 | 3) => {}
        Some(1) => return Err(NarrowError::unknown("`lockfileVersion` 1 is npm 6's, which knows no workspaces")),
        _ => return Err(NarrowError::unknown("its `lockfileVersion` is neither 2 nor 3")),
    }
    let places = value::table(root, "packages", "it")?.ok_or_else(|| NarrowError::unknown("it has no `packages`"))?;
    let places = places.iter().map(|(place, entry)| Ok((place.as_str(), as_table(entry, &format!("`{place}`"))?)));
    let mut places: Vec<(&str, &Table)> = places.collect::<Result<_, NarrowError>>()?;
    places.sort_unstable_by_key(|(place, _)| *place);
    let mut index = Index { places: &places, at: HashMap::new(), effort: EFFORT };
    index.at = places.iter().enumerate().map(|(at, (place, _))| (*place, at)).collect();
    let mut nodes = (0..places.len()).map(|at| index.node(at)).collect::<Result<Vec<Node>, _>>()?;
    for at in 0..places.len() {
        if let Some(around) = index.around(at)? {
            nodes[around].edges.push(at);
        }
    }
    let members = places.iter().enumerate().filter_map(|(at, (place, _))| member(place, at)).collect();
    let common =
        Encoder::new("sci v1 lockfile common").option(root.get("requires").map(value::digest).as_ref()).finish();
    Ok(Graph { kind: FILE, common, conditional: Vec::new(), members, nodes })
}

/// What is installed is no member.
fn member(place: &str, at: usize) -> Option<(String, Reach)> {
    match place {
        "" => Some((".".to_owned(), Reach::Everything)),
        _ if place.split('/').any(|component| component == "node_modules") => None,
        _ => Some((place.to_owned(), Reach::From(at))),
    }
}

struct Index<'t> {
    places: &'t [(&'t str, &'t Table)],
    at: HashMap<&'t str, usize>,
    effort: usize,
}

impl Index<'_> {
    fn lookup(&mut self, place: &str) -> Result<Option<usize>, NarrowError> {
        self.effort =
            self.effort.checked_sub(place.len()).ok_or_else(|| NarrowError::unknown("it is nested too deeply"))?;
        Ok(self.at.get(place).copied())
    }

    fn node(&mut self, at: usize) -> Result<Node, NarrowError> {
        let (place, entry) = self.places[at];
        let owner = format!("`{place}`");
        if place.len() > PLACE_LIMIT {
            return Err(NarrowError::unknown("a place in it is longer than any path"));
        }
        known_keys(entry, &PLACE, &owner)?;
        let mut leads: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        let mut missing = None;
        for (kind, _) in KINDS {
            for name in value::table(entry, kind, &owner)?.into_iter().flat_map(Table::keys) {
                if name.is_empty() {
                    return Err(NarrowError::unknown(format!("a dependency of {owner} has no name")));
                }
                if leads.contains_key(name.as_str()) {
                    continue;
                }
                let found = self.resolve(place, name)?;
                if found.is_none() && must_be_there(place, entry, name) {
                    missing = Some(name.clone());
                }
                leads.insert(name, found);
            }
        }
        if entry.get("link").is_some_and(|link| *link != Value::Bool(false)) {
            let target = value::text(entry, "resolved", &owner)?.unwrap_or_default();
            let found = self.lookup(target)?;
            missing = found.is_none().then(|| target.to_owned());
            // No name of a dependency is empty.
            leads.insert("", found);
        }
        Ok(Node {
            id: place.to_owned(),
            digest: self.digest(entry, &leads),
            edges: leads.values().flatten().copied().collect(),
            names: Vec::new(),
            missing,
            package: package(place, entry, &owner)?,
        })
    }

    fn digest(&self, entry: &Table, leads: &BTreeMap<&str, Option<usize>>) -> Digest {
        let mut encoder = Encoder::new("sci v1 lockfile node");
        encoder.raw_digest(&value::digest_of(entry)).integer(leads.len() as u64);
        for (name, found) in leads {
            encoder.text(name).option(found.map(|at| self.places[at].0.to_owned()).as_ref());
        }
        encoder.finish()
    }

    /// Finds a package as node does: in the `node_modules` of the directory, then of those above it.
    fn resolve(&mut self, from: &str, name: &str) -> Result<Option<usize>, NarrowError> {
        let mut directory = Some(from);
        while let Some(here) = directory {
            if last(here) != "node_modules" {
                let slash = if here.is_empty() { "" } else { "/" };
                if let Some(found) = self.lookup(&format!("{here}{slash}node_modules/{name}"))? {
                    return Ok(Some(found));
                }
            }
            directory = above(here);
        }
        Ok(None)
    }

    /// The nearest place in whose `node_modules` this one is; what the root has there is nobody's own.
    fn around(&mut self, at: usize) -> Result<Option<usize>, NarrowError> {
        let (place, _) = self.places[at];
        let (mut directory, mut installed) = (place, false);
        while let Some(outer) = above(directory).filter(|outer| !outer.is_empty()) {
            installed |= last(directory) == "node_modules";
            if let Some(found) = self.lookup(outer)?.filter(|_| installed) {
                return Ok(Some(found));
            }
            directory = outer;
        }
        Ok(None)
    }
}

fn last(directory: &str) -> &str {
    directory.rsplit('/').next().unwrap_or(directory)
}

/// The directory above. What is above a directory outside of the workspace is not known.
fn above(directory: &str) -> Option<&str> {
    match directory.rsplit_once('/') {
        _ if directory.is_empty() || last(directory) == ".." => None,
        Some((outer, _)) => Some(outer),
        None => Some(""),
    }
}

/// Whether npm would not have written the lockfile without this dependency. Nothing says so of the development of what is
/// installed, which nobody installs.
fn must_be_there(place: &str, entry: &Table, name: &str) -> bool {
    let named = |kind: &str| entry.get(kind).and_then(Value::as_object).is_some_and(|names| names.contains_key(name));
    let may_lack = KINDS.iter().any(|(kind, optional)| *optional && named(kind));
    let installed = place.split('/').any(|component| component == "node_modules");
    !may_lack && (named("dependencies") || !installed)
}

fn package(place: &str, entry: &Table, owner: &str) -> Result<Option<Package>, NarrowError> {
    let installed_as = match place.rsplit_once("node_modules/") {
        Some((above, name)) if above.is_empty() || above.ends_with('/') => name.to_owned(),
        _ => return Ok(None),
    };
    if entry.contains_key("link") {
        return Ok(None);
    }
    let text = |key| value::text(entry, key, owner).map(|text| text.map(str::to_owned));
    let (name, version) = (text("name")?.unwrap_or(installed_as), text("version")?.unwrap_or_default());
    // npm writes `false` where it does not say.
    let text = |key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(Some(Package { name, version, source: text("resolved"), integrity: text("integrity") }))
}
