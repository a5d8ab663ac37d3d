//! What has to be done to turn the tree on disk into the snapshot's: a value, made before anything is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use super::check::same_content;
use super::expected::{Expected, Seen};
use super::groups::Groups;
use super::intent::{Intent, Op};
use super::stage::Stage;
use super::vouched::Vouched;
use super::{Task, is_empty};
use crate::local::Receipt;
use crate::tree::{Kind, NONE, Tree, Walked};
use crate::{Result, Room, SnapshotError};

/// Targets of links shorter than this take no block of their own. Bytes.
const SHORT_TARGET: usize = 60;

/// The plan.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Entries to build: for each of the snapshot's, whether it is one.
    staged: Vec<bool>,
    /// Topmost built entries: each is moved in by one rename.
    pub(crate) tops: BTreeSet<u32>,
    /// Topmost entries on disk that must go.
    pub(crate) trash: Vec<u32>,
    /// Kept entries whose mode or mtime must be set.
    pub(crate) adjusted: Vec<u32>,
    /// For each of the snapshot's entries, the one on disk, or [`NONE`]. Empty where the target is.
    found: Vec<u32>,
    /// Entries on disk whose content is certainly the snapshot's. Empty where that is asked of none.
    known: Vec<bool>,
    /// In a merge: of files whose first name stays, the name that is built in its stead.
    stand_ins: BTreeMap<u32, u32>,
    whole: bool,
}

impl Plan {
    pub(crate) fn new(task: &Task<'_>, walked: Option<&Walked>, vouched: &Vouched, threads: usize) -> Result<Self> {
        let tree = &task.manifest.tree;
        let mut plan = Self { staged: vec![false; tree.len() as usize], ..Self::default() };
        let Some(walked) = walked.filter(|walked| task.merge || !is_empty(Some(walked))) else {
            plan.staged.fill(true);
            plan.tops.insert(0);
            plan.whole = true;
            return Ok(plan);
        };
        plan.found = tree.matching(&walked.tree);
        if task.merge {
            plan.merge(tree, walked);
        } else {
            plan.known = same_content(task, walked, vouched, &plan.found, threads)?;
            plan.replace(tree, walked);
            plan.remove_extras(tree, walked);
        }
        plan.adjusted.sort_unstable();
        plan.adjusted.dedup();
        Ok(plan)
    }

