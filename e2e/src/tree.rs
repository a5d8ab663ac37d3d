//! Everything that a snapshot promises to bring back about a tree, and what differs between two.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A tree as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(BTreeMap<PathBuf, Entry>);

/// One entry, with all that must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    content: Content,
    mode: u32,
    mtime: (i64, i64),
    /// The first path of the tree that is the same file.
    same_file_as: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Directory,
    File { size: u64, digest: blake3::Hash },
    Link { target: PathBuf },
    Other,
}

impl Tree {
    /// Reads the tree below `root`, which is part of it. An absent root is an empty tree.
    pub fn read(root: &Path) -> Self {
        Self::read_without(root, &[])
    }

    /// The same, leaving out entries of these names wherever they are.
    pub fn read_without(root: &Path, names: &[&str]) -> Self {
        let mut reader = Reader { root, names, tree: BTreeMap::new(), files: HashMap::new() };
        if root.symlink_metadata().is_ok() {
            reader.read(root);
        }
        Self(reader.tree)
    }

    /// The number of regular files.
    pub fn files(&self) -> usize {
        self.0.values().filter(|entry| matches!(entry.content, Content::File { .. })).count()
    }

    /// The bytes of all files, each counted once however many names it has.
    pub fn bytes(&self) -> u64 {
        let once = self.0.values().filter(|entry| entry.same_file_as.is_none());
        let size = |entry: &Entry| if let Content::File { size, .. } = entry.content { size } else { 0 };
        once.map(size).sum()
    }

    /// The number of symlinks.
    pub fn links(&self) -> usize {
        self.0.values().filter(|entry| matches!(entry.content, Content::Link { .. })).count()
    }

    /// The number of paths that are a second name of another path of the tree.
    pub fn hard_links(&self) -> usize {
        self.0.values().filter(|entry| entry.same_file_as.is_some()).count()
    }

    /// The number of directories with nothing in them.
    pub fn empty_directories(&self) -> usize {
        let parents: std::collections::HashSet<_> = self.0.keys().filter_map(|path| path.parent()).collect();
        let directories = self.0.iter().filter(|(_, entry)| entry.content == Content::Directory);
        directories.filter(|(path, _)| !parents.contains(path.as_path())).count()
    }

    /// What is in this tree and not, or not so, in `other`: one line each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let gone =
            self.0.keys().filter(|path| !other.0.contains_key(*path)).map(|path| format!("gone: {}", path.display()));
        let new =
            other.0.keys().filter(|path| !self.0.contains_key(*path)).map(|path| format!("new: {}", path.display()));
        let both = self.0.iter().filter_map(|(path, entry)| Some((path, entry, other.0.get(path)?)));
        let changed =
            both.filter(|(_, a, b)| a != b).map(|(path, a, b)| format!("changed: {}: {a:?} → {b:?}", path.display()));
        gone.chain(new).chain(changed).collect()
    }

    /// Panics when `other` is not the same tree, naming the first differences.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        let differences = self.differences(other);
        let mut message = String::new();
        for difference in differences.iter().take(12) {
            let _ = writeln!(message, "  {difference}");
        }
        assert!(differences.is_empty(), "{} of {} entries differ:\n{message}", differences.len(), self.0.len());
    }
}

struct Reader<'a> {
    root: &'a Path,
    names: &'a [&'a str],
    tree: BTreeMap<PathBuf, Entry>,
    files: HashMap<(u64, u64), PathBuf>,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path) {
        let metadata = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(self.root).unwrap().to_path_buf();
        let content = content(path, &metadata);
        let same_file_as = self.same_file(&name, &metadata);
        let mtime = (metadata.mtime(), metadata.mtime_nsec());
        self.tree.insert(name, Entry { content, mode: metadata.mode(), mtime, same_file_as });
        if metadata.is_dir() {
            for child in children(path) {
                let left_out =
                    child.file_name().is_some_and(|name| self.names.iter().any(|left_out| name == *left_out));
                if !left_out {
                    self.read(&child);
                }
            }
        }
    }

    fn same_file(&mut self, name: &Path, metadata: &fs::Metadata) -> Option<PathBuf> {
        if metadata.is_dir() || metadata.nlink() < 2 {
            return None;
        }
        let first = self.files.entry((metadata.dev(), metadata.ino())).or_insert_with(|| name.to_path_buf());
        (first != name).then(|| first.clone())
    }
}

fn content(path: &Path, metadata: &fs::Metadata) -> Content {
    if metadata.is_dir() {
        Content::Directory
    } else if metadata.is_symlink() {
        Content::Link { target: fs::read_link(path).unwrap() }
    } else if metadata.is_file() {
        Content::File { size: metadata.len(), digest: blake3::hash(&fs::read(path).unwrap()) }
    } else {
        Content::Other
    }
}

/// The entries of a directory, sorted.
fn children(dir: &Path) -> Vec<PathBuf> {
    let mut children: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    children.sort();
    children
}

/// The regular files below `dir`, with their sizes.
pub fn files_below(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for child in children(dir) {
        let metadata = child.symlink_metadata().unwrap();
        if metadata.is_dir() {
            found.extend(files_below(&child));
        } else {
            found.push((child, metadata.len()));
        }
    }
    found
}
