//! A peer that keeps a plain copy.

use super::{TREES, Tool};
use crate::stage::Stage;
use crate::tools::Need;

/// rsync between two directories, without compression.
pub(super) const RSYNC: Tool = Tool {
    name: "rsync",
    needs: &[Need::System("rsync", "rsync")],
    phases: TREES,
    replaces: false,
    init: |_| Ok(()),
    save: |site| {
        let mut rsync = site.command("rsync");
        rsync.args(["-aHAX", "--delete", Stage::TREE]).arg(site.repository().join(""));
        rsync
    },
    restore: |site| {
        let mut rsync = site.command("rsync");
        rsync.args(["-aHAX", "--delete"]).arg(site.repository().join(Stage::TREE)).arg(site.out.join(""));
        rsync
    },
};
