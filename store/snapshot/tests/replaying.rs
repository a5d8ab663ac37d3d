//! Sources get the times that the restored build saw, and none that was edited meanwhile gets an old one.

#![allow(clippy::unwrap_used, reason = "a test that fails here should panic")]

mod common;

use std::path::Path;

use common::{set_mtime, write};
use sci_hasher::Digest;
use sci_snapshot::RecordedInput;
use sci_snapshot::replay::{Replayed, replay};
use sci_snapshot::tree::Mtime;

fn mtime(path: &Path) -> i64 {
    std::os::unix::fs::MetadataExt::mtime(&path.symlink_metadata().unwrap())
}

fn input(path: &str, content: &str, secs: i64) -> RecordedInput {
    RecordedInput { path: path.into(), digest: Digest::of(content.as_bytes()), mtime: Mtime { secs, nanos: 0 } }
}

#[test]
fn a_source_that_was_edited_after_the_plan_is_newer_than_what_was_restored() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    // All as the plan found them at 500, but two that were edited since.
    for (name, secs) in [("same", 500), ("changed", 500), ("edited", 600), ("edited-long-after", 2_000)] {
        write(&at(name), b"a");
        set_mtime(&at(name), secs, 0);
    }
    let names = ["same", "changed", "edited", "edited-long-after"];
    let present: Vec<RecordedInput> = names.iter().map(|name| input(name, "a", 500)).collect();
    let recorded: Vec<RecordedInput> =
        names.iter().map(|name| input(name, if *name == "changed" { "b" } else { "a" }, 100)).collect();
    let (newest, now) = (Mtime { secs: 150, nanos: 0 }, Mtime { secs: 1_000, nanos: 0 });
    let replayed = replay(dir.path(), &present, &recorded, newest, now).unwrap();
    assert_eq!(replayed, Replayed { replayed: 1, renewed: 3 });
    assert_eq!(names.map(|name| mtime(&at(name))), [100, 1_000, 1_000, 2_000]);
}
