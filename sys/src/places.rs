//! Paths as the rest of sci has them: absolute in the form that every program takes, relative with `/` between names.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// A path of this length or longer only works in the form that the system calls verbatim.
const LONGEST: usize = 240;

/// The path with links resolved, as [`std::fs::canonicalize`] gives it, but on Windows not in the form `\\?\C:\…` unless it is
/// too long for another: many programs cannot start in such a directory, and `cmd` is one of them.
///
/// # Errors
/// What the system says.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    let found = path.canonicalize()?;
    if cfg!(unix) {
        return Ok(found);
    }
    Ok(found.to_str().and_then(ordinary).map_or(found, PathBuf::from))
}

/// The path with links resolved, as far as it exists.
pub fn resolved(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|above| Some((above, canonical(above).ok()?)));
    match existing {
        Some((above, real)) => path.strip_prefix(above).map_or_else(|_| path.to_owned(), |rest| join(real, rest)),
        None => path.to_owned(),
    }
}

/// Joining nothing would add a separator.
fn join(real: PathBuf, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { real } else { real.join(rest) }
}

fn ordinary(verbatim: &str) -> Option<String> {
    let rest = verbatim.strip_prefix(r"\\?\")?;
    let is_drive = matches!(rest.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    match rest.strip_prefix(r"UNC\") {
        _ if rest.len() >= LONGEST => None,
        Some(share) => Some(format!(r"\\{share}")),
        None => is_drive.then(|| rest.to_owned()),
    }
}

/// A relative path with `/` between its names, as bytes.
pub fn slashed(path: &Path) -> Cow<'_, [u8]> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if cfg!(unix) || !bytes.contains(&b'\\') {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect())
}

/// A relative path, as it is written into files that other systems read too.
pub fn with_slashes(path: PathBuf) -> PathBuf {
    match text(&path) {
        Some(Cow::Owned(slashed)) => slashed.into(),
        _ => path,
    }
}

/// A relative path with `/` between its names; `None` when it is not Unicode.
pub fn text(path: &Path) -> Option<Cow<'_, str>> {
    match slashed(path) {
        Cow::Borrowed(_) => path.to_str().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// Makes what was renamed or made in a directory last. Windows has it in the log of the file system, and no call for it.
///
/// # Errors
/// What the system says.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verbatim_path_gets_its_ordinary_form_where_it_has_one() {
        assert_eq!(ordinary(r"\\?\C:\a\b").as_deref(), Some(r"C:\a\b"));
        assert_eq!(ordinary(r"\\?\UNC\server\share\a").as_deref(), Some(r"\\server\share\a"));
        assert_eq!(ordinary(r"\\?\Volume{1}\a"), None);
        assert_eq!(ordinary(r"C:\a"), None);
        assert_eq!(ordinary(&format!(r"\\?\C:\{}", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn a_relative_path_has_slashes() {
        let path: PathBuf = ["a", "b", "c"].iter().collect();
        assert_eq!(text(&path).as_deref(), Some("a/b/c"));
        assert_eq!(*slashed(&path), *b"a/b/c");
        assert_eq!(with_slashes(path).as_os_str(), "a/b/c");
    }
}
