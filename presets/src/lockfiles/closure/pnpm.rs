//! pnpm-lock.yaml, versions 6 and 9.
//!
//! `importers` are the members. What one depends on is a key of `snapshots` (of `packages`, before version 9), which names
//! the package with the peers and the patch that it is installed with, or a link to another member, perhaps to a directory in it
//! that it publishes (`publishDirectory`). A member that is copied instead of linked (`injected`) is followed as well, for what
//! builds it.
//!
//! Settings count for every member. An entry of `overrides`, `patchedDependencies` or `catalogs` is about one package, and
//! counts for those who reach a package of that name. What an override does is in the graph anyway: it counts so that a
//! plain change of it is seen.
//!
//! The root's `node_modules` holds the virtual store of all members: so its part is everything.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use sci_hasher::{Digest, Encoder};
use serde::Deserialize;
use serde_json::Value;

use super::graph::{Node, Reach};
use super::pnpm_keys::{key_of, linked, selected, without_peers};
use super::value::{self, Table, as_table, known_keys};
use super::{Graph, NarrowError};
use crate::lockfiles::pnpm::{self, Entry};
use crate::lockfiles::{LockfileError, Package};

const FILE: &str = "pnpm-lock.yaml";

/// What counts for every member.
const SETTINGS: [&str; 8] = [
    "lockfileVersion",
    "settings",
    "packageExtensionsChecksum",
    "pnpmfileChecksum",
    "ignoredOptionalDependencies",
    "neverBuiltDependencies",
    "onlyBuiltDependencies",
    "allowBuilds",
];

/// What is about single packages; `time` is when they were published, which only choosing versions needs.
const REST: [&str; 7] = ["overrides", "patchedDependencies", "catalogs", "importers", "packages", "snapshots", "time"];

/// The kinds of dependencies.
const KINDS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

const IMPORTER: [&str; 5] =
    ["dependencies", "devDependencies", "optionalDependencies", "dependenciesMeta", "publishDirectory"];

const PACKAGE: [&str; 22] = [
    "id",
    "name",
    "version",
    "resolution",
    "engines",
    "cpu",
    "os",
    "libc",
    "deprecated",
    "hasBin",
    "requiresBuild",
    "prepare",
    "patched",
    "dev",
    "optional",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundledDependencies",
    "bundleDependencies",
    "dependencies",
    "optionalDependencies",
    "transitivePeerDependencies",
];

pub(super) fn graph(text: &str) -> Result<Graph, NarrowError> {
    let mut documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, pnpm::options()).map_err(LockfileError::malformed)?;
    // Those before the last say with which pnpm and which of its plugins the workspace is installed.
    let last = documents.pop().ok_or_else(|| NarrowError::unknown("it is empty"))?;
    let root = as_table(&last, "it")?;
    let version = version(root)?;
    let mut known = [&SETTINGS[..], &REST].concat();
    if !root.contains_key("importers") {
        known.extend(IMPORTER);
    }
    known_keys(root, &known, "it")?;
    let lock = Lock::of(root, version)?;
    Ok(Graph {
        kind: FILE,
        common: common(&documents, root),
        conditional: conditional(root)?,
        members: lock.members(),
        nodes: lock.nodes()?,
    })
}

fn version(root: &Table) -> Result<u64, NarrowError> {
    let version = match root.get("lockfileVersion") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(NarrowError::unknown("it has no `lockfileVersion`")),
    };
    match version.split('.').next() {
        Some("6") => Ok(6),
        Some("9") => Ok(9),
        _ => Err(NarrowError::unknown(format!("its `lockfileVersion` is {version}, and 6 and 9 are known"))),
    }
}

fn common(before: &[Value], root: &Table) -> Digest {
    let mut encoder = Encoder::new("sci v1 lockfile common");
    encoder.list(&before.iter().map(value::digest).collect::<Vec<_>>());
    for setting in SETTINGS {
        encoder.option(root.get(setting).map(value::digest).as_ref());
    }
    encoder.finish()
}

/// What is said about packages of one name. A selector that names none plainly is taken to concern everybody: it is filed
/// under the empty name, which every node has.
fn conditional(root: &Table) -> Result<Vec<(String, Digest)>, NarrowError> {
    let mut said = Vec::new();
    let mut say = |section: &str, name: &str, entry: &str, value: &Value| {
        let mut encoder = Encoder::new("sci v1 lockfile entry");
        encoder.text(section).text(entry).raw_digest(&value::digest(value));
        said.push((name.to_owned(), encoder.finish()));
    };
    for section in ["overrides", "patchedDependencies"] {
        for (selector, value) in value::table(root, section, "it")?.into_iter().flatten() {
            say(section, selected(selector).unwrap_or(""), selector, value);
        }
    }
    for (catalog, entries) in value::table(root, "catalogs", "it")?.into_iter().flatten() {
        for (name, value) in as_table(entries, "a catalog")? {
            say(&format!("catalog {catalog}"), name, name, value);
        }
    }
    Ok(said)
}

