//! The directories that a lockfile has packages copied from: it names them and says nothing of what is in them.
//!
//! The lockfiles of Yarn 1, pnpm, npm, uv and Poetry are read, and requirements of pip; npm links such a directory, unless
//! `install-links` is set. Yarn since version 2 writes down a digest of it. Members of the workspace are none, nor what Python
//! takes as editable: what is linked is not in the tree.

use std::collections::BTreeSet;
use std::path::Path;

use super::closure::linked;
use super::{LockfileError, is_requirements, npm, pnpm, python, text, yarn};

/// The directories, relative to the lockfile's own, which is `.`, or to where the tool is run ([`is_relative_to_its_user`]); those
/// above it begin with `../`.
///
/// `name` may be a path. A file that is no lockfile of its kind names none.
pub fn directories(name: &Path, bytes: &[u8]) -> BTreeSet<String> {
    reader(name).and_then(|reader| text(bytes).and_then(reader).ok()).unwrap_or_default()
}

/// Whether lockfiles of this name are read at all.
pub fn may_name_directories(name: &Path) -> bool {
    reader(name).is_some()
}

type Reader = fn(&str) -> Result<BTreeSet<String>, LockfileError>;

/// What reads lockfiles of this name.
fn reader(name: &Path) -> Option<Reader> {
    match name.file_name()?.to_str()? {
        "pnpm-lock.yaml" => Some(of_pnpm),
        "yarn.lock" => Some(of_yarn),
        "package-lock.json" | "npm-shrinkwrap.json" => Some(of_npm),
        "uv.lock" | "poetry.lock" => Some(of_python),
        file if is_requirements(name, file) => Some(of_pip),
        _ => None,
    }
}

fn of_python(text: &str) -> Result<BTreeSet<String>, LockfileError> {
    if !text.contains("directory") {
        return Ok(BTreeSet::new());
    }
    Ok(python::directories(text)?.iter().filter_map(|path| normal(path)).collect())
}

fn of_pip(text: &str) -> Result<BTreeSet<String>, LockfileError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '-']));
    // Extras, markers and remarks follow.
    let words = lines.map(|line| line.split(['[', ' ', '\t', ';', '#']).next().unwrap_or(line));
    // As pip tells a path from a name.
    let paths = words.filter(|word| (word.starts_with('.') || word.contains('/')) && !word.contains("://"));
    Ok(paths.filter(|path| !is_archive(path)).filter_map(normal).collect())
}

/// Whether what a file of this name says of directories is relative to where the tool is run, and not to the file itself.
pub fn is_relative_to_its_user(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "txt")
}

fn of_pnpm(text: &str) -> Result<BTreeSet<String>, LockfileError> {
    if !text.contains("type: directory") {
        return Ok(BTreeSet::new());
    }
    let mut found = BTreeSet::new();
    for lock in pnpm::parse(text)? {
        let members: BTreeSet<String> = lock.importers().keys().filter_map(|member| linked(".", member)).collect();
        let entries = lock.packages.into_iter().flatten();
        let directories = entries.filter_map(|(_, entry)| normal(entry.resolution.directory()?));
        found.extend(directories.filter(|directory| !members.contains(directory)));
    }
    Ok(found)
}

fn of_yarn(text: &str) -> Result<BTreeSet<String>, LockfileError> {
    // A path may stand without the word, as in `v@./vendor/v`.
    if !["@file:", "@./", "@../"].iter().any(|sign| text.contains(sign)) || yarn::is_berry(text) {
        return Ok(BTreeSet::new());
    }
    let entries = yarn::classic(text)?;
    let ranges = entries.iter().flat_map(|entry| &entry.patterns).map(|pattern| yarn::split(pattern).1);
    let paths = ranges.filter_map(|range| match range.strip_prefix("file:") {
        Some(path) => Some(path),
        None => Some(range).filter(|range| range.starts_with("./") || range.starts_with("../")),
    });
    Ok(paths.filter(|path| !is_archive(path)).filter_map(normal).collect())
}

fn of_npm(text: &str) -> Result<BTreeSet<String>, LockfileError> {
    if !text.contains("\"file:") {
        return Ok(BTreeSet::new());
    }
    let lock = npm::parse(text)?;
    // Version 1 is of npm 6, which only links.
    let entries = lock.entries.values().filter(|entry| !lock.is_version_1 && !entry.link);
    let paths = entries.filter_map(|entry| entry.resolved.as_deref()?.strip_prefix("file:"));
    Ok(paths.filter(|path| !is_archive(path)).filter_map(normal).collect())
}

/// Of an archive the lockfile has the digest; pip's requirements may.
fn is_archive(path: &str) -> bool {
    [".tgz", ".tar.gz", ".tar", ".whl", ".zip"].iter().any(|end| path.ends_with(end))
}

