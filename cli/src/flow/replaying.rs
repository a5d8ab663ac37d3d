//! Source-mtime replay over the whole workspace, and the times that sources have before the build.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sci_planner::{Plan, PlannedPath, TrackedFile};
use sci_snapshot::tree::Mtime;
use sci_snapshot::{Manifest, RecordedInput, replay as engine};
use sci_sys::ffi::OsStrExt;
use sci_sys::times;
use serde::Serialize;

use crate::context::Context;
use crate::error::Result;
use crate::state::before::BeforeFile;
use crate::store;

/// What replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Tracked files and directories that have the mtime recorded before the restored build.
    pub replayed: u64,
    /// Those that differ from the recorded ones, and are newer now than anything restored.
    pub renewed: u64,
}

/// A snapshot that stands in its place now.
#[derive(Debug)]
pub struct Installed<'p> {
    /// The path.
    pub path: &'p PlannedPath,
    /// Its manifest.
    pub manifest: Arc<Manifest>,
}

/// Gives sources the mtimes that the restored builds saw. `None` when no path asks for it, or none was restored.
///
/// Sources have one mtime for all paths, so it must suit each: one that a path recorded is replayed only when every other one
/// recorded the same, or holds nothing as new as that, so that to it the source is changed. And when another path of this kind
/// is on disk, from some other build, nothing is: a source could then look older to that one than what was made from it.
///
/// # Errors
/// When a time cannot be set. The restored state must not be built upon then.
pub fn replay(context: &mut Context, plan: &Plan, installed: &[Installed<'_>]) -> Result<Option<Replayed>> {
    let ours: Vec<&Installed<'_>> = installed.iter().filter(|installed| installed.path.policy.replay).collect();
    if ours.is_empty() {
        return Ok(None);
    }
    let is_restored = |path: &PlannedPath| ours.iter().any(|installed| std::ptr::eq(installed.path, path));
    let stranger = plan.paths.iter().find(|path| path.policy.replay && !is_restored(path) && path.place.root.exists());
    if let Some(stranger) = stranger {
        let why = format!("{} is there from another build", stranger.instance);
        context.out.warn(format!("mtimes of sources were not replayed, because {why}; more may be rebuilt"));
        return Ok(None);
    }
    let present: Vec<RecordedInput> = plan.tracked.iter().map(present).collect();
    let trees: Vec<Built<'_>> = ours.iter().map(|installed| Built::of(&installed.manifest)).collect();
    let recorded: Vec<RecordedInput> = present.iter().filter_map(|input| suits_all(&trees, input)).cloned().collect();
    let newest = trees.iter().map(|tree| tree.newest).max().unwrap_or_default();
    let replayed = engine::replay(&plan.workspace, &present, &recorded, newest, mtime(context.now()));
    let replayed = replayed.map_err(|error| store::engine(&error))?;
    Ok(Some(Replayed { replayed: replayed.replayed, renewed: replayed.renewed }))
}

/// What was built, and from what.
struct Built<'m> {
    inputs: BTreeMap<&'m [u8], &'m RecordedInput>,
    newest: Mtime,
}

impl<'m> Built<'m> {
    fn of(manifest: &'m Manifest) -> Self {
        let inputs = manifest.inputs.iter().map(|input| (input.path.as_slice(), input)).collect();
        Self { inputs, newest: engine::newest(&manifest.tree) }
    }

    /// Whether a build that goes on from here sees rightly, by this mtime, if the input has changed.
    fn suits(&self, input: &RecordedInput) -> bool {
        self.inputs.get(input.path.as_slice()) == Some(&input) || engine::outdates(input.mtime, self.newest)
    }
}

/// What some tree recorded of the input as it is now, if its mtime suits all of them.
fn suits_all<'m>(trees: &[Built<'m>], present: &RecordedInput) -> Option<&'m RecordedInput> {
    let recorded = trees.iter().filter_map(|tree| tree.inputs.get(present.path.as_slice()).copied());
    let newest = recorded.filter(|input| input.digest == present.digest).max_by_key(|input| input.mtime)?;
    trees.iter().all(|tree| tree.suits(newest)).then_some(newest)
}

