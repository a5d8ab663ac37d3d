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
/// Sources have one mtime for all paths, so it must suit each: an mtime is replayed only when every restored path recorded
/// the same. And when another path of this kind is on disk, from some other build, nothing is: a source could then look
/// older to that one than what was made from it.
///
/// # Errors
/// When a time cannot be set. The restored state must not be built upon then.
pub fn replay(context: &mut Context, plan: &Plan, installed: &[Installed<'_>]) -> Result<Option<Replayed>> {
    let ours: Vec<&Installed<'_>> = installed.iter().filter(|installed| installed.path.policy.replay).collect();
    if ours.is_empty() {
        return Ok(None);
    }
    let is_restored = |path: &PlannedPath| ours.iter().any(|installed| std::ptr::eq(installed.path, path));
    let stranger = plan.paths.iter().find(|path| path.policy.replay && !is_restored(path) && path.root.exists());
    if let Some(stranger) = stranger {
        let why = format!("{} is there from another build", stranger.instance);
        context.out.warn(format!("mtimes of sources were not replayed, because {why}; more may be rebuilt"));
        return Ok(None);
    }
    let recorded = recorded_by_all(&ours);
    let newest = ours.iter().map(|installed| engine::newest(&installed.manifest.tree)).max().unwrap_or_default();
    let present: Vec<RecordedInput> = plan.tracked.iter().map(present).collect();
    let replayed = engine::replay(&plan.workspace, &present, &recorded, newest, mtime(context.now()));
    let replayed = replayed.map_err(|error| store::engine(&error))?;
    Ok(Some(Replayed { replayed: replayed.replayed, renewed: replayed.renewed }))
}

fn recorded_by_all(installed: &[&Installed<'_>]) -> Vec<RecordedInput> {
    let mut seen: BTreeMap<&RecordedInput, usize> = BTreeMap::new();
    for input in installed.iter().flat_map(|installed| &installed.manifest.inputs) {
        *seen.entry(input).or_default() += 1;
    }
    seen.into_iter().filter(|(_, times)| *times == installed.len()).map(|(input, _)| input.clone()).collect()
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
