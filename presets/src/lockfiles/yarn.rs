//! yarn.lock: the format of Yarn 1, which is its own, and the YAML that Yarn has written since version 2.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LockfileError, Package, Packages, pnpm};

/// One package of Yarn 1, and the requests that it satisfies.
#[derive(Debug, Default)]
pub(crate) struct ClassicEntry {
    /// `name@range`, each of which some package.json asks for.
    pub(crate) patterns: Vec<String>,
    version: String,
    /// Where it was downloaded from, with the digest behind `#`.
    pub(crate) resolved: Option<String>,
    integrity: Option<String>,
}

/// One package since Yarn 2.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BerryEntry {
    pub(crate) version: String,
    /// The *locator*: `name@npm:1.0.0`, `name@workspace:packages/a`, `name@patch:…`.
    pub(crate) resolution: String,
    /// By name, the range; `name@range` is a key of the lockfile, unless `resolutions` of package.json say otherwise.
    pub(crate) dependencies: BTreeMap<String, String>,
    pub(crate) checksum: Option<String>,
    /// Platforms: the package is left out on others.
    pub(crate) conditions: Option<String>,
}

impl BerryEntry {
    /// The name that its locator begins with.
    pub(crate) fn name(&self) -> &str {
        split(&self.resolution).0
    }

    /// Whether it is a member of the workspace.
    pub(crate) fn is_member(&self) -> bool {
        split(&self.resolution).1.starts_with("workspace:")
    }
}

/// What Yarn has written since version 2: by the requests that an entry satisfies, separated by `, `.
pub(crate) type Berry = BTreeMap<String, BerryEntry>;

/// The key under which a lockfile describes itself; Yarn 1 has none.
const ITSELF: &str = "__metadata";

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    if is_berry(text) {
        let entries = berry(text)?.into_values().filter(|entry| !entry.is_member());
        return Ok(entries.map(berry_package).collect());
    }
    Ok(classic(text)?.into_iter().map(classic_package).collect())
}

/// Whether Yarn 2 or later wrote it.
pub(crate) fn is_berry(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("__metadata:"))
}

/// Splits `name@range` behind the name, which may begin with the `@` of a scope.
pub(crate) fn split(pattern: &str) -> (&str, &str) {
    match pattern.char_indices().skip(1).find(|(_, letter)| *letter == '@') {
        Some((at, _)) => (&pattern[..at], &pattern[at + 1..]),
        None => (pattern, ""),
    }
}

/// Reads the lockfile of Yarn 2 or later.
pub(crate) fn berry(text: &str) -> Result<Berry, LockfileError> {
    let mut entries: Berry =
        serde_saphyr::from_str_with_options(text, pnpm::options()).map_err(LockfileError::malformed)?;
    entries.remove(ITSELF).ok_or_else(|| LockfileError::malformed("`__metadata` is missing"))?;
    Ok(entries)
}

fn berry_package(entry: BerryEntry) -> Package {
    let (name, reference) = split(&entry.resolution);
    let source = Some(reference).filter(|reference| !reference.starts_with("npm:") && !reference.is_empty());
    Package {
        name: name.to_owned(),
        version: entry.version,
        source: source.map(str::to_owned),
        integrity: entry.checksum,
    }
}

/// Reads the lockfile of Yarn 1: entries at the margin, their fields by two blanks, dependencies by four.
pub(crate) fn classic(text: &str) -> Result<Vec<ClassicEntry>, LockfileError> {
    let mut entries: Vec<ClassicEntry> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let margin = line.len() - line.trim_start_matches(' ').len();
        let malformed = || LockfileError::malformed(format!("line {} is not of a lockfile of Yarn 1", index + 1));
        match (margin, entries.last_mut()) {
            (0, _) => {
                let patterns = content.strip_suffix(':').and_then(patterns).ok_or_else(malformed)?;
                entries.push(ClassicEntry { patterns, ..ClassicEntry::default() });
            }
            (2, Some(entry)) => field(entry, content),
            (4, Some(_)) => {}
            _ => return Err(malformed()),
        }
    }
    Ok(entries)
}

/// The requests in the head of an entry; those with blanks or the like are quoted. `None` when a quote does not end.
fn patterns(mut head: &str) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    loop {
        let (pattern, rest) = match head.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => head.split_at(head.find(',').unwrap_or(head.len())),
        };
        patterns.push(pattern.to_owned());
        match rest.strip_prefix(',') {
            Some(more) => head = more.trim_start(),
            None if rest.is_empty() => return Some(patterns),
            None => return None,
        }
    }
}

fn field(entry: &mut ClassicEntry, content: &str) {
    let Some((name, value)) = content.split_once(' ') else { return };
    let value = value.trim_matches('"').to_owned();
    match name {
        "version" => entry.version = value,
        "resolved" => entry.resolved = Some(value),
        "integrity" => entry.integrity = Some(value),
        _ => {}
    }
}

fn classic_package(entry: ClassicEntry) -> Package {
    let first = entry.patterns.first().map_or("", String::as_str);
    Package {
        name: split(first).0.to_owned(),
        version: entry.version,
        source: entry.resolved,
        integrity: entry.integrity,
    }
}
