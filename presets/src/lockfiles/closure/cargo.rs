//! Cargo.lock, versions 1 to 4.
//!
//! All packages of a workspace, members and dependencies alike, are one list, and each names its dependencies of every kind
//! (build, development, optional ones that some feature needs) by name, and by version and source only where the name is not
//! enough. So what a dependency leads to counts, not how it is written: another member may make it longer.

use std::collections::{BTreeMap, HashMap};

use sci_hasher::{Digest, Encoder};
use serde_json::Value;

use super::graph::{Node, Reach};
use super::value::{self, Table, as_table, known_keys};
use super::{Graph, NarrowError};
use crate::lockfiles::{LockfileError, Package};

const FILE: &str = "Cargo.lock";
const TOP: [&str; 4] = ["version", "package", "metadata", "patch"];
const PACKAGE: [&str; 6] = ["name", "version", "source", "checksum", "dependencies", "replace"];

/// One `[[package]]`.
struct Found<'t> {
    name: &'t str,
    version: &'t str,
    source: Option<&'t str>,
    checksum: Option<&'t str>,
    dependencies: Vec<&'t str>,
    replace: Option<&'t str>,
}

pub(super) fn graph(text: &str) -> Result<Graph, NarrowError> {
    let parsed: toml::Table = text.parse().map_err(LockfileError::malformed)?;
    let Value::Object(root) = serde_json::to_value(parsed).map_err(LockfileError::malformed)? else {
        return Err(NarrowError::unknown("it is no table"));
    };
    known_keys(&root, &TOP, "it")?;
    if let Some(version) = root.get("version").filter(|version| !matches!(version.as_u64(), Some(1..=4))) {
        return Err(NarrowError::unknown(format!("its version is {version}, and versions 1 to 4 are known")));
    }
    let mut packages = Vec::new();
    for package in root.get("package").map_or(Ok(&[][..]), |list| as_list(list, "`package`"))? {
        packages.push(found(as_table(package, "a `package`")?)?);
    }
    let (checksums, common) = aside(&root)?;
    for package in &mut packages {
        let key = format!("checksum {}", written(package.name, package.version, package.source));
        package.checksum = package.checksum.or_else(|| checksums.get(key.as_str()).copied());
    }
    let index = Index::of(&packages)?;
    let nodes = packages.iter().map(|package| index.node(&packages, package)).collect();
    Ok(Graph { kind: FILE, common, conditional: Vec::new(), members: members(&packages), nodes })
}

/// Members, and other packages in directories, have no source. A name that several of them have says nothing.
fn members(packages: &[Found<'_>]) -> BTreeMap<String, Reach> {
    let mut named: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate().filter(|(_, package)| package.source.is_none()) {
        named.entry(package.name).and_modify(|known| *known = None).or_insert(Some(index));
    }
    named.into_iter().filter_map(|(name, index)| Some((name.to_owned(), Reach::From(index?)))).collect()
}

/// The checksums of version 1, and the digest of all else that stands beside the packages.
fn aside(root: &Table) -> Result<(HashMap<&str, &str>, Digest), NarrowError> {
    let mut encoder = Encoder::new("sci v1 lockfile common");
    let mut checksums = HashMap::new();
    let rest = value::table(root, "metadata", "it")?.map(|metadata| {
        let mut rest = Table::new();
        for (key, value) in metadata {
            match value.as_str().filter(|_| key.starts_with("checksum ")) {
                Some(checksum) => drop(checksums.insert(key.as_str(), checksum)),
                None => drop(rest.insert(key.clone(), value.clone())),
            }
        }
        value::digest(&Value::Object(rest))
    });
    for digest in [root.get("version").map(value::digest), root.get("patch").map(value::digest), rest] {
        encoder.option(digest.as_ref());
    }
    Ok((checksums, encoder.finish()))
}

fn found(table: &Table) -> Result<Found<'_>, NarrowError> {
    known_keys(table, &PACKAGE, "a `package`")?;
    let text = |key| value::text(table, key, "a `package`");
    let must = |key| text(key)?.ok_or_else(|| NarrowError::unknown(format!("a `package` has no `{key}`")));
    let list = table.get("dependencies").map_or(Ok(&[][..]), |list| as_list(list, "`dependencies`"))?;
    let dependency = |value| Value::as_str(value).ok_or_else(|| NarrowError::unknown("a dependency is no text"));
    Ok(Found {
        name: must("name")?,
        version: must("version")?,
        source: text("source")?,
        // Version 1 writes this where there is none.
        checksum: text("checksum")?,
        dependencies: list.iter().map(dependency).collect::<Result<_, _>>()?,
        replace: text("replace")?,
    })
}