/// Nodes are the members, then what is installed, both by their keys.
struct Lock<'t> {
    version: u64,
    importers: Vec<(&'t str, Cow<'t, Table>)>,
    installed: Vec<(&'t str, &'t Table)>,
    /// Since version 9: what those have in common that are one package with different peers.
    packages: Option<&'t Table>,
    member_at: HashMap<&'t str, usize>,
    /// By the directory that a member is linked by instead of its own (`publishConfig.directory` with `linkDirectory`).
    published_at: HashMap<String, usize>,
    installed_at: HashMap<&'t str, usize>,
}

/// What a dependency leads to.
enum Lead {
    To(usize),
    /// To a directory that is no member: nothing of it is in the lockfile.
    Outside,
    Missing,
}

impl<'t> Lock<'t> {
    fn of(root: &'t Table, version: u64) -> Result<Self, NarrowError> {
        let importers = match value::table(root, "importers", "it")? {
            Some(importers) => listed(importers, "importers")?.map(|(key, it)| (key, Cow::Borrowed(it))).collect(),
            None => vec![(".", Cow::Owned(alone(root)))],
        };
        let packages = value::table(root, "packages", "it")?;
        let (section, packages) =
            if version < 9 { (packages, None) } else { (value::table(root, "snapshots", "it")?, packages) };
        let installed: Vec<(&str, &Table)> = match section {
            Some(section) => listed(section, "packages")?.collect(),
            None => Vec::new(),
        };
        let member_at = importers.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
        let published = importers.iter().enumerate().filter_map(|(at, (key, importer))| {
            let directory = importer.get("publishDirectory")?.as_str()?;
            Some((linked(key, directory)?, at))
        });
        let published_at = published.collect();
        let behind = importers.len();
        let installed_at = installed.iter().enumerate().map(|(at, (key, _))| (*key, behind + at)).collect();
        Ok(Self { version, importers, installed, packages, member_at, published_at, installed_at })
    }

    fn members(&self) -> BTreeMap<String, Reach> {
        let reach = |(at, (key, _)): (usize, &(&str, _))| match *key {
            "." => (".".to_owned(), Reach::Everything),
            key => (key.to_owned(), Reach::From(at)),
        };
        self.importers.iter().enumerate().map(reach).collect()
    }

    fn nodes(&self) -> Result<Vec<Node>, NarrowError> {
        let members = self.importers.iter().map(|(directory, importer)| self.member(directory, importer));
        members.chain(self.installed.iter().map(|(key, snapshot)| self.package(key, snapshot))).collect()
    }

    fn member(&self, directory: &str, importer: &Table) -> Result<Node, NarrowError> {
        let owner = format!("the importer `{directory}`");
        known_keys(importer, &IMPORTER, &owner)?;
        let mut draft = Draft::new(format!("member {directory}"));
        draft.encoder.raw_digest(&value::digest_of(importer));
        for kind in KINDS {
            for (name, dependency) in value::table(importer, kind, &owner)?.into_iter().flatten() {
                let dependency = as_table(dependency, &format!("`{name}` of {owner}"))?;
                let reference = value::text(dependency, "version", &owner)?.unwrap_or_default();
                draft.leads(self, name, reference, directory);
            }
        }
        Ok(draft.finish(None))
    }

    fn package(&self, key: &str, snapshot: &Table) -> Result<Node, NarrowError> {
        let owner = format!("`{key}`");
        known_keys(snapshot, &PACKAGE, &owner)?;
        let mut draft = Draft::new(key.to_owned());
        draft.encoder.raw_digest(&value::digest_of(snapshot));
        let package = match self.packages {
            None => snapshot,
            Some(packages) => {
                let found = without_peers(key).find_map(|key| packages.get(key));
                let Some(found) = found else { return Ok(draft.lacking(key)) };
                let package = as_table(found, &owner)?;
                known_keys(package, &PACKAGE, &owner)?;
                draft.encoder.raw_digest(&value::digest_of(package));
                package
            }
        };
        for kind in KINDS {
            for (name, reference) in value::table(snapshot, kind, &owner)?.into_iter().flatten() {
                let reference = reference
                    .as_str()
                    .ok_or_else(|| NarrowError::unknown(format!("{owner} depends on what is no text")))?;
                draft.leads(self, name, reference, ".");
            }
        }
        if let Some(directory) =
            value::table(package, "resolution", &owner)?.and_then(|it| it.get("directory")?.as_str())
            && let Some(member) = self.member_in(".", directory)
        {
            draft.edges.push(member);
        }
        let entry = Entry::deserialize(package).map_err(LockfileError::malformed)?;
        Ok(draft.finish(Some(pnpm::package(key, entry, pnpm::split_at))))
    }

