//! Git LFS pointers: a file whose content was not fetched is not the input it stands for.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::tree::{Entry, Tree, to_path};
use crate::glob::without_braces;

/// Pointer files are smaller than this; the specification allows 1,024 bytes.
const POINTER_LIMIT: u64 = 1024;
const POINTER_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The files that `.gitattributes` gives to LFS.
#[derive(Debug, Default)]
pub(crate) struct LfsFiles(Vec<(Vec<u8>, Gitignore)>);

impl LfsFiles {
    /// Reads the workspace's `.gitattributes` files, so that only what they name is opened later.
    ///
    /// # Errors
    /// Passes on what reading them says.
    pub(crate) fn of(tree: &Tree) -> std::io::Result<Self> {
        let mut matchers = Vec::new();
        for (_, entry) in tree.walked().filter(|(_, entry)| entry.is_file()) {
            let Some(directory) = entry.path.strip_suffix(b".gitattributes") else { continue };
            if !(directory.is_empty() || directory.ends_with(b"/")) {
                continue;
            }
            let text = std::fs::read(tree.root().join(to_path(entry.path)))?;
            matchers.extend(matcher(&String::from_utf8_lossy(&text)).map(|matcher| (directory.to_vec(), matcher)));
        }
        Ok(Self(matchers))
    }

    /// Whether the entry is a pointer whose content was not fetched.
    pub(super) fn is_pointer(&self, tree: &Tree, entry: &Entry<'_>) -> bool {
        entry.is_file() && self.names(entry.path) && is_pointer(&tree.root().join(to_path(entry.path)))
    }

    fn names(&self, path: &[u8]) -> bool {
        self.0.iter().any(|(directory, matcher)| {
            path.strip_prefix(directory.as_slice())
                .is_some_and(|rest| matcher.matched(to_path(rest), false).is_ignore())
        })
    }
}

/// Attribute patterns are written as those of `.gitignore` are, in which git takes braces for themselves.
fn matcher(text: &str) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    let mut any = false;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(pattern), true) = (words.next(), words.any(|attribute| attribute == "filter=lfs")) else { continue };
        any |= builder.add_line(None, &without_braces(pattern)).is_ok();
    }
    builder.build().ok().filter(|_| any)
}

/// A file that cannot be read is no pointer; hashing it says why.
fn is_pointer(file: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(file).and_then(|file| {
        let size = file.metadata()?.len();
        file.take(POINTER_START.len() as u64).read_to_end(&mut start)?;
        Ok(size)
    });
    read.is_ok_and(|size| size < POINTER_LIMIT) && start == POINTER_START
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_attributes_are_themselves() {
        let matcher = matcher("{a,b}.bin filter=lfs\n").unwrap();
        let is_given = |path: &str| matcher.matched(path, false).is_ignore();
        assert_eq!(["{a,b}.bin", "a.bin", "b.bin"].map(is_given), [true, false, false]);
    }
}