fn as_list<'v>(value: &'v Value, what: &str) -> Result<&'v [Value], NarrowError> {
    value.as_array().map(|list| &list[..]).ok_or_else(|| NarrowError::unknown(format!("{what} is no list")))
}

fn written(name: &str, version: &str, source: Option<&str>) -> String {
    source.map_or_else(|| format!("{name} {version}"), |source| format!("{name} {version} ({source})"))
}

/// Dependencies name a git repository without the revision, which its package has.
fn without_revision(source: &str) -> &str {
    source.split('#').next().unwrap_or(source)
}

/// Finds packages as cargo does.
struct Index<'t> {
    exact: HashMap<(&'t str, &'t str, Option<&'t str>), usize>,
    /// By name and version: the one without a source, and the only one.
    versions: HashMap<(&'t str, &'t str), Known>,
    /// By name: the only version.
    names: HashMap<&'t str, Option<&'t str>>,
}

#[derive(Clone, Copy)]
struct Known {
    sourceless: Option<usize>,
    only: Option<usize>,
}

impl<'t> Index<'t> {
    fn of(packages: &[Found<'t>]) -> Result<Self, NarrowError> {
        let mut index = Self { exact: HashMap::new(), versions: HashMap::new(), names: HashMap::new() };
        for (at, package) in packages.iter().enumerate() {
            let source = package.source.map(without_revision);
            if index.exact.insert((package.name, package.version, source), at).is_some() {
                let twice = written(package.name, package.version, source);
                return Err(NarrowError::unknown(format!("`{twice}` stands in it twice")));
            }
            let sourceless = source.is_none().then_some(at);
            let versions = index.versions.entry((package.name, package.version));
            versions
                .and_modify(|known| *known = Known { sourceless: known.sourceless.or(sourceless), only: None })
                .or_insert(Known { sourceless, only: Some(at) });
            let names = index.names.entry(package.name).or_insert(Some(package.version));
            *names = names.filter(|version| *version == package.version);
        }
        Ok(index)
    }

    fn find(&self, dependency: &str) -> Option<usize> {
        let mut words = dependency.splitn(3, ' ');
        let name = words.next()?;
        let version = match words.next() {
            Some(version) => version,
            None => (*self.names.get(name)?)?,
        };
        let Some(source) = words.next() else {
            let known = self.versions.get(&(name, version))?;
            return known.sourceless.or(known.only);
        };
        let source = source.strip_prefix('(')?.strip_suffix(')')?;
        self.exact.get(&(name, version, Some(without_revision(source)))).copied()
    }

    fn node(&self, packages: &[Found<'_>], package: &Found<'_>) -> Node {
        let id = |package: &Found<'_>| written(package.name, package.version, package.source);
        let (mut edges, mut missing) = (Vec::new(), None);
        for dependency in package.dependencies.iter().chain(&package.replace) {
            match self.find(dependency) {
                Some(edge) => edges.push(edge),
                None => missing = Some((*dependency).to_owned()),
            }
        }
        edges.sort_unstable();
        edges.dedup();
        let mut leads: Vec<String> = edges.iter().map(|edge| id(&packages[*edge])).collect();
        leads.sort_unstable();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let mut encoder = Encoder::new("sci v1 lockfile node");
        encoder.text(package.name).text(package.version);
        for field in [package.source, package.checksum, package.replace] {
            encoder.option(owned(field).as_ref());
        }
        encoder.list(&leads);
        let shown = Package {
            name: package.name.to_owned(),
            version: package.version.to_owned(),
            source: owned(package.source),
            integrity: owned(package.checksum),
        };
        Node { id: id(package), digest: encoder.finish(), edges, names: Vec::new(), missing, package: Some(shown) }
    }
}
