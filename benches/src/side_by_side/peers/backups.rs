//! Peers that cut files into chunks and keep each of them once.

use std::process::Command;

use super::{Site, TREES, Tool};
use crate::measure::quietly;
use crate::stage::Stage;
use crate::tools::Need;

/// rustic, which shares restic's format.
pub(super) const RUSTIC: Tool = Tool {
    name: "rustic",
    needs: &[Need::Crate("rustic", "rustic-rs")],
    phases: TREES,
    replaces: false,
    init: |site| quietly(rustic(site).arg("init")),
    save: |site| {
        let mut rustic = rustic(site);
        rustic.args(["backup", Stage::TREE]);
        rustic
    },
    restore: |site| {
        let mut rustic = rustic(site);
        rustic.args(["restore", "--delete", "latest"]).arg(&site.out);
        rustic
    },
};

/// restic.
pub(super) const RESTIC: Tool = Tool {
    name: "restic",
    needs: &[Need::System("restic", "restic")],
    phases: TREES,
    replaces: false,
    init: |site| quietly(restic(site).args(["init", "--repository-version", "2"])),
    save: |site| {
        let mut restic = restic(site);
        restic.args(["backup", Stage::TREE]);
        restic
    },
    restore: |site| {
        let mut restic = restic(site);
        restic.args(["restore", "latest", "--target"]).arg(&site.out);
        restic
    },
};

/// borg, with the level of compression that the others have.
pub(super) const BORG: Tool = Tool {
    name: "borg",
    needs: &[Need::System("borg", "borgbackup")],
    phases: TREES,
    replaces: false,
    init: |site| quietly(borg(site).args(["init", "--encryption", "none"])),
    save: |site| {
        let mut borg = borg(site);
        borg.args(["create", "--compression", "zstd,3", &format!("::{}", site.save), Stage::TREE]);
        borg
    },
    restore: |site| {
        let mut borg = borg(site);
        borg.current_dir(&site.out).args(["extract", &format!("::{}", site.save)]);
        borg
    },
};

fn rustic(site: &Site<'_>) -> Command {
    let mut rustic = site.command("rustic");
    rustic.env("RUSTIC_REPOSITORY", site.repository()).env("RUSTIC_PASSWORD", "none");
    rustic.args(["--no-progress", "--log-level", "error"]);
    rustic
}

fn restic(site: &Site<'_>) -> Command {
    let mut restic = site.command("restic");
    restic.env("RESTIC_REPOSITORY", site.repository()).env("RESTIC_PASSWORD", "none").arg("--quiet");
    restic
}

fn borg(site: &Site<'_>) -> Command {
    let mut borg = site.command("borg");
    borg.env("BORG_REPO", site.repository()).env("BORG_BASE_DIR", site.home.join("borg"));
    for question in ["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "BORG_RELOCATED_REPO_ACCESS_IS_OK"] {
        borg.env(question, "yes");
    }
    borg
}
