//! Restoring a tree: what is there and equal stays, everything else is built beside the target and moved in.
//!
//! Until the intent is on disk the old tree stands; from then on whoever comes next completes the new one ([`recover`]), unless
//! somebody has changed the tree meanwhile. A target that is absent or empty is built whole and renamed into place.

mod ahead;
mod apply;
mod check;
mod clear;
#[cfg(test)]
mod cut_off;
mod expected;
mod fetch;
mod groups;
mod intent;
mod leads;
mod left;
mod links;
mod names;
mod plan;
mod reads;
mod same;
mod stage;
#[cfg(test)]
mod tests;
mod untouched;
mod vouched;
mod write;

use std::path::Path;
use std::sync::Arc;

use sci_faults::Step;
use sci_store_api::{ObjectId, ObjectSource};
use sci_sys::fs::{self, AtFlags};
use sci_sys::io::Errno;

use crate::dir::{Cursor, Tops};
use crate::local::{Base, Receipt, outlast};
use crate::manifest::Manifest;
use crate::progress::go_on;
use crate::tree::{Kind, Stat, Tree, Walked, walk};
use crate::{Excludes, Progress, Result, Room, SnapshotError, pool};

use plan::Plan;
use stage::Stage;
use vouched::Vouched;

pub use apply::Recovered;
pub(crate) use apply::set_mtime;
pub use clear::clear;
#[cfg(fuzzing)]
pub(crate) use intent::fuzzing::decode_body as fuzz_intent;
pub use left::{staging_below, staging_of};
pub use reads::reads;
pub(crate) use reads::{Length, Run, order};

/// What to restore, and where.
pub struct RestoreRequest<'a> {
    /// A directory that is there and trusted: the workspace, or the user's home. Between it and `root` no link is followed.
    pub anchor: &'a Path,
    /// The file or directory to restore, beneath `anchor`.
    pub root: &'a Path,
    /// The snapshot.
    pub manifest: Wanted<'a>,
    /// What in an existing tree is none of the snapshot's business: it stays.
    pub excludes: &'a Excludes,
    /// What this machine remembers of the tree.
    pub base: Option<Base>,
    /// Only adds what is missing: nothing is replaced, removed or re-moded.
    pub merge: bool,
    /// Threads to use; 0 for as many as there are processors.
    pub threads: usize,
    /// Told how far the restore is.
    pub progress: &'a dyn Progress,
}

/// The manifest of the snapshot to restore.
pub enum Wanted<'a> {
    /// Itself.
    Manifest(Arc<Manifest>),
    /// How to load it. That is left until it is known what on disk is remembered, so that of a large tree no more than two are held
    /// at once; and left undone when it is what this machine remembers, since that was verified before.
    Stored {
        /// The manifest's id.
        id: ObjectId,
        /// Loads and verifies it.
        load: &'a dyn Fn() -> Result<Manifest>,
    },
}

impl From<Arc<Manifest>> for Wanted<'_> {
    fn from(manifest: Arc<Manifest>) -> Self {
        Self::Manifest(manifest)
    }
}

impl From<Manifest> for Wanted<'_> {
    fn from(manifest: Manifest) -> Self {
        Self::Manifest(manifest.into())
    }
}

impl Wanted<'_> {
    fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Manifest(manifest) => manifest.id(),
            Self::Stored { id, .. } => Some(*id),
        }
    }

    fn load(&mut self) -> Result<Arc<Manifest>> {
        let manifest = match self {
            Self::Manifest(manifest) => Arc::clone(manifest),
            Self::Stored { load, .. } => Arc::new(load()?),
        };
        *self = Self::Manifest(Arc::clone(&manifest));
        Ok(manifest)
    }
}

/// A request whose manifest is at hand.
struct Task<'a> {
    anchor: &'a Path,
    root: &'a Path,
    manifest: Arc<Manifest>,
    merge: bool,
    progress: &'a dyn Progress,
    leads: leads::Leads,
}

/// A restored tree.
#[derive(Debug)]
pub struct Restored {
    /// Files of the snapshot, links included.
    pub files: u64,
    /// Sum of their lengths in bytes.
    pub bytes: u64,
    /// Entries that were written.
    pub written: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// What that took on disk, as it was reckoned before.
    pub room: Room,
    /// Entries that were there and equal.
    pub kept: u64,
    /// Kept entries whose mode or mtime was set.
    pub adjusted: u64,
    /// Entries that were removed, each with everything below it.
    pub removed: u64,
    /// The base that was given says all of this already.
    pub remembered: bool,
    base: Base,
}

impl Restored {
    /// What [`crate::LocalState::remember`] should keep.
    pub fn into_base(self) -> Base {
        self.base
    }
}

