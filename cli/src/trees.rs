//! Trees for people: the listing of one, the difference between two.

use std::collections::BTreeMap;

use sci_snapshot::tree::{Entry, Kind, Tree};
use serde::Serialize;

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Path relative to the workspace path; "." for itself. Bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// "dir", "file", "sparse", "symlink" or "hardlink".
    pub kind: &'static str,
    /// Permission bits in octal.
    pub mode: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 of a file's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Target of a symbolic link, or the other name of a hard link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// Lists every entry, in path order.
pub fn list(tree: &Tree) -> impl Iterator<Item = Listed> {
    tree.entries().map(|(index, entry)| Listed {
        path: shown(&tree.path(index)),
        kind: kind(entry.kind),
        mode: format!("{:03o}", entry.mode),
        size: entry.size,
        digest: tree.content(index).map(|content| content.digest.to_string()),
        target: target(tree, index, entry).map(|target| shown(&target)),
    })
}

/// How two trees differ. Every list is in path order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TreeDiff {
    /// In the second tree only.
    pub added: Vec<Changed>,
    /// In the first tree only.
    pub removed: Vec<Changed>,
    /// In both, with another kind, content or target.
    pub changed: Vec<Changed>,
    /// In both, with the same content and another mode or mtime.
    pub touched: Vec<Changed>,
}

/// An entry that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Path relative to the workspace path.
    pub path: String,
    /// Length in bytes in the first tree; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Length in bytes in the second tree; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

impl TreeDiff {
    /// True when both trees are the same in every respect.
    pub fn is_empty(&self) -> bool {
        [&self.added, &self.removed, &self.changed, &self.touched].into_iter().all(Vec::is_empty)
    }
}

/// Compares two trees. A directory's own mtime counts as little as its listing: its entries say what changed.
pub fn compare(before: &Tree, after: &Tree) -> TreeDiff {
    let (old, new) = (index(before), index(after));
    let mut diff = TreeDiff::default();
    for (path, &at) in &old {
        match new.get(path) {
            None => diff.removed.push(Changed { path: shown(path), before: Some(size(before, at)), after: None }),
            Some(&now) => {
                let list = match difference(before, at, after, now) {
                    Difference::None => continue,
                    Difference::Content => &mut diff.changed,
                    Difference::Metadata => &mut diff.touched,
                };
                let (was, is) = (size(before, at), size(after, now));
                list.push(Changed { path: shown(path), before: Some(was), after: Some(is) });
            }
        }
    }
    for (path, &at) in new.iter().filter(|(path, _)| !old.contains_key(*path)) {
        diff.added.push(Changed { path: shown(path), before: None, after: Some(size(after, at)) });
    }
    diff
}

enum Difference {
    None,
    Content,
    Metadata,
}

fn difference(before: &Tree, old: u32, after: &Tree, new: u32) -> Difference {
    let (old, new) = (resolve(before, old), resolve(after, new));
    let (was, is) = (before.entry(old), after.entry(new));
    let digest = |tree: &Tree, at| tree.content(at).map(|content| content.digest);
    let link = |tree: &Tree, at, entry: Entry| (entry.kind == Kind::Symlink).then(|| tree.target(at).to_vec());
    let same_kind = was.kind == is.kind || (was.kind.is_file() && is.kind.is_file());
    if !same_kind || digest(before, old) != digest(after, new) || link(before, old, was) != link(after, new, is) {
        return Difference::Content;
    }
    let times = was.kind != Kind::Dir && was.mtime != is.mtime;
    if was.mode != is.mode || times { Difference::Metadata } else { Difference::None }
}

/// A hard link is compared by what it is another name of.
fn resolve(tree: &Tree, at: u32) -> u32 {
    let entry = tree.entry(at);
    if entry.kind == Kind::Hardlink { entry.content } else { at }
}

fn size(tree: &Tree, at: u32) -> u64 {
    tree.entry(resolve(tree, at)).size
}

fn index(tree: &Tree) -> BTreeMap<Vec<u8>, u32> {
    tree.entries().map(|(index, _)| (tree.path(index), index)).collect()
}

fn target(tree: &Tree, index: u32, entry: Entry) -> Option<Vec<u8>> {
    match entry.kind {
        Kind::Symlink => Some(tree.target(index).to_vec()),
        Kind::Hardlink => Some(tree.path(entry.content)),
        _ => None,
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Dir => "dir",
        Kind::File => "file",
        Kind::Sparse => "sparse",
        Kind::Symlink => "symlink",
        Kind::Hardlink => "hardlink",
    }
}

fn shown(path: &[u8]) -> String {
    if path.is_empty() { ".".to_owned() } else { String::from_utf8_lossy(path).into_owned() }
}
