//! Whether a link leads to a directory: Windows wants to know that when the link is made. Only a hint, which nothing else uses.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use crate::dir;
use crate::tree::{Kind, Tree};

/// How many links may lead to each other.
const MOST: usize = 40;

/// The directories and links of a snapshot by path; made when it is first asked.
#[derive(Debug, Default)]
pub(super) struct Leads(OnceLock<HashMap<Vec<u8>, u32>>);

impl Leads {
    /// Whether the link `index` of the snapshot for `root` leads to a directory: to one of the snapshot, or one on disk.
    pub(super) fn to_directory(&self, tree: &Tree, root: &Path, index: u32) -> bool {
        let mut at: Vec<&[u8]> = tree.components(index);
        if at.pop().is_none() {
            return root.parent().is_some_and(|parent| parent.join(dir::os(tree.target(index))).is_dir());
        }
        self.follow(tree, root, at, tree.target(index), MOST)
    }

    fn follow<'t>(&self, tree: &'t Tree, root: &Path, mut at: Vec<&'t [u8]>, target: &'t [u8], left: usize) -> bool {
        if left == 0 {
            return false;
        }
        let mut names = target.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        if target.starts_with(b"/") || target.get(1) == Some(&b':') {
            return root.join(dir::os(target)).is_dir();
        }
        while let Some(name) = names.next() {
            let rest = || names.clone().collect::<Vec<_>>().join(&b'/');
            match name {
                b".." if at.is_empty() => {
                    return root.parent().is_some_and(|parent| parent.join(dir::os(&rest())).is_dir());
                }
                b".." => drop(at.pop()),
                name => {
                    at.push(name);
                    if let Some((link, _)) = self.find(tree, &at).filter(|(_, kind)| *kind == Kind::Symlink) {
                        at.pop();
                        let onward = [tree.target(link), b"/", &rest()].concat();
                        return self.follow(tree, root, at, &onward, left - 1);
                    }
                }
            }
        }
        match self.find(tree, &at) {
            Some((_, kind)) => kind == Kind::Dir,
            None => dir::display(root, &at.join(&b'/')).is_dir(),
        }
    }

    fn find(&self, tree: &Tree, path: &[&[u8]]) -> Option<(u32, Kind)> {
        let wanted = |kind| matches!(kind, Kind::Dir | Kind::Symlink);
        let known = self.0.get_or_init(|| {
            let entries = tree.entries().filter(|(_, entry)| wanted(entry.kind));
            entries.map(|(index, _)| (tree.path(index), index)).collect()
        });
        known.get(&path.join(&b'/')).map(|index| (*index, tree.entry(*index).kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Mtime, NONE};

    #[test]
    fn a_link_is_followed_through_the_snapshot_and_out_of_it() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("beside/inner")).unwrap();
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        let sub = tree.push(root, b"sub", Kind::Dir, 0o755, Mtime::default(), 0);
        tree.push(sub, b"deep", Kind::Dir, 0o755, Mtime::default(), 0);
        tree.push(sub, b"file", Kind::File, 0o644, Mtime::default(), 0);
        let mut link = |parent, name: &str, target: &str| {
            let index = tree.push(parent, name.as_bytes(), Kind::Symlink, 0, Mtime::default(), 0);
            tree.set_target(index, target.as_bytes());
            index
        };
        let cases = [
            ("to-sub", "sub", true),
            ("to-self", ".", true),
            ("to-deep", "./sub//deep/../deep", true),
            ("to-file", "sub/file", false),
            ("to-link", "to-sub", true),
            ("through-link", "to-sub/deep", true),
            ("to-nothing", "nothing", false),
            ("round", "round", false),
            ("out", "../beside/inner", true),
            ("out-to-nothing", "../nothing", false),
        ];
        let links = cases.map(|(name, target, _)| link(root, name, target));
        let inner = link(sub, "up", "../to-sub");
        let (leads, root) = (Leads::default(), place.path().join("tree"));
        for ((name, _, expected), index) in cases.into_iter().zip(links) {
            assert_eq!(leads.to_directory(&tree, &root, index), expected, "{name}");
        }
        assert!(leads.to_directory(&tree, &root, inner));
    }
}
