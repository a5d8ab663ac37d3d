//! Refuses a snapshot with names that Windows cannot have, before anything is written. The rule knows no system; who asks does.

use std::collections::HashSet;
use std::path::Path;

use sci_sys::names;

use crate::dir::display;
use crate::tree::{Kind, NONE, Tree};
use crate::{Result, SnapshotError};

/// Looks at every name, and at every name that a link leads to.
///
/// # Errors
/// [`SnapshotError::Name`] for the first one that cannot be, or that the system takes for another one of its directory.
pub(super) fn check(tree: &Tree, root: &Path) -> Result<()> {
    let mut taken = HashSet::with_capacity(tree.len() as usize);
    let refuse = |index: u32, reason: String| SnapshotError::Name { path: display(root, &lossy(tree, index)), reason };
    for (index, entry) in tree.entries() {
        if entry.parent != NONE {
            let name = names::fit(tree.name(index)).map_err(|unfit| refuse(index, unfit.to_string()))?;
            if !taken.insert((entry.parent, names::folded(name))) {
                return Err(refuse(index, "another name in its directory differs in case only".into()));
            }
        }
        if entry.kind == Kind::Symlink {
            names::target(tree.target(index)).map_err(|unfit| refuse(index, unfit.to_string()))?;
        }
    }
    Ok(())
}

/// The path with all that a message can show of it.
fn lossy(tree: &Tree, index: u32) -> Vec<u8> {
    String::from_utf8_lossy(&tree.path(index)).into_owned().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Mtime;

    fn told(names: &[&[u8]]) -> Option<String> {
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        let sub = tree.push(root, b"sub", Kind::Dir, 0o755, Mtime::default(), 0);
        for name in names {
            tree.push(sub, name, Kind::File, 0o644, Mtime::default(), 0);
        }
        shown(check(&tree, Path::new("target")))
    }

    /// The message as it is where paths have slashes.
    fn shown(checked: Result<()>) -> Option<String> {
        checked.err().map(|error| error.to_string().replace('\\', "/"))
    }

    #[test]
    fn a_name_that_reaches_something_else_is_told_with_its_path() {
        assert_eq!(told(&[b"a", b"b.txt", b"sub"]), None);
        let expected = "the snapshot has target/sub/a:b, which Windows cannot have: its name has a `:`";
        assert_eq!(told(&[b"a", b"a:b"]).as_deref(), Some(expected));
        for hostile in [b"nul".as_slice(), b"..\\x", b"a.", b"GIT~1", b"\xff", b"a\nb"] {
            assert!(told(&[hostile]).is_some(), "{}", String::from_utf8_lossy(hostile));
        }
    }

    #[test]
    fn a_link_to_another_machine_is_refused() {
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        let link = tree.push(root, b"link", Kind::Symlink, 0, Mtime::default(), 0);
        tree.set_target(link, b"//server/share");
        let told = shown(check(&tree, Path::new("target"))).unwrap();
        assert!(told.contains("target/link") && told.contains("another machine"), "{told}");
    }

    #[test]
    fn names_that_differ_in_case_only_are_refused_in_one_directory() {
        let told = told(&[b"README", b"Readme"]).unwrap();
        assert!(told.contains("target/sub/Readme") && told.contains("case"), "{told}");
    }

    #[test]
    fn the_same_name_in_two_directories_is_none_of_these() {
        let mut tree = Tree::default();
        let root = tree.push(NONE, b"", Kind::Dir, 0o755, Mtime::default(), 0);
        let sub = tree.push(root, b"A", Kind::Dir, 0o755, Mtime::default(), 0);
        tree.push(sub, b"a", Kind::File, 0o644, Mtime::default(), 0);
        check(&tree, Path::new("target")).unwrap();
    }
}
