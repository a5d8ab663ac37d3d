//! The one walk of the workspace that every pattern shares.

mod assemble;
mod listing;
mod rules;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use sci_hasher::fs::StatCache;

use super::tree::Tree;
use crate::config::DeclaredPath;

use listing::{Lister, Listing, Place};

/// As many directories as must wait before a second thread is worth its start.
const SHARED: usize = 16;

/// What a walk goes through, and what it looks for.
pub(crate) struct Search<'a> {
    /// The workspace.
    pub(crate) root: &'a Path,
    /// Workspace paths, which are no inputs.
    pub(crate) outputs: &'a [DeclaredPath],
    /// What is remembered of the workspace.
    pub(crate) cache: Option<&'a StatCache>,
    /// Whether a file's content will probably be asked for: then it is best read now.
    pub(crate) likely: &'a (dyn Fn(&[u8]) -> bool + Sync),
}

/// Walks the workspace.
///
/// Of all ignore rules only the `.gitignore` files inside the workspace count, because the others differ between machines; in a
/// repository within the workspace, only its own.
/// Hidden files are seen, submodules walked, symlinks not followed; `.git`, sci's own and workspace paths skipped.
///
/// A directory that cannot be read is remembered, since what it holds would be missing from keys.
pub(crate) fn walk(search: &Search<'_>, threads: usize) -> Tree {
    let walker = Walker { search, state: Mutex::default(), ready: Condvar::new() };
    walker.add(vec![Place::root()]);
    walker.run(SHARED);
    if threads > 1 && !walker.lock().waiting.is_empty() {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| walker.run(usize::MAX));
            }
            walker.run(usize::MAX);
        });
    }
    walker.run(usize::MAX);
    let State { listings, unreadable, .. } = walker.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    Tree::new(search.root.to_owned(), assemble::in_order(listings), unreadable, search.outputs.to_vec())
}

#[derive(Default)]
struct State {
    /// Directories that are to be listed.
    waiting: Vec<Place>,
    /// Directories that wait, or are being listed.
    outstanding: usize,
    /// Directories found so far: the number of the next listing.
    found: usize,
    /// What was listed, with its number.
    listings: Vec<(usize, Listing)>,
    unreadable: BTreeMap<Vec<u8>, String>,
    /// Threads that wait for a directory.
    idle: usize,
}

struct Walker<'a> {
    search: &'a Search<'a>,
    state: Mutex<State>,
    ready: Condvar,
}

impl Walker<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds directories, which are given their numbers in this order.
    fn add(&self, places: Vec<Place>) {
        self.lock().add(places);
    }

    /// Lists directories until none is left, or `most` are waiting.
    fn run(&self, most: usize) {
        let mut lister = Lister::new(self.search);
        let mut state = self.lock();
        loop {
            if state.waiting.len() >= most {
                return;
            }
            if let Some(place) = state.waiting.pop() {
                drop(state);
                let listed = lister.list(&place);
                state = self.lock();
                self.finish(&mut state, place, listed);
            } else if state.outstanding == 0 {
                self.ready.notify_all();
                return;
            } else {
                state.idle += 1;
                state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }

    fn finish(&self, state: &mut State, place: Place, listed: Result<(Listing, Vec<Place>), String>) {
        match listed {
            Ok((mut listing, places)) => {
                listing.number_from(state.found);
                state.add(places);
                state.listings.push((place.number, listing));
            }
            Err(reason) => {
                state.unreadable.insert(place.path, reason);
            }
        }
        state.outstanding -= 1;
        if state.idle > 0 && (!state.waiting.is_empty() || state.outstanding == 0) {
            self.ready.notify_all();
        }
    }
}

impl State {
    fn add(&mut self, places: Vec<Place>) {
        for mut place in places {
            place.number = self.found;
            self.found += 1;
            self.outstanding += 1;
            self.waiting.push(place);
        }
    }
}
