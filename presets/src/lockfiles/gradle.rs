//! Gradle: lock files of configurations, the digests that dependency verification demands, and catalogs of versions.

use std::collections::BTreeMap;

use quick_xml::events::BytesStart;
use serde::Deserialize;

use super::xml::{Visitor, attribute, walk};
use super::{LockfileError, MAX_REFERRED, Package, Packages};

/// Reads gradle.lockfile: `group:name:version=configurations` on each line, and what is locked to be empty.
pub(crate) fn lockfile(text: &str) -> Result<Packages, LockfileError> {
    let mut packages = Packages::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        // Configurations that are empty are listed after `empty=`.
        if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
            continue;
        }
        let notation = line.split('=').next().unwrap_or_default();
        let parts: Vec<&str> = notation.split(':').collect();
        let [group, name, version] = parts[..] else {
            return Err(LockfileError::malformed(format!("line {} is not of a lock file of Gradle", index + 1)));
        };
        packages.insert(package(group, name, version, None));
    }
    Ok(packages)
}

/// Reads verification-metadata.xml: components, with the digests of their artifacts.
pub(crate) fn verification(text: &str) -> Result<Packages, LockfileError> {
    let mut metadata = Metadata::default();
    walk(text, &mut metadata)?;
    if !metadata.verification {
        return Err(LockfileError::malformed("there is no <verification-metadata>"));
    }
    Ok(metadata.packages)
}

#[derive(Default)]
struct Metadata {
    verification: bool,
    component: Option<Package>,
    digests: Vec<String>,
    packages: Packages,
}

impl Visitor for Metadata {
    fn begin(&mut self, path: &[String], element: &BytesStart<'_>) -> Result<(), LockfileError> {
        match path {
            [root] => self.verification = root == "verification-metadata",
            [_, _, component] if component == "component" => {
                let [group, name, version] =
                    ["group", "name", "version"].map(|name| attribute(element, name)).map(Result::unwrap_or_default);
                self.component = Some(package(&group, &name, &version, None));
            }
            [_, _, _, _, digest] if ["sha256", "sha512"].contains(&digest.as_str()) => {
                self.digests.push(attribute(element, "value")?);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, _: &[String], _: &str) {}

    fn end(&mut self, path: &[String]) {
        if let [_, _, component] = path
            && component == "component"
        {
            let digests = std::mem::take(&mut self.digests).join(" ");
            let integrity = Some(digests).filter(|digests| !digests.is_empty());
            self.packages.extend(self.component.take().map(|package| Package { integrity, ..package }));
        }
    }
}

/// Reads libs.versions.toml: the libraries and plugins of a catalog.
pub(crate) fn catalog(text: &str) -> Result<Packages, LockfileError> {
    let catalog: Catalog = toml::from_str(text).map_err(LockfileError::malformed)?;
    let named = |reference: &str| {
        let version = catalog.versions.get(reference).map(Version::told);
        version.filter(|version| version.len() <= MAX_REFERRED).unwrap_or_default()
    };
    let told = |entry: &Entry| match entry {
        Entry::Text(notation) => {
            let mut parts = notation.rsplitn(2, ':');
            let version = parts.next().unwrap_or_default();
            Some((parts.next()?.to_owned(), version.to_owned()))
        }
        Entry::Table { module, group, name, id, version } => {
            let name = match (module.as_ref().or(id.as_ref()), group, name) {
                (Some(name), ..) => name.clone(),
                (None, Some(group), Some(name)) => format!("{group}:{name}"),
                _ => return None,
            };
            let version = match version {
                Some(Version::Table { reference: Some(reference), .. }) => named(reference),
                Some(version) => version.told(),
                None => String::new(),
            };
            Some((name, version))
        }
    };
    let entries = catalog.libraries.values().chain(catalog.plugins.values());
    Ok(entries
        .filter_map(told)
        .map(|(name, version)| Package { name, version, source: None, integrity: None })
        .collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Catalog {
    versions: BTreeMap<String, Version>,
    libraries: BTreeMap<String, Entry>,
    plugins: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Table {
        module: Option<String>,
        group: Option<String>,
        name: Option<String>,
        id: Option<String>,
        version: Option<Version>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Version {
    Text(String),
    Table {
        #[serde(rename = "ref")]
        reference: Option<String>,
        strictly: Option<String>,
        require: Option<String>,
        prefer: Option<String>,
    },
}

impl Version {
    fn told(&self) -> String {
        match self {
            Self::Text(version) => version.clone(),
            Self::Table { strictly, require, prefer, .. } => {
                strictly.as_ref().or(require.as_ref()).or(prefer.as_ref()).cloned().unwrap_or_default()
            }
        }
    }
}

fn package(group: &str, name: &str, version: &str, integrity: Option<String>) -> Package {
    Package { name: format!("{group}:{name}"), version: version.to_owned(), source: None, integrity }
}
