//! The programs that are measured: where they are, and how a missing one is installed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::measure::quietly;

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's target directory: this program is in `<target>/<profile>/`.
///
/// # Errors
/// When the system does not say where this program is.
pub(crate) fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("this program is not in cargo's target directory")?;
    Ok(target.to_path_buf())
}

/// What a contestant or a workload cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A program, and the system's package that has it.
    System(&'static str, &'static str),
    /// A program, and the crate that is it.
    Crate(&'static str, &'static str),
    /// A program, and the npm package that has it, with its version.
    Npm(&'static str, &'static str),
    /// An npm package that is not a program, and its version.
    Library(&'static str, &'static str),
}

/// Programs on `PATH`, and those below one directory, which come first.
#[derive(Debug)]
pub(crate) struct Tools {
    dir: PathBuf,
}

impl Tools {
    /// The tools that are installed below `dir`.
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where npm packages are.
    pub(crate) fn npm(&self) -> PathBuf {
        self.dir.join("npm")
    }

    /// `PATH` with the tools first.
    ///
    /// # Errors
    /// When a directory's name does not fit into it.
    pub(crate) fn path(&self) -> Result<OsString, Failure> {
        let own = [self.dir.join("bin"), self.npm().join("node_modules/.bin")];
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)))?)
    }

    /// Whether `need` is there.
    pub(crate) fn has(&self, need: Need) -> bool {
        match need {
            Need::System(program, _) | Need::Crate(program, _) | Need::Npm(program, _) => {
                let Ok(path) = self.path() else { return false };
                std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
            }
            Need::Library(package, _) => self.npm().join("node_modules").join(package).is_dir(),
        }
    }

    /// Installs `need` unless it is there.
    ///
    /// # Errors
    /// When the package manager fails.
    pub(crate) fn install(&self, need: Need) -> Result<(), Failure> {
        if self.has(need) {
            return Ok(());
        }
        eprintln!("installing {need}");
        match need {
            Need::System(_, package) => {
                quietly(Command::new("apt-get").args(["update", "-qq"]))?;
                let mut apt = Command::new("apt-get");
                apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "-qq", "--no-install-recommends"]);
                quietly(apt.arg(package))
            }
            Need::Crate(_, package) => {
                let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
                cargo.args(["install", "--locked", "--quiet", package, "--root"]).arg(&self.dir);
                quietly(cargo.arg("--target-dir").arg(self.dir.join("build")))
            }
            Need::Npm(_, package) | Need::Library(package, _) => {
                let version = if let Need::Library(_, version) = need { format!("@{version}") } else { String::new() };
                fs::create_dir_all(self.npm())?;
                let mut npm = Command::new("npm");
                npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(self.npm());
                quietly(npm.arg(format!("{package}{version}")).current_dir(self.npm()))
            }
        }
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(program, package) => write!(f, "{program} (system package {package})"),
            Self::Crate(program, package) => write!(f, "{program} (crate {package})"),
            Self::Npm(program, package) => write!(f, "{program} (npm package {package})"),
            Self::Library(package, version) => write!(f, "npm package {package}@{version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_below_the_directory_and_on_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let tools = Tools::at(dir.path().to_path_buf());
        assert!(tools.has(Need::System("sh", "dash")));
        let absent = Need::Crate("no-such-program", "none");
        assert!(!tools.has(absent));
        fs::create_dir(dir.path().join("bin")).unwrap();
        fs::write(dir.path().join("bin/no-such-program"), "").unwrap();
        assert!(tools.has(absent));
        assert!(!tools.has(Need::Library("@scope/name", "1")));
        fs::create_dir_all(dir.path().join("npm/node_modules/@scope/name")).unwrap();
        assert!(tools.has(Need::Library("@scope/name", "1")));
    }
}
