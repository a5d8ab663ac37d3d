//! Submodules that are not checked out: what they hold is unknown, so no key may pass over them.

use super::tree::{Tree, to_path};

/// Paths of the submodules that `.gitmodules` files name and that are absent or empty.
///
/// # Errors
/// Passes on what reading a `.gitmodules` file says.
pub(super) fn uninitialised(tree: &Tree) -> std::io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for (_, entry) in tree.walked().filter(|(_, entry)| file_name(entry.path) == b".gitmodules") {
        let text = std::fs::read(tree.root().join(to_path(entry.path)))?;
        let directory = &entry.path[..entry.path.len() - b".gitmodules".len()];
        for path in declared_paths(&String::from_utf8_lossy(&text)) {
            let path = [directory, path.as_bytes()].concat();
            if is_empty(tree, &path) {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// The `path = …` lines of a git configuration file; git writes these unquoted or in double quotes,
/// and accepts none that leaves the repository.
fn declared_paths(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        let value = value.trim().trim_matches('"').trim_end_matches('/');
        let inside = !value.starts_with('/') && value.split('/').all(|component| !matches!(component, "" | "." | ".."));
        (key.trim().eq_ignore_ascii_case("path") && inside).then(|| value.to_owned())
    })
}

fn is_empty(tree: &Tree, path: &[u8]) -> bool {
    if tree.below(path).next().is_some() {
        return false;
    }
    // What is not there cannot be read either.
    std::fs::read_dir(tree.root().join(to_path(path))).map_or(true, |mut listing| listing.next().is_none())
}
