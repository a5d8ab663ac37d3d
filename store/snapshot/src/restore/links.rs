//! The last entries of a staged tree: hard links, and then the directories' modes and times.

use std::path::Path;

use sci_sys::fd::OwnedFd;
use sci_sys::fs::{self, AtFlags, Mode};
use sci_sys::io::Errno;

use super::apply::set_mtime;
use super::plan::Plan;
use super::stage::Stage;
use crate::dir::{self, Cursor, DIR, Tops};
use crate::local::{RACY, Receipt};
use crate::manifest::Manifest;
use crate::tree::{Kind, Tree, facts};
use crate::{Result, SnapshotError};

/// Makes the staged hard links; returns every name of every file that has several.
pub(crate) fn make(manifest: &Manifest, plan: &Plan, stage: &Stage, root: &Path) -> Result<Vec<u32>> {
    let tree = &manifest.tree;
    let mut from = Cursor::new(stage.new_dir(), Tops::Staged(&plan.tops));
    let mut to = Cursor::creating(stage.new_dir(), Tops::Staged(&plan.tops));
    let mut names = Vec::new();
    for (index, entry) in tree.entries() {
        let first = plan.first_name(tree, index);
        if entry.kind == Kind::Hardlink && plan.is_staged(index) && first != index {
            link(tree, &mut from, &mut to, index, first)
                .map_err(|error| SnapshotError::io("link", dir::display(root, &tree.path(index)), error))?;
            names.extend([index, first]);
        }
    }
    Ok(names)
}

fn link(tree: &Tree, from: &mut Cursor<'_>, to: &mut Cursor<'_>, index: u32, first: u32) -> Result<(), Errno> {
    let (old_parent, old_name) = from.place(tree, first)?;
    let (new_parent, new_name) = to.place(tree, index)?;
    fs::linkat(old_parent, old_name.as_slice(), new_parent, new_name.as_slice(), AtFlags::empty())
}

/// Sets modes and times of the staged directories, the deepest first: nothing is written below them any more.
///
/// A topmost directory stays writable until it is moved into place. The others get receipts: until then nobody else has anything
/// to do in them.
pub(crate) fn finish_directories(
    manifest: &Manifest,
    plan: &Plan,
    stage: &Stage,
    root: &Path,
    receipts: &mut [Receipt],
) -> Result<()> {
    let tree = &manifest.tree;
    let mut cursor = Cursor::new(stage.new_dir(), Tops::Staged(&plan.tops));
    let mut dirs: Vec<u32> = tree
        .entries()
        .filter(|(index, entry)| entry.kind == Kind::Dir && plan.is_staged(*index))
        .map(|(index, _)| index)
        .collect();
    dirs.reverse();
    for index in dirs {
        let entry = tree.entry(index);
        let is_top = plan.tops.contains(&index);
        let mode = if is_top { entry.mode | 0o700 } else { entry.mode };
        let set = |cursor: &mut Cursor<'_>| -> Result<Receipt, Errno> {
            let (parent, name) = cursor.place(tree, index)?;
            let handle = fs::openat(parent, name.as_slice(), DIR, Mode::empty())?;
            fs::fchmod(&handle, Mode::from_raw_mode(mode.into()))?;
            fs::futimens(&handle, &set_mtime(entry.mtime))?;
            Ok(if is_top { Receipt::default() } else { receipt_of_made(&handle)? })
        };
        receipts[index as usize] = set(&mut cursor)
            .map_err(|error| SnapshotError::io("set mode of", dir::display(root, &tree.path(index)), error))?;
    }
    Ok(())
}

/// None for a directory whose mtime is about now: a name that comes within the clock's tick would show neither there nor in the
/// status-change time.
fn receipt_of_made(directory: &OwnedFd) -> Result<Receipt, Errno> {
    let found = facts(&fs::fstat(directory)?);
    let is_young = found.mtime.nanoseconds() >= found.stat.ctime.saturating_sub(RACY);
    Ok(if is_young { Receipt::default() } else { found.stat.receipt() })
}
