//! Lockfiles, read for the packages they name: what explain compares and what checks hold installations against.
//!
//! [`read`] recognises a lockfile by its file name. Lockfiles come from pull requests, so every reader takes any bytes
//! and answers with packages or an error in bounded memory: no panic, no recursion that the input controls.

pub(crate) mod bun;
pub(crate) mod bundler;
pub(crate) mod cargo;
mod closure;
pub(crate) mod composer;
mod directories;
pub(crate) mod go;
pub(crate) mod gradle;
pub(crate) mod maven;
mod members;
pub(crate) mod npm;
mod package;
pub(crate) mod pnpm;
pub(crate) mod python;
mod xml;
pub(crate) mod yarn;

use std::path::Path;

pub use closure::{Closure, Graph, MemberNames, NARROWED, NarrowError};
pub use directories::{directories, is_relative_to_its_user, may_name_directories};
pub use members::members;
pub use package::{LockfileError, MAX_BYTES, Package, Packages};
pub(crate) use package::{MAX_REFERRED, text};

/// Reads the packages that a lockfile names; `None` when the file name is not that of a lockfile known here.
///
/// `name` may be a path, of which only the last component counts, such as `Cargo.lock`, but for the text files below a directory
/// `requirements`. The names are those that the presets declare; `bun.lockb` is not read.
pub fn read(name: &Path, bytes: &[u8]) -> Option<Result<Packages, LockfileError>> {
    let reader = match name.file_name()?.to_str()? {
        "Cargo.lock" => cargo::packages,
        "Gemfile.lock" => bundler::packages,
        "bun.lock" => bun::packages,
        "buildscript-gradle.lockfile" | "gradle.lockfile" | "settings-gradle.lockfile" => gradle::lockfile,
        "composer.lock" => composer::packages,
        "go.mod" => go::requirements,
        "go.sum" | "go.work.sum" => go::sums,
        "libs.versions.toml" => gradle::catalog,
        "package-lock.json" | "npm-shrinkwrap.json" => npm::packages,
        "pnpm-lock.yaml" => pnpm::packages,
        "pom.xml" => maven::packages,
        "poetry.lock" => python::poetry,
        "uv.lock" => python::uv,
        "verification-metadata.xml" => gradle::verification,
        "yarn.lock" => yarn::packages,
        file if is_requirements(name, file) => python::requirements,
        _ => return None,
    };
    Some(text(bytes).and_then(reader))
}

/// Whether a file of this name holds requirements of pip's.
fn is_requirements(path: &Path, name: &str) -> bool {
    name.ends_with(".txt") && (name.starts_with("requirements") || is_below(path, "requirements"))
}

/// Whether a file lies below a directory of this name.
fn is_below(file: &Path, name: &str) -> bool {
    file.parent().is_some_and(|above| above.iter().any(|directory| directory == name))
}
