//! Cargo.toml, read for the directories that packages are taken from: Cargo.lock names such packages, and not where they are.
//!
//! It comes from pull requests, as lockfiles do, so any bytes are read. What it leads to is for the planner, which knows the files.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::lockfiles::text;

/// What a Cargo.toml says of directories, each relative to its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CargoManifest {
    /// What the package is built with, wherever it is built.
    pub built: Dependencies,
    /// What else a build in its own workspace takes: dev-dependencies, patches and replacements, members.
    pub own: Dependencies,
    /// Whether it takes anything from the manifest of its workspace.
    pub inherits: bool,
    /// The directory of its workspace, where it names one.
    pub root: Option<String>,
    /// The directories in `[workspace.dependencies]`, by the name of the dependency; `None` in what is no workspace's manifest.
    pub workspace: Option<BTreeMap<String, String>>,
}

/// Dependencies that are in directories, or may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// The directories.
    pub directories: BTreeSet<String>,
    /// The names of those of which the workspace's manifest says where they are.
    pub inherited: BTreeSet<String>,
}

impl CargoManifest {
    /// Reads a manifest; what is none says nothing.
    pub fn read(bytes: &[u8]) -> Self {
        let parsed = text(bytes).ok().and_then(|text| text.parse::<Table>().ok());
        parsed.map(|table| Self::of(&table)).unwrap_or_default()
    }

    fn of(manifest: &Table) -> Self {
        let mut read = Self::default();
        let platforms = table(manifest, "target").into_iter().flat_map(Table::values).filter_map(Value::as_table);
        for part in std::iter::once(manifest).chain(platforms) {
            for kind in ["dependencies", "build-dependencies", "build_dependencies"] {
                read.built.extend(table(part, kind));
            }
            for kind in ["dev-dependencies", "dev_dependencies"] {
                read.own.extend(table(part, kind));
            }
        }
        let patches = table(manifest, "patch").into_iter().flat_map(Table::values);
        for patch in patches.filter_map(Value::as_table).chain(table(manifest, "replace")) {
            read.own.extend(Some(patch));
        }
        let package = table(manifest, "package").or_else(|| table(manifest, "project"));
        let parts = package.into_iter().flat_map(Table::values).chain(manifest.get("lints"));
        read.inherits = !read.built.inherited.is_empty() || parts.into_iter().any(is_inherited);
        read.root = package.and_then(|package| Some(package.get("workspace")?.as_str()?.to_owned()));
        if let Some(workspace) = table(manifest, "workspace") {
            let members = workspace.get("members").and_then(Value::as_array).into_iter().flatten();
            read.own.directories.extend(members.filter_map(|member| Some(member.as_str()?.to_owned())));
            let dependencies = table(workspace, "dependencies").into_iter().flatten();
            let places = dependencies.filter_map(|(name, value)| Some((name.clone(), directory(value)?.to_owned())));
            read.workspace = Some(places.collect());
        }
        read
    }
}

impl Dependencies {
    fn extend(&mut self, dependencies: Option<&Table>) {
        for (name, value) in dependencies.into_iter().flatten() {
            if is_inherited(value) {
                self.inherited.insert(name.clone());
            } else if let Some(directory) = directory(value) {
                self.directories.insert(directory.to_owned());
            }
        }
    }
}

fn table<'t>(of: &'t Table, name: &str) -> Option<&'t Table> {
    of.get(name)?.as_table()
}

fn directory(dependency: &Value) -> Option<&str> {
    dependency.as_table()?.get("path")?.as_str()
}

fn is_inherited(value: &Value) -> bool {
    value.as_table().and_then(|table| table.get("workspace")?.as_bool()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(dependencies: &Dependencies) -> (Vec<&str>, Vec<&str>) {
        let Dependencies { directories, inherited } = dependencies;
        (directories.iter().map(String::as_str).collect(), inherited.iter().map(String::as_str).collect())
    }

    #[test]
    fn what_a_package_is_built_with_is_told_from_what_its_tests_need() {
        let read = CargoManifest::read(
            b"[package]\nname = \"a\"\nworkspace = \"../..\"\n\n[dependencies]\nb = { path = \"../b\" }\nc = \"1\"\n\
              d.workspace = true\ne = { version = \"1\", path = \"./e\" }\n\n[build-dependencies]\nf = { path = \"f\" }\n\n\
              [dev-dependencies]\ng = { path = \"../g\" }\nh.workspace = true\n\n\
              [target.'cfg(unix)'.dependencies]\ni = { path = \"../i\" }\n\n[target.x.dev-dependencies]\nj = { path = \"../j\" }\n\n\
              [patch.crates-io]\nk = { path = \"../k\" }\nl = { git = \"https://example.org\" }\n",
        );
        assert_eq!(listed(&read.built), (vec!["../b", "../i", "./e", "f"], vec!["d"]));
        assert_eq!(listed(&read.own), (vec!["../g", "../j", "../k"], vec!["h"]));
        assert_eq!((read.inherits, read.root.as_deref(), read.workspace), (true, Some("../.."), None));
    }

    #[test]
    fn a_workspace_says_where_its_dependencies_are() {
        let read = CargoManifest::read(
            b"[workspace]\nmembers = [\"a\", \"../outside\"]\n[workspace.dependencies]\nb = { path = \"b\" }\nc = \"1\"\n",
        );
        assert_eq!(listed(&read.own), (vec!["../outside", "a"], vec![]));
        assert_eq!(read.workspace, Some([("b".to_owned(), "b".to_owned())].into()));
        assert!(!read.inherits);
    }

    #[test]
    fn whatever_is_inherited_is_noticed() {
        for text in [
            "[package]\nversion.workspace = true\n",
            "[lints]\nworkspace = true\n",
            "[dependencies]\na.workspace = true\n",
        ] {
            assert!(CargoManifest::read(text.as_bytes()).inherits, "{text}");
        }
        assert!(!CargoManifest::read(b"[package]\nname = \"a\"\nversion = \"1.0.0\"\n").inherits);
    }

    #[test]
    fn what_is_no_manifest_says_nothing() {
        for bytes in [&b""[..], b"[dependencies", b"\xff", b"dependencies = 1\nworkspace = []\npatch = { a = 1 }\n"] {
            assert_eq!(CargoManifest::read(bytes), CargoManifest::default());
        }
    }
}