/// Completes or clears away what an interrupted restore of `root` left behind.
///
/// A tree that was changed since then is left as it is, partly restored. `leave` is called before that is forgotten: nothing else
/// will tell afterwards that it is no whole tree.
///
/// # Errors
/// [`SnapshotError::Io`]; the target is then as it was, or still marked as unfinished.
pub fn recover(anchor: &Path, root: &Path, leave: &mut dyn FnMut() -> std::io::Result<()>) -> Result<Recovered> {
    apply::recover(anchor, root, leave)
}

/// Makes the tree at `request.root` that of the snapshot.
///
/// # Errors
/// Whatever goes wrong before the intent is written leaves the target untouched. [`SnapshotError::NoSpace`] is found
/// before anything is written.
pub fn restore(request: RestoreRequest<'_>, source: &dyn ObjectSource) -> Result<Restored> {
    let RestoreRequest { anchor, root, manifest: mut wanted, excludes, mut base, merge, threads, progress } = request;
    let threads = if threads == 0 { pool::default_threads() } else { threads };
    if let Some(base) = base.as_ref().filter(|base| base.manifest.id() == wanted.id()) {
        wanted = Arc::clone(&base.manifest).into();
    }
    loop {
        let _turn = stage::take_turn(anchor, root)?;
        if apply::recover(anchor, root, &mut || Ok(()))? == Recovered::Changed {
            // Nobody knows what is there: all of it is read.
            base = None;
        }
        go_on(progress)?;
        let walked = walk(root, excludes, base.as_ref(), threads)?;
        if let Some(restored) = nothing_to_do(&mut base, walked.as_ref(), merge, wanted.id()) {
            progress.total(0, 0);
            return Ok(restored);
        }
        // Where all is done again, which is rare, files are read instead.
        let vouched = Vouched::new(base.take(), walked.as_ref(), wanted.id());
        let task = Task { anchor, root, manifest: wanted.load()?, merge, progress, leads: leads::Leads::default() };
        if cfg!(windows) {
            names::check(&task.manifest.tree, root)?;
        }
        let plan = Plan::new(&task, walked.as_ref(), &vouched, threads)?;
        sci_faults::at(Step::RestorePlanned);
        let stage = if plan.is_empty() {
            None
        } else {
            // Whoever held the staging directory has changed the target: what is to be done must be found out again.
            let Some(stage) = Stage::create(anchor, root)? else { continue };
            if plan.replaces_all() && !stage.target_is_vacant(merge) {
                stage.remove()?;
                continue;
            }
            Some(stage)
        };
        return carry_out(task, &plan, stage, (walked, vouched), threads, source);
    }
}

/// What to say when the tree on disk is the wanted one, and all that there is to know of it is in `base`, which is taken.
fn nothing_to_do(
    base: &mut Option<Base>,
    walked: Option<&Walked>,
    merge: bool,
    wanted: Option<ObjectId>,
) -> Option<Restored> {
    let is_same = |base: &mut Base| {
        let is_wanted = !merge && wanted.is_some() && base.manifest.id() == wanted;
        is_wanted && walked.is_some_and(|walked| same::is_as_remembered(base, walked))
    };
    let base = base.take_if(is_same)?;
    let tree = &base.manifest.tree;
    let (files, bytes, kept) = (tree.file_count(), tree.total_bytes(), tree.len().into());
    Some(Restored {
        files,
        bytes,
        written: 0,
        written_bytes: 0,
        room: Room::default(),
        kept,
        adjusted: 0,
        removed: 0,
        remembered: true,
        base,
    })
}

fn carry_out(
    task: Task<'_>,
    plan: &Plan,
    stage: Option<Stage>,
    (walked, vouched): (Option<Walked>, Vouched),
    threads: usize,
    source: &dyn ObjectSource,
) -> Result<Restored> {
    let remembered = vouched.into_wanted();
    let (mut receipts, walked) = match (&stage, walked) {
        // Nothing is to be done: they are all that is needed of the tree on disk.
        (None, Some(walked)) => (plan.receipts_of_kept(&task, walked), None),
        (_, walked) => (plan.kept_receipts(&task, walked.as_ref()), walked),
    };
    let walked = walked.as_ref();
    let tree = &task.manifest.tree;
    let block = stage.as_ref().map_or(1, Stage::block_size);
    let mut restored = Restored {
        room: plan.room(tree, block),
        files: tree.file_count(),
        bytes: tree.total_bytes(),
        written: plan.staged_count(),
        written_bytes: plan.staged_bytes(tree),
        kept: u64::from(tree.len()) - plan.staged_count(),
        adjusted: plan.adjusted.len() as u64,
        removed: plan.trash.len() as u64,
        remembered: false,
        base: Base::without_receipts(Arc::default()),
    };
    task.progress.total(restored.written, restored.written_bytes);
    if let Some(stage) = stage {
        task.progress.room(restored.room);
        let mut needed = restored.room;
        if !plan.replaces_all() {
            // It is written last: for want of a block, all the work would have been in vain.
            needed.take(plan.intent(&task, walked, &stage).encode().len() as u64, block);
        }
        let stage = stage.check_room(task.root, needed)?;
        let result = perform(&task, plan, &stage, walked, threads, source, &mut receipts);
        // A failure before the intent leaves nothing but staging, which goes; one after it is completed by the next command.
        if matches!(result, Ok(()) | Err(SnapshotError::Overtaken { .. })) || !stage.has_intent() {
            stage.remove()?;
        }
        result?;
    }
    outlast(&receipts);
    let device = device_of(task.root)?;
    restored.base = Base::new(task.manifest, receipts, device);
    restored.remembered = remembered.is_some_and(|remembered| remembered.says_the_same(&restored.base));
    Ok(restored)
}

