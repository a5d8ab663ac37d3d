//! Whether a tree is as a restore left it that was cut off past its intent. Only then may the rest be done: what somebody has
//! built in it since would be mixed with what is installed, and the tools would take it for current.
//!
//! Every place of a step that is not performed must show what the intent says. All else in the tree is judged by its time of
//! status change: whatever the restore did to it was before its last move, which the staging directory shows.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use sci_sys::fs::{self, AtFlags};
use sci_sys::io::Errno;

use super::apply::{Places, aside, exists, is_gone};
use super::expected::{Expected, Seen};
use super::intent::{Intent, Op};
use super::stage::Stage;
use crate::local::TICK;
use crate::tree::{Entry, Facts, Kind, Mtime, facts, walk};
use crate::{Excludes, Result, SnapshotError, pool};

/// Whether nobody but the restore has changed anything in the tree at `root`. A merge replaces and removes nothing: it always
/// may go on.
///
/// # Errors
/// [`SnapshotError::Io`] when that cannot be told.
pub(crate) fn is_untouched(stage: &Stage, intent: &Intent, root: &Path) -> Result<bool> {
    if intent.merge {
        return Ok(true);
    }
    let look = || -> Result<bool> {
        let state = State::new(stage, intent)?;
        Ok(state.places_are_untouched()? && state.tree_is_untouched(root)?)
    };
    match look() {
        // Who made something unreadable has changed it.
        Err(SnapshotError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => Ok(false),
        other => other,
    }
}

/// How far the restore came.
struct State<'a> {
    stage: &'a Stage,
    intent: &'a Intent,
    /// What has changed its status later than this, in nanoseconds since 1970, was changed by somebody else.
    last: i64,
    /// Places from which nothing was moved out yet though it should be, and into which nothing was moved.
    to_trash: HashSet<&'a [u8]>,
    to_install: HashSet<&'a [u8]>,
    /// What the restore sets without moving it.
    settings: HashMap<&'a [u8], Setting>,
}

/// Modes and times that are set at a place.
#[derive(Default)]
struct Setting {
    unlocked: bool,
    was: Option<Seen>,
    wanted: Option<Mtime>,
}

impl<'a> State<'a> {
    fn new(stage: &'a Stage, intent: &'a Intent) -> Result<Self> {
        let (to_trash, to_install) = (HashSet::new(), HashSet::new());
        // Times of one move come from a clock that may go on meanwhile.
        let last = stage.last_move()?.saturating_add(TICK);
        let mut state = Self { stage, intent, last, to_trash, to_install, settings: HashMap::new() };
        for op in &intent.ops {
            let path = op.path();
            match op {
                Op::Unlock { .. } => state.settings.entry(path).or_default().unlocked = true,
                Op::Trash { number, was, .. } => {
                    if !state.has(stage.trash_dir(), &number.to_string())? {
                        state.to_trash.insert(path);
                        state.settings.entry(path).or_default().was = Some(*was);
                    }
                }
                Op::Install { number, .. } => {
                    if state.has(stage.new_dir(), &number.to_string())? {
                        state.to_install.insert(path);
                    }
                }
                Op::Adjust { mtime, was, .. } => {
                    let setting = state.settings.entry(path).or_default();
                    (setting.was, setting.wanted) = (*was, Some(*mtime));
                }
            }
        }
        Ok(state)
    }

    fn has(&self, parts: sci_sys::fd::BorrowedFd<'_>, name: &str) -> Result<bool> {
        exists(parts, name).map_err(|error| SnapshotError::io("look at", self.stage.path(), error))
    }

    /// Whether everything is in its place, and only modes and times may be missing.
    fn is_adjusting(&self) -> bool {
        self.to_trash.is_empty() && self.to_install.is_empty()
    }

    fn places_are_untouched(&self) -> Result<bool> {
        let mut places = Places::new(self.stage.parent());
        for op in &self.intent.ops {
            let path = op.path();
            let fail =
                |error| SnapshotError::io("look at", self.stage.path().with_file_name(crate::dir::os(path)), error);
            let now = match op {
                Op::Trash { .. } if !self.to_trash.contains(path) => continue,
                // What is there goes first, and was looked at.
                Op::Install { .. } if !self.to_install.contains(path) || self.to_trash.contains(path) => continue,
                Op::Unlock { .. } | Op::Adjust { was: None, .. } => continue,
                _ => look_at(&mut places, path).map_err(fail)?,
            };
            let untouched = match (op, now) {
                (Op::Trash { was, .. }, Some(now)) => was.is_still(&Seen::now(&now)),
                (Op::Install { was: Expected::Entry(was), .. }, Some(now)) => was.is_still(&Seen::now(&now)),
                (Op::Install { was, .. }, Some(now)) => {
                    let may_be_there = *was == Expected::Unseen || Seen::now(&now).is_special();
                    may_be_there && now.stat.ctime <= self.last
                }
                (Op::Install { number, was, .. }, None) => {
                    // What was in the way may have been moved aside.
                    !matches!(was, Expected::Entry(_)) || self.has(self.stage.trash_dir(), &aside(*number))?
                }
                (Op::Adjust { was: Some(was), mtime, .. }, Some(now)) => self.is_kept(was, *mtime, &now),
                _ => false,
            };
            if !untouched {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether an entry that stays is the one that was found, whatever of mode and time is set.
    fn is_kept(&self, was: &Seen, wanted: Mtime, now: &Facts) -> bool {
        let found = Seen::now(now);
        // A directory's time changes with every move, and is looked at with the tree.
        let is_set = self.is_adjusting() && (wanted.is_kept_as(now.mtime) || was.mtime == now.mtime);
        was.is_still(&found) || was.is_entry(&found) && (was.is_dir() || is_set)
    }

    /// Whether everything in the tree, touched by a step or not, is older than the last move.
    fn tree_is_untouched(&self, root: &Path) -> Result<bool> {
        let name = self.stage.name();
        let Some(walked) = walk(root, &Excludes::default(), None, pool::default_threads())? else {
            return Ok(self.to_install.contains(name));
        };
        let is_young = |index: &u32| walked.stats.get(*index).ctime > self.last;
        let mut young = (0..walked.tree.len()).filter(is_young);
        Ok(young.all(|index| {
            let path = walked.tree.path(index);
            let path = if path.is_empty() { name.to_vec() } else { [name, b"/", &path].concat() };
            self.settings.get(path.as_slice()).is_some_and(|setting| self.explains(setting, walked.tree.entry(index)))
        }))
    }

    /// Whether an entry's status may have been changed after the last move by what the restore sets.
    fn explains(&self, setting: &Setting, entry: Entry) -> bool {
        let adjusted = setting.wanted.filter(|_| self.is_adjusting());
        let moved = entry.kind == Kind::Dir && entry.mtime.nanoseconds() <= self.last;
        let as_it_was = setting.was.is_some_and(|was| was.mtime == entry.mtime);
        let as_it_will_be = adjusted.is_some_and(|wanted| wanted.is_kept_as(entry.mtime));
        (setting.unlocked || adjusted.is_some()) && (moved || as_it_was || as_it_will_be)
    }
}

/// What is at a place now.
fn look_at(places: &mut Places<'_>, path: &[u8]) -> Result<Option<Facts>, Errno> {
    let found = places.find(path).and_then(|(parent, name)| fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW));
    match found {
        Ok(stat) => Ok(Some(facts(&stat))),
        Err(error) if is_gone(error) => Ok(None),
        Err(error) => Err(error),
    }
}
