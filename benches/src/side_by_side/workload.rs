//! The default workload: node_modules of the application that the scenarios use too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::measure::quietly;
use crate::tools::{root, wipe};

/// The application whose dependencies are installed: a Next.js one, with a lockfile.
const APPLICATION: &str = "e2e/fixtures/storefront";

/// node_modules of the application, installed below `dir` the first time. Nothing of it is run.
///
/// # Errors
/// When npm is missing or cannot reach its registry.
pub(crate) fn storefront(dir: &Path) -> Result<PathBuf, Failure> {
    let installed = dir.join("storefront");
    if !installed.exists() {
        eprintln!("installing {APPLICATION} into {}", installed.display());
        let partial = dir.join("storefront.partial");
        wipe(&partial)?;
        fs::create_dir_all(&partial)?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(root().join(APPLICATION).join(name), partial.join(name))?;
        }
        // Not `npm ci`: the lockfile names the platforms that its registry had, and `ci` insists on all of them.
        let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        quietly(Command::new("npm").current_dir(&partial).args(install))?;
        fs::rename(&partial, &installed)?;
    }
    Ok(installed.join("node_modules"))
}