fn present(file: &TrackedFile) -> RecordedInput {
    let (secs, nanos) = file.mtime;
    RecordedInput { path: file.path.clone(), digest: file.digest, mtime: Mtime { secs, nanos } }
}

fn mtime(now: Timestamp) -> Mtime {
    Mtime { secs: now.as_second(), nanos: u32::try_from(now.subsec_nanosecond()).unwrap_or(0) }
}

/// The tracked files with the times they have now: as planned or, after a replay, read again.
pub fn times(plan: &Plan, replayed: bool) -> Vec<BeforeFile> {
    let now = |file: &TrackedFile| match replayed {
        false => Some(file.mtime),
        true => read_mtime(&plan.workspace.join(std::ffi::OsStr::from_bytes(&file.path))),
    };
    let file =
        |file: &TrackedFile| Some(BeforeFile { path: file.path.clone(), digest: file.digest, mtime: now(file)? });
    plan.tracked.iter().filter_map(file).collect()
}

fn read_mtime(path: &Path) -> Option<(i64, u32)> {
    Some(times::modified(&path.symlink_metadata().ok()?))
}

/// What a snapshot records of the inputs: those that are after the build what they were before it, with that mtime.
pub fn to_record(plan: &Plan, before: &[BeforeFile]) -> Vec<RecordedInput> {
    let known: BTreeMap<&[u8], &BeforeFile> = before.iter().map(|file| (file.path.as_slice(), file)).collect();
    let same = |file: &&TrackedFile| {
        known.get(file.path.as_slice()).is_some_and(|was| was.digest == file.digest && was.mtime == file.mtime)
    };
    let mut inputs: Vec<RecordedInput> = plan.tracked.iter().filter(same).map(present).collect();
    inputs.sort_unstable();
    inputs
}

#[cfg(test)]
mod tests {
    use sci_hasher::Digest;

    use super::*;

    fn input(content: &str, secs: i64) -> RecordedInput {
        RecordedInput {
            path: b"src/lib.rs".to_vec(),
            digest: Digest::of(content.as_bytes()),
            mtime: Mtime { secs, nanos: 0 },
        }
    }

    /// What is replayed for a source that holds "new", by builds of a content and an mtime of that time, and with the newest
    /// entry of another.
    fn replayed(builds: &[(&str, i64, i64)]) -> Option<i64> {
        let inputs: Vec<RecordedInput> = builds.iter().map(|(content, secs, _)| input(content, *secs)).collect();
        let trees: Vec<Built<'_>> = inputs
            .iter()
            .zip(builds)
            .map(|(input, (.., newest))| Built {
                inputs: BTreeMap::from([(input.path.as_slice(), input)]),
                newest: Mtime { secs: *newest, nanos: 0 },
            })
            .collect();
        suits_all(&trees, &input("new", 900)).map(|input| input.mtime.secs)
    }

    #[test]
    fn an_mtime_is_replayed_when_it_is_right_for_every_build() {
        assert_eq!(replayed(&[("new", 100, 150)]), Some(100));
        assert_eq!(replayed(&[("new", 100, 150), ("new", 100, 700)]), Some(100));
        assert_eq!(replayed(&[("old", 100, 150)]), None);
        // The one that saw something else is older than what the other one recorded: it sees a change.
        assert_eq!(replayed(&[("old", 100, 150), ("new", 200, 250)]), Some(200));
        // It is not: what it made of the old content would look newer than the source.
        assert_eq!(replayed(&[("old", 300, 350), ("new", 200, 250)]), None);
        assert_eq!(replayed(&[("old", 100, 200), ("new", 200, 250)]), None);
        // Both saw it, at other times: the later one is right for both, if the earlier build was over by then.
        assert_eq!(replayed(&[("new", 100, 150), ("new", 200, 250)]), Some(200));
        assert_eq!(replayed(&[("new", 100, 350), ("new", 200, 250)]), None);
    }
}