/// The path without what leads nowhere; `None` for an absolute one.
fn normal(path: &str) -> Option<String> {
    if path.starts_with(['/', '~', '\\']) {
        return None;
    }
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/').filter(|component| !matches!(*component, "" | ".")) {
        match (component, components.last()) {
            ("..", Some(last)) if *last != ".." => drop(components.pop()),
            _ => components.push(component),
        }
    }
    Some(if components.is_empty() { ".".to_owned() } else { components.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(lockfile: &str, text: &str, expected: &[&str]) {
        let found = directories(Path::new(lockfile), text.as_bytes());
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    const PNPM: &str = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      v:\n        specifier: file:./vendor/v\n        \
        version: file:vendor/v\n\n  packages/b:\n    dependencies: {}\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-a}\n\n  \
        b@file:packages/b:\n    resolution: {directory: packages/b, type: directory}\n\n  \
        o@file:../outside/o:\n    resolution: {directory: ../outside/o, type: directory}\n\n  \
        v@file:vendor/v:\n    resolution: {directory: vendor/v, type: directory}\n";

    #[test]
    fn pnpm_names_those_that_are_no_members() {
        names("web/pnpm-lock.yaml", PNPM, &["../outside/o", "vendor/v"]);
        let six = "lockfileVersion: '6.0'\n\ndependencies:\n  v:\n    specifier: file:vendor/v\n    version: file:vendor/v\n\n\
            packages:\n\n  file:vendor/v:\n    resolution: {directory: vendor/v, type: directory}\n    name: v\n";
        names("pnpm-lock.yaml", six, &["vendor/v"]);
    }

    #[test]
    fn yarn_1_names_what_is_no_archive() {
        let lock = "# yarn lockfile v1\n\n\n\"a@./local/./a\":\n  version \"1.0.0\"\n\n\"b@file:x/../vendor/b/\", b@file:vendor/b:\n  \
            version \"1.0.0\"\n\n\"c@file:./c-1.tgz\":\n  version \"1.0.0\"\n  resolved \"file:./c-1.tgz#abc\"\n\n\
            \"d@file:/absolute/d\":\n  version \"1.0.0\"\n\nms@2.0.0:\n  version \"2.0.0\"\n  dependencies:\n    e \"file:./no/entry\"\n\n\
            \"@s/v@file:../v\":\n  version \"1.0.0\"\n";
        names("yarn.lock", lock, &["../v", "local/a", "vendor/b"]);
    }

    #[test]
    fn npm_names_what_it_does_not_link() {
        let lock = r#"{"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"v": "file:vendor/v"}},
            "node_modules/v": {"version": "1.0.0", "resolved": "file:vendor/v"},
            "node_modules/w": {"version": "1.0.0", "resolved": "file:../w"},
            "node_modules/linked": {"resolved": "vendor/linked", "link": true},
            "node_modules/c": {"version": "1.0.0", "resolved": "file:c-1.tgz", "integrity": "sha512-c"},
            "node_modules/d": {"version": "1.0.0", "resolved": "https://example.com/d-1.tgz", "integrity": "sha512-d"}}}"#;
        names("package-lock.json", lock, &["../w", "vendor/v"]);
        names("a/npm-shrinkwrap.json", lock, &["../w", "vendor/v"]);
        let six = r#"{"lockfileVersion": 1, "dependencies": {"v": {"version": "file:vendor/v", "resolved": "file:vendor/v"}}}"#;
        names("package-lock.json", six, &[]);
    }

    #[test]
    fn python_names_what_is_not_editable() {
        let uv = "version = 1\n\n[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n\n[[package]]\nname = \"lib\"\n\
            version = \"1.0.0\"\nsource = { directory = \"vendor/lib\" }\n\n[[package]]\nname = \"member\"\n\
            source = { editable = \"packages/member\" }\n";
        names("uv.lock", uv, &["vendor/lib"]);
        let poetry = |develop| {
            format!(
                "[[package]]\nname = \"lib\"\nversion = \"1.0.0\"\n{develop}\n[package.source]\ntype = \"directory\"\nurl = \"../lib\"\n\n\
                 [[package]]\nname = \"far\"\nversion = \"1.0.0\"\n\n[package.source]\ntype = \"git\"\nurl = \"https://example.org/directory\"\n"
            )
        };
        names("poetry.lock", &poetry("develop = false\n"), &["../lib"]);
        names("poetry.lock", &poetry(""), &["../lib"]);
        names("poetry.lock", &poetry("develop = true\n"), &[]);
        let pip = "# ./no\n.[dev]\nvendor/plain\nlib @ file:///far/lib\ngit+https://example.org/x\n./vendor/lib[extra] ; python_version > '3'\n  ../other # why\n-e ./editable\n./lib-1.0-py3-none-any.whl\nsix==1.0\n";
        names("requirements-dev.txt", pip, &[".", "../other", "vendor/lib", "vendor/plain"]);
        names("requirements/base.txt", pip, &[".", "../other", "vendor/lib", "vendor/plain"]);
        names("notes.txt", pip, &[]);
    }

    #[test]
    fn others_name_none() {
        let berry = "__metadata:\n  version: 8\n\n\"v@file:./vendor/v::locator=r%40workspace%3A.\":\n  version: 1.0.0\n  \
            resolution: \"v@file:./vendor/v#./vendor/v::hash=1&locator=r%40workspace%3A.\"\n";
        names("yarn.lock", berry, &[]);
        names("bun.lock", PNPM, &[]);
        names("package-lock.json", "\"file: {", &[]);
        names("pnpm-lock.yaml", "type: directory\n: [", &[]);
        names("yarn.lock", "v@file:./v\n  broken", &[]);
        assert_eq!(directories(Path::new("yarn.lock"), b"\xff@file:./v"), BTreeSet::new());
    }
}
