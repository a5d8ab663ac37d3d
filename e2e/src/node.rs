//! The Node that GitHub's runner and wrangler bring or ask for, whichever one the machine has: `e2e/cloudflare` pins it, and
//! `cargo xtask e2e` installs it.

use std::path::PathBuf;

use crate::worker::target;

/// The directory that has nothing but this Node in it.
pub(crate) fn bin() -> PathBuf {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let bin = target().join(format!("tools/cloudflare/node_modules/node-linux-{machine}/bin"));
    assert!(bin.exists(), "{} is missing: `cargo xtask e2e` installs it", bin.display());
    bin
}
