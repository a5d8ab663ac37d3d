//! uv.lock and poetry.lock, and requirements files as pip reads them.

use serde::Deserialize;

use super::{LockfileError, Package, Packages};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    /// Absent for a project whose version is made when it is built.
    #[serde(default)]
    version: String,
    #[serde(default)]
    source: Source,
    sdist: Option<Artefact>,
    #[serde(default)]
    wheels: Vec<Artefact>,
    /// Whether Poetry links it instead of copying it.
    #[serde(default)]
    develop: bool,
    /// As Poetry calls them.
    #[serde(default)]
    files: Vec<Artefact>,
}

/// Where a package comes from: one of the first five in uv.lock, `url` with what follows it in poetry.lock.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    registry: Option<String>,
    git: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
    url: Option<String>,
    resolved_reference: Option<String>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Artefact {
    hash: Option<String>,
}

/// Reads uv.lock. The project itself and the members of its workspace are no packages.
pub(crate) fn uv(text: &str) -> Result<Packages, LockfileError> {
    let File { package } = toml::from_str(text).map_err(LockfileError::malformed)?;
    let is_member = |entry: &Entry| entry.source.editable.is_some() || entry.source.r#virtual.is_some();
    Ok(package.into_iter().filter(|entry| !is_member(entry)).map(self::package).collect())
}

/// Reads poetry.lock, which does not name the project itself.
pub(crate) fn poetry(text: &str) -> Result<Packages, LockfileError> {
    let File { package } = toml::from_str(text).map_err(LockfileError::malformed)?;
    Ok(package.into_iter().map(self::package).collect())
}

/// The directories that uv.lock or poetry.lock has packages copied from, as they are written there.
pub(crate) fn directories(text: &str) -> Result<Vec<String>, LockfileError> {
    let File { package } = toml::from_str(text).map_err(LockfileError::malformed)?;
    let directory = |Entry { source, develop, .. }: Entry| match source.r#type.as_deref() {
        Some("directory") if !develop => source.url,
        _ => source.directory,
    };
    Ok(package.into_iter().filter_map(directory).collect())
}

fn package(entry: Entry) -> Package {
    let Source { registry, git, path, directory, url, resolved_reference, .. } = entry.source;
    let url = url.map(|url| resolved_reference.map_or(url.clone(), |reference| format!("{url}#{reference}")));
    let mut artefacts = entry.sdist.into_iter().chain(entry.wheels).chain(entry.files);
    Package {
        name: entry.name,
        version: entry.version,
        source: registry.or(git).or(url).or(path).or(directory),
        integrity: artefacts.find_map(|artefact| artefact.hash),
    }
}

/// Reads a requirements file: names with a version, an address or a range, which then stands for the version. Options, such
/// as those that include other files, name no package.
pub(crate) fn requirements(text: &str) -> Result<Packages, LockfileError> {
    let mut packages = Packages::new();
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").lines() {
        let line = without_comment(line).trim();
        if line.is_empty() || line.starts_with('-') {
            continue;
        }
        packages.insert(
            requirement(line).ok_or_else(|| {
                LockfileError::malformed(format!("`{line}` does not begin with the name of a package"))
            })?,
        );
    }
    Ok(packages)
}

/// A `#` begins a comment at the margin or behind a blank; elsewhere it may be part of an address.
fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    let comment = line.match_indices('#').find(|(at, _)| line[..*at].ends_with([' ', '\t']));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn requirement(line: &str) -> Option<Package> {
    let (line, options) = line.split_once(" --").unwrap_or((line, ""));
    let integrity =
        options.split_whitespace().find_map(|option| option.split_once("hash=")).map(|(_, hash)| hash.to_owned());
    let end =
        line.find(|letter: char| !letter.is_ascii_alphanumeric() && !"._-".contains(letter)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = rest.trim_start();
    // What is in brackets is wanted besides the package itself.
    let rest = rest.strip_prefix('[').and_then(|extras| extras.split_once(']')).map_or(rest, |(_, rest)| rest).trim();
    let (version, source) = match rest.strip_prefix('@') {
        Some(address) => ("", Some(address.split(" ;").next().unwrap_or_default().trim().to_owned())),
        None => (rest.split(';').next().unwrap_or_default().trim(), None),
    };
    let version = version.strip_prefix("==").map_or(version, |exact| exact.trim_start_matches('=').trim());
    Some(Package { name: normal(name), version: version.to_owned(), source, integrity })
}

/// The one name of those that Python takes for the same: small letters, with `-` for any run of `-`, `_` and `.`.
pub(crate) fn normal(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
