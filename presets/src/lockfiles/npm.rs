//! package-lock.json and npm-shrinkwrap.json, versions 1 to 3, and the copy that npm keeps inside node_modules.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{LockfileError, MAX_BYTES, Package, Packages};

/// A lockfile, whichever its version: every place where something is installed.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Whether npm 6 wrote it, which keeps no record inside node_modules.
    pub(crate) is_version_1: bool,
    /// By place, relative to the lockfile: `node_modules/a/node_modules/b`; workspace members by their directory.
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// What is installed in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Entry {
    /// The package's name, where it is not that of the place.
    name: Option<String>,
    #[serde(deserialize_with = "text_or_nothing")]
    pub(crate) version: Option<String>,
    /// A URL, or for a link the directory that it leads to.
    #[serde(deserialize_with = "text_or_nothing")]
    pub(crate) resolved: Option<String>,
    #[serde(deserialize_with = "text_or_nothing")]
    pub(crate) integrity: Option<String>,
    pub(crate) link: bool,
    /// Only development needs it.
    pub(crate) dev: bool,
    /// Left out where it does not suit the platform or fails to build.
    pub(crate) optional: bool,
    /// Needed by development, and optional otherwise.
    pub(crate) dev_optional: bool,
}

/// A place as version 1 writes it, with the places below. No part of it is flattened into an [`Entry`], for which all that
/// is not known here would be kept in memory first.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Nested {
    #[serde(deserialize_with = "text_or_nothing")]
    version: Option<String>,
    #[serde(deserialize_with = "text_or_nothing")]
    resolved: Option<String>,
    #[serde(deserialize_with = "text_or_nothing")]
    integrity: Option<String>,
    dev: bool,
    optional: bool,
    dependencies: BTreeMap<String, Nested>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    lockfile_version: u32,
    packages: Option<BTreeMap<String, Entry>>,
    #[serde(default)]
    dependencies: BTreeMap<String, Nested>,
}

/// npm writes `false`, or a URL's parts, where other versions of it write text. What is no text is passed over unread.
pub(super) fn text_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(TextOrNothing)
}

struct TextOrNothing;

impl<'de> Visitor<'de> for TextOrNothing {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(sequence).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| None)
    }
}

pub(crate) fn parse(text: &str) -> Result<Lock, LockfileError> {
    let File { lockfile_version, packages, dependencies } =
        serde_json::from_str(text).map_err(LockfileError::malformed)?;
    match (lockfile_version, packages) {
        (1, _) => {
            let mut entries = BTreeMap::new();
            flatten("", dependencies, &mut { MAX_BYTES }, &mut entries)?;
            Ok(Lock { is_version_1: true, entries })
        }
        // Version 2 repeats itself in `dependencies`, for npm 6.
        (2 | 3, Some(entries)) => Ok(Lock { is_version_1: false, entries }),
        (2 | 3, None) => Err(LockfileError::malformed("`packages` is missing")),
        (version, _) => Err(LockfileError::malformed(format!("lockfileVersion {version} is not 1, 2 or 3"))),
    }
}

/// Gives version 1's nested places the names of version 2. The JSON parser has bounded the depth; `left` bounds the names,
/// each of which repeats all those above it.
fn flatten(
    above: &str,
    nested: BTreeMap<String, Nested>,
    left: &mut usize,
    entries: &mut BTreeMap<String, Entry>,
) -> Result<(), LockfileError> {
    for (name, Nested { version, resolved, integrity, dev, optional, dependencies }) in nested {
        let place = format!("{above}node_modules/{name}");
        *left = left
            .checked_sub(place.len())
            .ok_or_else(|| LockfileError::malformed("the names of its nested places are too long"))?;
        flatten(&format!("{place}/"), dependencies, left, entries)?;
        entries.insert(place, Entry { version, resolved, integrity, dev, optional, ..Entry::default() });
    }
    Ok(())
}

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    Ok(parse(text)?.entries.into_iter().filter_map(|(place, entry)| package(&place, entry)).collect())
}

/// `None` for the project itself and for the links to its members, which are listed under their directories.
fn package(place: &str, entry: Entry) -> Option<Package> {
    if place.is_empty() || entry.link {
        return None;
    }
    let installed_as = place.rsplit_once("node_modules/").map_or(place, |(_, name)| name);
    Some(Package {
        name: entry.name.unwrap_or_else(|| installed_as.to_owned()),
        version: entry.version.unwrap_or_default(),
        source: entry.resolved,
        integrity: entry.integrity,
    })
}
