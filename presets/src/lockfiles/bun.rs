//! bun.lock: JSON with commas before closing brackets. The binary bun.lockb, which it replaced, is not read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::npm::text_or_nothing;
use super::{LockfileError, Package, Packages};
use crate::relaxed;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(rename = "lockfileVersion")]
    _version: u32,
    #[serde(default)]
    packages: BTreeMap<String, Vec<Part>>,
}

/// One of the things that are said of a package, by their places: `name@version`, a registry, dependencies, a digest.
#[derive(Deserialize)]
#[serde(transparent)]
struct Part(#[serde(deserialize_with = "text_or_nothing")] Option<String>);

/// What is installed, by place: `a`, or `a/b` for the `b` inside `a`; members of the workspace are left out.
pub(crate) fn places(text: &str) -> Result<BTreeMap<String, Package>, LockfileError> {
    let File { packages, .. } = serde_json::from_str(&relaxed::plain(text)).map_err(LockfileError::malformed)?;
    Ok(packages.into_iter().filter_map(|(place, parts)| Some((place, package(&parts)?))).collect())
}

pub(crate) fn packages(text: &str) -> Result<Packages, LockfileError> {
    Ok(places(text)?.into_values().collect())
}

fn package(parts: &[Part]) -> Option<Package> {
    let mut texts = parts.iter().filter_map(|Part(text)| text.as_deref());
    let (name, version) = super::yarn::split(texts.next()?);
    if version.starts_with("workspace:") {
        return None;
    }
    let is_version = version.starts_with(|letter: char| letter.is_ascii_digit());
    let mut texts = texts.filter(|text| !text.is_empty());
    let integrity = texts.clone().find(|text| text.starts_with("sha"));
    let registry = texts.find(|text| text.contains("://"));
    Some(Package {
        name: name.to_owned(),
        version: if is_version { version.to_owned() } else { String::new() },
        source: if is_version { registry.map(str::to_owned) } else { Some(version.to_owned()) },
        integrity: integrity.map(str::to_owned),
    })
}
