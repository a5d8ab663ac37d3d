//! The directories that a lockfile says are installed into: its own, and those of the workspace's members.
//!
//! Only for finding out where something may be kept. So it reads no more than it must, and of what it does not understand it
//! says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{text, yarn};
use crate::relaxed;

/// What is between a member's directory and what is installed for it alone.
const INSTALLED: &str = "/node_modules/";

/// The directories, relative to the lockfile's own, which is the empty path; `None` where the lockfile does not tell.
///
/// Of npm's and pnpm's, only members for which something is installed in their own directory. `name` may be a path.
pub fn members(name: &Path, bytes: &[u8]) -> Option<BTreeSet<String>> {
    let reader = match name.file_name()?.to_str()? {
        "package-lock.json" | "npm-shrinkwrap.json" => npm,
        "pnpm-lock.yaml" => pnpm,
        "bun.lock" => of_bun,
        "yarn.lock" => berry,
        _ => return None,
    };
    let mut found = reader(text(bytes).ok()?)?;
    found.insert(String::new());
    Some(found)
}

fn npm(text: &str) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct File {
        packages: BTreeMap<String, IgnoredAny>,
    }
    let File { packages } = serde_json::from_str(text).ok()?;
    let directories = packages.keys().filter_map(|place| place.split_once(INSTALLED));
    // What is installed at the top has directories of its own below.
    let members = directories.filter(|(directory, _)| !directory.starts_with("node_modules/"));
    Some(members.map(|(directory, _)| directory.to_owned()).collect())
}

fn of_bun(text: &str) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct File {
        workspaces: BTreeMap<String, IgnoredAny>,
    }
    let File { workspaces } = serde_json::from_str(&relaxed::plain(text)).ok()?;
    Some(workspaces.into_keys().collect())
}

/// pnpm writes one form of YAML, of which the keys of `importers` are what is indented by two. A lockfile of a single package
/// may have none.
fn pnpm(text: &str) -> Option<BTreeSet<String>> {
    let mut members = BTreeSet::new();
    let (mut is_inside, mut has_version) = (false, false);
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(key) if is_inside && !key.starts_with([' ', '#']) => {
                let (key, has) = key.split_once(':')?;
                let key = key.trim_matches(['\'', '"']);
                if has.trim() != "{}" {
                    members.insert(if key == "." { String::new() } else { key.to_owned() });
                }
            }
            Some(_) => {}
            None if line.is_empty() || line.starts_with('#') || line == "---" => {}
            // A sign of a merge that failed, for one, is no key.
            None if !line.starts_with(|letter: char| letter.is_ascii_alphabetic()) => return None,
            None => {
                is_inside = line == "importers:";
                has_version |= line.starts_with("lockfileVersion:");
            }
        }
    }
    has_version.then_some(members)
}

/// Since version 2 each member is a package of its own; Yarn 1 does not list them.
fn berry(text: &str) -> Option<BTreeSet<String>> {
    let locators = text.lines().filter_map(|line| line.strip_prefix("  resolution: \"")?.strip_suffix('"'));
    let directories = locators.filter_map(|locator| yarn::split(locator).1.strip_prefix("workspace:"));
    let members: BTreeSet<String> =
        directories.map(|directory| if directory == "." { String::new() } else { directory.to_owned() }).collect();
    (!members.is_empty()).then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lists(name: &str, text: &str, expected: &[&str]) {
        let found = members(Path::new(name), text.as_bytes()).unwrap();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn pnpm_lists_its_importers() {
        let text = "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n\nimporters:\n\n  .:\n    dependencies:\n      \
            a:\n        specifier: 1.0.0\n        version: 1.0.0\n\n  'apps/@x/web':\n    dependencies: {}\n\n  none: {}\n\n  packages/a:\n    devDependencies:\n      \
            b: {}\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-x}\n";
        lists("pnpm-lock.yaml", text, &["", "apps/@x/web", "packages/a"]);
        lists("pnpm-lock.yaml", "lockfileVersion: 5.4\n\ndependencies:\n  a: 1.0.0\n", &[""]);
    }

    #[test]
    fn npm_lists_members_with_something_of_their_own() {
        let text = r#"{ "lockfileVersion": 3, "packages": {
            "": {}, "packages/a": {}, "packages/b": {}, "node_modules/x": {}, "node_modules/x/node_modules/y": {},
            "node_modules/@s/z": {}, "node_modules/@s/z/node_modules/y": {},
            "node_modules/a": { "link": true }, "packages/b/node_modules/x": {}, "packages/b/node_modules/x/node_modules/y": {} } }"#;
        lists("sub/package-lock.json", text, &["", "packages/b"]);
        assert_eq!(members(Path::new("package-lock.json"), br#"{ "lockfileVersion": 1, "dependencies": {} }"#), None);
    }

    #[test]
    fn yarn_and_bun_list_their_workspaces() {
        let berry = "__metadata:\n  version: 8\n\n\"a@workspace:packages/a\":\n  resolution: \"a@workspace:packages/a\"\n\n\
            \"r@workspace:.\":\n  resolution: \"r@workspace:.\"\n\n\"x@npm:1\":\n  resolution: \"x@npm:1.0.0\"\n";
        lists("yarn.lock", berry, &["", "packages/a"]);
        assert_eq!(members(Path::new("yarn.lock"), b"# yarn lockfile v1\n\nx@1:\n  version \"1.0.0\"\n"), None);
        lists("bun.lock", r#"{ "workspaces": { "": {}, "packages/a": { "name": "a", }, }, }"#, &["", "packages/a"]);
    }

    #[test]
    fn of_what_is_no_lockfile_nothing_is_said() {
        for name in ["package-lock.json", "bun.lock", "yarn.lock", "Cargo.lock"] {
            assert_eq!(members(Path::new(name), b"\xff{"), None, "{name}");
            assert_eq!(members(Path::new(name), b"{}"), None, "{name}");
        }
        for text in
            ["", "importers:\n  odd\n", "lockfileVersion: 9\nimporters:\n<<<<<<< HEAD\n  a:\n    dependencies: {}\n"]
        {
            assert_eq!(members(Path::new("pnpm-lock.yaml"), text.as_bytes()), None, "{text}");
        }
    }
}