fn perform(
    task: &Task<'_>,
    plan: &Plan,
    stage: &Stage,
    walked: Option<&Walked>,
    threads: usize,
    source: &dyn ObjectSource,
    receipts: &mut [Receipt],
) -> Result<()> {
    if let Some(walked) = walked {
        plan.check(task, walked, stage.device()?)?;
    }
    fetch::contents(task, plan, stage, threads, source, receipts)?;
    let manifest = &task.manifest;
    let relinked = links::make(manifest, plan, stage, task.root)?;
    sci_faults::at(Step::LinksStaged);
    links::finish_directories(manifest, plan, stage, task.root, receipts)?;
    sci_faults::at(Step::DirectoriesStaged);
    check_unchanged(task, plan, stage, receipts)?;
    // From here on it is completed.
    go_on(task.progress)?;
    let intent = plan.intent(task, walked, stage);
    if !plan.replaces_all() {
        stage.write_intent(&intent)?;
    }
    if let Some(path) = apply::apply(stage, &intent)? {
        return Err(SnapshotError::Overtaken { path });
    }
    // Renaming and linking change an entry's status: those files are looked at once more.
    let touched = plan.tops.iter().chain(&plan.adjusted).chain(&relinked).copied();
    look_again(task, plan, stage, touched, receipts);
    Ok(())
}

/// Takes receipts anew; none for what somebody else has replaced or removed since it was written, nor for directories, into
/// which somebody else may have put something since.
fn look_again(
    task: &Task<'_>,
    plan: &Plan,
    stage: &Stage,
    entries: impl Iterator<Item = u32>,
    receipts: &mut [Receipt],
) {
    let tree = &task.manifest.tree;
    let mut cursor = Cursor::new(stage.parent(), Tops::Root(stage.name()));
    let mut entries: Vec<(u32, u64)> =
        entries.map(|index| (index, receipts[plan.first_name(tree, index) as usize].inode)).collect();
    entries.sort_unstable();
    for (index, written) in entries {
        let stat = stat_of(&mut cursor, tree, index).map(|stat| stat.receipt());
        let is_dir = tree.entry(index).kind == Kind::Dir;
        let same = |found: &Receipt| written != 0 && found.inode == written && !is_dir;
        receipts[index as usize] = stat.ok().filter(same).unwrap_or_default();
    }
}

fn stat_of(cursor: &mut Cursor<'_>, tree: &Tree, index: u32) -> std::result::Result<Stat, Errno> {
    let (parent, name) = cursor.place(tree, index)?;
    Ok(crate::tree::facts(&fs::statat(parent, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)?).stat)
}

/// Refuses to go on when a file that is kept, and will be re-moded, is no longer the one that was compared.
fn check_unchanged(task: &Task<'_>, plan: &Plan, stage: &Stage, receipts: &[Receipt]) -> Result<()> {
    let tree = &task.manifest.tree;
    let mut cursor = Cursor::new(stage.parent(), Tops::Root(stage.name()));
    for &index in plan.adjusted.iter().filter(|index| tree.entry(**index).kind.is_file()) {
        let known = receipts[index as usize];
        // On another file system inodes are not believed, nor are receipts.
        if known.inode != 0 && stat_of(&mut cursor, tree, index).ok().map(|stat| stat.receipt()) != Some(known) {
            return Err(SnapshotError::Overtaken { path: crate::dir::display(task.root, &tree.path(index)) });
        }
    }
    Ok(())
}

fn device_of(root: &Path) -> Result<u64> {
    let stat = fs::lstat(root).map_err(|error| SnapshotError::io("look at", root, error))?;
    Ok(crate::tree::facts(&stat).device)
}

/// Whether a tree on disk holds nothing at all, so that it can be replaced by one rename.
fn is_empty(walked: Option<&Walked>) -> bool {
    walked.is_none_or(|walked| {
        walked.tree.len() == 1
            && walked.tree.entry(0).kind == Kind::Dir
            && walked.skipped.is_empty()
            && walked.hiding.is_empty()
    })
}
