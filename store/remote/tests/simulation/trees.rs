//! Small trees, in memory and on disk. Every file says who wrote it.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::actors::Role;

/// Contents by path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Changes a tree, or begins one.
pub(crate) fn edit(tree: &mut Tree, role: Role, random: &mut fastrand::Rng) {
    let is_new = tree.is_empty();
    let writes = if is_new { random.usize(2..8) } else { random.usize(0..3) };
    if !is_new && random.bool() {
        let victim = tree.keys().nth(random.usize(..tree.len())).unwrap().clone();
        tree.remove(&victim);
    }
    for _ in 0..writes {
        let name = format!("{}/{}", random.u8(..3), random.u8(..6));
        let mut content = format!("{}\n", role.scope()).into_bytes();
        let length = random.usize(..3_000);
        content.extend(std::iter::repeat_with(|| random.u8(..)).take(length));
        tree.insert(name, content);
    }
}

/// Whose files are in a tree.
pub(crate) fn scopes(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.values().map(|content| std::str::from_utf8(content.split(|byte| *byte == b'\n').next().unwrap()).unwrap())
}

/// Makes the directory hold the tree and nothing else. Times are the same at each run.
pub(crate) fn write(root: &Path, tree: &Tree) {
    let before = read(root);
    for name in before.keys().filter(|name| !tree.contains_key(*name)) {
        fs::remove_file(root.join(name)).unwrap();
    }
    for (name, content) in tree.iter().filter(|(name, content)| before.get(*name) != Some(content)) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        stamp(&path);
    }
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if fs::read_dir(&path).unwrap().next().is_none() { fs::remove_dir(&path).unwrap() } else { stamp(&path) }
    }
    stamp(root);
}

fn stamp(path: &Path) {
    let times = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_secs(1_600_000_000));
    File::open(path).unwrap().set_times(times).unwrap();
}

/// What a directory holds.
pub(crate) fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let _ = fs::create_dir_all(root);
    for directory in fs::read_dir(root).unwrap() {
        let directory = directory.unwrap();
        for file in fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            let name = format!("{}/{}", directory.file_name().display(), file.file_name().display());
            tree.insert(name, fs::read(file.path()).unwrap());
        }
    }
    tree
}
