//! Peers that write the whole tree into one file each time.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Site, Tool};
use crate::Failure;
use crate::phase::Phase;
use crate::stage::Stage;
use crate::tools::Need;

/// GitHub's cache action, by the command lines that it gives to tar where zstd is installed.
pub(super) const ACTIONS_CACHE: Tool = Tool {
    name: "actions/cache",
    needs: &[Need::System("tar", "tar"), Need::System("zstdmt", "zstd")],
    phases: &[
        Phase::Save,
        Phase::Restore,
        Phase::RestoreNoop,
        Phase::SaveIncremental,
        Phase::SaveNewInodes,
        Phase::RestoreIncremental,
    ],
    replaces: true,
    init: |site| Ok(fs::write(site.repository().join("manifest.txt"), format!("{}\n", Stage::TREE))?),
    save: |site| {
        let mut tar = site.command("tar");
        tar.current_dir(site.repository()).args([
            "--posix",
            "-cf",
            "cache.tzst",
            "--exclude",
            "cache.tzst",
            "-P",
            "-C",
        ]);
        tar.arg(&site.source).args(["--files-from", "manifest.txt", "--use-compress-program", "zstdmt"]);
        tar
    },
    restore: |site| {
        let mut tar = site.command("tar");
        tar.arg("-xf").arg(site.repository().join("cache.tzst")).args(["-P", "-C"]).arg(&site.out);
        tar.args(["--use-compress-program", "unzstd"]);
        tar
    },
};

/// A file system image.
pub(super) const SQUASHFS: Tool = Tool {
    name: "squashfs",
    needs: &[Need::System("mksquashfs", "squashfs-tools")],
    phases: &[Phase::Save, Phase::Restore],
    replaces: true,
    init: |_| Ok(()),
    save: |site| {
        let mut make = site.command("mksquashfs");
        make.arg(Stage::TREE).arg(site.repository().join("image")).args(["-noappend", "-comp", "zstd"]);
        make.args(["-Xcompression-level", "3", "-no-progress", "-quiet"]);
        make
    },
    restore: |site| {
        let mut unpack = site.command("unsquashfs");
        unpack.args(["-quiet", "-no-progress", "-force", "-dest"]).arg(site.out.join(Stage::TREE));
        unpack.arg(site.repository().join("image"));
        unpack
    },
};

/// The local cache of turborepo: the tree is the output of a task that does nothing.
pub(super) const TURBO: Tool = Tool {
    name: "turbo",
    needs: &[crate::plan::TURBO],
    phases: &[Phase::Save, Phase::Restore, Phase::RestoreNoop],
    replaces: true,
    init: |site| {
        task(&site.source)?;
        task(&site.out)
    },
    save: |site| turbo(site, &site.source),
    restore: |site| turbo(site, &site.out),
};

/// A task with the tree as its output.
fn task(dir: &Path) -> Result<(), Failure> {
    let package =
        r#"{"name": "measured", "version": "1.0.0", "packageManager": "npm@11.0.0", "scripts": {"build": "true"}}"#;
    fs::write(dir.join("package.json"), package)?;
    let outputs = format!("{}/**", Stage::TREE);
    let tasks = serde_json::json!({"tasks": {"build": {"inputs": ["package.json"], "outputs": [outputs]}}});
    Ok(fs::write(dir.join("turbo.json"), tasks.to_string())?)
}

fn turbo(site: &Site<'_>, dir: &Path) -> Command {
    let mut turbo = site.command("turbo");
    turbo.current_dir(dir).args(["run", "build", "--output-logs=none", "--cache-dir"]).arg(site.repository());
    turbo.envs([("TURBO_TELEMETRY_DISABLED", "1"), ("TURBO_NO_UPDATE_NOTIFIER", "1"), ("TURBO_DAEMON", "0")]);
    turbo
}
