//! Submodules that are not checked out: what they hold is unknown, so no key may pass over them.

use super::tree::{Tree, to_path};

/// Paths of the submodules that are absent or empty: those that the workspace's `.gitmodules` names, and those of
/// submodules in turn. To git, a `.gitmodules` elsewhere (in a vendored package, say) is a file like any other.
///
/// # Errors
/// Passes on what reading a `.gitmodules` file says.
pub(super) fn uninitialised(tree: &Tree) -> std::io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut waiting = vec![Vec::new()];
    while let Some(directory) = waiting.pop() {
        let file = [&directory[..], b".gitmodules"].concat();
        if !tree.walked().any(|(_, entry)| entry.path == file) {
            continue;
        }
        let text = std::fs::read(tree.root().join(to_path(&file)))?;
        for path in declared_paths(&String::from_utf8_lossy(&text)) {
            let path = [&directory[..], path.as_bytes()].concat();
            if is_empty(tree, &path) {
                found.push(path);
            } else {
                waiting.push([&path[..], b"/"].concat());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
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
