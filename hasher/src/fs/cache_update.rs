//! What the stat cache remembers after a run: what was found in it, and what was remembered before and is not too old.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::ops::Range;

use super::cache::StatCache;
use super::cache_format::{Content, Directory, Entry, EntryKind, Known, Writer};
use super::stamp::Stamp;
use crate::Digest;

/// A file that so many rewrites in a row did not use is dropped: it is gone, or no pattern matches it any more.
const MAX_IDLE: u8 = 16;

/// A directory that a walk came through.
#[derive(Debug, Clone, Copy)]
pub struct Walked<'w> {
    /// Relative to the workspace, which is the empty path.
    pub path: &'w [u8],
    /// What may be remembered of it.
    pub names: &'w Names,
}

/// What may be remembered of a directory's names.
#[derive(Debug, Default)]
pub enum Names {
    /// What was remembered still holds.
    Unchanged,
    /// It was listed, and a later change will show.
    Listed(Listed),
    /// Nothing.
    #[default]
    Unknown,
}

/// The names in a directory, in any order.
#[derive(Debug)]
pub struct Listed {
    pub(super) stamp: Stamp,
    pub(super) names: Vec<u8>,
    pub(super) entries: Vec<(Range<usize>, EntryKind)>,
}

/// What a run found out of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact<'f> {
    pub(super) directory: &'f [u8],
    pub(super) name: &'f [u8],
    /// Its content, unless that must not be remembered.
    pub(super) content: Option<(Stamp, Digest)>,
    /// Whether it was remembered already.
    pub(super) is_known: bool,
}

/// The next file of a cache.
pub(super) fn merge(
    old: &StatCache,
    boot: Digest,
    walked: Option<&[Walked<'_>]>,
    facts: &[Fact<'_>],
) -> (Vec<u8>, Content) {
    let mut writer = Writer::new(boot);
    let (mut olds, mut walks, mut facts) = (&old.directories[..], walked.unwrap_or_default(), facts);
    loop {
        let heads = [
            olds.first().map(|directory| old.path(directory)),
            walks.first().map(|walk| walk.path),
            facts.first().map(|fact| fact.directory),
        ];
        let Some(path) = heads.into_iter().flatten().min() else { return writer.finish() };
        let before = take_first(&mut olds, |directory| old.path(directory) == path);
        let walk = take_first(&mut walks, |walk| walk.path == path);
        let (found, rest) = facts.split_at(facts.partition_point(|fact| fact.directory == path));
        facts = rest;
        let mut next = Next::of(old, before, walk.map(|walk| walk.names), walked.is_some());
        found.iter().for_each(|fact| next.learn(fact));
        next.write(&mut writer, path);
    }
}

fn take_first<'s, T>(from: &mut &'s [T], when: impl Fn(&T) -> bool) -> Option<&'s T> {
    let (first, rest) = from.split_first()?;
    when(first).then(|| {
        *from = rest;
        first
    })
}

/// What will be remembered of one directory.
struct Next<'n> {
    listed: Option<Stamp>,
    entries: BTreeMap<&'n [u8], (EntryKind, Option<Known>)>,
}

impl<'n> Next<'n> {
    /// What was remembered, as far as the walk confirms it.
    fn of(cache: &'n StatCache, before: Option<&'n Directory>, names: Option<&'n Names>, was_walked: bool) -> Self {
        let mut known = before.map(|before| cache.entries(before)).unwrap_or_default().map(|entry| {
            let known = entry.known.map(|known| Known { idle: known.idle.saturating_add(1), ..known });
            (entry.name, (entry.kind, known.filter(|known| known.idle < MAX_IDLE)))
        });
        let mut next = Self { listed: None, entries: BTreeMap::new() };
        match names {
            Some(Names::Listed(Listed { stamp, names, entries })) => {
                next.listed = Some(*stamp);
                next.entries = entries.iter().map(|(name, kind)| (&names[name.clone()], (*kind, None))).collect();
                for (name, (_, known)) in known {
                    if let Some((EntryKind::File, place)) = next.entries.get_mut(name) {
                        *place = known;
                    }
                }
            }
            Some(Names::Unchanged) => {
                next.listed = before.and_then(|before| before.listed);
                next.entries.extend(&mut known);
            }
            // Nobody has looked.
            None if !was_walked => {
                next.listed = before.and_then(|before| before.listed);
                next.entries.extend(&mut known);
            }
            Some(Names::Unknown) | None => next.entries.extend(&mut known),
        }
        next
    }

    /// In a directory that is listed, a file that came after that is passed over: the directory will be listed again.
    fn learn(&mut self, fact: &Fact<'n>) {
        let known = fact.content.map(|(stamp, digest)| Known { stamp, digest, idle: 0 });
        match self.entries.entry(fact.name) {
            Place::Occupied(mut entry) => {
                if let (EntryKind::File, place) = entry.get_mut() {
                    *place = known;
                }
            }
            Place::Vacant(entry) => {
                if self.listed.is_none() {
                    entry.insert((EntryKind::File, known));
                }
            }
        }
    }

    fn write(mut self, writer: &mut Writer, path: &[u8]) {
        if self.listed.is_none() {
            self.entries.retain(|_, (_, known)| known.is_some());
            if self.entries.is_empty() {
                return;
            }
        }
        writer.directory(path, self.listed.as_ref());
        for (name, (kind, known)) in &self.entries {
            writer.entry(&Entry { name, kind: *kind, known: *known });
        }
    }
}
