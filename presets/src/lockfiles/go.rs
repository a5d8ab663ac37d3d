//! go.sum and go.work.sum, and the requirements of go.mod.

use super::{LockfileError, Package, Packages};

/// What go.sum says of a module of which only the requirements are read.
const REQUIREMENTS: &str = "go.mod";

/// Reads go.sum: a module, a version and a digest on each line. A version ending with `/go.mod` is not downloaded as a
/// whole; it is told apart by its source.
pub(crate) fn sums(text: &str) -> Result<Packages, LockfileError> {
    let mut packages = Packages::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            [name, version, digest] => {
                let (version, source) = match version.strip_suffix("/go.mod") {
                    Some(version) => (version, Some(REQUIREMENTS)),
                    None => (version, None),
                };
                packages.insert(package(name, version, source, Some(digest)));
            }
            _ => return Err(LockfileError::malformed(format!("line {} is not of go.sum", index + 1))),
        }
    }
    let whole: Vec<(String, String)> = packages
        .iter()
        .filter(|package| is_downloaded(package))
        .map(|package| (package.name.clone(), package.version.clone()))
        .collect();
    packages.retain(|package| {
        is_downloaded(package)
            || whole
                .binary_search_by(|(name, version)| (name, version).cmp(&(&package.name, &package.version)))
                .is_err()
    });
    Ok(packages)
}

/// Whether the module itself is downloaded, and not only its requirements.
pub(crate) fn is_downloaded(package: &Package) -> bool {
    package.source.as_deref() != Some(REQUIREMENTS)
}

/// Reads the `require` directives of go.mod.
pub(crate) fn requirements(text: &str) -> Result<Packages, LockfileError> {
    let mut packages = Packages::new();
    let (mut block, mut module) = (None, false);
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        match (block, &words[..]) {
            (_, []) => {}
            (None, [directive, "("]) => block = Some(*directive == "require"),
            (Some(_), [")"]) => block = None,
            (None, ["require", name, version]) | (Some(true), [name, version]) => {
                packages.insert(package(name, version, None, None));
            }
            (None, ["module", ..]) => module = true,
            _ => {}
        }
    }
    if module { Ok(packages) } else { Err(LockfileError::malformed("there is no `module` directive")) }
}

fn package(name: &str, version: &str, source: Option<&str>, digest: Option<&str>) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        source: source.map(str::to_owned),
        integrity: digest.map(str::to_owned),
    }
}
