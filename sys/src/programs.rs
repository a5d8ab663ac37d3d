//! Where a word leads that names a program. Knows nothing of what is started, or how.
//!
//! Unix looks a program up when it starts it. Windows does so for `.exe` only, while most tools are there as `.cmd`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variable that lists the extensions of programs on Windows.
pub const EXTENSIONS: &str = "PATHEXT";
/// The extensions of what the system can start, in the order in which it looks for them when nobody says another.
const STARTABLE: [&str; 4] = ["com", "exe", "bat", "cmd"];

/// What to start for the word `program` in `directory`, with these values of `PATH` and [`EXTENSIONS`].
///
/// On Unix, and where nothing is found, the word itself: starting it says then what is wrong.
pub fn resolve(program: &OsStr, directory: &Path, path: Option<&OsStr>, extensions: Option<&OsStr>) -> PathBuf {
    if cfg!(unix) {
        return program.into();
    }
    let directories: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    find(program, directory, &directories, extensions, &Path::is_file).unwrap_or_else(|| program.into())
}

/// The rule: a word with a directory in it is looked up below `directory`, any other in the directories of the `PATH` alone.
fn find(
    program: &OsStr,
    directory: &Path,
    path: &[PathBuf],
    extensions: Option<&OsStr>,
    is_file: &dyn Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let extensions = startable(extensions);
    let has_directory = program.as_encoded_bytes().iter().any(|byte| matches!(byte, b'/' | b'\\' | b':'));
    let places = if has_directory { std::slice::from_ref(&directory) } else { &[] };
    let places = places.iter().copied().chain(path.iter().filter(|_| !has_directory).map(PathBuf::as_path));
    let named =
        Path::new(program).extension().is_some_and(|found| extensions.iter().any(|it| found.eq_ignore_ascii_case(it)));
    let own = named.then(|| program.to_owned());
    let longer = extensions.iter().map(|extension| {
        let mut name = program.to_owned();
        name.push(".");
        name.push(extension);
        name
    });
    let names: Vec<OsString> = own.into_iter().chain(longer).collect();
    places.flat_map(|place| names.iter().map(move |name| place.join(name))).find(|file| is_file(file))
}

/// The extensions that are listed and can be started, without their dots and in lower case.
fn startable(listed: Option<&OsStr>) -> Vec<String> {
    let listed = listed.and_then(OsStr::to_str).unwrap_or_default();
    let words = listed.split(';').map(|word| word.trim().trim_start_matches('.').to_ascii_lowercase());
    let known: Vec<String> = words.filter(|word| STARTABLE.contains(&word.as_str())).collect();
    if known.is_empty() { STARTABLE.map(str::to_owned).to_vec() } else { known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(program: &str, extensions: &str, files: &[&str]) -> Option<PathBuf> {
        let path = [PathBuf::from("one"), PathBuf::from("two")];
        let is_file = |file: &Path| files.iter().any(|known| Path::new(known) == file);
        find(OsStr::new(program), Path::new("here"), &path, Some(OsStr::new(extensions)), &is_file)
    }

    #[test]
    fn a_tool_is_found_with_the_extension_that_it_has() {
        let files = ["one/npm", "two/npm.cmd", "two/npm.exe", "one/go.exe", "here/npm.cmd", "two/v1.2.exe"];
        let is = |program, extensions, file| assert_eq!(found(program, extensions, &files), Some(PathBuf::from(file)));
        is("npm", ".COM;.EXE;.BAT;.CMD", "two/npm.exe");
        is("npm", ".CMD;.EXE", "two/npm.cmd");
        is("npm.cmd", ".EXE;.CMD", "two/npm.cmd");
        is("go", "", "one/go.exe");
        is("v1.2", "", "two/v1.2.exe");
        // A shell script without extension is no program there.
        assert_eq!(found("npm", ".VBS", &["one/npm", "one/npm.vbs"]), None);
    }

    #[test]
    fn a_word_with_a_directory_is_not_looked_up_in_the_path() {
        let files = ["one/gradlew.bat", "here/./gradlew", "here/./gradlew.bat", "here/tool.exe"];
        assert_eq!(found("./gradlew", "", &files), Some(PathBuf::from("here/./gradlew.bat")));
        assert_eq!(found("./tool", "", &["one/tool.exe"]), None);
        // And what lies in the directory is not started for a mere word.
        assert_eq!(found("tool", "", &files), None);
    }
}