    /// The member whose directory a link leads to, or whose published one.
    fn member_in(&self, from: &str, link: &str) -> Option<usize> {
        let directory = linked(from, link)?;
        self.member_at.get(directory.as_str()).or_else(|| self.published_at.get(&directory)).copied()
    }

    fn lead(&self, name: &str, reference: &str, from: &str) -> Lead {
        if let Some(link) = reference.strip_prefix("link:") {
            return self.member_in(from, link).map_or(Lead::Outside, Lead::To);
        }
        let key = key_of(name, reference, self.version);
        self.installed_at.get(key.as_str()).map_or(Lead::Missing, |at| Lead::To(*at))
    }
}

fn listed<'t>(section: &'t Table, owner: &str) -> Result<impl Iterator<Item = (&'t str, &'t Table)>, NarrowError> {
    let entries =
        section.iter().map(|(key, value)| Ok((key.as_str(), as_table(value, &format!("`{key}` of `{owner}`"))?)));
    Ok(entries.collect::<Result<Vec<_>, NarrowError>>()?.into_iter())
}

/// The importer of a lockfile without `importers`, as version 6 writes it for a project that is no workspace.
fn alone(root: &Table) -> Table {
    IMPORTER.iter().filter_map(|key| Some(((*key).to_owned(), root.get(*key)?.clone()))).collect()
}

/// A node in the making. References are written in full, so that what they lead to is in the digest with them.
struct Draft {
    id: String,
    encoder: Encoder,
    edges: Vec<usize>,
    names: Vec<String>,
    missing: Option<String>,
}

impl Draft {
    fn new(id: String) -> Self {
        Self {
            id,
            encoder: Encoder::new("sci v1 lockfile node"),
            edges: Vec::new(),
            names: vec![String::new()],
            missing: None,
        }
    }

    fn leads(&mut self, lock: &Lock<'_>, name: &str, reference: &str, from: &str) {
        self.names.push(name.to_owned());
        match lock.lead(name, reference, from) {
            Lead::To(at) => self.edges.push(at),
            Lead::Outside => {}
            Lead::Missing => self.missing = Some(format!("{name} {reference}")),
        }
    }

    fn lacking(mut self, dependency: &str) -> Node {
        self.missing = Some(dependency.to_owned());
        self.finish(None)
    }

    fn finish(mut self, package: Option<Package>) -> Node {
        self.names.extend(package.iter().map(|package| package.name.clone()));
        let Self { id, encoder, edges, names, missing } = self;
        Node { id, digest: encoder.finish(), edges, names, missing, package }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Closure;
    use super::*;

    /// As pnpm 9 writes it for `"publishConfig": { "directory": "dist", "linkDirectory": true }` in b.
    const PUBLISHED: &str = "lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .: {}

  packages/b:
    dependencies:
      ms:
        specifier: 2.1.3
        version: 2.1.3
    publishDirectory: dist

  packages/other:
    dependencies:
      left:
        specifier: 1.0.0
        version: 1.0.0

  packages/web:
    dependencies:
      b:
        specifier: workspace:*
        version: link:../b/dist

packages:

  left@1.0.0:
    resolution: {integrity: sha512-l}

  ms@2.1.3:
    resolution: {integrity: sha512-m}

snapshots:

  left@1.0.0: {}

  ms@2.1.3: {}
";

    fn part(lock: &str) -> Closure {
        graph(lock).unwrap().closure("packages/web").unwrap()
    }

    #[test]
    fn a_directory_that_a_member_publishes_leads_to_it() {
        let before = part(PUBLISHED);
        assert_eq!(before.packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["ms"]);
        let counts = |from, to| part(&PUBLISHED.replacen(from, to, 1)).digest != before.digest;
        assert!(counts("sha512-m", "sha512-n"));
        assert!(counts("publishDirectory: dist", "publishDirectory: ../b/dist"));
        assert!(!counts("sha512-l", "sha512-n"));
        // One that nobody publishes is no member's.
        assert!(part(&PUBLISHED.replace("link:../b/dist", "link:../b/out")).packages.is_empty());
    }
}