    /// Nothing to do at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.tops.is_empty() && self.trash.is_empty() && self.adjusted.is_empty()
    }

    /// Whether the target is absent or empty, so that one rename does it.
    pub(crate) fn replaces_all(&self) -> bool {
        self.whole
    }

    fn found(&self, index: u32) -> u32 {
        self.found.get(index as usize).copied().unwrap_or(NONE)
    }

    pub(crate) fn is_staged(&self, index: u32) -> bool {
        self.staged[index as usize]
    }

    pub(crate) fn staged_count(&self) -> u64 {
        self.staged.iter().filter(|staged| **staged).count() as u64
    }

    /// Bytes that will be written; holes take no room.
    pub(crate) fn staged_bytes(&self, tree: &Tree) -> u64 {
        let contents = self.built(tree).filter_map(|index| tree.content(tree.resolve(index)));
        let extents = contents.flat_map(|content| tree.extents(content));
        extents.filter(|extent| !extent.is_hole()).map(|extent| u64::from(extent.length)).sum()
    }

    /// What the staged entries take on a file system with blocks of so many bytes.
    pub(crate) fn room(&self, tree: &Tree, block: u64) -> Room {
        let mut room = Room::default();
        let mut take = |bytes: u64| room.take(bytes, block);
        for index in self.built(tree) {
            let entry = tree.entry(tree.resolve(index));
            match entry.kind {
                Kind::Dir => take(1),
                // Short targets are kept in the inode by most file systems, long ones by none.
                Kind::Symlink => take(if tree.target(index).len() < SHORT_TARGET { 0 } else { block }),
                Kind::File | Kind::Sparse | Kind::Hardlink => {
                    let content = tree.content(tree.resolve(index));
                    let extents = content.map(|content| tree.extents(content)).unwrap_or_default();
                    let data = || extents.iter().filter(|extent| !extent.is_hole());
                    let bytes: u64 = data().map(|extent| u64::from(extent.length)).sum();
                    // Each run of data may begin within a block.
                    let edges = if entry.kind == Kind::Sparse { data().count() as u64 * block } else { 0 };
                    take(bytes + edges);
                }
            }
        }
        room
    }

    fn merge(&mut self, tree: &Tree, walked: &Walked) {
        for (index, entry) in tree.entries() {
            let found = self.found(index);
            let above_is_dir = entry.parent == NONE || {
                let above = self.found(entry.parent);
                above != NONE && walked.tree.entry(above).kind == Kind::Dir
            };
            let parent_staged = entry.parent != NONE && self.is_staged(entry.parent);
            // A name that is missing below a directory that is there; what is there stays, whatever it is.
            if parent_staged || (found == NONE && above_is_dir) {
                self.stage(index, parent_staged);
            }
        }
        for (index, entry) in tree.entries() {
            if entry.kind == Kind::Hardlink && self.is_staged(index) && !self.is_staged(entry.content) {
                self.stand_ins.entry(entry.content).or_insert(index);
            }
        }
    }

    /// The name under which the content of a built file is written; its other names are linked to that.
    pub(crate) fn first_name(&self, tree: &Tree, index: u32) -> u32 {
        let first = tree.resolve(index);
        self.stand_ins.get(&first).copied().unwrap_or(first)
    }

    /// The built entries that are no links to an earlier one.
    pub(crate) fn built<'a>(&'a self, tree: &'a Tree) -> impl Iterator<Item = u32> + 'a {
        let staged = tree.entries().map(|(index, _)| index).filter(|index| self.is_staged(*index));
        staged.filter(|index| self.first_name(tree, *index) == *index)
    }

    fn stage(&mut self, index: u32, parent_staged: bool) {
        self.staged[index as usize] = true;
        if !parent_staged {
            self.tops.insert(index);
        }
    }

    fn replace(&mut self, tree: &Tree, walked: &Walked) {
        let groups = Groups::new(tree, walked, &self.found, &self.known);
        for (index, entry) in tree.entries() {
            let parent_staged = entry.parent != NONE && self.is_staged(entry.parent);
            let found = self.found(index);
            if parent_staged || found == NONE {
                self.stage(index, parent_staged);
                continue;
            }
            let on_disk = walked.tree.entry(found);
            let first = tree.entry(tree.resolve(index));
            let disk_first = walked.tree.entry(walked.tree.resolve(found));
            let mut keep = match entry.kind {
                Kind::Dir => on_disk.kind == Kind::Dir,
                Kind::Symlink => on_disk.kind == Kind::Symlink && tree.target(index) == walked.tree.target(found),
                Kind::File | Kind::Sparse | Kind::Hardlink => groups.fit(tree.resolve(index)),
            };
            let adjust = keep && !first.is_kept_as(&disk_first);
            // A file that has names outside the tree, or is another user's, is not ours to change.
            let ours = !walked.stats.get(walked.tree.resolve(found)).foreign;
            if adjust && entry.kind != Kind::Dir && (!ours || groups.has_foreign_names(tree.resolve(index))) {
                keep = false;
            }
            if !keep {
                self.stage(index, false);
                if (entry.kind == Kind::Dir) != (on_disk.kind == Kind::Dir) {
                    self.trash.push(found);
                }
            } else if adjust {
                self.adjusted.push(tree.resolve(index));
            }
        }
        self.stage_whole_groups(tree);
    }

    /// A hard link group is built as a whole or not at all.
    fn stage_whole_groups(&mut self, tree: &Tree) {
        let links: Vec<(u32, u32)> = tree
            .entries()
            .filter(|(_, entry)| entry.kind == Kind::Hardlink)
            .map(|(index, entry)| (index, entry.content))
            .collect();
        let broken: BTreeSet<u32> = links
            .iter()
            .filter(|(index, first)| self.is_staged(*index) || self.is_staged(*first))
            .map(|(_, first)| *first)
            .collect();
        for (index, first) in links.into_iter().filter(|(_, first)| broken.contains(first)) {
            for member in [index, first] {
                if !self.is_staged(member) {
                    self.stage(member, false);
                }
            }
        }
        let staged = std::mem::take(&mut self.staged);
        self.adjusted.retain(|index| !staged[*index as usize]);
        self.staged = staged;
    }

    fn remove_extras(&mut self, tree: &Tree, walked: &Walked) {
        let mut wanted = vec![false; walked.tree.len() as usize];
        for (index, _) in tree.entries() {
            if self.found(index) != NONE {
                wanted[self.found(index) as usize] = true;
            }
        }
        // What is hidden in a directory stays, and so do the directories that lead to it.
        let mut leads = vec![false; wanted.len()];
        for hiding in &walked.hiding {
            let mut at = *hiding;
            while at != NONE && !std::mem::replace(&mut leads[at as usize], true) {
                at = walked.tree.entry(at).parent;
            }
        }
        let mut gone = vec![false; wanted.len()];
        for found in &self.trash {
            gone[*found as usize] = true;
        }
        for (index, entry) in walked.tree.entries() {
            if entry.parent != NONE && gone[entry.parent as usize] {
                gone[index as usize] = true;
            } else if !wanted[index as usize] && !leads[index as usize] {
                gone[index as usize] = true;
                self.trash.push(index);
            }
        }
    }

    /// Receipts of what stays: its content is known now.
    pub(crate) fn kept_receipts(&self, task: &Task<'_>, walked: Option<&Walked>) -> Vec<Receipt> {
        let tree = &task.manifest.tree;
        let mut receipts = vec![Receipt::default(); tree.len() as usize];
        let Some(walked) = walked.filter(|_| !self.known.is_empty()) else { return receipts };
        for (index, _) in tree.entries() {
            let found = self.found(index);
            if found != NONE && !self.is_staged(index) && self.is_known(tree, index) {
                receipts[index as usize] = walked.receipt(found);
            }
        }
        receipts
    }

    /// The same, when nothing is to be done. Those of a tree with just these entries are not copied.
    pub(crate) fn receipts_of_kept(&self, task: &Task<'_>, walked: Walked) -> Vec<Receipt> {
        let tree = &task.manifest.tree;
        let is_like = walked.tree.len() == tree.len() && self.known.len() == self.found.len();
        if !is_like || (0..tree.len()).any(|index| self.found(index) != index) {
            return self.kept_receipts(task, Some(&walked));
        }
        let (_, mut receipts) = walked.into_receipts();
        for (index, receipt) in (0..).zip(&mut receipts) {
            if !self.is_known(tree, index) {
                *receipt = Receipt::default();
            }
        }
        receipts
    }

    /// Whether what stays on disk has the content of entry `index`. Of a directory these are the names, which the walk speaks for:
    /// what is moved in or out of it later changes its times.
    fn is_known(&self, tree: &Tree, index: u32) -> bool {
        tree.entry(index).kind == Kind::Dir || self.known[tree.resolve(index) as usize]
    }

    /// Finds out what would fail half-way: directories that this user or a rename cannot change.
    ///
    /// # Errors
    /// [`SnapshotError::Io`] for the first of them.
    pub(crate) fn check(&self, task: &Task<'_>, walked: &Walked, parent_device: u64) -> Result<()> {
        let tree = &task.manifest.tree;
        let refuse = |index: u32, kind: ErrorKind, reason: &str| {
            let path = crate::dir::display(task.root, &walked.tree.path(index));
            Err(SnapshotError::io("change", path, std::io::Error::new(kind, reason)))
        };
        let touched: BTreeSet<u32> = self.touched(tree, walked).into_iter().map(|index| self.found(index)).collect();
        let adjusted = self.adjusted.iter().map(|index| self.found(*index));
        let set = touched.iter().copied().chain(adjusted).filter(|_| !task.merge);
        if let Some(foreign) = set.into_iter().find(|index| walked.stats.get(*index).foreign) {
            return refuse(foreign, ErrorKind::PermissionDenied, "it belongs to another user");
        }
        if let Some(foreign) = self.foreign_below_trash(walked) {
            return refuse(foreign, ErrorKind::PermissionDenied, "it belongs to another user");
        }
        // A directory without an inode to trust is on another file system than the root.
        let is_dir = |index: &u32| walked.tree.entry(*index).kind == Kind::Dir;
        let mut moved_at = touched.iter().chain(&self.trash).copied().chain(self.whole.then_some(0)).filter(is_dir);
        let mount = moved_at.find(|index| walked.device != parent_device || walked.stats.get(*index).inode == 0);
        match mount {
            Some(mount) => refuse(mount, ErrorKind::CrossesDevices, "it is on another file system than its parent"),
            None => Ok(()),
        }
    }

    /// A directory that must go and is another user's alone, so that it can be neither moved nor emptied. One that holds nothing,
    /// below another one that goes, needs neither.
    fn foreign_below_trash(&self, walked: &Walked) -> Option<u32> {
        let mut goes = vec![false; if self.trash.is_empty() { 0 } else { walked.tree.len() as usize }];
        self.trash.iter().for_each(|index| goes[*index as usize] = true);
        let is_closed = |index: u32| {
            let (entry, stat) = (walked.tree.entry(index), walked.stats.get(index));
            let is_shared = [0o003, 0o030].iter().any(|bits| entry.mode & bits == *bits);
            entry.kind == Kind::Dir && stat.foreign && !is_shared
        };
        for (index, entry) in walked.tree.entries().take(goes.len()) {
            let above_goes = entry.parent != NONE && goes[entry.parent as usize];
            if above_goes && is_closed(entry.parent) {
                return Some(entry.parent);
            }
            if goes[index as usize] && is_closed(index) {
                return Some(index);
            }
            goes[index as usize] |= above_goes;
        }
        None
    }

    /// The steps, in order.
    pub(crate) fn intent(&self, task: &Task<'_>, walked: Option<&Walked>, stage: &Stage) -> Intent {
        let tree = &task.manifest.tree;
        let place = |path: Vec<u8>| match path.is_empty() {
            true => stage.name().to_vec(),
            false => [stage.name(), b"/", &path].concat(),
        };
        let mut ops = Vec::new();
        let mut settled: BTreeSet<u32> = self.adjusted.iter().copied().collect();
        let walked = walked.filter(|_| !self.whole);
        if let Some(walked) = walked {
            let locked = self.locked(tree, walked);
            for &index in &locked {
                let mode = walked.tree.entry(index).mode | 0o700;
                ops.push(Op::Unlock { path: place(walked.tree.path(index)), mode });
            }
            for (number, index) in self.trash.iter().enumerate() {
                let was = Seen::of(walked, *index);
                let was = if locked.contains(index) { was.to_be_changed() } else { was };
                ops.push(Op::Trash { path: place(walked.tree.path(*index)), number: number as u32, was });
            }
            settled.extend(self.touched(tree, walked));
        }
        for top in &self.tops {
            let was = walked.map_or(Expected::Unseen, |walked| self.expected(task, walked, *top));
            ops.push(Op::Install { number: *top, path: place(tree.path(*top)), was });
            settled.extend(Some(*top).filter(|top| tree.entry(*top).kind == Kind::Dir));
        }
        let settled = if task.merge { self.tops.clone() } else { settled };
        let settled = settled.into_iter().rev().filter(|index| !task.merge || tree.entry(*index).kind == Kind::Dir);
        ops.extend(settled.map(|index| {
            let was = walked.filter(|_| !self.is_staged(index)).map(|walked| Seen::of(walked, self.found(index)));
            // Moves change a directory's times.
            let was = was.map(|was| if tree.entry(index).kind == Kind::Dir { was.to_be_changed() } else { was });
            adjust(tree, index, place(tree.path(index)), was)
        }));
        Intent { ops, merge: task.merge }
    }

    /// What the walk found where an entry is moved in, once what must go is gone.
    fn expected(&self, task: &Task<'_>, walked: &Walked, top: u32) -> Expected {
        let entry = task.manifest.tree.entry(top);
        let found = self.found(top);
        if found != NONE {
            // A directory and something else do not replace each other: what is there is moved out first.
            let goes = (entry.kind == Kind::Dir) != (walked.tree.entry(found).kind == Kind::Dir);
            return if goes { Expected::Nothing } else { Expected::Entry(Seen::of(walked, found)) };
        }
        let hides = entry.parent != NONE && walked.hiding.contains(&self.found(entry.parent));
        if hides || task.merge { Expected::Unseen } else { Expected::Nothing }
    }

    /// Kept directories of the snapshot in which something is moved in or out.
    fn touched(&self, tree: &Tree, walked: &Walked) -> BTreeSet<u32> {
        let mut on_disk = vec![NONE; walked.tree.len() as usize];
        for (index, _) in tree.entries().filter(|(index, _)| self.found(*index) != NONE) {
            on_disk[self.found(index) as usize] = index;
        }
        let installs = self.tops.iter().map(|top| tree.entry(*top).parent);
        let removals = self.trash.iter().map(|index| walked.tree.entry(*index).parent);
        let removals = removals.map(|parent| if parent == NONE { NONE } else { on_disk[parent as usize] });
        installs.chain(removals).filter(|index| *index != NONE && !self.is_staged(*index)).collect()
    }

    /// Directories on disk that this user may not change yet, though something in them, or they themselves, must move.
    fn locked(&self, tree: &Tree, walked: &Walked) -> BTreeSet<u32> {
        let touched = self.touched(tree, walked).into_iter().map(|index| self.found(index));
        let is_locked = |index: &u32| {
            let entry = walked.tree.entry(*index);
            entry.kind == Kind::Dir && entry.mode & 0o700 != 0o700
        };
        touched.chain(self.trash.iter().copied()).filter(|index| *index != NONE).filter(is_locked).collect()
    }
}

fn adjust(tree: &Tree, index: u32, path: Vec<u8>, was: Option<Seen>) -> Op {
    let entry = tree.entry(index);
    Op::Adjust { path, mode: (entry.kind != Kind::Symlink).then_some(entry.mode), mtime: entry.mtime, was }
}
